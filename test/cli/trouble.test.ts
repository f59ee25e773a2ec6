import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { BackupReport, RestoreReport, SnapshotSummary, VerifyReport } from '../../src-shared/model/index.ts';
import { FORMAT_VERSION, decodeConfig, encodeConfig } from '../../src-main/engine/repository/index.ts';
import { type Ended, PROGRAM, Place, ended, errorDocument } from './cairn.ts';
import { mountNamespace, skipLoudly } from '../support/mount-namespace.ts';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.dispose());

describe('the repository', () => {
  it('that is not there ends with status 10, before anyone is asked for a password', async () => {
    const result = await place.run(['snapshots', '--json'], { environment: { CAIRN_PASSWORD_FILE: '' } });
    expect(result.status).toBe(10);
    expect(errorDocument(result)).toMatchObject({
      code: 'repository/not-found',
      hint: expect.stringContaining('cairn init') as string,
    });
    const text = await place.run(['snapshots']);
    expect(text).toMatchObject({ status: 10, text: '' });
    expect(text.stderr).toContain(place.repository);
  });

  it('of a newer format ends with status 14 and is not called damaged', async () => {
    await place.init('--no-encryption');
    const { config } = decodeConfig(readFileSync(path.join(place.repository, 'config')));
    const newer = encodeConfig({ ...config, formatVersion: FORMAT_VERSION + 1 }, config.masterKey!);
    for (const name of ['config', 'config.copy']) {
      chmodSync(path.join(place.repository, name), 0o600);
      writeFileSync(path.join(place.repository, name), newer);
    }
    for (const command of [['snapshots'], ['backup', place.source], ['verify']]) {
      const result = await place.run([...command, '--json']);
      expect(result.status).toBe(14);
      expect(errorDocument(result)).toMatchObject({
        code: 'repository/newer-format',
        hint: expect.stringContaining('Update Cairn') as string,
      });
    }
  });

  it('is never made over what is there', async () => {
    mkdirSync(place.repository);
    writeFileSync(path.join(place.repository, 'mine.txt'), 'mine');
    const result = await place.run(['init', '--no-encryption', '--json']);
    expect(result.status).toBe(1);
    expect(errorDocument(result).code).toBe('repository/not-empty');
    expect(readdirSync(place.repository)).toEqual(['mine.txt']);
    await place.json(['init', '--no-encryption', '--repo', place.path('other')]);
    expect(errorDocument(await place.run(['init', '--json', '--repo', place.path('other')])).code).toBe(
      'repository/exists',
    );
  });

  it('with damaged data ends verify and restore with status 13, and what is whole is restored', async () => {
    await place.init('--no-encryption', '--compression', 'none');
    for (let index = 0; index < 24; index++) place.write(`file-${index}`, Buffer.alloc(1_000_000, `${index} `));
    const { problems } = (await place.json(['backup', place.source])) as BackupReport;
    expect(problems).toEqual([]);
    damageLargestPack(place.repository);
    const verified = await place.run(['verify', '--deep']);
    expect(verified.status).toBe(13);
    expect(verified.text).toMatch(/^Damage found in \d+ place/);
    expect(verified.text).toMatch(/affects 1 snapshot: [0-9a-f]{8}/);
    expect(verified.text).toMatch(/^ {4}file-\d+$/m);
    const report = (await place.json(['verify', '--deep'], 13)) as VerifyReport;
    expect(report.ok).toBe(false);
    const restored = (await place.json(['restore', 'latest', '--target', place.path('out')], 13)) as RestoreReport;
    expect(restored.problems.map(({ code }) => code)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^integrity\//)]),
    );
    expect(restored.restored).toBeGreaterThan(0);
    const text = await place.run(['restore', 'latest', '--target', place.path('out-2')]);
    expect(text.status).toBe(13);
    expect(text.stderr).toContain('cairn verify --deep');
  });
});

describe.skipIf(process.platform === 'win32')('extended attributes that can’t be read on this computer', () => {
  const hook = path.resolve(import.meta.dirname, '../support/without-koffi.ts');
  const backUp = (...more: readonly string[]): Promise<Ended> =>
    ended(place.startProgram(process.execPath, ['--import', hook, PROGRAM, 'backup', place.source, ...more]));

  it('are one problem of each backup, which the snapshot keeps, however many entries there are', async () => {
    await place.init('--no-encryption');
    for (let index = 0; index < 300; index++) place.write(`folder-${index % 7}/file-${index}`, `${index}`);
    const first = await backUp('--json');
    expect(first.status, first.text + first.stderr).toBe(3);
    const { problems, filesNew } = JSON.parse(first.text) as BackupReport;
    expect(problems).toMatchObject([{ code: 'attributes-unreadable', path: place.source }]);
    expect(filesNew).toBe(300);
    expect((await place.json(['snapshots'])) as SnapshotSummary[]).toMatchObject([{ problemCount: 1 }]);
    const text = await backUp();
    expect(text.status).toBe(3);
    expect(text.stderr.match(/access lists can’t be read/g)).toHaveLength(1);
    expect(text.stderr).toContain('Install Cairn anew');
    // With the part that reads them, nothing is said.
    expect(((await place.json(['backup', place.source])) as BackupReport).problems).toEqual([]);
  });
});

