/**
 * Going down: each folder is listed and compared with the parent snapshot entry by entry; contents go to the ingest, which
 * may take its time. A folder is sealed when everything in it is stored, while the walk is already elsewhere.
 *
 * Invariants:
 * - What can't be read is never treated as deleted: its previous entry is carried on, and a problem says so.
 * - An unchanged folder costs its listing only: its pages, NodeId and seal are taken over from the parent.
 * - At most UNSETTLED_MAX folders wait for their contents, and the ingest bounds the bytes.
 */
import { CairnError, type Problem } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import { Breather } from '../kernel/index.ts';
import { type Entry, canonicalName, compareEntries, nodePath } from '../merkle/index.ts';
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
import { type Child, carried, isSameChild, metadataOf } from './entries.ts';
import { type FileBackupOptions, backUpFile } from './file-backup.ts';
import { FolderSealer, type StoredFolder } from './folder-seal.ts';
import { PreviousEntries, type PreviousEntry, type PreviousFolder } from './previous.ts';

/** Deeper than any real tree; stops a filesystem that loops. */
const DEPTH_MAX = 8192;
/** Walked folders whose contents are on the way; each may hold a descriptor. */
const UNSETTLED_MAX = 256;

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

/** A folder that was walked; `stored` settles when everything in it is stored. */
export type WalkedFolder = { readonly stored: Promise<StoredFolder | { readonly failed: Problem }> };

/** An entry on its way: known, or still being stored; with what the parent snapshot had under its name. */
type Slot = {
  readonly child: Child | undefined | Promise<Child | undefined>;
  readonly match: PreviousEntry | undefined;
};

export class FolderWalk {
  readonly #options: WalkOptions;
  readonly #sealer: FolderSealer;
  readonly #breather = new Breather();
  #unsettled = 0;
  #wake: (() => void) | undefined;

  constructor(options: WalkOptions) {
    this.#options = options;
    this.#sealer = new FolderSealer(options.session, options.counters);
  }

