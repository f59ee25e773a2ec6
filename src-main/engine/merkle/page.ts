/**
 * Pages: the stored pieces of a folder's child list, of a large file's chunk list, and of a folder's seals (the
 * NodeIds of its child directories). Each list is a tree: leaf pages hold records, inner pages hold references.
 *
 * Invariants of everything decoded here: counts fit into the bytes there are, names in a page rise strictly, nothing
 * trails, and every value has one encoding, so that encoding a decoded page gives the same bytes. What holds between
 * pages (levels fall, first names and counts agree) is checked by folder-cursor.ts and page-reader.ts.
 */
import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { asBlobId, asNodeId, ID_BYTES, type NodeId, type PageId } from '../../../src-shared/ids.ts';
import { BLOB_TYPE, type LayoutField } from '../codec/index.ts';
import { ByteReader, ByteWriter, compareBytes, utf8 } from '../kernel/index.ts';
import {
  CHUNK_REF_BYTES_MIN,
  decodeChunkRef,
  decodeEntry,
  encodeChunkRef,
  encodeEntry,
  ENTRY_BYTES_MIN,
} from './entry-codec.ts';
import { type ChunkRef, type Entry, NAME_BYTES_MAX, nameFault, PAGE_LEVEL_MAX } from './entry.ts';

/** “CrnP”. */
export const PAGE_MAGIC: Uint8Array = utf8('CrnP');
export const PAGE_VERSION = 1;

/** The fixed start of every page; a varint count and the records follow. Offsets and sizes in bytes. */
export const PAGE_HEADER_FIELDS = [
  { offset: 0, size: 4, type: 'bytes', name: 'magic' },
  { offset: 4, size: 1, type: 'u8', name: 'pageVersion' },
  { offset: 5, size: 1, type: 'u8', name: 'pageKind' },
  { offset: 6, size: 1, type: 'u8', name: 'level' },
  { offset: 7, size: 1, type: 'u8', name: 'flags' },
] as const satisfies readonly LayoutField[];
export const PAGE_HEADER_BYTES = 8;

/**
 * Longest page. A builder cuts after the record that reaches PAGE_SPLIT.bytesMax, and the longest record (name, link
 * target or chunks, owner names, attributes, extension, all at their bounds) is shorter than this leaves room for.
 */
export const PAGE_BYTES_MAX = 1024 * 1024;

export const PAGE_KIND = {
  folderLeaf: 1,
  folderInner: 2,
  chunkListLeaf: 3,
  chunkListInner: 4,
  sealLeaf: 5,
  sealInner: 6,
} as const;
export type PageKind = (typeof PAGE_KIND)[keyof typeof PAGE_KIND];

/** The blob type under which each tree of pages is stored; it goes into the BlobId. */
export const PAGE_BLOB_TYPE = {
  folder: BLOB_TYPE.folderPage,
  chunkList: BLOB_TYPE.chunkListPage,
  seal: BLOB_TYPE.sealPage,
} as const;
export type PageBlobType = (typeof PAGE_BLOB_TYPE)[keyof typeof PAGE_BLOB_TYPE];

/** A reference of an inner folder page: the page's first name, and how many entries stand below it. */
export type FolderChild = { readonly firstName: Uint8Array; readonly page: PageId; readonly entryCount: number };
export type FolderPage =
  | { readonly kind: 'leaf'; readonly entries: readonly Entry[] }
  | { readonly kind: 'inner'; readonly level: number; readonly children: readonly FolderChild[] };

/** A reference of an inner chunk-list page: how many chunks stand below it and how many bytes they have. */
export type ChunkListChild = { readonly page: PageId; readonly chunkCount: number; readonly bytes: number };
export type ChunkListPage =
  | { readonly kind: 'leaf'; readonly chunks: readonly ChunkRef[] }
  | { readonly kind: 'inner'; readonly level: number; readonly children: readonly ChunkListChild[] };

/** A child directory's NodeId and the root of its own seal pages (absent when it has no child directories). */
export type Seal = { readonly nodeId: NodeId; readonly sealPage?: { readonly page: PageId; readonly level: number } };
export type SealChild = { readonly page: PageId; readonly sealCount: number };
export type SealPage =
  | { readonly kind: 'leaf'; readonly seals: readonly Seal[] }
  | { readonly kind: 'inner'; readonly level: number; readonly children: readonly SealChild[] };

