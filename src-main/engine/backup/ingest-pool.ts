/**
 * The backup's side of its workers: batches small files, hands chunks out, asks the session which contents are new, and
 * gives finished segments to it.
 *
 * Bounds: BATCHES_AHEAD batches a worker, BYTES_AHEAD of plaintext on the way in all; `room()` is awaited before
 * more is handed in. A worker that dies or refuses its work fails everything that waits, and so the backup.
 */
import { Worker } from 'node:worker_threads';
import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { type BlobId, type ContentHash, ID_BYTES, asBlobId, asContentHash } from '../../../src-shared/ids.ts';
import type { BlobRecord } from '../pack/index.ts';
import type { RepositoryContext, WriteSession } from '../repository/index.ts';
import type { FileStat } from '../source/index.ts';
import type { FileToRead, FromWorker, ReadFile, SegmentMessage, ToWorker, WorkerSetup } from './ingest-messages.ts';

const BATCH_FILES_MAX = 128;
const BATCH_BYTES_MAX = 1024 * 1024;
const BATCHES_AHEAD = 3;
const BYTES_AHEAD = 24 * 1024 * 1024;

/** What became of a file that a worker read; `again` means: read it here, with retries. */
export type PooledFile =
  | { readonly kind: 'read'; readonly stat: FileStat; readonly contentHash: ContentHash; readonly id: BlobId }
  | Exclude<ReadFile, { readonly kind: 'read' }>;

type Waiting = {
  readonly file: FileToRead;
  readonly resolve: (result: PooledFile) => void;
  readonly reject: (error: unknown) => void;
};
type Batch = { readonly number: number; readonly waiting: readonly Waiting[]; readonly bytes: number };
type Lane = { readonly worker: Worker; batches: number; bytes: number; flushed: (() => void) | undefined };

export class IngestPool {
  readonly #session: WriteSession;
  readonly #lanes: Lane[];
  readonly #running = new Map<number, Batch>();
  readonly #onBytes: (count: number) => void;
  #collecting: Waiting[] = [];
  #collectingBytes = 0;
  #queue: Batch[] = [];
  #batchCount = 0;
  #bytesAhead = 0;
  #failure: Error | undefined;
  #wakers: (() => void)[] = [];

  constructor(
    context: RepositoryContext,
    session: WriteSession,
    options: { readonly workers: number; readonly onBytes: (count: number) => void },
  ) {
    this.#session = session;
    this.#onBytes = options.onBytes;
    const setup: WorkerSetup = { idKey: context.idKey, compression: context.compression };
    this.#lanes = Array.from({ length: options.workers }, () => this.#startLane(setup));
  }

