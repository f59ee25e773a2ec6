/** What is known about the wholeness of one destination; asked again when a check has ended or a snapshot was added. */
import type { IntegrityStatus } from '../../src-shared/model/index.ts';
import type { App } from './app.svelte.ts';
import { Load } from './load.svelte.ts';

export class IntegrityState {
  readonly #app: App;
  readonly status = new Load<IntegrityStatus>();
  #destinationId: string | null = null;
  readonly #stop: () => void;

  constructor(app: App) {
    this.#app = app;
    this.#stop = app.onTopic((topic) => {
      if (topic === 'integrity' || topic === 'snapshots') this.ask();
    });
  }

  enter(destinationId: string): void {
    if (destinationId === this.#destinationId) return;
    this.#destinationId = destinationId;
    this.status.reset();
    this.ask();
  }

  ask(): void {
    const destinationId = this.#destinationId;
    if (destinationId === null) return;
    this.status.ask(() => this.#app.client.call('integrity.status', { destinationId })).catch(() => null);
  }

  dispose(): void {
    this.#stop();
  }
}
