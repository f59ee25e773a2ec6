/**
 * A timing in one line, as a person types it and as it is shown: “every 15m”, “daily 21:00”, “weekly mon,thu 21:00”. What is
 * read is written back in one form, so the two can be compared. Whether a cron text means anything is for the engine to
 * say.
 */
import { assertNever } from '../assert.ts';
import { CairnError } from '../errors.ts';
import type { Timing, Weekday } from '../model/index.ts';

/** In the order of the week. */
export const WEEKDAYS: readonly Weekday[] = [
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
];
/** What a schedule and its commands may hold, and what stands in where a person said nothing. */
export const SCHEDULE_LIMITS = {
  intervalMinutesMax: 7 * 24 * 60,
  fullScanHoursDefault: 24,
  fullScanHoursMax: 168,
  idleMinutesMax: 24 * 60,
  staleDaysMax: 3650,
  hookSecondsDefault: 600,
  hookSecondsMax: 24 * 60 * 60,
  hookArgumentsMax: 64,
  hookArgumentLengthMax: 4096,
} as const;
export const TIME_OF_DAY = /^(?:[01]\d|2[0-3]):[0-5]\d$/;

const MINUTES_PER_HOUR = 60;
const SHORT_LENGTH = 3;
const HINT =
  'It is one of: manual, continuous, “every 15m”, “every 4h”, “hourly :15”, “daily 21:00”, “weekly mon,thu 21:00”, “cron: 0 21 * * *”.';

/** @throws CairnError usage/invalid */
export function parseTiming(text: string): Timing {
  const cron = /^cron[:\s](.*)$/is.exec(text.trim())?.[1];
  if (cron !== undefined) return { kind: 'cron', text: oneSpaced(cron) };
  return parseWords(oneSpaced(text.toLowerCase()).split(' ')) ?? refuse(text);
}

function oneSpaced(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ');
}

function parseWords([kind, first, second, ...more]: readonly string[]): Timing | undefined {
  const count = first === undefined ? 0 : second === undefined ? 1 : 2 + more.length;
  if (kind === 'manual' && count === 0) return { kind };
  if (kind === 'continuous' && count === 0) return { kind, fullScanEveryHours: SCHEDULE_LIMITS.fullScanHoursDefault };
  if (kind === 'every' && count === 1) return parseInterval(first ?? '');
  if (kind === 'hourly' && count <= 1) return parseHourly(first ?? ':00');
  if (kind === 'daily' && count === 1) return TIME_OF_DAY.test(first ?? '') ? { kind, at: first ?? '' } : undefined;
  if (kind === 'weekly' && count === 2) return parseWeekly(first ?? '', second ?? '');
  return undefined;
}

function parseInterval(text: string): Timing | undefined {
  const [, digits = '', unit] = /^(\d{1,5})(m|min|h)$/.exec(text) ?? [];
  const every = Number(digits) * (unit === 'h' ? MINUTES_PER_HOUR : 1);
  return every >= 1 && every <= SCHEDULE_LIMITS.intervalMinutesMax ? { kind: 'minutes', every } : undefined;
}

function parseHourly(text: string): Timing | undefined {
  const digits = /^:?([0-5]?\d)$/.exec(text)?.[1];
  return digits === undefined ? undefined : { kind: 'hourly', minute: Number(digits) };
}

function parseWeekly(text: string, at: string): Timing | undefined {
  const names = text.split(',').filter((name) => name !== '');
  const found = names.map((name) => WEEKDAYS.find((day) => day === name || day.slice(0, SHORT_LENGTH) === name));
  if (found.length === 0 || found.includes(undefined) || !TIME_OF_DAY.test(at)) return undefined;
  return { kind: 'weekly', days: WEEKDAYS.filter((day) => found.includes(day)), at };
}

function refuse(text: string): never {
  throw new CairnError('usage/invalid', `“${text.slice(0, 80)}” is not a schedule.`, { hint: HINT });
}

/** The text that parseTiming reads back; of a continuous set's full scans it says nothing. */
export function formatTiming(timing: Timing): string {
  switch (timing.kind) {
    case 'manual':
    case 'continuous':
      return timing.kind;
    case 'minutes': {
      const isWholeHours = timing.every % MINUTES_PER_HOUR === 0;
      return `every ${isWholeHours ? `${timing.every / MINUTES_PER_HOUR}h` : `${timing.every}m`}`;
    }
    case 'hourly':
      return `hourly :${String(timing.minute).padStart(2, '0')}`;
    case 'daily':
      return `daily ${timing.at}`;
    case 'weekly':
      return `weekly ${timing.days.map((day) => day.slice(0, SHORT_LENGTH)).join(',')} ${timing.at}`;
    case 'cron':
      return `cron: ${timing.text}`;
    default:
      return assertNever(timing);
  }
}
