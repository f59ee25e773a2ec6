/**
 * What the desktop is told without being asked. Rare on purpose, because who hears the same every hour stops listening:
 *
 *   - A backup that fails is told when it begins to fail. Runs after it that fail for the same reason are the same news.
 *   - A drive that was pulled out is a state, shown where states are shown, and nobody's failure.
 *   - A job is told once, however often its last state is said again.
 */
import { assertNever } from '../../src-shared/assert.ts';
import type { Job, Run, Settings, StaleAlarm } from '../../src-shared/model/index.ts';
import type { Notice } from './port.ts';

const JOBS_REMEMBERED_MAX = 500;
/** Runs that are looked through for the one before. */
const RUNS_LOOKED_AT_MAX = 500;

export type NoticesOptions = {
  readonly settings: () => Pick<Settings, 'notifyFailures' | 'notifySuccesses' | 'notifyStale'>;
  readonly nameOf: (setId: string) => string | undefined;
  /** Newest first. */
  readonly runs: (limit: number) => readonly Run[];
  readonly notify: (notice: Notice) => void;
};

export class Notices {
  readonly #options: NoticesOptions;
  /** Jobs, the oldest first. */
  readonly #told = new Set<string>();

  constructor(options: NoticesOptions) {
    this.#options = options;
  }

  /** A job as it is now; only its end is news. */
  job(job: Job): void {
    if (job.endedAt === null || this.#told.has(job.jobId)) return;
    this.#told.add(job.jobId);
    const [oldest] = this.#told;
    if (this.#told.size > JOBS_REMEMBERED_MAX && oldest !== undefined) this.#told.delete(oldest);
    const notice = this.#ofEnd(job);
    if (notice !== undefined) this.#options.notify(notice);
  }

  /** A set that was not backed up for too long. */
  silent(setName: string, alarm: StaleAlarm): void {
    if (this.#options.settings().notifyStale) this.#options.notify(staleNotice(setName, alarm));
  }

  #ofEnd(job: Job): Notice | undefined {
    const { notifyFailures, notifySuccesses } = this.#options.settings();
    const { state, error, outcome } = job;
    if (state === 'failed' && error !== null) {
      const isNews = error.code !== 'destination/gone' && !this.#failedSoBefore(job);
      return notifyFailures && isNews
        ? { title: this.#failed(job), body: `${error.message} ${error.hint}`.trim() }
        : undefined;
    }
    if (state !== 'done') return undefined;
    if (outcome?.kind === 'verify' && outcome.damageCount > 0)
      return notifyFailures ? damageNotice(outcome) : undefined;
    return notifySuccesses ? { title: this.#done(job), body: '' } : undefined;
  }

  /** The set's run before this one came to the same end; in between nothing was good. */
  #failedSoBefore({ jobId, kind, setId, error }: Job): boolean {
    if (kind !== 'backup' || setId === null) return false;
    const before = this.#options
      .runs(RUNS_LOOKED_AT_MAX)
      .find((run) => run.kind === 'backup' && run.setId === setId && run.runId !== jobId && run.state !== 'cancelled');
    return before?.state === 'failed' && before.error?.code === error?.code;
  }

  #failed({ kind, setId }: Job): string {
    switch (kind) {
      case 'backup':
        return `${this.#quoted(setId)} could not be backed up`;
      case 'verify':
        return 'The check of the backup did not finish';
      case 'restore':
      case 'restore-plan':
        return 'The restore did not finish';
      case 'undo':
        return 'The restore could not be taken back';
      default:
        return assertNever(kind);
    }
  }

  #done({ kind, setId }: Job): string {
    switch (kind) {
      case 'backup':
        return `${this.#quoted(setId)} is backed up`;
      case 'verify':
        return 'The check of the backup is done';
      case 'restore':
      case 'restore-plan':
        return 'The restore is done';
      case 'undo':
        return 'The restore was taken back';
      default:
        return assertNever(kind);
    }
  }

  #quoted(setId: string | null): string {
    const name = setId === null ? undefined : this.#options.nameOf(setId);
    return name === undefined ? 'A backup set' : `“${name}”`;
  }
}

function damageNotice({ damageCount }: { readonly damageCount: number }): Notice {
  return {
    title: damageCount === 1 ? 'The backup has a damaged part' : `The backup has ${damageCount} damaged parts`,
    body: 'Everything else in it can be restored. Open Cairn to see which files are affected.',
  };
}

function staleNotice(name: string, alarm: StaleAlarm): Notice {
  const title =
    alarm.kind === 'missed'
      ? `“${name}” is not being backed up`
      : `No good backup of “${name}” for ${days(alarm.days)}`;
  const last =
    alarm.since === null ? 'It was never backed up.' : `The last good backup was on ${alarm.since.slice(0, 10)}.`;
  const missed = alarm.kind === 'missed' ? `${alarm.runs} runs were missed. ` : '';
  return { title, body: `${missed}${last} Open Cairn to see why.` };
}

const days = (count: number): string => (count === 1 ? '1 day' : `${count} days`);
