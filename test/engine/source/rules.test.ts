/** Each rule alone, and together; ignore files as someone hostile would write them. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import picomatch from 'picomatch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isCairnError } from '../../../src-shared/errors.ts';
import { PATTERN_CHARACTERS_MAX, parseIgnorePattern } from '../../../src-main/engine/source/ignore-pattern.ts';
import { createFilter, type FileStat, type FilterOptions, fileStatOf } from '../../../src-main/engine/source/index.ts';
import { type Walked, walkByRules } from '../../support/walk-by-rules.ts';

const CACHE_TAG = 'Signature: 8a477f597d28d172789f06886806bc55';

let root: string;
let trees = 0;
beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-rules-'));
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

/** A tree from its files; a name that ends in “/” is an empty folder. Returns its root. */
function tree(files: Readonly<Record<string, string | Uint8Array>>): string {
  const top = path.join(root, `tree-${trees++}`);
  fs.mkdirSync(top);
  for (const [file, content] of Object.entries(files)) {
    const full = path.join(top, file);
    fs.mkdirSync(file.endsWith('/') ? full : path.dirname(full), { recursive: true });
    if (!file.endsWith('/')) fs.writeFileSync(full, content);
  }
  return top;
}

/** What is kept, folders and ignore files themselves left out of the list. */
function kept(options: FilterOptions, files: Readonly<Record<string, string | Uint8Array>>): string[] {
  const top = tree(files);
  return walkByRules(options, top).kept.filter(
    (one) => !one.endsWith('ignore') && !fs.lstatSync(path.join(top, one)).isDirectory(),
  );
}

function walked(options: FilterOptions, files: Readonly<Record<string, string | Uint8Array>>): Walked {
  return walkByRules(options, tree(files));
}

describe('ignore files', () => {
  it('are followed where that is asked for, and only those of the name that was asked for', () => {
    const files = { '.cairnignore': 'a\n', '.gitignore': 'b\n', a: '', b: '', c: '' };
    expect(kept({}, files)).toEqual(['a', 'b', 'c']);
    expect(kept({ cairnignore: true }, files)).toEqual(['b', 'c']);
    expect(kept({ gitignore: true }, files)).toEqual(['a', 'c']);
    expect(kept({ cairnignore: true, gitignore: true }, files)).toEqual(['c']);
  });

  it('hold for their folder and all below, and deeper ones take back what higher ones say', () => {
    const files = {
      '.cairnignore': '*.log\nbuild/\n/top\n',
      'a.log': '',
      top: '',
      'x/top': '',
      'x/.cairnignore': '!*.log\n!build/\nmine\n',
      'x/b.log': '',
      'x/build/kept': '',
      'x/build/c.log': '',
      'x/deep/mine': '',
      'y/d.log': '',
      'y/mine': '',
      'y/build/gone': '',
    };
    expect(kept({ cairnignore: true }, files)).toEqual(['x/b.log', 'x/build/c.log', 'x/build/kept', 'x/top', 'y/mine']);
  });

  it('in one folder .cairnignore goes before .gitignore, and a deeper .gitignore before both', () => {
    const both = { cairnignore: true, gitignore: true };
    expect(kept(both, { '.cairnignore': '!a\n', '.gitignore': 'a\n', a: '' })).toEqual(['a']);
    expect(kept(both, { '.cairnignore': '!a\n', 'x/.gitignore': 'a\n', 'x/a': '' })).toEqual([]);
  });

  it('come after --exclude, which decides both ways', () => {
    const files = { '.cairnignore': 'a\n!b\n', a: '', b: '' };
    expect(kept({ cairnignore: true, excludes: ['!a', 'b'] }, files)).toEqual(['a']);
  });

  it('are kept themselves, even where they name themselves or everything', () => {
    for (const content of ['*\n', '.cairnignore\n', '/**\n']) {
      expect(walked({ cairnignore: true }, { '.cairnignore': content, a: '' }).kept).toContain('.cairnignore');
    }
    const excluded = { cairnignore: true, excludes: ['.cairnignore'] };
    expect(walked(excluded, { '.cairnignore': 'a\n', a: '', b: '' }).kept).toEqual(['b']);
  });

  it('leave a folder out with all in it, which nothing below can take back', () => {
    expect(kept({ cairnignore: true }, { '.cairnignore': 'x/\n!x/a\n', 'x/a': '', 'x/.cairnignore': '!a' })).toEqual(
      [],
    );
  });

  it('say which file and which line decided', () => {
    const { left } = walked({ cairnignore: true }, { 'x/.cairnignore': '# mine\n\n*.log\n', 'x/a.log': '' });
    expect(left.get('x/a.log')).toMatchObject({
      include: false,
      rule: {
        origin: '.cairnignore',
        rule: '*.log',
        line: 3,
        path: expect.stringMatching(/\/x\/\.cairnignore$/) as string,
      },
    });
  });

  it('take “?” and classes for one character, whatever its bytes, and tell upper from lower case', () => {
    const files = {
      '.cairnignore': '?\n[!a]x\nÉ*\n',
      é: '',
      '😀': '',
      '😀x': '',
      ab: '',
      ÉT: '',
      ét: '',
      'E\u0301t': '',
    };
    expect(kept({ cairnignore: true }, files)).toEqual(['ab', 'ét']);
  });
});

