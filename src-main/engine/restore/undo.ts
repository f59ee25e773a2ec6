/**
 * Takes a restore back by its journal. What the restore made goes, what it replaced returns from the safety folder, what
 * it put aside gets its name again, and folders their mode and time.
 *
 * Invariants: what somebody has changed since the restore is never removed nor replaced: it is put aside, or stays, and
 * is told. A folder goes only when it is empty. Nothing outside the roots of the journal is touched, whatever links lie
 * in the way (target-folder.ts). An undo that was cut off can be done again: what is done already is found done.
 *
 * The journal is read once for each kind of work, so its length costs time and no memory; of folders the paths are held.
 */
import { CairnError, type Problem } from '../../../src-shared/errors.ts';
import { displayPath, unescapePath } from '../../../src-shared/format/index.ts';
import type { Progress, UndoReport } from '../../../src-shared/model/index.ts';
import { Breather } from '../kernel/index.ts';
import { type FileStat, SAFETY_FOLDER_NAME } from '../source/index.ts';
import { cancelled, isAborted } from './put.ts';
import { moveInto, removeEmptyFolder, renameAside } from './target-moves.ts';
import { type Target, type TargetFolder, openTarget } from './target.ts';
import { type LeftAs, type UndoLine, readUndoJournal } from './undo-journal.ts';

export type UndoRequest = {
  readonly journal: string;
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal | undefined;
};

/** Node sets times through a double where there is no better call. */
const TIME_ROUNDING_NS = 1000n;
/** FAT keeps times in steps of two seconds, others in whole ones. */
const COARSE_STEP_NS = 2_000_000_000n;
const SECOND_NS = 1_000_000_000n;
const DEPTH_MAX = 8192;

/** @throws CairnError engine/cancelled, engine/local-state, restore/target */
export async function undoRestore(request: UndoRequest): Promise<UndoReport> {
  const undo = new Undo(request);
  // What was added goes first, so that what it stood in the place of can return; folders last, from the deepest up.
  await undo.eachLine((line, root) => undo.takeBack(line, root));
  await undo.removeFolders();
  await undo.eachLine((line, root) => undo.bringBackAside(line, root));
  await undo.removeSafetyFolders();
  await undo.eachLine((line, root) => undo.setMetadata(line, root));
  return undo.report();
}

type Root = { readonly target: Target; readonly stamp: string };

class Undo {
  readonly #request: UndoRequest;
  readonly #breather = new Breather();
  readonly #problems: Problem[] = [];
  #broughtBack = 0;
  #removed = 0;
  #steps = 0;

  constructor(request: UndoRequest) {
    this.#request = request;
  }

