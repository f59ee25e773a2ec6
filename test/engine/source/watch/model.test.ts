/**
 * The promise of every watcher, on real folders, in 100 random sequences each. A sequence that fails is printed with its
 * seed and what was done; `npm run torture watch` runs more of them.
 */
import { describe, expect, test } from 'vitest';
import { testSeed } from '../../../support/seed.ts';
import { WATCHER_KINDS } from '../../../support/watch-lab.ts';
import { LOST_SHARE_MAX, SEQUENCES, runTrees } from '../../../support/watch-model.ts';

const TREES = 10;

describe.each(WATCHER_KINDS)('%s', (kind) => {
  test('reports every folder that became another, whatever was done', { timeout: 600_000 }, async () => {
    const { findings, lost } = await runTrees(kind, testSeed(`watch model, ${kind}`), TREES);
    expect(findings).toEqual([]);
    // To say “everything” is always right, and would hide what this test is about.
    expect(lost.slice(TREES * SEQUENCES * LOST_SHARE_MAX[kind])).toEqual([]);
  });
});
