/** Counts the threads that this process starts, so that a test which needs them can say that it had them. */
import type { Worker } from 'node:worker_threads';

export type ThreadCount = {
  readonly started: number;
  /** Of those started, how many have not ended. */
  readonly running: number;
  stop(): void;
};

export function countThreads(): ThreadCount {
  let started = 0;
  let ended = 0;
  const note = (worker: Worker): void => {
    started++;
    worker.once('exit', () => ended++);
  };
  process.on('worker', note);
  return {
    get started() {
      return started;
    },
    get running() {
      return started - ended;
    },
    stop: () => void process.off('worker', note),
  };
}
