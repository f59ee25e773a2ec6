/**
 * Which moments can be stored: nanoseconds in 64 bits end in the year 2262, and begin in 1677. A filesystem may say
 * others. They become the last, or first, second that can be stored, everywhere in the same way, so that an entry is
 * found unchanged by it; and since a restore will not give back what was there, a Problem says so.
 */
import type { Problem } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';

/** In the last second that has all of its nanoseconds. */
export const SECONDS_MAX = 9_223_372_035;
const NANOSECONDS = 1_000_000_000n;
const LAST_SECOND_NS = BigInt(SECONDS_MAX) * NANOSECONDS;

/** The moment that stands for this one, which is nearly always itself. */
export function storableTimeNs(timeNs: bigint): bigint {
  if (timeNs < LAST_SECOND_NS && timeNs >= -LAST_SECOND_NS) return timeNs;
  const nanoseconds = ((timeNs % NANOSECONDS) + NANOSECONDS) % NANOSECONDS;
  return (timeNs < 0n ? -LAST_SECOND_NS : LAST_SECOND_NS) + nanoseconds;
}

/** A stored time that stands for one beyond what can be stored: anything in the last, or first, second. */
function isBeyond(storedNs: bigint): boolean {
  return storedNs >= LAST_SECOND_NS || storedNs < -LAST_SECOND_NS + NANOSECONDS;
}

/** What there is to say of an entry with this time, which is stored all the same. */
export function timeProblem(path: Uint8Array, storedNs: bigint): Problem | undefined {
  if (!isBeyond(storedNs)) return undefined;
  const message =
    storedNs > 0n
      ? 'its time is after the year 2262, which can’t be stored; all else of it is stored'
      : 'its time is before the year 1678, which can’t be stored; all else of it is stored';
  return { path: escapePath(path), code: 'time-out-of-range', message };
}
