/**
 * A worker of the backup: reads small files, hashes them, compresses what is new, and verifies what it compressed from
 * the compressed bytes. Entry of a worker thread; knows no repository, only the key that makes blob ids.
 *
 * Synchronous throughout: a worker has nothing else to do, and synchronous calls are five times faster.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../../../src-shared/assert.ts';
import { isCairnError } from '../../../src-shared/errors.ts';
import { asBlobId } from '../../../src-shared/ids.ts';
import { BLOB_TYPE, createBlobHasher, hash } from '../codec/index.ts';
import { type PendingPlainSegment, createSegmentBuilder, verifiedSegment } from '../pack/index.ts';
import { openSourceFile } from '../source/index.ts';
import type { FileToRead, FromWorker, ReadFile, SegmentMessage, ToWorker, WorkerSetup } from './ingest-messages.ts';

const port = parentPort;
assert(port !== null, 'this module runs in a worker thread');
const { idKey, compression } = workerData as WorkerSetup;
const blobHasher = createBlobHasher(idKey);
const builder = createSegmentBuilder({ compression });

/** The contents of one batch until it is known which of them are new; `undefined` where a file gave none. */
type Held = { readonly id: Uint8Array; readonly bytes: Uint8Array };
const batches = new Map<number, readonly (Held | undefined)[]>();

function tell(message: FromWorker, transfer: readonly ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer);
}

function emit(segment: PendingPlainSegment | undefined): void {
  if (segment === undefined) return;
  const { payload, payloadHash, blobs } = verifiedSegment(segment, blobHasher);
  assert(payloadHash !== undefined, 'a verified segment has the hash of its payload');
  const ids = new Uint8Array(blobs.length * 32);
  const lengths = new Uint32Array(blobs.length);
  blobs.forEach(({ id, length }, index) => {
    ids.set(id, index * 32);
    lengths[index] = length;
  });
  const message: SegmentMessage = {
    compression: segment.compression,
    plainLength: segment.plainLength,
    payload,
    payloadHash,
    type: BLOB_TYPE.fileChunk,
    ids,
    lengths,
  };
  tell({ kind: 'segment', segment: message }, [payload.buffer as ArrayBuffer]);
}

/** Reads one file whole into `memory`, which has its listed size; a larger one has changed and is tried again. */
function readFile(
  { access, path, stat }: FileToRead,
  memory: Uint8Array,
): { readonly answer: ReadFile; readonly held: Held | undefined } {
  const opened = openSourceFile(Buffer.from(access), stat, path);
  if (opened.kind === 'failed') return { answer: opened, held: undefined };
  if (opened.kind === 'vanished') return { answer: { kind: 'vanished' }, held: undefined };
  if (opened.kind === 'replaced') return { answer: { kind: 'again' }, held: undefined };
  const { file } = opened;
  const { size } = file.stat;
  if (size > stat.size) {
    file.close();
    return { answer: { kind: 'again' }, held: undefined };
  }
  const bytes = memory.subarray(0, size);
  const count = size === 0 ? 0 : file.readInto(bytes, 0, size);
  const { changed } = file.close();
  if (typeof count !== 'number') return { answer: { kind: 'failed', problem: count }, held: undefined };
  if (changed || count !== size) return { answer: { kind: 'again' }, held: undefined };
  const contentHash = hash(bytes);
  const id = size === 0 ? new Uint8Array(32) : blobHasher.idOfHash(BLOB_TYPE.fileChunk, contentHash);
  return { answer: { kind: 'read', stat: file.stat, contentHash, id }, held: size === 0 ? undefined : { id, bytes } };
}

function handle(message: ToWorker): void {
  switch (message.kind) {
    case 'files': {
      // One piece of memory a batch, not one a file: a million small buffers keep the garbage collector busy.
      const memory = new Uint8Array(message.files.reduce((sum, { stat }) => sum + stat.size, 0));
      let offset = 0;
      const read = message.files.map((file) => {
        const place = memory.subarray(offset, offset + file.stat.size);
        offset += file.stat.size;
        return readFile(file, place);
      });
      batches.set(
        message.batch,
        read.map(({ held }) => held),
      );
      tell({ kind: 'hashed', batch: message.batch, files: read.map(({ answer }) => answer) });
      return;
    }
    case 'keep': {
      const held = batches.get(message.batch) ?? [];
      batches.delete(message.batch);
      let bytes = 0;
      held.forEach((one, index) => {
        if (one === undefined) return;
        bytes += one.bytes.length;
        if (message.isNew[index] === 1) emit(builder.add(asBlobId(one.id), BLOB_TYPE.fileChunk, one.bytes));
      });
      tell({ kind: 'done', bytes, files: held.length });
      return;
    }
    case 'chunk':
      emit(builder.add(asBlobId(message.id), BLOB_TYPE.fileChunk, message.bytes));
      tell({ kind: 'done', bytes: message.bytes.length, files: 0 });
      return;
    case 'flush':
      emit(builder.flush());
      tell({ kind: 'flushed' });
  }
}

port.on('message', (message: ToWorker) => {
  try {
    handle(message);
  } catch (error) {
    if (!isCairnError(error)) throw error;
    tell({ kind: 'failed', code: error.code, message: error.message, hint: error.hint });
  }
});
