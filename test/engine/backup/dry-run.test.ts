/** A dry run against the backup it foretells: the same tree, the same rules, both done, and compared. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BackupPlan } from '../../../src-shared/model/index.ts';
import { BACKUP_DEFAULTS, type BackupOptions, planBackup } from '../../../src-main/engine/backup/index.ts';
import { listEntries } from '../../../src-main/engine/browse/index.ts';
import type { Repository } from '../../../src-main/engine/repository/index.ts';
import { listSnapshots, resolveSnapshot } from '../../../src-main/engine/snapshot/index.ts';
import { Lab } from '../../support/engine-lab.ts';
import { seeded, testSeed } from '../../support/seed.ts';

let lab: Lab;
let repository: Repository;
beforeEach(async () => {
  lab = new Lab();
  await lab.init();
  repository = await lab.open();
});
afterEach(() => lab.dispose());

type Options = Partial<BackupOptions>;

function plan(options: Options = {}, from: Repository | undefined = repository): Promise<BackupPlan> {
  const shared = { sources: [Buffer.from(lab.source)], host: 'lab' };
  return planBackup(from, lab.clock, { ...BACKUP_DEFAULTS, ...shared, ...options });
}

function write(files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    const full = path.join(lab.source, name);
    fs.mkdirSync(path.dirname(full), { recursive: true });
    fs.writeFileSync(full, content);
  }
}

/** Every file below the source on disk. */
function filesOnDisk(folder = lab.source): string[] {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const full = path.join(folder, entry.name);
    return entry.isDirectory() ? filesOnDisk(full) : [path.relative(lab.source, full)];
  });
}

async function filesStored(): Promise<string[]> {
  const { snapshots } = await listSnapshots(repository);
  const stored: string[] = [];
  for await (const entry of listEntries(repository, resolveSnapshot(snapshots, 'latest'), new Uint8Array(), {
    recursive: true,
  })) {
    if (entry.type === 'file') stored.push(entry.path);
  }
  return stored.sort();
}

const TAG = 'Signature: 8a477f597d28d172789f06886806bc55';
const ALL_RULES: Options = {
  excludes: ['*.tmp', 'node_modules/', '!keep.tmp'],
  excludeFiles: [{ name: 'list', content: '# x\n*.o\n' }],
  excludeLargerThanBytes: 1000,
  gitignore: true,
  excludeCaches: true,
  excludeIfPresent: ['.nobackup'],
};

