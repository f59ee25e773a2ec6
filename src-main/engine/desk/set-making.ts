/** What a new set is made of, for the app and for the command line: its record, its sources, and what stands at its place. */
import { CairnError } from '../../../src-shared/errors.ts';
import { toHex, type Ports } from '../kernel/index.ts';
import { type DestinationRecord, type SetRecord, SET_DEFAULTS } from '../sets/index.ts';
import { connectedDrives } from './drives.ts';
import { OWN_FOLDER, baseNameOf, escapePath, parentOf, pathWithin } from './paths.ts';
import { standingAt } from './standing.ts';

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

/**
 * The record of the repository that stands at a place now: a known one, or a new one.
 * @throws CairnError destination/gone
 */
export async function destinationRecordAt(
  place: string,
  host: { readonly ports: Ports; readonly userHome: string; readonly known: readonly DestinationRecord[] },
): Promise<DestinationRecord> {
  const standing = await standingAt(place, host.ports.random);
  if (standing.kind !== 'repository' || standing.instanceId === null) {
    throw new CairnError('destination/gone', 'The repository went away while it was being opened.');
  }
  const { repositoryId, instanceId, encrypted } = standing;
  const bytes = Buffer.from(place);
  const drive = (await connectedDrives(host.userHome)).find(
    ({ system, mountPoint }) => !system && pathWithin(bytes, mountPoint),
  );
  const found = host.known.find(
    (destination) => destination.repositoryId === repositoryId && destination.instanceId === instanceId,
  );
  const where = {
    path: escapePath(bytes),
    pathOnDrive: drive === undefined ? null : escapePath(bytes.subarray(drive.mountPoint.length)).replace(/^\//, ''),
  };
  if (found !== undefined) return { ...found, ...where };
  const name = drive?.label ?? nameOfPlace(bytes);
  const destinationId = toHex(host.ports.random.bytes(ID_BYTES));
  return { destinationId, name, ...where, repositoryId, instanceId, encrypted, remembered: false, passwordFile: null };
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
