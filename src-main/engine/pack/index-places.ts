/**
 * Where the blobs of a decoded page lie, without their ids, for the page cache: 8 bytes a row instead of 54.
 *
 * Many small blobs share a segment, so what a row says of its frame stands once for all of the run, in a table of
 * frames; the row keeps its number there, and offset and length inside the segment: 18 + 23 + 23 bits. Where frames hold
 * few blobs each that saves nothing, and a page stays in columns, 22 bytes a row.
 */
import { assert } from '../../../src-shared/assert.ts';
import { ID_BYTES } from '../../../src-shared/ids.ts';
import type { BlobType } from '../codec/index.ts';
import { bytesOf, locationIn, NUMBER_BYTES, type PlaceColumns, placesIn } from './index-columns.ts';
import type { BlobLocation, IndexedPack } from './index-entry.ts';
import type { IndexPage } from './index-page.ts';
import { ENTRY_FLAG_DELTA, INDEX_ENTRY_BYTES, SEGMENT_BYTES_MAX } from './layout.ts';

/** What the page cache holds: a decoded page, or its places alone. */
export type PagePlaces = {
  readonly sizeBytes: number;
  readonly packOrdinalAt: (row: number) => number;
  readonly locationAt: (row: number, pack: IndexedPack) => BlobLocation;
};

/** 18 bits of a packed row. */
const FRAMES_MAX = 2 ** 18;
/** A table of frames is worth its memory from so many rows a frame on: 24 to 32 bytes a frame against 14 saved a row. */
const ROWS_PER_FRAME_MIN = 2;
const FRAME_CAPACITY_MIN = 256;
const FRAME_WORDS = 4;
const SLOT_LOAD_MAX = 0.5;

const OFFSET_LOW_BITS = 9;
const OFFSET_LOW_MASK = 2 ** OFFSET_LOW_BITS - 1;
const LENGTH_BITS = 23;
const LENGTH_MASK = 2 ** LENGTH_BITS - 1;
const OFFSET_HIGH_BITS = 14;
const OFFSET_HIGH_MASK = 2 ** OFFSET_HIGH_BITS - 1;

const DELTA_BIT = 0x80;

assert(SEGMENT_BYTES_MAX <= 2 ** LENGTH_BITS, 'offset and length in a segment fit into a packed row');

/** The frames of one run, each with the type of its blobs: several types in one frame are several records. */
export class FrameTable {
  /** Pack ordinal, frame offset, frame length, type and flag of each. */
  #frames = new Uint32Array(FRAME_CAPACITY_MIN * FRAME_WORDS);
  #slots = new Uint32Array(FRAME_CAPACITY_MIN / SLOT_LOAD_MAX);
  #count = 0;
  /** Takes no more frames: it would not be worth it. */
  #isClosed = false;
  readonly #rowsInRun: number;

  constructor(rowsInRun: number) {
    this.#rowsInRun = rowsInRun;
  }

  get sizeBytes(): number {
    return this.#frames.byteLength + this.#slots.byteLength;
  }

  /** A page for the cache: packed where that is worth it. */
  pack(page: IndexPage): PagePlaces {
    return this.#pack(page) ?? widePlaces(page);
  }

