/**
 * The chunk lists of large files that stand in pages: every page readable, of the level, count and bytes that is said of
 * it, and every chunk in it one that can be relied on.
 *
 * Pages are addressed by what is in them, so a file may name one page any number of times: a few pages can stand for
 * 10^12 chunks. A page that was found whole under the same claim is not looked into again, in this file or another; one
 * that was not is looked into once for each file, which is then known to be damaged. So the work is bounded by the pages
 * that are stored, and memory by the tables of RecentlySeen.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import type { PageId } from '../../../src-shared/ids.ts';
import { hash } from '../codec/index.ts';
import { ByteWriter } from '../kernel/index.ts';
import {
  type ChunkRef,
  type FileContent,
  PAGE_BLOB_TYPE,
  type PageFetch,
  decodeChunkListPage,
} from '../merkle/index.ts';
import { RecentlySeen } from './fingerprints.ts';

/** Pages that are remembered, for files and for one file: 24 MiB at most each, when all of it is used. */
const PAGES_SEEN_SLOTS = 1024 * 1024;

/** What is said of a page by whatever refers to it. */
type Claim = { readonly page: PageId; readonly level: number; readonly count: number; readonly bytes: number };

export type ChunkListOptions = {
  readonly fetch: PageFetch;
  /** False where a chunk can't be relied on; whoever is asked has noted that. */
  readonly isGood: (chunk: ChunkRef) => boolean | Promise<boolean>;
  /** Called for each page that is looked into. */
  readonly onPage: () => Promise<void>;
};

export class ChunkLists {
  readonly #whole = new RecentlySeen(PAGES_SEEN_SLOTS);
  readonly #key = new ByteWriter(64);

  /**
   * True where all of a list is whole, and adds up to `size`.
   * @throws CairnError integrity/… where a page can't be read, or is not what is said of it
   */
  check(content: FileContent & { readonly kind: 'pages' }, size: number, options: ChunkListOptions): Promise<boolean> {
    const { root: page, level, chunkCount: count } = content;
    return this.#page({ page, level, count, bytes: size }, options, new RecentlySeen(PAGES_SEEN_SLOTS));
  }

  async #page(claim: Claim, options: ChunkListOptions, found: RecentlySeen): Promise<boolean> {
    const key = this.#keyOf(claim);
    if (this.#whole.has(key)) return true;
    if (found.has(key)) return false;
    await options.onPage();
    const page = decodeChunkListPage(await options.fetch(claim.page, PAGE_BLOB_TYPE.chunkList));
    const level = page.kind === 'leaf' ? 0 : page.level;
    if (level !== claim.level) refuse(`a page of level ${level} stands where level ${claim.level} is expected`);
    let isWhole = true;
    if (page.kind === 'leaf') {
      compareSums(
        claim,
        page.chunks.length,
        sumOf(page.chunks, ({ length }) => length),
      );
      for (const chunk of page.chunks) {
        const isGood = options.isGood(chunk);
        if (!(typeof isGood === 'boolean' ? isGood : await isGood)) isWhole = false;
      }
    } else {
      const { children } = page;
      compareSums(
        claim,
        sumOf(children, ({ chunkCount }) => chunkCount),
        sumOf(children, ({ bytes }) => bytes),
      );
      // Levels fall by one and end at PAGE_LEVEL_MAX: so does the depth of this.
      for (const child of children) {
        const below = { page: child.page, level: level - 1, count: child.chunkCount, bytes: child.bytes };
        if (!(await this.#page(below, options, found))) isWhole = false;
      }
    }
    (isWhole ? this.#whole : found).add(key);
    return isWhole;
  }

  #keyOf({ page, level, count, bytes }: Claim): Uint8Array {
    const key = this.#key;
    key.reset();
    return hash(key.bytes(page).u8(level).varint(count).varint(bytes).view());
  }
}

function sumOf<Item>(items: readonly Item[], numberOf: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + numberOf(item), 0);
}

function compareSums({ count, bytes }: Claim, foundCount: number, foundBytes: number): void {
  if (foundCount !== count) refuse(`${foundCount} records instead of ${count}`);
  if (foundBytes !== bytes) refuse(`${foundBytes} bytes instead of ${bytes}`);
}

function refuse(reason: string): never {
  throw new CairnError('integrity/malformed', `the pages of a list contradict each other: ${reason}`);
}
