/**
 * How a folder of the target is had while it is restored: looked at without making anything, made when something is to be
 * put into it, and clearing away what has its name. And how many are open: see OpenFolders.
 */
import fs from 'node:fs';
import type { Problem } from '../../../src-shared/errors.ts';
import type { DirectoryEntry } from '../merkle/index.ts';
import { type FileStat, errnoOf } from '../source/index.ts';
import type { FolderAccess, FolderNode } from './folder-node.ts';
import type { RestoreOptions } from './options.ts';
import type { OwnFolders } from './own-folders.ts';
import type { Tally } from './tally.ts';
import { renameAside } from './target-moves.ts';
import type { TargetFolder } from './target.ts';
import type { UndoRecorder } from './undo-recorder.ts';

const OPEN_MIN = 64;
const OPEN_MAX = 1024;
/** Where the system does not say how many descriptors a process may have. */
const DESCRIPTORS_USUAL = 1024;

/**
 * The folders of a run that are open. Each holds a descriptor until all that is outstanding in it is done; when there are
 * many, the run waits for that before it opens more. (The folders above the one at work stay open, however many.)
 */
export class OpenFolders {
  readonly #open = new Set<TargetFolder>();
  readonly #most: number;

  constructor(most: number | undefined) {
    this.#most = most ?? Math.min(Math.max(Math.floor(descriptorsMax() / 4), OPEN_MIN), OPEN_MAX);
  }

  get isFull(): boolean {
    return this.#open.size >= this.#most;
  }

  add(folder: TargetFolder): void {
    this.#open.add(folder);
  }

  close(folder: TargetFolder): void {
    this.#open.delete(folder);
    folder.close();
  }

  closeAll(): void {
    for (const folder of this.#open) folder.close();
    this.#open.clear();
  }
}

function descriptorsMax(): number {
  try {
    const limits = fs.readFileSync('/proc/self/limits', 'latin1');
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? DESCRIPTORS_USUAL);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return DESCRIPTORS_USUAL;
  }
}

export type ChildContext = {
  readonly options: RestoreOptions;
  readonly own: OwnFolders;
  readonly tally: Tally;
  readonly folders: OpenFolders;
  readonly undo: UndoRecorder | undefined;
};

export type ChildAccess = {
  readonly access: FolderAccess;
  /** Whether it was to be used, not only looked at. */
  readonly wasOpened: () => boolean;
  readonly close: () => void;
};

/** The folder of an entry in the folder of its parent. */
export function childAccess(entry: DirectoryEntry, into: FolderNode, context: ChildContext): ChildAccess {
  const child = new Child(entry, into, context);
  return {
    access: {
      open: () => child.open(),
      peek: () => child.peek(),
      isBlocked: () => child.isBlocked,
      isNew: () => child.isNew,
    },
    wasOpened: () => child.wasOpened,
    close: () => child.close(),
  };
}

class Child {
  readonly #entry: DirectoryEntry;
  readonly #into: FolderNode;
  readonly #context: ChildContext;
  #folder: TargetFolder | undefined;
  #isClosed = false;
  wasOpened = false;
  isBlocked = false;
  isNew = false;

  constructor(entry: DirectoryEntry, into: FolderNode, context: ChildContext) {
    this.#entry = entry;
    this.#into = into;
    this.#context = context;
  }

  open(): TargetFolder | undefined {
    if (this.wasOpened) return this.#folder;
    this.wasOpened = true;
    // What was only looked at may be closed to its owner; it is opened again to be written to.
    this.#drop();
    const { dryRun } = this.#context.options;
    const parent = this.#into.access.open();
    if (parent !== undefined) this.#openIn(parent);
    else if (dryRun && !this.#into.access.isBlocked()) this.#context.tally.restored++;
    else this.isBlocked = true;
    return this.#folder;
  }

  peek(): TargetFolder | undefined {
    if (this.#folder !== undefined || this.wasOpened || this.#isClosed) return this.#folder;
    const child = this.#into.access.peek()?.child(this.#entry.name, { create: false });
    if (child?.kind === 'opened') this.#keep(child.folder);
    return this.#folder;
  }

  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  #openIn(parent: TargetFolder): void {
    const { options, own, tally } = this.#context;
    const { name } = this.#entry;
    this.#noteMetadata(parent);
    let child = parent.child(name, { create: !options.dryRun });
    if (child.kind === 'conflict') {
      if (!this.#clearAway(parent)) {
        this.isBlocked = true;
        return;
      }
      child = options.dryRun ? { kind: 'missing' } : parent.child(name, { create: true });
    }
    if (child.kind === 'missing') tally.restored++;
    else if (child.kind !== 'opened') {
      this.isBlocked = true;
      tally.problem(child.problem);
    } else if (own.isOwn(child.folder.identity)) {
      this.isBlocked = true;
      child.folder.close();
      tally.problem(ownFolderProblem(this.#into.pathOf(name)));
    } else {
      if (child.created) {
        tally.restored++;
        this.#context.undo?.note({ kind: 'folder', path: this.#into.pathOf(name) });
      }
      this.isNew = child.created;
      this.#keep(child.folder);
    }
  }

  /** As they are before anything is put into a folder that was there. */
  #noteMetadata(parent: TargetFolder): void {
    const { undo } = this.#context;
    const { name } = this.#entry;
    const found = undo === undefined ? undefined : parent.lstat(name);
    if (found === undefined || 'kind' in found || found.nodeType !== 'directory') return;
    undo?.note({ kind: 'metadata', path: this.#into.pathOf(name), mode: found.mode, mtimeNs: found.mtimeNs });
  }

  /** Something else has the name of the folder. False where it has to stay. */
  #clearAway(parent: TargetFolder): boolean {
    const { options, tally } = this.#context;
    const { name } = this.#entry;
    tally.conflict(this.#into.pathOf(name));
    if (options.overwrite === 'never') {
      tally.skipped++;
      return false;
    }
    if (options.dryRun) return true;
    const aside = renameAside(parent, name);
    if (aside.kind === 'failed') {
      tally.problem(aside.problem);
      return false;
    }
    this.#into.aside.add(aside.name.toString('latin1'));
    this.#context.undo?.aside(this.#into.pathOf(name), aside.name, undefined);
    return true;
  }

  #keep(folder: TargetFolder): void {
    this.#folder = folder;
    this.#context.folders.add(folder);
  }

  #drop(): void {
    if (this.#folder !== undefined) this.#context.folders.close(this.#folder);
    this.#folder = undefined;
  }
}

/**
 * What has a name in a folder of the target already; a problem where it can't be looked at, or is a folder of Cairn's own
 * that must stay where it is.
 */
export function existingIn(
  folder: TargetFolder,
  name: Uint8Array,
  own: OwnFolders,
  path: () => string,
): FileStat | undefined | { readonly problem: Problem } {
  const found = folder.lstat(name);
  if (found === undefined) return undefined;
  if ('kind' in found) return { problem: found.problem };
  if (found.nodeType !== 'directory' || !own.isOwnOrAbove(found)) return found;
  return { problem: ownFolderProblem(path()) };
}

function ownFolderProblem(path: string): Problem {
  return { path, code: 'EBUSY', message: 'was not restored: one of Cairn’s own folders is there' };
}
