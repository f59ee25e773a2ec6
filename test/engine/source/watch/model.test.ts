/**
 * The promise of every watcher, on real folders: whatever random changes happen while it watches, afterwards the folders
 * it reported cover every folder that is other than it was. A sequence that fails prints its seed and what was done.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { WatcherKind } from '../../../../src-main/engine/source/watch/watcher.ts';
import { seeded, testSeed } from '../../../support/seed.ts';
import { WATCHER_KINDS, WatchLab, foldersOf, missedFolders } from '../../../support/watch-lab.ts';
import { createOperations } from '../../../support/watch-operations.ts';

/** Sequences on one tree, one after the other with one watcher, and trees at a time. 100 sequences a watcher. */
const SEQUENCES = 10;
const TREES = Number(process.env['CAIRN_TEST_WATCH_TREES'] ?? 10);
const TREES_AT_ONCE = 5;
const STEPS_MAX = 12;
/** The libraries give up on some of what these sequences do; inotify on nothing. */
const LOST_SHARE_MAX: Readonly<Record<WatcherKind, number>> = { inotify: 0, chokidar: 0.2, parcel: 0.2 };

type Finding = { readonly seed: number; readonly sequence: number; readonly done: string; readonly missed: string };
type Outcome = { readonly findings: readonly Finding[]; readonly lost: readonly string[] };

async function runTree(kind: WatcherKind, seed: number): Promise<Outcome> {
  const random = seeded(seed);
  const lab = new WatchLab(kind);
  const findings: Finding[] = [];
  const lost: string[] = [];
  try {
    const operations = createOperations(lab.root, lab.outside, random, process.platform === 'linux');
    for (let count = 0; count < 20; count++) operations.step();
    await lab.open();
    for (let sequence = 0; sequence < SEQUENCES; sequence++) {
      lab.forget();
      const before = foldersOf(lab.root);
      const done: string[] = [];
      for (let steps = random.between(1, STEPS_MAX); steps > 0; steps--) {
        done.push(operations.step());
        // In between the watcher may see one half of what follows, or none of it.
        if (random.chance(0.3)) await delay(random.between(0, 60));
      }
      const missed = (): readonly string[] => {
        const after = foldersOf(lab.root);
        // Of a file that came and went within 50 ms @parcel/watcher says nothing, not even that its folder changed.
        return missedFolders(before, after, lab.dirty, { ownTimes: kind !== 'parcel' });
      };
      await lab.settleUntil(() => missed().length === 0);
      if (lab.lost.length > 0) {
        // It says itself that it can't be relied on, and its owner opens another one.
        lost.push(...lab.lost.map((event) => JSON.stringify(event)));
        await lab.reopen();
      } else if (missed().length > 0)
        findings.push({ seed, sequence, done: done.join(', '), missed: missed().join(' ; ') });
    }
  } finally {
    await lab.close();
  }
  return { findings, lost };
}

describe.each(WATCHER_KINDS)('%s', (kind) => {
  test('reports every folder that became another, whatever was done', { timeout: 600_000 }, async () => {
    const seed = testSeed(`watch model, ${kind}`);
    const outcomes: Outcome[] = [];
    for (let done = 0; done < TREES; done += TREES_AT_ONCE) {
      const seeds = Array.from({ length: Math.min(TREES_AT_ONCE, TREES - done) }, (_, index) => seed + done + index);
      outcomes.push(...(await Promise.all(seeds.map((one) => runTree(kind, one)))));
    }
    expect(outcomes.flatMap(({ findings }) => findings)).toEqual([]);
    // To say “everything” is always right, and would hide what this test is about.
    const lost = outcomes.flatMap((outcome) => outcome.lost);
    process.stderr.write(`${kind}: lost ${lost.length} times in ${TREES * SEQUENCES} sequences\n`);
    expect(lost.slice(TREES * SEQUENCES * LOST_SHARE_MAX[kind])).toEqual([]);
  });
});
