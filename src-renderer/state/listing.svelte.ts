/** One folder at one time, page by page: a folder of 100,000 entries is never here as a whole. */
import type { InputOf } from '../../src-shared/api/contract.ts';
import type { CairnError } from '../../src-shared/errors.ts';
import type { BrowseEntry } from '../../src-shared/model/index.ts';
import type { Client } from '../api.ts';
import { Paged } from './paged.svelte.ts';

type Question = Omit<InputOf<'browse.list'>, 'offset' | 'limit'>;

export type ListingState =
  | { readonly kind: 'loading' }
  | { readonly kind: 'ready'; readonly total: number; readonly incomplete: boolean }
  | { readonly kind: 'failed'; readonly error: CairnError };

export class Listing {
  readonly #pages: Paged<Question, BrowseEntry, { readonly incomplete: boolean }>;

  constructor(client: Client) {
    this.#pages = new Paged(async (question, offset, limit) => {
      const { entries, total, incomplete } = await client.call('browse.list', { ...question, offset, limit });
      return { rows: entries, total, facts: { incomplete } };
    });
  }

  get state(): ListingState {
    const { state } = this.#pages;
    return state.kind === 'ready' ? { kind: 'ready', total: state.total, ...state.facts } : state;
  }

  get total(): number {
    return this.#pages.total;
  }

  get isEmptyHanded(): boolean {
    return this.#pages.state.kind !== 'ready';
  }

  get key(): string {
    return this.#pages.key;
  }

  /** The same folder at another time, sorted or filtered anew, stays in sight until the answer is here. */
  show(question: Question): void {
    this.#pages.show(question, this.#pages.question?.path === question.path);
  }

  at(index: number): BrowseEntry | null {
    return this.#pages.at(index);
  }

  need(first: number, last: number): void {
    this.#pages.need(first, last);
  }

  load(first: number, last: number): Promise<void> {
    return this.#pages.load(first, last);
  }
}