  #pack(page: IndexPage): PagePlaces | undefined {
    const { columns, entryCount } = page;
    const countBefore = this.#count;
    const rows = new Uint32Array(entryCount * 2);
    for (let row = 0; row < entryCount; row++) {
      const length = columns.lengths.getUint32(row * NUMBER_BYTES, true);
      // A row may be empty; a packed one can’t.
      const frame = length === 0 ? undefined : this.#frameOf(columns, row);
      if (frame === undefined) return undefined;
      // At most SEGMENT_BYTES_MAX together, as every row of a decoded page: so each fits into 23 bits.
      const offset = columns.offsets.getUint32(row * NUMBER_BYTES, true);
      rows[row * 2] = (frame << OFFSET_HIGH_BITS) | (offset >>> OFFSET_LOW_BITS);
      rows[row * 2 + 1] = ((offset & OFFSET_LOW_MASK) << LENGTH_BITS) | (length - 1);
    }
    this.#judge(entryCount, this.#count - countBefore);
    return {
      sizeBytes: rows.byteLength,
      packOrdinalAt: (row) => this.#frames[((rows[row * 2] ?? 0) >>> OFFSET_HIGH_BITS) * FRAME_WORDS] ?? 0,
      locationAt: (row, pack) => this.#locationOf(rows[row * 2] ?? 0, rows[row * 2 + 1] ?? 0, pack),
    };
  }

  #locationOf(high: number, low: number, { packId, fileType }: IndexedPack): BlobLocation {
    const at = (high >>> OFFSET_HIGH_BITS) * FRAME_WORDS;
    const kind = this.#frames[at + 3] ?? 0;
    return {
      packId,
      fileType,
      frameOffset: this.#frames[at + 1] ?? 0,
      frameLength: this.#frames[at + 2] ?? 0,
      offset: ((high & OFFSET_HIGH_MASK) << OFFSET_LOW_BITS) | (low >>> LENGTH_BITS),
      length: (low & LENGTH_MASK) + 1,
      // Checked when the page was decoded.
      type: (kind & ~DELTA_BIT) as BlobType,
      delta: (kind & DELTA_BIT) !== 0,
    };
  }

  /** The number of a row’s frame, new or known; undefined where the table is full or not worth it. */
  #frameOf(columns: PlaceColumns, row: number): number | undefined {
    const at = row * NUMBER_BYTES;
    const packOrdinal = columns.packOrdinals.getUint32(at, true);
    const offset = columns.frameOffsets.getUint32(at, true);
    const length = columns.frameLengths.getUint32(at, true);
    const kind = (columns.types[row] ?? 0) | (columns.flags[row] === ENTRY_FLAG_DELTA ? DELTA_BIT : 0);
    const frames = this.#frames;
    let slot = this.#homeOf(packOrdinal, offset, kind);
    for (;;) {
      const found = (this.#slots[slot] ?? 0) - 1;
      if (found === -1) break;
      const place = found * FRAME_WORDS;
      const isSame =
        frames[place + 1] === offset &&
        frames[place] === packOrdinal &&
        frames[place + 2] === length &&
        frames[place + 3] === kind;
      if (isSame) return found;
      slot = slot + 1 === this.#slots.length ? 0 : slot + 1;
    }
    if (this.#isClosed || this.#count === FRAMES_MAX) return undefined;
    if (this.#count + 1 > this.#slots.length * SLOT_LOAD_MAX) {
      this.#grow();
      slot = this.#freeSlot(packOrdinal, offset, kind);
    }
    this.#frames.set([packOrdinal, offset, length, kind], this.#count * FRAME_WORDS);
    this.#slots[slot] = ++this.#count;
    return this.#count - 1;
  }

  /**
   * How many frames there are in all, by how many rows of a page met one that was known: rows come in the order of their ids,
   * so at random.
   */
  #judge(rows: number, newFrames: number): void {
    const known = rows - newFrames;
    this.#isClosed = this.#count * rows * ROWS_PER_FRAME_MIN > this.#rowsInRun * known;
  }

  #homeOf(packOrdinal: number, offset: number, kind: number): number {
    const mixed = Math.imul(Math.imul(packOrdinal, 0x85ebca6b) ^ Math.imul(offset + kind, 0xc2b2ae35), 0x9e3779b1);
    return (mixed ^ (mixed >>> 15)) & (this.#slots.length - 1);
  }

  #freeSlot(packOrdinal: number, offset: number, kind: number): number {
    let slot = this.#homeOf(packOrdinal, offset, kind);
    while (this.#slots[slot] !== 0) slot = slot + 1 === this.#slots.length ? 0 : slot + 1;
    return slot;
  }

  #grow(): void {
    const frames = new Uint32Array(this.#frames.length * 2);
    frames.set(this.#frames);
    this.#frames = frames;
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let frame = 0; frame < this.#count; frame++) {
      const at = frame * FRAME_WORDS;
      this.#slots[this.#freeSlot(frames[at] ?? 0, frames[at + 1] ?? 0, frames[at + 3] ?? 0)] = frame + 1;
    }
  }
}

/** The page’s columns without its ids, copied so that the ids can go. */
function widePlaces({ columns, entryCount }: IndexPage): PagePlaces {
  const rowBytes = INDEX_ENTRY_BYTES - ID_BYTES;
  // The columns lie end to end, and the numbers of the packs come first.
  const places = placesIn(bytesOf(columns.packOrdinals, 0, entryCount * rowBytes).slice(), entryCount);
  return {
    sizeBytes: entryCount * rowBytes,
    packOrdinalAt: (row) => places.packOrdinals.getUint32(row * NUMBER_BYTES, true),
    locationAt: (row, pack) => locationIn(places, row, pack),
  };
}
