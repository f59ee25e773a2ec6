/** A worker of the check: decodes pieces of packs. Entry of a worker thread; holds the keys that open packs. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../../../src-shared/assert.ts';
import type { FromLane, LaneSetup, ToLane } from './check-messages.ts';
import { SegmentChecker } from './segment-check.ts';

const port = parentPort;
assert(port !== null, 'this module runs in a worker thread');
const checker = new SegmentChecker(workerData as LaneSetup, () => undefined);

/** One message after the other, in the order they came. */
let turn: Promise<void> = Promise.resolve();

async function handle(message: Exclude<ToLane, { readonly kind: 'stop' }>): Promise<void> {
  switch (message.kind) {
    case 'open':
      await checker.open(message.pack);
      return;
    case 'close':
      checker.close(message.pack);
      return;
    case 'work': {
      const answer: FromLane = { job: message.job, result: await checker.check(message.work) };
      port?.postMessage(answer);
    }
  }
}

port.on('message', (message: ToLane) => {
  if (message.kind === 'stop') {
    port.close();
    return;
  }
  // What fails here is no damage: it becomes an error of the worker, and ends the check.
  turn = turn.then(() => handle(message));
});
