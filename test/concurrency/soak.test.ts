/** Real processes on one repository for ten seconds. `npm run torture concurrency` does it for two minutes, with more. */
import { expect, test } from 'vitest';
import { runSoak } from '../support/concurrency-harness.ts';
import { testSeed } from '../support/seed.ts';

const TIMEOUT_MS = 300_000;

test(
  'two writers, a reader and a verifier at work on one repository, and killed: nothing is lost, nothing fails',
  { timeout: TIMEOUT_MS },
  async () => {
    const seed = testSeed('concurrency soak');
    const figures = await runSoak({ seed, seconds: 10, writers: 2, readers: 1, disturbEverySeconds: 2 });
    process.stderr.write(`concurrency soak: ${JSON.stringify(figures)}\n`);
    expect(figures.restoredAtEnd).toBeGreaterThanOrEqual(figures.acknowledged);
    // Both backed the same tree up at the same time, each in a log of its own.
    expect(figures.writerIds).toBeGreaterThanOrEqual(2);
  },
);
