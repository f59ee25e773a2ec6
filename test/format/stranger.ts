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
  openSealedFile,
  openSlot,
  readEnvelope,
  readMessagePack,
  type Secret,
} from './stranger-bytes.ts';
import { type PageRef, type StrangerEntry, StrangerTree } from './stranger-tree.ts';

export type StrangerSnapshot = { readonly id: string; readonly record: Fields };

type Place = {
  readonly file: string;
  readonly frameOffset: number;
  readonly offset: number;
  readonly length: number;
  readonly type: number;
};
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
  readonly tree = new StrangerTree((id, type) => this.blob(id, type));
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

  /** Every entry of a snapshot by its raw path (as latin1 text), once all NodeIds led to the signed root. */
  read({ record }: StrangerSnapshot): Map<string, StrangerEntry> {
    const { entries, root } = this.tree.read(record['rootPage'] as PageRef, record['sealPage'] as PageRef | undefined);
    check(root.equals(record['rootNodeId'] as Buffer), 'a tree that does not lead to its signed root');
    return entries;
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
