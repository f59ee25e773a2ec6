/**
 * What the filesystem says about one entry, in the shape the engine keeps: numbers where a double is exact, bigint
 * where it is not (nanoseconds, inodes, devices).
 */
import type { BigIntStats } from 'node:fs';
import type { NodeType } from '../merkle/index.ts';

export type FileStat = {
  readonly nodeType: NodeType;
  /** Bytes; of a symlink the length of its target, of a folder whatever the filesystem says. */
  readonly size: number;
  /** The 12 permission bits: set-id, sticky, rwx three times. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970, negative before. */
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly inode: bigint;
  readonly device: bigint;
  /** Only for character and block devices. */
  readonly deviceMajor?: number;
  readonly deviceMinor?: number;
  readonly linkCount: number;
};

const PERMISSION_BITS = 0o7777;
const TYPE_BITS = 0o170000;

function nodeTypeOf(mode: number): NodeType | undefined {
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
      return undefined;
  }
}

/** The record of one entry. A type that no POSIX system has (a Solaris door) counts as a socket: nothing to read there. */
export function fileStatOf(stats: BigIntStats): FileStat {
  const fullMode = Number(stats.mode);
  const nodeType = nodeTypeOf(fullMode) ?? 'socket';
  const stat: FileStat = {
    nodeType,
    size: Number(stats.size),
    mode: fullMode & PERMISSION_BITS,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    mtimeNs: stats.mtimeNs,
    ctimeNs: stats.ctimeNs,
    inode: stats.ino,
    device: stats.dev,
    linkCount: Number(stats.nlink),
  };
  if (nodeType !== 'char-device' && nodeType !== 'block-device') return stat;
  return { ...stat, ...deviceNumbers(stats.rdev) };
}

/** True when both describe one and the same object on disk, whatever happened to its content. */
export function sameObject(left: FileStat, right: FileStat): boolean {
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
