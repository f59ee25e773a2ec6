/**
 * Everything the window (or a page, or a script) may ask of the engine, and everything the engine tells by itself. One map
 * for both transports: a MessagePort in Electron, a WebSocket headless. schema.ts checks what arrives against it.
 *
 * Rules of the map:
 *   - A request names things by ids and handles that the engine gave out. It never carries a path of this computer, so a
 *     page that was taken over can't reach what no person chose. Paths in a snapshot are looked up in its tree only.
 *   - Every reply is a value or a WireError. Long work returns a job at once; `job` events tell the rest.
 *   - An event that is sent after a reply tells what is newer than it. Whoever connects asks for `jobs.list` and
 *     `overview.get` once and then follows the events: nothing is missed and nothing is asked again and again.
 */
import type { WireError } from '../errors.ts';
import type {
  AppInfo,
  BackupSet,
  BrowsePage,
  ChangeKind,
  ComparisonPage,
  Destination,
  DestinationProbe,
  DoctorFinding,
  Drive,
  FolderListing,
  IntegrityStatus,
  Job,
  KeyInfo,
  LogLine,
  Measurement,
  MetricRange,
  Metrics,
  Overview,
  PathVersion,
  Place,
  Preview,
  Run,
  RunDetails,
  Schedule,
  SearchPage,
  SetRules,
  Settings,
  SnapshotSummary,
  TextComparison,
} from '../model/index.ts';

/** Raised when a command or an event changes so that an older window would misread it. */
export const PROTOCOL_VERSION = 1;

/** A job is told at most this often. */
export const JOB_EVENTS_PER_SECOND_MAX = 10;
/** Of a report's problems, conflicts or damages; the count beside them counts all. */
export const PROBLEMS_SENT_MAX = 500;
export const BROWSE_LIMIT_MAX = 1000;
export const RESTORE_PATHS_MAX = 1000;
export const SEARCH_LIMIT_MAX = 500;
/** The latest versions of one path; older ones are left out. */
export const VERSIONS_SENT_MAX = 1000;
export const COMPARE_LIMIT_MAX = 1000;
/** Of each side of a text comparison. */
export const COMPARE_TEXT_BYTES_MAX = 1024 * 1024;
export const METRIC_POINTS_MAX = 200;
export const SOURCES_MAX = 100;
export const PATTERNS_MAX = 1000;
/** Of text and of an image that a preview carries. */
export const PREVIEW_TEXT_BYTES_MAX = 256 * 1024;
export const PREVIEW_IMAGE_BYTES_MAX = 16 * 1024 * 1024;

export type Nothing = Readonly<Record<string, never>>;

export type SecretInput =
  | { readonly kind: 'password'; readonly password: string }
  | { readonly kind: 'recovery'; readonly recoveryKey: string };

export type VerifyDepthInput =
  { readonly kind: 'quick' } | { readonly kind: 'sample'; readonly percent: number } | { readonly kind: 'deep' };

export type BrowseSort = { readonly by: 'name' | 'size' | 'mtime'; readonly descending: boolean };

/** What to do about a file that is there and differs. “replace” and “if-newer” keep what they replace in the safety folder. */
export type ConflictChoice = 'keep-both' | 'replace' | 'if-newer' | 'skip';

export type RestoreInput = {
  readonly destinationId: string;
  readonly snapshotId: string;
  /** As in BrowseEntry.path; an empty text is everything. None lies below another. */
  readonly paths: readonly string[];
  readonly to: { readonly kind: 'original' } | { readonly kind: 'folder'; readonly handle: string };
  readonly conflict: ConflictChoice;
};

type Command<Input, Value> = { readonly input: Input; readonly value: Value };
type AtDestination = { readonly destinationId: string };
/** `path` as in BrowseEntry.path, of either state; empty for everything. `after`: a snapshot's id or “live”. */
type Comparison = AtDestination & { readonly before: string; readonly after: string; readonly path: string };
type AtPath = AtDestination & { readonly snapshotId: string; readonly path: string };

