/**
 * A lane of the backup: the entry of a worker thread. Synchronous throughout: it has nothing else to do, and
 * synchronous calls are five times faster.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../../../src-shared/assert.ts';
import { createBlobHasher } from '../codec/index.ts';
import { borrowedFolder, folderHandle } from '../source/index.ts';
import type { FromLane, LaneSetup, ListReply, ListRequest, ToLane } from './lane-messages.ts';
import { FilesReader } from './read-files.ts';
import { openAndList } from './scan-folder.ts';

const port = parentPort;
assert(port !== null, 'this module runs in a worker thread');
const { idKey } = workerData as LaneSetup;
const reader = new FilesReader(createBlobHasher(idKey));

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

port.on('message', (message: ToLane) => {
  switch (message.kind) {
    case 'list': {
      const transfer: ArrayBuffer[] = [];
      tell({ kind: 'listed', replies: message.requests.map((request) => list(request, transfer)) }, transfer);
      return;
    }
    case 'stop':
      port.close();
      return;
    case 'read': {
      const result = reader.read(message.request);
      const { contents, records, blobIds, contentHashes, nodeIds } = result;
      const arrays = [contents, records, blobIds, contentHashes, nodeIds];
      tell(
        { kind: 'read', id: message.id, result },
        arrays.map(({ buffer }) => buffer as ArrayBuffer),
      );
    }
  }
});