describe('an ignore file that can’t be followed', () => {
  const problemsOf = ({ problems }: Walked): string[] => problems.map(({ code }) => code);

  it('leaves out nothing and is a problem: too large, too many lines, a link, a FIFO', () => {
    const large = walked({ cairnignore: true }, { '.cairnignore': `*\n#${'x'.repeat(1024 * 1024)}`, a: '' });
    expect(large.kept).toContain('a');
    expect(problemsOf(large)).toEqual(['ignore-file']);
    const long = walked({ cairnignore: true }, { '.cairnignore': '*\n'.repeat(10_000), a: '' });
    expect(long.kept).toContain('a');
    expect(problemsOf(long)).toEqual(['ignore-file']);
    const top = tree({ rules: '*\n', a: '' });
    fs.symlinkSync('rules', path.join(top, '.cairnignore'));
    const linked = walkByRules({ cairnignore: true }, top);
    expect(linked.kept).toEqual(['.cairnignore', 'a', 'rules']);
    expect(problemsOf(linked)).toEqual(['ignore-file']);
    const pipe = tree({ a: '' });
    if (spawnSync('mkfifo', [path.join(pipe, '.cairnignore')]).status === 0) {
      const waited = walkByRules({ cairnignore: true }, pipe);
      expect(waited.kept).toEqual(['.cairnignore', 'a']);
      expect(problemsOf(waited)).toEqual(['ignore-file']);
    } else console.warn('SKIPPED: no mkfifo here');
  });

  it('only because of one line is followed in all others, and names the line', () => {
    const bad = ['[a', '[[:nope:]]', 'a\\', '[z', `${'a'.repeat(PATTERN_CHARACTERS_MAX)}b`];
    for (const line of bad) {
      const { kept: names, problems } = walked(
        { cairnignore: true },
        { '.cairnignore': `b\n${line}\nc\n`, a: '', b: '', c: '' },
      );
      expect(names).toEqual(['.cairnignore', 'a']);
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatchObject({
        code: 'ignore-pattern',
        message: expect.stringContaining('line 2') as string,
      });
    }
    const invalid = Buffer.concat([Buffer.from('b\nx'), Buffer.from([0xff]), Buffer.from('\n')]);
    expect(problemsOf(walked({ cairnignore: true }, { '.cairnignore': invalid, b: '' }))).toEqual(['ignore-pattern']);
  });

  it('as a folder of that name is a folder like any other', () => {
    expect(walked({ cairnignore: true }, { '.cairnignore/a': '' })).toMatchObject({
      kept: ['.cairnignore', '.cairnignore/a'],
      problems: [],
    });
  });

  it('because those above it hold too many rules already leaves what is in force as it is', () => {
    const files: Record<string, string> = {};
    const lines = Array.from({ length: 9_990 }, (_, index) => `no-such-${index}*x\n`).join('');
    for (let depth = 0, at = ''; depth < 7; depth++, at += 'd/') files[`${at}.cairnignore`] = `${lines}f${depth}\n`;
    for (let depth = 0; depth < 7; depth++) files[`d/d/d/d/d/d/f${depth}`] = '';
    const { kept: names, problems } = walked({ cairnignore: true }, files);
    expect(problems.map(({ code }) => code)).toEqual(['ignore-file', 'ignore-file']);
    expect(names.filter((one) => one.includes('/f'))).toEqual(['d/d/d/d/d/d/f5', 'd/d/d/d/d/d/f6']);
  });
});

