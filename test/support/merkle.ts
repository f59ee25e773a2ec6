/**
 * For tests of the Merkle room: a page store in memory that counts what is read and refuses two contents under one
 * id, generators of entries and ids, and a mutator of bytes.
 */
import fc from 'fast-check';
import { asBlobId, asContentHash, asNodeId, type BlobId, type NodeId } from '../../src-shared/ids.ts';
import { CairnError } from '../../src-shared/errors.ts';
import { hash } from '../../src-main/engine/codec/index.ts';
import { compareBytes, equalBytes, toHex, utf8 } from '../../src-main/engine/kernel/index.ts';
import {
  createFolderPageBuilder,
  type DirectoryEntry,
  type Entry,
  type FileEntry,
  type FolderRoot,
  MODE_MAX,
  nameFault,
  type PageFetch,
  type PageSink,
  type Xattr,
} from '../../src-main/engine/merkle/index.ts';

export type PageStore = {
  readonly sink: PageSink;
  readonly fetch: PageFetch;
  readonly pages: Map<string, Uint8Array>;
  /** Ids of pages read since the last clear, in order. */
  readonly reads: string[];
};

/** `idOf` gives a page its id; a weak one makes collisions. */
export function createPageStore(idOf: (bytes: Uint8Array) => Uint8Array = hash): PageStore {
  const pages = new Map<string, Uint8Array>();
  const reads: string[] = [];
  return {
    pages,
    reads,
    sink: (_blobType, bytes) => {
      const id = idOf(bytes);
      const known = pages.get(toHex(id));
      if (known !== undefined && !equalBytes(known, bytes)) {
        throw new CairnError('integrity/collision', 'two pages have one id');
      }
      pages.set(toHex(id), bytes);
      return asBlobId(id);
    },
    fetch: (page) => {
      reads.push(toHex(page));
      const bytes = pages.get(toHex(page));
      if (bytes === undefined) throw new CairnError('integrity/missing', `page ${toHex(page)} is missing`);
      return bytes;
    },
  };
}

/** A plain array, not a Buffer: the two are never equal to a test. */
function plainHash(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash(bytes));
}

export function idOf(text: string): BlobId {
  return asBlobId(plainHash(utf8(text)));
}

export function nodeIdOf(text: string): NodeId {
  return asNodeId(plainHash(utf8(text)));
}

export function fileEntry(name: string | Uint8Array, content = 'content', fields: Partial<FileEntry> = {}): FileEntry {
  const bytes = utf8(content);
  return {
    nodeType: 'file',
    name: typeof name === 'string' ? utf8(name) : name,
    mode: 0o644,
    uid: 1000,
    gid: 1000,
    mtimeNs: 1_700_000_000_123_456_789n,
    size: bytes.length,
    contentHash: asContentHash(plainHash(bytes)),
    content: { kind: 'inline', chunks: bytes.length === 0 ? [] : [{ id: idOf(content), length: bytes.length }] },
    ...fields,
  };
}

export function directoryEntry(name: string | Uint8Array, root: FolderRoot): DirectoryEntry {
  return {
    nodeType: 'directory',
    name: typeof name === 'string' ? utf8(name) : name,
    mode: 0o755,
    uid: 1000,
    gid: 1000,
    mtimeNs: 1n,
    page: root.page,
    pageLevel: root.level,
    entryCount: root.entryCount,
    totalEntries: root.totalEntries,
    totalBytes: root.totalBytes,
  };
}

/** Entries in any order; the pages of the folder that holds them. */
export function buildFolder(sink: PageSink, entries: readonly Entry[]): FolderRoot {
  const builder = createFolderPageBuilder(sink);
  for (const entry of entries.toSorted((left, right) => compareBytes(left.name, right.name))) builder.add(entry);
  return builder.finish();
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

// ------------------------------------------------------------------------------------------------------ generators

const bytesOf = (minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength, maxLength });
export const arbId: fc.Arbitrary<Uint8Array> = bytesOf(32, 32);
/** Ids that share long prefixes, so that tries are deep. */
export const arbCloseId: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.array(fc.nat(255), { maxLength: 3 }), fc.array(fc.nat(1), { minLength: 2, maxLength: 4 }))
  .map(([head, tail]) => Uint8Array.from([...head, ...Array<number>(32 - head.length - tail.length).fill(0), ...tail]));

/** Texts with combining marks, composed letters, emoji and a byte order mark among plain ones. */
const arbNameText = fc.oneof(
  { weight: 4, arbitrary: fc.string({ minLength: 1, maxLength: 12 }) },
  fc.string({
    minLength: 1,
    maxLength: 8,
    unit: fc.constantFrom('e', 'é', 'e\u0301', 'ﬁ', '\ufeff', '\\', 'x', 'f', '한', '😀'),
  }),
);
export const arbName: fc.Arbitrary<Uint8Array> = fc
  .oneof({ weight: 5, arbitrary: arbNameText.map(utf8) }, bytesOf(1, 12), bytesOf(200, 260))
  .filter((name) => nameFault(name) === undefined);

const arbBlobId = arbId.map((bytes) => asBlobId(bytes));
/** Attributes as an entry holds them: sorted, and short. */
export const arbXattrs: fc.Arbitrary<Xattr[]> = fc
  .uniqueArray(fc.record({ name: bytesOf(1, 12).filter((name) => !name.includes(0)), value: bytesOf(0, 40) }), {
    minLength: 1,
    maxLength: 4,
    selector: ({ name }) => toHex(name),
  })
  .map((xattrs) => xattrs.toSorted((left, right) => compareBytes(left.name, right.name)));

const arbU32 = fc.oneof(fc.nat(2000), fc.integer({ min: 0, max: 0xffff_ffff }));
const arbCount = fc.oneof(fc.nat(300), fc.maxSafeNat());
const arbOwner = fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme' });

