/** What a sample draws. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type PackId, parsePackId } from '../../../src-shared/ids.ts';
import { hash } from '../../../src-main/engine/codec/index.ts';
import { toHex, utf8 } from '../../../src-main/engine/kernel/index.ts';
import { drawPacks } from '../../../src-main/engine/verify/sample.ts';

const packsOf = (sizes: readonly number[]): Map<PackId, number> =>
  new Map(sizes.map((size, index) => [parsePackId(toHex(hash(utf8(`pack ${index}`)))), size]));
const sizes = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 40 });
const seeds = fc.uint8Array({ minLength: 16, maxLength: 16 });
const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, number) => total + number, 0);

test('a sample holds at least its share of the bytes, and without its last pack it would not', () => {
  fc.assert(
    fc.property(sizes, seeds, fc.double({ min: 0.001, max: 100, noNaN: true }), (given, seed, percent) => {
      const packs = packsOf(given);
      const drawn = [...drawPacks(packs, percent, seed)].map((id) => packs.get(id)!);
      const wanted = (sum(given) * percent) / 100;
      expect(sum(drawn)).toBeGreaterThanOrEqual(wanted * (1 - 1e-9));
      expect(drawn.length === 1 || sum(drawn.slice(0, -1)) < wanted).toBe(true);
    }),
  );
});

test('a seed draws the same packs again, in whatever order they are listed, and all packs have their turn', () => {
  const packs = packsOf(Array.from({ length: 20 }, () => 1000));
  const seed = new Uint8Array(16).fill(3);
  const backwards = new Map([...packs].toReversed());
  expect(drawPacks(backwards, 30, seed)).toEqual(drawPacks(packs, 30, seed));
  const met = new Set<PackId>();
  for (let run = 0; run < 200; run++) for (const id of drawPacks(packs, 10, new Uint8Array(16).fill(run))) met.add(id);
  expect(met.size).toBe(packs.size);
});

test('a sample of nothing still looks at one pack, and one of all at every pack', () => {
  const packs = packsOf([10, 20, 30]);
  const seed = new Uint8Array(16);
  expect([drawPacks(packs, 0, seed).size, drawPacks(packs, 100, seed).size]).toEqual([1, 3]);
  expect(drawPacks(new Map(), 50, seed).size).toBe(0);
});
