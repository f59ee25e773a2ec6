import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asBlobId, type BlobId, parseIndexRunId, parsePackId } from '../../src-shared/ids.ts';
import { CairnError } from '../../src-shared/errors.ts';
import {
  BLOB_TYPE,
  CIPHER,
  FILE_HEADER_BYTES,
  FILE_TYPE,
  hash,
  type BlobType,
} from '../../src-main/engine/codec/index.ts';
import { toHex, utf8 } from '../../src-main/engine/kernel/index.ts';
import { type IndexedPack, type IndexEntry, mergePacks, mergeRuns } from '../../src-main/engine/pack/index.ts';
import { decodeIndexPage, encodeIndexPage, type PageEntry } from '../../src-main/engine/pack/index-page.ts';
import { decodeRunFooter, encodeRunFooter } from '../../src-main/engine/pack/index-run-footer.ts';
import { damaged, mutations } from '../support/mutate.ts';
import { buildRun, encrypted, openRun, secretsOf } from '../support/packs.ts';

const packs: readonly IndexedPack[] = [0, 1, 2, 3].map((index) => ({
  packId: parsePackId(toHex(hash(utf8(`pack ${index}`)))),
  fileType: FILE_TYPE.dataPack,
  sizeBytes: 2 ** 24,
  blobCount: 10,
}));

/** Ids of a small space, so that runs share some; half of them differ only in their last byte. */
const idArbitrary: fc.Arbitrary<BlobId> = fc
  .record({ near: fc.boolean(), number: fc.nat(255) })
  .map(({ near, number }) =>
    asBlobId(near ? new Uint8Array(32).fill(5).fill(number, 31) : hash(Uint8Array.of(number))),
  );

const entryArbitrary: fc.Arbitrary<IndexEntry> = fc
  .record({
    id: idArbitrary,
    pack: fc.constantFrom(...packs),
    frameOffset: fc.integer({ min: FILE_HEADER_BYTES, max: 2 ** 23 }),
    frameLength: fc.integer({ min: 40, max: 2 ** 22 }),
    offset: fc.nat(2 ** 22),
    length: fc.nat(2 ** 22),
    type: fc.constantFrom<BlobType>(...Object.values(BLOB_TYPE)),
    delta: fc.boolean(),
  })
  .map(({ pack, ...rest }) => ({ ...rest, packId: pack.packId, fileType: pack.fileType }));

const entriesArbitrary = fc
  .uniqueArray(entryArbitrary, { maxLength: 200, selector: ({ id }) => toHex(id) })
  .map((entries) => entries.sort((left, right) => Buffer.compare(left.id, right.id)));

async function collect(batches: AsyncIterable<Iterable<IndexEntry>>): Promise<IndexEntry[]> {
  const all: IndexEntry[] = [];
  for await (const batch of batches) all.push(...batch);
  return all;
}

const comparable = (entry: IndexEntry) => ({ ...entry, id: toHex(entry.id) });

describe('an index run of any entries', () => {
  it('finds what it holds, nothing else, and lists it in order, with each cipher', async () => {
    const property = fc.asyncProperty(
      entriesArbitrary,
      fc.array(idArbitrary, { maxLength: 50 }),
      fc.constantFrom(CIPHER.none, CIPHER.aes256Gcm),
      async (entries, asked, cipher) => {
        const secrets = secretsOf(cipher);
        const run = await openRun(
          await buildRun({ packs, entries: [entries], entryCountMax: entries.length, secrets }),
          { secrets },
        );
        const expected = new Map(entries.map(({ id, ...location }) => [toHex(id), location]));
        for (const id of [...entries.map((entry) => entry.id), ...asked])
          expect(await run.find(id)).toEqual(expected.get(toHex(id)));
        expect((await collect(run.batches())).map(comparable)).toEqual(entries.map(comparable));
      },
    );
    await fc.assert(property, { numRuns: 100 });
  });

  it('merges to the union, the first run winning, without the packs that are gone', async () => {
    const property = fc.asyncProperty(
      fc.array(entriesArbitrary, { maxLength: 5 }),
      fc.subarray([...packs]),
      async (lists, gone) => {
        const runs = await Promise.all(
          lists.map(async (entries) =>
            openRun(await buildRun({ packs, entries: [entries], entryCountMax: entries.length }), {
              secrets: encrypted,
            }),
          ),
        );
        const absent = new Set(gone.map(({ packId }) => packId));
        const expected = new Map<string, IndexEntry>();
        for (const entry of lists.flat()) {
          if (!absent.has(entry.packId) && !expected.has(toHex(entry.id))) expected.set(toHex(entry.id), entry);
        }
        const merged = await collect(mergeRuns({ runs, absent }));
        const inOrder = [...expected.values()].sort((left, right) => Buffer.compare(left.id, right.id));
        expect(merged.map(comparable)).toEqual(inOrder.map(comparable));
        if (lists.length > 0)
          expect(mergePacks({ runs, absent })).toEqual(packs.filter(({ packId }) => !absent.has(packId)));
      },
    );
    await fc.assert(property, { numRuns: 100 });
  });

  it('answers a lookup in a damaged run rightly or with a CairnError', async () => {
    const entries = Array.from({ length: 300 }, (_, index) => index)
      .map((index): IndexEntry => {
        const id = asBlobId(hash(utf8(`blob ${index}`)));
        const place = {
          frameOffset: 104,
          frameLength: 100,
          offset: index,
          length: 1,
          type: BLOB_TYPE.fileChunk,
          delta: false,
        };
        return { id, packId: parsePackId(toHex(hash(utf8('pack 0')))), fileType: FILE_TYPE.dataPack, ...place };
      })
      .sort((left, right) => Buffer.compare(left.id, right.id));
    for (const cipher of [CIPHER.none, CIPHER.aes256Gcm]) {
      const secrets = secretsOf(cipher);
      const built = await buildRun({ packs, entries: [entries], entryCountMax: 300, secrets });
      const property = fc.asyncProperty(
        mutations(built.bytes.length),
        fc.constantFrom(...entries),
        async (steps, { id, ...location }) => {
          try {
            const run = await openRun({ ...built, bytes: damaged(built.bytes, steps) }, { secrets });
            expect(await run.find(id)).toEqual(location);
          } catch (error) {
            if (!(error instanceof CairnError)) throw error;
          }
        },
      );
      await fc.assert(property, { numRuns: 1_000 });
    }
  });
});

