/** The ids of a run in memory: right for every id, whatever the pages; and never larger than what was really read. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RunIds } from '../../../src-main/engine/pack/index-ids.ts';
import { seeded } from '../../support/seed.ts';

const ID_BYTES = 32;

function viewOf(ids: readonly Uint8Array[]): DataView {
  const bytes = Buffer.concat(ids);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function loaded(ids: readonly Uint8Array[], pageRows: number, fileBytes = ids.length * ID_BYTES): RunIds {
  const table = new RunIds(ids.length, fileBytes);
  for (let from = 0; from < ids.length; from += pageRows) {
    const page = ids.slice(from, from + pageRows);
    table.append(viewOf(page), page.length);
  }
  table.finish();
  return table;
}

function sortedIds(seed: number, count: number, similar: number): Uint8Array[] {
  const source = seeded(seed);
  const ids = Array.from({ length: count }, () => {
    const id = source.bytes(ID_BYTES);
    // As ids never are: many begin alike.
    if (similar > 0 && source.chance(0.5)) id.fill(0xa5, 0, similar);
    return id;
  });
  return ids.sort((left, right) => Buffer.compare(left, right));
}

describe('the ids of a run', () => {
  test('give every id its row and no other id any, however they spread and however pages are cut', () => {
    const property = fc.property(
      fc.nat(),
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 0, max: 9 }),
      fc.integer({ min: 1, max: 2048 }),
      fc.integer({ min: 1, max: 200_000 }),
      (seed, count, similar, pageRows, fileBytes) => {
        const ids = sortedIds(seed, count, similar);
        const table = loaded(ids, pageRows, fileBytes);
        expect(table.count).toBe(count);
        expect(ids.findIndex((id, row) => table.rowOf(id) !== row)).toBe(-1);
        const others = sortedIds(seed + 1, 500, similar);
        expect(others.filter((id) => table.rowOf(id) !== -1)).toEqual([]);
      },
    );
    fc.assert(property, { numRuns: 60 });
  });

  test('tell ids apart that differ in any one of their first 97 bits', () => {
    const id = seeded(7).bytes(ID_BYTES);
    const table = loaded([id], 1);
    for (let bit = 0; bit < 97; bit++) {
      const other = Uint8Array.from(id);
      other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
      expect(table.rowOf(other), `bit ${bit}`).toBe(-1);
    }
    expect(table.rowOf(id)).toBe(0);
  });

  test('find the smallest and the largest id there can be', () => {
    const [zeros, ones] = [new Uint8Array(ID_BYTES), new Uint8Array(ID_BYTES).fill(255)];
    const table = loaded([zeros, ...sortedIds(5, 2000, 0), ones], 100);
    expect([table.rowOf(zeros), table.rowOf(ones)]).toEqual([0, 2001]);
    const empty = loaded([], 1);
    expect([empty.rowOf(zeros), empty.rowOf(ones)]).toEqual([-1, -1]);
  });

  test('refuse two ids that agree in 96 bits, which no keyed hashes do', () => {
    const id = seeded(8).bytes(ID_BYTES);
    const twin = Uint8Array.from(id);
    twin[31] = (twin[31] ?? 0) ^ 1;
    const both = [id, twin].sort((left, right) => Buffer.compare(left, right));
    expect(() => loaded(both, 2)).toThrow(expect.objectContaining({ code: 'integrity/malformed' }));
    // Over the edge of a page too.
    expect(() => loaded(both, 1)).toThrow(expect.objectContaining({ code: 'integrity/malformed' }));
  });

  test('take what the file can hold and not what a count claims, and 12.5 bytes a row at most in an honest one', () => {
    expect(new RunIds(67_000_000, 100_000).sizeBytes).toBeLessThan(50_000);
    const ids = sortedIds(9, 20_000, 0);
    expect(loaded(ids, 2048).sizeBytes / ids.length).toBeLessThan(12.5);
  });
});