/** Smallest inner records, to bound the count. */
const FOLDER_CHILD_BYTES_MIN = 2 + ID_BYTES + 1;
const CHUNK_LIST_CHILD_BYTES_MIN = ID_BYTES + 2;
const SEAL_BYTES_MIN = ID_BYTES + 1;
const SEAL_CHILD_BYTES_MIN = ID_BYTES + 1;

// --------------------------------------------------------------------------------------------------------- records

export function encodeFolderChild(writer: ByteWriter, child: FolderChild): void {
  writer.sizedBytes(child.firstName).bytes(child.page).varint(child.entryCount);
}

export function encodeChunkListChild(writer: ByteWriter, child: ChunkListChild): void {
  writer.bytes(child.page).varint(child.chunkCount).varint(child.bytes);
}

export function encodeSeal(writer: ByteWriter, seal: Seal): void {
  assert(seal.nodeId.length === ID_BYTES, 'a node id has 32 bytes');
  writer.bytes(seal.nodeId);
  if (seal.sealPage === undefined) writer.u8(0);
  else writer.u8(1).bytes(seal.sealPage.page).u8(seal.sealPage.level);
}

export function encodeSealChild(writer: ByteWriter, child: SealChild): void {
  writer.bytes(child.page).varint(child.sealCount);
}

/** Header, count and records as one page in fresh memory. */
export function encodePage(head: { kind: PageKind; level: number; count: number }, records: Uint8Array): Uint8Array {
  assert(head.level <= PAGE_LEVEL_MAX, 'a page level is at most PAGE_LEVEL_MAX');
  const writer = new ByteWriter(PAGE_HEADER_BYTES + 8 + records.length);
  writer.bytes(PAGE_MAGIC).u8(PAGE_VERSION).u8(head.kind).u8(head.level).u8(0).varint(head.count).bytes(records);
  assert(writer.length <= PAGE_BYTES_MAX, 'a page has at most PAGE_BYTES_MAX bytes');
  return writer.finish();
}

// ------------------------------------------------------------------------------------------------------ whole pages

/** One folder page from its decoded form. Builders write pages; this is for tools and tests. */
export function encodeFolderPage(page: FolderPage): Uint8Array {
  return page.kind === 'leaf'
    ? encodeAll(PAGE_KIND.folderLeaf, 0, page.entries, encodeEntry)
    : encodeAll(PAGE_KIND.folderInner, page.level, page.children, encodeFolderChild);
}

export function encodeChunkListPage(page: ChunkListPage): Uint8Array {
  return page.kind === 'leaf'
    ? encodeAll(PAGE_KIND.chunkListLeaf, 0, page.chunks, encodeChunkRef)
    : encodeAll(PAGE_KIND.chunkListInner, page.level, page.children, encodeChunkListChild);
}

export function encodeSealPage(page: SealPage): Uint8Array {
  return page.kind === 'leaf'
    ? encodeAll(PAGE_KIND.sealLeaf, 0, page.seals, encodeSeal)
    : encodeAll(PAGE_KIND.sealInner, page.level, page.children, encodeSealChild);
}

function encodeAll<Item>(
  kind: PageKind,
  level: number,
  items: readonly Item[],
  encode: (writer: ByteWriter, item: Item) => void,
): Uint8Array {
  const writer = new ByteWriter(1024);
  for (const item of items) encode(writer, item);
  return encodePage({ kind, level, count: items.length }, writer.view());
}

/** Folder page: leaf (possibly empty: an empty folder) or inner. Views into `bytes`, no copies. */
export function decodeFolderPage(bytes: Uint8Array): FolderPage {
  const head = openPage(bytes, 'folder page', PAGE_KIND.folderLeaf, PAGE_KIND.folderInner);
  if (!head.inner) {
    let before: Uint8Array | undefined;
    const entries = decodeAll(head.reader, ENTRY_BYTES_MIN, 0, (reader) => {
      const entry = decodeEntry(reader);
      before = refuseDisorder(reader, before, entry.name);
      return entry;
    });
    return { kind: 'leaf', entries };
  }
  let before: Uint8Array | undefined;
  const children = decodeAll(head.reader, FOLDER_CHILD_BYTES_MIN, 1, (reader) => {
    const firstName = reader.sizedBytes(NAME_BYTES_MAX);
    const fault = nameFault(firstName);
    if (fault !== undefined) reader.fail(fault);
    before = refuseDisorder(reader, before, firstName);
    return { firstName, page: asBlobId(reader.bytes(ID_BYTES)), entryCount: positive(reader) };
  });
  return { kind: 'inner', level: head.level, children };
}

