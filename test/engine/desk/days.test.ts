/** The last thirty days from the record of runs. */
import { describe, expect, it } from 'vitest';
import type { Run } from '../../../src-shared/model/index.ts';
import { DAYS_SHOWN, daysOf } from '../../../src-main/engine/desk/days.ts';

const NOW_MS = new Date(2026, 3, 10, 12).getTime();

const run = (day: number, hour: number, change: Partial<Run> = {}): Run => ({
  runId: `${day} ${hour}`,
  kind: 'backup',
  setId: 's1',
  destinationId: 'd1',
  state: 'done',
  startedAt: new Date(2026, 3, day, hour).toISOString(),
  durationMs: 1000,
  files: 0,
  bytes: 0,
  problemCount: 0,
  snapshotId: 'aa',
  error: null,
  undoable: false,
  ...change,
});

const day = (runs: readonly Run[], date: string) => daysOf(runs, [], NOW_MS).find((row) => row.date === date);

describe('the last thirty days', () => {
  it('end with today, go by the calendar and skip none, also where a clock was changed', () => {
    const dates = daysOf([], [], NOW_MS).map(({ date }) => date);
    expect(dates).toHaveLength(DAYS_SHOWN);
    expect([dates[0], dates.at(-1)]).toEqual(['2026-03-12', '2026-04-10']);
    expect(new Set(dates).size).toBe(DAYS_SHOWN);
  });

  it('are good when the last run of a day was, whatever went before', () => {
    const failed = { state: 'failed', snapshotId: null } as const;
    expect(day([run(10, 9), run(10, 8, failed)], '2026-04-10')).toMatchObject({ state: 'good', runs: 2, snapshots: 1 });
    expect(day([run(10, 9, failed), run(10, 8)], '2026-04-10')).toMatchObject({
      state: 'failed',
      runs: 2,
      snapshots: 1,
    });
    expect(day([run(9, 9, { problemCount: 2 })], '2026-04-09')).toMatchObject({ state: 'problems' });
    expect(day([run(9, 9, { state: 'interrupted' })], '2026-04-09')).toMatchObject({ state: 'failed' });
  });

  it('do not count what was cancelled as good or as failed, nor a drive that went away, nor checks as backups', () => {
    const error = { code: 'destination/gone', message: '', hint: '', retry: 'later' } as const;
    const away = run(8, 10, { state: 'failed', snapshotId: null, error });
    expect(day([away], '2026-04-08')).toMatchObject({ state: 'none' });
    expect(day([away, run(8, 9)], '2026-04-08')).toMatchObject({ state: 'good' });
    expect(day([run(8, 9, { state: 'cancelled', snapshotId: null })], '2026-04-08')).toMatchObject({ state: 'none' });
    expect(day([run(8, 9, { kind: 'verify' })], '2026-04-08')).toMatchObject({ state: 'none', runs: 0 });
  });

  it('say what was added, by the snapshots of each day', () => {
    const at = (date: number, hour: number, bytesStored: number) => ({
      time: new Date(2026, 3, date, hour).toISOString(),
      bytesStored,
    });
    const longAgo = { time: '2020-01-01T00:00:00Z', bytesStored: 99 };
    const days = daysOf([], [at(9, 1, 10), at(9, 23, 5), at(10, 0, 1), longAgo], NOW_MS);
    const grown = days.filter(({ bytesStored }) => bytesStored > 0);
    // No run, because what is backed up as it happens is none: the day is good all the same.
    expect(grown).toEqual([
      { date: '2026-04-09', runs: 0, state: 'good', snapshots: 2, bytesStored: 15 },
      { date: '2026-04-10', runs: 0, state: 'good', snapshots: 1, bytesStored: 1 },
    ]);
  });
});
