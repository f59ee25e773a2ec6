/** Snapshots that are gone, and snapshots that can't be read. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CairnError } from '../../src-shared/errors.ts';
import { findEntries } from '../../src-main/engine/browse/index.ts';
import { CatalogLab } from '../support/catalog-lab.ts';
import { testSeed } from '../support/seed.ts';

const seed = testSeed('catalog forgetting');
let lab: CatalogLab;
beforeEach(() => {
  lab = new CatalogLab(seed);
});
afterEach(() => lab.dispose());

const counts = (): Record<string, unknown> =>
  lab.inFile((database) =>
    Object.fromEntries(
      ['snapshots', 'members', 'holders', 'lines', 'paths', 'versions', 'sweeps'].map((table) => [
        table,
        database.prepare(`SELECT count(*) FROM ${table}`).pluck().get(),
      ]),
    ),
  );

describe('forgetting', () => {
  test('every snapshot but the last leaves what a catalog of the last alone has, whatever the order', async () => {
    lab.commit(10);
    await lab.takeIn();
    const all = lab.history.snapshots;
    while (lab.history.snapshots.length > 1) {
      const gone = lab.random.between(0, lab.history.snapshots.length - 2);
      lab.history.snapshots = lab.history.snapshots.filter((_, index) => index !== gone);
      if (lab.random.chance(0.6)) expect(await lab.takeIn()).toMatchObject({ taken: 0, damaged: 0 });
      expect(await lab.find()).toEqual(await lab.walk());
    }
    await lab.takeIn();
    await lab.catalog.close();
    const left = counts();
    expect(left).toMatchObject({ snapshots: 1, members: 1, lines: 1, sweeps: 0 });
    // Each path has one version: that of the last snapshot.
    expect(left['versions']).toBe(left['paths']);
    lab.catalog = lab.open();
    // One that is undeleted comes back whole.
    lab.history.snapshots = all;
    expect(await lab.takeIn()).toMatchObject({ taken: all.length - 1 });
    expect(await lab.find()).toEqual(await lab.walk());
  });

  test('the newest snapshot, and then the next backup, gives right answers', async () => {
    lab.commit(4);
    await lab.takeIn();
    lab.history.snapshots = lab.history.snapshots.slice(0, -1);
    await lab.takeIn();
    expect(await lab.find()).toEqual(await lab.walk());
    lab.commit(2);
    await lab.takeIn();
    expect(await lab.find()).toEqual(await lab.walk());
  });

  test('all of them leaves nothing', async () => {
    lab.commit(3);
    await lab.takeIn();
    lab.history.snapshots = [];
    expect(await lab.takeIn()).toEqual({ taken: 0, forgotten: 3, damaged: 0 });
    await lab.catalog.close();
    expect(counts()).toEqual({ snapshots: 0, members: 0, holders: 0, lines: 0, paths: 0, versions: 0, sweeps: 0 });
    lab.catalog = lab.open();
    lab.commit(1);
    await lab.takeIn();
    expect(await lab.find()).toEqual(await lab.walk());
  });

  test('is not done for a list that is not whole, nor while another copy holds the snapshot', async () => {
    lab.commit(3);
    await lab.takeIn();
    const { repository, snapshots } = lab.history;
    expect(await lab.catalog.takeIn(repository, snapshots.slice(0, 1), { isWhole: false })).toMatchObject({
      forgotten: 0,
    });
    const copy = lab.history.copyOf('d'.repeat(32));
    await lab.catalog.takeIn(copy, snapshots.slice(0, 2), { isWhole: true });
    expect(await lab.catalog.takeIn(repository, [], { isWhole: true })).toMatchObject({ forgotten: 1 });
    expect(await lab.catalog.missing(repository, snapshots)).toBe(1);
    expect(await lab.catalog.takeIn(copy, [], { isWhole: true })).toMatchObject({ forgotten: 2 });
  });
});

describe('pages that can’t be read', () => {
  test('leave snapshots out of what must be whole, until they are healed', { timeout: 300_000 }, async () => {
    for (let round = 0; round < 4; round++) {
      lab.commit(3);
      const before = new Set(lab.history.pages);
      lab.commit(2);
      // Of those that only the newest have, and of any.
      const fresh = lab.history.pages.filter((page) => !before.has(page));
      lab.history.lose(lab.random.pick(fresh), lab.random.pick(lab.history.pages));
      if (lab.random.chance(0.5)) lab.commit(2);
      const taken = await lab.takeIn();
      expect(taken).toBeDefined();
      let whole = 0;
      for (const snapshot of lab.history.snapshots) {
        const { repository } = lab.history;
        const found = await lab.catalog.find(repository, [snapshot], '*');
        const unreadable: unknown[] = [];
        const walked = await findEntries(repository, [snapshot], '*', (folder) => unreadable.push(folder));
        if (found === undefined) continue;
        whole++;
        // One that was read before its pages were lost is still known.
        if (unreadable.length === 0) expect(found).toEqual(walked);
      }
      expect(whole + (taken?.damaged ?? 0)).toBe(lab.history.snapshots.length);
      if ((taken?.damaged ?? 0) > 0) expect(await lab.find()).toBeUndefined();
      lab.history.heal();
      expect(await lab.takeIn({ retries: true })).toMatchObject({ damaged: 0 });
      expect(await lab.find()).toEqual(await lab.walk());
    }
  });

  test('are not tried again at once without being asked to', async () => {
    lab.commit(1);
    lab.history.lose(lab.random.pick(lab.history.pages));
    expect(await lab.takeIn()).toMatchObject({ taken: 1, damaged: 1 });
    lab.history.heal();
    expect(await lab.takeIn()).toMatchObject({ taken: 0, damaged: 1 });
    expect(await lab.takeIn({ retries: true })).toMatchObject({ taken: 1, damaged: 0 });
  });
});

test('taking in can be stopped, and goes on where it was', async () => {
  lab.commit(6);
  const { repository, snapshots } = lab.history;
  const control = new AbortController();
  const stopped = lab.catalog.takeIn(repository, snapshots, {
    isWhole: true,
    signal: control.signal,
    onProgress: (done) => {
      if (done === 3) control.abort();
    },
  });
  await expect(stopped).rejects.toMatchObject({ code: 'engine/cancelled' });
  const missing = (await lab.catalog.missing(repository, snapshots)) ?? 0;
  expect(missing).toBeGreaterThan(0);
  expect(missing).toBeLessThanOrEqual(3);
  expect(await lab.takeIn()).toMatchObject({ taken: missing });
  expect(await lab.find()).toEqual(await lab.walk());
});

test('a drive that is gone in the middle ends it with that error, and nothing is held to be damaged', async () => {
  lab.commit(5);
  const { repository, snapshots } = lab.history;
  let pages = 0;
  const gone = lab.history.copyOf(repository.context.instance.instanceId, () => {
    if (++pages > 4) throw new CairnError('destination/gone', 'The drive is away.');
  });
  await expect(lab.catalog.takeIn(gone, snapshots, { isWhole: true })).rejects.toMatchObject({
    code: 'destination/gone',
  });
  expect(await lab.takeIn()).toMatchObject({ damaged: 0 });
  expect(await lab.find()).toEqual(await lab.walk());
});
