/** The FileSystem port on node:fs/promises. */
import { constants, type Stats } from 'node:fs';
import { access, type FileHandle, lstat, mkdir, open, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises';

import {
  type EntryKind,
  errnoOf,
  type FileStat,
  type FileSystem,
  type HeldFolder,
  type ReadHandle,
  type WriteHandle,
} from './filesystem.ts';

/** Windows lacks these flags, whatever the types say; there O_EXCL refuses a link and a pipe can't stand in a folder. */
const flags: Partial<typeof constants> = constants;
const NO_FOLLOW = flags.O_NOFOLLOW ?? 0;
const NO_WAIT = flags.O_NONBLOCK ?? 0;
const FOLDER_ONLY = flags.O_DIRECTORY ?? 0;

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

type Kinds = { isFile(): boolean; isDirectory(): boolean };

function kindOf(entry: Kinds): EntryKind {
  if (entry.isFile()) return 'file';
  return entry.isDirectory() ? 'folder' : 'other';
}

function fileStat(stats: Stats): FileStat {
  return { kind: kindOf(stats), sizeBytes: stats.size, modifiedAtMs: stats.mtimeMs, device: stats.dev };
}

/** A refusal of ours in the shape of the system's own. */
function refusal(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: open '${path}'`), { code, path, syscall: 'open' });
}

function writeHandle(handle: FileHandle): WriteHandle {
  return {
    write: async (bytes) => (await handle.write(bytes, 0, bytes.length)).bytesWritten,
    // libuv makes this F_FULLFSYNC on macOS, which also empties the drive's own cache.
    sync: () => handle.sync(),
    sizeBytes: async () => (await handle.stat()).size,
    close: () => handle.close(),
  };
}

/** The size is the one seen when it was opened: files of a repository don't change under their name. */
function readHandle(handle: FileHandle, sizeBytes: number): ReadHandle {
  return {
    read: async (target, offset) => (await handle.read(target, 0, target.length, offset)).bytesRead,
    sizeBytes: () => Promise.resolve(sizeBytes),
    close: () => handle.close(),
  };
}

async function openPlainFile(path: string): Promise<ReadHandle> {
  const handle = await open(path, constants.O_RDONLY | NO_FOLLOW | NO_WAIT).catch(async (error: unknown) => {
    // Opening a socket gives ENXIO, which otherwise means that the drive went away.
    if (errnoOf(error) === 'ENXIO' && !(await lstat(path)).isFile()) throw refusal('EFTYPE', path);
    throw error;
  });
  try {
    const stats = await handle.stat();
    if (stats.isDirectory()) throw refusal('EISDIR', path);
    if (!stats.isFile()) throw refusal('EFTYPE', path);
    return readHandle(handle, stats.size);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  // A folder can't be opened for this on Windows; NTFS keeps names in its own journal.
  if (process.platform === 'win32') return;
  const handle = await open(path, constants.O_RDONLY | FOLDER_ONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

let canHold: Promise<boolean> | undefined;

/** True where /proc/self/fd/N/name has the meaning of openat(N, name): Linux with /proc mounted. */
function canHoldFolders(): Promise<boolean> {
  if (process.platform !== 'linux') return Promise.resolve(false);
  canHold ??= access('/proc/self/fd').then(
    () => true,
    () => false,
  );
  return canHold;
}

async function holdRoot(path: string): Promise<HeldFolder> {
  if (!(await canHoldFolders())) return { path, stat: fileStat(await stat(path)), close: () => Promise.resolve() };
  const handle = await open(path, constants.O_RDONLY | FOLDER_ONLY);
  try {
    const found = fileStat(await handle.stat());
    return { path: `/proc/self/fd/${handle.fd}`, stat: found, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

export const nodeFileSystem: FileSystem = {
  openWrite: async (path) =>
    writeHandle(await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | NO_FOLLOW, FILE_MODE)),
  openRead: openPlainFile,
  rename,
  unlink,
  mkdir: async (path) => {
    await mkdir(path, FOLDER_MODE);
  },
  rmdir: (path) => rmdir(path),
  syncFolder,
  readFolder: async (path) =>
    (await readdir(path, { withFileTypes: true })).map((item) => ({ name: item.name, kind: kindOf(item) })),
  stat: async (path) => fileStat(await lstat(path)),
  statRoot: async (path) => fileStat(await stat(path)),
  holdRoot,
};
