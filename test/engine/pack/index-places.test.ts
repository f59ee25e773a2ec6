/** Places without ids, for the page cache: what a packed page says is what the page said. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asBlobId, parsePackId } from '../../../src-shared/ids.ts';
import { BLOB_TYPE, FILE_TYPE } from '../../../src-main/engine/codec/index.ts';
import { decodeIndexPage, encodeIndexPage, type PageEntry } from '../../../src-main/engine/pack/index-page.ts';
import { FrameTable } from '../../../src-main/engine/pack/index-places.ts';
import { SEGMENT_BYTES_MAX } from '../../../src-main/engine/pack/index.ts';
import { seeded } from '../../support/seed.ts';

const pack = { packId: parsePackId('ab'.repeat(32)), fileType: FILE_TYPE.treePack, sizeBytes: 2 ** 28, blobCount: 1 };
const TYPES = Object.values(BLOB_TYPE);

type Shape = { readonly seed: number; readonly rows: number; readonly frames: number; readonly lengthMin: number };

function entriesOf({ seed, rows, frames, lengthMin }: Shape): PageEntry[] {
  const source = seeded(seed);
  const entries = Array.from({ length: rows }, (): PageEntry => {
    const frame = source.between(0, frames - 1);
    // Ends of the ranges come up often.
    const offset = source.chance(0.1)
      ? source.pick([0, SEGMENT_BYTES_MAX - 1])
      : source.between(0, SEGMENT_BYTES_MAX - 1);
    const lengthMax = SEGMENT_BYTES_MAX - offset;
    return {
      id: asBlobId(source.bytes(32)),
      packOrdinal: frame % 5,
      frameOffset: 104 + frame * 100,
      frameLength: 40 + (frame % 3),
      offset,
      length: source.chance(0.1) ? lengthMax : source.between(lengthMin, lengthMax),
      type: source.pick(TYPES),
      delta: source.chance(0.1),
    };
  });
  return entries.sort((left, right) => Buffer.compare(left.id, right.id));
}

function pageOf(entries: readonly PageEntry[]) {
  const firstId = entries[0]?.id ?? new Uint8Array(32);
  const bytes = encodeIndexPage(entries);
  return decodeIndexPage(bytes, { firstId, entryCount: entries.length, packCount: 5, packBytes: () => 2 ** 28 });
}

describe('the places of a page', () => {
  test('are those of its rows, packed or not, page after page', () => {
    const shape = fc.record({
      seed: fc.nat(),
      rows: fc.integer({ min: 1, max: 2048 }),
      frames: fc.integer({ min: 1, max: 5000 }),
      lengthMin: fc.constantFrom(0, 1),
    });
    const property = fc.property(fc.array(shape, { minLength: 1, maxLength: 6 }), fc.nat(100_000), (shapes, rows) => {
      const table = new FrameTable(rows);
      const pages = shapes.map((one) => ({ entries: entriesOf(one), places: table.pack(pageOf(entriesOf(one))) }));
      for (const { entries, places } of pages) {
        for (const [row, { id, packOrdinal, ...place }] of entries.entries()) {
          expect(places.packOrdinalAt(row)).toBe(packOrdinal);
          expect(places.locationAt(row, pack)).toEqual({ packId: pack.packId, fileType: pack.fileType, ...place });
          expect(id).toHaveLength(32);
        }
      }
    });
    fc.assert(property, { numRuns: 15 });
  });

  test('take 8 bytes a row where frames hold many blobs, 22 where each blob has its own, and nothing grows for those', () => {
    const shared = new FrameTable(20 * 2048);
    for (let page = 0; page < 20; page++) {
      const places = shared.pack(pageOf(entriesOf({ seed: page, rows: 2048, frames: 300, lengthMin: 1 })));
      expect(places.sizeBytes).toBe(2048 * 8);
    }
    const own = new FrameTable(12 * 2048);
    const sizes = Array.from(
      { length: 12 },
      (_, page) => own.pack(pageOf(entriesOf({ seed: page, rows: 2048, frames: 2 ** 20, lengthMin: 1 }))).sizeBytes,
    );
    expect(sizes.at(-1)).toBe(2048 * 22);
    expect(own.sizeBytes).toBeLessThan(150_000);
    // Ten thousand frames, and many times as many rows: worth it, though nearly every row of the first page is a new one.
    const many = new FrameTable(1_000_000);
    for (let page = 0; page < 20; page++) {
      const places = many.pack(pageOf(entriesOf({ seed: page, rows: 2048, frames: 10_000, lengthMin: 1 })));
      expect(places.sizeBytes).toBe(2048 * 8);
    }
  });

  test('of a page with an empty blob stay in columns', () => {
    const [entry] = entriesOf({ seed: 1, rows: 1, frames: 1, lengthMin: 1 });
    if (entry === undefined) throw new Error('there is an entry');
    const places = new FrameTable(1).pack(pageOf([{ ...entry, offset: SEGMENT_BYTES_MAX, length: 0 }]));
    expect(places.locationAt(0, pack)).toMatchObject({ offset: SEGMENT_BYTES_MAX, length: 0 });
  });
});
