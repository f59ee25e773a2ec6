/**
 * Giving what is there already another name: aside in its folder, or in a folder of another place. Nothing is replaced
 * and no link is followed, and every step goes through the checked names of TargetFolder.
 */
import fs from 'node:fs';
import { escapePath } from '../../../src-shared/format/index.ts';
import { errnoOf, joinPath } from '../source/index.ts';
import type { TargetFolder } from './target-folder.ts';
import { asideNames } from './target-names.ts';
import { type Failed, failed, lstatOf, placeEntry } from './target-place.ts';

/** Renames an entry to “name.before-restore”, or with a number after it, and says to what. Replaces nothing. */
export function renameAside(
  folder: TargetFolder,
  name: Uint8Array,
): { readonly kind: 'renamed'; readonly name: Buffer } | Failed {
  const path = joinPath(folder.path, name);
  for (const aside of asideNames(name)) {
    const moved = moveInto(folder, name, folder, aside);
    if (moved === 'moved') return { kind: 'renamed', name: aside };
    if (moved !== 'taken' && moved !== 'elsewhere') return moved;
  }
  const message = 'can’t be put aside: no name is free';
  return { kind: 'failed', problem: { path: escapePath(path), code: 'EEXIST', message } };
}

/**
 * Gives what is no folder a second name in another folder of the same filesystem, so that the first can be replaced in one
 * step. “not possible”: this filesystem, system or user can't have two names for it.
 */
export function linkInto(
  folder: TargetFolder,
  name: Uint8Array,
  into: TargetFolder,
  as: Uint8Array,
): 'linked' | 'not possible' | Failed {
  // Elsewhere link may follow a symlink.
  if (process.platform !== 'linux') return 'not possible';
  const from = folder.accessPath(name);
  if (!Buffer.isBuffer(from)) return from;
  const to = into.accessPath(as);
  if (!Buffer.isBuffer(to)) return to;
  try {
    fs.linkSync(from, to);
    return 'linked';
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'EEXIST') return failed(joinPath(folder.path, name), 'can’t be kept', error);
    if (code === undefined) throw error;
    return 'not possible';
  }
}

/** Moves an entry, also a folder with all that is in it. “taken”: something has that name. “elsewhere”: another filesystem. */
export function moveInto(
  folder: TargetFolder,
  name: Uint8Array,
  into: TargetFolder,
  as: Uint8Array,
): 'moved' | 'taken' | 'elsewhere' | Failed {
  const from = folder.accessPath(name);
  if (!Buffer.isBuffer(from)) return from;
  const to = into.accessPath(as);
  if (!Buffer.isBuffer(to)) return to;
  try {
    if (lstatOf(from).nodeType !== 'directory') return placeEntry(from, to, false) ? 'moved' : 'taken';
    if (fs.lstatSync(to, { throwIfNoEntry: false }) !== undefined) return 'taken';
    // Should the name be taken in this very moment: a folder replaces nothing but an empty folder.
    fs.renameSync(from, to);
    return 'moved';
  } catch (error) {
    if (errnoOf(error) === 'EXDEV') return 'elsewhere';
    return failed(joinPath(folder.path, name), 'can’t be put aside', error);
  }
}

/** Removes a folder with nothing in it. “kept”: something is in it, or it is gone or no folder. */
export function removeEmptyFolder(folder: TargetFolder, name: Uint8Array): 'removed' | 'kept' | Failed {
  const access = folder.accessPath(name);
  if (!Buffer.isBuffer(access)) return access;
  try {
    fs.rmdirSync(access);
    return 'removed';
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR', 'EBUSY'].includes(errnoOf(error) ?? '')) return 'kept';
    return failed(joinPath(folder.path, name), 'can’t be removed', error);
  }
}
