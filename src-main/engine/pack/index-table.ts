/**
 * Entries of packs that are not in a run yet: 8 bytes an entry beside the footers they stand in, so that a first backup
 * of a million files stays small. Rows are numbered in the order they came.
 */
import { assert } from '../../../src-shared/assert.ts';
import { asBlobId, ID_BYTES, type BlobId, type PackId } from '../../../src-shared/ids.ts';
import { ByteWriter } from '../kernel/index.ts';
import { isBlobType } from './codes.ts';
import type { FooterBlobColumns, PackFooter } from './footer.ts';
import { bytesOf, compareIds, copyId, EntryRows, NUMBER_BYTES } from './index-columns.ts';
import type { BlobLocation, IndexedPack } from './index-entry.ts';
import { PageBuilder } from './index-page.ts';
import { ENTRY_FLAG_DELTA } from './layout.ts';

type TablePack = { readonly pack: IndexedPack; readonly firstRow: number; readonly columns: FooterBlobColumns };

/** frame number u32, offset u32 */
const ROW_BYTES = 2 * NUMBER_BYTES;
/** pack ordinal u32, frame offset u32, frame length u32, flags u32 */
const FRAME_BYTES = 4 * NUMBER_BYTES;
const FRAME_OFFSET = NUMBER_BYTES;
const FRAME_LENGTH = 2 * NUMBER_BYTES;
const FRAME_FLAGS = 3 * NUMBER_BYTES;
/** Exact integers in a double: a row number below, the beginning of the id above. */
const KEY_BITS = 53;

