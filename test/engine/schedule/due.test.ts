import { beforeAll, describe, expect, it, vi } from 'vitest';
import { parseTiming } from '../../../src-shared/format/index.ts';
import type { Timing } from '../../../src-shared/model/index.ts';
import {
  AGAIN_TRIES_MAX,
  type ScheduleState,
  isDueOnArrival,
  missedRuns,
  nextDue,
  occurrenceAfter,
  runBegan,
  runEnded,
  startState,
} from '../../../src-main/engine/schedule/index.ts';
import { type Seeded, seeded, testSeed } from '../../support/seed.ts';
import { type Shown, dailyTimes, minutesOf } from './wall-clock.ts';

// Many processes, or a year: a busy computer takes its time.
vi.setConfig({ testTimeout: 240_000 });

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const FROM_MS = Date.parse('2026-01-01T12:00:00Z');
const TO_MS = FROM_MS + 365 * DAY_MS;
const ZONES = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'UTC'] as const;
const EVERY_DAY = new Set([0, 1, 2, 3, 4, 5, 6]);

const seed = testSeed('schedules');
const years = new Map<string, readonly Shown[]>();
beforeAll(() => {
  for (const zone of ZONES) years.set(zone, [...minutesOf(zone, FROM_MS - DAY_MS, TO_MS + 1)]);
});

type Period = { readonly fromMs: number; readonly toMs: number };
type Ran = { readonly atMs: number; readonly reason: string };

/** When the computer is on: some minutes or most of a day; off: for a nap, a night, or some days. */
function awakePeriods(random: Seeded): readonly Period[] {
  const periods: Period[] = [];
  for (let atMs = FROM_MS; atMs < TO_MS;) {
    const toMs = Math.min(TO_MS, atMs + random.between(1, 20 * 60) * MINUTE_MS + random.between(0, 59_999));
    periods.push({ fromMs: atMs, toMs });
    const longestMs = random.chance(0.1) ? 5 * DAY_MS : random.chance(0.5) ? 12 * HOUR_MS : 5 * MINUTE_MS;
    atMs = toMs + random.between(1, longestMs);
  }
  return periods;
}

/** A year of a computer: it asks what is due when it wakes, and when the time has come that it was told. */
function liveThrough(timing: Timing, zone: string, periods: readonly Period[]): readonly Ran[] {
  const runs: Ran[] = [];
  let state = startState(FROM_MS);
  for (const { fromMs, toMs } of periods) {
    // It was off in between: what is known stands on disk.
    state = JSON.parse(JSON.stringify(state)) as ScheduleState;
    for (let nowMs = fromMs; ;) {
      const next = nextDue(timing, state, nowMs, zone);
      ({ state } = next);
      if (next.due === null || next.due.atMs > toMs) break;
      if (next.due.atMs > nowMs) {
        nowMs = next.due.atMs;
        continue;
      }
      runs.push({ atMs: nowMs, reason: next.due.reason });
      state = runEnded(runBegan(state, nowMs), nowMs, 'good');
    }
  }
  return runs;
}

/** Each time is answered at once, or as soon as the computer is on again; several missed ones together. */
function expectedRuns(times: readonly number[], periods: readonly Period[]): readonly number[] {
  const answered = times.flatMap((atMs) => {
    const period = periods.find(({ toMs }) => toMs >= atMs);
    return period === undefined ? [] : [Math.max(atMs, period.fromMs)];
  });
  return [...new Set(answered)];
}

const afterStart = (times: readonly number[]): readonly number[] => times.filter((atMs) => atMs > FROM_MS);

const CASES: readonly (readonly [text: string, times: (year: readonly Shown[]) => readonly number[]])[] = [
  ['daily 21:00', (year) => dailyTimes(year, '21:00', EVERY_DAY)],
  // In Berlin and New York a spring night skips it, an autumn night of New York and Lord Howe has 01:45 twice.
  ['daily 02:30', (year) => dailyTimes(year, '02:30', EVERY_DAY)],
  ['daily 01:45', (year) => dailyTimes(year, '01:45', EVERY_DAY)],
  ['daily 02:00', (year) => dailyTimes(year, '02:00', EVERY_DAY)],
  ['weekly sun,wed 02:15', (year) => dailyTimes(year, '02:15', new Set([0, 3]))],
  ['cron: 40 */6 * * *', (year) => year.flatMap(({ atMs, time }) => (/^(00|06|12|18):40$/.test(time) ? [atMs] : []))],
  [
    'cron: 30 6,18 * * 1-5',
    (year) =>
      year.flatMap(({ atMs, time, weekday }) =>
        /^(06|18):30$/.test(time) && weekday >= 1 && weekday <= 5 ? [atMs] : [],
      ),
  ],
];

