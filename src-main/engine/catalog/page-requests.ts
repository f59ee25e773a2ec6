/**
 * Pages that a walk in the catalog's thread needs. They are read, decrypted and checked where the repository is open, and
 * come as messages; so that a walk does not wait for each, it asks ahead, AHEAD_MAX pages at most.
 */
import { toHex } from '../kernel/index.ts';
import type { PageFetch } from '../merkle/index.ts';
import { type Failure, type PageCall, errorOf } from './messages.ts';

const AHEAD_MAX = 64;

type Waiter = {
  /** The question that the walk belongs to. */
  readonly owner: number;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: Error) => void;
};

/** The calls of all walks of this thread, by their numbers. */
export class PageCalls {
  readonly #waiting = new Map<number, Waiter>();
  #count = 0;

  /** `send` gets what is new to be asked for. */
  ask(owner: number, pages: readonly Uint8Array[], send: (calls: readonly PageCall[]) => void): Promise<Uint8Array>[] {
    const calls: PageCall[] = [];
    const answers = pages.map(
      (page) =>
        new Promise<Uint8Array>((resolve, reject) => {
          const call = this.#count++;
          this.#waiting.set(call, { owner, resolve, reject });
          calls.push({ call, page });
        }),
    );
    send(calls);
    return answers;
  }

  answer(call: number, bytes: Uint8Array): void {
    this.#take(call)?.resolve(bytes);
  }

  fail(call: number, failure: Failure): void {
    this.#take(call)?.reject(errorOf(failure));
  }

  /** A walk is to end, also one that waits for a drive which does not answer. */
  end(owner: number): void {
    for (const [call, waiter] of this.#waiting) {
      if (waiter.owner === owner) this.fail(call, { code: 'engine/cancelled', message: 'The catalog was stopped.' });
    }
  }

  #take(call: number): Waiter | undefined {
    const waiter = this.#waiting.get(call);
    this.#waiting.delete(call);
    return waiter;
  }
}

export type PageSourceOptions = {
  readonly calls: PageCalls;
  readonly owner: number;
  readonly signal: AbortSignal;
  readonly send: (calls: readonly PageCall[]) => void;
};

/** The pages of one walk. */
export class PageSource {
  readonly #options: PageSourceOptions;
  readonly #ahead = new Map<string, Promise<Uint8Array>>();

  constructor(options: PageSourceOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => options.calls.end(options.owner));
  }

  readonly fetch: PageFetch = (page) => {
    const key = toHex(page);
    const ahead = this.#ahead.get(key);
    this.#ahead.delete(key);
    if (ahead !== undefined) return ahead;
    const [answer] = this.#ask([page]);
    return answer ?? Promise.reject(new Error('a call has an answer'));
  };

  /** Asks for pages that will be fetched soon, in this order, as far as there is room. */
  prefetch(pages: readonly Uint8Array[]): void {
    const wanted = pages.filter((page) => !this.#ahead.has(toHex(page))).slice(0, AHEAD_MAX - this.#ahead.size);
    if (wanted.length === 0) return;
    for (const [index, answer] of this.#ask(wanted).entries()) {
      // Told to whoever fetches it; nobody may.
      answer.catch(() => undefined);
      this.#ahead.set(toHex(wanted[index] ?? new Uint8Array()), answer);
    }
  }

  #ask(pages: readonly Uint8Array[]): Promise<Uint8Array>[] {
    const { calls, owner, signal, send } = this.#options;
    const answers = calls.ask(owner, pages, send);
    if (signal.aborted) calls.end(owner);
    return answers;
  }
}
