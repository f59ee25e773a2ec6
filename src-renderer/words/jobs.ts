/** Jobs, runs and what came of them. A cancelled job has not failed, and a backup with problems is still a backup. */
import { assertNever } from '../../src-shared/assert.ts';
import { formatBytes } from '../../src-shared/format/index.ts';
import type { Job, JobKind, JobOutcome, JobProgress, Run, VerifyDepthName } from '../../src-shared/model/index.ts';
import { count, plural } from './count.ts';
import { ERROR_WORDS } from './errors.ts';
import type { Tone } from './verdict.ts';

export const JOB_TITLES: Readonly<Record<JobKind, string>> = {
  backup: 'Back up',
  verify: 'Check',
  restore: 'Restore',
  'restore-plan': 'Count what a restore would do',
  undo: 'Take back a restore',
};

export const JOB_RUNNING: Readonly<Record<JobKind, string>> = {
  backup: 'Backing up',
  verify: 'Checking the backup',
  restore: 'Restoring',
  'restore-plan': 'Counting',
  undo: 'Taking the restore back',
};

export const PHASES: Readonly<Record<JobProgress['phase'], string>> = {
  scan: 'Looking for changes',
  backup: 'Copying what is new',
  publish: 'Finishing the snapshot',
  restore: 'Writing files',
  verify: 'Reading and comparing',
};

export const DEPTHS: Readonly<
  Record<VerifyDepthName, { readonly name: string; readonly title: string; readonly explains: string }>
> = {
  quick: {
    name: 'Quick',
    title: 'Quick check',
    explains: 'Every file of the backup is there, has the right size and the right name. Seconds to minutes.',
  },
  sample: {
    name: 'Sample',
    title: 'Sample check',
    explains: 'A quick check, and one part in twenty read back in full. A different part each time.',
  },
  deep: {
    name: 'Deep',
    title: 'Deep check',
    explains: 'Every byte is read, opened and compared with its fingerprint. As long as reading the whole drive.',
  },
};

export function jobHeadline(job: Job): string {
  switch (job.state) {
    case 'queued':
      return `${JOB_TITLES[job.kind]}: waiting for the job before it`;
    case 'running':
      return JOB_RUNNING[job.kind];
    case 'cancelling':
      return 'Stopping safely';
    case 'cancelled':
      return `${JOB_TITLES[job.kind]}: cancelled`;
    case 'failed':
      return job.error === null ? `${JOB_TITLES[job.kind]}: did not finish` : ERROR_WORDS[job.error.code].title;
    case 'done':
      return job.outcome === null ? 'Done' : outcomeHeadline(job.outcome);
    default:
      return assertNever(job.state);
  }
}

export function outcomeHeadline(outcome: JobOutcome): string {
  switch (outcome.kind) {
    case 'backup': {
      const files = outcome.report.filesNew + outcome.report.filesChanged;
      if (outcome.problemCount > 0) return `Backed up, except ${plural(outcome.problemCount, 'file')}`;
      return files === 0 ? 'Backed up. Nothing had changed' : `Backed up ${plural(files, 'file')}`;
    }
    case 'verify':
      return outcome.damageCount === 0
        ? `${DEPTHS[outcome.depth].title} passed`
        : `Found ${plural(outcome.damageCount, 'damage')}`;
    case 'restore': {
      const files = outcome.report.restored + outcome.report.replaced;
      if (outcome.problemCount > 0) {
        return `Restored ${plural(files, 'item')}, except ${count(outcome.problemCount)}`;
      }
      return files === 0 ? 'Everything was there already' : `Restored ${plural(files, 'item')}`;
    }
    case 'restore-plan':
      return 'Counted';
    case 'undo':
      return 'The restore was taken back';
    default:
      return assertNever(outcome);
  }
}

export function outcomeDetail(outcome: JobOutcome): string {
  switch (outcome.kind) {
    case 'backup':
      return `${formatBytes(outcome.report.bytesStored)} added to the drive`;
    case 'verify':
      return outcome.report.coverage === undefined
        ? `${plural(outcome.report.checked.snapshots, 'snapshot')} checked`
        : `${formatBytes(outcome.report.coverage.bytes)} read, ${plural(outcome.report.checked.snapshots, 'snapshot')}`;
    case 'restore':
    case 'restore-plan':
      return `in ${outcome.place.path}`;
    case 'undo':
      return `${plural(outcome.report.broughtBack, 'file')} brought back, ${count(outcome.report.removed)} removed`;
    default:
      return assertNever(outcome);
  }
}

export function jobTone(job: Job): Tone {
  switch (job.state) {
    case 'queued':
    case 'cancelled':
      return 'idle';
    case 'running':
    case 'cancelling':
      return 'good';
    case 'failed':
      return job.error?.code === 'engine/cancelled' || job.error?.code === 'destination/gone' ? 'away' : 'bad';
    case 'done':
      return job.outcome === null ? 'good' : outcomeTone(job.outcome);
    default:
      return assertNever(job.state);
  }
}

export function outcomeTone(outcome: JobOutcome): Tone {
  switch (outcome.kind) {
    case 'backup':
    case 'restore':
    case 'restore-plan':
      return outcome.problemCount > 0 ? 'attention' : 'good';
    case 'verify':
      return outcome.damageCount > 0 ? 'bad' : 'good';
    case 'undo':
      return outcome.report.problems.length > 0 ? 'attention' : 'good';
    default:
      return assertNever(outcome);
  }
}

export const RUN_TITLES: Readonly<Record<Run['kind'], string>> = {
  backup: 'Backup',
  verify: 'Check',
  restore: 'Restore',
  undo: 'Restore taken back',
};

export type RunWords = { readonly tone: Tone; readonly state: string };

export function runWords(run: Run): RunWords {
  switch (run.state) {
    case 'done':
      if (run.problemCount === 0) return { tone: 'good', state: 'Done' };
      return run.kind === 'verify'
        ? { tone: 'bad', state: plural(run.problemCount, 'damage') }
        : { tone: 'attention', state: plural(run.problemCount, 'problem') };
    case 'cancelled':
      return { tone: 'idle', state: 'Cancelled' };
    case 'interrupted':
      return { tone: 'away', state: 'Interrupted' };
    case 'failed':
      return run.error?.code === 'destination/gone'
        ? { tone: 'away', state: 'Drive was away' }
        : { tone: 'bad', state: 'Did not finish' };
    default:
      return assertNever(run.state);
  }
}

export const jobs = {
  cancel: 'Cancel',
  cancelling: 'Stopping…',
  dismiss: 'Dismiss',
  openFolder: 'Open folder',
  undo: 'Undo',
  partlyRestored: 'What was restored until then is in its place. Undo takes it back.',
  details: 'Details',
  of: (done: string, total: string) => `${done} of ${total}`,
  noCurrent: 'Preparing',
  rateLabel: (rate: string) => `Speed over the last minute, now ${rate}`,
  more: (number: number) => `${count(number)} more waiting`,
  announcePercent: (title: string, percent: number) => `${title}: ${percent} percent.`,
  announceEnd: (headline: string, detail: string) => `${headline}. ${detail}`,
  bar: 'Running job',
} as const;
