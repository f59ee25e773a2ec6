/** `cairn stats`: what the repository holds, what the engine did, and the last runs. */
import { isIntegrityError } from '../../../src-shared/errors.ts';
import type { PackId } from '../../../src-shared/ids.ts';
import type { FigureSummary, RepositoryStats, SnapshotStats } from '../../../src-shared/model/index.ts';
import { envelopeMetrics } from '../codec/index.ts';
import {
  FOLDERS,
  type LoosePack,
  type Repository,
  type RepositoryContext,
  listPacks,
  readLoosePack,
} from '../repository/index.ts';
import { type Snapshot, summariseChains } from '../snapshot/index.ts';
import { FIGURE } from './figures.ts';

/** As many of the newest runs as a person looks at. */
const RUNS_MAX = 50;

export async function gatherStats(
  repository: Repository,
  snapshots: readonly Snapshot[],
  figures: readonly FigureSummary[] = [],
): Promise<RepositoryStats> {
  const { context } = repository;
  // Another process may have backed up since the index was read; the snapshots are as fresh as the caller has them.
  repository.refresh();
  const packs = await listPacks(context);
  const commits = await context.store.list(FOLDERS.commits);
  const indexRuns = await context.store.list(FOLDERS.index);
  const storedBytes = [
    ...packs.values(),
    ...commits.map(({ sizeBytes }) => sizeBytes),
    ...indexRuns.map(({ sizeBytes }) => sizeBytes),
  ].reduce((sum, size) => sum + size, 0);
  let blobs = 0;
  let uniqueBytes = 0;
  const index = await repository.index();
  const known = new Map([...index.commits, ...index.uncovered].map((pack) => [pack.packId, pack]));
  for (const [packId, sizeBytes] of packs) {
    const pack = known.get(packId) ?? (await footerOrUndefined(context, packId, sizeBytes));
    if (pack === undefined) continue;
    blobs += pack.footer.blobCount;
    uniqueBytes += pack.footer.plainBytes;
  }
  for (const commit of index.commits) {
    blobs += commit.footer.blobCount;
    uniqueBytes += commit.footer.plainBytes;
  }
  const scanned = snapshots.reduce((sum, { record }) => sum + record.stats.bytesScanned, 0);
  return {
    repository: {
      repositoryId: repository.config.repositoryId,
      encrypted: repository.config.encrypted,
      snapshots: snapshots.length,
      chains: summariseChains(snapshots).length,
      packs: packs.size,
      commitFiles: commits.length,
      indexRuns: indexRuns.length,
      blobs,
      uniqueBytes,
      storedBytes,
      compressionRatio: storedBytes === 0 ? 1 : uniqueBytes / storedBytes,
      deduplicationRatio: uniqueBytes === 0 ? 1 : scanned / uniqueBytes,
    },
    engine: { ...flatten(envelopeMetrics()), ...processFigures() },
    backups: backupFigures(snapshots, figures),
    figures,
    runs: snapshots.slice(-RUNS_MAX).map(({ id, record }) => ({
      snapshotId: id,
      time: new Date(record.finishedAtMs).toISOString(),
      stats: record.stats,
    })),
  };
}

function backupFigures(snapshots: readonly Snapshot[], figures: readonly FigureSummary[]): RepositoryStats['backups'] {
  const records = snapshots.map(({ record }) => record);
  const incremental = records.filter(({ kind }) => kind === 'incremental');
  const failed = figures.filter(({ name }) => name === FIGURE.backupFailed || name === FIGURE.liveFailed);
  return {
    total: records.length,
    full: records.length - incremental.length,
    incremental: incremental.length,
    failed: failed.reduce((sum, { count }) => sum + count, 0),
    meanDurationMs: mean(records.map(({ startedAtMs, finishedAtMs }) => Math.max(0, finishedAtMs - startedAtMs))),
    meanDeltaBytes: mean(incremental.map(({ stats }: { readonly stats: SnapshotStats }) => stats.bytesStored)),
  };
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of this process, from its beginning on. */
function processFigures(): Readonly<Record<string, number>> {
  const { userCPUTime, systemCPUTime, fsRead, fsWrite } = process.resourceUsage();
  return {
    'process.processorMs': (userCPUTime + systemCPUTime) / 1000,
    'process.memoryBytes': process.memoryUsage.rss(),
    'process.diskReads': fsRead,
    'process.diskWrites': fsWrite,
  };
}

/** A pack that can't be read is verify's business; the figures are then those of the others. */
async function footerOrUndefined(
  context: RepositoryContext,
  packId: PackId,
  sizeBytes: number,
): Promise<LoosePack | undefined> {
  try {
    return await readLoosePack(context, packId, 'pack', sizeBytes);
  } catch (error) {
    if (!isIntegrityError(error)) throw error;
    return undefined;
  }
}

/** Nested figures as one level with dotted names. */
function flatten(figures: object, prefix = 'envelope'): Readonly<Record<string, number>> {
  const flat: Record<string, number> = {};
  for (const [name, value] of Object.entries(figures) as readonly (readonly [string, unknown])[]) {
    if (typeof value === 'number') flat[`${prefix}.${name}`] = value;
    else if (typeof value === 'object' && value !== null) Object.assign(flat, flatten(value, `${prefix}.${name}`));
  }
  return flat;
}
