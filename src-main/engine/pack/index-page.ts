/**
 * An index page: up to 2,048 entries in columns, rising strictly by id. Columns, because the ids don't compress and
 * everything else does. A page is searched in its encoded form: no object is made but the one that is found.
 */
import { assert } from '../../../src-shared/assert.ts';
import { ID_BYTES, type BlobId } from '../../../src-shared/ids.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { FILE_HEADER_BYTES, type BlobType } from '../codec/index.ts';
import { ByteReader, ByteWriter, concatBytes } from '../kernel/index.ts';
import { isBlobType } from './codes.ts';
import {
  bytesOf,
  columnsIn,
  compareIds,
  copyId,
  type EntryColumns,
  type EntryNumbers,
  idIn,
  locationIn,
  NUMBER_BYTES,
  writeNumbers,
} from './index-columns.ts';
import type { BlobLocation, IndexedPack } from './index-entry.ts';
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
export type PageEntry = EntryNumbers & { readonly id: BlobId; readonly type: BlobType };

/** What the run's footer and pack table say about a page. */
export type PageContext = {
  readonly firstId: Uint8Array;
  /** First id of the next page, where there is one. */
  readonly nextId?: Uint8Array;
  readonly entryCount: number;
  readonly packCount: number;
  readonly packBytes: (packOrdinal: number) => number;
};

/** Collects the rows of a page; the same memory serves page after page. */
export class PageBuilder {
  readonly #bytes = new Uint8Array(ENTRIES_PER_PAGE_MAX * INDEX_ENTRY_BYTES);
  /** To be written to by whoever holds the builder, at row `length`. */
  readonly columns: EntryColumns = columnsIn(this.#bytes, ENTRIES_PER_PAGE_MAX);
  length = 0;

  get isFull(): boolean {
    return this.length === ENTRIES_PER_PAGE_MAX;
  }

  add(entry: PageEntry): void {
    const { buffer, byteOffset } = entry.id;
    copyId(new DataView(buffer, byteOffset, ID_BYTES), 0, this.columns.ids, this.length);
    writeNumbers(this.columns, this.length, entry);
    this.length++;
  }

  firstId(): Uint8Array {
    return bytesOf(this.columns.ids, 0, ID_BYTES).slice();
  }

  encode(): Uint8Array {
    assert(this.length > 0 && this.length <= ENTRIES_PER_PAGE_MAX, 'a page has between one entry and its maximum');
    const head = new ByteWriter(INDEX_PAGE_HEAD_BYTES).u8(INDEX_PAGE_VERSION).u8(0).u16(0).u32(this.length).view();
    const { ids, packOrdinals, frameOffsets, frameLengths, offsets, lengths, types, flags } = this.columns;
    const numbers = [packOrdinals, frameOffsets, frameLengths, offsets, lengths];
    return concatBytes([
      head,
      bytesOf(ids, 0, this.length * ID_BYTES),
      ...numbers.map((column) => bytesOf(column, 0, this.length * NUMBER_BYTES)),
      types.subarray(0, this.length),
      flags.subarray(0, this.length),
    ]);
  }
}

export function encodeIndexPage(entries: readonly PageEntry[]): Uint8Array {
  assert(entries.length > 0 && entries.length <= ENTRIES_PER_PAGE_MAX, 'a page has between one entry and its maximum');
  const builder = new PageBuilder();
  for (const entry of entries) builder.add(entry);
  return builder.encode();
}

/** A decoded page: every row of it was checked. Keeps views of the bytes it was decoded from. */
export class IndexPage {
  readonly columns: EntryColumns;
  readonly entryCount: number;
  /** Memory it takes, for caches. */
  readonly sizeBytes: number;

  constructor(columns: EntryColumns, entryCount: number, sizeBytes: number) {
    this.columns = columns;
    this.entryCount = entryCount;
    this.sizeBytes = sizeBytes;
  }

  idAt(row: number): BlobId {
    return idIn(this.columns, row);
  }

  packOrdinalAt(row: number): number {
    return this.columns.packOrdinals.getUint32(row * NUMBER_BYTES, true);
  }

