/**
 * Time for the command line's own needs: how fast something goes, and when a line of the log was written. Nothing is
 * decided by it. The engine has its own clock (its ports).
 */

export type Clock = {
  /** Wall time in milliseconds since 1970. */
  readonly wallMs: () => number;
  /** Milliseconds that only go forward. */
  readonly monotonicMs: () => number;
};

const NANOSECONDS_PER_MILLISECOND = 1e6;

export const processClock: Clock = {
  // Not counted on from the start: the agent lives for weeks, and what counts on stands still while the computer sleeps.
  wallMs: () => Date.now(),
  monotonicMs: () => Number(process.hrtime.bigint()) / NANOSECONDS_PER_MILLISECOND,
};
