/**
 * Backup sets as their repository keeps them: one small sealed file each, so that a new computer can go on with a set. A
 * changed set is a new file; the ones before it go when that is durable. A crash in between leaves both, and the one with
 * the higher revision counts.
 *
 * What stands here is a convenience and never a need: a file that can't be read is told and passed over, and the next
 * backup of its set writes it again.
 */
import { CairnError, isCairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import {
  SCHEDULE_LIMITS,
  escapePath,
  formatTiming,
  parseTiming,
  unescapePath,
} from '../../../src-shared/format/index.ts';
import type { Schedule, SetRules, StoredSet, Timing } from '../../../src-shared/model/index.ts';
import {
  ENVELOPE_FORMAT,
  FILE_TYPE,
  FRAME_KIND,
  OBJECT_TYPE,
  SALT_BYTES,
  decodeEnvelope,
  encodeEnvelope,
  hash,
  openObjectFile,
  sealObjectFile,
} from '../codec/index.ts';
import { RecordReader, equalBytes, fromHex, toHex } from '../kernel/index.ts';
import { writeWhole } from '../store/index.ts';
import { refuseToWrite } from './config.ts';
import type { RepositoryContext } from './context.ts';
import { damageOf } from './damage.ts';
import { assertSameInstance } from './identity.ts';
import { FOLDERS, baseName, storedSetName } from './names.ts';

export const STORED_SET_SCHEMA = 1;
/** Files in `sets`; more than all computers of a person have. */
const STORED_SETS_MAX = 1024;
const STORED_SET_BYTES_MAX = 1_048_576;
const SET_ID_BYTES = 16;
/** Header, frame header and tag, with room to spare. */
const SEAL_BYTES = 1024;
const HASH_NAME = /^[0-9a-f]{64}$/;

export type StoredSetRecord = {
  readonly set: StoredSet;
  /** One more than that of the file it replaces: what counts where there are several of one set. */
  readonly revision: number;
  readonly savedAtMs: number;
  /** Fields of a later schema: kept as they came. */
  readonly extra: Readonly<Record<string, unknown>>;
};

export function encodeStoredSet({ set, revision, savedAtMs, extra }: StoredSetRecord): Uint8Array {
  const { setId, name, host, userHome, sources, rules, schedule, createdAt } = set;
  return encodeEnvelope({
    objectType: OBJECT_TYPE.backupSet,
    schemaVersion: STORED_SET_SCHEMA,
    readerVersionMin: STORED_SET_SCHEMA,
    format: ENVELOPE_FORMAT.messagePack,
    compression: { kind: 'none' },
    createdAtMs: savedAtMs,
    payload: {
      ...extra,
      setId: fromHex(setId),
      revision,
      savedAtMs,
      createdAtMs: Math.max(0, Date.parse(createdAt)),
      name,
      host,
      userHome: unescapePath(userHome),
      sources: sources.map(unescapePath),
      rules: encodeRules(rules),
      schedule: encodeSchedule(schedule),
    },
  });
}

/** @throws CairnError repository/newer-format, integrity/malformed */
export function decodeStoredSet(bytes: Uint8Array): StoredSetRecord {
  const { value } = decodeEnvelope(bytes, { objectType: OBJECT_TYPE.backupSet, schemaVersionMax: STORED_SET_SCHEMA });
  const fields = new RecordReader(value, 'backup set');
  const paths = (item: unknown): string => (item instanceof Uint8Array ? escapePath(item) : fields.fail('sources'));
  const set: StoredSet = {
    setId: toHex(fields.bytes('setId', SET_ID_BYTES)),
    name: fields.text('name'),
    host: fields.text('host'),
    userHome: escapePath(fields.bytes('userHome')),
    sources: fields.list('sources', paths),
    rules: decodeRules(fields.record('rules')),
    schedule: decodeSchedule(fields.record('schedule')),
    createdAt: dateOf(fields, 'createdAtMs'),
  };
  return { set, revision: fields.count('revision'), savedAtMs: fields.count('savedAtMs'), extra: fields.rest() };
}

/** The last time that JavaScript can say as a date. */
const DATE_MS_MAX = 8.64e15;

function dateOf(fields: RecordReader, field: string): string {
  const timeMs = fields.count(field);
  return timeMs > DATE_MS_MAX ? fields.fail(field) : new Date(timeMs).toISOString();
}

/** 0 stands for “none” in a number that may be absent, as in the rules of a snapshot. */
function encodeRules({ excludeLargerThanBytes, ...rules }: SetRules): Readonly<Record<string, unknown>> {
  return { ...rules, excludeLargerThanBytes: Math.floor(excludeLargerThanBytes ?? 0) };
}

function decodeRules(fields: RecordReader): SetRules {
  return {
    excludes: fields.texts('excludes'),
    excludeLargerThanBytes: fields.count('excludeLargerThanBytes') || null,
    oneFileSystem: fields.flag('oneFileSystem'),
    cairnignore: fields.flag('cairnignore'),
    gitignore: fields.flag('gitignore'),
    excludeCaches: fields.flag('excludeCaches'),
    excludeIfPresent: fields.texts('excludeIfPresent'),
  };
}

function encodeSchedule({ timing, whenDriveConnected, conditions, staleAfterDays }: Schedule) {
  return {
    timing: formatTiming(timing),
    fullScanEveryHours: timing.kind === 'continuous' ? timing.fullScanEveryHours : SCHEDULE_LIMITS.fullScanHoursDefault,
    whenDriveConnected,
    onlyOnMainsPower: conditions.onlyOnMainsPower,
    notOnMetered: conditions.notOnMetered,
    onlyWhenIdleMinutes: conditions.onlyWhenIdleMinutes ?? 0,
    staleAfterDays: staleAfterDays ?? 0,
  };
}

/** Whether a cron text means anything is for whoever takes the set over to find out. */
function decodeSchedule(fields: RecordReader): Schedule {
  return {
    timing: timingOf(fields),
    whenDriveConnected: fields.flag('whenDriveConnected'),
    conditions: {
      onlyOnMainsPower: fields.flag('onlyOnMainsPower'),
      notOnMetered: fields.flag('notOnMetered'),
      onlyWhenIdleMinutes: fields.count('onlyWhenIdleMinutes') || null,
    },
    staleAfterDays: fields.count('staleAfterDays') || null,
  };
}

function timingOf(fields: RecordReader): Timing {
  const text = fields.text('timing');
  const fullScanEveryHours = fields.count('fullScanEveryHours');
  try {
    const timing = parseTiming(text);
    return timing.kind === 'continuous' ? { ...timing, fullScanEveryHours } : timing;
  } catch (error) {
    if (!isCairnError(error)) throw error;
    return fields.fail('timing');
  }
}

/** @throws CairnError repository/newer-format, integrity/…, limit/exceeded */
export function openStoredSetFile(context: RepositoryContext, bytes: Uint8Array): StoredSetRecord {
  const { repositoryIdBytes: repositoryId, secrets } = context;
  const { frames } = openObjectFile(bytes, { fileTypes: [FILE_TYPE.backupSet], repositoryId, secrets });
  const object = frames.find(({ kind }) => kind === FRAME_KIND.object);
  if (object === undefined) throw new CairnError('integrity/malformed', 'The file of a backup set holds no record.');
  return decodeStoredSet(object.plain);
}

type Stored = { readonly name: string; readonly record: StoredSetRecord };
type Found = { readonly stored: readonly Stored[]; readonly damaged: readonly string[] };

/** All sets that can be read, each as it was saved last; the one that was saved last comes first. */
export async function readStoredSets(context: RepositoryContext): Promise<readonly StoredSet[]> {
  const newest = new Map<string, StoredSetRecord>();
  for (const { record } of (await readFiles(context)).stored)
    newest.set(record.set.setId, newerOf(newest.get(record.set.setId), record));
  return [...newest.values()].toSorted((a, b) => b.savedAtMs - a.savedAtMs).map(({ set }) => set);
}

/**
 * Saves a set where what is saved differs. Returns whether it was written.
 * @throws CairnError destination/…, repository/…, usage/invalid where it is too large to be read again
 */
export async function writeStoredSet(context: RepositoryContext, set: StoredSet): Promise<boolean> {
  const { store, ports, secrets, repositoryIdBytes: repositoryId } = context;
  refuseToWrite(context.config);
  const { stored, damaged } = await readFiles(context);
  const mine = stored.filter(({ record }) => record.set.setId === set.setId);
  const newest = mine.map(({ record }) => record).reduce<StoredSetRecord | undefined>(newerOf, undefined);
  if (newest !== undefined && mine.length === 1 && isSame(newest.set, set)) return false;
  const plain = encodeStoredSet({
    set,
    revision: (newest?.revision ?? 0) + 1,
    savedAtMs: ports.clock.nowMs(),
    extra: newest?.extra ?? {},
  });
  refuseUnreadable(plain);
  const frames = [{ kind: FRAME_KIND.object, plain, compression: { kind: 'none' } as const }];
  const salt = ports.random.bytes(SALT_BYTES);
  const bytes = sealObjectFile({ fileType: FILE_TYPE.backupSet, repositoryId, secrets, salt, frames });
  const digest = hash(bytes);
  await assertSameInstance(store, context.instance);
  await writeWhole(store, storedSetName(toHex(digest)), bytes, { hash: digest });
  // Of the damaged ones nobody can say whose they were. One may have been this set's; any other set's backup writes it again.
  await store.remove([...mine.map(({ name }) => name), ...damaged]);
  return true;
}

function isSame(one: StoredSet, other: StoredSet): boolean {
  const rest = { revision: 0, savedAtMs: 0, extra: {} };
  return equalBytes(encodeStoredSet({ set: one, ...rest }), encodeStoredSet({ set: other, ...rest }));
}

function newerOf(best: StoredSetRecord | undefined, one: StoredSetRecord): StoredSetRecord {
  if (best === undefined || one.revision > best.revision) return one;
  return one.revision === best.revision && one.savedAtMs > best.savedAtMs ? one : best;
}

/** What is written is read by the same code first: a set that could not be read again would be lost unseen. */
function refuseUnreadable(plain: Uint8Array): void {
  try {
    if (plain.length > STORED_SET_BYTES_MAX - SEAL_BYTES) throw new CairnError('limit/exceeded', 'it is too large');
    decodeStoredSet(plain);
  } catch (error) {
    if (!isIntegrityError(error)) throw error;
    throw new CairnError('usage/invalid', `The backup set can’t be saved in its repository: ${error.message}.`, {
      hint: 'Its backups are not affected.',
      cause: error,
    });
  }
}

/** What can't be read, because it is damaged or newer, is told. */
async function readFiles(context: RepositoryContext): Promise<Found> {
  const { store, ports } = context;
  const stored: Stored[] = [];
  const damaged: string[] = [];
  for (const { name } of (await store.list(FOLDERS.sets)).slice(0, STORED_SETS_MAX)) {
    if (!HASH_NAME.test(baseName(name))) continue;
    try {
      const bytes = await store.read(name, undefined, { sizeBytesMax: STORED_SET_BYTES_MAX });
      stored.push({ name, record: openStoredSetFile(context, bytes) });
    } catch (error) {
      const damage = await damageOf(store, name, error);
      const found = damage ?? (isCairnError(error, 'repository/newer-format') ? error : undefined);
      if (found === undefined) throw error;
      if (damage !== undefined) damaged.push(name);
      ports.log('info', 'a saved backup set can’t be read', { file: name, reason: found.message });
    }
  }
  return { stored, damaged };
}
