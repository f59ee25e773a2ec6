/** Timers as a port, so that a test can say when time passes. */

/** Calls once, after a delay, unless the returned function is called before. */
export type After = (delayMs: number, action: () => void) => () => void;

/** By the system's timers, which stand still while the computer sleeps. A process that is done does not wait for them. */
export const afterDelay: After = (delayMs, action) => {
  const timer = setTimeout(action, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
};
