/** Entries that say something untrue of their content, with every byte in order and every NodeId right for what is said. */
import { expect, test } from 'vitest';
import { asContentHash } from '../../../src-shared/ids.ts';
import type { Damage } from '../../../src-shared/model/index.ts';
import { fetchPages } from '../../../src-main/engine/browse/index.ts';
import { BLOB_TYPE, hash } from '../../../src-main/engine/codec/index.ts';
import { utf8 } from '../../../src-main/engine/kernel/index.ts';
import {
  type DirectoryEntry,
  type Entry,
  type FileEntry,
  canonicalName,
  createFolderPageBuilder,
  createNodeHasher,
  createSealPageBuilder,
  iterateFolder,
  iterateSeals,
  sourcesNode,
} from '../../../src-main/engine/merkle/index.ts';
import type { Repository, WriteSession } from '../../../src-main/engine/repository/index.ts';
import { type SnapshotRecord, encodeSnapshot, listSnapshots } from '../../../src-main/engine/snapshot/index.ts';
import { verifyAt } from '../../support/damage-check.ts';
import { WRITER, buildSmallRepository, openFresh, storeOf } from '../../support/damage-repository.ts';
import { seeded } from '../../support/seed.ts';

const small = await buildSmallRepository({ seed: 31, encrypted: true });

async function collect<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

type Forge = {
  /** What “a.txt” in the source becomes. */
  readonly file?: (entry: FileEntry, session: WriteSession) => FileEntry;
  readonly source?: (entry: DirectoryEntry) => DirectoryEntry;
};

/** A repository whose newest snapshot holds a changed entry, and whose NodeIds and roots are computed anew for it. */
async function withForged(forge: Forge): Promise<{ repository: Repository; forgedId: string }> {
  const repository = await openFresh(await storeOf(small.files), small.recovery, seeded(1));
  const fetch = fetchPages(repository);
  const honest = (await listSnapshots(repository)).snapshots.at(-1)!;
  const { rootPage, sealPage, sources } = honest.record;
  const session = await repository.beginWrite(WRITER);
  const sink = (type: Parameters<WriteSession['add']>[0], bytes: Uint8Array) => session.add(type, bytes);

  const [source] = await collect(iterateFolder(fetch, rootPage.page, rootPage.level));
  if (source?.nodeType !== 'directory') throw new Error('the source is a folder');
  const [top] = await collect(iterateSeals(fetch, sealPage!.page, sealPage!.level));
  const seals = await collect(iterateSeals(fetch, top!.sealPage!.page, top!.sealPage!.level));
  const pages = createFolderPageBuilder(sink);
  const node = createNodeHasher();
  const folder = node.createFolderNode('');
  let directories = 0;
  for (const honestEntry of await collect(iterateFolder(fetch, source.page, source.pageLevel))) {
    const { text } = canonicalName(honestEntry.name);
    let entry: Entry = honestEntry;
    if (entry.nodeType === 'file' && text === 'a.txt') entry = forge.file?.(entry, session) ?? entry;
    pages.add(entry);
    folder.add(
      text,
      entry.name,
      entry.nodeType === 'directory' ? seals[directories++]!.nodeId : node.leafNode(text, entry),
    );
  }
  const { page, level, ...sums } = pages.finish();
  const forgedSource: DirectoryEntry = { ...source, page, pageLevel: level, ...sums };
  const nodeId = folder.finish(forgedSource);
  const outer = createFolderPageBuilder(sink);
  outer.add(forge.source?.(forgedSource) ?? forgedSource);
  const outerSeals = createSealPageBuilder(sink);
  outerSeals.add({ ...top!, nodeId });
  const [root, seal] = [outer.finish(), outerSeals.finish()!];
  const record: SnapshotRecord = {
    ...honest.record,
    order: honest.record.order + 1,
    parentId: honest.id,
    rootPage: { page: root.page, level: root.level },
    sealPage: { page: seal.page, level: seal.level },
    rootNodeId: sourcesNode([{ name: sources[0]!.name, nodeId }]),
    sources: [{ ...sources[0]!, rootNodeId: nodeId }],
  };
  const { id, bytes } = encodeSnapshot(record, repository.context.signer);
  await session.publish(() => bytes);
  return { repository: await openFresh(repository.context.store, small.recovery, seeded(1)), forgedId: id };
}

async function damageIn(forge: Forge): Promise<{ readonly damage: readonly Damage[]; readonly forgedId: string }> {
  const { repository, forgedId } = await withForged(forge);
  return { damage: (await verifyAt(repository, 'deep')).damage, forgedId };
}

const WRONG_HASH = asContentHash(hash(utf8('something else')));

/** A file of these chunks, with the content hash of something. */
function fileOf(entry: FileEntry, session: WriteSession, parts: readonly string[], content: string): FileEntry {
  const chunks = parts.map((part) => ({ id: session.add(BLOB_TYPE.fileChunk, utf8(part)), length: part.length }));
  const size = chunks.reduce((sum, { length }) => sum + length, 0);
  return { ...entry, size, contentHash: asContentHash(hash(utf8(content))), content: { kind: 'inline', chunks } };
}

