/**
 * A reader of Cairn repositories by someone who has never seen Cairn: written from FORMAT.md alone (see
 * stranger-bytes.ts). It finds every blob twice, through the packs' own footers and through the index runs, reads every
 * file of every snapshot, and computes every NodeId up to the signed root.
 */
import { createPublicKey, verify } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import {
  ascii,
  check,
  Cursor,
  deriveKey,
  type Envelope,
  type Fields,
  H,
  hex,
  keyedH,
  type Keys,
  lp,
  openSealedFile,
  openSlot,
  readEnvelope,
  readMessagePack,
  type Secret,
  text,
  u32,
  u64,
} from './stranger-bytes.ts';

export type StrangerEntry = {
  readonly nodeType: number;
  readonly mode: number;
  readonly mtimeNs: bigint;
  readonly content?: Buffer;
  readonly target?: Buffer;
};

export type StrangerSnapshot = { readonly id: string; readonly record: Fields };

type Place = {
  readonly file: string;
  readonly frameOffset: number;
  readonly offset: number;
  readonly length: number;
  readonly type: number;
};
type PageRef = { readonly page: Buffer; readonly level: number };
type Seal = { readonly nodeId: Buffer; readonly page?: PageRef };
/** One entry as it stands in a page, with what its NodeId is made of. */
type Entry = StrangerEntry & {
  readonly name: Buffer;
  readonly size: number;
  readonly uid: number;
  readonly gid: number;
  readonly owner: readonly [string, string];
  readonly device: readonly [number, number];
  readonly xattrs: readonly (readonly [Buffer, Buffer])[];
  readonly contentHash?: Buffer;
  readonly children?: PageRef;
};

const TAGS = ['', 'file', 'directory', 'symlink', 'fifo', 'socket', 'char-device', 'block-device'];
const BLOB_TYPE_OF_PAGES = { folder: 2, chunks: 3, seals: 4 } as const;

function filesIn(root: string, folder: string): string[] {
  try {
    const names = readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true });
    const files = names.filter((entry) => entry.isFile() && !entry.name.startsWith('tmp-'));
    return files
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
      .sort();
  } catch {
    return [];
  }
}

export class Stranger {
  readonly #root: string;
  readonly #keys: Keys;
  readonly #idKey: Buffer;
  readonly #publicKey: Buffer;
  readonly #places = new Map<string, Place>();
  /** Where the index runs say that blobs of packs lie: must be the same. */
  readonly indexed = new Map<string, Place>();
  readonly snapshots: StrangerSnapshot[] = [];
  /** The kinds of all pages read so far: what a test has really met. */
  readonly pageKinds = new Set<number>();
  /** Segments by file and offset, so that a segment is opened once however many blobs are in it. */
  readonly #segments = new Map<string, Buffer>();

