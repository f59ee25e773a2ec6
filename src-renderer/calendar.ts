/** A month as cells that begin on Monday, and days with the amount that changed in five steps. Pure. */
import type { SnapshotSummary } from '../src-shared/model/index.ts';
import { dayNumber, parseTime } from './words/time.ts';

export type HeatLevel = 1 | 2 | 3 | 4;
export type HeatDay = { readonly snapshots: number; readonly bytes: number; readonly level: HeatLevel };
export type Cell = { readonly day: number; readonly date: number; readonly timeMs: number };

/** Steps by the share of days that changed less, so that one huge first backup does not make all others pale. */
export function heatDays(snapshots: readonly SnapshotSummary[]): ReadonlyMap<number, HeatDay> {
  const days = new Map<number, { snapshots: number; bytes: number }>();
  for (const snapshot of snapshots) {
    const day = dayNumber(parseTime(snapshot.time));
    const before = days.get(day) ?? { snapshots: 0, bytes: 0 };
    days.set(day, { snapshots: before.snapshots + 1, bytes: before.bytes + snapshot.stats.bytesAdded });
  }
  const sizes = [...days.values()].map(({ bytes }) => bytes).toSorted((one, other) => one - other);
  return new Map(
    [...days].map(([day, sum]) => {
      const share = sizes.indexOf(sum.bytes) / Math.max(1, sizes.length - 1);
      const level: HeatLevel = share < 0.34 ? 1 : share < 0.67 ? 2 : share < 0.9 ? 3 : 4;
      return [day, { ...sum, level }];
    }),
  );
}

/** Null for the cells before the first of the month. */
export function monthCells(firstOfMonthMs: number): readonly (Cell | null)[] {
  const first = new Date(firstOfMonthMs);
  const year = first.getFullYear();
  const month = first.getMonth();
  const before = (first.getDay() + 6) % 7;
  const length = new Date(year, month + 1, 0).getDate();
  const cells = Array.from({ length }, (_, index): Cell => {
    const timeMs = new Date(year, month, index + 1, 12).getTime();
    return { day: dayNumber(timeMs), date: index + 1, timeMs };
  });
  return [...Array.from({ length: before }, () => null), ...cells];
}
