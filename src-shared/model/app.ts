/**
 * What the app shows besides the engine's own records: places on this computer, backup sets, destinations, jobs, runs.
 * Plain data, safe to send. Paths are escaped text for people; whatever names a place on this computer in a request is a
 * handle that the engine gave out.
 */
import type { Problem, WireError } from '../errors.ts';
import type { BackupReport, Damage, DamageKind, Progress, RestoreReport, UndoReport, VerifyReport } from './report.ts';
import type { DayOfRuns, Live, Upcoming } from './live.ts';
import type { RuleOrigin } from './rules.ts';
import type { PausedUntil, Schedule } from './schedule.ts';
import type { EntryType } from './tree.ts';
import type { ChainSummary, SnapshotKind } from './snapshot.ts';

/** Where the app runs and what that allows. A control whose capability is missing is not shown. */
export type AppInfo = {
  readonly version: string;
  readonly host: 'electron' | 'headless';
  readonly platform: string;
  /** A dialog of the system for folders; else folders are browsed in the window. */
  readonly folderDialog: boolean;
  /** Opens a folder in the system's file manager. */
  readonly reveal: boolean;
  /** “weak”: the system would keep passwords readable for everyone who sits here, so Cairn does not use it. */
  readonly keychain: 'ready' | 'weak' | 'none';
  readonly startAtLogin: boolean;
  readonly tray: boolean;
  /** The command line's name on this computer, for “the same on the command line”. */
  readonly cliCommand: string;
};

// --- places -------------------------------------------------------------------------------------------------------

export type PlaceKind =
  'folder' | 'home' | 'documents' | 'pictures' | 'desktop' | 'projects' | 'downloads' | 'music' | 'videos' | 'drive';

/** A folder of this computer. `handle` is random, of this engine process, and means nothing elsewhere. */
export type Place = {
  readonly handle: string;
  readonly path: string;
  readonly name: string;
  readonly kind: PlaceKind;
};

export type FolderListing = {
  readonly place: Place;
  readonly parent: Place | null;
  readonly folders: readonly Place[];
  /** There are more folders than are listed. */
  readonly truncated: boolean;
};

export type Drive = {
  readonly place: Place;
  /** The volume's label, else its mount point's name. */
  readonly label: string;
  readonly fileSystem: string;
  readonly removable: boolean;
  readonly system: boolean;
  readonly writable: boolean;
  readonly freeBytes: number;
  readonly totalBytes: number;
};

/** What stands at a place that may become a destination. `repository` is where the repository is, or would be made. */
export type DestinationProbe = {
  readonly state: 'free' | 'repository' | 'occupied' | 'read-only' | 'denied' | 'inside-source';
  readonly repository: Place;
  readonly repositoryId: string | null;
  readonly encrypted: boolean | null;
  /** The set whose destination it is already. */
  readonly setId: string | null;
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** It lies on the disk of a source, as far as can be told: no protection from the loss of that disk. */
  readonly sameDeviceAsSource: boolean;
};

/** Sizes that are still being counted, or counted to the end. One row for each source that was asked for. */
export type Measurement = {
  readonly measureId: string;
  readonly done: boolean;
  readonly sources: readonly {
    readonly handle: string;
    readonly files: number;
    readonly folders: number;
    readonly bytes: number;
    readonly unreadable: number;
  }[];
  /** What the rules leave out, and what well-known rules would. Most bytes first. */
  readonly leftOut: readonly RuleSaving[];
  readonly suggestions: readonly RuleSaving[];
};

export type RuleSaving = {
  readonly rule: string;
  readonly origin: RuleOrigin;
  readonly files: number;
  readonly bytes: number;
  readonly examples: readonly string[];
};

// --- backup sets and destinations ---------------------------------------------------------------------------------

export type SetRules = {
  readonly excludes: readonly string[];
  readonly excludeLargerThanBytes: number | null;
  readonly oneFileSystem: boolean;
  readonly cairnignore: boolean;
  readonly gitignore: boolean;
  readonly excludeCaches: boolean;
  readonly excludeIfPresent: readonly string[];
};

export type SetSource = { readonly path: string; readonly name: string; readonly state: 'there' | 'gone' };

export type BackupSet = {
  readonly setId: string;
  readonly name: string;
  readonly sources: readonly SetSource[];
  readonly destinationId: string;
  readonly rules: SetRules;
  readonly createdAt: string;
  /** Of the newest snapshot of this set that is complete; null: none yet, or not known while the destination is away. */
  readonly lastBackup: LastBackup | null;
  readonly schedule: Schedule;
  readonly pausedUntil: PausedUntil;
  readonly nextRun: Upcoming;
  readonly live: Live;
};

