/** Backup sets as this computer keeps them, for the app, the agent and the command line at a time. */
export { type SetChange, type SetFiles, changeSet, findSet, pauseSets } from './change.ts';
export { readOwnFirstLine } from './own-file.ts';
export { readPasswordFile } from './password-file.ts';
export { type RunHost, runSet } from './run.ts';
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
export { type AdoptHost, type SetOwner, adoptSet, setsToAdopt, storedSetOf } from './stored.ts';
