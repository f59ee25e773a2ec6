/**
 * The trees of a snapshot as a stranger reads them, from FORMAT.md §12 and §13 alone: lists of pages, entries, and the
 * NodeIds computed from them. Blobs come from a callback, so a repository is not needed.
 */
import { ascii, check, Cursor, H, hex, lp, text, u32, u64 } from './stranger-bytes.ts';

export type StrangerEntry = {
  readonly nodeType: number;
  readonly mode: number;
  readonly mtimeNs: bigint;
  readonly content?: Buffer;
  readonly target?: Buffer;
  readonly xattrs: readonly (readonly [Buffer, Buffer])[];
};

export type PageRef = { readonly page: Buffer; readonly level: number };
type Seal = { readonly nodeId: Buffer; readonly page?: PageRef };
/** One entry as it stands in a page, with what its NodeId is made of. */
type Entry = StrangerEntry & {
  readonly name: Buffer;
  readonly size: number;
  readonly uid: number;
  readonly gid: number;
  readonly owner: readonly [string, string];
  readonly device: readonly [number, number];
  /** The hash of their encoding, where they stand in a blob. */
  readonly xattrsInBlob: Buffer | undefined;
  readonly contentHash?: Buffer;
  readonly children?: PageRef;
};

const TAGS = ['', 'file', 'directory', 'symlink', 'fifo', 'socket', 'char-device', 'block-device'];
const BLOB_TYPE_OF_PAGES = { folder: 2, chunks: 3, seals: 4 } as const;

/** The plaintext of a blob of a type, whose id was checked. */
export type BlobOf = (id: Buffer, type: number) => Buffer;

export class StrangerTree {
  readonly #blobOf: BlobOf;
  /** The kinds of all pages read so far: what a test has really met. */
  readonly pageKinds = new Set<number>();

  constructor(blobOf: BlobOf) {
    this.#blobOf = blobOf;
  }

