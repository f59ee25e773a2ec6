/**
 * What a run that is due still waits for. Pure: whoever asks says what it sees. Waiting is not an error, and what can't be
 * told is no reason to wait: a backup that never runs is worse than one on battery.
 */
import type {
  DestinationState,
  NextRun,
  PausedUntil,
  RunConditions,
  Schedule,
  Wait,
} from '../../../src-shared/model/index.ts';
import type { Due } from './due.ts';

/** Null: can't be told. */
export type Surroundings = {
  readonly onMainsPower: boolean | null;
  readonly isMetered: boolean | null;
  readonly idleSeconds: number | null;
};

export const NOTHING_KNOWN: Surroundings = { onMainsPower: null, isMetered: null, idleSeconds: null };

export type RunFacts = {
  readonly schedule: Schedule;
  /** From nextDue; null: no time by itself. */
  readonly due: Due | null;
  readonly pausedUntil: PausedUntil;
  readonly destination: { readonly state: DestinationState; readonly awaySince: string | null };
  readonly surroundings: Surroundings;
  readonly nowMs: number;
};

/** A run begins when there is one and it waits for nothing. */
export type RunPlan = { readonly next: NextRun | null; readonly waits: readonly Wait[] };

/** A pause is for hours or days; one that seems longer was set by a clock that was wrong. */
const PAUSE_MS_MAX = 366 * 24 * 60 * 60 * 1000;
const SECONDS_PER_MINUTE = 60;

export function planRun(facts: RunFacts): RunPlan {
  const { due, nowMs } = facts;
  if (due === null) return { next: null, waits: pauseOf(facts) };
  const next: NextRun = { at: new Date(due.atMs).toISOString(), reason: due.reason };
  const time: readonly Wait[] = due.atMs > nowMs ? [{ kind: 'time', ...next }] : [];
  return { next, waits: [...time, ...pauseOf(facts), ...destinationWaits(facts), ...surroundingsWaits(facts)] };
}

export function isPaused(pausedUntil: PausedUntil, nowMs: number): boolean {
  if (pausedUntil === null || pausedUntil === 'forever') return pausedUntil !== null;
  const leftMs = Date.parse(pausedUntil) - nowMs;
  return leftMs > 0 && leftMs <= PAUSE_MS_MAX;
}

function pauseOf({ pausedUntil, nowMs }: RunFacts): readonly Wait[] {
  if (!isPaused(pausedUntil, nowMs)) return [];
  return [{ kind: 'pause', until: pausedUntil === 'forever' ? null : pausedUntil }];
}

/** One that is there and can't be used is not waited for: the run says what is wrong with it. */
function destinationWaits({ destination: { state, awaySince } }: RunFacts): readonly Wait[] {
  if (state === 'away' || state === 'other') return [{ kind: 'drive', awaySince }];
  return state === 'locked' ? [{ kind: 'password' }] : [];
}

function surroundingsWaits({ schedule: { conditions }, surroundings }: RunFacts): readonly Wait[] {
  const { onlyOnMainsPower, notOnMetered, onlyWhenIdleMinutes } = conditions;
  const { onMainsPower, isMetered, idleSeconds } = surroundings;
  const waits: Wait[] = [];
  if (onlyOnMainsPower && onMainsPower === false) waits.push({ kind: 'power' });
  if (notOnMetered && isMetered === true) waits.push({ kind: 'network' });
  if (onlyWhenIdleMinutes !== null && idleSeconds !== null && idleSeconds < onlyWhenIdleMinutes * SECONDS_PER_MINUTE)
    waits.push({ kind: 'idle', minutes: onlyWhenIdleMinutes });
  return waits;
}

/** How the computer is asked; each answer may be null, and a question that fails is one. */
export type Probes = {
  readonly onMainsPower: () => Promise<boolean | null>;
  readonly isMetered: () => Promise<boolean | null>;
  readonly idleSeconds: () => Promise<number | null>;
};

/** Asks only what the conditions turn on. */
export async function lookAround(conditions: RunConditions, probes: Probes): Promise<Surroundings> {
  const { onlyOnMainsPower, notOnMetered, onlyWhenIdleMinutes } = conditions;
  const [onMainsPower, isMetered, idleSeconds] = await Promise.all([
    onlyOnMainsPower ? probes.onMainsPower() : null,
    notOnMetered ? probes.isMetered() : null,
    onlyWhenIdleMinutes === null ? null : probes.idleSeconds(),
  ]);
  return { onMainsPower, isMetered, idleSeconds };
}
