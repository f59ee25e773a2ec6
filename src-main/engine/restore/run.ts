/**
 * Restoring a tree into a target folder: the tree is walked depth first and each entry decided on; files are collected
 * (collect.ts) and written in the order in which packs hold them while the walk goes on. Within a folder links come
 * after everything else, and the folder's own time and mode last of all, when everything in it is there.
 *
 * Invariants: nothing outside the target is touched (target-folder.ts); a damaged file is a problem, and its old state
 * stays; nothing that is in the way is lost without being asked for: a folder where a file belongs is put aside.
 */
import { CairnError, type Problem, isIntegrityError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { RestoreReport } from '../../../src-shared/model/index.ts';
import { Breather } from '../kernel/index.ts';
import { fetchPages } from '../browse/index.ts';
import {
  type DirectoryEntry,
  type Entry,
  type FileEntry,
  folderRef,
  type FolderRef,
  type Xattr,
  attributesOf,
  iterateFolderLeaves,
} from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import { FileCollector } from './collect.ts';
import { type Decision, decide } from './decide.ts';
import { type ChildContext, OpenFolders, childAccess, existingIn } from './folder-access.ts';
import { FolderNode } from './folder-node.ts';
import { type LeftOut, NOTHING_LEFT_OUT } from './left-out.ts';
import { removeLeftovers } from './leftovers.ts';
import { type Way, WayMaker } from './make-way.ts';
import type { RestoreOptions } from './options.ts';
import type { OwnFolders } from './own-folders.ts';
import { cancelled, isAborted, putFile, putSpecial } from './put.ts';
import type { Selection } from './selection.ts';
import { SpecialLinks } from './special-links.ts';
import { Tally } from './tally.ts';
import { LeftOutAttributes } from './target-attributes.ts';
import type { UndoRecorder } from './undo-recorder.ts';
import type { PlaceResult, TargetFolder, TargetMetadata } from './target.ts';

const DEPTH_MAX = 8192;
/** Links of one folder that wait for its files; with more the first are made early, which harms nothing. */
const LINKS_HELD_MAX = 4096;

/** Where in the stored tree the run is. */
type Scope = {
  readonly depth: number;
  /** A folder above was included by name: everything in it is wanted. */
  readonly wanted: boolean;
};

const TOP: Scope = { depth: 0, wanted: false };

type FileLike = Exclude<Entry, { nodeType: 'directory' }>;

export class RestoreRun {
  readonly #repository: Repository;
  readonly #options: RestoreOptions;
  readonly #selection: Selection;
  readonly #own: OwnFolders;
  readonly #breather = new Breather();
  readonly #tally: Tally;
  readonly #files: FileCollector;
  readonly #folders: OpenFolders;
  readonly #child: ChildContext;
  readonly #specialLinks = new SpecialLinks();
  readonly #leftOutAttributes = new LeftOutAttributes();
  readonly #ways: WayMaker;
  readonly #undo: UndoRecorder | undefined;
  #leftOut: LeftOut = NOTHING_LEFT_OUT;

  /** `undo`: whoever gives it begins each folder in it, and closes it. */
  constructor(
    repository: Repository,
    options: RestoreOptions,
    selection: Selection,
    own: OwnFolders,
    undo: UndoRecorder | undefined,
  ) {
    this.#repository = repository;
    this.#options = options;
    this.#selection = selection;
    this.#own = own;
    this.#tally = new Tally(options.onProgress);
    this.#folders = new OpenFolders(options.tuning.foldersOpen);
    this.#undo = undo;
    this.#ways = new WayMaker(this.#tally, undo);
    this.#child = { options, own, tally: this.#tally, folders: this.#folders, undo };
    this.#files = new FileCollector({
      repository,
      tuning: options.tuning,
      keepSetId: options.restoreOwner,
      onProblem: (problem) => this.problem(problem),
      leaveOutAttribute: (path, kind, code, count) => this.leaveOutAttribute(path, kind, code, count),
      signal: options.signal,
      onPlaced: (entry, node, replaced) => {
        this.#tally.count(entry, replaced);
        if (!replaced) this.#ways.added(entry, node);
        this.#tally.tell(() => node.pathOf(entry.name));
      },
      events: {
        progress: ({ node, entry }) => this.#tally.tell(() => node.pathOf(entry.name)),
        metadata: ({ entry }) => this.#metadata(entry),
      },
    });
  }

  report(): RestoreReport {
    return this.#tally.report(this.#leftOutAttributes.problems());
  }

  expect(entries: number, bytes: number): void {
    this.#tally.expect(entries, bytes);
    // With patterns nobody knows how much of it is wanted: the threads start when enough was met.
    if (!this.#options.dryRun && this.#options.includes.length === 0) this.#files.expect(entries, bytes);
  }

  /** What the backup never covered of what is restored next. */
  leaveAlone(leftOut: LeftOut): void {
    this.#leftOut = leftOut;
  }

  problem(problem: Problem): void {
    this.#tally.problem(problem);
  }

  leaveOutAttribute(path: Uint8Array, kind: string, code: string, count = 1): void {
    this.#leftOutAttributes.add(escapePath(path), kind, code, count);
  }

  /** Waits for all that was walked through. Only then is a folder of this run complete. */
  async settle(): Promise<void> {
    await this.#files.settle();
    if (isAborted(this.#options.signal)) throw cancelled();
  }

  /** Ends what is under way, also in the middle of it: nothing is written into any folder any more. */
  stop(): Promise<void> {
    return this.#files.stop();
  }

  /** Ends the run, also in the middle of it: nothing is written any more, no folder is open, no thread runs. */
  async close(): Promise<void> {
    await this.#files.close();
    this.#folders.closeAll();
  }

  /** Restores the entries of a stored folder into a target folder. */
  async folder(stored: FolderRef, node: FolderNode, scope = TOP): Promise<void> {
    if (scope.depth > DEPTH_MAX)
      throw new CairnError('limit/exceeded', 'The stored tree is deeper than any Cairn writes.');
    const names = this.#options.delete ? new Set<string>() : undefined;
    let isWhole = true;
    try {
      const fetch = fetchPages(this.#repository);
      const { page, level, totalEntries } = stored;
      for await (const leaf of iterateFolderLeaves(fetch, page, level, undefined, totalEntries)) {
        for (const entry of leaf) {
          names?.add(latin1(entry.name));
          const breath = this.#breather.step();
          if (breath !== undefined) await breath;
          const restoring = this.entry(entry, node, scope);
          if (restoring !== undefined) await restoring;
        }
      }
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      isWhole = false;
      this.problem({
        path: node.path || '.',
        code: error.code,
        message: `the rest of this folder can’t be read: ${error.message}`,
      });
    }
    if (names !== undefined && isWhole) node.keep = { names, wanted: scope.wanted };
  }

  /** Restores one entry under its own name. A promise only where there is something to wait for. */
  entry(entry: Entry, node: FolderNode, scope = TOP): Promise<void> | undefined {
    if (isAborted(this.#options.signal)) throw cancelled();
    const { hasPatterns } = this.#selection;
    const path = hasPatterns ? node.pathOf(entry.name) : '';
    if (hasPatterns && this.#selection.isExcluded(path)) return undefined;
    const wanted = scope.wanted || !hasPatterns || this.#selection.isIncluded(path);
    if (entry.nodeType === 'directory') {
      this.#tally.entries++;
      return this.#directory(entry, node, { depth: scope.depth, wanted });
    }
    if (!wanted) return undefined;
    this.#tally.entries++;
    this.#tally.tell(() => node.pathOf(entry.name));
    if (entry.xattrBlob !== undefined) return this.#withAttributes(entry, node);
    if (entry.nodeType !== 'symlink') return this.#fileLike(entry, node);
    node.links.push(entry);
    if (node.links.length > LINKS_HELD_MAX) this.#placeLinks(node);
    return undefined;
  }

  /**
   * Restores something deep in the original place: the folders above it are opened one by one, so that no link among
   * them leads elsewhere, and made as they were stored where they are gone.
   */
  async below(
    parents: readonly DirectoryEntry[],
    into: FolderNode,
    restore: (into: FolderNode) => Promise<void> | undefined,
  ): Promise<void> {
    const [first, ...rest] = parents;
    if (first === undefined) return restore(into);
    const node = await this.#node(first, into, true);
    await this.below(rest, node, restore);
    node.release();
  }

  /** What comes last in a folder, but for its own metadata. */
  finish(node: FolderNode): void {
    this.#placeLinks(node);
    const folder = node.keep === undefined ? undefined : node.access.peek();
    if (node.keep === undefined || folder === undefined) return;
    removeLeftovers(folder, {
      keep: new Set([...node.keep.names, ...node.aside]),
      path: node.path,
      wanted: node.keep.wanted,
      dryRun: this.#options.dryRun,
      selection: this.#selection,
      own: this.#own,
      leftOut: this.#leftOut,
      undo: this.#undo,
      onRemoved: () => {
        this.#tally.removed++;
      },
      onProblem: (problem) => this.problem(problem),
    });
  }

  #fileLike(entry: FileLike, node: FolderNode): Promise<void> | undefined {
    const decision = this.#decide(entry, node);
    if (decision === undefined) return undefined;
    if (entry.nodeType === 'file') return this.#placeFile(entry, node, decision);
    this.#placeSpecial(entry, node, decision);
    return undefined;
  }

  /** What to do about an entry; undefined where there is nothing to do, which is counted or told. */
  #decide(entry: FileLike, node: FolderNode): Decision | undefined {
    const parent = node.access.peek();
    // In a folder that this run has made is nothing but what this run has put there.
    if (parent === undefined || node.access.isNew()) return 'restore';
    const existing = existingIn(parent, entry.name, this.#own, () => node.pathOf(entry.name));
    if (existing === undefined) return 'restore';
    if ('problem' in existing) {
      this.problem(existing.problem);
      return undefined;
    }
    const decision = decide(entry, existing, parent, this.#options);
    if (decision === 'unchanged') this.#tally.unchanged++;
    else if (decision === 'skip') this.#tally.skipped++;
    else return decision;
    return undefined;
  }

  async #directory(entry: DirectoryEntry, into: FolderNode, scope: Scope): Promise<void> {
    if (this.#folders.isFull) await this.settle();
    const node = await this.#node(entry, into, this.#options.overwrite === 'never');
    if (scope.wanted) node.access.open();
    await this.folder(folderRef(entry), node, { ...scope, depth: scope.depth + 1 });
    node.release();
  }

  /** `keepsOwn`: a folder that was there before keeps its own metadata. */
  async #node(entry: DirectoryEntry, into: FolderNode, keepsOwn: boolean): Promise<FolderNode> {
    const xattrs = entry.xattrBlob === undefined ? entry.xattrs : await this.attributes(entry, into.pathOf(entry.name));
    const child = childAccess(entry, into, this.#child);
    return new FolderNode({
      parent: into,
      name: entry.name,
      path: into.pathOf(entry.name),
      access: child.access,
      finish: (node) => {
        this.finish(node);
        const folder = child.wasOpened() ? child.access.peek() : undefined;
        if (folder !== undefined && !this.#options.dryRun) {
          const metadata = { ...this.#metadata(entry), ...(xattrs && { xattrs }) };
          const problems = keepsOwn && !child.access.isNew() ? folder.restoreMode() : folder.setMetadata(metadata);
          for (const problem of problems) this.problem(problem);
        }
        child.close();
      },
    });
  }

  #placeLinks(node: FolderNode): void {
    const { links } = node;
    node.links = [];
    // A link has no content to wait for.
    for (const link of links) {
      const decision = this.#decide(link, node);
      if (decision !== undefined) this.#placeSpecial(link, node, decision);
    }
  }

  async #withAttributes(entry: FileLike, node: FolderNode): Promise<void> {
    const xattrs = await this.attributes(entry, node.pathOf(entry.name));
    await this.#fileLike({ ...entry, xattrs }, node);
  }

  /** Attributes from their blob. Where that can't be read it is a problem, and the entry is restored without them. */
  async attributes(entry: Entry, path: string): Promise<readonly Xattr[]> {
    try {
      return await attributesOf(entry, (id, type) => this.#repository.readBlob(id, type));
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      const message = `was restored without its extended attributes: ${error.message}`;
      this.problem({ path, code: error.code, message });
      return [];
    }
  }

  #placeFile(entry: FileEntry, node: FolderNode, decision: Decision): Promise<void> | undefined {
    const folder = this.#folderFor(entry, node, decision);
    if (folder === undefined) return undefined;
    const way = this.#ways.wayFor(decision, entry, node, folder);
    if (way?.makeWay !== undefined) return this.#putFile(entry, node, folder, way);
    return way && this.#files.add(entry, node, folder, way.replace);
  }

  #placeSpecial(entry: Exclude<FileLike, FileEntry>, node: FolderNode, decision: Decision): void {
    const folder = this.#folderFor(entry, node, decision);
    if (folder === undefined) return;
    const way = this.#ways.wayFor(decision, entry, node, folder);
    if (way === undefined) return;
    const { replace, makeWay = nothingInTheWay } = way;
    const options = { ...this.#metadata(entry), ...(entry.xattrs && { xattrs: entry.xattrs }), replace };
    const linked = way.makeWay === undefined ? this.#specialLinks.link(entry, folder, { replace }) : undefined;
    const result = linked ?? putSpecial(entry, { folder, options, makeWay });
    if (linked === undefined && result.kind === 'placed') this.#specialLinks.made(entry, node, result.identity);
    this.#tellPlaced(entry, node, way, result);
  }

  /** The folder to write an entry into; undefined where something keeps us out, and in a dry run, which only counts. */
  #folderFor(entry: FileLike, node: FolderNode, decision: Decision): TargetFolder | undefined {
    const folder = node.access.open();
    if (node.access.isBlocked()) return undefined;
    if (!this.#options.dryRun && folder !== undefined) return folder;
    if (decision === 'put-aside') this.#tally.conflict(node.pathOf(entry.name));
    this.#tally.count(entry, decision === 'replace');
    return undefined;
  }

  /** What is there is put aside when the new content has been proven: not in a batch. */
  async #putFile(entry: FileEntry, node: FolderNode, folder: TargetFolder, way: Way): Promise<void> {
    const path = node.pathOf(entry.name);
    const result = await putFile(entry, {
      repository: this.#repository,
      folder,
      path,
      options: { ...this.#metadata(entry), ...(entry.xattrs && { xattrs: entry.xattrs }), replace: false },
      makeWay: way.makeWay ?? nothingInTheWay,
      onBytes: () => this.#tally.tell(() => path),
      signal: this.#options.signal,
    });
    this.#tellPlaced(entry, node, way, result);
  }

  #tellPlaced(entry: FileLike, node: FolderNode, way: Way, result: PlaceResult): void {
    if (result.kind !== 'placed') {
      this.problem(result.problem);
      return;
    }
    this.#tally.count(entry, way.isReplacing);
    if (!way.replace && way.makeWay === undefined) this.#ways.added(entry, node);
    for (const problem of result.problems) this.problem(problem);
  }

  #metadata(entry: Entry): TargetMetadata {
    const owner = this.#options.restoreOwner ? { uid: entry.uid, gid: entry.gid } : {};
    return { mode: entry.mode, mtimeNs: entry.mtimeNs, ...owner };
  }
}

function nothingInTheWay(): undefined {
  return undefined;
}

function latin1(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1');
}
