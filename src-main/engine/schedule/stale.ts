/**
 * When a set's silence is an alarm. The worst a backup can do is to stop without a word; the next worst is to cry so often
 * that nobody listens. So each alarm is told once in a silence (the app goes on showing it), and never
 *
 *   - while a person has paused the set for less time than the alarm asks of it,
 *   - to somebody who has just switched the computer on, before the set had its first chance to catch up,
 *   - for runs that were missed within one day: a drive in a bag for some hours is no news.
 *
 * Pure.
 */
import type { PausedUntil, Schedule, StaleAlarm } from '../../../src-shared/model/index.ts';
import { isPaused } from './conditions.ts';
import { type ScheduleState, missedRuns } from './due.ts';

export type StaleFacts = {
  readonly schedule: Schedule;
  readonly state: ScheduleState;
  readonly pausedUntil: PausedUntil;
  /** When it was paused; null where it is not. */
  readonly pausedSinceMs: number | null;
  /** When the last good backup began; null: there never was one. */
  readonly lastGoodMs: number | null;
  /** A set is not blamed for the time before it was. */
  readonly createdMs: number;
  /** Since when this Cairn is up and the computer awake. */
  readonly upSinceMs: number;
  /** When an alarm of this set was told last. */
  readonly toldMs: number | null;
  readonly isAtWork: boolean;
  readonly nowMs: number;
  readonly timeZone: string;
};

const DAY_MS = 24 * 60 * 60 * 1000;
export const FIRST_CHANCE_MS = 30 * 60_000;
export const MISSED_RUNS = 2;
const MISSED_SILENCE_MS = DAY_MS;

/** The alarm as it stands, whether or not it has been told; null: all is well, or nothing is expected. */
export function staleAlarm(facts: StaleFacts): StaleAlarm | null {
  const { schedule, lastGoodMs, createdMs, upSinceMs, isAtWork, nowMs } = facts;
  const { staleAfterDays } = schedule;
  if (staleAfterDays === null || isAtWork || nowMs - upSinceMs < FIRST_CHANCE_MS) return null;
  const sinceMs = Math.max(lastGoodMs ?? createdMs, createdMs);
  // A clock that was set back: nothing is known to be old.
  if (sinceMs > nowMs || isExcused(facts, staleAfterDays)) return null;
  const since = lastGoodMs === null ? null : new Date(lastGoodMs).toISOString();
  const daysOf = (fromMs: number): number => Math.floor((nowMs - fromMs) / DAY_MS);
  if (daysOf(sinceMs) >= staleAfterDays)
    return { kind: 'no-good-backup', since, days: daysOf(lastGoodMs ?? createdMs) };
  if (nowMs - sinceMs < MISSED_SILENCE_MS || isPaused(facts.pausedUntil, nowMs)) return null;
  const missed = missedRuns(schedule.timing, facts.state, { nowMs, timeZone: facts.timeZone, most: MISSED_RUNS });
  return missed >= MISSED_RUNS ? { kind: 'missed', since, runs: missed } : null;
}

/** Whether a person should be told now: that it is `staleAfterDays` is news after the missed runs, and then nothing is. */
export function isToldNow(
  { toldMs, lastGoodMs, createdMs, schedule, nowMs }: StaleFacts,
  { kind }: Pick<StaleAlarm, 'kind'>,
): boolean {
  // Told in the future: the clock was set back, and nobody knows what was told.
  if (toldMs === null || toldMs > nowMs) return true;
  const sinceMs = Math.max(lastGoodMs ?? createdMs, createdMs);
  // Before this silence, where what ended the one before was not noted.
  if (toldMs < sinceMs) return true;
  return kind === 'no-good-backup' && toldMs < sinceMs + (schedule.staleAfterDays ?? 0) * DAY_MS;
}

function isExcused({ pausedUntil, pausedSinceMs, nowMs }: StaleFacts, staleAfterDays: number): boolean {
  if (!isPaused(pausedUntil, nowMs)) return false;
  return pausedSinceMs === null || pausedSinceMs > nowMs || nowMs - pausedSinceMs < staleAfterDays * DAY_MS;
}
