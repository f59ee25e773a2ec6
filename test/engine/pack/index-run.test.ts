import { describe, expect, it } from 'vitest';
import { asBlobId, type BlobId, type IndexRunId, parseIndexRunId, parsePackId } from '../../../src-shared/ids.ts';
import { BLOB_TYPE, COMPRESSION, FILE_TYPE, hash } from '../../../src-main/engine/codec/index.ts';
import { toHex, utf8 } from '../../../src-main/engine/kernel/index.ts';
import {
  createPageCache,
  decodeFooter,
  ENTRIES_PER_PAGE_MAX,
  IndexTable,
  indexEntriesOf,
  type IndexedPack,
  type IndexEntry,
  mergePacks,
  mergeRuns,
  PACKS_PER_TABLE_FRAME_MAX,
} from '../../../src-main/engine/pack/index.ts';
import { FooterColumns } from '../../../src-main/engine/pack/footer.ts';
import { blobOf, buildPack, buildRun, openRun, runOfPacks, segmentsOf, textLikeBytes } from '../../support/packs.ts';

function idOf(name: string): BlobId {
  return asBlobId(hash(utf8(name)));
}

function packOf(name: string): IndexedPack {
  return {
    packId: parsePackId(toHex(hash(utf8(name)))),
    fileType: FILE_TYPE.dataPack,
    sizeBytes: 2 ** 24,
    blobCount: 1000,
  };
}

/** Entries whose places can be told from each other, rising by id. */
function entriesIn(pack: IndexedPack, names: readonly string[]): IndexEntry[] {
  const entries = names.map((name, index) => ({
    id: idOf(name),
    packId: pack.packId,
    fileType: pack.fileType,
    frameOffset: 104 + index * 64,
    frameLength: 64,
    offset: index,
    length: 1,
    type: BLOB_TYPE.fileChunk,
    delta: index % 7 === 0,
  }));
  return entries.sort((left, right) => Buffer.compare(left.id, right.id));
}

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

function countingReader(bytes: Uint8Array) {
  const reads = { count: 0 };
  const read = ({ offset, length }: { offset: number; length: number }): Promise<Uint8Array> => {
    reads.count++;
    return Promise.resolve(bytes.subarray(offset, offset + length));
  };
  return { read, reads };
}

function runOf(packs: readonly IndexedPack[], entries: readonly IndexEntry[]) {
  return buildRun({ packs, entries: [entries], entryCountMax: entries.length });
}

async function collect(batches: AsyncIterable<Iterable<IndexEntry>>): Promise<IndexEntry[]> {
  const all: IndexEntry[] = [];
  for await (const batch of batches) all.push(...batch);
  return all;
}

