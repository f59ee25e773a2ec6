/**
 * `npm run torture agent [ROUNDS]`: `cairn watch` on a changing tree, killed 500 times, four computers at once.
 * CAIRN_TEST_SEED repeats a run's changes and moments, as far as a clock allows.
 */
import path from 'node:path';
import { runAgentKills } from '../support/agent-kill-harness.ts';
import { testSeed } from '../support/seed.ts';

const LANES = 4;
const rounds = Number(process.argv[2] ?? 500);
const cli = path.resolve(import.meta.dirname, '../../out/main/cli.js');
const seed = testSeed('kill agent');
const startedMs = performance.now();
const lanes = Array.from({ length: LANES }, (_, lane) =>
  runAgentKills({ seed: seed + lane, rounds: Math.ceil(rounds / LANES), cli }),
);
for (const figures of await Promise.all(lanes)) console.log(JSON.stringify(figures));
console.log(`${Math.round((performance.now() - startedMs) / 1000)} s`);
