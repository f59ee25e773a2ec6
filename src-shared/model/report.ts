/** What a finished operation says about itself. */
import type { Problem } from '../errors.ts';
import type { FigureSummary } from './metrics.ts';
import type { SnapshotKind, SnapshotStats } from './snapshot.ts';

export type InitReport = {
  readonly repositoryId: string;
  readonly instanceId: string;
  readonly encrypted: boolean;
  /** Shown once; it is not kept anywhere in readable form. */
  readonly recoveryKey?: string;
};

export type BackupReport = SnapshotStats & {
  readonly snapshotId: string;
  readonly parentId: string | null;
  readonly chainId: string;
  readonly sequence: number;
  readonly kind: SnapshotKind;
  readonly rootNodeId: string;
  readonly problems: readonly Problem[];
  readonly durationMs: number;
};

export type RestoreReport = {
  readonly restored: number;
  readonly unchanged: number;
  readonly skipped: number;
  readonly replaced: number;
  readonly removed: number;
  readonly bytes: number;
  readonly conflicts: readonly string[];
  readonly problems: readonly Problem[];
  /** Where what was replaced or removed is kept, when that was asked for and there was something. */
  readonly safetyFolders?: readonly string[];
  /** What to name to take this restore back; absent where it changed nothing. */
  readonly undoId?: string;
};

/** Of a restore that was taken back. What somebody had changed since is among the problems, and not lost. */
export type UndoReport = {
  readonly broughtBack: number;
  readonly removed: number;
  readonly problems: readonly Problem[];
};

/** A restore that can be taken back. */
export type UndoableRestore = { readonly undoId: string; readonly time: string };

/** What kind of file of a repository is damaged, or which promise does not hold. */
export type DamageKind =
  | 'config'
  | 'instance'
  | 'reserve'
  | 'key'
  | 'pack'
  | 'commit'
  | 'index'
  | 'snapshot'
  | 'event'
  | 'condemnation'
  | 'session'
  /** What is saved of a backup set for a new computer: no data. */
  | 'set'
  | 'missing-blob'
  | 'tree'
  | 'node'
  | 'unknown-file';

export type Damage = {
  readonly file: string;
  readonly kind: DamageKind;
  readonly message: string;
  readonly snapshots: readonly string[];
  readonly paths: readonly string[];
};

export type VerifyReport = {
  readonly ok: boolean;
  readonly checked: {
    readonly packs: number;
    readonly segments: number;
    readonly blobs: number;
    readonly nodes: number;
    readonly snapshots: number;
  };
  /** How much of what is there was looked at. */
  readonly coverage?: {
    /** Of packs and commit files: read whole, and there. */
    readonly bytes: number;
    readonly bytesTotal: number;
    /** Distinct contents of files of several chunks: hashed as a whole, and left for another time. */
    readonly contents: number;
    readonly contentsLeft: number;
  };
  readonly damage: readonly Damage[];
};

/** Where a long operation stands; sent at most ten times a second. Totals are 0 while they are not known. */
export type Progress = {
  readonly phase: 'scan' | 'backup' | 'publish' | 'restore' | 'verify';
  readonly files: number;
  readonly bytes: number;
  readonly filesTotal: number;
  readonly bytesTotal: number;
  readonly current: string;
  /** Of a backup: bytes of `bytes` that had to be read; the others were recognised as unchanged. */
  readonly bytesRead?: number;
};

export type KeyInfo = {
  readonly id: string;
  readonly type: 'password' | 'recovery';
  readonly label: string;
  readonly createdAt: string;
  readonly current: boolean;
};

export type DoctorFinding = {
  readonly check: string;
  readonly verdict: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  readonly advice: string;
};

export type RepositoryStats = {
  readonly repository: {
    readonly repositoryId: string;
    readonly encrypted: boolean;
    readonly snapshots: number;
    readonly chains: number;
    readonly packs: number;
    readonly commitFiles: number;
    readonly indexRuns: number;
    readonly blobs: number;
    readonly uniqueBytes: number;
    readonly storedBytes: number;
    /** Plaintext of every unique blob divided by what it takes on disk. */
    readonly compressionRatio: number;
    /** Sum of the file sizes in all snapshots divided by the plaintext of every unique blob. */
    readonly deduplicationRatio: number;
  };
  readonly engine: Readonly<Record<string, number>>;
  readonly backups: {
    readonly total: number;
    readonly full: number;
    readonly incremental: number;
    /** Of those in the figures of the last week; runs of the command line are not among them. */
    readonly failed: number;
    readonly meanDurationMs: number;
    /** What an incremental one added to the destination. */
    readonly meanDeltaBytes: number;
  };
  /** What this computer noted in the last week, of all its repositories. */
  readonly figures: readonly FigureSummary[];
  readonly runs: readonly { readonly snapshotId: string; readonly time: string; readonly stats: SnapshotStats }[];
};
