/** What a restore is told to take or to remove, what it does about damage, and how it stops. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CairnError } from '../../../src-shared/errors.ts';
import { locate } from '../../../src-main/engine/browse/index.ts';
import type { Entry } from '../../../src-main/engine/merkle/index.ts';
import type { Repository } from '../../../src-main/engine/repository/index.ts';
import { RESTORE_DEFAULTS, restore } from '../../../src-main/engine/restore/index.ts';
import { type Snapshot, listSnapshots } from '../../../src-main/engine/snapshot/index.ts';
import { Lab } from '../../support/engine-lab.ts';
import { LOW_LIMITS, flipIn, noise, put } from '../../support/lab-files.ts';
import { namesIn } from '../../support/listing.ts';
import { buildTree } from '../../support/tree-builder.ts';
import { compareTrees } from '../../support/walker.ts';

let lab: Lab;
let repository: Repository;
let out: string;
beforeEach(async () => {
  lab = new Lab();
  await lab.init();
  repository = await lab.open();
  out = lab.path('out');
});
afterEach(() => lab.dispose());

const inOut = (...names: readonly string[]): string => path.join(out, ...names);
const read = (file: string): string => fs.readFileSync(file, 'utf8');

describe('patterns', () => {
  beforeEach(async () => {
    for (const name of [
      'a/one.txt',
      'a/two.jpg',
      'a/deep/three.txt',
      'b/four.jpg',
      'b/deep/five.jpg',
      'report (1).txt',
      '!odd.txt',
      'caf\u0065\u0301.txt',
    ])
      put(lab, name, name);
    await lab.backup(repository);
  });

  test.each<
    [string, { readonly includes?: readonly string[]; readonly excludes?: readonly string[] }, readonly string[]]
  >([
    [
      'by name, at any depth',
      { includes: ['*.jpg'] },
      ['a', 'a/two.jpg', 'b', 'b/deep', 'b/deep/five.jpg', 'b/four.jpg'],
    ],
    ['by path', { includes: ['a/*.txt'] }, ['a', 'a/one.txt']],
    [
      'a folder by name, with everything in it',
      { includes: ['deep'] },
      ['a', 'a/deep', 'a/deep/three.txt', 'b', 'b/deep', 'b/deep/five.jpg'],
    ],
    [
      'a folder by path with a slash at its end',
      { includes: ['/b/'] },
      ['b', 'b/deep', 'b/deep/five.jpg', 'b/four.jpg'],
    ],
    ['across folders', { includes: ['**/deep/*.txt'] }, ['a', 'a/deep', 'a/deep/three.txt']],
    ['nothing that matches', { includes: ['*.png'] }, []],
    [
      'without a name',
      { includes: ['a', 'b'], excludes: ['*.txt'] },
      ['a', 'a/deep', 'a/two.jpg', 'b', 'b/deep', 'b/deep/five.jpg', 'b/four.jpg'],
    ],
    [
      'without a folder',
      { includes: ['a', 'b'], excludes: ['deep'] },
      ['a', 'a/one.txt', 'a/two.jpg', 'b', 'b/four.jpg'],
    ],
    ['without a path', { includes: ['a'], excludes: ['a/one.txt'] }, ['a', 'a/deep', 'a/deep/three.txt', 'a/two.jpg']],
    ['a name with brackets as it stands', { includes: ['report (1).txt'] }, ['report (1).txt']],
    ['a name with an exclamation mark as it stands', { includes: ['!odd.txt'] }, ['!odd.txt']],
    ['a name in another Unicode form', { includes: ['caf\u0065\u0301.txt'.normalize('NFC')] }, ['caf\u0065\u0301.txt']],
  ])('take %s', async (_what, options, expected) => {
    const dry = await lab.restore(repository, 'latest', out, { ...options, dryRun: true });
    expect(fs.existsSync(out)).toBe(false);
    const report = await lab.restore(repository, 'latest', out, options);
    expect(dry).toEqual(report);
    expect(fs.existsSync(out) ? namesIn(out) : []).toEqual([...expected].sort());
    for (const name of expected)
      expect(
        compareTrees(path.join(lab.source, name), inOut(name)).filter(
          (line) => !line.startsWith('only in') && !line.startsWith('“”'),
        ),
      ).toEqual([]);
  });

  test.each([[['']], [['/']], [['*a*b*c*d*e*f*']]])('%j are refused', async (includes) => {
    await expect(lab.restore(repository, 'latest', out, { includes })).rejects.toMatchObject({ code: 'usage/invalid' });
  });
});

describe('delete', () => {
  beforeEach(async () => {
    put(lab, 'a/kept', 'kept');
    put(lab, 'b', 'b');
    await lab.backup(repository);
    await lab.restore(repository, 'latest', out);
    fs.mkdirSync(inOut('stranger', 'deep'), { recursive: true });
    for (const name of ['stranger/file', 'stranger/deep/keep.cfg', 'a/foreign', 'keep.cfg'])
      fs.writeFileSync(inOut(name), 'theirs');
    put(lab, '../precious/inside', 'precious');
    fs.symlinkSync('../precious', inOut('link'));
    fs.writeFileSync(inOut('.cairn-restore-0123456789abcdef00000001'), 'half a file of a restore that died');
  });

  async function deleted(options: object): Promise<string[]> {
    const before = namesIn(out);
    const dry = await lab.restore(repository, 'latest', out, { ...options, delete: true, dryRun: true });
    expect(namesIn(out)).toEqual(before);
    const real = await lab.restore(repository, 'latest', out, { ...options, delete: true });
    expect(dry).toEqual(real);
    expect(real.problems).toEqual([]);
    const after = namesIn(out);
    return before.filter((name) => !after.includes(name));
  }

  test('removes what the snapshot does not have, links themselves and not what they lead to, and no temporary files', async () => {
    expect(await deleted({})).toEqual([
      'a/foreign',
      'keep.cfg',
      'link',
      'stranger',
      'stranger/deep',
      'stranger/deep/keep.cfg',
      'stranger/file',
    ]);
    expect(read(lab.path('precious', 'inside'))).toBe('precious');
    expect(namesIn(out)).toEqual(['.cairn-restore-0123456789abcdef00000001', 'a', 'a/kept', 'b']);
  });

  test('leaves what is excluded, also deep in a folder that nobody backed up', async () => {
    expect(await deleted({ excludes: ['*.cfg'] })).toEqual(['a/foreign', 'link', 'stranger/file']);
    expect(read(inOut('stranger', 'deep', 'keep.cfg'))).toBe('theirs');
  });

  test('removes only what is included', async () => {
    expect(await deleted({ includes: ['a'] })).toEqual(['a/foreign']);
    expect(await deleted({ includes: ['*.cfg'] })).toEqual(['keep.cfg']);
  });

  test('without the option removes nothing', async () => {
    const before = namesIn(out);
    await lab.restore(repository, 'latest', out, { overwrite: 'always' });
    expect(namesIn(out)).toEqual(before);
  });

  test('of an item stays within that item', async () => {
    fs.writeFileSync(inOut('outside'), 'theirs');
    await lab.restore(repository, 'latest', out, { path: Buffer.from('a'), delete: true });
    expect(namesIn(out)).toContain('outside');
    expect(namesIn(out)).not.toContain('a/foreign');
  });
});

describe('delete after a backup with rules', () => {
  test('leaves what the rules left out and what could not be read, in the original place and in a target, whole or in part', async () => {
    const leftOut = ['a/cache/deep/x', 'a/notes.tmp', 'huge', 'a/unread'];
    for (const name of ['a/kept', ...leftOut]) put(lab, name, name === 'huge' ? Buffer.alloc(5000) : name);
    const unread = { path: path.join(lab.source, 'a', 'unread'), code: 'EACCES', message: 'can’t be read' };
    await lab.backup(repository, { excludes: ['cache/', '*.tmp', 'unread'], excludeLargerThanBytes: 4000 });
    // Root reads everything; a snapshot of somebody who could not is made from this one.
    const [snapshot] = (await listSnapshots(repository)).snapshots;
    if (snapshot === undefined) throw new Error('no snapshot');
    const sources = snapshot.record.sources.map((source) => ({
      ...source,
      rules: { ...source.rules, excludes: ['cache/', '*.tmp'] },
    }));
    const told: Snapshot = { ...snapshot, record: { ...snapshot.record, sources, problems: [unread] } };
    const options = { ...RESTORE_DEFAULTS, restoreOwner: process.geteuid?.() === 0, delete: true };
    for (const [item, target] of [
      ['', undefined],
      ['a', undefined],
      ['', out],
      ['a', out],
    ] as const) {
      const place = target ?? lab.source;
      if (target !== undefined) fs.cpSync(lab.source, target, { recursive: true, force: true });
      fs.mkdirSync(path.join(place, 'a', 'stranger'), { recursive: true });
      fs.writeFileSync(path.join(place, 'a', 'stranger', 'goes.txt'), 'x');
      fs.writeFileSync(path.join(place, 'a', 'stranger', 'stays.tmp'), 'x');
      await restore(repository, told, {
        ...options,
        path: Buffer.from(item),
        target: target === undefined ? undefined : Buffer.from(target),
      });
      expect(namesIn(place), `${item} to ${String(target)}`).toEqual([
        'a',
        'a/cache',
        'a/cache/deep',
        'a/cache/deep/x',
        'a/kept',
        'a/notes.tmp',
        'a/stranger',
        'a/stranger/stays.tmp',
        'a/unread',
        'huge',
      ]);
      fs.rmSync(path.join(place, 'a', 'stranger'), { recursive: true });
    }
  });
});

describe('damage', () => {
  beforeEach(async () => {
    // Everything lies in packs, so that one file can be hit alone.
    repository = await lab.open(undefined, { limits: { ...LOW_LIMITS, commitFileBytesMax: 100 } });
  });

  test('of one file is its problem alone: its old state stays, and everything else is restored', async () => {
    const [bad, good] = [noise(1, 3_000_000), noise(2, 3_000_000)];
    put(lab, 'bad', bad);
    put(lab, 'folder/good', good);
    await lab.backup(repository);
    await lab.restore(repository, 'latest', out);
    fs.writeFileSync(inOut('bad'), 'what was here before');
    fs.writeFileSync(inOut('folder', 'good'), 'changed');
    await damageFile('bad');
    const report = await lab.restore(await lab.open(), 'latest', out);
    expect(report.problems).toMatchObject([{ path: 'bad', code: 'integrity/damaged' }]);
    expect(read(inOut('bad'))).toBe('what was here before');
    expect(fs.readFileSync(inOut('folder', 'good')).equals(good)).toBe(true);
    expect(namesIn(out)).toEqual(['bad', 'folder', 'folder/good']);
  });

  test('also where the old state is a folder or would be put aside: nothing moves', async () => {
    const bad = noise(1, 3_000_000);
    put(lab, 'bad', bad);
    await lab.backup(repository);
    await damageFile('bad');
    fs.mkdirSync(inOut('bad'), { recursive: true });
    fs.writeFileSync(inOut('bad', 'inner'), 'theirs');
    for (const overwrite of ['if-changed', 'keep-both', 'always'] as const) {
      const report = await lab.restore(await lab.open(), 'latest', out, { overwrite });
      expect(report).toMatchObject({ restored: 0, replaced: 0, conflicts: [], problems: [{ path: 'bad' }] });
      expect(namesIn(out)).toEqual(['bad', 'bad/inner']);
    }
  });

  test('of a folder’s page is a problem of that folder, and delete removes nothing in it', async () => {
    put(lab, 'broken/file', 'x');
    put(lab, 'sound/file', 'y');
    await lab.backup(repository);
    await lab.restore(repository, 'latest', out);
    await hidePage('broken');
    for (const folder of ['broken', 'sound']) fs.writeFileSync(inOut(folder, 'stranger'), 'theirs');
    const report = await lab.restore(repository, 'latest', out, { delete: true, overwrite: 'always' });
    expect(report.problems).toMatchObject([{ path: 'broken', code: expect.stringMatching(/^integrity\//) as unknown }]);
    expect(namesIn(out)).toEqual(['broken', 'broken/file', 'broken/stranger', 'sound', 'sound/file']);
  });

  async function entryOf(name: string): Promise<Entry> {
    const snapshot = (await listSnapshots(repository)).snapshots.at(-1);
    const located = snapshot && (await locate(repository, snapshot, Buffer.from(name)));
    if (located?.kind !== 'entry') throw new Error(`${name} is not stored`);
    return located.entry;
  }

  /** Flips a bit of the file's first chunk, in its pack. */
  async function damageFile(name: string): Promise<void> {
    const entry = await entryOf(name);
    const first = entry.nodeType === 'file' && entry.content.kind === 'inline' ? entry.content.chunks[0] : undefined;
    const place = first && (await repository.locate(first.id));
    if (place === undefined) throw new Error(`${name} has no chunk`);
    flipIn(lab, `packs/${place.packId.slice(0, 2)}/${place.packId}`, place.frameOffset + 500);
  }

  /** All pages of a small backup share one segment: the reader is made to miss this one. */
  async function hidePage(name: string): Promise<void> {
    const entry = await entryOf(name);
    if (entry.nodeType !== 'directory') throw new Error(`${name} is not a folder`);
    const original = repository.readBlob.bind(repository);
    repository.readBlob = (id, type) =>
      Buffer.compare(id, entry.page) === 0
        ? Promise.reject(new CairnError('integrity/damaged', 'hidden by the test'))
        : original(id, type);
  }
});

