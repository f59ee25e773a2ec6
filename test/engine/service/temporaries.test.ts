/** Temporary files of others: removed when they are nobody's, and never because of a wrong clock. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ProcessIdentity, openSession } from '../../../src-main/engine/repository/index.ts';
import { sweepTemporaries } from '../../../src-main/engine/service/index.ts';
import { type LocalStore, type StoreWriter, createLocalStore } from '../../../src-main/engine/store/index.ts';
import { Lab, SELF, WRITER } from '../../support/engine-lab.ts';
import { removeIn } from '../../support/lab-files.ts';

let lab: Lab;
beforeEach(async () => {
  lab = new Lab();
  await lab.init();
});
afterEach(() => lab.dispose());

const HOUR_MS = 3_600_000;
const laptop: ProcessIdentity = { host: 'laptop', machineId: 'l', bootId: 'b', processId: 7, isAlive: () => true };

/** Another process with a file half-written. */
async function writing(
  self: ProcessIdentity,
  lease: 'with a lease' | 'without one',
): Promise<{ readonly store: LocalStore; readonly writer: StoreWriter }> {
  const store = createLocalStore({ root: lab.repositoryPath, random: lab.ports.random });
  const generation = 0;
  if (lease === 'with a lease')
    await openSession({ store, ports: lab.ports, self, writerId: WRITER, kind: 'writer', generation });
  const writer = await store.create('packs');
  await writer.append(new Uint8Array(1000));
  return { store, writer };
}

const left = async (): Promise<number> => (await lab.store.listTemporary()).length;
const sweep = (self: ProcessIdentity, nowMs = lab.clock.nowMs()): Promise<void> => {
  const clock = { nowMs: () => nowMs, monotonicMs: () => 0 };
  return sweepTemporaries({ store: lab.store, self, ports: { ...lab.ports, clock } });
};

async function dateBack(ms: number): Promise<void> {
  for (const { name, modifiedAtMs } of await lab.store.listTemporary()) {
    fs.utimesSync(path.join(lab.repositoryPath, name), modifiedAtMs / 1000, (modifiedAtMs - ms) / 1000);
  }
}

describe('a temporary file', () => {
  test.each([0, Date.UTC(1970, 0, 1), Date.UTC(2100, 0, 1)])(
    'of another computer at work stays, wherever the clock of this one stands (%d)',
    async (nowMs) => {
      const { writer } = await writing(laptop, 'with a lease');
      await writing(laptop, 'without one');
      await sweep(SELF, nowMs);
      expect(await left()).toBe(2);
      await writer.finish('packs/ab/file');
    },
  );

  test('of a session at work stays, however old it looks', async () => {
    await writing(laptop, 'with a lease');
    await dateBack(400 * 24 * HOUR_MS);
    await sweep(SELF);
    expect(await left()).toBe(1);
  });

  test('of a process of this computer that is dead goes at once, and those of the others stay', async () => {
    await writing({ ...SELF, processId: 99 }, 'with a lease');
    await writing({ ...SELF, processId: 98 }, 'with a lease');
    await writing(laptop, 'with a lease');
    await sweep({ ...SELF, isAlive: (processId) => processId === 98 });
    expect(await left()).toBe(2);
  });

  test('goes with the lease of its session, where that one died after a new one had looked', async () => {
    await writing({ ...SELF, processId: 99 }, 'with a lease');
    await writing(laptop, 'with a lease');
    // The sweep still finds it alive; the session that is opened next does not.
    await sweep({ ...SELF, isAlive: () => true });
    expect(await left()).toBe(2);
    await writing({ ...SELF, isAlive: (processId) => processId !== 99 }, 'with a lease');
    expect(await left()).toBe(2);
    expect(await lab.store.list('sessions')).toHaveLength(2);
  });

  test('of nobody who has a lease goes after a day by the destination’s clock, and not before', async () => {
    await writing(laptop, 'without one');
    await dateBack(23 * HOUR_MS);
    await sweep(SELF, Date.UTC(2100, 0, 1));
    expect(await left()).toBe(1);
    await dateBack(2 * HOUR_MS);
    await sweep(SELF, Date.UTC(1970, 0, 1));
    expect(await left()).toBe(0);
  });

  test('that was dated in the future, by a clock that was wrong, stays until it is old', async () => {
    await writing(laptop, 'without one');
    await dateBack(-400 * 24 * HOUR_MS);
    await sweep(SELF);
    expect(await left()).toBe(1);
  });

  test('of a session whose lease was torn by a power cut goes by its age', async () => {
    await writing({ ...SELF, processId: 99 }, 'with a lease');
    const [lease = ''] = fs.readdirSync(path.join(lab.repositoryPath, 'sessions'));
    fs.truncateSync(path.join(lab.repositoryPath, 'sessions', lease), 10);
    await sweep(SELF);
    expect(await left()).toBe(1);
    removeIn(lab, `sessions/${lease}`);
    await dateBack(25 * HOUR_MS);
    await sweep(SELF);
    expect(await left()).toBe(0);
  });

  test('that this process is writing itself is left alone', async () => {
    const writer = await lab.store.create('packs');
    await writer.append(new Uint8Array(10));
    await dateBack(25 * HOUR_MS);
    await sweep(SELF);
    await writer.finish('packs/ab/file');
  });
});
