/**
 * A computer sleeps in the middle of its backup, another one takes it for dead and cleans up: whatever was done to the
 * repository meanwhile, no snapshot is published that lacks data, and the next backup needs nobody's help.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BLOB_TYPE, FILE_TYPE, FRAME_KIND, sealObjectFile } from '../../src-main/engine/codec/index.ts';
import {
  type ProcessIdentity,
  type Repository,
  encodeCondemnation,
  openSession,
} from '../../src-main/engine/repository/index.ts';
import { sweepTemporaries } from '../../src-main/engine/service/index.ts';
import { createLocalStore } from '../../src-main/engine/store/index.ts';
import type { BackupReport } from '../../src-shared/model/index.ts';
import { type PackId, parsePackId } from '../../src-shared/ids.ts';
import { Lab, WRITER } from '../support/engine-lab.ts';
import { LOW_LIMITS, filesIn, noise, put, readIn, removeIn, writeIn } from '../support/lab-files.ts';
import { compareTrees } from '../support/walker.ts';

const HOUR_MS = 3_600_000;
const sleeper: ProcessIdentity = { host: 'laptop', machineId: 'l', bootId: 'b', processId: 1, isAlive: () => true };
const other: ProcessIdentity = { host: 'desk', machineId: 'd', bootId: 'c', processId: 2, isAlive: () => true };

let lab: Lab;
let wallMs: number;
let monotonicMs: number;
beforeEach(async () => {
  lab = new Lab();
  await lab.init();
  wallMs = lab.clock.nowMs();
  monotonicMs = 0;
});
afterEach(() => lab.dispose());

const clock = { nowMs: () => wallMs, monotonicMs: () => monotonicMs };
const openAsleep = (): Promise<Repository> =>
  lab.open(undefined, { self: sleeper, limits: LOW_LIMITS, ports: { ...lab.ports, clock } });
const openOther = (): Promise<Repository> => lab.open(undefined, { self: other, limits: LOW_LIMITS });

/** Sleep as Linux does it: only the wall clock goes on. */
const sleep = (): void => {
  wallMs += 8 * HOUR_MS;
};

/** What another computer does that has not heard of the sleeper for eight hours. */
async function takeForDead(): Promise<void> {
  for (const name of filesIn(lab, 'sessions')) {
    const file = path.join(lab.repositoryPath, name);
    const seconds = fs.statSync(file).mtimeMs / 1000 - 8 * 3600;
    fs.utimesSync(file, seconds, seconds);
  }
  const { store, ports } = lab;
  await sweepTemporaries({ store, self: other, ports });
  const session = await openSession({ store, ports, self: other, writerId: WRITER, kind: 'writer', generation: 0 });
  await session.end();
  expect(filesIn(lab, 'sessions')).toEqual([]);
}

const packIds = (): PackId[] => filesIn(lab, 'packs').map((name) => parsePackId(name.slice(-64)));
const snapshotFiles = (): string[] => [...filesIn(lab, 'snapshots'), ...filesIn(lab, 'commits')].sort();

/** What a reclaim of a later version will write. */
function condemn(repository: Repository, packs: readonly PackId[]): void {
  const { repositoryIdBytes, secrets } = repository.context;
  const plain = encodeCondemnation({ generation: 1, createdAtMs: 1, packs });
  const frames = [{ kind: FRAME_KIND.object, plain, compression: { kind: 'none' } }] as const;
  const sealed = { fileType: FILE_TYPE.condemnation, repositoryId: repositoryIdBytes, secrets, salt: noise(9, 32) };
  writeIn(lab, `condemned/${'1'.repeat(64)}`, sealObjectFile({ ...sealed, frames }));
}

/** A backup in whose middle, once a first part of its work is done, something happens. */
async function backUp(repository: Repository, inTheMiddle: () => Promise<void>): Promise<BackupReport> {
  const session = repository.beginWrite.bind(repository);
  const begun: Promise<void>[] = [];
  Object.assign(repository, {
    beginWrite: async (...all: Parameters<typeof session>) => {
      const write = await session(...all);
      const publish = write.publish.bind(write);
      Object.assign(write, {
        publish: async (...seal: Parameters<typeof publish>) => {
          await write.drain();
          begun.push(inTheMiddle());
          await begun[0];
          return publish(...seal);
        },
      });
      return write;
    },
  });
  return lab.backup(repository);
}

async function nextBackupIsWhole(): Promise<void> {
  await lab.backup(await openAsleep());
  const target = lab.path('out');
  expect((await lab.restore(await openOther(), 'latest', target)).problems).toEqual([]);
  expect(compareTrees(lab.source, target)).toEqual([]);
  expect((await lab.verify(await openOther())).damage).toEqual([]);
  expect(filesIn(lab, 'sessions')).toEqual([]);
}

