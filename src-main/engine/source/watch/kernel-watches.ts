/**
 * Which folders this process watches, as Linux itself says in /proc/self/fdinfo: the only thing that proves it. A library
 * may believe that it watches a folder that was removed and made again; where the new one has the inode of the old one, as
 * on ext4, nothing else tells the difference.
 */
import { lstat, readFile, readdir, readlink } from 'node:fs/promises';
import { mapBounded } from '../../kernel/index.ts';
import { joinPath } from '../folder.ts';
import { subfolderNames } from './subfolders.ts';

const DESCRIPTORS = '/proc/self/fd';
const DETAILS = '/proc/self/fdinfo';
const LOOKS_AT_ONCE = 4;

/** Inodes, of whatever filesystem. Undefined where the system does not say. */
export async function watchedInodes(): Promise<ReadonlySet<bigint> | undefined> {
  const numbers = await readdir(DESCRIPTORS).catch(() => undefined);
  if (numbers === undefined) return undefined;
  const inodes = new Set<bigint>();
  for (const number of numbers) {
    const target = await readlink(`${DESCRIPTORS}/${number}`).catch(() => '');
    if (!target.includes('inotify')) continue;
    const text = await readFile(`${DETAILS}/${number}`, 'latin1').catch(() => '');
    for (const [, inode] of text.matchAll(/^inotify wd:\S+ ino:([0-9a-f]+) /gm)) inodes.add(BigInt(`0x${inode}`));
  }
  return inodes;
}

/** For each folder: one of it and those in it that is there, and that the kernel watches for nobody. */
export async function unwatchedAmong(
  folders: readonly Buffer[],
  isIgnored: (folder: Buffer) => boolean,
): Promise<readonly (Buffer | undefined)[]> {
  const found = await mapBounded(folders, LOOKS_AT_ONCE, async (folder) => {
    const names = (await subfolderNames(folder)) ?? [];
    const candidates = [folder, ...names.map((name) => joinPath(folder, name))].filter((path) => !isIgnored(path));
    return mapBounded(candidates, LOOKS_AT_ONCE, async (path) => ({ path, inode: await readableInode(path) }));
  });
  // Asked last: what was there a moment ago is watched by now, or gone.
  const watched = await watchedInodes();
  if (watched === undefined) return folders.map(() => undefined);
  return found.map((all) => all.find(({ inode }) => inode !== undefined && !watched.has(inode))?.path);
}

/** Undefined for what can't be listed: nobody could watch it. */
async function readableInode(path: Buffer): Promise<bigint | undefined> {
  if ((await subfolderNames(path)) === undefined) return undefined;
  return lstat(path, { bigint: true }).then(
    (stats) => (stats.isDirectory() ? stats.ino : undefined),
    () => undefined,
  );
}
