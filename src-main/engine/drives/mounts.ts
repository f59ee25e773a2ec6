/**
 * /proc/self/mountinfo, read and judged: which mounts are drives that a person would know, and on which one a path lies.
 * Pure, so that the tables of strange computers can be tested; linux-volumes.ts asks the system.
 */
import { pathWithin } from '../kernel/index.ts';

export type Mount = {
  /** Of this mounting: whatever is mounted anew has another one. */
  readonly mountId: string;
  /** “8:1”. */
  readonly device: string;
  /** What of the filesystem is mounted: “/” unless it is a folder of it (a bind mount). */
  readonly root: Buffer;
  readonly mountPoint: Buffer;
  readonly writable: boolean;
  readonly fileSystem: string;
  readonly source: string;
};

/** Computers with containers have hundreds; a table of this size is somebody's joke. */
const MOUNTS_MAX = 4096;

const SEPARATOR = '-';

/** One line a mount; what does not look like one is left out. */
export function parseMounts(table: Buffer): readonly Mount[] {
  const mounts: Mount[] = [];
  // Latin-1 carries every byte of a path through as one character.
  for (const line of table.toString('latin1').split('\n').slice(0, MOUNTS_MAX)) {
    const fields = line.split(' ');
    const separator = fields.indexOf(SEPARATOR, 6);
    const [mountId, , device, root, mountPoint, options] = fields;
    const [fileSystem, source, superOptions] = separator < 0 ? [] : fields.slice(separator + 1);
    if (mountId === undefined || device === undefined || root === undefined) continue;
    if (mountPoint === undefined || options === undefined) continue;
    if (fileSystem === undefined || source === undefined) continue;
    mounts.push({
      mountId,
      device,
      root: unescaped(root),
      mountPoint: unescaped(mountPoint),
      writable: hasOption(options, 'rw') && !hasOption(superOptions ?? '', 'ro'),
      fileSystem: unescaped(fileSystem).toString(),
      source: unescaped(source).toString(),
    });
  }
  return mounts;
}

function hasOption(options: string, name: string): boolean {
  return options.split(',').includes(name);
}

/** The kernel writes space, tab, newline and backslash as three octal digits. */
function unescaped(text: string): Buffer {
  return Buffer.from(
    text.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8))),
    'latin1',
  );
}

/** Not on a block device, and drives all the same. */
const NETWORK_FILE_SYSTEMS: ReadonlySet<string> = new Set([
  'nfs',
  'nfs4',
  'cifs',
  'smb3',
  '9p',
  'afs',
  'ceph',
  'fuse.sshfs',
  'fuse.rclone',
  'fuse.glusterfs',
]);
/** Of several disks at a time; the source is a name of its own. */
const POOL_FILE_SYSTEMS: ReadonlySet<string> = new Set(['zfs']);
/** Images of programs and of the system's start. */
const NEVER_A_DRIVE: ReadonlySet<string> = new Set(['squashfs', 'iso9660', 'erofs']);
const SYSTEM_FOLDERS = ['/boot', '/snap', '/var/lib', '/proc', '/sys', '/dev', '/etc', '/run/credentials'];

const ROOT = Buffer.from('/');

export function isNetwork(fileSystem: string): boolean {
  return NETWORK_FILE_SYSTEMS.has(fileSystem);
}

/** The mounts that are drives, each device once, at its own root where it is mounted so, with the system's first. */
export function drivesAmong(mounts: readonly Mount[]): readonly Mount[] {
  const byDevice = new Map<string, Mount>();
  for (const mount of mounts) {
    if (!isDrive(mount)) continue;
    const known = byDevice.get(mount.device);
    if (known === undefined || isBetter(mount, known)) byDevice.set(mount.device, mount);
  }
  return [...byDevice.values()].sort((left, right) => left.mountPoint.compare(right.mountPoint));
}

function isDrive({ mountPoint, fileSystem, source }: Mount): boolean {
  if (mountPoint.equals(ROOT)) return true;
  if (NEVER_A_DRIVE.has(fileSystem)) return false;
  const point = mountPoint.toString('latin1');
  if (SYSTEM_FOLDERS.some((folder) => point === folder || point.startsWith(`${folder}/`))) return false;
  return source.startsWith('/dev/') || isNetwork(fileSystem) || POOL_FILE_SYSTEMS.has(fileSystem);
}

/** A bind mount of a file or a folder is a second door to the same drive; the shorter path is the better known one. */
function isBetter(mount: Mount, known: Mount): boolean {
  const isWhole = mount.root.equals(ROOT);
  if (isWhole !== known.root.equals(ROOT)) return isWhole;
  return mount.mountPoint.length < known.mountPoint.length;
}

/** The mount that a real path lies on: the innermost one, and of several at one place the last one made. */
export function mountOf(path: Buffer, mounts: readonly Mount[]): Mount | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const isInner = best === undefined || mount.mountPoint.length >= best.mountPoint.length;
    if (isInner && pathWithin(path, mount.mountPoint)) best = mount;
  }
  return best;
}

/** The names below /dev/disk/by-label and its neighbours are escaped as \xNN. */
export function labelOf(linkName: string): string {
  return Buffer.from(
    linkName.replace(/\\x([0-9a-fA-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
    'latin1',
  ).toString();
}
