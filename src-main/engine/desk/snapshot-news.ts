/** Windows list all snapshots again when they hear of a new one: not for each of a busy day's. */
import type { Clock } from '../kernel/index.ts';
import type { Tell } from './ports.ts';

const TELL_EVERY_MS = 5000;

export class SnapshotNews {
  readonly #clock: Clock;
  readonly #tell: Tell;
  readonly #untold = new Set<string>();
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, tell: Tell) {
    this.#clock = clock;
    this.#tell = tell;
  }

  added(destinationId: string): void {
    this.#untold.add(destinationId);
    this.tick();
  }

  /** Now and then: tells what was held back. */
  tick(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#untold.size === 0 || nowMs - this.#toldAtMs < TELL_EVERY_MS) return;
    this.#toldAtMs = nowMs;
    for (const destinationId of this.#untold) this.#tell({ kind: 'changed', topic: 'snapshots', destinationId });
    this.#untold.clear();
  }
}
