/** `cairn diff` of two snapshots. */
import { CairnError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { TreeDiff } from '../../../src-shared/model/index.ts';
import { type Entry, folderRef, type FolderRef, compareEntries, diffFolders, joinNames } from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import type { Snapshot } from '../snapshot/index.ts';
import { fetchPages, locateMaybe, splitPath } from './locate.ts';

export type DiffLists = {
  readonly added: string[];
  readonly removed: string[];
  readonly changed: string[];
  readonly metadata: string[];
};

/** What changed from one snapshot to another, below `path`. */
export async function diffSnapshots(
  repository: Repository,
  before: Snapshot,
  after: Snapshot,
  path: Uint8Array,
): Promise<TreeDiff> {
  const fetch = fetchPages(repository);
  const [a, b] = [await locateMaybe(repository, before, path), await locateMaybe(repository, after, path)];
  if (a === undefined && b === undefined)
    throw new CairnError('path/not-found', `Neither snapshot has ${escapePath(path)}.`);
  const lists: DiffLists = { added: [], removed: [], changed: [], metadata: [] };
  const [entryA, entryB] = [a?.kind === 'entry' ? a.entry : undefined, b?.kind === 'entry' ? b.entry : undefined];
  const [folderA, folderB] = [
    a?.kind === 'root' ? a.folder : folderOf(entryA),
    b?.kind === 'root' ? b.folder : folderOf(entryB),
  ];
  const prefix = splitPath(path);
  if (prefix.length > 0) noteEntry(lists, escapePath(joinNames(prefix)), entryA, entryB);
  if (folderA === undefined && folderB === undefined) return lists;
  for await (const event of diffFolders(fetch, folderA, fetch, folderB)) {
    lists[event.kind].push(escapePath(joinNames([...prefix, ...event.path])));
  }
  return lists;
}

function noteEntry(lists: DiffLists, path: string, before: Entry | undefined, after: Entry | undefined): void {
  if (before === undefined && after === undefined) return;
  if (before === undefined) lists.added.push(path);
  else if (after === undefined) lists.removed.push(path);
  else {
    const kind = compareEntries(before, after);
    if (kind !== 'equal') lists[kind].push(path);
  }
}

function folderOf(entry: Entry | undefined): FolderRef | undefined {
  return entry?.nodeType === 'directory' ? folderRef(entry) : undefined;
}
