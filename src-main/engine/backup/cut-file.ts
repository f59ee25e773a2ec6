/**
 * The content of a large file, read into the chunker's own memory, cut and hashed: everything about it that needs no
 * knowledge of the repository. Runs here or in a lane.
 *
 * Never more is read than the file had when it was opened, so a file that grows for ever ends.
 */
import { assert } from '../../../src-shared/assert.ts';
import type { Problem } from '../../../src-shared/errors.ts';
import { type BlobId, type ContentHash, ID_BYTES, asBlobId, asContentHash } from '../../../src-shared/ids.ts';
import {
  BLOB_TYPE,
  type BlobHasher,
  CHUNKING,
  CHUNK_BUFFER_BYTES,
  type Chunker,
  type Hasher,
  createChunker,
  createHasher,
} from '../codec/index.ts';

/** Room that any part needs. */
export const PART_BYTES_MAX = CHUNK_BUFFER_BYTES;

/** Reads on into `buffer`; less than `length` only at the end of the file. */
export type ReadOn = (buffer: Uint8Array, offset: number, length: number) => number | Problem;

/** Chunks that follow one another. */
export type FilePart = {
  /** All of them, end to end; a view. */
  readonly bytes: Uint8Array;
  readonly lengths: readonly number[];
  readonly ids: Uint8Array;
  /** Bytes read for this part: more than are in it, or fewer. */
  readonly read: number;
  readonly isLast: boolean;
};

/** What a whole file came to; `bytes` may be fewer than the file had when it was opened. */
export type CutFile = { readonly contentHash: ContentHash; readonly bytes: number };

type Reading = { readonly size: number; readonly readOn: ReadOn; begin: number; end: number; total: number };

export class FileCutter {
  readonly #blobHasher: BlobHasher;
  readonly #chunker: Chunker;
  readonly #hasher: Hasher = createHasher();
  #reading: Reading | undefined;

  constructor(chunkKey: Uint8Array, blobHasher: BlobHasher) {
    this.#blobHasher = blobHasher;
    this.#chunker = createChunker(chunkKey, CHUNKING.standard);
  }

  /** Begins a file; another that was not read to its end is forgotten. */
  begin(size: number, readOn: ReadOn): void {
    this.#hasher.reset();
    this.#reading = { size, readOn, begin: 0, end: 0, total: 0 };
  }

  /** Reads on and cuts. What it gives is valid until the next call. */
  next(): FilePart | Problem {
    const reading = this.#reading;
    assert(reading !== undefined, 'a file was begun');
    const { buffer } = this.#chunker;
    // Make room for what is to come, then fill all of it: few reads, and the chunker sees as much as it can use.
    buffer.copyWithin(0, reading.begin, reading.end);
    reading.end -= reading.begin;
    reading.begin = 0;
    const wanted = Math.min(buffer.length - reading.end, reading.size - reading.total);
    const count = wanted === 0 ? 0 : reading.readOn(buffer, reading.end, wanted);
    if (typeof count !== 'number') return count;
    this.#hasher.update(buffer.subarray(reading.end, reading.end + count));
    reading.end += count;
    reading.total += count;
    const isAll = count < wanted || reading.total === reading.size;
    const lengths = this.#cut(reading, isAll);
    const bytes = buffer.subarray(0, reading.begin);
    return { bytes, lengths, ids: this.#idsOf(bytes, lengths), read: count, isLast: isAll };
  }

  /** After the last part. */
  finish(): CutFile {
    assert(this.#reading !== undefined, 'a file was begun');
    const bytes = this.#reading.total;
    this.#reading = undefined;
    return { contentHash: asContentHash(this.#hasher.digest()), bytes };
  }

  #cut(reading: Reading, isAll: boolean): number[] {
    const lengths: number[] = [];
    while (reading.begin < reading.end) {
      const length = this.#chunker.cut(reading.begin, reading.end, isAll);
      if (length === 0) break;
      lengths.push(length);
      reading.begin += length;
    }
    return lengths;
  }

  #idsOf(bytes: Uint8Array, lengths: readonly number[]): Uint8Array {
    const ids = new Uint8Array(lengths.length * ID_BYTES);
    let at = 0;
    for (const [index, length] of lengths.entries()) {
      ids.set(this.#blobHasher.idOf(BLOB_TYPE.fileChunk, bytes.subarray(at, at + length)), index * ID_BYTES);
      at += length;
    }
    return ids;
  }
}

/** The chunks of a part, one by one. */
export function* chunksOf({
  bytes,
  lengths,
  ids,
}: Pick<FilePart, 'bytes' | 'lengths' | 'ids'>): Generator<{ readonly id: BlobId; readonly plain: Uint8Array }> {
  let at = 0;
  for (const [index, length] of lengths.entries()) {
    const id = asBlobId(ids.slice(index * ID_BYTES, (index + 1) * ID_BYTES));
    yield { id, plain: bytes.subarray(at, at + length) };
    at += length;
  }
}
