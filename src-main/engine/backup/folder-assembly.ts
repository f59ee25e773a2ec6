/**
 * The entries of one folder as they come in: known at once, or when a lane has read them, or when a folder below is
 * stored. In the end they are given out in name order, and the folder can be sealed.
 *
 * What lanes read stays in the arrays it came in; only the others are objects. A million files in one folder cost a few
 * bytes each here.
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

const STATE = { absent: 0, child: 1, record: 2, previous: 3 } as const;

const NO_ROWS = new Uint32Array(0);

export class FolderAssembly {
  readonly listing: Listing;
  readonly #state: Uint8Array;
  readonly #children = new Map<number, Child>();
  readonly #results: ReadRecords[] = [];
  readonly #pages: Uint8Array[] = [];
  /** Of a row: where in #results or #pages it is, and the record's number there, or its offset and its end. */
  readonly #sourceOf: Uint32Array;
  readonly #startOf: Uint32Array;
  readonly #endOf: Uint32Array;
  readonly #matches = new Map<number, PreviousEntry>();
  /** Entries of the parent snapshot that are carried on though the listing has no row for them; before which row. */
  readonly #carried: { readonly before: number; readonly child: Child }[] = [];
  #pending = 0;
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
    if (match === undefined) this.#isSame = false;
    else this.#matches.set(row, match);
  }

  matchOf(row: number): PreviousEntry | undefined {
    return this.#matches.get(row);
  }

  /** An entry known at once. */
  put(row: number, child: Child, match: PreviousEntry | undefined): void {
    this.#state[row] = STATE.child;
    this.#children.set(row, child);
    if (match === undefined || !isSameChild(child, match)) this.#isSame = false;
  }

  /** A file that is in every respect what a record of the parent snapshot says. */
  same(row: number, page: Uint8Array, start: number, end: number): void {
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
    if (child === undefined) this.#isSame = false;
    else this.put(row, child, match);
    this.#settled(row);
  }

  /** The same, as record `index` of what a lane read. */
  record(row: number, result: ReadRecords, index: number): void {
    this.#state[row] = STATE.record;
    if (this.#results.at(-1) !== result) this.#results.push(result);
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

  /** Resolves when everything expected has come. Called once, after the last `expect`. */
  whole(): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#pending === 0) return undefined;
    return new Promise((resolve, reject) => {
      this.#ready = { resolve, reject };
    });
  }

  /** The folder's entries in name order. */
  *items(): Generator<AssemblyItem> {
    let carried = 0;
    for (let row = 0; row <= this.listing.count; row++) {
      for (let next = this.#carried[carried]; next !== undefined && next.before <= row; next = this.#carried[carried]) {
        carried++;
        yield { kind: 'child', child: next.child };
      }
      const state = row < this.listing.count ? this.#state[row] : STATE.absent;
      if (state === STATE.child) {
        const child = this.#children.get(row);
        assert(child !== undefined, 'a row that was put has its child');
        yield { kind: 'child', child };
      } else if (state === STATE.record) {
        const result = this.#results[this.#sourceOf[row] ?? 0];
        assert(result !== undefined, 'a row that was read has its result');
        yield { kind: 'record', row, result, index: this.#startOf[row] ?? 0 };
      } else if (state === STATE.previous) {
        const page = this.#pages[this.#sourceOf[row] ?? 0];
        assert(page !== undefined, 'a row that is the same has its page');
        yield { kind: 'previous', row, record: page.subarray(this.#startOf[row], this.#endOf[row]) };
      }
    }
  }

  #settled(row: number): void {
    this.#matches.delete(row);
    this.#pending--;
    if (this.#pending === 0) this.#ready?.resolve();
  }
}
