/**
 * What a chosen place is good for as a destination. A place that holds other things gets a folder of its own inside, and
 * so does a drive: nothing is ever written into a bare mount point.
 */
import { access, constants, lstat, realpath } from 'node:fs/promises';
import { CairnError } from '../../../src-shared/errors.ts';
import type { DestinationProbe } from '../../../src-shared/model/index.ts';
import {
  type DriveWatch,
  type Standing,
  type VolumeTable,
  destinationPath,
  shareDisk,
  spaceAt,
  standingAt,
} from '../drives/index.ts';
import { type Random, joinPath, parentOf, pathWithin } from '../kernel/index.ts';
import { localErrno } from '../service/index.ts';
import type { Handles } from './handles.ts';
import type { Places } from './places.ts';
import { OWN_FOLDER } from './set-making.ts';

export type ProbeOptions = {
  readonly handles: Handles;
  readonly places: Places;
  readonly random: Random;
  readonly drives: DriveWatch;
  /** The set of a repository that is known already. */
  readonly setOf: (repositoryId: string, instanceId: string | null) => string | null;
};

/** Where a repository is or would be made, and what stands there. `path` may not exist yet. */
export type Site = { readonly path: Buffer; readonly standing: Standing };

/** @throws CairnError usage/invalid */
export async function findSite(chosen: Buffer, options: Pick<ProbeOptions, 'random' | 'drives'>): Promise<Site> {
  const standing = await standingAt(destinationPath(chosen), options.random);
  if (standing.kind === 'repository' || standing.kind === 'unusable') return { path: chosen, standing };
  const isDrive = (await options.drives.current()).volumes.some(({ mountPoint }) => mountPoint.equals(chosen));
  if (standing.kind !== 'foreign' && !isDrive) return { path: chosen, standing };
  const inside = joinPath(chosen, OWN_FOLDER);
  return { path: inside, standing: await standingAt(destinationPath(inside), options.random) };
}

export async function probeDestination(
  chosen: Buffer,
  sources: readonly Buffer[],
  options: ProbeOptions,
): Promise<DestinationProbe> {
  const { path, standing } = await findSite(chosen, options);
  const existing = await nearestExisting(path);
  const space = (await spaceAt(existing)) ?? { freeBytes: 0, totalBytes: 0 };
  const repository = options.places.place(path);
  const sameDeviceAsSource = await liesOnSourceDisk(existing, sources, options.drives.table);
  const shared = { repository, repositoryId: null, encrypted: null, setId: null, ...space, sameDeviceAsSource };
  if (standing.kind === 'repository') {
    const { repositoryId, instanceId, encrypted } = standing;
    const setId = options.setOf(repositoryId, instanceId);
    return { ...shared, state: 'repository', repositoryId, encrypted, setId };
  }
  if (await liesInASource(path, sources)) return { ...shared, state: 'inside-source' };
  if (standing.kind === 'foreign') return { ...shared, state: 'occupied' };
  if (standing.kind === 'unusable') {
    return { ...shared, state: standing.error.code === 'destination/denied' ? 'denied' : 'occupied' };
  }
  return { ...shared, state: await mayWrite(existing) };
}

/** @throws CairnError with the reason why no repository can be made there */
export function refuseUnusable(probe: DestinationProbe): void {
  const { state, repository } = probe;
  switch (state) {
    case 'free':
    case 'repository':
      return;
    case 'occupied':
      throw new CairnError('repository/not-empty', `${repository.path} holds other things.`);
    case 'read-only':
      throw new CairnError('destination/read-only', `${repository.path} is on a drive that is read-only.`);
    case 'denied':
      throw new CairnError('destination/denied', `This user may not write to ${repository.path}.`);
    case 'inside-source':
      throw new CairnError('usage/invalid', `${repository.path} lies in a folder that is to be backed up.`, {
        hint: 'Nothing was changed. Choose another place, best on another drive.',
      });
  }
}

async function mayWrite(folder: Buffer): Promise<'free' | 'read-only' | 'denied'> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    return 'free';
  } catch (error) {
    return localErrno(error) === 'EROFS' ? 'read-only' : 'denied';
  }
}

async function nearestExisting(path: Buffer): Promise<Buffer> {
  let folder: Buffer | undefined = path;
  while (folder !== undefined) {
    const found: Buffer = folder;
    const exists = await lstat(found).then(
      () => true,
      () => false,
    );
    if (exists) return found;
    folder = parentOf(found);
  }
  return path;
}

async function liesOnSourceDisk(place: Buffer, sources: readonly Buffer[], table: VolumeTable): Promise<boolean> {
  for (const source of sources) if (await shareDisk(place, source, table)) return true;
  return false;
}

/** Whether the place, or what it would be made in, is one of the sources or in one, by real paths. */
async function liesInASource(path: Buffer, sources: readonly Buffer[]): Promise<boolean> {
  const existing = await nearestExisting(path);
  const real = await realpath(existing, { encoding: 'buffer' }).catch(() => existing);
  for (const source of sources) {
    const realSource = await realpath(source, { encoding: 'buffer' }).catch(() => source);
    if (pathWithin(real, realSource)) return true;
  }
  return false;
}
