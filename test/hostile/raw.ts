/**
 * Pages, footers and MessagePack written field by field, with nothing checked: what the encoders of the engine refuse
 * to write. Defaults are honest, so that a case changes exactly what it is about.
 */
import { hash } from '../../src-main/engine/codec/index.ts';
import { ByteWriter, concatBytes, utf8 } from '../../src-main/engine/kernel/index.ts';

/** A varint of any size, up to ten bytes. */
export function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt(value);
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

export function sized(bytes: Uint8Array): Uint8Array {
  return concatBytes([varint(bytes.length), bytes]);
}

export const u8 = (value: number): Uint8Array => Uint8Array.of(value & 0xff);
export const u16 = (value: number): Uint8Array => new ByteWriter(2).u16(value).finish();
export const u32 = (value: number): Uint8Array => new ByteWriter(4).u32(value).finish();
export const u64 = (value: number | bigint): Uint8Array =>
  new ByteWriter(8).u64(BigInt.asUintN(64, BigInt(value))).finish();

export type RawPage = {
  readonly kind: number;
  readonly records: readonly Uint8Array[];
  readonly magic?: string;
  readonly version?: number;
  readonly level?: number;
  readonly flags?: number;
  /** Default: the number of records. */
  readonly count?: number | bigint;
  readonly trailing?: Uint8Array;
};

export function rawPage(page: RawPage): Uint8Array {
  const { kind, records, magic = 'CrnP', version = 1, level = 0, flags = 0, count, trailing } = page;
  return concatBytes([
    utf8(magic),
    Uint8Array.of(version, kind, level, flags),
    varint(count ?? records.length),
    ...records,
    trailing ?? new Uint8Array(0),
  ]);
}

export type RawEntry = {
  readonly name: Uint8Array | string;
  readonly type?: number;
  readonly mask?: number | bigint;
  readonly mode?: number;
  readonly uid?: number | bigint;
  readonly gid?: number | bigint;
  readonly mtimeNs?: bigint;
  readonly body: Uint8Array;
  readonly optional?: Uint8Array;
};

export function rawEntry(entry: RawEntry): Uint8Array {
  const {
    name,
    type = 1,
    mask = 0,
    mode = 0o644,
    uid = 1000,
    gid = 1000,
    mtimeNs = 1_700_000_000_000_000_000n,
  } = entry;
  return concatBytes([
    u8(type),
    varint(mask),
    sized(typeof name === 'string' ? utf8(name) : name),
    varint(mode),
    varint(uid),
    varint(gid),
    u64(mtimeNs),
    entry.body,
    entry.optional ?? new Uint8Array(0),
  ]);
}

export type RawChunk = { readonly id: Uint8Array; readonly length: number | bigint };

/** Body of a file with its chunks in the entry. */
export function fileBody(
  chunks: readonly RawChunk[],
  options: {
    readonly size?: number | bigint;
    readonly contentHash?: Uint8Array;
    readonly count?: number | bigint;
  } = {},
): Uint8Array {
  const size = options.size ?? chunks.reduce((sum, { length }) => sum + BigInt(length), 0n);
  return concatBytes([
    varint(size),
    options.contentHash ?? hash(new Uint8Array(0)),
    varint(options.count ?? chunks.length),
    ...chunks.flatMap(({ id, length }) => [id, varint(length)]),
  ]);
}

/** Body of a file whose chunk list stands in pages; needs mask 1. */
export function pagedFileBody(options: {
  readonly size: number | bigint;
  readonly contentHash?: Uint8Array;
  readonly chunkCount: number | bigint;
  readonly root: Uint8Array;
  readonly level: number;
}): Uint8Array {
  const { size, contentHash, chunkCount, root, level } = options;
  return concatBytes([varint(size), contentHash ?? new Uint8Array(32), varint(chunkCount), root, u8(level)]);
}

export type RawFolder = {
  readonly page: Uint8Array;
  readonly level?: number;
  readonly entryCount: number | bigint;
  readonly totalEntries: number | bigint;
  readonly totalBytes?: number | bigint;
};

export function folderBody({ page, level = 0, entryCount, totalEntries, totalBytes = 0 }: RawFolder): Uint8Array {
  return concatBytes([page, u8(level), varint(entryCount), varint(totalEntries), varint(totalBytes)]);
}

export function folderEntry(name: Uint8Array | string, folder: RawFolder): Uint8Array {
  return rawEntry({ name, type: 2, mode: 0o755, body: folderBody(folder) });
}

export function linkEntry(name: Uint8Array | string, target: Uint8Array | string): Uint8Array {
  return rawEntry({ name, type: 3, mode: 0o777, body: sized(typeof target === 'string' ? utf8(target) : target) });
}

/** A reference of an inner page: of a folder with a first name, of chunks with bytes, of seals with neither. */
export const folderRef = (firstName: string | Uint8Array, page: Uint8Array, count: number | bigint): Uint8Array =>
  concatBytes([sized(typeof firstName === 'string' ? utf8(firstName) : firstName), page, varint(count)]);
export const chunkRef = (page: Uint8Array, count: number | bigint, bytes: number | bigint): Uint8Array =>
  concatBytes([page, varint(count), varint(bytes)]);
export const sealRef = (page: Uint8Array, count: number | bigint): Uint8Array => concatBytes([page, varint(count)]);
export const seal = (nodeId: Uint8Array, below?: { readonly page: Uint8Array; readonly level: number }): Uint8Array =>
  below === undefined ? concatBytes([nodeId, u8(0)]) : concatBytes([nodeId, u8(1), below.page, u8(below.level)]);

export const PAGE = { folderLeaf: 1, folderInner: 2, chunkLeaf: 3, chunkInner: 4, sealLeaf: 5, sealInner: 6 } as const;
