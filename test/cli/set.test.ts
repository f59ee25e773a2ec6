/** `cairn set`: backup sets from the command line, also while the app runs. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { BackupReport } from '../../src-shared/model/index.ts';
import type { SetView } from '../../src-main/cli/sets.ts';
import { Place, errorDocument } from './cairn.ts';

// Many processes, or a year: a busy computer takes its time.
vi.setConfig({ testTimeout: 240_000 });

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.dispose());

const PASSWORD_LATER = { environment: { CAIRN_PASSWORD_FILE: '' } };
const add = async (...more: readonly string[]): Promise<SetView> =>
  (await place.json(['set', 'add', '--source', place.source, ...more])) as SetView;
const list = async (): Promise<readonly SetView[]> => (await place.json(['set', 'list'])) as SetView[];

describe('cairn set', () => {
  it('makes a set with all it was told, which list and show show, and backs nothing up', async () => {
    await place.init();
    const made = await add(
      ...['--name', 'Laptop', '--schedule', 'weekly fri,mon 21:30', '--when-drive-connected', '--only-on-power'],
      ...[
        '--only-unmetered',
        '--only-when-idle',
        '5',
        '--stale-after',
        '14',
        '--exclude',
        '*.tmp',
        '--exclude',
        'cache',
      ],
      ...['--exclude-larger-than', '1GiB', '--gitignore', '--before', '/bin/true', '--hook-timeout', '30'],
      ...[
        '--after',
        '["/bin/echo","two words"]',
        '--webhook',
        'https://example.org/ping',
        '--password-file',
        place.passwordFile,
      ],
    );
    expect(made).toMatchObject({
      name: 'Laptop',
      sources: [place.source],
      destination: { path: place.repository, encrypted: true, passwordFile: place.passwordFile },
      rules: { excludes: ['*.tmp', 'cache'], excludeLargerThanBytes: 2 ** 30, gitignore: true, cairnignore: true },
      schedule: {
        timing: { kind: 'weekly', days: ['monday', 'friday'], at: '21:30' },
        whenDriveConnected: true,
        conditions: { onlyOnMainsPower: true, notOnMetered: true, onlyWhenIdleMinutes: 5 },
        staleAfterDays: 14,
      },
      timing: 'weekly mon,fri 21:30',
      next: { reason: 'scheduled' },
      hooks: {
        before: { arguments: ['/bin/true'], timeoutSeconds: 30 },
        after: { arguments: ['/bin/echo', 'two words'], timeoutSeconds: 30 },
      },
      webhook: 'https://example.org/ping',
      pausedUntil: null,
      lastGood: null,
    });
    expect(await list()).toEqual([made]);
    expect(await place.json(['set', 'show', 'laptop'])).toEqual(made);
    expect(await place.json(['set', 'show', made.setId.slice(0, 6)])).toEqual(made);
    expect(await place.json(['snapshots'])).toEqual([]);
    const text = await place.run(['set', 'list']);
    expect(text.text).toMatch(/Laptop +weekly mon,fri 21:30 +\d{4}-\d\d-\d\d 21:30 +never/);
    // No password is in anything that was written.
    for (const name of ['sets.json', 'schedule.json', 'log/cairn.log'])
      if (existsSync(place.path('home', name)))
        expect(readFileSync(place.path('home', name), 'utf8')).not.toContain('correct horse');
  });

  it('has sensible defaults: a name from the folders, by hand, a warning after a week', async () => {
    await place.init('--no-encryption');
    const made = await add('--source', place.path());
    // The source lies in the other one, so it is part of it.
    expect(made).toMatchObject({ sources: [place.folder], timing: 'manual', next: null });
    expect(made.name).toBe(place.folder.split('/').at(-1));
    expect(made.schedule.staleAfterDays).toBe(7);
    expect(made.hooks).toEqual({ before: null, after: null });
  });

  it('needs a repository that is there, and its password', async () => {
    const absent = await place.run(['set', 'add', '--source', place.source, '--json']);
    expect([absent.status, errorDocument(absent).code]).toEqual([10, 'repository/not-found']);
    await place.init();
    const locked = await place.run(['set', 'add', '--source', place.source, '--json'], PASSWORD_LATER);
    expect([locked.status, errorDocument(locked).code]).toEqual([12, 'key/password-needed']);
    chmodSync(place.passwordFile, 0o644);
    const open = await place.run(['set', 'add', '--source', place.source, '--password-file', place.passwordFile]);
    expect(open.status).toBe(12);
    expect(open.stderr).toContain('open to other users');
    expect(existsSync(place.path('home/sets.json'))).toBe(false);
  });

  it('edits what is given and leaves the rest', async () => {
    await place.init('--no-encryption');
    const made = await add(
      '--schedule',
      'daily 21:00',
      '--exclude',
      '*.tmp',
      '--before',
      '/bin/true',
      '--only-on-power',
    );
    const edited = (await place.json([
      ...['set', 'edit', 'source', '--name', 'Papers', '--schedule', 'continuous', '--full-scan-hours', '6'],
      ...['--no-exclude', '--no-before', '--no-only-on-power', '--no-stale-after', '--no-cairnignore'],
    ])) as SetView;
    expect(edited).toEqual({
      ...made,
      name: 'Papers',
      timing: 'continuous',
      next: edited.next,
      rules: { ...made.rules, excludes: [], cairnignore: false },
      schedule: {
        ...made.schedule,
        timing: { kind: 'continuous', fullScanEveryHours: 6 },
        conditions: { ...made.schedule.conditions, onlyOnMainsPower: false },
        staleAfterDays: null,
      },
      hooks: { before: null, after: null },
    });
    const moved = (await place.json(['set', 'edit', 'papers', '--source', '/elsewhere', '--cairnignore'])) as SetView;
    expect([moved.sources, moved.rules.cairnignore, moved.timing]).toEqual([['/elsewhere'], true, 'continuous']);
  });

  it('pauses for hours or without an end, resumes, and forgets without touching the backups', async () => {
    await place.init('--no-encryption');
    await add('--name', 'Laptop', '--schedule', 'daily 21:00');
    await place.json(['set', 'run', 'laptop']);
    expect(await place.json(['set', 'pause', 'laptop'])).toMatchObject({ pausedUntil: 'forever' });
    const paused = (await place.json(['set', 'pause', 'laptop', '--for', '1.5'])) as SetView;
    const leftMs = Date.parse(String(paused.pausedUntil)) - Date.now();
    expect(leftMs).toBeGreaterThan(0.5 * 3_600_000);
    expect(leftMs).toBeLessThanOrEqual(1.5 * 3_600_000);
    expect((await place.run(['set', 'list'])).text).toContain('paused until');
    expect(await place.json(['set', 'resume', 'laptop'])).toMatchObject({ pausedUntil: null });
    const [{ setId }] = (await list()) as [SetView];
    expect(await place.json(['set', 'remove', 'laptop'])).toEqual({ removed: setId });
    expect(await list()).toEqual([]);
    expect(await place.json(['snapshots'])).toHaveLength(1);
  });

  it('says which set is meant when a name is nobody’s or several’s', async () => {
    await place.init('--no-encryption');
    await add('--name', 'Same');
    await add('--name', 'same');
    const both = await place.run(['set', 'show', 'SAME', '--json']);
    expect([both.status, errorDocument(both).message]).toEqual([2, '2 backup sets are meant by “SAME”.']);
    expect((await place.run(['set', 'remove', 'other'])).status).toBe(1);
    expect(await list()).toHaveLength(2);
  });
});

describe('cairn set run', () => {
  it('backs up with the password of the file, by the rules, and is remembered', async () => {
    await place.init();
    place.write('kept.txt', 'kept');
    place.write('left.tmp', 'left');
    await add(
      '--name',
      'Laptop',
      '--exclude',
      '*.tmp',
      '--password-file',
      place.passwordFile,
      '--schedule',
      'every 15m',
    );
    const result = await place.run(['set', 'run', 'laptop', '--json'], PASSWORD_LATER);
    expect(result.status, result.text + result.stderr).toBe(0);
    const report = JSON.parse(result.text) as BackupReport & { setId: string };
    const [set] = (await list()) as [SetView];
    expect(report).toMatchObject({ setId: set.setId, filesNew: 1, problems: [] });
    expect(set.lastGood).not.toBeNull();
    expect(Date.parse(set.next!.at) - Date.parse(set.lastGood!)).toBe(15 * 60_000);
    expect(await place.json(['ls', 'latest'])).toMatchObject([{ path: 'kept.txt' }]);
  });

  it('runs the commands around it, with the set in their environment', async () => {
    await place.init('--no-encryption');
    place.write('a', 'a');
    const note = (file: string): string =>
      JSON.stringify([
        process.execPath,
        '-e',
        `require('fs').writeFileSync(${JSON.stringify(place.path(file))}, JSON.stringify(process.env))`,
      ]);
    await add('--name', 'Laptop', '--before', note('before'), '--after', note('after'));
    const { snapshotId } = (await place.json(['set', 'run', 'laptop'])) as BackupReport;
    const said = (file: string): unknown => JSON.parse(readFileSync(place.path(file), 'utf8'));
    expect(said('before')).toMatchObject({ CAIRN_SET: 'Laptop' });
    expect(said('after')).toMatchObject({ CAIRN_SET: 'Laptop', CAIRN_RESULT: 'done', CAIRN_SNAPSHOT: snapshotId });
  });

  it('is not begun where the command before fails, and is not good where the one after does', async () => {
    await place.init('--no-encryption');
    place.write('a', 'a');
    await add('--name', 'Laptop', '--before', '/bin/false');
    const failed = await place.run(['set', 'run', 'laptop', '--json']);
    expect([failed.status, errorDocument(failed).code]).toEqual([1, 'hook/failed']);
    expect(await place.json(['snapshots'])).toEqual([]);
    expect(((await list()) as [SetView])[0]).toMatchObject({ lastGood: null });
    await place.json(['set', 'edit', 'laptop', '--no-before', '--after', '/bin/false']);
    const after = await place.run(['set', 'run', 'laptop']);
    expect(after.status).toBe(3);
    expect(after.stderr).toContain('The command after the backup ended with status 1');
    expect(await place.json(['snapshots'])).toHaveLength(1);
    const report = (await place.json(['set', 'run', 'laptop'], 3)) as BackupReport;
    expect(report.problems).toMatchObject([{ code: 'hook-failed' }]);
  });

  it('does not write where its drive is away, or another repository stands', async () => {
    await place.init('--no-encryption');
    await add('--name', 'Laptop');
    const { renameSync } = await import('node:fs');
    renameSync(place.repository, place.path('away'));
    const gone = await place.run(['set', 'run', 'laptop', '--json']);
    expect([gone.status, errorDocument(gone).code]).toEqual([1, 'destination/gone']);
    expect(existsSync(place.repository)).toBe(false);
    await place.init('--no-encryption');
    const other = await place.run(['set', 'run', 'laptop', '--json']);
    expect(errorDocument(other).code).toBe('repository/wrong-identity');
    expect(await place.json(['snapshots'])).toEqual([]);
  });
});

describe('the configuration file', () => {
  it('that a person spoilt is refused with the place, and stays as it is', async () => {
    await place.init('--no-encryption');
    await add('--name', 'Laptop', '--schedule', 'daily 21:00');
    const file = place.path('home/sets.json');
    const spoilt = readFileSync(file, 'utf8').replace('21:00', '25:00');
    writeFileSync(file, spoilt);
    for (const args of [['list'], ['edit', 'laptop', '--name', 'x'], ['run', 'laptop']]) {
      const result = await place.run(['set', ...args, '--json']);
      expect([result.status, errorDocument(result).code]).toEqual([1, 'engine/local-state']);
      expect(errorDocument(result).message).toContain('“sets.0.schedule.timing.at”');
    }
    expect(readFileSync(file, 'utf8')).toBe(spoilt);
    writeFileSync(file, spoilt.replace('25:00', '06:30'));
    expect(await place.json(['set', 'show', 'laptop'])).toMatchObject({ timing: 'daily 06:30' });
  });

  it('of the version before is read, with the defaults of what is new', async () => {
    await place.init('--no-encryption');
    const made = await add('--name', 'Laptop');
    const file = place.path('home/sets.json');
    const newer = new Set([
      'schedule',
      'pausedUntil',
      'pausedAt',
      'hooks',
      'webhook',
      'passwordFile',
      'hooksInWebHost',
    ]);
    const { sets, destinations } = JSON.parse(readFileSync(file, 'utf8'), (name, value: unknown) =>
      newer.has(name) ? undefined : value,
    ) as { readonly sets: unknown; readonly destinations: unknown };
    writeFileSync(file, JSON.stringify({ version: 1, sets, destinations }));
    expect(await list()).toEqual([made]);
  });
});
