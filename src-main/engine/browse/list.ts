/** `cairn ls`: the entries of a folder in a snapshot, one after another, never all in memory. */
import { CairnError } from '../../../src-shared/errors.ts';
import { escapePath, formatTimeNs, millisecondsOf } from '../../../src-shared/format/index.ts';
import type { EntryType, ListedEntry, UnreadableFolder } from '../../../src-shared/model/index.ts';
import { toHex } from '../kernel/index.ts';
import {
  type Entry,
  folderRef,
  type FolderRef,
  iterateFolder,
  iterateFolderLeaves,
  type OnDamagedPage,
  ENTRY_TYPE,
  joinNames,
} from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import type { Snapshot } from '../snapshot/index.ts';
import { type Located, fetchPages, locate } from './locate.ts';

export const WALK_DEPTH_MAX = 8192;

export function describeEntry(entry: Entry, path: Uint8Array): ListedEntry {
  return {
    path: escapePath(path),
    type: ENTRY_TYPE[entry.nodeType],
    size: sizeOf(entry),
    mtime: formatTimeNs(entry.mtimeNs),
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    ...(entry.nodeType === 'symlink' ? { target: escapePath(entry.target) } : {}),
    ...(entry.nodeType === 'file' ? { contentHash: toHex(entry.contentHash) } : {}),
  };
}

/** Bytes of a file, of all files below a folder, of a link's target. */
function sizeOf(entry: Entry): number {
  switch (entry.nodeType) {
    case 'file':
      return entry.size;
    case 'directory':
      return entry.totalBytes;
    case 'symlink':
      return entry.target.length;
    case 'fifo':
    case 'socket':
    case 'char-device':
    case 'block-device':
      return 0;
  }
}

/** Told of each folder that can't be read whole. */
export type OnUnreadable = (folder: UnreadableFolder) => void;

/** What a damaged page of the folder at `path` (escaped) is, for those who look on; undefined where nobody does. */
export function damageTeller(
  onUnreadable: OnUnreadable | undefined,
  snapshot: Snapshot,
  path: string,
): OnDamagedPage | undefined {
  if (onUnreadable === undefined) return undefined;
  return ({ code, message }) => onUnreadable({ path, snapshot: snapshot.id, code, message });
}

/**
 * The entries of a folder, with `recursive` everything below it, a folder before what is in it; of a file only itself.
 * With `onUnreadable` a damaged page ends nothing but itself; without it, it ends the listing with its error.
 */
export async function* listEntries(
  repository: Repository,
  snapshot: Snapshot,
  path: Uint8Array,
  options: { readonly recursive: boolean; readonly onUnreadable?: OnUnreadable | undefined },
): AsyncGenerator<ListedEntry> {
  const located = await locate(repository, snapshot, path);
  if (located.kind === 'root') {
    yield* walk({ ...options, repository, snapshot }, located.folder, [], 0);
  } else if (located.entry.nodeType === 'directory') {
    yield* walk({ ...options, repository, snapshot }, folderRef(located.entry), [located.path], 0);
  } else {
    yield describeEntry(located.entry, located.path);
  }
}

/** An entry of a folder with as little as a list of very many needs. `name` is escaped text. */
export type FolderRow = {
  readonly name: string;
  readonly type: EntryType;
  readonly size: number;
  /** Since 1970, rounded down. */
  readonly mtimeMs: number;
  readonly mode: number;
  readonly target: string | undefined;
  /** Of a file. */
  readonly contentHash: Uint8Array | undefined;
  /** Of a folder: the sizes of all files below it, and how many names there are. */
  readonly below: { readonly bytes: number; readonly entries: number } | undefined;
};

/**
 * The entries of one folder in the order of their raw names, a stored page at a time: several times faster than one by
 * one where there are a hundred thousand of them. @throws CairnError path/not-found for what is no folder
 */
export async function* listFolder(
  repository: Repository,
  snapshot: Snapshot,
  path: Uint8Array,
  onUnreadable: OnUnreadable,
): AsyncGenerator<readonly FolderRow[]> {
  const located = await locate(repository, snapshot, path);
  const { page, level, totalEntries } = folderOf(located);
  const onDamage = damageTeller(onUnreadable, snapshot, located.kind === 'root' ? '' : escapePath(located.path));
  for await (const entries of iterateFolderLeaves(fetchPages(repository), page, level, onDamage, totalEntries)) {
    yield entries.map(rowOf);
  }
}

function folderOf(located: Located): FolderRef {
  if (located.kind === 'root') return located.folder;
  if (located.entry.nodeType === 'directory') return folderRef(located.entry);
  throw new CairnError('path/not-found', 'That is a file and not a folder.');
}

function rowOf(entry: Entry): FolderRow {
  return {
    name: escapePath(entry.name),
    type: ENTRY_TYPE[entry.nodeType],
    size: sizeOf(entry),
    mtimeMs: millisecondsOf(entry.mtimeNs),
    mode: entry.mode,
    target: entry.nodeType === 'symlink' ? escapePath(entry.target) : undefined,
    contentHash: entry.nodeType === 'file' ? entry.contentHash : undefined,
    below: entry.nodeType === 'directory' ? { bytes: entry.totalBytes, entries: entry.totalEntries } : undefined,
  };
}

type Walk = {
  readonly repository: Repository;
  readonly snapshot: Snapshot;
  readonly recursive: boolean;
  readonly onUnreadable?: OnUnreadable | undefined;
};

async function* walk(
  options: Walk,
  folder: FolderRef,
  prefix: readonly Uint8Array[],
  depth: number,
): AsyncGenerator<ListedEntry> {
  const { repository, snapshot, recursive, onUnreadable } = options;
  if (depth > WALK_DEPTH_MAX)
    throw new CairnError('limit/exceeded', 'The stored tree is deeper than any Cairn writes.');
  const onDamage = damageTeller(onUnreadable, snapshot, escapePath(joinNames(prefix)));
  const { page, level, totalEntries } = folder;
  for await (const entry of iterateFolder(fetchPages(repository), page, level, onDamage, totalEntries)) {
    const path = joinNames([...prefix, entry.name]);
    yield describeEntry(entry, path);
    if (recursive && entry.nodeType === 'directory') {
      yield* walk(options, folderRef(entry), [path], depth + 1);
    }
  }
}
