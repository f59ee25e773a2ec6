/**
 * When a drive will be full, and whether the next backup fits on it. Pure.
 *
 * Growth is the median of the slopes between all pairs of days (Theil–Sen): one week of holiday pictures, or one clean-up,
 * moves it little where a line through the sums would follow it.
 */
import { assertNever } from '../../../src-shared/assert.ts';
import type { CapacityForecast } from '../../../src-shared/model/index.ts';

const DAY_MS = 86_400_000;
/** Older growth says little about the next weeks. */
const WINDOW_DAYS = 90;
/** Fewer days with a figure, or a shorter time, are no trend. */
const DAYS_MIN = 4;
const SPAN_DAYS_MIN = 3;
/** Farther away than this is no date that helps anyone. */
const HORIZON_DAYS = 3650;

/** How much is stored at a moment. */
export type StoredAt = { readonly timeMs: number; readonly storedBytes: number };

/** Bytes a day; null where too little is known. `history` in any order; of each day the last figure counts. */
export function growthOf(history: readonly StoredAt[], nowMs: number): number | null {
  const days = lastOfEachDay(history, nowMs);
  const [first] = days;
  const last = days.at(-1);
  if (first === undefined || last === undefined || days.length < DAYS_MIN) return null;
  if (last.timeMs - first.timeMs < SPAN_DAYS_MIN * DAY_MS) return null;
  const slopes: number[] = [];
  days.forEach((later, index) => {
    for (const earlier of days.slice(0, index)) {
      const passedDays = (later.timeMs - earlier.timeMs) / DAY_MS;
      slopes.push((later.storedBytes - earlier.storedBytes) / passedDays);
    }
  });
  return Math.round(medianOf(slopes));
}

function lastOfEachDay(history: readonly StoredAt[], nowMs: number): readonly StoredAt[] {
  const byDay = new Map<number, StoredAt>();
  for (const point of history) {
    const daysAgo = Math.floor((nowMs - point.timeMs) / DAY_MS);
    // A clock that was wrong must not decide.
    if (daysAgo < 0 || daysAgo >= WINDOW_DAYS) continue;
    const known = byDay.get(daysAgo);
    if (known === undefined || point.timeMs >= known.timeMs) byDay.set(daysAgo, point);
  }
  return [...byDay.values()].sort((left, right) => left.timeMs - right.timeMs);
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length / 2;
  const above = sorted[Math.floor(middle)] ?? 0;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? above) + above) / 2 : above;
}

/** By how much is stored more each day. What other programs write to the drive is not foreseen. */
export function forecastCapacity(
  bytesPerDay: number | null,
  { freeBytes, nowMs }: { readonly freeBytes: number | null; readonly nowMs: number },
): CapacityForecast {
  if (bytesPerDay === null || bytesPerDay <= 0 || freeBytes === null) return { fullAt: null, bytesPerDay };
  const days = freeBytes / bytesPerDay;
  if (days > HORIZON_DAYS) return { fullAt: null, bytesPerDay };
  // A day, not a moment: it is no news when it moves by seconds.
  const fullDay = Math.round(nowMs / DAY_MS + days);
  return { fullAt: new Date(fullDay * DAY_MS).toISOString(), bytesPerDay };
}

/** What a backup adds to a history of what was stored. */
export type AddedAt = { readonly timeMs: number; readonly storedBytes: number };

/** The history that leads to what is stored now. */
export function historyOf(added: readonly AddedAt[], storedBytes: number): readonly StoredAt[] {
  const newestFirst = added.toSorted((left, right) => right.timeMs - left.timeMs);
  const history: StoredAt[] = [];
  let stored = storedBytes;
  for (const { timeMs, storedBytes: grown } of newestFirst) {
    history.push({ timeMs, storedBytes: stored });
    stored -= grown;
  }
  return history.reverse();
}

/**
 * The least share of its plain size that a backup is believed to take. Text of programs compresses to a tenth and copies
 * of files cost nothing, so a refusal is only for what no reasonable data could do.
 */
const STORED_SHARE_MIN = 0.05;
/** What documents, pictures and programs together usually take. */
const STORED_SHARE_USUAL = 0.7;
/** Index, tree and the smallest files besides the data itself; also what must stay free to clean up. */
export const SPARE_BYTES = 64 * 1024 * 1024;
/** Backups before, of which the largest is expected again. */
const RUNS_LOOKED_AT = 20;

export type ExpectedRun =
  /** Everything is new: its plain size, as counted. */
  | { readonly kind: 'first'; readonly plainBytes: number }
  /** What the runs before took, newest last. */
  | { readonly kind: 'next'; readonly storedBytes: readonly number[] };

export type RoomVerdict =
  | { readonly kind: 'fits' }
  /** It may not fit: worth a word, and tried all the same. */
  | { readonly kind: 'tight'; readonly expectedBytes: number }
  /** It can’t fit, however well it compresses. */
  | { readonly kind: 'too-small'; readonly leastBytes: number };

export function roomFor(expected: ExpectedRun, freeBytes: number): RoomVerdict {
  switch (expected.kind) {
    case 'first': {
      const leastBytes = Math.floor(expected.plainBytes * STORED_SHARE_MIN);
      if (leastBytes > freeBytes) return { kind: 'too-small', leastBytes };
      return tightOrFits(Math.round(expected.plainBytes * STORED_SHARE_USUAL), freeBytes);
    }
    case 'next': {
      // The first backup of all is no measure for the next one.
      const recent = expected.storedBytes.slice(-RUNS_LOOKED_AT);
      return tightOrFits(Math.max(0, ...recent), freeBytes);
    }
    default:
      return assertNever(expected);
  }
}

function tightOrFits(expectedBytes: number, freeBytes: number): RoomVerdict {
  return expectedBytes + SPARE_BYTES > freeBytes ? { kind: 'tight', expectedBytes } : { kind: 'fits' };
}