export type LastBackup = {
  readonly time: string;
  readonly snapshotId: string;
  readonly files: number;
  readonly bytes: number;
  readonly problemCount: number;
};

/**
 * `ready`: open. `locked`: there, the password is needed. `away`: not connected; no error. `other`: another repository
 * stands in its place, and nothing is written there. `unusable`: there, and can't be opened (`error` says why).
 */
export type DestinationState = 'ready' | 'locked' | 'away' | 'other' | 'unusable';

/** What a destination lies on. The label is the volume's own, else the name of the place where it is mounted. */
export type DestinationVolume = {
  readonly label: string;
  readonly fileSystem: string;
  /** Of the filesystem. Null: it has none, or the system does not tell. */
  readonly uuid: string | null;
  readonly removable: boolean;
  readonly network: boolean;
};

/** By how the backup grew in the last 90 days. `bytesPerDay` null: too little is known. `fullAt` null: not in sight. */
export type CapacityForecast = { readonly fullAt: string | null; readonly bytesPerDay: number | null };

export type Destination = {
  readonly destinationId: string;
  readonly name: string;
  readonly path: string;
  readonly repositoryId: string;
  readonly encrypted: boolean;
  readonly state: DestinationState;
  readonly error: WireError | null;
  readonly awaySince: string | null;
  /** As it was seen last, so that it has a name while it is away. Null: it was not seen yet. */
  readonly volume: DestinationVolume | null;
  /** Another connected drive holds a copy of it, made byte by byte. Cairn writes to `path` only. Null: none is seen. */
  readonly copyAt: string | null;
  /** Unknown while it is away. */
  readonly freeBytes: number | null;
  readonly totalBytes: number | null;
  readonly storedBytes: number | null;
  readonly forecast: CapacityForecast;
  readonly snapshots: number | null;
  /** The password is in the system's keychain. */
  readonly remembered: boolean;
  readonly verified: VerifiedTimes;
  /** What the last verification found; 0 also after a repair that a deep verification confirmed. */
  readonly damageCount: number;
};

export type VerifiedTimes = {
  readonly quick: string | null;
  readonly sample: string | null;
  readonly deep: string | null;
};

// --- the verdict --------------------------------------------------------------------------------------------------

/** Why the verdict is what it is. The words are the window's; worst first. */
export type VerdictReason =
  | { readonly kind: 'no-set' }
  | { readonly kind: 'damage'; readonly destinationId: string; readonly count: number }
  | { readonly kind: 'unusable'; readonly destinationId: string }
  | { readonly kind: 'other-repository'; readonly destinationId: string }
  | { readonly kind: 'last-failed'; readonly setId: string; readonly error: WireError }
  | { readonly kind: 'never-backed-up'; readonly setId: string }
  | { readonly kind: 'stale'; readonly setId: string; readonly since: string }
  | { readonly kind: 'source-gone'; readonly setId: string; readonly path: string }
  | { readonly kind: 'locked'; readonly destinationId: string }
  | { readonly kind: 'space-low'; readonly destinationId: string; readonly freeBytes: number }
  | { readonly kind: 'problems'; readonly setId: string; readonly count: number }
  | { readonly kind: 'away'; readonly destinationId: string; readonly since: string | null }
  | { readonly kind: 'never-verified'; readonly destinationId: string }
  | { readonly kind: 'verified-long-ago'; readonly destinationId: string; readonly since: string };

/** `bad`: data is at risk now. `attention`: something wants doing. `away` is never worse than attention. */
export type Verdict = {
  readonly level: 'empty' | 'good' | 'attention' | 'bad';
  readonly reasons: readonly VerdictReason[];
};

/** Everything the Overview says, made in one place so that every screen says the same. */
export type Overview = {
  readonly verdict: Verdict;
  readonly sets: readonly BackupSet[];
  readonly destinations: readonly Destination[];
  /** The last 30 days on this computer's calendar, oldest first; the last one is today. */
  readonly days: readonly DayOfRuns[];
};

// --- jobs and runs ------------------------------------------------------------------------------------------------

export type JobKind = 'backup' | 'verify' | 'restore' | 'restore-plan' | 'undo';

/** `queued`: another job of the same destination goes first. A cancelled job has not failed. */
export type JobState = 'queued' | 'running' | 'cancelling' | 'done' | 'cancelled' | 'failed';

/** As the engine tells it, with what a person wants to know besides. */
export type JobProgress = Progress & {
  readonly bytesPerSecond: number;
  readonly filesPerSecond: number;
  /** Null while it would be a guess. */
  readonly remainingMs: number | null;
  /** Bytes a second, one sample a second, oldest first, 60 at most. */
  readonly rates: readonly number[];
};

