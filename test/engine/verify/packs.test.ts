/** What deep looks for in packs beyond their bytes: that the index says what their footers say, and that deltas can be read. */
import { describe, expect, test } from 'vitest';
import { type BlobId, parsePackId } from '../../../src-shared/ids.ts';
import type { VerifyReport } from '../../../src-shared/model/index.ts';
import { BLOB_TYPE, type BlobType, hash, parseCompression } from '../../../src-main/engine/codec/index.ts';
import { concatBytes } from '../../../src-main/engine/kernel/index.ts';
import {
  type FinishedPack,
  type IndexEntry,
  type PendingSegment,
  buildIndexRun,
  createDeltaSegment,
  createSegmentBuilder,
  indexEntriesOf,
} from '../../../src-main/engine/pack/index.ts';
import { type Repository, indexRunName, packName } from '../../../src-main/engine/repository/index.ts';
import { createMemoryStore, writeWhole } from '../../../src-main/engine/store/index.ts';
import { verify } from '../../../src-main/engine/verify/index.ts';
import { seeded } from '../../support/seed.ts';
import { newRepository, writePack } from './data-repository.ts';

const random = seeded(8);
const plainOf = (length: number): Uint8Array => new Uint8Array(random.bytes(length));
const INLINE = { workers: 0 };
const THREADS = { workers: 2, threadsFromBytes: 0 };

function check(repository: Repository, options: { readonly workers: number } = INLINE): Promise<VerifyReport> {
  const depth = { kind: 'deep' } as const;
  return verify(repository, { depth, knownSnapshots: [], onProgress: () => undefined, signal: undefined, ...options });
}

function idOf({ context }: Repository, plain: Uint8Array): BlobId {
  return context.blobHasher.idOf(BLOB_TYPE.fileChunk, plain);
}

function segmentOf(repository: Repository, plains: readonly Uint8Array[]): PendingSegment {
  const builder = createSegmentBuilder({ compression: repository.context.compression });
  for (const plain of plains) builder.add(idOf(repository, plain), BLOB_TYPE.fileChunk, plain);
  return builder.flush()!;
}

/** Writes an index run over these packs that says of them whatever `change` makes of the truth. */
async function writeRun(
  { context }: Repository,
  packs: readonly FinishedPack[],
  change: (entries: readonly IndexEntry[]) => readonly IndexEntry[] = (entries) => entries,
): Promise<string> {
  const { repositoryIdBytes: repositoryId, secrets, ports, store } = context;
  const byId = new Map<string, IndexEntry>();
  for (const { packId, footer } of packs)
    for (const entry of indexEntriesOf(packId, footer)) byId.set(Buffer.from(entry.id).toString('hex'), entry);
  const entries = change([...byId].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, entry]) => entry));
  const parts: Uint8Array[] = [];
  const { runId } = await buildIndexRun({
    repositoryId,
    secrets,
    salt: hash(ports.random.bytes(32)),
    packs: packs.map(({ packId, fileType, sizeBytes, footer: { blobCount } }) => ({
      packId,
      fileType,
      sizeBytes,
      blobCount,
    })),
    entries: [entries],
    entryCountMax: entries.length,
    generation: 1,
    supersedes: [],
    append: (bytes) => Promise.resolve(void parts.push(new Uint8Array(bytes))),
  });
  await writeWhole(store, indexRunName(runId), concatBytes(parts));
  return indexRunName(runId);
}

describe('an index run and the footers of its packs', () => {
  async function twoPacks(): Promise<{ repository: Repository; packs: readonly FinishedPack[] }> {
    const repository = await newRepository(createMemoryStore());
    const plains = Array.from({ length: 5 }, () => plainOf(500));
    const packs = [
      await writePack(repository, [segmentOf(repository, plains.slice(0, 3))]),
      await writePack(repository, [segmentOf(repository, plains.slice(3)), segmentOf(repository, [plainOf(70)])]),
    ];
    return { repository, packs };
  }

  test('agree where nobody changed them', async () => {
    const { repository, packs } = await twoPacks();
    await writeRun(repository, packs);
    expect((await check(repository)).damage).toEqual([]);
  });

  const wrong: readonly (readonly [string, (entry: IndexEntry, all: readonly IndexEntry[]) => IndexEntry])[] = [
    ['offset', (entry) => ({ ...entry, offset: entry.offset + 1 })],
    ['length', (entry) => ({ ...entry, length: entry.length - 1 })],
    ['type', (entry) => ({ ...entry, type: BLOB_TYPE.folderPage })],
    ['kind of segment', (entry) => ({ ...entry, delta: true })],
    ['frame length', (entry) => ({ ...entry, frameLength: entry.frameLength + 1 })],
    ['frame', (entry) => ({ ...entry, frameOffset: entry.frameOffset + 1 })],
    ['pack', (entry, all) => ({ ...entry, packId: all.find(({ packId }) => packId !== entry.packId)!.packId })],
  ];
  test.each(wrong)('disagree: another %s is damage of the run', async (_, change) => {
    const { repository, packs } = await twoPacks();
    const name = await writeRun(repository, packs, (all) =>
      all.map((entry, index) => (index === 2 ? change(entry, all) : entry)),
    );
    for (const options of [INLINE, THREADS]) {
      expect((await check(repository, options)).damage).toMatchObject([{ file: name, kind: 'index' }]);
    }
  });

  test('disagree: two entries that changed places are damage of the run', async () => {
    const { repository, packs } = await twoPacks();
    const name = await writeRun(repository, packs, (all) => {
      const [one, two] = all.filter(({ packId }) => packId === packs[0]!.packId);
      const { id: first } = one!;
      return all.map((entry) => {
        if (entry === one) return { ...two!, id: first };
        return entry === two ? { ...one!, id: two.id } : entry;
      });
    });
    expect((await check(repository)).damage).toMatchObject([{ file: name, kind: 'index' }]);
  });

  test('disagree: a blob that the run leaves out is damage of the run', async () => {
    const { repository, packs } = await twoPacks();
    const name = await writeRun(repository, packs, (all) => all.slice(1));
    expect((await check(repository)).damage).toMatchObject([{ file: name, kind: 'index' }]);
  });

  test('agree where a merge kept one of two places of a blob', async () => {
    const repository = await newRepository(createMemoryStore());
    const plains = [plainOf(300), plainOf(300)];
    const packs = [
      await writePack(repository, [segmentOf(repository, plains)]),
      await writePack(repository, [segmentOf(repository, [...plains.slice(1), plainOf(50)])]),
    ];
    await writeRun(repository, packs);
    expect((await check(repository)).damage).toEqual([]);
  });
});

