/** Each kind of watcher on what goes wrong most easily, one case at a time. The model test mixes them. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { openSourceChild, openSourceRoot, resolvePath } from '../../../../src-main/engine/source/index.ts';
import { CHOKIDAR_FOLDERS_MAX, chooseWatcher, openWatcher } from '../../../../src-main/engine/source/watch/choose.ts';
import { watchedInodes } from '../../../../src-main/engine/source/watch/kernel-watches.ts';
import { newSpelling } from '../../../../src-main/engine/source/watch/spelling.ts';
import type { WatchEvent, WatcherKind } from '../../../../src-main/engine/source/watch/watcher.ts';
import { fileStatOf } from '../../../../src-main/engine/source/stat.ts';
import { seeded, testSeed } from '../../../support/seed.ts';
import { WATCHER_KINDS, WatchLab, foldersOf } from '../../../support/watch-lab.ts';
import { createOperations } from '../../../support/watch-operations.ts';

let lab: WatchLab;
afterEach(() => lab.close());
const opened = async (kind: WatcherKind, prepare: () => void = () => undefined, options = {}): Promise<WatchLab> => {
  lab = new WatchLab(kind);
  prepare();
  await lab.open(options);
  return lab;
};
const TIMEOUT = 120_000;

describe.each(WATCHER_KINDS)('%s', { timeout: TIMEOUT }, (kind) => {
  test('reports the folder of a file that is made, written, renamed, given other rights, removed', async () => {
    await opened(kind, () => fs.mkdirSync(lab.path('docs')));
    const file = lab.path('docs', 'letter');
    const changes: readonly (() => void)[] = [
      () => fs.writeFileSync(file, 'Dear'),
      () => fs.appendFileSync(file, ' Ada'),
      () => fs.truncateSync(file, 2),
      () => fs.chmodSync(file, 0o600),
      () => fs.utimesSync(file, 1, 1),
      () => fs.renameSync(file, lab.path('docs', 'other')),
      () => fs.unlinkSync(lab.path('docs', 'other')),
      () => fs.symlinkSync('nowhere', file),
    ];
    for (const [index, change] of changes.entries()) {
      lab.forget();
      change();
      await lab.settleUntil(() => lab.isDirty('docs'));
      expect({ index, isDirty: lab.isDirty('docs'), isRootDirty: lab.isDirty() }).toEqual({
        index,
        isDirty: true,
        isRootDirty: false,
      });
    }
  });

  test('reports both folders of a file that moves', async () => {
    await opened(kind, () => ['from', 'to'].forEach((name) => fs.mkdirSync(lab.path(name))));
    fs.writeFileSync(lab.path('from', 'file'), '');
    await lab.settle();
    lab.forget();
    fs.renameSync(lab.path('from', 'file'), lab.path('to', 'file'));
    await lab.settleUntil(() => lab.isDirty('from') && lab.isDirty('to'));
    expect([lab.isDirty('from'), lab.isDirty('to')]).toEqual([true, true]);
  });

  test('watches what was made in a new folder before anyone could watch that', async () => {
    await opened(kind);
    for (let round = 0; round < 6; round++) {
      const top = `round ${round}`;
      fs.mkdirSync(lab.path(top, 'a/b/c'), { recursive: true });
      fs.writeFileSync(lab.path(top, 'a/b/c', 'file'), '');
      const all = (): boolean => [top, `${top}/a`, `${top}/a/b`, `${top}/a/b/c`].every((name) => lab.isDirty(name));
      await lab.settleUntil(all);
      expect({ round, all: all() }).toEqual({ round, all: true });
      lab.forget();
      fs.writeFileSync(lab.path(top, 'a/b/c', 'later'), '');
      await lab.settleUntil(() => lab.isDirty(top, 'a/b/c'));
      expect({ round, later: lab.isDirty(top, 'a/b/c') }).toEqual({ round, later: true });
    }
  });

  test('watches a tree that is moved in, under its new name after another move, and no longer when it is out', async () => {
    await opened(kind);
    const tree = path.join(lab.outside.toString(), 'tree');
    fs.mkdirSync(path.join(tree, 'deep/er'), { recursive: true });
    fs.renameSync(tree, lab.path('in'));
    await lab.settleUntil(() => lab.isDirty('in/deep/er'));
    expect(lab.isDirty('in/deep/er')).toBe(true);
    fs.renameSync(lab.path('in'), lab.path('renamed'));
    await lab.settleUntil(() => lab.isDirty('renamed/deep/er'));
    lab.forget();
    fs.writeFileSync(lab.path('renamed/deep/er', 'file'), '');
    await lab.settleUntil(() => lab.isDirty('renamed/deep/er'));
    expect(lab.isDirty('renamed/deep/er')).toBe(true);
    fs.renameSync(lab.path('renamed'), tree);
    await lab.settleUntil(() => lab.isDirty());
    expect(lab.isDirty()).toBe(true);
    lab.forget();
    fs.writeFileSync(path.join(tree, 'deep/er/file'), 'outside');
    await lab.settle();
    // Some speak of it under its old name, which nobody finds; of what is outside nobody speaks.
    expect([...lab.dirty].filter((folder) => !folder.startsWith(`${lab.root.toString('latin1')}/`))).toEqual([]);
  });

  test('watches a folder on when another one, which had its path before, loses a folder of that name', async () => {
    await opened(kind, () => fs.mkdirSync(lab.path('a/b/c'), { recursive: true }));
    fs.renameSync(lab.path('a'), lab.path('moved'));
    await lab.settleUntil(() => lab.isDirty('moved/b/c'));
    // One after the other, so that each is seen as a folder with nothing in it.
    for (const name of ['a', 'a/b', 'a/b/c']) {
      fs.mkdirSync(lab.path(name));
      await lab.settleUntil(() => lab.isDirty(name));
    }
    fs.rmdirSync(lab.path('moved/b/c'));
    await lab.settleUntil(() => lab.isDirty('moved/b'));
    lab.forget();
    fs.writeFileSync(lab.path('a/b/c', 'file'), '');
    await lab.settleUntil(() => lab.isDirty('a/b/c'));
    expect(lab.isDirty('a/b/c')).toBe(true);
    // What has no listing to compare: only a watch tells of it.
    lab.forget();
    fs.appendFileSync(lab.path('a/b/c', 'file'), 'more');
    await lab.settleUntil(() => lab.isDirty('a/b/c'));
    expect(lab.isDirty('a/b/c')).toBe(true);
  });

  test('reports the folder of a file that was replaced by another one and then removed, all at once', async () => {
    await opened(kind, () => {
      fs.mkdirSync(lab.path('docs'));
      fs.writeFileSync(lab.path('docs', 'letter'), 'Dear Ada');
    });
    for (let round = 0; round < 3; round++) {
      // The first event of all is told at once, the next ones together.
      fs.writeFileSync(lab.path('noise'), String(round));
      await delay(5);
      lab.forget();
      fs.writeFileSync(lab.path('docs', 'temporary'), 'Dear');
      fs.renameSync(lab.path('docs', 'temporary'), lab.path('docs', 'letter'));
      fs.unlinkSync(lab.path('docs', 'letter'));
      await lab.settleUntil(() => lab.isDirty('docs'));
      expect({ round, isDirty: lab.isDirty('docs') }).toEqual({ round, isDirty: true });
      fs.writeFileSync(lab.path('docs', 'letter'), 'Dear Ada');
      await lab.settle();
    }
  });

  test('does not follow links, neither to folders nor in circles', async () => {
    await opened(kind, () => {
      fs.mkdirSync(path.join(lab.outside.toString(), 'elsewhere'));
      fs.symlinkSync(path.join(lab.outside.toString(), 'elsewhere'), lab.path('link'));
      fs.symlinkSync('.', lab.path('circle'));
    });
    fs.writeFileSync(path.join(lab.outside.toString(), 'elsewhere', 'file'), '');
    await lab.settle();
    expect([...lab.dirty]).toEqual([]);
  });

  test('reports names that are no UTF-8, names with newlines and backslashes, of files and of folders', async () => {
    const odd = [
      Buffer.from([0xff]),
      Buffer.from([0x61, 0xc3, 0x28]),
      Buffer.from('new\nline'),
      Buffer.from('back\\slash'),
    ];
    await opened(kind, () => odd.forEach((name) => fs.mkdirSync(lab.path(name, 'in it'), { recursive: true })));
    for (const name of odd) {
      lab.forget();
      fs.writeFileSync(lab.path(name, 'in it', Buffer.from([0x80, 0x0a, 0xfe])), '');
      await lab.settleUntil(() => lab.isDirty(name, 'in it'));
      expect({ name, isDirty: lab.isDirty(name, 'in it') }).toEqual({ name, isDirty: true });
      // A folder of such a name that comes later, too.
      const later = Buffer.concat([name, Buffer.from([0xfe])]);
      fs.mkdirSync(lab.path(later));
      await lab.settleUntil(() => lab.isDirty());
      lab.forget();
      fs.writeFileSync(lab.path(later, 'file'), '');
      await lab.settleUntil(() => lab.isDirty(later));
      expect({ later, isDirty: lab.isDirty(later) || lab.lost.length > 0 }).toEqual({ later, isDirty: true });
      if (lab.lost.length > 0) await lab.reopen();
    }
  });

  test('leaves alone what the rules leave out', async () => {
    const isIgnored = (folder: Buffer): boolean => folder.toString().endsWith('/node_modules');
    const prepare = (): void => {
      for (let index = 0; index < 50; index++)
        fs.mkdirSync(lab.path('node_modules', String(index)), { recursive: true });
      fs.mkdirSync(lab.path('src'));
    };
    await opened(kind, prepare, { isIgnored });
    if (kind !== 'parcel') expect(lab.folders).toBeLessThan(10);
    fs.writeFileSync(lab.path('node_modules', '7', 'file'), '');
    fs.mkdirSync(lab.path('src', 'node_modules', 'new'), { recursive: true });
    await lab.settleUntil(() => lab.isDirty('src'));
    expect(lab.isDirty('src')).toBe(true);
    const inside = [...lab.dirty].filter((folder) => folder.includes('node_modules'));
    // A folder that came later may be watched until the rules are asked.
    if (kind === 'inotify') expect(inside).toEqual([]);
  });

  test('also watches a canary outside of the root', async () => {
    lab = new WatchLab(kind);
    await lab.open({ canary: lab.outside });
    fs.writeFileSync(path.join(lab.outside.toString(), 'file'), 'x');
    const canary = lab.outside.toString('latin1');
    await lab.settleUntil(() => lab.dirty.has(canary));
    expect([...lab.dirty]).toEqual([canary]);
  });

  test('says nothing any more after it was closed', async () => {
    await opened(kind, () => fs.mkdirSync(lab.path('docs')));
    fs.writeFileSync(lab.path('docs', 'file'), 'just before');
    await lab.closeWatcher();
    lab.forget();
    fs.writeFileSync(lab.path('docs', 'file'), 'after');
    await delay(500);
    expect([...lab.dirty, ...lab.lost]).toEqual([]);
  });

  test('watches hundreds of folders that appear, all of them and on and on', async () => {
    await opened(kind);
    for (const round of ['one', 'two']) {
      const names = Array.from({ length: 260 }, (_, index) => `${round} ${index}`);
      for (const name of names) fs.mkdirSync(lab.path(name, 'sub'), { recursive: true });
      await lab.settleUntil(() => names.every((name) => lab.isDirty(name, 'sub')));
      lab.forget();
      for (const name of names) fs.writeFileSync(lab.path(name, 'sub', 'file'), round);
      await lab.settleUntil(() => names.every((name) => lab.isDirty(name, 'sub')));
      // Only a watch tells of this: the list of names stays as it is.
      lab.forget();
      for (const name of names) fs.appendFileSync(lab.path(name, 'sub', 'file'), 'more');
      await lab.settleUntil(() => names.every((name) => lab.isDirty(name, 'sub')));
      expect({ round, missing: names.filter((name) => !lab.isDirty(name, 'sub')) }).toEqual({ round, missing: [] });
      expect(lab.lost).toEqual([]);
    }
  });

  test('can be stopped while it is being opened', async () => {
    lab = new WatchLab(kind);
    for (let index = 0; index < 600; index++)
      fs.mkdirSync(lab.path(String(index % 20), String(index)), { recursive: true });
    const stop = new AbortController();
    const opening = lab.open({ signal: stop.signal });
    stop.abort();
    await expect(opening).rejects.toMatchObject({ reason: 'closed' });
  });

  test('finds ten thousand files made at once in folders that did not exist', async () => {
    await opened(kind);
    const folders = 500;
    for (let index = 0; index < 10_000; index++) {
      const folder = `new ${index % folders}`;
      if (index < folders) fs.mkdirSync(lab.path(folder, 'sub'), { recursive: true });
      fs.writeFileSync(lab.path(folder, 'sub', String(index)), '');
    }
    const missing = (): string[] =>
      Array.from({ length: folders }, (_, index) => `new ${index}/sub`).filter((name) => !lab.isDirty(name));
    await lab.settleUntil(() => missing().length === 0);
    if (lab.lost.length === 0) expect(missing()).toEqual([]);
    if (kind === 'inotify') expect(lab.lost).toEqual([]);
  });
});

describe('inotify', { timeout: TIMEOUT }, () => {
  test('says that it lost the root when that is renamed or removed', async () => {
    await opened('inotify');
    fs.renameSync(lab.root, `${lab.root.toString()}-renamed`);
    await expect.poll(() => lab.lost, { timeout: 30_000 }).toMatchObject([{ reason: 'root-moved' }]);
    fs.renameSync(`${lab.root.toString()}-renamed`, lab.root);
    await lab.reopen();
    fs.rmSync(lab.root, { recursive: true });
    await expect.poll(() => lab.lost, { timeout: 30_000 }).toMatchObject([{ reason: 'root-moved' }]);
  });

  test('hears of a write through a memory map when the file is closed', async () => {
    await opened('inotify', () => fs.writeFileSync(lab.path('mapped'), Buffer.alloc(4096)));
    const script =
      'import mmap,sys\nf=open(sys.argv[1],"r+b")\nm=mmap.mmap(f.fileno(),0)\nm[0]=65\nm.close()\nf.close()';
    const { status } = spawnSync('python3', ['-c', script, lab.path('mapped').toString()]);
    if (status !== 0) return console.warn('SKIPPED: there is no python3 here to write through a memory map');
    await lab.settleUntil(() => lab.isDirty());
    expect(lab.isDirty()).toBe(true);
  });

  test('watches folders whose path is longer than the system takes', async () => {
    const name = 'n'.repeat(200);
    const depth = 30;
    await opened('inotify', () => makeDeep(lab.root, name, depth));
    const deep = lab.path(...Array.from({ length: depth }, () => name));
    expect(deep.length).toBeGreaterThan(4096);
    const root = openSourceRoot(deep, false);
    if ('failed' in root) throw new Error('the deep folder can’t be opened');
    fs.writeFileSync(resolvePath(root, Buffer.from('file')), '');
    await lab.settleUntil(() => lab.dirty.has(deep.toString('latin1')));
    expect(lab.dirty.has(deep.toString('latin1'))).toBe(true);
    spawnSync('rm', ['-rf', lab.path(name).toString()]);
  });

  test('watches every folder there is, by the kernel’s own list, after whatever happened', async () => {
    const random = seeded(testSeed('inotify, kernel list'));
    lab = new WatchLab('inotify');
    const operations = createOperations(lab.root, lab.outside, random, true);
    await lab.open();
    for (let round = 0; round < 15; round++) {
      for (let steps = 0; steps < 30; steps++) operations.step();
      const unwatched = async (): Promise<string[]> => {
        const watched = await watchedInodes();
        return [...foldersOf(lab.root).keys()].filter((folder) => {
          const { ino } = fs.lstatSync(Buffer.from(folder, 'latin1'), { bigint: true });
          return !watched?.has(ino);
        });
      };
      await expect.poll(unwatched, { timeout: 30_000 }).toEqual([]);
      // And none that is gone: the folders above, and the lab's own two.
      await expect.poll(() => lab.folders, { timeout: 30_000 }).toBe(foldersOf(lab.root).size + 1);
    }
  });
});

describe('the choice', () => {
  test('is inotify where it can be called, and else a library by the size of the tree', () => {
    expect(chooseWatcher(10, true)).toEqual(['inotify', 'chokidar', 'parcel']);
    expect(chooseWatcher(CHOKIDAR_FOLDERS_MAX, false)).toEqual(['chokidar', 'parcel']);
    expect(chooseWatcher(CHOKIDAR_FOLDERS_MAX + 1, false)).toEqual(['parcel', 'chokidar']);
  });

  test('falls to the next where one can’t be opened', async () => {
    lab = new WatchLab('inotify');
    const events: WatchEvent[] = [];
    const tried: WatcherKind[] = [];
    const watcher = await openWatcher(['chokidar', 'parcel', 'inotify'], async (kind) => {
      tried.push(kind);
      // Neither library can be given this path.
      const root = kind === 'inotify' ? lab.root : Buffer.from([0x2f, 0xff]);
      const report = (event: WatchEvent): void => void events.push(event);
      return { root, canary: undefined, isIgnored: () => false, report, signal: new AbortController().signal };
    });
    expect([watcher.kind, tried]).toEqual(['inotify', ['chokidar', 'parcel', 'inotify']]);
    await watcher.close();
  });

  test('never gives @parcel/watcher the same text for a path twice, and always the same path', () => {
    lab = new WatchLab('parcel');
    const doors = Array.from({ length: 200 }, () => newSpelling());
    expect(new Set(doors).size).toBe(doors.length);
    expect(Math.max(...doors.map((door) => door.length))).toBeLessThan(200);
    const { ino } = fs.statSync(lab.root);
    for (const door of doors) expect(fs.statSync(door + lab.root.toString()).ino).toBe(ino);
  });
});

function makeDeep(top: Buffer, name: string, depth: number): void {
  let folder = openSourceRoot(top, true);
  for (let level = 0; level < depth; level++) {
    if ('failed' in folder) throw new Error(folder.failed.message);
    const access = resolvePath(folder, Buffer.from(name));
    fs.mkdirSync(access);
    folder = openSourceChild(folder, Buffer.from(name), fileStatOf(fs.lstatSync(access, { bigint: true })));
  }
}
