/**
 * The same total of work on one thread and on two. Each thread makes its own text before the clock starts, so that
 * nothing is measured but the work; one thread means one worker, so both pay for the messages.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type Lap, type Measured, startLap, summarise } from './measure.ts';

/** What a thread does with its text, 1 MiB at a time. */
export type ThreadWork = 'hash' | 'compress';
export type ThreadOrder = { readonly work: ThreadWork; readonly seed: number; readonly bytes: number };

/** The thread's program. A worker says “ready” once, then “done” for each message it gets. */
const PROGRAM = new URL('./thread.ts', import.meta.url);

export async function measureThreads(
  count: number,
  order: { readonly work: ThreadWork; readonly bytes: number; readonly runs: number },
): Promise<Measured> {
  const workers = Array.from({ length: count }, (_, index) => {
    const workerData: ThreadOrder = { work: order.work, seed: index, bytes: Math.ceil(order.bytes / count) };
    return new Worker(PROGRAM, { workerData });
  });
  try {
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    const laps: Lap[] = [];
    // The first round warms up.
    for (let run = -1; run < order.runs; run++) {
      const stop = startLap();
      const done = Promise.all(workers.map((worker) => once(worker, 'message')));
      for (const worker of workers) worker.postMessage('go');
      await done;
      if (run >= 0) laps.push(stop());
    }
    return summarise(laps);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
