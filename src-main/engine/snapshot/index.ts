/** The snapshot record, its chain and its place in the event log; finding snapshots. */
export { type ChainPlace, type Snapshot, bySnapshotOrder, findParent, nextPlace, summariseChains } from './chain.ts';
export {
  EVENT_KINDS,
  EVENT_SCHEMA,
  EVENT_SUBJECTS_MAX,
  type EventFileOptions,
  type EventKind,
  type EventRecord,
  decodeEvent,
  encodeEvent,
  isEventKind,
  openEventFile,
  sealEventFile,
} from './event.ts';
export {
  EMPTY_LOG,
  EMPTY_LOG_ROOT,
  FRONTIER_MAX,
  type LogHead,
  appendEvent,
  checkHead,
  hashInner,
  hashLeaf,
  logRoot,
  readLogHead,
} from './event-log.ts';
export { type SnapshotListing, listSnapshots, resolveSnapshot, summariseSnapshot } from './list.ts';
export {
  DATE_MS_MAX,
  NOTE_LENGTH_MAX,
  PROBLEM_LIST_BYTES_MAX,
  PROBLEM_TEXT_LENGTH_MAX,
  PROBLEMS_INLINE_MAX,
  type PageRef,
  SNAPSHOT_SCHEMA,
  type SnapshotRecord,
  type SnapshotSourceRecord,
  type SourceRules,
  decodeProblems,
  decodeSnapshot,
  encodeProblems,
  encodeSnapshot,
} from './record.ts';
