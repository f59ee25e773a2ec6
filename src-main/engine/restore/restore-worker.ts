/**
 * A worker of the restore: does one task after the other. Entry of a worker thread; knows no repository, only the keys
 * that open segments, and writes through descriptors that belong to the whole process.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../../../src-shared/assert.ts';
import { descriptorCalls } from './descriptor-calls.ts';
import { TaskRunner } from './task-runner.ts';
import { type FromWriter, type ToWriter, transferable, type WriterSetup } from './write-task.ts';

const port = parentPort;
assert(port !== null, 'this module runs in a worker thread');
const calls = descriptorCalls();
assert(calls !== undefined, 'workers are started where descriptors can be used');
const runner = new TaskRunner(calls, workerData as WriterSetup);

port.on('message', (message: ToWriter) => {
  if ('stop' in message) {
    // Nothing else keeps this thread.
    port.close();
    return;
  }
  const { number, task } = message;
  try {
    const result = runner.run(task);
    const given = result.kind === 'pieces' ? transferable(result.bytes) : [result.statuses.buffer as ArrayBuffer];
    port.postMessage({ number, result } satisfies FromWriter, given);
  } catch (error) {
    const defect = error instanceof Error ? (error.stack ?? error.message) : String(error);
    port.postMessage({ number, defect } satisfies FromWriter);
  }
});
