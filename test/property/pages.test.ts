/** Pages: what goes in comes out, the same records give the same pages, an edit touches few, and no bytes break a decoder. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCairnError } from '../../src-shared/errors.ts';
import { compareBytes, concatBytes, equalBytes, toHex, utf8 } from '../../src-main/engine/kernel/index.ts';
import {
  createChunkListBuilder,
  createSealPageBuilder,
  decodeChunkListPage,
  decodeFolderPage,
  decodeSealPage,
  diffFolders,
  encodeChunkListPage,
  encodeFolderPage,
  encodeSealPage,
  type Entry,
  findEntry,
  iterateChunks,
  iterateFolder,
  iterateSeals,
  nameFault,
  PAGE_BYTES_MAX,
  type Seal,
} from '../../src-main/engine/merkle/index.ts';
import { asBlobId, asNodeId } from '../../src-shared/ids.ts';
import {
  arbEntries,
  arbId,
  arbMutations,
  buildFolder,
  collect,
  createPageStore,
  fileEntry,
  idOf,
  mutate,
  nodeIdOf,
} from '../support/merkle.ts';

const arbSeal: fc.Arbitrary<Seal> = fc.tuple(arbId, fc.option(fc.tuple(arbId, fc.nat(8)))).map(([nodeId, page]) => ({
  nodeId: asNodeId(nodeId),
  ...(page === null ? {} : { sealPage: { page: asBlobId(page[0]), level: page[1] } }),
}));
const arbChunk = fc
  .tuple(arbId, fc.integer({ min: 1, max: 8 * 1024 * 1024 }))
  .map(([id, length]) => ({ id: asBlobId(id), length }));

/** A folder of many files with plain names; `seed` makes others. */
function manyFiles(count: number, seed = ''): Entry[] {
  return Array.from({ length: count }, (_, index) => fileEntry(`${seed}file ${String(index).padStart(7, '0')}`));
}

