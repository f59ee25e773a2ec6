/**
 * Restoring a tree into a target folder: depth first, each file written under a temporary name, hashed, and given its
 * name only when every byte was right. Within a folder links come after everything else, and the folder's own time and
 * mode last of all.
 *
 * Invariants: nothing outside the target is touched (target-folder.ts); a damaged file is a problem, and its old state
 * stays; nothing that is in the way is lost without being asked for: a folder where a file belongs is put aside.
 */
import { CairnError, type Problem, isIntegrityError } from '../../../src-shared/errors.ts';
import type { RestoreReport } from '../../../src-shared/model/index.ts';
import { Breather } from '../kernel/index.ts';
import { fetchPages } from '../browse/index.ts';
import { type DirectoryEntry, type Entry, type FolderRef, type SymlinkEntry, iterateFolder } from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import type { FileStat } from '../source/index.ts';
import { type Decision, decide } from './decide.ts';
import { type LeftOut, NOTHING_LEFT_OUT } from './left-out.ts';
import { joinPathText, removeLeftovers } from './leftovers.ts';
import type { RestoreOptions } from './options.ts';
import type { OwnFolders } from './own-folders.ts';
import { cancelled, isAborted, putEntry } from './put.ts';
import type { Selection } from './selection.ts';
import type { PlaceResult, TargetFolder, TargetMetadata } from './target.ts';

const DEPTH_MAX = 8192;

/** A folder of the target that is made only when something is to be put into it. */
export type LazyFolder = {
  /** The open folder; undefined in a dry run where it does not exist, and where it is blocked. */
  readonly open: () => TargetFolder | undefined;
  /** What is there already, without making anything. */
  readonly peek: () => TargetFolder | undefined;
  /** Whether `open` has found that a problem or a decision (already told) keeps us out. */
  readonly isBlocked: () => boolean;
  /** Names, as latin1, that this run has given to what it put aside there. */
  readonly aside: Set<string>;
};

/** Where in the stored tree the run is. */
type Scope = {
  readonly depth: number;
  /** A folder above was included by name: everything in it is wanted. */
  readonly wanted: boolean;
};

const TOP: Scope = { depth: 0, wanted: false };

type FileLike = Exclude<Entry, { nodeType: 'directory' }>;
type OpenedChild = { folder: TargetFolder | undefined; created: boolean; tried: boolean; blocked: boolean };

export class RestoreRun {
  readonly #repository: Repository;
  readonly #options: RestoreOptions;
  readonly #selection: Selection;
  readonly #own: OwnFolders;
  readonly #breather = new Breather();
  #leftOut: LeftOut = NOTHING_LEFT_OUT;
  readonly #problems: Problem[] = [];
  readonly #conflicts: string[] = [];
  #restored = 0;
  #unchanged = 0;
  #skipped = 0;
  #replaced = 0;
  #removed = 0;
  #bytes = 0;
  #entries = 0;
  #entriesTotal = 0;
  #bytesTotal = 0;

  constructor(repository: Repository, options: RestoreOptions, selection: Selection, own: OwnFolders) {
    this.#repository = repository;
    this.#options = options;
    this.#selection = selection;
    this.#own = own;
  }

  report(): RestoreReport {
    return {
      restored: this.#restored,
      unchanged: this.#unchanged,
      skipped: this.#skipped,
      replaced: this.#replaced,
      removed: this.#removed,
      bytes: this.#bytes,
      conflicts: this.#conflicts,
      problems: this.#problems,
    };
  }

  expect(entries: number, bytes: number): void {
    this.#entriesTotal += entries;
    this.#bytesTotal += bytes;
  }

  /** What the backup never covered of what is restored next. */
  leaveAlone(leftOut: LeftOut): void {
    this.#leftOut = leftOut;
  }

  problem(problem: Problem): void {
    this.#problems.push(problem);
  }