  /** Every entry below a top page by its raw path (as latin1 text), and the NodeId of all of them together. */
  read(
    rootPage: PageRef,
    sealPage: PageRef | undefined,
  ): { readonly entries: Map<string, StrangerEntry>; readonly root: Buffer } {
    const entries = new Map<string, StrangerEntry>();
    const seals = this.seals(sealPage);
    const sources = this.folder(rootPage);
    const nodes = sources.map((source) => {
      const seal = source.nodeType === 2 ? seals.shift() : undefined;
      const rawPath = source.name.toString('latin1');
      return Buffer.concat([lp(source.name), this.#node(source, { rawPath, path: '', seal }, entries)]);
    });
    return { entries, root: H(lp(ascii('sources')), u64(nodes.length), ...nodes) };
  }

  folder(root: PageRef): Entry[] {
    return this.#list(root, BLOB_TYPE_OF_PAGES.folder, 1, (cursor) => this.#entry(cursor));
  }

  /** §12: the records of a list of pages, in order. `kinds` are the page kinds of its leaves; inner ones are one more. */
  #list<Item>(root: PageRef, blobType: number, leafKind: number, readLeaf: (cursor: Cursor) => Item): Item[] {
    const cursor = new Cursor(this.#blobOf(root.page, blobType));
    check(text(cursor.take(4)) === 'CrnP' && cursor.u8() === 1, 'another page');
    const [kind, level, flags, count] = [cursor.u8(), cursor.u8(), cursor.u8(), cursor.varint()];
    check(
      flags === 0 && level === root.level && kind === (level === 0 ? leafKind : leafKind + 1),
      'a page of another kind',
    );
    this.pageKinds.add(kind);
    const items: Item[] = [];
    for (let index = 0; index < count; index++) {
      if (level === 0) {
        items.push(readLeaf(cursor));
        continue;
      }
      if (leafKind === 1) cursor.sized();
      const below = this.#list({ page: cursor.take(32), level: level - 1 }, blobType, leafKind, readLeaf);
      check(cursor.varint() === below.length, 'a page that counts something else');
      if (leafKind === 3) cursor.varint();
      items.push(...below);
    }
    cursor.end();
    return items;
  }

  #entry(cursor: Cursor): Entry {
    const [nodeType, mask, name] = [cursor.u8(), cursor.varint(), cursor.sized()];
    const [mode, uid, gid, mtimeNs] = [cursor.varint(), cursor.varint(), cursor.varint(), cursor.i64()];
    let body: Pick<Entry, 'content' | 'contentHash' | 'children' | 'target'> & {
      size?: number;
      device?: readonly [number, number];
    } = {};
    if (nodeType === 1) body = this.#file(cursor, mask);
    if (nodeType === 2) {
      body = { children: { page: cursor.take(32), level: cursor.u8() } };
      for (let count = 0; count < 3; count++) cursor.varint();
    }
    if (nodeType === 3) body = { target: cursor.sized() };
    if (nodeType >= 6) body = { device: [cursor.varint(), cursor.varint()] };
    const owner = mask & 2 ? ([cursor.text(), cursor.text()] as const) : (['', ''] as const);
    const { xattrs, xattrsInBlob } = this.#attributes(cursor, mask);
    if (mask & 16) cursor.varint();
    if (mask & 32) cursor.varint();
    if (mask & 64) cursor.take(32);
    if (mask & 128) cursor.sized();
    return { nodeType, name, mode, uid, gid, mtimeNs, owner, xattrs, xattrsInBlob, size: 0, device: [0, 0], ...body };
  }

  /** §12: in the entry up to 4,096 bytes, in a blob beyond, and never in both. */
  #attributes(cursor: Cursor, mask: number): Pick<Entry, 'xattrs' | 'xattrsInBlob'> {
    check((mask & 12) !== 12, 'attributes in two places');
    if (mask & 4) {
      const before = cursor.at;
      const xattrs = readXattrs(cursor);
      check(cursor.at - before <= 4096, 'long attributes in an entry');
      return { xattrs, xattrsInBlob: undefined };
    }
    if ((mask & 8) === 0) return { xattrs: [], xattrsInBlob: undefined };
    const [id, hash] = [cursor.take(32), cursor.take(32)];
    const blob = this.#blobOf(id, 7);
    check(blob.length > 4096 && H(blob).equals(hash), 'attributes in a blob that is not what the entry says');
    const inBlob = new Cursor(blob);
    const xattrs = readXattrs(inBlob);
    inBlob.end();
    return { xattrs, xattrsInBlob: hash };
  }

  #file(cursor: Cursor, mask: number): { size: number; contentHash: Buffer; content: Buffer } {
    const [size, contentHash, count] = [cursor.varint(), cursor.take(32), cursor.varint()];
    const chunks =
      mask & 1
        ? this.chunks({ page: cursor.take(32), level: cursor.u8() })
        : Array.from({ length: count }, () => readChunk(cursor));
    const content = Buffer.concat(chunks.map(([id]) => this.#blobOf(id, 1)));
    check(
      chunks.length === count && content.length === size && H(content).equals(contentHash),
      'a file that is not what its entry says',
    );
    return { size, contentHash, content };
  }

  /** Id and length of every chunk in a list of pages. */
  chunks(root: PageRef): (readonly [Buffer, number])[] {
    return this.#list(root, BLOB_TYPE_OF_PAGES.chunks, 3, readChunk);
  }

  seals(root: PageRef | undefined): Seal[] {
    if (root === undefined) return [];
    return this.#list(root, BLOB_TYPE_OF_PAGES.seals, 5, (cursor) => {
      const nodeId = cursor.take(32);
      return cursor.u8() === 0 ? { nodeId } : { nodeId, page: { page: cursor.take(32), level: cursor.u8() } };
    });
  }

  /** §13. */
  #node(
    entry: Entry,
    place: { readonly rawPath: string; readonly path: string; readonly seal: Seal | undefined },
    found: Map<string, StrangerEntry>,
  ): Buffer {
    found.set(place.rawPath, entry);
    const head = [lp(Buffer.from(place.path))];
    const metadata = lp(metadataOf(entry, place.path === ''));
    const tag = (name: string): Buffer => lp(ascii(name));
    if (entry.children === undefined) {
      const content = entry.contentHash ?? (entry.target === undefined ? Buffer.alloc(32) : H(entry.target));
      return H(tag(TAGS[entry.nodeType] ?? ''), ...head, content, metadata);
    }
    const seals = this.seals(place.seal?.page);
    const entries = this.folder(entry.children);
    const children = entries.map((child) => {
      const { canonical } = canonicalName(child.name);
      const below = {
        rawPath: `${place.rawPath}/${child.name.toString('latin1')}`,
        path: place.path === '' ? canonical : `${place.path}/${canonical}`,
        seal: child.nodeType === 2 ? seals.shift() : undefined,
      };
      return { name: Buffer.from(canonical), raw: child.name, node: this.#node(child, below, found) };
    });
    check(seals.length === 0, 'seals of directories that are not there');
    children.sort((left, right) => Buffer.compare(left.name, right.name) || Buffer.compare(left.raw, right.raw));
    let records: Buffer[] = children.map(({ name, node }) => Buffer.concat([lp(name), node]));
    const isGrouped = records.length > 1024;
    for (let level = 0; records.length > 1024; level++) {
      const groups = Array.from({ length: Math.ceil(records.length / 1024) }, (_, index) =>
        records.slice(index * 1024, (index + 1) * 1024),
      );
      records = groups.map((group, index) => H(tag('group'), u64(level), u64(index), ...group));
    }
    const nodeId = H(
      tag(isGrouped ? 'directory-groups' : 'directory'),
      ...head,
      u64(children.length),
      ...records,
      metadata,
    );
    check(place.seal !== undefined && nodeId.equals(place.seal.nodeId), 'a folder that its seal does not know');
    return nodeId;
  }
}

