/**
 * The walk: each folder is listed, compared with the parent snapshot entry by entry, and sealed when everything in it
 * is stored. Depth first, children before their folder, so that a folder's pages and NodeId can be made at once.
 *
 * Invariants:
 * - What can't be read is never treated as deleted: its previous entry is carried on, and a problem says so.
 * - An unchanged folder costs its listing only: its pages, NodeId and seal are taken over from the parent.
 */
import { CairnError, type Problem } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { NodeId } from '../../../src-shared/ids.ts';
import {
  type DirectoryEntry,
  type Entry,
  type EntryMetadata,
  type NodeHasher,
  canonicalName,
  compareEntries,
  createFolderPageBuilder,
  createNodeHasher,
  createSealPageBuilder,
  nodePath,
} from '../merkle/index.ts';
import type { PageRef } from '../snapshot/index.ts';
import {
  type FileStat,
  type Filter,
  type SourceEntry,
  type SourceFolder,
  closeSourceFolder,
  followLink,
  joinPath,
  listFolder,
  openSourceChild,
  openSourceRoot,
  resolvePath,
} from '../source/index.ts';
import { countFiles } from './counters.ts';
import { type Child, carried, equalMetadata, isSameChild, metadataOf, withMetadata } from './entries.ts';
import { type FileBackupOptions, backUpFile } from './file-backup.ts';
import { PreviousEntries, type PreviousEntry, type PreviousFolder } from './previous.ts';

/** Deeper than any real tree; stops a filesystem that loops. */
const DEPTH_MAX = 8192;

/** A stored folder: its entry for the parent's page, its NodeId and seal for the parent's seal page. */
export type StoredFolder = {
  readonly entry: DirectoryEntry;
  readonly nodeId: NodeId;
  readonly seal: PageRef | undefined;
};

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

export type WalkOptions = FileBackupOptions & {
  readonly filter: Filter;
  readonly followLinks: boolean;
  readonly signal: AbortSignal | undefined;
};

export class FolderWalk {
  readonly #options: WalkOptions;
  readonly #nodes: NodeHasher = createNodeHasher();

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  /** Stores a folder and everything below it; a folder that can't be listed gives its problem instead. */
  async folder(
    place: Place,
    stat: FileStat,
    name: Uint8Array,
    previous: PreviousFolder | undefined,
  ): Promise<StoredFolder | { readonly failed: Problem }> {
    const { counters, session, repository, signal } = this.#options;
    if (signal?.aborted === true) throw new CairnError('engine/cancelled', 'The backup was cancelled.');
    if (place.depth > DEPTH_MAX) {
      const message = `this folder lies deeper than ${DEPTH_MAX} folders`;
      return { failed: { path: escapePath(place.folder.path), code: 'too-deep', message } };
    }
    const listing = listFolder(place.folder, { expected: stat });
    if ('failed' in listing) return listing;
    this.#options.problems.push(...listing.problems);
    counters.folder(place.folder.path);

    const before = new PreviousEntries(
      repository,
      session,
      previous && { page: previous.entry.page, level: previous.entry.pageLevel },
      previous?.seal,
    );
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
    return this.#finish(
      place,
      metadataOf(stat, name, this.#options.owners),
      children,
      isSame && before.isWhole ? previous : undefined,
      previous,
    );
  }