  constructor(root: string, secret?: Secret) {
    this.#root = root;
    const { record, mac } = readEnvelope(readFileSync(path.join(root, 'config')), 1).value as {
      record: Buffer;
      mac: Buffer;
    };
    const config = readMessagePack(record) as {
      repositoryId: Buffer;
      encrypted: boolean;
      masterKey?: Buffer;
      publicKey: Buffer;
    };
    const { repositoryId, encrypted } = config;
    const slots = filesIn(root, 'keys').map((name) => this.#named(name, /\.[ab]$/));
    const masterKey =
      config.masterKey ??
      slots
        .map((slot) => (secret === undefined ? undefined : openSlot(slot, secret, repositoryId)))
        .find((key) => key !== undefined);
    check(masterKey !== undefined, 'no key slot opens');
    check(keyedH(deriveKey(masterKey, repositoryId, 'config'), record).equals(mac), 'the configuration was altered');
    this.#keys = {
      repositoryId,
      encrypted,
      data: deriveKey(masterKey, repositoryId, 'data'),
      meta: deriveKey(masterKey, repositoryId, 'meta'),
    };
    this.#idKey = deriveKey(masterKey, repositoryId, 'id');
    this.#publicKey = config.publicKey;
    for (const name of filesIn(root, 'commits')) this.#readFooter(name, [3]);
    for (const name of filesIn(root, 'snapshots')) {
      const { frames } = openSealedFile(this.#named(name), [5], this.#keys);
      for (const frame of frames) this.#addSnapshot(readEnvelope(frame.plain(), 4));
    }
    for (const name of filesIn(root, 'packs')) this.#readFooter(name, [1, 2]);
    for (const name of filesIn(root, 'index')) this.#readRun(name);
  }

  /** A file's bytes, which must hash to its name. */
  #named(name: string, suffix = /$^/): Buffer {
    const bytes = readFileSync(path.join(this.#root, name));
    check(hex(H(bytes)) === path.basename(name).replace(suffix, ''), `${name} is not what its name says`);
    return bytes;
  }

  #addSnapshot({ value }: Envelope): void {
    const { record, signature } = value as { record: Buffer; signature: Buffer };
    const id = H(ascii('cairn/snapshot/v1'), record);
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), this.#publicKey]);
    check(
      verify(null, id, createPublicKey({ key: spki, format: 'der', type: 'spki' }), signature),
      'a forged snapshot',
    );
    if (!this.snapshots.some((known) => known.id === hex(id)))
      this.snapshots.push({ id: hex(id), record: readMessagePack(record) });
    this.snapshots.sort((left, right) => Number(left.record['order']) - Number(right.record['order']));
  }

