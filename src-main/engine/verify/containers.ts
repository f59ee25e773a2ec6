/**
 * Packs and commit files: that they are there, have the size the index says, and (as deep as asked) that every byte, frame
 * and blob is what it should be. No key material leaves here; scrub without a key checks names only.
 */
import { type PackId, parsePackId } from '../../../src-shared/ids.ts';
import { FILE_TYPE } from '../codec/index.ts';
import { FOLDERS, type Repository, baseName, commitName, listPacks, packName } from '../repository/index.ts';
import type { Container } from './container-check.ts';
import type { DamageList } from './damage-list.ts';
import type { NamedPack } from './index-runs.ts';

export type ContainerList = {
  /** Packs, then commit files. */
  readonly containers: readonly Container[];
  /** Packs that are missing or have another size than an index run says. */
  readonly suspects: ReadonlySet<PackId>;
};

/** Lists what is there and compares it with what the index runs name. */
export async function listContainers(
  repository: Repository,
  damage: DamageList,
  named: ReadonlyMap<PackId, NamedPack>,
): Promise<ContainerList> {
  const suspects = new Set<PackId>();
  const packs = await listPacks(repository.context);
  for (const [packId, { sizeBytes, fileType }] of named) {
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
    ...[...packs].map(([packId, sizeBytes]): Container => ({
      packId,
      name: packName(packId),
      sizeBytes,
      place: 'pack',
    })),
    ...commits.map(({ name, sizeBytes }): Container => {
      const packId = parsePackId(baseName(name));
      return { packId, name: commitName(packId), sizeBytes, place: 'commit' };
    }),
  ];
  return { containers, suspects };
}
