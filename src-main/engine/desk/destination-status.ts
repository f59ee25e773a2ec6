/** What is known of a destination at a moment, and the words of what keeps it from being used. */
import { assertNever } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import type { WireError } from '../../../src-shared/errors.ts';
import { displayPath } from '../../../src-shared/format/index.ts';
import type { DestinationState, DestinationVolume, SnapshotSummary } from '../../../src-shared/model/index.ts';
import {
  type ExpectedRun,
  type FoundDestination,
  type SoughtDestination,
  type Space,
  type Volume,
  growthOf,
  historyOf,
} from '../drives/index.ts';
import { type Log, bytesOf } from '../kernel/index.ts';
import type { DestinationRecord } from '../sets/index.ts';

export const LOCKED = 'This backup is locked.';

export type DestinationStatus = {
  readonly state: DestinationState;
  readonly error: WireError | null;
  readonly awaySince: string | null;
  readonly space: Space | undefined;
  readonly storedBytes: number | null;
  readonly snapshots: readonly SnapshotSummary[] | undefined;
  /** How the backup grew lately; null where too little is known. */
  readonly bytesPerDay: number | null;
  /** What the next backup is believed to take. */
  readonly expected: ExpectedRun;
  /** Where a copy made byte by byte was seen when drives came or went last, escaped. */
  readonly copyAt: string | null;
};

export const UNKNOWN: DestinationStatus = {
  state: 'away',
  error: null,
  awaySince: null,
  space: undefined,
  storedBytes: null,
  snapshots: undefined,
  bytesPerDay: null,
  expected: { kind: 'next', storedBytes: [] },
  copyAt: null,
};

export const PRESENT = { error: null, awaySince: null } as const;

/** The figures of what is stored. */
export function countedOf(
  snapshots: readonly SnapshotSummary[],
  storedBytes: number,
  nowMs: number,
): Pick<DestinationStatus, 'snapshots' | 'storedBytes' | 'bytesPerDay' | 'expected'> {
  const added = snapshots.map(({ time, stats }) => ({ timeMs: Date.parse(time), storedBytes: stats.bytesStored }));
  // The first backup of a source is no measure for the next one.
  const later = snapshots.filter(({ parentId }) => parentId !== null).map(({ stats }) => stats.bytesStored);
  return {
    snapshots,
    storedBytes,
    bytesPerDay: growthOf(historyOf(added, storedBytes), nowMs),
    expected: { kind: 'next', storedBytes: later },
  };
}

/** What to look for. */
export function soughtOf(record: DestinationRecord): SoughtDestination {
  const { path, pathOnDrive } = record;
  return { ...record, path: bytesOf(path), pathOnDrive: pathOnDrive === null ? null : bytesOf(pathOnDrive) };
}

export function logState(log: Log, { name, path }: DestinationRecord, { state, error }: DestinationStatus): void {
  const level = state === 'other' || state === 'unusable' ? 'warn' : 'info';
  log(level, `a destination is ${state}`, { name, path, ...(error === null ? {} : { error: error.message }) });
}

/** Why a destination can't be used where nothing, or not the right thing, was found. */
export function refusalOf(
  record: Pick<DestinationRecord, 'name'>,
  found: Exclude<FoundDestination, { kind: 'found' }>,
): CairnError {
  switch (found.kind) {
    case 'other':
      return new CairnError('repository/wrong-identity', `Another repository stands in the place of “${record.name}”.`);
    case 'copy':
      return onlyACopy(record.name, found.place);
    case 'several':
      return inSeveralPlaces(record.name, found.places);
    case 'unusable':
      return found.error;
    case 'absent':
      return notConnected(record.name);
    default:
      return assertNever(found);
  }
}

/** `place` is on another volume than the one that is known. */
function onlyACopy(name: string, place: Buffer): CairnError {
  return new CairnError(
    'repository/wrong-identity',
    `${displayPath(place)} is a copy of “${name}” on another drive, made byte by byte.`,
    {
      hint: 'Nothing was written. Connect the drive that was used before; or, if this one takes its place, add it with “I have a backup already”.',
    },
  );
}

function inSeveralPlaces(name: string, places: readonly Buffer[]): CairnError {
  const shown = places.map((place) => displayPath(place)).join(' and ');
  return new CairnError(
    'repository/wrong-identity',
    `“${name}” is connected more than once: ${shown} are copies of each other, made byte by byte.`,
    { hint: 'Nothing was written to any of them. Disconnect all but the one that is to go on.' },
  );
}

/** Why a destination in this status can't be used now. */
export function refusal(name: string, { state, error }: DestinationStatus): CairnError {
  if (error !== null) return new CairnError(error.code, error.message, { hint: error.hint });
  if (state === 'locked')
    return new CairnError('key/password-needed', LOCKED, { hint: 'Unlock it with its password.' });
  return notConnected(name);
}

function notConnected(name: string): CairnError {
  return new CairnError('destination/gone', `“${name}” is not connected.`, {
    hint: 'What was backed up before is safe. Connect the drive and try again.',
  });
}

/** What is kept of the volume a destination lies on. An id that was known is not forgotten while the system tells none. */
export function factsOf(volume: Volume, known: DestinationVolume | null): DestinationVolume {
  const { label, fileSystem, removable, network } = volume;
  return { label, fileSystem, uuid: volume.uuid ?? known?.uuid ?? null, removable, network };
}
