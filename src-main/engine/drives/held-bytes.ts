/**
 * The most that folders can really hold: what the filesystems they lie on have in use. Files with holes, and clones, claim
 * more than that; a disk image of a terabyte may hold some gigabytes.
 */
import { pathWithin } from '../kernel/index.ts';
import { mountOf } from './mounts.ts';
import { type Space, type VolumeTable, isSilent, realPlace, spaceAt, volumeOf } from './volumes.ts';

/** Filesystems below one folder that are asked; beyond it nothing is claimed. */
const FILE_SYSTEMS_MAX = 64;

/** Undefined where one of the filesystems does not tell. */
export async function bytesHeldBelow(folders: readonly Buffer[], table: VolumeTable): Promise<number | undefined> {
  const places = new Map<string, Buffer>();
  for (const folder of folders) {
    const real = await realPlace(folder);
    const inside = table.mounts.filter(({ mountPoint }) => pathWithin(mountPoint, real));
    places.set(mountOf(real, table.mounts)?.device ?? volumeOf(real, table)?.deviceId ?? '', real);
    for (const { device, mountPoint } of inside) places.set(device, mountPoint);
  }
  if (places.size > FILE_SYSTEMS_MAX) return undefined;
  let held = 0;
  for (const place of places.values()) {
    const space: Space | undefined = isSilent(place, table) ? undefined : await spaceAt(place);
    // What has no size, as the system's own tables, can't say how much is in it.
    if (space === undefined || space.totalBytes === 0) return undefined;
    held += space.totalBytes - space.freeBytes;
  }
  return held;
}
