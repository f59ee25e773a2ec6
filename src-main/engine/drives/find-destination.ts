/**
 * Finds a destination wherever its drive is mounted now. It is its repository id and instance id, read from the place
 * itself; path, volume and label only say where to look first. A mount point without its drive has neither, so it is
 * never taken for the destination.
 *
 * One instance in two places is a copy made byte by byte. Writing now to the one and now to the other would tear its
 * history in two, so only the volume that is known is used, and where that does not decide, none.
 */
import type { CairnError } from '../../../src-shared/errors.ts';
import { joinPath, mapBounded } from '../kernel/index.ts';
import { type Standing, textOfPlace } from './standing.ts';
import { type Volume, type VolumeTable, isSilent, mountKeyOf, realPlace, volumeOf } from './volumes.ts';

/** Drives on which a destination is looked for. */
const VOLUMES_SEARCHED_MAX = 16;
const ASKED_AT_ONCE = 4;

export type SoughtDestination = {
  readonly repositoryId: string;
  readonly instanceId: string;
  readonly encrypted: boolean;
  /** Where it was seen last. */
  readonly path: Buffer;
  /** The same from the mount point of its drive; null where it is not looked for on other drives. */
  readonly pathOnDrive: Buffer | null;
  readonly volume: { readonly uuid: string | null; readonly label: string } | null;
};

export type StandingRepository = Extract<Standing, { kind: 'repository' }>;

type Match = {
  readonly place: Buffer;
  readonly standing: StandingRepository;
  readonly volume: Volume | undefined;
  readonly mountKey: string;
};

export type FoundDestination =
  /** `copies`: other places with the same instance, which are not it. */
  | ({ readonly kind: 'found'; readonly copies: readonly Buffer[] } & Match)
  /** Only on another volume than the known one: a copy, until a person says that it is the one to go on with. */
  | { readonly kind: 'copy'; readonly place: Buffer; readonly volume: Volume }
  /** In several places, and nothing says which one is meant. */
  | { readonly kind: 'several'; readonly places: readonly Buffer[] }
  /** Another repository stands in its place. */
  | { readonly kind: 'other'; readonly standing: StandingRepository }
  | { readonly kind: 'unusable'; readonly error: CairnError }
  | { readonly kind: 'absent' };

export type FindOptions = {
  readonly table: VolumeTable;
  /** What stands at a place; it may take its time, and never forever. */
  readonly look: (place: string) => Promise<Standing>;
  /** Look for copies on every drive, also where it stands in its place: to be asked for when drives came or went. */
  readonly everywhere: boolean;
};

export async function findDestination(sought: SoughtDestination, options: FindOptions): Promise<FoundDestination> {
  const { table, everywhere } = options;
  const own = isSilent(sought.path, table) ? ABSENT : await lookAt(sought.path, options);
  const inPlace = isSought(sought, own) ? await matchOf(sought.path, own, table) : undefined;
  if (inPlace !== undefined && !everywhere) return judge(sought, [inPlace], inPlace);
  const elsewhere = await search(sought, options);
  // The same folder may be reached by several paths.
  const keys = new Set(inPlace === undefined ? [] : [inPlace.standing.folderKey]);
  const matches = inPlace === undefined ? [] : [inPlace];
  for (const match of elsewhere) {
    if (keys.has(match.standing.folderKey)) continue;
    keys.add(match.standing.folderKey);
    matches.push(match);
  }
  if (matches.length > 0) return judge(sought, matches, inPlace);
  // A marker that is lost, in the place where the destination was: nobody else's.
  if (own.kind === 'repository' && own.instanceId === null && isSameRepository(sought, own))
    return { kind: 'found', copies: [], ...(await matchOf(sought.path, own, table)) };
  if (own.kind === 'repository') return { kind: 'other', standing: own };
  return own.kind === 'unusable' ? own : ABSENT;
}

