/**
 * A lane of the backup: the entry of a worker thread. Synchronous throughout: it has nothing else to do, and
 * synchronous calls are five times faster.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { assert } from '../../../src-shared/assert.ts';
import { createBlobHasher } from '../codec/index.ts';
import { borrowedFolder, folderHandle } from '../source/index.ts';
import { LaneCuts } from './lane-cuts.ts';
import type { FromLane, LaneSetup, ListReply, ListRequest, ToLane } from './lane-messages.ts';
import { FilesReader } from './read-files.ts';
import { openAndList } from './scan-folder.ts';

type ReadMessage = Extract<ToLane, { readonly kind: 'read' }>;

const port = parentPort;
assert(port !== null, 'this module runs in a worker thread');
const { idKey, chunkKey, slots: memory } = workerData as LaneSetup;
const slots = memory.map((slot) => new Uint8Array(slot));
const reader = new FilesReader(createBlobHasher(idKey));
/** Made when first needed: its memory is 8 MB. */
let cuts: LaneCuts | undefined;

function tell(message: FromLane, transfer: readonly ArrayBuffer[]): void {
  port?.postMessage(message, transfer);
}

function list({ id, parent, name, expected }: ListRequest, transfer: ArrayBuffer[]): ListReply {
  const listed = openAndList(borrowedFolder(parent), name, expected);
  if ('failed' in listed) return { id, failed: listed.failed };
  const { folder, data } = listed;
  transfer.push(data.rows.buffer as ArrayBuffer, data.names.buffer as ArrayBuffer);
  return { id, folder: folderHandle(folder), data };
}

/** Reads that wait while folders are listed: the walk waits for a folder, and looks for work meanwhile. */
const reads: ReadMessage[] = [];

function take(message: ToLane): void {
  switch (message.kind) {
    case 'list': {
      const transfer: ArrayBuffer[] = [];
      tell({ kind: 'listed', replies: message.requests.map((request) => list(request, transfer)) }, transfer);
      return;
    }
    case 'cut':
    case 'cut-on':
      cuts ??= new LaneCuts(chunkKey, createBlobHasher(idKey), (answer) => tell(answer, []));
      cuts.take(message);
      return;
    case 'stop':
      reads.length = 0;
      port?.close();
      return;
    case 'read':
      reads.push(message);
  }
}

function read({ id, slot, request }: ReadMessage): void {
  const contents = slots[slot];
  assert(contents !== undefined, 'a request names one of the slots');
  const result = reader.read(request, contents, takeMore);
  tell({ kind: 'read', id, result }, [result.records, result.passing]);
}

/** Takes what has come meanwhile: answers lists, and notes reads. */
function takeMore(): void {
  if (port === null) return;
  for (let more = receiveMessageOnPort(port); more !== undefined; more = receiveMessageOnPort(port)) {
    take(more.message as ToLane);
  }
}

port.on('message', (message: ToLane) => {
  take(message);
  for (let next = reads.shift(); next !== undefined; next = reads.shift()) {
    read(next);
    takeMore();
  }
});
