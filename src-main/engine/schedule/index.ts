/** When backup sets run: what is due, what it waits for, what is run around it, and when silence is an alarm. */
export { ALARM_STEP_MS_MAX, armAlarm } from './alarm.ts';
export {
  NOTHING_KNOWN,
  type Probes,
  type RunFacts,
  type RunPlan,
  type Surroundings,
  isPaused,
  lookAround,
  planRun,
} from './conditions.ts';
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
export { type HookHost, type RunEnd, aroundRun } from './hooks.ts';
export { checkCron, occurrenceAfter, systemTimeZone } from './occurrences.ts';
export { type ProbeSources, systemProbes } from './probes.ts';
export {
  HOOKS_NONE,
  SCHEDULE_DEFAULTS,
  hooksSchema,
  pausedUntilSchema,
  scheduleSchema,
  webhookSchema,
} from './schema.ts';
export { FIRST_CHANCE_MS, type StaleFacts, isToldNow, staleAlarm } from './stale.ts';
export { type Ping, type PingOptions, ping } from './webhook.ts';
export { checkWebhook } from './webhook-url.ts';
