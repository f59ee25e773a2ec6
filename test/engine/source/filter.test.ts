import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { isCairnError } from '../../../src-shared/errors.ts';
import { createFilter, type FileStat, type FilterOptions, fileStatOf } from '../../../src-main/engine/source/index.ts';

const file: FileStat = {
  nodeType: 'file',
  size: 10,
  blocks: 1,
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtimeNs: 0n,
  ctimeNs: 0n,
  inode: 1n,
  device: 1n,
  linkCount: 1,
};
const folder: FileStat = { ...file, nodeType: 'directory', inode: 2n };

function includes(options: FilterOptions, relativePath: string, stat: FileStat = file): boolean {
  return createFilter(options).decide(relativePath, stat).include;
}
const excludes = (pattern: string, relativePath: string, stat?: FileStat): boolean =>
  !includes({ excludes: [pattern] }, relativePath, stat);

describe('exclude patterns', () => {
  it('without a slash match a name at any depth, and only the whole name', () => {
    expect(excludes('*.tmp', 'a.tmp')).toBe(true);
    expect(excludes('*.tmp', 'deep/down/a.tmp')).toBe(true);
    expect(excludes('*.tmp', 'a.tmp.txt')).toBe(false);
    expect(excludes('node_modules', 'web/node_modules', folder)).toBe(true);
    expect(excludes('node_modules', 'web/node_modules2', folder)).toBe(false);
    expect(excludes('b?r', 'foo/bar')).toBe(true);
    expect(excludes('[ab]*.{jpg,png}', 'x/beach.png')).toBe(true);
  });

  it('with a slash are paths from the root of the source', () => {
    expect(excludes('web/dist', 'web/dist', folder)).toBe(true);
    expect(excludes('web/dist', 'other/web/dist', folder)).toBe(false);
    expect(excludes('/top', 'top')).toBe(true);
    expect(excludes('/top', 'sub/top')).toBe(false);
    expect(excludes('web/*', 'web/a/b')).toBe(false);
    expect(excludes('web/**/cache', 'web/a/b/cache', folder)).toBe(true);
    expect(excludes('**/cache/*.db', 'cache/x.db')).toBe(true);
    expect(excludes('**/cache/*.db', 'a/b/cache/x.db')).toBe(true);
  });

  it('that end in a slash match folders only', () => {
    expect(excludes('build/', 'build', folder)).toBe(true);
    expect(excludes('build/', 'build', file)).toBe(false);
    expect(excludes('build/', 'a/build', folder)).toBe(true);
    expect(excludes('/build/', 'a/build', folder)).toBe(false);
  });

  it('match names with a leading dot like any other', () => {
    expect(excludes('*', '.hidden')).toBe(true);
    expect(excludes('**/*.swp', '.vim/.x.swp')).toBe(true);
    expect(excludes('.git', 'project/.git', folder)).toBe(true);
  });

  it('take brackets, plus signs, hashes and backslash escapes for ordinary characters', () => {
    expect(excludes('report (1).pdf', 'x/report (1).pdf')).toBe(true);
    expect(excludes('report (1).pdf', 'x/report 1.pdf')).toBe(false);
    expect(excludes('+(a).txt', '+(a).txt')).toBe(true);
    expect(excludes('@(a|b).txt', 'a.txt')).toBe(false);
    expect(excludes('#recycle', '#recycle', folder)).toBe(true);
    expect(excludes('a+b$^.txt', 'a+b$^.txt')).toBe(true);
    expect(excludes('literal\\*star', 'literal*star')).toBe(true);
    expect(excludes('literal\\*star', 'literalXstar')).toBe(false);
    expect(excludes('Résumé*', 'Résumé 2.odt')).toBe(true);
    expect(excludes('*.TMP', 'a.tmp')).toBe(false);
  });

  it('are decided by the last rule that matches, so “!” takes an earlier one back', () => {
    const options = { excludes: ['*.log', '!important.log', 'old/important.log'] };
    expect(includes(options, 'a/x.log')).toBe(false);
    expect(includes(options, 'a/important.log')).toBe(true);
    expect(includes(options, 'old/important.log')).toBe(false);
  });

  it('come from files too: one a line, with comments, blank lines and Windows line ends', () => {
    const options = { excludeFiles: ['\ufeff# caches\r\n\r\n*.cache  \r\n!keep.cache\r\n'] };
    expect(includes(options, 'x.cache')).toBe(false);
    expect(includes(options, 'keep.cache')).toBe(true);
    expect(includes(options, '# caches')).toBe(true);
  });

  it('name the rule that decided', () => {
    expect(createFilter({ excludes: ['*.a', '*.b'] }).decide('x.a', file)).toEqual({
      include: false,
      rule: { origin: 'exclude', rule: '*.a' },
    });
    const content = '# first\n\n*.c\n';
    expect(createFilter({ excludeFiles: [{ name: 'list', content }] }).decide('x.c', file)).toEqual({
      include: false,
      rule: { origin: 'exclude-file', rule: '*.c', path: 'list', line: 3 },
    });
    expect(createFilter({}).decide('x.a', file)).toEqual({ include: true });
  });

  it('that would leave out everything, are too long, or would match for hours, are refused as a usage error', () => {
    for (const pattern of ['/', './', '!', 'x'.repeat(5000), `${'*a'.repeat(12)}b`, '**/a/'.repeat(5)]) {
      let caught: unknown;
      try {
        createFilter({ excludes: [pattern] });
      } catch (error) {
        caught = error;
      }
      expect(isCairnError(caught, 'usage/invalid'), pattern.slice(0, 10)).toBe(true);
    }
  });
});

describe('other rules', () => {
  it('leave out files above a size, not folders', () => {
    const options = { excludeLargerThanBytes: 100 };
    expect(includes(options, 'x', { ...file, size: 100 })).toBe(true);
    expect(includes(options, 'x', { ...file, size: 101 })).toBe(false);
    expect(includes(options, 'x', { ...folder, size: 4096 })).toBe(true);
  });

  it('leave out what lies on another filesystem', () => {
    expect(includes({ oneFileSystemDevice: 1n }, 'x', folder)).toBe(true);
    expect(includes({ oneFileSystemDevice: 1n }, 'x', { ...folder, device: 7n })).toBe(false);
  });

  it('recognise the repository’s own folder by what it is, not by its name', () => {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-filter-'));
    try {
      fs.mkdirSync(path.join(root, 'repository'));
      fs.symlinkSync(path.join(root, 'repository'), path.join(root, 'link'));
      const stat = fileStatOf(fs.lstatSync(path.join(root, 'repository'), { bigint: true }));
      const options = { excludedRealPaths: [path.join(root, 'link'), path.join(root, 'not-there')] };
      expect(includes(options, 'whatever/it/is/called', stat)).toBe(false);
      expect(includes(options, 'repository', { ...stat, inode: stat.inode + 1n })).toBe(true);
    } finally {
      fs.rmSync(root, { recursive: true });
    }
  });
});
