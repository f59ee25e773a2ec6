/**
 * Keeping the number of files bounded, however long Cairn lives: small commit files are merged into packs, index runs
 * into larger ones. Part of every backup, after its snapshot is published.
 *
 * The order of each merge is new files durable → old files gone, so a crash in between leaves both, and both say the
 * same. Nothing is deleted that was not read whole a moment before.
 */
import { isIntegrityError } from '../../../src-shared/errors.ts';
import type { BlobId } from '../../../src-shared/ids.ts';
import { BLOB_TYPE, type BlobType, FILE_TYPE, OBJECT_TYPE } from '../codec/index.ts';
import { IdTable } from '../kernel/index.ts';
import { type PackReader, createSegmentBuilder, openPack, packBytesTarget } from '../pack/index.ts';
import { type BlobIndex, openBlobIndex } from './blob-index.ts';
import type { LoosePack } from './loose-pack.ts';
import { BlobReader } from './blob-reader.ts';
import { readCondemned } from './condemned.ts';
import type { RepositoryContext } from './context.ts';
import { nextGeneration, writeIndexRun, writeMergedRun } from './index-writer.ts';
import type { TierLimits } from './limits.ts';
import { commitName, indexRunName } from './names.ts';
import { writeSnapshotFile } from './snapshot-file.ts';
import { PackUpload } from './upload.ts';

/**
 * Merges what is too many. Where something to be merged is damaged, it is left for repair. `confirm` throws where this
 * session was taken for dead: then nothing more is removed.
 */
export async function tidy(
  context: RepositoryContext,
  limits: TierLimits,
  confirm: () => Promise<void>,
): Promise<void> {
  const index = await openBlobIndex(context, { complete: false });
  if (index.commits.length > limits.commitFiles) await mergeCommitFiles(context, index, confirm);
  const after = index.commits.length > limits.commitFiles ? await openBlobIndex(context, { complete: false }) : index;
  if (after.runs.length > limits.indexRuns && after.damage.length === 0)
    await mergeIndexRuns(context, after, limits.indexRuns, confirm);
}

/** Commit files → packs → index run → snapshot files → commit files gone. */
async function mergeCommitFiles(
  context: RepositoryContext,
  index: BlobIndex,
  confirm: () => Promise<void>,
): Promise<void> {
  const repositoryBytes = index.runs.reduce(
    (sum, { run }) => sum + run.packs.reduce((bytes, pack) => bytes + pack.sizeBytes, 0),
    0,
  );
  const target = packBytesTarget(repositoryBytes);
  const data = new PackUpload(context, FILE_TYPE.dataPack, target);
  const tree = new PackUpload(context, FILE_TYPE.treePack, target);
  try {
    const merged = await copyBlobs(context, index, data, tree);
    await data.finish();
    await tree.finish();
    const packs = [...data.finished, ...tree.finished];
    if (packs.length > 0) await writeIndexRun(context, packs, nextGeneration(index.runs));
    for (const { envelopes } of merged) for (const envelope of envelopes) await writeSnapshotFile(context, envelope);
    await confirm();
    await context.store.remove(merged.map(({ name }) => name));
  } catch (error) {
    await data.abort();
    await tree.abort();
    throw error;
  }
}

type MergedCommit = { readonly name: string; readonly envelopes: readonly Uint8Array[] };

/** Copies every blob of every readable commit file that no pack has yet, decoded and hashed on the way. */
async function copyBlobs(
  context: RepositoryContext,
  index: BlobIndex,
  data: PackUpload,
  tree: PackUpload,
): Promise<readonly MergedCommit[]> {
  const reader = new BlobReader(context);
  const condemned = await readCondemned(context);
  // Said by a run is not enough: the commit file may hold what was stored again because its pack is lost or going.
  const isInPacks = async (id: BlobId, type: BlobType): Promise<boolean> => {
    const place = await index.findInRuns(id);
    if (place === undefined || condemned.packs.has(place.packId)) return false;
    return reader.holds(index, place, id, type);
  };
  const copied = new IdTable('ids');
  const builders = {
    data: createSegmentBuilder({ compression: context.compression }),
    tree: createSegmentBuilder({ compression: context.compression }),
  };
  const merged: MergedCommit[] = [];
  let mergedByOthers = 0;
  for (const commit of index.commits) {
    try {
      const { pack, envelopes } = await readCommit(context, commit);
      for (const segment of pack.footer.segments) {
        for (const { id, type } of pack.footer.blobsOf(segment)) {
          if (copied.has(id) || (await isInPacks(id, type))) continue;
          const plain = await reader.read(index, id, type);
          const isTree = type !== BLOB_TYPE.fileChunk;
          const full = (isTree ? builders.tree : builders.data).add(id, type, plain);
          copied.set(id);
          if (full !== undefined) await (isTree ? tree : data).add(full);
        }
      }
      merged.push({ name: commitName(commit.packId), envelopes });
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      // Whoever removes one has put all that is in it elsewhere: several sessions may find at once that there are too many.
      if ((await context.store.stat(commitName(commit.packId))) === undefined) mergedByOthers++;
      else
        context.ports.log('warn', 'a commit file can’t be merged and stays as it is', {
          file: commitName(commit.packId),
          reason: error.message,
        });
    }
  }
  if (mergedByOthers > 0)
    context.ports.log('info', 'another session merges small files too', { commitFiles: mergedByOthers });
  const lastData = builders.data.flush();
  if (lastData !== undefined) await data.add(lastData);
  const lastTree = builders.tree.flush();
  if (lastTree !== undefined) await tree.add(lastTree);
  return merged;
}

async function readCommit(
  context: RepositoryContext,
  commit: LoosePack,
): Promise<{ pack: PackReader; envelopes: readonly Uint8Array[] }> {
  const pack = await openPack({
    read: (range) => context.store.read(commitName(commit.packId), range),
    sizeBytes: commit.sizeBytes,
    repositoryId: context.repositoryIdBytes,
    secrets: context.secrets,
    fileTypes: [FILE_TYPE.commitFile],
  });
  const snapshots = pack.footer.objects.filter(({ objectType }) => objectType === OBJECT_TYPE.snapshot);
  return { pack, envelopes: await Promise.all(snapshots.map((object) => pack.readObject(object))) };
}

/**
 * Merges the smallest runs: all up to the first that is more than twice as large as those before it together, and as
 * many as it takes to get back under the limit. Each entry is so rewritten O(log n) times over a repository's life.
 */
async function mergeIndexRuns(
  context: RepositoryContext,
  index: BlobIndex,
  limit: number,
  confirm: () => Promise<void>,
): Promise<void> {
  const runs = index.runs.toSorted((left, right) => left.run.entryCount - right.run.entryCount);
  let count = 0;
  let entries = 0;
  for (const { run } of runs) {
    const isMuchLarger = count >= 2 && run.entryCount > 2 * entries;
    if (isMuchLarger && runs.length - count + 1 <= limit) break;
    entries += run.entryCount;
    count++;
  }
  const merged = runs.slice(0, count);
  if (merged.length < 2) return;
  const runId = await writeMergedRun(context, merged);
  const gone = merged.filter(({ id }) => id !== runId).map(({ id }) => indexRunName(id));
  await confirm();
  await context.store.remove(gone);
}