export function decodeChunkListPage(bytes: Uint8Array): ChunkListPage {
  const head = openPage(bytes, 'chunk-list page', PAGE_KIND.chunkListLeaf, PAGE_KIND.chunkListInner);
  if (!head.inner) return { kind: 'leaf', chunks: decodeAll(head.reader, CHUNK_REF_BYTES_MIN, 1, decodeChunkRef) };
  const children = decodeAll(head.reader, CHUNK_LIST_CHILD_BYTES_MIN, 1, (reader) => ({
    page: asBlobId(reader.bytes(ID_BYTES)),
    chunkCount: positive(reader),
    bytes: positive(reader),
  }));
  return { kind: 'inner', level: head.level, children };
}

export function decodeSealPage(bytes: Uint8Array): SealPage {
  const head = openPage(bytes, 'seal page', PAGE_KIND.sealLeaf, PAGE_KIND.sealInner);
  if (!head.inner) return { kind: 'leaf', seals: decodeAll(head.reader, SEAL_BYTES_MIN, 1, decodeSeal) };
  const children = decodeAll(head.reader, SEAL_CHILD_BYTES_MIN, 1, (reader) => ({
    page: asBlobId(reader.bytes(ID_BYTES)),
    sealCount: positive(reader),
  }));
  return { kind: 'inner', level: head.level, children };
}

function decodeSeal(reader: ByteReader): Seal {
  const nodeId = asNodeId(reader.bytes(ID_BYTES));
  const hasPage = reader.u8();
  if (hasPage === 0) return { nodeId };
  if (hasPage !== 1) reader.fail(`${hasPage} is neither yes nor no`);
  const page = asBlobId(reader.bytes(ID_BYTES));
  const level = reader.u8();
  if (level > PAGE_LEVEL_MAX) reader.fail(`a page of level ${level}`);
  return { nodeId, sealPage: { page, level } };
}

function openPage(
  bytes: Uint8Array,
  what: string,
  leafKind: PageKind,
  innerKind: PageKind,
): { reader: ByteReader; inner: boolean; level: number } {
  const reader = new ByteReader(bytes, what);
  if (bytes.length > PAGE_BYTES_MAX) {
    throw new CairnError('limit/exceeded', `a ${what} of ${bytes.length} bytes, at most ${PAGE_BYTES_MAX} are allowed`);
  }
  for (const expected of PAGE_MAGIC) if (reader.u8() !== expected) reader.fail('it does not start with the page magic');
  const version = reader.u8();
  if (version > PAGE_VERSION) {
    throw new CairnError(
      'repository/newer-format',
      `a ${what} has version ${version}, this Cairn reads ${PAGE_VERSION}`,
    );
  }
  if (version !== PAGE_VERSION) reader.fail(`version ${version} does not exist`);
  const kind = reader.u8();
  if (kind !== leafKind && kind !== innerKind) reader.fail(`a page of kind ${kind} stands in its place`);
  const inner = kind === innerKind;
  const level = reader.u8();
  if (inner ? level < 1 || level > PAGE_LEVEL_MAX : level !== 0) reader.fail(`kind ${kind} can’t have level ${level}`);
  if (reader.u8() !== 0) reader.fail('its flags are not zero');
  return { reader, inner, level };
}

function decodeAll<Item>(
  reader: ByteReader,
  bytesEach: number,
  countMin: number,
  decode: (reader: ByteReader) => Item,
): Item[] {
  const count = reader.count(bytesEach);
  if (count < countMin) reader.fail('it is empty');
  const items: Item[] = [];
  for (let index = 0; index < count; index++) items.push(decode(reader));
  reader.end();
  return items;
}

function positive(reader: ByteReader): number {
  const value = reader.varint();
  if (value === 0) reader.fail('a count is zero');
  return value;
}

function refuseDisorder(reader: ByteReader, before: Uint8Array | undefined, name: Uint8Array): Uint8Array {
  if (before !== undefined && compareBytes(before, name) >= 0) reader.fail('names do not rise');
  return name;
}
