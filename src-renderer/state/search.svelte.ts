/** Names over all snapshots: asked for while one types, page by page, and again when the catalog knows more. */
import type { InputOf } from '../../src-shared/api/contract.ts';
import type { BrowseEntry, SearchHit, SearchState as CatalogState } from '../../src-shared/model/index.ts';
import type { Client } from '../api.ts';
import { Paged, type PagedState } from './paged.svelte.ts';

const DELAY_MS = 140;

type Question = Omit<InputOf<'search.find'>, 'offset' | 'limit'>;
type Facts = { readonly catalog: CatalogState; readonly totalIsExact: boolean };
export type SearchType = Question['type'];

export class Search {
  readonly hits: Paged<Question, SearchHit, Facts>;
  #destinationId = $state<string | null>(null);
  #text = $state('');
  #type = $state<SearchType>('any');
  /** The row that has the keyboard. */
  #focus = $state(0);
  #timer = 0;

  constructor(client: Client) {
    this.hits = new Paged(async (question, offset, limit) => {
      const page = await client.call('search.find', { ...question, offset, limit });
      const facts = { catalog: page.state, totalIsExact: page.totalIsExact };
      return { rows: page.hits, total: page.total, facts };
    });
  }

  get destinationId(): string | null {
    return this.#destinationId;
  }

  get text(): string {
    return this.#text;
  }

  get type(): SearchType {
    return this.#type;
  }

  get focus(): number {
    return this.#focus;
  }

  get state(): PagedState<Facts> {
    return this.hits.state;
  }

  /** Nothing is typed, or only spaces. */
  get isEmpty(): boolean {
    return this.#text.trim() === '';
  }

  get chosen(): SearchHit | null {
    return this.hits.at(this.#focus);
  }

  enter(destinationId: string): void {
    if (destinationId === this.#destinationId) return;
    this.#destinationId = destinationId;
    this.#ask();
  }

  write(text: string): void {
    this.#text = text;
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#ask(), DELAY_MS);
  }

  ofType(type: SearchType): void {
    this.#type = type;
    this.#ask();
  }

  moveTo(index: number): void {
    this.#focus = Math.max(0, Math.min(index, this.hits.total - 1));
  }

  /** The catalog knows more, or there is a new snapshot. */
  refresh(): void {
    if (this.hits.question !== null) this.hits.show(this.hits.question, true);
  }

  retry(): void {
    this.#ask();
  }

  #ask(): void {
    window.clearTimeout(this.#timer);
    const text = this.#text.trim();
    this.#focus = 0;
    if (text === '' || this.#destinationId === null) return this.hits.reset();
    this.hits.show({ destinationId: this.#destinationId, text, type: this.#type }, true);
  }
}

/** A hit as a list of files would show it. */
export function entryOfHit({ name, path, type, size, mtime }: SearchHit): BrowseEntry {
  const unknown = { mode: 0, target: null, contentHash: null, contentBytes: null, entryCount: null };
  return { name, path, type, size, mtime, ...unknown };
}
