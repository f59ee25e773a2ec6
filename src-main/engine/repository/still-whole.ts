/**
 * After a session may have been taken for dead: is everything it relied on still there?
 *
 * A writer leaves out what the repository has already. While its lease is seen, no reclaim deletes any of it. Where the
 * lease was away, a whole reclaim may have come and gone, its condemnation files too; so the packs themselves are looked
 * for. A commit file that is gone was most likely merged by another backup: then each of its blobs is found elsewhere.
 */
import type { PackId } from '../../../src-shared/ids.ts';
import { FILE_TYPE } from '../codec/index.ts';
import { indexEntriesOf } from '../pack/index.ts';
import { type BlobIndex, listPacks, openBlobIndex } from './blob-index.ts';
import { readCondemned } from './condemned.ts';
import type { RepositoryContext } from './context.ts';
import { takenForDead } from './leases.ts';
import { FOLDERS, baseName } from './names.ts';

export type ReliedOn = {
  /** The newest condemnation the session knew when it began. */
  readonly generation: number;
  /** The index it asked what is there. */
  readonly index: Pick<BlobIndex, 'runs' | 'commits' | 'uncovered'>;
  /** Packs it has published itself, with their sizes in bytes. */
  readonly own: ReadonlyMap<PackId, number>;
};

/** @throws CairnError repository/busy where something is gone or about to go; destination/… */
export async function assertStillWhole(context: RepositoryContext, relied: ReliedOn): Promise<void> {
  const { generation, packs: condemned } = await readCondemned(context);
  if (generation > relied.generation) throw takenForDead('A clean-up has marked data for deletion since then.');
  const listed = await listPacks(context);
  for (const [packId, sizeBytes] of packsOf(relied)) {
    if (condemned.has(packId) || listed.get(packId) === sizeBytes) continue;
    throw takenForDead('Data that it relied on is gone.');
  }
  await assertCommitsStand(context, relied, condemned);
}

/** The packs of all kinds but commit files, which come and go with every merge. */
function packsOf({ index, own }: ReliedOn): ReadonlyMap<PackId, number> {
  const packs = new Map(own);
  for (const { packId, sizeBytes } of index.uncovered) packs.set(packId, sizeBytes);
  for (const { run } of index.runs) {
    for (const { packId, sizeBytes, fileType } of run.packs)
      if (fileType !== FILE_TYPE.commitFile) packs.set(packId, sizeBytes);
  }
  return packs;
}

async function assertCommitsStand(
  context: RepositoryContext,
  { index }: ReliedOn,
  condemned: ReadonlySet<PackId>,
): Promise<void> {
  const standing = new Set((await context.store.list(FOLDERS.commits)).map(({ name }) => baseName(name)));
  const gone = index.commits.filter(({ packId }) => !standing.has(packId) && !condemned.has(packId));
  if (gone.length === 0) return;
  const fresh = await openBlobIndex(context, { complete: false, scanPacks: true });
  const listed = await listPacks(context);
  for (const { packId, footer } of gone) {
    for (const { id } of indexEntriesOf(packId, footer)) {
      const places = await fresh.findAll(id);
      const isThere = places.some(
        (place) =>
          !condemned.has(place.packId) && (place.fileType === FILE_TYPE.commitFile || listed.has(place.packId)),
      );
      if (!isThere) throw takenForDead('Data that it relied on is gone.');
    }
  }
}
