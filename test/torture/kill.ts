/**
 * `npm run torture kill [ROUNDS]`: the real command line, killed 200 times at random moments of a backup. CAIRN_TEST_SEED
 * repeats a run's changes and moments, as far as a clock allows.
 */
import path from 'node:path';
import { runKills } from '../support/kill-harness.ts';
import { testSeed } from '../support/seed.ts';

const rounds = Number(process.argv[2] ?? 200);
const cli = path.resolve(import.meta.dirname, '../../out/main/cli.js');
const startedMs = performance.now();
const figures = await runKills({ seed: testSeed('kill'), rounds, cli, verifyEvery: 5 });
console.log(JSON.stringify({ ...figures, seconds: Math.round((performance.now() - startedMs) / 1000) }));
