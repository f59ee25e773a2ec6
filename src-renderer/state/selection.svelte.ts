/**
 * What is picked in a list that is only partly here: single entries, a range over rows that may still have to be asked
 * for, or the folder as a whole, which is one path however many rows it has.
 */
import { RESTORE_PATHS_MAX } from '../../src-shared/api/contract.ts';
import type { BrowseEntry } from '../../src-shared/model/index.ts';
import type { Listing } from './listing.svelte.ts';

export class Selection {
  readonly #listing: Listing;
  #picked = $state.raw<ReadonlyMap<string, BrowseEntry>>(new Map());
  #whole = $state(false);
  #tooMany = $state(false);
  /** The row that has the keyboard. */
  #focus = $state(0);
  #anchor = 0;

  constructor(listing: Listing) {
    this.#listing = listing;
  }

  get isWhole(): boolean {
    return this.#whole;
  }

  /** The last range was longer than a request may carry. */
  get tooMany(): boolean {
    return this.#tooMany;
  }

  get focus(): number {
    return this.#focus;
  }

  get size(): number {
    return this.#whole ? this.#listing.total : this.#picked.size;
  }

  get entries(): readonly BrowseEntry[] {
    return [...this.#picked.values()];
  }

  get paths(): readonly string[] {
    return [...this.#picked.keys()];
  }

  has(path: string): boolean {
    return this.#whole || this.#picked.has(path);
  }

  clear(): void {
    this.#picked = new Map();
    this.#whole = false;
    this.#tooMany = false;
    this.#focus = 0;
    this.#anchor = 0;
  }

  /** Only this one. */
  pick(entry: BrowseEntry, index: number): void {
    this.#picked = new Map([[entry.path, entry]]);
    this.#whole = false;
    this.#tooMany = false;
    this.#place(index);
  }

  toggle(entry: BrowseEntry, index: number): void {
    const picked = this.#whole ? new Map<string, BrowseEntry>() : new Map(this.#picked);
    if (picked.has(entry.path)) picked.delete(entry.path);
    else picked.set(entry.path, entry);
    this.#set(picked);
    this.#place(index);
  }

  moveTo(index: number): void {
    this.#focus = Math.max(0, Math.min(index, this.#listing.total - 1));
  }

  /** From the row that was last picked to this one. */
  async extendTo(index: number): Promise<void> {
    this.moveTo(index);
    const first = Math.min(this.#anchor, this.#focus);
    const last = Math.max(this.#anchor, this.#focus);
    if (last - first >= RESTORE_PATHS_MAX) {
      this.#tooMany = true;
      return;
    }
    await this.#listing.load(first, last);
    const picked = new Map<string, BrowseEntry>();
    for (let row = first; row <= last; row++) {
      const entry = this.#listing.at(row);
      if (entry !== null) picked.set(entry.path, entry);
    }
    this.#set(picked);
  }

  /** All rows: the folder itself, or, where a filter shows a part of it, each of the rows. */
  async all(filtered: boolean): Promise<void> {
    if (!filtered) {
      this.#picked = new Map();
      this.#whole = this.#listing.total > 0;
      this.#tooMany = false;
      return;
    }
    const focus = this.#focus;
    this.#anchor = 0;
    await this.extendTo(this.#listing.total - 1);
    this.#focus = focus;
  }

  #place(index: number): void {
    this.#focus = index;
    this.#anchor = index;
  }

  #set(picked: ReadonlyMap<string, BrowseEntry>): void {
    this.#whole = false;
    this.#tooMany = picked.size > RESTORE_PATHS_MAX;
    if (!this.#tooMany) this.#picked = picked;
  }
}
