/** How each of the last days went, from the record of runs. Pure; a day is one of this computer's calendar. */
import type { DayOfRuns, DayState, Run } from '../../../src-shared/model/index.ts';

export const DAYS_SHOWN = 30;

/** Oldest first; the last one is today. */
export function daysOf(runs: readonly Run[], nowMs: number): readonly DayOfRuns[] {
  const byDate = Map.groupBy(
    runs.filter(({ kind }) => kind === 'backup'),
    ({ startedAt }) => dateOf(new Date(startedAt)),
  );
  return Array.from({ length: DAYS_SHOWN }, (_, index) => {
    const day = new Date(nowMs);
    // By the calendar and not by 24 hours: a day in spring or autumn has 23 or 25.
    day.setDate(day.getDate() - (DAYS_SHOWN - 1 - index));
    const date = dateOf(day);
    return { date, ...summary(byDate.get(date) ?? []) };
  });
}

function summary(runs: readonly Run[]): Omit<DayOfRuns, 'date'> {
  const snapshots = runs.filter(({ snapshotId }) => snapshotId !== null).length;
  return { runs: runs.length, state: stateOf(runs), snapshots, bytesStored: 0 };
}

/** A failure that a later run of the day made good is not the day's. Runs come newest first. */
function stateOf(runs: readonly Run[]): DayState {
  const last = runs.find(({ state }) => state !== 'cancelled');
  if (last === undefined) return 'none';
  if (last.state !== 'done') return 'failed';
  return last.problemCount > 0 ? 'problems' : 'good';
}

function dateOf(day: Date): string {
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}