/** Reports whose lists are cut to PROBLEMS_SENT_MAX; `problemCount` counts all. */
export type JobOutcome =
  | { readonly kind: 'backup'; readonly report: BackupReport; readonly problemCount: number }
  | {
      readonly kind: 'verify';
      readonly depth: VerifyDepthName;
      readonly report: VerifyReport;
      readonly damageCount: number;
    }
  | {
      readonly kind: 'restore';
      readonly report: RestoreReport;
      readonly problemCount: number;
      readonly place: RestorePlace;
    }
  | {
      readonly kind: 'restore-plan';
      readonly report: RestoreReport;
      readonly problemCount: number;
      readonly place: RestorePlace;
    }
  | { readonly kind: 'undo'; readonly report: UndoReport };

export type VerifyDepthName = 'quick' | 'sample' | 'deep';

/** Where a restore went, for people, and whether it can be taken back. */
export type RestorePlace = {
  readonly path: string;
  readonly freeBytes: number;
  /** The dated folder that holds what was replaced; null: nothing was. */
  readonly safetyFolder: string | null;
};

export type Job = {
  readonly jobId: string;
  readonly kind: JobKind;
  readonly setId: string | null;
  readonly destinationId: string;
  readonly state: JobState;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly progress: JobProgress | null;
  /** Of a job that is done; of a cancelled or failed one null. */
  readonly outcome: JobOutcome | null;
  readonly error: WireError | null;
  /** A restore that has ended, however it did, and can be taken back as far as it came. */
  readonly undoable: boolean;
};

/** A finished job as it is kept. `runId` is its jobId. */
export type Run = {
  readonly runId: string;
  readonly kind: Exclude<JobKind, 'restore-plan'>;
  readonly setId: string | null;
  readonly destinationId: string;
  readonly state: 'done' | 'cancelled' | 'failed' | 'interrupted';
  readonly startedAt: string;
  readonly durationMs: number;
  readonly files: number;
  readonly bytes: number;
  readonly problemCount: number;
  readonly snapshotId: string | null;
  readonly error: WireError | null;
  /** A restore that replaced something which is still kept. */
  readonly undoable: boolean;
};

/** Problems of one kind together: what to do about them is one thing. */
export type ProblemGroup = { readonly code: string; readonly count: number; readonly examples: readonly Problem[] };

export type RunDetails = {
  readonly run: Run;
  readonly outcome: JobOutcome | null;
  readonly problems: readonly ProblemGroup[];
};

export type LogLine = {
  readonly time: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly details: string;
};

// --- browsing -----------------------------------------------------------------------------------------------------

export type BrowseEntry = {
  readonly name: string;
  /** In the snapshot, as in SNAP:PATH. */
  readonly path: string;
  readonly type: EntryType;
  readonly size: number;
  readonly mtime: string;
  readonly mode: number;
  readonly target: string | null;
  readonly contentHash: string | null;
  /** Of a folder, all below it. Null: not known, or no folder. */
  readonly contentBytes: number | null;
  readonly entryCount: number | null;
};

export type BrowsePage = {
  readonly entries: readonly BrowseEntry[];
  /** Of the folder after the filter. */
  readonly total: number;
  /** A part of the folder is damaged and missing here. */
  readonly incomplete: boolean;
};

/** Content that may be hostile: text is shown as text, an image's bytes go into an <img> and nowhere else. */
export type Preview =
  | { readonly kind: 'text'; readonly text: string; readonly truncated: boolean }
  | { readonly kind: 'image'; readonly mediaType: ImageMediaType; readonly bytes: Uint8Array }
  | { readonly kind: 'binary'; readonly head: Uint8Array }
  | { readonly kind: 'too-large'; readonly limitBytes: number }
  | { readonly kind: 'none' };

export type ImageMediaType = 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp' | 'image/avif' | 'image/bmp';

// --- integrity ----------------------------------------------------------------------------------------------------

export type ChainBead = {
  readonly snapshotId: string;
  readonly sequence: number;
  readonly kind: SnapshotKind;
  readonly time: string;
  readonly bytesStored: number;
  readonly problemCount: number;
  /** Named by the last verification. */
  readonly damaged: boolean;
  /** A verification that read it came to its end without damage in it. Null: not known. */
  readonly verified: boolean | null;
};

export type ChainGraph = { readonly chain: ChainSummary; readonly beads: readonly ChainBead[] };

export type IntegrityStatus = {
  readonly destinationId: string;
  readonly verified: VerifiedTimes;
  /** Of the last verification of any depth that came to its end. */
  readonly lastReport: { readonly depth: VerifyDepthName; readonly time: string; readonly report: VerifyReport } | null;
  readonly damage: readonly Damage[];
  readonly damageKinds: readonly { readonly kind: DamageKind; readonly count: number }[];
  readonly chains: readonly ChainGraph[];
};
