/** Leases say who is at work; condemnations say what a writer must not rely on. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BLOB_TYPE, FILE_TYPE, FRAME_KIND, sealObjectFile } from '../../../src-main/engine/codec/index.ts';
import {
  type Lease,
  type ProcessIdentity,
  type Repository,
  decodeLease,
  encodeCondemnation,
  encodeLease,
  isStale,
  listSessions,
  openSession,
} from '../../../src-main/engine/repository/index.ts';
import { type PackId, parsePackId, parseSessionId } from '../../../src-shared/ids.ts';
import { Lab, SELF, WRITER } from '../../support/engine-lab.ts';
import { LOW_LIMITS, chunkIdOf, filesIn, noise, put, readIn, writeIn } from '../../support/lab-files.ts';

let lab: Lab;
beforeEach(async () => {
  lab = new Lab();
  await lab.init();
});
afterEach(() => lab.dispose());

const process1: ProcessIdentity = {
  host: 'desk',
  bootId: 'boot-1',
  processId: 10,
  isAlive: (processId) => processId === 10 || processId === 11,
};

function leaseOf(changes: Partial<Lease> = {}): Lease {
  const now = lab.clock.nowMs();
  return {
    sessionId: parseSessionId('1'.repeat(32)),
    writerId: WRITER,
    kind: 'writer',
    host: 'desk',
    bootId: 'boot-1',
    processId: 11,
    startedAtMs: now,
    heartbeatAtMs: now,
    leaseMs: 600_000,
    generation: 0,
    ...changes,
  };
}

const begin = (self = process1) =>
  openSession({ store: lab.store, ports: lab.ports, self, writerId: WRITER, kind: 'writer', generation: 0 });

describe('a lease', () => {
  test('comes back as it was', () => {
    expect(decodeLease(encodeLease(leaseOf()))).toEqual(leaseOf());
    expect(decodeLease(encodeLease(leaseOf({ kind: 'reader' }))).kind).toBe('reader');
  });

  test.each([
    ['of a living process of this machine', {}, false],
    ['of a living process of this machine, however old its heartbeat is', { heartbeatAtMs: 0 }, false],
    ['of a dead process of this machine', { processId: 12 }, true],
    ['of this machine before it was started again', { bootId: 'boot-0' }, true],
    [
      'of another machine with a fresh heartbeat, whatever its process number',
      { host: 'laptop', bootId: 'x', processId: 12 },
      false,
    ],
    ['of another machine with an old heartbeat', { host: 'laptop', bootId: 'x', heartbeatAtMs: 0 }, true],
    ['of a machine without boot ids with a fresh heartbeat', { bootId: '', processId: 12 }, false],
    ['of a machine without boot ids with an old heartbeat', { bootId: '', heartbeatAtMs: 0 }, true],
  ])('%s', (_what, changes, stale) => {
    expect(isStale(leaseOf(changes), process1, lab.clock.nowMs())).toBe(stale);
  });

  test('of another machine runs out only when its whole time has passed, in either direction of a wrong clock', () => {
    const theirs = leaseOf({ host: 'laptop' });
    const at = (offsetMs: number): boolean => isStale(theirs, process1, theirs.heartbeatAtMs + offsetMs);
    expect([at(600_000), at(600_001), at(-600_000), at(-600_001)]).toEqual([false, true, false, true]);
  });
});

describe('a session', () => {
  test('shows itself by a lease, and is gone when it ends', async () => {
    const session = await begin();
    expect(await listSessions(lab.store)).toEqual([session.lease]);
    await session.end();
    expect(filesIn(lab, 'sessions')).toEqual([]);
  });

  test('renews its heartbeat when a minute has passed, and not before', async () => {
    const session = await begin();
    const first = session.lease.heartbeatAtMs;
    lab.clock.advance(59_000);
    await session.beat();
    expect((await listSessions(lab.store)).map(({ heartbeatAtMs }) => heartbeatAtMs)).toEqual([first]);
    lab.clock.advance(1000);
    await session.beat();
    expect((await listSessions(lab.store)).map(({ heartbeatAtMs }) => heartbeatAtMs)).toEqual([first + 60_000]);
  });

  test('clears away leases of the dead, torn ones and those under a wrong name, and keeps the living', async () => {
    const write = (name: string, bytes: Uint8Array): void => writeIn(lab, `sessions/${name.repeat(32)}`, bytes);
    write('1', encodeLease(leaseOf()));
    write('2', encodeLease(leaseOf({ sessionId: parseSessionId('2'.repeat(32)), processId: 12 })));
    write('3', encodeLease(leaseOf({ sessionId: parseSessionId('3'.repeat(32)), host: 'laptop' })));
    write('4', encodeLease(leaseOf({ sessionId: parseSessionId('4'.repeat(32)), host: 'laptop', heartbeatAtMs: 0 })));
    write('5', encodeLease(leaseOf({ sessionId: parseSessionId('5'.repeat(32)) })).subarray(0, 60));
    write('6', new Uint8Array());
    write('7', encodeLease(leaseOf()));
    const session = await begin();
    expect((await listSessions(lab.store)).map(({ sessionId }) => sessionId[0]).sort()).toEqual(
      ['1', '3', session.lease.sessionId[0]].sort(),
    );
    expect(filesIn(lab, 'sessions')).toHaveLength(3);
  });

  test('of a long backup shows its heartbeat all the while, also where nothing is new', async () => {
    for (let folder = 0; folder < 12; folder++) put(lab, `folder-${folder}/file`, `content ${folder}`);
    const repository = await lab.open();
    await lab.backup(repository);
    const seen: number[] = [];
    let last = 0;
    await lab.backup(repository, {
      onProgress: () => {
        // Every folder takes two minutes: the lease of ten would run out five times over.
        lab.clock.advance(120_000);
        const [name = ''] = filesIn(lab, 'sessions');
        last = decodeLease(readIn(lab, name)).heartbeatAtMs;
        seen.push(lab.clock.nowMs() - last);
      },
    });
    expect(seen.length).toBeGreaterThan(5);
    expect(Math.max(...seen)).toBeLessThan(600_000);
  });
});

describe('a condemnation', () => {
  /** What a reclaim of a later version will write. */
  function condemn(
    repository: Repository,
    generation: number,
    packs: readonly PackId[],
    name = String(generation),
  ): void {
    const { repositoryIdBytes, secrets } = repository.context;
    const plain = encodeCondemnation({ generation, createdAtMs: 1, packs });
    const bytes = sealObjectFile({
      fileType: FILE_TYPE.condemnation,
      repositoryId: repositoryIdBytes,
      secrets,
      salt: noise(generation, 32),
      frames: [{ kind: FRAME_KIND.object, plain, compression: { kind: 'none' } }],
    });
    writeIn(lab, `condemned/${name.repeat(64).slice(0, 64)}`, bytes);
  }

  const open = (): Promise<Repository> => lab.open(undefined, { limits: LOW_LIMITS });
  const content = noise(1, 90_000);
  const packIds = (): PackId[] => filesIn(lab, 'packs').map((name) => parsePackId(name.slice(-64)));

  test('makes a pack absent for writers, who store again what they need, and not for readers', async () => {
    put(lab, 'large', content);
    await lab.backup(await open());
    const condemned = packIds();
    condemn(await open(), 1, condemned);
    const repository = await open();
    expect(
      Buffer.from(await repository.readBlob(chunkIdOf(repository, content), BLOB_TYPE.fileChunk)).equals(content),
    ).toBe(true);
    const session = await repository.beginWrite(WRITER);
    expect(session.has(chunkIdOf(repository, content))).toBe(false);
    await session.abort();
    const report = await lab.backup(repository);
    expect(report.bytesAdded).toBeGreaterThanOrEqual(content.length);
    const kept = packIds().filter((id) => !condemned.includes(id));
    expect(kept.length).toBeGreaterThan(0);
    // With the condemned packs really gone the new snapshot stands on its own.
    for (const id of condemned) lab.store.remove([`packs/${id.slice(0, 2)}/${id}`]).catch(() => undefined);
    expect((await lab.restore(await open(), 'latest', lab.path('out'))).problems).toEqual([]);
  });

  test('that comes while a backup runs stops it before it publishes, whatever its form', async () => {
    for (const bytes of [100, 200_000]) {
      const repository = await open();
      const session = await repository.beginWrite(WRITER);
      session.add(BLOB_TYPE.fileChunk, noise(bytes, bytes));
      await session.drain();
      const before = filesIn(lab, 'condemned').length;
      condemn(repository, before + 1, []);
      const snapshots = [...filesIn(lab, 'snapshots'), ...filesIn(lab, 'commits')];
      await expect(session.publish(() => new Uint8Array(10))).rejects.toMatchObject({
        code: 'repository/busy',
        retry: 'later',
      });
      await session.abort();
      expect([...filesIn(lab, 'snapshots'), ...filesIn(lab, 'commits')]).toEqual(snapshots);
      expect(filesIn(lab, 'sessions')).toEqual([]);
    }
    await (await (await open()).beginWrite(WRITER)).publish(() => new Uint8Array(10));
  });

  test('that can’t be read stops a writer, who could not know what to avoid, and no reader', async () => {
    put(lab, 'large', content);
    await lab.backup(await open());
    writeIn(lab, `condemned/${'a'.repeat(64)}`, 'not a condemnation');
    const repository = await open();
    await expect(repository.beginWrite(WRITER)).rejects.toMatchObject({ name: 'CairnError' });
    expect((await lab.restore(repository, 'latest', lab.path('out'))).problems).toEqual([]);
    expect(filesIn(lab, 'sessions')).toEqual([]);
  });

  test('of what lies in a commit file makes that absent too', async () => {
    put(lab, 'small', 'a small file');
    await lab.backup(await open());
    const [commit = ''] = filesIn(lab, 'commits');
    condemn(await open(), 1, [parsePackId(commit.slice(-64))]);
    const session = await (await open()).beginWrite(WRITER);
    expect(session.has(chunkIdOf(await open(), Buffer.from('a small file')))).toBe(false);
    await session.abort();
  });
});

test('the lab is one process of one machine', () => {
  expect(SELF.isAlive(SELF.processId)).toBe(true);
});
