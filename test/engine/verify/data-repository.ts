/** A repository with packs that a test puts together itself, and no snapshot: what only the check of packs looks at. */
import { BLOB_TYPE, type BlobHasher, FILE_TYPE, hash, parseCompression } from '../../../src-main/engine/codec/index.ts';
import { concatBytes } from '../../../src-main/engine/kernel/index.ts';
import {
  type FinishedPack,
  type PendingSegment,
  createPackBuilder,
  createSegmentBuilder,
} from '../../../src-main/engine/pack/index.ts';
import {
  type Repository,
  initRepository,
  openRepository,
  packName,
} from '../../../src-main/engine/repository/index.ts';
import { type Store, writeWhole } from '../../../src-main/engine/store/index.ts';
import { SELF, stillPorts } from '../../support/damage-repository.ts';
import { seeded } from '../../support/seed.ts';

export async function newRepository(store: Store): Promise<Repository> {
  const ports = stillPorts(seeded(77));
  const compression = parseCompression('zstd:1');
  const made = { store, ports, host: 'test-host', compression, reserveBytes: 100, kdfCost: 4, password: 'x' };
  await initRepository(made);
  return openRepository({
    store,
    ports,
    self: SELF,
    secret: () => Promise.resolve({ kind: 'password', password: 'x' }),
  });
}

/** Writes a data pack of these segments; no index run names it. The writer checks every blob with `blobHasher`. */
export async function writePack(
  { context }: Repository,
  segments: readonly PendingSegment[],
  blobHasher: BlobHasher = context.blobHasher,
): Promise<FinishedPack> {
  const { repositoryIdBytes: repositoryId, secrets, ports, store } = context;
  const salt = hash(ports.random.bytes(32));
  const builder = createPackBuilder({ fileType: FILE_TYPE.dataPack, repositoryId, secrets, salt, blobHasher });
  const parts = [builder.header, ...segments.map((segment) => builder.addSegment(segment))];
  const finished = builder.finish();
  await writeWhole(store, packName(finished.packId), concatBytes([...parts, finished.tail]));
  return finished;
}

/** Packs of bytes without a pattern, so that they are as large as what is in them. */
export async function buildDataRepository(
  store: Store,
  { blobs, blobBytes }: { readonly blobs: number; readonly blobBytes: number },
): Promise<Repository> {
  const repository = await newRepository(store);
  const { blobHasher, compression } = repository.context;
  const builder = createSegmentBuilder({ compression });
  const random = seeded(3);
  const segments: PendingSegment[] = [];
  for (let count = 0; count < blobs; count++) {
    const plain = new Uint8Array(random.bytes(blobBytes));
    const full = builder.add(blobHasher.idOf(BLOB_TYPE.fileChunk, plain), BLOB_TYPE.fileChunk, plain);
    if (full !== undefined) segments.push(full);
  }
  const last = builder.flush();
  await writePack(repository, last === undefined ? segments : [...segments, last]);
  return repository;
}
