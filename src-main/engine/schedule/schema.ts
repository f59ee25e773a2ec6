/**
 * The shapes of a schedule and of what goes with it, checked wherever they come from: a file that a person edits, a
 * repository that somebody else may have written, a command. The bounds keep out slips and what only an attacker writes.
 */
import * as v from 'valibot';
import { isCairnError } from '../../../src-shared/errors.ts';
import { SCHEDULE_LIMITS as LIMITS, TIME_OF_DAY, WEEKDAYS } from '../../../src-shared/format/index.ts';
import type { Hooks, PausedUntil, RunConditions, Schedule, Timing } from '../../../src-shared/model/index.ts';
import { checkCron } from './occurrences.ts';
import { checkWebhook } from './webhook-url.ts';

/** What a set whose person said nothing does: it runs when it is asked to, and a week of silence is told. */
export const SCHEDULE_DEFAULTS: Schedule = {
  timing: { kind: 'manual' },
  whenDriveConnected: false,
  conditions: { onlyOnMainsPower: false, notOnMetered: false, onlyWhenIdleMinutes: null },
  staleAfterDays: 7,
};
export const HOOKS_NONE: Hooks = { before: null, after: null };

const whole = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));
const timeOfDay = v.pipe(v.string(), v.regex(TIME_OF_DAY));

/** Whether a check that throws our own errors lets it pass. */
function passes(check: (text: string) => void): (text: string) => boolean {
  return (text) => {
    try {
      check(text);
      return true;
    } catch (error) {
      if (isCairnError(error)) return false;
      throw error;
    }
  };
}

const timing: v.GenericSchema<unknown, Timing> = v.variant('kind', [
  v.object({ kind: v.literal('manual') }),
  v.object({ kind: v.literal('continuous'), fullScanEveryHours: whole(1, LIMITS.fullScanHoursMax) }),
  v.object({ kind: v.literal('minutes'), every: whole(1, LIMITS.intervalMinutesMax) }),
  v.object({ kind: v.literal('hourly'), minute: whole(0, 59) }),
  v.object({ kind: v.literal('daily'), at: timeOfDay }),
  v.object({
    kind: v.literal('weekly'),
    days: v.pipe(v.array(v.picklist(WEEKDAYS)), v.minLength(1), v.maxLength(WEEKDAYS.length)),
    at: timeOfDay,
  }),
  v.object({ kind: v.literal('cron'), text: v.pipe(v.string(), v.check(passes(checkCron))) }),
]);

const conditions: v.GenericSchema<unknown, RunConditions> = v.object({
  onlyOnMainsPower: v.boolean(),
  notOnMetered: v.boolean(),
  onlyWhenIdleMinutes: v.nullable(whole(1, LIMITS.idleMinutesMax)),
});

export const scheduleSchema: v.GenericSchema<unknown, Schedule> = v.object({
  timing,
  whenDriveConnected: v.boolean(),
  conditions,
  staleAfterDays: v.nullable(whole(1, LIMITS.staleDaysMax)),
});

export const pausedUntilSchema: v.GenericSchema<unknown, PausedUntil> = v.nullable(
  v.union([v.literal('forever'), v.pipe(v.string(), v.isoTimestamp())]),
);

const argument = v.pipe(
  v.string(),
  v.maxLength(LIMITS.hookArgumentLengthMax),
  v.check((text) => !text.includes('\0')),
);
const hook = v.nullable(
  v.object({
    arguments: v.pipe(
      v.array(argument),
      v.minLength(1),
      v.maxLength(LIMITS.hookArgumentsMax),
      v.check(([program]) => program !== undefined && program !== ''),
    ),
    timeoutSeconds: whole(1, LIMITS.hookSecondsMax),
  }),
);
export const hooksSchema: v.GenericSchema<unknown, Hooks> = v.object({ before: hook, after: hook });

export const webhookSchema: v.GenericSchema<unknown, string | null> = v.nullable(
  v.pipe(v.string(), v.check(passes(checkWebhook))),
);