  report(): UndoReport {
    return { broughtBack: this.#broughtBack, removed: this.#removed, problems: this.#problems };
  }

  /** Goes through the journal once, with the root that each line belongs to open. */
  async eachLine(work: (line: UndoLine, root: Root) => void): Promise<void> {
    let root: Root | undefined;
    try {
      for (const line of readUndoJournal(this.#request.journal)) {
        if (isAborted(this.#request.signal)) throw cancelled();
        const breath = this.#breather.step();
        if (breath !== undefined) await breath;
        if (line.kind === 'root') {
          root?.target.close();
          root = undefined;
          root = { target: openRoot(line), stamp: line.stamp };
        } else if (root !== undefined) work(line, root);
      }
    } finally {
      root?.target.close();
    }
  }

  takeBack(line: UndoLine, root: Root): void {
    if (line.kind !== 'added' && line.kind !== 'replaced' && line.kind !== 'removed') return;
    this.#tell(line.path);
    this.#inFolderOf(line.path, root, (folder, name) => {
      if (line.kind === 'added') this.#remove(folder, name, line);
      else this.#return(folder, name, line, root);
    });
  }

  bringBackAside(line: UndoLine, root: Root): void {
    if (line.kind !== 'aside') return;
    this.#tell(line.path);
    this.#inFolderOf(line.path, root, (folder, name) => {
      const aside = unescapePath(line.name);
      if (statIn(folder, aside) === undefined) return;
      if (!this.#makeWay(folder, name, line.path, line.leftAs)) return;
      this.#count(moveInto(folder, aside, folder, name), line.path);
    });
  }

  setMetadata(line: UndoLine, root: Root): void {
    if (line.kind !== 'metadata') return;
    const { mode, mtimeNs } = line;
    const set = (folder: TargetFolder): void => {
      this.#problems.push(...folder.setMetadata({ mode, mtimeNs }));
    };
    if (line.path === '') set(root.target.root);
    else {
      this.#inFolderOf(line.path, root, (folder, name) => {
        const child = folder.child(name, { create: false });
        if (child.kind !== 'opened') return;
        set(child.folder);
        child.folder.close();
      });
    }
  }

  /** A folder comes after the folder it lies in, so from the last one on. One that holds something stays. */
  async removeFolders(): Promise<void> {
    const made: { readonly path: string; readonly line: Extract<UndoLine, { kind: 'root' }> }[] = [];
    let at: Extract<UndoLine, { kind: 'root' }> | undefined;
    for (const line of readUndoJournal(this.#request.journal)) {
      if (line.kind === 'root') at = line;
      else if (line.kind === 'folder' && line.path !== '' && at !== undefined) made.push({ path: line.path, line: at });
    }
    let root: Root | undefined;
    let opened: UndoLine | undefined;
    try {
      for (const { path, line } of made.reverse()) {
        const breath = this.#breather.step();
        if (breath !== undefined) await breath;
        if (opened !== line) {
          root?.target.close();
          root = undefined;
          root = { target: openRoot(line), stamp: line.stamp };
          opened = line;
        }
        if (root === undefined) continue;
        this.#inFolderOf(path, root, (folder, name) => {
          const result = removeEmptyFolder(folder, name);
          if (result === 'removed') this.#removed++;
          else if (result !== 'kept') this.#problems.push(result.problem);
        });
      }
    } finally {
      root?.target.close();
    }
  }

  /** What is in them still is somebody's: then they stay, and it is told where. */
  async removeSafetyFolders(): Promise<void> {
    const done = new Set<string>();
    for (const line of readUndoJournal(this.#request.journal)) {
      if (line.kind !== 'root' || done.has(line.path)) continue;
      done.add(line.path);
      const target = openRoot(line);
      try {
        this.#removeSafetyFolder(target.root, line.stamp);
      } finally {
        target.close();
      }
      await this.#breather.step();
    }
  }

  #removeSafetyFolder(root: TargetFolder, stamp: string): void {
    const all = root.child(Buffer.from(SAFETY_FOLDER_NAME), { create: false });
    if (all.kind !== 'opened') return;
    const one = all.folder.child(Buffer.from(stamp), { create: false });
    if (one.kind === 'opened') {
      removeEmptyFoldersIn(one.folder);
      one.folder.close();
      const left = removeEmptyFolder(all.folder, Buffer.from(stamp));
      if (left === 'kept') {
        const message = 'still holds what could not go back to its place';
        this.#problems.push({ path: displayPath(one.folder.path), code: 'ENOTEMPTY', message });
      } else if (left !== 'removed') this.#problems.push(left.problem);
    }
    all.folder.close();
    removeEmptyFolder(root, Buffer.from(SAFETY_FOLDER_NAME));
  }

  #remove(folder: TargetFolder, name: Uint8Array, line: Extract<UndoLine, { kind: 'added' }>): void {
    const found = statIn(folder, name);
    if (found === undefined) return;
    if (!isLeftAs(found, line.leftAs)) {
      this.#changedSince(line.path, 'was changed after it was restored, so it was left as it is');
      return;
    }
    const removed = folder.removeEntry(name);
    if (removed.kind === 'failed') this.#problems.push(removed.problem);
    else this.#removed++;
  }

  /** From the safety folder, back to its place. */
  #return(
    folder: TargetFolder,
    name: Uint8Array,
    line: Extract<UndoLine, { kind: 'replaced' | 'removed' }>,
    { target, stamp }: Root,
  ): void {
    const safePath = `${SAFETY_FOLDER_NAME}/${stamp}/${line.path}`;
    this.#inFolderOf(safePath, { target, stamp }, (safe, safeName) => {
      const kept = statIn(safe, safeName);
      if (kept === undefined) return;
      const found = statIn(folder, name);
      if (found?.inode === kept.inode && found.device === kept.device) {
        // The restore was cut off before it replaced it: it only has two names.
        const removed = safe.removeEntry(safeName);
        if (removed.kind === 'failed') this.#problems.push(removed.problem);
        return;
      }
      if (!this.#makeWay(folder, name, line.path, line.kind === 'replaced' ? line.leftAs : undefined)) return;
      this.#count(moveInto(safe, safeName, folder, name), line.path);
    });
  }

  /** Frees a name: of what the restore left there by removing it, of anything else by putting it aside. */
  #makeWay(folder: TargetFolder, name: Uint8Array, path: string, leftAs: LeftAs | undefined): boolean {
    const found = statIn(folder, name);
    if (found === undefined) return true;
    if (leftAs !== undefined && isLeftAs(found, leftAs)) {
      const removed = folder.removeEntry(name);
      if (removed.kind !== 'failed') return true;
      this.#problems.push(removed.problem);
      return false;
    }
    const aside = renameAside(folder, name);
    if (aside.kind === 'failed') {
      this.#problems.push(aside.problem);
      return false;
    }
    this.#changedSince(path, `was changed after it was restored, so it is now called ${displayPath(aside.name)}`);
    return true;
  }

  #count(moved: ReturnType<typeof moveInto>, path: string): void {
    if (moved === 'moved') this.#broughtBack++;
    else if (moved === 'taken' || moved === 'elsewhere')
      this.#changedSince(path, 'could not go back to its place, where something else is by now');
    else this.#problems.push(moved.problem);
  }

  #changedSince(path: string, message: string): void {
    this.#problems.push({ path, code: 'changed-since', message });
  }

  /** Opens the folder of a path one by one from the root, so that no link leads elsewhere. Nothing where one is gone. */
  #inFolderOf(path: string, root: Root, work: (folder: TargetFolder, name: Uint8Array) => void): void {
    const names = path.split('/').map(unescapePath);
    const name = names.pop();
    if (name === undefined) return;
    const opened: TargetFolder[] = [];
    try {
      let folder = root.target.root;
      for (const part of names) {
        const child = folder.child(part, { create: false, writable: true });
        if (child.kind !== 'opened') return;
        opened.push(child.folder);
        folder = child.folder;
      }
      work(folder, name);
    } finally {
      for (const folder of opened.reverse()) {
        folder.restoreMode();
        folder.close();
      }
    }
  }

  #tell(current: string): void {
    this.#steps++;
    const totals = { filesTotal: 0, bytesTotal: 0, bytes: 0 };
    this.#request.onProgress({ phase: 'restore', files: this.#steps, ...totals, current });
  }
}

