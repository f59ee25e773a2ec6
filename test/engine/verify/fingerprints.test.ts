/** The tables that stand in for the index: what they say is right, and they never grow. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hash } from '../../../src-main/engine/codec/index.ts';
import { utf8 } from '../../../src-main/engine/kernel/index.ts';
import { Fingerprints, RecentlySeen } from '../../../src-main/engine/verify/fingerprints.ts';

const idOf = (number: number): Uint8Array => hash(utf8(`id ${number}`));

test('an id has the value it was added with, and an id that was not added has none', () => {
  const value = fc.integer({ min: 1, max: 2 ** 32 - 2 });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(500), value), { maxLength: 400 }), (pairs) => {
      const table = new Fingerprints(pairs.length);
      const model = new Map<number, number>();
      for (const [number, given] of pairs) {
        table.add(idOf(number), given);
        const known = model.get(number);
        model.set(number, known === undefined || known === given ? given : 0);
      }
      for (let number = 0; number <= 500; number++) expect(table.valueOf(idOf(number))).toBe(model.get(number) ?? 0);
    }),
    { numRuns: 30 },
  );
});

test('ids that share their first 32 bits are told apart', () => {
  const table = new Fingerprints(10);
  const [one, two] = [new Uint8Array(32), new Uint8Array(32)];
  two[7] = 1;
  table.add(one, 1);
  expect(table.valueOf(two)).toBe(0);
  table.add(two, 2);
  expect([table.valueOf(one), table.valueOf(two)]).toEqual([1, 2]);
});

test('a full table leaves out what does not fit and keeps what it has', () => {
  const table = new Fingerprints(1_000_000, 1024);
  for (let number = 0; number < 2000; number++) table.add(idOf(number), number + 1);
  expect(table.isFull).toBe(true);
  const known = Array.from({ length: 2000 }, (_, number) => table.valueOf(idOf(number)));
  expect(known.slice(0, 768)).toEqual(Array.from({ length: 768 }, (_, number) => number + 1));
  expect(new Set(known.slice(768))).toEqual(new Set([0]));
});

test('what was seen lately is known, and memory of it is bounded', () => {
  const seen = new RecentlySeen(1024);
  for (let number = 0; number < 10_000; number++) {
    seen.add(idOf(number));
    // Met again and again: it stays, however much comes after it.
    expect(number === 0 || seen.has(idOf(0))).toBe(true);
    expect(seen.has(idOf(number))).toBe(true);
  }
  const known = Array.from({ length: 10_000 }, (_, number) => seen.has(idOf(number))).filter(Boolean).length;
  expect(known).toBeLessThanOrEqual(2 * 768);
  expect(seen.has(idOf(10_001))).toBe(false);
});