test('a snapshot built anew as it is verifies: what the other tests change is what they find', async () => {
  expect((await damageIn({})).damage).toEqual([]);
  const chunked: Forge = {
    file: (entry, session) => fileOf(entry, session, ['one ', 'two ', 'three'], 'one two three'),
  };
  const { repository } = await withForged(chunked);
  const { damage, coverage } = await verifyAt(repository, 'deep');
  expect(damage).toEqual([]);
  expect(coverage).toMatchObject({ contents: 1, contentsLeft: 0 });
});

test('a content hash that is not that of the only chunk is found, without a byte being read for it', async () => {
  const forge: Forge = { file: (entry) => ({ ...entry, contentHash: WRONG_HASH }) };
  const { damage, forgedId } = await damageIn(forge);
  const row = { file: `snapshot ${forgedId}`, kind: 'node', snapshots: [forgedId], paths: ['a.txt'] };
  expect(damage).toMatchObject([row]);
  expect(damage[0]!.message).toContain('content hash');
  const { repository } = await withForged(forge);
  expect((await verifyAt(repository, 'sample')).damage).toMatchObject([{ kind: 'node', paths: ['a.txt'] }]);
});

test('a content hash of an empty file that is not that of nothing is found', async () => {
  const empty = { size: 0, content: { kind: 'inline', chunks: [] } } as const;
  const { damage } = await damageIn({ file: (entry) => ({ ...entry, ...empty }) });
  expect(damage).toMatchObject([{ kind: 'node', paths: ['a.txt'] }]);
});

test('a content hash that is not that of the chunks in their order is found', async () => {
  const { damage, forgedId } = await damageIn({
    file: (entry, session) => fileOf(entry, session, ['one ', 'three', 'two '], 'one two three'),
  });
  expect(damage).toMatchObject([{ file: `snapshot ${forgedId}`, kind: 'node', paths: ['a.txt'] }]);
});

test('a chunk of another length than its file says is found', async () => {
  const { damage, forgedId } = await damageIn({
    file: (entry) => {
      if (entry.content.kind !== 'inline') throw new Error('a small file');
      const [chunk] = entry.content.chunks;
      const content = { kind: 'inline', chunks: [{ ...chunk!, length: chunk!.length + 1 }] } as const;
      return { ...entry, size: entry.size + 1, content };
    },
  });
  expect(damage).toMatchObject([{ snapshots: [forgedId], paths: ['a.txt'] }]);
});

test('attributes in a blob are found missing, and found not to be what their hash says', async () => {
  const plain = Buffer.alloc(5000, 'attributes ');
  const present = await damageIn({
    file: (entry, session) => ({
      ...entry,
      xattrBlob: { id: session.add(BLOB_TYPE.attributes, plain), hash: asContentHash(hash(plain)) },
    }),
  });
  expect(present.damage).toEqual([]);
  const other = await damageIn({
    file: (entry, session) => ({
      ...entry,
      xattrBlob: { id: session.add(BLOB_TYPE.attributes, plain), hash: WRONG_HASH },
    }),
  });
  expect(other.damage).toMatchObject([{ kind: 'node', snapshots: [other.forgedId], paths: ['a.txt'] }]);
  const missing = await damageIn({
    file: (entry) => ({
      ...entry,
      xattrBlob: { id: entry.content.kind === 'pages' ? entry.content.root : idNowhere(), hash: WRONG_HASH },
    }),
  });
  expect(missing.damage.map(({ kind }) => kind)).toContain('missing-blob');
});

function idNowhere(): FileEntry['contentHash'] & DirectoryEntry['page'] {
  return hash(utf8('nowhere')) as FileEntry['contentHash'] & DirectoryEntry['page'];
}

test('a folder whose entry counts other names or bytes than it has is found', async () => {
  for (const wrong of [{ totalBytes: 1 }, { totalEntries: 1000 }]) {
    const { damage, forgedId } = await damageIn({ source: (entry) => ({ ...entry, ...wrong }) });
    expect(damage).toMatchObject([{ file: `snapshot ${forgedId}`, kind: 'node', paths: ['/'] }]);
    expect(damage[0]!.message).toContain('names or bytes');
  }
});

test('metadata of a folder that its NodeId does not bind is found, though an older snapshot has the same folder whole', async () => {
  for (const wrong of [{ mode: 0o711 }, { mtimeNs: 5n }, { uid: 4711 }, { userName: 'somebody' }]) {
    const { damage, forgedId } = await damageIn({ source: (entry) => ({ ...entry, ...wrong }) });
    expect(damage).toMatchObject([{ file: `snapshot ${forgedId}`, kind: 'node', snapshots: [forgedId], paths: ['/'] }]);
  }
});
