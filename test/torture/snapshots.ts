/**
 * `npm run torture snapshots [SNAPSHOTS]`: 5,000 live snapshots. How many files the repository has at most, and what it
 * takes to restore the newest beside the first. CAIRN_TEST_SEED repeats the changes.
 */
import { median } from '../bench/support/measure.ts';
import { runLiveChain } from '../support/live-chain.ts';
import { testSeed } from '../support/seed.ts';

const snapshots = Number(process.argv[2] ?? 5000);
const startedMs = performance.now();
const { firstMs, newestMs, differences, ...figures } = await runLiveChain({
  seed: testSeed('live chain'),
  snapshots,
  files: 5000,
  restores: 9,
  progress: (made, latestMs) =>
    console.log(`${made} snapshots, the latest in ${median(latestMs).toFixed(0)} ms each (median)`),
});
const ratio = median(newestMs) / median(firstMs);
console.log(JSON.stringify(figures));
console.log(
  `restore: first ${median(firstMs).toFixed(0)} ms, newest ${median(newestMs).toFixed(0)} ms, newest / first ${ratio.toFixed(3)}`,
);
for (const difference of differences) console.error(difference);
console.log(`${Math.round((performance.now() - startedMs) / 1000)} s`);
process.exitCode = differences.length === 0 && figures.commitFilesMax <= 64 && figures.indexRunsMax <= 16 ? 0 : 1;
