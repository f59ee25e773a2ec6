/**
 * One folder at one time, page by page: a folder of 100,000 entries is never here as a whole. Pages are asked for when
 * their rows come into sight, and the ones looked at longest ago are let go.
 */
import type { InputOf } from '../../src-shared/api/contract.ts';
import type { CairnError } from '../../src-shared/errors.ts';
import type { BrowseEntry } from '../../src-shared/model/index.ts';
import { asCairnError, type Client } from '../api.ts';

export const PAGE_ROWS = 200;
/** Of pages kept: 8,000 rows are about 4 MB. */
const PAGES_MAX = 40;

type Question = Omit<InputOf<'browse.list'>, 'offset' | 'limit'>;

export type ListingState =
  | { readonly kind: 'loading' }
  | { readonly kind: 'ready'; readonly total: number; readonly incomplete: boolean }
  | { readonly kind: 'failed'; readonly error: CairnError };

export class Listing {
  readonly #client: Client;
  #question: Question | null = null;
  /** Counts questions: a page of an older one is thrown away. */
  #number = 0;
  #state = $state.raw<ListingState>({ kind: 'loading' });
  #pages = $state.raw<ReadonlyMap<number, readonly BrowseEntry[]>>(new Map());
  readonly #asked = new Set<number>();

  constructor(client: Client) {
    this.#client = client;
  }

  get state(): ListingState {
    return this.#state;
  }

  get total(): number {
    return this.#state.kind === 'ready' ? this.#state.total : 0;
  }

  get isEmptyHanded(): boolean {
    return this.#state.kind !== 'ready';
  }

  /** Which folder is shown, as a text that changes with every question: a list goes back to its top then. */
  get key(): string {
    return JSON.stringify(this.#question);
  }

  show(question: Question): void {
    const sameFolder = this.#question?.path === question.path;
    this.#question = question;
    this.#number++;
    this.#asked.clear();
    if (!sameFolder || this.#state.kind !== 'ready') {
      this.#pages = new Map();
      this.#state = { kind: 'loading' };
    }
    this.#ask(0, true).catch(() => null);
  }

  /** The entry of a row, or null while its page is on its way. */
  at(index: number): BrowseEntry | null {
    return this.#pages.get(Math.floor(index / PAGE_ROWS))?.[index % PAGE_ROWS] ?? null;
  }

  /** Asks for what is missing of these rows. */
  need(first: number, last: number): void {
    if (this.#state.kind !== 'ready') return;
    const lastPage = Math.floor(Math.min(last, this.#state.total - 1) / PAGE_ROWS);
    for (let page = Math.floor(Math.max(0, first) / PAGE_ROWS); page <= lastPage; page++) {
      if (!this.#pages.has(page) && !this.#asked.has(page)) this.#ask(page, false).catch(() => null);
    }
  }

  /** The same, and waits for them. */
  async load(first: number, last: number): Promise<void> {
    const pages: Promise<void>[] = [];
    for (let page = Math.floor(first / PAGE_ROWS); page <= Math.floor(last / PAGE_ROWS); page++) {
      if (!this.#pages.has(page)) pages.push(this.#ask(page, false));
    }
    await Promise.all(pages);
  }

  async #ask(page: number, isFirst: boolean): Promise<void> {
    const question = this.#question;
    if (question === null) return;
    const number = this.#number;
    this.#asked.add(page);
    try {
      const answer = await this.#client.call('browse.list', {
        ...question,
        offset: page * PAGE_ROWS,
        limit: PAGE_ROWS,
      });
      if (number !== this.#number) return;
      const kept = isFirst ? [] : [...this.#pages].slice(-(PAGES_MAX - 1));
      for (const [old] of this.#pages) if (!kept.some(([one]) => one === old)) this.#asked.delete(old);
      this.#asked.add(page);
      this.#pages = new Map([...kept, [page, answer.entries]]);
      this.#state = { kind: 'ready', total: answer.total, incomplete: answer.incomplete };
    } catch (error) {
      if (number !== this.#number) return;
      this.#asked.delete(page);
      if (isFirst) {
        this.#pages = new Map();
        this.#state = { kind: 'failed', error: asCairnError(error) };
      }
    }
  }
}
