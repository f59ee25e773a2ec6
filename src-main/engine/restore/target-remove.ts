/**
 * Removes everything in a folder without recursion and with two folders open at most, however deep it is: what is in a
 * sub-folder is removed, and its own sub-folders are moved up to the top to be emptied in the next round. Links are
 * removed, never followed.
 */
import fs from 'node:fs';
import { assert } from '../../../src-shared/assert.ts';
import type { Problem } from '../../../src-shared/errors.ts';
import { errnoOf } from '../source/index.ts';
import { type Failed, targetProblem } from './target-place.ts';

/** What of a TargetFolder is needed here. */
type EmptiedFolder = {
  readonly path: Buffer;
  readonly list: () => readonly Buffer[] | Failed;
  readonly accessPath: (name: Uint8Array) => Buffer | Failed;
  readonly close: () => void;
  readonly child: (
    name: Uint8Array,
    options: { readonly create: false; readonly writable: true },
  ) =>
    | { readonly kind: 'opened'; readonly folder: EmptiedFolder }
    | { readonly kind: 'missing' }
    | { readonly kind: 'conflict'; readonly problem: Problem }
    | Failed;
};

/** One round removes one level of folders. Somebody who keeps making new ones is not chased for ever. */
const ROUNDS_MAX = 1_000_000;

/** Empties an open folder. Undefined when that worked; else what was in the way, with the rest still there. */
export function removeRecursively(top: EmptiedFolder, temporaryName: () => Buffer): Problem | undefined {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const names = top.list();
    if (!isList(names)) return names.problem;
    if (names.length === 0) return undefined;
    for (const name of names) {
      if (removeSingle(pathIn(top, name))) continue;
      const opened = top.child(name, { create: false, writable: true });
      if (opened.kind === 'missing') continue;
      if (opened.kind !== 'opened') return opened.problem;
      try {
        const problem = liftContent(opened.folder, top, temporaryName);
        if (problem !== undefined) return problem;
      } finally {
        opened.folder.close();
      }
      fs.rmdirSync(pathIn(top, name));
    }
  }
  return targetProblem(
    top.path,
    'can’t be emptied',
    Object.assign(new Error('still not empty'), { code: 'ENOTEMPTY' }),
  );
}

function liftContent(folder: EmptiedFolder, top: EmptiedFolder, temporaryName: () => Buffer): Problem | undefined {
  const names = folder.list();
  if (!isList(names)) return names.problem;
  for (const name of names) {
    const access = pathIn(folder, name);
    if (removeSingle(access)) continue;
    // A rename over an empty folder would do no harm either, and nothing else has such a name.
    fs.renameSync(access, pathIn(top, temporaryName()));
  }
  return undefined;
}

/** False for a folder that has something in it; true when the entry is gone. */
function removeSingle(access: Buffer): boolean {
  try {
    const stats = fs.lstatSync(access, { throwIfNoEntry: false });
    if (stats === undefined) return true;
    if (stats.isDirectory()) fs.rmdirSync(access);
    else fs.unlinkSync(access);
    return true;
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT') return true;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

function pathIn(folder: EmptiedFolder, name: Uint8Array): Buffer {
  const access = folder.accessPath(name);
  assert(Buffer.isBuffer(access), 'a name that the system listed is a name');
  return access;
}

function isList(result: readonly Buffer[] | Failed): result is readonly Buffer[] {
  return Array.isArray(result);
}
