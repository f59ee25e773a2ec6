/** `cairn diff`: two snapshots, or a snapshot and the sources as they are now. */
import { CairnError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { TreeDiff } from '../../../src-shared/model/index.ts';
import { compareBytes, equalBytes } from '../kernel/index.ts';
import {
  type DirectoryEntry,
  type Entry,
  type FolderRef,
  compareEntries,
  diffFolders,
  iterateFolder,
} from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import type { Snapshot } from '../snapshot/index.ts';
import {
  type Filter,
  type SourceEntry,
  type SourceFolder,
  closeSourceFolder,
  createFilter,
  defaultPinned,
  listFolder,
  openSourceChild,
  openSourceRoot,
  statPath,
} from '../source/index.ts';
import { WALK_DEPTH_MAX } from './list.ts';
import { fetchPages, joinNames, locateMaybe, onlySource, splitPath } from './locate.ts';

type Lists = {
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
  const lists: Lists = { added: [], removed: [], changed: [], metadata: [] };
  const [entryA, entryB] = [a?.kind === 'entry' ? a.entry : undefined, b?.kind === 'entry' ? b.entry : undefined];
  const [folderA, folderB] = [
    a?.kind === 'root' ? a.folder : folderRef(entryA),
    b?.kind === 'root' ? b.folder : folderRef(entryB),
  ];
  const prefix = splitPath(path);
  if (prefix.length > 0) noteEntry(lists, escapePath(joinNames(prefix)), entryA, entryB);
  if (folderA === undefined && folderB === undefined) return lists;
  for await (const event of diffFolders(fetch, folderA, fetch, folderB)) {
    lists[event.kind].push(escapePath(joinNames([...prefix, ...event.path])));
  }
  return lists;
}

function noteEntry(lists: Lists, path: string, before: Entry | undefined, after: Entry | undefined): void {
  if (before === undefined && after === undefined) return;
  if (before === undefined) lists.added.push(path);
  else if (after === undefined) lists.removed.push(path);
  else {
    const kind = compareEntries(before, after);
    if (kind !== 'equal') lists[kind].push(path);
  }
}

function folderRef(entry: Entry | undefined): FolderRef | undefined {
  return entry?.nodeType === 'directory' ? { page: entry.page, level: entry.pageLevel } : undefined;
}

/** What changed on disk since a snapshot, by size and time as a backup would see it. */
export async function diffLive(repository: Repository, snapshot: Snapshot, path: Uint8Array): Promise<TreeDiff> {
  const fetch = fetchPages(repository);
  const lists: Lists = { added: [], removed: [], changed: [], metadata: [] };
  const wanted = splitPath(path);
  const only = await onlySource(fetch, snapshot);
  const top = snapshot.record.rootPage;
  for await (const entry of iterateFolder(fetch, top.page, top.level)) {
    const source = snapshot.record.sources.find(({ name }) => equalBytes(Buffer.from(name), entry.name));
    if (source === undefined) continue;
    const prefix = only === undefined ? [entry.name] : [];
    const filter = createFilter({
      excludes: source.rules.excludes,
      ...(source.rules.excludeLargerThanBytes > 0
        ? { excludeLargerThanBytes: source.rules.excludeLargerThanBytes }
        : {}),
    });
    const walk = new LiveDiff(repository, filter, lists, wanted);
    if (entry.nodeType === 'directory') await walk.source(Buffer.from(source.path), entry, prefix);
    else walk.leaf(only === undefined ? prefix : [entry.name], statAsEntry(Buffer.from(source.path), entry), entry);
  }
  return lists;
}

function statAsEntry(path: Buffer, entry: Entry): SourceEntry | undefined {
  const stat = statPath(path);
  return stat === undefined || 'failed' in stat ? undefined : { name: entry.name, stat };
}

class LiveDiff {
  readonly #repository: Repository;
  readonly #filter: Filter;
  readonly #lists: Lists;
  readonly #wanted: readonly Uint8Array[];

  constructor(repository: Repository, filter: Filter, lists: Lists, wanted: readonly Uint8Array[]) {
    this.#repository = repository;
    this.#filter = filter;
    this.#lists = lists;
    this.#wanted = wanted;
  }

  async source(path: Buffer, entry: DirectoryEntry, prefix: readonly Uint8Array[]): Promise<void> {
    const folder = openSourceRoot(path, defaultPinned());
    if ('failed' in folder)
      throw new CairnError('source/unreadable', `${folder.failed.path}: ${folder.failed.message}.`);
    try {
      await this.#folder(folder, entry, prefix, prefix.length, 0);
    } finally {
      closeSourceFolder(folder);
    }
  }

  leaf(names: readonly Uint8Array[], live: SourceEntry | undefined, stored: Entry | undefined): void {
    if (!this.#isWanted(names)) return;
    const path = escapePath(joinNames(names));
    if (stored === undefined) this.#lists.added.push(path);
    else if (live === undefined) this.#lists.removed.push(path);
    else {
      const kind = compareLive(stored, live);
      if (kind !== 'equal') this.#lists[kind].push(path);
    }
  }

  async #folder(
    folder: SourceFolder,
    stored: DirectoryEntry | undefined,
    names: readonly Uint8Array[],
    rootDepth: number,
    depth: number,
  ): Promise<void> {
    if (depth > WALK_DEPTH_MAX) throw new CairnError('limit/exceeded', 'The folder is deeper than any backup.');
    const listing = listFolder(folder);
    if ('failed' in listing)
      throw new CairnError('source/unreadable', `${listing.failed.path}: ${listing.failed.message}.`);
    const before: Entry[] = [];
    if (stored !== undefined) {
      for await (const entry of iterateFolder(fetchPages(this.#repository), stored.page, stored.pageLevel))
        before.push(entry);
    }
    const live = listing.entries.filter((entry) => this.#isIncluded([...names, entry.name].slice(rootDepth), entry));
    let at = 0;
    for (const entry of live) {
      for (; at < before.length && compareBytes(before[at]?.name ?? entry.name, entry.name) < 0; at++)
        await this.#gone(names, before[at]);
      const match =
        before[at] !== undefined && equalBytes(before[at]?.name ?? new Uint8Array(), entry.name)
          ? before[at++]
          : undefined;
      await this.#pair(folder, entry, match, [...names, entry.name], { rootDepth, depth });
    }
    for (; at < before.length; at++) await this.#gone(names, before[at]);
  }

  async #pair(
    folder: SourceFolder,
    live: SourceEntry,
    stored: Entry | undefined,
    names: readonly Uint8Array[],
    place: { rootDepth: number; depth: number },
  ): Promise<void> {
    const isSameType =
      stored === undefined || (stored.nodeType === 'directory') === (live.stat.nodeType === 'directory');
    if (!isSameType) await this.#gone(names.slice(0, -1), stored);
    this.leaf(names, live, isSameType ? stored : undefined);
    if (live.stat.nodeType !== 'directory' || !this.#leadsToWanted(names)) return;
    const child = openSourceChild(folder, live.name, live.stat);
    if ('failed' in child) throw new CairnError('source/unreadable', `${child.failed.path}: ${child.failed.message}.`);
    try {
      await this.#folder(
        child,
        stored?.nodeType === 'directory' ? stored : undefined,
        names,
        place.rootDepth,
        place.depth + 1,
      );
    } finally {
      closeSourceFolder(child);
    }
  }

  async #gone(names: readonly Uint8Array[], stored: Entry | undefined): Promise<void> {
    if (stored === undefined) return;
    const path = [...names, stored.name];
    this.leaf(path, undefined, stored);
    if (stored.nodeType !== 'directory' || !this.#leadsToWanted(path)) return;
    for await (const entry of iterateFolder(fetchPages(this.#repository), stored.page, stored.pageLevel))
      await this.#gone(path, entry);
  }

  #isIncluded(names: readonly Uint8Array[], entry: SourceEntry): boolean {
    return this.#filter.decide(Buffer.from(joinNames(names)).toString(), entry.stat).include;
  }

  /** At or below the path that was asked for. */
  #isWanted(names: readonly Uint8Array[]): boolean {
    return this.#wanted.every((name, index) => names[index] !== undefined && equalBytes(name, names[index]));
  }

  #leadsToWanted(names: readonly Uint8Array[]): boolean {
    return names.every((name, index) => this.#wanted[index] === undefined || equalBytes(name, this.#wanted[index]));
  }
}

function compareLive(stored: Entry, { stat, linkTarget }: SourceEntry): 'equal' | 'metadata' | 'changed' {
  if (stored.nodeType !== stat.nodeType) return 'changed';
  if (stored.nodeType === 'file' && (stored.size !== stat.size || stored.mtimeNs !== stat.mtimeNs)) return 'changed';
  if (stored.nodeType === 'symlink' && !equalBytes(stored.target, linkTarget ?? new Uint8Array())) return 'changed';
  const isSame =
    stored.mode === stat.mode && stored.uid === stat.uid && stored.gid === stat.gid && stored.mtimeNs === stat.mtimeNs;
  return isSame ? 'equal' : 'metadata';
}
