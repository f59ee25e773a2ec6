/**
 * A repository that threads made, damaged: what a lane listed and read, and a thread compressed, is found, named and
 * read as what one thread makes. Where its bytes lie differs from run to run; the cases are taken from what is there.
 *
 * Here are samples; the suites beside this one damage everything in what one thread made.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type DamageCase,
  deleted,
  everyDeletion,
  everyDistortion,
  everyFlip,
  flipped,
} from '../support/damage-cases.ts';
import { CHECKED_BY_THREADS, checkCases, kindOf, readEverything } from '../support/damage-check.ts';
import {
  LANES,
  type SmallRepository,
  SmallTree,
  backUp,
  buildSmallRepository,
  openFresh,
  storeOf,
} from '../support/damage-repository.ts';
import { seeded, testSeed } from '../support/seed.ts';
import { type ThreadCount, countThreads } from '../support/threads.ts';

const TIMEOUT_MS = 300_000;
const FLIP_STEP = 197;
const DISTORTIONS_EVERY = 13;
const BACKUPS = 5;
const seed = testSeed('damage with threads');

function* every(cases: Iterable<DamageCase>, step: number): Generator<DamageCase> {
  let index = 0;
  for (const one of cases) if (index++ % step === 0) yield one;
}

describe('a repository that threads made', () => {
  let small: SmallRepository;
  let threads: ThreadCount;
  beforeAll(async () => {
    threads = countThreads();
    small = await buildSmallRepository({ seed, encrypted: true, threads: LANES });
  });
  afterAll(() => threads.stop());

  test('is whole, and each of its backups had threads', async () => {
    expect(threads.started).toBe(BACKUPS * LANES.workers);
    expect(threads.running).toBe(0);
    const repository = await openFresh(await storeOf(small.files), small.recovery, seeded(1));
    expect(await readEverything(repository, small.snapshots)).toEqual({ lost: [], lostSnapshots: [] });
  });

  test(
    'a flipped bit is named, loses only what it must, and never becomes a wrong byte',
    { timeout: TIMEOUT_MS },
    async () => {
      const random = seeded(seed);
      const { count, failures } = await checkCases(small, everyFlip(small.files, FLIP_STEP, random), random);
      expect(failures).toEqual([]);
      expect(count).toBeGreaterThan(50);
    },
  );

  test(
    'a file cut off, extended, zeroed or shifted is named, and nothing else is lost',
    { timeout: TIMEOUT_MS },
    async () => {
      const random = seeded(seed);
      const cases = every(everyDistortion(small.files, random), DISTORTIONS_EVERY);
      const { count, failures } = await checkCases(small, cases, random);
      expect(failures).toEqual([]);
      expect(count).toBeGreaterThan(20);
    },
  );

  test('a deleted file is missed, also where threads decode the packs', { timeout: TIMEOUT_MS }, async () => {
    const before = threads.started;
    const options = { threads: CHECKED_BY_THREADS };
    const { count, failures } = await checkCases(small, everyDeletion(small.files), seeded(seed), options);
    expect(failures).toEqual([]);
    expect(count).toBeGreaterThan(5);
    expect(threads.started - before).toBeGreaterThan(count);
    expect(threads.running).toBe(0);
  });

  test('the next backup with threads is whole beside anything damaged', { timeout: TIMEOUT_MS }, async () => {
    const tree = new SmallTree();
    try {
      tree.file('only.bin', seeded(seed).bytes(50));
      tree.folder('folder');
      tree.file('folder/below.bin', seeded(seed + 1).bytes(70));
      const entries = tree.state();
      const names = [...small.files.keys()].filter((name) => ['pack', 'commit', 'index'].includes(kindOf(name)));
      for (const [turn, name] of names.entries()) {
        const { files, what } = turn % 2 === 0 ? deleted(small.files, name) : flipped(small.files, name, 9, seeded(1));
        const store = await storeOf(files);
        const id = await backUp(await openFresh(store, small.recovery, seeded(seed)), tree.root, LANES);
        const reader = await openFresh(store, small.recovery, seeded(seed));
        const { lost, lostSnapshots } = await readEverything(reader, [...small.snapshots, { id, entries }]);
        expect(lostSnapshots, what).not.toContain(id);
        expect(
          lost.filter(({ snapshot }) => snapshot === id),
          what,
        ).toEqual([]);
      }
    } finally {
      tree.dispose();
    }
  });
});
