/** A bit flips somewhere in a repository: every 16th byte of every file, from a drawn offset on. */
import { beforeAll, describe, expect, test } from 'vitest';
import { everyFlip } from '../support/damage-cases.ts';
import { checkCases } from '../support/damage-check.ts';
import { type SmallRepository, buildSmallRepository } from '../support/damage-repository.ts';
import { seeded, testSeed } from '../support/seed.ts';

const STEP = 32;
const TIMEOUT_MS = 300_000;
const seed = testSeed('flips');

const PARTS = [
  ['the configuration or its copy', /^config/],
  ['the instance marker or the reserve', /^(instance|reserve)$/],
  ['a key file', /^keys\//],
  ['a data or tree pack', /^packs\//],
  ['a commit file', /^commits\//],
  ['an index run', /^index\//],
  ['a snapshot file', /^snapshots\//],
  ['an event, a condemnation, a session or a saved set', /^(events|condemned|sessions|sets)\//],
] as const;

describe.each([
  ['encrypted', true],
  ['plain', false],
])('%s repository', (_, encrypted) => {
  let small: SmallRepository;
  beforeAll(async () => {
    small = await buildSmallRepository({ seed, encrypted });
  });

  const parts = PARTS.filter(([part]) => encrypted || part !== 'a key file');
  test.for(parts)(
    'a flipped bit in %s is named by verify, loses only what it must, and never becomes a wrong byte',
    { timeout: TIMEOUT_MS },
    async ([, among]) => {
      const random = seeded(seed);
      const { count, failures } = await checkCases(small, everyFlip(small.files, STEP, random, among), random);
      expect(failures).toEqual([]);
      expect(count).toBeGreaterThan(10);
    },
  );
});
