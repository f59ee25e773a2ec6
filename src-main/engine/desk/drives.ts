/**
 * The drives that are connected now. On Linux from the kernel's own table of mounts, with what /sys and /dev/disk know of
 * the devices; elsewhere the folders under which the system shows its volumes. A drive that does not answer is left out
 * after a moment: a stale network mount must not hold up the list.
 */
import { readFile, readdir, readlink, realpath, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { displayPath, escapePath } from '../../../src-shared/format/index.ts';
import type { Drive } from '../../../src-shared/model/index.ts';
import { mapBounded } from '../kernel/index.ts';
import type { Handles } from './handles.ts';
import { type Mount, drivesAmong, labelOf, parseMounts } from './mounts.ts';
import { Patience } from './patience.ts';
import { pathWithin } from './paths.ts';

const DRIVES_MAX = 64;
const ASKED_AT_ONCE = 8;
const patience = new Patience<Space | undefined>(1500, undefined);
const folderPatience = new Patience(1500, false);

/** Where the system keeps what it knows; other roots in tests. */
export type SystemFolders = { readonly mountTable: string; readonly devices: string; readonly labels: string };
export const SYSTEM_FOLDERS: SystemFolders = {
  mountTable: '/proc/self/mountinfo',
  devices: '/sys/dev/block',
  labels: '/dev/disk/by-label',
};

export type DriveFacts = Omit<Drive, 'place'> & { readonly mountPoint: Buffer };
export type Space = { readonly freeBytes: number; readonly totalBytes: number };

/** What a folder's filesystem has room for; undefined where it does not answer. */
export function spaceAt(folder: Buffer | string): Promise<Space | undefined> {
  return patience.ask(folder.toString('latin1'), () =>
    statfs(folder).then(
      ({ bavail, blocks, bsize }): Space => ({ freeBytes: bavail * bsize, totalBytes: blocks * bsize }),
      () => undefined,
    ),
  );
}

function isFolder(path: Buffer): Promise<boolean> {
  return folderPatience.ask(path.toString('latin1'), () =>
    stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    ),
  );
}

/** External drives first, then by name; the system's own last. */
export async function connectedDrives(userHome: string, system = SYSTEM_FOLDERS): Promise<readonly DriveFacts[]> {
  const candidates = process.platform === 'linux' ? await linuxDrives(userHome, system) : await volumes();
  const asked = await mapBounded(candidates.slice(0, DRIVES_MAX), ASKED_AT_ONCE, async (drive) => {
    // Containers mount single files too.
    if (!(await isFolder(drive.mountPoint))) return [];
    const space = await spaceAt(drive.mountPoint);
    return space === undefined ? [] : [{ ...drive, ...space }];
  });
  const rank = ({ system: isSystem, removable }: DriveFacts): number => (isSystem ? 2 : removable ? 0 : 1);
  return asked.flat().sort((left, right) => rank(left) - rank(right) || left.label.localeCompare(right.label));
}

export function driveOf(handles: Handles, { mountPoint, ...facts }: DriveFacts): Drive {
  const place = {
    handle: handles.give(mountPoint),
    path: escapePath(mountPoint),
    name: facts.label,
    kind: 'drive' as const,
  };
  return { place, ...facts };
}

type Candidate = Omit<DriveFacts, keyof Space>;

async function linuxDrives(userHome: string, system: SystemFolders): Promise<readonly Candidate[]> {
  const table = await readFile(system.mountTable).catch(() => Buffer.alloc(0));
  const labels = await labelsByDevice(system.labels);
  const home = Buffer.from(userHome);
  const mounts = drivesAmong(parseMounts(table));
  const homeMount = mounts
    .filter(({ mountPoint }) => pathWithin(home, mountPoint))
    .reduce<Mount | undefined>((best, mount) => longer(best, mount), undefined);
  return Promise.all(
    mounts.map(async (mount) => ({
      mountPoint: mount.mountPoint,
      label: labels.get(path.basename(mount.source)) ?? nameOf(mount.mountPoint),
      fileSystem: mount.fileSystem,
      removable: await isRemovable(mount.device, system.devices),
      system: mount === homeMount || mount.mountPoint.equals(Buffer.from('/')),
      writable: mount.writable,
    })),
  );
}

function longer(best: Mount | undefined, mount: Mount): Mount {
  return best === undefined || mount.mountPoint.length > best.mountPoint.length ? mount : best;
}

function nameOf(mountPoint: Buffer): string {
  return displayPath(mountPoint.subarray(mountPoint.lastIndexOf(0x2f) + 1)) || '/';
}

/** Device name (“sdb1”) → label. */
async function labelsByDevice(folder: string): Promise<ReadonlyMap<string, string>> {
  const labels = new Map<string, string>();
  for (const name of (await readdir(folder).catch(() => [])).slice(0, DRIVES_MAX)) {
    const target = await readlink(path.join(folder, name)).catch(() => undefined);
    if (target !== undefined) labels.set(path.basename(target), labelOf(name));
  }
  return labels;
}

/** Disks in a USB case call themselves fixed; the path of their device tells. */
async function isRemovable(device: string, devices: string): Promise<boolean> {
  const folder = await realpath(path.join(devices, device)).catch(() => undefined);
  if (folder === undefined) return false;
  if (/\/usb\d|\/mmc_host\//.test(folder)) return true;
  for (const place of [folder, path.dirname(folder)]) {
    const text = await readFile(path.join(place, 'removable'), 'utf8').catch(() => undefined);
    if (text !== undefined) return text.trim() === '1';
  }
  return false;
}

const MAC_VOLUMES = '/Volumes';
const FIRST_LETTER = 'A'.charCodeAt(0);
const LETTERS = 26;

/** Elsewhere: names and room, and no claim about what can be unplugged. */
async function volumes(): Promise<readonly Candidate[]> {
  const unknown = { fileSystem: '', removable: false, writable: true };
  if (process.platform === 'win32') {
    return Array.from({ length: LETTERS }, (_, index) => {
      const root = `${String.fromCharCode(FIRST_LETTER + index)}:\\`;
      return { ...unknown, mountPoint: Buffer.from(root), label: root, system: root === 'C:\\' };
    });
  }
  const names = (await readdir(MAC_VOLUMES).catch(() => [])).slice(0, DRIVES_MAX);
  const drives = names.map((name) => ({
    ...unknown,
    mountPoint: Buffer.from(path.join(MAC_VOLUMES, name)),
    label: name,
    system: false,
  }));
  return [{ ...unknown, mountPoint: Buffer.from('/'), label: '/', system: true }, ...drives];
}
