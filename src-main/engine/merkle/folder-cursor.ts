/**
 * A place in a folder's child list that moves forward through its pages and opens a page only when asked. Listing,
 * looking up a name and comparing two folders are all walks of this cursor; the last two leave most pages closed.
 *
 * Invariants checked on every page opened: its level is exactly one below its parent's, it starts with the name and
 * holds the count its parent says, and all its names stand before its next sibling. So a walk ends after at most
 * PAGE_LEVEL_MAX levels whatever the pages say, and names rise over the whole folder.
 */
import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import type { PageId } from '../../../src-shared/ids.ts';
import { compareBytes, equalBytes } from '../kernel/index.ts';
import type { DirectoryEntry, Entry } from './entry.ts';
import { PageRecordCursor } from './page-cursor.ts';
import { decodeFolderPage, type FolderChild, type FolderPage, PAGE_BLOB_TYPE, type PageBlobType } from './page.ts';

/** Gives the verified bytes of a page, or throws integrity/missing. The bytes must not change afterwards. */
export type PageFetch = (page: PageId, blobType: PageBlobType) => Uint8Array | Promise<Uint8Array>;

/** The root page of a folder's child list and its level. */
export type FolderRef = {
  readonly page: PageId;
  readonly level: number;
  /**
   * What the folder's entry says it holds, with all below. Whoever walks a whole tree gives it: pages that are shared
   * could make a tree of any size out of a few bytes.
   */
  readonly totalEntries?: number | undefined;
};

/** Of a stored folder, with the count it is held to. */
export function folderRef({ page, pageLevel: level, totalEntries }: DirectoryEntry): FolderRef {
  return { page, level, totalEntries };
}

export type CursorItem =
  | { readonly kind: 'entry'; readonly entry: Entry; readonly name: Uint8Array }
  | { readonly kind: 'page'; readonly child: FolderChild; readonly level: number; readonly name: Uint8Array };

type Frame = {
  readonly page: FolderPage;
  index: number;
  /** Names in this page stand before this one. */
  readonly before: Uint8Array | undefined;
};

function fail(reason: string): never {
  throw new CairnError('integrity/malformed', `the pages of a folder contradict each other: ${reason}`);
}

export class FolderCursor {
  readonly #fetch: PageFetch;
  readonly #frames: Frame[] = [];
  /** Entries that may still be met, those below them counted too. */
  #entriesLeft = Infinity;

  /** Use `openFolder`. */
  constructor(fetch: PageFetch) {
    this.#fetch = fetch;
  }

  /** The entry or the unopened page the cursor stands at; undefined at the end. */
  peek(): CursorItem | undefined {
    for (;;) {
      const frame = this.#frames.at(-1);
      if (frame === undefined) return undefined;
      const page = frame.page;
      if (page.kind === 'leaf') {
        const entry = page.entries[frame.index];
        if (entry !== undefined) return { kind: 'entry', entry, name: entry.name };
      } else {
        const child = page.children[frame.index];
        if (child !== undefined) return { kind: 'page', child, level: page.level - 1, name: child.firstName };
      }
      this.#frames.pop();
    }
  }

  /** Steps over the entry or the unopened page. */
  skip(): void {
    const frame = this.#frames.at(-1);
    if (frame !== undefined) frame.index++;
  }

  /** The rest of the leaf the cursor stands in, stepped over; empty where it stands at a page or at the end. */
  takeLeaf(): readonly Entry[] {
    const frame = this.#frames.at(-1);
    if (frame === undefined || frame.page.kind !== 'leaf') return [];
    const rest = frame.index === 0 ? frame.page.entries : frame.page.entries.slice(frame.index);
    frame.index = frame.page.entries.length;
    return rest;
  }

