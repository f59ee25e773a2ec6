/** SIGKILL of `cairn watch` at random moments. `npm run torture agent` does it 500 times. */
import path from 'node:path';
import { expect, test } from 'vitest';
import { runAgentKills } from '../support/agent-kill-harness.ts';
import { testSeed } from '../support/seed.ts';

/** Computers at once, each with an agent of its own: most of the time they wait. */
const LANES = 4;
const ROUNDS_OF_LANE = 10;
const CLI = path.resolve(import.meta.dirname, '../../out/main/cli.js');

test.runIf(process.platform === 'linux')(
  'an agent killed at any moment misses no change when it is started again',
  { timeout: 900_000 },
  async () => {
    const seed = testSeed('kill agent');
    const lanes = Array.from({ length: LANES }, (_, lane) =>
      runAgentKills({ seed: seed + lane, rounds: ROUNDS_OF_LANE, cli: CLI }),
    );
    const figures = await Promise.all(lanes);
    process.stderr.write(`agent kills: ${JSON.stringify(figures)}\n`);
    const sum = (name: keyof (typeof figures)[number]): number => figures.reduce((all, one) => all + one[name], 0);
    expect(sum('rounds')).toBe(LANES * ROUNDS_OF_LANE);
    // All kinds of moments were met; some kills hit an agent at work, and some left what had to be done still.
    for (const moment of ['killedEarly', 'killedLive', 'killedAtWork'] as const) expect(sum(moment)).toBeGreaterThan(0);
    expect(sum('leftSession')).toBeGreaterThan(0);
    expect(sum('leftJournal')).toBeGreaterThan(0);
  },
);
