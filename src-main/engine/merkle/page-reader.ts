/**
 * Reading trees of pages: the entries of a folder, one entry by name, the chunks of a file, the seals of a folder.
 * Pages come from a callback, one at a time, and are checked against what their parent says (see folder-cursor.ts).
 *
 * A folder may be shared: two names may refer to one page. So the size of a whole tree is not bounded by the bytes
 * stored; who walks a whole tree counts against the directory's totalEntries, or works in a lazy way.
 */
import { CairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import type { PageId } from '../../../src-shared/ids.ts';
import { compareBytes, findByName } from '../kernel/index.ts';
import type { ChunkRef, Entry, FileContent } from './entry.ts';
import { FolderCursor, openFolder, type PageFetch } from './folder-cursor.ts';
import { decodeChunkListPage, decodeSealPage, PAGE_BLOB_TYPE, type PageBlobType, type Seal } from './page.ts';

export { folderRef, type FolderRef, type PageFetch } from './folder-cursor.ts';

/** Told of a page that is damaged or missing, once each; what stands below it is then left out. */
export type OnDamagedPage = (error: CairnError) => void;

/**
 * All entries of a folder in the order of their raw names; `totalEntries` as in a FolderRef. With `onDamage` a damaged page ends nothing but itself;
 * without it, it ends the walk with its error.
 */
export async function* iterateFolder(
  fetch: PageFetch,
  page: PageId,
  level: number,
  onDamage?: OnDamagedPage,
  totalEntries?: number,
): AsyncGenerator<Entry> {
  for await (const entries of iterateFolderLeaves(fetch, page, level, onDamage, totalEntries)) yield* entries;
}

/** The same, one leaf page at a time: less overhead where every entry is looked at. */
export async function* iterateFolderLeaves(
  fetch: PageFetch,
  page: PageId,
  level: number,
  onDamage?: OnDamagedPage,
  totalEntries?: number,
): AsyncGenerator<readonly Entry[]> {
  const cursor = new FolderCursor(fetch);
  if (!(await passes(() => cursor.openRoot({ page, level, totalEntries }), onDamage))) return;
  for (let item = cursor.peek(); item !== undefined; item = cursor.peek()) {
    if (item.kind !== 'page') yield cursor.takeLeaf();
    else if (!(await passes(() => cursor.open(), onDamage))) cursor.skip();
  }
}

/** False where the page is damaged and somebody was told. */
async function passes(open: () => Promise<void>, onDamage: OnDamagedPage | undefined): Promise<boolean> {
  try {
    await open();
    return true;
  } catch (error) {
    if (onDamage === undefined || !isIntegrityError(error)) throw error;
    onDamage(error);
    return false;
  }
}

/**
 * The leaf pages of a folder as they are stored, one at a time, for a PageRecordCursor. A single page is not looked into;
 * of several each is walked once to hold it to what its parent says.
 */
export async function* iterateFolderPages(fetch: PageFetch, page: PageId, level: number): AsyncGenerator<Uint8Array> {
  if (level === 0) {
    const fetched = fetch(page, PAGE_BLOB_TYPE.folder);
    yield fetched instanceof Uint8Array ? fetched : await fetched;
    return;
  }
  const cursor = await openFolder(fetch, { page, level });
  for (let item = cursor.peek(); item?.kind === 'page'; item = cursor.peek()) {
    if (item.level > 0) await cursor.open();
    else yield await cursor.takePage();
  }
}

/** The entry with this raw name. Opens one page per level. */
export async function findEntry(
  fetch: PageFetch,
  page: PageId,
  level: number,
  name: Uint8Array,
): Promise<Entry | undefined> {
  const cursor = await openFolder(fetch, { page, level });
  for (;;) {
    cursor.skipPagesBefore(name);
    const item = cursor.peek();
    if (item === undefined) return undefined;
    if (item.kind === 'page') {
      if (compareBytes(item.name, name) > 0) return undefined;
      await cursor.open();
    } else {
      return findByName(cursor.takeLeaf(), name);
    }
  }
}

function fail(reason: string): never {
  throw new CairnError('integrity/malformed', `the pages of a list contradict each other: ${reason}`);
}

/** Sums a parent gives for a child page; `bytes` only in chunk lists. */
type Sums = { readonly count: number; readonly bytes: number };
type ListChild = Sums & { readonly page: PageId };
type ListPage<Record> =
  | { readonly kind: 'leaf'; readonly records: readonly Record[]; readonly sums: Sums }
  | { readonly kind: 'inner'; readonly level: number; readonly children: readonly ListChild[] };

/** The leaves of a positional list, one at a time. `sums` of a root may be unknown. */
async function* iterateLeaves<Record>(
  fetch: PageFetch,
  blobType: PageBlobType,
  decode: (bytes: Uint8Array) => ListPage<Record>,
  root: { page: PageId; level: number; count: number | undefined; bytes: number | undefined },
): AsyncGenerator<readonly Record[]> {
  // Levels fall by one from parent to child, so the stack holds at most one page's references per level.
  const waiting = [root];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const fetched = fetch(next.page, blobType);
    const page = decode(fetched instanceof Uint8Array ? fetched : await fetched);
    const level = page.kind === 'leaf' ? 0 : page.level;
    if (level !== next.level) fail(`a page of level ${level} stands where level ${next.level} is expected`);
    const sums = page.kind === 'leaf' ? page.sums : sumOf(page.children);
    if (next.count !== undefined && sums.count !== next.count) fail(`${sums.count} records instead of ${next.count}`);
    if (next.bytes !== undefined && sums.bytes !== next.bytes) fail(`${sums.bytes} bytes instead of ${next.bytes}`);
    if (page.kind === 'leaf') yield page.records;
    else for (const child of page.children.toReversed()) waiting.push({ ...child, level: level - 1 });
  }
}

