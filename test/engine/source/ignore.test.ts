/**
 * Ignore files against git itself: random patterns over random trees, and what the filter leaves out is compared with
 * what `git check-ignore` says of every single path.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { walkByRules } from '../../support/walk-by-rules.ts';
import { type Seeded, seeded, testSeed } from '../../support/seed.ts';

const hasGit = spawnSync('git', ['--version']).status === 0;
if (!hasGit) console.warn('SKIPPED: git is not installed, so ignore files are not compared with it');

let root: string;
beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-ignore-'));
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

const NAMES = [
  'a',
  'b',
  'c',
  'ab',
  'abc',
  'a.b',
  'b.c',
  'foo',
  'A',
  '-',
  'a b',
  'a ',
  '#a',
  '!a',
  '[a]',
  '*',
  'a\\b',
  '[',
  ']',
];
const PIECES = [
  ...['a', 'b', 'c', 'ab', 'foo', 'A', '.', '-', ' '],
  ...['*', '*', '*', '?', '**', '**', '***', '/', '/', '/'],
  ...['[ab]', '[!a]', '[^b]', '[a-c]', '[]a]', '[!]a]', '[[:alpha:]]', '[[:upper:]b]', '[a-]', '[--.]', '[c-a]'],
  ...[
    '[[:digit:]',
    '[[:nope:]]',
    '[',
    ']',
    '[[:a]',
    '[a',
    '[\\]]',
    '[a\\-c]',
    '[[]',
    '[*]',
    '[/]',
    '[!/]',
    '[[::]]',
    '[[:]]',
  ],
  ...['\\a', '\\*', '\\?', '\\[', '\\\\', '\\ ', '\\', '\\/', '\\#', '\\!'],
];
const BEGINNINGS = ['', '', '', '', '!', '!', '/', '!/', '**/', '!**/', '#', '\\!', '\\#', '*/', ' ', '//', './'];
const ENDINGS = ['', '', '', '', '/', '/**', '/*', ' ', '  ', '\r', '/ ', '\t', '//', '/**/'];

function randomPattern(random: Seeded): string {
  const middle = Array.from({ length: random.between(0, 4) }, () => random.pick(PIECES)).join('');
  return random.pick(BEGINNINGS) + middle + random.pick(ENDINGS);
}

/** A few levels of few names, so that patterns often match; ignore files in some folders. */
function randomTree(random: Seeded, top: string, depth = 0): void {
  fs.mkdirSync(top);
  for (let count = random.between(2, depth === 0 ? 8 : 5); count > 0; count--) {
    const place = path.join(top, random.pick(NAMES));
    if (fs.existsSync(place)) continue;
    if (depth < 3 && random.chance(0.6)) randomTree(random, place, depth + 1);
    else fs.writeFileSync(place, '');
  }
  if (depth > 0 && !random.chance(0.35)) return;
  const lines = Array.from({ length: random.between(1, 6) }, () => randomPattern(random));
  const bom = random.chance(0.1) ? '\ufeff' : '';
  fs.writeFileSync(path.join(top, '.gitignore'), bom + lines.join('\n') + (random.chance(0.5) ? '\n' : ''));
}

function pathsBelow(top: string, prefix = ''): string[] {
  return fs.readdirSync(path.join(top, prefix), { withFileTypes: true }).flatMap((entry) => {
    const below = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    return entry.isDirectory() ? [below, ...pathsBelow(top, below)] : [below];
  });
}

const TREES = 250;

describe('.gitignore', () => {
  it.skipIf(!hasGit)(
    'leaves out exactly what git ignores, over random trees and patterns',
    { timeout: 120_000 },
    () => {
      const random = seeded(testSeed('ignore'));
      const top = path.join(root, 'oracle');
      fs.mkdirSync(top);
      const environment = { PATH: process.env['PATH'], HOME: top, GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C' };
      const git = (args: readonly string[], input = ''): string => {
        const given = ['-C', top, '-c', 'core.ignoreCase=false', '-c', 'core.excludesFile=', ...args];
        return spawnSync('git', given, { input, env: environment, maxBuffer: 64 * 1024 * 1024 }).stdout.toString();
      };
      git(['init', '-q']);
      for (let index = 0; index < TREES; index++) randomTree(random.fork(), path.join(top, `t${index}`));
      const paths = pathsBelow(top).filter((one) => !one.startsWith('.git/') && one !== '.git');
      const answer = git(['check-ignore', '--no-index', '--stdin', '-z'], paths.map((one) => `${one}\0`).join(''));
      const ignored = new Set(answer.split('\0').filter((one) => one !== ''));
      expect(ignored.size).toBeGreaterThan(paths.length / 10);
      expect(ignored.size).toBeLessThan((paths.length * 9) / 10);
      const wrong: string[] = [];
      for (let index = 0; index < TREES; index++) {
        const one = `t${index}`;
        const kept = new Set(walkByRules({ gitignore: true }, path.join(top, one)).kept);
        for (const below of pathsBelow(path.join(top, one))) {
          // Cairn keeps the file that holds the rules, even where it names itself.
          if (below.endsWith('.gitignore')) continue;
          const byGit = ignored.has(`${one}/${below}`);
          if (kept.has(below) === byGit) wrong.push(`${one}/${below}: git ${byGit ? 'ignores' : 'keeps'} it`);
        }
      }
      expect(wrong.slice(0, 20)).toEqual([]);
    },
  );
});
