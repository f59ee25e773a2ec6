/**
 * Decoded index pages of all open runs under one byte budget, least recently used out first.
 *
 * Invariant: `sizeBytes` never exceeds the budget, except by the one page just put in.
 */
import { assert } from '../../../src-shared/assert.ts';
import type { IndexPage } from './index-page.ts';
import { PAGES_PER_RUN_MAX } from './layout.ts';

/** 64 pages of 108 KiB; lookups of one folder's files hit random pages, so more is better where memory allows. */
export const PAGE_CACHE_BYTES_DEFAULT = 8 * 1024 * 1024;

export class PageCache {
  readonly #bytesMax: number;
  /** A Map keeps insertion order: the first key is the least recently used. */
  readonly #pages = new Map<number, IndexPage>();
  #sizeBytes = 0;
  #ownerCount = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** A number that keeps the pages of one run apart from those of others. */
  newOwner(): number {
    return this.#ownerCount++;
  }

  #key(owner: number, page: number): number {
    assert(page < PAGES_PER_RUN_MAX, 'a run has a bounded number of pages');
    return owner * PAGES_PER_RUN_MAX + page;
  }

  get(owner: number, page: number): IndexPage | undefined {
    const key = this.#key(owner, page);
    const found = this.#pages.get(key);
    if (found !== undefined) {
      this.#pages.delete(key);
      this.#pages.set(key, found);
    }
    return found;
  }

  put(owner: number, page: number, value: IndexPage): void {
    const key = this.#key(owner, page);
    this.#remove(key);
    this.#pages.set(key, value);
    this.#sizeBytes += value.sizeBytes;
    for (const oldest of this.#pages.keys()) {
      if (this.#sizeBytes <= this.#bytesMax || oldest === key) break;
      this.#remove(oldest);
    }
  }

  #remove(key: number): void {
    const old = this.#pages.get(key);
    if (old === undefined) return;
    this.#pages.delete(key);
    this.#sizeBytes -= old.sizeBytes;
  }
}

/** A cache for the runs of one repository, or of all that are open; `bytesMax` bounds the decoded pages in it. */
export function createPageCache(bytesMax: number = PAGE_CACHE_BYTES_DEFAULT): PageCache {
  return new PageCache(bytesMax);
}
