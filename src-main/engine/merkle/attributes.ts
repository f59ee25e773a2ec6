/**
 * Extended attributes as bytes. One encoding serves both places they may stand in: the entry itself, up to
 * XATTR_INLINE_BYTES_MAX, and a blob of type `attributes` beyond. Which of the two it is follows from the length alone,
 * so equal attributes always give equal entries and equal NodeIds.
 *
 *   varint n ‖ n × (sized name ‖ sized value), names strictly rising
 *
 * Invariant: what decodes here keeps every bound of entry.ts, whoever wrote the bytes.
 */
import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { asBlobId, asContentHash, type BlobId, ID_BYTES } from '../../../src-shared/ids.ts';
import { BLOB_TYPE, hash } from '../codec/index.ts';
import { ByteReader, ByteWriter, compareBytes, equalBytes } from '../kernel/index.ts';
import {
  ATTRIBUTES_BYTES_MAX,
  type EntryMetadata,
  type Xattr,
  type XattrBlob,
  XATTR_INLINE_BYTES_MAX,
  XATTR_NAME_BYTES_MAX,
  XATTRS_MAX,
} from './entry.ts';

/** Smallest attribute: a name of one byte, an empty value. Bounds the count. */
const XATTR_BYTES_MIN = 3;

/** The one encoding of a list of attributes. Names are not empty, hold no NUL, rise strictly by bytes. */
export function encodeAttributes(xattrs: readonly Xattr[]): Uint8Array {
  const writer = new ByteWriter(256);
  writeXattrs(writer, xattrs);
  assert(writer.length <= ATTRIBUTES_BYTES_MAX, 'the attributes of an entry are bounded');
  return writer.finish();
}

/**
 * Attributes from their bytes; names and values are views of them.
 * @throws CairnError integrity/malformed, limit/exceeded
 */
export function decodeAttributes(bytes: Uint8Array): readonly Xattr[] {
  if (bytes.length > ATTRIBUTES_BYTES_MAX) {
    throw new CairnError(
      'limit/exceeded',
      `extended attributes of ${bytes.length} bytes, at most ${ATTRIBUTES_BYTES_MAX} are allowed`,
    );
  }
  const reader = new ByteReader(bytes, 'list of extended attributes');
  const xattrs = readXattrs(reader);
  reader.end();
  return xattrs;
}

export function writeXattrs(writer: ByteWriter, xattrs: readonly Xattr[]): void {
  assert(xattrs.length <= XATTRS_MAX, 'the attributes of an entry are bounded');
  let before: Uint8Array | undefined;
  writer.varint(xattrs.length);
  for (const { name, value } of xattrs) {
    assert(before === undefined || compareBytes(before, name) < 0, 'extended attributes are sorted by name');
    assert(name.length > 0 && name.length <= XATTR_NAME_BYTES_MAX && !name.includes(0), 'an attribute name is bounded');
    writer.sizedBytes(name).sizedBytes(value);
    before = name;
  }
}

/** Reads a list, at least one attribute long: no attributes is no list. */
export function readXattrs(reader: ByteReader): Xattr[] {
  const count = reader.count(XATTR_BYTES_MIN);
  if (count === 0) reader.fail('extended attributes announced and absent');
  if (count > XATTRS_MAX) reader.fail(`${count} extended attributes`);
  const xattrs: Xattr[] = [];
  let before: Uint8Array | undefined;
  for (let index = 0; index < count; index++) {
    const name = reader.sizedBytes(XATTR_NAME_BYTES_MAX);
    if (name.length === 0 || name.includes(0)) reader.fail('an attribute name is empty or holds NUL');
    if (before !== undefined && compareBytes(before, name) >= 0) reader.fail('extended attributes are not sorted');
    xattrs.push({ name, value: reader.sizedBytes(ATTRIBUTES_BYTES_MAX) });
    before = name;
  }
  return xattrs;
}

/** Reads the field “xattrs” of an entry: a list that is short enough to stand there. */
export function readInlineXattrs(reader: ByteReader): Xattr[] {
  const from = reader.offset;
  const xattrs = readXattrs(reader);
  if (reader.offset - from > XATTR_INLINE_BYTES_MAX) reader.fail('long extended attributes stand in an entry');
  return xattrs;
}

/** Reads the field “xattrBlob” of an entry. */
export function readXattrBlob(reader: ByteReader): XattrBlob {
  return { id: asBlobId(reader.bytes(ID_BYTES)), hash: asContentHash(reader.bytes(ID_BYTES)) };
}

/**
 * The fields of an entry that has these attributes: none, `xattrs`, or `xattrBlob` after `store` was given the blob's
 * bytes and their plain hash. Spread it into the entry.
 */
export function attributeFields(
  xattrs: readonly Xattr[],
  store: (plain: Uint8Array, plainHash: Uint8Array) => BlobId,
): Pick<EntryMetadata, 'xattrs' | 'xattrBlob'> {
  if (xattrs.length === 0) return NO_FIELDS;
  const plain = encodeAttributes(xattrs);
  if (plain.length <= XATTR_INLINE_BYTES_MAX) return { xattrs };
  const plainHash = asContentHash(hash(plain));
  return { xattrBlob: { id: store(plain, plainHash), hash: plainHash } };
}

const NO_FIELDS: Pick<EntryMetadata, 'xattrs' | 'xattrBlob'> = {};

/** Gives the verified bytes of a blob of type `attributes`, or throws integrity/… */
export type AttributesFetch = (id: BlobId, blobType: typeof BLOB_TYPE.attributes) => Uint8Array | Promise<Uint8Array>;

/**
 * The attributes of an entry, wherever they stand; empty where it has none. Fetches a blob only where there is one.
 * @throws CairnError integrity/damaged where the blob is not the one the entry means, integrity/malformed
 */
export async function attributesOf(
  entry: Pick<EntryMetadata, 'xattrs' | 'xattrBlob'>,
  fetch: AttributesFetch,
): Promise<readonly Xattr[]> {
  if (entry.xattrBlob === undefined) return entry.xattrs ?? [];
  const plain = await fetch(entry.xattrBlob.id, BLOB_TYPE.attributes);
  if (!equalBytes(hash(plain), entry.xattrBlob.hash)) {
    throw new CairnError('integrity/damaged', 'the extended attributes of an entry are not what their hash says');
  }
  // One value has one place: short attributes in a blob would give a second NodeId to the same entry.
  if (plain.length <= XATTR_INLINE_BYTES_MAX) {
    throw new CairnError('integrity/malformed', 'short extended attributes stand in a blob');
  }
  return decodeAttributes(plain);
}
