/**
 * Time for the command line's own needs: how fast something goes, and when a line of the log was written. Nothing is
 * decided by it. The engine has its own clock (its ports).
 */

export type Clock = {
  /** Wall time in milliseconds since 1970, as good as it was when the process began. */
  readonly wallMs: () => number;
  /** Milliseconds that only go forward. */
  readonly monotonicMs: () => number;
};

const MILLISECONDS_PER_SECOND = 1000;
const NANOSECONDS_PER_MILLISECOND = 1e6;

export const processClock: Clock = {
  wallMs: () => performance.timeOrigin + process.uptime() * MILLISECONDS_PER_SECOND,
  monotonicMs: () => Number(process.hrtime.bigint()) / NANOSECONDS_PER_MILLISECOND,
};
