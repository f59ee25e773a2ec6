/** A clock and timers that stand still until a test lets time pass. */
import type { After, Clock } from '../../src-main/engine/kernel/index.ts';

type Timer = { readonly atMs: number; readonly action: () => void };

export class FakeTime {
  readonly #timers = new Set<Timer>();
  #nowMs = 1000;

  readonly clock: Clock = { nowMs: () => this.#nowMs, monotonicMs: () => this.#nowMs };

  readonly after: After = (delayMs, action) => {
    const timer = { atMs: this.#nowMs + delayMs, action };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Lets time pass; timers act in their order, and promises in between. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      await settled();
      const next = [...this.#timers].toSorted((left, right) => left.atMs - right.atMs)[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.action();
    }
    this.#nowMs = endMs;
    await settled();
  }

  /** Time passes and no timer gets its turn: the process was stopped. */
  jump(ms: number): void {
    this.#nowMs += ms;
  }
}

async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await Promise.resolve();
}