describe('a backup that slept', () => {
  beforeEach(async () => {
    put(lab, 'old', noise(1, 90_000));
    await lab.backup(await openOther());
    put(lab, 'new', noise(2, 30_000));
  });

  test('and was not missed goes on', async () => {
    await backUp(await openAsleep(), async () => sleep());
    await nextBackupIsWhole();
  });

  test('and was taken for dead goes on where everything it relies on is still there', async () => {
    const report = await backUp(await openAsleep(), async () => {
      sleep();
      await takeForDead();
    });
    expect(report.problems).toEqual([]);
    await nextBackupIsWhole();
  });

  const gone = {
    code: 'repository/busy',
    retry: 'later',
    hint: expect.stringContaining('Nothing was published') as unknown,
  };

  /** What happens while it sleeps, and whether its lease is seen to be stale and removed, or only passed over. */
  const reclaims: readonly (readonly [string, (repository: Repository) => void])[] = [
    ['packs it relies on are condemned', (repository) => condemn(repository, packIds().slice(0, 1))],
    ['packs it relies on are deleted', () => removeIn(lab, ...filesIn(lab, 'packs').slice(0, 1))],
    [
      'packs it relies on are condemned, deleted, and the condemnation is gone too',
      (repository) => {
        const [pack = ''] = filesIn(lab, 'packs');
        condemn(repository, [parsePackId(pack.slice(-64))]);
        removeIn(lab, pack, ...filesIn(lab, 'condemned'));
      },
    ],
    [
      'a pack it relies on has another size',
      () => {
        const [pack = ''] = filesIn(lab, 'packs');
        writeIn(lab, pack, readIn(lab, pack).subarray(0, 100));
      },
    ],
  ];

  for (const [what, reclaim] of reclaims) {
    for (const lease of ['removed', 'passed over'] as const) {
      test(`publishes nothing where ${what}, its lease ${lease}`, async () => {
        const before = snapshotFiles();
        const repository = await openAsleep();
        const running = backUp(repository, async () => {
          sleep();
          if (lease === 'removed') await takeForDead();
          reclaim(repository);
        });
        await expect(running).rejects.toMatchObject(what.endsWith('condemned') ? { code: gone.code } : gone);
        expect(snapshotFiles()).toEqual(before);
        removeIn(lab, ...filesIn(lab, 'condemned'));
        // What was deleted here is lost to the first snapshot, as after a reclaim that had no right to it.
        await lab.backup(await openAsleep());
        expect((await lab.restore(await openOther(), 'latest', lab.path('out'))).problems).toEqual([]);
        expect(compareTrees(lab.source, lab.path('out'))).toEqual([]);
        expect(filesIn(lab, 'sessions')).toEqual([]);
      });
    }
  }

  test('publishes nothing where the packs it has written itself were taken for leftovers', async () => {
    const before = { snapshots: snapshotFiles(), packs: filesIn(lab, 'packs') };
    // Far more than a commit file takes: the first packs are finished before the end.
    for (let file = 0; file < 9; file++) put(lab, `more-${file}`, noise(100 + file, 2_000_000));
    const running = backUp(await openAsleep(), async () => {
      const own = filesIn(lab, 'packs').filter((name) => !before.packs.includes(name));
      expect(own.length).toBeGreaterThan(0);
      sleep();
      await takeForDead();
      removeIn(lab, ...own);
    });
    await expect(running).rejects.toMatchObject({ name: 'CairnError' });
    expect(snapshotFiles()).toEqual(before.snapshots);
    await nextBackupIsWhole();
  });

  test('and lost the file it was writing gets a typed error, and the next one succeeds', async () => {
    const before = snapshotFiles();
    for (let file = 0; file < 3; file++) put(lab, `more-${file}`, noise(100 + file, 500_000));
    const running = backUp(await openAsleep(), async () => {
      sleep();
      await takeForDead();
      const store = createLocalStore({ root: lab.repositoryPath, random: lab.ports.random });
      expect(await store.removeTemporary({ which: () => true })).not.toEqual([]);
    });
    await expect(running).rejects.toMatchObject({ name: 'CairnError' });
    expect(snapshotFiles()).toEqual(before);
    await nextBackupIsWhole();
  });

  test('and was taken for dead tells why in the log', async () => {
    await backUp(await openAsleep(), async () => {
      sleep();
      await takeForDead();
    });
    expect(lab.logged).toContainEqual({ level: 'warn', message: expect.stringContaining('taken for dead') as unknown });
  });
});

describe('a backup that slept and relied on commit files', () => {
  beforeEach(async () => {
    put(lab, 'old', 'a small file');
    await lab.backup(await openOther());
    put(lab, 'new', noise(2, 30_000));
  });

  test('goes on where they were merged meanwhile', async () => {
    await backUp(await openAsleep(), async () => {
      sleep();
      await takeForDead();
      await (await openOther()).tidy({ commitFiles: 0, indexRuns: 1 });
      expect(filesIn(lab, 'commits')).toEqual([]);
    });
    await nextBackupIsWhole();
  });

  test('publishes nothing where one is gone and not merged', async () => {
    const running = backUp(await openAsleep(), async () => {
      sleep();
      await takeForDead();
      removeIn(lab, ...filesIn(lab, 'commits'));
    });
    await expect(running).rejects.toMatchObject({ code: 'repository/busy' });
    expect(snapshotFiles()).toEqual([]);
  });
});

