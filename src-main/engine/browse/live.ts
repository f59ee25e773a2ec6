/**
 * `cairn diff SNAP live`: a snapshot and its sources as they are now, by size and time as a backup would see them, and
 * by the rules the snapshot was made with.
 */
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { TreeDiff } from '../../../src-shared/model/index.ts';
import { hash } from '../codec/index.ts';
import { compareBytes, equalBytes } from '../kernel/index.ts';
import {
  type DirectoryEntry,
  type Entry,
  canonicalName,
  encodeAttributes,
  iterateFolder,
  joinNames,
} from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import type { Snapshot, SnapshotSourceRecord } from '../snapshot/index.ts';
import {
  type FileStat,
  type Filter,
  type FolderFilter,
  type SourceEntry,
  type SourceFolder,
  canReadAttributes,
  closeSourceFolder,
  createFilter,
  defaultPinned,
  followLink,
  joinPath,
  listFolder,
  openSourceChild,
  openSourceRoot,
  readAttributes,
  resolvePath,
  resolveSources,
} from '../source/index.ts';
import type { DiffLists } from './compare.ts';
import { WALK_DEPTH_MAX } from './list.ts';
import { fetchPages, onlySource, splitPath } from './locate.ts';

/**
 * What changed on disk since a snapshot. `ownFolders` are no part of any backup: the repository, CAIRN_HOME.
 * @throws CairnError source/… where a source can't be looked at: that is never taken for “removed”; path/not-found
 */
export async function diffLive(
  repository: Repository,
  snapshot: Snapshot,
  path: Uint8Array,
  ownFolders: readonly string[] = [],
): Promise<TreeDiff> {
  const fetch = fetchPages(repository);
  const lists: DiffLists = { added: [], removed: [], changed: [], metadata: [] };
  const only = await onlySource(fetch, snapshot);
  const top = snapshot.record.rootPage;
  const wanted = new Wanted(splitPath(path));
  for await (const entry of iterateFolder(fetch, top.page, top.level)) {
    const source = snapshot.record.sources.find(({ name }) => equalBytes(Buffer.from(name), entry.name));
    if (source === undefined) continue;
    const isNamed = only === undefined || entry.nodeType !== 'directory';
    const names = isNamed ? [entry.name] : [];
    if (!wanted.leadsTo(names)) continue;
    const stat = statSource(source);
    const walk = new LiveDiff({ repository, lists, wanted, source, ownFolders, stat });
    const root = Buffer.from(source.path);
    if (isNamed) walk.leaf(names, stat && { name: entry.name, stat, access: root, path: root }, entry);
    if (entry.nodeType === 'directory') await walk.source(entry, names);
  }
  if (!wanted.wasMet) throw new CairnError('path/not-found', `There is no ${escapePath(path)}, neither then nor now.`);
  return lists;
}

/** What a source is now; undefined where it is gone. */
function statSource(source: SnapshotSourceRecord): FileStat | undefined {
  try {
    return resolveSources([Buffer.from(source.path)])[0]?.stat;
  } catch (error) {
    if (isCairnError(error, 'source/not-found')) return undefined;
    throw error;
  }
}

/** The path that was asked for, and whether anything was met there. */
class Wanted {
  readonly #names: readonly Uint8Array[];
  wasMet: boolean;

  constructor(names: readonly Uint8Array[]) {
    this.#names = names;
    this.wasMet = names.length === 0;
  }

  /** At or below the path that was asked for. */
  includes(names: readonly Uint8Array[]): boolean {
    const isIn = this.#names.every((name, index) => names[index] !== undefined && equalBytes(name, names[index]));
    this.wasMet ||= isIn;
    return isIn;
  }

