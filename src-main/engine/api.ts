/**
 * What the engine offers to a host: the command line, the app and tests speak to it through this and nothing else.
 *
 * Paths go in as raw bytes and come out as escaped text. Everything long takes an AbortSignal and tells its progress.
 */
import type {
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
  SnapshotSummary,
  TreeDiff,
  VerifyReport,
} from '../../src-shared/model/index.ts';
import type { Log } from './kernel/index.ts';

export type Password = { readonly kind: 'password'; readonly password: string };
/** As a person types it, with or without dashes and spaces. */
export type RecoveryKeyText = { readonly kind: 'recovery'; readonly recoveryKey: string };
export type Secret = Password | RecoveryKeyText;

export type EngineOptions = {
  /** Holds all local state. */
  readonly home: string;
  readonly log: Log;
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

export type BackupRequest = Watching & {
  /** Absolute paths, raw bytes. */
  readonly sources: readonly Buffer[];
  readonly excludes?: readonly string[];
  /** Paths of files with one pattern a line. */
  readonly excludeFiles?: readonly string[];
  readonly excludeLargerThanBytes?: number;
  readonly oneFileSystem?: boolean;
  readonly symlinks?: 'store' | 'follow';
  readonly tags?: readonly string[];
  readonly note?: string;
  readonly reread?: boolean;
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
};

export type VerifyDepth =
  { readonly kind: 'quick' } | { readonly kind: 'sample'; readonly percent: number } | { readonly kind: 'deep' };

export type OpenRepository = {
  backup(request: BackupRequest): Promise<BackupReport>;
  snapshots(): Promise<readonly SnapshotSummary[]>;
  chains(): Promise<readonly ChainSummary[]>;
  /** The entries of a folder in name order (with `recursive` all below it), or the one entry that is not a folder. */
  list(from: PathInSnapshot, options: { readonly recursive: boolean }): AsyncGenerator<ListedEntry>;
  /** The bytes of a file, checked, piece by piece. */
  cat(from: PathInSnapshot): AsyncGenerator<Uint8Array>;
  restore(request: RestoreRequest): Promise<RestoreReport>;
  verify(request: Watching & { readonly depth: VerifyDepth }): Promise<VerifyReport>;
  /** `after` may be the text `live`: then the sources as they are now. `path` limits it, empty for everything. */
  diff(before: string, after: string, path: Uint8Array): Promise<TreeDiff>;
  /** Entries whose name or path matches a glob, over all snapshots. */
  find(pattern: string): Promise<readonly FileVersion[]>;
  versions(path: Uint8Array): Promise<readonly FileVersion[]>;
  stats(): Promise<RepositoryStats>;
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
  /** Works without a repository too. */
  doctor(
    repository: string | undefined,
    secret: (() => Promise<Secret>) | undefined,
  ): Promise<readonly DoctorFinding[]>;
};
