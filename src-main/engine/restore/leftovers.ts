/**
 * With --delete: removing what a restored folder has and the snapshot does not. What a pattern excludes stays, also
 * deep inside a folder that is a leftover itself; so do Cairn's own folders, what the backup never covered (left-out.ts) and
 * what this very restore has put aside.
 */
import type { Problem } from '../../../src-shared/errors.ts';
import { type FileStat, SAFETY_FOLDER_NAME } from '../source/index.ts';
import type { LeftOut } from './left-out.ts';
import type { OwnFolders } from './own-folders.ts';
import { joinPathText } from './path-text.ts';
import type { Selection } from './selection.ts';
import { type TargetFolder, isTemporaryName } from './target.ts';
import type { UndoRecorder } from './undo-recorder.ts';

const SAFETY = Buffer.from(SAFETY_FOLDER_NAME);
/** What lies deeper inside a leftover is not looked through, and stays. */
const DEPTH_MAX = 1000;

export type Leftovers = {
  readonly dryRun: boolean;
  readonly selection: Selection;
  readonly own: OwnFolders;
  readonly leftOut: LeftOut;
  /** Keeps what is removed. */
  readonly undo: UndoRecorder | undefined;
  readonly onRemoved: () => void;
  readonly onProblem: (problem: Problem) => void;
};

/** `keep`: names as latin1. `wanted`: a folder above was included by name, so everything in it counts. */
export function removeLeftovers(
  folder: TargetFolder,
  options: Leftovers & { readonly keep: ReadonlySet<string>; readonly path: string; readonly wanted: boolean },
): void {
  const { keep, path, wanted, selection } = options;
  for (const name of namesIn(folder, options)) {
    if (keep.has(name.toString('latin1')) || isTemporaryName(name) || name.equals(SAFETY)) continue;
    const below = joinPathText(path, name);
    if (wanted || selection.isIncluded(below)) remove(folder, name, below, options, 0);
  }
}

function remove(folder: TargetFolder, name: Buffer, path: string, options: Leftovers, depth: number): void {
  const stat = statIn(folder, name, options);
  if (stat === undefined || isKept(stat, path, options)) return;
  if (stat.nodeType === 'directory' && holdsKept(folder, name, stat, path, options, depth)) {
    const opened = folder.child(name, { create: false, writable: !options.dryRun });
    if (opened.kind !== 'opened') return;
    try {
      for (const inner of namesIn(opened.folder, options)) {
        remove(opened.folder, inner, joinPathText(path, inner), options, depth + 1);
      }
    } finally {
      opened.folder.close();
    }
    return;
  }
  if (!options.dryRun) {
    const problem = take(folder, name, path, options.undo);
    if (problem !== undefined) {
      options.onProblem(problem);
      return;
    }
  }
  options.onRemoved();
}

function take(folder: TargetFolder, name: Buffer, path: string, undo: UndoRecorder | undefined): Problem | undefined {
  if (undo === undefined) {
    const removed = folder.removeEntry(name);
    return removed.kind === 'failed' ? removed.problem : undefined;
  }
  const moved = undo.moveAway(folder, name, path, undefined);
  if (moved === 'moved') return undefined;
  if (moved !== 'elsewhere') return moved.problem;
  return { path, code: 'EXDEV', message: 'was not removed: it lies on another filesystem, where it can’t be kept' };
}

function isKept(stat: FileStat, path: string, { selection, own, leftOut }: Leftovers): boolean {
  if (selection.isExcluded(path) || leftOut.includes(path, stat)) return true;
  return stat.nodeType === 'directory' && own.isOwn(stat);
}

/** Whether something that stays lies in a folder; it is looked through only where there can be anything. */
function holdsKept(
  folder: TargetFolder,
  name: Buffer,
  stat: FileStat,
  path: string,
  options: Leftovers,
  depth: number,
): boolean {
  const isPossible = options.selection.hasExcludes || options.leftOut.isPossible || options.own.isOwnOrAbove(stat);
  if (!isPossible) return false;
  if (depth > DEPTH_MAX) return true;
  const opened = folder.child(name, { create: false });
  if (opened.kind !== 'opened') return false;
  try {
    const names = opened.folder.list();
    if ('kind' in names) return false;
    return names.some((inner) => {
      const below = joinPathText(path, inner);
      const found = statIn(opened.folder, inner, options);
      if (found === undefined) return false;
      if (isKept(found, below, options)) return true;
      return found.nodeType === 'directory' && holdsKept(opened.folder, inner, found, below, options, depth + 1);
    });
  } finally {
    opened.folder.close();
  }
}

function namesIn(folder: TargetFolder, { onProblem }: Leftovers): readonly Buffer[] {
  const names = folder.list();
  if (!('kind' in names)) return names;
  onProblem(names.problem);
  return [];
}

function statIn(folder: TargetFolder, name: Buffer, { onProblem }: Leftovers): FileStat | undefined {
  const found = folder.lstat(name);
  if (found === undefined || !('kind' in found)) return found;
  onProblem(found.problem);
  return undefined;
}
