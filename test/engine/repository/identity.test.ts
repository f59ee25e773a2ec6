/** Who a repository is: making one, opening one, markers, configuration, and writing back what was damaged. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  ENVELOPE_FORMAT,
  OBJECT_TYPE,
  decodeEnvelope,
  decodeMessagePack,
  encodeEnvelope,
  encodeMessagePack,
} from '../../../src-main/engine/codec/index.ts';
import { encodeInstance, readInstance } from '../../../src-main/engine/repository/identity.ts';
import { type Repository, encodeConfig, readConfig } from '../../../src-main/engine/repository/index.ts';
import { parseInstanceId } from '../../../src-shared/ids.ts';
import { Lab, WRITER } from '../../support/engine-lab.ts';
import { filesIn, flipIn, put, readIn, removeIn, writeIn } from '../../support/lab-files.ts';

let lab: Lab;
beforeEach(() => {
  lab = new Lab();
});
afterEach(() => lab.dispose());

const PASSWORD = 'correct horse';

/** Every file under the repository with its content, to see that nothing was changed. */
function state(): string[] {
  return filesIn(lab, '.').map((name) => `${name} ${readIn(lab, name).toString('hex')}`);
}

describe('making a repository', () => {
  test('gives one that opens, with two equal copies of its configuration and of each key', async () => {
    const { recoveryKey } = await lab.init({ password: PASSWORD });
    expect(recoveryKey).toBeDefined();
    const names = filesIn(lab, '.').map((name) => name.replace(/[0-9a-f]{64}/, 'ID'));
    expect(names.sort()).toEqual([
      'config',
      'config.copy',
      'instance',
      'keys/ID.a',
      'keys/ID.a',
      'keys/ID.b',
      'keys/ID.b',
      'reserve',
    ]);
    expect(readIn(lab, 'config').equals(readIn(lab, 'config.copy'))).toBe(true);
    await lab.open();
  });

  test('refuses where one is, with either copy of its configuration, and changes nothing', async () => {
    await lab.init({ password: PASSWORD });
    const before = state();
    await expect(lab.init()).rejects.toMatchObject({ code: 'repository/exists' });
    expect(state()).toEqual(before);
    const config = readIn(lab, 'config');
    removeIn(lab, 'config');
    await expect(lab.init()).rejects.toMatchObject({ code: 'repository/exists' });
    writeIn(lab, 'config', config);
    removeIn(lab, 'config.copy');
    await expect(lab.init()).rejects.toMatchObject({ code: 'repository/exists' });
    expect(filesIn(lab, '.')).toHaveLength(before.length - 1);
  });

  test('clears away what an init left that never came to its configuration', async () => {
    await lab.init({ password: PASSWORD });
    removeIn(lab, 'config', 'config.copy');
    const leftover = filesIn(lab, '.');
    await lab.init({ password: 'another' });
    expect(filesIn(lab, 'keys').some((name) => leftover.includes(name))).toBe(false);
    await lab.open('another');
    await expect(lab.open(PASSWORD)).rejects.toMatchObject({ code: 'key/wrong-password' });
  });

  test.each(['commits', 'snapshots', 'index'])(
    'refuses where backups are (%s) whose configuration is lost, and keeps the keys',
    async (folder) => {
      await lab.init({ password: PASSWORD });
      removeIn(lab, 'config', 'config.copy');
      writeIn(lab, `${folder}/${'ab'.repeat(32)}`, 'x');
      const before = state();
      await expect(lab.init()).rejects.toMatchObject({
        code: 'integrity/missing',
        hint: expect.stringContaining('Do not make a new repository here') as unknown,
      });
      expect(state()).toEqual(before);
    },
  );

  test('refuses where only packs are left of a repository, and keeps its keys', async () => {
    await lab.init({ password: PASSWORD });
    removeIn(lab, 'config', 'config.copy');
    writeIn(lab, `packs/ab/${'ab'.repeat(32)}`, 'x');
    const before = state();
    await expect(lab.init()).rejects.toMatchObject({ name: 'CairnError' });
    expect(state()).toEqual(before);
  });

  test.each([
    'letter.txt',
    'instance',
    'reserve',
    'keys/id_ed25519',
    'sessions/notes.txt',
    'trash/old-photo.jpg',
    'events/party.ics',
    'condemned/list',
  ])('refuses a folder that holds somebody’s “%s”, and leaves it as it is', async (name) => {
    writeIn(lab, name, 'somebody’s own');
    await expect(lab.init()).rejects.toMatchObject({ code: 'repository/not-empty' });
    expect(readIn(lab, name).toString()).toBe('somebody’s own');
    expect(filesIn(lab, '.')).toEqual([name]);
  });
});