function sumOf(children: readonly Sums[]): Sums {
  let count = 0;
  let bytes = 0;
  for (const child of children) {
    count += child.count;
    bytes += child.bytes;
  }
  return { count, bytes };
}

function openChunkList(bytes: Uint8Array): ListPage<ChunkRef> {
  const page = decodeChunkListPage(bytes);
  if (page.kind === 'leaf') {
    let total = 0;
    for (const chunk of page.chunks) total += chunk.length;
    return { kind: 'leaf', records: page.chunks, sums: { count: page.chunks.length, bytes: total } };
  }
  const children = page.children.map((child) => ({ page: child.page, count: child.chunkCount, bytes: child.bytes }));
  return { kind: 'inner', level: page.level, children };
}

/**
 * The chunks of a file in order. With `size` (the file's, in bytes) a chunk list in pages that doesn't add up to it
 * is refused; an inline one was checked when it was decoded.
 */
export async function* iterateChunks(fetch: PageFetch, content: FileContent, size?: number): AsyncGenerator<ChunkRef> {
  if (content.kind === 'inline') {
    yield* content.chunks;
    return;
  }
  const root = { page: content.root, level: content.level, count: content.chunkCount, bytes: size };
  for await (const chunks of iterateLeaves(fetch, PAGE_BLOB_TYPE.chunkList, openChunkList, root)) yield* chunks;
}

function openSeals(bytes: Uint8Array): ListPage<Seal> {
  const page = decodeSealPage(bytes);
  if (page.kind === 'leaf') return { kind: 'leaf', records: page.seals, sums: { count: page.seals.length, bytes: 0 } };
  const children = page.children.map((child) => ({ page: child.page, count: child.sealCount, bytes: 0 }));
  return { kind: 'inner', level: page.level, children };
}

/** The seals of a folder's child directories, in the order of its directory entries. */
export async function* iterateSeals(fetch: PageFetch, page: PageId, level: number): AsyncGenerator<Seal> {
  const root = { page, level, count: undefined, bytes: undefined };
  for await (const seals of iterateLeaves(fetch, PAGE_BLOB_TYPE.seal, openSeals, root)) yield* seals;
}
