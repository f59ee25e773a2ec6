/**
 * When a timing comes round, by the wall clock of a time zone. Everything that has to do with calendars and with summer
 * time is croner's; here stands only what Cairn asks of it, held by an oracle of its own in the tests:
 *
 *   - a time of day that a spring night skips comes when the gap ends, once;
 *   - a time of day that an autumn night has twice comes at the first of the two;
 *   - “hourly” and cron texts with a star come whenever the clock shows them, in real time.
 */
import { Cron } from 'croner';
import { assertNever } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import type { Timing, Weekday } from '../../../src-shared/model/index.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Far beyond any real one; bounds what is parsed. */
const CRON_LENGTH_MAX = 256;
const FIVE_FIELDS = /^\S+(?: \S+){4}$/;
/** What lies outside is no date any more. */
const DATE_MS_MAX = 8.64e15;

const CRON_DAYS = {
  monday: 1,
  tuesday: 2,
  wednesday: 3,
  thursday: 4,
  friday: 5,
  saturday: 6,
  sunday: 0,
} as const satisfies Record<Weekday, number>;

/** The first time after a moment; null: none by the clock, or none any more. */
export function occurrenceAfter(timing: Timing, afterMs: number, timeZone: string): number | null {
  switch (timing.kind) {
    case 'manual':
      return null;
    case 'continuous':
      return afterMs + timing.fullScanEveryHours * HOUR_MS;
    case 'minutes':
      return afterMs + timing.every * MINUTE_MS;
    case 'hourly':
      return cronAfter(`${timing.minute} * * * *`, afterMs, timeZone);
    case 'daily':
      return cronAfter(`${minuteAndHour(timing.at)} * * *`, afterMs, timeZone);
    case 'weekly': {
      const days = timing.days.map((day) => CRON_DAYS[day]).join(',');
      return cronAfter(`${minuteAndHour(timing.at)} * * ${days}`, afterMs, timeZone);
    }
    case 'cron':
      return cronAfter(timing.text, afterMs, timeZone);
    default:
      return assertNever(timing);
  }
}

/**
 * A cron text that means something, and comes round at all.
 * @throws CairnError usage/invalid
 */
export function checkCron(text: string): void {
  const hint =
    'Five fields: minute, hour, day of the month, month, weekday. “0 21 * * 1-5” is 21:00 from Monday to Friday.';
  const shown = `“${text.slice(0, 80)}”`;
  if (text.length > CRON_LENGTH_MAX || !FIVE_FIELDS.test(text))
    throw new CairnError('usage/invalid', `${shown} does not have the five fields of a cron text.`, { hint });
  let comes: number | null;
  try {
    comes = cronAfter(text, 0, 'UTC');
  } catch (error) {
    if (error instanceof CairnError || !(error instanceof Error)) throw error;
    const reason = error.message.replace(/^CronPattern: /, '');
    throw new CairnError('usage/invalid', `${shown} is not a cron text: ${reason}`, { hint, cause: error });
  }
  if (comes === null) throw new CairnError('usage/invalid', `${shown} never comes round.`, { hint });
}

/** The zone of this computer; one that its system can't name is UTC. */
export function systemTimeZone(): string {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions() as { timeZone?: string };
  return timeZone === undefined || timeZone === 'Etc/Unknown' ? 'UTC' : timeZone;
}

function cronAfter(pattern: string, afterMs: number, timezone: string): number | null {
  if (Math.abs(afterMs) > DATE_MS_MAX) return null;
  const cron = new Cron(pattern, { mode: '5-part', fixedTimeRule: 'no-wildcard', timezone, paused: true });
  return cron.nextRun(new Date(afterMs))?.getTime() ?? null;
}

function minuteAndHour(at: string): string {
  const [hour = '', minute = ''] = at.split(':');
  return `${Number(minute)} ${Number(hour)}`;
}
