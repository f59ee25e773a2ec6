/**
 * The shapes of everything that arrives from a window or a page, checked before anything is done with it. A command that
 * is in the contract and not here does not compile. Every text, list and number has a bound; unknown fields are refused.
 */
import * as v from 'valibot';
import { CairnError } from '../errors.ts';
import { SCHEDULE_LIMITS, TIME_OF_DAY, WEEKDAYS } from '../format/index.ts';
import {
  BROWSE_LIMIT_MAX,
  COMPARE_LIMIT_MAX,
  type CallMessage,
  type CommandName,
  type InputOf,
  PATTERNS_MAX,
  RESTORE_PATHS_MAX,
  SEARCH_LIMIT_MAX,
  SOURCES_MAX,
} from './contract.ts';

const NAME_CHARACTERS_MAX = 200;
const PATTERN_CHARACTERS_MAX = 4096;
const PASSWORD_CHARACTERS_MAX = 1024;
/** 255 names of 255 bytes, each byte escaped, would still be shorter. */
const PATH_CHARACTERS_MAX = 256 * 1024;
const RUNS_LIMIT_MAX = 500;
const LOG_LIMIT_MAX = 2000;
const WORKERS_MAX = 16;
const BASE_NAME_CHARACTERS_MAX = 255;
const CHANGE_KINDS = 4;

