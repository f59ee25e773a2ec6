/**
 * The volumes that are connected now: what a person would call a drive, and the system's own. What the system can tell
 * without touching a drive is read first (linux-volumes.ts and its neighbours); then each drive is asked once for its
 * room, with patience. One that does not answer is left out and named as silent: nobody asks it anything else, so a
 * network drive whose server is gone costs one hanging call and not one for everything that lies on it.
 */
import { realpath, stat, statfs } from 'node:fs/promises';
import { mapBounded, pathWithin } from '../kernel/index.ts';
import { type Mount, mountOf } from './mounts.ts';
import { Patience } from './patience.ts';

/** Drives looked at, and how many are asked at a time: each question may hold one of the few threads that make them. */
export const VOLUMES_MAX = 64;
const ASKED_AT_ONCE = 4;
const PATIENCE_MS = 1500;

export type Space = { readonly freeBytes: number; readonly totalBytes: number };

/** A drive as the system lists it, without being asked itself. */
export type ListedVolume = {
  readonly mountPoint: Buffer;
  /** Of this mounting: a drive that is unplugged and comes back has another one. */
  readonly mountKey: string;
  /** “/dev/sdb1”, “nas:/backup”, “E:”. */
  readonly device: string;
  /** What is the same for every mounting of one filesystem at a time: “8:17”; the device where there is no number. */
  readonly deviceId: string;
  /** Names of the whole disks it lies on; none where that can't be told. */
  readonly disks: readonly string[];
  /** The volume's own, else the name of its mount point. */
  readonly label: string;
  readonly fileSystem: string;
  /** Of the filesystem. Undefined: it has none, or the system does not tell. */
  readonly uuid: string | undefined;
  readonly partitionUuid: string | undefined;
  readonly removable: boolean;
  readonly network: boolean;
  /** The one the system or the person's home folder lies on. */
  readonly system: boolean;
  readonly writable: boolean;
};

export type Volume = ListedVolume & Space;

/** What the system lists at one moment. */
export type VolumeListing = {
  readonly volumes: readonly ListedVolume[];
  /** Everything that is mounted, drive or not; empty where the system has no such table. */
  readonly mounts: readonly Mount[];
};

/** How one kind of system is asked. Neither call may touch a drive. */
export type VolumeSource = {
  /** Changes when something is mounted or unmounted; to be asked every few seconds. */
  readonly signature: () => Promise<string>;
  readonly list: () => Promise<VolumeListing>;
};

/** The drives at one moment. */
export type VolumeTable = {
  /** External drives first, then by name; the system's own last. */
  readonly volumes: readonly Volume[];
  /** Mount points of drives that did not answer. */
  readonly silent: readonly Buffer[];
  readonly mounts: readonly Mount[];
};

export const NO_VOLUMES: VolumeTable = { volumes: [], silent: [], mounts: [] };

const spacePatience = new Patience<Space | undefined>(PATIENCE_MS, undefined);
const folderPatience = new Patience<boolean | undefined>(PATIENCE_MS, undefined);
const placePatience = new Patience<Buffer | undefined>(PATIENCE_MS, undefined);

/** What a folder's filesystem has room for; undefined where it does not answer. */
export function spaceAt(folder: Buffer | string): Promise<Space | undefined> {
  return spacePatience.ask(folder.toString('latin1'), () =>
    statfs(folder).then(
      ({ bavail, blocks, bsize }): Space => ({ freeBytes: bavail * bsize, totalBytes: blocks * bsize }),
      () => undefined,
    ),
  );
}

/** False: something else. Undefined: no answer. */
function isFolder(path: Buffer): Promise<boolean | undefined> {
  return folderPatience.ask(path.toString('latin1'), () =>
    stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    ),
  );
}

/** What a drive itself is asked; another in tests. */
export type DriveQuestions = { readonly isFolder: typeof isFolder; readonly spaceAt: typeof spaceAt };
const DRIVE_QUESTIONS: DriveQuestions = { isFolder, spaceAt };

/** Asks each listed drive for its room. */
export async function withSpace(
  { volumes, mounts }: VolumeListing,
  ask: DriveQuestions = DRIVE_QUESTIONS,
): Promise<VolumeTable> {
  const silent: Buffer[] = [];
  const asked = await mapBounded(volumes.slice(0, VOLUMES_MAX), ASKED_AT_ONCE, async (volume) => {
    const { mountPoint } = volume;
    const isThere = await ask.isFolder(mountPoint);
    // Containers mount single files too.
    if (isThere === false) return [];
    const space = isThere === undefined ? undefined : await ask.spaceAt(mountPoint);
    if (space === undefined) silent.push(mountPoint);
    return space === undefined ? [] : [{ ...volume, ...space }];
  });
  const rank = ({ system, removable }: Volume): number => (system ? 2 : removable ? 0 : 1);
  const sorted = asked.flat().sort((left, right) => rank(left) - rank(right) || left.label.localeCompare(right.label));
  return { volumes: sorted, silent, mounts };
}

/** The drives as they are now, for who asks once. */
export async function volumesNow(source: VolumeSource): Promise<VolumeTable> {
  return withSpace(await source.list());
}

/** Whether a path lies on a drive that did not answer: it must not be asked either. */
export function isSilent(path: Buffer, { silent }: Pick<VolumeTable, 'silent'>): boolean {
  return silent.some((mountPoint) => pathWithin(path, mountPoint));
}

/** The volume that a real path lies on; undefined where that is none that a person would know. */
export function volumeOf(path: Buffer, { volumes, mounts }: VolumeTable): Volume | undefined {
  const mount = mountOf(path, mounts);
  // By the device: it may be reached through another mounting of the same filesystem.
  if (mount !== undefined) return volumes.find(({ deviceId }) => deviceId === mount.device);
  const around = volumes.filter(({ mountPoint }) => pathWithin(path, mountPoint));
  return around.sort((left, right) => right.mountPoint.length - left.mountPoint.length)[0];
}

/** What says that a path is still reached through the same mounting, drive or not. */
export function mountKeyOf(path: Buffer, table: VolumeTable): string {
  const mount = mountOf(path, table.mounts);
  return mount === undefined ? (volumeOf(path, table)?.mountKey ?? '') : keyOf(mount);
}

export function keyOf({ mountId, device }: Mount): string {
  return `${mountId} ${device}`;
}

/** A path on its volume, from the mount point; undefined where it is reached in another way. */
export function pathOnVolume(path: Buffer, { mountPoint }: Volume): Buffer | undefined {
  if (!pathWithin(path, mountPoint)) return undefined;
  const rest = path.subarray(mountPoint.length);
  // A mount point that ends in a separator, “/” or “E:\”, has taken it along.
  return rest[0] === 0x2f ? rest.subarray(1) : rest;
}

/** Where a path leads; the path itself where that can't be told. */
export async function realPlace(path: Buffer): Promise<Buffer> {
  const found = await placePatience.ask(path.toString('latin1'), () =>
    realpath(path, { encoding: 'buffer' }).catch(() => undefined),
  );
  return found ?? path;
}
