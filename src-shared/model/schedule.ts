/**
 * When a backup set runs, what it waits for, and when its silence is an alarm: plain data, as it stands in the
 * configuration file, in the repository and in the window. Times of day and weekdays are the computer's own, wherever it
 * is; whatever names one moment is RFC 3339 in UTC.
 */

export type Weekday = 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';

/** “HH:MM”, from 00:00 to 23:59. One that a spring night skips runs when the gap ends; one that comes twice runs once. */
export type TimeOfDay = string;

export type Timing =
  /** Only when a person asks for it. */
  | { readonly kind: 'manual' }
  /** Each change as soon as it has settled, and a full scan besides, to prove that none was missed. */
  | { readonly kind: 'continuous'; readonly fullScanEveryHours: number }
  /** So long after the run before began. */
  | { readonly kind: 'minutes'; readonly every: number }
  /** Whenever the clock shows this minute. */
  | { readonly kind: 'hourly'; readonly minute: number }
  | { readonly kind: 'daily'; readonly at: TimeOfDay }
  /** At least one day; in the order of the week. */
  | { readonly kind: 'weekly'; readonly days: readonly Weekday[]; readonly at: TimeOfDay }
  /** Five fields: minute, hour, day of the month, month, weekday. */
  | { readonly kind: 'cron'; readonly text: string };

/** What a run by itself waits for. A run that a person asks for waits for none of it. What can't be told is allowed. */
export type RunConditions = {
  readonly onlyOnMainsPower: boolean;
  readonly notOnMetered: boolean;
  /** Nobody has touched the computer for so long; null: whether somebody has does not matter. */
  readonly onlyWhenIdleMinutes: number | null;
};

export type Schedule = {
  readonly timing: Timing;
  /** Also as soon as the destination's drive is plugged in. */
  readonly whenDriveConnected: boolean;
  readonly conditions: RunConditions;
  /** So many days without a good backup are an alarm; null: never. */
  readonly staleAfterDays: number | null;
};

/** A moment, or “forever”: until a person says otherwise; null: not paused. */
export type PausedUntil = string | null;

/**
 * A command of the person's own, around a run. It goes to no shell: what it is called with is exactly these arguments.
 * Set on the command line or in the configuration file only; what the window or a page asks for can’t set one.
 */
export type HookCommand = { readonly arguments: readonly string[]; readonly timeoutSeconds: number };

/** `before` that fails keeps the run from beginning; `after` that fails is a problem of the run. */
export type Hooks = { readonly before: HookCommand | null; readonly after: HookCommand | null };

/**
 * Why a run is due. `scheduled`: its time has come. `caught-up`: its time passed while the computer slept, was off or
 * waited. `full-scan`: a continuous set looks at everything. `drive`: its drive came. `again`: the run before failed, and
 * may do better now.
 */
export type DueReason = 'scheduled' | 'caught-up' | 'full-scan' | 'drive' | 'again';

/** The next run by the clock. One that lies in the past is due now, and waits. */
export type NextRun = { readonly at: string; readonly reason: DueReason };

/** What keeps a run from beginning. Each ends by itself or by what a person does; none is an error. */
export type Wait =
  | { readonly kind: 'time'; readonly at: string; readonly reason: DueReason }
  /** `until` null: until a person resumes it. */
  | { readonly kind: 'pause'; readonly until: string | null }
  | { readonly kind: 'drive'; readonly awaySince: string | null }
  | { readonly kind: 'password' }
  | { readonly kind: 'power' }
  | { readonly kind: 'network' }
  | { readonly kind: 'idle'; readonly minutes: number };

/** Why a set's silence is told. `since`: of the last good backup; null: there never was one. */
export type StaleAlarm =
  | { readonly kind: 'no-good-backup'; readonly since: string | null; readonly days: number }
  | { readonly kind: 'missed'; readonly since: string | null; readonly runs: number };