  leadsTo(names: readonly Uint8Array[]): boolean {
    return names.every((name, index) => this.#names[index] === undefined || equalBytes(name, this.#names[index]));
  }
}

/** Where the walk is: the names shown, the path for rules, and the folders above where links are followed. */
type Place = {
  readonly folder: SourceFolder;
  readonly names: readonly Uint8Array[];
  readonly rulePath: string;
  /** The rules of the folder above. */
  readonly above: FolderFilter | undefined;
  readonly depth: number;
  readonly ancestors: readonly FileStat[];
};

/** An entry on disk: `access` is for the system, `path` for people. */
type LiveLeaf = SourceEntry & { readonly access: Buffer; readonly path: Buffer };
type LiveEntry = LiveLeaf & { readonly openFolder: () => ReturnType<typeof openSourceChild> };

class LiveDiff {
  readonly #repository: Repository;
  readonly #lists: DiffLists;
  readonly #wanted: Wanted;
  readonly #source: SnapshotSourceRecord;
  readonly #filter: Filter;
  readonly #followsLinks: boolean;

  constructor(options: {
    readonly repository: Repository;
    readonly lists: DiffLists;
    readonly wanted: Wanted;
    readonly source: SnapshotSourceRecord;
    readonly ownFolders: readonly string[];
    readonly stat: FileStat | undefined;
  }) {
    this.#repository = options.repository;
    this.#lists = options.lists;
    this.#wanted = options.wanted;
    this.#source = options.source;
    const { symlinks, excludeLargerThanBytes, oneFileSystem, ...rules } = options.source.rules;
    this.#followsLinks = symlinks === 'follow';
    this.#filter = createFilter({
      ...rules,
      excludedRealPaths: options.ownFolders,
      ...(excludeLargerThanBytes > 0 ? { excludeLargerThanBytes } : {}),
      ...(oneFileSystem && options.stat !== undefined ? { oneFileSystemDevice: options.stat.device } : {}),
    });
  }

  async source(entry: DirectoryEntry, names: readonly Uint8Array[]): Promise<void> {
    const path = Buffer.from(this.#source.path);
    const folder = openSourceRoot(path, defaultPinned());
    if ('failed' in folder) throw unreadable(folder.failed);
    try {
      const stat = statSource(this.#source);
      const ancestors = stat === undefined ? [] : [stat];
      await this.#folder({ folder, names, rulePath: '', above: undefined, depth: 0, ancestors }, entry);
    } finally {
      closeSourceFolder(folder);
    }
  }

  leaf(names: readonly Uint8Array[], live: LiveLeaf | undefined, stored: Entry | undefined): void {
    if (!this.#wanted.includes(names)) return;
    const path = escapePath(joinNames(names));
    if (stored === undefined) this.#lists.added.push(path);
    else if (live === undefined) this.#lists.removed.push(path);
    else {
      const kind = compareLive(stored, live);
      if (kind !== 'equal') this.#lists[kind].push(path);
    }
  }

  async #folder(place: Place, stored: DirectoryEntry | undefined): Promise<void> {
    if (place.depth > WALK_DEPTH_MAX) throw new CairnError('limit/exceeded', 'The folder is deeper than any backup.');
    const listing = listFolder(place.folder);
    if ('failed' in listing) throw unreadable(listing.failed);
    const rules = this.#filter.enter(place.folder, place.rulePath, listing.entries, place.above);
    const [problem] = [...listing.problems, ...rules.problems];
    if (problem !== undefined) throw unreadable(problem);
    const before: Entry[] = [];
    if (stored !== undefined) {
      for await (const entry of iterateFolder(fetchPages(this.#repository), stored.page, stored.pageLevel))
        before.push(entry);
    }
    let at = 0;
    for (const listed of listing.entries) {
      const live = this.#seen(place, listed);
      const decision = rules.decide(canonicalName(live.name).text, live.stat);
      if (!decision.include) continue;
      for (let old = before[at]; old !== undefined && compareBytes(old.name, live.name) < 0; old = before[++at])
        await this.#gone(place.names, old);
      const old = before[at];
      const match = old !== undefined && equalBytes(old.name, live.name) ? old : undefined;
      if (match !== undefined) at++;
      // A folder whose contents are left out is stored without them.
      await this.#pair({ ...place, above: rules }, live, match, decision.contents === undefined);
    }
    for (; at < before.length; at++) await this.#gone(place.names, before[at]);
  }

  /** The entry as a backup by the snapshot's rules would see it: a followed link is what it leads to. */
  #seen({ folder, ancestors }: Place, listed: SourceEntry): LiveEntry {
    const openHere = (): ReturnType<typeof openSourceChild> => openSourceChild(folder, listed.name, listed.stat);
    const access = resolvePath(folder, listed.name);
    const here = { ...listed, access, path: joinPath(folder.path, listed.name), openFolder: openHere };
    if (listed.stat.nodeType !== 'symlink' || !this.#followsLinks) return here;
    const target = followLink(access, here.path, ancestors);
    if ('failed' in target || (target.stat.nodeType !== 'directory' && target.stat.nodeType !== 'file')) return here;
    const { stat, path } = target;
    return { name: listed.name, stat, access: path, path, openFolder: () => openSourceRoot(path, folder.pinned) };
  }

  async #pair(place: Place, live: LiveEntry, stored: Entry | undefined, isEntered: boolean): Promise<void> {
    const names = [...place.names, live.name];
    const isSameType =
      stored === undefined || (stored.nodeType === 'directory') === (live.stat.nodeType === 'directory');
    if (!isSameType) await this.#gone(place.names, stored);
    this.leaf(names, live, isSameType ? stored : undefined);
    if (live.stat.nodeType !== 'directory' || !this.#wanted.leadsTo(names)) return;
    if (!isEntered) return this.#goneBelow(names, stored);
    const folder = live.openFolder();
    if ('failed' in folder) throw unreadable(folder.failed);
    try {
      const below: Place = {
        folder,
        names,
        rulePath: rulePathOf(place, live.name),
        above: place.above,
        depth: place.depth + 1,
        ancestors: [...place.ancestors, live.stat],
      };
      await this.#folder(below, stored?.nodeType === 'directory' ? stored : undefined);
    } finally {
      closeSourceFolder(folder);
    }
  }

  async #gone(names: readonly Uint8Array[], stored: Entry | undefined): Promise<void> {
    if (stored === undefined) return;
    const path = [...names, stored.name];
    this.leaf(path, undefined, stored);
    if (this.#wanted.leadsTo(path)) await this.#goneBelow(path, stored);
  }

  async #goneBelow(path: readonly Uint8Array[], stored: Entry | undefined): Promise<void> {
    if (stored?.nodeType !== 'directory') return;
    for await (const entry of iterateFolder(fetchPages(this.#repository), stored.page, stored.pageLevel))
      await this.#gone(path, entry);
  }
}

function rulePathOf({ rulePath }: Place, name: Uint8Array): string {
  const { text } = canonicalName(name);
  return rulePath === '' ? text : `${rulePath}/${text}`;
}

function unreadable(problem: { readonly path: string; readonly message: string }): CairnError {
  return new CairnError('source/unreadable', `${problem.path}: ${problem.message}.`);
}

function compareLive(stored: Entry, live: LiveLeaf): 'equal' | 'metadata' | 'changed' {
  const { stat, linkTarget } = live;
  if (stored.nodeType !== stat.nodeType) return 'changed';
  if (stored.nodeType === 'file' && (stored.size !== stat.size || stored.mtimeNs !== stat.mtimeNs)) return 'changed';
  if (stored.nodeType === 'symlink' && !equalBytes(stored.target, linkTarget ?? new Uint8Array())) return 'changed';
  if ('major' in stored && (stored.major !== stat.deviceMajor || stored.minor !== stat.deviceMinor)) return 'changed';
  const isSame =
    stored.mode === stat.mode && stored.uid === stat.uid && stored.gid === stat.gid && stored.mtimeNs === stat.mtimeNs;
  return isSame && hasSameAttributes(stored, live) ? 'equal' : 'metadata';
}

function hasSameAttributes(stored: Entry, { access, path }: LiveLeaf): boolean {
  // Where attributes can't be read a backup says so; here it would be taken for their removal.
  if (!canReadAttributes()) return true;
  const found = readAttributes(access, path);
  if ('failed' in found) throw unreadable(found.failed);
  if (stored.xattrBlob !== undefined) return equalBytes(hash(encodeAttributes(found)), stored.xattrBlob.hash);
  return equalBytes(encodeAttributes(found), encodeAttributes(stored.xattrs ?? []));
}
