/**
 * An index page: up to 2,048 entries in columns, rising strictly by id. Columns, because the ids don't compress and
 * everything else does. A page is searched in its encoded form: no object is made but the one that is found.
 */
import { assert } from '../../../src-shared/assert.ts';
import { asBlobId, ID_BYTES, type BlobId } from '../../../src-shared/ids.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { FILE_HEADER_BYTES, type BlobType } from '../codec/index.ts';
import { ByteReader, ByteWriter, concatBytes } from '../kernel/index.ts';
import { isBlobType } from './codes.ts';
import {
  ENTRIES_PER_PAGE_MAX,
  ENTRY_FLAG_DELTA,
  FRAME_OVERHEAD_BYTES,
  INDEX_ENTRY_BYTES,
  INDEX_PAGE_HEAD_BYTES,
  INDEX_PAGE_VERSION,
  SEGMENT_BYTES_MAX,
  SEGMENT_PAYLOAD_BYTES_MAX,
} from './layout.ts';

/** An entry as a page holds it: the pack is a place in the run's pack table. */
export type PageEntry = {
  readonly id: BlobId;
  readonly packOrdinal: number;
  readonly frameOffset: number;
  readonly frameLength: number;
  readonly offset: number;
  readonly length: number;
  readonly type: BlobType;
  readonly delta: boolean;
};

export type IndexPage = {
  readonly entryCount: number;
  /** Memory it takes, for caches. */
  readonly sizeBytes: number;
  readonly idAt: (row: number) => BlobId;
  readonly entryAt: (row: number) => PageEntry;
  /** The entry of an id, by binary search. */
  readonly find: (id: Uint8Array) => PageEntry | undefined;
};

/** What the run's footer and pack table say about a page. */
export type PageContext = {
  readonly firstId: Uint8Array;
  /** First id of the next page, where there is one. */
  readonly nextId?: Uint8Array;
  readonly entryCount: number;
  readonly packCount: number;
  readonly packBytes: (packOrdinal: number) => number;
};

export function encodeIndexPage(entries: readonly PageEntry[]): Uint8Array {
  assert(entries.length > 0 && entries.length <= ENTRIES_PER_PAGE_MAX, 'a page has between one entry and its maximum');
  const head = new ByteWriter(INDEX_PAGE_HEAD_BYTES).u8(INDEX_PAGE_VERSION).u8(0).u16(0).u32(entries.length);
  const ids = new ByteWriter(entries.length * ID_BYTES);
  const numbers = [0, 1, 2, 3, 4].map(() => new ByteWriter(entries.length * 4));
  const types = new ByteWriter(entries.length);
  const flags = new ByteWriter(entries.length);
  for (const entry of entries) {
    ids.bytes(entry.id);
    const row = [entry.packOrdinal, entry.frameOffset, entry.frameLength, entry.offset, entry.length];
    numbers.forEach((column, place) => column.u32(row[place] ?? 0));
    types.u8(entry.type);
    flags.u8(entry.delta ? ENTRY_FLAG_DELTA : 0);
  }
  return concatBytes([head, ids, ...numbers, types, flags].map((column) => column.view()));
}

