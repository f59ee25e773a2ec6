/**
 * A large file: read in windows of several megabytes that are decoded and written by the threads, a few at once, while
 * its hash is taken here, in order. Its chunks are never in memory all at once, and neither is its list of chunks.
 *
 * What an older file of this name has right already is copied from it instead of being read from the repository: a chunk
 * at the same place, recognised by its id. The new file is still made beside the old one and takes its name when it is
 * complete.
 *
 * Invariants: the file gets its name only when the hash over all its bytes was right; no task uses its descriptors any
 * more when they are closed.
 */
import fs from 'node:fs';
import { CairnError } from '../../../src-shared/errors.ts';
import { fetchPages } from '../browse/index.ts';
import { BLOB_TYPE, createHasher } from '../codec/index.ts';
import { equalBytes } from '../kernel/index.ts';
import { type ChunkRef, FILE_FLAG, iterateChunks } from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import { errnoOf } from '../source/index.ts';
import { isZero } from './holes.ts';
import type { PackReads, SegmentNeed } from './pack-reads.ts';
import type { PlannedFile } from './planned-file.ts';
import { cancelled, isAborted } from './put.ts';
import type { PlaceResult, TargetMetadata } from './target.ts';
import type { TargetFile } from './target-file.ts';
import { targetProblem } from './target-place.ts';
import type { Piece, PiecesResult } from './write-task.ts';
import type { TaskExecutor } from './writer-pool.ts';

const WINDOW_BYTES = 8 * 1024 * 1024;
const WINDOW_PIECES = 256;
/** So many pieces are compared before an older file that has hardly anything right is left alone. */
const COMPARED_MIN = 64;
const HITS_MIN_RATIO = 1 / 16;

