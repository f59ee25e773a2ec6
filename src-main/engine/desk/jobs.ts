/**
 * Long work, one thing at a time where it must be: jobs wait in lanes (one lane for what writes to a destination, others
 * beside it), tell how far they are, can be cancelled, and stay on the list for a while after their end, so that a window
 * that was closed and opened again shows the same.
 *
 * Everything is bounded: jobs that wait, jobs that are kept, and how often one is told.
 */
import { JOB_EVENTS_PER_SECOND_MAX } from '../../../src-shared/api/index.ts';
import { CairnError, type WireError, isCairnError } from '../../../src-shared/errors.ts';
import type { Job, JobKind, JobOutcome, JobState, Progress } from '../../../src-shared/model/index.ts';
import { type Ports, toHex } from '../kernel/index.ts';
import { Meter, SAMPLE_EVERY_MS, type Expected } from './meter.ts';
import type { Every, Tell } from './ports.ts';

const JOBS_WAITING_MAX = 100;
const JOBS_FINISHED_MAX = 30;
const TELL_EVERY_MS = 1000 / JOB_EVENTS_PER_SECOND_MAX;

export type JobContext = {
  readonly jobId: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  /** What the whole will be, as soon as it is known. */
  readonly expect: (expected: Expected) => void;
};

export type JobRequest = {
  readonly kind: JobKind;
  readonly setId: string | null;
  readonly destinationId: string;
  /** Jobs of one lane follow each other. */
  readonly lane: string;
  readonly run: (context: JobContext) => Promise<JobOutcome>;
};

export type Ended = { readonly job: Job; readonly outcome: JobOutcome | null };

/** What a lane does next: a job, or quiet work that nobody watches. */
type LaneItem = { readonly entry: Entry | undefined; readonly run: () => Promise<void> };

type Entry = {
  readonly request: JobRequest;
  readonly controller: AbortController;
  readonly meter: Meter;
  readonly startedMs: number;
  job: Job;
  toldAtMs: number;
};

export type JobsOptions = {
  readonly ports: Ports;
  readonly every: Every;
  readonly tell: Tell;
  /** Waited for before the next job of the lane begins. */
  readonly onEnded: (ended: Ended) => Promise<Pick<Job, 'undoable'>>;
  readonly onBegun: (job: Job) => Promise<void>;
  /** About once a second while something runs. */
  readonly onTick: (running: readonly Job[]) => void;
};

