/**
 * A long list at the engine, page by page: of 100,000 rows only those that are looked at are here. Pages are asked for
 * when their rows come into sight, and the ones asked for longest ago are let go. An answer to an older question is
 * thrown away.
 */
import type { CairnError } from '../../src-shared/errors.ts';
import { asCairnError } from '../api.ts';

export const PAGE_ROWS = 200;
/** Of pages kept: 8,000 rows are about 4 MB. */
const PAGES_MAX = 40;

/** `facts`: what the engine says of the whole list beside its length. */
export type Page<Row, Facts> = { readonly rows: readonly Row[]; readonly total: number; readonly facts: Facts };

export type PagedState<Facts> =
  | { readonly kind: 'loading' }
  | { readonly kind: 'ready'; readonly total: number; readonly facts: Facts }
  | { readonly kind: 'failed'; readonly error: CairnError };

type Ask<Question, Row, Facts> = (question: Question, offset: number, limit: number) => Promise<Page<Row, Facts>>;

export class Paged<Question, Row, Facts> {
  readonly #fetch: Ask<Question, Row, Facts>;
  #question: Question | null = null;
  /** Counts questions: a page of an older one is thrown away. */
  #number = 0;
  #state = $state.raw<PagedState<Facts>>({ kind: 'loading' });
  #pages = $state.raw<ReadonlyMap<number, readonly Row[]>>(new Map());
  readonly #asked = new Set<number>();

  constructor(fetch: Ask<Question, Row, Facts>) {
    this.#fetch = fetch;
  }

  get state(): PagedState<Facts> {
    return this.#state;
  }

  get question(): Question | null {
    return this.#question;
  }

  get total(): number {
    return this.#state.kind === 'ready' ? this.#state.total : 0;
  }

  /** What is asked for, as a text that changes with every question: a list goes back to its top then. */
  get key(): string {
    return JSON.stringify(this.#question);
  }

  /** `keep`: what is shown stays until the answer is here. */
  show(question: Question, keep: boolean): void {
    this.#question = question;
    this.#number++;
    this.#asked.clear();
    if (!keep || this.#state.kind !== 'ready') {
      this.#pages = new Map();
      this.#state = { kind: 'loading' };
    }
    this.#ask(0, true).catch(() => null);
  }

  /** Nothing is asked for any more. */
  reset(): void {
    this.#question = null;
    this.#number++;
    this.#asked.clear();
    this.#pages = new Map();
    this.#state = { kind: 'loading' };
  }

  /** A row, or null while its page is on its way. */
  at(index: number): Row | null {
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
      const answer = await this.#fetch(question, page * PAGE_ROWS, PAGE_ROWS);
      if (number !== this.#number) return;
      const kept = isFirst ? [] : [...this.#pages].slice(-(PAGES_MAX - 1));
      for (const [old] of this.#pages) if (!kept.some(([one]) => one === old)) this.#asked.delete(old);
      this.#asked.add(page);
      this.#pages = new Map([...kept, [page, answer.rows]]);
      this.#state = { kind: 'ready', total: answer.total, facts: answer.facts };
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
