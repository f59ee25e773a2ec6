/**
 * A restore that keeps what it replaces, and taking it back. The claim of the whole file: after an undo the folder is what
 * it was before the restore, to the nanosecond, whatever the restore did; and what a person has changed since is not lost.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RestoreReport, UndoReport } from '../../../src-shared/model/index.ts';
import type { Repository } from '../../../src-main/engine/repository/index.ts';
import { type RestoreOptions, undoRestore } from '../../../src-main/engine/restore/index.ts';
import { Lab } from '../../support/engine-lab.ts';
import { seeded, testSeed } from '../../support/seed.ts';
import { compareTrees, walkTree } from '../../support/walker.ts';

let lab: Lab;
let repository: Repository;
const OLD = new Date('2020-01-02T03:04:05.678Z');

beforeEach(async () => {
  lab = new Lab();
  fs.mkdirSync(path.join(lab.source, 'folder', 'deep'), { recursive: true });
  write('a', 'first');
  write('folder/b', 'second');
  write('folder/deep/c', 'third');
  fs.symlinkSync('a', path.join(lab.source, 'link'));
  await lab.init({ password: 'correct horse' });
  repository = await lab.open();
  await lab.backup(repository);
});
afterEach(() => {
  lab.dispose();
});

const at = (...names: string[]): string => path.join(lab.source, ...names);

function write(name: string, content: string, date = OLD): void {
  fs.writeFileSync(at(name), content);
  fs.utimesSync(at(name), date, date);
}

let journals = 0;
async function restoreKeeping(options: Partial<RestoreOptions> = {}): Promise<RestoreReport & { journal: string }> {
  const journal = lab.path(`journal-${journals++}`);
  const undo = { journal, stamp: `2026-11-22-${journals}` };
  return { ...(await lab.restore(repository, 'latest', undefined, { ...options, undo })), journal };
}

function undo(journal: string): Promise<UndoReport> {
  return undoRestore({ journal, onProgress: () => undefined, signal: undefined });
}

/** Differs from the backup in every way there is. */
function disturb(): void {
  write('a', 'changed by hand', new Date('2026-01-01T00:00:00.123Z'));
  fs.rmSync(at('folder', 'deep'), { recursive: true });
  fs.rmSync(at('link'));
  fs.writeFileSync(at('link'), 'a file where a link was');
  fs.rmSync(at('folder', 'b'));
  fs.mkdirSync(at('folder', 'b'));
  fs.writeFileSync(at('folder', 'b', 'inside'), 'a folder where a file was');
  fs.mkdirSync(at('extra', 'more'), { recursive: true });
  fs.writeFileSync(at('extra', 'more', 'own'), 'never backed up');
  fs.utimesSync(at('folder'), OLD, OLD);
}

