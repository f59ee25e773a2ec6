/** What to do about something that is there already under the name of an entry. Pure but for reading a link's target. */
import { equalBytes } from '../kernel/index.ts';
import type { Entry } from '../merkle/index.ts';
import type { FileStat } from '../source/index.ts';
import type { RestoreOptions } from './options.ts';
import type { TargetFolder } from './target.ts';

const SET_ID_BITS = 0o6000;

export type Decision = 'restore' | 'unchanged' | 'skip' | 'replace' | 'put-aside';

/** `folder` is the one in which `existing` was found. */
export function decide(entry: Entry, existing: FileStat, folder: TargetFolder, options: RestoreOptions): Decision {
  const { overwrite } = options;
  const isSame =
    (overwrite !== 'always' || existing.nodeType === 'directory') && isSameEntry(entry, existing, folder, options);
  if (overwrite === 'never') return isSame ? 'unchanged' : 'skip';
  if (isSame) return 'unchanged';
  if (overwrite === 'if-newer' && entry.mtimeNs <= existing.mtimeNs) return 'skip';
  return existing.nodeType === 'directory' || overwrite === 'keep-both' ? 'put-aside' : 'replace';
}

/** By type, size, time, mode and owner, as a backup would see it; a link by its target, a device by its number. */
function isSameEntry(entry: Entry, existing: FileStat, folder: TargetFolder, options: RestoreOptions): boolean {
  if (entry.nodeType !== existing.nodeType || entry.mtimeNs !== existing.mtimeNs) return false;
  if (options.restoreOwner && (entry.uid !== existing.uid || entry.gid !== existing.gid)) return false;
  if (entry.nodeType === 'symlink') {
    const found = folder.readLink(entry.name);
    return Buffer.isBuffer(found) && equalBytes(found, entry.target);
  }
  // Without the owner the set-id bits are not restored either: then without them is as near as it gets.
  const nearest = options.restoreOwner ? entry.mode : entry.mode & ~SET_ID_BITS;
  if (entry.mode !== existing.mode && nearest !== existing.mode) return false;
  if (entry.nodeType === 'file') return entry.size === existing.size;
  if (entry.nodeType === 'char-device' || entry.nodeType === 'block-device') {
    return entry.major === existing.deviceMajor && entry.minor === existing.deviceMinor;
  }
  return true;
}
