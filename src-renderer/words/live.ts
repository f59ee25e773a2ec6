/** How current a set is, and what its next run waits for: one title and one sentence. Absence and waiting are no errors. */
import { assertNever } from '../../src-shared/assert.ts';
import type { BackupSet, DayOfRuns, DayState, Destination, Live } from '../../src-shared/model/index.ts';
import { formatBytes } from '../../src-shared/format/index.ts';
import { count, plural } from './count.ts';
import { scheduleWords } from './schedule.ts';
import { dateName, exactMoment, moment, shortMoment, since } from './time.ts';
import type { Tone } from './verdict.ts';

/** What kind of thing it is, for a picture. */
export type LiveKind = 'watching' | 'working' | 'paused' | 'waiting' | 'clock' | 'hand' | 'attention';

export type LiveWords = {
  readonly kind: LiveKind;
  readonly tone: Tone;
  readonly title: string;
  readonly detail: string;
};

export function pausedWords(until: string | null, nowMs: number): string {
  return until === null || until === 'forever'
    ? 'Paused until you resume it'
    : `Paused until ${shortMoment(until, nowMs)}`;
}

/** A person's question is “is it safe, and if not yet, what is it waiting for?”: what holds it back comes first. */
export function liveWords(set: BackupSet, destination: Destination | null, nowMs: number): LiveWords {
  if (set.pausedUntil !== null) {
    const detail = 'Nothing is backed up by itself meanwhile. “Back up now” still works.';
    return { kind: 'paused', tone: 'idle', title: pausedWords(set.pausedUntil, nowMs), detail };
  }
  return waitWords(set, destination, nowMs) ?? watchWords(set.live, set) ?? clockWords(set, nowMs);
}

function waitWords(set: BackupSet, destination: Destination | null, nowMs: number): LiveWords | null {
  const { waitsFor, at } = set.nextRun;
  const name = destination?.name ?? 'the drive';
  const due = at !== null && Date.parse(at) <= nowMs ? `Due since ${shortMoment(at, nowMs)}. ` : '';
  const waiting = (title: string, detail: string): LiveWords => ({ kind: 'waiting', tone: 'away', title, detail });
  switch (waitsFor) {
    case 'drive': {
      const away = destination?.awaySince ?? null;
      const since_ = away === null ? '' : `Away for ${since(away, nowMs)}. `;
      return waiting(`Waiting for ${name}`, `${since_}Cairn goes on when you plug it in.`);
    }
    case 'password':
      return { ...waiting(`Waiting for the password of ${name}`, 'Unlock it, and Cairn goes on.'), tone: 'attention' };
    case 'power':
      return waiting('Waiting for mains power', `${due}It runs as soon as the computer is plugged in.`);
    case 'network':
      return waiting('Waiting for another network', `${due}This one is metered. It runs on the next one that is not.`);
    case 'idle': {
      const minutes = set.schedule.conditions.onlyWhenIdleMinutes ?? 0;
      return waiting('Waiting until you take a break', `${due}It runs after ${plural(minutes, 'minute')} without you.`);
    }
    case 'pause':
      return { ...waiting(pausedWords(at, nowMs), 'Nothing is backed up by itself meanwhile.'), kind: 'paused' };
    case 'time':
    case 'changes':
    case null:
      return null;
    default:
      return assertNever(waitsFor);
  }
}

