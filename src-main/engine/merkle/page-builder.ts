/**
 * Builds trees of pages from a stream of records, in memory bounded by one page per level.
 *
 * Where a page ends depends on the records alone: after a record, the page is cut when it has reached the least size
 * and the hash of the record's key hits a mask, or when it has reached the greatest size. So the same records give
 * the same pages whatever the history, and an edit changes the pages around it and the path above them, no others.
 */
import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import type { PageId } from '../../../src-shared/ids.ts';
import { ByteWriter, compareBytes } from '../kernel/index.ts';
import { encodeChunkRef, encodeEntry } from './entry-codec.ts';
import { type ChunkRef, type Entry, type FileContent, INLINE_CHUNKS_MAX, PAGE_LEVEL_MAX } from './entry.ts';
import type { PageRecordCursor } from './page-cursor.ts';
import {
  encodeChunkListChild,
  encodeFolderChild,
  encodePage,
  encodeSeal,
  encodeSealChild,
  PAGE_BLOB_TYPE,
  PAGE_KIND,
  type PageBlobType,
  type PageKind,
  type Seal,
} from './page.ts';

/**
 * Where pages are cut. Sizes are bytes of records, the header not counted. With records of 110 bytes (an entry) the
 * mask of 9 bits gives pages of 16 + 55 KiB in the mean, with records of 35 to 66 bytes (all others) the mask of 10
 * bits gives 50 to 80 KiB. At least four records fit below bytesMin in every inner page, so a tree always narrows.
 */
export const PAGE_SPLIT = {
  bytesMin: 16 * 1024,
  bytesAverage: 64 * 1024,
  bytesMax: 256 * 1024,
  maskEntries: (1 << 9) - 1,
  maskOthers: (1 << 10) - 1,
} as const;

/**
 * Stores a page and gives its id. Called in the middle of `add` and `finish`, children before parents. The bytes are
 * fresh memory and the sink's to keep.
 */
export type PageSink = (blobType: PageBlobType, bytes: Uint8Array) => PageId;

/**
 * The 32-bit hash behind the cuts: FNV-1a over the key's bytes, then a finaliser (xor-shift and multiply, twice) that
 * spreads the last bytes into the low bits the mask looks at. Part of the format: it decides which pages exist.
 */
