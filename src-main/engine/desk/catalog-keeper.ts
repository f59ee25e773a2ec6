/**
 * Keeps the catalog as new as the repositories that are open: after each snapshot, and when a destination comes. One at a
 * time, beside everything else, and never in anybody's way: search says “being built” meanwhile.
 */
import { isCairnError } from '../../../src-shared/errors.ts';
import type { EngineEvent } from '../../../src-shared/api/index.ts';
import type { Log } from '../kernel/index.ts';
import type { Destinations } from './destinations.ts';

export type CatalogKeeperOptions = {
  readonly destinations: Destinations;
  readonly tell: (event: EngineEvent) => void;
  readonly log: Log;
};

export class CatalogKeeper {
  readonly #options: CatalogKeeperOptions;
  readonly #waiting = new Set<string>();
  readonly #ready = new Set<string>();
  readonly #stopping = new AbortController();
  #work: Promise<void> | undefined;

  constructor(options: CatalogKeeperOptions) {
    this.#options = options;
  }

  /** It is being built, or brought up to date. */
  isBehind(destinationId: string): boolean {
    return this.#waiting.has(destinationId);
  }

  heard(event: EngineEvent): void {
    if (event.kind === 'changed' && event.topic === 'snapshots' && event.destinationId !== null)
      this.#want(event.destinationId);
    if (event.kind !== 'overview') return;
    for (const { destinationId, state } of event.overview.destinations) {
      if (state !== 'ready') this.#ready.delete(destinationId);
      else if (!this.#ready.has(destinationId)) {
        this.#ready.add(destinationId);
        this.#want(destinationId);
      }
    }
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#work;
  }

  #want(destinationId: string): void {
    if (this.#stopping.signal.aborted) return;
    this.#waiting.add(destinationId);
    this.#work ??= this.#workOff().finally(() => {
      this.#work = undefined;
    });
  }

  async #workOff(): Promise<void> {
    const { signal } = this.#stopping;
    for (let [next] = this.#waiting; next !== undefined && !signal.aborted; [next] = this.#waiting) {
      try {
        await this.#options.destinations.repository(next).updateCatalog({ signal });
        this.#options.tell({ kind: 'changed', topic: 'catalog', destinationId: next });
      } catch (error) {
        if (!isCairnError(error)) throw error;
        this.#options.log('info', 'the catalog could not be brought up to date', { reason: error.message });
      }
      this.#waiting.delete(next);
    }
  }
}