function damageLargestPack(repository: string): void {
  const packs = path.join(repository, 'packs');
  const files = readdirSync(packs, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const bySize = files
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((file) => ({ file, bytes: readFileSync(file) }));
  bySize.sort((one, other) => other.bytes.length - one.bytes.length);
  const { file, bytes } = bySize[0]!;
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = bytes[middle]! ^ 0xff;
  chmodSync(file, 0o600);
  writeFileSync(file, bytes);
}

/** As root, without the power to read and write what modes forbid; else as we are. */
const withoutPowers = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] : ['env'];
const canDropPowers = spawnSync(withoutPowers[0]!, [...withoutPowers.slice(1), 'true']).status === 0;
const noPowers = skipLoudly(canDropPowers, 'setpriv is missing, so root can’t be kept from reading files of mode 000');

describe('files that can’t be read', () => {
  it.skipIf(noPowers)('are listed with what to do, and the backup ends with status 3', async () => {
    await place.init('--no-encryption');
    place.write('open.txt', 'open');
    chmodSync(place.write('closed.txt', 'closed'), 0o000);
    const run = (...args: string[]) =>
      ended(place.startProgram(withoutPowers[0]!, [...withoutPowers.slice(1), process.execPath, PROGRAM, ...args]));
    const text = await run('backup', place.source, '--quiet');
    expect(text).toMatchObject({ status: 3, text: '' });
    expect(text.stderr).toMatch(/^1 problem;/);
    expect(text.stderr).toContain('closed.txt: ');
    expect(text.stderr).toContain('--exclude');
    const json = await run('backup', place.source, '--json');
    expect(json).toMatchObject({ status: 3, stderr: '' });
    expect(JSON.parse(json.text) as BackupReport).toMatchObject({ problems: [{ code: 'EACCES' }] });
  });

  it.skipIf(noPowers)('are more than twenty: twenty are listed and the others counted', async () => {
    await place.init('--no-encryption');
    for (let index = 0; index < 25; index++) chmodSync(place.write(`closed-${index}`, 'closed'), 0o000);
    const result = await ended(
      place.startProgram(withoutPowers[0]!, [
        ...withoutPowers.slice(1),
        process.execPath,
        PROGRAM,
        'backup',
        place.source,
      ]),
    );
    expect(result.status).toBe(3);
    expect(result.stderr.match(/closed-\d+: /g)).toHaveLength(20);
    expect(result.stderr).toContain('and 5 more');
  });

  it('are the sources themselves: nothing is made and status 1 says so', async () => {
    await place.init('--no-encryption');
    const result = await place.run(['backup', place.path('nowhere'), '--json']);
    expect(result.status).toBe(1);
    expect(errorDocument(result).code).toBe('source/not-found');
    expect(await place.json(['snapshots'])).toEqual([]);
  });
});

const namespace = mountNamespace();
const noMounts = skipLoudly(namespace !== undefined, 'mounts are not allowed here, so no read-only and no full drive');

/** Runs a shell script in which `cairn` is the command line, with mounts that vanish when it ends. */
function inNamespace(script: string): ReturnType<typeof ended> {
  const [program = '', ...args] = namespace ?? [];
  const cairn = 'cairn() { "$NODE" "$PROGRAM" "$@"; }';
  const environment = { NODE: process.execPath, PROGRAM, SOURCE: place.source, TARGET: place.repository };
  return ended(place.startProgram(program, [...args, 'sh', '-c', `set -e\n${cairn}\n${script}`], { environment }));
}

describe('a read-only drive', () => {
  it.skipIf(noMounts)('can be read, and a backup to it ends with status 1', async () => {
    await place.init('--no-encryption');
    place.write('file', 'content');
    await place.json(['backup', place.source]);
    const mount = 'mount --bind "$TARGET" "$TARGET"\nmount -o remount,ro,bind "$TARGET"';
    const reading = await inNamespace(`${mount}\ncairn cat latest:file`);
    expect(reading).toMatchObject({ status: 0, text: 'content', stderr: '' });
    const writing = await inNamespace(`${mount}\ncairn backup "$SOURCE" --json`);
    expect(writing.status).toBe(1);
    expect(errorDocument(writing)).toMatchObject({ code: 'destination/read-only', retry: 'ask' });
  });
});

describe('a full drive', () => {
  it.skipIf(noMounts)('ends the backup with status 1, and what is there stays readable', async () => {
    place.write('large', '');
    const result = await inNamespace(`
      mkdir -p "$TARGET"
      mount -t tmpfs -o size=24m tmpfs "$TARGET"
      cairn init --no-encryption --quiet >/dev/null
      echo small > "$SOURCE/small"
      cairn backup "$SOURCE" --quiet
      head -c 40000000 /dev/urandom > "$SOURCE/large"
      status=0
      cairn backup "$SOURCE" --json > failed.json || status=$?
      echo "$status"
      cairn cat latest:small
      cairn verify --deep --quiet
    `);
    expect(result).toMatchObject({ status: 0, text: '1\nsmall\n', stderr: '' });
    const failed = JSON.parse(readFileSync(place.path('failed.json'), 'utf8')) as unknown;
    expect(failed).toMatchObject({ error: { code: 'destination/full', retry: 'later' } });
  });
});

describe('CAIRN_HOME', () => {
  it('that can’t be written is warned about and does not keep anyone from reading', async () => {
    await place.init('--no-encryption');
    const result = await place.run(['snapshots', '--json'], { environment: { CAIRN_HOME: '/dev/null/home' } });
    expect(result.status).toBe(0);
    expect(JSON.parse(result.text) as SnapshotSummary[]).toEqual([]);
    expect(result.stderr).toContain('The log can’t be written');
  });
});
