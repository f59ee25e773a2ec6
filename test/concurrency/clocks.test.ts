/** Clocks that are wrong: in 1970, in 2100, moved back or ahead between backups and during one. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src-main/engine/kernel/index.ts';
import type { Repository } from '../../src-main/engine/repository/index.ts';
import { listSnapshots, resolveSnapshot, summariseSnapshot } from '../../src-main/engine/snapshot/index.ts';
import { Lab } from '../support/engine-lab.ts';
import { filesIn, put } from '../support/lab-files.ts';
import { compareTrees } from '../support/walker.ts';

const YEAR_MS = 365 * 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);
const IN_1970 = 0;
const IN_2100 = Date.UTC(2100, 0, 1);

let lab: Lab;
let wallMs: number;
let repository: Repository;
beforeEach(async () => {
  lab = new Lab();
  await lab.init();
  wallMs = START_MS;
  repository = await open();
});
afterEach(() => lab.dispose());

const open = (): Promise<Repository> =>
  lab.open(undefined, { ports: { ...lab.ports, clock: { nowMs: () => wallMs, monotonicMs: () => 0 } } });

/** A backup of one more change; gives its id. */
async function backUp(content: string, duringIt: () => void = () => undefined): Promise<string> {
  put(lab, 'file', content);
  put(lab, `folder/${content.length}`, content);
  let isFirst = true;
  const report = await lab.backup(repository, {
    onProgress: () => {
      if (isFirst) duringIt();
      isFirst = false;
    },
  });
  expect(report.problems).toEqual([]);
  return report.snapshotId;
}

async function latestIs(id: string): Promise<void> {
  const { snapshots } = await listSnapshots(repository);
  expect(resolveSnapshot(snapshots, 'latest').id).toBe(id);
  const orders = snapshots.map(({ record }) => record.order);
  expect(orders).toEqual([...orders].sort((left, right) => left - right));
  const target = lab.path(`out-${id.slice(0, 8)}`);
  expect((await lab.restore(repository, 'latest', target)).problems).toEqual([]);
  expect(compareTrees(lab.source, target)).toEqual([]);
}

const yearsListed = async (): Promise<string[]> =>
  (await listSnapshots(repository)).snapshots.map((snapshot) => summariseSnapshot(snapshot).time.slice(0, 4));

describe('with a wrong clock', () => {
  test('of the system before 1970, records say 1970', () => {
    vi.useFakeTimers({ now: -5000, toFake: ['Date'] });
    try {
      expect(systemClock.nowMs()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test.each([
    ['in 1970', IN_1970, '1970'],
    ['in 2100', IN_2100, '2100'],
  ])('%s, a backup succeeds and is the latest, between two others too', async (_what, wrongMs, year) => {
    await backUp('one');
    wallMs = wrongMs;
    await latestIs(await backUp('one, two'));
    wallMs = START_MS + 1000;
    await latestIs(await backUp('one, two, three'));
    expect(await yearsListed()).toEqual(['2026', year, '2026']);
    expect((await lab.verify(repository)).damage).toEqual([]);
    expect(filesIn(lab, 'sessions')).toEqual([]);
  });

  test('in 1970 from the first backup on, everything works', async () => {
    wallMs = IN_1970;
    await latestIs(await backUp('one'));
    await latestIs(await backUp('one, two'));
    expect((await lab.verify(repository)).damage).toEqual([]);
  });
});

describe('a clock that is moved', () => {
  test.each([
    ['back by a year', -YEAR_MS],
    ['ahead by ten years', 10 * YEAR_MS],
  ])('%s between two backups leaves the later one the latest', async (_what, ms) => {
    await backUp('one');
    wallMs += ms;
    await latestIs(await backUp('one, two'));
    await latestIs(await backUp('one, two, three'));
  });

  test.each([
    ['back by a year', -YEAR_MS],
    ['back to 1970', -START_MS],
    ['ahead by ten years', 10 * YEAR_MS],
  ])('%s during a backup changes nothing but the times that are shown', async (_what, ms) => {
    await backUp('one');
    await latestIs(await backUp('one, two', () => (wallMs += ms)));
    await latestIs(await backUp('one, two, three'));
    expect((await lab.verify(repository)).damage).toEqual([]);
    expect(filesIn(lab, 'sessions')).toEqual([]);
  });

  test('does not make a backup overlook a change', async () => {
    const contents = ['a', 'b', 'c', 'd'];
    for (const [index, content] of contents.entries()) {
      // The same length each time, so that only the time of the file and the clock could tell.
      wallMs = [START_MS, IN_1970, IN_2100, START_MS][index] ?? START_MS;
      await latestIs(await backUp(content));
    }
  });
});
