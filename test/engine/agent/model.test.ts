/** The live tree is the true tree: 300 random sequences; `npm run torture live` runs 10,000. */
import { expect, test } from 'vitest';
import { runLiveModel } from '../../support/live-model.ts';
import { testSeed } from '../../support/seed.ts';

const TREES = 30;

test.runIf(process.platform === 'linux')(
  'after every settled sequence of changes the live root is the root of a scan that reads every byte',
  { timeout: 900_000 },
  async () => {
    const { findings, ...figures } = await runLiveModel('inotify', testSeed('live model'), TREES);
    process.stderr.write(`live model: ${JSON.stringify(figures)}\n`);
    expect(findings).toEqual([]);
    expect(figures.sequences).toBe(300);
    // Most of it was the live path, and not a look at everything in its place.
    expect(figures.live).toBeGreaterThan(figures.everything);
  },
);
