/**
 * Going down: each folder's table is compared with the parent snapshot entry by entry; contents go to whoever reads
 * them, which may take its time. A folder is sealed when everything in it is stored, while the walk is already elsewhere.
 *
 * Invariants:
 * - What can't be read is never treated as deleted: its previous entry is carried on, and a problem says so.
 * - An unchanged folder costs its listing only: its pages, NodeId and seal are taken over from the parent.
 * - At most UNSETTLED_MAX folders wait for their contents, and small-files.ts bounds the bytes.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import { Breather } from '../kernel/index.ts';
import { type NodeType, canonicalName, nodePath } from '../merkle/index.ts';
import {
  EMPTY_TABLE,
  type FileStat,
  type Filter,
  Listing,
  closeSourceFolder,
  followLink,
  joinPath,
  openSourceRoot,
  timeProblem,
} from '../source/index.ts';
import { carried } from './entries.ts';
import { describeEntry, isUntouchedFile } from './file-backup.ts';
import { FolderAssembly } from './folder-assembly.ts';
import type { FolderScans, PreparedFolder, ScanTicket } from './folder-scans.ts';
import { type FolderBuild, FolderSealer, type StoredFolder } from './folder-seal.ts';
import { FolderTickets } from './folder-tickets.ts';
import { type KnownFolderOptions, KnownFolders } from './known-folders.ts';
import { haveRulesChanged, takeOverFolder } from './live-folder.ts';
import { type FolderScope, scopeBelow } from './live-scope.ts';
import { PreviousEntries, type PreviousEntry, type PreviousFolder } from './previous.ts';
import { type ListedFolder, type Place, ROW, listOpened } from './scan-folder.ts';
import type { ReadingFolder } from './small-files.ts';

const EMPTY_LISTING = new Listing(EMPTY_TABLE);
/** Walked folders whose contents are on the way; each may hold a descriptor. */
const UNSETTLED_MAX = 256;
/** A folder with more entries is made while it is walked, so many rows at a time: its records would fill the memory. */
const ROWS_AT_A_TIME = 8192;

export type WalkOptions = KnownFolderOptions & {
  readonly filter: Filter;
  readonly followLinks: boolean;
  readonly signal: AbortSignal | undefined;
  readonly scans: FolderScans;
  /** What of this source is looked at. */
  readonly scope: FolderScope;
  /** Ignore files that are followed. */
  readonly ignoreFiles: readonly Uint8Array[];
};

/** A folder that was walked; `stored` settles when everything in it is stored. */
export type WalkedFolder = { readonly stored: Promise<StoredFolder> };

/** Where the walk of a source begins. */
export type TopPlace = Omit<Place, 'folder'>;

/** A folder to walk: what the table above it said, and what it was. */
export type FolderToWalk = {
  readonly stat: FileStat;
  /** Everything about it but what it holds, as `describeEntry` gives it. */
  readonly name: Uint8Array;
  readonly previous: PreviousFolder | undefined;
  /** It is the folder that the parent snapshot saw here, so what is in it can be known by its times. */
  readonly isKnown: boolean;
  /** Device and inode of each folder above, only where links are followed. */
  readonly ancestors: readonly FileStat[];
};

/** A folder while it is being walked. */
type Walking = FolderToWalk &
  ReadingFolder &
  Omit<PreparedFolder, 'listing'> & {
    begun: FolderBuild | undefined;
    /** Of this folder; “all” too where other rules hold below it now. */
    scope: FolderScope;
  };

export class FolderWalk {
  readonly #options: WalkOptions;
  readonly #sealer: FolderSealer;
  readonly #known: KnownFolders;
  readonly #breather = new Breather();
  readonly #tickets: FolderTickets;
  #unsettled = 0;
  #wake: (() => void) | undefined;

  constructor(options: WalkOptions) {
    this.#options = options;
    this.#sealer = new FolderSealer(options.session, options.counters);
    this.#known = new KnownFolders(options);
    this.#tickets = new FolderTickets(options.filter);
  }

