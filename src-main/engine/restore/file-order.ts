/**
 * What a worker is told about the small files it writes: one record a file in one run of bytes, because structured
 * clone of sixteen thousand objects costs more than writing the files.
 *
 * Every number here was checked by who wrote it; both sides are this program.
 */
import { ByteReader, type ByteWriter } from '../kernel/index.ts';
import { decodeAttributes, encodeAttributes, type Xattr } from '../merkle/index.ts';

/** A piece of a file: where it lies in the plaintext of a segment of its task, and where in the file. */
export type PieceOrder = { readonly segment: number; readonly offset: number; readonly length: number };

export type FileOrder = {
  /** Descriptor of the folder it goes into. */
  readonly folder: number;
  /** Ends with a NUL. */
  readonly name: Uint8Array;
  readonly replace: boolean;
  readonly sparse: boolean;
  /** Tell which object the file became: a hard link may follow. */
  readonly identify: boolean;
  /** The folder gives what is made in it an access control list of its own, which has to go. */
  readonly inheritsAcl: boolean;
  /** Set-id bits are dropped by who writes the order. */
  readonly mode: number;
  readonly mtimeNs: bigint;
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  readonly xattrs: readonly Xattr[];
  readonly size: number;
  readonly contentHash: Uint8Array;
  readonly pieces: readonly PieceOrder[];
};

const FLAG = { replace: 1, sparse: 2, identify: 4, inheritsAcl: 8, owner: 16, xattrs: 32 } as const;
const NAME_WITH_NUL_MAX = 256;
const HASH_BYTES = 32;
const NUL = Uint8Array.of(0);

/** `name` without its NUL. */
export function writeFileOrder(writer: ByteWriter, order: FileOrder): void {
  const { owner, xattrs, pieces } = order;
  const flags =
    (order.replace ? FLAG.replace : 0) |
    (order.sparse ? FLAG.sparse : 0) |
    (order.identify ? FLAG.identify : 0) |
    (order.inheritsAcl ? FLAG.inheritsAcl : 0) |
    (owner === undefined ? 0 : FLAG.owner) |
    (xattrs.length === 0 ? 0 : FLAG.xattrs);
  writer.u8(flags).u32(order.folder).u16(order.mode).i64(order.mtimeNs);
  if (owner !== undefined) writer.u32(owner.uid).u32(owner.gid);
  if (xattrs.length > 0) writer.sizedBytes(encodeAttributes(xattrs));
  writer
    .varint(order.name.length + 1)
    .bytes(order.name)
    .bytes(NUL);
  writer.varint(order.size).bytes(order.contentHash).varint(pieces.length);
  for (const { segment, offset, length } of pieces) writer.varint(segment).varint(offset).varint(length);
}

export function* readFileOrders(bytes: Uint8Array, count: number): Generator<FileOrder> {
  const reader = new ByteReader(bytes, 'list of files to write');
  for (let index = 0; index < count; index++) yield readFileOrder(reader);
  reader.end();
}

const NO_XATTRS: readonly Xattr[] = [];

function readFileOrder(reader: ByteReader): FileOrder {
  const flags = reader.u8();
  const folder = reader.u32();
  const mode = reader.u16();
  const mtimeNs = reader.i64();
  const owner = flags & FLAG.owner ? { uid: reader.u32(), gid: reader.u32() } : undefined;
  const xattrs = flags & FLAG.xattrs ? decodeAttributes(reader.sizedBytes(reader.left)) : NO_XATTRS;
  const name = reader.sizedBytes(NAME_WITH_NUL_MAX);
  const size = reader.varint();
  const contentHash = reader.bytes(HASH_BYTES);
  const pieces: PieceOrder[] = [];
  for (let left = reader.varint(); left > 0; left--) {
    pieces.push({ segment: reader.varint(), offset: reader.varint(), length: reader.varint() });
  }
  return {
    folder,
    name,
    replace: (flags & FLAG.replace) !== 0,
    sparse: (flags & FLAG.sparse) !== 0,
    identify: (flags & FLAG.identify) !== 0,
    inheritsAcl: (flags & FLAG.inheritsAcl) !== 0,
    mode,
    mtimeNs,
    owner,
    xattrs,
    size,
    contentHash,
    pieces,
  };
}
