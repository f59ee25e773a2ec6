/** The verdict in plain words: one headline, one sentence, and for each reason what is so and the one thing to do. */
import { assertNever } from '../../src-shared/assert.ts';
import { formatBytes } from '../../src-shared/format/index.ts';
import type { Overview, Verdict, VerdictReason } from '../../src-shared/model/index.ts';
import { plural } from './count.ts';
import { ERROR_WORDS } from './errors.ts';
import { ago, since } from './time.ts';

export type Tone = 'good' | 'attention' | 'bad' | 'away' | 'idle';

export type ReasonAction =
  | { readonly kind: 'backup'; readonly setId: string }
  | { readonly kind: 'verify'; readonly destinationId: string }
  | { readonly kind: 'integrity'; readonly destinationId: string }
  | { readonly kind: 'unlock'; readonly destinationId: string }
  | { readonly kind: 'activity' }
  | { readonly kind: 'folders'; readonly setId: string }
  | { readonly kind: 'none' };

export type ReasonWords = {
  readonly tone: Tone;
  readonly title: string;
  readonly detail: string;
  readonly action: ReasonAction;
  readonly actionLabel: string;
};

type Names = { readonly set: (setId: string) => string; readonly destination: (destinationId: string) => string };

const NO_ACTION = { action: { kind: 'none' }, actionLabel: '' } as const;

export function namesOf(overview: Overview): Names {
  return {
    set: (setId) => overview.sets.find((set) => set.setId === setId)?.name ?? 'the backup',
    destination: (id) => overview.destinations.find((row) => row.destinationId === id)?.name ?? 'the drive',
  };
}

const VERDICT_HEADLINES: Readonly<Record<Verdict['level'], string>> = {
  empty: 'Nothing is protected yet',
  good: 'Everything is backed up',
  attention: 'Your files are safe, but something wants your attention',
  bad: 'Your backup needs you now',
};

/** The headline names the worst reason where one says it better than a general sentence. */
export function verdictHeadline(verdict: Verdict, names: Names): string {
  const worst = verdict.reasons[0];
  if (worst === undefined || verdict.level === 'good') return VERDICT_HEADLINES[verdict.level];
  switch (worst.kind) {
    case 'no-set':
      return VERDICT_HEADLINES.empty;
    case 'damage':
      return 'A part of your backup is damaged';
    case 'unusable':
      return `${names.destination(worst.destinationId)} can’t be opened`;
    case 'other-repository':
      return `Another backup stands in the place of ${names.destination(worst.destinationId)}`;
    case 'last-failed':
      return 'The last backup did not finish';
    case 'never-backed-up':
      return 'Waiting for the first backup';
    case 'stale':
      return 'The last backup was a while ago';
    case 'source-gone':
      return 'A protected folder is not there';
    case 'locked':
      return `${names.destination(worst.destinationId)} is locked`;
    case 'space-low':
      return `${names.destination(worst.destinationId)} is nearly full`;
    case 'problems':
      return `Backed up, except ${plural(worst.count, 'file')}`;
    case 'away':
      return `Waiting for ${names.destination(worst.destinationId)}`;
    case 'never-verified':
      return 'Backed up, and not yet checked';
    case 'verified-long-ago':
      return 'Backed up, and due for a check';
    default:
      return assertNever(worst);
  }
}

export function reasonWords(reason: VerdictReason, names: Names, nowMs: number): ReasonWords {
  switch (reason.kind) {
    case 'no-set':
      return {
        tone: 'idle',
        title: 'Nothing is protected yet',
        detail: 'Choose folders and a place to keep them, and Cairn does the rest.',
        ...NO_ACTION,
      };
    case 'damage':
      return {
        tone: 'bad',
        title: `${plural(reason.count, 'damage')} on ${names.destination(reason.destinationId)}`,
        detail: 'Everything else stays readable. The report names the files and snapshots that are affected.',
        action: { kind: 'integrity', destinationId: reason.destinationId },
        actionLabel: 'See what is affected',
      };
    case 'never-verified':
      return {
        tone: 'attention',
        title: `${names.destination(reason.destinationId)} has never been checked`,
        detail: 'A quick check takes seconds and shows that the backup can be read back.',
        action: { kind: 'verify', destinationId: reason.destinationId },
        actionLabel: 'Check now',
      };
    case 'verified-long-ago':
      return {
        tone: 'attention',
        title: `${names.destination(reason.destinationId)} was last checked ${ago(reason.since, nowMs)}`,
        detail: 'Drives age silently. A check finds damage while there is time to do something about it.',
        action: { kind: 'verify', destinationId: reason.destinationId },
        actionLabel: 'Check now',
      };
    case 'last-failed':
    case 'never-backed-up':
    case 'stale':
    case 'source-gone':
    case 'problems':
      return setReason(reason, names, nowMs);
    case 'unusable':
    case 'other-repository':
    case 'locked':
    case 'space-low':
    case 'away':
      return destinationReason(reason, names, nowMs);
    default:
      return assertNever(reason);
  }
}

