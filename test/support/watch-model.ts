/**
 * Random changes on a real folder while it is watched: afterwards the folders that were reported must cover every folder
 * that is other than it was. Trees are independent of each other; on each, sequences follow one another with one watcher.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { WatcherKind } from '../../src-main/engine/source/watch/watcher.ts';
import { seeded } from './seed.ts';
import { type Folders, WatchLab, foldersOf, missedFolders } from './watch-lab.ts';
import { createOperations } from './watch-operations.ts';

/** Sequences on one tree. */
export const SEQUENCES = 10;
const TREES_AT_ONCE = 5;
const STEPS_MAX = 12;
/** The libraries give up on some of what these sequences do; inotify on nothing. */
export const LOST_SHARE_MAX: Readonly<Record<WatcherKind, number>> = { inotify: 0, chokidar: 0.2, parcel: 0.2 };

export type Finding = {
  readonly seed: number;
  readonly sequence: number;
  readonly done: string;
  readonly missed: string;
};
export type Outcome = { readonly findings: readonly Finding[]; readonly lost: readonly string[] };

/** Trees with the seeds from `seed` on. */
export async function runTrees(kind: WatcherKind, seed: number, trees: number): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  for (let done = 0; done < trees; done += TREES_AT_ONCE) {
    const seeds = Array.from({ length: Math.min(TREES_AT_ONCE, trees - done) }, (_, index) => seed + done + index);
    outcomes.push(...(await Promise.all(seeds.map((one) => runTree(kind, one)))));
  }
  return { findings: outcomes.flatMap(({ findings }) => findings), lost: outcomes.flatMap(({ lost }) => lost) };
}

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
      const meanwhile: Folders[] = [];
      for (let steps = random.between(1, STEPS_MAX); steps > 0; steps--) {
        done.push(operations.step());
        meanwhile.push(foldersOf(lab.root));
        // In between the watcher may see one half of what follows, or none of it.
        if (random.chance(0.3)) await delay(random.between(0, 60));
      }
      const missed = (): readonly string[] => {
        const after = foldersOf(lab.root);
        return missedFolders(before, after, lab.dirty, meanwhile);
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
