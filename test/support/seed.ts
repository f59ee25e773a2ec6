/**
 * Randomness that can be repeated. A test takes its seed from CAIRN_TEST_SEED or makes one, and the seed is printed, so
 * that a failure can be run again exactly.
 */
import { randomInt } from 'node:crypto';

export type Seeded = {
  readonly seed: number;
  /** 0 ≤ x < 1 */
  readonly next: () => number;
  /** A whole number, both ends included. */
  readonly between: (min: number, max: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly pick: <Item>(items: readonly Item[]) => Item;
  readonly bytes: (count: number) => Buffer;
  /** Independent of how much the parent is used afterwards. */
  readonly fork: () => Seeded;
};

const SEED_MAX = 2 ** 32;

/** The seed of this run: CAIRN_TEST_SEED if set, else a new one. Printed either way. */
export function testSeed(name: string): number {
  const given = Number(process.env['CAIRN_TEST_SEED']);
  const seed = Number.isSafeInteger(given) && process.env['CAIRN_TEST_SEED'] ? given : randomInt(SEED_MAX);
  process.stderr.write(`${name}: CAIRN_TEST_SEED=${seed}\n`);
  return seed;
}

/** xoshiro128**, filled by splitmix32: good enough for trees and contents, the same on every machine. */
export function seeded(seed: number): Seeded {
  let filler = seed >>> 0;
  const fill = (): number => {
    filler = (filler + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(filler ^ (filler >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  const state = Uint32Array.of(fill(), fill(), fill(), fill());
  const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by));
  const word = (): number => {
    const [a = 0, b = 0, c = 0, d = 0] = state;
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    state[2] = c ^ a;
    state[3] = d ^ b;
    state[1] = b ^ (c ^ a);
    state[0] = a ^ (d ^ b);
    state[2] = c ^ a ^ (b << 9);
    state[3] = rotate(d ^ b, 11);
    return result;
  };
  const next = (): number => word() / SEED_MAX;
  const between = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    seed,
    next,
    between,
    chance: (probability) => next() < probability,
    pick: (items) => {
      const item = items[between(0, items.length - 1)];
      if (item === undefined) throw new Error('nothing to pick from');
      return item;
    },
    bytes: (count) => {
      const words = new Uint32Array(Math.ceil(count / 4));
      for (let index = 0; index < words.length; index++) words[index] = word();
      return Buffer.from(words.buffer, 0, count);
    },
    fork: () => seeded(word()),
  };
}
