/**
 * The proof of the live tree: what a scan of everything finds that no watcher told of. Two things are known to escape a
 * watcher (writes through another name of a file, and through a memory map); anything else is a defect, and either way a
 * person who looks for the reason wants the path.
 */
import path from 'node:path';
import type { SnapshotSource, TreeDiff } from '../../../src-shared/model/index.ts';

/** `dirty`: folders that were told of, escaped and absolute; `absolute` gives a path of the diff as the sources name it. */
export function missedPaths(
  { added, removed, changed, metadata }: TreeDiff,
  dirty: ReadonlySet<string>,
  absolute: (path: string) => string,
): readonly string[] {
  const paths = [...added, ...removed, ...changed, ...metadata].map(absolute);
  return paths.filter((path) => !dirty.has(path) && !dirty.has(path.slice(0, Math.max(path.lastIndexOf('/'), 1))));
}

/** Of one source a snapshot has paths from its root; of several each begins with the name the snapshot gave the source. */
export function absolutePath(sources: readonly SnapshotSource[], inSnapshot: string): string {
  const [only] = sources;
  if (sources.length === 1 && only !== undefined) return path.posix.join(only.path, inSnapshot);
  const [name = ''] = inSnapshot.split('/', 1);
  const source = sources.find((one) => one.name === name);
  return source === undefined ? inSnapshot : path.posix.join(source.path, inSnapshot.slice(name.length));
}
