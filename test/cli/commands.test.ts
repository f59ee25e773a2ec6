import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type {
  BackupReport,
  ChainSummary,
  InitReport,
  KeyInfo,
  ListedEntry,
  RestoreReport,
  SnapshotSummary,
  TreeDiff,
  VerifyReport,
} from '../../src-shared/model/index.ts';
import { FAST_KDF, PASSWORD, Place, errorDocument } from './cairn.ts';

/** A name that is not UTF-8, and one that would drive a terminal. */
const RAW_NAME = Buffer.from([0x66, 0xe9, 0x66]);
const RAW_NAME_ESCAPED = 'f\\xe9f';
const WILD_NAME = 'red\u001b[31m.txt';

let place: Place;
let made: InitReport;
let first: BackupReport;
beforeAll(async () => {
  place = new Place();
  place.write('Documents/thesis.txt', 'chapter one');
  place.write('Documents/日本.txt', 'hello');
  place.write(WILD_NAME, 'wild');
  place.write('noise.bin', Buffer.alloc(300_000, 'noise'));
  writeFileSync(Buffer.concat([Buffer.from(`${place.source}/`), RAW_NAME]), 'raw');
  symlinkSync('nowhere', path.join(place.source, 'link'));
  made = (await place.json(['init', ...FAST_KDF])) as InitReport;
  first = (await place.json(['backup', place.source, '--tag', 'one', '--note', 'the first'])) as BackupReport;
});
afterAll(() => place.dispose());

describe('global options', () => {
  it('are taken before and after the command, and go before the environment', async () => {
    const environment = { CAIRN_REPO: '/nowhere', CAIRN_PASSWORD_FILE: '/nowhere' };
    const given = ['--repo', place.repository, '--password-file', place.passwordFile, '--json'];
    const before = await place.run([...given, 'snapshots'], { environment });
    const after = await place.run(['snapshots', ...given], { environment });
    expect(before).toMatchObject({ status: 0, stderr: '' });
    expect(after.text).toBe(before.text);
  });

  it('find the password in CAIRN_PASSWORD too', async () => {
    const environment = { CAIRN_PASSWORD_FILE: '', CAIRN_PASSWORD: PASSWORD };
    expect((await place.run(['snapshots'], { environment })).status).toBe(0);
  });

  it('open the repository with its recovery key', async () => {
    writeFileSync(
      place.path('recovery'),
      `${made.recoveryKey?.toLowerCase().replaceAll('-', ' ')}\r\nthe rest is not read`,
      { mode: 0o600 },
    );
    const environment = { CAIRN_PASSWORD_FILE: '' };
    expect(
      (await place.run(['snapshots', '--recovery-key-file', place.path('recovery')], { environment })).status,
    ).toBe(0);
  });
});