const hexId = (bytes: number) => v.pipe(v.string(), v.regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`)));
const handle = hexId(16);
const setId = hexId(16);
const destinationId = hexId(16);
const jobId = hexId(16);
const keyId = hexId(32);
const snapshotId = hexId(32);
const text = (charactersMax: number) => v.pipe(v.string(), v.maxLength(charactersMax));
const filled = (charactersMax: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(charactersMax));
const name = v.pipe(filled(NAME_CHARACTERS_MAX), v.regex(/\S/));
const password = filled(PASSWORD_CHARACTERS_MAX);
const snapshotPath = v.pipe(text(PATH_CHARACTERS_MAX), v.excludes('\0'));
const count = (max: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(max));
const limit = (max: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(max));
const bytesMax = limit(Number.MAX_SAFE_INTEGER);
const time = v.pipe(text(40), v.isoTimestamp());
const nothing = v.strictObject({});
const handles = v.pipe(v.array(handle), v.minLength(1), v.maxLength(SOURCES_MAX));
const compression = v.pipe(v.string(), v.regex(/^(?:zstd:(?:[1-9]|1[0-9])|lz4|gzip|none)$/));

const rules = v.strictObject({
  excludes: v.pipe(v.array(filled(PATTERN_CHARACTERS_MAX)), v.maxLength(PATTERNS_MAX)),
  excludeLargerThanBytes: v.nullable(bytesMax),
  oneFileSystem: v.boolean(),
  cairnignore: v.boolean(),
  gitignore: v.boolean(),
  excludeCaches: v.boolean(),
  excludeIfPresent: v.pipe(v.array(filled(BASE_NAME_CHARACTERS_MAX)), v.maxLength(PATTERNS_MAX)),
});

const secret = v.variant('kind', [
  v.strictObject({ kind: v.literal('password'), password }),
  v.strictObject({ kind: v.literal('recovery'), recoveryKey: filled(NAME_CHARACTERS_MAX) }),
]);

const depth = v.variant('kind', [
  v.strictObject({ kind: v.literal('quick') }),
  v.strictObject({
    kind: v.literal('sample'),
    percent: v.pipe(v.number(), v.finite(), v.gtValue(0), v.maxValue(100)),
  }),
  v.strictObject({ kind: v.literal('deep') }),
]);

const restore = v.strictObject({
  destinationId,
  snapshotId,
  paths: v.pipe(v.array(snapshotPath), v.minLength(1), v.maxLength(RESTORE_PATHS_MAX)),
  to: v.variant('kind', [
    v.strictObject({ kind: v.literal('original') }),
    v.strictObject({ kind: v.literal('folder'), handle }),
  ]),
  conflict: v.picklist(['keep-both', 'replace', 'if-newer', 'skip']),
});

const level = v.picklist(['debug', 'info', 'warn', 'error']);

const settings = v.strictObject({
  theme: v.exactOptional(v.picklist(['system', 'light', 'dark'])),
  startAtLogin: v.exactOptional(v.boolean()),
  closeToTray: v.exactOptional(v.boolean()),
  compression: v.exactOptional(compression),
  workers: v.exactOptional(v.nullable(count(WORKERS_MAX))),
  readBytesPerSecondMax: v.exactOptional(v.nullable(bytesMax)),
  writeBytesPerSecondMax: v.exactOptional(v.nullable(bytesMax)),
  lowPriority: v.exactOptional(v.boolean()),
  rememberPasswords: v.exactOptional(v.boolean()),
  notifyFailures: v.exactOptional(v.boolean()),
  notifySuccesses: v.exactOptional(v.boolean()),
  notifyStale: v.exactOptional(v.boolean()),
});

const timeOfDay = v.pipe(v.string(), v.regex(TIME_OF_DAY));
const weekday = v.picklist(WEEKDAYS);

const timing = v.variant('kind', [
  v.strictObject({ kind: v.literal('manual') }),
  v.strictObject({ kind: v.literal('continuous'), fullScanEveryHours: limit(SCHEDULE_LIMITS.fullScanHoursMax) }),
  v.strictObject({ kind: v.literal('minutes'), every: limit(SCHEDULE_LIMITS.intervalMinutesMax) }),
  v.strictObject({ kind: v.literal('hourly'), minute: count(59) }),
  v.strictObject({ kind: v.literal('daily'), at: timeOfDay }),
  v.strictObject({
    kind: v.literal('weekly'),
    days: v.pipe(v.array(weekday), v.minLength(1), v.maxLength(7)),
    at: timeOfDay,
  }),
  // Whether it can be read is decided by what reads it (engine/schedule).
  v.strictObject({ kind: v.literal('cron'), text: filled(NAME_CHARACTERS_MAX) }),
]);

/** No commands: a window must not choose what this computer runs. */
const schedule = v.strictObject({
  timing,
  whenDriveConnected: v.boolean(),
  conditions: v.strictObject({
    onlyOnMainsPower: v.boolean(),
    notOnMetered: v.boolean(),
    onlyWhenIdleMinutes: v.nullable(limit(SCHEDULE_LIMITS.idleMinutesMax)),
  }),
  staleAfterDays: v.nullable(limit(SCHEDULE_LIMITS.staleDaysMax)),
});

const comparison = {
  destinationId,
  before: snapshotId,
  after: v.union([snapshotId, v.literal('live')]),
  path: snapshotPath,
};

type Schemas = { readonly [Name in CommandName]: v.GenericSchema<unknown, InputOf<Name>> };

const inputs: Schemas = {
  'app.info': nothing,
  'app.doctor': v.strictObject({ destinationId: v.nullable(destinationId) }),
  'settings.get': nothing,
  'settings.change': settings,
  'places.suggested': nothing,
  'places.drives': nothing,
  'places.browse': v.strictObject({ handle: v.nullable(handle), hidden: v.boolean() }),
  'places.makeFolder': v.strictObject({
    handle,
    name: v.pipe(filled(BASE_NAME_CHARACTERS_MAX), v.regex(/^(?!\.{1,2}$)[^/\\\0]+$/)),
  }),
  'places.dialog': v.strictObject({ purpose: v.picklist(['source', 'destination', 'target']) }),
  'places.measure': v.strictObject({ handles, rules }),
  'places.stopMeasuring': nothing,
  'places.probe': v.strictObject({ handle, sources: v.pipe(v.array(handle), v.maxLength(SOURCES_MAX)) }),
  'overview.get': nothing,
  'sets.create': v.strictObject({
    name,
    sources: handles,
    rules,
    destination: handle,
    password: v.nullable(password),
    compression,
    schedule,
  }),
  'sets.adopt': v.strictObject({ destination: handle, secret: v.nullable(secret), remember: v.boolean() }),
  'sets.edit': v.strictObject({
    setId,
    name,
    keepSources: v.pipe(v.array(count(SOURCES_MAX)), v.maxLength(SOURCES_MAX)),
    addSources: v.pipe(v.array(handle), v.maxLength(SOURCES_MAX)),
    rules,
  }),
  'sets.schedule': v.strictObject({ setId, schedule }),
  'sets.pause': v.strictObject({ setId: v.nullable(setId), until: v.nullable(time) }),
  'sets.resume': v.strictObject({ setId: v.nullable(setId) }),
  'sets.remove': v.strictObject({ setId }),
  'destinations.unlock': v.strictObject({ destinationId, secret, remember: v.boolean() }),
  'destinations.lock': v.strictObject({ destinationId, forget: v.boolean() }),
  'jobs.list': nothing,
  'jobs.backup': v.strictObject({ setId, reread: v.boolean() }),
  'jobs.verify': v.strictObject({ destinationId, depth }),
  'jobs.restore': restore,
  'jobs.planRestore': restore,
  'jobs.undo': v.strictObject({ runId: jobId }),
  'jobs.cancel': v.strictObject({ jobId }),
  'jobs.dismiss': v.strictObject({ jobId }),
  'jobs.reveal': v.strictObject({ jobId }),
  'snapshots.list': v.strictObject({ destinationId }),
  'browse.list': v.strictObject({
    destinationId,
    snapshotId,
    path: snapshotPath,
    sort: v.strictObject({ by: v.picklist(['name', 'size', 'mtime']), descending: v.boolean() }),
    filter: text(NAME_CHARACTERS_MAX),
    offset: count(Number.MAX_SAFE_INTEGER),
    limit: limit(BROWSE_LIMIT_MAX),
  }),
  'browse.preview': v.strictObject({ destinationId, snapshotId, path: snapshotPath }),
  'search.find': v.strictObject({
    destinationId,
    text: filled(NAME_CHARACTERS_MAX),
    type: v.picklist(['any', 'file', 'directory']),
    offset: count(Number.MAX_SAFE_INTEGER),
    limit: limit(SEARCH_LIMIT_MAX),
  }),
  'search.versions': v.strictObject({ destinationId, snapshotId, path: snapshotPath }),
  'compare.list': v.strictObject({
    ...comparison,
    kinds: v.pipe(
      v.array(v.picklist(['added', 'removed', 'changed', 'metadata'])),
      v.minLength(1),
      v.maxLength(CHANGE_KINDS),
    ),
    offset: count(Number.MAX_SAFE_INTEGER),
    limit: limit(COMPARE_LIMIT_MAX),
  }),
  'compare.text': v.strictObject(comparison),
  'metrics.get': v.strictObject({ range: v.picklist(['day', 'week', 'month', 'year']) }),
  'integrity.status': v.strictObject({ destinationId }),
  'activity.runs': v.strictObject({ before: v.nullable(jobId), limit: limit(RUNS_LIMIT_MAX) }),
  'activity.run': v.strictObject({ runId: jobId }),
  'activity.log': v.strictObject({ level, limit: limit(LOG_LIMIT_MAX) }),
  'keys.list': v.strictObject({ destinationId }),
  'keys.addRecovery': v.strictObject({ destinationId, label: text(NAME_CHARACTERS_MAX) }),
  'keys.changePassword': v.strictObject({ destinationId, currentPassword: password, newPassword: password }),
  'keys.remove': v.strictObject({ destinationId, keyId }),
};

/** All of them, for tests that go over every command. */
export const COMMAND_NAMES = Object.keys(inputs) as readonly CommandName[];

export function isCommandName(text: string): text is CommandName {
  return Object.hasOwn(inputs, text);
}

/** @throws CairnError usage/invalid, which names the field and never repeats its value: it may be a password. */
export function parseInput<Name extends CommandName>(command: Name, input: unknown): InputOf<Name> {
  const schema: v.GenericSchema<unknown, InputOf<Name>> = inputs[command];
  if (!isRecord(input)) throw wrong(command, 'the request');
  const result = v.safeParse(schema, input, { abortEarly: true });
  if (result.success) return result.output;
  throw wrong(command, v.getDotPath(result.issues[0]) ?? 'the request');
}

/** A list or a piece of bytes without anything in it would pass for a request without fields. */
function isRecord(input: unknown): boolean {
  if (typeof input !== 'object' || input === null) return false;
  const prototype: unknown = Object.getPrototypeOf(input);
  return prototype === Object.prototype || prototype === null;
}

function wrong(command: CommandName, field: string): CairnError {
  return new CairnError('usage/invalid', `“${command}” was called with something wrong in ${field}.`, {
    hint: 'Nothing was done. This is a defect in the window; reload it.',
  });
}

const call = v.strictObject({
  kind: v.literal('call'),
  id: count(Number.MAX_SAFE_INTEGER),
  command: filled(NAME_CHARACTERS_MAX),
  input: v.unknown(),
});

/** Undefined where it is no call at all: then there is nobody to answer. */
export function parseCall(message: unknown): CallMessage | undefined {
  const result = v.safeParse(call, message);
  return result.success ? result.output : undefined;
}
