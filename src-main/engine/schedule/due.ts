/**
 * What is due, from the schedule, what is known of earlier runs, and the time. Pure.
 *
 * One number carries it: the time up to which every occurrence is answered, because a run began after it. However many
 * occurrences passed while the computer slept, the next run answers them all, so each is answered exactly once.
 *
 * A wall clock can be wrong. One that was set back has answered times ahead of it: one such time is believed, for a
 * clock put right by minutes must not run the same backup again; more than one, and the clock was wrong before, so what is
 * answered is what has passed now. One that jumps ahead misses times and catches them up, as after sleep.
 */
import type { DueReason, Timing } from '../../../src-shared/model/index.ts';
import { occurrenceAfter } from './occurrences.ts';

export type ScheduleState = {
  /** Every time up to this one is answered. */
  readonly answeredMs: number;
  /** Runs since the last good one that began and did not end well: they failed, or the computer went off. */
  readonly unfinished: { readonly sinceMs: number; readonly tries: number } | null;
};

export type Due = { readonly atMs: number; readonly reason: DueReason };

/** Later than this after its time a run was kept from beginning; before, it was only the clock's step. */
const LATE_MS = 2 * 60_000;
/** After a run that failed: soon, in case it was a moment's trouble, and then less and less often. */
const AGAIN_FIRST_MS = 15 * 60_000;
const AGAIN_LONGEST_MS = 4 * 60 * 60_000;
/** Then the schedule alone says when. */
export const AGAIN_TRIES_MAX = 5;
/** A drive with a bad contact comes many times a minute. */
const DRIVE_PAUSE_MS = 10 * 60_000;

/** A schedule that is new, or was changed: what lay before does not count. */
export function startState(nowMs: number): ScheduleState {
  return { answeredMs: nowMs, unfinished: null };
}

/**
 * The next run by the clock; one that lies in the past is due now. Null: no time by itself.
 * The state that comes back is to be kept: a clock that was wrong has been taken out of it.
 */
export function nextDue(
  timing: Timing,
  state: ScheduleState,
  nowMs: number,
  timeZone: string,
): { readonly due: Due | null; readonly state: ScheduleState } {
  const trusted = withoutWrongClock(timing, state, nowMs, timeZone);
  const scheduledMs = occurrenceAfter(timing, trusted.answeredMs, timeZone);
  if (scheduledMs === null) return { due: null, state: trusted };
  const againMs = againAt(trusted, nowMs);
  if (againMs !== null && againMs < scheduledMs) return { due: { atMs: againMs, reason: 'again' }, state: trusted };
  return { due: { atMs: scheduledMs, reason: reasonOf(timing, scheduledMs, nowMs) }, state: trusted };
}

/** A drive came: whether that is a reason to run, where the schedule says so. */
export function isDueOnArrival(state: ScheduleState, nowMs: number): boolean {
  const lastMs = state.unfinished?.sinceMs ?? state.answeredMs;
  return state.unfinished !== null || nowMs - lastMs > DRIVE_PAUSE_MS || lastMs > nowMs;
}

/** A run begins. It counts as unfinished from now on, so one that a power cut ends is run again. */
export function runBegan(state: ScheduleState, nowMs: number): ScheduleState {
  return { answeredMs: nowMs, unfinished: { sinceMs: nowMs, tries: (state.unfinished?.tries ?? 0) + 1 } };
}

/** Who cancels a run does not want it again before its next time. */
export function runEnded(state: ScheduleState, nowMs: number, outcome: 'good' | 'failed' | 'cancelled'): ScheduleState {
  if (outcome !== 'failed') return { ...state, unfinished: null };
  return { ...state, unfinished: { sinceMs: nowMs, tries: state.unfinished?.tries ?? 1 } };
}

/** How many times have passed without an answer; counted up to `most`. */
export function missedRuns(
  timing: Timing,
  state: ScheduleState,
  { nowMs, timeZone, most }: { readonly nowMs: number; readonly timeZone: string; readonly most: number },
): number {
  let atMs: number | null = state.answeredMs;
  for (let count = 0; count < most; count++) {
    atMs = occurrenceAfter(timing, atMs, timeZone);
    if (atMs === null || atMs > nowMs) return count;
  }
  return most;
}

function withoutWrongClock(timing: Timing, state: ScheduleState, nowMs: number, timeZone: string): ScheduleState {
  const { answeredMs } = state;
  if (answeredMs <= nowMs) return state;
  const first = occurrenceAfter(timing, nowMs, timeZone);
  if (first === null || first > answeredMs) return state;
  const second = occurrenceAfter(timing, first, timeZone);
  return second === null || second > answeredMs ? state : startState(nowMs);
}

function againAt({ unfinished }: ScheduleState, nowMs: number): number | null {
  if (unfinished === null || unfinished.tries > AGAIN_TRIES_MAX) return null;
  if (unfinished.sinceMs > nowMs) return nowMs;
  return unfinished.sinceMs + Math.min(AGAIN_FIRST_MS * 2 ** (unfinished.tries - 1), AGAIN_LONGEST_MS);
}

function reasonOf(timing: Timing, scheduledMs: number, nowMs: number): DueReason {
  if (timing.kind === 'continuous') return 'full-scan';
  return nowMs - scheduledMs > LATE_MS ? 'caught-up' : 'scheduled';
}