  /** Walks a listed folder and everything below it. The caller closes the folder when `stored` has settled. */
  walkTop(top: Omit<FolderToWalk, 'isKnown'>, listed: ListedFolder, place: TopPlace): Promise<WalkedFolder> {
    const folder = { ...top, isKnown: this.#known.isTopKnown({ ...top, path: listed.folder.path }) };
    // A source that was not there before is new in all its parts.
    const scope = folder.previous === undefined ? 'all' : this.#options.scope;
    const prepared = this.#tickets.prepare({ ...place, folder: listed.folder }, listed, undefined, scope === 'all');
    this.#options.scans.announce(prepared);
    return this.#walk(folder, prepared, scope);
  }

  async #walk(folder: FolderToWalk, prepared: PreparedFolder, scope: FolderScope): Promise<WalkedFolder> {
    const { counters, session, repository, signal, problems } = this.#options;
    if (signal?.aborted === true) throw new CairnError('engine/cancelled', 'The backup was cancelled.');
    const { previous } = folder;
    const { place, listing, judged } = prepared;
    for (const problem of [...listing.problems, ...judged.problems]) problems.push(problem);
    counters.folder(place.folder.path, previous === undefined);
    await session.beat();

    const assembly = new FolderAssembly(listing, previous !== undefined);
    const walking: Walking = {
      ...folder,
      ...prepared,
      assembly,
      readPatiently: (row, linkGroup) => this.#known.leavesIn(walking).readPatiently(walking, row, linkGroup),
      begun: undefined,
      scope: scope !== 'all' && (await haveRulesChanged(this.#options, listing, previous)) ? 'all' : scope,
    };
    const top = previous && { page: previous.entry.page, level: previous.entry.pageLevel };
    const before = new PreviousEntries(repository, session, top, previous?.seal);
    const unread = new Set(listing.problems.map(({ path }) => path));
    for (let row = 0; row < listing.count; row++) {
      const pause = this.#breather.step();
      if (pause !== undefined) await pause;
      if (listing.hasEdgeTime(row)) this.#noteTime(walking, row);
      if (row % ROWS_AT_A_TIME === 0 && row > 0) this.#makeMeanwhile(walking);
      let match: PreviousEntry | undefined;
      if (previous !== undefined) {
        if (!isAtName(before, listing, row)) await this.#moveTo(walking, row, before, unread);
        if (isAtName(before, listing, row)) {
          if (this.#isSame(walking, row, before)) continue;
          match = await before.entry();
          before.step();
          if (match.entry.nodeType !== listing.nodeType(row)) await this.#replaced(match, listing.nodeType(row));
        }
      }
      const done = this.#row(walking, row, match);
      if (done !== undefined) await done;
    }
    await this.#moveTo(walking, listing.count, before, unread);
    const stored = this.#settle(walking, before);
    quiet(stored);
    await this.#waitForOthers();
    return { stored };
  }

  /** Says of an entry that is stored whose time can't be. A followed link has another one. */
  #noteTime({ assembly: { listing }, judged, place }: Walking, row: number): void {
    if (judged.rows[row] === ROW.excluded) return;
    if (this.#options.followLinks && listing.nodeType(row) === 'symlink') return;
    const problem = timeProblem(joinPath(place.folder.path, listing.name(row)), listing.mtimeNs(row));
    if (problem !== undefined) this.#options.problems.push(problem);
  }

  /** Leaves behind every previous entry before a row's name: what the table does not have. */
  async #moveTo(walking: Walking, row: number, before: PreviousEntries, unread: ReadonlySet<string>): Promise<void> {
    const { listing } = walking.assembly;
    for (;;) {
      while (!before.isAtRecord && !before.isAtEnd) await before.load();
      if (before.isAtEnd) return;
      if (row < listing.count && compareNames(before, listing, row) >= 0) return;
      const passed = await before.entry();
      before.step();
      await this.#removed(walking, row, passed, unread);
    }
  }

  /** Takes over, without making anything of it, a file that is in every respect what it was. */
  #isSame(walking: Walking, row: number, before: PreviousEntries): boolean {
    const { assembly, judged } = walking;
    const { listing } = assembly;
    if (!walking.isKnown || judged.rows[row] !== ROW.included) return false;
    if (!isUntouchedFile(this.#options, listing, row, before.cursor)) return false;
    assembly.same(row, before.page, before.cursor.recordStart, before.cursor.recordEnd);
    this.#options.counters.unmodified(before.cursor.size, false);
    before.step();
    return true;
  }

  /** Of a folder that is new or changed, makes what has come so far. */
  #makeMeanwhile(walking: Walking): void {
    if (walking.assembly.isSame) return;
    walking.begun ??= this.#sealer.begin(walking.place.nodePath);
    walking.begun.feed(walking.assembly);
    walking.assembly.forgetTaken();
  }

  /** Waits for every entry of a folder, and then makes the folder. */
  async #settle(walking: Walking, before: PreviousEntries): Promise<StoredFolder> {
    const { assembly, place, previous, stat, name } = walking;
    this.#unsettled++;
    try {
      await assembly.whole();
      const { access, path, isDescriptor, descriptor } = place.folder;
      const attributesOf = isDescriptor && descriptor !== undefined ? descriptor.fd : access;
      const seen = { name, stat, access, attributesOf, path, linkGroup: undefined };
      const metadata = describeEntry(this.#known.optionsIn(walking), seen, previous?.entry);
      const isSame = assembly.isSame && before.isWhole;
      const { begun } = walking;
      const stored = this.#sealer.seal({ nodePath: place.nodePath, metadata, assembly, previous, isSame, begun });
      this.#known.note({ path, stat }, stored.entry.page);
      return stored;
    } finally {
      this.#unsettled--;
      this.#wake?.();
    }
  }

  /** Keeps the walk from running too far ahead of the contents. */
  async #waitForOthers(): Promise<void> {
    while (this.#unsettled > UNSETTLED_MAX) {
      this.#options.smallFiles.dispatch();
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  /** An entry of the parent that the table does not have: gone, unless a problem says they only can't be read. */
  async #removed(
    { place, assembly }: Walking,
    row: number,
    previous: PreviousEntry,
    unread: ReadonlySet<string>,
  ): Promise<void> {
    const path = escapePath(joinPath(place.folder.path, previous.entry.name));
    const kept = unread.has(path) ? carried(previous) : undefined;
    if (kept !== undefined) assembly.carry(row, kept);
    else {
      assembly.differs();
      await this.#known.leaves.countRemoved(previous);
    }
  }

  /** Something of another type stands under the name now: the files that stood there are gone. */
  async #replaced(previous: PreviousEntry, nodeType: NodeType): Promise<void> {
    const isFollowed = this.#options.followLinks && nodeType === 'symlink';
    if (!isFollowed) await this.#known.leaves.countRemoved(previous);
  }

  /** One entry of the table: left out, known at once, or expected. Waits only where there is something to wait for. */
  #row(walking: Walking, row: number, match: PreviousEntry | undefined): Promise<void> | undefined {
    const { assembly, judged } = walking;
    if (judged.rows[row] === ROW.excluded) return this.#excluded(walking, match);
    const nodeType = assembly.listing.nodeType(row);
    if (nodeType === 'file') return this.#known.leavesIn(walking).file(walking, row, match);
    if (nodeType === 'directory') {
      const isEmpty = judged.rows[row] === ROW.contentsExcluded;
      return isEmpty ? this.#emptyDirectory(walking, row, match) : this.#directory(walking, row, match);
    }
    if (nodeType === 'symlink' && this.#options.followLinks) return this.#follow(walking, row, match);
    this.#known.leavesIn(walking).special(walking, row, nodeType, match);
    return undefined;
  }

  /** What a rule leaves out now is not part of this snapshot: it counts as removed. */
  #excluded({ assembly }: Walking, match: PreviousEntry | undefined): Promise<void> | undefined {
    if (match === undefined) return undefined;
    assembly.differs();
    return this.#known.leaves.countRemoved(match);
  }