describe('passwords', () => {
  it('are refused when they are empty', async () => {
    for (const environment of [{ CAIRN_PASSWORD_FILE: '/dev/null' }, { CAIRN_PASSWORD_FILE: '', CAIRN_PASSWORD: '' }]) {
      const result = await place.run(['snapshots'], { environment });
      expect(result).toMatchObject({ status: 2, text: '' });
      expect(result.stderr).toContain('is empty');
    }
  });

  it('in a file that others can read are warned about, and used', async () => {
    writeFileSync(place.path('open-password'), PASSWORD);
    chmodSync(place.path('open-password'), 0o644);
    const result = await place.run(['snapshots', '--json', '--password-file', place.path('open-password')]);
    expect(result.status).toBe(0);
    expect(result.stderr).toContain('Other users');
    expect(JSON.parse(result.text)).toHaveLength(1);
  });

  it('that are missing where nobody can be asked end with status 12', async () => {
    const result = await place.run(['snapshots', '--json'], { environment: { CAIRN_PASSWORD_FILE: '' } });
    expect(result.status).toBe(12);
    expect(errorDocument(result)).toMatchObject({ code: 'key/password-needed', retry: 'ask' });
  });

  it('that are wrong end with status 12', async () => {
    const result = await place.run(['snapshots'], {
      environment: { CAIRN_PASSWORD_FILE: '', CAIRN_PASSWORD: 'wrong' },
    });
    expect(result).toMatchObject({ status: 12, text: '' });
    expect(result.stderr).toMatch(/^cairn: .*password.*\n {2}Nothing was changed/);
  });

  it('never reach the log, which only its owner can read', async () => {
    await place.run(['snapshots'], { environment: { CAIRN_PASSWORD_FILE: '', CAIRN_PASSWORD: 'wrong-and-secret' } });
    const file = path.join(place.home, 'log', 'cairn.log');
    const text = readFileSync(file, 'utf8');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(text).not.toContain('wrong-and-secret');
    expect(text).not.toContain(PASSWORD);
    for (const line of text.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('time');
  });
});

describe('the commands', () => {
  it('init shows the recovery key in a box, even with --quiet', async () => {
    const result = await place.run(['init', '--quiet', ...FAST_KDF, '--repo', place.path('second')]);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(result.text).toMatch(/│ (?:[0-9A-Z]{4}-){13}[0-9A-Z]{4} │/);
  });

  it('backup says what it did, and is silent with --quiet', async () => {
    expect(first).toMatchObject({ kind: 'base', filesNew: 5, problems: [] });
    const loud = await place.run(['backup', place.source]);
    expect(loud.text).toMatch(/^Snapshot [0-9a-f]{8} of 1 source/);
    expect(loud.text).toMatch(/0 new, \d changed, \d unmodified, 0 removed/);
    const silent = await place.run(['backup', '--quiet', place.source]);
    expect(silent).toMatchObject({ status: 0, text: '', stderr: '' });
  });

  it('snapshots are listed with tags and notes, oldest first', async () => {
    const snapshots = (await place.json(['snapshots'])) as SnapshotSummary[];
    expect(snapshots[0]).toMatchObject({
      id: first.snapshotId,
      parentId: null,
      kind: 'base',
      tags: ['one'],
      note: 'the first',
      pinned: false,
    });
    expect(snapshots[0]?.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const { text } = await place.run(['snapshots']);
    expect(text).toContain('#one  “the first”');
  });

  it('ls escapes names in JSON and on the terminal', async () => {
    const entries = (await place.json(['ls', 'latest', '--recursive'])) as ListedEntry[];
    expect(entries.map((entry) => entry.path)).toEqual(
      expect.arrayContaining([RAW_NAME_ESCAPED, WILD_NAME, 'Documents/日本.txt']),
    );
    expect(entries.find((entry) => entry.path === 'link')).toMatchObject({ type: 'symlink', target: 'nowhere' });
    const { text } = await place.run(['ls', 'latest']);
    expect(text).toContain('red\\x1b[31m.txt');
    expect(text).not.toContain('\u001b');
  });

  it('cat gives the very bytes, also of a name that is not UTF-8', async () => {
    expect(
      (await place.run(['cat', 'latest:noise.bin'])).stdout.equals(readFileSync(path.join(place.source, 'noise.bin'))),
    ).toBe(true);
    expect((await place.run(['cat', '--escaped', `latest:${RAW_NAME_ESCAPED}`])).text).toBe('raw');
  });

  it('restore says where it goes, and brings back what ls shows', async () => {
    const target = place.path('restored');
    const result = await place.run(['restore', 'latest', '--target', target]);
    expect(result.status).toBe(0);
    expect(result.stderr).toBe(`Restoring into ${target}\n`);
    expect(readdirSync(target, { encoding: 'buffer' }).map(String).sort()).toEqual(
      readdirSync(place.source, { encoding: 'buffer' }).map(String).sort(),
    );
    const again = (await place.json(['restore', 'latest', '--target', target])) as RestoreReport;
    expect(again).toMatchObject({ restored: 0, problems: [] });
    const original = await place.run(['restore', 'latest', '--dry-run']);
    expect(original.stderr).toContain(`Would restore to where it came from: ${place.source}`);
  });

  it('diff, find and versions show what a file went through', async () => {
    place.write('Documents/thesis.txt', 'chapter one and two');
    await place.json(['backup', place.source]);
    expect((await place.json(['diff', 'latest~1', 'latest'])) as TreeDiff).toMatchObject({
      changed: ['Documents/thesis.txt'],
      added: [],
      removed: [],
    });
    place.write('new.txt', 'new');
    expect((await place.run(['diff', 'latest', 'live'])).text).toMatch(/^\+ new\.txt$/m);
    expect(await place.json(['versions', 'Documents/thesis.txt'])).toHaveLength(2);
    expect(await place.json(['find', '*.txt'])).toHaveLength(4);
    expect((await place.run(['find', 'nothing-like-it'])).text).toBe('Nothing matches in any snapshot.\n');
  });

  it('chains show has the chain and its members', async () => {
    const [chain] = (await place.json(['chains'])) as ChainSummary[];
    const shown = (await place.json(['chains', 'show', chain?.id.slice(0, 6) ?? ''])) as ChainSummary & {
      members: SnapshotSummary[];
    };
    expect(shown).toMatchObject({ ...chain });
    expect(shown.members).toHaveLength(chain?.snapshots ?? 0);
    expect((await place.run(['chains', 'show', 'ffffffffffff'])).status).toBe(1);
  });

  it('verify says first that all is whole', async () => {
    const result = await place.run(['verify', '--deep']);
    expect(result.status).toBe(0);
    expect(result.text).toMatch(/^No damage found/);
    expect(result.text).toMatch(/^ {2}read all [0-9.]+ k?M?B of data$/m);
    expect((await place.json(['verify'])) as VerifyReport).toMatchObject({ ok: true, damage: [] });
  });

  it('stats and doctor answer, in text and in JSON', async () => {
    expect((await place.run(['stats'])).text).toContain('deduplication');
    expect(await place.json(['stats'])).toHaveProperty('repository.encrypted', true);
    expect((await place.run(['doctor'])).status).toBe(0);
    expect(await place.json(['doctor'])).toEqual(expect.arrayContaining([expect.objectContaining({ verdict: 'ok' })]));
  });

  it('doctor works without a repository', async () => {
    const result = await place.run(['doctor'], { environment: { CAIRN_REPO: '' } });
    expect(result.status).toBe(0);
    expect(result.text).toContain('BLAKE3');
  });

  it('key adds, changes and removes passwords', async () => {
    writeFileSync(place.path('new-password'), 'battery staple', { mode: 0o600 });
    const newPassword = { CAIRN_PASSWORD_FILE: place.path('new-password') };
    const added = await place.run([
      'key',
      'add',
      '--label',
      'office',
      '--new-password-file',
      place.path('new-password'),
      ...FAST_KDF,
      '--json',
    ]);
    const { id } = JSON.parse(added.text) as { id: string };
    expect((await place.run(['snapshots'], { environment: newPassword })).status).toBe(0);
    const keys = (await place.json(['key', 'list'])) as KeyInfo[];
    expect(keys.find((key) => key.id === id)).toMatchObject({ label: 'office', type: 'password', current: false });
    expect(await place.json(['key', 'remove', id.slice(0, 8)])).toEqual({ id });
    expect((await place.run(['snapshots'], { environment: newPassword })).status).toBe(12);
    await place.json(['key', 'passwd', '--new-password-file', place.path('new-password'), ...FAST_KDF]);
    expect((await place.run(['snapshots'])).status).toBe(12);
    expect((await place.run(['snapshots'], { environment: newPassword })).status).toBe(0);
    const recovery = await place.run(['key', 'recovery'], { environment: newPassword });
    expect(recovery.text).toContain('RECOVERY KEY');
    await place.run(['key', 'passwd', ...FAST_KDF], { environment: { ...newPassword, CAIRN_NEW_PASSWORD: PASSWORD } });
    expect((await place.run(['snapshots'])).status).toBe(0);
  });

  it('key says of an unencrypted repository that it has no keys', async () => {
    const repository = place.path('open-repository');
    mkdirSync(repository);
    await place.json(['init', '--no-encryption', '--repo', repository]);
    const result = await place.run(['key', 'add', '--repo', repository, '--json']);
    expect(errorDocument(result)).toMatchObject({ code: 'key/not-found' });
    expect((await place.run(['key', 'list', '--repo', repository])).text).toContain('not encrypted');
  });
});
