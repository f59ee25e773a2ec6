/**
 * Where packs are decoded: in worker threads, or on this thread where there is too little to make starting them worth while.
 * Both give the same results, and both are handed bytes: the store stays with whoever asks.
 *
 * Bounds: BYTES_AHEAD of sealed bytes wait in all; `room()` is awaited before more is submitted. A worker that dies fails
 * the check: nothing it was given counts as sound.
 */
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { workerUrl } from '../kernel/index.ts';
import type { FromLane, LaneSetup, PackToOpen, ToLane, Work, WorkResult } from './check-messages.ts';
import { SegmentChecker } from './segment-check.ts';

const BYTES_AHEAD = 8 * 1024 * 1024;
/** What a worker keeps is little and short-lived: a small young generation is collected often and stays in the cache. */
const WORKER_LIMITS = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 } as const;

export type OnResult = (result: WorkResult) => void;

export type CheckLanes = {
  /** Makes a pack known; lanes open it when they need it. */
  readonly open: (pack: PackToOpen) => void;
  readonly close: (pack: number) => void;
  /** Hands work over, and the bytes in it with it. Never waits; await `room` before. */
  readonly submit: (work: Work, onResult: OnResult) => void;
  /** Waits until more may be submitted. Throws what a lane failed with. */
  readonly room: () => Promise<void>;
  /** Waits until everything is done. */
  readonly drain: () => Promise<void>;
  readonly end: () => Promise<void>;
};

export function createLanes(setup: LaneSetup, workers: number): CheckLanes {
  return workers === 0 ? new LocalLanes(setup) : new WorkerLanes(setup, workers);
}

function bytesOf(work: Work): number {
  if (work.kind === 'piece') return work.bytes.length;
  return work.deltas.reduce((sum, { frame }) => sum + frame.length, work.base.length);
}

/** On this thread, one job at a time, with a breath after each segment. */
class LocalLanes implements CheckLanes {
  readonly #checker: SegmentChecker;
  #turn: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  constructor(setup: LaneSetup) {
    this.#checker = new SegmentChecker(setup, () => setImmediate());
  }

  open(pack: PackToOpen): void {
    this.#then(() => this.#checker.open(pack));
  }

  close(pack: number): void {
    this.#then(() => this.#checker.close(pack));
  }

  submit(work: Work, onResult: OnResult): void {
    this.#then(async () => onResult(await this.#checker.check(work)));
  }

  #then(step: () => Promise<void> | void): void {
    this.#turn = this.#turn.then(step).catch((error: unknown) => {
      this.#failure ??= { error };
    });
  }

  /** On one thread nothing is gained by reading ahead. */
  room(): Promise<void> {
    return this.drain();
  }

  async drain(): Promise<void> {
    await this.#turn;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  end(): Promise<void> {
    return this.#turn;
  }
}

type Lane = {
  readonly worker: Worker;
  readonly hasEnded: Promise<void>;
  readonly opened: Set<number>;
  bytes: number;
};
type Job = { readonly lane: Lane; readonly bytes: number; readonly onResult: OnResult };

class WorkerLanes implements CheckLanes {
  readonly #lanes: Lane[];
  readonly #packs = new Map<number, PackToOpen>();
  readonly #jobs = new Map<number, Job>();
  #jobCount = 0;
  #bytesAhead = 0;
  #failure: Error | undefined;
  #ending = false;
  #wakers: (() => void)[] = [];

  constructor(setup: LaneSetup, workers: number) {
    this.#lanes = Array.from({ length: workers }, () => this.#start(setup));
  }

  #start(setup: LaneSetup): Lane {
    const worker = new Worker(workerUrl(import.meta.url, 'check-worker'), {
      workerData: setup,
      resourceLimits: WORKER_LIMITS,
    });
    const hasEnded = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const lane: Lane = { worker, hasEnded, opened: new Set(), bytes: 0 };
    worker.on('message', ({ job, result }: FromLane) => this.#receive(job, result));
    worker.on('error', (error: unknown) => {
      this.#fail(error instanceof Error ? error : new CairnError('engine/internal', String(error)));
    });
    worker.on('exit', (code) => {
      if (!this.#ending) this.#fail(new CairnError('engine/internal', `A worker of the check stopped (${code}).`));
    });
    return lane;
  }

  open(pack: PackToOpen): void {
    this.#packs.set(pack.pack, pack);
  }

  close(pack: number): void {
    this.#packs.delete(pack);
    for (const lane of this.#lanes) if (lane.opened.delete(pack)) post(lane, { kind: 'close', pack });
  }

  submit(work: Work, onResult: OnResult): void {
    const [first, ...others] = this.#lanes;
    assert(first !== undefined, 'there is at least one worker');
    const lane = others.reduce((least, other) => (other.bytes < least.bytes ? other : least), first);
    const packs = work.kind === 'piece' ? [work.pack] : work.deltas.map(({ pack }) => pack);
    for (const pack of packs) this.#openIn(lane, pack);
    const job = this.#jobCount++;
    const bytes = bytesOf(work);
    lane.bytes += bytes;
    this.#bytesAhead += bytes;
    this.#jobs.set(job, { lane, bytes, onResult });
    post(lane, { kind: 'work', job, work }, transferable(work));
  }

  #openIn(lane: Lane, number: number): void {
    if (lane.opened.has(number)) return;
    const pack = this.#packs.get(number);
    assert(pack !== undefined, 'a pack is opened before its segments are submitted');
    lane.opened.add(number);
    post(lane, { kind: 'open', pack });
  }

  #receive(number: number, result: WorkResult): void {
    const job = this.#jobs.get(number);
    assert(job !== undefined, 'a lane answers what it was asked');
    this.#jobs.delete(number);
    job.lane.bytes -= job.bytes;
    this.#bytesAhead -= job.bytes;
    job.onResult(result);
    this.#wake();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  #wake(): void {
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const wake of wakers) wake();
  }

  async #until(isEnough: () => boolean): Promise<void> {
    while (this.#failure === undefined && !isEnough()) await new Promise<void>((wake) => this.#wakers.push(wake));
    if (this.#failure !== undefined) throw this.#failure;
  }

  room(): Promise<void> {
    return this.#until(() => this.#bytesAhead < BYTES_AHEAD);
  }

  drain(): Promise<void> {
    return this.#until(() => this.#jobs.size === 0);
  }

  async end(): Promise<void> {
    this.#ending = true;
    // Asked to, not terminated: a thread that is stopped while it loads a native module takes the process with it.
    await Promise.all(
      this.#lanes.map(async (lane) => {
        post(lane, { kind: 'stop' });
        await lane.hasEnded;
      }),
    );
  }
}

function post(lane: Lane, message: ToLane, transfer: readonly ArrayBuffer[] = []): void {
  lane.worker.postMessage(message, transfer);
}

/**
 * The memory that goes with the work: bytes that have a buffer of their own. A view of a larger buffer is copied: the rest
 * of it may be somebody else's.
 */
function transferable(work: Work): readonly ArrayBuffer[] {
  const parts = work.kind === 'piece' ? [work.bytes] : [work.base, ...work.deltas.map(({ frame }) => frame)];
  const buffers = parts.flatMap(({ buffer, byteLength }) =>
    buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [],
  );
  return [...new Set(buffers)];
}