const ABSENT = { kind: 'absent' } as const;

function isSameRepository(sought: SoughtDestination, found: StandingRepository): boolean {
  // One that was encrypted and is not any more is somebody's trick, whatever its ids say.
  return found.repositoryId === sought.repositoryId && found.encrypted === sought.encrypted;
}

function isSought(sought: SoughtDestination, found: Standing): found is StandingRepository {
  return found.kind === 'repository' && found.instanceId === sought.instanceId && isSameRepository(sought, found);
}

async function lookAt(place: Buffer, { look }: FindOptions): Promise<Standing> {
  const text = textOfPlace(place);
  return text === undefined ? ABSENT : look(text);
}

async function matchOf(place: Buffer, standing: StandingRepository, table: VolumeTable): Promise<Match> {
  const real = await realPlace(place);
  return { place, standing, volume: volumeOf(real, table), mountKey: mountKeyOf(real, table) };
}

/** Where it stands on the drives that answer, the likeliest first. Network drives only where nothing nearer has it. */
async function search(sought: SoughtDestination, options: FindOptions): Promise<readonly Match[]> {
  const { pathOnDrive } = sought;
  if (pathOnDrive === null) return [];
  const volumes = options.table.volumes
    .filter(({ system }) => !system)
    .toSorted((left, right) => likeness(sought, right) - likeness(sought, left))
    .slice(0, VOLUMES_SEARCHED_MAX);
  const on = (volume: Volume): Promise<readonly Match[]> => lookOn(volume, pathOnDrive, sought, options);
  const near = await mapBounded(
    volumes.filter(({ network }) => !network),
    ASKED_AT_ONCE,
    on,
  );
  const found = near.flat();
  if (found.length > 0) return found;
  return (
    await mapBounded(
      volumes.filter(({ network }) => network),
      ASKED_AT_ONCE,
      on,
    )
  ).flat();
}

async function lookOn(
  volume: Volume,
  pathOnDrive: Buffer,
  sought: SoughtDestination,
  options: FindOptions,
): Promise<readonly Match[]> {
  const place = pathOnDrive.length === 0 ? volume.mountPoint : joinPath(volume.mountPoint, pathOnDrive);
  const standing = await lookAt(place, options);
  return isSought(sought, standing) ? [await matchOf(place, standing, options.table)] : [];
}

function likeness({ volume: known }: SoughtDestination, { uuid, label }: Volume): number {
  if (known === null) return 0;
  if (known.uuid !== null && known.uuid === uuid) return 2;
  return known.label === label ? 1 : 0;
}

function judge(
  { volume: known, pathOnDrive }: SoughtDestination,
  matches: readonly Match[],
  inPlace: Match | undefined,
): FoundDestination {
  const [only] = matches;
  const uuid = known?.uuid ?? null;
  const proven = uuid === null ? [] : matches.filter(({ volume }) => volume?.uuid === uuid);
  const [chosen] = proven;
  if (chosen !== undefined && proven.length === 1) return foundAt(chosen, matches);
  // A share has no id, and may be reached by two protocols: as long as it is where it was, that is the one.
  if (uuid === null && inPlace?.volume?.network === true) return foundAt(inPlace, matches);
  // On the system's own drive: who moves a computer to a new disk takes what Cairn knows along with it.
  if (pathOnDrive === null && inPlace !== undefined) return foundAt(inPlace, matches);
  if (only === undefined || matches.length > 1)
    return { kind: 'several', places: (proven.length > 0 ? proven : matches).map(({ place }) => place) };
  const { volume } = only;
  if (uuid !== null && volume?.uuid !== undefined) return { kind: 'copy', place: only.place, volume };
  return foundAt(only, matches);
}

function foundAt(chosen: Match, matches: readonly Match[]): FoundDestination {
  return { kind: 'found', ...chosen, copies: matches.filter((one) => one !== chosen).map(({ place }) => place) };
}