describe('an index run', () => {
  it('finds every id it holds where the entry said, and none of the others', async () => {
    const pack = packOf('pack');
    const entries = entriesIn(pack, numbered('blob ', 5000));
    const run = await openRun(await runOf([pack], entries));
    for (const { id, ...location } of entries) expect(await run.find(id)).toEqual(location);
    for (const name of numbered('other ', 5000)) expect(await run.find(idOf(name))).toBeUndefined();
  });

  it('finds the blobs of real packs', async () => {
    const blobs = numbered('text ', 30).map((_, index) => blobOf(textLikeBytes(index, 100_000)));
    const packs = [buildPack(segmentsOf(blobs.slice(0, 20))), buildPack(segmentsOf(blobs.slice(20)))];
    const run = await openRun(await runOfPacks(packs));
    for (const { packId, footer } of packs) {
      for (const { id, ...location } of indexEntriesOf(packId, footer)) expect(await run.find(id)).toEqual(location);
    }
    expect(run.packs.map(({ packId }) => packId)).toEqual(packs.map(({ packId }) => packId));
  });

  it('reads one page for a lookup, and nothing for nearly every absent id once a few were in vain', async () => {
    const pack = packOf('pack');
    const run = await runOf([pack], entriesIn(pack, numbered('blob ', 10 * ENTRIES_PER_PAGE_MAX)));
    const { read, reads } = countingReader(run.bytes);
    const open = await openRun(run, { read });
    reads.count = 0;
    await open.find(idOf('blob 17'));
    expect(reads.count).toBe(1);
    await Promise.all(numbered('blob ', 200).map((name) => open.find(idOf(name))));
    expect(reads.count).toBeLessThanOrEqual(10);
    // A cache of one page, so that every absent id would cost a read.
    const cold = await openRun(run, { read, cache: createPageCache(1) });
    reads.count = 0;
    for (const name of numbered('absent ', 100)) expect(await cold.find(idOf(name))).toBeUndefined();
    expect(reads.count).toBeLessThan(4 + 1 + 8);
    const passed = numbered('absent ', 10_000).filter((name) => cold.mayContain(idOf(name))).length;
    expect(passed).toBeLessThan(300);
  });

  it('keeps decoded pages of all runs within the cache’s bytes', async () => {
    const pack = packOf('pack');
    const cache = createPageCache(300_000);
    const names = numbered('blob ', 6 * ENTRIES_PER_PAGE_MAX);
    const runs = [
      await openRun(await runOf([pack], entriesIn(pack, names)), { cache }),
      await openRun(await runOf([pack], entriesIn(pack, names)), { cache }),
    ];
    for (const name of names.slice(0, 200)) {
      for (const run of runs) expect(await run.find(idOf(name))).toBeDefined();
      expect(cache.sizeBytes).toBeLessThanOrEqual(300_000);
    }
    expect(cache.sizeBytes).toBeGreaterThan(200_000);
  });

  it('holds far less than 16 bytes a blob in memory, also where it is loaded or its filter is', async () => {
    const pack = packOf('pack');
    const entries = entriesIn(pack, numbered('blob ', 20_000));
    const run = await openRun(await runOf([pack], entries));
    await run.loadFilter();
    expect(run.residentBytes / entries.length).toBeLessThan(2);
    await run.load();
    expect(run.residentBytes / entries.length).toBeLessThan(16);
  });

  it('remembers its generation and the runs it replaces', async () => {
    const pack = packOf('pack');
    const supersedes: IndexRunId[] = [parseIndexRunId('ab'.repeat(32)), parseIndexRunId('cd'.repeat(32))];
    const entries = entriesIn(pack, ['one']);
    const built = await buildRun({ packs: [pack], entries: [entries], entryCountMax: 1, generation: 77, supersedes });
    const run = await openRun(built);
    expect([run.generation, run.supersedes, run.entryCount]).toEqual([77, supersedes, 1]);
    expect(built.runId).toBe(toHex(hash(built.bytes)));
  });

  it('may be empty', async () => {
    const run = await openRun(await runOf([], []));
    expect(await run.find(idOf('any'))).toBeUndefined();
    expect(await collect(run.batches())).toEqual([]);
  });

  it('lists more packs than one table frame holds', async () => {
    const packs = numbered('pack ', PACKS_PER_TABLE_FRAME_MAX + 5).map(packOf);
    const last = packs.at(-1);
    if (last === undefined) throw new Error('there are packs');
    const run = await openRun(await runOf(packs, entriesIn(last, ['blob'])));
    expect(run.packs).toEqual(packs);
    expect((await run.find(idOf('blob')))?.packId).toBe(last.packId);
  });

  it('refuses entries that do not rise', async () => {
    const pack = packOf('pack');
    const entries = entriesIn(pack, ['one', 'two']);
    await expect(runOf([pack], entries.reverse())).rejects.toThrow('rise strictly');
    await expect(runOf([pack], [...entriesIn(pack, ['one']), ...entriesIn(pack, ['one'])])).rejects.toThrow(
      'rise strictly',
    );
  });

  it('turns a short answer of the store into damage', async () => {
    const pack = packOf('pack');
    const run = await runOf([pack], entriesIn(pack, numbered('blob ', 100)));
    const read = ({ offset, length }: { offset: number; length: number }) =>
      Promise.resolve(run.bytes.subarray(offset, offset + length - 1));
    await expect(openRun(run, { read })).rejects.toMatchObject({ code: 'integrity/damaged' });
  });
});