function viewOf(writer: ByteWriter): DataView {
  const bytes = writer.view();
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export class IndexTable {
  readonly #packs: TablePack[] = [];
  readonly #packIds = new Set<PackId>();
  readonly #frames = new ByteWriter(FRAME_BYTES * 16);
  readonly #rows = new ByteWriter(ROW_BYTES * 256);
  #entryCount = 0;

  get entryCount(): number {
    return this.#entryCount;
  }

  get packs(): readonly IndexedPack[] {
    return this.#packs.map(({ pack }) => pack);
  }

  /** Takes in a finished pack. Gives the row of its first blob; the others follow in the order of the file. */
  addPack(packId: PackId, sizeBytes: number, footer: PackFooter): number {
    assert(!this.#packIds.has(packId), 'a pack is indexed once');
    this.#packIds.add(packId);
    const { fileType, blobCount, columns } = footer;
    const firstRow = this.#entryCount;
    const packOrdinal = this.#packs.push({ pack: { packId, fileType, sizeBytes, blobCount }, firstRow, columns }) - 1;
    for (const { offset, length, kind, firstBlob, blobCount: count } of footer.segments) {
      const frame = this.#frames.length / FRAME_BYTES;
      this.#frames
        .u32(packOrdinal)
        .u32(offset)
        .u32(length)
        .u32(kind === 'delta' ? ENTRY_FLAG_DELTA : 0);
      let blobOffset = 0;
      for (let blob = firstBlob; blob < firstBlob + count; blob++) {
        this.#rows.u32(frame).u32(blobOffset);
        blobOffset += columns.lengths.getUint32(blob * NUMBER_BYTES, true);
      }
    }
    this.#entryCount += blobCount;
    assert(this.#rows.length === this.#entryCount * ROW_BYTES, 'every blob of a footer lies in one of its segments');
    return firstRow;
  }

  idAt(row: number): BlobId {
    const { columns, firstRow } = this.#packOfRow(row);
    return asBlobId(bytesOf(columns.ids, (row - firstRow) * ID_BYTES, (row - firstRow + 1) * ID_BYTES).slice());
  }

  packIdAt(row: number): PackId {
    return this.#packOfRow(row).pack.packId;
  }

  locationAt(row: number): BlobLocation {
    const { frames, rows } = this.#views();
    const frameAt = rows.getUint32(row * ROW_BYTES, true) * FRAME_BYTES;
    const { pack, columns, firstRow } = this.#packAt(frames.getUint32(frameAt, true));
    const blob = row - firstRow;
    const type = columns.types[blob] ?? 0;
    assert(isBlobType(type), 'a row of this table');
    return {
      packId: pack.packId,
      fileType: pack.fileType,
      frameOffset: frames.getUint32(frameAt + FRAME_OFFSET, true),
      frameLength: frames.getUint32(frameAt + FRAME_LENGTH, true),
      offset: rows.getUint32(row * ROW_BYTES + NUMBER_BYTES, true),
      length: columns.lengths.getUint32(blob * NUMBER_BYTES, true),
      type,
      delta: frames.getUint32(frameAt + FRAME_FLAGS, true) === ENTRY_FLAG_DELTA,
    };
  }

  /**
   * Every id once, rising, in batches of a page: what buildIndexRun takes. Of equal ids the first row stays. A batch is valid
   * until the next one is asked for; packs are added before or after, not meanwhile.
   */
  *sorted(): Generator<EntryRows> {
    const order = this.#order();
    const { frames, rows } = this.#views();
    const { packs } = this;
    const page = new PageBuilder();
    const last = new DataView(new ArrayBuffer(ID_BYTES));
    let isFirst = true;
    for (const row of order) {
      const frameAt = rows.getUint32(row * ROW_BYTES, true) * FRAME_BYTES;
      const packOrdinal = frames.getUint32(frameAt, true);
      const { columns, firstRow } = this.#packAt(packOrdinal);
      const blob = row - firstRow;
      if (!isFirst && compareIds(last, 0, columns.ids, blob) === 0) continue;
      isFirst = false;
      if (page.isFull) {
        yield new EntryRows(page.columns, page.length, packs);
        page.length = 0;
      }
      copyId(columns.ids, blob * ID_BYTES, last, 0);
      copyId(columns.ids, blob * ID_BYTES, page.columns.ids, page.length);
      const at = page.length * NUMBER_BYTES;
      page.columns.packOrdinals.setUint32(at, packOrdinal, true);
      page.columns.frameOffsets.setUint32(at, frames.getUint32(frameAt + FRAME_OFFSET, true), true);
      page.columns.frameLengths.setUint32(at, frames.getUint32(frameAt + FRAME_LENGTH, true), true);
      page.columns.offsets.setUint32(at, rows.getUint32(row * ROW_BYTES + NUMBER_BYTES, true), true);
      page.columns.lengths.setUint32(at, columns.lengths.getUint32(blob * NUMBER_BYTES, true), true);
      page.columns.types[page.length] = columns.types[blob] ?? 0;
      page.columns.flags[page.length] = frames.getUint32(frameAt + FRAME_FLAGS, true);
      page.length++;
    }
    if (page.length > 0) yield new EntryRows(page.columns, page.length, packs);
  }

  #views(): { readonly frames: DataView; readonly rows: DataView } {
    return { frames: viewOf(this.#frames), rows: viewOf(this.#rows) };
  }

  #packAt(packOrdinal: number): TablePack {
    const pack = this.#packs[packOrdinal];
    assert(pack !== undefined, 'a frame lies in a pack of this table');
    return pack;
  }

  #packOfRow(row: number): TablePack {
    const { frames, rows } = this.#views();
    return this.#packAt(frames.getUint32(rows.getUint32(row * ROW_BYTES, true) * FRAME_BYTES, true));
  }

  /**
   * Rows in the order of their ids. The numeric sort of a Float64Array holds the beginning of the id and the row number in
   * one double: ten times as fast as comparing ids; only equal beginnings are compared in full.
   */
  #order(): Uint32Array {
    const count = this.#entryCount;
    const rowBits = Math.max(1, Math.ceil(Math.log2(count + 1)));
    const prefixShift = 32 - Math.min(32, KEY_BITS - rowBits);
    const rowSpan = 2 ** rowBits;
    const keys = new Float64Array(count);
    for (const { firstRow, pack, columns } of this.#packs) {
      for (let blob = 0; blob < pack.blobCount; blob++) {
        const row = firstRow + blob;
        keys[row] = (columns.ids.getUint32(blob * ID_BYTES, false) >>> prefixShift) * rowSpan + row;
      }
    }
    keys.sort();
    const order = new Uint32Array(count);
    for (let from = 0; from < count;) {
      const prefix = Math.floor((keys[from] ?? 0) / rowSpan);
      let to = from;
      for (; to < count && Math.floor((keys[to] ?? 0) / rowSpan) === prefix; to++)
        order[to] = (keys[to] ?? 0) - prefix * rowSpan;
      if (to - from > 1) order.subarray(from, to).sort((left, right) => this.#compareRows(left, right));
      from = to;
    }
    return order;
  }

  #compareRows(left: number, right: number): number {
    const [leftPack, rightPack] = [this.#packOfRow(left), this.#packOfRow(right)];
    const order = compareIds(
      leftPack.columns.ids,
      left - leftPack.firstRow,
      rightPack.columns.ids,
      right - rightPack.firstRow,
    );
    return order === 0 ? left - right : order;
  }
}
