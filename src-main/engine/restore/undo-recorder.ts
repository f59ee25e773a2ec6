/**
 * Keeps a running restore from losing anything: what it replaces or removes goes into a dated safety folder on the same
 * filesystem, and what it makes is written down (undo-journal.ts), so that undo.ts can take all of it back.
 *
 * The safety folder is “.cairn-replaced/DATE” in the folder that is restored into, with the paths as they were; it is
 * made when there is something to keep. Backups leave folders of this name out.
 */
import { escapePath, unescapePath } from '../../../src-shared/format/index.ts';
import { assert } from '../../../src-shared/assert.ts';
import type { Problem } from '../../../src-shared/errors.ts';
import { SAFETY_FOLDER_NAME } from '../source/index.ts';
import { linkInto, moveInto } from './target-moves.ts';
import type { Failed, TargetFolder } from './target.ts';
import { type LeftAs, type UndoLine, UndoJournal } from './undo-journal.ts';

export type UndoOptions = {
  /** A file of Cairn's own that is not there yet. */
  readonly journal: string;
  /** Names the safety folder: a date and something random, one name. */
  readonly stamp: string;
};

const SAFETY = Buffer.from(SAFETY_FOLDER_NAME);

/**
 * “kept”: it has a second name and may be replaced. “move”: it must be moved away in the moment it is replaced. “elsewhere”:
 * it lies on another filesystem than the safety folder, so it has to be put aside where it is.
 */
export type Keeping = 'kept' | 'move' | 'elsewhere' | Failed;

export class UndoRecorder {
  readonly #options: UndoOptions;
  readonly #journal: UndoJournal;
  #root: TargetFolder | undefined;
  #safety: SafetyFolder | undefined;
  readonly #safetyPaths: Buffer[] = [];

  constructor(options: UndoOptions) {
    this.#options = options;
    this.#journal = new UndoJournal(options.journal);
  }

  /** The safety folders that were made, as whole paths. */
  get safetyPaths(): readonly Buffer[] {
    return this.#safetyPaths;
  }

  /** All paths from here on are relative to this folder. */
  begin(root: TargetFolder): void {
    this.#end();
    this.#root = root;
    this.#journal.noteFirst({
      kind: 'root',
      path: escapePath(root.path),
      inode: root.identity.inode,
      stamp: this.#options.stamp,
    });
  }

  note(line: Exclude<UndoLine, { kind: 'root' }>): void {
    this.#journal.note(line);
  }

  /** Keeps what has the name of an entry that is about to be placed there as `leftAs`. `path`: of the entry. */
  keep(folder: TargetFolder, name: Uint8Array, path: string, leftAs: LeftAs): Keeping {
    const place = this.#placeFor(path);
    if ('kind' in place) return place;
    const linked = linkInto(folder, name, place.folder, place.name);
    if (linked === 'not possible')
      return folder.identity.device === place.folder.identity.device ? 'move' : 'elsewhere';
    if (linked !== 'linked') return linked;
    this.#journal.noteFirst({ kind: 'replaced', path, leftAs });
    return 'kept';
  }

  /** Moves what has this name into the safety folder; `leftAs` of what takes its place, undefined where nothing does. */
  moveAway(
    folder: TargetFolder,
    name: Uint8Array,
    path: string,
    leftAs: LeftAs | undefined,
  ): 'moved' | 'elsewhere' | Failed {
    const place = this.#placeFor(path);
    if ('kind' in place) return place;
    this.#journal.noteFirst(leftAs === undefined ? { kind: 'removed', path } : { kind: 'replaced', path, leftAs });
    const moved = moveInto(folder, name, place.folder, place.name);
    return moved === 'taken' ? 'elsewhere' : moved;
  }

  aside(path: string, name: Uint8Array, leftAs: LeftAs | undefined): void {
    this.#journal.noteFirst({ kind: 'aside', path, name: escapePath(name), leftAs });
  }

  /** Nothing is kept or written down any more. Safe to call twice. */
  close(): void {
    this.#end();
    this.#journal.close();
  }

  #end(): void {
    this.#safety?.close();
    this.#safety = undefined;
    this.#root = undefined;
  }

  #placeFor(path: string): { readonly folder: TargetFolder; readonly name: Uint8Array } | Failed {
    assert(this.#root !== undefined, 'something is kept only while a folder is restored into');
    if (this.#safety === undefined) {
      const opened = SafetyFolder.open(this.#root, this.#options.stamp);
      if ('kind' in opened) return opened;
      this.#safety = opened;
      this.#safetyPaths.push(opened.path);
    }
    return this.#safety.placeFor(path);
  }
}

/** The folders of the last path stay open: what is replaced one after the other lies side by side. */
class SafetyFolder {
  readonly #top: TargetFolder;
  readonly #open: { readonly name: string; readonly folder: TargetFolder }[] = [];

  private constructor(top: TargetFolder) {
    this.#top = top;
  }

  static open(root: TargetFolder, stamp: string): SafetyFolder | Failed {
    const all = root.child(SAFETY, { create: true });
    if (all.kind !== 'opened') return failedOf(all.kind === 'missing' ? undefined : all.problem, root);
    try {
      const one = all.folder.child(Buffer.from(stamp), { create: true });
      return one.kind === 'opened'
        ? new SafetyFolder(one.folder)
        : failedOf(one.kind === 'missing' ? undefined : one.problem, root);
    } finally {
      all.folder.close();
    }
  }

  get path(): Buffer {
    return this.#top.path;
  }

  placeFor(path: string): { readonly folder: TargetFolder; readonly name: Uint8Array } | Failed {
    const names = path.split('/');
    const name = unescapePath(names.pop() ?? '');
    let same = 0;
    while (same < this.#open.length && same < names.length && this.#open[same]?.name === names[same]) same++;
    for (const { folder } of this.#open.splice(same).reverse()) folder.close();
    for (const part of names.slice(same)) {
      const parent = this.#open.at(-1)?.folder ?? this.#top;
      const child = parent.child(unescapePath(part), { create: true });
      if (child.kind !== 'opened') return failedOf(child.kind === 'missing' ? undefined : child.problem, parent);
      this.#open.push({ name: part, folder: child.folder });
    }
    return { folder: this.#open.at(-1)?.folder ?? this.#top, name };
  }

  close(): void {
    for (const { folder } of this.#open.splice(0).reverse()) folder.close();
    this.#top.close();
  }
}

function failedOf(problem: Problem | undefined, folder: TargetFolder): Failed {
  const message = 'was not replaced: the folder that would have kept it can’t be made';
  return { kind: 'failed', problem: problem ?? { path: escapePath(folder.path), code: 'ENOENT', message } };
}
