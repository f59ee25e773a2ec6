/** Backup sets as this computer keeps them, for the app, the agent and the command line at a time. */
export { readPasswordFile } from './password-file.ts';
export { type BookEntry, ScheduleBook } from './schedule-book.ts';
export {
  CONFIGURATION_VERSION,
  type DestinationRecord,
  RULES_DEFAULTS,
  SET_DEFAULTS,
  type SetRecord,
  type SetsState,
  destinationOf,
  openSetRecords,
  setOf,
  withDestination,
  withSet,
  withSetChanged,
  withoutSet,
} from './set-records.ts';
