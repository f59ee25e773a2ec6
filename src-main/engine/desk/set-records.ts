/**
 * What this computer keeps of its backup sets and destinations: CAIRN_HOME/sets.json. No secret is in it. A destination is
 * its repository id and instance id; its path is only where it was seen last.
 */
import * as v from 'valibot';
import { CairnError } from '../../../src-shared/errors.ts';
import type { DestinationVolume, SetRules } from '../../../src-shared/model/index.ts';
import type { Ports } from '../kernel/index.ts';
import { StateFile } from './state-file.ts';

/** More than any person keeps; a bound for what a broken file costs. */
const RECORDS_MAX = 200;

export type SetRecord = {
  readonly setId: string;
  readonly name: string;
  /** Absolute paths, escaped. */
  readonly sources: readonly string[];
  readonly destinationId: string;
  readonly rules: SetRules;
  readonly createdAt: string;
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
  /** What it lay on when it was seen last. */
  readonly volume: DestinationVolume | null;
  /** Since when it is away; null while it is there. */
  readonly awaySince: string | null;
};

export type SetsState = { readonly sets: readonly SetRecord[]; readonly destinations: readonly DestinationRecord[] };

const id = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));
const text = v.pipe(v.string(), v.maxLength(256 * 1024));

const rules = v.object({
  excludes: v.array(text),
  excludeLargerThanBytes: v.nullable(v.number()),
  oneFileSystem: v.boolean(),
  cairnignore: v.boolean(),
  gitignore: v.boolean(),
  excludeCaches: v.boolean(),
  excludeIfPresent: v.array(text),
});

const volume = v.object({
  label: text,
  fileSystem: text,
  uuid: v.nullable(text),
  removable: v.boolean(),
  network: v.boolean(),
});

const schema = v.object({
  sets: v.pipe(
    v.array(
      v.object({
        setId: id,
        name: text,
        sources: v.pipe(v.array(text), v.maxLength(1024)),
        destinationId: id,
        rules,
        createdAt: v.pipe(v.string(), v.isoTimestamp()),
      }),
    ),
    v.maxLength(RECORDS_MAX),
  ),
  destinations: v.pipe(
    v.array(
      v.object({
        destinationId: id,
        name: text,
        path: text,
        pathOnDrive: v.nullable(text),
        repositoryId: id,
        instanceId: id,
        encrypted: v.boolean(),
        remembered: v.boolean(),
        volume: v.optional(v.nullable(volume), null),
        awaySince: v.optional(v.nullable(v.pipe(v.string(), v.isoTimestamp())), null),
      }),
    ),
    v.maxLength(RECORDS_MAX),
  ),
});

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

export function openSetRecords(home: string, ports: Ports): Promise<StateFile<SetsState>> {
  return StateFile.open<SetsState>({
    home,
    ports,
    name: 'sets.json',
    schema,
    migrations: [],
    empty: { sets: [], destinations: [] },
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
  return { sets: [...state.sets, set], destinations };
}

/** A destination goes with its last set. */
export function withoutSet(state: SetsState, setId: string): SetsState {
  const sets = state.sets.filter((set) => set.setId !== setId);
  const used = new Set(sets.map(({ destinationId }) => destinationId));
  return { sets, destinations: state.destinations.filter(({ destinationId }) => used.has(destinationId)) };
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
