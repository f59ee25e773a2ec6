/** Reads back what preimage.ts writes, for checking proofs and showing what they say. Strict: one value, one form. */
import { asContentHash, type ContentHash, ID_BYTES } from '../../../src-shared/ids.ts';
import { ByteReader, compareBytes, equalBytes } from '../kernel/index.ts';
import {
  NAME_BYTES_MAX,
  OWNER_NAME_BYTES_MAX,
  TARGET_BYTES_MAX,
  type Xattr,
  XATTR_INLINE_BYTES_MAX,
  XATTR_NAME_BYTES_MAX,
} from './entry.ts';
import { type LeafType, TAG, XATTRS_IN_BLOB } from './preimage.ts';

/** The hashed metadata of a node. */
export type NodeMetadata = {
  readonly size: number;
  readonly mode: number;
  readonly mtimeNs: bigint;
  readonly uid: number;
  readonly gid: number;
  readonly userName: string;
  readonly groupName: string;
  /** Links only, else empty. */
  readonly target: Uint8Array;
  /** Devices only, else 0. */
  readonly major: number;
  readonly minor: number;
  readonly xattrs: readonly Xattr[];
  /** In the place of `xattrs` where they are long: the plain hash of their encoding (attributes.ts). */
  readonly xattrHash?: ContentHash;
  /** The name's bytes where they are not the UTF-8 of the last part of the path, else empty. */
  readonly rawName: Uint8Array;
};

export type ParsedLeaf = {
  readonly nodeType: LeafType;
  readonly path: string;
  readonly contentHash?: ContentHash;
  readonly metadata: NodeMetadata;
};

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** NFC can make three bytes of one. */
const OWNER_TEXT_BYTES_MAX = 3 * OWNER_NAME_BYTES_MAX;
const LEAF_TYPES = ['file', 'symlink', 'fifo', 'socket', 'char-device', 'block-device'] as const;

function sized(reader: ByteReader, lengthMax: number): Uint8Array {
  const length = reader.u32();
  if (length > lengthMax) reader.fail(`a field of ${length} bytes`);
  return reader.bytes(length);
}

function sizedText(reader: ByteReader, lengthMax: number): string {
  const bytes = sized(reader, lengthMax);
  try {
    return decoder.decode(bytes);
  } catch {
    return reader.fail('a text is not UTF-8');
  }
}

export function parseLeafPreimage(bytes: Uint8Array): ParsedLeaf {
  const reader = new ByteReader(bytes, 'node in a proof');
  const nodeType = LEAF_TYPES.find((type) => equalBytes(bytes.subarray(0, TAG[type].length), TAG[type]));
  if (nodeType === undefined) return reader.fail('it has no known tag');
  reader.bytes(TAG[nodeType].length);
  const path = sizedText(reader, reader.left);
  const contentHash = asContentHash(reader.bytes(ID_BYTES));
  const metadata = parseMetadata(sized(reader, reader.left));
  reader.end();
  const hasContent = nodeType === 'file' || nodeType === 'symlink';
  return { nodeType, path, ...(hasContent ? { contentHash } : {}), metadata };
}

export function parseMetadata(bytes: Uint8Array): NodeMetadata {
  const reader = new ByteReader(bytes, 'node’s metadata in a proof');
  const fixed = {
    size: reader.u64Number(),
    mode: reader.u32(),
    mtimeNs: reader.i64(),
    uid: reader.u32(),
    gid: reader.u32(),
  };
  const userName = sizedText(reader, OWNER_TEXT_BYTES_MAX);
  const groupName = sizedText(reader, OWNER_TEXT_BYTES_MAX);
  const target = sized(reader, TARGET_BYTES_MAX);
  const minor = reader.u32();
  const major = reader.u32();
  const attributes = parseXattrs(reader);
  const rawName = sized(reader, NAME_BYTES_MAX);
  reader.end();
  return { ...fixed, userName, groupName, target, major, minor, ...attributes, rawName };
}

function parseXattrs(reader: ByteReader): Pick<NodeMetadata, 'xattrs' | 'xattrHash'> {
  const count = reader.u32();
  if (count === XATTRS_IN_BLOB) return { xattrs: [], xattrHash: asContentHash(reader.bytes(ID_BYTES)) };
  if (count * 9 > reader.left) reader.fail(`${count} extended attributes do not fit`);
  const xattrs: Xattr[] = [];
  let before: Uint8Array | undefined;
  let bytes = 0;
  for (let index = 0; index < count; index++) {
    const name = sized(reader, XATTR_NAME_BYTES_MAX);
    if (name.length === 0 || name.includes(0)) reader.fail('an attribute name is empty or holds NUL');
    if (before !== undefined && compareBytes(before, name) >= 0) reader.fail('extended attributes are not sorted');
    const value = sized(reader, XATTR_INLINE_BYTES_MAX);
    bytes += name.length + value.length;
    if (bytes > XATTR_INLINE_BYTES_MAX) reader.fail('long extended attributes stand in a node');
    xattrs.push({ name, value });
    before = name;
  }
  return { xattrs };
}
