/**
 * Bytes a second, at most: a bucket holds at most BURST_MS worth of bytes and fills at the given rate. Whoever moves bytes
 * takes first and waits after, so that a piece larger than the bucket is possible. Without a limit nothing is counted
 * and nothing waits.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from './ports.ts';

/** What may pass at once after a pause. */
const BURST_MS = 250;
/** A wait is cut into pieces, so that a new limit and a signal are noticed. */
const WAIT_MS_MAX = 200;

export type RateLimit = {
  readonly bytesPerSecondMax: number;
  /** Once aborted nobody waits any more: what is left to do is coming to an end. */
  readonly signal?: AbortSignal | undefined;
};

export class RateBucket {
  readonly #clock: Clock;
  readonly #wait: (ms: number) => Promise<void>;
  #limit: RateLimit | undefined;
  /** Negative while someone waits. */
  #bytes = 0;
  #filledAtMs = 0;

  constructor(clock: Clock, wait: (ms: number) => Promise<void> = sleepMs) {
    this.#clock = clock;
    this.#wait = wait;
  }

  limitTo(limit: RateLimit | undefined): void {
    this.#limit = limit;
    this.#bytes = limit === undefined ? 0 : burstOf(limit);
    this.#filledAtMs = this.#clock.monotonicMs();
  }

  /** `meanwhile` is called between the pieces of a long wait: whoever holds a lease shows that it lives. */
  async take(bytes: number, meanwhile?: () => Promise<void>): Promise<void> {
    const limit = this.#limit;
    if (limit === undefined) return;
    this.#fill(limit);
    this.#bytes -= bytes;
    while (this.#limit === limit && limit.signal?.aborted !== true && this.#bytes < 0) {
      const missingMs = (-this.#bytes / limit.bytesPerSecondMax) * 1000;
      await this.#wait(Math.min(Math.ceil(missingMs), WAIT_MS_MAX));
      await meanwhile?.();
      this.#fill(limit);
    }
  }

  #fill(limit: RateLimit): void {
    const nowMs = this.#clock.monotonicMs();
    const gained = ((nowMs - this.#filledAtMs) / 1000) * limit.bytesPerSecondMax;
    this.#bytes = Math.min(this.#bytes + gained, burstOf(limit));
    this.#filledAtMs = nowMs;
  }
}

function burstOf({ bytesPerSecondMax }: RateLimit): number {
  return (bytesPerSecondMax * BURST_MS) / 1000;
}

function sleepMs(ms: number): Promise<void> {
  return sleep(ms);
}