describe('cancelled', () => {
  test.each([0, 1, 2, 3])('after %i steps leaves no temporary file, and only whole files', async (steps) => {
    put(lab, 'large', noise(1, 6_000_000));
    put(lab, 'more', noise(2, 500_000));
    await lab.backup(repository);
    const stop = new AbortController();
    let count = 0;
    const onProgress = (): void => {
      if (count++ >= steps) stop.abort();
    };
    if (steps === 0) stop.abort();
    await expect(lab.restore(repository, 'latest', out, { signal: stop.signal, onProgress })).rejects.toMatchObject({
      code: 'engine/cancelled',
    });
    for (const name of fs.existsSync(out) ? namesIn(out) : [])
      expect(fs.readFileSync(inOut(name)).equals(fs.readFileSync(path.join(lab.source, name)))).toBe(true);
  });
});

test('progress only rises and ends at its totals', async () => {
  buildTree(lab.source, { seed: 5, files: 30, folders: 10, fileBytesMax: 2000 });
  await lab.backup(repository);
  for (const options of [{}, { includes: ['*'] }]) {
    const seen: { files: number; bytes: number; filesTotal: number; bytesTotal: number }[] = [];
    fs.rmSync(out, { recursive: true, force: true });
    await lab.restore(repository, 'latest', out, { ...options, onProgress: (progress) => seen.push(progress) });
    expect(seen.map(({ files }) => files)).toEqual(
      seen.map(({ files }) => files).toSorted((left, right) => left - right),
    );
    expect(seen.every(({ files, filesTotal, bytes, bytesTotal }) => files <= filesTotal && bytes <= bytesTotal)).toBe(
      true,
    );
    expect(new Set(seen.map(({ filesTotal }) => filesTotal)).size).toBe(1);
  }
});
