/** What the window makes of live state, schedules, figures and line diffs: pure parts, as tables. */
import { describe, expect, it } from 'vitest';
import { bandPath, nearest, placed, scaleOf, stretches, timeMarks } from '../../src-renderer/chart.ts';
import { scheduleCommand } from '../../src-renderer/cli.ts';
import { DIFF_LINES_MAX, drawnHunks, pairsOf, unified } from '../../src-renderer/diff.ts';
import { pauseEnd } from '../../src-renderer/pause.ts';
import { Compare, firstComparison } from '../../src-renderer/state/compare.svelte.ts';
import { EditSchedule } from '../../src-renderer/state/edit-schedule.svelte.ts';
import { Looking } from '../../src-renderer/state/looking.svelte.ts';
import { ahead, words } from '../../src-renderer/words/index.ts';
import type { Client } from '../../src-renderer/api.ts';
import type {
  BackupSet,
  BrowseEntry,
  DiffLine,
  MetricPoint,
  PathVersion,
  Schedule,
  SnapshotSummary,
  Timing,
} from '../../src-shared/model/index.ts';
import { settle } from './fake-line.ts';

const NOW_MS = new Date(2026, 5, 15, 12).getTime();
const HOUR_MS = 3_600_000;
const inHours = (hours: number): string => new Date(NOW_MS + hours * HOUR_MS).toISOString();

const SCHEDULE: Schedule = {
  timing: { kind: 'continuous', fullScanEveryHours: 24 },
  whenDriveConnected: true,
  conditions: { onlyOnMainsPower: false, notOnMetered: false, onlyWhenIdleMinutes: null },
  staleAfterDays: 7,
};
const withTiming = (timing: Timing): Schedule => ({ ...SCHEDULE, timing });

const SET = {
  name: 'Documents',
  sources: [],
  schedule: SCHEDULE,
  pausedUntil: null,
  nextRun: { at: null, waitsFor: 'changes' },
  live: { state: 'watching', changedFolders: 0, reason: null, protectedUntil: inHours(0) },
} as unknown as BackupSet;

const title = (change: Partial<BackupSet>): string => words.liveWords({ ...SET, ...change }, null, NOW_MS).title;
const off = { ...SET.live, state: 'off' } as const;

describe('a schedule in words', () => {
  it.each([
    [{ kind: 'manual' }, 'Only when you ask for it and when the drive is connected'],
    [{ kind: 'continuous', fullScanEveryHours: 24 }, 'As things change, with a full look every day'],
    [{ kind: 'minutes', every: 45 }, 'Every 45 minutes and when the drive is connected'],
    [{ kind: 'minutes', every: 240 }, 'Every 4 hours and when the drive is connected'],
    [{ kind: 'hourly', minute: 0 }, 'Every hour and when the drive is connected'],
    [
      { kind: 'weekly', days: ['monday', 'friday'], at: '21:00' },
      'Mondays and Fridays at 21:00 and when the drive is connected',
    ],
  ] as const)('says %j', (timing, text) => expect(words.scheduleWords(withTiming(timing))).toBe(text));

  it('names its conditions', () => {
    const conditions = { onlyOnMainsPower: true, notOnMetered: true, onlyWhenIdleMinutes: 10 };
    const text = words.scheduleWords({
      ...withTiming({ kind: 'daily', at: '21:00' }),
      whenDriveConnected: false,
      conditions,
    });
    expect(text).toBe('Every day at 21:00, only on mains power, not on metered networks, after 10 minutes without you');
  });

  it('is the command line’s word too', () => {
    const command = scheduleCommand('cairn', 'My files', withTiming({ kind: 'weekly', days: ['sunday'], at: '07:30' }));
    expect(command).toBe(
      "cairn set edit 'My files' --schedule 'weekly sun 07:30' --when-drive-connected --no-only-on-power " +
        '--no-only-unmetered --no-only-when-idle --stale-after 7',
    );
  });

  it('comes through its sheet as it went in, and not at all while something is wrong', () => {
    const timings: readonly Timing[] = [
      { kind: 'manual' },
      { kind: 'continuous', fullScanEveryHours: 90 },
      { kind: 'minutes', every: 7 },
      { kind: 'hourly', minute: 59 },
      { kind: 'daily', at: '00:00' },
      { kind: 'weekly', days: ['tuesday', 'sunday'], at: '23:59' },
      { kind: 'cron', text: '0 21 * * 1-5' },
    ];
    for (const timing of timings) {
      const schedule = { ...withTiming(timing), staleAfterDays: null };
      expect(new EditSchedule(schedule).value).toEqual(schedule);
    }
    const edit = new EditSchedule(withTiming({ kind: 'minutes', every: 7 }));
    for (const every of ['', '0', '1.5', 'ten', '10081', '-3']) {
      edit.every = every;
      expect([every, edit.value]).toEqual([every, null]);
    }
  });
});

