/** Figures on their way to the catalog, added up for as long as this process lives: what a scraper calls counters. */
import type { FigureName, FigureSink } from '../engine/service/index.ts';

export type Sum = { readonly count: number; readonly sum: number };

export class Tally {
  readonly #forward: FigureSink;
  readonly #sums = new Map<FigureName, Sum>();

  constructor(forward: FigureSink) {
    this.#forward = forward;
  }

  readonly note: FigureSink = (name, value, atMs) => {
    const { count, sum } = this.of(name);
    this.#sums.set(name, { count: count + 1, sum: sum + value });
    this.#forward(name, value, atMs);
  };

  of(name: FigureName): Sum {
    return this.#sums.get(name) ?? { count: 0, sum: 0 };
  }
}