describe('a restore that is taken back', () => {
  test.each([
    ['if-changed', {}],
    ['keep-both', { overwrite: 'keep-both' }],
    ['always', { overwrite: 'always' }],
    ['with --delete', { delete: true }],
    ['with threads', { tuning: { workers: 2, workersFromFiles: 0, workersFromBytes: 0 } }],
  ] as const)('leaves everything as it was: %s', async (_how, options) => {
    disturb();
    const before = walkTree(lab.source);
    const { tuning, ...rest } = { tuning: {}, ...options };
    const { RESTORE_TUNING } = await import('../../../src-main/engine/restore/index.ts');
    const report = await restoreKeeping({ ...rest, tuning: { ...RESTORE_TUNING, ...tuning } });
    expect(report.problems).toEqual([]);
    expect(compareTrees(before, walkTree(lab.source))).not.toEqual([]);
    const undone = await undo(report.journal);
    expect(undone.problems).toEqual([]);
    expect(compareTrees(before, walkTree(lab.source))).toEqual([]);
  });

  test('gives the right content first: what was kept is under its own path in a dated folder', async () => {
    disturb();
    const report = await restoreKeeping();
    expect(fs.readFileSync(at('a'), 'utf8')).toBe('first');
    expect(report.safetyFolders).toEqual([at('.cairn-replaced', '2026-11-22-' + String(journals))]);
    const [safety = ''] = report.safetyFolders ?? [];
    expect(fs.readFileSync(path.join(safety, 'a'), 'utf8')).toBe('changed by hand');
  });

  test('into another folder leaves that folder empty again', async () => {
    fs.mkdirSync(lab.path('out'));
    const journal = lab.path('journal-out');
    const report = await lab.restore(repository, 'latest', lab.path('out'), { undo: { journal, stamp: 'one' } });
    expect(report.restored).toBeGreaterThan(4);
    expect(report.safetyFolders).toBeUndefined();
    expect((await undo(journal)).problems).toEqual([]);
    expect(fs.readdirSync(lab.path('out'))).toEqual([]);
  });

  test('does not touch what a person has changed since, and brings the older state beside it', async () => {
    write('a', 'changed by hand');
    fs.rmSync(at('folder', 'b'));
    const report = await restoreKeeping();
    fs.writeFileSync(at('a'), 'and changed again after the restore');
    fs.writeFileSync(at('folder', 'b'), 'changed too');
    fs.writeFileSync(at('folder', 'new'), 'made since');
    const undone = await undo(report.journal);
    expect(undone.problems.map(({ path, code }) => ({ path, code }))).toEqual([
      { path: 'a', code: 'changed-since' },
      { path: 'folder/b', code: 'changed-since' },
    ]);
    expect(fs.readFileSync(at('a'), 'utf8')).toBe('changed by hand');
    expect(fs.readFileSync(at('a.before-restore'), 'utf8')).toBe('and changed again after the restore');
    expect(fs.readFileSync(at('folder', 'b'), 'utf8')).toBe('changed too');
    expect(fs.readFileSync(at('folder', 'new'), 'utf8')).toBe('made since');
  });

  test('can be taken back after it was cut off, at any line of its journal', async () => {
    disturb();
    const before = walkTree(lab.source);
    const report = await restoreKeeping({ delete: true });
    const lines = fs.readFileSync(report.journal, 'utf8').split('\n');
    await undo(report.journal);
    for (let kept = 1; kept < lines.length; kept++) {
      const journal = lab.path(`cut-${kept}`);
      // A torn line at the end, as a power cut leaves one.
      fs.writeFileSync(journal, `${lines.slice(0, kept).join('\n')}\n${(lines[kept] ?? '').slice(0, 9)}`);
      expect((await undo(journal)).problems, `after ${kept} lines`).toEqual([]);
      expect(compareTrees(before, walkTree(lab.source)), `after ${kept} lines`).toEqual([]);
    }
  });

  test('can be undone again after the undo was cut off', async () => {
    disturb();
    const before = walkTree(lab.source);
    const report = await restoreKeeping({ delete: true });
    for (let steps = 1; steps <= 4; steps++) {
      const controller = new AbortController();
      let told = 0;
      const onProgress = (): void => {
        if (++told >= steps) controller.abort();
      };
      await expect(
        undoRestore({ journal: report.journal, onProgress, signal: controller.signal }),
      ).rejects.toMatchObject({ code: 'engine/cancelled' });
    }
    expect((await undo(report.journal)).problems).toEqual([]);
    expect(compareTrees(before, walkTree(lab.source))).toEqual([]);
  });

  test('never follows a link that has come into its way since', async () => {
    const outside = lab.path('outside');
    fs.mkdirSync(path.join(outside, 'deep'), { recursive: true });
    write('folder/b', 'changed by hand');
    const report = await restoreKeeping();
    fs.writeFileSync(path.join(outside, 'b'), 'second');
    fs.utimesSync(path.join(outside, 'b'), OLD, OLD);
    fs.renameSync(at('folder'), at('moved'));
    fs.symlinkSync(outside, at('folder'));
    await undo(report.journal);
    expect(fs.readFileSync(path.join(outside, 'b'), 'utf8')).toBe('second');
    expect(fs.readFileSync(at('moved', 'b'), 'utf8')).toBe('second');
  });

  test('refuses a folder that is another one now', async () => {
    write('a', 'changed by hand');
    const report = await restoreKeeping();
    fs.renameSync(lab.source, lab.path('elsewhere'));
    fs.mkdirSync(lab.source);
    fs.writeFileSync(at('a'), 'somebody else’s');
    await expect(undo(report.journal)).rejects.toMatchObject({ code: 'restore/target' });
    expect(fs.readFileSync(at('a'), 'utf8')).toBe('somebody else’s');
  });

  test.each([
    ['empty', ''],
    ['of another program', 'hello\n'],
    ['with an unknown line', '{"cairnUndo":1}\n{"kind":"format","path":"/"}\n'],
    ['with a path that is a number', '{"cairnUndo":1}\n{"kind":"folder","path":7}\n'],
    ['with a time that is none', '{"cairnUndo":1}\n{"kind":"metadata","path":"a","mode":1,"mtimeNs":"x"}\n'],
    ['with lists for lines', '{"cairnUndo":1}\n[1]\n'],
  ])('refuses a journal %s, and does nothing', async (_how, text) => {
    const before = walkTree(lab.source);
    const journal = lab.path('hostile');
    fs.writeFileSync(journal, text);
    if (text === '') expect(await undo(journal)).toEqual({ broughtBack: 0, removed: 0, problems: [] });
    else await expect(undo(journal)).rejects.toMatchObject({ code: 'engine/local-state' });
    expect(compareTrees(before, walkTree(lab.source))).toEqual([]);
  });

  test('a path in a journal that leads up is refused like any name that is none', async () => {
    const report = await restoreKeeping({ overwrite: 'always' });
    fs.mkdirSync(lab.path('victim'));
    const root = fs.readFileSync(report.journal, 'utf8').split('\n')[1] ?? '';
    const journal = lab.path('leading-up');
    const line = JSON.stringify({ kind: 'folder', path: '../victim' });
    fs.writeFileSync(journal, `{"cairnUndo":1}\n${root}\n${line}\n`);
    await undo(journal);
    expect(fs.existsSync(lab.path('victim'))).toBe(true);
  });

  test('a backup leaves the safety folder out', async () => {
    write('a', 'changed by hand');
    await restoreKeeping();
    expect(fs.existsSync(at('.cairn-replaced'))).toBe(true);
    await lab.backup(repository, { excludedRealPaths: [lab.repositoryPath] });
    const report = await lab.restore(repository, 'latest', lab.path('out'));
    expect(report.problems).toEqual([]);
    expect(fs.existsSync(lab.path('out', '.cairn-replaced'))).toBe(false);
  });
});