export function splitHash(key: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    hash = Math.imul(hash ^ (key[index] ?? 0), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** What a parent page says about a child. */
type Reference = {
  readonly page: PageId;
  readonly firstKey: Uint8Array;
  /** Leaf records below it, and their bytes (chunk lists). */
  readonly count: number;
  readonly bytes: number;
};

type Shape = {
  readonly blobType: PageBlobType;
  readonly leafKind: PageKind;
  readonly innerKind: PageKind;
  readonly leafMask: number;
  readonly encodeReference: (writer: ByteWriter, reference: Reference) => void;
  /** What decides a cut after a reference. */
  readonly referenceKey: (reference: Reference) => Uint8Array;
};

const FOLDER_SHAPE: Shape = {
  blobType: PAGE_BLOB_TYPE.folder,
  leafKind: PAGE_KIND.folderLeaf,
  innerKind: PAGE_KIND.folderInner,
  leafMask: PAGE_SPLIT.maskEntries,
  encodeReference: (writer, { page, firstKey, count }) =>
    encodeFolderChild(writer, { firstName: firstKey, page, entryCount: count }),
  // By name, not by page id: an edit below changes the id but not where this page ends.
  referenceKey: (reference) => reference.firstKey,
};

const CHUNK_LIST_SHAPE: Shape = {
  blobType: PAGE_BLOB_TYPE.chunkList,
  leafKind: PAGE_KIND.chunkListLeaf,
  innerKind: PAGE_KIND.chunkListInner,
  leafMask: PAGE_SPLIT.maskOthers,
  encodeReference: (writer, { page, count, bytes }) => encodeChunkListChild(writer, { page, chunkCount: count, bytes }),
  referenceKey: (reference) => reference.page,
};

const SEAL_SHAPE: Shape = {
  blobType: PAGE_BLOB_TYPE.seal,
  leafKind: PAGE_KIND.sealLeaf,
  innerKind: PAGE_KIND.sealInner,
  leafMask: PAGE_SPLIT.maskOthers,
  encodeReference: (writer, { page, count }) => encodeSealChild(writer, { page, sealCount: count }),
  referenceKey: (reference) => reference.page,
};

type Level = {
  /** Records of the open page. */
  readonly writer: ByteWriter;
  recordCount: number;
  /** Sums over the open page, of leaf records. */
  count: number;
  bytes: number;
  firstKey: Uint8Array | undefined;
  /** The last page written on this level, and how many. */
  last: Reference | undefined;
  pageCount: number;
};

const EMPTY_KEY = new Uint8Array(0);

function newLevel(): Level {
  const writer = new ByteWriter(4096);
  return { writer, recordCount: 0, count: 0, bytes: 0, firstKey: undefined, last: undefined, pageCount: 0 };
}

class TreeBuilder {
  readonly #shape: Shape;
  readonly #sink: PageSink;
  readonly #levels: Level[] = [];
  /** The next leaf record is written here, then `endRecord` is called. */
  readonly writer: ByteWriter;

  constructor(shape: Shape, sink: PageSink) {
    this.#shape = shape;
    this.#sink = sink;
    this.writer = this.#level(0).writer;
  }

  /** `key` decides whether the page ends here; `bytes` are summed up into references. */
  endRecord(key: Uint8Array, bytes: number): void {
    this.#endRecord(0, key, { firstKey: key, count: 1, bytes });
  }

  finish(): { reference: Reference; level: number } {
    for (let index = 0; ; index++) {
      const level = this.#level(index);
      if (level.recordCount > 0 || level.pageCount === 0) this.#cut(index);
      const last = level.last;
      assert(last !== undefined, 'a finished level has a page');
      if (level.pageCount === 1) return { reference: last, level: index };
      this.#refer(index + 1, last);
    }
  }

  #level(index: number): Level {
    const existing = this.#levels[index];
    if (existing !== undefined) return existing;
    if (index > PAGE_LEVEL_MAX) {
      throw new CairnError('limit/exceeded', `a list needs more than ${PAGE_LEVEL_MAX} levels of pages`);
    }
    const added = newLevel();
    this.#levels.push(added);
    return added;
  }

  #endRecord(index: number, cutKey: Uint8Array, record: Omit<Reference, 'page'>): void {
    const level = this.#level(index);
    level.firstKey ??= record.firstKey;
    level.recordCount++;
    level.count += record.count;
    level.bytes += record.bytes;
    const size = level.writer.length;
    if (size < PAGE_SPLIT.bytesMin) return;
    const mask = index === 0 ? this.#shape.leafMask : PAGE_SPLIT.maskOthers;
    if (size >= PAGE_SPLIT.bytesMax || (splitHash(cutKey) & mask) === 0) this.#cut(index);
  }

  /** Writes the open page of a level. */
  #cut(index: number): void {
    const level = this.#level(index);
    const kind = index === 0 ? this.#shape.leafKind : this.#shape.innerKind;
    const bytes = encodePage({ kind, level: index, count: level.recordCount }, level.writer.view());
    const page = this.#sink(this.#shape.blobType, bytes);
    // The last page of a level is held back: a level of one page is the root and has no parent.
    if (level.last !== undefined) this.#refer(index + 1, level.last);
    level.last = { page, firstKey: level.firstKey ?? EMPTY_KEY, count: level.count, bytes: level.bytes };
    level.pageCount++;
    level.writer.reset();
    level.recordCount = 0;
    level.count = 0;
    level.bytes = 0;
    level.firstKey = undefined;
  }

  #refer(index: number, reference: Reference): void {
    this.#shape.encodeReference(this.#level(index).writer, reference);
    this.#endRecord(index, this.#shape.referenceKey(reference), reference);
  }
}

/** The root of a folder's child list with the sums a directory entry needs. */
export type FolderRoot = {
  readonly page: PageId;
  readonly level: number;
  /** Names in this folder. */
  readonly entryCount: number;
  /** Names in the subtree; this folder's entry itself is not counted. */
  readonly totalEntries: number;
  /** File sizes in the subtree. */
  readonly totalBytes: number;
};