describe.each(ZONES)('a year in %s', (zone) => {
  it.each(CASES)('runs “%s” exactly once each, with sleep and shutdowns in between', (text, times) => {
    const expected = afterStart(times(years.get(zone)!));
    expect(expected.length).toBeGreaterThan(50);
    const random = seeded(seed + text.length);
    const always = [{ fromMs: FROM_MS, toMs: TO_MS }];
    const timing = parseTiming(text);
    expect(liveThrough(timing, zone, always).map(({ atMs }) => atMs)).toEqual(expected);
    const periods = awakePeriods(random);
    const runs = liveThrough(timing, zone, periods);
    expect(runs.map(({ atMs }) => atMs)).toEqual(expectedRuns(expected, periods));
    // What was missed says so.
    const onTime = new Set(expected);
    expect(runs.filter(({ atMs, reason }) => onTime.has(atMs) && reason !== 'scheduled')).toEqual([]);
    expect(runs.filter(({ reason }) => reason === 'caught-up').length).toBeGreaterThan(0);
  });
});

describe.each(['Europe/Berlin', 'Australia/Lord_Howe'] as const)('a year of hours in %s', (zone) => {
  it('runs whenever the clock shows the minute, also where an hour comes twice', () => {
    const times = afterStart(years.get(zone)!.flatMap(({ atMs, time }) => (time.endsWith(':45') ? [atMs] : [])));
    const periods = awakePeriods(seeded(seed));
    const runs = liveThrough(parseTiming('hourly :45'), zone, periods);
    expect(runs.map(({ atMs }) => atMs)).toEqual(expectedRuns(times, periods));
  });
});

describe('every N minutes', () => {
  it('counts from the last run, and runs once at once after sleep', () => {
    const periods = awakePeriods(seeded(seed));
    const runs = liveThrough(parseTiming('every 90m'), 'Europe/Berlin', periods);
    let lastMs = FROM_MS;
    const expected: number[] = [];
    for (const { fromMs, toMs } of periods) {
      for (let atMs = Math.max(lastMs + 90 * MINUTE_MS, fromMs); atMs <= toMs; atMs = lastMs + 90 * MINUTE_MS) {
        expected.push(atMs);
        lastMs = atMs;
      }
    }
    expect(runs.map(({ atMs }) => atMs)).toEqual(expected);
  });
});

