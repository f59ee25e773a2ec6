import { stat } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ERROR_TABLE } from '../../src-shared/errors.ts';
import { Place, errorDocument } from './cairn.ts';

let place: Place;
beforeAll(async () => {
  place = new Place();
  await place.init();
});
afterAll(() => place.dispose());

const COMMANDS = [
  'init',
  'backup',
  'restore',
  'undo',
  'snapshots',
  'ls',
  'cat',
  'diff',
  'find',
  'versions',
  'verify',
  'stats',
  'chains',
  'key',
  'doctor',
  'serve',
  'set',
  'watch',
  'status',
];
const LATER = [
  'forget',
  'undelete',
  'pin',
  'reclaim',
  'replicate',
  'repair',
  'drill',
  'scrub',
  'migrate',
  'prove',
  'check-proof',
];

/** Arguments → what the one-line reason has to name. */
const WRONG: readonly (readonly [readonly string[], RegExp])[] = [
  [[], /No command/],
  [['frob'], /frob/],
  [['snapshot'], /Did you mean snapshots/],
  [['help', 'frob'], /frob/],
  [['key'], /needs a command/],
  [['backup'], /“path”/],
  [['ls'], /“snap\[:path\]”/],
  [['snapshots', 'extra'], /Too many arguments/],
  [['snapshots', '--frob'], /--frob/],
  [['--repo'], /--repo/],
  [['ls', 'somewhere'], /does not name a snapshot/],
  [['ls', 'abc'], /does not name a snapshot/],
  [['ls', 'latest~'], /does not name a snapshot/],
  [['cat', 'latest'], /no file in it/],
  [['ls', '--escaped', 'latest:\\q'], /backslash/],
  [['ls', '--escaped', 'latest:\\x00'], /NUL/],
  [['ls', 'latest:\ufffd'], /not UTF-8/],
  [['backup', ''], /empty path/],
  [['backup', '.', '--exclude-larger-than', '5X'], /5X/],
  [['backup', '.', '--symlinks', 'sometimes'], /store, follow/],
  [['backup', '.', '--workers', '17'], /“17”/],
  [['backup', '.', '--limit-read', 'fast'], /“fast” is not a size/],
  [['backup', '.', '--limit-write', '999'], /“999” is too slow/],
  [['backup', '.', '--exclude-if-present', 'a/b'], /“a\/b” is not a file name/],
  [['backup', '.', '--dry-run', '--exclude', '/'], /leaves out everything/],
  [['restore', 'latest', '--overwrite', 'sometimes'], /if-changed/],
  [['verify', '--sample', '0'], /“0” is not a share/],
  [['verify', '--sample', '101%'], /101%/],
  [['verify', '--deep', '--sample', '5%'], /cannot be used with/],
  [['init', '--kdf-cost', '9'], /“9”/],
  [['init', '--kdf-cost', '21'], /“21”/],
  [['init', '--kdf-cost', '1e1'], /“1e1”/],
  [['init', '--compression', 'brotli', '--no-encryption'], /brotli/],
  [['chains', 'show', 'xyz'], /not the id of a chain/],
  [['set'], /needs a command/],
  [['set', 'add'], /something to back up/],
  [['set', 'add', '--source', '.', '--schedule', 'sometimes'], /“sometimes” is not a schedule/],
  [['set', 'add', '--source', '.', '--schedule', 'cron: 0 6 31 2 *'], /never comes round/],
  [['set', 'add', '--source', '.', '--schedule', 'cron: 61 * * * *'], /is not a cron text/],
  [['set', 'add', '--source', '.', '--full-scan-hours', '5'], /looks at everything each time/],
  [['set', 'add', '--source', '.', '--before', 'rm -rf /'], /“rm -rf \/” is not a command/],
  [['set', 'add', '--source', '.', '--before', '["a", 1]'], /is not a command/],
  [['set', 'add', '--source', '.', '--webhook', 'ftp://a/'], /not an address of the web/],
  [['set', 'add', '--source', '.', '--stale-after', '0'], /“0” does not fit/],
  [['set', 'add', '--source', '.', '--name', ' '], /needs a name/],
  [['set', 'pause', 'x', '--for', '-1'], /“-1” does not fit/],
  [['set', 'edit', 'x', '--password-file', 'a', '--forget-password-file'], /Both/],
  [['snapshots', '--password-file', 'nowhere'], /does not exist/],
  [['snapshots', '--password-file', 'a', '--recovery-key-file', 'b'], /Both/],
];