function watchWords(live: Live, set: BackupSet): LiveWords | null {
  switch (live.state) {
    case 'off':
      return null;
    case 'starting':
      return {
        kind: 'working',
        tone: 'good',
        title: 'Getting ready to watch',
        detail: 'Everything is looked at once, so that no change is missed.',
      };
    case 'watching':
      return {
        kind: 'watching',
        tone: 'good',
        title: 'Watching',
        detail: 'Changes are protected within seconds.',
      };
    case 'settling':
      return {
        kind: 'working',
        tone: 'good',
        title: `Changes in ${plural(live.changedFolders, 'folder')}`,
        detail: 'They are backed up as soon as they come to rest.',
      };
    case 'backing-up':
      return {
        kind: 'working',
        tone: 'good',
        title: 'Backing up what changed',
        detail:
          live.changedFolders === 0
            ? 'It takes a moment.'
            : `In ${plural(live.changedFolders, 'folder')}. It takes a moment.`,
      };
    case 'scan-only':
      return {
        kind: 'attention',
        tone: 'attention',
        title: 'Looking for changes now and then',
        detail: `${live.reason ?? 'This system does not tell of changes here.'} So everything is looked at in intervals.`,
      };
    case 'source-gone':
      return {
        kind: 'attention',
        tone: 'attention',
        title: 'There is nothing to watch',
        detail: `${set.sources.length === 1 ? 'The protected folder' : 'A protected folder'} is not there. Its files in earlier snapshots are safe.`,
      };
    default:
      return assertNever(live.state);
  }
}

function clockWords(set: BackupSet, nowMs: number): LiveWords {
  const { at } = set.nextRun;
  if (at !== null) {
    const title = Date.parse(at) <= nowMs ? 'Next: now' : `Next: ${moment(at, nowMs)}`;
    return { kind: 'clock', tone: 'idle', title, detail: scheduleWords(set.schedule) };
  }
  if (set.schedule.timing.kind === 'manual')
    return { kind: 'hand', tone: 'idle', title: 'Only when you ask for it', detail: 'Nothing runs by itself.' };
  return { kind: 'clock', tone: 'idle', title: 'Next: as soon as it is due', detail: scheduleWords(set.schedule) };
}

export const live = {
  when: 'When',
  protectedUntil: (time: string, nowMs: number) => `Everything up to ${exactMoment(time, nowMs)} is protected`,
  changeSchedule: 'Change',
  changeScheduleOf: (name: string) => `Change when “${name}” is backed up`,
  pause: 'Pause',
  pauseAll: 'Pause backups',
  resume: 'Resume',
  pauses: { hour: 'For 1 hour', fourHours: 'For 4 hours', tomorrow: 'Until tomorrow', forever: 'Until I resume' },
  pausedPill: 'Paused',
  levels: { paused: 'Paused' },
  changed: (folders: number) => plural(folders, 'folder'),
} as const;

export const DAY_STATES: Readonly<Record<DayState, string>> = {
  good: 'all good',
  problems: 'with problems',
  failed: 'did not finish',
  none: 'no backup',
  paused: 'paused',
};

/** “Friday 20 November: 4 runs, all good, 312 MB added”. */
export function dayWords(day: DayOfRuns): string {
  const date = dateName(Date.parse(`${day.date}T12:00`));
  if (day.runs === 0 && day.snapshots === 0) return `${date}: ${DAY_STATES[day.state]}`;
  // What is backed up as it happens is no run.
  const what = day.runs === 0 ? plural(day.snapshots, 'snapshot') : plural(day.runs, 'run');
  const added = day.bytesStored > 0 ? `, ${formatBytes(day.bytesStored)} added` : '';
  return `${date}: ${what}, ${DAY_STATES[day.state]}${added}`;
}

export const days = {
  title: 'The last 30 days',
  table: 'As a table',
  columns: { date: 'Day', runs: 'Runs', state: 'How it went', snapshots: 'Snapshots', added: 'Added' },
  today: 'Today',
  daysAgo: (number: number) => `${count(number)} days ago`,
  summary: (rows: readonly DayOfRuns[]): string => {
    const withRuns = rows.filter(({ state }) => state === 'good' || state === 'problems').length;
    const failed = rows.filter(({ state }) => state === 'failed').length;
    const bytes = rows.reduce((sum, { bytesStored }) => sum + bytesStored, 0);
    const added = bytes > 0 ? `, ${formatBytes(bytes)} added` : '';
    const trouble = failed === 0 ? '' : `. On ${plural(failed, 'day')} it did not finish`;
    return `Backed up on ${count(withRuns)} of ${plural(rows.length, 'day')}${added}${trouble}.`;
  },
} as const;