export class Jobs {
  readonly #options: JobsOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #lanes = new Map<string, LaneItem[]>();
  /** Ends quiet work when everything closes. */
  readonly #closing = new AbortController();
  readonly #laneRuns = new Set<Promise<void>>();
  #stopTicking: (() => void) | undefined;
  #closed = false;

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  /** Oldest first. */
  list(): readonly Job[] {
    return [...this.#entries.values()].map(({ job }) => job);
  }

  /** Jobs that have not ended. */
  open(): readonly Job[] {
    return this.list().filter(({ state }) => !isOver(state));
  }

  /** @throws CairnError app/not-found */
  job(jobId: string): Job {
    return this.#entry(jobId).job;
  }

  /** @throws CairnError app/busy */
  start(request: JobRequest): Job {
    if (this.#closed)
      throw new CairnError('app/busy', 'Cairn is closing.', { hint: 'Nothing was begun. Start it again.' });
    if (this.open().length >= JOBS_WAITING_MAX)
      throw new CairnError('app/busy', `${JOBS_WAITING_MAX} jobs are waiting already.`);
    const { ports } = this.#options;
    const job: Job = {
      jobId: toHex(ports.random.bytes(16)),
      kind: request.kind,
      setId: request.setId,
      destinationId: request.destinationId,
      state: 'queued',
      startedAt: new Date(ports.clock.nowMs()).toISOString(),
      endedAt: null,
      progress: null,
      outcome: null,
      error: null,
      undoable: false,
    };
    const entry: Entry = {
      request,
      controller: new AbortController(),
      meter: new Meter(),
      startedMs: ports.clock.monotonicMs(),
      job,
      toldAtMs: 0,
    };
    this.#entries.set(job.jobId, entry);
    this.#forgetFinished();
    this.#tell(entry);
    this.#enqueue(request.lane, { entry, run: () => this.#runOne(entry) });
    return entry.job;
  }

  /**
   * Work that takes its turn in a lane and is no job: it is not listed, told or recorded, because it happens all day. It
   * ends early when everything closes.
   * @throws CairnError app/busy
   */
  quietly<Result>(lane: string, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    if (this.#closed) return Promise.reject(new CairnError('app/busy', 'Cairn is closing.'));
    return new Promise((resolve, reject) => {
      const run = async (): Promise<void> => {
        await work(this.#closing.signal).then(resolve, reject);
      };
      this.#enqueue(lane, { entry: undefined, run });
    });
  }

  /** Whether the turn in a lane is quiet work's. */
  isQuietlyAtWork(lane: string): boolean {
    const [item] = this.#lanes.get(lane) ?? [];
    return item !== undefined && item.entry === undefined;
  }

  #enqueue(name: string, item: LaneItem): void {
    const lane = this.#lanes.get(name) ?? [];
    lane.push(item);
    this.#lanes.set(name, lane);
    if (lane.length === 1) this.#runLane(name);
  }

  /** A job that waits is over at once; one that runs comes to a clean end first. */
  cancel(jobId: string): Job {
    const entry = this.#entry(jobId);
    if (entry.job.state === 'queued') {
      const lane = this.#lanes.get(entry.request.lane) ?? [];
      const at = lane.findIndex((item) => item.entry === entry);
      // The first of a lane is about to begin: it sees the signal.
      if (at > 0) {
        lane.splice(at, 1);
        this.#finish(entry, 'cancelled', null, null);
        return entry.job;
      }
    }
    if (isOver(entry.job.state)) return entry.job;
    entry.controller.abort();
    this.#change(entry, { state: 'cancelling' });
    return entry.job;
  }

  /** @throws CairnError app/busy for one that has not ended */
  dismiss(jobId: string): void {
    const { job } = this.#entry(jobId);
    if (!isOver(job.state))
      throw new CairnError('app/busy', 'This job has not ended.', { hint: 'Nothing was changed. Cancel it first.' });
    this.#entries.delete(jobId);
    this.#options.tell({ kind: 'job-dismissed', jobId });
  }

  /** A restore was taken back: it can't be taken back twice. */
  markUndone(jobId: string): void {
    const entry = this.#entries.get(jobId);
    if (entry !== undefined) this.#change(entry, { undoable: false });
  }

  /** Cancels everything and waits until it has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#closing.abort();
    for (const { jobId } of this.open()) this.cancel(jobId);
    await Promise.all(this.#laneRuns);
    this.#stopTicking?.();
  }

  #runLane(name: string): void {
    const run = this.#laneLoop(name).finally(() => this.#laneRuns.delete(run));
    this.#laneRuns.add(run);
  }

  async #laneLoop(name: string): Promise<void> {
    const lane = this.#lanes.get(name) ?? [];
    for (let item = lane[0]; item !== undefined; item = lane[0]) {
      await item.run();
      lane.shift();
    }
    this.#lanes.delete(name);
  }

  async #runOne(entry: Entry): Promise<void> {
    const { ports, onBegun } = this.#options;
    const { signal } = entry.controller;
    // Whoever asked has its reply before the first event.
    await Promise.resolve();
    try {
      if (signal.aborted) return await this.#end(entry, 'cancelled', null, null);
      this.#change(entry, { state: 'running' });
      this.#startTicking();
      await onBegun(entry.job);
      const outcome = await entry.request.run({
        jobId: entry.job.jobId,
        signal,
        onProgress: (progress) => this.#progress(entry, progress),
        expect: (expected) => entry.meter.expect(expected),
      });
      await this.#end(entry, 'done', outcome, null);
    } catch (error) {
      if (isCairnError(error, 'engine/cancelled') && signal.aborted)
        return await this.#end(entry, 'cancelled', null, null);
      await this.#end(entry, 'failed', null, wireErrorOf(error, ports));
    } finally {
      if (this.open().length === 0) {
        this.#stopTicking?.();
        this.#stopTicking = undefined;
      }
    }
  }

  async #end(entry: Entry, state: JobState, outcome: JobOutcome | null, error: WireError | null): Promise<void> {
    const job = this.#ended(entry, state, outcome, error);
    // On record before anyone is told: who hears of the end may ask for the run.
    const known = await this.#options.onEnded({ job, outcome });
    entry.job = { ...job, ...known };
    this.#tell(entry);
  }

  #finish(entry: Entry, state: JobState, outcome: JobOutcome | null, error: WireError | null): void {
    entry.job = this.#ended(entry, state, outcome, error);
    this.#tell(entry);
  }

  #ended(entry: Entry, state: JobState, outcome: JobOutcome | null, error: WireError | null): Job {
    const { clock } = this.#options.ports;
    const progress = entry.meter.view(clock.monotonicMs());
    return { ...entry.job, state, outcome, error, progress, endedAt: new Date(clock.nowMs()).toISOString() };
  }

  #progress(entry: Entry, progress: Progress): void {
    const nowMs = this.#options.ports.clock.monotonicMs();
    entry.meter.add(progress, nowMs);
    if (nowMs - entry.toldAtMs < TELL_EVERY_MS) return;
    this.#change(entry, { progress: entry.meter.view(nowMs) });
  }

  #change(entry: Entry, change: Partial<Job>): void {
    entry.job = { ...entry.job, ...change };
    this.#tell(entry);
  }

  #tell(entry: Entry): void {
    entry.toldAtMs = this.#options.ports.clock.monotonicMs();
    this.#options.tell({ kind: 'job', job: entry.job });
  }

  #startTicking(): void {
    this.#stopTicking ??= this.#options.every(SAMPLE_EVERY_MS, () => {
      const nowMs = this.#options.ports.clock.monotonicMs();
      for (const entry of this.#entries.values()) {
        if (entry.job.state !== 'running' && entry.job.state !== 'cancelling') continue;
        entry.meter.tick(nowMs);
        if (nowMs - entry.toldAtMs >= TELL_EVERY_MS) this.#change(entry, { progress: entry.meter.view(nowMs) });
      }
      this.#options.onTick(this.open().filter(({ state }) => state !== 'queued'));
    });
  }

  #entry(jobId: string): Entry {
    const entry = this.#entries.get(jobId);
    if (entry === undefined) throw new CairnError('app/not-found', 'There is no such job any more.');
    return entry;
  }

  #forgetFinished(): void {
    const finished = [...this.#entries.values()].filter(({ job }) => isOver(job.state));
    for (const { job } of finished.slice(0, Math.max(0, finished.length - JOBS_FINISHED_MAX))) {
      this.#entries.delete(job.jobId);
      this.#options.tell({ kind: 'job-dismissed', jobId: job.jobId });
    }
  }
}

export function isOver(state: JobState): boolean {
  return state === 'done' || state === 'cancelled' || state === 'failed';
}

/** What a person hears of a failure; a defect goes to the log with everything it carries. */
export function wireErrorOf(error: unknown, { log }: Pick<Ports, 'log'>): WireError {
  if (isCairnError(error)) return error.toWire();
  log('error', 'a defect', { error });
  return new CairnError('engine/internal', 'Cairn met a defect of its own.').toWire();
}