describe('a wrong command line', () => {
  it.each(WRONG)('%j ends with status 2, one line of reason and a hint', async (args, reason) => {
    const result = await place.run(args);
    expect(result).toMatchObject({ status: 2, text: '' });
    const [line = '', hint = '', ...more] = result.stderr.split('\n');
    expect(line).toMatch(/^cairn: /);
    expect(line).toMatch(reason);
    expect(hint).toMatch(/^ {2}\S/);
    expect(more).toEqual(['']);
  });

  it.each([WRONG[0]!, WRONG[1]!, WRONG[5]!, WRONG[10]!])(
    '%j is answered with one JSON document',
    async (args, reason) => {
      const result = await place.run(['--json', ...args]);
      expect(result).toMatchObject({ status: 2, stderr: '' });
      const error = errorDocument(result);
      expect(Object.keys(error).sort()).toEqual(['code', 'hint', 'message', 'retry']);
      expect(error).toMatchObject({ code: 'usage/invalid', retry: 'never' });
      expect(error.message).toMatch(reason);
    },
  );

  it('names --repo and CAIRN_REPO where no repository was named', async () => {
    const result = await place.run(['snapshots'], { environment: { CAIRN_REPO: '' } });
    expect(result).toMatchObject({ status: 2, text: '' });
    expect(result.stderr).toContain('--repo PATH, or set CAIRN_REPO');
  });
});

describe('help', () => {
  it('is shown for the program and for every command, with examples', async () => {
    const all = await place.run(['help']);
    expect(all).toMatchObject({ status: 0, stderr: '' });
    for (const command of COMMANDS) {
      expect(all.text).toMatch(new RegExp(`^ {2}${command} `, 'm'));
      const one = await place.run([command, '--help']);
      expect(one).toMatchObject({ status: 0, stderr: '' });
      expect(one.text).toContain(`Usage: cairn ${command}`);
      expect(one.text).toContain('Examples:');
    }
  });

  it('promises no command that does not exist yet', async () => {
    const { text } = await place.run(['help']);
    for (const command of LATER) expect(text).not.toMatch(new RegExp(`^ {2}${command} `, 'm'));
    expect((await place.run(['forget'])).status).toBe(2);
  });

  it('fits 80 columns', async () => {
    const texts = await Promise.all(['', ...COMMANDS].map((name) => place.run([name, '--help'].filter(Boolean))));
    for (const { text } of texts) {
      expect(text).toContain('Usage');
      expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
    }
  });

  it('leaves no trace in CAIRN_HOME', async () => {
    const home = place.path('untouched');
    await place.run(['help'], { environment: { CAIRN_HOME: home } });
    await expect(stat(home)).rejects.toThrow(/ENOENT/);
  });

  it('names every exit status of the error table', async () => {
    const { text } = await place.run(['help']);
    for (const { exit } of Object.values(ERROR_TABLE)) expect(text).toMatch(new RegExp(`\\b${exit} [a-z]`));
  });

  it('and the version are one JSON document with --json', async () => {
    expect(JSON.parse((await place.run(['--version', '--json'])).text)).toEqual({ version: '0.1.0' });
    expect(JSON.parse((await place.run(['help', '--json'])).text)).toMatchObject({
      help: expect.stringContaining('Usage') as string,
    });
    expect((await place.run(['--version'])).text).toBe('0.1.0\n');
  });
});
