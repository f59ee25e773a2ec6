/**
 * Entries of packs that are not in a run yet, in columns: 45 bytes an entry instead of some 300 for objects, so that a
 * first backup of a million files stays small. Rows are numbered in the order they came.
 */
import { assert } from '../../../src-shared/assert.ts';
import { asBlobId, ID_BYTES, type BlobId, type PackId } from '../../../src-shared/ids.ts';

import { ByteWriter, compareBytes } from '../kernel/index.ts';
import type { PackFooter } from './footer.ts';
import type { BlobLocation, IndexedPack, IndexEntry } from './index-entry.ts';
import { isBlobType } from './codes.ts';
import { ENTRIES_PER_PAGE_MAX } from './layout.ts';

type Frame = {
  readonly pack: IndexedPack;
  readonly frameOffset: number;
  readonly frameLength: number;
  readonly delta: boolean;
};

/** frame ordinal u32, offset u32, length u32, type u8 */
const ROW_BYTES = 13;
/** Exact integers in a double: a row number below, the beginning of the id above. */
const KEY_BITS = 53;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export class IndexTable {
  readonly #packs = new Map<PackId, IndexedPack>();
  readonly #frames: Frame[] = [];
  readonly #ids = new ByteWriter(ID_BYTES * 1024);
  readonly #rows = new ByteWriter(ROW_BYTES * 1024);
  #entryCount = 0;

  get entryCount(): number {
    return this.#entryCount;
  }

  get packs(): readonly IndexedPack[] {
    return [...this.#packs.values()];
  }

  /** Takes in a finished pack. Gives the row of its first blob; the others follow in the order of the file. */
  addPack(packId: PackId, sizeBytes: number, footer: PackFooter): number {
    assert(!this.#packs.has(packId), 'a pack is indexed once');
    const firstRow = this.#entryCount;
    const pack: IndexedPack = { packId, fileType: footer.fileType, sizeBytes, blobCount: footer.blobCount };
    this.#packs.set(packId, pack);
    for (const segment of footer.segments) {
      const frame = this.#frames.push({
        pack,
        frameOffset: segment.offset,
        frameLength: segment.length,
        delta: segment.kind === 'delta',
      });
      for (const { id, type, offset, length } of footer.blobsOf(segment)) {
        this.#ids.bytes(id);
        this.#rows
          .u32(frame - 1)
          .u32(offset)
          .u32(length)
          .u8(type);
        this.#entryCount++;
      }
    }
    return firstRow;
  }

  idAt(row: number): BlobId {
    return asBlobId(this.#ids.view().slice(row * ID_BYTES, (row + 1) * ID_BYTES));
  }

  locationAt(row: number): BlobLocation {
    return this.#locationIn(viewOf(this.#rows.view()), row);
  }

  #locationIn(rows: DataView, row: number): BlobLocation {
    const at = row * ROW_BYTES;
    const frame = this.#frames[rows.getUint32(at, true)];
    const type = rows.getUint8(at + 12);
    assert(frame !== undefined && isBlobType(type), 'a row of this table');
    const { pack, frameOffset, frameLength, delta } = frame;
    const { packId, fileType } = pack;
    const offset = rows.getUint32(at + 4, true);
    const length = rows.getUint32(at + 8, true);
    return { packId, fileType, frameOffset, frameLength, offset, length, type, delta };
  }

  /**
   * Every id once, rising, in batches: what buildIndexRun takes. Of equal ids the first row stays. The ids are views;
   * packs are added before or after, not meanwhile.
   */
  *sorted(): Generator<readonly IndexEntry[]> {
    const order = this.#order();
    const ids = this.#ids.view();
    const rows = viewOf(this.#rows.view());
    let batch: IndexEntry[] = [];
    let last: BlobId | undefined;
    for (const row of order) {
      const id = asBlobId(ids.subarray(row * ID_BYTES, (row + 1) * ID_BYTES));
      if (last !== undefined && compareBytes(last, id) === 0) continue;
      last = id;
      batch.push({ id, ...this.#locationIn(rows, row) });
      if (batch.length === ENTRIES_PER_PAGE_MAX) {
        yield batch;
        batch = [];
      }
    }
    if (batch.length > 0) yield batch;
  }

  /**
   * Rows in the order of their ids. The numeric sort of a Float64Array holds the beginning of the id and the row number in
   * one double: ten times as fast as comparing ids; only equal beginnings are compared in full.
   */
  #order(): Uint32Array {
    const count = this.#entryCount;
    const ids = this.#ids.view();
    const view = viewOf(ids);
    const rowBits = Math.max(1, Math.ceil(Math.log2(count + 1)));
    const prefixShift = 32 - Math.min(32, KEY_BITS - rowBits);
    const rowSpan = 2 ** rowBits;
    const keys = new Float64Array(count);
    for (let row = 0; row < count; row++)
      keys[row] = (view.getUint32(row * ID_BYTES, false) >>> prefixShift) * rowSpan + row;
    keys.sort();
    const order = Uint32Array.from(keys, (key) => key % rowSpan);
    const compareRows = (left: number, right: number): number =>
      compareBytes(
        ids.subarray(left * ID_BYTES, (left + 1) * ID_BYTES),
        ids.subarray(right * ID_BYTES, (right + 1) * ID_BYTES),
      ) || left - right;
    for (let from = 0; from < count;) {
      const prefix = Math.floor((keys[from] ?? 0) / rowSpan);
      let to = from + 1;
      while (to < count && Math.floor((keys[to] ?? 0) / rowSpan) === prefix) to++;
      if (to - from > 1) order.subarray(from, to).sort(compareRows);
      from = to;
    }
    return order;
  }
}