describe('a loaded run', () => {
  const pack = packOf('pack');
  const other = { ...packOf('other'), fileType: FILE_TYPE.treePack };
  const entries = [
    ...entriesIn(pack, numbered('blob ', 3 * ENTRIES_PER_PAGE_MAX)),
    ...entriesIn(other, numbered('more ', 300)),
  ].sort((left, right) => Buffer.compare(left.id, right.id));
  const absent = numbered('absent ', 2000).map(idOf);

  it('knows the row of every id without waiting, and finds what it found before', async () => {
    const run = await openRun(await runOf([pack, other], entries));
    expect(run.isLoaded).toBe(false);
    await Promise.all([run.load(), run.load()]);
    expect(run.isLoaded).toBe(true);
    expect(entries.findIndex(({ id }, row) => run.rowOf(id) !== row)).toBe(-1);
    for (const { id, ...location } of entries) expect(await run.find(id)).toEqual(location);
    for (const id of absent) {
      expect([run.rowOf(id), run.mayContain(id)]).toEqual([-1, false]);
      expect(await run.find(id)).toBeUndefined();
    }
  });

  it('reads nothing for what it has room for, and its pages again where it has none', async () => {
    const built = await runOf([pack, other], entries);
    const { read, reads } = countingReader(built.bytes);
    const roomy = await openRun(built, { read });
    await roomy.load();
    reads.count = 0;
    for (const { id } of entries) await roomy.find(id);
    expect(reads.count).toBe(0);
    const tight = await openRun(built, { read, cache: createPageCache(20_000) });
    await tight.load();
    reads.count = 0;
    for (const { id, ...location } of entries) expect(await tight.find(id)).toEqual(location);
    // In the order of the run each page comes once, but for the first that had room.
    expect(reads.count).toBe(3);
  });

  it('drives no page of another run out of the cache', async () => {
    const cache = createPageCache(250_000);
    const built = await runOf([pack, other], entries);
    const { read, reads } = countingReader(built.bytes);
    const first = await openRun(built, { read, cache });
    await first.find(entries[0]?.id ?? idOf('none'));
    await first.find(entries.at(-1)?.id ?? idOf('none'));
    await (await openRun(built, { cache })).load();
    expect(cache.sizeBytes).toBeLessThanOrEqual(250_000);
    reads.count = 0;
    await first.find(entries[1]?.id ?? idOf('none'));
    await first.find(entries.at(-2)?.id ?? idOf('none'));
    expect(reads.count).toBe(0);
  });

  it('is what a run becomes by itself after many reads of single pages, and not after few', async () => {
    const cache = createPageCache(1);
    const run = await openRun(await runOf([pack, other], entries), { cache });
    for (const { id } of entries.slice(0, 20)) await run.find(id);
    expect(run.isLoaded).toBe(false);
    // Every one of these needs another page than the one before.
    for (let round = 0; round < 20; round++) {
      for (const row of [round, round + ENTRIES_PER_PAGE_MAX]) {
        const { id, ...location } = entries[row] ?? entries[0]!;
        expect(await run.find(id)).toEqual(location);
      }
    }
    expect(run.isLoaded).toBe(true);
  });

  it('with a damaged page can’t be, says so, and still finds what the other pages hold', async () => {
    const built = await runOf([pack, other], entries);
    const bytes = Uint8Array.from(built.bytes);
    // In the third of four pages.
    bytes[Math.floor(bytes.length * 0.8)]! ^= 1;
    const run = await openRun({ ...built, bytes }, { cache: createPageCache(1) });
    await expect(run.load()).rejects.toMatchObject({ code: 'integrity/damaged' });
    expect(run.isLoaded).toBe(false);
    for (let round = 0; round < 40; round++) {
      for (const row of [round, round + ENTRIES_PER_PAGE_MAX]) {
        const { id, ...location } = entries[row] ?? entries[0]!;
        expect(await run.find(id)).toEqual(location);
      }
    }
    expect(run.isLoaded).toBe(false);
    await expect(run.find(entries[2 * ENTRIES_PER_PAGE_MAX]?.id ?? idOf('none'))).rejects.toMatchObject({
      code: 'integrity/damaged',
    });
  });

  it('tells which rows lie in some packs', async () => {
    const run = await openRun(await runOf([pack, other], entries));
    const bits = await run.rowsIn(new Set([other.packId]));
    const marked = entries.filter((_, row) => ((bits[row >> 3] ?? 0) & (1 << (row & 7))) !== 0);
    expect(marked.map(({ id }) => toHex(id))).toEqual(
      entries.filter(({ packId }) => packId === other.packId).map(({ id }) => toHex(id)),
    );
    expect(marked).toHaveLength(300);
  });

  it('gives the memory of its pages back', async () => {
    const cache = createPageCache();
    const run = await openRun(await runOf([pack, other], entries), { cache });
    await run.load();
    expect(cache.sizeBytes).toBeGreaterThan(40_000);
    run.release();
    expect(cache.sizeBytes).toBe(0);
    const { id, ...location } = entries[0]!;
    expect(await run.find(id)).toEqual(location);
  });
});