describe('summer time', () => {
  const daysOf = (text: string, zone: string, from: string, count: number): readonly string[] => {
    const found: string[] = [];
    for (let atMs = Date.parse(from); found.length < count;) {
      atMs = occurrenceAfter(parseTiming(text), atMs, zone) ?? Number.NaN;
      found.push(new Date(atMs).toISOString());
    }
    return found;
  };

  it('a time of day in the gap comes when the gap ends', () => {
    expect(daysOf('daily 02:30', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
    expect(daysOf('daily 02:15', 'Australia/Lord_Howe', '2026-10-03T00:00:00Z', 1)).toEqual([
      '2026-10-03T15:30:00.000Z',
    ]);
  });

  it('a time of day that comes twice counts the first time', () => {
    expect(daysOf('daily 02:30', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
  });

  it('an hourly run comes in both of the two hours', () => {
    expect(daysOf('hourly :15', 'Europe/Berlin', '2026-10-24T23:20:00Z', 3)).toEqual([
      '2026-10-25T00:15:00.000Z',
      '2026-10-25T01:15:00.000Z',
      '2026-10-25T02:15:00.000Z',
    ]);
  });
});

/** A computer that is on all year, with a wall clock that somebody sets. `jump` says what it shows from then on. */
function liveWithJumps(
  timing: Timing,
  jumps: readonly { readonly realMs: number; readonly offsetMs: number }[],
  toMs: number,
) {
  const runs: { realMs: number; wallMs: number }[] = [];
  let state = startState(FROM_MS);
  let offsetMs = 0;
  let pending = [...jumps];
  for (let realMs = FROM_MS; realMs < toMs;) {
    while (pending[0] !== undefined && pending[0].realMs <= realMs) {
      ({ offsetMs } = pending[0]);
      pending = pending.slice(1);
    }
    const wallMs = Math.max(0, realMs + offsetMs);
    const next = nextDue(timing, state, wallMs, 'Europe/Berlin');
    ({ state } = next);
    if (next.due!.atMs <= wallMs) {
      runs.push({ realMs, wallMs });
      state = runEnded(runBegan(state, wallMs), wallMs, 'good');
      continue;
    }
    realMs += Math.min(next.due!.atMs - wallMs, (pending[0]?.realMs ?? Number.POSITIVE_INFINITY) - realMs);
  }
  return runs;
}

describe('a clock that is set', () => {
  it('by less than the time between two runs repeats none and skips none', () => {
    const random = seeded(seed);
    const jumps = [];
    for (let realMs = FROM_MS; realMs < TO_MS; realMs += random.between(1, 9) * HOUR_MS + random.between(0, HOUR_MS))
      jumps.push({ realMs, offsetMs: random.between(-11 * HOUR_MS, 11 * HOUR_MS) });
    // In the end it is right again.
    jumps.push({ realMs: TO_MS - 2 * DAY_MS, offsetMs: 0 });
    const runs = liveWithJumps(parseTiming('daily 21:00'), jumps, TO_MS);
    const dayOf = (wallMs: number): number => {
      // The day whose 21:00 a run answers: its own, or of the day before where it is early.
      const berlin = new Date(wallMs).toLocaleString('sv', { timeZone: 'Europe/Berlin' });
      const day = Date.parse(`${berlin.slice(0, 10)}T00:00:00Z`) / DAY_MS;
      return berlin.slice(11) >= '21:00' ? day : day - 1;
    };
    const days = runs.map(({ wallMs }) => dayOf(wallMs));
    expect(new Set(days).size).toBe(days.length);
    expect(days.at(-1)! - days[0]! + 1).toBe(days.length);
    expect(days.length).toBeGreaterThanOrEqual(364);
  });

  it.each(['1970-01-01T00:00:00Z', '2100-06-01T00:00:00Z', '2030-01-01T00:00:00Z'])(
    'to %s and back does no harm: at most one run more each time, and the runs go on',
    (wrong) => {
      const random = seeded(seed);
      const toMs = FROM_MS + 120 * DAY_MS;
      for (const text of ['daily 21:00', 'every 4h', 'weekly mon 21:00', 'cron: 40 */6 * * *']) {
        const jumps = [];
        for (let realMs = FROM_MS + DAY_MS; realMs < toMs - 30 * DAY_MS; realMs += random.between(5, 40) * DAY_MS) {
          jumps.push({ realMs, offsetMs: Date.parse(wrong) - realMs });
          jumps.push({ realMs: realMs + random.between(1, 3 * DAY_MS), offsetMs: 0 });
        }
        const steady = liveWithJumps(parseTiming(text), [], toMs);
        const runs = liveWithJumps(parseTiming(text), jumps, toMs);
        expect(Math.abs(runs.length - steady.length)).toBeLessThanOrEqual(jumps.length);
        const gap = (list: readonly { realMs: number }[]): number =>
          Math.max(...list.slice(1).map(({ realMs }, index) => realMs - list[index]!.realMs));
        // A wrong clock may delay a run by as long as it was wrong, and by one turn.
        expect(gap(runs)).toBeLessThanOrEqual(2 * gap(steady) + 3 * DAY_MS);
      }
    },
  );
});

describe('a run that did not end well', () => {
  const timing = parseTiming('weekly mon 21:00');
  const dueOf = (state: ScheduleState, nowMs: number) => nextDue(timing, state, nowMs, 'UTC').due!;

  it('comes again soon, then less and less often, and at last at its next time only', () => {
    let nowMs = FROM_MS;
    let state = startState(nowMs);
    const waits: number[] = [];
    for (let tries = 0; tries < AGAIN_TRIES_MAX; tries++) {
      state = runEnded(runBegan(state, nowMs), nowMs, 'failed');
      const due = dueOf(state, nowMs);
      expect(due.reason).toBe('again');
      waits.push((due.atMs - nowMs) / MINUTE_MS);
      nowMs = due.atMs;
    }
    expect(waits).toEqual([15, 30, 60, 120, 240]);
    state = runEnded(runBegan(state, nowMs), nowMs, 'failed');
    expect(dueOf(state, nowMs)).toMatchObject({ reason: 'scheduled' });
    state = runEnded(runBegan(state, nowMs), nowMs, 'good');
    expect(state.unfinished).toBeNull();
  });

  it('is one that the computer went off in, too', () => {
    const begun = JSON.parse(JSON.stringify(runBegan(startState(FROM_MS), FROM_MS))) as ScheduleState;
    expect(dueOf(begun, FROM_MS + DAY_MS)).toEqual({ atMs: FROM_MS + 15 * MINUTE_MS, reason: 'again' });
  });

  it('is not one that a person cancelled', () => {
    const cancelled = runEnded(runBegan(startState(FROM_MS), FROM_MS), FROM_MS + 1, 'cancelled');
    expect(dueOf(cancelled, FROM_MS + DAY_MS).reason).toBe('scheduled');
  });
});

describe('a drive that comes', () => {
  it('is a reason to run, but not for one with a bad contact', () => {
    const done = runEnded(runBegan(startState(FROM_MS), FROM_MS), FROM_MS, 'good');
    expect(isDueOnArrival(done, FROM_MS + MINUTE_MS)).toBe(false);
    expect(isDueOnArrival(done, FROM_MS + 11 * MINUTE_MS)).toBe(true);
    expect(isDueOnArrival(done, FROM_MS - DAY_MS)).toBe(true);
    const torn = runEnded(runBegan(startState(FROM_MS), FROM_MS), FROM_MS, 'failed');
    expect(isDueOnArrival(torn, FROM_MS + 1)).toBe(true);
  });
});

describe('missed runs', () => {
  it('are counted up to what is asked for', () => {
    const count = (text: string, days: number): number =>
      missedRuns(parseTiming(text), startState(FROM_MS), {
        nowMs: FROM_MS + days * DAY_MS,
        timeZone: 'UTC',
        most: 3,
      });
    expect([count('daily 21:00', 0), count('daily 21:00', 1), count('daily 21:00', 2)]).toEqual([0, 1, 2]);
    expect([count('every 5m', 300), count('manual', 300), count('weekly mon 00:00', 8)]).toEqual([3, 0, 1]);
  });
});
