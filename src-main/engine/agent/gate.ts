/** A place where work waits until it may go on. Whoever opens it does not know who waits. */
import { CairnError } from '../../../src-shared/errors.ts';

export class Gate {
  #isOpen = false;
  #isClosedForGood = false;
  #waiting: { readonly pass: () => void; readonly end: (error: CairnError) => void }[] = [];

  get isOpen(): boolean {
    return this.#isOpen;
  }

  open(): void {
    this.#isOpen = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { pass } of waiting) pass();
  }

  shut(): void {
    this.#isOpen = false;
  }

  /** @throws CairnError engine/cancelled when the gate is taken away */
  pass(): Promise<void> {
    if (this.#isClosedForGood) return Promise.reject(ended());
    if (this.#isOpen) return Promise.resolve();
    return new Promise((pass, end) => this.#waiting.push({ pass, end }));
  }

  close(): void {
    this.#isClosedForGood = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { end } of waiting) end(ended());
  }
}

function ended(): CairnError {
  return new CairnError('engine/cancelled', 'Cairn is closing.');
}