function openRoot(line: Extract<UndoLine, { kind: 'root' }>): Target {
  const path = Buffer.from(unescapePath(line.path));
  const target = openTarget(path, { create: false });
  if (target.root.identity.inode === line.inode) return target;
  target.close();
  throw new CairnError(
    'restore/target',
    `“${displayPath(path)}” is another folder than the one that was restored to.`,
    {
      hint: 'Nothing was changed. Connect the drive it is on, or move the folder back.',
    },
  );
}

function statIn(folder: TargetFolder, name: Uint8Array): FileStat | undefined {
  const found = folder.lstat(name);
  return found === undefined || 'kind' in found ? undefined : found;
}

function isLeftAs(found: FileStat, leftAs: LeftAs): boolean {
  const step = found.mtimeNs % SECOND_NS === 0n ? COARSE_STEP_NS : TIME_ROUNDING_NS;
  const difference = found.mtimeNs - leftAs.mtimeNs;
  const isSameTime = difference <= step && difference >= -step;
  return found.nodeType === leftAs.nodeType && found.size === leftAs.size && isSameTime;
}

function removeEmptyFoldersIn(folder: TargetFolder, depth = 0): void {
  const names = folder.list();
  if ('kind' in names || depth > DEPTH_MAX) return;
  for (const name of names) {
    const child = folder.child(name, { create: false });
    if (child.kind !== 'opened') continue;
    removeEmptyFoldersIn(child.folder, depth + 1);
    child.folder.close();
    removeEmptyFolder(folder, name);
  }
}
