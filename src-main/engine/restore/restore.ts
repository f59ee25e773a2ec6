/**
 * A restore on one page: find what is asked for, open where it goes, write it.
 *
 * With a target, the contents of a single source go right into it, several sources each under its name, and an item
 * under its own name. Without one everything goes where it came from.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { RestoreReport } from '../../../src-shared/model/index.ts';
import { fetchPages, locate, onlySource, splitPath, topFolder } from '../browse/index.ts';
import { type DirectoryEntry, type Entry, iterateFolder } from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import type { Snapshot } from '../snapshot/index.ts';
import { joinPath, statPath } from '../source/index.ts';
import type { RestoreOptions } from './options.ts';
import { type LazyFolder, RestoreRun } from './run.ts';
import { createSelection } from './selection.ts';
import { type Target, openTarget } from './target.ts';

/** One thing to restore and the folder it goes into: its contents (`contents`), or it under its own name. */
type Job = { readonly entry: Entry; readonly into: Buffer; readonly contents: boolean };

/**
 * Restores a snapshot or an item of it. Damaged files are problems in the report; the rest is restored.
 * @throws CairnError path/not-found, restore/target, engine/cancelled, destination/…
 */
export async function restore(
  repository: Repository,
  snapshot: Snapshot,
  options: RestoreOptions,
): Promise<RestoreReport> {
  const run = new RestoreRun(repository, options, createSelection(options.includes, options.excludes));
  const jobs = await planJobs(repository, snapshot, options);
  for (const { entry } of jobs) {
    if (entry.nodeType === 'directory') run.expect(entry.totalEntries, entry.totalBytes);
    else run.expect(1, entry.nodeType === 'file' ? entry.size : 0);
  }
  for (const job of jobs) await runJob(run, job, options);
  return run.report();
}

async function planJobs(repository: Repository, snapshot: Snapshot, options: RestoreOptions): Promise<readonly Job[]> {
  const fetch = fetchPages(repository);
  const only = await onlySource(fetch, snapshot);
  if (splitPath(options.path).length === 0) {
    const sources: Entry[] = [];
    const top = topFolder(snapshot);
    for await (const entry of iterateFolder(fetch, top.page, top.level)) sources.push(entry);
    return sources.map((entry): Job => {
      if (options.target === undefined) return originalPlace(snapshot, entry, []);
      return { entry, into: options.target, contents: only !== undefined && entry.nodeType === 'directory' };
    });
  }
  const located = await locate(repository, snapshot, options.path);
  if (located.kind === 'root') throw new CairnError('engine/internal', 'A path with names was found to be the root.');
  const { entry, sourceName } = located;
  if (options.target !== undefined) return [{ entry, into: options.target, contents: false }];
  const names = splitPath(located.path);
  const isSourceItself = only !== undefined ? only.nodeType !== 'directory' : names.length === 1;
  if (isSourceItself) return [originalPlace(snapshot, entry, [])];
  return [originalPlace(snapshot, entry, only === undefined ? names.slice(1) : names, sourceName)];
}

/** Where an entry came from: a source itself, or the item `names` below the source `sourceName`. */
function originalPlace(
  snapshot: Snapshot,
  entry: Entry,
  names: readonly Uint8Array[],
  sourceName = Buffer.from(entry.name).toString(),
): Job {
  const source = snapshot.record.sources.find(({ name }) => name === sourceName);
  if (source === undefined)
    throw new CairnError('integrity/malformed', `The snapshot does not say where “${sourceName}” came from.`);
  if (names.length === 0 && entry.nodeType === 'directory')
    return { entry, into: Buffer.from(source.path), contents: true };
  if (names.length === 0) return { entry, into: parentOf(source.path), contents: false };
  const folder = names.slice(0, -1).reduce<Buffer>((path, name) => joinPath(path, name), Buffer.from(source.path));
  return { entry, into: folder, contents: false };
}

function parentOf(path: Uint8Array): Buffer {
  const bytes = Buffer.from(path);
  const slash = bytes.lastIndexOf('/');
  return slash <= 0 ? Buffer.from('/') : bytes.subarray(0, slash);
}

async function runJob(run: RestoreRun, job: Job, options: RestoreOptions): Promise<void> {
  const existed = targetExists(job.into);
  let target: Target | undefined;
  const open = (create: boolean): Target | undefined => {
    if (target === undefined && (create || existed))
      target = openTarget(job.into, { create, keepSetId: options.restoreOwner });
    return target;
  };
  const into: LazyFolder = {
    open: () => open(!options.dryRun)?.root,
    peek: () => open(false)?.root,
  };
  try {
    if (job.contents && job.entry.nodeType === 'directory')
      await restoreContents(run, job.entry, into, options, existed);
    else await run.entry(job.entry, into, escapePath(job.entry.name), 0);
    target?.flush();
  } finally {
    target?.close();
  }
}

async function restoreContents(
  run: RestoreRun,
  entry: DirectoryEntry,
  into: LazyFolder,
  options: RestoreOptions,
  existed: boolean,
): Promise<void> {
  if (!options.dryRun && options.includes.length === 0) into.open();
  await run.folder({ page: entry.page, level: entry.pageLevel }, into, '');
  // The original folder, or a folder made just now, gets the source's own mode and time; anyone else's stays as it is.
  const root = options.dryRun || (existed && options.target !== undefined) ? undefined : into.peek();
  const owner = options.restoreOwner ? { uid: entry.uid, gid: entry.gid } : {};
  const problems = root?.setMetadata({ mode: entry.mode, mtimeNs: entry.mtimeNs, ...owner }) ?? [];
  for (const problem of problems) run.problem(problem);
}

function targetExists(path: Buffer): boolean {
  const found = statPath(path);
  return found !== undefined;
}