describe('what a set waits for', () => {
  it('is what holds it back, before what it is doing', () => {
    expect(title({})).toBe('Watching');
    expect(title({ pausedUntil: inHours(2) })).toBe('Paused until 14:00');
    expect(title({ pausedUntil: 'forever', nextRun: { at: null, waitsFor: 'drive' } })).toBe(
      'Paused until you resume it',
    );
    expect(title({ nextRun: { at: null, waitsFor: 'drive' } })).toBe('Waiting for the drive');
    expect(title({ nextRun: { at: inHours(-1), waitsFor: 'power' }, live: off })).toBe('Waiting for mains power');
    expect(title({ nextRun: { at: inHours(9), waitsFor: 'time' }, live: off })).toBe('Next: today, 21:00');
    expect(title({ nextRun: { at: inHours(21), waitsFor: 'time' }, live: off })).toBe('Next: tomorrow, 09:00');
    const manual = withTiming({ kind: 'manual' });
    expect(title({ schedule: manual, nextRun: { at: null, waitsFor: null }, live: off })).toBe(
      'Only when you ask for it',
    );
  });

  it('is paused until the morning when someone says so late at night', () => {
    const night = new Date(2026, 5, 15, 23, 50).getTime();
    expect(new Date(pauseEnd('tomorrow', night) ?? '')).toEqual(new Date(2026, 5, 16, 6));
    expect(pauseEnd('forever', night)).toBeNull();
    expect(Date.parse(pauseEnd('fourHours', night) ?? '') - night).toBe(4 * HOUR_MS);
  });

  it('is full in a round time', () => {
    const days = (number: number): string => ahead(inHours(number * 24), NOW_MS);
    expect([days(0.4), days(1), days(9), days(25), days(128), days(1500)]).toEqual([
      'less than a day',
      '1 day',
      '9 days',
      'about 4 weeks',
      'about 4 months',
      'about 4 years',
    ]);
  });
});

const point = (hours: number, mean: number, spread = 0): MetricPoint => ({
  t: inHours(hours),
  min: mean - spread,
  mean,
  max: mean + spread,
});
const FRAME = { fromMs: NOW_MS - 24 * HOUR_MS, toMs: NOW_MS, width: 240 };

describe('a chart', () => {
  it('has a scale that nothing exceeds, in few round steps', () => {
    for (const highest of [0, 0.3, 1, 7, 99, 1234, 2.14e11]) {
      const { max, ticks } = scaleOf([point(0, highest)], 'tens');
      expect(max).toBeGreaterThanOrEqual(highest);
      expect(ticks.length).toBeLessThanOrEqual(5);
      expect(ticks[0]).toBe(0);
    }
    expect(scaleOf([point(0, 61_000)], 'clock').ticks).toEqual([0, 30_000, 60_000, 90_000]);
    expect(scaleOf([point(0, 2)], 'whole').ticks).toEqual([0, 1, 2]);
    expect(scaleOf([], 'tens').max).toBeGreaterThan(0);
  });

  it('is broken where nothing was measured, and finds the nearest point', () => {
    const shown = placed([point(-10, 1), point(-9, 1), point(-8, 1), point(-2, 1), point(-1, 1)], FRAME);
    expect(stretches(shown).map((stretch) => stretch.length)).toEqual([3, 2]);
    expect(nearest(shown, 1000)).toBe(4);
    expect(nearest(shown, 0)).toBe(0);
    expect(nearest([], 5)).toBe(-1);
    expect(bandPath([], (value) => value)).toBe('');
  });

  it('has marks that do not touch, at full hours, days and months', () => {
    for (const range of ['day', 'week', 'month', 'year'] as const) {
      const hours = { day: 24, week: 168, month: 720, year: 8760 }[range];
      const fromMs = NOW_MS - hours * HOUR_MS;
      for (const width of [120, 400, 900]) {
        const marks = timeMarks(range, { fromMs, toMs: NOW_MS, width });
        const gaps = marks.slice(1).map((mark, index) => ((mark - (marks[index] ?? 0)) / (NOW_MS - fromMs)) * width);
        expect(Math.min(48, ...gaps)).toBeGreaterThanOrEqual(48 - 1e-6);
        expect(marks.every((mark) => new Date(mark).getMinutes() === 0)).toBe(true);
      }
    }
  });
});

const same = (text: string): DiffLine => ({ kind: 'same', text });
const gone = (text: string): DiffLine => ({ kind: 'removed', text });
const come = (text: string): DiffLine => ({ kind: 'added', text });

