/** Many live snapshots in few files; `npm run torture snapshots` makes 5,000. */
import { expect, test } from 'vitest';
import { runLiveChain } from '../../support/live-chain.ts';
import { testSeed } from '../../support/seed.ts';

const SNAPSHOTS = 90;

test(
  'many live snapshots stay within 64 commit files and 16 index runs, and the first and the newest come back',
  { timeout: 300_000 },
  async () => {
    const figures = await runLiveChain({ seed: testSeed('live chain'), snapshots: SNAPSHOTS, files: 200, restores: 1 });
    expect(figures).toMatchObject({ snapshots: SNAPSHOTS, differences: [] });
    expect(figures.commitFilesMax).toBeLessThanOrEqual(64);
    // It came so far that commit files had to be merged.
    expect(figures.commitFilesMax).toBeGreaterThan(8);
    expect(figures.indexRunsMax).toBeLessThanOrEqual(16);
  },
);