  /** Restores the entries of a stored folder into a target folder. `path` is relative to what is restored. */
  async folder(stored: FolderRef, target: LazyFolder, path: string, scope = TOP): Promise<void> {
    if (scope.depth > DEPTH_MAX)
      throw new CairnError('limit/exceeded', 'The stored tree is deeper than any Cairn writes.');
    const links: SymlinkEntry[] = [];
    const names = new Set<string>();
    let isWhole = true;
    try {
      for await (const entry of iterateFolder(fetchPages(this.#repository), stored.page, stored.level)) {
        names.add(Buffer.from(entry.name).toString('latin1'));
        if (entry.nodeType === 'symlink') links.push(entry);
        else await this.entry(entry, target, joinPathText(path, entry.name), scope);
      }
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      isWhole = false;
      this.#problems.push({
        path: path || '.',
        code: error.code,
        message: `the rest of this folder can’t be read: ${error.message}`,
      });
    }
    for (const link of links) await this.entry(link, target, joinPathText(path, link.name), scope);
    if (this.#options.delete && isWhole) this.#removeOthers(target, names, path, scope.wanted);
  }

  /** Restores one entry under its own name. */
  async entry(entry: Entry, into: LazyFolder, path: string, scope = TOP): Promise<void> {
    await this.#breather.step();
    if (isAborted(this.#options.signal)) throw cancelled();
    if (this.#selection.isExcluded(path)) return;
    const wanted = scope.wanted || this.#selection.isIncluded(path);
    if (entry.nodeType === 'directory') {
      this.#entries++;
      await this.#directory(entry, into, path, { depth: scope.depth, wanted });
    } else if (wanted) {
      this.#entries++;
      this.#tell(path);
      await this.#fileLike(entry, into, path);
    }
  }

  /**
   * Restores something deep in the original place: the folders above it are opened one by one, so that no link among
   * them leads elsewhere, and made as they were stored where they are gone.
   */
  async below(
    parents: readonly DirectoryEntry[],
    into: LazyFolder,
    restore: (into: LazyFolder) => Promise<void>,
    path = '',
  ): Promise<void> {
    const [first, ...rest] = parents;
    if (first === undefined) return restore(into);
    const below = joinPathText(path, first.name);
    const { lazy, state } = this.#lazyChild(first, into, below);
    try {
      await this.below(rest, lazy, restore, below);
      if (state.created) this.#dress(state.folder, first);
    } finally {
      state.folder?.close();
    }
  }

  async #fileLike(entry: FileLike, into: LazyFolder, path: string): Promise<void> {
    const parent = into.peek();
    const existing = parent && this.#existing(parent, entry.name, path);
    if (existing === 'problem') return;
    const decision = parent && existing ? decide(entry, existing, parent, this.#options) : 'restore';
    if (decision === 'unchanged') this.#unchanged++;
    else if (decision === 'skip') this.#skipped++;
    else await this.#place(entry, into, path, decision);
  }

  async #directory(entry: DirectoryEntry, into: LazyFolder, path: string, scope: Scope): Promise<void> {
    const { lazy, state } = this.#lazyChild(entry, into, path);
    try {
      if (scope.wanted) lazy.open();
      await this.folder({ page: entry.page, level: entry.pageLevel }, lazy, path, { ...scope, depth: scope.depth + 1 });
      if (state.tried) this.#dress(state.folder, entry);
    } finally {
      state.folder?.close();
    }
  }

  #lazyChild(entry: DirectoryEntry, into: LazyFolder, path: string): { lazy: LazyFolder; state: OpenedChild } {
    const state: OpenedChild = { folder: undefined, created: false, tried: false, blocked: false };
    const lazy: LazyFolder = {
      open: () => {
        if (!state.tried) {
          state.tried = true;
          this.#openChild(entry, into, path, state);
        }
        return state.folder;
      },
      peek: () => {
        if (state.folder !== undefined || state.tried) return state.folder;
        const child = into.peek()?.child(entry.name, { create: false });
        if (child?.kind === 'opened') state.folder = child.folder;
        return state.folder;
      },
      isBlocked: () => state.blocked,
      aside: new Set(),
    };
    return { lazy, state };
  }

  #openChild(entry: DirectoryEntry, into: LazyFolder, path: string, state: OpenedChild): void {
    const { dryRun } = this.#options;
    // What was only looked at may be closed to its owner; it is opened again to be written to.
    state.folder?.close();
    state.folder = undefined;
    const parent = into.open();
    if (parent === undefined) {
      if (dryRun && !into.isBlocked()) this.#restored++;
      else state.blocked = true;
      return;
    }
    let child = parent.child(entry.name, { create: !dryRun });
    if (child.kind === 'conflict') {
      if (!this.#clearForFolder(parent, entry, path, into.aside)) {
        state.blocked = true;
        return;
      }
      child = dryRun ? { kind: 'missing' } : parent.child(entry.name, { create: true });
    }
    if (child.kind === 'missing') this.#restored++;
    else if (child.kind !== 'opened') {
      state.blocked = true;
      this.#problems.push(child.problem);
    } else if (this.#own.isOwn(child.folder.identity)) {
      state.blocked = true;
      child.folder.close();
      this.#problems.push(ownFolderProblem(path));
    } else {
      if (child.created) this.#restored++;
      state.folder = child.folder;
      state.created = child.created;
    }
  }

  /** Something else has the name of a folder. False where it has to stay. */
  #clearForFolder(parent: TargetFolder, { name }: DirectoryEntry, path: string, asides: Set<string>): boolean {
    this.#conflicts.push(path);
    if (this.#options.overwrite === 'never') {
      this.#skipped++;
      return false;
    }
    if (this.#options.dryRun) return true;
    const aside = parent.renameAside(name);
    if (aside.kind === 'failed') {
      this.#problems.push(aside.problem);
      return false;
    }
    asides.add(aside.name.toString('latin1'));
    return true;
  }

  #existing(folder: TargetFolder, name: Uint8Array, path: string): FileStat | undefined | 'problem' {
    const found = folder.lstat(name);
    if (found === undefined) return undefined;
    if ('kind' in found) {
      this.#problems.push(found.problem);
      return 'problem';
    }
    if (found.nodeType !== 'directory' || !this.#own.isOwnOrAbove(found)) return found;
    this.#problems.push(ownFolderProblem(path));
    return 'problem';
  }

  async #place(entry: FileLike, into: LazyFolder, path: string, decision: Decision): Promise<void> {
    const { dryRun, signal } = this.#options;
    const folder = into.open();
    if (into.isBlocked()) return;
    if (dryRun || folder === undefined) {
      if (decision === 'put-aside') this.#conflicts.push(path);
      this.#count(entry, decision);
      return;
    }
    const makeWay = (): PlaceResult | undefined => {
      if (decision !== 'put-aside') return undefined;
      const aside = folder.renameAside(entry.name);
      if (aside.kind === 'failed') return aside;
      into.aside.add(aside.name.toString('latin1'));
      this.#conflicts.push(path);
      return undefined;
    };
    const result = await putEntry(entry, {
      repository: this.#repository,
      folder,
      path,
      options: { ...this.#metadata(entry), replace: decision === 'replace' },
      makeWay,
      onBytes: () => this.#tell(path),
      signal,
    });
    if (result.kind === 'placed') {
      this.#count(entry, decision);
      for (const problem of result.problems) this.#problems.push(problem);
    } else this.#problems.push(result.problem);
  }

  #count(entry: FileLike, decision: Decision): void {
    if (decision === 'replace') this.#replaced++;
    else this.#restored++;
    if (entry.nodeType === 'file') this.#bytes += entry.size;
  }

