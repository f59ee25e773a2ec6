/**
 * Many sessions on one repository: real processes for --seconds (default 120), then --runs orders (default 500) of each
 * pair of sessions. Arguments: --seconds N, --runs N, --seed N (or CAIRN_TEST_SEED).
 */
import { parseArgs } from 'node:util';
import { PAIRS, runOrder } from '../concurrency/interleavings.ts';
import { SharedRepository } from '../concurrency/shared-repository.ts';
import { runSoak } from '../support/concurrency-harness.ts';
import { testSeed } from '../support/seed.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    runs: { type: 'string', default: '500' },
    seed: { type: 'string' },
  },
});
const seed = values.seed === undefined ? testSeed('concurrency') : Number(values.seed);
let failures = 0;
const startedMs = performance.now();
const seconds = (): number => Math.round((performance.now() - startedMs) / 1000);

if (Number(values.seconds) > 0) {
  try {
    const options = { writers: 4, readers: 2, disturbEverySeconds: 4 } as const;
    const figures = await runSoak({ seed, seconds: Number(values.seconds), ...options });
    console.log(JSON.stringify({ seed, ...figures, secondsInAll: seconds() }, undefined, 2));
  } catch (error) {
    failures++;
    console.error(error instanceof Error ? error.message : error);
  }
}

const shared = new SharedRepository();
try {
  await shared.prepare();
  for (const [name, works] of Object.entries(PAIRS)) {
    let failed = 0;
    for (let run = 0; run < Number(values.runs); run++) {
      try {
        await runOrder(shared, works, (seed + run) % 2 ** 32);
      } catch (error) {
        if (failed++ === 0) console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    console.log(`${name}: ${values.runs} orders, ${failed} failures (after ${seconds()} s)`);
    failures += failed;
  }
} finally {
  shared.dispose();
}
process.exitCode = failures === 0 ? 0 : 1;