describe('a pattern', () => {
  it('takes time by its length and never by its cleverness', () => {
    const bombs = [
      '**/a'.repeat(200),
      '**a'.repeat(300),
      '*a'.repeat(500),
      '*?'.repeat(500),
      '/**'.repeat(300),
      `${'[a]*'.repeat(200)}b`,
      `a/${'**/'.repeat(300)}b`,
    ];
    const texts = ['a'.repeat(255), `${'a/'.repeat(127)}a`, 'a/'.repeat(1000) + 'c'];
    // A backtracking matcher would still be at the first of them tomorrow.
    for (const bomb of bombs) {
      const pattern = parseIgnorePattern(`${bomb}z`);
      if (pattern === undefined || pattern === 'bad') throw new Error(`${bomb} is no pattern`);
      for (const text of texts) expect(pattern.matches(text)).toBe(false);
    }
  });

  it('of any characters is read without an exception, and matches without one', () => {
    const piece = fc.constantFrom(
      '*',
      '?',
      '[',
      ']',
      '!',
      '\\',
      '/',
      '**',
      'a',
      '-',
      ':',
      '[:alpha:]',
      ' ',
      '\ud83d',
      'é',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, text, (line, name) => {
        const pattern = parseIgnorePattern(line);
        if (pattern !== undefined && pattern !== 'bad') pattern.matches(name);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('CACHEDIR.TAG', () => {
  const files = (tag: string | Uint8Array): Record<string, string | Uint8Array> => ({
    'cache/CACHEDIR.TAG': tag,
    'cache/data': '',
    'cache/sub/more': '',
    other: '',
  });
  const all = ['cache/CACHEDIR.TAG', 'cache/data', 'cache/sub/more', 'other'];

  it('leaves out all in its folder but itself', () => {
    const cached = ['cache/CACHEDIR.TAG', 'other'];
    expect(kept({ excludeCaches: true }, files(CACHE_TAG))).toEqual(cached);
    expect(kept({ excludeCaches: true }, files(`${CACHE_TAG}\n# by some program\n`))).toEqual(cached);
    expect(kept({ excludeCaches: true }, files(`${CACHE_TAG}x`))).toEqual(cached);
    expect(walked({ excludeCaches: true }, files(CACHE_TAG)).kept).toContain('cache');
  });

  it('counts only where that is asked for', () => {
    expect(kept({}, files(CACHE_TAG))).toEqual(all);
  });

  it('must begin with exactly the 43 bytes, in a regular file', () => {
    const almost = [CACHE_TAG.slice(0, -1), CACHE_TAG.toUpperCase(), ` ${CACHE_TAG}`, `${CACHE_TAG.slice(0, -1)}6`, ''];
    for (const tag of almost) expect(kept({ excludeCaches: true }, files(tag)), tag).toEqual(all);
    const top = tree({ real: CACHE_TAG, 'cache/data': '' });
    fs.symlinkSync('../real', path.join(top, 'cache', 'CACHEDIR.TAG'));
    expect(walkByRules({ excludeCaches: true }, top).kept).toContain('cache/data');
    expect(kept({ excludeCaches: true }, { 'cache/CACHEDIR.TAG/x': '', 'cache/data': '' })).toHaveLength(2);
  });
});

describe('a name that marks folders', () => {
  it('leaves out all in the folder but itself, whatever it is', () => {
    const files = {
      'a/.nobackup': '',
      'a/x': '',
      'b/.nobackup/y': '',
      'b/z': '',
      'c/x': '',
      'd/.other/x': '',
      'd/y': '',
    };
    expect(kept({ excludeIfPresent: ['.nobackup', '.other'] }, files)).toEqual([
      ...['a/.nobackup', 'b/.nobackup/y', 'c/x', 'd/.other/x'],
    ]);
  });

  it('is one name, without slashes and not empty', () => {
    for (const name of ['', '.', '..', 'a/b', 'a\0', 'x'.repeat(256)]) {
      let caught: unknown;
      try {
        createFilter({ excludeIfPresent: [name] });
      } catch (error) {
        caught = error;
      }
      expect(isCairnError(caught, 'usage/invalid'), name).toBe(true);
    }
  });
});

describe('a filter', () => {
  const file: FileStat = fileStatOf(fs.lstatSync(import.meta.filename, { bigint: true }));

  it('stores the folder that begins another file system, and nothing in it', () => {
    const top = tree({ 'mount/x': '', y: '' });
    const filter = createFilter({ oneFileSystemDevice: file.device + 1n });
    const listed = fs.lstatSync(path.join(top, 'mount'), { bigint: true });
    const rules = filter.enter({} as never, '', () => undefined, undefined);
    expect(rules.decide('mount', fileStatOf(listed))).toEqual({
      include: true,
      contents: { origin: 'one-file-system', rule: 'another file system' },
    });
    expect(rules.decide('y', file)).toMatchObject({ include: false, rule: { origin: 'one-file-system' } });
    expect(
      createFilter({ oneFileSystemDevice: file.device + 1n, excludes: ['mount'] })
        .enter({} as never, '', () => undefined, undefined)
        .decide('mount', fileStatOf(listed)),
    ).toMatchObject({ include: false, rule: { origin: 'exclude' } });
  });

  it('says when nothing can be left out', () => {
    const open = createFilter({}).enter({} as never, '', () => undefined, undefined);
    expect([createFilter({}).isOpen, open.isOpen, open.isOpenForFiles]).toEqual([true, true, true]);
    expect(createFilter({ cairnignore: true }).isOpen).toBe(false);
    const own = createFilter({ excludedRealPaths: [root] });
    const rules = own.enter({} as never, '', () => undefined, undefined);
    expect([own.isOpen, rules.isOpen, rules.isOpenForFiles]).toEqual([false, false, true]);
    expect(rules.decide('x', fileStatOf(fs.statSync(root, { bigint: true })))).toMatchObject({
      rule: { origin: 'own-files' },
    });
  });

  it('is built from plain data that a worker can be sent', () => {
    const options = {
      excludes: ['a'],
      excludeFiles: [{ name: 'f', content: 'b' }],
      excludeLargerThanBytes: 5,
      oneFileSystemDevice: file.device,
      excludedRealPaths: [Buffer.from(root), root],
      cairnignore: true,
      gitignore: true,
      excludeCaches: true,
      excludeIfPresent: ['m'],
    };
    const top = tree({ a: '', b: '', c: '', large: '123456', '.cairnignore': 'd', d: '', 'x/m': '', 'x/n': '' });
    expect(walkByRules(structuredClone(options), top)).toEqual(walkByRules(options, top));
    expect(walkByRules(options, top).kept).toEqual(['.cairnignore', 'c', 'x', 'x/m']);
  });

  it('finds the last matching pattern as if every pattern were tried in turn', () => {
    const name = fc.constantFrom('a', 'd', 'b.log', 'b', 'c.tar.gz', 'x.gz', '.gz', 'a.b', 'log', 'ä.log');
    const pattern = fc.constantFrom(
      'a',
      '*.log',
      '*.gz',
      '!*.tar.gz',
      'b*',
      '!b',
      'a.b',
      'd/',
      '!/d/b',
      '/d/*.log',
      '*',
      '!*.b',
      'c.*',
      '!ä.log',
      'b/',
      ...[
        'd/**',
        '/d/**',
        'd/*',
        '{a,b}',
        '{a,b}.log',
        'a*',
        '[ab]*',
        '?',
        '**/b',
        'd/**/b',
        'd/**/*.gz',
        '*.{log,gz}',
      ],
      ...['b.*g', 'd/{b,a}*', '*b', 'a?b', '!d/**', '*.tar.*', '**/d', 'd/**/**', '*/b', '**'],
    );
    fc.assert(
      fc.property(
        fc.array(pattern, { maxLength: 12 }),
        name,
        fc.boolean(),
        fc.boolean(),
        (excludes, last, isBelow, isFolder) => {
          const place = isBelow ? `d/${last}` : last;
          const stat = { ...file, nodeType: isFolder ? 'directory' : 'file' } as const;
          const matching = excludes.findLast((text) => {
            const bare = text.replace(/^!/, '');
            if (bare.endsWith('/') && !isFolder) return false;
            const clean = bare.replace(/\/$/, '');
            return picomatch.isMatch(clean.includes('/') ? place : last, clean.replace(/^\//, ''), { dot: true });
          });
          const isIncluded = matching === undefined || matching.startsWith('!');
          expect(createFilter({ excludes }).decide(place, stat).include).toBe(isIncluded);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
