/**
 * A folder's listing as a table: what lstat says of each name, in a few typed arrays that cross threads without being
 * copied. A million objects would cost more than the system calls that fill them.
 *
 * Invariants: rows are sorted by raw name bytes; links are never followed. list-table.ts fills it.
 */
import { assert } from '../../../src-shared/assert.ts';
import type { Problem } from '../../../src-shared/errors.ts';
import { compareBytes, giveBack } from '../kernel/index.ts';
import type { NodeType } from '../merkle/index.ts';
import { type FileStat, type StatNumbers, fileStatOfNumbers, nodeTypeOfMode } from './stat.ts';

/** 32-bit words of a row. 64-bit values have their low word first. */
export const ROW_WORDS = 20;
/** Which word holds what. nameEnd and targetEnd are offsets behind the row's bytes in `names` and `targets`. */
export const WORD = {
  mode: 0,
  uid: 1,
  gid: 2,
  linkCount: 3,
  nameEnd: 4,
  targetEnd: 5,
  size: 6,
  mtimeNs: 8,
  ctimeNs: 10,
  inode: 12,
  deviceMajor: 14,
  deviceMinor: 15,
  nodeMajor: 16,
  nodeMinor: 17,
  blocks: 18,
} as const;
/** What tells whether a file is the one that was listed, and unchanged. */
const COMPARED = [
  WORD.mode,
  WORD.uid,
  WORD.gid,
  WORD.linkCount,
  WORD.size,
  WORD.size + 1,
  WORD.mtimeNs,
  WORD.mtimeNs + 1,
  WORD.ctimeNs,
  WORD.ctimeNs + 1,
  WORD.inode,
  WORD.inode + 1,
  WORD.deviceMajor,
  WORD.deviceMinor,
];
const TWO_32 = 0x1_0000_0000;
const TIME_HIGH_LAST = 0x7fff_ffff;
const TIME_HIGH_FIRST = -0x8000_0000;

/** What crosses threads; `Listing` reads it. */
export type ListingData = {
  readonly count: number;
  readonly rows: Uint32Array;
  /** Raw names, end to end. */
  readonly names: Uint8Array;
  /** Link targets, end to end. */
  readonly targets: Uint8Array;
  /** Entries that are there and could not be looked at. */
  readonly problems: readonly Problem[];
};

/** Rows that are worth copying the others for. */
const FORGOTTEN_ROWS_MIN = 65_536;

/** Memory for so many rows; of a large table it can be given back from the end without a copy. */
export function createRows(count: number): Uint32Array {
  if (count <= FORGOTTEN_ROWS_MIN) return new Uint32Array(count * ROW_WORDS);
  const bytes = count * ROW_WORDS * Uint32Array.BYTES_PER_ELEMENT;
  return new Uint32Array(new ArrayBuffer(bytes, { maxByteLength: bytes }), 0, count * ROW_WORDS);
}

/** Of an empty folder. */
export const EMPTY_TABLE: ListingData = {
  count: 0,
  rows: new Uint32Array(0),
  names: new Uint8Array(0),
  targets: new Uint8Array(0),
  problems: [],
};

export class Listing {
  readonly count: number;
  readonly problems: readonly Problem[];
  /** Rows from `#first` on; those before were forgotten. */
  #rows: Uint32Array;
  #first = 0;
  readonly #names: Uint8Array;
  readonly #targets: Uint8Array;

  constructor(data: ListingData) {
    this.count = data.count;
    this.problems = data.problems;
    this.#rows = data.rows;
    this.#names = data.names;
    this.#targets = data.targets;
  }

  /** All names, end to end; `nameStart` and `nameEnd` say where one stands. */
  get names(): Uint8Array {
    return this.#names;
  }

  nameStart(row: number): number {
    return row === 0 ? 0 : this.#word(row - 1, WORD.nameEnd);
  }

  nameEnd(row: number): number {
    return this.#word(row, WORD.nameEnd);
  }

  /** Raw bytes; a view. */
  name(row: number): Uint8Array {
    return this.#names.subarray(this.nameStart(row), this.nameEnd(row));
  }

  /** Where a symlink points to, else empty; a view. */
  linkTarget(row: number): Uint8Array {
    return this.#targets.subarray(row === 0 ? 0 : this.#word(row - 1, WORD.targetEnd), this.#word(row, WORD.targetEnd));
  }

