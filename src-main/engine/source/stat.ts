/**
 * What the filesystem says about one entry, in the shape the engine keeps: numbers where a double is exact, bigint
 * where it is not (nanoseconds, inodes, devices).
 */
import type { BigIntStats } from 'node:fs';
import type { NodeType } from '../merkle/index.ts';
import { storableTimeNs } from './time-range.ts';

export type FileStat = {
  readonly nodeType: NodeType;
  /** Bytes; of a symlink the length of its target, of a folder whatever the filesystem says. */
  readonly size: number;
  /** The 12 permission bits: set-id, sticky, rwx three times. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970, negative before; what can't be stored is bounded (time-range.ts). */
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly inode: bigint;
  readonly device: bigint;
  /** Only for character and block devices. */
  readonly deviceMajor?: number;
  readonly deviceMinor?: number;
  readonly linkCount: number;
  /** Blocks of 512 bytes that it takes on disk: fewer than its size needs where it has holes. */
  readonly blocks: number;
};

const PERMISSION_BITS = 0o7777;
const TYPE_BITS = 0o170000;

/** From the type bits of st_mode. A type that no POSIX system has (a Solaris door) counts as a socket: nothing to read there. */
export function nodeTypeOfMode(mode: number): NodeType {
  switch (mode & TYPE_BITS) {
    case 0o100000:
      return 'file';
    case 0o040000:
      return 'directory';
    case 0o120000:
      return 'symlink';
    case 0o010000:
      return 'fifo';
    case 0o140000:
      return 'socket';
    case 0o020000:
      return 'char-device';
    case 0o060000:
      return 'block-device';
    default:
      return 'socket';
  }
}

/** The record of one entry. */
export function fileStatOf(stats: BigIntStats): FileStat {
  const fullMode = Number(stats.mode);
  const nodeType = nodeTypeOfMode(fullMode);
  const stat: FileStat = {
    nodeType,
    size: Number(stats.size),
    mode: fullMode & PERMISSION_BITS,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    mtimeNs: storableTimeNs(stats.mtimeNs),
    ctimeNs: storableTimeNs(stats.ctimeNs),
    inode: stats.ino,
    device: stats.dev,
    linkCount: Number(stats.nlink),
    blocks: Number(stats.blocks),
  };
  if (nodeType !== 'char-device' && nodeType !== 'block-device') return stat;
  return { ...stat, ...deviceNumbers(stats.rdev) };
}

/** What tells one object on disk from another. */
export type ObjectIdentity = Pick<FileStat, 'nodeType' | 'inode' | 'device'>;

/** A folder as the table above it says. `size` is the folder’s own. */
export type ListedAs = ObjectIdentity & Pick<FileStat, 'size'>;

/** True when both describe one and the same object on disk, whatever happened to its content. */
export function sameObject(left: ObjectIdentity, right: ObjectIdentity): boolean {
  return left.inode === right.inode && left.device === right.device && left.nodeType === right.nodeType;
}

function deviceNumbers(rdev: bigint): { deviceMajor: number; deviceMinor: number } {
  if (process.platform === 'darwin') {
    return { deviceMajor: Number((rdev >> 24n) & 0xffn), deviceMinor: Number(rdev & 0xffffffn) };
  }
  return {
    deviceMajor: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
    deviceMinor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
  };
}

/** What statx says, in numbers: devices in their two parts. */
export type StatNumbers = {
  /** st_mode, type bits included. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly linkCount: number;
  readonly size: number;
  readonly blocks: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly inode: bigint;
  /** Of the filesystem that the entry lies on. */
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Of the device that the entry is. */
  readonly nodeMajor: number;
  readonly nodeMinor: number;
};

/** The record of one entry from statx, equal to what `fileStatOf` makes of lstat. */
export function fileStatOfNumbers(numbers: StatNumbers): FileStat {
  const nodeType = nodeTypeOfMode(numbers.mode);
  const stat: FileStat = {
    nodeType,
    size: numbers.size,
    mode: numbers.mode & PERMISSION_BITS,
    uid: numbers.uid,
    gid: numbers.gid,
    mtimeNs: numbers.mtimeNs,
    ctimeNs: numbers.ctimeNs,
    inode: numbers.inode,
    device: joinDevice(numbers.deviceMajor, numbers.deviceMinor),
    linkCount: numbers.linkCount,
    blocks: numbers.blocks,
  };
  if (nodeType !== 'char-device' && nodeType !== 'block-device') return stat;
  return { ...stat, deviceMajor: numbers.nodeMajor, deviceMinor: numbers.nodeMinor };
}

/** A device number from its two parts, as this system puts it together: the inverse of `deviceParts`. */
function joinDevice(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  if (process.platform === 'darwin') return (high << 24n) | low;
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
}

/** The two parts of a device number of this system. */
export function deviceParts(device: bigint): { readonly major: number; readonly minor: number } {
  const { deviceMajor: major, deviceMinor: minor } = deviceNumbers(device);
  return { major, minor };
}
