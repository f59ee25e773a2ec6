/** What a watched source is given and what it gives: the side of watch-source.ts that its owner sees. */
import type { After, Ports } from '../../kernel/index.ts';
import { type Batch, type LookReason, SETTLE_DEFAULTS, type SettleTimes } from './settle.ts';
import type { WatcherFailure, WatcherKind } from './watcher.ts';

export type WatchState =
  | { readonly kind: 'starting' }
  | { readonly kind: 'watching'; readonly watcher: WatcherKind; readonly folders: number }
  /** Changes are found by scheduled looks only; `message` is for people. */
  | { readonly kind: 'scan-only'; readonly reason: WatcherFailure['reason']; readonly message: string }
  /** The source is not there: nothing is looked at, and nothing counts as deleted. */
  | { readonly kind: 'gone'; readonly message: string }
  | { readonly kind: 'closed' };

/** What is written to a journal before it is acted on. */
export type DirtyNote =
  { readonly kind: 'folder'; readonly folder: Buffer } | { readonly kind: 'everything'; readonly reason: LookReason };

export type WatchTimes = SettleTimes & {
  /** Between two looks whether the root is there. */
  readonly rootPollMs: number;
  /** Before a watcher that failed is begun anew: doubled each time, up to the last. */
  readonly backOffMs: number;
  readonly backOffMaxMs: number;
  /** One that stood for so long was well, and the next failure is a first one. */
  readonly healthyMs: number;
  /** Between two tries where none could be had. */
  readonly scanOnlyRetryMs: number;
};

export const WATCH_DEFAULTS: WatchTimes = {
  ...SETTLE_DEFAULTS,
  rootPollMs: 5000,
  backOffMs: 1000,
  backOffMaxMs: 5 * 60_000,
  healthyMs: 10 * 60_000,
  scanOnlyRetryMs: 10 * 60_000,
};

export type WatchSourceOptions = {
  /** Absolute, as the source is named; a link is followed. */
  readonly root: Buffer;
  /** Folders, below `root` and named as it is, that the rules leave out. CAIRN_HOME and the repository must be among them. */
  readonly isIgnored: (folder: Buffer) => boolean;
  /** How many folders it had when it was last looked at; 0 where nobody knows. */
  readonly folders: number;
  /**
   * Where the drive was mounted that the source lay on when it was last backed up; undefined the first time. With nothing
   * mounted there the source counts as gone, also at the start.
   */
  readonly mountPoint: Buffer | undefined;
  /** A folder in CAIRN_HOME for this source alone; it is made when it is needed. */
  readonly canary: Buffer;
  readonly ports: Pick<Ports, 'clock' | 'log'>;
  readonly after: After;
  /** Once at a time. Rejected: the same comes again, later. It takes its mark in the journal before it waits. */
  readonly deliver: (batch: Batch) => Promise<void>;
  /** Called as soon as something is dirty that was not. */
  readonly note: (note: DirtyNote) => void;
  readonly stateChanged: (state: WatchState) => void;
  readonly times?: Partial<WatchTimes>;
  /** For tests: otherwise choose.ts says. */
  readonly kinds?: readonly WatcherKind[];
};

export type WatchSource = {
  readonly state: WatchState;
  /** Folders that wait to settle, or to be handed over. */
  readonly pending: number | 'everything';
  /** Of the drive that the root lies on, once it was found. To be kept with the source, for the next start. */
  readonly mountPoint: Buffer | undefined;
  /** Whether the root is what it was when it was last begun to be watched. To be asked after a look and before a commit. */
  readonly isPresent: () => Promise<boolean>;
  /** The computer woke up. */
  readonly resumed: () => void;
  /** `isIgnored` says something else now. */
  readonly rulesChanged: () => void;
  readonly close: () => Promise<void>;
};
