/** Leases say who is at work; condemnations say what a writer must not rely on. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BLOB_TYPE, FILE_TYPE, FRAME_KIND, sealObjectFile } from '../../../src-main/engine/codec/index.ts';
import {
  type Lease,
  type ProcessIdentity,
  type Repository,
  type Session,
  type SessionOptions,
  decodeLease,
  encodeCondemnation,
  encodeLease,
  judgeLease,
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
  processSpace: 'pid:[1]',
  machineId: 'machine-1',
  processStart: '5000',
  isAlive: (processId) => processId === 10 || processId === 11,
  startOf: (processId) => Promise.resolve(processId === 11 ? '7000' : ''),
};

function leaseOf(changes: Partial<Lease> = {}): Lease {
  const now = lab.clock.nowMs();
  return {
    sessionId: parseSessionId('1'.repeat(32)),
    writerId: WRITER,
    kind: 'writer',
    host: 'desk',
    machineId: 'machine-1',
    bootId: 'boot-1',
    processSpace: 'pid:[1]',
    processId: 11,
    processStart: '7000',
    temporaryTag: '',
    startedAtMs: now,
    heartbeatAtMs: now,
    leaseMs: 600_000,
    generation: 0,
    ...changes,
  };
}

const options = (self: ProcessIdentity): SessionOptions => ({
  store: lab.store,
  ports: lab.ports,
  self,
  writerId: WRITER,
  kind: 'writer',
  generation: 0,
});
const begin = (self = process1): Promise<Session> => openSession(options(self));

/** The one lease whose name begins so is dated back (or ahead) on the destination. */
function age(prefix: string, seconds: number): void {
  const name = filesIn(lab, 'sessions').find((file) => file.startsWith(prefix)) ?? '';
  const file = path.join(lab.repositoryPath, name);
  const { mtimeMs } = fs.statSync(file);
  fs.utimesSync(file, mtimeMs / 1000, mtimeMs / 1000 + seconds);
}

function truncate(prefix: string, length: number): void {
  const name = filesIn(lab, 'sessions').find((file) => file.startsWith(prefix)) ?? '';
  fs.truncateSync(path.join(lab.repositoryPath, name), length);
}

describe('a lease', () => {
  test('comes back as it was', () => {
    expect(decodeLease(encodeLease(leaseOf()))).toEqual(leaseOf());
    expect(decodeLease(encodeLease(leaseOf({ kind: 'reader' }))).kind).toBe('reader');
  });

  /** What becomes of a lease that was written so long ago. */
  const judge = (changes: Partial<Lease>, ageMs = 0, self = process1): Promise<string> =>
    judgeLease(leaseOf(changes), self, () => Promise.resolve(ageMs));
  const DAY_MS = 86_400_000;

  test.each([
    ['of a living process of this machine', {}, 'live'],
    ['of a dead process of this machine', { processId: 12 }, 'dead'],
    ['of a process that had this process id before another got it', { processStart: '6999' }, 'dead'],
    [
      'that does not say when its process began, while something lives with its process id',
      { processStart: '' },
      'live',
    ],
    ['of this machine before it was started again', { bootId: 'boot-0' }, 'dead'],
    ['of another machine, whatever its process number', { host: 'laptop', bootId: 'x', processId: 12 }, 'live'],
    [
      'of another machine with the name of this one, started at another time',
      { machineId: 'machine-2', bootId: 'x', processId: 12 },
      'live',
    ],
    [
      'of a machine with this name that does not say which it is',
      { machineId: '', bootId: 'x', processId: 12 },
      'live',
    ],
    [
      'of a container of this machine, whose process ids are its own',
      { processSpace: 'pid:[2]', processId: 12 },
      'live',
    ],
    ['of a machine without boot ids', { bootId: '', processId: 12 }, 'live'],
  ])('%s', async (_what, changes, verdict) => {
    expect(await judge(changes)).toBe(verdict);
  });

  test('of a process that can be looked for does not run out, however old it is', async () => {
    expect(await judge({}, 400 * DAY_MS)).toBe('live');
  });

  test.each([
    ['another machine', { host: 'laptop' }],
    ['another machine with the name of this one', { machineId: 'machine-2', bootId: 'x' }],
    ['another container', { processSpace: 'pid:[2]' }],
    ['a machine without boot ids', { bootId: '' }],
  ])('of %s runs out when its whole time has passed, in either direction of a wrong clock', async (_what, changes) => {
    const verdicts = [600_000, 600_001, -600_000, -600_001].map((ageMs) => judge(changes, ageMs));
    expect(await Promise.all(verdicts)).toEqual(['live', 'expired', 'live', 'expired']);
  });

  test('asks for no more than a day, whatever it says', async () => {
    expect(await judge({ host: 'laptop', leaseMs: Number.MAX_SAFE_INTEGER }, DAY_MS + 1)).toBe('expired');
  });

  test('on a system that can’t say when a process began goes by its process id', async () => {
    const { host, bootId, processSpace, processId, isAlive } = process1;
    const self = { host, bootId, processSpace: processSpace ?? '', processId, isAlive };
    expect(await judge({ processStart: '6999' }, 0, self)).toBe('live');
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
    const named = (name: string, changes: Partial<Lease>): void =>
      write(name, encodeLease(leaseOf({ sessionId: parseSessionId(name.repeat(32)), ...changes })));
    named('1', {});
    named('2', { processId: 12 });
    named('3', { host: 'laptop' });
    named('4', { host: 'laptop' });
    age('sessions/4', -700);
    named('5', {});
    truncate('sessions/5', 60);
    write('6', new Uint8Array());
    write('7', encodeLease(leaseOf()));
    write('8', new Uint8Array(1_000_000));
    const session = await begin();
    expect((await listSessions(lab.store)).map(({ sessionId }) => sessionId[0]).sort()).toEqual(
      ['1', '3', session.lease.sessionId[0]].sort(),
    );
    expect(filesIn(lab, 'sessions')).toHaveLength(3);
  });

  test.each([Date.UTC(1970, 0, 1), Date.UTC(2100, 0, 1)])(
    'of another machine is judged by the destination’s clock, wherever the clocks of both stand (%d)',
    async (wrongMs) => {
      const wrong = { nowMs: () => wrongMs, monotonicMs: () => 0 };
      const theirs = await openSession({ ...options(process1), ports: { ...lab.ports, clock: wrong } });
      const laptop = { ...process1, host: 'laptop', machineId: 'machine-2' };
      await openSession(options(laptop));
      expect(await listSessions(lab.store)).toContainEqual(theirs.lease);
      age(`sessions/${theirs.lease.sessionId[0]}`, -601);
      await openSession(options(laptop));
      expect(await listSessions(lab.store)).not.toContainEqual(theirs.lease);
    },
  );

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
