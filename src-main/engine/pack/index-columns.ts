/**
 * Index entries in columns, each little-endian as a page holds it: rows are compared, copied and searched without an
 * object for any of them. A million entries as objects cost seconds and hundreds of megabytes; as columns neither.
 */
import { assert } from '../../../src-shared/assert.ts';
import { asBlobId, ID_BYTES, type BlobId } from '../../../src-shared/ids.ts';
import type { BlobType } from '../codec/index.ts';
import type { BlobLocation, IndexedPack, IndexEntry } from './index-entry.ts';
import { ENTRY_FLAG_DELTA } from './layout.ts';

/** The columns of a page; a row’s pack is a place in some table of packs. */
export type EntryColumns = {
  /** 32 bytes a row. */
  readonly ids: DataView;
  readonly packOrdinals: DataView;
  readonly frameOffsets: DataView;
  readonly frameLengths: DataView;
  readonly offsets: DataView;
  readonly lengths: DataView;
  readonly types: Uint8Array;
  readonly flags: Uint8Array;
};

export const NUMBER_BYTES = 4;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function bytesOf(view: DataView, from: number, to: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + from, to - from);
}

/** Everything of a row but its id. */
export type PlaceColumns = Omit<EntryColumns, 'ids'>;

/** Cuts columns out of bytes in which they lie end to end, in the order of the format. */
export function columnsIn(bytes: Uint8Array, rowCount: number): EntryColumns {
  const idsEnd = rowCount * ID_BYTES;
  return { ids: viewOf(bytes.subarray(0, idsEnd)), ...placesIn(bytes.subarray(idsEnd), rowCount) };
}

/** The same for bytes without the ids: 22 a row. */
export function placesIn(bytes: Uint8Array, rowCount: number): PlaceColumns {
  let at = 0;
  const next = (rowBytes: number): Uint8Array => bytes.subarray(at, (at += rowCount * rowBytes));
  return {
    packOrdinals: viewOf(next(NUMBER_BYTES)),
    frameOffsets: viewOf(next(NUMBER_BYTES)),
    frameLengths: viewOf(next(NUMBER_BYTES)),
    offsets: viewOf(next(NUMBER_BYTES)),
    lengths: viewOf(next(NUMBER_BYTES)),
    types: next(1),
    flags: next(1),
  };
}

/** Less than zero where the left id is smaller; ids as rows of columns. */
export function compareIds(left: DataView, leftRow: number, right: DataView, rightRow: number): number {
  let leftAt = leftRow * ID_BYTES;
  let rightAt = rightRow * ID_BYTES;
  for (const end = leftAt + ID_BYTES; leftAt < end; leftAt += NUMBER_BYTES, rightAt += NUMBER_BYTES) {
    const difference = left.getUint32(leftAt, false) - right.getUint32(rightAt, false);
    if (difference !== 0) return difference;
  }
  return 0;
}

export function idIn({ ids }: EntryColumns, row: number): BlobId {
  return asBlobId(bytesOf(ids, row * ID_BYTES, (row + 1) * ID_BYTES));
}

/** What a row says, with the pack its ordinal stands for. */
export function locationIn(columns: PlaceColumns, row: number, pack: IndexedPack): BlobLocation {
  const at = row * NUMBER_BYTES;
  return {
    packId: pack.packId,
    fileType: pack.fileType,
    frameOffset: columns.frameOffsets.getUint32(at, true),
    frameLength: columns.frameLengths.getUint32(at, true),
    offset: columns.offsets.getUint32(at, true),
    length: columns.lengths.getUint32(at, true),
    // Checked where the columns were decoded, or written from an entry.
    type: columns.types[row] as BlobType,
    delta: columns.flags[row] === ENTRY_FLAG_DELTA,
  };
}

/** A row as numbers, for writing. */
export type EntryNumbers = {
  readonly packOrdinal: number;
  readonly frameOffset: number;
  readonly frameLength: number;
  readonly offset: number;
  readonly length: number;
  readonly type: number;
  readonly delta: boolean;
};

/** Everything of a row but its id. */
export function writeNumbers(columns: EntryColumns, row: number, entry: EntryNumbers): void {
  const at = row * NUMBER_BYTES;
  columns.packOrdinals.setUint32(at, entry.packOrdinal, true);
  columns.frameOffsets.setUint32(at, entry.frameOffset, true);
  columns.frameLengths.setUint32(at, entry.frameLength, true);
  columns.offsets.setUint32(at, entry.offset, true);
  columns.lengths.setUint32(at, entry.length, true);
  columns.types[row] = entry.type;
  columns.flags[row] = entry.delta ? ENTRY_FLAG_DELTA : 0;
}

/** Copies 32 bytes by words: for so few, several times as fast as making a view and setting it. */
export function copyId(source: DataView, sourceAt: number, target: DataView, targetRow: number): void {
  const targetAt = targetRow * ID_BYTES;
  for (let byte = 0; byte < ID_BYTES; byte += NUMBER_BYTES)
    target.setUint32(targetAt + byte, source.getUint32(sourceAt + byte, true), true);
}

/** Copies a row, under another ordinal. */
export function copyRow(
  source: EntryColumns,
  sourceRow: number,
  target: EntryColumns,
  targetRow: number,
  packOrdinal: number,
): void {
  copyId(source.ids, sourceRow * ID_BYTES, target.ids, targetRow);
  const from = sourceRow * NUMBER_BYTES;
  const to = targetRow * NUMBER_BYTES;
  target.packOrdinals.setUint32(to, packOrdinal, true);
  target.frameOffsets.setUint32(to, source.frameOffsets.getUint32(from, true), true);
  target.frameLengths.setUint32(to, source.frameLengths.getUint32(from, true), true);
  target.offsets.setUint32(to, source.offsets.getUint32(from, true), true);
  target.lengths.setUint32(to, source.lengths.getUint32(from, true), true);
  target.types[targetRow] = source.types[sourceRow] ?? 0;
  target.flags[targetRow] = source.flags[sourceRow] ?? 0;
}

/** Rows together with the packs their ordinals stand for. Whoever wants entries iterates; whoever is in a hurry doesn’t. */
export class EntryRows implements Iterable<IndexEntry> {
  readonly columns: EntryColumns;
  readonly length: number;
  readonly packs: readonly IndexedPack[];

  constructor(columns: EntryColumns, length: number, packs: readonly IndexedPack[]) {
    this.columns = columns;
    this.length = length;
    this.packs = packs;
  }

  /** An entry of its own: it stays as it is when the columns are used again. */
  entryAt(row: number): IndexEntry {
    const pack = this.packs[this.columns.packOrdinals.getUint32(row * NUMBER_BYTES, true)];
    assert(pack !== undefined, 'a row names a pack of its table');
    return { id: asBlobId(idIn(this.columns, row).slice()), ...locationIn(this.columns, row, pack) };
  }

  *[Symbol.iterator](): Generator<IndexEntry> {
    for (let row = 0; row < this.length; row++) yield this.entryAt(row);
  }
}