describe('opening a repository', () => {
  test('says that there is none, or that both configurations are damaged', async () => {
    await lab.init();
    flipIn(lab, 'config', 60);
    await lab.open();
    flipIn(lab, 'config.copy', 60);
    await expect(lab.open()).rejects.toMatchObject({ code: 'integrity/damaged' });
    removeIn(lab, 'config', 'config.copy');
    await expect(lab.open()).rejects.toMatchObject({ code: 'repository/not-found' });
    fs.rmSync(lab.repositoryPath, { recursive: true });
    await expect(lab.open()).rejects.toMatchObject({ code: 'destination/gone' });
  });

  test('with any byte of the first configuration changed works from the copy, or gives a typed error', async () => {
    await lab.init();
    const length = readIn(lab, 'config').length;
    for (let at = 0; at < length; at += 3) {
      flipIn(lab, 'config', at);
      const opened = await lab.open().then(
        () => 'opened',
        (error: unknown) => error,
      );
      // A higher version in the header may only be called newer where the copy says so too.
      expect(opened, `byte ${at}`).toBe('opened');
      flipIn(lab, 'config', at);
    }
  });

  /** Both copies with their record changed and a right checksum, but with the old seal. */
  function forge(change: (record: Record<string, unknown>) => void): void {
    const { value } = decodeEnvelope(readIn(lab, 'config'), { objectType: OBJECT_TYPE.config, schemaVersionMax: 1 });
    const outer = value as { record: Uint8Array; mac: Uint8Array };
    const record = decodeMessagePack(outer.record) as Record<string, unknown>;
    change(record);
    const bytes = encodeEnvelope({
      objectType: OBJECT_TYPE.config,
      schemaVersion: 1,
      readerVersionMin: 1,
      format: ENVELOPE_FORMAT.messagePack,
      compression: { kind: 'none' },
      createdAtMs: 1,
      payload: { record: encodeMessagePack(record), mac: outer.mac },
    });
    writeIn(lab, 'config', bytes);
    writeIn(lab, 'config.copy', bytes);
  }

  test.each([
    ['another compression', (record: Record<string, unknown>) => void (record['compression'] = 'none')],
    ['shorter chains', (record: Record<string, unknown>) => void (record['chainIncrementalsMax'] = 1)],
    [
      'another public key',
      (record: Record<string, unknown>) => void (record['publicKey'] = new Uint8Array(32).fill(9)),
    ],
    ['a field more', (record: Record<string, unknown>) => void (record['later'] = true)],
  ])('refuses a configuration that somebody without the key gave %s', async (_what, change) => {
    await lab.init({ password: PASSWORD });
    forge(change);
    await expect(lab.open()).rejects.toMatchObject({ code: 'integrity/damaged' });
  });

  test.each([
    ['a higher format version', (record: Record<string, unknown>) => void (record['formatVersion'] = 99)],
    ['a feature it does not know', (record: Record<string, unknown>) => void (record['featuresRequired'] = ['parity'])],
    ['an id algorithm it does not know', (record: Record<string, unknown>) => void (record['idAlgorithm'] = 2)],
  ])('says “newer”, never “damaged”, of %s', async (_what, change) => {
    await lab.init();
    forge(change);
    await expect(lab.open()).rejects.toMatchObject({ code: 'repository/newer-format' });
  });

  test('keeps the fields of a later configuration that need nothing new', async () => {
    await lab.init();
    const { config } = await readConfig(lab.store);
    const { masterKey = new Uint8Array(32) } = config;
    const bytes = encodeConfig({ ...config, extra: { later: [1, 2] } }, masterKey);
    writeIn(lab, 'config', bytes);
    const repository = await lab.open();
    expect(repository.config.extra).toEqual({ later: [1, 2] });
    expect(encodeConfig(repository.config, masterKey)).toEqual(new Uint8Array(bytes));
  });
});

