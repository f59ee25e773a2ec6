/** How each of the last days went, from the record of runs. Pure; a day is one of this computer's calendar. */
import type { DayOfRuns, DayState, Run } from '../../../src-shared/model/index.ts';

export const DAYS_SHOWN = 30;

const DAY_MS = 24 * 60 * 60 * 1000;

/** Of a snapshot: when it was made and what the destination grew by. Live backups are no runs, and seen here only. */
export type Grown = { readonly time: string; readonly bytesStored: number };

type Growth = { readonly snapshots: number; readonly bytesStored: number };

/** Oldest first; the last one is today. */
export function daysOf(runs: readonly Run[], grown: readonly Grown[], nowMs: number): readonly DayOfRuns[] {
  const growth = growthByDate(grown, nowMs);
  const byDate = Map.groupBy(
    runs.filter(({ kind }) => kind === 'backup'),
    ({ startedAt }) => dateOf(new Date(startedAt)),
  );
  return Array.from({ length: DAYS_SHOWN }, (_, index) => {
    const day = new Date(nowMs);
    // By the calendar and not by 24 hours: a day in spring or autumn has 23 or 25.
    day.setDate(day.getDate() - (DAYS_SHOWN - 1 - index));
    const date = dateOf(day);
    return { date, ...summary(byDate.get(date) ?? [], growth.get(date) ?? { snapshots: 0, bytesStored: 0 }) };
  });
}

function summary(runs: readonly Run[], { snapshots, bytesStored }: Growth): Omit<DayOfRuns, 'date'> {
  const ofRuns = runs.filter(({ snapshotId }) => snapshotId !== null).length;
  const state = runs.length === 0 && snapshots > 0 ? 'good' : stateOf(runs);
  return { runs: runs.length, state, snapshots: Math.max(ofRuns, snapshots), bytesStored };
}

function growthByDate(grown: readonly Grown[], nowMs: number): ReadonlyMap<string, Growth> {
  const from = new Date(nowMs - (DAYS_SHOWN + 1) * DAY_MS).toISOString();
  const found = new Map<string, Growth>();
  for (const { time, bytesStored } of grown) {
    if (time < from) continue;
    const date = dateOf(new Date(time));
    const before = found.get(date);
    found.set(date, {
      snapshots: (before?.snapshots ?? 0) + 1,
      bytesStored: (before?.bytesStored ?? 0) + bytesStored,
    });
  }
  return found;
}

/** A failure that a later run of the day made good is not the day's; a drive that went away is nobody's. Newest first. */
function stateOf(runs: readonly Run[]): DayState {
  const last = runs.find(({ state, error }) => state !== 'cancelled' && error?.code !== 'destination/gone');
  if (last === undefined) return 'none';
  if (last.state !== 'done') return 'failed';
  return last.problemCount > 0 ? 'problems' : 'good';
}

function dateOf(day: Date): string {
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}