  locationAt(row: number, pack: IndexedPack): BlobLocation {
    return locationIn(this.columns, row, pack);
  }

  entryAt(row: number): PageEntry {
    const at = row * NUMBER_BYTES;
    return {
      id: this.idAt(row),
      packOrdinal: this.columns.packOrdinals.getUint32(at, true),
      frameOffset: this.columns.frameOffsets.getUint32(at, true),
      frameLength: this.columns.frameLengths.getUint32(at, true),
      offset: this.columns.offsets.getUint32(at, true),
      length: this.columns.lengths.getUint32(at, true),
      // Checked when the page was decoded.
      type: this.columns.types[row] as BlobType,
      delta: this.columns.flags[row] === ENTRY_FLAG_DELTA,
    };
  }

  /** The row of an id, by binary search; −1 where it is not in this page. */
  rowOf(id: Uint8Array): number {
    const wanted = new DataView(id.buffer, id.byteOffset, ID_BYTES);
    let [low, high] = [0, this.entryCount - 1];
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order = compareIds(this.columns.ids, middle, wanted, 0);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  find(id: Uint8Array): PageEntry | undefined {
    const row = this.rowOf(id);
    return row === -1 ? undefined : this.entryAt(row);
  }
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
  if (entryCount === 0) reader.fail('it is empty');
  if (reader.left !== entryCount * INDEX_ENTRY_BYTES)
    reader.fail(`${entryCount} entries do not take ${reader.left} bytes`);
  const columns = columnsIn(reader.bytes(entryCount * INDEX_ENTRY_BYTES), entryCount);
  reader.end();
  checkIds(reader, columns.ids, entryCount, context);
  checkRows(reader, columns, entryCount, context);
  return new IndexPage(columns, entryCount, bytes.length);
}

function checkIds(reader: ByteReader, ids: DataView, entryCount: number, { firstId, nextId }: PageContext): void {
  if (compareIds(ids, 0, new DataView(firstId.buffer, firstId.byteOffset, ID_BYTES), 0) !== 0)
    reader.fail('it does not begin with the id its footer names');
  let previous = ids.getUint32(0, false);
  for (let row = 1; row < entryCount; row++) {
    // The first word nearly always decides.
    const word = ids.getUint32(row * ID_BYTES, false);
    const rises = word === previous ? compareIds(ids, row - 1, ids, row) < 0 : previous < word;
    if (!rises) reader.fail(`its ids do not rise at entry ${row}`);
    previous = word;
  }
  if (nextId === undefined) return;
  if (compareIds(ids, entryCount - 1, new DataView(nextId.buffer, nextId.byteOffset, ID_BYTES), 0) >= 0)
    reader.fail('it reaches into the next page');
}

function checkRows(reader: ByteReader, columns: EntryColumns, entryCount: number, context: PageContext): void {
  const { packOrdinals, frameOffsets, frameLengths, offsets, lengths, types, flags } = columns;
  for (let row = 0; row < entryCount; row++) {
    const at = row * NUMBER_BYTES;
    if (!isBlobType(types[row] ?? 0) || (flags[row] ?? 0) > ENTRY_FLAG_DELTA)
      reader.fail(`entry ${row} has an unknown type or flag`);
    const packOrdinal = packOrdinals.getUint32(at, true);
    if (packOrdinal >= context.packCount) reader.fail(`entry ${row} names a pack that is not in the table`);
    const frameOffset = frameOffsets.getUint32(at, true);
    const frameLength = frameLengths.getUint32(at, true);
    const isInPack =
      frameOffset >= FILE_HEADER_BYTES &&
      frameLength >= FRAME_OVERHEAD_BYTES &&
      frameLength <= SEGMENT_PAYLOAD_BYTES_MAX + FRAME_OVERHEAD_BYTES &&
      frameOffset + frameLength <= context.packBytes(packOrdinal);
    const blobEnd = offsets.getUint32(at, true) + lengths.getUint32(at, true);
    if (!isInPack || blobEnd > SEGMENT_BYTES_MAX) reader.fail(`entry ${row} lies outside its pack or segment`);
  }
}