  /** Steps over pages that can't hold the name, without opening them. */
  skipPagesBefore(name: Uint8Array): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined || frame.page.kind !== 'inner') return;
    const children = frame.page.children;
    let low = frame.index;
    let high = children.length;
    // The last child whose first name is not above the name; none: the current one, and the name is absent.
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      const child = children[middle];
      assert(child !== undefined, 'a binary search stays inside');
      if (compareBytes(child.firstName, name) <= 0) low = middle;
      else high = middle;
    }
    frame.index = low;
  }

  async openRoot(folder: FolderRef): Promise<void> {
    this.#entriesLeft = folder.totalEntries ?? Infinity;
    const page = await this.#read(folder.page, folder.level);
    this.#frames.push({ page, index: 0, before: undefined });
  }

  /** Opens the page the cursor stands at; it then stands at the page's first item. */
  async open(): Promise<void> {
    const { child, level, before } = this.#unopened();
    const page = await this.#read(child.page, level);
    checkChild(extentOf(page), child, before);
    this.skip();
    this.#frames.push({ page, index: 0, before });
  }

  /** The bytes of the leaf page the cursor stands at, every record of it checked; steps over it. */
  async takePage(): Promise<Uint8Array> {
    const { child, level, before } = this.#unopened();
    assert(level === 0, 'only a leaf page is taken as it is');
    const bytes = await this.#fetch(child.page, PAGE_BLOB_TYPE.folder);
    const records = new PageRecordCursor();
    records.open(bytes);
    let first: Uint8Array | undefined;
    let last: Uint8Array | undefined;
    while (records.next()) {
      first ??= records.name;
      if (records.isLast) last = records.name;
    }
    checkChild({ count: records.count, first, last }, child, before);
    this.skip();
    return bytes;
  }

  #unopened(): { readonly child: FolderChild; readonly level: number; readonly before: Uint8Array | undefined } {
    const frame = this.#frames.at(-1);
    assert(frame !== undefined && frame.page.kind === 'inner', 'only an unopened page is opened');
    const child = frame.page.children[frame.index];
    assert(child !== undefined, 'only an unopened page is opened');
    const before = frame.page.children[frame.index + 1]?.firstName ?? frame.before;
    return { child, level: frame.page.level - 1, before };
  }

  async #read(id: PageId, level: number): Promise<FolderPage> {
    const fetched = this.#fetch(id, PAGE_BLOB_TYPE.folder);
    const page = decodeFolderPage(fetched instanceof Uint8Array ? fetched : await fetched);
    const actual = page.kind === 'leaf' ? 0 : page.level;
    if (actual !== level) fail(`a page of level ${actual} stands where level ${level} is expected`);
    if (page.kind === 'leaf') this.#count(page.entries);
    return page;
  }

  #count(entries: readonly Entry[]): void {
    if (this.#entriesLeft === Infinity) return;
    for (const entry of entries) this.#entriesLeft -= 1 + (entry.nodeType === 'directory' ? entry.totalEntries : 0);
    if (this.#entriesLeft < 0) fail('there are more entries than the folder says it has');
  }
}

/** How many entries stand in and below a page, and its first and last name. */
type Extent = {
  readonly count: number;
  readonly first: Uint8Array | undefined;
  readonly last: Uint8Array | undefined;
};

function extentOf(page: FolderPage): Extent {
  if (page.kind === 'leaf') {
    return { count: page.entries.length, first: page.entries[0]?.name, last: page.entries.at(-1)?.name };
  }
  let count = 0;
  for (const child of page.children) count += child.entryCount;
  return { count, first: page.children[0]?.firstName, last: page.children.at(-1)?.firstName };
}

function checkChild({ count, first, last }: Extent, child: FolderChild, before: Uint8Array | undefined): void {
  if (first === undefined || last === undefined) fail('an inner page refers to an empty one');
  if (!equalBytes(first, child.firstName)) fail('a page does not start with the name its parent gives');
  if (count !== child.entryCount) fail(`a page holds ${count} entries, its parent says ${child.entryCount}`);
  if (before !== undefined && compareBytes(last, before) >= 0) fail('a page reaches into its sibling');
}

/** A cursor at the start of a folder. */
export async function openFolder(fetch: PageFetch, folder: FolderRef): Promise<FolderCursor> {
  const cursor = new FolderCursor(fetch);
  await cursor.openRoot(folder);
  return cursor;
}