describe('merging runs', () => {
  it('keeps every id once, and the newest run’s place for it', async () => {
    const [newer, older] = [packOf('newer'), packOf('older')];
    const runs = [
      await openRun(await runOf([newer], entriesIn(newer, numbered('blob ', 3000)))),
      await openRun(await runOf([older], entriesIn(older, [...numbered('blob ', 1500), ...numbered('old ', 4000)]))),
    ];
    const merged = await collect(mergeRuns({ runs, absent: new Set() }));
    expect(merged).toHaveLength(7000);
    expect(merged.filter(({ packId }) => packId === newer.packId)).toHaveLength(3000);
    const rising = merged.every(({ id }, index) => index === 0 || Buffer.compare(merged[index - 1]?.id ?? id, id) < 0);
    expect(rising).toBe(true);
  });

  it('leaves out packs that are gone and falls back to an older place', async () => {
    const [gone, kept] = [packOf('gone'), packOf('kept')];
    const runs = [
      await openRun(await runOf([gone], entriesIn(gone, ['one', 'two']))),
      await openRun(await runOf([kept], entriesIn(kept, ['one', 'three']))),
    ];
    const input = { runs, absent: new Set([gone.packId]) };
    const merged = await collect(mergeRuns(input));
    expect(merged.map(({ id }) => toHex(id)).sort()).toEqual([idOf('one'), idOf('three')].map(toHex).sort());
    expect(merged.every(({ packId }) => packId === kept.packId)).toBe(true);
    expect(mergePacks(input)).toEqual([kept]);
  });

  it('prefers an older place in a sound pack to a newer one in a pack that can’t be relied on', async () => {
    const [lost, sound, doubtful] = [packOf('lost'), packOf('sound'), packOf('doubtful')];
    const runs = [
      await openRun(await runOf([lost], entriesIn(lost, ['everywhere', 'twice doubtful', 'only lost']))),
      await openRun(await runOf([doubtful], entriesIn(doubtful, ['everywhere', 'twice doubtful']))),
      await openRun(await runOf([sound], entriesIn(sound, ['everywhere', 'only sound']))),
    ];
    const input = { runs, absent: new Set<never>(), unreliable: new Set([lost.packId, doubtful.packId]) };
    const merged = new Map((await collect(mergeRuns(input))).map(({ id, packId }) => [toHex(id), packId]));
    expect(merged).toEqual(
      new Map([
        [toHex(idOf('everywhere')), sound.packId],
        // Neither can be relied on: the newer one stays, and so does what stands nowhere else.
        [toHex(idOf('twice doubtful')), lost.packId],
        [toHex(idOf('only lost')), lost.packId],
        [toHex(idOf('only sound')), sound.packId],
      ]),
    );
    expect(mergePacks(input).map(({ packId }) => packId)).toEqual([lost.packId, doubtful.packId, sound.packId]);
  });

  it('gives way at the end of a full page as anywhere else', async () => {
    const [lost, sound] = [packOf('lost'), packOf('sound')];
    const names = numbered('blob ', 2 * ENTRIES_PER_PAGE_MAX);
    const runs = [
      await openRun(await runOf([lost], entriesIn(lost, names))),
      await openRun(await runOf([sound], entriesIn(sound, names))),
    ];
    const merged = await collect(mergeRuns({ runs, absent: new Set(), unreliable: new Set([lost.packId]) }));
    expect(merged).toHaveLength(names.length);
    expect(merged.filter(({ packId }) => packId !== sound.packId)).toEqual([]);
  });

  it('writes a merged run that finds everything', async () => {
    const packs = numbered('pack ', 5).map(packOf);
    const runs = await Promise.all(
      packs.map(async (pack, index) =>
        openRun(await runOf([pack], entriesIn(pack, numbered(`run ${index} blob `, 1000)))),
      ),
    );
    const input = { runs, absent: new Set<never>() };
    const merged = await openRun(
      await buildRun({ packs: mergePacks(input), entries: mergeRuns(input), entryCountMax: 5000 }),
    );
    expect(merged.entryCount).toBe(5000);
    for (const [index, pack] of packs.entries()) {
      for (const name of numbered(`run ${index} blob `, 50))
        expect((await merged.find(idOf(name)))?.packId).toBe(pack.packId);
    }
  });
});

