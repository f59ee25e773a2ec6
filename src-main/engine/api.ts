/**
 * What the engine offers to a host: the command line, the app and tests speak to it through this and nothing else.
 *
 * Paths go in as raw bytes and come out as escaped text. Everything long takes an AbortSignal and tells its progress.
 */
import type {
  BackupPlan,
  BackupReport,
  ChainSummary,
  DoctorFinding,
  FileVersion,
  InitReport,
  KeyInfo,
  ListedEntry,
  Progress,
  RepositoryStats,
  RestoreReport,
  CatalogPage,
  SnapshotSummary,
  StoredSet,
  TreeDiff,
  UndoReport,
  UndoableRestore,
  UnreadableFolder,
  VerifyReport,
} from '../../src-shared/model/index.ts';
import type { LiveReport } from './backup/index.ts';
import type { FolderRow } from './browse/index.ts';
import type { Catalog, SearchRequest, TakenIn } from './catalog/index.ts';
import type { Clock, Log } from './kernel/index.ts';
import type { FigureSink } from './service/index.ts';

export type { LiveReport };

export type Password = { readonly kind: 'password'; readonly password: string };
/** As a person types it, with or without dashes and spaces. */
export type RecoveryKeyText = { readonly kind: 'recovery'; readonly recoveryKey: string };
export type Secret = Password | RecoveryKeyText;

export type EngineOptions = {
  /** Holds all local state. */
  readonly home: string;
  readonly log: Log;
  /** The system's unless told otherwise. */
  readonly clock?: Clock;
  /** Makes finding and searching fast. Whoever opened it closes it. Absent: every question is a walk. */
  readonly catalog?: Catalog;
  /** Told what each backup took, by name (service/figures.ts). */
  readonly figure?: FigureSink;
};

export type InitRequest = {
  readonly repository: string;
  /** Absent: not encrypted. */
  readonly password?: string;
  /** “zstd:3”, “lz4”, “gzip”, “none”. */
  readonly compression: string;
  /** scrypt's N as a power of two; tests only. */
  readonly kdfCost?: number;
};

export type Watching = { readonly onProgress?: (progress: Progress) => void; readonly signal?: AbortSignal };

/** What is left out of a backup, and by whom that is said. A backup set keeps the same. */
export type BackupRules = {
  readonly excludes?: readonly string[];
  /** Paths of files with one pattern a line. */
  readonly excludeFiles?: readonly string[];
  readonly excludeLargerThanBytes?: number;
  readonly oneFileSystem?: boolean;
  /** Follow the .cairnignore files met on the way. Default true. */
  readonly cairnignore?: boolean;
  /** Follow the .gitignore files met on the way. */
  readonly gitignore?: boolean;
  /** Leave out the contents of folders with a CACHEDIR.TAG. */
  readonly excludeCaches?: boolean;
  /** Leave out the contents of folders in which something of one of these names lies. */
  readonly excludeIfPresent?: readonly string[];
};

/** How much of the computer a backup takes. */
export type BackupLimits = {
  /** Threads that read, hash and compress. 0: none. */
  readonly workers?: number;
  readonly readBytesPerSecondMax?: number;
  readonly writeBytesPerSecondMax?: number;
  /** Lets every other program go first: processor, and on Linux disks. For the whole process and for good. */
  readonly lowPriority?: boolean;
};

export type PlanRequest = Watching &
  BackupRules & {
    /** Absolute paths, raw bytes. */
    readonly sources: readonly Buffer[];
    readonly symlinks?: 'store' | 'follow';
    readonly reread?: boolean;
  };

export type BackupRequest = PlanRequest &
  BackupLimits & {
    /** Those of which only an empty place is left now (a drive that is not connected): they stay as they were. */
    readonly absentSources?: readonly Buffer[];
    readonly tags?: readonly string[];
    readonly note?: string;
  };

/** Where it is known in which folders something may have changed since a snapshot. */
export type ChangedFolders = {
  /** The whole id of the snapshot. */
  readonly since: string;
  /** Absolute paths, raw bytes. */
  readonly folders: readonly Buffer[];
  /**
   * Some of it happened while everything was looked at, perhaps between two names of one file: then the snapshot has what
   * came before under one of them, and what came after under the other.
   */
  readonly areLinksInDoubt?: boolean;
};

/** `snapshot` is `latest`, `latest~N` or an id prefix; `path` raw bytes as in SNAP:PATH, empty for everything. */
export type PathInSnapshot = { readonly snapshot: string; readonly path: Uint8Array };

export type OverwriteMode = 'if-changed' | 'always' | 'if-newer' | 'never' | 'keep-both';

export type RestoreRequest = Watching & {
  readonly from: PathInSnapshot;
  /** Absent: to the original place. */
  readonly target?: Buffer;
  readonly includes?: readonly string[];
  readonly excludes?: readonly string[];
  readonly overwrite?: OverwriteMode;
  readonly delete?: boolean;
  readonly dryRun?: boolean;
  /** What is replaced or removed goes into a dated safety folder, and the restore can be taken back. */
  readonly keepReplaced?: boolean;
  /** With keepReplaced: told before anything is changed. The id leads nowhere when nothing was changed in the end. */
  readonly onUndoable?: (undoId: string) => void;
};

