/** What a new set is made of, for the app and for the command line: its record, its sources, and what stands at its place. */
import { CairnError } from '../../../src-shared/errors.ts';
import { displayPath, escapePath } from '../../../src-shared/format/index.ts';
import {
  type StandingRepository,
  type VolumeTable,
  destinationPath,
  isSilent,
  pathOnVolume,
  realPlace,
  standingAt,
  volumeOf,
} from '../drives/index.ts';
import { type Ports, baseNameOf, bytesOf, parentOf, pathWithin, toHex } from '../kernel/index.ts';
import { type DestinationRecord, type SetRecord, SET_DEFAULTS } from '../sets/index.ts';
import { factsOf } from './destination-status.ts';

/** The folder that Cairn makes for a repository on a drive, or beside other things. */
export const OWN_FOLDER = Buffer.from('Cairn');
const ID_BYTES = 16;
const NAMES_MAX = 3;

/** The record of a new set. */
export function newSetRecord(
  ports: Ports,
  set: Pick<SetRecord, 'name' | 'sources' | 'destinationId'> & Partial<SetRecord>,
): SetRecord {
  const createdAt = new Date(ports.clock.nowMs()).toISOString();
  return { ...SET_DEFAULTS, setId: toHex(ports.random.bytes(ID_BYTES)), createdAt, ...set };
}

export type RecordOptions = {
  readonly ports: Ports;
  readonly table: VolumeTable;
  readonly known: readonly DestinationRecord[];
};

/**
 * The record of the repository that stands at a place now: a known one, or a new one.
 * @throws CairnError destination/gone, repository/wrong-identity for a copy of one that is connected too
 */
export async function destinationRecordAt(place: string, options: RecordOptions): Promise<DestinationRecord> {
  const { ports, table, known } = options;
  const standing = await standingAt(place, ports.random);
  if (standing.kind !== 'repository' || standing.instanceId === null) {
    throw new CairnError('destination/gone', 'The repository went away while it was being opened.');
  }
  const { repositoryId, instanceId, encrypted } = standing;
  const bytes = Buffer.from(place);
  const found = known.find(
    (destination) => destination.repositoryId === repositoryId && destination.instanceId === instanceId,
  );
  if (found !== undefined) await refuseCopy(found, standing, options);
  const real = await realPlace(bytes);
  const volume = volumeOf(real, table);
  const onDrive = volume === undefined || volume.system ? undefined : pathOnVolume(real, volume);
  const where = {
    path: escapePath(bytes),
    pathOnDrive: onDrive === undefined ? null : escapePath(onDrive),
    volume: volume === undefined ? null : factsOf(volume, null),
    awaySince: null,
  };
  if (found !== undefined) return { ...found, ...where };
  const label = onDrive === undefined ? undefined : volume?.label;
  const name = label ?? nameOfPlace(bytes);
  const destinationId = toHex(ports.random.bytes(ID_BYTES));
  return { destinationId, name, ...where, repositoryId, instanceId, encrypted, remembered: false, passwordFile: null };
}

/** One instance in two places: a copy made byte by byte must not become the place that is written to by mistake. */
async function refuseCopy(
  { name, path }: DestinationRecord,
  { instanceId, folderKey }: StandingRepository,
  { ports, table }: RecordOptions,
): Promise<void> {
  const bytes = bytesOf(path);
  if (isSilent(bytes, table)) return;
  const own = await standingAt(destinationPath(bytes), ports.random);
  if (own.kind !== 'repository' || own.instanceId !== instanceId || own.folderKey === folderKey) return;
  throw new CairnError(
    'repository/wrong-identity',
    `This is a copy of “${name}”, made byte by byte, and ${displayPath(bytes)} is connected too.`,
    { hint: 'Nothing was changed. Disconnect the one that is not to be used any more, and choose the other again.' },
  );
}

/** The folder that a person chose: a folder of our own in it says nothing. */
function nameOfPlace(place: Buffer): string {
  const own = baseNameOf(place);
  return escapePath(own.equals(OWN_FOLDER) ? baseNameOf(parentOf(place) ?? place) : own);
}

/** What a set is called whose person said nothing: “Documents, Pictures”. */
export function nameOfSources(names: readonly string[]): string {
  return `${names.slice(0, NAMES_MAX).join(', ')}${names.length > NAMES_MAX ? ' …' : ''}`;
}

/** Each path once; what lies in another source is part of it already. */
export function distinctSources(paths: readonly Buffer[]): readonly Buffer[] {
  return paths.filter(
    (path, index) =>
      !paths.some((other, at) => (at < index ? pathWithin(path, other) : at > index && isBelow(path, other))),
  );
}

function isBelow(path: Buffer, folder: Buffer): boolean {
  return !path.equals(folder) && pathWithin(path, folder);
}
