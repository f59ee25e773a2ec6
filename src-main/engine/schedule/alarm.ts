/**
 * A timer by the wall clock. The system's timers stand still while the computer sleeps, know nothing of a clock that is
 * set, and take no more than 2^31 − 1 milliseconds (longer ones fire at once). So an alarm looks at the clock again and
 * again, in small steps, and rings at the first look after its time.
 */
import type { After, Clock } from '../kernel/index.ts';

/** How late an alarm may be after sleep; a look costs nothing that could be measured. */
export const ALARM_STEP_MS_MAX = 60_000;

/** Rings once when the wall clock shows `atMs` or later; the returned function ends it. */
export function armAlarm(
  { clock, after }: { readonly clock: Clock; readonly after: After },
  atMs: number,
  ring: () => void,
): () => void {
  let cancel = (): void => undefined;
  const step = (): void => {
    const remainingMs = atMs - clock.nowMs();
    if (remainingMs <= 0) return ring();
    cancel = after(Math.min(remainingMs, ALARM_STEP_MS_MAX), step);
  };
  // Not in the caller's turn: who arms an alarm for now has not kept the function that ends it yet.
  cancel = after(Math.min(Math.max(atMs - clock.nowMs(), 0), ALARM_STEP_MS_MAX), step);
  return () => cancel();
}
