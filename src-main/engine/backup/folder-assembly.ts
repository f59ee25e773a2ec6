/**
 * The entries of one folder as they come in: known at once, or when a lane has read them, or when a folder below is
 * stored. They are given out in name order, as far as all before them are there; then nothing of them is kept here.
 *
 * What lanes read stays in the arrays it came in; only the others are objects. Whoever takes entries out while the folder
 * is walked can have a million of them for a few bytes each.
 */
import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { decodeEntryBytes } from '../merkle/index.ts';
import type { Listing } from '../source/index.ts';
import { type Child, isSameChild } from './entries.ts';
import type { PreviousEntry } from './previous.ts';
import type { ReadRecords } from './read-results.ts';

export type AssemblyItem =
  | { readonly kind: 'child'; readonly child: Child }
  | { readonly kind: 'record'; readonly row: number; readonly result: ReadRecords; readonly index: number }
  | { readonly kind: 'previous'; readonly row: number; readonly record: Uint8Array };

const STATE = { absent: 0, child: 1, record: 2, previous: 3, expected: 4 } as const;

const NO_ROWS = new Uint32Array(0);

export class FolderAssembly {
  readonly listing: Listing;
  readonly #state: Uint8Array;
  readonly #children = new Map<number, Child>();
  /** Each with the number of rows that are still to be given out of it; undefined when there are none. */
  readonly #results: ({ readonly records: ReadRecords; rows: number } | undefined)[] = [];
  readonly #pages: (Uint8Array | undefined)[] = [];
  /** Of a row: where in #results or #pages it is, and the record's number there, or its offset and its end. */
  readonly #sourceOf: Uint32Array;
  readonly #startOf: Uint32Array;
  readonly #endOf: Uint32Array;
  readonly #matches = new Map<number, PreviousEntry>();
  /** Entries of the parent snapshot that are carried on though the listing has no row for them; before which row. */
  readonly #carried: { readonly before: number; readonly child: Child }[] = [];
  #pending = 0;
  /** Rows before this one are decided on, or expected. */
  #walked = 0;
  /** The next row, and the next carried entry, to be given out. */
  #next = 0;
  #nextCarried = 0;
  #isSame: boolean;
  #ready: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined;
  #failure: Error | undefined;

  /** `hasPrevious`: only then can the folder turn out to be what it was. */
  constructor(listing: Listing, hasPrevious: boolean) {
    this.listing = listing;
    this.#state = new Uint8Array(listing.count);
    this.#sourceOf = new Uint32Array(listing.count);
    this.#startOf = new Uint32Array(listing.count);
    this.#endOf = hasPrevious ? new Uint32Array(listing.count) : NO_ROWS;
    this.#isSame = hasPrevious;
  }

  /** Every entry is what the parent snapshot has, as far as is known. */
  get isSame(): boolean {
    return this.#isSame;
  }

  /** Something of the parent snapshot is gone, or something is new that has no match. */
  differs(): void {
    this.#isSame = false;
  }

  /** A row whose entry comes later, by `child`, `record` or `absent`. */
  expect(row: number, match: PreviousEntry | undefined): void {
    this.#pending++;
    this.#walked = row + 1;
    this.#state[row] = STATE.expected;
    if (match === undefined) this.#isSame = false;
    else this.#matches.set(row, match);
  }

  matchOf(row: number): PreviousEntry | undefined {
    return this.#matches.get(row);
  }

  /** An entry known at once. */
  put(row: number, child: Child, match: PreviousEntry | undefined): void {
    this.#walked = Math.max(this.#walked, row + 1);
    this.#state[row] = STATE.child;
    this.#children.set(row, child);
    if (match === undefined || !isSameChild(child, match)) this.#isSame = false;
  }

  /** A file that is in every respect what a record of the parent snapshot says. */
  same(row: number, page: Uint8Array, start: number, end: number): void {
    this.#walked = row + 1;
    this.#state[row] = STATE.previous;
    if (this.#pages.at(-1) !== page) this.#pages.push(page);
    this.#sourceOf[row] = this.#pages.length - 1;
    this.#startOf[row] = start;
    this.#endOf[row] = end;
  }

  carry(before: number, child: Child): void {
    this.#carried.push({ before, child });
  }

  /** The entry of an expected row. */
  child(row: number, child: Child | undefined): void {
    const match = this.#matches.get(row);
    if (child === undefined) {
      this.#isSame = false;
      this.#state[row] = STATE.absent;
    } else this.put(row, child, match);
    this.#settled(row);
  }

  /** The same, as record `index` of what a lane read. */
  record(row: number, result: ReadRecords, index: number): void {
    this.#state[row] = STATE.record;
    let last = this.#results.at(-1);
    if (last?.records !== result) {
      last = { records: result, rows: 0 };
      this.#results.push(last);
    }
    last.rows++;
    this.#sourceOf[row] = this.#results.length - 1;
    this.#startOf[row] = index;
    const match = this.#matches.get(row);
    if (match !== undefined && this.#isSame) {
      this.#isSame = isSameChild(
        { entry: decodeEntryBytes(result.record(index)), nodeId: undefined, seal: undefined },
        match,
      );
    }
    this.#settled(row);
  }

  /** An expected entry can't be had: the backup fails. */
  fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new CairnError('engine/internal', String(error));
    this.#ready?.reject(this.#failure);
  }

  /** Resolves when everything expected has come. Called once, when every row has been decided on. */
  whole(): Promise<void> | undefined {
    this.#walked = this.listing.count;
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#pending === 0) return undefined;
    return new Promise((resolve, reject) => {
      this.#ready = { resolve, reject };
    });
  }

  /** The folder's entries in name order, from where it was left last time up to the first that has not come. */
  *take(): Generator<AssemblyItem> {
    for (;;) {
      const carried = this.#carried[this.#nextCarried];
      if (carried !== undefined && carried.before <= this.#next) {
        this.#nextCarried++;
        yield { kind: 'child', child: carried.child };
        continue;
      }
      if (this.#next >= this.#walked || this.#state[this.#next] === STATE.expected) return;
      const item = this.#takeRow(this.#next++);
      if (item !== undefined) yield item;
    }
  }

  /** Gives back the memory of the rows that were given out. */
  forgetTaken(): void {
    this.listing.forget(this.#next);
  }

  #takeRow(row: number): AssemblyItem | undefined {
    const source = this.#sourceOf[row] ?? 0;
    switch (this.#state[row] ?? STATE.absent) {
      case STATE.child: {
        const child = this.#children.get(row);
        assert(child !== undefined, 'a row that was put has its child');
        this.#children.delete(row);
        return { kind: 'child', child };
      }
      case STATE.record: {
        const result = this.#results[source];
        assert(result !== undefined, 'a row that was read has its result');
        result.rows--;
        if (result.rows === 0 && source < this.#results.length - 1) this.#results[source] = undefined;
        return { kind: 'record', row, result: result.records, index: this.#startOf[row] ?? 0 };
      }
      case STATE.previous: {
        const page = this.#pages[source];
        assert(page !== undefined, 'a row that is the same has its page');
        // Pages come in the order of the rows.
        if (source > 0) this.#pages[source - 1] = undefined;
        return { kind: 'previous', row, record: page.subarray(this.#startOf[row], this.#endOf[row]) };
      }
      default:
        return undefined;
    }
  }

  #settled(row: number): void {
    this.#matches.delete(row);
    this.#pending--;
    if (this.#pending === 0) this.#ready?.resolve();
  }
}
