/** What is left out, seen from the command line: the rules' options, the dry run, and the limits. */
import { existsSync, readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { BackupPlan, BackupReport, ListedEntry } from '../../src-shared/model/index.ts';
import { PROGRAM, Place, ended, errorDocument } from './cairn.ts';
import { mountNamespace, skipLoudly } from '../support/mount-namespace.ts';

/** A backup trusts no time within two seconds of the one before. */
const TRUSTED_AFTER_MS = 2100;
const TAG = 'Signature: 8a477f597d28d172789f06886806bc55';
const NO_REPOSITORY = { environment: { CAIRN_REPO: '', CAIRN_PASSWORD_FILE: '' } };

let place: Place;
beforeEach(() => {
  place = new Place();
  place.write('letter.txt', 'dear ada');
  place.write('.cairnignore', 'by-cairn\n');
  place.write('by-cairn', '1');
  place.write('.gitignore', 'by-git\n');
  place.write('by-git', '22');
  place.write('cache/CACHEDIR.TAG', TAG);
  place.write('cache/data', '333');
  place.write('marked/.nobackup', '');
  place.write('marked/data', '4444');
});
afterEach(() => place.dispose());

async function filesOf(...options: readonly string[]): Promise<string[]> {
  await place.json(['backup', place.source, ...options]);
  const listed = (await place.json(['ls', 'latest', '--recursive'])) as ListedEntry[];
  return listed.filter(({ type }) => type === 'file').map((entry) => entry.path);
}

describe('backup', () => {
  it('follows .cairnignore unless told not to, and the other rules only when told to', async () => {
    await place.init();
    const always = ['.cairnignore', '.gitignore', 'cache/CACHEDIR.TAG', 'letter.txt', 'marked/.nobackup'];
    const all = [...always, 'by-cairn', 'by-git', 'cache/data', 'marked/data'];
    const without = (...names: string[]): string[] => all.filter((name) => !names.includes(name)).sort();
    expect(await filesOf()).toEqual(without('by-cairn'));
    expect(await filesOf('--no-cairnignore')).toEqual(without());
    expect(await filesOf('--gitignore')).toEqual(without('by-cairn', 'by-git'));
    expect(await filesOf('--exclude-caches')).toEqual(without('by-cairn', 'cache/data'));
    expect(await filesOf('--exclude-if-present', '.nobackup')).toEqual(without('by-cairn', 'marked/data'));
    expect(await filesOf('--exclude', '!by-cairn')).toEqual(without());
  });

  it('takes limits, and stores the same under them', async () => {
    await place.init();
    const limits = ['--workers', '0', '--limit-read', '50M', '--limit-write', '50MiB/s', '--low-priority'];
    const report = (await place.json(['backup', place.source, ...limits])) as BackupReport;
    expect(report).toMatchObject({ filesNew: 8, problems: [] });
    expect(await place.json(['verify', '--deep'])).toMatchObject({ ok: true });
  });
});

describe('backup --one-file-system', () => {
  const namespace = mountNamespace();

  it.skipIf(skipLoudly(namespace !== undefined, 'this system does not let tests mount anything'))(
    'stores the folder of a mount empty, and restore --delete leaves what is mounted there alone',
    async () => {
      const [program = '', ...args] = namespace ?? [];
      await place.init();
      place.write('mount/below', 'hidden by the mount');
      const script = `set -e
        mount -t tmpfs tmpfs "$1/mount"
        echo precious > "$1/mount/file"
        "$2" "$3" backup "$1" --one-file-system --dry-run --json
        "$2" "$3" backup "$1" --one-file-system --quiet
        "$2" "$3" restore latest --delete --quiet
        cat "$1/mount/file" >&2`;
      const inside = [...args, 'sh', '-c', script, 'sh', place.source, process.execPath, PROGRAM];
      const result = await ended(place.startProgram(program, inside));
      expect(result).toMatchObject({ status: 0, stderr: 'precious\n' });
      const plan = JSON.parse(result.text) as BackupPlan;
      expect(plan).toMatchObject({ leftOutUnmeasured: 1, folders: 4 });
      expect(plan.rules.find(({ origin }) => origin === 'one-file-system')).toMatchObject({
        examples: [`${place.source}/mount`],
      });
      const listed = (await place.json(['ls', 'latest', '--recursive'])) as ListedEntry[];
      expect(listed.map((entry) => entry.path).filter((path) => path.startsWith('mount'))).toEqual(['mount']);
    },
  );
});

describe('backup --dry-run', () => {
  it('without a repository says what a first backup would do, and writes nothing', async () => {
    const options = ['--gitignore', '--exclude-caches', '--exclude-if-present', '.nobackup'];
    const result = await place.run(['backup', place.source, '--dry-run', '--json', ...options], NO_REPOSITORY);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    const plan = JSON.parse(result.text) as BackupPlan;
    expect(plan).toMatchObject({ dryRun: true, parentId: null, files: 5, folders: 3, filesNew: 5, problems: [] });
    expect(plan.leftOut).toEqual({ files: 4, folders: 0, others: 0, bytes: 10 });
    expect(plan.rules.map(({ origin, rule, bytes }) => [origin, rule, bytes])).toEqual([
      ['if-present', '.nobackup', 4],
      ['CACHEDIR.TAG', 'CACHEDIR.TAG', 3],
      ['.gitignore', 'by-git', 2],
      ['.cairnignore', 'by-cairn', 1],
    ]);
    expect(plan.rules[3]).toEqual({
      ...{ origin: '.cairnignore', rule: 'by-cairn', path: `${place.source}/.cairnignore`, line: 1 },
      ...{ files: 1, folders: 0, others: 0, bytes: 1, examples: [`${place.source}/by-cairn`] },
    });
    expect(existsSync(place.repository)).toBe(false);
    expect(readdirSync(place.home)).toEqual(['log']);
  });

  it('with a repository compares with its last snapshot and leaves it as it is', async () => {
    await place.init();
    // What was written right before a backup counts as possibly changed in the next.
    await new Promise((resolve) => setTimeout(resolve, TRUSTED_AFTER_MS));
    await place.json(['backup', place.source]);
    const before = readdirSync(place.repository, { recursive: true }).sort();
    place.write('new.txt', 'new');
    const plan = (await place.json(['backup', place.source, '--dry-run'])) as BackupPlan;
    const [snapshot] = (await place.json(['snapshots'])) as { id: string }[];
    expect(plan).toMatchObject({ parentId: snapshot?.id, filesNew: 1, filesChanged: 0, filesRemoved: 0 });
    expect(readdirSync(place.repository, { recursive: true }).sort()).toEqual(before);
  });

  it('goes on without a repository that is not there, and says so; a wrong password ends it', async () => {
    const absent = await place.run(['backup', place.source, '--dry-run', '--json']);
    expect(absent.status).toBe(0);
    expect(absent.stderr).toMatch(/warning: Every file counts as new.*There is no Cairn repository/);
    expect(JSON.parse(absent.text)).toMatchObject({ parentId: null, filesNew: 8 });
    await place.init();
    const wrong = await place.run(['backup', place.source, '--dry-run', '--json'], {
      environment: { CAIRN_PASSWORD_FILE: '', CAIRN_PASSWORD: 'wrong' },
    });
    expect(wrong.status).toBe(12);
    expect(errorDocument(wrong).code).toBe('key/wrong-password');
  });

  it('shows a table of the rules, the largest first, and neutralises names', async () => {
    place.write('wild\u001b[31m/node_modules/big', 'x'.repeat(5000));
    const args = ['backup', place.source, '--dry-run', '--exclude', 'node_modules'];
    const { text, status } = await place.run(args, NO_REPOSITORY);
    expect(status).toBe(0);
    expect(text).toMatch(/^Dry run: nothing was written; there is no earlier snapshot/);
    expect(text).toMatch(/^ +left out +2 files, 1 folder, 5 kB$/m);
    expect(text).toMatch(
      /^ *5 kB +1 +1 {2}--exclude node_modules\n *1 B +1 +0 {2}by-cairn {3}\(\S+\.cairnignore, line 1\)$/m,
    );
    expect(text).toMatch(/largest folders left out\n *5 kB +1 {2}\S+node_modules$/m);
    expect(text).not.toContain('\u001b');
    expect(await place.run([...args, '--quiet'], NO_REPOSITORY)).toMatchObject({ status: 0, text: '', stderr: '' });
  });

  it('tells the problems a backup would meet, with status 3', async () => {
    place.write('x/.cairnignore', '[a\n');
    const result = await place.run(['backup', place.source, '--dry-run'], NO_REPOSITORY);
    expect(result.status).toBe(3);
    expect(result.stderr).toContain('line 1 (“[a”) is no valid pattern');
  });
});
