/**
 * Who does the tasks: this very thread, or worker threads once a restore is large enough to be worth their start.
 *
 * Bounds: a lane holds at most TASKS_AHEAD tasks; `isFull` says when to wait. A worker that dies fails everything that
 * waits, and so the restore; `idle` is awaited before any descriptor is closed that a task might use.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { workerUrl } from '../kernel/index.ts';
import type { DescriptorCalls } from './descriptor-calls.ts';
import { TaskRunner } from './task-runner.ts';
import {
  type FromWriter,
  PLAIN,
  SEGMENT_ROW,
  type ToWriter,
  transferable,
  type WriteResult,
  type WriterSetup,
  type WriteTask,
} from './write-task.ts';

/** One that is being done, and one that is there when it is finished. */
const TASKS_AHEAD = 2;
const WORKERS_MAX = 8;
/** What a worker makes is short-lived and small; its large memory is given back at once (giveBack). */
const WORKER_LIMITS = { maxYoungGenerationSizeMb: 16 };

export type TaskExecutor = {
  /** Tasks that may be under way at once. */
  readonly slots: number;
  /** Takes the task's buffers away where it does not hold plaintext. Rejects for a defect only. */
  readonly run: (task: WriteTask) => Promise<WriteResult>;
  /** Waits until nothing is under way. Never throws. */
  readonly idle: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** As many as there are processors, within reason. */
export function defaultWorkers(): number {
  return Math.min(availableParallelism(), WORKERS_MAX);
}

export function createInProcess(calls: DescriptorCalls, setup: WriterSetup): TaskExecutor {
  const runner = new TaskRunner(calls, setup);
  return {
    slots: 1,
    run: (task) => {
      try {
        return Promise.resolve(runner.run(task));
      } catch (error) {
        return Promise.reject(error instanceof Error ? error : new CairnError('engine/internal', String(error)));
      }
    },
    idle: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

type Waiting = { readonly resolve: (result: WriteResult) => void; readonly reject: (error: Error) => void };
type Lane = { readonly worker: Worker; readonly waiting: Map<number, Waiting>; readonly ended: Promise<void> };

export class WriterPool implements TaskExecutor {
  readonly #lanes: Lane[];
  #count = 0;
  #failure: Error | undefined;
  #wakers: (() => void)[] = [];

  /** `setups`: one for each worker. */
  constructor(setups: readonly WriterSetup[]) {
    this.#lanes = setups.map((setup) => this.#start(setup));
  }

  get slots(): number {
    return this.#lanes.length * TASKS_AHEAD;
  }

  run(task: WriteTask): Promise<WriteResult> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      const lane = this.#lanes.reduce((best, one) => (one.waiting.size < best.waiting.size ? one : best));
      const number = this.#count++;
      lane.waiting.set(number, { resolve, reject });
      lane.worker.postMessage({ number, task } satisfies ToWriter, givenAway(task));
    });
  }

  async idle(): Promise<void> {
    while (this.#lanes.some(({ waiting }) => waiting.size > 0)) {
      await new Promise<void>((wake) => this.#wakers.push(wake));
    }
  }

  async close(): Promise<void> {
    // Stopped on purpose: that a worker ends now is no failure.
    this.#failure ??= new CairnError('engine/internal', 'The workers of the restore were stopped.');
    // Asked to end, not torn down: one that is still loading native code does not survive that, and neither do we.
    for (const { worker } of this.#lanes) worker.postMessage({ stop: true } satisfies ToWriter);
    await Promise.all(this.#lanes.map(({ ended }) => ended));
  }

  #start(setup: WriterSetup): Lane {
    // Its descriptors are opened and closed by system calls that Node knows nothing of.
    const worker = new Worker(workerUrl(import.meta.url, 'restore-worker'), {
      workerData: setup,
      trackUnmanagedFds: false,
      resourceLimits: WORKER_LIMITS,
    });
    const ended = new Promise<void>((resolve) => void worker.once('exit', () => resolve()));
    const lane: Lane = { worker, waiting: new Map(), ended };
    worker.on('message', (message: FromWriter) => this.#receive(lane, message));
    worker.on('error', (error: unknown) => {
      this.#fail(lane, error instanceof Error ? error : new CairnError('engine/internal', String(error)));
    });
    worker.on('exit', (code) => {
      this.#fail(lane, new CairnError('engine/internal', `A worker of the restore stopped (${code}).`));
    });
    return lane;
  }

  #receive(lane: Lane, message: FromWriter): void {
    const waiting = lane.waiting.get(message.number);
    assert(waiting !== undefined, 'a worker answers what it was asked, once');
    lane.waiting.delete(message.number);
    if ('result' in message) waiting.resolve(message.result);
    else waiting.reject(new CairnError('engine/internal', message.defect));
    this.#wake();
  }

  /** A thread that is gone does nothing any more; the others finish what they have. */
  #fail(lane: Lane, error: Error): void {
    this.#failure ??= error;
    const lost = [...lane.waiting.values()];
    lane.waiting.clear();
    for (const { reject } of lost) reject(error);
    this.#wake();
  }

  #wake(): void {
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const wake of wakers) wake();
  }
}

/** Frames that were read for this task alone. Plaintext may be a view of what the reader of blobs keeps. */
function givenAway(task: WriteTask): ArrayBuffer[] {
  if (task.kind === 'compare') return [];
  const kept = new Set<number>();
  for (let row = 0; row < task.rows.length; row += SEGMENT_ROW)
    if (task.rows[row] === PLAIN) kept.add(task.rows[row + 1] ?? 0);
  return transferable(task.buffers.filter((_, index) => !kept.has(index)));
}
