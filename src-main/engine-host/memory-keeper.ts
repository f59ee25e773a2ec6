/**
 * Keeps small what waits for years: when work has ended and nothing else is under way, the memory it took goes back to the
 * system. Live backups are no jobs and come all day; for what they leave behind it is done now and then as well.
 */
import type { EngineEvent } from '../../src-shared/api/index.ts';
import type { Every } from '../engine/desk/index.ts';
import { type After, giveBackFreed } from '../engine/kernel/index.ts';

/** After a job its threads have ended, … */
const REST_MS = 5000;
/** … and the catalog, which takes in what it found, is done a little later. */
const SECOND_REST_MS = 60_000;
const NOW_AND_THEN_MS = 10 * 60_000;

export type MemoryKeeperOptions = {
  readonly after: After;
  readonly every: Every;
  /** Whether any job has not ended. */
  readonly isAtWork: () => boolean;
  readonly giveBack?: () => Promise<void>;
};

export class MemoryKeeper {
  readonly #options: MemoryKeeperOptions;
  readonly #stop: () => void;
  #cancel: (() => void) | undefined;

  constructor(options: MemoryKeeperOptions) {
    this.#options = options;
    this.#stop = options.every(NOW_AND_THEN_MS, () => this.#giveBack());
  }

  heard(event: EngineEvent): void {
    if (event.kind !== 'job' || event.job.endedAt === null) return;
    this.#cancel?.();
    this.#cancel = this.#options.after(REST_MS, () => {
      this.#giveBack();
      this.#cancel = this.#options.after(SECOND_REST_MS, () => this.#giveBack());
    });
  }

  close(): void {
    this.#stop();
    this.#cancel?.();
  }

  #giveBack(): void {
    const { isAtWork, giveBack = giveBackFreed } = this.#options;
    // What it would give back is about to be taken again. The end of the work comes here too.
    if (!isAtWork()) giveBack().catch(() => undefined);
  }
}