describe('a session', () => {
  const begin = async () => {
    const repository = await openAsleep();
    return repository.beginWrite(WRITER);
  };

  test('whose computer did not sleep looks for its lease each minute, and right before it publishes', async () => {
    const session = await begin();
    removeIn(lab, ...filesIn(lab, 'sessions'));
    monotonicMs += 59_000;
    await session.beat();
    expect(filesIn(lab, 'sessions')).toEqual([]);
    monotonicMs += 1000;
    await session.beat();
    expect(filesIn(lab, 'sessions')).toHaveLength(1);
    await session.abort();
  });

  test.each([
    ['back by a year', -365 * 24 * HOUR_MS],
    ['back to 1970', -Number.MAX_SAFE_INTEGER],
    ['ahead by ten years', 3650 * 24 * HOUR_MS],
    ['ahead to 2100', 80 * 365 * 24 * HOUR_MS],
  ])('whose wall clock is moved %s goes on', async (_what, ms) => {
    put(lab, 'new', noise(2, 30_000));
    await backUp(await openAsleep(), async () => {
      wallMs = Math.max(0, wallMs + ms);
    });
    await nextBackupIsWhole();
  });

  /** Another computer with a wrong clock; for this one no time has passed. */
  test('whose lease is taken away by mistake goes on, or stops before it publishes, as what is there allows', async () => {
    put(lab, 'old', noise(1, 90_000));
    await lab.backup(await openOther());
    const before = snapshotFiles();
    put(lab, 'new', noise(2, 30_000));
    await backUp(await openAsleep(), async () => removeIn(lab, ...filesIn(lab, 'sessions')));
    put(lab, 'new', noise(3, 30_000));
    expect(snapshotFiles().length).toBeGreaterThan(before.length);
    const published = snapshotFiles();
    const session = await begin();
    session.add(BLOB_TYPE.fileChunk, noise(4, 1000));
    removeIn(lab, ...filesIn(lab, 'sessions'), ...filesIn(lab, 'packs'));
    await expect(session.publish(() => new Uint8Array(10))).rejects.toMatchObject({ code: 'repository/busy' });
    // The lease it has shown again does not make it forget.
    monotonicMs += 59_000;
    await expect(session.beat()).rejects.toMatchObject({ code: 'repository/busy' });
    await session.abort();
    expect(snapshotFiles()).toEqual(published);
    expect(filesIn(lab, 'sessions')).toEqual([]);
  });

  test('that slept stops at its next heartbeat where data is condemned', async () => {
    const repository = await openAsleep();
    const session = await repository.beginWrite(WRITER);
    condemn(repository, []);
    monotonicMs += 61_000;
    await session.beat();
    sleep();
    await expect(session.beat()).rejects.toMatchObject({ code: 'repository/busy' });
    await session.abort();
  });

  test('that may not go on says so every time, and leaves no lease', async () => {
    put(lab, 'old', noise(1, 90_000));
    await lab.backup(await openOther());
    const session = await begin();
    sleep();
    removeIn(lab, ...filesIn(lab, 'packs'));
    for (let times = 0; times < 3; times++)
      await expect(session.beat()).rejects.toMatchObject({ code: 'repository/busy' });
    await expect(session.drain()).rejects.toMatchObject({ code: 'repository/busy' });
    await expect(session.publish(() => new Uint8Array(10))).rejects.toMatchObject({ code: 'repository/busy' });
    await session.abort();
    expect(filesIn(lab, 'sessions')).toEqual([]);
  });
});

test('a merge whose session was taken for dead removes nothing', async () => {
  for (let round = 0; round < 3; round++) {
    put(lab, `file-${round}`, noise(round, 1000));
    await lab.backup(await openOther());
  }
  const commits = filesIn(lab, 'commits');
  const repository = await openAsleep();
  // It falls asleep as soon as it has begun, while it reads what it merges.
  const read = lab.store.read.bind(lab.store);
  let isFirst = true;
  Object.assign(lab.store, {
    read: async (...all: Parameters<typeof read>) => {
      if (isFirst && all[0].startsWith('commits/')) {
        isFirst = false;
        sleep();
        await takeForDead();
      }
      return read(...all);
    },
  });
  await expect(repository.tidy({ commitFiles: 0, indexRuns: 1 })).rejects.toMatchObject({ code: 'repository/busy' });
  expect(filesIn(lab, 'commits')).toEqual(commits);
  await repository.tidy({ commitFiles: 0, indexRuns: 1 });
  expect(filesIn(lab, 'commits')).toEqual([]);
  expect((await lab.verify(await openOther())).damage).toEqual([]);
});