export type FolderPageBuilder = {
  /** Entries arrive in the order of their raw names, strictly rising. */
  add(entry: Entry): void;
  /** The same with the record a cursor stands at, taken over as it is: much cheaper than to decode and encode it. */
  addRecord(cursor: PageRecordCursor): void;
  /** The same with the record of a file as encodeEntry wrote it; its raw name and size are given beside it. */
  addFile(name: Uint8Array, record: Uint8Array, size: number): void;
  finish(): FolderRoot;
};

/** Builds a folder's child list. An empty folder gives one empty leaf page. */
export function createFolderPageBuilder(sink: PageSink): FolderPageBuilder {
  const tree = new TreeBuilder(FOLDER_SHAPE, sink);
  let before: Uint8Array | undefined;
  let entryCount = 0;
  let totalEntries = 0;
  let totalBytes = 0;
  /** Counts an entry whose record was just written: with the names below it, and the bytes of all files in it. */
  const count = (name: Uint8Array, below: number, bytes: number): void => {
    assert(before === undefined || compareBytes(before, name) < 0, 'entries of a folder rise by raw name');
    before = name;
    entryCount++;
    totalEntries += 1 + below;
    totalBytes += bytes;
    tree.endRecord(name, 0);
  };
  return {
    add: (entry) => {
      encodeEntry(tree.writer, entry);
      if (entry.nodeType === 'directory') count(entry.name, entry.totalEntries, entry.totalBytes);
      else count(entry.name, 0, entry.nodeType === 'file' ? entry.size : 0);
    },
    addRecord: (cursor) => {
      tree.writer.bytes(cursor.record);
      // A copy: the page that the name stands in may be long gone when the name is needed.
      count(cursor.name.slice(), cursor.totalEntries, cursor.size + cursor.totalBytes);
    },
    addFile: (name, record, size) => {
      tree.writer.bytes(record);
      count(name, 0, size);
    },
    finish: () => {
      const { reference, level } = tree.finish();
      return { page: reference.page, level, entryCount, totalEntries, totalBytes };
    },
  };
}

export type ChunkListBuilder = {
  /** Chunks arrive in the order of the file. */
  add(chunk: ChunkRef): void;
  finish(): FileContent;
};

/** Builds a file's chunk list: inline up to INLINE_CHUNKS_MAX chunks, pages beyond. */
export function createChunkListBuilder(sink: PageSink): ChunkListBuilder {
  const first: ChunkRef[] = [];
  let tree: TreeBuilder | undefined;
  let chunkCount = 0;
  const write = (into: TreeBuilder, chunk: ChunkRef): void => {
    encodeChunkRef(into.writer, chunk);
    into.endRecord(chunk.id, chunk.length);
  };
  return {
    add: (chunk) => {
      chunkCount++;
      if (chunkCount <= INLINE_CHUNKS_MAX) {
        first.push(chunk);
        return;
      }
      if (tree === undefined) {
        tree = new TreeBuilder(CHUNK_LIST_SHAPE, sink);
        for (const held of first) write(tree, held);
      }
      write(tree, chunk);
    },
    finish: () => {
      if (tree === undefined) return { kind: 'inline', chunks: first };
      const { reference, level } = tree.finish();
      return { kind: 'pages', root: reference.page, level, chunkCount };
    },
  };
}

export type SealRoot = { readonly page: PageId; readonly level: number; readonly sealCount: number };

export type SealPageBuilder = {
  /** Child directories arrive in the order of their raw names. */
  add(seal: Seal): void;
  /** Undefined for a folder without child directories. */
  finish(): SealRoot | undefined;
};

/**
 * Builds a folder's seal pages: one seal per child directory, in the order of the folder's pages, without names (the
 * n-th seal belongs to the n-th directory entry). The folder's own NodeId stands with its parent, or in the snapshot.
 */
export function createSealPageBuilder(sink: PageSink): SealPageBuilder {
  const tree = new TreeBuilder(SEAL_SHAPE, sink);
  let sealCount = 0;
  return {
    add: (seal) => {
      sealCount++;
      encodeSeal(tree.writer, seal);
      tree.endRecord(seal.nodeId, 0);
    },
    finish: () => {
      if (sealCount === 0) return undefined;
      const { reference, level } = tree.finish();
      return { page: reference.page, level, sealCount };
    },
  };
}
