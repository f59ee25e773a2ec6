/** What a backup is told. Every default stands in BACKUP_DEFAULTS; nothing below has one of its own. */
import type { WriterId } from '../../../src-shared/ids.ts';
import type { Progress } from '../../../src-shared/model/index.ts';
import type { SourceRules } from '../snapshot/index.ts';
import { type ExcludeFile, type FilterOptions, patternsIn } from '../source/index.ts';

/** Which folder stood where: see service/folder-memory.ts. The backup asks about what was, and says what it sees. */
export type FolderNotes = {
  readonly has: (path: Uint8Array, inode: bigint, page: Uint8Array) => boolean;
  readonly note: (path: Uint8Array, inode: bigint, page: Uint8Array) => void;
};

export type BackupOptions = {
  /** Absolute paths of the sources, raw bytes. */
  readonly sources: readonly Buffer[];
  /** Those of which only an empty place is left now: what the parent snapshot has of them is carried on. */
  readonly absentSources: readonly Buffer[];
  readonly excludes: readonly string[];
  /** Files with one pattern a line, or only their contents. */
  readonly excludeFiles: readonly (string | ExcludeFile)[];
  readonly excludeLargerThanBytes: number | undefined;
  readonly oneFileSystem: boolean;
  /** Follow the .cairnignore, or .gitignore, files met on the way. */
  readonly cairnignore: boolean;
  readonly gitignore: boolean;
  /** Leave out the contents of folders with a CACHEDIR.TAG. */
  readonly excludeCaches: boolean;
  /** Names; leave out the contents of folders in which something of such a name lies. */
  readonly excludeIfPresent: readonly string[];
  readonly symlinks: 'store' | 'follow';
  readonly tags: readonly string[];
  readonly note: string;
  /** Reads every file again, whatever its size and time say. */
  readonly reread: boolean;
  /** Folders that are never part of a backup: the repository itself, CAIRN_HOME. */
  readonly excludedRealPaths: readonly string[];
  /** Threads that list and read folders, and as many segments compressed at a time. 0: everything on one thread. */
  readonly workers: number;
  /** From so many files, or a quarter as many folders, on threads are started: a small backup must not wait for them. */
  readonly lanesFromFiles: number;
  /** Bytes a second read from the sources, at most. Writing is limited in the store (engine.ts). */
  readonly readBytesPerSecondMax: number | undefined;
  /** Undefined: a folder counts as the one that stood there before. */
  readonly folders: FolderNotes | undefined;
  readonly host: string;
  readonly user: string;
  readonly writerId: WriterId;
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal | undefined;
};

export const BACKUP_DEFAULTS = {
  absentSources: [],
  excludes: [],
  excludeFiles: [],
  excludeLargerThanBytes: undefined,
  oneFileSystem: false,
  cairnignore: true,
  gitignore: false,
  excludeCaches: false,
  excludeIfPresent: [],
  symlinks: 'store',
  tags: [],
  note: '',
  reread: false,
  excludedRealPaths: [],
  workers: 2,
  lanesFromFiles: 256,
  readBytesPerSecondMax: undefined,
  folders: undefined,
  onProgress: () => undefined,
  signal: undefined,
} as const satisfies Partial<BackupOptions>;

/** The part of the options that says what is left out. */
export type RuleOptions = Pick<
  BackupOptions,
  | 'excludes'
  | 'excludeFiles'
  | 'excludeLargerThanBytes'
  | 'oneFileSystem'
  | 'cairnignore'
  | 'gitignore'
  | 'excludeCaches'
  | 'excludeIfPresent'
  | 'excludedRealPaths'
>;

/** What a filter is told for one source. `rootDevice` is the device of its root. */
export function filterOptionsOf(options: RuleOptions, rootDevice: bigint): FilterOptions {
  const { excludes, excludeFiles, excludeLargerThanBytes, oneFileSystem, excludedRealPaths } = options;
  const { cairnignore, gitignore, excludeCaches, excludeIfPresent } = options;
  return {
    ...{ excludes, excludeFiles, excludedRealPaths, cairnignore, gitignore, excludeCaches, excludeIfPresent },
    ...(excludeLargerThanBytes === undefined ? {} : { excludeLargerThanBytes }),
    ...(oneFileSystem ? { oneFileSystemDevice: rootDevice } : {}),
  };
}

/** Names of the ignore files that are followed, in name order. */
export function ignoreFileNames({ cairnignore, gitignore }: RuleOptions): readonly Buffer[] {
  return [...(cairnignore ? ['.cairnignore'] : []), ...(gitignore ? ['.gitignore'] : [])].map((name) =>
    Buffer.from(name),
  );
}

/** The rules as a snapshot keeps them. */
export function rulesRecordOf(options: RuleOptions & Pick<BackupOptions, 'symlinks'>): SourceRules {
  const { cairnignore, gitignore, excludeCaches, excludeIfPresent } = options;
  return {
    excludes: [...options.excludes, ...options.excludeFiles.flatMap(patternsIn)],
    excludeLargerThanBytes: options.excludeLargerThanBytes ?? 0,
    oneFileSystem: options.oneFileSystem,
    symlinks: options.symlinks,
    ...(cairnignore ? { cairnignore } : {}),
    ...(gitignore ? { gitignore } : {}),
    ...(excludeCaches ? { excludeCaches } : {}),
    ...(excludeIfPresent.length > 0 ? { excludeIfPresent } : {}),
  };
}
