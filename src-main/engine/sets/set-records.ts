/**
 * The configuration of this computer: its backup sets and destinations, in CAIRN_HOME/sets.json. CONFIGURATION.md says how
 * it is written. No secret is in it; of a password at most the path of the file that holds it. A destination is its
 * repository id and instance id; its path is only where it was seen last.
 */
import * as v from 'valibot';
import { CairnError } from '../../../src-shared/errors.ts';
import type { DestinationVolume, Hooks, PausedUntil, Schedule, SetRules } from '../../../src-shared/model/index.ts';
import type { Ports } from '../kernel/index.ts';
import {
  HOOKS_NONE,
  SCHEDULE_DEFAULTS,
  hooksSchema,
  pausedUntilSchema,
  scheduleSchema,
  webhookSchema,
} from '../schedule/index.ts';
import { type Migration, StateFile } from '../service/index.ts';
import { rulesSchema } from './rules-schema.ts';

/** More than any person keeps; a bound for what a broken file costs. */
export const RECORDS_MAX = 200;
const TEXT_LENGTH_MAX = 256 * 1024;
const SOURCES_MAX = 1024;

export type SetRecord = {
  readonly setId: string;
  readonly name: string;
  /** Absolute paths, escaped. */
  readonly sources: readonly string[];
  readonly destinationId: string;
  readonly rules: SetRules;
  readonly createdAt: string;
  readonly schedule: Schedule;
  readonly pausedUntil: PausedUntil;
  /** When it was paused; null where it is not, or nobody knows. */
  readonly pausedAt: string | null;
  readonly hooks: Hooks;
  /** What is told of each run by HTTP. */
  readonly webhook: string | null;
};

export type DestinationRecord = {
  readonly destinationId: string;
  readonly name: string;
  /** Where the repository was seen last, escaped. */
  readonly path: string;
  /** The same from the mount point of its drive, escaped; null on the system's own drive. */
  readonly pathOnDrive: string | null;
  readonly repositoryId: string;
  readonly instanceId: string;
  readonly encrypted: boolean;
  readonly remembered: boolean;
  /** For runs with nobody there: where its password stands, an absolute path, escaped. */
  readonly passwordFile: string | null;
  /** What it lay on when it was seen last. */
  readonly volume: DestinationVolume | null;
  /** Since when it is away; null while it is there. */
  readonly awaySince: string | null;
};

export type SetsState = {
  readonly sets: readonly SetRecord[];
  readonly destinations: readonly DestinationRecord[];
  /** Commands of sets are run by a Cairn that is reached over the network too. By hand in the file only. */
  readonly hooksInWebHost: boolean;
};

const id = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));
const text = v.pipe(v.string(), v.maxLength(TEXT_LENGTH_MAX));

const set: v.GenericSchema<unknown, SetRecord> = v.object({
  setId: id,
  name: text,
  sources: v.pipe(v.array(text), v.maxLength(SOURCES_MAX)),
  destinationId: id,
  rules: rulesSchema,
  createdAt: v.pipe(v.string(), v.isoTimestamp()),
  schedule: v.optional(scheduleSchema, SCHEDULE_DEFAULTS),
  pausedUntil: v.optional(pausedUntilSchema, null),
  pausedAt: v.optional(v.nullable(v.pipe(v.string(), v.isoTimestamp())), null),
  hooks: v.optional(hooksSchema, HOOKS_NONE),
  webhook: v.optional(webhookSchema, null),
});

const volume: v.GenericSchema<unknown, DestinationVolume> = v.object({
  label: text,
  fileSystem: text,
  uuid: v.nullable(text),
  removable: v.boolean(),
  network: v.boolean(),
});

const destination: v.GenericSchema<unknown, DestinationRecord> = v.object({
  destinationId: id,
  name: text,
  path: text,
  pathOnDrive: v.nullable(text),
  repositoryId: id,
  instanceId: id,
  encrypted: v.boolean(),
  remembered: v.boolean(),
  passwordFile: v.optional(v.nullable(text), null),
  volume: v.optional(v.nullable(volume), null),
  awaySince: v.optional(v.nullable(v.pipe(v.string(), v.isoTimestamp())), null),
});

