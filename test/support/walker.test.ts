import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildTree, mutateTree } from './tree-builder.ts';
import { ACL_TAG, aclValue, setXattr } from './native.ts';
import { buildKinds, canBuildKinds } from './tree-builder-kinds.ts';
import { compareHoles, compareTrees, walkTree } from './walker.ts';

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
  if (process.platform === 'linux') {
    differences['an attribute of a file'] = () => setXattr(right('folder', 'file'), 'user.a', 'b');
    differences['an ACL of a folder'] = () => {
      const acl = aclValue([
        [ACL_TAG.userOwner, 7],
        [ACL_TAG.user, 4, 77],
        [ACL_TAG.groupOwner, 5],
        [ACL_TAG.mask, 5],
        [ACL_TAG.other, 5],
      ]);
      setXattr(right('folder'), 'system.posix_acl_access', acl);
    };
  }
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

  it('sees the value of an attribute, and reports filled holes apart from it', () => {
    if (process.platform !== 'linux') return;
    for (const side of [left, right]) setXattr(side('folder', 'file'), 'user.a', '1');
    expect(compareTrees(left(), right())).toEqual([]);
    setXattr(right('folder', 'file'), 'user.a', '2');
    expect(compareTrees(left(), right())).toHaveLength(2);
    expect(compareTrees(left(), right(), { ignore: ['xattrs'] })).toEqual([]);
    fs.truncateSync(left('folder', 'other'), 10_000_000);
    fs.writeFileSync(right('folder', 'other'), Buffer.concat([Buffer.from('content'), Buffer.alloc(10_000_000 - 7)]));
    keepTimes();
    fs.utimesSync(left('folder', 'other'), 1000, 1000);
    expect(compareTrees(left(), right(), { ignore: ['xattrs'] })).toEqual([]);
    expect(compareHoles(left(), right())).toHaveLength(1);
    expect(compareHoles(right(), left())).toEqual([]);
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

it.runIf(canBuildKinds)('a tree of every kind of entry is whole, and the same for the same seed', () => {
  const reports = ['one', 'two'].map((name) => buildKinds(path.join(base, name), { seed: 9 }));
  expect(reports[0]?.missing).toEqual(reports[1]?.missing);
  const records = walkTree(path.join(base, 'one'));
  expect(compareTrees(records, path.join(base, 'two'))).toEqual([]);
  expect(compareHoles(records, path.join(base, 'two'))).toEqual([]);
  const types = new Set(records.map(({ type }) => type));
  expect([...types]).toEqual(expect.arrayContaining(['file', 'directory', 'symlink', 'fifo', 'socket']));
  if (process.geteuid?.() === 0) expect([...types]).toEqual(expect.arrayContaining(['char-device', 'block-device']));
  expect(records.filter(({ hardLinkOf }) => hardLinkOf !== '').length).toBeGreaterThan(9);
  expect(records.some(({ path: hex }) => hex.length / 2 > 4096)).toBe(true);
  // Whatever the filesystem can't do was said; the rest is there.
  const missing = (what: string): boolean =>
    reports.some((report) => report.missing.some((text) => text.includes(what)));
  const names = records.flatMap(({ xattrs }) => xattrs.map((xattr) => xattr.replace(/=.*/s, '')));
  if (!missing('a user attribute')) expect(names).toEqual(expect.arrayContaining(['user.comment', 'user.\xff\xfe']));
  if (!missing('ACLs of a folder')) expect(names).toContain('system.posix_acl_default');
  if (!missing('holes'))
    expect(records.some(({ size, storedBytes }) => size >= 2 << 20 && storedBytes === 0)).toBe(true);
});
