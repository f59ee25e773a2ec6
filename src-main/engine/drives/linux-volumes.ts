/**
 * The volumes of Linux: the kernel's table of mounts, /sys for the disks below a device, and /dev/disk for labels and
 * ids. All of it lies in memory; no drive is touched.
 */
import { readFile, readdir, readlink, realpath } from 'node:fs/promises';
import path from 'node:path';
import { displayPath } from '../../../src-shared/format/index.ts';
import { baseNameOf, pathWithin } from '../kernel/index.ts';
import { type Mount, drivesAmong, isNetwork, labelOf, mountOf, parseMounts } from './mounts.ts';
import { type ListedVolume, VOLUMES_MAX, type VolumeListing, type VolumeSource, keyOf } from './volumes.ts';

/** Where the system keeps what it knows; other folders in tests. */
export type SystemFolders = {
  readonly mountTable: string;
  /** A link for each disk and partition by its name, “sdb1”. */
  readonly blocks: string;
  /** Holds by-label, by-uuid and by-partuuid. */
  readonly links: string;
};

export const SYSTEM_FOLDERS: SystemFolders = {
  mountTable: '/proc/self/mountinfo',
  blocks: '/sys/class/block',
  links: '/dev/disk',
};

/** Links read of one folder of /dev/disk. */
const LINKS_MAX = 1024;
/** A filesystem on a volume group on encrypted disks on a RAID has four layers below it. */
const LAYERS_MAX = 8;

export function linuxSource(userHome: string, system: SystemFolders = SYSTEM_FOLDERS): VolumeSource {
  const table = (): Promise<Buffer> => readFile(system.mountTable).catch(() => Buffer.alloc(0));
  return {
    signature: async () => (await table()).toString('latin1'),
    list: async () => listVolumes(parseMounts(await table()), Buffer.from(userHome), system),
  };
}

async function listVolumes(mounts: readonly Mount[], home: Buffer, system: SystemFolders): Promise<VolumeListing> {
  const [labels, uuids, partitionUuids] = await Promise.all([
    linksByDevice(path.join(system.links, 'by-label')),
    linksByDevice(path.join(system.links, 'by-uuid')),
    linksByDevice(path.join(system.links, 'by-partuuid')),
  ]);
  const drives = drivesAmong(mounts).slice(0, VOLUMES_MAX);
  const homeDevice = mountOf(home, mounts)?.device;
  const volumes = await Promise.all(
    drives.map(async (mount): Promise<ListedVolume> => {
      const name = await deviceNameOf(mount.source);
      const below = await disksBelow(name, system.blocks);
      return {
        mountPoint: mount.mountPoint,
        mountKey: keyOf(mount),
        device: mount.source,
        deviceId: mount.device,
        disks: below.disks,
        label: labels.get(name) ?? nameOf(mount.mountPoint),
        fileSystem: mount.fileSystem,
        uuid: uuids.get(name),
        partitionUuid: partitionUuids.get(name),
        removable: below.removable,
        network: isNetwork(mount.fileSystem),
        system: isSystem(mount, homeDevice),
        writable: mount.writable,
      };
    }),
  );
  return { volumes, mounts };
}

function isSystem({ mountPoint, device }: Mount, homeDevice: string | undefined): boolean {
  return device === homeDevice || pathWithin(Buffer.from('/'), mountPoint);
}

function nameOf(mountPoint: Buffer): string {
  return displayPath(baseNameOf(mountPoint));
}

/** “sdb1” of /dev/sdb1; “dm-0” of /dev/mapper/luks-…, which is a link; nothing of what is on no device. */
async function deviceNameOf(source: string): Promise<string> {
  if (!source.startsWith('/dev/')) return '';
  return path.basename(await realpath(source).catch(() => source));
}

/** Device name → what a folder of links calls it. */
async function linksByDevice(folder: string): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const name of (await readdir(folder).catch(() => [])).slice(0, LINKS_MAX)) {
    const target = await readlink(path.join(folder, name)).catch(() => undefined);
    if (target !== undefined) names.set(path.basename(target), labelOf(name));
  }
  return names;
}

type Below = { readonly disks: readonly string[]; readonly removable: boolean };

/** The whole disks that a device is made of, through partitions, encryption and volume groups. */
async function disksBelow(name: string, blocks: string, layer = 0): Promise<Below> {
  const folder = name === '' ? undefined : await realpath(path.join(blocks, name)).catch(() => undefined);
  if (folder === undefined || layer >= LAYERS_MAX) return { disks: [], removable: false };
  const parts = (await readdir(path.join(folder, 'slaves')).catch(() => [])).slice(0, VOLUMES_MAX);
  if (parts.length > 0) {
    const all = await Promise.all(parts.map((part) => disksBelow(part, blocks, layer + 1)));
    return { disks: [...new Set(all.flatMap(({ disks }) => disks))], removable: all.some((one) => one.removable) };
  }
  const isPartition = (await textOf(path.join(folder, 'partition'))) !== undefined;
  const disk = isPartition ? path.dirname(folder) : folder;
  return { disks: [path.basename(disk)], removable: await isRemovable(disk) };
}

/** Disks in a USB case call themselves fixed; the path of their device tells. */
async function isRemovable(disk: string): Promise<boolean> {
  if (/\/usb\d|\/mmc_host\//.test(disk)) return true;
  return (await textOf(path.join(disk, 'removable')))?.trim() === '1';
}

function textOf(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}
