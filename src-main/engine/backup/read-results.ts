/**
 * What a reader gives back about the files of a request: two pieces of memory that go from thread to thread as they are,
 * because a message with many arrays costs more than reading the files it is about.
 *
 *   records   record ends: u32 × files | content ends: u32 × files | NodeIds: 32 × files | the records end to end
 *   passing   BlobIds: 32 × files | status: u8 × files
 *
 * `records` stays until its folder is sealed, `passing` only until the contents are with the session. Numbers are in the
 * machine's own order: nothing of this is ever stored.
 */
import { type BlobId, ID_BYTES, type NodeId, asBlobId, asNodeId } from '../../../src-shared/ids.ts';

export const READ = { again: 0, stored: 1 } as const;

const END_BYTES = 4;

export type ReadBuffers = { readonly files: number; readonly records: ArrayBuffer; readonly passing: ArrayBuffer };

/** Collects results while files are read. */
export class ReadResults {
  readonly #files: number;
  readonly #ends: Uint32Array;
  readonly #nodeIds: Uint8Array;
  readonly #passing: Uint8Array;

  constructor(files: number) {
    this.#files = files;
    this.#ends = new Uint32Array(2 * files);
    this.#nodeIds = new Uint8Array(ID_BYTES * files);
    this.#passing = new Uint8Array((ID_BYTES + 1) * files);
  }

  stored(index: number, nodeId: NodeId, blobId: BlobId | undefined): void {
    this.#passing[ID_BYTES * this.#files + index] = READ.stored;
    this.#nodeIds.set(nodeId, ID_BYTES * index);
    if (blobId !== undefined) this.#passing.set(blobId, ID_BYTES * index);
  }

  /** Of every file, in order: where its record and its content end. */
  ends(index: number, recordEnd: number, contentEnd: number): void {
    this.#ends[index] = recordEnd;
    this.#ends[this.#files + index] = contentEnd;
  }

  finish(records: Uint8Array): ReadBuffers {
    const endsBytes = new Uint8Array(this.#ends.buffer);
    const all = new Uint8Array(endsBytes.length + this.#nodeIds.length + records.length);
    all.set(endsBytes);
    all.set(this.#nodeIds, endsBytes.length);
    all.set(records, endsBytes.length + this.#nodeIds.length);
    return { files: this.#files, records: all.buffer, passing: this.#passing.buffer as ArrayBuffer };
  }
}

/** The records of files that were read: what is needed when their folder is sealed. */
export class ReadRecords {
  readonly #recordEnds: Uint32Array;
  readonly #contentEnds: Uint32Array;
  readonly #nodeIds: Uint8Array;
  readonly #records: Uint8Array;

  constructor({ files, records }: ReadBuffers) {
    this.#recordEnds = new Uint32Array(records, 0, files);
    this.#contentEnds = new Uint32Array(records, END_BYTES * files, files);
    this.#nodeIds = new Uint8Array(records, 2 * END_BYTES * files, ID_BYTES * files);
    this.#records = new Uint8Array(records, (2 * END_BYTES + ID_BYTES) * files);
  }

  /** The encoded entry of a file; a view. */
  record(index: number): Uint8Array {
    return this.#records.subarray(beginOf(this.#recordEnds, index), this.#recordEnds[index]);
  }

  nodeId(index: number): NodeId {
    return asNodeId(this.#nodeIds.subarray(index * ID_BYTES, (index + 1) * ID_BYTES));
  }

  contentBegin(index: number): number {
    return beginOf(this.#contentEnds, index);
  }

  contentEnd(index: number): number {
    return this.#contentEnds[index] ?? 0;
  }
}

/** What became of each file, and the address of its content. */
export class ReadOutcomes {
  readonly #files: number;
  readonly #passing: Uint8Array;

  constructor({ files, passing }: ReadBuffers) {
    this.#files = files;
    this.#passing = new Uint8Array(passing);
  }

  isStored(index: number): boolean {
    return this.#passing[ID_BYTES * this.#files + index] === READ.stored;
  }

  /** Meaningless for an empty file. */
  blobId(index: number): BlobId {
    return asBlobId(this.#passing.subarray(index * ID_BYTES, (index + 1) * ID_BYTES));
  }
}

function beginOf(ends: Uint32Array, index: number): number {
  return index === 0 ? 0 : (ends[index - 1] ?? 0);
}