  /** Makes pages, seal and NodeId; takes them over from `same` where nothing in the folder has changed. */
  #finish(
    place: Place,
    metadata: EntryMetadata,
    children: readonly Child[],
    same: PreviousFolder | undefined,
    previous: PreviousFolder | undefined,
  ): StoredFolder {
    const isTouched = previous !== undefined && !equalMetadata(previous.entry, metadata);
    if (isTouched) this.#options.counters.metadataChange();
    if (same !== undefined) {
      const nodeId = isTouched ? this.#nodeOf(place, metadata, children) : same.nodeId;
      return { entry: withMetadata(same.entry, metadata), nodeId, seal: same.seal };
    }
    const pages = createFolderPageBuilder((type, bytes) => this.#options.session.add(type, bytes));
    const seals = createSealPageBuilder((type, bytes) => this.#options.session.add(type, bytes));
    for (const { entry, nodeId, seal } of children) {
      pages.add(entry);
      if (nodeId !== undefined) seals.add(seal === undefined ? { nodeId } : { nodeId, sealPage: seal });
    }
    const { page, level, entryCount, totalEntries, totalBytes } = pages.finish();
    const sealRoot = seals.finish();
    const entry: DirectoryEntry = {
      ...metadata,
      nodeType: 'directory',
      page,
      pageLevel: level,
      entryCount,
      totalEntries,
      totalBytes,
    };
    const seal = sealRoot && { page: sealRoot.page, level: sealRoot.level };
    return { entry, nodeId: this.#nodeOf(place, metadata, children), seal };
  }

  #nodeOf(place: Place, metadata: EntryMetadata, children: readonly Child[]): NodeId {
    const node = this.#nodes.createFolderNode(place.nodePath);
    for (const { entry, nodeId } of children) {
      const name = canonicalName(entry.name);
      if (entry.nodeType === 'directory') {
        if (nodeId === undefined)
          throw new CairnError('engine/internal', 'A folder was sealed without the NodeId of a child.');
        node.add(name.text, entry.name, nodeId);
      } else {
        node.add(name.text, entry.name, this.#nodes.leafNode(nodePath(place.nodePath, name.text), entry));
      }
    }
    return node.finish(metadata, children.length);
  }

  /** Entries of the parent that the listing does not have: gone, unless a problem says they only can't be read. */
  async #removed(
    place: Place,
    passed: readonly PreviousEntry[],
    unread: ReadonlySet<string>,
    children: Child[],
  ): Promise<boolean> {
    let isSame = true;
    for (const previous of passed) {
      const path = escapePath(joinPath(place.folder.path, previous.entry.name));
      if (unread.has(path)) {
        const kept = carried(previous);
        if (kept === undefined) isSame = false;
        else children.push(kept);
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
        return this.#file(
          listed,
          match,
          resolvePath(place.folder, listed.name),
          joinPath(place.folder.path, listed.name),
        );
      case 'symlink':
        return this.#options.followLinks ? this.#follow(place, below, listed, match) : this.#link(listed, match);
      case 'fifo':
      case 'socket':
        return {
          entry: { ...metadataOf(listed.stat, listed.name, this.#options.owners), nodeType: listed.stat.nodeType },
          nodeId: undefined,
          seal: undefined,
        };
      case 'char-device':
      case 'block-device': {
        const { deviceMajor = 0, deviceMinor = 0, nodeType } = listed.stat;
        const entry: Entry = {
          ...metadataOf(listed.stat, listed.name, this.#options.owners),
          nodeType,
          major: deviceMajor,
          minor: deviceMinor,
        };
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
      return 'failed' in stored
        ? this.#unread(stored.failed, match)
        : { entry: stored.entry, nodeId: stored.nodeId, seal: stored.seal };
    } finally {
      closeSourceFolder(opened);
    }
  }

  #link(listed: SourceEntry, match: PreviousEntry | undefined): Child {
    const entry: Entry = {
      ...metadataOf(listed.stat, listed.name, this.#options.owners),
      nodeType: 'symlink',
      target: listed.linkTarget ?? new Uint8Array(),
    };
    if (match !== undefined && compareEntries(match.entry, entry) !== 'equal') this.#options.counters.metadataChange();
    return { entry, nodeId: undefined, seal: undefined };
  }

  /** A link that is followed takes its target's place, unless that leads in a circle. */
  #follow(
    place: Place,
    below: Pick<Place, 'nodePath' | 'relativePath'>,
    listed: SourceEntry,
    match: PreviousEntry | undefined,
  ): Promise<Child | undefined> | Child | undefined {
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

  async #file(
    listed: SourceEntry,
    match: PreviousEntry | undefined,
    access: Buffer,
    path: Buffer,
  ): Promise<Child | undefined> {
    const stored = await backUpFile(this.#options, listed, match?.entry, { access, path });
    if (stored === undefined) return undefined;
    return 'failed' in stored
      ? this.#unread(stored.failed, match)
      : { entry: stored, nodeId: undefined, seal: undefined };
  }

  #unread(problem: Problem, match: PreviousEntry | undefined): Child | undefined {
    this.#options.problems.push(problem);
    return match === undefined ? undefined : carried(match);
  }
}
