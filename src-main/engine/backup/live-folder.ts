/**
 * A folder as a live backup meets it: taken over whole from the parent snapshot, or not, because something about it is
 * not what it was.
 */
import { escapePath } from '../../../src-shared/format/index.ts';
import { equalBytes } from '../kernel/index.ts';
import type { Listing } from '../source/index.ts';
import { type Child, equalMetadata } from './entries.ts';
import { type FileBackupOptions, type Seen, describeEntry, isLongAgo } from './file-backup.ts';
import type { LeafOptions } from './leaf-walk.ts';
import { PreviousEntries, type PreviousFolder } from './previous.ts';

/**
 * What the parent snapshot has of a folder in which nothing happened. Undefined where that is not certain: then it is
 * walked with all that is in it. A folder that was put in the place of another has a new ctime, which nobody can set.
 */
export function takeOverFolder(options: LeafOptions, seen: Seen, before: PreviousFolder): Child | undefined {
  const { entry, nodeId, seal } = before;
  if (options.reread || !isLongAgo(options, seen.stat.ctimeNs)) return undefined;
  if (!options.session.has(entry.page) || (seal !== undefined && !options.session.has(seal.page))) return undefined;
  if (!equalMetadata(entry, describeEntry(options, seen, entry))) return undefined;
  options.live?.kept?.add(escapePath(seen.path));
  return { entry, nodeId, seal };
}

/** Whether an ignore file of a listed folder is another one than in the parent snapshot: its rules hold for all below. */
export async function haveRulesChanged(
  options: FileBackupOptions & { readonly ignoreFiles: readonly Uint8Array[] },
  listing: Listing,
  previous: PreviousFolder | undefined,
): Promise<boolean> {
  const { repository, session, ignoreFiles } = options;
  if (ignoreFiles.length === 0 || previous === undefined) return false;
  const { page, pageLevel: level } = previous.entry;
  const before = new PreviousEntries(repository, session, { page, level }, undefined);
  // In name order: the cursor only goes forward.
  for (const name of ignoreFiles) {
    const row = listing.rowOf(name);
    const old = (await before.find(name))?.entry;
    if (row === undefined && old === undefined) continue;
    if (row === undefined || old?.nodeType !== 'file' || listing.nodeType(row) !== 'file') return true;
    const stat = listing.stat(row);
    const isSame = equalBytes(old.name, name) && old.size === stat.size && old.mtimeNs === stat.mtimeNs;
    if (!isSame || !isLongAgo(options, stat.ctimeNs)) return true;
  }
  return false;
}
