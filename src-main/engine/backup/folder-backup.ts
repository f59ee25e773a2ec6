/**
 * The walk: each folder is listed, compared with the parent snapshot entry by entry, and sealed when everything in it
 * is stored. Depth first, children before their folder, so that a folder's pages and NodeId can be made at once.
 *
 * Invariants:
 * - What can't be read is never treated as deleted: its previous entry is carried on, and a problem says so.
 * - An unchanged folder costs its listing only: its pages, NodeId and seal are taken over from the parent.
 * - Content is taken over only where size and time are equal, the time is not within RACY_WINDOW_NS of the previous
 *   reading, and every chunk is still in the repository.
 */
import { CairnError, type Problem } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { NodeId } from '../../../src-shared/ids.ts';
import { equalBytes } from '../kernel/index.ts';
import {
  type DirectoryEntry,
  type Entry,
  type EntryMetadata,
  FILE_FLAG,
  type FileEntry,
  type NodeHasher,
  canonicalName,
  compareEntries,
  createFolderPageBuilder,
  createNodeHasher,
  createSealPageBuilder,
  iterateChunks,
  nodePath,
} from '../merkle/index.ts';
import type { Repository, WriteSession } from '../repository/index.ts';
import type { PageRef } from '../snapshot/index.ts';
import {
  type FileStat,
  type Filter,
  type OwnerNames,
  type SourceEntry,
  type SourceFolder,
  closeSourceFolder,
  followLink,
  joinPath,
  listFolder,
  openSourceChild,
  openSourceRoot,
  resolvePath,
  statPath,
} from '../source/index.ts';
import type { Counters } from './counters.ts';
import { countFiles } from './counters.ts';
import { PreviousEntries, type PreviousEntry, type PreviousFolder } from './previous.ts';
import type { FileStorer } from './store-file.ts';

/** Deeper than any real tree; stops a filesystem that loops. */
const DEPTH_MAX = 8192;
/** A file written again within the same two seconds may have an equal time (FAT keeps even seconds). */
const RACY_WINDOW_NS = 2_000_000_000n;

/** A stored folder: its entry for the parent's page, its NodeId and seal for the parent's seal page. */
export type StoredFolder = { readonly entry: DirectoryEntry; readonly nodeId: NodeId; readonly seal: PageRef | undefined };

/** Where the walk is. */
export type Place = {
  readonly folder: SourceFolder;
  /** NFC path from the source's root, as NodeIds bind it. */
  readonly nodePath: string;
  /** The same for rules. */
  readonly relativePath: string;
  readonly depth: number;
  /** Device and inode of each folder above, only where links are followed. */
  readonly ancestors: readonly FileStat[];
};

export type WalkOptions = {
  readonly repository: Repository;
  readonly session: WriteSession;
  readonly storer: FileStorer;
  readonly filter: Filter;
  readonly owners: OwnerNames;
  readonly counters: Counters;
  readonly problems: Problem[];
  readonly followLinks: boolean;
  readonly reread: boolean;
  /** When the parent's reading began, in ns since 1970; times after it (less the window) are not trusted. */
  readonly previousReadNs: bigint | undefined;
  readonly signal: AbortSignal | undefined;
};

type Child = { readonly entry: Entry; readonly nodeId: NodeId | undefined; readonly seal: PageRef | undefined };

