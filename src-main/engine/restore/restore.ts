/**
 * A restore on one page: find what is asked for, open where it goes, write it.
 *
 * With a target, the contents of a single source go right into it, several sources each under its name, and an item
 * under its own name. Without one everything goes where it came from.
 */
import fs from 'node:fs';
import { CairnError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { RestoreReport } from '../../../src-shared/model/index.ts';
import { fetchPages, locate, onlySource, splitPath, topFolder } from '../browse/index.ts';
import { type DirectoryEntry, type Entry, folderRef, iterateFolder, joinNames } from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import type { Snapshot, SnapshotSourceRecord } from '../snapshot/index.ts';
import { errnoOf, statPath } from '../source/index.ts';
import { type FolderAccess, FolderNode } from './folder-node.ts';
import { findLeftOut } from './left-out.ts';
import type { RestoreOptions } from './options.ts';
import { OwnFolders } from './own-folders.ts';
import { RestoreRun } from './run.ts';
import { createSelection } from './selection.ts';
import { type Target, openTarget } from './target.ts';
import { UndoRecorder } from './undo-recorder.ts';

/** One thing to restore and where it goes. */
type Job = {
  readonly entry: Entry;
  /** An existing folder, or one to be made. */
  readonly into: Buffer;
  /** The entry's contents go right into it; else the entry under its own name. */
  readonly contents: boolean;
  /** Stored folders between `into` and the entry, from the top. */
  readonly parents: readonly DirectoryEntry[];
  readonly source: SnapshotSourceRecord;
  /** From a path relative to what is restored to one relative to the source's root; both escaped text. */
  readonly inSource: (path: string) => string;
};

/**
 * Restores a snapshot or an item of it. Damaged files are problems in the report; the rest is restored.
 * @throws CairnError path/not-found, restore/target, engine/cancelled, destination/…
 */
export async function restore(
  repository: Repository,
  snapshot: Snapshot,
  options: RestoreOptions,
): Promise<RestoreReport> {
  const own = new OwnFolders(options.ownFolders);
  const undo = options.undo === undefined || options.dryRun ? undefined : new UndoRecorder(options.undo);
  const run = new RestoreRun(repository, options, createSelection(options.includes, options.excludes), own, undo);
  try {
    await runJobs({ run, own, repository, snapshot, options, undo });
  } finally {
    await run.close();
    undo?.close();
  }
  const safetyFolders = (undo?.safetyPaths ?? []).map(escapePath);
  return { ...run.report(), ...(safetyFolders.length > 0 && { safetyFolders }) };
}

type Restoring = {
  readonly run: RestoreRun;
  readonly own: OwnFolders;
  readonly repository: Repository;
  readonly snapshot: Snapshot;
  readonly options: RestoreOptions;
  readonly undo: UndoRecorder | undefined;
};

async function runJobs({ run, own, repository, snapshot, options, undo }: Restoring): Promise<void> {
  const jobs = await planJobs(repository, snapshot, options);
  for (const { into } of jobs) own.refuseTarget(into);
  for (const { entry } of jobs) {
    if (entry.nodeType === 'directory') run.expect(entry.totalEntries, entry.totalBytes);
    else run.expect(1, entry.nodeType === 'file' ? entry.size : 0);
  }
  for (const job of jobs) {
    if (options.delete) run.leaveAlone(await findLeftOut(repository, snapshot, job.source, job.inSource, job.into));
    await runJob(run, job, options, undo);
  }
}

async function planJobs(repository: Repository, snapshot: Snapshot, options: RestoreOptions): Promise<readonly Job[]> {
  const { target } = options;
  const fetch = fetchPages(repository);
  const only = await onlySource(fetch, snapshot);
  if (splitPath(options.path).length === 0) {
    const sources: Entry[] = [];
    const top = topFolder(snapshot);
    for await (const entry of iterateFolder(fetch, top.page, top.level)) sources.push(entry);
    return sources.map((entry): Job => {
      const source = sourceOf(snapshot, Buffer.from(entry.name).toString());
      if (target === undefined) return originalPlace(source, entry);
      const contents = only !== undefined && entry.nodeType === 'directory';
      return {
        entry: { ...entry, name: ownName(source) },
        into: target,
        contents,
        parents: [],
        source,
        inSource: contents ? asItIs : withoutFirstName,
      };
    });
  }
  const located = await locate(repository, snapshot, options.path);
  if (located.kind === 'root') throw new CairnError('engine/internal', 'A path with names was found to be the root.');
  const { entry } = located;
  const names = splitPath(located.path);
  const source = sourceOf(snapshot, located.sourceName);
  const isSourceItself = only === undefined ? names.length === 1 : only.nodeType !== 'directory';
  const above = names
    .slice(only === undefined ? 1 : 0, -1)
    .map(escapePath)
    .join('/');
  const inSource = isSourceItself ? withoutFirstName : above === '' ? asItIs : (path: string) => `${above}/${path}`;
  if (target !== undefined) {
    const item = isSourceItself ? { ...entry, name: ownName(source) } : entry;
    return [{ entry: item, into: target, contents: false, parents: [], source, inSource }];
  }
  if (isSourceItself) return [originalPlace(source, entry)];
  const parents: DirectoryEntry[] = [];
  for (let count = only === undefined ? 2 : 1; count < names.length; count++) {
    const parent = await locate(repository, snapshot, joinNames(names.slice(0, count)));
    if (parent.kind === 'entry' && parent.entry.nodeType === 'directory') parents.push(parent.entry);
  }
  return [{ entry, into: Buffer.from(source.path), contents: false, parents, source, inSource }];
}

function sourceOf({ record }: Snapshot, name: string): SnapshotSourceRecord {
  const source = record.sources.find((one) => one.name === name);
  if (source !== undefined) return source;
  throw new CairnError('integrity/malformed', `The snapshot does not say where “${name}” came from.`);
}

/** Where a source came from. Its name in the snapshot is a text and unique; on disk it has the last name of its path. */
function originalPlace(source: SnapshotSourceRecord, entry: Entry): Job {
  const named = Buffer.from(source.path);
  if (entry.nodeType === 'directory')
    return { entry, into: named, contents: true, parents: [], source, inSource: asItIs };
  // A file that was named by a link lies where the link leads; the link stays.
  const path = realPathOf(named) ?? named;
  const item = { ...entry, name: lastName(path) };
  return { entry: item, into: parentOf(path), contents: false, parents: [], source, inSource: withoutFirstName };
}

function asItIs(path: string): string {
  return path;
}

function withoutFirstName(path: string): string {
  return path.includes('/') ? path.slice(path.indexOf('/') + 1) : '';
}

/** The raw name of a source; the one in the snapshot where that was given a number, to tell it from another's. */
function ownName(source: SnapshotSourceRecord): Uint8Array {
  const raw = lastName(Buffer.from(source.path));
  return escapePath(raw).normalize('NFC') === source.name ? raw : Buffer.from(source.name);
}

function lastName(path: Buffer): Buffer {
  return path.subarray(path.lastIndexOf('/') + 1);
}

function parentOf(path: Uint8Array): Buffer {
  const bytes = Buffer.from(path);
  const slash = bytes.lastIndexOf('/');
  return slash <= 0 ? Buffer.from('/') : bytes.subarray(0, slash);
}

async function runJob(
  run: RestoreRun,
  job: Job,
  options: RestoreOptions,
  undo: UndoRecorder | undefined,
): Promise<void> {
  const before = statPath(job.into);
  const existed = before !== undefined;
  let target: Target | undefined;
  const open = (create: boolean): Target | undefined => {
    if (target === undefined && (create || existed)) {
      target = openTarget(job.into, {
        create,
        keepSetId: options.restoreOwner,
        leaveOutAttribute: (path, kind, code) => run.leaveOutAttribute(path, kind, code),
      });
      undo?.begin(target.root);
      if (before !== undefined && !('failed' in before)) {
        undo?.note({ kind: 'metadata', path: '', mode: before.mode, mtimeNs: before.mtimeNs });
      }
    }
    return target;
  };
  const access: FolderAccess = {
    open: () => open(!options.dryRun)?.root,
    peek: () => open(false)?.root,
    isBlocked: () => false,
    isNew: () => !existed,
  };
  const into = new FolderNode({
    parent: undefined,
    name: new Uint8Array(),
    path: '',
    access,
    finish: (node) => run.finish(node),
  });
  try {
    if (job.contents && job.entry.nodeType === 'directory')
      await restoreContents(run, job.entry, into, options, existed);
    else {
      await run.below(job.parents, into, (folder) => run.entry(job.entry, folder));
      into.release();
      await run.settle();
    }
    target?.flush();
  } finally {
    // Nothing may be on its way into a folder that is closed.
    await run.stop();
    target?.close();
  }
}

async function restoreContents(
  run: RestoreRun,
  entry: DirectoryEntry,
  into: FolderNode,
  options: RestoreOptions,
  existed: boolean,
): Promise<void> {
  if (!options.dryRun && options.includes.length === 0) into.access.open();
  await run.folder(folderRef(entry), into);
  into.release();
  await run.settle();
  // The original folder, or a folder made just now, gets the source's own mode and time; anyone else's stays as it is.
  const keepsOwn = existed && (options.target !== undefined || options.overwrite === 'never');
  const root = options.dryRun || keepsOwn ? undefined : into.access.peek();
  if (root === undefined) return;
  const owner = options.restoreOwner ? { uid: entry.uid, gid: entry.gid } : {};
  const xattrs = await run.attributes(entry, '.');
  for (const problem of root.setMetadata({ mode: entry.mode, mtimeNs: entry.mtimeNs, ...owner, xattrs }))
    run.problem(problem);
}

function realPathOf(path: Buffer): Buffer | undefined {
  try {
    return fs.realpathSync.native(path, { encoding: 'buffer' });
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
