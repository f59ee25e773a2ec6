/** Trees whose bytes are all in order and which are still wrong: only recomputing every NodeId can tell. */
import { expect, test } from 'vitest';
import { asNodeId } from '../../../src-shared/ids.ts';
import { fetchPages } from '../../../src-main/engine/browse/index.ts';
import { createSealPageBuilder, iterateSeals, sourcesNode } from '../../../src-main/engine/merkle/index.ts';
import type { Repository, WriteSession } from '../../../src-main/engine/repository/index.ts';
import {
  type Snapshot,
  type SnapshotRecord,
  encodeSnapshot,
  listSnapshots,
} from '../../../src-main/engine/snapshot/index.ts';
import { verifyAt } from '../../support/damage-check.ts';
import { WRITER, buildSmallRepository, openFresh, storeOf } from '../../support/damage-repository.ts';
import { seeded } from '../../support/seed.ts';

const small = await buildSmallRepository({ seed: 99, encrypted: true });

/** A repository whose newest snapshot is signed and stored like any other, and says what `forge` makes of an honest one. */
async function withForged(
  forge: (honest: Snapshot, repository: Repository, session: WriteSession) => Promise<Partial<SnapshotRecord>>,
): Promise<{ repository: Repository; forgedId: string }> {
  const repository = await openFresh(await storeOf(small.files), small.recovery, seeded(1));
  const honest = (await listSnapshots(repository)).snapshots.at(-1)!;
  const session = await repository.beginWrite(WRITER);
  const changed = await forge(honest, repository, session);
  const record: SnapshotRecord = { ...honest.record, order: honest.record.order + 1, parentId: honest.id, ...changed };
  const { id, bytes } = encodeSnapshot(record, repository.context.signer);
  await session.publish(() => bytes);
  return { repository: await openFresh(repository.context.store, small.recovery, seeded(1)), forgedId: id };
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const WRONG = asNodeId(new Uint8Array(32).fill(7));

async function expectMismatch(forged: Awaited<ReturnType<typeof withForged>>, path: string): Promise<void> {
  const { repository, forgedId } = forged;
  const report = await verifyAt(repository, 'deep');
  expect(report.damage).toMatchObject([
    { file: `snapshot ${forgedId}`, kind: 'node', snapshots: [forgedId], paths: [path] },
  ]);
  expect((await verifyAt(repository, 'sample')).ok).toBe(false);
  // Quick looks at no tree: it says so little, and it is quick.
  expect((await verifyAt(repository, 'quick')).ok).toBe(true);
}

test('a snapshot taken over as it is verifies: what the other tests change is what they find', async () => {
  const { repository } = await withForged(() => Promise.resolve({}));
  expect((await verifyAt(repository, 'deep')).damage).toEqual([]);
});

test('a root NodeId that the tree does not give is found', async () => {
  await expectMismatch(await withForged(() => Promise.resolve({ rootNodeId: WRONG })), '/');
});

test('the NodeId of a source that its tree does not give is found', async () => {
  const forged = await withForged(({ record }) =>
    Promise.resolve({ sources: record.sources.map((source) => ({ ...source, rootNodeId: WRONG })) }),
  );
  await expectMismatch(forged, '/');
});

test('a seal that says another NodeId than its folder gives is found, though every root was signed to fit it', async () => {
  const forged = await withForged(async ({ record }, _, session) => {
    const seals = createSealPageBuilder((type, bytes) => session.add(type, bytes));
    seals.add({ nodeId: WRONG });
    const root = seals.finish()!;
    const [source] = record.sources;
    return {
      sealPage: { page: root.page, level: root.level },
      sources: [{ ...source!, rootNodeId: WRONG }],
      rootNodeId: sourcesNode([{ name: source!.name, nodeId: WRONG }]),
    };
  });
  const { damage } = await verifyAt(forged.repository, 'deep');
  expect(damage.map(({ kind, snapshots }) => [kind, snapshots])).toEqual([['node', [forged.forgedId]]]);
});

test('a folder deep in the tree whose seal is wrong is found and named by its path', async () => {
  const forged = await withForged(async ({ record }, repository, session) => {
    const fetch = fetchPages(repository);
    const [top] = await collect(iterateSeals(fetch, record.sealPage!.page, record.sealPage!.level));
    const children = await collect(iterateSeals(fetch, top!.sealPage!.page, top!.sealPage!.level));
    const inner = createSealPageBuilder((type, bytes) => session.add(type, bytes));
    // “docs” comes first by name; what is sealed for it now is not what it gives.
    for (const [index, seal] of children.entries()) inner.add(index === 0 ? { ...seal, nodeId: WRONG } : seal);
    const innerRoot = inner.finish()!;
    const outer = createSealPageBuilder((type, bytes) => session.add(type, bytes));
    outer.add({ nodeId: top!.nodeId, sealPage: { page: innerRoot.page, level: innerRoot.level } });
    const outerRoot = outer.finish()!;
    return { sealPage: { page: outerRoot.page, level: outerRoot.level } };
  });
  const { damage } = await verifyAt(forged.repository, 'deep');
  expect(damage).toMatchObject([{ kind: 'node', snapshots: [forged.forgedId] }]);
  expect(damage[0]!.paths).toContain('docs');
});

test('a tree with fewer seals than it has folders is found', async () => {
  const forged = await withForged(async ({ record }, repository, session) => {
    const [top] = await collect(iterateSeals(fetchPages(repository), record.sealPage!.page, record.sealPage!.level));
    const seals = createSealPageBuilder((type, bytes) => session.add(type, bytes));
    seals.add({ nodeId: top!.nodeId });
    const root = seals.finish()!;
    return { sealPage: { page: root.page, level: root.level } };
  });
  const { damage } = await verifyAt(forged.repository, 'deep');
  expect(damage).toMatchObject([{ kind: 'node', snapshots: [forged.forgedId] }]);
});

test('another tree under the roots of this one is found', async () => {
  const forged = await withForged(async (_, repository) => {
    const [oldest] = (await listSnapshots(repository)).snapshots;
    return { rootPage: oldest!.record.rootPage };
  });
  const { damage } = await verifyAt(forged.repository, 'deep');
  expect(damage).toMatchObject([{ kind: 'node', snapshots: [forged.forgedId] }]);
});