export class FolderWalk {
  readonly #options: WalkOptions;
  readonly #nodes: NodeHasher = createNodeHasher();

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  /** Stores a folder and everything below it; a folder that can't be listed gives its problem instead. */
  async folder(place: Place, stat: FileStat, name: Uint8Array, previous: PreviousFolder | undefined): Promise<StoredFolder | { readonly failed: Problem }> {
    const { counters, session, repository, signal } = this.#options;
    if (signal?.aborted === true) throw new CairnError('engine/cancelled', 'The backup was cancelled.');
    if (place.depth > DEPTH_MAX) return { failed: { path: escapePath(place.folder.path), code: 'too-deep', message: `this folder lies deeper than ${DEPTH_MAX} folders` } };
    const listing = listFolder(place.folder, { expected: stat });
    if ('failed' in listing) return listing;
    this.#options.problems.push(...listing.problems);
    counters.folder(place.folder.path);

    const before = new PreviousEntries(repository, session, previous && { page: previous.entry.page, level: previous.entry.pageLevel }, previous?.seal);
    const children: Child[] = [];
    const unread = new Set(listing.problems.map(({ path }) => path));
    let isSame = previous !== undefined;
    for (const listed of listing.entries) {
      const { passed, match } = await before.upTo(listed.name);
      isSame = (await this.#removed(place, passed, unread, children)) && isSame;
      const child = await this.#child(place, listed, match);
      if (child !== undefined) children.push(child);
      else if (match !== undefined) await this.#countRemoved(match);
      isSame = isSame && child !== undefined && match !== undefined && isSameChild(child, match);
    }
    const { passed } = await before.upTo(undefined);
    isSame = (await this.#removed(place, passed, unread, children)) && isSame;
    return this.#finish(place, this.#metadata(stat, name), children, isSame && before.isWhole ? previous : undefined, previous);
  }

  /** Makes pages, seal and NodeId; takes them over from `same` where nothing in the folder has changed. */
  #finish(place: Place, metadata: EntryMetadata, children: readonly Child[], same: PreviousFolder | undefined, previous: PreviousFolder | undefined): StoredFolder {
    const isTouched = previous !== undefined && !equalMetadata(previous.entry, metadata);
    if (isTouched) this.#options.counters.metadataChange();
    if (same !== undefined) {
      const { page, pageLevel, entryCount, totalEntries, totalBytes } = same.entry;
      const entry: DirectoryEntry = { ...metadata, nodeType: 'directory', page, pageLevel, entryCount, totalEntries, totalBytes };
      const nodeId = isTouched ? this.#nodeOf(place, metadata, children) : same.nodeId;
      return { entry, nodeId, seal: same.seal };
    }
    const pages = createFolderPageBuilder((type, bytes) => this.#options.session.add(type, bytes));
    const seals = createSealPageBuilder((type, bytes) => this.#options.session.add(type, bytes));
    for (const { entry, nodeId, seal } of children) {
      pages.add(entry);
      if (nodeId !== undefined) seals.add(seal === undefined ? { nodeId } : { nodeId, sealPage: seal });
    }
    const { page, level, entryCount, totalEntries, totalBytes } = pages.finish();
    const sealRoot = seals.finish();
    const entry: DirectoryEntry = { ...metadata, nodeType: 'directory', page, pageLevel: level, entryCount, totalEntries, totalBytes };
    const seal = sealRoot && { page: sealRoot.page, level: sealRoot.level };
    return { entry, nodeId: this.#nodeOf(place, metadata, children), seal };
  }

  #nodeOf(place: Place, metadata: EntryMetadata, children: readonly Child[]): NodeId {
    const node = this.#nodes.createFolderNode(place.nodePath);
    for (const { entry, nodeId } of children) {
      const name = canonicalName(entry.name);
      if (entry.nodeType === 'directory') {
        if (nodeId === undefined) throw new CairnError('engine/internal', 'A folder was sealed without the NodeId of a child.');
        node.add(name.text, entry.name, nodeId);
      } else {
        node.add(name.text, entry.name, this.#nodes.leafNode(nodePath(place.nodePath, name.text), entry));
      }
    }
    return node.finish(metadata, children.length);
  }

  /** Entries of the parent that the listing does not have: gone, unless a problem says they only can't be read. */
  async #removed(place: Place, passed: readonly PreviousEntry[], unread: ReadonlySet<string>, children: Child[]): Promise<boolean> {
    let isSame = true;
    for (const previous of passed) {
      const path = escapePath(joinPath(place.folder.path, previous.entry.name));
      if (unread.has(path)) {
        children.push(carried(previous));
      } else {
        isSame = false;
        await this.#countRemoved(previous);
      }
    }
    return isSame;
  }

  async #countRemoved(previous: PreviousEntry): Promise<void> {
    const { counters, repository } = this.#options;
    counters.removed(await countFiles(previous.entry, (page, type) => repository.readBlob(page, type)));
  }

  /** One entry of the listing: left out (undefined), stored, or carried on with a problem. */
  async #child(place: Place, listed: SourceEntry, match: PreviousEntry | undefined): Promise<Child | undefined> {
    const name = canonicalName(listed.name);
    const relativePath = place.relativePath === '' ? name.text : `${place.relativePath}/${name.text}`;
    if (!this.#options.filter.decide(relativePath, listed.stat).include) return undefined;
    const below = { nodePath: nodePath(place.nodePath, name.text), relativePath };
    switch (listed.stat.nodeType) {
      case 'directory':
        return this.#directory(place, below, listed, match, openSourceChild(place.folder, listed.name, listed.stat));
      case 'file':
        return this.#file(listed, match, resolvePath(place.folder, listed.name), joinPath(place.folder.path, listed.name));
      case 'symlink':
        return this.#options.followLinks ? this.#follow(place, below, listed, match) : this.#link(listed, match);
      case 'fifo':
      case 'socket':
        return { entry: { ...this.#metadata(listed.stat, listed.name), nodeType: listed.stat.nodeType }, nodeId: undefined, seal: undefined };
      case 'char-device':
      case 'block-device': {
        const { deviceMajor = 0, deviceMinor = 0, nodeType } = listed.stat;
        const entry: Entry = { ...this.#metadata(listed.stat, listed.name), nodeType, major: deviceMajor, minor: deviceMinor };
        return { entry, nodeId: undefined, seal: undefined };
      }
    }
  }

  async #directory(
    place: Place,
    below: Pick<Place, 'nodePath' | 'relativePath'>,
    listed: SourceEntry,
    match: PreviousEntry | undefined,
    opened: ReturnType<typeof openSourceChild>,
  ): Promise<Child | undefined> {
    if ('failed' in opened) return this.#unread(opened.failed, match);
    const ancestors = this.#options.followLinks ? [...place.ancestors, listed.stat] : [];
    try {
      const next: Place = { ...below, folder: opened, depth: place.depth + 1, ancestors };
      const stored = await this.folder(next, listed.stat, listed.name, match?.folder);
      return 'failed' in stored ? this.#unread(stored.failed, match) : { entry: stored.entry, nodeId: stored.nodeId, seal: stored.seal };
    } finally {
      closeSourceFolder(opened);
    }
  }

  #link(listed: SourceEntry, match: PreviousEntry | undefined): Child {
    const entry: Entry = { ...this.#metadata(listed.stat, listed.name), nodeType: 'symlink', target: listed.linkTarget ?? new Uint8Array() };
    if (match !== undefined && compareEntries(match.entry, entry) !== 'equal') this.#options.counters.metadataChange();
    return { entry, nodeId: undefined, seal: undefined };
  }

  /** A link that is followed takes its target's place, unless that leads in a circle. */
  #follow(place: Place, below: Pick<Place, 'nodePath' | 'relativePath'>, listed: SourceEntry, match: PreviousEntry | undefined): Promise<Child | undefined> | Child | undefined {
    const path = joinPath(place.folder.path, listed.name);
    const target = followLink(resolvePath(place.folder, listed.name), path, place.ancestors);
    if ('failed' in target) {
      this.#options.problems.push(target.failed);
      return this.#link(listed, match);
    }
    const followed: SourceEntry = { name: listed.name, stat: target.stat };
    if (target.stat.nodeType === 'directory') {
      return this.#directory(place, below, followed, match, openSourceRoot(target.path, place.folder.pinned));
    }
    return target.stat.nodeType === 'file' ? this.#file(followed, match, target.path, path) : this.#link(listed, match);
  }

  async #file(listed: SourceEntry, match: PreviousEntry | undefined, access: Buffer, path: Buffer): Promise<Child | undefined> {
    const stored = await this.file(listed, match?.entry, access, path);
    if (stored === undefined) return undefined;
    return 'failed' in stored ? this.#unread(stored.failed, match) : { entry: stored, nodeId: undefined, seal: undefined };
  }

  /** Stores one file, or takes its content over from the parent. Undefined where it is gone. */
  async file(listed: SourceEntry, previous: Entry | undefined, access: Buffer, path: Buffer): Promise<FileEntry | undefined | { readonly failed: Problem }> {
    const { counters, storer, problems } = this.#options;
    const before = previous?.nodeType === 'file' ? previous : undefined;
    if (before !== undefined && (await this.#isUnmodified(before, listed.stat))) {
      const entry: FileEntry = { ...this.#metadata(listed.stat, listed.name), ...contentOf(before) };
      counters.unmodified(listed.stat.size, compareEntries(before, entry) !== 'equal');
      return entry;
    }
    const result = await storer.store(access, path, listed.stat, () => {
      const now = statPath(access);
      return now === undefined || 'failed' in now || now.nodeType !== 'file' ? undefined : now;
    });
    if (result.kind === 'vanished') return undefined;
    if (result.kind === 'failed') return { failed: result.problem };
    const { stat, contentHash, content, isInconsistent } = result.file;
    if (isInconsistent) {
      problems.push({ path: escapePath(path), code: 'changed-while-read', message: 'this file changed while it was read; it is stored as it was last seen' });
    }
    counters.stored(stat.size, before === undefined);
    const flags = isInconsistent ? { fileFlags: FILE_FLAG.inconsistent } : {};
    return { ...this.#metadata(stat, listed.name), nodeType: 'file', size: stat.size, contentHash, content, ...flags };
  }

  async #isUnmodified(before: FileEntry, stat: FileStat): Promise<boolean> {
    const { reread, previousReadNs, session, repository } = this.#options;
    if (reread || before.size !== stat.size || before.mtimeNs !== stat.mtimeNs) return false;
    if (((before.fileFlags ?? 0) & FILE_FLAG.inconsistent) !== 0) return false;
    if (previousReadNs === undefined || stat.mtimeNs > previousReadNs - RACY_WINDOW_NS) return false;
    if (before.content.kind === 'inline') return before.content.chunks.every(({ id }) => session.has(id));
    const pages = iterateChunks((page, type) => {
      if (!session.has(page)) throw new CairnError('integrity/missing', 'A page is not in the repository any more.');
      return repository.readBlob(page, type);
    }, before.content);
    try {
      for await (const { id } of pages) if (!session.has(id)) return false;
      return true;
    } catch (error) {
      if (error instanceof CairnError && error.code.startsWith('integrity/')) return false;
      throw error;
    }
  }

  #unread(problem: Problem, match: PreviousEntry | undefined): Child | undefined {
    this.#options.problems.push(problem);
    return match === undefined || (match.entry.nodeType === 'directory' && match.folder === undefined) ? undefined : carried(match);
  }

  #metadata(stat: FileStat, name: Uint8Array): EntryMetadata {
    const { owners } = this.#options;
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
}

/** The previous entry as it stands: the newest state anyone could read. */
function carried({ entry, folder }: PreviousEntry): Child {
  return { entry, nodeId: folder?.nodeId, seal: folder?.seal };
}

function contentOf(before: FileEntry): Pick<FileEntry, 'nodeType' | 'size' | 'contentHash' | 'content'> {
  return { nodeType: 'file', size: before.size, contentHash: before.contentHash, content: before.content };
}

/** Whether a folder's own times, mode and owner are what they were. */
function equalMetadata(before: DirectoryEntry, metadata: EntryMetadata): boolean {
  return compareEntries(before, { ...before, ...metadata }) === 'equal';
}

/** Whether the parent's pages say exactly this of the child. */
function isSameChild({ entry, nodeId, seal }: Child, { entry: before, folder }: PreviousEntry): boolean {
  if (compareEntries(before, entry) !== 'equal') return false;
  if (entry.nodeType !== 'directory' || before.nodeType !== 'directory') return entry.nodeType === before.nodeType;
  if (folder === undefined || nodeId === undefined) return false;
  const isSameSeal = seal === undefined ? folder.seal === undefined : folder.seal !== undefined && equalBytes(seal.page, folder.seal.page);
  return equalBytes(entry.page, before.page) && equalBytes(nodeId, folder.nodeId) && isSameSeal;
}
