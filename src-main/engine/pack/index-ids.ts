/**
 * The ids of a whole run in memory: “is it here, and in which row?” in well under a microsecond, without a read.
 *
 * A directory by the first bits of an id tells where its bucket of about 16 rows begins; of each row the 96 bits after
 * those are kept, in three columns, in the order of the run. So a row is known by 96 bits and by as many more as the
 * directory has: 112 in a million, and never less than 96. That two different blobs agree in them by chance is out of the question
 * (2^-70 for ten million asked among a million), and as blob ids are keyed, nobody without the key can bring it about. It is why
 * a writer may rely on the answer without reading the page; a reader hashes the blob itself anyway.
 *
 * Memory: 12 bytes a row and a quarter for the directory. It is sized by what the file can hold and grows with what
 * really comes: a count in a footer alone allocates nothing.
 */
import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { ID_BYTES } from '../../../src-shared/ids.ts';

const ROWS_PER_BUCKET_LOG = 4;
const DIRECTORY_BITS_MIN = 1;
const DIRECTORY_BITS_MAX = 24;
const CAPACITY_MIN = 256;

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
  );
}

export class RunIds {
  readonly #bits: number;
  /** For each value of the first bits, the row where its bucket begins; and the end. */
  readonly #directory: Uint32Array;
  #first: Uint32Array;
  #second: Uint32Array;
  #third: Uint32Array;
  #count = 0;
  #lastBucket = -1;

  /** `expected` rows, of which no more are believed than `fileBytes` can hold: ids don't compress. */
  constructor(expected: number, fileBytes: number) {
    const capacity = Math.max(CAPACITY_MIN, Math.min(expected, Math.floor(fileBytes / ID_BYTES)));
    const bits = Math.floor(Math.log2(capacity)) - ROWS_PER_BUCKET_LOG;
    this.#bits = Math.min(DIRECTORY_BITS_MAX, Math.max(DIRECTORY_BITS_MIN, bits));
    this.#directory = new Uint32Array(2 ** this.#bits + 1);
    this.#first = new Uint32Array(capacity);
    this.#second = new Uint32Array(capacity);
    this.#third = new Uint32Array(capacity);
  }

  get count(): number {
    return this.#count;
  }

  get sizeBytes(): number {
    return this.#directory.byteLength + 3 * this.#first.byteLength;
  }

  /** Adds the ids of a page, which rise and begin above those before. */
  append(ids: DataView, rowCount: number): void {
    while (this.#count + rowCount > this.#first.length) this.#grow();
    const [first, second, third, bits] = [this.#first, this.#second, this.#third, this.#bits];
    let to = this.#count;
    for (let row = 0; row < rowCount; row++, to++) {
      const at = row * ID_BYTES;
      const zeroth = ids.getUint32(at, false);
      const one = ids.getUint32(at + 4, false);
      const two = ids.getUint32(at + 8, false);
      const bucket = zeroth >>> (32 - bits);
      const isNewBucket = this.#lastBucket < bucket;
      while (this.#lastBucket < bucket) this.#directory[++this.#lastBucket] = to;
      first[to] = (zeroth << bits) | (one >>> (32 - bits));
      second[to] = (one << bits) | (two >>> (32 - bits));
      third[to] = (two << bits) | (ids.getUint32(at + 12, false) >>> (32 - bits));
      const isTwin =
        !isNewBucket && first[to] === first[to - 1] && second[to] === second[to - 1] && third[to] === third[to - 1];
      if (isTwin)
        throw new CairnError(
          'integrity/malformed',
          'two ids of an index run agree in 96 bits: they are no keyed hashes',
        );
    }
    this.#count = to;
  }

  /** Call once, after the last page. */
  finish(): void {
    while (this.#lastBucket < this.#directory.length - 1) this.#directory[++this.#lastBucket] = this.#count;
    assert(this.#directory.at(-1) === this.#count, 'the directory ends with the rows');
  }

  /** The row of an id, or −1. */
  rowOf(id: Uint8Array): number {
    const bits = this.#bits;
    const zeroth = wordAt(id, 0);
    const one = wordAt(id, 4);
    const two = wordAt(id, 8);
    const bucket = zeroth >>> (32 - bits);
    const first = ((zeroth << bits) | (one >>> (32 - bits))) >>> 0;
    const second = ((one << bits) | (two >>> (32 - bits))) >>> 0;
    const third = ((two << bits) | (wordAt(id, 12) >>> (32 - bits))) >>> 0;
    let low = this.#directory[bucket] ?? 0;
    let high = (this.#directory[bucket + 1] ?? 0) - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order =
        (this.#first[middle] ?? 0) - first ||
        (this.#second[middle] ?? 0) - second ||
        (this.#third[middle] ?? 0) - third;
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  #grow(): void {
    const grown = (column: Uint32Array): Uint32Array => {
      const larger = new Uint32Array(column.length * 2);
      larger.set(column);
      return larger;
    };
    this.#first = grown(this.#first);
    this.#second = grown(this.#second);
    this.#third = grown(this.#third);
  }
}
