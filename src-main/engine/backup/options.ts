/** What a backup is told. Every default stands in BACKUP_DEFAULTS; nothing below has one of its own. */
import type { WriterId } from '../../../src-shared/ids.ts';
import type { Progress } from '../../../src-shared/model/index.ts';

export type BackupOptions = {
  /** Absolute paths of the sources, raw bytes. */
  readonly sources: readonly Buffer[];
  readonly excludes: readonly string[];
  /** Contents of files with one pattern a line. */
  readonly excludeFiles: readonly string[];
  readonly excludeLargerThanBytes: number | undefined;
  readonly oneFileSystem: boolean;
  readonly symlinks: 'store' | 'follow';
  readonly tags: readonly string[];
  readonly note: string;
  /** Reads every file again, whatever its size and time say. */
  readonly reread: boolean;
  /** Folders that are never part of a backup: the repository itself, CAIRN_HOME. */
  readonly excludedRealPaths: readonly string[];
  /** Threads that read, hash and compress once a backup is large. 0: none. */
  readonly workers: number;
  readonly host: string;
  readonly user: string;
  readonly writerId: WriterId;
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal | undefined;
};

export const BACKUP_DEFAULTS = {
  excludes: [],
  excludeFiles: [],
  excludeLargerThanBytes: undefined,
  oneFileSystem: false,
  symlinks: 'store',
  tags: [],
  note: '',
  reread: false,
  excludedRealPaths: [],
  workers: 2,
  onProgress: () => undefined,
  signal: undefined,
} as const satisfies Partial<BackupOptions>;