type SetReason = Extract<
  VerdictReason,
  { kind: 'last-failed' | 'never-backed-up' | 'stale' | 'source-gone' | 'problems' }
>;

function setReason(reason: SetReason, names: Names, nowMs: number): ReasonWords {
  const backup = { kind: 'backup', setId: reason.setId } as const;
  switch (reason.kind) {
    case 'last-failed': {
      const error = ERROR_WORDS[reason.error.code];
      return {
        tone: 'bad',
        title: error.title,
        detail: `${error.safe} ${error.advice}`,
        action: backup,
        actionLabel: 'Try again',
      };
    }
    case 'never-backed-up':
      return {
        tone: 'attention',
        title: `${names.set(reason.setId)} has no backup yet`,
        detail: 'Your files exist once, on this computer. The first backup gives them a second home.',
        action: backup,
        actionLabel: 'Back up now',
      };
    case 'stale':
      return {
        tone: 'attention',
        title: `No backup for ${since(reason.since, nowMs)}`,
        detail: 'What changed since then exists once, on this computer.',
        action: backup,
        actionLabel: 'Back up now',
      };
    case 'source-gone':
      return {
        tone: 'attention',
        title: `${reason.path} is not there`,
        detail: 'Its files in earlier snapshots are safe. Connect its drive or change the protected folders.',
        action: { kind: 'folders', setId: reason.setId },
        actionLabel: 'Change folders',
      };
    case 'problems':
      return {
        tone: 'attention',
        title: `${plural(reason.count, 'file')} could not be read`,
        detail: 'Everything else is in the backup. Earlier copies of these files stay where they are.',
        action: { kind: 'activity' },
        actionLabel: 'See which',
      };
    default:
      return assertNever(reason);
  }
}

type DestinationReason = Extract<
  VerdictReason,
  { kind: 'unusable' | 'other-repository' | 'locked' | 'space-low' | 'away' }
>;

function destinationReason(reason: DestinationReason, names: Names, nowMs: number): ReasonWords {
  const name = names.destination(reason.destinationId);
  switch (reason.kind) {
    case 'unusable':
      return {
        tone: 'bad',
        title: `${name} is there and can’t be opened`,
        detail: 'Cairn has not written to it. The log says what it found.',
        action: { kind: 'activity' },
        actionLabel: 'Open the log',
      };
    case 'other-repository':
      return {
        tone: 'bad',
        title: `Another backup stands in the place of ${name}`,
        detail: 'Nothing was written to it. Connect the drive that belongs to this backup set.',
        ...NO_ACTION,
      };
    case 'locked':
      return {
        tone: 'attention',
        title: `${name} is locked`,
        detail: 'Cairn needs the password before it can back up or restore.',
        action: { kind: 'unlock', destinationId: reason.destinationId },
        actionLabel: 'Unlock',
      };
    case 'space-low':
      return {
        tone: 'attention',
        title: `${name} has ${formatBytes(reason.freeBytes)} left`,
        detail: 'Free some space on it before the next large backup.',
        ...NO_ACTION,
      };
    case 'away':
      return {
        tone: 'away',
        title: `${name} is not connected`,
        detail:
          reason.since === null
            ? 'Cairn continues when you plug it in.'
            : `Away for ${since(reason.since, nowMs)}. Cairn continues when you plug it in.`,
        ...NO_ACTION,
      };
    default:
      return assertNever(reason);
  }
}

export const verdict = {
  levels: {
    empty: 'Not set up',
    good: 'Backed up',
    attention: 'Attention',
    bad: 'Needs you now',
  } satisfies Record<Verdict['level'], string>,
  waiting: 'Drive away',
} as const;