  /** §10. */
  #readFooter(name: string, fileTypes: readonly number[]): void {
    const { frames, fileType } = openSealedFile(this.#named(name), fileTypes, this.#keys);
    const footer = new Cursor(frames.at(-1)?.plain() ?? Buffer.alloc(0));
    check(footer.u8() === 1 && footer.u8() === fileType && footer.u16() === 0, 'another footer');
    const [frameCount, deltaCount, blobCount, plainBytes, extensionLength] = [
      footer.u32(),
      footer.u32(),
      footer.u32(),
      footer.u64(),
      footer.u32(),
    ];
    check(footer.u32() === 0 && frameCount === frames.length - 1, 'a footer that counts other frames');
    const records = Array.from({ length: frameCount }, () => ({
      kind: footer.u8(),
      compression: footer.u8(),
      objectType: footer.u16(),
      frameLength: footer.u32(),
      plainLength: footer.u32(),
      blobCount: footer.u32(),
    }));
    footer.take(deltaCount * 32);
    const ids = Array.from({ length: blobCount }, () => footer.take(32));
    const types = Array.from({ length: blobCount }, () => footer.u8());
    const lengths = Array.from({ length: blobCount }, () => footer.u32());
    footer.take(extensionLength);
    footer.end();
    check(lengths.reduce((sum, length) => sum + length, 0) === plainBytes, 'a footer whose blobs do not add up');
    let blob = 0;
    for (const [index, frame] of frames.slice(0, -1).entries()) {
      const record = records[index];
      check(record?.kind === frame.kind && record.frameLength === frame.length, 'a footer that tells of other frames');
      if (record.kind === 4 && record.objectType === 4) this.#addSnapshot(readEnvelope(frame.plain(), 4));
      let offset = 0;
      for (let count = 0; count < record.blobCount; count++, blob++) {
        const length = lengths[blob] ?? 0;
        this.#places.set(hex(ids[blob] ?? Buffer.alloc(0)), {
          file: name,
          frameOffset: frame.offset,
          offset,
          length,
          type: types[blob] ?? 0,
        });
        offset += length;
      }
      check(offset === (record.kind === 4 ? 0 : record.plainLength), 'blobs that do not fill their segment');
    }
  }

  /** §11. */
  #readRun(name: string): void {
    const { frames } = openSealedFile(this.#named(name), [4], this.#keys);
    const packs = new Cursor(Buffer.concat(frames.filter(({ kind }) => kind === 7).map((frame) => frame.plain())));
    const files: string[] = [];
    while (packs.at < packs.bytes.length) {
      const [id, fileType] = [hex(packs.take(32)), packs.u8()];
      files.push(fileType === 3 ? `commits/${id}` : `packs/${id.slice(0, 2)}/${id}`);
      packs.take(12);
    }
    const pages = frames.filter(({ kind }) => kind === 5);
    const filter = Buffer.concat(frames.filter(({ kind }) => kind === 6).map((frame) => frame.plain()));
    for (const page of pages) {
      const cursor = new Cursor(page.plain());
      check(cursor.u8() === 1 && cursor.take(3).equals(Buffer.alloc(3)), 'another index page');
      const count = cursor.u32();
      const ids = Array.from({ length: count }, () => cursor.take(32));
      const column = (): number[] => Array.from({ length: count }, () => cursor.u32());
      const [packOrdinals, frameOffsets, , offsets, lengths] = [column(), column(), column(), column(), column()];
      const types = cursor.take(count);
      const flags = cursor.take(count);
      cursor.end();
      for (const [row, id] of ids.entries()) {
        check((flags[row] ?? 0) <= 1 && mayContain(filter, id), 'an id that its own filter does not know');
        const [frameOffset = 0, offset = 0, length = 0, type = 0] = [
          frameOffsets[row],
          offsets[row],
          lengths[row],
          types[row],
        ];
        this.indexed.set(hex(id), { file: files[packOrdinals[row] ?? -1] ?? '', frameOffset, offset, length, type });
      }
    }
  }

  /** Where the footers say that the blobs of packs lie. */
  get packed(): ReadonlyMap<string, Place> {
    return new Map([...this.#places].filter(([, { file }]) => file.startsWith('packs/')));
  }

  /** §9: the bytes of a blob, whose id is computed anew. */
  blob(id: Buffer, type: number): Buffer {
    const place = this.#places.get(hex(id));
    check(place?.type === type, `blob ${hex(id)} is nowhere`);
    const plain = this.#segment(place).subarray(place.offset, place.offset + place.length);
    check(keyedH(this.#idKey, Buffer.of(type, 1), H(plain)).equals(id), 'a blob that is not what its id says');
    return plain;
  }

  #segment({ file, frameOffset, type }: Place): Buffer {
    const key = `${file}:${frameOffset}`;
    if (!this.#segments.has(key)) {
      const { frames } = openSealedFile(readFileSync(path.join(this.#root, file)), [1, 2, 3], this.#keys);
      for (const frame of frames.filter(({ kind }) => kind === 1 || kind === 2)) {
        // §10: a delta names its base, which is a blob of the same type.
        const base = frame.kind === 2 ? this.blob(frame.payload.subarray(0, 32), type) : undefined;
        this.#segments.set(`${file}:${frame.offset}`, frame.plain(base));
      }
    }
    const segment = this.#segments.get(key);
    check(segment !== undefined, 'a blob in a frame that is not there');
    return segment;
  }

  /** §12: the records of a list of pages, in order. `kinds` are the page kinds of its leaves; inner ones are one more. */
  #list<Item>(root: PageRef, blobType: number, leafKind: number, readLeaf: (cursor: Cursor) => Item): Item[] {
    const cursor = new Cursor(this.blob(root.page, blobType));
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
    const attributes = mask & 4 ? cursor.varint() : 0;
    const xattrs = Array.from({ length: attributes }, () => [cursor.sized(), cursor.sized()] as const);
    check((mask & 8) === 0, 'attributes in a blob, which no version writes');
    if (mask & 16) cursor.varint();
    if (mask & 32) cursor.varint();
    if (mask & 64) cursor.take(32);
    if (mask & 128) cursor.sized();
    return { nodeType, name, mode, uid, gid, mtimeNs, owner, xattrs, size: 0, device: [0, 0], ...body };
  }

  #file(cursor: Cursor, mask: number): { size: number; contentHash: Buffer; content: Buffer } {
    const [size, contentHash, count] = [cursor.varint(), cursor.take(32), cursor.varint()];
    const readChunk = (from: Cursor): readonly [Buffer, number] => [from.take(32), from.varint()];
    const chunks =
      mask & 1
        ? this.#list({ page: cursor.take(32), level: cursor.u8() }, BLOB_TYPE_OF_PAGES.chunks, 3, readChunk)
        : Array.from({ length: count }, () => readChunk(cursor));
    const content = Buffer.concat(chunks.map(([id]) => this.blob(id, 1)));
    check(
      chunks.length === count && content.length === size && H(content).equals(contentHash),
      'a file that is not what its entry says',
    );
    return { size, contentHash, content };
  }

  #seals(root: PageRef | undefined): Seal[] {
    if (root === undefined) return [];
    return this.#list(root, BLOB_TYPE_OF_PAGES.seals, 5, (cursor) => {
      const nodeId = cursor.take(32);
      return cursor.u8() === 0 ? { nodeId } : { nodeId, page: { page: cursor.take(32), level: cursor.u8() } };
    });
  }

  /** Every entry of a snapshot by its raw path (as latin1 text), once all NodeIds led to the signed root. */
  read({ record }: StrangerSnapshot): Map<string, StrangerEntry> {
    const found = new Map<string, StrangerEntry>();
    const seals = this.#seals(record['sealPage'] as PageRef | undefined);
    const sources = this.#list(record['rootPage'] as PageRef, BLOB_TYPE_OF_PAGES.folder, 1, (cursor) =>
      this.#entry(cursor),
    );
    const nodes = sources.map((source) => {
      const seal = source.nodeType === 2 ? seals.shift() : undefined;
      const rawPath = source.name.toString('latin1');
      return Buffer.concat([lp(source.name), this.#node(source, { rawPath, path: '', seal }, found)]);
    });
    const root = H(lp(ascii('sources')), u64(nodes.length), ...nodes);
    check(root.equals(record['rootNodeId'] as Buffer), 'a tree that does not lead to its signed root');
    return found;
  }

  /** §13. */
  #node(
    entry: Entry,
    place: { readonly rawPath: string; readonly path: string; readonly seal: Seal | undefined },
    found: Map<string, StrangerEntry>,
  ): Buffer {
    found.set(place.rawPath, entry);
    const head = [lp(Buffer.from(place.path))];
    const metadata = lp(this.#metadata(entry, place.path === ''));
    const tag = (name: string): Buffer => lp(ascii(name));
    if (entry.children === undefined) {
      const content = entry.contentHash ?? (entry.target === undefined ? Buffer.alloc(32) : H(entry.target));
      return H(tag(TAGS[entry.nodeType] ?? ''), ...head, content, metadata);
    }
    const seals = this.#seals(place.seal?.page);
    const entries = this.#list(entry.children, BLOB_TYPE_OF_PAGES.folder, 1, (cursor) => this.#entry(cursor));
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

  #metadata(entry: Entry, isSourceRoot: boolean): Buffer {
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
      u32(entry.xattrs.length),
      ...entry.xattrs.flatMap(([name, value]) => [lp(name), lp(value)]),
      lp(isSourceRoot ? Buffer.alloc(0) : raw),
    ]);
  }
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

/** §11. */
function mayContain(filter: Buffer, id: Buffer): boolean {
  const block = Number((BigInt(id.readUInt32LE()) * BigInt(filter.length / 64)) >> 32n);
  return [0, 1, 2, 3, 4, 5, 6].every((probe) => {
    const bit = id.readUInt16LE(8 + 2 * probe) % 512;
    return ((filter[block * 64 + (bit >> 3)] ?? 0) & (1 << (bit & 7))) !== 0;
  });
}
