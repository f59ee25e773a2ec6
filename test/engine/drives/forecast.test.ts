/** How a backup grows, when its drive is full, and whether the next run fits. */
import { describe, expect, it } from 'vitest';
import {
  type StoredAt,
  SPARE_BYTES,
  forecastCapacity,
  growthOf,
  historyOf,
  roomFor,
} from '../../../src-main/engine/drives/index.ts';
import { seeded, testSeed } from '../../support/seed.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 22, 12);
const GB = 1e9;
const daysAgo = (days: number, storedBytes: number): StoredAt => ({ timeMs: NOW_MS - days * DAY_MS, storedBytes });
/** A figure for each of the last days, oldest first. */
const daily = (days: number, storedOn: (day: number) => number): StoredAt[] =>
  Array.from({ length: days }, (_, index) => daysAgo(days - 1 - index, storedOn(index)));

describe('growth', () => {
  it('is that of a backup which grows evenly', () => {
    expect(
      growthOf(
        daily(30, (day) => 500 * GB + day * 2 * GB),
        NOW_MS,
      ),
    ).toBeCloseTo(2 * GB, -3);
  });

  it('is moved little by one week of holiday pictures, or by one clean-up', () => {
    const pictures = daily(60, (day) => day * GB + (day > 40 ? 300 * GB : 0));
    expect(growthOf(pictures, NOW_MS)! / GB).toBeLessThan(3);
    const cleaned = daily(60, (day) => 500 * GB + day * GB - (day > 50 ? 200 * GB : 0));
    expect(growthOf(cleaned, NOW_MS)! / GB).toBeGreaterThan(0.5);
  });

  it('is right within a tenth though every fourth day is far off', () => {
    const random = seeded(testSeed('growth'));
    for (let round = 0; round < 20; round++) {
      const slope = random.between(1, 50) * 1e8;
      const noisy = daily(80, (day) => day * slope + (random.chance(0.25) ? random.between(-100, 100) * slope : 0));
      expect(growthOf(noisy, NOW_MS)! / slope).toBeGreaterThan(0.9);
      expect(growthOf(noisy, NOW_MS)! / slope).toBeLessThan(1.1);
    }
  });

  it('counts the last figure of a day, and no day longer ago than 90', () => {
    const often = daily(20, (day) => day * GB).flatMap(({ timeMs, storedBytes }) => [
      { timeMs: timeMs - 1000, storedBytes: 0 },
      { timeMs, storedBytes },
    ]);
    expect(growthOf(often.toReversed(), NOW_MS)).toBeCloseTo(GB, -3);
    const old = [...Array.from({ length: 50 }, (_, index) => daysAgo(400 - index, index * 900 * GB))];
    expect(growthOf([...old, ...daily(20, (day) => day * GB)], NOW_MS)).toBeCloseTo(GB, -3);
  });

  it('takes ten thousand snapshots of one day for one day', () => {
    const live = Array.from({ length: 10_000 }, (_, index) => ({ timeMs: NOW_MS - index, storedBytes: index }));
    expect(growthOf(live, NOW_MS)).toBeNull();
    expect(growthOf([...daily(10, (day) => day * GB), ...live], NOW_MS)).not.toBeNull();
  });

  it.each<[string, StoredAt[]]>([
    ['nothing', []],
    ['one figure', [daysAgo(0, GB)]],
    ['three days', daily(3, (day) => day * GB)],
    [
      'figures of the future',
      daily(10, (day) => day * GB).map((one) => ({ ...one, timeMs: one.timeMs + 20 * DAY_MS })),
    ],
  ])('is not known from %s', (_what, history) => {
    expect(growthOf(history, NOW_MS)).toBeNull();
  });
});

describe('the day a drive is full', () => {
  const forecast = (bytesPerDay: number | null, freeBytes: number | null) =>
    forecastCapacity(bytesPerDay, { freeBytes, nowMs: NOW_MS });

  it('is when the room is used up at this pace', () => {
    expect(forecast(2 * GB, 20 * GB)).toEqual({ fullAt: '2026-12-03T00:00:00.000Z', bytesPerDay: 2 * GB });
  });

  it('moves by days, not by seconds', () => {
    const later = forecastCapacity(2 * GB, { freeBytes: 20 * GB - 5000, nowMs: NOW_MS + 5000 });
    expect(later.fullAt).toBe(forecast(2 * GB, 20 * GB).fullAt);
  });

  it('is now where nothing is left', () => {
    expect(forecast(GB, 0).fullAt).toBe('2026-11-23T00:00:00.000Z');
  });

  it.each([
    ['it does not grow', 0, GB],
    ['it shrinks', -GB, GB],
    ['it grows by so little that nobody lives to see it', 1, 1e12],
    ['the drive is away', GB, null],
    ['too little is known', null, GB],
  ])('is not in sight where %s', (_what, bytesPerDay, freeBytes) => {
    expect(forecast(bytesPerDay, freeBytes)).toEqual({ fullAt: null, bytesPerDay });
  });
});

describe('the history of what is stored', () => {
  it('leads from the first backup to what is stored now', () => {
    const added = [1, 2, 3].map((day) => ({ timeMs: day, storedBytes: day * 10 }));
    expect(historyOf(added.toReversed(), 100)).toEqual([
      { timeMs: 1, storedBytes: 50 },
      { timeMs: 2, storedBytes: 70 },
      { timeMs: 3, storedBytes: 100 },
    ]);
  });
});

describe('room for a run', () => {
  it('is refused only to what no compression could make fit', () => {
    const first = (plainBytes: number) => roomFor({ kind: 'first', plainBytes }, 32 * GB);
    expect(first(10 * GB).kind).toBe('fits');
    expect(first(60 * GB)).toEqual({ kind: 'tight', expectedBytes: 42 * GB });
    // Logs compress to a tenth, and this might be such.
    expect(first(600 * GB).kind).toBe('tight');
    expect(first(2000 * GB)).toEqual({ kind: 'too-small', leastBytes: 100 * GB });
    expect(roomFor({ kind: 'first', plainBytes: 0 }, 0).kind).toBe('tight');
  });

  it('is expected to be what the largest of the last runs took, and never refused', () => {
    const next = (storedBytes: readonly number[], freeBytes: number) =>
      roomFor({ kind: 'next', storedBytes }, freeBytes);
    expect(next([], GB).kind).toBe('fits');
    expect(next([1, 5 * GB, 2], 4 * GB)).toEqual({ kind: 'tight', expectedBytes: 5 * GB });
    expect(next([5 * GB, ...Array.from({ length: 20 }, () => 1)], 4 * GB).kind).toBe('fits');
    expect(next([1000 * GB], SPARE_BYTES).kind).toBe('tight');
  });
});