describe('a writer', () => {
  beforeEach(async () => {
    await lab.init({ password: PASSWORD });
    put(lab, 'file', 'content');
  });

  async function expectReads(repository: Repository): Promise<void> {
    const target = fs.mkdtempSync(lab.path('back-'));
    await lab.restore(repository, 'latest', target);
    expect(fs.readFileSync(path.join(target, 'file'), 'utf8')).toBe('content');
  }

  test('writes back a configuration, a copy, a key copy and a marker that are damaged or missing, from what is whole', async () => {
    const names = ['config', 'config.copy', ...filesIn(lab, 'keys')];
    const before = new Map(names.map((name) => [name, readIn(lab, name)]));
    for (const name of names) {
      for (const spoil of [() => flipIn(lab, name, 40), () => removeIn(lab, name)]) {
        spoil();
        const repository = await lab.open();
        const session = await repository.beginWrite(WRITER);
        await session.abort();
        expect(readIn(lab, name).equals(before.get(name) ?? Buffer.alloc(0)), name).toBe(true);
      }
    }
    const old = await readInstance(lab.store);
    for (const spoil of [() => flipIn(lab, 'instance', 90), () => removeIn(lab, 'instance')]) {
      spoil();
      const repository = await lab.open();
      await lab.backup(repository);
      await lab.backup(repository);
      const now = await readInstance(lab.store);
      expect(now?.repositoryId).toBe(old?.repositoryId);
      expect(now?.instanceId).not.toBe(old?.instanceId);
      await expectReads(await lab.open());
    }
  });

  test('never writes back a damaged file from another damaged one', async () => {
    const [a = '', b = ''] = filesIn(lab, 'keys');
    expect(a.slice(0, -2)).toBe(b.slice(0, -2));
    const repository = await lab.open();
    flipIn(lab, a, 40);
    flipIn(lab, b, 41);
    const before = state();
    await (await repository.beginWrite(WRITER)).abort();
    expect(state()).toEqual(before);
  });

  test('stops where the marker goes while it works, and reading goes on', async () => {
    const repository = await lab.open();
    await lab.backup(repository);
    const session = await repository.beginWrite(WRITER);
    removeIn(lab, 'instance');
    await expect(session.publish(() => new Uint8Array(10))).rejects.toMatchObject({ code: 'destination/gone' });
    await session.abort();
    expect(filesIn(lab, 'commits')).toHaveLength(1);
    await expectReads(repository);
    await expectReads(await lab.open());
  });

  test('stops where another copy’s or another repository’s marker turns up while it works', async () => {
    const repository = await lab.open();
    const session = await repository.beginWrite(WRITER);
    const other = encodeInstance({ ...repository.context.instance, instanceId: parseInstanceId('f'.repeat(32)) });
    writeIn(lab, 'instance', other);
    await expect(session.publish(() => new Uint8Array(10))).rejects.toMatchObject({
      code: 'repository/wrong-identity',
    });
    await session.abort();
    expect(filesIn(lab, 'commits')).toEqual([]);
  });

  test('never begins where the marker is another repository’s, and reading still works', async () => {
    const opened = await lab.open();
    await lab.backup(opened);
    const stranger = new Lab(2);
    try {
      await stranger.init();
      writeIn(lab, 'instance', readIn(stranger, 'instance'));
    } finally {
      stranger.dispose();
    }
    const before = state();
    await expect(opened.beginWrite(WRITER)).rejects.toMatchObject({ code: 'repository/wrong-identity' });
    await expectReads(opened);
    const fresh = await lab.open();
    await expect(fresh.beginWrite(WRITER)).rejects.toMatchObject({ code: 'repository/wrong-identity' });
    await expectReads(fresh);
    expect(state()).toEqual(before);
  });

  test('never writes into the empty folder that an unplugged drive leaves behind', async () => {
    const repository = await lab.open();
    await lab.backup(repository);
    fs.renameSync(lab.repositoryPath, lab.path('unplugged'));
    fs.mkdirSync(lab.repositoryPath);
    await expect(lab.backup(repository)).rejects.toMatchObject({ name: 'CairnError' });
    await expect(repository.beginWrite(WRITER)).rejects.toMatchObject({ code: 'destination/gone' });
    expect(fs.readdirSync(lab.repositoryPath)).toEqual([]);
  });

  test('never writes into another repository that stands there now', async () => {
    const repository = await lab.open();
    fs.renameSync(lab.repositoryPath, lab.path('away'));
    const stranger = new Lab(2);
    try {
      await stranger.init();
      fs.cpSync(stranger.repositoryPath, lab.repositoryPath, { recursive: true });
    } finally {
      stranger.dispose();
    }
    const before = state();
    await expect(repository.beginWrite(WRITER)).rejects.toMatchObject({ code: 'repository/wrong-identity' });
    await expect(lab.backup(repository)).rejects.toMatchObject({ name: 'CairnError' });
    expect(state()).toEqual(before);
  });
});
