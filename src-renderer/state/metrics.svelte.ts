/** Figures over one range of time. Asked again when there are newer ones. */
import type { MetricRange, Metrics } from '../../src-shared/model/index.ts';
import type { App } from './app.svelte.ts';
import { Load } from './load.svelte.ts';

export const RANGES: readonly MetricRange[] = ['day', 'week', 'month', 'year'];

export class MetricsState {
  readonly #app: App;
  readonly #stop: () => void;
  readonly figures = new Load<Metrics>();
  #range = $state<MetricRange>('month');

  constructor(app: App) {
    this.#app = app;
    this.#stop = app.onTopic((topic) => {
      if (topic === 'metrics' || topic === 'runs') this.ask();
    });
    this.ask();
  }

  get range(): MetricRange {
    return this.#range;
  }

  choose(range: MetricRange): void {
    this.#range = range;
    this.ask();
  }

  ask(): void {
    this.figures.ask(() => this.#app.client.call('metrics.get', { range: this.#range })).catch(() => null);
  }

  dispose(): void {
    this.#stop();
  }
}
