/**
 * Destinations on drives that come, go, come back elsewhere, and are copied: real repositories on drives that the test
 * plugs in and pulls out.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Destination } from '../../src-shared/model/index.ts';
import { BY_HAND, PASSWORD, RULES, ServiceLab, type TestClient, toldStates } from '../support/service-lab.ts';
import { FakeVolumes, volume } from '../support/volumes.ts';

let lab: ServiceLab;
let client: TestClient;
let drives: FakeVolumes;
let mounted = 0;

beforeEach(async () => {
  drives = new FakeVolumes();
  lab = new ServiceLab({ volumes: drives });
  lab.write('letter.txt', 'Dear Ada,');
  drives.volumes = [blueAt(lab.drive)];
  client = await lab.start();
});
afterEach(() => lab.dispose());

const facts = (uuid: string) => ({ label: 'Blue', uuid, mountKey: `mounting ${++mounted}` });
const blueAt = (folder: string) => volume(folder, facts('uuid-blue'));

async function look(): Promise<Destination> {
  await lab.service.desk.look();
  return (await client.call('overview.get', {})).destinations[0]!;
}

/** Pulls the drive out; its mount point goes with it. */
function unplug(): void {
  fs.renameSync(lab.drive, `${lab.drive}-in-a-drawer`);
  drives.volumes = [];
}

function plugIn(folder = lab.drive): void {
  fs.renameSync(`${lab.drive}-in-a-drawer`, folder);
  drives.volumes = [blueAt(folder)];
}

async function backup(setId: string) {
  return client.ended((await client.call('jobs.backup', { setId, reread: false })).jobId);
}

describe('a destination', () => {
  it('says on which volume it lies, also while that is away', async () => {
    await lab.backedUp(client);
    const told = { label: 'Blue', fileSystem: 'ext4', uuid: 'uuid-blue', removable: true, network: false };
    expect(await look()).toMatchObject({ state: 'ready', name: 'Blue', volume: told, copyAt: null });
    unplug();
    expect(await look()).toMatchObject({ state: 'away', volume: told, freeBytes: null });
  });

  it('keeps the id of its volume in mind while the system tells none', async () => {
    await lab.backedUp(client);
    drives.volumes = [volume(lab.drive, { ...facts('uuid-blue'), uuid: undefined })];
    expect(await look()).toMatchObject({ state: 'ready', volume: { uuid: 'uuid-blue' } });
  });

  it('is found wherever its drive is mounted next, and goes on there', async () => {
    const { set } = await lab.backedUp(client);
    unplug();
    await look();
    const elsewhere = path.join(lab.folder, 'run-media-blue');
    plugIn(elsewhere);
    expect(await look()).toMatchObject({ state: 'ready', path: path.join(elsewhere, 'Cairn') });
    expect(await backup(set.setId)).toMatchObject({ state: 'done' });
    expect(fs.existsSync(lab.drive)).toBe(false);
  });

  it('is found though another drive is mounted in its place, which gets not one byte', async () => {
    const { set } = await lab.backedUp(client);
    unplug();
    fs.mkdirSync(path.join(lab.drive, 'Cairn'), { recursive: true });
    const elsewhere = path.join(lab.folder, 'second');
    plugIn(elsewhere);
    drives.volumes = [volume(lab.drive, facts('uuid-other')), ...drives.volumes];
    expect(await backup(set.setId)).toMatchObject({ state: 'done' });
    expect(await look()).toMatchObject({ path: path.join(elsewhere, 'Cairn') });
    expect(fs.readdirSync(path.join(lab.drive, 'Cairn'))).toEqual([]);
  });

  it('is opened anew when its drive went and came back between two looks', async () => {
    const { set } = await lab.backedUp(client);
    drives.volumes = [blueAt(lab.drive)];
    expect((await look()).state).toBe('ready');
    expect(await backup(set.setId)).toMatchObject({ state: 'done' });
  });

  it('tells when it goes and when it comes, once each', async () => {
    await lab.backedUp(client);
    await look();
    client.events.length = 0;
    unplug();
    for (let round = 0; round < 5; round++) await look();
    expect(toldStates(client)).toEqual(['away']);
    plugIn();
    for (let round = 0; round < 5; round++) await look();
    expect(toldStates(client)).toEqual(['away', 'ready']);
  });

  it('keeps since when it is away over a restart, until it is there again', async () => {
    await lab.backedUp(client);
    unplug();
    const { awaySince } = await look();
    expect(awaySince).not.toBeNull();
    await lab.service.close();
    client = await lab.start();
    expect(await look()).toMatchObject({ state: 'away', awaySince });
    await lab.service.close();
    plugIn();
    client = await lab.start();
    expect(await look()).toMatchObject({ state: 'ready', awaySince: null });
  });

  it('is one line in the log for each change, however long it is away', async () => {
    const { set } = await lab.backedUp(client);
    unplug();
    await look();
    const before = lab.logged.length;
    for (let round = 0; round < 200; round++) await lab.service.desk.look();
    for (let round = 0; round < 3; round++) await backup(set.setId);
    // A run that a person starts says why it could not be done; the looks say nothing.
    expect(lab.logged.slice(before).filter(({ message }) => /destination|drive/.test(message))).toEqual([]);
    expect(lab.logged.filter(({ message }) => message === 'a destination is away')).toHaveLength(1);
  });

  it('whose marker was lost is the same one after a backup has written a new one, for ever', async () => {
    const { set } = await lab.backedUp(client);
    fs.rmSync(path.join(lab.drive, 'Cairn/instance'));
    expect((await look()).state).toBe('ready');
    expect(await backup(set.setId)).toMatchObject({ state: 'done' });
    expect((await look()).state).toBe('ready');
    await lab.service.close();
    client = await lab.start();
    expect((await look()).state).toBe('ready');
  });

  it('has no forecast while it is young', async () => {
    await lab.backedUp(client);
    expect((await look()).forecast).toEqual({ fullAt: null, bytesPerDay: null });
  });
});