export type Commands = {
  'app.info': Command<Nothing, AppInfo>;
  'app.doctor': Command<{ readonly destinationId: string | null }, readonly DoctorFinding[]>;

  'settings.get': Command<Nothing, Settings>;
  /** Only what is given changes; the whole of it comes back. */
  'settings.change': Command<Partial<Settings>, Settings>;

  /** Home and the usual folders in it that exist; the ones to tick first come first. */
  'places.suggested': Command<Nothing, readonly Place[]>;
  'places.drives': Command<Nothing, readonly Drive[]>;
  /** The folders in a place; without a handle, the home folder. */
  'places.browse': Command<{ readonly handle: string | null; readonly hidden: boolean }, FolderListing>;
  'places.makeFolder': Command<{ readonly handle: string; readonly name: string }, Place>;
  /** The system's own dialog. Null: closed without a choice. Only where AppInfo.folderDialog. */
  'places.dialog': Command<{ readonly purpose: 'source' | 'destination' | 'target' }, Place | null>;
  /** Begins counting; `measurement` events follow until it is done. One at a time: another one ends the one before. */
  'places.measure': Command<
    { readonly handles: readonly string[]; readonly rules: SetRules },
    { readonly measureId: string }
  >;
  'places.stopMeasuring': Command<Nothing, null>;
  /** What is there, for a destination. `sources`: to refuse one inside another. */
  'places.probe': Command<{ readonly handle: string; readonly sources: readonly string[] }, DestinationProbe>;

  'overview.get': Command<Nothing, Overview>;

  /** Makes the repository, the set, and begins the first backup. The recovery key is given here and never again. */
  'sets.create': Command<
    {
      readonly name: string;
      readonly sources: readonly string[];
      readonly rules: SetRules;
      /** Of DestinationProbe.repository, or of an empty folder. */
      readonly destination: string;
      /** Null: not encrypted. */
      readonly password: string | null;
      readonly compression: string;
      readonly schedule: Schedule;
    },
    { readonly set: BackupSet; readonly recoveryKey: string | null; readonly job: Job }
  >;
  /** “I already have a backup”: adds a repository that is there, with the sources of its newest snapshot. */
  'sets.adopt': Command<
    { readonly destination: string; readonly secret: SecretInput | null; readonly remember: boolean },
    BackupSet
  >;
  'sets.edit': Command<
    {
      readonly setId: string;
      readonly name: string;
      /** Sources that stay, by their place in BackupSet.sources, and new ones by handles. */
      readonly keepSources: readonly number[];
      readonly addSources: readonly string[];
      readonly rules: SetRules;
    },
    BackupSet
  >;
  /** When the set runs by itself. Commands before and after a run are not set from a window. */
  'sets.schedule': Command<{ readonly setId: string; readonly schedule: Schedule }, BackupSet>;
  /** Nothing begins by itself until then; null: until resumed. `setId` null: all sets. A person may still run one. */
  'sets.pause': Command<{ readonly setId: string | null; readonly until: string | null }, readonly BackupSet[]>;
  'sets.resume': Command<{ readonly setId: string | null }, readonly BackupSet[]>;
  /** Forgets the set on this computer. The repository stays as it is. */
  'sets.remove': Command<{ readonly setId: string }, null>;

  'destinations.unlock': Command<
    AtDestination & { readonly secret: SecretInput; readonly remember: boolean },
    Destination
  >;
  /** Forgets the open repository's keys, and the remembered password with `forget`. */
  'destinations.lock': Command<AtDestination & { readonly forget: boolean }, Destination>;

  'jobs.list': Command<Nothing, readonly Job[]>;
  'jobs.backup': Command<{ readonly setId: string; readonly reread: boolean }, Job>;
  'jobs.verify': Command<AtDestination & { readonly depth: VerifyDepthInput }, Job>;
  'jobs.restore': Command<RestoreInput, Job>;
  /** Counts what a restore would do, entry by entry, and writes nothing. */
  'jobs.planRestore': Command<RestoreInput, Job>;
  /** Takes a restore back: what it replaced returns from the safety folder, what it added goes. */
  'jobs.undo': Command<{ readonly runId: string }, Job>;
  'jobs.cancel': Command<{ readonly jobId: string }, Job>;
  /** Takes a finished job off the list. */
  'jobs.dismiss': Command<{ readonly jobId: string }, null>;
  /** Opens the folder a restore wrote into. Only where AppInfo.reveal. */
  'jobs.reveal': Command<{ readonly jobId: string }, null>;

  /** Oldest first. */
  'snapshots.list': Command<AtDestination, readonly SnapshotSummary[]>;
  'browse.list': Command<
    AtPath & {
      readonly sort: BrowseSort;
      /** Only names that contain it, in any case; empty for all. */
      readonly filter: string;
      readonly offset: number;
      readonly limit: number;
    },
    BrowsePage
  >;
  'browse.preview': Command<AtPath, Preview>;

  /** Names over all snapshots that contain the text, or match it where it holds “*” or “?”. Best hits first. */
  'search.find': Command<
    AtDestination & {
      readonly text: string;
      readonly type: 'any' | 'file' | 'directory';
      readonly offset: number;
      readonly limit: number;
    },
    SearchPage
  >;
  /** Of what this path named in this snapshot, over all snapshots, newest first. */
  'search.versions': Command<AtPath, readonly PathVersion[]>;
  /** What differs below a folder. “live” is the folder on this computer as it is now. */
  'compare.list': Command<
    Comparison & {
      readonly kinds: readonly ChangeKind[];
      readonly offset: number;
      readonly limit: number;
    },
    ComparisonPage
  >;
  'compare.text': Command<Comparison, TextComparison>;

  'metrics.get': Command<{ readonly range: MetricRange }, Metrics>;

  'integrity.status': Command<AtDestination, IntegrityStatus>;

  /** Newest first; `before` is a runId of the last page. */
  'activity.runs': Command<{ readonly before: string | null; readonly limit: number }, readonly Run[]>;
  'activity.run': Command<{ readonly runId: string }, RunDetails>;
  /** Newest last. */
  'activity.log': Command<{ readonly level: LogLine['level']; readonly limit: number }, readonly LogLine[]>;

  'keys.list': Command<AtDestination, readonly KeyInfo[]>;
  'keys.addRecovery': Command<AtDestination & { readonly label: string }, { readonly recoveryKey: string }>;
  'keys.changePassword': Command<
    AtDestination & { readonly currentPassword: string; readonly newPassword: string },
    null
  >;
  'keys.remove': Command<AtDestination & { readonly keyId: string }, null>;
};

