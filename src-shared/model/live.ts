/** How current a backup set is, what its next run waits for, and how each of the last days went. */

/**
 * What holds the next run back, worst first for a person: `password` and `drive` want something done, `pause` was asked
 * for, the others go by themselves. `changes`: continuous, and nothing has changed since the last snapshot.
 */
export type NextRunWait = 'time' | 'drive' | 'power' | 'network' | 'idle' | 'pause' | 'password' | 'changes';

/** The next run. `at`: the earliest moment, if known. `waitsFor` null: nothing; it runs now, or only when asked. */
export type Upcoming = { readonly at: string | null; readonly waitsFor: NextRunWait | null };

/**
 * `off`: not continuous, or paused. `starting`: everything is looked at once. `watching`: nothing changes. `settling`:
 * something changes, and is backed up when it has come to rest. `scan-only`: the system tells of no changes here, so
 * everything is looked at in intervals; `reason` says why. `source-gone`: nothing to watch; no error of Cairn’s.
 */
export type LiveState = 'off' | 'starting' | 'watching' | 'settling' | 'backing-up' | 'scan-only' | 'source-gone';

export type Live = {
  readonly state: LiveState;
  readonly changedFolders: number;
  /** Words for people. */
  readonly reason: string | null;
  /** Every change up to this moment is in a snapshot. Null: not known, or none yet. */
  readonly protectedUntil: string | null;
};

/** `problems`: a snapshot was made, and files are missing from it. `none`: nothing ran. */
export type DayState = 'good' | 'problems' | 'failed' | 'none' | 'paused';

/** A day on this computer's calendar, all sets together. Cancelled runs make a day neither good nor failed. */
export type DayOfRuns = {
  /** YYYY-MM-DD. */
  readonly date: string;
  readonly runs: number;
  readonly state: DayState;
  readonly snapshots: number;
  readonly bytesStored: number;
};