/** CONFIGURATION.md is held to it. */
export const configurationSchema: v.GenericSchema<unknown, SetsState> = v.object({
  sets: v.pipe(v.array(set), v.maxLength(RECORDS_MAX)),
  destinations: v.pipe(v.array(destination), v.maxLength(RECORDS_MAX)),
  hooksInWebHost: v.optional(v.boolean(), false),
});

/** 1 → 2: schedules, hooks, webhooks, password files. Each has a default, so a file of version 1 is one of version 2. */
const migrations: readonly Migration[] = [(state) => state];
export const CONFIGURATION_VERSION = migrations.length + 1;

/** The rules of a set whose person said nothing. */
export const RULES_DEFAULTS: SetRules = {
  excludes: [],
  excludeLargerThanBytes: null,
  oneFileSystem: false,
  cairnignore: true,
  gitignore: false,
  excludeCaches: false,
  excludeIfPresent: [],
};

/** What of a set nobody chose. */
export const SET_DEFAULTS: Omit<SetRecord, 'setId' | 'name' | 'sources' | 'destinationId' | 'createdAt'> = {
  rules: RULES_DEFAULTS,
  schedule: SCHEDULE_DEFAULTS,
  pausedUntil: null,
  pausedAt: null,
  hooks: HOOKS_NONE,
  webhook: null,
};

/**
 * `whenDamaged`: the app sets a file aside that it can't understand, and says so; a command refuses it.
 * @throws CairnError engine/local-state, repository/newer-format
 */
export function openSetRecords(
  home: string,
  ports: Ports,
  whenDamaged: 'set-aside' | 'refuse' = 'set-aside',
): Promise<StateFile<SetsState>> {
  return StateFile.open<SetsState>({
    home,
    ports,
    name: 'sets.json',
    schema: configurationSchema,
    migrations,
    empty: { sets: [], destinations: [], hooksInWebHost: false },
    whenDamaged,
  });
}

/** @throws CairnError app/not-found */
export function setOf(state: SetsState, setId: string): SetRecord {
  const found = state.sets.find((set) => set.setId === setId);
  if (found === undefined) throw new CairnError('app/not-found', 'There is no such backup set.');
  return found;
}

/** @throws CairnError app/not-found */
export function destinationOf(state: SetsState, destinationId: string): DestinationRecord {
  const found = state.destinations.find((destination) => destination.destinationId === destinationId);
  if (found === undefined) throw new CairnError('app/not-found', 'There is no such destination.');
  return found;
}

export function withSet(state: SetsState, set: SetRecord, destination?: DestinationRecord): SetsState {
  const added = destination === undefined ? [] : [destination];
  const destinations = [
    ...state.destinations.filter(({ destinationId }) => destinationId !== destination?.destinationId),
    ...added,
  ];
  if (state.sets.length >= RECORDS_MAX || destinations.length > RECORDS_MAX)
    throw new CairnError('app/busy', `More than ${RECORDS_MAX} backup sets can’t be kept.`, {
      hint: 'Nothing was changed. Remove a set first.',
    });
  return { ...state, sets: [...state.sets, set], destinations };
}

/** @throws CairnError app/not-found */
export function withSetChanged(state: SetsState, setId: string, change: (set: SetRecord) => SetRecord): SetsState {
  setOf(state, setId);
  return { ...state, sets: state.sets.map((set) => (set.setId === setId ? change(set) : set)) };
}

/** A destination goes with its last set. */
export function withoutSet(state: SetsState, setId: string): SetsState {
  const sets = state.sets.filter((set) => set.setId !== setId);
  const used = new Set(sets.map(({ destinationId }) => destinationId));
  return { ...state, sets, destinations: state.destinations.filter(({ destinationId }) => used.has(destinationId)) };
}

export function withDestination(
  state: SetsState,
  destinationId: string,
  change: Partial<DestinationRecord>,
): SetsState {
  return {
    ...state,
    destinations: state.destinations.map((destination) =>
      destination.destinationId === destinationId ? { ...destination, ...change } : destination,
    ),
  };
}