describe('the table of entries not yet in a run', () => {
  it('sorts by id, keeps equal ids once, and locates every row', () => {
    const blobs = numbered('text ', 50).map((_, index) => blobOf(textLikeBytes(index, 60_000)));
    const packs = [buildPack(segmentsOf(blobs)), buildPack(segmentsOf(blobs.slice(10, 20)))];
    const table = new IndexTable();
    const firstRows = packs.map(({ packId, sizeBytes, footer }) => table.addPack(packId, sizeBytes, footer));
    expect(firstRows).toEqual([0, 50]);
    for (const [place, { packId, footer }] of packs.entries()) {
      for (const [index, { id, ...location }] of [...indexEntriesOf(packId, footer)].entries()) {
        expect(table.locationAt((firstRows[place] ?? 0) + index)).toEqual(location);
        expect(toHex(table.idAt((firstRows[place] ?? 0) + index))).toBe(toHex(id));
      }
    }
    const sorted = [...table.sorted()].flatMap((batch) => [...batch]);
    expect(sorted.map(({ id }) => toHex(id))).toEqual(blobs.map(({ id }) => toHex(id)).sort());
    expect(sorted.every(({ packId }) => packId === packs[0]?.packId)).toBe(true);
  });

  it('sorts ids that differ only at their end', () => {
    const count = 300;
    const ids = Array.from({ length: count }, (_, index) => {
      const bytes = new Uint8Array(32).fill(index % 3);
      new DataView(bytes.buffer).setUint16(30, count - index, false);
      return asBlobId(bytes);
    });
    const columns = new FooterColumns();
    const blobs = ids.map((id, index) => ({ id, type: BLOB_TYPE.fileChunk, offset: index, length: 1 }));
    columns.addSegment({ kind: 'segment', compression: COMPRESSION.none, plainLength: count, blobs }, 1000);
    const footer = decodeFooter(columns.encode(FILE_TYPE.dataPack), { fileType: FILE_TYPE.dataPack, framesEnd: 1104 });
    const table = new IndexTable();
    table.addPack(packOf('near').packId, 2000, footer);
    const sorted = [...table.sorted()].flatMap((batch) => [...batch]).map(({ id }) => toHex(id));
    expect(sorted).toEqual(ids.map(toHex).sort());
  });
});
