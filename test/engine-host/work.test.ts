/** Jobs with the real engine: large folders, several paths, cancelling, measuring, and what the person hears of it. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PASSWORD, RULES, ServiceLab, type TestClient } from '../support/service-lab.ts';
import { noise } from '../support/lab-files.ts';
import { compareTrees, walkTree } from '../support/walker.ts';

let lab: ServiceLab;
let client: TestClient;

beforeEach(async () => {
  lab = new ServiceLab();
  client = await lab.start();
});
afterEach(() => lab.dispose());

const sort = { by: 'name', descending: false } as const;

describe('a folder of very many entries', () => {
  it('is paged, sorted and filtered, and read once', async () => {
    for (let index = 0; index < 3000; index++) lab.write(`many/file ${index}.txt`, String(index).repeat(index % 7));
    lab.write('many/Zebra.md', 'z');
    fs.mkdirSync(path.join(lab.documents, 'many/folder'));
    const { set, snapshotId } = await lab.backedUp(client, { password: null });
    const at = { destinationId: set.destinationId, snapshotId, path: 'many' };
    const page = (
      change: Partial<{
        filter: string;
        offset: number;
        limit: number;
        sort: Parameters<typeof client.call<'browse.list'>>[1]['sort'];
      }>,
    ) => client.call('browse.list', { ...at, sort, filter: '', offset: 0, limit: 3, ...change });
    const first = await page({});
    expect([first.total, first.incomplete]).toEqual([3002, false]);
    // Folders first, and numbers in the order of their value.
    expect(first.entries.map(({ name }) => name)).toEqual(['folder', 'file 0.txt', 'file 1.txt']);
    expect((await page({ offset: 3001 })).entries.map(({ name }) => name)).toEqual(['Zebra.md']);
    expect((await page({ offset: 9999 })).entries).toEqual([]);
    expect(await page({ filter: 'ZEB' })).toMatchObject({ total: 1, entries: [{ path: 'many/Zebra.md' }] });
    const bySize = await page({ sort: { by: 'size', descending: true }, filter: 'file' });
    expect(bySize.entries[0]!.size).toBe(24);
    expect(bySize.entries.map(({ size }) => size)).toEqual([24, 24, 24]);
    await expect(
      client.call('browse.list', { ...at, path: 'none', sort, filter: '', offset: 0, limit: 3 }),
    ).rejects.toThrow('path/not-found');
    for (const hostile of ['../..', 'many/../../etc', '\\x', 'many/\\xzz'])
      await expect(
        client.call('browse.list', { ...at, path: hostile, sort, filter: '', offset: 0, limit: 3 }),
      ).rejects.toThrow('usage/invalid');
  });
});

describe('a preview', () => {
  it('reads no more than its bound of a large file, and knows what is no file', async () => {
    lab.write('long.txt', 'ä'.repeat(400_000));
    lab.write('noise.bin', noise(1, 5_000_000));
    lab.write('page.html', '<script>alert(1)</script>');
    const { set, snapshotId } = await lab.backedUp(client, { password: null });
    const look = (name: string) =>
      client.call('browse.preview', { destinationId: set.destinationId, snapshotId, path: name });
    const long = await look('long.txt');
    expect(long).toMatchObject({ kind: 'text', truncated: true });
    expect(long.kind === 'text' && Buffer.byteLength(long.text)).toBe(256 * 1024);
    const binary = await look('noise.bin');
    expect(binary.kind === 'binary' && binary.head.length).toBe(512);
    expect(await look('page.html')).toMatchObject({ kind: 'text', text: '<script>alert(1)</script>' });
    expect(await look('')).toEqual({ kind: 'none' });
    await expect(look('nothing')).rejects.toThrow('path/not-found');
  });
});

describe('a restore of several things', () => {
  it('loses none where their names meet in the target', async () => {
    lab.write('a/report.txt', 'of a');
    lab.write('b/report.txt', 'of b');
    lab.write('b/more.txt', 'more');
    const { set, snapshotId } = await lab.backedUp(client, { password: null });
    const target = path.join(lab.folder, 'target');
    fs.mkdirSync(target);
    const job = await client.call('jobs.restore', {
      destinationId: set.destinationId,
      snapshotId,
      paths: ['a/report.txt', 'b/report.txt', 'b/more.txt'],
      to: { kind: 'folder', handle: lab.handle(target) },
      conflict: 'replace',
    });
    const ended = await client.ended(job.jobId);
    expect(ended.outcome).toMatchObject({ report: { problems: [], conflicts: [] } });
    const files = fs.readdirSync(target, { recursive: true, encoding: 'utf8' }).toSorted();
    expect(files).toEqual(['a', 'a/report.txt', 'b', 'b/report.txt', 'more.txt']);
    expect(fs.readFileSync(path.join(target, 'b/report.txt'), 'utf8')).toBe('of b');
  });

  it('does with what is there as the person chose', async () => {
    lab.write('one.txt', 'from the backup');
    const { set, snapshotId } = await lab.backedUp(client, { password: null });
    const target = path.join(lab.folder, 'target');
    const file = path.join(target, 'one.txt');
    const restore = async (conflict: 'keep-both' | 'replace' | 'if-newer' | 'skip', dryRun = false) => {
      const input = {
        destinationId: set.destinationId,
        snapshotId,
        paths: ['one.txt'],
        to: { kind: 'folder', handle: lab.handle(target) } as const,
        conflict,
      };
      const job = await client.call(dryRun ? 'jobs.planRestore' : 'jobs.restore', input);
      return (await client.ended(job.jobId)).outcome;
    };
    fs.mkdirSync(target);
    fs.writeFileSync(file, 'mine');
    expect(await restore('skip')).toMatchObject({ report: { skipped: 1 } });
    expect(await restore('if-newer')).toMatchObject({ report: { skipped: 1 } });
    expect(await restore('replace', true)).toMatchObject({ kind: 'restore-plan', report: { replaced: 1 } });
    expect(fs.readFileSync(file, 'utf8')).toBe('mine');
    await restore('keep-both');
    expect(fs.readdirSync(target)).toHaveLength(2);
    fs.writeFileSync(file, 'mine again');
    expect(await restore('replace')).toMatchObject({ report: { replaced: 1 } });
    expect(fs.readFileSync(file, 'utf8')).toBe('from the backup');
    expect(await restore('replace')).toMatchObject({ report: { unchanged: 1, replaced: 0 } });
  });

  it('refuses Cairn’s own folder, and undo where nothing was kept', async () => {
    lab.write('one.txt', 'x');
    const { set, snapshotId } = await lab.backedUp(client, { password: null });
    const input = { destinationId: set.destinationId, snapshotId, paths: [''], conflict: 'skip' } as const;
    const to = { kind: 'folder', handle: lab.handle(path.join(lab.home, 'runs')) } as const;
    await expect(client.call('jobs.restore', { ...input, to })).rejects.toThrow('restore/target');
    const { jobId } = await client.call('jobs.restore', { ...input, to: { kind: 'original' } });
    await client.ended(jobId);
    expect(await client.call('activity.runs', { before: null, limit: 1 })).toMatchObject([{ undoable: false }]);
    await expect(client.call('jobs.undo', { runId: jobId })).rejects.toThrow('app/unavailable');
  });
});

describe('a restore that did not come to its end', () => {
  const begin = async (paths: readonly string[], largeFiles = 2) => {
    lab.write('a.txt', 'from the backup');
    for (let index = 0; index < largeFiles; index++) lab.write(`large/${index}`, noise(index, 1_000_000));
    const { set, snapshotId } = await lab.backedUp(client, { password: null });
    lab.write('a.txt', 'mine');
    fs.rmSync(path.join(lab.documents, 'large'), { recursive: true });
    const before = walkTree(lab.documents);
    const to = { kind: 'original' } as const;
    const input = { destinationId: set.destinationId, snapshotId, paths, to, conflict: 'replace' } as const;
    return { before, job: await client.call('jobs.restore', input) };
  };
  const undone = async (runId: string, before: ReturnType<typeof walkTree>) => {
    expect(await client.call('activity.runs', { before: null, limit: 1 })).toMatchObject([{ runId, undoable: true }]);
    const undo = await client.call('jobs.undo', { runId });
    expect(await client.ended(undo.jobId)).toMatchObject({ state: 'done', outcome: { report: { problems: [] } } });
    expect(compareTrees(before, walkTree(lab.documents))).toEqual([]);
    const jobs = await client.call('jobs.list', {});
    expect(jobs.filter(({ undoable }) => undoable)).toEqual([]);
    await expect(client.call('jobs.undo', { runId })).rejects.toThrow('app/unavailable');
  };
  const mine = (): string => fs.readFileSync(path.join(lab.documents, 'a.txt'), 'utf8');

  it('because it was cancelled can be taken back as far as it came', async () => {
    const { before, job } = await begin(['a.txt', 'large'], 60);
    while (mine() === 'mine') await new Promise((resolve) => setImmediate(resolve));
    await client.call('jobs.cancel', { jobId: job.jobId });
    expect(await client.ended(job.jobId)).toMatchObject({ state: 'cancelled', undoable: true });
    await undone(job.jobId, before);
  });

  it('because it failed can be taken back as far as it came', async () => {
    const { before, job } = await begin(['a.txt', 'nothing of this name']);
    const ended = await client.ended(job.jobId);
    expect(ended).toMatchObject({ state: 'failed', error: { code: 'path/not-found' }, undoable: true });
    expect(mine()).toBe('from the backup');
    await undone(job.jobId, before);
  });

  it('and had changed nothing is not offered to be taken back', async () => {
    const { job } = await begin(['nothing of this name']);
    expect(await client.ended(job.jobId)).toMatchObject({ state: 'failed', undoable: false });
    expect(fs.readdirSync(path.join(lab.home, 'undo'))).toEqual([]);
  });

  it('goes on being taken back where that was stopped before', async () => {
    const { before, job } = await begin(['a.txt', 'large/1', 'nothing of this name']);
    await client.ended(job.jobId);
    // As if the later of its two parts had been taken back when the computer was switched off.
    const [, later] = fs.readdirSync(path.join(lab.home, 'undo')).toSorted();
    const first = await lab.undoRestore(later!.replace('.journal', ''));
    expect(first.problems).toEqual([]);
    expect(mine()).toBe('from the backup');
    await undone(job.jobId, before);
  });
});

describe('a backup', () => {
  it('that is cancelled has not failed, and the next one goes on', async () => {
    const { set } = await lab.backedUp(client, { password: null });
    for (let index = 0; index < 40; index++) lab.write(`large ${index}`, noise(index, 1_000_000));
    const job = await client.call('jobs.backup', { setId: set.setId, reread: false });
    await client.until((event) =>
      event.kind === 'job' && event.job.jobId === job.jobId && event.job.progress !== null ? true : undefined,
    );
    await client.call('jobs.cancel', { jobId: job.jobId });
    expect(await client.ended(job.jobId)).toMatchObject({ state: 'cancelled', error: null });
    expect((await client.call('overview.get', {})).verdict.level).toBe('good');
    const next = await client.call('jobs.backup', { setId: set.setId, reread: false });
    expect(await client.ended(next.jobId)).toMatchObject({ state: 'done', outcome: { report: { filesNew: 40 } } });
  });

  it('that is asked for twice is done once, and a window that comes later sees it', async () => {
    const { set } = await lab.backedUp(client, { password: null });
    const [one, two] = await Promise.all([
      client.call('jobs.backup', { setId: set.setId, reread: false }),
      client.call('jobs.backup', { setId: set.setId, reread: false }),
    ]);
    expect(one.jobId).toBe(two.jobId);
    const late = lab.connect();
    expect((await late.call('jobs.list', {})).map(({ jobId }) => jobId)).toContain(one.jobId);
    expect(lab.service.activities()).toEqual([{ title: 'Backing up “Documents”' }]);
    await client.ended(one.jobId);
    await expect(client.call('jobs.reveal', { jobId: one.jobId })).rejects.toThrow('app/unavailable');
  });

  it('whose source is gone fails with its name, and the person hears of it', async () => {
    const { set } = await lab.backedUp(client, { password: null });
    fs.rmSync(lab.documents, { recursive: true });
    const { jobId } = await client.call('jobs.backup', { setId: set.setId, reread: false });
    expect(await client.ended(jobId)).toMatchObject({ state: 'failed', error: { code: 'source/not-found' } });
    expect(lab.notices.join()).toContain('Documents');
    expect((await client.call('overview.get', {})).verdict.reasons.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['last-failed', 'source-gone']),
    );
  });

  it('keeps to the settings, and none of them is lost in a second start', async () => {
    await client.call('settings.change', { workers: 0, compression: 'lz4', notifySuccesses: true });
    await lab.backedUp(client, { password: PASSWORD });
    expect(lab.notices.join()).toContain('is backed up');
    await lab.service.close();
    client = await lab.start();
    expect(await client.call('settings.get', {})).toMatchObject({ workers: 0, compression: 'lz4' });
    await expect(client.call('settings.change', { startAtLogin: true })).rejects.toThrow('app/unavailable');
  });
});

describe('measuring', () => {
  const measured = (measureId: string) =>
    client.until((event) =>
      event.kind === 'measurement' && event.measurement.done && event.measurement.measureId === measureId
        ? event.measurement
        : undefined,
    );

  it('counts as the backup will, and says what rules would save', async () => {
    lab.write('letter.txt', 'x'.repeat(500));
    lab.write('app/node_modules/big.bin', noise(1, 11_000_000));
    lab.write('app/junk.log', 'y'.repeat(300));
    const handles = [lab.handle(lab.documents)];
    const open = await client.call('places.measure', { handles, rules: { ...RULES, excludes: ['*.log'] } });
    const first = await measured(open.measureId);
    expect(first.sources).toMatchObject([{ files: 2, bytes: 11_000_500 }]);
    expect(first.leftOut).toMatchObject([{ rule: '*.log', files: 1, bytes: 300 }]);
    expect(first.suggestions).toMatchObject([{ rule: 'node_modules/', files: 1, bytes: 11_000_000 }]);
    const chosen = await client.call('places.measure', {
      handles,
      rules: { ...RULES, excludes: ['*.log', 'node_modules/'] },
    });
    const second = await measured(chosen.measureId);
    expect(second.sources).toMatchObject([{ files: 1, bytes: 500 }]);
    expect(second.suggestions).toEqual([]);
    const { snapshotId } = await lab.backedUp(client, { password: null });
    expect(snapshotId).toHaveLength(64);
  });

  it('says of a folder that is gone that it could not be counted, and ends for a new one', async () => {
    const gone = lab.handle(path.join(lab.folder, 'gone'));
    const first = await client.call('places.measure', { handles: [gone], rules: RULES });
    const second = await client.call('places.measure', { handles: [gone, lab.handle(lab.documents)], rules: RULES });
    expect((await measured(second.measureId)).sources.map(({ unreadable }) => unreadable)).toEqual([1, 0]);
    expect(
      client.events.filter(
        (event) =>
          event.kind === 'measurement' && event.measurement.measureId === first.measureId && event.measurement.done,
      ),
    ).toEqual([]);
  });
});

describe('folders of this computer', () => {
  it('are shown one level at a time, links to folders too, hidden ones when asked for', async () => {
    for (const name of ['b', 'A', '.hidden', 'a10', 'a9']) fs.mkdirSync(path.join(lab.documents, name));
    lab.write('file.txt', 'x');
    fs.symlinkSync(lab.drive, path.join(lab.documents, 'link'));
    fs.symlinkSync('/nowhere', path.join(lab.documents, 'dead'));
    const handle = lab.handle(lab.documents);
    const shown = await client.call('places.browse', { handle, hidden: false });
    expect(shown.folders.map(({ name }) => name)).toEqual(['A', 'a9', 'a10', 'b', 'link']);
    expect([shown.parent?.path, shown.parent?.kind]).toEqual([lab.userHome, 'home']);
    const all = await client.call('places.browse', { handle, hidden: true });
    expect(all.folders[0]!.name).toBe('.hidden');
    const made = await client.call('places.makeFolder', { handle, name: 'new one' });
    expect(fs.statSync(path.join(lab.documents, 'new one')).isDirectory()).toBe(true);
    expect(made.path).toBe(path.join(lab.documents, 'new one'));
    await expect(client.call('places.makeFolder', { handle, name: 'new one' })).rejects.toThrow('is there already');
    for (const name of ['..', '.', 'a/b', 'a\\b', 'a\0b', ''])
      await expect(client.call('places.makeFolder', { handle, name })).rejects.toThrow('usage/invalid');
    await expect(
      client.call('places.browse', { handle: lab.handle(path.join(lab.folder, 'gone')), hidden: false }),
    ).rejects.toThrow('source/not-found');
  });

  it.runIf(process.platform === 'linux')('keep names that are no text', async () => {
    const odd = Buffer.concat([Buffer.from(`${lab.documents}/`), Buffer.from([0xff, 0x41])]);
    fs.mkdirSync(odd);
    const { folders } = await client.call('places.browse', { handle: lab.handle(lab.documents), hidden: false });
    expect(folders[0]!.name).toBe('\\xffA');
    expect((await client.call('places.browse', { handle: folders[0]!.handle, hidden: false })).folders).toEqual([]);
  });
});
