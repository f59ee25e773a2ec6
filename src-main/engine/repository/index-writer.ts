/** Index runs on their way to the store: one for the packs a backup wrote, or several merged into one. */
import type { IndexRunId } from '../../../src-shared/ids.ts';
import { SALT_BYTES } from '../codec/index.ts';
import { fromHex } from '../kernel/index.ts';
import {
  type EntryBatches,
  IndexTable,
  type IndexedPack,
  buildIndexRun,
  mergePacks,
  mergeRuns,
} from '../pack/index.ts';
import { findAbsent, listPacks } from './blob-index.ts';
import type { LoosePack } from './loose-pack.ts';
import type { RepositoryContext } from './context.ts';
import type { OpenRun } from './index-runs.ts';
import { FOLDERS, indexRunName } from './names.ts';

/** One more than any run has: what a newer run says of a blob is to be believed before an older one. */
export function nextGeneration(runs: readonly OpenRun[]): number {
  return 1 + runs.reduce((highest, { run }) => Math.max(highest, run.generation), 0);
}

/** Publishes one run over the given packs, sorted by id. */
export async function writeIndexRun(
  context: RepositoryContext,
  packs: readonly LoosePack[],
  generation: number,
): Promise<IndexRunId> {
  const table = new IndexTable();
  for (const { packId, footer, sizeBytes } of packs) table.addPack(packId, sizeBytes, footer);
  return publishRun(context, {
    packs: table.packs,
    entries: table.sorted(),
    entryCountMax: table.entryCount,
    generation,
    supersedes: [],
  });
}

/**
 * Publishes one run that says what `runs` said; newest first, so that the newest place of a blob wins, unless it is in
 * a pack that is gone or condemned while another has the blob too.
 */
export async function writeMergedRun(context: RepositoryContext, runs: readonly OpenRun[]): Promise<IndexRunId> {
  const newestFirst = runs.map(({ run }) => run).toSorted((left, right) => right.generation - left.generation);
  const unreliable = await findAbsent(context, runs, await listPacks(context));
  const input = { runs: newestFirst, absent: new Set<never>(), unreliable };
  return publishRun(context, {
    packs: mergePacks(input),
    entries: mergeRuns(input),
    entryCountMax: newestFirst.reduce((sum, run) => sum + run.entryCount, 0),
    // Not newer than the newest it was made of: a run written meanwhile stays before it.
    generation: newestFirst.reduce((highest, run) => Math.max(highest, run.generation), 0),
    supersedes: runs.map(({ id }) => id),
  });
}

async function publishRun(
  context: RepositoryContext,
  run: {
    readonly packs: readonly IndexedPack[];
    readonly entries: EntryBatches;
    readonly entryCountMax: number;
    readonly generation: number;
    readonly supersedes: readonly IndexRunId[];
  },
): Promise<IndexRunId> {
  const writer = await context.store.create(FOLDERS.index);
  try {
    const { runId } = await buildIndexRun({
      ...run,
      repositoryId: context.repositoryIdBytes,
      secrets: context.secrets,
      salt: context.ports.random.bytes(SALT_BYTES),
      append: (bytes) => writer.append(bytes),
    });
    await writer.finish(indexRunName(runId), { hash: fromHex(runId) });
    return runId;
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
