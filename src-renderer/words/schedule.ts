/** When a set runs, in words: a schedule as a sentence, and the sheet it is changed on. */
import { assertNever } from '../../src-shared/assert.ts';
import type { RunConditions, Schedule, Timing, Weekday } from '../../src-shared/model/index.ts';
import { count, list, plural } from './count.ts';

export const WEEKDAYS: Readonly<Record<Weekday, { readonly name: string; readonly short: string }>> = {
  monday: { name: 'Monday', short: 'Mon' },
  tuesday: { name: 'Tuesday', short: 'Tue' },
  wednesday: { name: 'Wednesday', short: 'Wed' },
  thursday: { name: 'Thursday', short: 'Thu' },
  friday: { name: 'Friday', short: 'Fri' },
  saturday: { name: 'Saturday', short: 'Sat' },
  sunday: { name: 'Sunday', short: 'Sun' },
};

const HOURS_OF_A_DAY = 24;
const HOURS_OF_A_WEEK = 168;

function everyHours(hours: number): string {
  if (hours === HOURS_OF_A_DAY) return 'every day';
  if (hours === HOURS_OF_A_WEEK) return 'every week';
  return hours === 1 ? 'every hour' : `every ${count(hours)} hours`;
}

function everyMinutes(minutes: number): string {
  if (minutes === 1) return 'Every minute';
  return minutes % 60 === 0 && minutes > 60 ? `Every ${count(minutes / 60)} hours` : `Every ${count(minutes)} minutes`;
}

/** “As things change”, “Every day at 21:00”. */
export function timingWords(timing: Timing): string {
  switch (timing.kind) {
    case 'manual':
      return 'Only when you ask for it';
    case 'continuous':
      return 'As things change';
    case 'minutes':
      return timing.every === 60 ? 'Every hour' : everyMinutes(timing.every);
    case 'hourly':
      return timing.minute === 0 ? 'Every hour' : `Every hour, ${plural(timing.minute, 'minute')} past`;
    case 'daily':
      return `Every day at ${timing.at}`;
    case 'weekly':
      return timing.days.length === 7
        ? `Every day at ${timing.at}`
        : `${list(
            timing.days.map((day) => `${WEEKDAYS[day].name}s`),
            7,
          )} at ${timing.at}`;
    case 'cron':
      return `By the rule “${timing.text}”`;
    default:
      return assertNever(timing);
  }
}

function conditionWords({ onlyOnMainsPower, notOnMetered, onlyWhenIdleMinutes }: RunConditions): readonly string[] {
  return [
    ...(onlyOnMainsPower ? ['only on mains power'] : []),
    ...(notOnMetered ? ['not on metered networks'] : []),
    ...(onlyWhenIdleMinutes === null ? [] : [`after ${plural(onlyWhenIdleMinutes, 'minute')} without you`]),
  ];
}

/** All of it: “Every day at 21:00 and when the drive is connected, only on mains power”. */
export function scheduleWords({ timing, whenDriveConnected, conditions }: Schedule): string {
  const fullLook = timing.kind === 'continuous' ? `, with a full look ${everyHours(timing.fullScanEveryHours)}` : '';
  const drive = whenDriveConnected && timing.kind !== 'continuous' ? ' and when the drive is connected' : '';
  return [`${timingWords(timing)}${fullLook}${drive}`, ...conditionWords(conditions)].join(', ');
}

type TimingKind = Timing['kind'];

export const TIMINGS: Readonly<Record<TimingKind, { readonly title: string; readonly explains: string }>> = {
  continuous: {
    title: 'As things change',
    explains: 'Each change is backed up seconds after it comes to rest. This costs almost nothing.',
  },
  minutes: { title: 'Every few minutes', explains: '' },
  hourly: { title: 'Every hour', explains: '' },
  daily: { title: 'Every day', explains: '' },
  weekly: { title: 'On some days of the week', explains: '' },
  cron: { title: 'By a cron rule', explains: '' },
  manual: { title: 'Only when I ask for it', explains: 'Cairn tells you when the last backup gets old.' },
};

export const schedule = {
  title: 'When to back up',
  description: (name: string) => `“${name}”. Missed runs are caught up once, after sleep or a restart.`,
  change: 'Change when',
  timing: 'Back up',
  recommended: 'Recommended',
  fullScan: 'A full look, to prove that no change was missed',
  fullScans: { 6: 'Every 6 hours', 24: 'Every day', 72: 'Every 3 days', 168: 'Every week' } as Readonly<
    Record<number, string>
  >,
  fullScanOther: (hours: number) => `Every ${count(hours)} hours`,
  every: 'Minutes from one run to the next',
  minute: 'Minutes past the hour',
  at: 'Time of day',
  days: 'Days',
  cron: 'Cron rule',
  cronHint: 'Minute, hour, day of the month, month, weekday: “0 21 * * 1-5” is 21:00 on working days.',
  drive: 'Also when the drive is connected',
  driveHint: 'A run begins as soon as you plug it in.',
  conditions: 'Only when it does not disturb',
  conditionsHint: '“Back up now” waits for none of these.',
  mains: 'Only on mains power',
  metered: 'Not on metered networks',
  idle: 'Only while nobody uses the computer',
  idleMinutes: 'Minutes without a key or a click',
  stale: 'Tell me when backups stop',
  staleHint: 'One message, and none while all is well.',
  staleDays: 'Days without a good backup',
  wrong: {
    number: (from: number, to: number) => `A whole number from ${count(from)} to ${count(to)}.`,
    days: 'Choose at least one day.',
    cron: 'Five parts, with spaces between them.',
    time: 'A time like 21:00.',
  },
  saved: 'Saved',
  save: 'Save',
} as const;