describe('pages', () => {
  it('give back every field of every kind of entry', () => {
    fc.assert(
      fc.property(arbEntries(12), (entries) => {
        const page = decodeFolderPage(encodeFolderPage({ kind: 'leaf', entries }));
        expect(page).toEqual({ kind: 'leaf', entries });
      }),
      { numRuns: 300 },
    );
  });

  it('give back chunk lists and seals, leaf and inner', () => {
    fc.assert(
      fc.property(
        fc.array(arbChunk, { minLength: 1, maxLength: 20 }),
        fc.array(arbSeal, { minLength: 1, maxLength: 20 }),
        fc.array(fc.tuple(arbId, fc.integer({ min: 1 }), fc.integer({ min: 1 })), { minLength: 1, maxLength: 9 }),
        fc.integer({ min: 1, max: 8 }),
        (chunks, seals, references, level) => {
          expect(decodeChunkListPage(encodeChunkListPage({ kind: 'leaf', chunks }))).toEqual({ kind: 'leaf', chunks });
          expect(decodeSealPage(encodeSealPage({ kind: 'leaf', seals }))).toEqual({ kind: 'leaf', seals });
          const lists = references.map(([id, chunkCount, bytes]) => ({ page: asBlobId(id), chunkCount, bytes }));
          const inner = { kind: 'inner', level, children: lists } as const;
          expect(decodeChunkListPage(encodeChunkListPage(inner))).toEqual(inner);
          const sealLists = references.map(([id, sealCount]) => ({ page: asBlobId(id), sealCount }));
          const innerSeals = { kind: 'inner', level, children: sealLists } as const;
          expect(decodeSealPage(encodeSealPage(innerSeals))).toEqual(innerSeals);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('decode from any damaged bytes to a page that encodes to the same bytes, or to a typed error', () => {
    let accepted = 0;
    const inner = (entries: Entry[]): Uint8Array =>
      encodeFolderPage({
        kind: 'inner',
        level: 1,
        children: entries.map((entry) => ({ firstName: entry.name, page: idOf('a page'), entryCount: 3 })),
      });
    fc.assert(
      fc.property(arbEntries(5), fc.boolean(), arbMutations, (entries, leaf, mutations) => {
        const whole = leaf || entries.length === 0 ? encodeFolderPage({ kind: 'leaf', entries }) : inner(entries);
        const bytes = mutate(whole, mutations);
        try {
          const page = decodeFolderPage(bytes);
          accepted++;
          expect(toHex(encodeFolderPage(page))).toBe(toHex(bytes));
          const names =
            page.kind === 'leaf'
              ? page.entries.map((entry) => entry.name)
              : page.children.map((child) => child.firstName);
          for (const [index, name] of names.entries()) {
            expect(nameFault(name)).toBeUndefined();
            const before = names[index - 1];
            if (before !== undefined) expect(compareBytes(before, name)).toBeLessThan(0);
          }
        } catch (error) {
          if (!isCairnError(error)) throw error;
        }
      }),
      { numRuns: 10_000 },
    );
    // Mutations that stay readable are what tests canonical form; without any this test would show little.
    expect(accepted).toBeGreaterThan(500);
  });

  it('of chunk lists and seals do so too', () => {
    const sources = fc.tuple(
      fc.array(arbChunk, { minLength: 1, maxLength: 5 }),
      fc.array(arbSeal, { minLength: 1, maxLength: 5 }),
    );
    fc.assert(
      fc.property(sources, arbMutations, ([chunks, seals], mutations) => {
        const list = mutate(encodeChunkListPage({ kind: 'leaf', chunks }), mutations);
        const sealed = mutate(encodeSealPage({ kind: 'leaf', seals }), mutations);
        for (const [bytes, again] of [
          [list, (raw: Uint8Array) => encodeChunkListPage(decodeChunkListPage(raw))],
          [sealed, (raw: Uint8Array) => encodeSealPage(decodeSealPage(raw))],
        ] as const) {
          try {
            expect(toHex(again(bytes))).toBe(toHex(bytes));
          } catch (error) {
            if (!isCairnError(error)) throw error;
          }
        }
      }),
      { numRuns: 10_000 },
    );
  });

  it('refuse random bytes behind a good header with a typed error', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 2, 3, 4, 5, 6), fc.uint8Array({ maxLength: 300 }), (kind, rest) => {
        const level = kind % 2 === 0 ? 1 : 0;
        const bytes = concatBytes([utf8('CrnP'), Uint8Array.of(1, kind, level, 0), rest]);
        for (const decode of [decodeFolderPage, decodeChunkListPage, decodeSealPage]) {
          try {
            decode(bytes);
          } catch (error) {
            if (!isCairnError(error)) throw error;
          }
        }
      }),
      { numRuns: 10_000 },
    );
  });
});

describe('a folder in pages', () => {
  it('lists what was added and finds each name, reading one page per level', async () => {
    const store = createPageStore();
    const entries = manyFiles(5000);
    const root = buildFolder(store.sink, entries);
    expect(root.level).toBe(1);
    expect(await collect(iterateFolder(store.fetch, root.page, root.level))).toEqual(entries);
    for (const index of [0, 1, 777, 2500, 4998, 4999]) {
      store.reads.length = 0;
      const name = entries[index]?.name ?? utf8('?');
      expect(await findEntry(store.fetch, root.page, root.level, name)).toEqual(entries[index]);
      expect(store.reads).toHaveLength(2);
    }
    for (const absent of ['a', 'file 0000777x', 'zzz', 'file']) {
      expect(await findEntry(store.fetch, root.page, root.level, utf8(absent))).toBeUndefined();
    }
  });

  it('of any entries is lossless, whatever their names', async () => {
    await fc.assert(
      fc.asyncProperty(arbEntries(60), async (entries) => {
        const store = createPageStore();
        const root = buildFolder(store.sink, entries);
        expect(await collect(iterateFolder(store.fetch, root.page, root.level))).toEqual(entries);
        expect(root.entryCount).toBe(entries.length);
      }),
      { numRuns: 50 },
    );
  });

  it('with random edits has the pages of a fresh build, and shares nearly all with the folder before', async () => {
    const entries = manyFiles(20_000);
    const store = createPageStore();
    const before = buildFolder(store.sink, entries);
    const pagesBefore = store.pages.size;
    const edits = fc.array(fc.tuple(fc.nat(19_999), fc.constantFrom('change', 'remove', 'insert')), {
      minLength: 1,
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(edits, async (changes) => {
        const edited = new Map(entries.map((entry) => [toHex(entry.name), entry]));
        for (const [index, kind] of changes) {
          const name = `file ${String(index).padStart(7, '0')}`;
          if (kind === 'remove') edited.delete(toHex(utf8(name)));
          else if (kind === 'change') edited.set(toHex(utf8(name)), fileEntry(name, 'edited'));
          else edited.set(toHex(utf8(`${name} new`)), fileEntry(`${name} new`));
        }
        const after = buildFolder(store.sink, [...edited.values()]);
        const fresh = createPageStore();
        expect(toHex(buildFolder(fresh.sink, [...edited.values()]).page)).toBe(toHex(after.page));
        const added = [...fresh.pages.keys()].filter((id) => !store.pages.has(id));
        expect(added).toEqual([]);
        const events = await collect(
          diffFolders(store.fetch, { page: before.page, level: before.level }, store.fetch, after),
        );
        const touched = new Set(events.map((event) => toHex(event.path[0] ?? utf8(''))));
        expect(touched.size).toBeLessThanOrEqual(changes.length);
      }),
      { numRuns: 8 },
    );
    // Eight runs of up to three edits: each a leaf or two, and the path above. The whole folder has some thirty pages.
    expect(pagesBefore).toBeGreaterThan(20);
    expect(store.pages.size - pagesBefore).toBeLessThanOrEqual(8 * (3 * 3 + 1));
  });

  it('is compared by opening only the pages that differ', async () => {
    const store = createPageStore();
    const entries = manyFiles(20_000);
    const before = buildFolder(store.sink, entries);
    const after = buildFolder(store.sink, [...entries, fileEntry('file 0010000 new')]);
    store.reads.length = 0;
    const events = await collect(diffFolders(store.fetch, before, store.fetch, after));
    expect(events.map((event) => event.kind)).toEqual(['added']);
    expect(store.reads.length).toBeLessThanOrEqual(6);
  });

  it('of names at their greatest length has three levels, and an edit changes one page on each', async () => {
    const store = createPageStore();
    const longName = (index: number): string => String(index).padStart(6, '0').padEnd(4000, '.');
    const entries = Array.from({ length: 9000 }, (_, index) => fileEntry(longName(index)));
    const root = buildFolder(store.sink, entries);
    expect(root.level).toBe(2);
    store.reads.length = 0;
    expect(await findEntry(store.fetch, root.page, root.level, utf8(longName(4321)))).toEqual(entries[4321]);
    expect(store.reads).toHaveLength(3);
    expect(await collect(iterateFolder(store.fetch, root.page, root.level))).toHaveLength(9000);
    const pagesBefore = store.pages.size;
    const edited = buildFolder(store.sink, entries.with(4321, fileEntry(longName(4321), 'edited!')));
    expect(store.pages.size - pagesBefore).toBe(3);
    const events = await collect(diffFolders(store.fetch, root, store.fetch, edited));
    expect(events).toHaveLength(1);
  });

  it('of 100,000 entries is cut into pages of bounded size that list and find them all', async () => {
    const store = createPageStore();
    const entries = manyFiles(100_000);
    const root = buildFolder(store.sink, entries);
    expect(root.entryCount).toBe(100_000);
    let index = 0;
    for await (const entry of iterateFolder(store.fetch, root.page, root.level)) {
      if (!equalBytes(entry.name, entries[index]?.name ?? utf8(''))) throw new Error(`entry ${index} differs`);
      index++;
    }
    expect(index).toBe(100_000);
    for (const bytes of store.pages.values()) expect(bytes.length).toBeLessThanOrEqual(PAGE_BYTES_MAX);
    const mean = [...store.pages.values()].reduce((sum, bytes) => sum + bytes.length, 0) / store.pages.size;
    expect(mean).toBeGreaterThan(40 * 1024);
    expect(mean).toBeLessThan(100 * 1024);
  });
});

describe('a chunk list and a seal list in pages', () => {
  it('give back every chunk in order, and refuse a size that does not add up', async () => {
    for (const count of [0, 1, 32, 33, 5000]) {
      const store = createPageStore();
      const builder = createChunkListBuilder(store.sink);
      const chunks = Array.from({ length: count }, (_, index) => ({ id: idOf(`chunk ${index}`), length: index + 1 }));
      for (const chunk of chunks) builder.add(chunk);
      const content = builder.finish();
      expect(content.kind).toBe(count <= 32 ? 'inline' : 'pages');
      const size = (count * (count + 1)) / 2;
      expect(await collect(iterateChunks(store.fetch, content, size))).toEqual(chunks);
      if (count > 32) {
        await expect(collect(iterateChunks(store.fetch, content, size + 1))).rejects.toMatchObject({
          code: 'integrity/malformed',
        });
      }
    }
  });

  it('of one chunk repeated (a file of zeros) stays bounded and is stored once', async () => {
    const store = createPageStore();
    const builder = createChunkListBuilder(store.sink);
    for (let index = 0; index < 100_000; index++) builder.add({ id: idOf('zeros'), length: 4096 });
    const content = builder.finish();
    expect(store.pages.size).toBeLessThan(6);
    let count = 0;
    for await (const chunk of iterateChunks(store.fetch, content, 100_000 * 4096)) count += chunk.length / 4096;
    expect(count).toBe(100_000);
  });

  it('give back every seal in order, and nothing for a folder without folders', async () => {
    const store = createPageStore();
    expect(createSealPageBuilder(store.sink).finish()).toBeUndefined();
    expect(store.pages.size).toBe(0);
    const builder = createSealPageBuilder(store.sink);
    const seals: Seal[] = Array.from({ length: 4000 }, (_, index) => ({
      nodeId: nodeIdOf(`node ${index}`),
      ...(index % 3 === 0 ? { sealPage: { page: idOf(`page ${index}`), level: index % 2 } } : {}),
    }));
    for (const seal of seals) builder.add(seal);
    const root = builder.finish();
    expect(root?.sealCount).toBe(4000);
    expect(root?.level).toBe(1);
    if (root !== undefined) expect(await collect(iterateSeals(store.fetch, root.page, root.level))).toEqual(seals);
  });
});
