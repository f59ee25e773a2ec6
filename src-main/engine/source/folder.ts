/**
 * A folder of a source, and how to reach it. `path` is what a person would call it; `access` is what system calls are
 * given. They differ where the path alone would not do:
 *
 * - A path longer than the kernel takes in one call (PATH_MAX, 4,096 bytes on Linux) goes on from an open descriptor:
 *   /proc/self/fd/N/name has the meaning of openat(N, name). One descriptor carries about 3,700 bytes of path.
 * - With `pinned`, every folder is held by a descriptor opened without following links, and everything in it is
 *   reached through that. Then nobody who may rename folders below can lead this process elsewhere between two calls.
 *   That matters where Cairn may read more than the owner of the files, that is, for root. It costs a third of the
 *   listing rate (measured: 310 against 450 thousand entries a second of one core).
 *
 * Descriptors are counted by the folders that need them and closed with the last one.
 */
import { isUtf8 } from 'node:buffer';
import fs from 'node:fs';
import type { Problem } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import { assert } from '../../../src-shared/assert.ts';
import { problemOf } from './problem.ts';
import { type FileStat, type ObjectIdentity, fileStatOf, sameObject } from './stat.ts';

/** PATH_MAX is 4,096 with the final NUL; a name has up to 255 bytes; the rest is room for “/” and the descriptor. */
const ACCESS_BYTES_MAX = 4096 - 256 - 64;
const SLASH = Buffer.from('/');
const { O_RDONLY = 0, O_DIRECTORY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;

/** A descriptor shared by every folder below it that is reached through it. */
type Descriptor = { readonly fd: number; uses: number };

export type SourceFolder = {
  /** The whole path, for people and problems. */
  readonly path: Buffer;
  /** What to give to a system call: may begin with /proc/self/fd/. */
  readonly access: Buffer;
  /** `access` as a string, only where the string stands for exactly these bytes: string paths are faster. */
  readonly accessText: string | undefined;
  readonly pinned: boolean;
  readonly descriptor: Descriptor | undefined;
  /** True when the descriptor is this very folder, and `access` is nothing but its /proc path. */
  readonly isDescriptor: boolean;
};

export type OpenedFolder = SourceFolder | { readonly failed: Problem };

let descriptorPaths: boolean | undefined;

/** True where /proc/self/fd/N/name works: Linux with /proc mounted. */
export function hasDescriptorPaths(): boolean {
  descriptorPaths ??= process.platform === 'linux' && fs.existsSync('/proc/self/fd');
  return descriptorPaths;
}

/** The default for `pinned`: only a process that may read other people's files has anything to give away. */
export function defaultPinned(): boolean {
  return hasDescriptorPaths() && process.geteuid?.() === 0;
}

/** A folder by its path. Links in the path are followed here, and only here: the user named it. Close it in the end. */
export function openSourceRoot(path: Buffer, pinned: boolean): OpenedFolder {
  if (!hasDescriptorPaths() || (!pinned && path.length <= ACCESS_BYTES_MAX)) return plainFolder(path);
  let access = path;
  let descriptor: Descriptor | undefined;
  try {
    // A root longer than PATH_MAX is walked in stretches that fit.
    while (access.length > ACCESS_BYTES_MAX) {
      const cut = access.lastIndexOf(SLASH, ACCESS_BYTES_MAX);
      const next = openDescriptor(access.subarray(0, Math.max(cut, 1)), 0);
      if (descriptor !== undefined) release(descriptor);
      descriptor = next;
      access = Buffer.concat([descriptorPath(next), access.subarray(Math.max(cut, 1))]);
    }
    if (pinned) {
      const next = openDescriptor(access, 0);
      if (descriptor !== undefined) release(descriptor);
      descriptor = next;
      access = descriptorPath(next);
    }
  } catch (error) {
    if (descriptor !== undefined) release(descriptor);
    return { failed: problemOf(path, 'can’t be opened', error) };
  }
  return folderOf({ path, access, pinned, descriptor, isDescriptor: pinned });
}

/**
 * A folder inside one that is open. `expected` is what the listing said: when pinned, another object under that name
 * (a link, another folder) is a problem and is not entered. Close it in the end.
 */
export function openSourceChild(parent: SourceFolder, name: Uint8Array, expected: ObjectIdentity): OpenedFolder {
  const path = joinPath(parent.path, name);
  const access = joinPath(parent.access, name);
  if (!parent.pinned && (access.length <= ACCESS_BYTES_MAX || !hasDescriptorPaths())) {
    if (parent.descriptor !== undefined) parent.descriptor.uses++;
    return folderOf({ path, access, pinned: false, descriptor: parent.descriptor, isDescriptor: false });
  }
  let descriptor: Descriptor;
  try {
    descriptor = openDescriptor(access, O_NOFOLLOW);
  } catch (error) {
    return { failed: problemOf(path, 'can’t be opened', error) };
  }
  const found = fileStatOf(fs.fstatSync(descriptor.fd, { bigint: true }));
  if (!sameObject(found, expected)) {
    release(descriptor);
    return { failed: replacedProblem(path) };
  }
  return folderOf({ path, access: descriptorPath(descriptor), pinned: parent.pinned, descriptor, isDescriptor: true });
}

/** Gives back the descriptor, if this folder was the last to need it. A folder is closed exactly once. */
export function closeSourceFolder(folder: SourceFolder): void {
  if (folder.descriptor !== undefined) release(folder.descriptor);
}

/** The path to give to a system call for an entry of the folder. */
export function resolvePath(parent: SourceFolder, name: Uint8Array): Buffer {
  return joinPath(parent.access, name);
}

/** Folder and name with one slash between them, whether or not the folder is the root. */
export function joinPath(folder: Uint8Array, name: Uint8Array): Buffer {
  return folder.at(-1) === 0x2f ? Buffer.concat([folder, name]) : Buffer.concat([folder, SLASH, name]);
}

/** What the filesystem says of the folder itself now. Throws the errno of lstat. */
export function statFolder(folder: SourceFolder): FileStat {
  const pinned = folder.isDescriptor ? folder.descriptor : undefined;
  if (pinned !== undefined) return fileStatOf(fs.fstatSync(pinned.fd, { bigint: true }));
  return fileStatOf(fs.lstatSync(folder.access, { bigint: true }));
}

/** A folder without descriptors, for a path that fits into one call. */
export function plainFolder(path: Buffer): SourceFolder {
  return folderOf({ path, access: path, pinned: false, descriptor: undefined, isDescriptor: false });
}

export function replacedProblem(path: Uint8Array): Problem {
  return {
    path: escapePath(path),
    code: 'REPLACED',
    message: 'was replaced by something else while it was being read',
  };
}

function folderOf(parts: Omit<SourceFolder, 'accessText'>): SourceFolder {
  return { ...parts, accessText: isUtf8(parts.access) ? parts.access.toString('utf8') : undefined };
}

function openDescriptor(path: Buffer, extraFlags: number): Descriptor {
  return { fd: fs.openSync(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | extraFlags), uses: 1 };
}

function descriptorPath(descriptor: Descriptor): Buffer {
  return Buffer.from(`/proc/self/fd/${descriptor.fd}`);
}

function release(descriptor: Descriptor): void {
  assert(descriptor.uses > 0, 'a source folder is closed once');
  descriptor.uses--;
  if (descriptor.uses === 0) fs.closeSync(descriptor.fd);
}

/** A folder as plain data, for another thread of this process: descriptors are the same there. */
export type FolderHandle = {
  readonly path: Uint8Array;
  readonly access: Uint8Array;
  readonly pinned: boolean;
  readonly fd: number | undefined;
  readonly isDescriptor: boolean;
};

export function folderHandle({ path, access, pinned, descriptor, isDescriptor }: SourceFolder): FolderHandle {
  return { path: exact(path), access: exact(access), pinned, fd: descriptor?.fd, isDescriptor };
}

/** The folder of a handle that someone else keeps open for as long as this is used. It is not closed. */
export function borrowedFolder({ path, access, pinned, fd, isDescriptor }: FolderHandle): SourceFolder {
  const descriptor = fd === undefined ? undefined : { fd, uses: 1 };
  return folderOf({ path: bufferOf(path), access: bufferOf(access), pinned, descriptor, isDescriptor });
}

/** A folder that another thread opened in `parent` and handed over: it is closed here. */
export function adoptFolder(handle: FolderHandle, parent: SourceFolder): SourceFolder {
  const folder = borrowedFolder(handle);
  if (folder.descriptor === undefined || folder.descriptor.fd !== parent.descriptor?.fd) return folder;
  parent.descriptor.uses++;
  return { ...folder, descriptor: parent.descriptor };
}

/** A copy in memory of its own: a structured clone takes all of the memory that a view lies in. */
export function exact(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
