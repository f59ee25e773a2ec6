/**
 * The restore sheet: where to, what about files that differ, and what exactly would happen, counted by the engine each
 * time the answer may have changed. The count is a job; the one before it is cancelled.
 */
import type { ConflictChoice, InputOf } from '../../src-shared/api/contract.ts';
import type { CairnError, WireError } from '../../src-shared/errors.ts';
import type { Job, JobOutcome, Place } from '../../src-shared/model/index.ts';
import { asCairnError } from '../api.ts';
import type { App } from './app.svelte.ts';
import type { RestoreState } from './restore.svelte.ts';

export type PlanOutcome = Extract<JobOutcome, { kind: 'restore-plan' }>;

export class RestorePlan {
  readonly #app: App;
  readonly #restore: RestoreState;
  #where = $state<'original' | 'folder'>('original');
  #folder = $state.raw<Place | null>(null);
  #conflict = $state<ConflictChoice>('keep-both');
  #jobId = $state<string | null>(null);
  #failure = $state.raw<CairnError | null>(null);
  #starting = $state(false);
  #question = 0;

  constructor(app: App, restore: RestoreState) {
    this.#app = app;
    this.#restore = restore;
    if (restore.originalRefusal !== null) this.#where = 'folder';
    this.#count().catch(() => null);
  }

  get where(): 'original' | 'folder' {
    return this.#where;
  }

  get folder(): Place | null {
    return this.#folder;
  }

  get conflict(): ConflictChoice {
    return this.#conflict;
  }

  get starting(): boolean {
    return this.#starting;
  }

  get job(): Job | null {
    return this.#app.jobs.find(this.#jobId);
  }

  get outcome(): PlanOutcome | null {
    const outcome = this.job?.outcome ?? null;
    return outcome?.kind === 'restore-plan' ? outcome : null;
  }

  get failure(): CairnError | WireError | null {
    return this.job?.error ?? this.#failure;
  }

  get input(): InputOf<'jobs.restore'> | null {
    if (this.#where === 'original') return this.#restore.inputFor({ kind: 'original' }, this.#conflict);
    if (this.#folder === null) return null;
    return this.#restore.inputFor({ kind: 'folder', handle: this.#folder.handle }, this.#conflict);
  }

  toOriginal(): void {
    this.#where = 'original';
    this.#count().catch(() => null);
  }

  toFolder(folder: Place): void {
    this.#where = 'folder';
    this.#folder = folder;
    this.#count().catch(() => null);
  }

  choose(conflict: ConflictChoice): void {
    this.#conflict = conflict;
    this.#count().catch(() => null);
  }

  /** True when the restore has begun. */
  async start(): Promise<boolean> {
    const input = this.input;
    if (input === null) return false;
    this.#starting = true;
    const worked = await this.#app.attemptAgain(input.destinationId, async () =>
      this.#app.jobs.adopt(await this.#app.client.call('jobs.restore', input)),
    );
    this.#starting = false;
    return worked;
  }

  dispose(): void {
    this.#question++;
    this.#forget();
  }

  async #count(): Promise<void> {
    const number = ++this.#question;
    this.#forget();
    this.#failure = null;
    const input = this.input;
    if (input === null) return;
    try {
      const job = await this.#app.client.call('jobs.planRestore', input);
      this.#app.jobs.adopt(job);
      if (number === this.#question) this.#jobId = job.jobId;
      else this.#app.jobs.cancel(job.jobId).catch(() => null);
    } catch (error) {
      if (number !== this.#question) return;
      if (this.#where === 'original' && this.#restore.refusesOriginal(error)) this.#where = 'folder';
      else this.#failure = asCairnError(error);
    }
  }

  #forget(): void {
    const job = this.job;
    this.#jobId = null;
    if (job === null) return;
    const isOver = job.endedAt !== null;
    const leave = isOver ? this.#app.jobs.dismiss(job.jobId) : this.#app.jobs.cancel(job.jobId);
    leave.catch(() => null);
  }
}