export type CommandName = keyof Commands;
export type InputOf<Name extends CommandName> = Commands[Name]['input'];
export type ValueOf<Name extends CommandName> = Commands[Name]['value'];

/** What changed, so that who shows it asks again. */
/** `catalog`: search knows more than before. `metrics`: at most once a minute. */
export type ChangedTopic =
  'overview' | 'snapshots' | 'runs' | 'settings' | 'integrity' | 'places' | 'catalog' | 'metrics';

export type Screen = 'overview' | 'restore' | 'integrity' | 'destinations' | 'activity' | 'settings';

export type EngineEvent =
  | { readonly kind: 'job'; readonly job: Job }
  | { readonly kind: 'job-dismissed'; readonly jobId: string }
  | { readonly kind: 'overview'; readonly overview: Overview }
  | { readonly kind: 'measurement'; readonly measurement: Measurement }
  | { readonly kind: 'changed'; readonly topic: ChangedTopic; readonly destinationId: string | null }
  /** The tray or a second start of the app asks for a screen. */
  | { readonly kind: 'show'; readonly screen: Screen };

/** From the window. `id` counts up on one connection. */
export type CallMessage = {
  readonly kind: 'call';
  readonly id: number;
  readonly command: string;
  readonly input: unknown;
};

/** To the window. The first one on a connection is `hello`; or `refused`, and then no other follows. */
export type ServerMessage =
  | { readonly kind: 'hello'; readonly protocol: number; readonly version: string }
  /** The engine can't work on this computer now, and a person has to do something about it before it is tried again. */
  | { readonly kind: 'refused'; readonly error: WireError }
  | { readonly kind: 'reply'; readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly kind: 'reply'; readonly id: number; readonly ok: false; readonly error: WireError }
  | { readonly kind: 'event'; readonly event: EngineEvent };
