/** Where a destination is now: in its place, or on the same drive in another one. */
import type { Random } from '../kernel/index.ts';
import type { DestinationRecord } from '../sets/index.ts';
import { connectedDrives } from './drives.ts';
import { bytesOf, joinPath } from './paths.ts';
import { type Standing, destinationPath, standingAt } from './standing.ts';

export type Found = { readonly place: string; readonly standing: Standing };

/** Its own place where it is found nowhere; what stands there then is told. */
export async function findDestination(
  record: DestinationRecord,
  { random, userHome }: { readonly random: Random; readonly userHome: string },
): Promise<Found> {
  const place = destinationPath(bytesOf(record.path));
  const standing = await standingAt(place, random);
  const isThere = standing.kind === 'repository' || standing.kind === 'unusable';
  if (isThere || record.pathOnDrive === null) return { place, standing };
  for (const { mountPoint, system } of await connectedDrives(userHome)) {
    if (system) continue;
    const other = record.pathOnDrive === '' ? mountPoint : joinPath(mountPoint, bytesOf(record.pathOnDrive));
    const there = await standingAt(other.toString(), random);
    if (there.kind === 'repository' && isSame(there, record)) return { place: other.toString(), standing: there };
  }
  return { place, standing };
}

function isSame(there: Extract<Standing, { kind: 'repository' }>, record: DestinationRecord): boolean {
  return there.instanceId === record.instanceId && there.repositoryId === record.repositoryId;
}