/** Decodes a page, keeping views of `bytes`, and checks every row against what the footer says. */
export function decodeIndexPage(bytes: Uint8Array, context: PageContext): IndexPage {
  const reader = new ByteReader(bytes, 'index page');
  const version = reader.u8();
  if (version > INDEX_PAGE_VERSION) {
    throw new CairnError(
      'repository/newer-format',
      `an index page has version ${version}; this Cairn reads ${INDEX_PAGE_VERSION}`,
    );
  }
  if (version !== INDEX_PAGE_VERSION) reader.fail(`there is no page version ${version}`);
  if (reader.u8() !== 0 || reader.u16() !== 0) reader.fail('a reserved field is not zero');
  const entryCount = reader.u32();
  if (entryCount !== context.entryCount)
    reader.fail(`it has ${entryCount} entries, its footer says ${context.entryCount}`);
  if (reader.left !== entryCount * INDEX_ENTRY_BYTES)
    reader.fail(`${entryCount} entries do not take ${reader.left} bytes`);
  const idBytes = reader.bytes(entryCount * ID_BYTES);
  const ids = Buffer.from(idBytes.buffer, idBytes.byteOffset, idBytes.byteLength);
  const column = (): DataView => {
    const part = reader.bytes(entryCount * 4);
    return new DataView(part.buffer, part.byteOffset, part.byteLength);
  };
  const [packs, frameOffsets, frameLengths, offsets, lengths] = [column(), column(), column(), column(), column()];
  const types = reader.bytes(entryCount);
  const flags = reader.bytes(entryCount);
  reader.end();

  const entryAt = (row: number): PageEntry => ({
    id: asBlobId(ids.subarray(row * ID_BYTES, (row + 1) * ID_BYTES)),
    packOrdinal: packs.getUint32(row * 4, true),
    frameOffset: frameOffsets.getUint32(row * 4, true),
    frameLength: frameLengths.getUint32(row * 4, true),
    offset: offsets.getUint32(row * 4, true),
    length: lengths.getUint32(row * 4, true),
    type: types[row] as BlobType,
    delta: flags[row] === ENTRY_FLAG_DELTA,
  });
  checkIds(reader, ids, context);
  for (let row = 0; row < entryCount; row++) {
    const [type, flag] = [types[row] ?? 0, flags[row] ?? 0];
    if (!isBlobType(type) || flag > ENTRY_FLAG_DELTA) reader.fail(`entry ${row} has an unknown type or flag`);
    const packOrdinal = packs.getUint32(row * 4, true);
    if (packOrdinal >= context.packCount) reader.fail(`entry ${row} names a pack that is not in the table`);
    const frameOffset = frameOffsets.getUint32(row * 4, true);
    const frameLength = frameLengths.getUint32(row * 4, true);
    const frameFits =
      frameOffset >= FILE_HEADER_BYTES &&
      frameLength >= FRAME_OVERHEAD_BYTES &&
      frameLength <= SEGMENT_PAYLOAD_BYTES_MAX + FRAME_OVERHEAD_BYTES &&
      frameOffset + frameLength <= context.packBytes(packOrdinal);
    const blobEnd = offsets.getUint32(row * 4, true) + lengths.getUint32(row * 4, true);
    if (!frameFits || blobEnd > SEGMENT_BYTES_MAX) reader.fail(`entry ${row} lies outside its pack or segment`);
  }

  const find = (id: Uint8Array): PageEntry | undefined => {
    let [low, high] = [0, entryCount - 1];
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order = ids.compare(id, 0, ID_BYTES, middle * ID_BYTES, (middle + 1) * ID_BYTES);
      if (order === 0) return entryAt(middle);
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  };
  const idAt = (row: number): BlobId => asBlobId(ids.subarray(row * ID_BYTES, (row + 1) * ID_BYTES));
  return { entryCount, sizeBytes: bytes.length, idAt, entryAt, find };
}

function checkIds(reader: ByteReader, ids: Buffer, { firstId, nextId }: PageContext): void {
  if (ids.compare(firstId, 0, ID_BYTES, 0, ID_BYTES) !== 0)
    reader.fail('it does not begin with the id its footer names');
  let at = ID_BYTES;
  for (; at < ids.length; at += ID_BYTES) {
    if (ids.compare(ids, at, at + ID_BYTES, at - ID_BYTES, at) >= 0)
      reader.fail(`its ids do not rise at entry ${at / ID_BYTES}`);
  }
  if (nextId !== undefined && ids.compare(nextId, 0, ID_BYTES, at - ID_BYTES, at) >= 0)
    reader.fail('it reaches into the next page');
}