describe('a dry run', () => {
  it('writes nothing into the repository: no file, no lease', async () => {
    write({ a: 'a' });
    await lab.backup(repository);
    const look = (): string[] => fs.readdirSync(lab.repositoryPath, { recursive: true, encoding: 'utf8' }).sort();
    const before = look();
    write({ b: 'b' });
    await plan();
    expect(look()).toEqual(before);
    expect((await listSnapshots(repository)).snapshots).toHaveLength(1);
  });

  it('counts per rule what it leaves out, a folder with all in it, with examples', async () => {
    write({
      'a.tmp': '1234',
      'b/c.tmp': '12',
      'keep.tmp': '1',
      'web/node_modules/x/y': '123456',
      'web/node_modules/z': '1',
      large: 'x'.repeat(1001),
      'x.o': '12',
      '.gitignore': '*.log\n',
      'b/d.log': '123',
      'cache/CACHEDIR.TAG': TAG,
      'cache/sub/data': '12345',
      'no/.nobackup': '',
      'no/file': '1',
    });
    fs.symlinkSync('nowhere', path.join(lab.source, 'no', 'link'));
    const { rules, largestLeftOut, leftOut, ...report } = await plan(ALL_RULES);
    const of = (rule: string): object | undefined => rules.find((use) => use.rule === rule);
    const at = (...names: string[]): string => path.join(lab.source, ...names);
    expect(of('*.tmp')).toEqual({
      ...{ origin: 'exclude', rule: '*.tmp', files: 2, folders: 0, others: 0, bytes: 6 },
      examples: [at('a.tmp'), at('b', 'c.tmp')],
    });
    expect(of('node_modules/')).toMatchObject({
      files: 2,
      folders: 2,
      bytes: 7,
      examples: [at('web', 'node_modules')],
    });
    expect(of('*.o')).toMatchObject({ origin: 'exclude-file', path: 'list', line: 2, files: 1 });
    expect(of('larger than 1 kB')).toMatchObject({ origin: 'size', files: 1, bytes: 1001 });
    expect(of('*.log')).toMatchObject({ origin: '.gitignore', path: at('.gitignore'), line: 1, files: 1, bytes: 3 });
    expect(of('CACHEDIR.TAG')).toMatchObject({ origin: 'CACHEDIR.TAG', files: 1, folders: 1, bytes: 5 });
    expect(of('.nobackup')).toMatchObject({ origin: 'if-present', files: 1, folders: 0, others: 1, bytes: 1 });
    expect(rules.map(({ bytes }) => bytes)).toEqual(rules.map(({ bytes }) => bytes).toSorted((a, b) => b - a));
    expect(leftOut).toEqual({ files: 9, folders: 3, others: 1, bytes: 6 + 7 + 2 + 1001 + 3 + 5 + 1 });
    expect(largestLeftOut.map((one) => [one.path, one.bytes])).toEqual([
      [at('web', 'node_modules'), 7],
      [at('cache', 'sub'), 5],
    ]);
    expect(report).toMatchObject({ dryRun: true, parentId: null, files: 4, folders: 5, filesNew: 4, problems: [] });
  });

  it('says what the backup then does: new, changed, unmodified, removed, bytes read', async () => {
    write({ same: 'same', changes: 'before', goes: '1', 'folder/a': '1', 'folder/b': '22', 'later/excluded': '1' });
    await lab.backup(repository);
    write({ changes: 'after it', new: 'new' });
    fs.rmSync(path.join(lab.source, 'goes'));
    fs.rmSync(path.join(lab.source, 'folder'), { recursive: true });
    const options = { excludes: ['later'] };
    const foretold = await plan(options);
    const report = await lab.backup(repository, options);
    expect(foretold).toMatchObject({
      ...{ filesNew: 1, filesChanged: 1, filesUnmodified: 1, filesRemoved: 4 },
      ...{ parentId: report.parentId, bytesToRead: report.bytesRead, bytes: report.bytesScanned },
    });
    for (const key of ['filesNew', 'filesChanged', 'filesUnmodified', 'filesRemoved', 'folders'] as const)
      expect([key, foretold[key]]).toEqual([key, report[key]]);
  });

  it('without a repository takes every file for new', async () => {
    write({ a: '12', 'b/c': '3' });
    const foretold = await plan({}, undefined);
    expect(foretold).toMatchObject({ parentId: null, files: 2, folders: 2, filesNew: 2, bytes: 3, bytesToRead: 3 });
  });

  it('says how much the files take where they lie: a file with holes claims more', async () => {
    write({ whole: 'x'.repeat(8192), hollow: '' });
    fs.truncateSync(path.join(lab.source, 'hollow'), 50_000_000);
    const { bytes, bytesOnDisk } = await plan({});
    expect(bytes).toBe(50_008_192);
    expect(bytesOnDisk).toBeLessThan(1_000_000);
  });

  it('foretells a backup whose source is a single file', async () => {
    write({ a: '12' });
    const sources = [Buffer.from(path.join(lab.source, 'a'))];
    expect(await plan({ sources })).toMatchObject({ files: 1, folders: 0, filesNew: 1, bytes: 2 });
    await lab.backup(repository, { sources });
    expect(await plan({ sources })).toMatchObject({ filesUnmodified: 1, filesNew: 0, bytesToRead: 0 });
  });

  it('leaves out exactly what the backup leaves out, over random trees and all rules', async () => {
    const random = seeded(testSeed('dry-run'));
    const names = ['a', 'b.tmp', 'keep.tmp', 'c.o', 'd.log', 'node_modules', 'x', 'y', '.nobackup', 'CACHEDIR.TAG'];
    for (let round = 0; round < 8; round++) {
      fs.rmSync(lab.source, { recursive: true, force: true });
      fs.mkdirSync(lab.source);
      for (let count = random.between(10, 60); count > 0; count--) {
        const at = Array.from({ length: random.between(1, 4) }, () => random.pick(names)).join('/');
        const content = at.endsWith('CACHEDIR.TAG') ? TAG : 'x'.repeat(random.pick([0, 1, 999, 1000, 1001]));
        const rules = `${random.pick(['*.log', '!*.log', 'x/', '/y', '*', '!a'])}\n`;
        const file = `${path.dirname(at)}/${random.pick(['.gitignore', '.cairnignore'])}`;
        try {
          write({ [at]: content, ...(random.chance(0.1) ? { [file]: rules } : {}) });
        } catch {
          // A file stands where a folder is wanted, or the other way round.
        }
      }
      const foretold = await plan(ALL_RULES);
      const report = await lab.backup(repository, ALL_RULES);
      const stored = await filesStored();
      const onDisk = filesOnDisk();
      expect(foretold.files).toBe(stored.length);
      expect(foretold.leftOut.files).toBe(onDisk.length - stored.length);
      expect(foretold.filesNew + foretold.filesChanged + foretold.filesUnmodified).toBe(foretold.files);
      expect([foretold.folders, foretold.bytes]).toEqual([report.folders, report.bytesScanned]);
      expect(foretold.problems).toEqual(report.problems);
    }
  });

  it('keeps the rules in the snapshot', async () => {
    write({ a: '' });
    await lab.backup(repository, { ...ALL_RULES, cairnignore: false });
    const { snapshots } = await listSnapshots(repository);
    expect(snapshots[0]?.record.sources[0]?.rules).toEqual({
      excludes: ['*.tmp', 'node_modules/', '!keep.tmp', '*.o'],
      excludeLargerThanBytes: 1000,
      oneFileSystem: false,
      symlinks: 'store',
      gitignore: true,
      excludeCaches: true,
      excludeIfPresent: ['.nobackup'],
    });
  });
});
