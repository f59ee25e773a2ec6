/** Files are deleted, cut off, extended, zeroed, shifted, swapped, or replaced by others. */
import { beforeAll, describe, expect, test } from 'vitest';
import { everyDeletion, everyDistortion, everyForeign, everySwap } from '../support/damage-cases.ts';
import { checkCases } from '../support/damage-check.ts';
import { type SmallRepository, buildSmallRepository, buildTwinRepository } from '../support/damage-repository.ts';
import { seeded, testSeed } from '../support/seed.ts';

const TIMEOUT_MS = 300_000;
/** Two of three have packs of one size. */
const TWIN_ATTEMPTS_MAX = 20;
const seed = testSeed('distortions');

describe.each([
  ['encrypted', true],
  ['plain', false],
])('%s repository', (_, encrypted) => {
  let small: SmallRepository;
  beforeAll(async () => {
    small = await buildSmallRepository({ seed, encrypted });
  });

  test('a deleted file is missed, by its name or by what was in it', { timeout: TIMEOUT_MS }, async () => {
    const { count, failures } = await checkCases(small, everyDeletion(small.files), seeded(seed));
    expect(failures).toEqual([]);
    expect(count).toBeGreaterThan(10);
  });

  test(
    'a file cut off, extended, zeroed or shifted is named, and nothing else is lost',
    { timeout: TIMEOUT_MS },
    async () => {
      const random = seeded(seed);
      const { count, failures } = await checkCases(small, everyDistortion(small.files, random), random);
      expect(failures).toEqual([]);
      expect(count).toBeGreaterThan(100);
    },
  );

  test('files that stand in each other’s place are both named', { timeout: TIMEOUT_MS }, async () => {
    const random = seeded(seed);
    const { count, failures } = await checkCases(small, everySwap(small.files, random), random);
    expect(failures).toEqual([]);
    expect(count).toBeGreaterThan(30);
  });

  test('packs of the same shape that stand in each other’s place never pass for one another', async () => {
    const sizesOf = ({ files }: SmallRepository): number[] =>
      [...files].filter(([name]) => name.startsWith('packs/')).map(([, { length }]) => length);
    const hasTwins = (repository: SmallRepository): boolean =>
      new Set(sizesOf(repository)).size < sizesOf(repository).length;
    let twins = await buildTwinRepository({ seed, encrypted });
    // A footer holds random ids; now and then one of them compresses by a byte more than its twin.
    for (let attempt = 1; attempt < TWIN_ATTEMPTS_MAX && !hasTwins(twins); attempt++) {
      twins = await buildTwinRepository({ seed: seed + attempt, encrypted });
    }
    expect(hasTwins(twins)).toBe(true);
    const random = seeded(seed);
    const { failures } = await checkCases(twins, everySwap(twins.files, random), random);
    expect(failures).toEqual([]);
  });

  test('a file of another repository is never taken for one of this', { timeout: TIMEOUT_MS }, async () => {
    const other = await buildSmallRepository({ seed: seed + 1, encrypted });
    const { count, failures } = await checkCases(small, everyForeign(small.files, other.files), seeded(seed));
    expect(failures).toEqual([]);
    expect(count).toBeGreaterThan(20);
  });
});