function readXattrs(cursor: Cursor): (readonly [Buffer, Buffer])[] {
  const xattrs = Array.from({ length: cursor.varint() }, () => [cursor.sized(), cursor.sized()] as const);
  check(
    xattrs.length > 0 &&
      xattrs.every(([name], index) => index === 0 || Buffer.compare(xattrs[index - 1]![0], name) < 0),
    'attributes that do not rise by name',
  );
  return xattrs;
}

const readChunk = (from: Cursor): readonly [Buffer, number] => [from.take(32), from.varint()];

function metadataOf(entry: Entry, isSourceRoot: boolean): Buffer {
  const mtime = Buffer.alloc(8);
  mtime.writeBigInt64LE(entry.mtimeNs);
  const { raw } = canonicalName(entry.name);
  return Buffer.concat([
    u64(entry.size),
    u32(entry.mode),
    mtime,
    u32(entry.uid),
    u32(entry.gid),
    ...entry.owner.map((name) => lp(Buffer.from(name.normalize('NFC')))),
    lp(entry.target ?? Buffer.alloc(0)),
    u32(entry.device[1]),
    u32(entry.device[0]),
    ...(entry.xattrsInBlob === undefined
      ? [u32(entry.xattrs.length), ...entry.xattrs.flatMap(([name, value]) => [lp(name), lp(value)])]
      : [u32(0xffffffff), entry.xattrsInBlob]),
    lp(isSourceRoot ? Buffer.alloc(0) : raw),
  ]);
}

/** §13: the canonical name, and the raw bytes where they are not its UTF-8. */
export function canonicalName(raw: Buffer): { readonly canonical: string; readonly raw: Buffer } {
  let decoded: string;
  try {
    decoded = text(raw);
  } catch {
    decoded = '';
    for (let at = 0; at < raw.length;) {
      const length = [1, 2, 3, 4].find((count) => at + count <= raw.length && isUtf8(raw.subarray(at, at + count)));
      if (length === undefined) decoded += `\\x${hex(raw.subarray(at, at + 1))}`;
      else decoded += text(raw.subarray(at, at + length)).replace('\\', '\\\\');
      at += length ?? 1;
    }
  }
  const canonical = decoded.normalize('NFC');
  return { canonical, raw: Buffer.from(canonical).equals(raw) ? Buffer.alloc(0) : raw };
}

function isUtf8(bytes: Buffer): boolean {
  try {
    return Array.from(text(bytes)).length === 1;
  } catch {
    return false;
  }
}