const { O_RDONLY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;

export type LargeFileTools = {
  readonly repository: Repository;
  readonly reads: PackReads;
  readonly executor: TaskExecutor;
  readonly metadata: TargetMetadata;
  readonly onBytes: () => void;
  readonly signal: AbortSignal | undefined;
};

/** `again`: the content is not what its hash says; nothing is left behind. */
export type LargeResult = PlaceResult | { readonly kind: 'again' };

/** A chunk and its place. */
type Part = ChunkRef & { readonly position: number };
/** The bytes of a window in order, when they are written. */
type Window = { readonly written: Promise<readonly Uint8Array[]> };

/** @throws CairnError engine/cancelled, restore/target, destination/…, integrity/… Nothing is left behind then. */
export async function writeLargeFile(file: PlannedFile, tools: LargeFileTools): Promise<LargeResult> {
  const created = file.folder.createFile(file.entry.name);
  if (created.kind === 'failed') return created;
  const oldFd = file.replace ? openOld(file) : undefined;
  const writer = new LargeFileWriter(file, created.file, oldFd, tools);
  try {
    const isRight = await writer.write();
    if (!isRight) return { kind: 'again' };
    const cut = created.file.setLength(file.entry.size);
    if (cut !== undefined) return { kind: 'failed', problem: cut };
    return created.file.finish({ ...tools.metadata, replace: file.replace });
  } catch (error) {
    if (error instanceof WriteTrouble) return { kind: 'failed', problem: error.problem };
    throw error;
  } finally {
    await writer.settled();
    // Does nothing after finish().
    created.file.abort();
    if (oldFd !== undefined) fs.closeSync(oldFd);
  }
}

/** The file that is there, where it is one and can be read. */
function openOld({ folder, entry }: PlannedFile): number | undefined {
  const access = folder.accessPath(entry.name);
  if (!Buffer.isBuffer(access)) return undefined;
  let fd = -1;
  try {
    fd = fs.openSync(access, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (fs.fstatSync(fd).isFile()) return fd;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
  if (fd !== -1) fs.closeSync(fd);
  return undefined;
}

/** Carries a Problem out of a window. */
class WriteTrouble extends Error {
  readonly problem: ReturnType<typeof targetProblem>;

  constructor(problem: ReturnType<typeof targetProblem>) {
    super(problem.message);
    this.problem = problem;
  }
}

class LargeFileWriter {
  readonly #file: PlannedFile;
  readonly #target: TargetFile;
  readonly #oldFd: number | undefined;
  readonly #tools: LargeFileTools;
  readonly #sparse: boolean;
  readonly #ahead: Window[] = [];
  readonly #hasher = createHasher();
  #hashed = 0;
  /** A chunk of zeros that was seen: the next one is not decoded, and in a file with holes not even written. */
  #zeros: { readonly id: Uint8Array; readonly bytes: Uint8Array } | undefined;
  #compared = 0;
  #hits = 0;

  constructor(file: PlannedFile, target: TargetFile, oldFd: number | undefined, tools: LargeFileTools) {
    this.#file = file;
    this.#target = target;
    this.#oldFd = oldFd;
    this.#tools = tools;
    this.#sparse = ((file.entry.fileFlags ?? 0) & FILE_FLAG.sparse) !== 0;
  }

  /** Waits until no window is under way. Never throws. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#ahead.map(({ written }) => written));
  }

  /** Writes everything. False where the content is not what the hash of the file says. */
  async write(): Promise<boolean> {
    const { repository, executor, signal } = this.#tools;
    const { entry } = this.#file;
    let parts: Part[] = [];
    let bytes = 0;
    let position = 0;
    for await (const { id, length } of iterateChunks(fetchPages(repository), entry.content, entry.size)) {
      parts.push({ id, length, position });
      position += length;
      bytes += length;
      if (bytes < WINDOW_BYTES && parts.length < WINDOW_PIECES) continue;
      this.#begin(parts);
      parts = [];
      bytes = 0;
      if (isAborted(signal)) throw cancelled();
      while (this.#ahead.length > executor.slots) await this.#consume();
    }
    this.#begin(parts);
    while (this.#ahead.length > 0) await this.#consume();
    return this.#hashed === entry.size && equalBytes(this.#hasher.digest(), entry.contentHash);
  }

  #begin(parts: readonly Part[]): void {
    const written = this.#window(parts);
    // Awaited in its turn; until then its failure is nobody's.
    written.catch(() => undefined);
    this.#ahead.push({ written });
  }

  async #consume(): Promise<void> {
    const [first] = this.#ahead;
    if (first === undefined) return;
    const parts = await first.written;
    this.#ahead.shift();
    for (const part of parts) {
      this.#hasher.update(part);
      this.#hashed += part.length;
    }
    if (isAborted(this.#tools.signal)) throw cancelled();
    this.#tools.onBytes();
  }

  async #window(parts: readonly Part[]): Promise<readonly Uint8Array[]> {
    const done = new Array<Uint8Array | undefined>(parts.length);
    this.#fillZeros(parts, done);
    await this.#compare(parts, done);
    await this.#decode(parts, done);
    for (const [index, part] of parts.entries()) {
      done[index] ??= await this.#readCarefully(part);
    }
    this.#rememberZeros(parts, done);
    return done.map((bytes) => bytes ?? EMPTY);
  }

  #fillZeros(parts: readonly Part[], done: (Uint8Array | undefined)[]): void {
    const zeros = this.#zeros;
    if (zeros === undefined) return;
    for (const [index, { id, length, position }] of parts.entries()) {
      if (length !== zeros.bytes.length || !equalBytes(id, zeros.id)) continue;
      if (!this.#sparse) this.#write(zeros.bytes, position);
      done[index] = zeros.bytes;
    }
  }

  #rememberZeros(parts: readonly Part[], done: readonly (Uint8Array | undefined)[]): void {
    if (this.#zeros !== undefined) return;
    for (const [index, { id }] of parts.entries()) {
      const bytes = done[index];
      // Most content says with its first bytes that it is none.
      if (bytes === undefined || bytes.length === 0 || bytes[0] !== 0 || !isZero(bytes)) continue;
      this.#zeros = { id, bytes };
      return;
    }
  }

  /** Takes what is right in the older file. */
  async #compare(parts: readonly Part[], done: (Uint8Array | undefined)[]): Promise<void> {
    const oldFd = this.#oldFd;
    if (oldFd === undefined) return;
    if (this.#compared >= COMPARED_MIN && this.#hits < this.#compared * HITS_MIN_RATIO) return;
    const open = openParts(parts, done);
    if (open.length === 0) return;
    const pieces = open.map(({ part: { position, length, id } }) => ({ position, length, id }));
    const fd = this.#target.descriptor;
    const result = await this.#run({ kind: 'compare', oldFd, fd, sparse: this.#sparse, pieces });
    this.#compared += open.length;
    for (const [number, { index }] of open.entries()) {
      const bytes = result.bytes[number];
      if (bytes === undefined) continue;
      this.#hits++;
      done[index] = bytes;
    }
  }

  async #decode(parts: readonly Part[], done: (Uint8Array | undefined)[]): Promise<void> {
    const { repository, reads } = this.#tools;
    const needs: SegmentNeed[] = [];
    const numbers = new Map<string, number>();
    const pieces: Piece[] = [];
    const indexes: number[] = [];
    for (const { part, index } of openParts(parts, done)) {
      const location = await repository.locate(part.id);
      if (location === undefined || location.type !== BLOB_TYPE.fileChunk || location.length !== part.length) continue;
      const key = `${location.packId}:${location.frameOffset}`;
      const segment = numbers.get(key) ?? needs.length;
      if (segment === needs.length) {
        numbers.set(key, segment);
        const read = (): Promise<Uint8Array> => repository.readBlob(part.id, BLOB_TYPE.fileChunk);
        needs.push(location.delta ? { kind: 'plain', read } : { kind: 'frame', location });
      }
      const { length, position } = part;
      pieces.push({ segment, offset: location.delta ? 0 : location.offset, length, position });
      indexes.push(index);
    }
    if (pieces.length === 0) return;
    const segments = await reads.read(needs);
    const fd = this.#target.descriptor;
    const result = await this.#run({ kind: 'pieces', ...segments, fd, sparse: this.#sparse, pieces });
    for (const [number, index] of indexes.entries()) done[index] = result.bytes[number];
  }

  /** What the fast way could not get: every copy is tried, and every byte checked by its id. */
  async #readCarefully({ id, length, position }: Part): Promise<Uint8Array> {
    const bytes = await this.#tools.repository.readBlob(id, BLOB_TYPE.fileChunk);
    if (bytes.length !== length) {
      throw new CairnError('integrity/damaged', 'a chunk of this file has another length than its list says');
    }
    this.#write(bytes, position);
    return bytes;
  }

  #write(bytes: Uint8Array, position: number): void {
    const problem = this.#target.writeAround(bytes, position, this.#sparse);
    if (problem !== undefined) throw new WriteTrouble(problem);
  }

  async #run(task: Parameters<TaskExecutor['run']>[0]): Promise<PiecesResult> {
    const result = await this.#tools.executor.run(task);
    if (result.kind !== 'pieces') throw new CairnError('engine/internal', 'A task was answered with another’s result.');
    if (result.trouble === undefined) return result;
    const { folder, entry } = this.#file;
    const path = Buffer.concat([folder.path, Buffer.from('/'), entry.name]);
    const error = Object.assign(new Error(result.trouble), { code: result.trouble });
    throw new WriteTrouble(targetProblem(path, 'can’t be written', error));
  }
}

const EMPTY = new Uint8Array();

/** The parts that are not there yet, with their places. */
function openParts(
  parts: readonly Part[],
  done: readonly (Uint8Array | undefined)[],
): readonly { readonly part: Part; readonly index: number }[] {
  return parts.map((part, index) => ({ part, index })).filter(({ index }) => done[index] === undefined);
}
