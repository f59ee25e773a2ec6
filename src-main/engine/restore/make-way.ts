/**
 * What is in the way of an entry, once it is decided that the entry goes there: replaced in one step, put aside under
 * another name, or, where the restore is to be undone, kept in the safety folder first. Decided before any content is read,
 * done when the new entry is ready.
 */
import type { Entry } from '../merkle/index.ts';
import type { Decision } from './decide.ts';
import type { FolderNode } from './folder-node.ts';
import type { Tally } from './tally.ts';
import { renameAside } from './target-moves.ts';
import type { PlaceResult, TargetFolder } from './target.ts';
import type { LeftAs } from './undo-journal.ts';
import type { UndoRecorder } from './undo-recorder.ts';

type FileLike = Exclude<Entry, { nodeType: 'directory' }>;

export type Way = {
  /** The entry may take the place of what is there, in one step. */
  readonly replace: boolean;
  /** Frees the name in the moment it is needed; what it returns is why that failed. */
  readonly makeWay: (() => PlaceResult | undefined) | undefined;
  /** Counts as replaced, not as restored. */
  readonly isReplacing: boolean;
};

const FREE: Way = { replace: false, makeWay: undefined, isReplacing: false };
const REPLACE: Way = { replace: true, makeWay: undefined, isReplacing: true };

export class WayMaker {
  readonly #tally: Tally;
  readonly #undo: UndoRecorder | undefined;

  constructor(tally: Tally, undo: UndoRecorder | undefined) {
    this.#tally = tally;
    this.#undo = undo;
  }

  /** Undefined where what is there could not be kept: then nothing is done, and that is a problem in the report. */
  wayFor(decision: Decision, entry: FileLike, node: FolderNode, folder: TargetFolder): Way | undefined {
    if (decision === 'put-aside') return this.#aside(entry, node, folder);
    if (decision !== 'replace') return FREE;
    if (this.#undo === undefined) return REPLACE;
    const keeping = this.#undo.keep(folder, entry.name, node.pathOf(entry.name), leftAs(entry));
    if (keeping === 'kept') return REPLACE;
    if (keeping === 'move') return this.#moving(this.#undo, entry, node, folder);
    if (keeping === 'elsewhere') return this.#aside(entry, node, folder);
    this.#tally.problem(keeping.problem);
    return undefined;
  }

  /** An entry is there where nothing was. */
  added(entry: FileLike, node: FolderNode): void {
    this.#undo?.note({ kind: 'added', path: node.pathOf(entry.name), leftAs: leftAs(entry) });
  }

  #aside(entry: FileLike, node: FolderNode, folder: TargetFolder): Way {
    return { replace: false, makeWay: () => this.#putAside(entry, node, folder), isReplacing: false };
  }

  #moving(undo: UndoRecorder, entry: FileLike, node: FolderNode, folder: TargetFolder): Way {
    const makeWay = (): PlaceResult | undefined => {
      const moved = undo.moveAway(folder, entry.name, node.pathOf(entry.name), leftAs(entry));
      if (moved === 'moved') return undefined;
      return moved === 'elsewhere' ? this.#putAside(entry, node, folder) : moved;
    };
    return { replace: false, makeWay, isReplacing: true };
  }

  #putAside(entry: FileLike, node: FolderNode, folder: TargetFolder): PlaceResult | undefined {
    const path = node.pathOf(entry.name);
    const aside = renameAside(folder, entry.name);
    if (aside.kind === 'failed') return aside;
    node.aside.add(aside.name.toString('latin1'));
    this.#undo?.aside(path, aside.name, leftAs(entry));
    this.#tally.conflict(path);
    return undefined;
  }
}

function leftAs(entry: FileLike): LeftAs {
  const { nodeType, mtimeNs } = entry;
  const size = nodeType === 'file' ? entry.size : nodeType === 'symlink' ? entry.target.length : 0;
  return { nodeType, size, mtimeNs };
}
