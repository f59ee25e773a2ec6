/**
 * The last step of a backup: the top page, and the record that says where the snapshot stands among the others. The
 * snapshot is the only commit point.
 */
import { CairnError, type Problem } from '../../../src-shared/errors.ts';
import { parseChainId, parseSnapshotId } from '../../../src-shared/ids.ts';
import type { BackupReport } from '../../../src-shared/model/index.ts';
import { BLOB_TYPE } from '../codec/index.ts';
import { equalBytes, fromHex, toHex } from '../kernel/index.ts';
import { type Entry, MerkleSet, createFolderPageBuilder, createSealPageBuilder, sourcesNode } from '../merkle/index.ts';
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
  nextPlace,
} from '../snapshot/index.ts';
import type { Source } from '../source/index.ts';
import type { Counters } from './counters.ts';
import type { StoredFolder } from './folder-seal.ts';
import { type BackupOptions, rulesRecordOf } from './options.ts';

/** A stored source: its entry in the top page, its NodeId, and its seal where it is a folder. */
export type StoredSource = {
  readonly source: Pick<Source, 'path' | 'name'>;
  readonly entry: Entry;
  readonly nodeId: StoredFolder['nodeId'];
  readonly seal: StoredFolder['seal'];
};

export type Run = {
  readonly repository: Repository;
  readonly session: WriteSession;
  readonly options: BackupOptions;
  readonly startedAtMs: number;
  readonly counters: Counters;
  readonly problems: Problem[];
  readonly snapshots: readonly Snapshot[];
  readonly parent: Snapshot | undefined;
};

export type Published = { readonly record: SnapshotRecord; readonly snapshotId: string };

type Top = Pick<SnapshotRecord, 'rootPage' | 'sealPage' | 'rootNodeId'> & { readonly totalBytes: number };

/** The page over all sources. It is stored with the session's other pages. */
export function assembleTop({ session }: Run, stored: readonly StoredSource[]): Top {
  const pages = createFolderPageBuilder((type, bytes) => session.add(type, bytes));
  const seals = createSealPageBuilder((type, bytes) => session.add(type, bytes));
  for (const { entry, nodeId, seal } of stored) {
    pages.add(entry);
    if (entry.nodeType === 'directory') seals.add(seal === undefined ? { nodeId } : { nodeId, sealPage: seal });
  }
  const top = pages.finish();
  const seal = seals.finish();
  return {
    rootPage: { page: top.page, level: top.level },
    ...(seal === undefined ? {} : { sealPage: { page: seal.page, level: seal.level } }),
    rootNodeId: sourcesNode(stored.map(({ source, nodeId }) => ({ name: source.name, nodeId }))),
    totalBytes: top.totalBytes,
  };
}

/** Whether a top says exactly what a snapshot says. */
export function isSameState({ rootPage, sealPage, rootNodeId }: Top, { record }: Snapshot): boolean {
  return (
    equalBytes(rootNodeId, record.rootNodeId) &&
    equalBytes(rootPage.page, record.rootPage.page) &&
    (sealPage === undefined || record.sealPage === undefined
      ? sealPage === record.sealPage
      : equalBytes(sealPage.page, record.sealPage.page))
  );
}

export async function publish(
  run: Run,
  stored: readonly StoredSource[],
  { totalBytes, ...top }: Top,
): Promise<Published> {
  const { session, repository, problems } = run;
  const problemBlob =
    problems.length > PROBLEMS_INLINE_MAX ? session.add(BLOB_TYPE.problemList, encodeProblems(problems)) : undefined;
  const fixed = {
    ...placeInHistory(run),
    ...top,
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
  let published: Published | undefined;
  await session.publish(({ packIds, bytesAdded, bytesStored }) => {
    const record: SnapshotRecord = {
      ...fixed,
      finishedAtMs: repository.context.ports.clock.nowMs(),
      packSetRoot: MerkleSet.fromIds(packIds.map(fromHex)).root,
      packCount: packIds.length,
      stats: run.counters.stats({ bytesAdded, bytesStored, totalBytes }),
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

/** What a backup says of itself. */
export function reportOf(
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
