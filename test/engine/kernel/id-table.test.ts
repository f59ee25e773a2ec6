/** The table of a session’s own ids: what it says, and what it costs. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IdTable, toHex } from '../../../src-main/engine/kernel/index.ts';
import { seeded } from '../../support/seed.ts';

/** Ids that share their first or their last words, so that they meet in their slots, and the one of zeros. */
const id = fc.tuple(fc.nat({ max: 3000 }), fc.nat({ max: 2 }), fc.nat({ max: 2 })).map(([first, second, third]) => {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.imul(first, 0x9e3779b1), true);
  view.setUint32(4, second, true);
  view.setUint32(8, third, true);
  return bytes;
});
const value = fc.integer({ min: 0, max: 0xffff_ffff });

describe('an id table', () => {
  test('says the same as a Map after any sequence of sets, through every growth', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(id, value), { minLength: 1000, maxLength: 20_000 }),
        fc.array(id, { maxLength: 50 }),
        (sets, questions) => {
          const table = new IdTable('numbers');
          const ids = new IdTable('ids');
          const model = new Map<string, number>();
          for (const [key, each] of sets) {
            table.set(key, each);
            ids.set(key, each);
            model.set(toHex(key), each);
          }
          const wrong = [...sets.map(([each]) => each), ...questions].filter(
            (key) =>
              table.get(key) !== model.get(toHex(key)) ||
              table.has(key) !== model.has(toHex(key)) ||
              ids.has(key) !== model.has(toHex(key)),
          );
          expect(wrong).toEqual([]);
          expect([table.size, ids.size]).toEqual([model.size, model.size]);
        },
      ),
      { numRuns: 20 },
    );
  });

  test('tells ids apart that differ in any one of their first 96 bits', () => {
    const table = new IdTable('numbers');
    const bytes = seeded(1).bytes(32);
    table.set(bytes, 1000);
    for (let bit = 0; bit < 96; bit++) {
      const other = Uint8Array.from(bytes);
      other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(table.has(other)).toBe(false);
      table.set(other, bit);
    }
    expect(table.size).toBe(97);
    expect(table.get(bytes)).toBe(1000);
  });

  test('knows an id of zeros only once it was put in', () => {
    const zero = new Uint8Array(32);
    for (const content of ['ids', 'numbers'] as const) {
      const table = new IdTable(content);
      expect(table.has(zero)).toBe(false);
      table.set(zero, 7);
      table.set(zero, 8);
      expect([table.has(zero), table.size, table.get(zero)]).toEqual([true, 1, content === 'ids' ? 0 : 8]);
    }
  });

  test('reads an id in the middle of other bytes, and the caller may reuse them', () => {
    const bytes = seeded(2).bytes(96);
    const table = new IdTable('numbers');
    for (const at of [0, 32, 64]) table.set(bytes, at, at);
    const copy = Uint8Array.from(bytes);
    bytes.fill(0);
    expect([0, 32, 64].map((at) => table.get(copy.subarray(at, at + 32)))).toEqual([0, 32, 64]);
    expect([0, 32, 64].map((at) => table.get(copy, at))).toEqual([0, 32, 64]);
    expect(table.has(copy, 1)).toBe(false);
  });

  test('takes at most 20 bytes an id, and 26 with a number, however many there are', () => {
    const count = 300_000;
    const bytes = seeded(3).bytes(count * 12 + 32);
    const tables = [new IdTable('ids'), new IdTable('numbers')] as const;
    for (let index = 0; index < count; index++) {
      for (const table of tables) table.set(bytes, index, index * 12);
      if (index < 50_000 || index % 1000 !== 0) continue;
      expect(tables[0].sizeBytes / tables[0].size).toBeLessThan(20);
      expect(tables[1].sizeBytes / tables[1].size).toBeLessThan(26.7);
    }
    expect(tables.map(({ size }) => size)).toEqual([count, count]);
    for (let index = 0; index < count; index += 977) expect(tables[1].get(bytes, index * 12)).toBe(index);
  });
});