  /** A folder that a rule stores without what is in it. It is not even opened: it may be a drive that does not answer. */
  async #emptyDirectory(walking: Walking, row: number, match: PreviousEntry | undefined): Promise<void> {
    const { assembly } = walking;
    const seen = this.#known.leavesIn(walking).seen(walking, row, match);
    const metadata = describeEntry(this.#known.optionsIn(walking), seen, match?.entry);
    const empty = new FolderAssembly(EMPTY_LISTING, match?.folder !== undefined);
    const isEmptied = match?.entry.nodeType === 'directory' && match.entry.entryCount > 0;
    if (isEmptied) {
      empty.differs();
      await this.#known.leavesIn(walking).countRemoved(match);
    }
    this.#options.counters.folder(seen.path, isEmptied || match?.folder === undefined);
    const path = nodePath(walking.place.nodePath, canonicalName(seen.name).text);
    const folder = { nodePath: path, metadata, assembly: empty, previous: match?.folder, isSame: empty.isSame };
    assembly.put(row, this.#sealer.seal(folder), match);
  }

  async #directory(walking: Walking, row: number, match: PreviousEntry | undefined): Promise<void> {
    const { assembly } = walking;
    const below = match?.folder === undefined ? 'all' : scopeBelow(walking.scope, assembly.listing.name(row));
    if (below === undefined && walking.isKnown && match?.folder !== undefined) {
      const kept = takeOverFolder(this.#options, this.#known.leavesIn(walking).seen(walking, row, match), match.folder);
      if (kept !== undefined) return assembly.put(row, kept, match);
    }
    const scope = below ?? 'all';
    const ticket = walking.tickets.get(row) ?? this.#announce(walking, row, scope);
    assembly.expect(row, match);
    const taken = this.#options.scans.take(ticket);
    const prepared = taken instanceof Promise ? await taken : taken;
    if ('failed' in prepared) assembly.child(row, this.#known.leavesIn(walking).unread(prepared.failed, match));
    else await this.#enter(walking, row, { prepared, scope, stat: ticket.expected }, match);
  }

  /** A ticket for a folder that was not announced with the others, because most of them are not entered. */
  #announce({ place, assembly, judged }: Walking, row: number, scope: FolderScope): ScanTicket {
    const ticket = this.#tickets.ticket(place, assembly.listing, row, judged.rules, scope === 'all');
    this.#options.scans.announce({ tickets: new Map([[row, ticket]]) });
    return ticket;
  }

  /** Walks a folder of the table; its place in the assembly is filled when it is stored. */
  async #enter(
    walking: Walking,
    row: number,
    {
      prepared,
      scope,
      stat,
    }: { readonly prepared: PreparedFolder; readonly scope: FolderScope; readonly stat: FileStat },
    match: PreviousEntry | undefined,
  ): Promise<void> {
    const { assembly } = walking;
    const { folder } = prepared.place;
    const previous = match?.folder;
    const below: FolderToWalk = {
      stat,
      name: assembly.listing.name(row),
      previous,
      isKnown: this.#known.isChildKnown(walking, { path: folder.path, stat, previous }),
      ancestors: this.#options.followLinks ? [...walking.ancestors, walking.stat] : [],
    };
    try {
      const { stored } = await this.#walk(below, prepared, scope);
      void stored
        .then(
          (made) => assembly.child(row, made),
          (error: unknown) => assembly.fail(error),
        )
        .finally(() => closeSourceFolder(folder));
    } catch (error) {
      closeSourceFolder(folder);
      throw error;
    }
  }