describe('a line diff', () => {
  const pairs = pairsOf({
    beforeLine: 10,
    afterLine: 20,
    lines: [same('a'), gone('the old word'), gone('b'), come('the new word'), same('c'), come('d')],
  });

  it('puts what went beside what came, with the numbers of both sides', () => {
    const numbers = pairs.map(({ before, after }) => [before?.number ?? null, after?.number ?? null]);
    expect(numbers).toEqual([
      [10, 20],
      [11, 21],
      [12, null],
      [13, 22],
      [null, 23],
    ]);
  });

  it('marks what differs within a line', () => {
    expect(pairs[1]?.before?.pieces.filter(({ differs }) => differs)).toEqual([{ text: 'old', differs: true }]);
    expect(pairs[1]?.after?.pieces.map(({ text }) => text).join('')).toBe('the new word');
  });

  it('stands in one column with what went first', () => {
    expect(unified(pairs).map(({ kind, number }) => `${kind} ${number}`)).toEqual([
      'same 10',
      'removed 11',
      'removed 12',
      'added 21',
      'same 13',
      'added 23',
    ]);
  });

  it('is cut where it would fill the page', () => {
    const lines = Array.from({ length: DIFF_LINES_MAX + 5 }, (_, index) => come(`${index}`));
    const { hunks, cut } = drawnHunks([{ beforeLine: 1, afterLine: 1, lines }]);
    expect([hunks[0]?.pairs.length, cut]).toEqual([DIFF_LINES_MAX, true]);
    expect(drawnHunks([{ beforeLine: 1, afterLine: 1, lines: lines.slice(0, 3) }]).cut).toBe(false);
  });
});

describe('a comparison', () => {
  const snapshot = (id: string): SnapshotSummary => ({ id }) as SnapshotSummary;
  const [one, two, three] = ['1', '2', '3'].map(snapshot) as [SnapshotSummary, SnapshotSummary, SnapshotSummary];

  it('begins with what a person most likely means', () => {
    expect(firstComparison([one, two, three], three)).toEqual({ before: '2', after: '3' });
    expect(firstComparison([one, two, three], one)).toEqual({ before: '1', after: '3' });
    expect(firstComparison([one], one)).toEqual({ before: '1', after: 'live' });
  });

  it('asks again for other kinds, keeps one of them, and never swaps with the present', async () => {
    const asked: unknown[] = [];
    const totals = { added: 1, removed: 2, changed: 4, metadata: 8 };
    const client = {
      call: (_: string, input: { readonly kinds: readonly string[] }) => {
        asked.push(input.kinds);
        return Promise.resolve({ entries: [], totals, incomplete: false });
      },
    } as unknown as Client;
    const compare = new Compare(client);
    compare.begin('d', '1', 'live', '');
    await settle();
    expect(compare.changes.total).toBe(7);
    for (const kind of ['added', 'removed', 'changed'] as const) compare.toggle(kind, false);
    await settle();
    expect([...compare.kinds]).toEqual(['changed']);
    expect(asked.at(-1)).toEqual(['changed']);
    compare.swap();
    expect([compare.before, compare.after]).toEqual(['1', 'live']);
  });
});

describe('the versions of a file', () => {
  const version = (snapshotId: string, firstTime: string, lastTime: string): PathVersion => ({
    snapshotId,
    firstTime,
    lastTime,
    size: 1,
    mtime: firstTime,
    contentHash: snapshotId,
    isCurrent: false,
  });
  const rows = [
    version('v3', '2026-03', '2026-04'),
    version('v2', '2026-02', '2026-02'),
    version('v1', '2026-01', '2026-01'),
  ];
  const entry = { path: 'a/b.txt', type: 'file' } as BrowseEntry;

  it('show the one of the open snapshot, another when it is chosen, and preview that one', async () => {
    const previewed: unknown[] = [];
    const client = {
      call: (command: string, input: { readonly snapshotId: string }) => {
        if (command === 'browse.preview') previewed.push(input.snapshotId);
        return Promise.resolve(command === 'browse.preview' ? { kind: 'none' } : rows);
      },
    } as unknown as Client;
    const looking = new Looking(client);
    looking.look({ destinationId: 'd', snapshotId: 's', time: '2026-02' }, entry);
    await settle();
    expect([looking.version?.snapshotId, looking.isOther]).toEqual(['v2', false]);
    looking.choose(rows[2]!);
    expect([looking.version?.snapshotId, looking.isOther]).toEqual(['v1', true]);
    looking.choose(rows[1]!);
    expect([looking.version?.snapshotId, looking.isOther]).toEqual(['v2', false]);
    expect(previewed).toEqual(['s', 'v1', 's']);
    looking.look({ destinationId: 'd', snapshotId: 's', time: '2026-02' }, { ...entry, type: 'directory' });
    expect(looking.versions.state.kind).toBe('idle');
  });
});
