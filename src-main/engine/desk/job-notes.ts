/**
 * What is written down of the jobs: that they run and how far they are, so that it is known after a crash, and how they
 * ended. What a restore can be taken back by is on record before it changes anything.
 */
import type { Job } from '../../../src-shared/model/index.ts';
import type { Engine } from '../api.ts';
import type { Ports } from '../kernel/index.ts';
import type { Ended } from './jobs.ts';
import { figuresOf } from './reports.ts';
import type { Runs } from './runs.ts';

/** A running job's record is refreshed so often: after a crash it says how far the job had come. */
const NOTE_EVERY_MS = 20_000;

export type JobNotesOptions = {
  readonly engine: Engine;
  readonly ports: Ports;
  readonly runs: Runs;
  /** A job that begins, or runs on, is on record. */
  readonly noted: () => void;
};

export class JobNotes {
  readonly #options: JobNotesOptions;
  /** What running restores can be taken back by. */
  readonly #undoIds = new Map<string, readonly string[]>();
  #notedAtMs = 0;

  constructor(options: JobNotesOptions) {
    this.#options = options;
  }

  async begun(job: Job): Promise<void> {
    const { kind, jobId, setId, destinationId, startedAt, progress } = job;
    if (kind === 'restore-plan') return;
    const figures = { files: progress?.files ?? 0, bytes: progress?.bytes ?? 0 };
    const undoIds = this.#undoIds.get(jobId) ?? [];
    const durationMs = this.#sinceMs(startedAt);
    const { runs, noted } = this.#options;
    await runs.running({ runId: jobId, kind, setId, destinationId, startedAt, durationMs, ...figures, undoIds });
    noted();
  }

  /** About once a second; written down less often. */
  tick(running: readonly Job[]): void {
    const nowMs = this.#options.ports.clock.monotonicMs();
    if (nowMs - this.#notedAtMs < NOTE_EVERY_MS) return;
    this.#notedAtMs = nowMs;
    for (const job of running) this.#again(job);
  }

  undoable(job: Job, undoId: string): void {
    this.#undoIds.set(job.jobId, [...(this.#undoIds.get(job.jobId) ?? []), undoId]);
    // On record now: after a crash it has to be known.
    this.#again(job);
  }

  /** Whether it can be taken back. A plan changes nothing and is not on record. */
  async ended({ job, outcome }: Ended): Promise<boolean> {
    const { jobId, kind, setId, destinationId, state, startedAt, error, progress } = job;
    if (kind === 'restore-plan') return false;
    const undoIds = await this.#takeUndoIds(jobId);
    const undoable = undoIds.length > 0;
    const ended = state === 'done' || state === 'cancelled' ? state : 'failed';
    const times = { startedAt, durationMs: this.#sinceMs(startedAt) };
    const shared = { runId: jobId, kind, setId, destinationId, state: ended, ...times, error } as const;
    await this.#options.runs.add({ ...shared, ...figuresOf(outcome, progress), undoable, undoIds }, outcome);
    return undoable;
  }

  #again(job: Job): void {
    this.begun(job).catch((error: unknown) => this.#options.ports.log('warn', 'a job was not noted', { error }));
  }

  /** Of a job that ended: those that changed something, and lead somewhere. */
  async #takeUndoIds(jobId: string): Promise<readonly string[]> {
    const undoIds = this.#undoIds.get(jobId) ?? [];
    this.#undoIds.delete(jobId);
    if (undoIds.length === 0) return [];
    const known = await this.#options.engine.undoableRestores().catch(() => []);
    return undoIds.filter((undoId) => known.some((restore) => restore.undoId === undoId));
  }

  #sinceMs(startedAt: string): number {
    return Math.max(0, this.#options.ports.clock.nowMs() - Date.parse(startedAt));
  }
}
