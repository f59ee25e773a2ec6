/** Timers as a port, so that a test can say when time passes. */

/** Calls once, after a time, unless the returned function is called before. */
export type After = (delayMs: number, action: () => void) => () => void;

export const afterDelay: After = (delayMs, action) => {
  const timer = setTimeout(action, delayMs);
  return () => clearTimeout(timer);
};