export type VerifyDepth =
  { readonly kind: 'quick' } | { readonly kind: 'sample'; readonly percent: number } | { readonly kind: 'deep' };

/**
 * Told of each stored folder that is damaged or missing. Without it, the first one ends the call with its error; with it,
 * the rest is found all the same, and whoever asked says that it is not all.
 */
export type OnUnreadable = (folder: UnreadableFolder) => void;

export type { FolderRow };
export type CatalogUpdate = {
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
  /** Tries snapshots again that could not be read whole: after a repair. */
  readonly retries?: boolean;
};

export type OpenRepository = {
  backup(request: BackupRequest): Promise<BackupReport>;
  /** Backs up what changed, and costs what these folders and those above them hold. */
  backUpChanges(request: BackupRequest, changed: ChangedFolders): Promise<LiveReport>;
  /** What a backup would do now, compared with its parent. Writes nothing. */
  planBackup(request: PlanRequest): Promise<BackupPlan>;
  snapshots(): Promise<readonly SnapshotSummary[]>;
  chains(): Promise<readonly ChainSummary[]>;
  /** The entries of a folder in name order (with `recursive` all below it), or the one entry that is not a folder. */
  list(
    from: PathInSnapshot,
    options: { readonly recursive: boolean; readonly onUnreadable?: OnUnreadable },
  ): AsyncGenerator<ListedEntry>;
  /** The entries of one folder as a list of very many needs them, some at a time, in the order of their raw names. */
  listFolder(from: PathInSnapshot, onUnreadable: OnUnreadable): AsyncGenerator<readonly FolderRow[]>;
  /** The bytes of a file, checked, piece by piece. */
  cat(from: PathInSnapshot): AsyncGenerator<Uint8Array>;
  restore(request: RestoreRequest): Promise<RestoreReport>;
  verify(request: Watching & { readonly depth: VerifyDepth }): Promise<VerifyReport>;
  /** `after` may be the text `live`: then the sources as they are now. `path` limits it, empty for everything. */
  diff(before: string, after: string, path: Uint8Array): Promise<TreeDiff>;
  /** Entries whose name or path matches a glob, over all snapshots. */
  find(pattern: string, onUnreadable?: OnUnreadable): Promise<readonly FileVersion[]>;
  versions(path: Uint8Array, onUnreadable?: OnUnreadable): Promise<readonly FileVersion[]>;
  /** Part of a name, or a pattern, over all snapshots that the catalog knows; undefined where there is no catalog of it. */
  search(request: SearchRequest): Promise<CatalogPage | undefined>;
  /**
   * Takes into the catalog what it does not know of this repository, and lets it forget what is gone: after a backup, after
   * opening. Makes one where there is none. Undefined where none can be used.
   */
  updateCatalog(request?: CatalogUpdate): Promise<TakenIn | undefined>;
  /** `figures`: those that this computer noted too; to sum them up takes a moment. */
  stats(options?: { readonly figures: boolean }): Promise<RepositoryStats>;
  /** Backup sets that are saved in it, so that a new computer can go on with them; the newest first. */
  storedSets(): Promise<readonly StoredSet[]>;
  /** Saves a set where what is saved differs; whether it was written. */
  storeSet(set: StoredSet): Promise<boolean>;
  keys(): Promise<readonly KeyInfo[]>;
  /** Adds a password; returns its id. */
  addPassword(password: string, label: string, kdfCost?: number): Promise<string>;
  /** Adds a recovery key and returns it: it is shown once. */
  addRecoveryKey(label: string): Promise<{ readonly id: string; readonly recoveryKey: string }>;
  /** By id prefix of at least 4 characters. */
  removeKey(idPrefix: string): Promise<void>;
  /** Replaces the key that opened this repository by a new password. */
  changePassword(password: string, kdfCost?: number): Promise<string>;
  readonly encrypted: boolean;
  close(): Promise<void>;
};

export type Engine = {
  init(request: InitRequest): Promise<InitReport>;
  /** `secret` is asked only where the repository is encrypted. */
  open(repository: string, secret: () => Promise<Secret>): Promise<OpenRepository>;
  /** As of an open repository, but without one: every file is new. `repository` is its folder, to be left out. */
  planBackup(request: PlanRequest, repository?: string): Promise<BackupPlan>;
  /** Restores with `keepReplaced` that were not taken back, newest first. */
  undoableRestores(): Promise<readonly UndoableRestore[]>;
  /** Needs no repository: what comes back lies in the safety folder. */
  undoRestore(undoId: string, watching?: Watching): Promise<UndoReport>;
  /** Works without a repository too. */
  doctor(
    repository: string | undefined,
    secret: (() => Promise<Secret>) | undefined,
  ): Promise<readonly DoctorFinding[]>;
};
