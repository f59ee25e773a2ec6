/**
 * A backup on one page: look at the sources, find the parent, walk, publish, tidy.
 *
 * The snapshot is written last. Whatever goes wrong before leaves the repository as it was; whatever goes wrong after
 * (merging small files) does not take the snapshot back.
 */
import { CairnError, type Problem, isCairnError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import { parseChainId, parseSnapshotId } from '../../../src-shared/ids.ts';
import type { BackupReport } from '../../../src-shared/model/index.ts';
import { BLOB_TYPE } from '../codec/index.ts';
import { type Clock, RateBucket, fromHex, toHex } from '../kernel/index.ts';
import {
  type Entry,
  type FileEntry,
  MerkleSet,
  createFolderPageBuilder,
  createNodeHasher,
  createSealPageBuilder,
  sourcesNode,
} from '../merkle/index.ts';
import type { Repository, WriteSession } from '../repository/index.ts';
import {
  EMPTY_LOG,
  type LogHead,
  PROBLEMS_INLINE_MAX,
  type Snapshot,
  type SnapshotRecord,
  appendEvent,
  encodeProblems,
  encodeSnapshot,
  findParent,
  listSnapshots,
  nextPlace,
} from '../snapshot/index.ts';
import {
  type AttributeReader,
  type Source,
  attributesProblem,
  closeSourceFolder,
  createAttributeReader,
  createFilter,
  type Filter,
  createOwnerNames,
  defaultPinned,
  openSourceRoot,
  resolveSources,
  timeProblem,
} from '../source/index.ts';
import { Counters } from './counters.ts';
import { type FileBackupOptions, storeFile, isUnmodified, takeOver } from './file-backup.ts';
import type { StoredFolder } from './folder-seal.ts';
import { FolderWalk, type WalkOptions } from './folder-walk.ts';
import { FolderScans } from './folder-scans.ts';
import { Lanes } from './lanes.ts';
import { LinkGroups } from './link-groups.ts';
import { type BackupOptions, filterOptionsOf, rulesRecordOf } from './options.ts';
import { PreviousEntries, type PreviousEntry } from './previous.ts';
import { listOpened } from './scan-folder.ts';
import { BATCH_BYTES_MAX, SmallFiles } from './small-files.ts';
import { FileStorer } from './store-file.ts';

/** A stored source: its entry in the top page, its NodeId, and its seal where it is a folder. */
type StoredSource = {
  readonly source: Source;
  readonly entry: Entry;
  readonly nodeId: StoredFolder['nodeId'];
  readonly seal: StoredFolder['seal'];
};

type Run = {
  readonly repository: Repository;
  readonly session: WriteSession;
  readonly options: BackupOptions;
  readonly startedAtMs: number;
  readonly counters: Counters;
  readonly problems: Problem[];
  readonly snapshots: readonly Snapshot[];
  readonly parent: Snapshot | undefined;
};

/**
 * Backs the sources up into one new snapshot. Problems with single files are in the report, never thrown.
 * @throws CairnError source/…, destination/…, repository/…, engine/cancelled
 */
export async function backup(repository: Repository, options: BackupOptions): Promise<BackupReport> {
  const { clock } = repository.context.ports;
  const startedAtMs = clock.nowMs();
  const startedMonotonicMs = clock.monotonicMs();
  const sources = resolveSources(options.sources);
  const { snapshots } = await listSnapshots(repository);
  const parent = findParent(
    snapshots,
    options.host,
    sources.map(({ path }) => path),
  );
  const session = await repository.beginWrite(options.writerId, 2 * options.workers);
  try {
    const run: Run = {
      repository,
      session,
      options,
      startedAtMs,
      counters: new Counters(options.onProgress),
      problems: [],
      snapshots,
      parent,
    };
    const stored = await storeSources(run, sources);
    const { record, snapshotId } = await publish(run, stored);
    await tidyQuietly(repository);
    return reportOf(record, snapshotId, run.problems, clock.monotonicMs() - startedMonotonicMs);
  } catch (error) {
    await session.abort();
    throw error;
  }
}

/** So many bytes of a large file are as much work as a small file. */
const BYTES_AS_A_FILE = 128 * 1024;

async function storeSources(run: Run, sources: readonly Source[]): Promise<readonly StoredSource[]> {
  const { repository, session, options, counters, parent, problems } = run;
  let lanes: Lanes | undefined;
  const { idKey, chunkKey } = repository.context;
  const lanesOf = (fileBytes = 0): Lanes | undefined => {
    const isWorthIt =
      isLarge(counters, options.lanesFromFiles) || fileBytes >= options.lanesFromFiles * BYTES_AS_A_FILE;
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
    reading,
    counters,
    problems,
    owners: createOwnerNames(),
    attributes: attributesOf(run, sources),
    followLinks: options.symlinks === 'follow',
    reread: options.reread,
    previousReadMs: parent?.record.startedAtMs,
    signal,
  };
  const before = new PreviousEntries(repository, session, parent?.record.rootPage, parent?.record.sealPage);
  const stored: StoredSource[] = [];
  try {
    for (const source of sources) {
      const match = await before.find(Buffer.from(source.name));
      stored.push(await storeSource({ ...shared, filter: filterOf(options, source) }, source, match));
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
function attributesOf({ repository, problems }: Run, sources: readonly Source[]): AttributeReader {
  const [first] = sources;
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

async function publish(
  run: Run,
  stored: readonly StoredSource[],
): Promise<{ readonly record: SnapshotRecord; readonly snapshotId: string }> {
  const { session, repository, problems } = run;
  const pages = createFolderPageBuilder((type, bytes) => session.add(type, bytes));
  const seals = createSealPageBuilder((type, bytes) => session.add(type, bytes));
  for (const { entry, nodeId, seal } of stored) {
    pages.add(entry);
    if (entry.nodeType === 'directory') seals.add(seal === undefined ? { nodeId } : { nodeId, sealPage: seal });
  }
  const top = pages.finish();
  const seal = seals.finish();
  const problemBlob =
    problems.length > PROBLEMS_INLINE_MAX ? session.add(BLOB_TYPE.problemList, encodeProblems(problems)) : undefined;
  const fixed = {
    ...placeInHistory(run),
    rootPage: { page: top.page, level: top.level },
    ...(seal === undefined ? {} : { sealPage: { page: seal.page, level: seal.level } }),
    rootNodeId: sourcesNode(stored.map(({ source, nodeId }) => ({ name: source.name, nodeId }))),
    sources: stored.map(({ source, nodeId }) => ({
      path: source.path,
      name: source.name,
      rootNodeId: nodeId,
      rules: rulesRecordOf(run.options),
    })),
    problemCount: problems.length,
    problems: problems.slice(0, PROBLEMS_INLINE_MAX),
    ...(problemBlob === undefined ? {} : { problemBlob }),
  };
  let published: { readonly record: SnapshotRecord; readonly snapshotId: string } | undefined;
  await session.publish(({ packIds, bytesAdded, bytesStored }) => {
    const record: SnapshotRecord = {
      ...fixed,
      finishedAtMs: repository.context.ports.clock.nowMs(),
      packSetRoot: MerkleSet.fromIds(packIds.map(fromHex)).root,
      packCount: packIds.length,
      stats: run.counters.stats({ bytesAdded, bytesStored }),
    };
    const { id, bytes } = encodeSnapshot(record, repository.context.signer);
    published = { record, snapshotId: parseSnapshotId(id) };
    return bytes;
  });
  if (published === undefined) throw new CairnError('engine/internal', 'A snapshot was published without its record.');
  return published;
}

/** Everything of the record that follows from what was there before: order, chain, log. */
function placeInHistory(
  run: Run,
): Omit<
  SnapshotRecord,
  | 'rootPage'
  | 'sealPage'
  | 'rootNodeId'
  | 'sources'
  | 'finishedAtMs'
  | 'packSetRoot'
  | 'packCount'
  | 'stats'
  | 'problemCount'
  | 'problems'
  | 'problemBlob'
> {
  const { repository, options, snapshots, parent, startedAtMs } = run;
  const { config, ports } = repository.context;
  const place = nextPlace(snapshots, parent, config.chainIncrementalsMax, parseChainId(toHex(ports.random.bytes(16))));
  const mine = snapshots.filter(({ record }) => record.writerId === options.writerId);
  const last = mine.reduce<Snapshot | undefined>(
    (newest, one) => (newest === undefined || one.record.writerSequence > newest.record.writerSequence ? one : newest),
    undefined,
  );
  const log: LogHead = last === undefined ? EMPTY_LOG : appendEvent(last.record.log, fromHex(last.id));
  return {
    repositoryId: config.repositoryId,
    writerId: options.writerId,
    writerSequence: log.size,
    log,
    order: snapshots.reduce((highest, { record }) => Math.max(highest, record.order), 0) + 1,
    ...(parent === undefined ? {} : { parentId: parent.id, baseRootNodeId: parent.record.rootNodeId }),
    ...place,
    startedAtMs,
    host: options.host,
    user: options.user,
    tags: options.tags,
    note: options.note,
    pinned: false,
    extra: {},
  };
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

function reportOf(
  record: SnapshotRecord,
  snapshotId: string,
  problems: readonly Problem[],
  durationMs: number,
): BackupReport {
  return {
    snapshotId,
    parentId: record.parentId ?? null,
    chainId: record.chainId,
    sequence: record.sequence,
    kind: record.kind,
    rootNodeId: toHex(record.rootNodeId),
    ...record.stats,
    problems,
    durationMs: Math.round(durationMs),
  };
}
