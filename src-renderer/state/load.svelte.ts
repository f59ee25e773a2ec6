/**
 * Something that is asked for: loading, there, or failed, as one value, so that a screen shows each on purpose. What was
 * there stays while it is asked for again; an answer that comes after a newer question is thrown away.
 */
import type { CairnError } from '../../src-shared/errors.ts';
import { asCairnError } from '../api.ts';

export type Loaded<Value> =
  | { readonly kind: 'idle' }
  | { readonly kind: 'loading' }
  | { readonly kind: 'ready'; readonly value: Value }
  | { readonly kind: 'failed'; readonly error: CairnError };

export class Load<Value> {
  #state = $state.raw<Loaded<Value>>({ kind: 'idle' });
  #question = 0;

  get state(): Loaded<Value> {
    return this.#state;
  }

  get value(): Value | null {
    return this.#state.kind === 'ready' ? this.#state.value : null;
  }

  async ask(question: () => Promise<Value>): Promise<void> {
    const number = ++this.#question;
    if (this.#state.kind !== 'ready') this.#state = { kind: 'loading' };
    try {
      const value = await question();
      if (number === this.#question) this.#state = { kind: 'ready', value };
    } catch (error) {
      if (number === this.#question) this.#state = { kind: 'failed', error: asCairnError(error) };
    }
  }

  /** What an event told is as good as an answer. */
  set(value: Value): void {
    this.#question++;
    this.#state = { kind: 'ready', value };
  }

  reset(): void {
    this.#question++;
    this.#state = { kind: 'idle' };
  }
}
