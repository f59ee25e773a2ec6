import { describe, expect, it } from 'vitest';
import { parseTiming } from '../../../src-shared/format/index.ts';
import type { StaleAlarm } from '../../../src-shared/model/index.ts';
import {
  FIRST_CHANCE_MS,
  SCHEDULE_DEFAULTS,
  type StaleFacts,
  isToldNow,
  staleAlarm,
  startState,
} from '../../../src-main/engine/schedule/index.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.parse('2026-06-15T12:00:00Z');
const daysAgo = (days: number): number => NOW_MS - days * DAY_MS;

const facts = (change: Partial<StaleFacts> = {}, timing = 'manual'): StaleFacts => ({
  schedule: { ...SCHEDULE_DEFAULTS, timing: parseTiming(timing), staleAfterDays: 7 },
  state: startState(change.lastGoodMs ?? daysAgo(30)),
  pausedUntil: null,
  pausedSinceMs: null,
  lastGoodMs: daysAgo(1),
  createdMs: daysAgo(30),
  upSinceMs: daysAgo(3),
  toldMs: null,
  isAtWork: false,
  nowMs: NOW_MS,
  timeZone: 'UTC',
  ...change,
});

describe('silence', () => {
  it('is an alarm when the last good backup is as old as the set allows', () => {
    expect(staleAlarm(facts({ lastGoodMs: daysAgo(6.9) }))).toBeNull();
    expect(staleAlarm(facts({ lastGoodMs: daysAgo(7) }))).toEqual({
      kind: 'no-good-backup',
      since: '2026-06-08T12:00:00.000Z',
      days: 7,
    });
  });

  it('is an alarm where there never was a good backup, counted from when the set was made', () => {
    expect(staleAlarm(facts({ lastGoodMs: null, createdMs: daysAgo(2) }))).toBeNull();
    expect(staleAlarm(facts({ lastGoodMs: null, createdMs: daysAgo(9) }))).toEqual({
      kind: 'no-good-backup',
      since: null,
      days: 9,
    });
    // Adopted yesterday: what it had on another computer does not count against it.
    expect(staleAlarm(facts({ lastGoodMs: daysAgo(400), createdMs: daysAgo(1) }))).toBeNull();
  });

  it('is an alarm when two runs were missed, but not within one day', () => {
    expect(staleAlarm(facts({ lastGoodMs: daysAgo(2.5) }, 'daily 21:00'))).toEqual({
      kind: 'missed',
      since: new Date(daysAgo(2.5)).toISOString(),
      runs: 2,
    });
    expect(staleAlarm(facts({ lastGoodMs: daysAgo(1.2) }, 'daily 21:00'))).toBeNull();
    expect(staleAlarm(facts({ lastGoodMs: daysAgo(0.9) }, 'every 15m'))).toBeNull();
    expect(staleAlarm(facts({ lastGoodMs: daysAgo(1.1) }, 'every 15m'))).toMatchObject({ kind: 'missed' });
    expect(staleAlarm(facts({ lastGoodMs: daysAgo(6) }, 'manual'))).toBeNull();
  });

  it('is none while the set is at work, or where the person wants none', () => {
    expect(staleAlarm(facts({ lastGoodMs: daysAgo(90), isAtWork: true }))).toBeNull();
    const schedule = { ...SCHEDULE_DEFAULTS, staleAfterDays: null };
    expect(staleAlarm(facts({ lastGoodMs: daysAgo(90), schedule }))).toBeNull();
  });

  it('is none for a computer that was off, until it had its first chance', () => {
    const off = facts({ lastGoodMs: daysAgo(90), upSinceMs: NOW_MS - FIRST_CHANCE_MS + 1 }, 'daily 21:00');
    expect(staleAlarm(off)).toBeNull();
    expect(staleAlarm({ ...off, nowMs: NOW_MS + 1 })).toMatchObject({ kind: 'no-good-backup', days: 90 });
  });

  it('is none in a pause that is shorter than the silence the set allows', () => {
    const paused = { lastGoodMs: daysAgo(9), pausedUntil: 'forever' } as const;
    expect(staleAlarm(facts({ ...paused, pausedSinceMs: daysAgo(6.9) }))).toBeNull();
    expect(staleAlarm(facts({ ...paused, pausedSinceMs: daysAgo(7) }))).toMatchObject({ days: 9 });
    expect(staleAlarm(facts({ ...paused, pausedSinceMs: null }))).toBeNull();
    // Missed runs are what a pause is for.
    const long = { lastGoodMs: daysAgo(3), pausedUntil: 'forever', pausedSinceMs: daysAgo(20) } as const;
    expect(staleAlarm(facts(long, 'daily 21:00'))).toBeNull();
    expect(
      staleAlarm(facts({ lastGoodMs: daysAgo(9), pausedUntil: new Date(daysAgo(1)).toISOString() })),
    ).not.toBeNull();
  });

  it('is none by a clock that was set back', () => {
    expect(staleAlarm(facts({ lastGoodMs: NOW_MS + 400 * DAY_MS }))).toBeNull();
    expect(staleAlarm(facts({ nowMs: 0, upSinceMs: NOW_MS }))).toBeNull();
  });

  it('is told once, and a second time only when missed runs have become the days the set allows', () => {
    const gone = { lastGoodMs: daysAgo(8), createdMs: daysAgo(30) };
    const toldNow = (toldMs: number | null, kind: StaleAlarm['kind']): boolean =>
      isToldNow(facts({ ...gone, toldMs }), { kind });
    expect(toldNow(null, 'missed')).toBe(true);
    expect(toldNow(daysAgo(5), 'missed')).toBe(false);
    expect(toldNow(daysAgo(5), 'no-good-backup')).toBe(true);
    expect(toldNow(daysAgo(1), 'no-good-backup')).toBe(false);
    // Of the silence before this one, and by a clock that was set back since.
    expect(toldNow(daysAgo(9), 'missed')).toBe(true);
    expect(toldNow(NOW_MS + 1, 'no-good-backup')).toBe(true);
  });

  it('is told twice in a year of silence, whoever looks however often', () => {
    let toldMs: number | null = null;
    const told: string[] = [];
    for (let nowMs = NOW_MS; nowMs < NOW_MS + 365 * DAY_MS; nowMs += 10 * 60_000) {
      const now = facts({ lastGoodMs: NOW_MS, toldMs, nowMs, state: startState(NOW_MS) }, 'daily 21:00');
      const alarm = staleAlarm(now);
      if (alarm === null || !isToldNow(now, alarm)) continue;
      toldMs = nowMs;
      told.push(`${alarm.kind} ${Math.floor((nowMs - NOW_MS) / DAY_MS)}`);
    }
    expect(told).toEqual(['missed 1', 'no-good-backup 7']);
  });
});
