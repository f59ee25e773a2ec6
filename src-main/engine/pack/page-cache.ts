/**
 * Index pages in memory, of all runs of all open repositories, under one byte budget: those that were not used since they
 * came, or since they were last passed over, go first. A use only sets a mark, so a hit costs one look into a map.
 *
 * Invariant: `sizeBytes` never exceeds the budget, except by the one page just put in.
 */
import { assert } from '../../../src-shared/assert.ts';
import type { PagePlaces } from './index-places.ts';
import { PAGES_PER_RUN_MAX } from './layout.ts';

/**
 * The one budget of the process. Room for the places of 6 million blobs at 8 bytes, or for 450 whole pages at 108 KiB;
 * the ids of runs that are loaded whole (12 bytes a blob) stand beside it.
 */
export const PAGE_CACHE_BYTES_DEFAULT = 48 * 1024 * 1024;

type Kept = { readonly page: PagePlaces; isUsed: boolean };

export class PageCache {
  readonly #bytesMax: number;
  /** A Map keeps insertion order: the first key has waited longest. */
  readonly #pages = new Map<number, Kept>();
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

  get(owner: number, page: number): PagePlaces | undefined {
    const kept = this.#pages.get(this.#key(owner, page));
    if (kept === undefined) return undefined;
    kept.isUsed = true;
    return kept.page;
  }

  put(owner: number, page: number, value: PagePlaces): void {
    const key = this.#key(owner, page);
    this.#remove(key);
    this.#pages.set(key, { page: value, isUsed: false });
    this.#sizeBytes += value.sizeBytes;
    // Ends: a page that was passed over once has lost its mark.
    for (const [oldest, kept] of this.#pages) {
      if (this.#sizeBytes <= this.#bytesMax) break;
      if (oldest === key) continue;
      this.#pages.delete(oldest);
      if (kept.isUsed) this.#pages.set(oldest, { page: kept.page, isUsed: false });
      else this.#sizeBytes -= kept.page.sizeBytes;
    }
  }

  /** Puts a page in only where no other has to go for it: what is read ahead drives nothing out. */
  offer(owner: number, page: number, value: PagePlaces): boolean {
    const old = this.#pages.get(this.#key(owner, page))?.page.sizeBytes ?? 0;
    if (this.#sizeBytes - old + value.sizeBytes > this.#bytesMax) return false;
    this.put(owner, page, value);
    return true;
  }

  /** Forgets the pages of a run that nobody reads any more. */
  drop(owner: number, pageCount: number): void {
    for (let page = 0; page < pageCount; page++) this.#remove(this.#key(owner, page));
  }

  #remove(key: number): void {
    const old = this.#pages.get(key);
    if (old === undefined) return;
    this.#pages.delete(key);
    this.#sizeBytes -= old.page.sizeBytes;
  }
}

/** A cache of its own, for whoever must not drive the pages of others out. */
export function createPageCache(bytesMax: number = PAGE_CACHE_BYTES_DEFAULT): PageCache {
  return new PageCache(bytesMax);
}

const shared = createPageCache();

/** The cache of all open repositories: one budget for the process. */
export function sharedPageCache(): PageCache {
  return shared;
}
