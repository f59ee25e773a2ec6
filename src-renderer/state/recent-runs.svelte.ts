/** The newest runs, for the strip of thirty days. Asked again when a run was added. */
import type { Run } from '../../src-shared/model/index.ts';
import type { App } from './app.svelte.ts';
import { Load } from './load.svelte.ts';

const RUNS_MAX = 500;

export class RecentRuns {
  readonly #app: App;
  readonly #load = new Load<readonly Run[]>();
  readonly #stop: () => void;

  constructor(app: App) {
    this.#app = app;
    this.#stop = app.onTopic((topic) => {
      if (topic === 'runs') this.#ask();
    });
    this.#ask();
  }

  get runs(): readonly Run[] {
    return this.#load.value ?? [];
  }

  dispose(): void {
    this.#stop();
  }

  #ask(): void {
    this.#load.ask(() => this.#app.client.call('activity.runs', { before: null, limit: RUNS_MAX })).catch(() => null);
  }
}
