import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildTree, mutateTree } from './tree-builder.ts';
import { compareTrees } from './walker.ts';

let base = '';
const left = (...parts: string[]): string => path.join(base, 'left', ...parts);
const right = (...parts: string[]): string => path.join(base, 'right', ...parts);

beforeEach(() => {
  base = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-walker-'));
  for (const side of [left, right]) {
    fs.mkdirSync(side('folder'), { recursive: true });
    fs.writeFileSync(side('folder', 'file'), 'content');
    fs.writeFileSync(side('folder', 'other'), 'content');
    fs.symlinkSync('file', side('folder', 'link'));
    fs.lutimesSync(side('folder', 'link'), 1000, 1000);
    for (const name of ['folder/file', 'folder/other', 'folder', '.']) fs.utimesSync(side(name), 1000, 1000);
  }
});
afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

describe('the independent walker', () => {
  it('sees no difference between equal trees', () => {
    expect(compareTrees(left(), right())).toEqual([]);
  });

  const keepTimes = (): void => {
    for (const name of ['folder/file', 'folder/other', 'folder', '.'])
      if (fs.existsSync(right(name))) fs.utimesSync(right(name), 1000, 1000);
  };
  const differences: Record<string, () => void> = {
    'one changed byte of a file that keeps its size and time': () =>
      fs.writeFileSync(right('folder', 'file'), 'cOntent'),
    'a missing file': () => fs.unlinkSync(right('folder', 'other')),
    'an extra empty folder': () => fs.mkdirSync(right('folder', 'extra')),
    'one permission bit': () => fs.chmodSync(right('folder', 'file'), 0o645),
    'the mode of a folder': () => fs.chmodSync(right('folder'), 0o711),
    'a file that became a link': () => {
      fs.unlinkSync(right('folder', 'other'));
      fs.symlinkSync('file', right('folder', 'other'));
    },
    'the target of a link': () => {
      fs.unlinkSync(right('folder', 'link'));
      fs.symlinkSync('other', right('folder', 'link'));
      fs.lutimesSync(right('folder', 'link'), 1000, 1000);
    },
    'hard links that were separate files': () => {
      fs.unlinkSync(right('folder', 'other'));
      fs.linkSync(right('folder', 'file'), right('folder', 'other'));
    },
  };
  for (const [name, change] of Object.entries(differences)) {
    it(`sees ${name}`, () => {
      change();
      keepTimes();
      expect(compareTrees(left(), right())).not.toEqual([]);
    });
  }

  it('sees a time that is off by the least a filesystem can store, on files, folders and links', () => {
    for (const name of ['folder/file', 'folder', '.']) {
      fs.utimesSync(right(name), 1000, '1000.000001');
      expect(compareTrees(left(), right())).toHaveLength(1);
      fs.utimesSync(right(name), 1000, 1000);
    }
    fs.lutimesSync(right('folder', 'link'), 1000, '1000.000001');
    expect(compareTrees(left(), right())).toHaveLength(1);
    expect(compareTrees(left(), right(), { ignore: ['mtime'] })).toEqual([]);
  });

  it('runs as a script that prints differences and exits with 1 if there are any', () => {
    const run = (...parts: string[]) =>
      spawnSync(process.execPath, ['--no-warnings', path.join(import.meta.dirname, 'walker.ts'), ...parts], {
        encoding: 'utf8',
      });
    expect(run(left(), right())).toMatchObject({ status: 0, stdout: '' });
    fs.appendFileSync(right('folder', 'file'), '\u001b[31m');
    fs.renameSync(right('folder', 'other'), right('folder', 'new\u001bname'));
    const result = run(left(), right());
    expect(result.status).toBe(1);
    expect(result.stdout).toContain('“folder/file”: size 7 and 12');
    expect(result.stdout).not.toContain('\u001b');
    expect(run(left()).status).toBe(2);
    expect(run(left(), path.join(base, 'absent')).status).toBe(2);
  });
});

it('the same seed makes the same tree and the same changes, another seed another one', () => {
  const options = { files: 30, folders: 8, fileBytesMax: 5000, symlinks: 4, hardLinks: 2 };
  for (const name of ['one', 'two']) {
    buildTree(path.join(base, name), { ...options, seed: 5 });
    expect(mutateTree(path.join(base, name), { seed: 6, count: 10, fileBytesMax: 5000 }).length).toBeGreaterThan(2);
  }
  buildTree(path.join(base, 'three'), { ...options, seed: 7 });
  const different = compareTrees(path.join(base, 'one'), path.join(base, 'two'), { ignore: ['mtime'] });
  expect(different).toEqual([]);
  expect(compareTrees(path.join(base, 'one'), path.join(base, 'three')).length).toBeGreaterThan(10);
});
