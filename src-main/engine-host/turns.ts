/** At most so many at a time; the others wait their turn, and at most so many wait. */
import { CairnError } from '../../src-shared/errors.ts';

export class Turns {
  readonly #atOnce: number;
  readonly #waitingMax: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(atOnce: number, waitingMax: number) {
    this.#atOnce = atOnce;
    this.#waitingMax = waitingMax;
  }

  /** @throws CairnError app/busy where too many wait, and what `work` throws */
  async take<Value>(work: () => Promise<Value>): Promise<Value> {
    if (this.#running >= this.#atOnce) {
      if (this.#waiting.length >= this.#waitingMax)
        throw new CairnError('app/busy', 'Too much was asked for at once.', {
          hint: 'Nothing was changed. Try again in a moment.',
        });
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // The place is handed on rather than given back: nobody can come in between.
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
