/**
 * Packs, commit files and index runs: that they are there, have the size the index says, and (as deep as asked) that
 * every byte, frame and blob is what it should be. No key material leaves here; scrub without a key checks names only.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { type BlobId, type PackId, parseIndexRunId, parsePackId } from '../../../src-shared/ids.ts';
import { FILE_TYPE, type FileType, hash } from '../codec/index.ts';
import { equalBytes, fromHex } from '../kernel/index.ts';
import { PACK_BYTES_MAX, checkPack, createPageCache, openIndexRun } from '../pack/index.ts';
import {
  FOLDERS,
  type Repository,
  baseName,
  commitName,
  indexRunName,
  listPacks,
  packName,
} from '../repository/index.ts';
import type { DamageList } from './damage-list.ts';
import { isDamage, noteDamage } from './small-files.ts';

export type ContainerCounts = { packs: number; segments: number; blobs: number };

const PAGE_CACHE_BYTES = 4 * 1024 * 1024;

/** Every run: its name, its footer, with `whole` every page. Returns the packs and sizes the readable runs name. */
export async function checkIndexRuns(
  repository: Repository,
  damage: DamageList,
  whole: boolean,
): Promise<ReadonlyMap<PackId, { readonly sizeBytes: number; readonly fileType: FileType }>> {
  const { store, repositoryIdBytes, secrets } = repository.context;
  const packs = new Map<PackId, { sizeBytes: number; fileType: FileType }>();
  for (const { name, sizeBytes } of await store.list(FOLDERS.index)) {
    await noteDamage(repository, damage, name, 'index', async () => {
      const runId = parseIndexRunId(baseName(name));
      const bytes = whole ? await store.read(name) : undefined;
      if (bytes !== undefined && !equalBytes(hash(bytes), fromHex(runId))) {
        throw new CairnError('integrity/damaged', `${indexRunName(runId)} is not what its name says.`);
      }
      const run = await openIndexRun({
        read:
          bytes === undefined
            ? (range) => store.read(name, range)
            : ({ offset, length }) => Promise.resolve(bytes.subarray(offset, offset + length)),
        sizeBytes,
        repositoryId: repositoryIdBytes,
        secrets,
        runId,
        cache: createPageCache(PAGE_CACHE_BYTES),
      });
      for (const pack of run.packs) packs.set(pack.packId, pack);
      if (whole) {
        await run.loadFilter();
        for await (const batch of run.batches())
          if (batch.length === 0) throw new CairnError('integrity/malformed', 'An index page is empty.');
      }
    });
  }
  return packs;
}

export type ContainerCheck = {
  readonly repository: Repository;
  readonly damage: DamageList;
  readonly counts: ContainerCounts;
  /** Which containers are read whole. */
  readonly reads: (packId: PackId) => boolean;
  readonly onContainer: (done: number, total: number, name: string) => void;
  readonly signal: AbortSignal | undefined;
};

/** Checks packs and commit files and returns the ids of those that can't be relied on. */
export async function checkContainers(
  check: ContainerCheck,
  indexed: ReadonlyMap<PackId, { readonly sizeBytes: number; readonly fileType: FileType }>,
): Promise<ReadonlySet<PackId>> {
  const { repository, damage, reads } = check;
  const suspects = new Set<PackId>();
  const packs = await listPacks(repository.context);
  for (const [packId, { sizeBytes, fileType }] of indexed) {
    if (fileType === FILE_TYPE.commitFile) continue;
    const found = packs.get(packId);
    if (found === undefined) damage.add(packName(packId), 'pack', 'The pack is missing.');
    else if (found !== sizeBytes)
      damage.add(packName(packId), 'pack', `The pack has ${found} bytes and should have ${sizeBytes}.`);
    if (found !== sizeBytes) suspects.add(packId);
  }
  const commits = (await repository.context.store.list(FOLDERS.commits)).filter(({ name }) =>
    /^[0-9a-f]{64}$/.test(baseName(name)),
  );
  const containers = [
    ...[...packs].map(([packId, sizeBytes]) => ({ packId, name: packName(packId), sizeBytes, place: 'pack' as const })),
    ...commits.map(({ name, sizeBytes }) => ({
      packId: parsePackId(baseName(name)),
      name: commitName(parsePackId(baseName(name))),
      sizeBytes,
      place: 'commit' as const,
    })),
  ];
  for (const [done, { packId, name, sizeBytes, place }] of containers.entries()) {
    if (check.signal?.aborted === true) throw new CairnError('engine/cancelled', 'The check was cancelled.');
    check.onContainer(done, containers.length, name);
    if (!reads(packId) && place === 'pack') continue;
    const isSound = await checkContainer(check, { packId, name, sizeBytes, place });
    if (!isSound) suspects.add(packId);
  }
  return suspects;
}

async function checkContainer(
  { repository, damage, counts }: ContainerCheck,
  container: {
    readonly packId: PackId;
    readonly name: string;
    readonly sizeBytes: number;
    readonly place: 'pack' | 'commit';
  },
): Promise<boolean> {
  const { context } = repository;
  const { packId, name, sizeBytes, place } = container;
  try {
    if (sizeBytes > PACK_BYTES_MAX)
      throw new CairnError('limit/exceeded', `${name} has ${sizeBytes} bytes; no pack is that large.`);
    const found = await checkPack({
      bytes: await context.store.read(name),
      expectedPackId: packId,
      repositoryId: context.repositoryIdBytes,
      secrets: context.secrets,
      blobHasher: context.blobHasher,
      fileTypes: place === 'pack' ? [FILE_TYPE.dataPack, FILE_TYPE.treePack] : [FILE_TYPE.commitFile],
      baseOf: (id: BlobId) => repository.readBlob(id, 1),
    });
    counts.packs++;
    counts.segments += Math.max(0, found.frameCount - 1);
    counts.blobs += found.blobsVerified;
    const [first] = found.damage;
    if (first === undefined) return true;
    damage.add(
      name,
      place,
      found.damage.length === 1 ? first.message : `${first.message}; ${found.damage.length} places in all`,
    );
    return false;
  } catch (error) {
    if (!isDamage(error)) throw error;
    damage.add(name, place, error.message);
    return false;
  }
}
