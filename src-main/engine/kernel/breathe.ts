/**
 * Long loops whose every await is answered at once never let the event loop turn: timers stand still and Ctrl-C is not
 * heard. Awaiting a breath now and then lets it turn.
 */
import { setImmediate } from 'node:timers/promises';

/** A few milliseconds of work on entries that are all in memory. */
const STEPS_A_BREATH = 512;

export class Breather {
  #steps = 0;

  /** Undefined most times; every STEPS_A_BREATH-th time a promise to await. */
  step(): Promise<void> | undefined {
    this.#steps++;
    if (this.#steps % STEPS_A_BREATH !== 0) return undefined;
    return setImmediate();
  }
}