  #removeOthers(target: LazyFolder, names: ReadonlySet<string>, path: string, wanted: boolean): void {
    const folder = target.peek();
    if (folder === undefined) return;
    removeLeftovers(folder, {
      keep: new Set([...names, ...target.aside]),
      path,
      wanted,
      dryRun: this.#options.dryRun,
      selection: this.#selection,
      own: this.#own,
      leftOut: this.#leftOut,
      onRemoved: () => {
        this.#removed++;
      },
      onProblem: (problem) => this.#problems.push(problem),
    });
  }

  /** Gives a folder its own mode, time and owner, when everything in it is in place. */
  #dress(folder: TargetFolder | undefined, entry: DirectoryEntry): void {
    if (folder === undefined || this.#options.dryRun) return;
    for (const problem of folder.setMetadata(this.#metadata(entry))) this.#problems.push(problem);
  }

  #metadata(entry: Entry): TargetMetadata {
    const owner = this.#options.restoreOwner ? { uid: entry.uid, gid: entry.gid } : {};
    return { mode: entry.mode, mtimeNs: entry.mtimeNs, ...owner };
  }

  #tell(current: string): void {
    this.#options.onProgress({
      phase: 'restore',
      files: this.#entries,
      bytes: this.#bytes,
      filesTotal: this.#entriesTotal,
      bytesTotal: this.#bytesTotal,
      current,
    });
  }
}

function ownFolderProblem(path: string): Problem {
  return { path, code: 'EBUSY', message: 'was not restored: one of Cairn’s own folders is there' };
}
