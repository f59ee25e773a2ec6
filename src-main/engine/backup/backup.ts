/**
 * A backup on one page: look at the sources, find the parent, walk, publish, tidy.
 *
 * The snapshot is written last. Whatever goes wrong before leaves the repository as it was; whatever goes wrong after
 * (merging small files) does not take the snapshot back.
 */
import { assert } from '../../../src-shared/assert.ts';
import { CairnError, type Problem, isCairnError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { BackupReport } from '../../../src-shared/model/index.ts';
import { type Clock, RateBucket } from '../kernel/index.ts';
import { type FileEntry, createNodeHasher } from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import { findParent, listSnapshots } from '../snapshot/index.ts';
import {
  type AbsentSource,
  type AttributeReader,
  type Filter,
  type Source,
  attributesProblem,
  closeSourceFolder,
  createAttributeReader,
  createFilter,
  createOwnerNames,
  defaultPinned,
  openSourceRoot,
  resolvePresentSources,
  resolveSources,
  timeProblem,
} from '../source/index.ts';
import { Counters, countEntries } from './counters.ts';
import { carried } from './entries.ts';
import { type FileBackupOptions, isUnmodified, storeFile, takeOver } from './file-backup.ts';
import { FolderScans } from './folder-scans.ts';
import { FolderWalk, type WalkOptions } from './folder-walk.ts';
import { Lanes } from './lanes.ts';
import { LinkGroups } from './link-groups.ts';
import { type FolderScope, type LiveScope, scopeIn } from './live-scope.ts';
import { type LiveNotes, isUsable, notesFor, problemsOfKept } from './live.ts';
import { type BackupOptions, filterOptionsOf, ignoreFileNames } from './options.ts';
import { PreviousEntries, type PreviousEntry } from './previous.ts';
import { type Run, type StoredSource, assembleTop, isSameState, publish, reportOf } from './publish.ts';
import { listOpened } from './scan-folder.ts';
import { BATCH_BYTES_MAX, SmallFiles } from './small-files.ts';
import { FileStorer } from './store-file.ts';

/**
 * Backs the sources up into one new snapshot. Problems with single files are in the report, never thrown.
 * @throws CairnError source/…, destination/…, repository/…, engine/cancelled
 */
export async function backup(repository: Repository, options: BackupOptions): Promise<BackupReport> {
  const { report } = await backUp(repository, options, undefined);
  assert(report !== undefined, 'a backup of everything is always published');
  return report;
}

/** What a live backup says. */
export type LiveReport = {
  /** Undefined: nothing had changed, so nothing was published. */
  readonly report: BackupReport | undefined;
  /** Everything was walked: the folders that were named would not have been enough. */
  readonly wasFull: boolean;
  /** What changed can't be told by the folders alone, so a full backup should follow soon. */
  readonly wantsFull: boolean;
};

/**
 * The same where it is known in which folders something may have changed since the parent snapshot. Costs what these
 * folders and those above them hold, however large the sources are.
 */
export function backUpChanges(repository: Repository, options: BackupOptions, scope: LiveScope): Promise<LiveReport> {
  return backUp(repository, options, scope);
}

async function backUp(
  repository: Repository,
  options: BackupOptions,
  wanted: LiveScope | undefined,
): Promise<LiveReport> {
  const { clock } = repository.context.ports;
  const startedAtMs = clock.nowMs();
  const startedMonotonicMs = clock.monotonicMs();
  const { snapshots } = await listSnapshots(repository);
  const parent = findParent(snapshots, options.host, options.sources);
  const isAway = (path: Buffer): boolean => options.absentSources.some((absent) => absent.equals(path));
  const sources =
    parent === undefined ? resolveSources(options.sources) : resolvePresentSources(options.sources, isAway);
  const live =
    wanted !== undefined && isUsable(wanted, options, parent)
      ? { scope: wanted, parent, notes: notesFor(parent, wanted) }
      : undefined;
  const session = await repository.beginWrite(options.writerId, 2 * options.workers);
  try {
    const counters = new Counters(options.onProgress);
    const problems: Problem[] = [];
    const run: Run = { repository, session, options, startedAtMs, counters, problems, snapshots, parent };
    const stored = await storeSources(run, sources, live);
    if (live !== undefined) {
      counters.beginWith(live.parent.record.stats);
      problems.push(...(await problemsOfKept(repository, live.parent.record, live.notes)));
    }
    const outcome = { wasFull: live === undefined, wantsFull: live?.notes.linksTouched === true };
    const top = assembleTop(run, stored);
    if (live !== undefined && isSameState(top, live.parent) && problems.length === live.parent.record.problemCount) {
      await session.abort();
      return { report: undefined, ...outcome };
    }
    const { record, snapshotId } = await publish(run, stored, top);
    await tidyQuietly(repository);
    return { report: reportOf(record, snapshotId, problems, clock.monotonicMs() - startedMonotonicMs), ...outcome };
  } catch (error) {
    await session.abort();
    throw error;
  }
}

/** Most files of the folders that a live backup lists are what they were: they are no work for a thread. */
const LIVE_FILES_FACTOR = 16;
/** So many bytes of a large file are as much work as a small file. */
const BYTES_AS_A_FILE = 128 * 1024;

async function storeSources(
  run: Run,
  sources: readonly (Source | AbsentSource)[],
  live: { readonly scope: LiveScope; readonly notes: LiveNotes } | undefined,
): Promise<readonly StoredSource[]> {
  const { repository, session, options, counters, parent, problems } = run;
  let lanes: Lanes | undefined;
  const { idKey, chunkKey } = repository.context;
  const lanesOf = (fileBytes = 0): Lanes | undefined => {
    const fromFiles = live === undefined ? options.lanesFromFiles : options.lanesFromFiles * LIVE_FILES_FACTOR;
    const isWorthIt = isLarge(counters, fromFiles) || fileBytes >= options.lanesFromFiles * BYTES_AS_A_FILE;
    if (lanes === undefined && options.workers > 0 && isWorthIt) {
      lanes = new Lanes(options.workers, { idKey, chunkKey, slotBytes: BATCH_BYTES_MAX });
    }
    return lanes;
  };
  const onBytes = (bytes: number): void => counters.read(bytes);
  const reading = readingOf(repository.context.ports.clock, options);
  const { signal } = options;
  const storer = new FileStorer(repository.context, session, { lanes: lanesOf, onBytes, reading, signal });
  const smallFiles = new SmallFiles(repository.context, session, { counters, lanes: lanesOf });
  const scans = new FolderScans(lanesOf);
  const shared = {
    repository,
    session,
    storer,
    smallFiles,
    scans,
    links: new LinkGroups(),
    live: live?.notes,
    ignoreFiles: ignoreFileNames(options),
    reading,
    counters,
    problems,
    owners: createOwnerNames(),
    attributes: attributesOf(run, sources),
    followLinks: options.symlinks === 'follow',
    reread: options.reread,
    previousReadMs: parent?.record.startedAtMs,
    folders: options.folders,
    signal,
  };
  const before = new PreviousEntries(repository, session, parent?.record.rootPage, parent?.record.sealPage);
  const stored: StoredSource[] = [];
  try {
    for (const source of sources) {
      const match = await before.find(Buffer.from(source.name));
      if ('absent' in source) {
        stored.push(await keepSource(run, source, match));
        continue;
      }
      const scope: FolderScope = live === undefined ? 'all' : scopeIn(source.path, live.scope.folders);
      const walk = { ...shared, filter: filterOf(options, source), scope };
      stored.push(await storeSource(walk, source, match));
    }
  } finally {
    await lanes?.close();
    await scans.dispose();
  }
  return stored;
}

/** Shared by all that read: small files pay when they are handed in, a large one part by part. */
function readingOf(clock: Clock, { readBytesPerSecondMax, signal }: BackupOptions): RateBucket {
  const bucket = new RateBucket(clock);
  bucket.limitTo(
    readBytesPerSecondMax === undefined ? undefined : { bytesPerSecondMax: readBytesPerSecondMax, signal },
  );
  return bucket;
}

/** Says once what can't be had: as a problem where attributes are missed, in the log where a filesystem has none. */
function attributesOf({ repository, problems }: Run, sources: readonly (Source | AbsentSource)[]): AttributeReader {
  const first = sources.find((source) => !('absent' in source));
  const missed = first === undefined ? undefined : attributesProblem(first.path);
  if (missed !== undefined) problems.push(missed);
  return createAttributeReader(undefined, (path) => {
    const fields = { path: escapePath(path) };
    repository.context.ports.log('warn', 'this filesystem has no extended attributes: none are stored of it', fields);
  });
}

function isLarge({ seen: { files, folders } }: Counters, lanesFromFiles: number): boolean {
  return files >= lanesFromFiles || folders * 4 >= lanesFromFiles;
}

function filterOf(options: BackupOptions, source: Source): Filter {
  return createFilter(filterOptionsOf(options, source.stat.device));
}

/** What can't be looked at is not deleted: a source that is away stays as the parent snapshot has it. */
async function keepSource(
  { repository, counters, problems }: Run,
  source: AbsentSource,
  match: PreviousEntry | undefined,
): Promise<StoredSource> {
  const child = match === undefined ? undefined : carried(match);
  if (child === undefined) throw source.absent;
  const { entry, seal } = child;
  const message = 'this source is not there now; the snapshot holds what the one before has of it';
  problems.push({ path: escapePath(source.path), code: 'source-away', message });
  const counted = await countEntries(entry, (page, type) => repository.readBlob(page, type));
  if (entry.nodeType === 'directory') {
    counters.kept(counted, entry.totalBytes);
    assert(child.nodeId !== undefined, 'a folder that is carried on has its identity');
    return { source, entry, nodeId: child.nodeId, seal };
  }
  counters.kept(counted, entry.nodeType === 'file' ? entry.size : 0);
  return { source, entry, nodeId: createNodeHasher().leafNode('', entry), seal };
}

async function storeSource(
  options: WalkOptions,
  source: Source,
  match: PreviousEntry | undefined,
): Promise<StoredSource> {
  const name = Buffer.from(source.name);
  const ofTime = timeProblem(source.path, source.stat.mtimeNs);
  if (ofTime !== undefined) options.problems.push(ofTime);
  if (source.stat.nodeType === 'file') {
    const entry = await storeSingleFile(options, source, match);
    return { source, entry, nodeId: createNodeHasher().leafNode('', entry), seal: undefined };
  }
  const folder = openSourceRoot(source.path, defaultPinned());
  if ('failed' in folder) return unreadable(folder.failed);
  const listed = listOpened(folder, source.stat);
  if ('failed' in listed) return unreadable(listed.failed);
  try {
    const top = { stat: source.stat, name, previous: match?.folder, ancestors: [] };
    const walked = await new FolderWalk(options).walkTop(top, listed, { nodePath: '', depth: 0 });
    options.smallFiles.dispatch();
    return { source, ...(await walked.stored) };
  } finally {
    closeSourceFolder(folder);
  }
}

async function storeSingleFile(
  options: FileBackupOptions,
  { access, path, stat, name }: Source,
  match: PreviousEntry | undefined,
): Promise<FileEntry> {
  const before = match?.entry.nodeType === 'file' ? match.entry : undefined;
  const seen = { name: Buffer.from(name), stat, access, attributesOf: access, path, linkGroup: undefined };
  if (before !== undefined && (await isUnmodified(options, before, stat))) return takeOver(options, seen, before);
  const entry = await storeFile(options, seen, before);
  if (entry === undefined) throw new CairnError('source/not-found', `${escapePath(path)} is gone.`);
  return 'failed' in entry ? unreadable(entry.failed) : entry;
}

function unreadable(problem: Problem): never {
  throw new CairnError('source/unreadable', `${problem.path}: ${problem.message}.`);
}

/** The backup is done and acknowledged; small files that could not be merged now are merged by a later one. */
async function tidyQuietly(repository: Repository): Promise<void> {
  try {
    await repository.tidy();
  } catch (error) {
    if (!isCairnError(error)) throw error;
    repository.context.ports.log('warn', 'small files could not be merged; the next backup will try again', {
      reason: error.message,
    });
  }
}
