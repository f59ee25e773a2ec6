/** What runs in a worker thread: see threads.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { compress, DEFAULT_COMPRESSION, hash } from '../../../src-main/engine/codec/index.ts';
import { makeText } from './data.ts';
import { kept } from './measure.ts';
import type { ThreadOrder } from './threads.ts';

const PIECE_BYTES = 1024 * 1024;

function start({ work, seed, bytes }: ThreadOrder): void {
  const port = parentPort;
  if (port === null) throw new Error('this program runs in a worker thread');
  const text = makeText(seed, bytes);
  port.on('message', () => {
    for (let at = 0; at < text.length; at += PIECE_BYTES) {
      const piece = text.subarray(at, at + PIECE_BYTES);
      kept.result = work === 'hash' ? hash(piece) : compress(DEFAULT_COMPRESSION, piece);
    }
    port.postMessage('done');
  });
  port.postMessage('ready');
}

start(workerData as ThreadOrder);
