/** Times and durations as the command line and the app write them. */

/** RFC 3339 has four digits for a year; what lies outside is shown as the nearest time it can write. */
const TIME_MS_MIN = -62_167_219_200_000; // 0000-01-01T00:00:00Z; Date.UTC reads the years 0 to 99 as 1900 to 1999.
const TIME_MS_MAX = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

/** RFC 3339 with milliseconds, in UTC: “2026-01-31T09:05:00.123Z”. Never throws, whatever a damaged file claims. */
export function formatTime(timeMs: number): string {
  if (Number.isNaN(timeMs)) return new Date(0).toISOString();
  return new Date(Math.min(Math.max(timeMs, TIME_MS_MIN), TIME_MS_MAX)).toISOString();
}

/** The same for nanoseconds since 1970, rounded down to the millisecond. */
export function formatTimeNs(timeNs: bigint): string {
  return formatTime(millisecondsOf(timeNs));
}

/** Of nanoseconds, rounded down. */
export function millisecondsOf(timeNs: bigint): number {
  const quotient = timeNs / NANOSECONDS_PER_MILLISECOND;
  return Number(timeNs % NANOSECONDS_PER_MILLISECOND < 0n ? quotient - 1n : quotient);
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** “850 ms”, “12.3 s”, “3 min 20 s”, “2 h 5 min”, “3 d 4 h”: two units at most, the smaller one left out when it is 0. */
export function formatDuration(durationMs: number): string {
  if (!Number.isFinite(durationMs)) return '–';
  if (durationMs < 0) return `-${formatDuration(-durationMs)}`;
  if (durationMs < SECOND_MS - 0.5) return `${Math.round(durationMs)} ms`;
  if (durationMs < MINUTE_MS - 50) return `${(durationMs / SECOND_MS).toFixed(1).replace(/\.0$/, '')} s`;
  const seconds = Math.round(durationMs / SECOND_MS) * SECOND_MS;
  if (seconds < HOUR_MS) return twoUnits(seconds, { largeMs: MINUTE_MS, large: 'min', smallMs: SECOND_MS, small: 's' });
  const minutes = Math.round(durationMs / MINUTE_MS) * MINUTE_MS;
  if (minutes < DAY_MS) return twoUnits(minutes, { largeMs: HOUR_MS, large: 'h', smallMs: MINUTE_MS, small: 'min' });
  const hours = Math.round(durationMs / HOUR_MS) * HOUR_MS;
  return twoUnits(hours, { largeMs: DAY_MS, large: 'd', smallMs: HOUR_MS, small: 'h' });
}

type Units = { readonly largeMs: number; readonly large: string; readonly smallMs: number; readonly small: string };

function twoUnits(durationMs: number, units: Units): string {
  const large = Math.floor(durationMs / units.largeMs);
  const small = Math.floor((durationMs % units.largeMs) / units.smallMs);
  return small === 0 ? `${large} ${units.large}` : `${large} ${units.large} ${small} ${units.small}`;
}
