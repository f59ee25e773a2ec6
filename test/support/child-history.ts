/** A history that two processes can make for themselves, the same for the same seed. */
import { HistoryLab, changed, randomItem } from './history-lab.ts';
import { seeded } from './seed.ts';

export function childHistory(seed: number, snapshots: number): HistoryLab {
  const random = seeded(seed);
  const history = new HistoryLab({ repositoryId: 'c'.repeat(32) });
  let one = randomItem(random, 5, true);
  let two = randomItem(random, 5, true);
  for (let index = 0; index < snapshots; index++) {
    history.commit([
      { path: '/home/one', name: 'one', item: one },
      { path: '/home/two', name: 'two', item: two },
    ]);
    one = changed(random, one, 40);
    two = changed(random, two, 3);
  }
  return history;
}
