/**
 * The sources of a backup: each a folder or a single file, under a name of its own in the snapshot.
 *
 * The name is the last part of the path, made unique by a number. A source that is a link is followed: the person
 * named the thing, not the link.
 */
import fs from 'node:fs';
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import { displayPath, escapePath } from '../../../src-shared/format/index.ts';
import { compareBytes, equalBytes } from '../kernel/index.ts';
import { describeErrno, errnoOf } from './problem.ts';
import { type FileStat, fileStatOf } from './stat.ts';

/** As many as a snapshot may have. */
const SOURCES_MAX = 1024;

export type Source = {
  /** As the person named it. */
  readonly path: Buffer;
  /** Where it really lies, links followed: for system calls on a single file. */
  readonly access: Buffer;
  readonly name: string;
  readonly stat: FileStat;
};

/** A source that is not there now: a drive that is not connected, a folder that was renamed. */
export type AbsentSource = Pick<Source, 'path' | 'name'> & { readonly absent: CairnError };

/** Looks at every source before anything is read. @throws CairnError source/not-found, source/unreadable, usage/invalid */
export function resolveSources(paths: readonly Buffer[]): readonly Source[] {
  return resolvePresentSources(paths, () => false).map((source) => {
    if ('absent' in source) throw source.absent;
    return source;
  });
}

/**
 * The same where it is no error that some are not there. `isAway` says of one that only an empty place is left of it.
 * @throws CairnError as `resolveSources`; source/not-found where none is there
 */
export function resolvePresentSources(
  paths: readonly Buffer[],
  isAway: (path: Buffer) => boolean,
): readonly (Source | AbsentSource)[] {
  if (paths.length === 0)
    throw new CairnError('usage/invalid', 'There is nothing to back up: name at least one folder or file.');
  if (paths.length > SOURCES_MAX)
    throw new CairnError('usage/invalid', `${paths.length} sources are more than ${SOURCES_MAX}.`);
  const taken = new Set<string>();
  const sources = paths.map((path): Source | AbsentSource => {
    const name = uniqueName(path, taken);
    const found = isAway(path) ? notThere(path) : lookAtSource(path);
    if (isCairnError(found)) return { path, name, absent: found };
    const { stat, access } = found;
    if (stat.nodeType !== 'directory' && stat.nodeType !== 'file') {
      throw new CairnError('source/unreadable', `${displayPath(path)} is neither a folder nor a file.`);
    }
    return { path, access, name, stat };
  });
  const present = sources.filter((source) => !('absent' in source));
  const [first] = sources;
  if (present.length === 0 && first !== undefined && 'absent' in first) throw first.absent;
  for (const [index, { path }] of sources.entries()) {
    if (sources.some((other, at) => at < index && equalBytes(other.path, path))) {
      throw new CairnError('usage/invalid', `${displayPath(path)} is named twice.`);
    }
  }
  return sources.toSorted((left, right) => compareBytes(Buffer.from(left.name), Buffer.from(right.name)));
}

/** @throws CairnError source/unreadable; one that is not there is returned */
function lookAtSource(path: Buffer): Pick<Source, 'stat' | 'access'> | CairnError {
  try {
    const stat = fileStatOf(fs.statSync(path, { bigint: true }));
    return { stat, access: fs.realpathSync.native(path, { encoding: 'buffer' }) };
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    if (code === 'ENOENT' || code === 'ENOTDIR') return notThere(path, error);
    throw new CairnError('source/unreadable', `${displayPath(path)} can’t be read: ${describeErrno(code)}.`, {
      cause: error,
    });
  }
}

function notThere(path: Buffer, cause?: unknown): CairnError {
  return new CairnError('source/not-found', `${displayPath(path)} does not exist.`, { cause });
}

function uniqueName(path: Buffer, taken: Set<string>): string {
  const base = escapePath(path.subarray(path.lastIndexOf(0x2f) + 1)).normalize('NFC') || 'root';
  let name = base;
  for (let number = 2; taken.has(name); number++) name = `${base}-${number}`;
  taken.add(name);
  return name;
}
