/**
 * Two sessions (and once four) on one repository, in many orders of their steps; `npm run torture concurrency --runs N`
 * runs more. A failure names its seed and the order.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMemoryStore, writeWhole } from '../../src-main/engine/store/index.ts';
import { testSeed } from '../support/seed.ts';
import { PAIRS, runOrder } from './interleavings.ts';
import { SharedRepository } from './shared-repository.ts';
import { Turns } from './turns.ts';

/** Orders of each pair: what twenty seconds of this computer allow for all of them. */
const RUNS = 30;
const TIMEOUT_MS = 600_000;

const seed = testSeed('interleavings');
const shared = new SharedRepository();
beforeAll(() => shared.prepare());
afterAll(() => shared.dispose());

describe.each(Object.entries(PAIRS))('%s', (_name, works) => {
  test('in any order of their steps succeed, lose nothing and damage nothing', { timeout: TIMEOUT_MS }, async () => {
    shared.warnings.length = 0;
    for (let run = 0; run < RUNS; run++) await runOrder(shared, works, (seed + run) % 2 ** 32);
    // Sessions that do the same work at once are nothing to warn of.
    expect(shared.warnings).toEqual([]);
  });
});

describe('turns', () => {
  /** Two sessions that each write, list and remove; gives the order of their steps. */
  async function order(of: number): Promise<readonly string[]> {
    const store = createMemoryStore();
    const turns = new Turns(of);
    await turns.run(
      [0, 1].map((actor) => async () => {
        const view = turns.storeFor(actor, store);
        await writeWhole(view, `file-${actor}`, new Uint8Array(1));
        await view.list('');
        await view.remove([`file-${actor}`, 'file-0']);
      }),
    );
    return turns.trace;
  }

  test('come in the same order for the same seed, and in many for many', async () => {
    const orders = new Set<string>();
    for (let of = 0; of < 40; of++) {
      const first = (await order(of)).join();
      expect((await order(of)).join()).toBe(first);
      orders.add(first);
    }
    // Some seeds hardly ever change sides, and these two take five steps each.
    expect(orders.size).toBeGreaterThan(10);
  });

  test('are taken by everyone', async () => {
    const actors = (await order(1)).map((step) => step[0]);
    expect(new Set(actors)).toEqual(new Set(['0', '1']));
  });
});
