/**
 * Pages that a walk in the catalog's thread needs. They are read, decrypted and checked where the repository is open, and
 * come as messages; so that a walk does not wait for each, it asks ahead, AHEAD_MAX pages at most.
 */
import type { CairnError } from '../../../src-shared/errors.ts';
import { toHex } from '../kernel/index.ts';
import type { PageFetch } from '../merkle/index.ts';
import { type Failure, type PageCall, errorOf } from './messages.ts';

const AHEAD_MAX = 64;

type Waiter = { readonly resolve: (bytes: Uint8Array) => void; readonly reject: (error: Error) => void };

/** The calls of all walks of this thread, by their numbers. */
export class PageCalls {
  readonly #waiting = new Map<number, Waiter>();
  #count = 0;

  /** `send` gets what is new to be asked for. */
  ask(pages: readonly Uint8Array[], send: (calls: readonly PageCall[]) => void): Promise<Uint8Array>[] {
    const calls: PageCall[] = [];
    const answers = pages.map(
      (page) =>
        new Promise<Uint8Array>((resolve, reject) => {
          const call = this.#count++;
          this.#waiting.set(call, { resolve, reject });
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

  /** Nothing more is answered. */
  failAll(error: CairnError): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #take(call: number): Waiter | undefined {
    const waiter = this.#waiting.get(call);
    this.#waiting.delete(call);
    return waiter;
  }
}

/** The pages of one walk. */
export class PageSource {
  readonly #calls: PageCalls;
  readonly #send: (calls: readonly PageCall[]) => void;
  readonly #ahead = new Map<string, Promise<Uint8Array>>();

  constructor(calls: PageCalls, send: (calls: readonly PageCall[]) => void) {
    this.#calls = calls;
    this.#send = send;
  }

  readonly fetch: PageFetch = (page) => {
    const key = toHex(page);
    const ahead = this.#ahead.get(key);
    this.#ahead.delete(key);
    if (ahead !== undefined) return ahead;
    const [answer] = this.#calls.ask([page], this.#send);
    return answer ?? Promise.reject(new Error('a call has an answer'));
  };

  /** Asks for pages that will be fetched soon, in this order, as far as there is room. */
  prefetch(pages: readonly Uint8Array[]): void {
    const wanted = pages.filter((page) => !this.#ahead.has(toHex(page))).slice(0, AHEAD_MAX - this.#ahead.size);
    if (wanted.length === 0) return;
    for (const [index, answer] of this.#calls.ask(wanted, this.#send).entries()) {
      // Told to whoever fetches it; nobody may.
      answer.catch(() => undefined);
      this.#ahead.set(toHex(wanted[index] ?? new Uint8Array()), answer);
    }
  }
}
