/** What a restore is told, and what it counts. Every default stands in RESTORE_DEFAULTS. */
import type { Progress } from '../../../src-shared/model/index.ts';
import type { UndoOptions } from './undo-recorder.ts';

export type OverwriteMode = 'if-changed' | 'always' | 'if-newer' | 'never' | 'keep-both';

/** Where a restore changes its way of working. The defaults suit every machine; tests lower them. */
export type RestoreTuning = {
  /** Threads; undefined: one for each processor. 0: none. */
  readonly workers: number | undefined;
  /** Threads are started for so many files, or so many bytes. */
  readonly workersFromFiles: number;
  readonly workersFromBytes: number;
  /** Files that are planned together. */
  readonly batchFiles: number;
  /** A larger file is written in windows by all threads, and compared with an older one that is there. */
  readonly largeFromBytes: number;
  /** Folders that may be open at once; undefined: what the system allows, within reason. */
  readonly foldersOpen: number | undefined;
};

export const RESTORE_TUNING: RestoreTuning = {
  workers: undefined,
  // A thread is ready after 50 ms, in which one alone writes a thousand small files.
  workersFromFiles: 1000,
  workersFromBytes: 32 * 1024 * 1024,
  batchFiles: 2048,
  largeFromBytes: 16 * 1024 * 1024,
  foldersOpen: undefined,
};

export type RestoreOptions = {
  /** Path in the snapshot, raw bytes; empty for everything. */
  readonly path: Uint8Array;
  /** Where to; undefined for the original place. */
  readonly target: Buffer | undefined;
  readonly includes: readonly string[];
  readonly excludes: readonly string[];
  readonly overwrite: OverwriteMode;
  /** Removes what is in a restored folder and not in the snapshot. */
  readonly delete: boolean;
  readonly dryRun: boolean;
  /** Owner and set-id bits are restored too: only root may. */
  readonly restoreOwner: boolean;
  /** Cairn's own folders, the repository and CAIRN_HOME: never removed, replaced or written into. */
  readonly ownFolders: readonly string[];
  /** Keeps what is replaced or removed, and writes down what was done. Nothing of that in a dry run. */
  readonly undo: UndoOptions | undefined;
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal | undefined;
  readonly tuning: RestoreTuning;
};

export const RESTORE_DEFAULTS = {
  path: new Uint8Array(),
  target: undefined,
  includes: [],
  excludes: [],
  overwrite: 'if-changed',
  delete: false,
  dryRun: false,
  ownFolders: [],
  undo: undefined,
  onProgress: () => undefined,
  signal: undefined,
  tuning: RESTORE_TUNING,
} as const satisfies Partial<RestoreOptions>;