const pageEntries: readonly PageEntry[] = [1, 2, 3, 4].map((index) => ({
  id: asBlobId(new Uint8Array(32).fill(index)),
  packOrdinal: index % 3,
  frameOffset: 104,
  frameLength: 500 * index,
  offset: index,
  length: 100,
  type: BLOB_TYPE.fileChunk,
  delta: index === 2,
}));
const validPage = encodeIndexPage(pageEntries);

function pageDecodesOrRefuses(bytes: Uint8Array): void {
  try {
    const firstId = new Uint8Array(32).fill(1);
    const nextId = new Uint8Array(32).fill(9);
    const page = decodeIndexPage(bytes, { firstId, nextId, entryCount: 4, packCount: 3, packBytes: () => 10_000 });
    for (let row = 0; row < page.entryCount; row++) {
      const entry = page.entryAt(row);
      expect(page.find(entry.id)).toEqual(entry);
      expect(entry.packOrdinal).toBeLessThan(3);
      expect(entry.frameOffset + entry.frameLength).toBeLessThanOrEqual(10_000);
    }
  } catch (error) {
    if (!(error instanceof CairnError)) throw error;
  }
}

describe('the page decoder', () => {
  it('reads the page that the mutations begin with', () => {
    const context = { firstId: new Uint8Array(32).fill(1), entryCount: 4, packCount: 3, packBytes: () => 10_000 };
    const page = decodeIndexPage(validPage, context);
    expect([0, 1, 2, 3].map((row) => ({ ...page.entryAt(row), id: toHex(page.idAt(row)) }))).toEqual(
      pageEntries.map((entry) => ({ ...entry, id: toHex(entry.id) })),
    );
  });

  it('makes a sound page or a CairnError of any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), pageDecodesOrRefuses), { numRuns: 10_000 });
  });

  it('makes a sound page or a CairnError of any damaged page', () => {
    fc.assert(
      fc.property(mutations(validPage.length), (steps) => pageDecodesOrRefuses(damaged(validPage, steps))),
      { numRuns: 10_000 },
    );
  });
});

const framesEnd = FILE_HEADER_BYTES + 100 + 2 * 300 + 200;
const validRunFooter = encodeRunFooter({
  packFrameLengths: [100],
  pages: [
    { firstId: new Uint8Array(32).fill(1), frameLength: 300, entryCount: 2048 },
    { firstId: new Uint8Array(32).fill(2), frameLength: 300, entryCount: 5 },
  ],
  filterFrameLengths: [200],
  packCount: 3,
  filterBlockCount: 41,
  entryCount: 2053,
  generation: 12,
  supersedes: [parseIndexRunId('ef'.repeat(32))],
  extension: Uint8Array.of(1, 2, 3),
});

function runFooterDecodesOrRefuses(bytes: Uint8Array): void {
  try {
    const footer = decodeRunFooter(bytes, { framesEnd });
    let end = FILE_HEADER_BYTES;
    for (const { offset, length } of [...footer.packFrames, ...footer.pages, ...footer.filterFrames]) {
      expect(offset).toBe(end);
      end += length;
    }
    expect(end).toBe(framesEnd);
    expect(footer.pages.reduce((sum, { entryCount }) => sum + entryCount, 0)).toBe(footer.entryCount);
  } catch (error) {
    if (!(error instanceof CairnError)) throw error;
  }
}

describe('the run footer decoder', () => {
  it('reads the footer that the mutations begin with', () => {
    const footer = decodeRunFooter(validRunFooter, { framesEnd });
    expect([footer.entryCount, footer.packCount, footer.generation, footer.pages.length]).toEqual([2053, 3, 12, 2]);
    expect([...footer.extension]).toEqual([1, 2, 3]);
  });

  it('makes a sound footer or a CairnError of any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), runFooterDecodesOrRefuses), { numRuns: 10_000 });
  });

  it('makes a sound footer or a CairnError of any damaged footer', () => {
    fc.assert(
      fc.property(mutations(validRunFooter.length), (steps) =>
        runFooterDecodesOrRefuses(damaged(validRunFooter, steps)),
      ),
      { numRuns: 10_000 },
    );
  });
});
