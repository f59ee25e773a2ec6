/** SIGKILL of the real command line at random moments of a backup. `npm run torture kill` does it 200 times. */
import path from 'node:path';
import { expect, test } from 'vitest';
import { runKills } from '../support/kill-harness.ts';
import { testSeed } from '../support/seed.ts';

const ROUNDS = 8;
const TIMEOUT_MS = 600_000;
const CLI = path.resolve(import.meta.dirname, '../../out/main/cli.js');

test(
  'a backup killed at any moment leaves a whole repository: nothing acknowledged is lost, the next one succeeds',
  { timeout: TIMEOUT_MS },
  async () => {
    const figures = await runKills({ seed: testSeed('kill'), rounds: ROUNDS, cli: CLI, verifyEvery: 5 });
    process.stderr.write(`kill: ${JSON.stringify(figures)}\n`);
    expect(figures.rounds).toBe(ROUNDS);
    expect(figures.killed).toBeGreaterThan(ROUNDS / 4);
    // The threads were at work, or had been.
    expect(figures.killedWithThreads).toBeGreaterThan(0);
    // Some were killed at work, not while the program was only starting.
    expect(figures.leftSession + figures.unacknowledged).toBeGreaterThan(0);
    expect(figures.verified).toBeGreaterThanOrEqual(ROUNDS / 5);
  },
);