  /** Reads a small file in a worker. Call `room()` first; `dispatch()` when nothing more comes for a while. */
  read(file: FileToRead): Promise<PooledFile> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#collecting.push({ file, resolve, reject });
      this.#collectingBytes += file.stat.size;
      this.#bytesAhead += file.stat.size;
      if (this.#collecting.length >= BATCH_FILES_MAX || this.#collectingBytes >= BATCH_BYTES_MAX) this.dispatch();
    });
  }

  /** Has a claimed chunk compressed. The bytes are given away. */
  compress(id: BlobId, bytes: Uint8Array): void {
    this.#throwFailure();
    const lane = this.#lanes.toSorted((left, right) => left.bytes - right.bytes)[0];
    assert(lane !== undefined, 'a pool has workers');
    lane.bytes += bytes.length;
    this.#bytesAhead += bytes.length;
    this.#post(lane, { kind: 'chunk', id, bytes }, [bytes.buffer as ArrayBuffer]);
  }

  /** Sends what was collected to the workers. */
  dispatch(): void {
    if (this.#collecting.length > 0) {
      this.#queue.push({ number: this.#batchCount++, waiting: this.#collecting, bytes: this.#collectingBytes });
      this.#collecting = [];
      this.#collectingBytes = 0;
    }
    for (const lane of this.#lanes.toSorted((left, right) => left.batches - right.batches)) {
      while (lane.batches < BATCHES_AHEAD) {
        const batch = this.#queue.shift();
        if (batch === undefined) return;
        lane.batches++;
        lane.bytes += batch.bytes;
        this.#running.set(batch.number, batch);
        this.#post(lane, { kind: 'files', batch: batch.number, files: batch.waiting.map(({ file }) => file) });
      }
    }
  }

  /** True when more should wait for `room()`. */
  get isFull(): boolean {
    return (
      this.#bytesAhead > BYTES_AHEAD || this.#queue.length >= this.#lanes.length * BATCHES_AHEAD || this.#session.isFull
    );
  }

  /** Waits until there is room for more, and hands finished segments to the packs meanwhile. */
  async room(): Promise<void> {
    while (this.isFull) {
      this.#throwFailure();
      this.dispatch();
      if (this.#session.isFull) await this.#session.drain();
      else await new Promise<void>((wake) => this.#wakers.push(wake));
    }
    this.#throwFailure();
  }

  /** Waits for all work and for the last segments. */
  async flush(): Promise<void> {
    this.dispatch();
    while (this.#running.size > 0 || this.#queue.length > 0 || this.#bytesAhead > 0) {
      this.#throwFailure();
      if (this.#session.isFull) await this.#session.drain();
      else await new Promise<void>((wake) => this.#wakers.push(wake));
    }
    this.#throwFailure();
    await Promise.all(
      this.#lanes.map(
        (lane) =>
          new Promise<void>((resolve) => {
            lane.flushed = resolve;
            this.#post(lane, { kind: 'flush' });
          }),
      ),
    );
    this.#throwFailure();
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map(({ worker }) => worker.terminate()));
  }

  #startLane(setup: WorkerSetup): Lane {
    const worker = new Worker(workerUrl(), { workerData: setup });
    const lane: Lane = { worker, batches: 0, bytes: 0, flushed: undefined };
    worker.on('message', (message: FromWorker) => this.#receive(lane, message));
    worker.on('error', (error: unknown) => {
      this.#fail(error instanceof Error ? error : new CairnError('engine/internal', String(error)));
    });
    worker.on('exit', (code) => {
      if (code !== 0 && this.#failure === undefined)
        this.#fail(new CairnError('engine/internal', `A worker of the backup stopped (${code}).`));
    });
    return lane;
  }

  #post(lane: Lane, message: ToWorker, transfer: readonly ArrayBuffer[] = []): void {
    lane.worker.postMessage(message, transfer);
  }

  #receive(lane: Lane, message: FromWorker): void {
    switch (message.kind) {
      case 'hashed':
        this.#answer(lane, message.batch, message.files);
        break;
      case 'segment':
        this.#session.addSegment(pendingSegment(message.segment));
        break;
      case 'done':
        lane.bytes -= message.bytes;
        break;
      case 'flushed':
        lane.flushed?.();
        break;
      case 'failed':
        this.#fail(new CairnError('integrity/damaged', message.message, { hint: message.hint }));
    }
    if (message.kind === 'done') this.#bytesAhead -= message.bytes;
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const wake of wakers) wake();
  }

  /** Tells the worker which contents are new, and everyone who waits what became of the file. */
  #answer(lane: Lane, number: number, files: readonly ReadFile[]): void {
    const batch = this.#running.get(number);
    assert(batch !== undefined, 'a worker answers what it was asked');
    this.#running.delete(number);
    const isNew = new Uint8Array(files.length);
    files.forEach((file, index) => {
      const waiting = batch.waiting[index];
      assert(waiting !== undefined, 'a worker answers for each file');
      const listedBytes = waiting.file.stat.size;
      if (file.kind !== 'read') {
        lane.bytes -= listedBytes;
        this.#bytesAhead -= listedBytes;
        waiting.resolve(file);
        return;
      }
      // What is missing of the listed size (the file shrank) is not going to come back as done.
      lane.bytes -= listedBytes - file.stat.size;
      this.#bytesAhead -= listedBytes - file.stat.size;
      const id = asBlobId(file.id);
      if (file.stat.size > 0 && this.#session.claim(id, file.stat.size)) isNew[index] = 1;
      this.#onBytes(file.stat.size);
      waiting.resolve({ kind: 'read', stat: file.stat, contentHash: asContentHash(file.contentHash), id });
    });
    this.#post(lane, { kind: 'keep', batch: number, isNew });
    lane.batches--;
    this.dispatch();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    const waiting = [
      ...this.#collecting,
      ...this.#queue.flatMap((batch) => batch.waiting),
      ...[...this.#running.values()].flatMap((batch) => batch.waiting),
    ];
    this.#collecting = [];
    this.#queue = [];
    this.#running.clear();
    for (const { reject } of waiting) reject(error);
    for (const lane of this.#lanes) lane.flushed?.();
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const wake of wakers) wake();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function pendingSegment({
  compression,
  plainLength,
  payload,
  payloadHash,
  type,
  ids,
  lengths,
}: SegmentMessage): Parameters<WriteSession['addSegment']>[0] {
  let offset = 0;
  const blobs = Array.from(lengths, (length, index): BlobRecord => {
    const blob = { id: asBlobId(ids.subarray(index * ID_BYTES, (index + 1) * ID_BYTES)), type, offset, length };
    offset += length;
    return blob;
  });
  return { kind: 'segment', compression, plainLength, payload, payloadHash, blobs };
}

/** The worker's module: beside this one as TypeScript in a checkout, a file of its own in a build. */
function workerUrl(): URL {
  if (import.meta.url.endsWith('.ts')) return new URL('./ingest-worker.ts', import.meta.url);
  return new URL(import.meta.url.includes('/parts/') ? '../ingest-worker.js' : './ingest-worker.js', import.meta.url);
}