  nodeType(row: number): NodeType {
    return nodeTypeOfMode(this.#word(row, WORD.mode));
  }

  mode(row: number): number {
    return this.#word(row, WORD.mode) & 0o7777;
  }

  uid(row: number): number {
    return this.#word(row, WORD.uid);
  }

  gid(row: number): number {
    return this.#word(row, WORD.gid);
  }

  linkCount(row: number): number {
    return this.#word(row, WORD.linkCount);
  }

  size(row: number): number {
    return this.#word(row, WORD.size) + this.#word(row, WORD.size + 1) * TWO_32;
  }

  /** The low word of mtimeNs, unsigned; with the high word it is the i64 that a page holds. */
  mtimeLow(row: number): number {
    return this.#word(row, WORD.mtimeNs);
  }

  mtimeHigh(row: number): number {
    return this.#word(row, WORD.mtimeNs + 1) | 0;
  }

  /** Takes fewer blocks on disk than its size needs. */
  isSparse(row: number): boolean {
    const blocks = this.#word(row, WORD.blocks) + this.#word(row, WORD.blocks + 1) * TWO_32;
    return blocks * 512 < this.size(row);
  }

  /** False, nearly always: the time is seconds from the end, or the beginning, of what can be stored (time-range.ts). */
  hasEdgeTime(row: number): boolean {
    const high = this.mtimeHigh(row);
    return high === TIME_HIGH_LAST || high === TIME_HIGH_FIRST;
  }

  mtimeNs(row: number): bigint {
    return (BigInt(this.mtimeHigh(row)) << 32n) | BigInt(this.mtimeLow(row));
  }

  /** Milliseconds since 1970, rounded down, for comparing with clocks. */
  mtimeMs(row: number): number {
    return this.#milliseconds(row, WORD.mtimeNs);
  }

  ctimeMs(row: number): number {
    return this.#milliseconds(row, WORD.ctimeNs);
  }

  /** The row as a record. */
  stat(row: number): FileStat {
    return fileStatOfNumbers(this.#numbers(row));
  }

  /** Whether a row's object, type, size, times and owner are those of another row's words. */
  hasRow(row: number, words: Uint32Array): boolean {
    for (const index of COMPARED) if (this.#word(row, index) !== words[index]) return false;
    return true;
  }

  /**
   * Says that no row before this one is asked for any more. Of a very large table its memory is given back, piece by
   * piece: a million rows are 80 MB.
   */
  forget(before: number): void {
    // The row before the first one still says where that one's name begins.
    const first = before - 1;
    const left = this.count - first;
    if (first - this.#first < Math.max(FORGOTTEN_ROWS_MIN, left / 4)) return;
    const from = (first - this.#first) * ROW_WORDS;
    const { buffer } = this.#rows;
    if (buffer instanceof ArrayBuffer && buffer.resizable && this.#rows.byteOffset === 0) {
      this.#rows.copyWithin(0, from);
      buffer.resize(left * ROW_WORDS * Uint32Array.BYTES_PER_ELEMENT);
      this.#rows = new Uint32Array(buffer);
    } else {
      const rows = this.#rows.slice(from);
      giveBack(this.#rows);
      this.#rows = rows;
    }
    this.#first = first;
  }

  /** The row of a name, found by halving; undefined where there is none. */
  rowOf(name: Uint8Array): number | undefined {
    let low = 0;
    let high = this.count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order = compareBytes(this.name(middle), name);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  /** A table of a few of its rows, in fresh memory: to be sent away. */
  pick(rows: readonly number[]): ListingData {
    const names = rows.map((row) => this.name(row));
    const data = {
      count: rows.length,
      rows: new Uint32Array(rows.length * ROW_WORDS),
      names: new Uint8Array(names.reduce((sum, { length }) => sum + length, 0)),
      targets: new Uint8Array(0),
      problems: [],
    };
    let end = 0;
    rows.forEach((row, index) => {
      const at = index * ROW_WORDS;
      data.rows.set(this.#row(row), at);
      const name = names[index] ?? new Uint8Array(0);
      data.names.set(name, end);
      end += name.length;
      data.rows[at + WORD.nameEnd] = end;
      data.rows[at + WORD.targetEnd] = 0;
    });
    return data;
  }

  #numbers(row: number): StatNumbers {
    const pair = (index: number): number => this.#word(row, index) + this.#word(row, index + 1) * TWO_32;
    const long = (index: number): bigint =>
      (BigInt(this.#word(row, index + 1) | 0) << 32n) | BigInt(this.#word(row, index));
    return {
      mode: this.#word(row, WORD.mode),
      uid: this.uid(row),
      gid: this.gid(row),
      linkCount: this.linkCount(row),
      size: pair(WORD.size),
      blocks: pair(WORD.blocks),
      mtimeNs: long(WORD.mtimeNs),
      ctimeNs: long(WORD.ctimeNs),
      inode: BigInt.asUintN(64, long(WORD.inode)),
      deviceMajor: this.#word(row, WORD.deviceMajor),
      deviceMinor: this.#word(row, WORD.deviceMinor),
      nodeMajor: this.#word(row, WORD.nodeMajor),
      nodeMinor: this.#word(row, WORD.nodeMinor),
    };
  }

  #milliseconds(row: number, index: number): number {
    return Math.floor(((this.#word(row, index + 1) | 0) * TWO_32 + this.#word(row, index)) / 1_000_000);
  }

  #word(row: number, index: number): number {
    assert(row >= this.#first, 'a row that was forgotten is asked for');
    return this.#rows[(row - this.#first) * ROW_WORDS + index] ?? 0;
  }

  #row(row: number): Uint32Array {
    const at = (row - this.#first) * ROW_WORDS;
    return this.#rows.subarray(at, at + ROW_WORDS);
  }
}