describe('a drive that comes', () => {
  it('is noticed by the clock: pickers are told, and the destination is there', async () => {
    await lab.backedUp(client);
    unplug();
    await look();
    client.events.length = 0;
    plugIn();
    const came = client.until((event) =>
      event.kind === 'overview' && event.overview.destinations[0]?.state === 'ready' ? event : undefined,
    );
    for (let round = 0; round < 3; round++) {
      await lab.service.desk.drives.tick();
    }
    await came;
    expect(client.events.some((event) => event.kind === 'changed' && event.topic === 'places')).toBe(true);
  });
});

describe('a copy made byte by byte', () => {
  const copy = (): string => path.join(lab.folder, 'copy');
  const copied = (uuid: string) => volume(copy(), { ...facts(uuid), label: 'Copy' });

  it('is named and left alone while the drive it was made of is connected', async () => {
    const { set } = await lab.backedUp(client);
    fs.cpSync(lab.drive, copy(), { recursive: true });
    drives.volumes = [...drives.volumes, copied('uuid-copy')];
    for (let round = 0; round < 3; round++)
      expect(await look()).toMatchObject({ state: 'ready', copyAt: path.join(copy(), 'Cairn') });
    expect(lab.logged.filter(({ message }) => message.startsWith('a copy of a destination'))).toHaveLength(1);
    const before = fs.readdirSync(copy(), { recursive: true }).toSorted();
    expect(await backup(set.setId)).toMatchObject({ state: 'done' });
    expect(fs.readdirSync(copy(), { recursive: true }).toSorted()).toEqual(before);
    drives.volumes = drives.volumes.slice(0, 1);
    expect(await look()).toMatchObject({ state: 'ready', copyAt: null });
  });

  it('of a whole drive, ids and all, stops both until one is gone', async () => {
    const { set } = await lab.backedUp(client);
    fs.cpSync(lab.drive, copy(), { recursive: true });
    drives.volumes = [...drives.volumes, copied('uuid-blue')];
    const { state, error } = await look();
    expect(state).toBe('unusable');
    expect(error?.message).toContain(path.join(copy(), 'Cairn'));
    const secret = { kind: 'password', password: PASSWORD } as const;
    const { destinationId } = set;
    await expect(client.call('destinations.unlock', { destinationId, secret, remember: false })).rejects.toThrow(
      'connected more than once',
    );
    expect(await backup(set.setId)).toMatchObject({ state: 'failed', error: { code: 'repository/wrong-identity' } });
    drives.volumes = drives.volumes.slice(0, 1);
    expect((await look()).state).toBe('ready');
  });

  it('that comes alone is refused, and goes on in the place of the other when a person says so', async () => {
    const { set } = await lab.backedUp(client);
    fs.cpSync(lab.drive, copy(), { recursive: true });
    unplug();
    drives.volumes = [copied('uuid-copy')];
    const { state, error } = await look();
    expect(state).toBe('unusable');
    expect(error?.hint).toContain('I have a backup already');
    const secret = { kind: 'password', password: PASSWORD } as const;
    const place = lab.handle(path.join(copy(), 'Cairn'));
    const adopted = await client.call('sets.adopt', { destination: place, secret, remember: false });
    expect(adopted.setId).toBe(set.setId);
    expect(await look()).toMatchObject({ state: 'ready', volume: { uuid: 'uuid-copy' } });
    expect(await backup(set.setId)).toMatchObject({ state: 'done' });
    // The old one is the copy now.
    plugIn();
    drives.volumes = [...drives.volumes, copied('uuid-copy')];
    expect(await look()).toMatchObject({
      state: 'ready',
      path: path.join(copy(), 'Cairn'),
      copyAt: lab.drive + '/Cairn',
    });
  });

  it('is not adopted, nor used by a new set, while the other is connected', async () => {
    await lab.backedUp(client);
    fs.cpSync(lab.drive, copy(), { recursive: true });
    const secret = { kind: 'password', password: PASSWORD } as const;
    const place = lab.handle(path.join(copy(), 'Cairn'));
    const refused = 'made byte by byte';
    await expect(client.call('sets.adopt', { destination: place, secret, remember: false })).rejects.toThrow(refused);
    const create = client.call('sets.create', {
      name: 'x',
      sources: [lab.handle(lab.documents)],
      rules: RULES,
      destination: place,
      password: PASSWORD,
      compression: 'none',
      schedule: BY_HAND,
    });
    await expect(create).rejects.toThrow(refused);
  });
});

describe('a place for a new backup', () => {
  it('says that it lies on the disk of what it protects', async () => {
    const probe = (sources: readonly string[]) =>
      client.call('places.probe', { handle: lab.handle(lab.drive), sources: sources.map((one) => lab.handle(one)) });
    expect(await probe([lab.documents])).toMatchObject({ sameDeviceAsSource: true });
    expect(await probe([])).toMatchObject({ sameDeviceAsSource: false });
  });
});