describe('random trees', () => {
  const seed = testSeed('undo');
  test.each([0, 1, 2, 3, 4, 5, 6, 7])('random changes, round %i: undo gives back what was there', async (round) => {
    const random = seeded(seed + round);
    const names = ['a', 'b', 'c', 'd'];
    const somewhere = (): string => {
      const depth = random.between(0, 2);
      return path.join(...Array.from({ length: depth + 1 }, () => names[random.between(0, 3)] ?? 'a'));
    };
    const change = (): void => {
      const place = at(somewhere());
      try {
        switch (random.between(0, 4)) {
          case 0:
            fs.rmSync(place, { recursive: true, force: true });
            break;
          case 1:
            fs.mkdirSync(place, { recursive: true });
            break;
          case 2:
            fs.symlinkSync(somewhere(), place);
            break;
          case 3:
            fs.renameSync(at(somewhere()), place);
            break;
          default:
            fs.writeFileSync(place, `content ${random.between(0, 1_000_000)}`);
        }
      } catch {
        // The dice asked for something impossible.
      }
    };
    for (let count = 0; count < 60; count++) change();
    await lab.backup(repository);
    for (let count = 0; count < 40; count++) change();
    const before = walkTree(lab.source);
    const overwrite = (['if-changed', 'keep-both', 'always', 'if-newer', 'never'] as const)[round % 5] ?? 'always';
    const report = await restoreKeeping({ overwrite, delete: round % 2 === 0 });
    const undone = await undo(report.journal);
    expect(undone.problems).toEqual([]);
    expect(compareTrees(before, walkTree(lab.source))).toEqual([]);
  });
});
