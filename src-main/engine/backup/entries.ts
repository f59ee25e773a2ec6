/** Stored entries and how they compare: what a folder's pages are made of, and when the parent's may be taken over. */
import type { NodeId } from '../../../src-shared/ids.ts';
import { equalBytes } from '../kernel/index.ts';
import {
  type DirectoryEntry,
  type Entry,
  type EntryMetadata,
  FILE_FLAG,
  type FileEntry,
  compareEntries,
} from '../merkle/index.ts';
import type { PageRef } from '../snapshot/index.ts';
import type { FileStat, OwnerNames } from '../source/index.ts';
import type { PreviousEntry } from './previous.ts';

/** The unit of st_blocks, whatever the filesystem's own blocks are. */
export const BLOCK_BYTES = 512;

/** A stored entry of a folder; a directory comes with its NodeId, and with its seal where it has sub-directories. */
export type Child = {
  readonly entry: Entry;
  readonly nodeId: NodeId | undefined;
  readonly seal: PageRef | undefined;
};

/** What is hashed and restored besides the content. Owner names are left out where the system knows none. */
export function metadataOf(
  stat: Pick<FileStat, 'mode' | 'uid' | 'gid' | 'mtimeNs'>,
  name: Uint8Array,
  owners: OwnerNames,
): EntryMetadata {
  const userName = owners.user(stat.uid);
  const groupName = owners.group(stat.gid);
  return {
    name,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    mtimeNs: stat.mtimeNs,
    ...(userName === undefined ? {} : { userName }),
    ...(groupName === undefined ? {} : { groupName }),
  };
}

/**
 * The previous entry as it stands: the newest state anyone could read. Undefined for a directory whose seal could not
 * be read: without its NodeId it can't be carried on.
 */
export function carried({ entry, folder }: PreviousEntry): Child | undefined {
  if (entry.nodeType === 'directory' && folder === undefined) return undefined;
  return { entry, nodeId: folder?.nodeId, seal: folder?.seal };
}

/** A directory entry with other metadata and the same children. */
export function withMetadata(folder: DirectoryEntry, metadata: EntryMetadata): DirectoryEntry {
  const { page, pageLevel, entryCount, totalEntries, totalBytes } = folder;
  return { ...metadata, nodeType: 'directory', page, pageLevel, entryCount, totalEntries, totalBytes };
}

/** Whether a folder's own times, mode and owner are what they were. */
export function equalMetadata(before: DirectoryEntry, metadata: EntryMetadata): boolean {
  return compareEntries(before, withMetadata(before, metadata)) === 'equal';
}

/** Whether a file takes fewer blocks on disk than its size needs. */
export function isSparse({ blocks, size }: Pick<FileStat, 'blocks' | 'size'>): boolean {
  return blocks * BLOCK_BYTES < size;
}

/** The flags of a file; `isInconsistent`: it changed while it was read. */
export function fileFlagsOf(isSparse: boolean, isInconsistent: boolean): Pick<FileEntry, 'fileFlags'> {
  const fileFlags = (isInconsistent ? FILE_FLAG.inconsistent : 0) | (isSparse ? FILE_FLAG.sparse : 0);
  return fileFlags === 0 ? {} : { fileFlags };
}

/** Whether the parent's pages say exactly this of the child. */
export function isSameChild({ entry, nodeId, seal }: Child, { entry: before, folder }: PreviousEntry): boolean {
  if (entry === before && entry.nodeType !== 'directory') return true;
  if (compareEntries(before, entry) !== 'equal' || before.linkGroup !== entry.linkGroup) return false;
  if (entry.nodeType !== 'directory' || before.nodeType !== 'directory') return entry.nodeType === before.nodeType;
  if (folder === undefined || nodeId === undefined) return false;
  const isSameSeal =
    seal === undefined
      ? folder.seal === undefined
      : folder.seal !== undefined && equalBytes(seal.page, folder.seal.page);
  return equalBytes(entry.page, before.page) && equalBytes(nodeId, folder.nodeId) && isSameSeal;
}
