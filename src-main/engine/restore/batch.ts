/**
 * Planning by pack. The files of a batch come in the order of the tree; here they are put in the order in which their
 * content lies in packs, so that each segment is read and decoded once for all the files it serves, and cut into tasks
 * of a few megabytes.
 *
 * Bound: a batch has at most the files its caller collects (run.ts); what is kept per piece are numbers in arrays and
 * one record per segment.
 */
import type { BlobLocation } from '../pack/index.ts';
import type { ChunkRef } from '../merkle/index.ts';
import { BLOB_TYPE } from '../codec/index.ts';
import type { Repository } from '../repository/index.ts';
import type { PlannedFile } from './planned-file.ts';
import type { SegmentNeed } from './pack-reads.ts';
import type { PieceOrder } from './file-order.ts';

/** A few tenths of a second of work for a task, and small enough that every thread gets its share. */
const TASK_FRAME_BYTES = 2 * 1024 * 1024;
/** Plaintext that a task may have to hold: files of several pieces keep their segments. */
const TASK_PLAIN_BYTES = 16 * 1024 * 1024;
const TASK_FILES = 1024;

export type PlannedTask = {
  readonly files: readonly PlannedFile[];
  /** For each file its pieces; segment numbers are places in `needs`. */
  readonly pieces: readonly (readonly PieceOrder[])[];
  readonly needs: readonly SegmentNeed[];
};

export type BatchPlan = {
  /** In the order of packs; whoever does them takes them out. */
  readonly tasks: PlannedTask[];
  /** Files with a chunk that no index names, or that is not what the entry says: for the careful way. */
  readonly unplanned: readonly PlannedFile[];
};

type Segment = {
  readonly need: SegmentNeed;
  readonly offset: number;
  readonly bytes: number;
  readonly files: number[];
};
type FilePiece = { readonly segment: Segment; readonly offset: number; readonly length: number };

/** Plans files whose chunks stand in their entries. */
export async function planBatch(repository: Repository, files: readonly PlannedFile[]): Promise<BatchPlan> {
  const chunks = files.map(({ entry }) => (entry.content.kind === 'inline' ? entry.content.chunks : []));
  const locations = await locateChunks(repository, chunks.flat());
  const segments = new SegmentTable(repository);
  const pieces: (readonly FilePiece[] | undefined)[] = [];
  const empty: number[] = [];
  let next = 0;
  for (const [file, list] of chunks.entries()) {
    const parts: FilePiece[] = [];
    for (const chunk of list) {
      const location = locations[next++];
      if (location === undefined || location.type !== BLOB_TYPE.fileChunk || location.length !== chunk.length) continue;
      parts.push(segments.piece(chunk, location));
    }
    pieces.push(parts.length === list.length ? parts : undefined);
    const [first] = parts;
    if (parts.length === 0 && list.length === 0) empty.push(file);
    else if (first !== undefined && parts.length === list.length) first.segment.files.push(file);
  }
  const tasks = new TaskBuilder(files, pieces);
  for (const segment of segments.inOrder()) tasks.add(segment.files);
  tasks.add(empty);
  return { tasks: tasks.finish(), unplanned: files.filter((_, file) => pieces[file] === undefined) };
}

/**
 * Where chunks lie, in the order given. They are looked up in the order of their ids, because an index is sorted by id:
 * each of its pages is then read and decoded once.
 */
async function locateChunks(
  repository: Repository,
  chunks: readonly ChunkRef[],
): Promise<readonly (BlobLocation | undefined)[]> {
  const order = new Float64Array(chunks.length);
  for (const [index, { id }] of chunks.entries()) order[index] = prefixOf(id) * chunks.length + index;
  order.sort();
  const locations = new Array<BlobLocation | undefined>(chunks.length);
  for (const key of order) {
    const index = key % chunks.length;
    const chunk = chunks[index];
    if (chunk !== undefined) locations[index] = await repository.locate(chunk.id);
  }
  return locations;
}

/** The first 24 bits of an id, as it is sorted: exact in a double together with the number of a chunk. */
function prefixOf(id: Uint8Array): number {
  return ((id[0] ?? 0) << 16) | ((id[1] ?? 0) << 8) | (id[2] ?? 0);
}

/** The segments that a batch needs. */
class SegmentTable {
  readonly #repository: Repository;
  /** Packs in the order in which the tree needs them; in each its segments by offset. */
  readonly #packs = new Map<string, Map<number, Segment>>();
  readonly #deltas: Segment[] = [];

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  piece({ id }: ChunkRef, location: BlobLocation): FilePiece {
    const { packId, frameOffset, frameLength, offset, length } = location;
    if (location.delta) {
      const read = (): Promise<Uint8Array> => this.#repository.readBlob(id, BLOB_TYPE.fileChunk);
      const segment: Segment = { need: { kind: 'plain', read }, offset: 0, bytes: length, files: [] };
      this.#deltas.push(segment);
      return { segment, offset: 0, length };
    }
    const pack = this.#packs.get(packId) ?? new Map<number, Segment>();
    this.#packs.set(packId, pack);
    const segment = pack.get(frameOffset) ?? {
      need: { kind: 'frame', location },
      offset: frameOffset,
      bytes: frameLength,
      files: [],
    };
    pack.set(frameOffset, segment);
    return { segment, offset, length };
  }

  *inOrder(): Generator<Segment> {
    for (const pack of this.#packs.values()) {
      yield* [...pack.values()].sort((left, right) => left.offset - right.offset);
    }
    yield* this.#deltas;
  }
}

/** Collects files until they are enough for a task. */
class TaskBuilder {
  readonly #files: readonly PlannedFile[];
  readonly #pieces: readonly (readonly FilePiece[] | undefined)[];
  readonly #tasks: PlannedTask[] = [];
  #numbers = new Map<Segment, number>();
  #chosen: PlannedFile[] = [];
  #orders: PieceOrder[][] = [];
  #frameBytes = 0;
  #plainBytes = 0;

  constructor(files: readonly PlannedFile[], pieces: readonly (readonly FilePiece[] | undefined)[]) {
    this.#files = files;
    this.#pieces = pieces;
  }

  /** The files that begin in one segment: they stay together, so that it is decoded once. */
  add(files: readonly number[]): void {
    for (const file of files) {
      const planned = this.#files[file];
      if (planned === undefined) continue;
      this.#chosen.push(planned);
      this.#orders.push(
        (this.#pieces[file] ?? []).map(({ segment, offset, length }) => {
          this.#plainBytes += length;
          return { segment: this.#numberOf(segment), offset, length };
        }),
      );
      // Files of several pieces bring segments of their own with them.
      if (this.#frameBytes >= 2 * TASK_FRAME_BYTES || this.#plainBytes >= TASK_PLAIN_BYTES) this.#complete();
    }
    if (this.#frameBytes >= TASK_FRAME_BYTES || this.#chosen.length >= TASK_FILES) this.#complete();
  }

  finish(): PlannedTask[] {
    this.#complete();
    return this.#tasks;
  }

  #numberOf(segment: Segment): number {
    const known = this.#numbers.get(segment);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(segment, number);
    this.#frameBytes += segment.bytes;
    return number;
  }

  #complete(): void {
    if (this.#chosen.length === 0) return;
    const needs = [...this.#numbers.keys()].map(({ need }) => need);
    this.#tasks.push({ files: this.#chosen, pieces: this.#orders, needs });
    this.#numbers = new Map();
    this.#chosen = [];
    this.#orders = [];
    this.#frameBytes = 0;
    this.#plainBytes = 0;
  }
}