describe('a pack whose frames are all in order', () => {
  test('and whose blobs have other ids than its footer says is damage', async () => {
    const repository = await newRepository(createMemoryStore());
    const [right, wrong] = [plainOf(400), plainOf(400)];
    const given = idOf(repository, plainOf(10));
    const builder = createSegmentBuilder({ compression: repository.context.compression });
    builder.add(idOf(repository, right), BLOB_TYPE.fileChunk, right);
    builder.add(given, BLOB_TYPE.fileChunk, wrong);
    const { blobHasher } = repository.context;
    const lenient = {
      ...blobHasher,
      idOf: (type: BlobType, plain: Uint8Array) =>
        Buffer.compare(plain, wrong) === 0 ? given : blobHasher.idOf(type, plain),
    };
    const pack = await writePack(repository, [builder.flush()!], lenient);
    await writeRun(repository, [pack]);
    for (const options of [INLINE, THREADS]) {
      const { damage, checked } = await check(repository, options);
      expect(damage).toMatchObject([{ file: packName(pack.packId), kind: 'pack' }]);
      expect(damage[0]!.message).toContain('1 blobs do not match');
      expect(checked.blobs).toBe(1);
    }
  });

  test('and which stands under the name of another is damage', async () => {
    const repository = await newRepository(createMemoryStore());
    const { store } = repository.context;
    const pack = await writePack(repository, [segmentOf(repository, [plainOf(400)])]);
    await store.move(packName(pack.packId), packName(parsePackId('ab'.repeat(32))));
    const { damage } = await check(repository);
    expect(damage).toMatchObject([{ file: packName(parsePackId('ab'.repeat(32))), kind: 'pack' }]);
    expect(damage[0]!.message).toContain('not to its name');
  });
});

describe('delta segments', () => {
  const edited = (plain: Uint8Array, at: number): Uint8Array => {
    const copy = new Uint8Array(plain);
    copy.set(plainOf(100), at);
    return copy;
  };
  const deltaOf = (repository: Repository, base: Uint8Array, plain: Uint8Array): PendingSegment =>
    createDeltaSegment({
      base: { id: idOf(repository, base), plain: base },
      blob: { id: idOf(repository, plain), type: BLOB_TYPE.fileChunk, plain },
      compression: parseCompression('zstd:3'),
      blobHasher: repository.context.blobHasher,
    })!;

  test.each([
    ['one thread', INLINE],
    ['worker threads', THREADS],
  ])('are decoded with their bases, which may lie in other packs: %s', async (_, options) => {
    const repository = await newRepository(createMemoryStore());
    const bases = [plainOf(60_000), plainOf(50_000)];
    const packs = [
      await writePack(repository, [
        segmentOf(repository, bases.slice(0, 1)),
        deltaOf(repository, bases[0]!, edited(bases[0]!, 10)),
        deltaOf(repository, bases[1]!, edited(bases[1]!, 900)),
      ]),
      await writePack(repository, [
        deltaOf(repository, bases[0]!, edited(bases[0]!, 30_000)),
        segmentOf(repository, bases.slice(1)),
      ]),
    ];
    await writeRun(repository, packs);
    const { damage, checked } = await check(repository, options);
    expect(damage).toEqual([]);
    expect(checked).toMatchObject({ packs: 2, segments: 5, blobs: 5 });
  });

  test('whose base is in no pack are damage of their pack', async () => {
    const repository = await newRepository(createMemoryStore());
    const base = plainOf(60_000);
    const pack = await writePack(repository, [
      deltaOf(repository, base, edited(base, 10)),
      segmentOf(repository, [base]),
    ]);
    const orphan = plainOf(60_000);
    const other = await writePack(repository, [deltaOf(repository, orphan, edited(orphan, 10))]);
    await writeRun(repository, [pack, other]);
    for (const options of [INLINE, THREADS]) {
      const { damage, checked } = await check(repository, options);
      expect(damage).toMatchObject([{ file: packName(other.packId), kind: 'pack' }]);
      expect(checked.blobs).toBe(2);
    }
  });

  test('whose base is a delta itself are damage: no reader goes that deep', async () => {
    const repository = await newRepository(createMemoryStore());
    const first = plainOf(60_000);
    const second = edited(first, 10);
    const pack = await writePack(repository, [segmentOf(repository, [first]), deltaOf(repository, first, second)]);
    const deep = await writePack(repository, [deltaOf(repository, second, edited(second, 500))]);
    await writeRun(repository, [pack, deep]);
    expect((await check(repository)).damage).toMatchObject([{ file: packName(deep.packId), kind: 'pack' }]);
  });
});
