/** When backup sets run: what is due, what it waits for, what is run around it, and when silence is an alarm. */
export { type After, ALARM_STEP_MS_MAX, afterDelay, armAlarm } from './alarm.ts';
export {
  AGAIN_TRIES_MAX,
  type Due,
  type ScheduleState,
  isDueOnArrival,
  missedRuns,
  nextDue,
  runBegan,
  runEnded,
  startState,
} from './due.ts';
export { checkCron, occurrenceAfter, systemTimeZone } from './occurrences.ts';
export {
  HOOKS_NONE,
  HOOK_ARGUMENTS_MAX,
  HOOK_TIMEOUT_SECONDS_DEFAULT,
  HOOK_TIMEOUT_SECONDS_MAX,
  SCHEDULE_DEFAULTS,
  hooksSchema,
  pausedUntilSchema,
  scheduleSchema,
  webhookSchema,
} from './schema.ts';
