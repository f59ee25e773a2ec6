/**
 * All jobs the engine knows, the one truth behind every progress bar. They are read once and kept by events; nothing
 * here is counted by the window itself, so every screen and the command line show the same numbers.
 */
import type { EngineEvent } from '../../src-shared/api/contract.ts';
import type { Job, JobKind } from '../../src-shared/model/index.ts';
import type { Client } from '../api.ts';

const isActive = (job: Job): boolean => job.state === 'running' || job.state === 'queued' || job.state === 'cancelling';

export class Jobs {
  readonly #client: Client;
  #all = $state.raw<readonly Job[]>([]);
  /** Jobs that somebody asked for in this window; the others began by themselves, or in another one. */
  readonly #asked = new Set<string>();
  readonly #ended = new Set<(job: Job) => void>();

  /** Plans are asked for and answered inside the restore sheet; nobody wants to see them go by. */
  readonly #shown = $derived(this.#all.filter((job) => job.kind !== 'restore-plan'));
  readonly #active = $derived(this.#shown.filter(isActive));
  readonly #finished = $derived(this.#shown.filter((job) => !isActive(job)));

  constructor(client: Client) {
    this.#client = client;
  }

  get active(): readonly Job[] {
    return this.#active;
  }

  /** Newest last. */
  get finished(): readonly Job[] {
    return this.#finished;
  }

  /**
   * What came of the last job. A backup that ran by itself and went well is no news: it does not take away the end of a
   * restore, which somebody may want to undo, or of what was asked for here.
   */
  get told(): Job | null {
    const isQuiet = (job: Job): boolean => job.kind === 'backup' && job.state === 'done' && !this.#asked.has(job.jobId);
    const last = this.#finished.at(-1) ?? null;
    if (last === null || !isQuiet(last)) return last;
    const spoken = this.#finished.findLast((job) => !isQuiet(job));
    if (spoken === undefined) return last;
    // A failure that a later backup made good is no news any more.
    const isKept = spoken.kind === 'restore' || spoken.kind === 'undo';
    return isKept || (spoken.state === 'done' && this.#asked.has(spoken.jobId)) ? spoken : last;
  }

  get running(): Job | null {
    return this.#active.find((job) => job.state !== 'queued') ?? this.#active[0] ?? null;
  }

  find(jobId: string | null): Job | null {
    return this.#all.find((job) => job.jobId === jobId) ?? null;
  }

  activeOf(kind: JobKind, owner: { readonly setId?: string; readonly destinationId?: string }): Job | null {
    const matches = (job: Job): boolean =>
      job.kind === kind &&
      (owner.setId === undefined || job.setId === owner.setId) &&
      (owner.destinationId === undefined || job.destinationId === owner.destinationId);
    return this.#active.find(matches) ?? null;
  }

  /** Calls back once for each job that comes to its end while the window looks on. */
  onEnd(listener: (job: Job) => void): () => void {
    this.#ended.add(listener);
    return () => this.#ended.delete(listener);
  }

  async load(): Promise<void> {
    this.#all = await this.#client.call('jobs.list', {});
  }

  /** A reply that carries a job is older than an event that has come meanwhile. */
  adopt(job: Job): void {
    this.#asked.add(job.jobId);
    if (this.find(job.jobId) === null) this.#put(job);
  }

  apply(event: EngineEvent): void {
    if (event.kind === 'job') this.#put(event.job);
    if (event.kind === 'job-dismissed') this.#all = this.#all.filter((job) => job.jobId !== event.jobId);
  }

  async cancel(jobId: string): Promise<void> {
    this.#put(await this.#client.call('jobs.cancel', { jobId }));
  }

  async dismiss(jobId: string): Promise<void> {
    this.#all = this.#all.filter((job) => job.jobId !== jobId);
    await this.#client.call('jobs.dismiss', { jobId });
  }

  #put(job: Job): void {
    const before = this.find(job.jobId);
    // The reply to a cancellation may come after the event that told the end.
    if (before !== null && !isActive(before) && isActive(job)) return;
    this.#all =
      before === null ? [...this.#all, job] : this.#all.map((other) => (other.jobId === job.jobId ? job : other));
    const hasEnded = !isActive(job) && (before === null || isActive(before));
    if (hasEnded) for (const listener of this.#ended) listener(job);
  }
}