  /** Walks a folder and everything below it. */
  async walk(
    place: Place,
    stat: FileStat,
    name: Uint8Array,
    previous: PreviousFolder | undefined,
  ): Promise<WalkedFolder> {
    const { counters, session, repository, signal, owners } = this.#options;
    if (signal?.aborted === true) throw new CairnError('engine/cancelled', 'The backup was cancelled.');
    const listing = place.depth > DEPTH_MAX ? { failed: tooDeep(place) } : listFolder(place.folder, { expected: stat });
    if ('failed' in listing) return { stored: Promise.resolve(listing) };
    for (const problem of listing.problems) this.#options.problems.push(problem);
    counters.folder(place.folder.path);
    await session.beat();

    const top = previous && { page: previous.entry.page, level: previous.entry.pageLevel };
    const before = new PreviousEntries(repository, session, top, previous?.seal);
    const slots: Slot[] = [];
    const unread = new Set(listing.problems.map(({ path }) => path));
    let isSame = previous !== undefined;
    for (const listed of listing.entries) {
      await this.#breather.step();
      const { passed, match } = await before.upTo(listed.name);
      isSame = (await this.#removed(place, passed, unread, slots)) && isSame;
      const { child } = await this.#child(place, listed, match);
      slots.push({ child, match });
    }
    const { passed } = await before.upTo(undefined);
    isSame = (await this.#removed(place, passed, unread, slots)) && isSame;
    const metadata = metadataOf(stat, name, owners);
    const stored = this.#settle(slots, (children, allSame) =>
      this.#sealer.seal({
        nodePath: place.nodePath,
        metadata,
        children,
        previous,
        isSame: isSame && allSame && before.isWhole,
      }),
    );
    quiet(stored);
    await this.#waitForOthers();
    return { stored };
  }

  /** Waits for every entry of a folder, in order, and then makes the folder. */
  async #settle(
    slots: readonly Slot[],
    seal: (children: Child[], isSame: boolean) => StoredFolder,
  ): Promise<StoredFolder> {
    this.#unsettled++;
    try {
      const children: Child[] = [];
      let isSame = true;
      for (const { child: coming, match } of slots) {
        const child = coming instanceof Promise ? await coming : coming;
        if (child !== undefined) children.push(child);
        else if (match !== undefined) await this.#countRemoved(match);
        isSame = isSame && child !== undefined && match !== undefined && isSameChild(child, match);
      }
      return seal(children, isSame);
    } finally {
      this.#unsettled--;
      this.#wake?.();
    }
  }

  /** Keeps the walk from running too far ahead of the contents. */
  async #waitForOthers(): Promise<void> {
    while (this.#unsettled > UNSETTLED_MAX) {
      this.#options.ingest.dispatch();
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  /** Entries of the parent that the listing does not have: gone, unless a problem says they only can't be read. */
  async #removed(
    place: Place,
    passed: readonly PreviousEntry[],
    unread: ReadonlySet<string>,
    slots: Slot[],
  ): Promise<boolean> {
    let isSame = true;
    for (const previous of passed) {
      const path = escapePath(joinPath(place.folder.path, previous.entry.name));
      const kept = unread.has(path) ? carried(previous) : undefined;
      if (kept !== undefined) {
        slots.push({ child: kept, match: previous });
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

  /** One entry of the listing: left out (undefined), on its way, or carried on with a problem. */
  async #child(place: Place, listed: SourceEntry, match: PreviousEntry | undefined): Promise<Pick<Slot, 'child'>> {
    const name = canonicalName(listed.name);
    const relativePath = place.relativePath === '' ? name.text : `${place.relativePath}/${name.text}`;
    if (!this.#options.filter.decide(relativePath, listed.stat).include) return { child: undefined };
    const below = { nodePath: nodePath(place.nodePath, name.text), relativePath };
    switch (listed.stat.nodeType) {
      case 'directory':
        return this.#directory(place, below, listed, match, openSourceChild(place.folder, listed.name, listed.stat));
      case 'file': {
        const path = joinPath(place.folder.path, listed.name);
        return this.#file(listed, match, resolvePath(place.folder, listed.name), path);
      }
      case 'symlink':
        return this.#options.followLinks ? this.#follow(place, below, listed, match) : this.#link(listed, match);
      case 'fifo':
      case 'socket':
        return leaf({ ...metadataOf(listed.stat, listed.name, this.#options.owners), nodeType: listed.stat.nodeType });
      case 'char-device':
      case 'block-device': {
        const { deviceMajor: major = 0, deviceMinor: minor = 0, nodeType } = listed.stat;
        return leaf({ ...metadataOf(listed.stat, listed.name, this.#options.owners), nodeType, major, minor });
      }
    }
  }

  async #directory(
    place: Place,
    below: Pick<Place, 'nodePath' | 'relativePath'>,
    listed: SourceEntry,
    match: PreviousEntry | undefined,
    opened: ReturnType<typeof openSourceChild>,
  ): Promise<Pick<Slot, 'child'>> {
    if ('failed' in opened) return { child: this.#unread(opened.failed, match) };
    const ancestors = this.#options.followLinks ? [...place.ancestors, listed.stat] : [];
    try {
      const next: Place = { ...below, folder: opened, depth: place.depth + 1, ancestors };
      const { stored } = await this.walk(next, listed.stat, listed.name, match?.folder);
      const child = stored
        .then((folder) => ('failed' in folder ? this.#unread(folder.failed, match) : folder))
        .finally(() => closeSourceFolder(opened));
      quiet(child);
      return { child };
    } catch (error) {
      closeSourceFolder(opened);
      throw error;
    }
  }

  #link(listed: SourceEntry, match: PreviousEntry | undefined): Pick<Slot, 'child'> {
    const { owners, counters } = this.#options;
    const target = listed.linkTarget ?? new Uint8Array();
    const entry: Entry = { ...metadataOf(listed.stat, listed.name, owners), nodeType: 'symlink', target };
    if (match !== undefined && compareEntries(match.entry, entry) !== 'equal') counters.metadataChange();
    return leaf(entry);
  }

  /** A link that is followed takes its target's place, unless that leads in a circle. */
  #follow(
    place: Place,
    below: Pick<Place, 'nodePath' | 'relativePath'>,
    listed: SourceEntry,
    match: PreviousEntry | undefined,
  ): Promise<Pick<Slot, 'child'>> | Pick<Slot, 'child'> {
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
  ): Promise<Pick<Slot, 'child'>> {
    if (this.#options.ingest.isFull) await this.#options.ingest.room();
    const child = backUpFile(this.#options, listed, match?.entry, { access, path }).then((stored) => {
      if (stored === undefined) return undefined;
      return 'failed' in stored ? this.#unread(stored.failed, match) : leaf(stored).child;
    });
    quiet(child);
    return { child };
  }

  #unread(problem: Problem, match: PreviousEntry | undefined): Child | undefined {
    this.#options.problems.push(problem);
    return match === undefined ? undefined : carried(match);
  }
}

function leaf(entry: Entry): { readonly child: Child } {
  return { child: { entry, nodeId: undefined, seal: undefined } };
}

function tooDeep(place: Place): Problem {
  const message = `this folder lies deeper than ${DEPTH_MAX} folders`;
  return { path: escapePath(place.folder.path), code: 'too-deep', message };
}

/** A promise that is awaited later, maybe after another has failed: its failure is not an unhandled one. */
function quiet(promise: Promise<unknown>): void {
  promise.catch(() => undefined);
}