  /** A link that is followed takes its target's place, unless that leads in a circle or a rule is about the target. */
  async #follow(walking: Walking, row: number, match: PreviousEntry | undefined): Promise<void> {
    const { assembly, place, ancestors, judged } = walking;
    const seen = this.#known.leavesIn(walking).seen(walking, row, match);
    const target = followLink(seen.access, seen.path, [...ancestors, walking.stat]);
    if ('failed' in target) {
      this.#options.problems.push(target.failed);
      this.#known.leavesIn(walking).special(walking, row, 'symlink', match);
      return;
    }
    const decision = judged.rules?.decide(canonicalName(seen.name).text, target.stat);
    const ofTime = decision?.include === false ? undefined : timeProblem(seen.path, target.stat.mtimeNs);
    if (ofTime !== undefined) this.#options.problems.push(ofTime);
    if (decision?.include === false) {
      await this.#excluded(walking, match);
    } else if (target.stat.nodeType === 'directory') {
      assembly.expect(row, match);
      const opened = openSourceRoot(target.path, place.folder.pinned);
      const listed = 'failed' in opened ? opened : listOpened(opened, target.stat);
      const prepared =
        'failed' in listed ? listed : this.#tickets.prepareChild(place, seen.name, judged.rules, listed, true);
      if ('failed' in prepared) assembly.child(row, this.#known.leavesIn(walking).unread(prepared.failed, match));
      else {
        this.#options.scans.announce(prepared);
        await this.#enter(walking, row, { prepared, scope: 'all', stat: target.stat }, match);
      }
    } else if (target.stat.nodeType === 'file') {
      const { path: access, stat } = target;
      this.#known
        .leavesIn(walking)
        .store(walking, row, { ...seen, stat, access, attributesOf: access, linkGroup: undefined }, match);
    } else this.#known.leavesIn(walking).special(walking, row, 'symlink', match);
  }
}

function compareNames(before: PreviousEntries, listing: Listing, row: number): number {
  return before.cursor.compareName(listing.names, listing.nameStart(row), listing.nameEnd(row));
}

function isAtName(before: PreviousEntries, listing: Listing, row: number): boolean {
  return before.isAtRecord && compareNames(before, listing, row) === 0;
}

/** A promise that is awaited later, maybe after another has failed: its failure is not an unhandled one. */
function quiet(promise: Promise<unknown>): void {
  promise.catch(() => undefined);
}