const REQUIRED = { requiredKeys: ['name', 'mode', 'uid', 'gid', 'mtimeNs'] } as const;
const common = {
  name: arbName,
  mode: fc.nat(MODE_MAX),
  uid: arbU32,
  gid: arbU32,
  mtimeNs: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
  userName: arbOwner,
  groupName: arbOwner,
  extension: bytesOf(0, 20),
};
const arbAttributes = fc.oneof(
  fc.constant({}),
  arbXattrs.map((xattrs) => ({ xattrs })),
  fc.tuple(arbBlobId, arbId).map(([id, bytes]) => ({ xattrBlob: { id, hash: asContentHash(bytes) } })),
);
const arbCommon = fc
  .tuple(fc.record(common, { requiredKeys: [...REQUIRED.requiredKeys] }), arbAttributes)
  .map(([fixed, attributes]) => ({ ...fixed, ...attributes }));
const arbLink = fc.oneof(
  fc.constant({}),
  arbCount.map((linkGroup) => ({ linkGroup })),
);

const arbInline = fc
  .uniqueArray(fc.record({ id: arbBlobId, length: fc.integer({ min: 1, max: 4 * 1024 * 1024 }) }), {
    maxLength: 32,
    selector: ({ id }) => toHex(id),
  })
  .map((chunks) => ({
    content: { kind: 'inline' as const, chunks },
    size: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
  }));
const arbPaged = fc
  .tuple(arbBlobId, fc.nat(8), fc.integer({ min: 33, max: 1_000_000 }), arbCount)
  .map(([root, level, chunkCount, size]) => ({ content: { kind: 'pages' as const, root, level, chunkCount }, size }));
const arbPlaceholder = arbCount.map((size) => ({
  content: { kind: 'inline' as const, chunks: [] },
  size,
  fileFlags: 4,
}));
const arbFileExtras = fc.record({ fileFlags: fc.constantFrom(1, 2, 3), dictionary: arbBlobId }, { requiredKeys: [] });

const arbFile: fc.Arbitrary<Entry> = fc
  .tuple(arbCommon, arbLink, arbId, arbFileExtras, fc.oneof(arbInline, arbPaged, arbPlaceholder))
  .map(([fixed, link, contentHash, extras, content]) => ({
    nodeType: 'file',
    ...fixed,
    ...link,
    contentHash: asContentHash(contentHash),
    ...extras,
    ...content,
  }));
const arbDirectory: fc.Arbitrary<Entry> = fc
  .tuple(arbCommon, arbBlobId, fc.nat(8), fc.nat(2 ** 30), fc.nat(2 ** 30), arbCount)
  .map(([fixed, page, pageLevel, one, other, totalBytes]) => ({
    nodeType: 'directory',
    ...fixed,
    page,
    pageLevel,
    entryCount: Math.min(one, other),
    totalEntries: Math.max(one, other),
    totalBytes,
  }));
const arbSpecial: fc.Arbitrary<Entry> = fc
  .tuple(
    arbCommon,
    arbLink,
    bytesOf(0, 30).filter((target) => !target.includes(0)),
    arbU32,
    arbU32,
    fc.nat(4),
  )
  .map(([fixed, link, target, major, minor, type]): Entry => {
    const base = { ...fixed, ...link };
    if (type === 0) return { nodeType: 'symlink', ...base, target };
    if (type === 1) return { nodeType: 'fifo', ...base };
    if (type === 2) return { nodeType: 'socket', ...base };
    return { nodeType: type === 3 ? 'char-device' : 'block-device', ...base, major, minor };
  });

export const arbEntry: fc.Arbitrary<Entry> = fc.oneof({ weight: 3, arbitrary: arbFile }, arbDirectory, arbSpecial);

/** Entries of one folder, sorted by raw name. */
export const arbEntries = (maxLength: number): fc.Arbitrary<Entry[]> =>
  fc
    .uniqueArray(arbEntry, { maxLength, selector: (entry) => toHex(entry.name) })
    .map((entries) => entries.toSorted((left, right) => compareBytes(left.name, right.name)));

// --------------------------------------------------------------------------------------------------------- mutation

export type Mutation = { readonly kind: number; readonly at: number; readonly length: number; readonly value: number };

export const arbMutations: fc.Arbitrary<Mutation[]> = fc.array(
  fc.record({
    kind: fc.oneof(fc.nat(1), fc.nat(6)),
    // Not fc.double: its values are spread over exponents, so nearly all of them are close to 0.
    at: fc.nat(999_999).map((millionths) => millionths / 1_000_000),
    length: fc.integer({ min: 1, max: 40 }),
    value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x2f, 0x2e), fc.nat(255)),
  }),
  { minLength: 1, maxLength: 3 },
);

/** Bytes with fields overwritten, moved, repeated, cut or put in: what a damaged or a hostile file looks like. */
export function mutate(bytes: Uint8Array, mutations: readonly Mutation[]): Uint8Array {
  let result = Array.from(bytes);
  for (const { kind, at, length, value } of mutations) {
    const start = Math.min(Math.floor(at * (result.length + 1)), result.length);
    const piece = result.slice(start, start + length);
    if (kind === 0) result[start] = value;
    else if (kind === 1) result[start] = (result[start] ?? 0) ^ (1 << (value & 7));
    else if (kind === 2) result.splice(start, length);
    else if (kind === 3) result.splice(start, 0, ...piece);
    else if (kind === 4) result.splice(start, 0, ...Array<number>(length).fill(value));
    else if (kind === 5) result = result.slice(0, start);
    else result.splice(start, piece.length, ...piece.toReversed());
  }
  return Uint8Array.from(result.slice(0, bytes.length * 2 + 200));
}
