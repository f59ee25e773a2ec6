/**
 * Drives that go, come back, come back elsewhere, or come back as another: with real repositories. An empty mount point is
 * never written into.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DestinationState } from '../../src-shared/model/index.ts';
import { lockHome } from '../../src-main/engine-host/home-lock.ts';
import { systemPorts } from '../../src-main/engine/kernel/index.ts';
import { BY_HAND, PASSWORD, RULES, ServiceLab, type TestClient } from '../support/service-lab.ts';

let lab: ServiceLab;
let client: TestClient;

beforeEach(async () => {
  lab = new ServiceLab();
  lab.write('letter.txt', 'Dear Ada,');
  client = await lab.start();
});
afterEach(() => lab.dispose());

const unplug = (): void => fs.renameSync(lab.drive, `${lab.drive}-in-a-drawer`);
const plugIn = (): void => fs.renameSync(`${lab.drive}-in-a-drawer`, lab.drive);

async function state(): Promise<DestinationState | undefined> {
  await lab.service.desk.look();
  return (await client.call('overview.get', {})).destinations[0]?.state;
}

async function backup(setId: string) {
  return client.ended((await client.call('jobs.backup', { setId, reread: false })).jobId);
}

describe('a drive', () => {
  it('that is away is a state, and comes back open without asking again', async () => {
    const { set } = await lab.backedUp(client);
    unplug();
    expect(await state()).toBe('away');
    const { verdict, destinations, sets } = await client.call('overview.get', {});
    expect(verdict).toMatchObject({ level: 'good', reasons: [{ kind: 'away' }] });
    expect(destinations[0]).toMatchObject({ error: null, freeBytes: null });
    expect(destinations[0]!.awaySince).not.toBeNull();
    expect(sets[0]!.lastBackup).toMatchObject({ files: 1 });
    await expect(client.call('snapshots.list', set)).rejects.toThrow();
    await expect(client.call('snapshots.list', { destinationId: set.destinationId })).rejects.toThrow('not connected');
    plugIn();
    expect(await state()).toBe('ready');
    expect(await backup(set.setId)).toMatchObject({ state: 'done' });
  });

  it('whose mount point stays behind empty gets not one byte written into it', async () => {
    const { set } = await lab.backedUp(client);
    unplug();
    fs.mkdirSync(lab.drive);
    expect(await backup(set.setId)).toMatchObject({ state: 'failed', error: { code: 'destination/gone' } });
    expect(fs.readdirSync(lab.drive)).toEqual([]);
    expect((await client.call('overview.get', {})).verdict.level).not.toBe('bad');
    fs.rmdirSync(lab.drive);
    plugIn();
    expect(await backup(set.setId)).toMatchObject({ state: 'done' });
  });

  it('that is another one is named as such and left alone', async () => {
    const { set } = await lab.backedUp(client);
    unplug();
    const { desk } = lab.service;
    fs.mkdirSync(lab.drive);
    await makeRepository();
    const before = fs.readdirSync(lab.drive, { recursive: true, encoding: 'utf8' }).toSorted();
    expect(await state()).toBe('other');
    expect(await backup(set.setId)).toMatchObject({ state: 'failed', error: { code: 'repository/wrong-identity' } });
    expect(fs.readdirSync(lab.drive, { recursive: true, encoding: 'utf8' }).toSorted()).toEqual(before);
    expect((await desk.overview.get()).verdict.reasons[0]).toMatchObject({ kind: 'other-repository' });
  });

  it('that turned from encrypted to not is taken for another one', async () => {
    const { set } = await lab.backedUp(client);
    unplug();
    fs.mkdirSync(lab.drive);
    await makeRepository(null);
    expect(await state()).toBe('other');
    expect(set.destinationId).toHaveLength(32);
  });

  it('whose configuration is broken in both copies can’t be used, and says why', async () => {
    await lab.backedUp(client);
    for (const name of fs.readdirSync(lab.drive).filter((entry) => entry.startsWith('config')))
      fs.writeFileSync(path.join(lab.drive, name), 'rubbish');
    await client.call('destinations.lock', {
      destinationId: (await client.call('overview.get', {})).destinations[0]!.destinationId,
      forget: true,
    });
    expect(await state()).toBe('unusable');
    expect((await client.call('overview.get', {})).destinations[0]!.error).toMatchObject({ code: 'integrity/damaged' });
  });

  it('is noticed by the clock, and everyone who is connected hears of it', async () => {
    await lab.backedUp(client);
    const other = lab.connect();
    unplug();
    lab.tick();
    const heard = await other.until((event) =>
      event.kind === 'overview' && event.overview.destinations[0]?.state === 'away' ? event : undefined,
    );
    expect(heard).toBeDefined();
  });

  async function makeRepository(password: string | null = PASSWORD): Promise<void> {
    const other = new ServiceLab();
    const stranger = await other.start();
    await stranger.call('sets.create', {
      name: 'Other',
      sources: [other.handle(other.documents)],
      rules: RULES,
      destination: other.handle(lab.drive),
      password,
      compression: 'none',
      schedule: BY_HAND,
    });
    await other.dispose();
  }
});

describe('a second start', () => {
  it('knows the sets, and opens what the keychain remembers', async () => {
    const { set } = await lab.backedUp(client);
    await lab.service.close();
    client = await lab.start();
    const { sets, destinations } = await client.call('overview.get', {});
    expect(sets).toMatchObject([{ setId: set.setId, lastBackup: { files: 1 } }]);
    expect(destinations).toMatchObject([{ state: 'ready', remembered: true }]);
  });

  it('stays locked where the keychain has another password, and asks it once', async () => {
    await lab.backedUp(client);
    await lab.service.close();
    for (const name of lab.secrets.keys()) lab.secrets.set(name, 'an old one');
    let reads = 0;
    const { secrets } = lab.host;
    lab.host = {
      ...lab.host,
      secrets: {
        ...secrets!,
        read: (name) => {
          reads++;
          return secrets!.read(name);
        },
      },
    };
    client = await lab.start();
    expect(await state()).toBe('locked');
    expect(await state()).toBe('locked');
    expect(reads).toBe(1);
  });

  it('stays locked and goes on where the keychain fails, and puts no password into the log', async () => {
    lab.host = { ...lab.host, secrets: { read: fail, write: fail, remove: fail } };
    await lab.service.close();
    client = await lab.start();
    await lab.backedUp(client);
    await lab.service.close();
    client = await lab.start();
    expect(await state()).toBe('locked');
    expect(JSON.stringify(lab.logged)).not.toContain(PASSWORD);

    function fail(...given: readonly unknown[]): Promise<never> {
      return Promise.reject(new Error(`the keychain does not like ${given.join(' ')}`));
    }
  });

  it('is refused while the first one runs, and free after a crash', async () => {
    await expect(lockHome(lab.home, systemPorts)).rejects.toMatchObject({ code: 'app/busy' });
    await lab.service.close();
    const lockFile = path.join(lab.home, 'engine-host.lock');
    const first = await lockHome(lab.home, systemPorts);
    await first.announce('http://127.0.0.1:1/');
    // As a process that died left it: the same place, a process that is not there.
    const held = JSON.parse(fs.readFileSync(lockFile, 'utf8')) as Record<string, unknown>;
    fs.writeFileSync(lockFile, JSON.stringify({ ...held, processId: 2 ** 22 + 1 }));
    const second = await lockHome(lab.home, systemPorts);
    await second.release();
    expect(fs.readdirSync(lab.home).filter((name) => name.startsWith('engine-host'))).toEqual([]);
    fs.writeFileSync(lockFile, 'rubbish');
    await (await lockHome(lab.home, systemPorts)).release();
    client = await lab.start();
  });
});

describe('a place for a new backup', () => {
  const probe = (folder: string, sources: readonly string[] = []) =>
    client.call('places.probe', { handle: lab.handle(folder), sources: sources.map((source) => lab.handle(source)) });

  it('that holds other things gets a folder of its own', async () => {
    fs.writeFileSync(path.join(lab.drive, 'film.mkv'), 'x');
    expect(await probe(lab.drive)).toMatchObject({
      state: 'free',
      repository: { path: path.join(lab.drive, 'Cairn') },
    });
    fs.mkdirSync(path.join(lab.drive, 'Cairn'));
    fs.writeFileSync(path.join(lab.drive, 'Cairn/other.txt'), 'x');
    expect(await probe(lab.drive)).toMatchObject({ state: 'occupied' });
    const create = client.call('sets.create', {
      name: 'x',
      sources: [lab.handle(lab.documents)],
      rules: RULES,
      destination: lab.handle(lab.drive),
      password: null,
      compression: 'none',
      schedule: BY_HAND,
    });
    await expect(create).rejects.toThrow('repository/not-empty');
    expect(fs.readdirSync(path.join(lab.drive, 'Cairn'))).toEqual(['other.txt']);
  });

  it('may not lie in what is backed up, through a link neither', async () => {
    const inside = path.join(lab.documents, 'backup');
    fs.mkdirSync(inside);
    expect(await probe(inside, [lab.documents])).toMatchObject({ state: 'inside-source' });
    fs.symlinkSync(inside, path.join(lab.folder, 'link'));
    expect(await probe(path.join(lab.folder, 'link'), [lab.documents])).toMatchObject({ state: 'inside-source' });
  });

  it('that has a backup names it and the set that uses it', async () => {
    const { set } = await lab.backedUp(client);
    expect(await probe(lab.drive)).toMatchObject({ state: 'repository', encrypted: true, setId: set.setId });
  });

  it('that has a backup takes a second set with its password, and none with another', async () => {
    const { set } = await lab.backedUp(client);
    const create = (password: string) =>
      client.call('sets.create', {
        name: 'Pictures',
        sources: [lab.handle(lab.userHome)],
        rules: RULES,
        destination: lab.handle(lab.drive),
        password,
        compression: 'none',
        schedule: BY_HAND,
      });
    await expect(create('wrong')).rejects.toThrow('key/wrong-password');
    const second = await create(PASSWORD);
    expect(second.set.destinationId).toBe(set.destinationId);
    expect(second.recoveryKey).toBeNull();
    expect((await client.ended(second.job.jobId)).state).toBe('done');
    await client.call('sets.remove', { setId: set.setId });
    expect((await client.call('overview.get', {})).destinations).toHaveLength(1);
  });

  it.runIf(process.geteuid?.() !== 0)('that may not be written to says so', async () => {
    fs.chmodSync(lab.drive, 0o555);
    expect(await probe(lab.drive)).toMatchObject({ state: 'denied' });
    fs.chmodSync(lab.drive, 0o755);
  });
});
