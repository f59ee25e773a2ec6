/** Signs by which a source or a watcher is judged: the table of mounts, the canary, events in one turn of the loop. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Canary } from '../../../../src-main/engine/source/watch/canary.ts';
import { Glance } from '../../../../src-main/engine/source/watch/glance.ts';
import { foldersMeantBy } from '../../../../src-main/engine/source/watch/lossy-names.ts';
import { mountLines, mountsOf } from '../../../../src-main/engine/source/watch/mount-table.ts';
import {
  type RootIdentity,
  compareRoots,
  lookAtRoot,
  underRoot,
  whyGone,
} from '../../../../src-main/engine/source/watch/root-identity.ts';
import { scanOnlyMessage } from '../../../../src-main/engine/source/watch/scan-only.ts';
import { subfolderNames } from '../../../../src-main/engine/source/watch/subfolders.ts';
import { noteEvent, onFullTurn } from '../../../../src-main/engine/source/watch/turn-meter.ts';
import { failureOf } from '../../../../src-main/engine/source/watch/watcher.ts';
import { FakeTime } from '../../../support/fake-time.ts';

let folder: string;
beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-signs-')));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const line = (id: number, point: string): string =>
  `${id} 1 8:${id} / ${point} rw,relatime shared:1 - ext4 /dev/sda${id} rw`;
const table = (...lines: readonly string[]): Buffer => Buffer.from(`${lines.join('\n')}\n`, 'latin1');

describe('the table of mounts', () => {
  const points = (text: Buffer, root: string): { holder: string | undefined; below: readonly string[] } => {
    const { holder, below } = mountsOf(Buffer.from(root), mountLines(text));
    return { holder: holder?.id, below: below.map(({ id }) => id) };
  };
  const mounts = table(
    line(1, '/'),
    line(2, '/home'),
    line(3, '/home/ada/drive'),
    line(4, '/home/adam'),
    line(5, '/mnt'),
  );

  test('says on which mount a folder lies, and which lie in it', () => {
    expect(points(mounts, '/home/ada')).toEqual({ holder: '2', below: ['3'] });
    expect(points(mounts, '/home/ada/drive/x')).toEqual({ holder: '3', below: [] });
    expect(points(mounts, '/')).toEqual({ holder: '1', below: ['2', '3', '4', '5'] });
    expect(points(mounts, '/homeless')).toEqual({ holder: '1', below: [] });
  });

  test('names the last of several mounts at one point: it hides the others', () => {
    expect(points(table(line(1, '/'), line(2, '/mnt'), line(3, '/mnt')), '/mnt').holder).toBe('3');
  });

  test('has names in it with spaces, newlines and bytes that are no text', () => {
    const odd = table(line(1, '/'), line(2, '/mnt/a\\040b\\012c\\134d\xff'));
    const root = Buffer.from('/mnt/a b\nc\\d\xff', 'latin1');
    expect(mountsOf(root, mountLines(odd)).holder?.id).toBe('2');
  });

  test('may be anything', () => {
    for (const text of ['', '\n\n', 'a b c', '1 2 3 4 5 6 7', '\0'.repeat(1000)]) {
      expect(() => mountsOf(Buffer.from('/home'), mountLines(Buffer.from(text)))).not.toThrow();
    }
  });
});

describe('a root', () => {
  const found = (text: Buffer, root = folder, isIgnored = (_folder: Buffer): boolean => false) => {
    const mountTable = path.join(folder, '..', `${path.basename(folder)}-mounts`);
    fs.writeFileSync(mountTable, text);
    return lookAtRoot(Buffer.from(root), { isIgnored, mountTable }).finally(() => fs.rmSync(mountTable));
  };
  const identity = async (text: Buffer): Promise<RootIdentity> => {
    const look = await found(text);
    if ('gone' in look) throw new Error(look.gone);
    return look;
  };
  const before = [line(1, '/'), line(2, path.dirname(os.tmpdir()) === '/' ? '/tmp' : os.tmpdir())];

  test('is the same as long as nothing changed', async () => {
    const first = await identity(table(...before));
    expect(compareRoots(first, await found(table(...before)))).toEqual({ kind: 'same' });
  });

  test('is gone where nothing is mounted any more, though a folder stands there', async () => {
    const here = line(9, folder);
    const first = await identity(table(...before, here));
    expect(compareRoots(first, await found(table(...before)))).toMatchObject({ kind: 'gone' });
    expect(compareRoots(first, await found(table(...before, line(10, folder))))).toMatchObject({ kind: 'changed' });
    expect(whyGone(await identity(table(...before)), Buffer.from(folder))).toContain('nothing is mounted');
    expect(whyGone(await identity(table(...before, here)), Buffer.from(folder))).toBeUndefined();
    // A mount point of somewhere else says nothing about this root.
    expect(whyGone(await identity(table(...before)), Buffer.from('/elsewhere/entirely'))).toBeUndefined();
  });

  test('is another one after something was mounted in it, unless the rules leave that out', async () => {
    const first = await identity(table(...before));
    const within = table(...before, line(9, path.join(folder, 'containers', 'merged')));
    expect(compareRoots(first, await found(within))).toMatchObject({ kind: 'changed' });
    const isIgnored = (one: Buffer): boolean => one.toString() === path.join(folder, 'containers');
    expect(compareRoots(first, await found(within, folder, isIgnored))).toEqual({ kind: 'same' });
  });

  test('that was deleted, replaced, or leads elsewhere is told', async () => {
    const link = path.join(folder, 'link');
    const real = path.join(folder, 'real');
    fs.mkdirSync(real);
    fs.symlinkSync('real', link);
    const first = await found(table(...before), link);
    if ('gone' in first) throw new Error(first.gone);
    fs.renameSync(real, path.join(folder, 'other'));
    expect(compareRoots(first, await found(table(...before), link))).toMatchObject({ kind: 'gone' });
    fs.mkdirSync(real);
    expect(compareRoots(first, await found(table(...before), link))).toMatchObject({ kind: 'changed' });
    fs.unlinkSync(link);
    fs.symlinkSync('other', link);
    expect(compareRoots(first, await found(table(...before), link))).toMatchObject({ kind: 'changed' });
  });

  test('is renamed in paths from its real place to the one that a person named', () => {
    const rename = (one: string, real: string, named: string): string =>
      underRoot(Buffer.from(one), Buffer.from(real), Buffer.from(named)).toString();
    expect(rename('/data/ada/docs', '/data/ada', '/home/ada')).toBe('/home/ada/docs');
    expect(rename('/data/ada', '/data/ada', '/home/ada')).toBe('/home/ada');
    expect(rename('/docs', '/', '/mnt/all')).toBe('/mnt/all/docs');
    expect(rename('/data/adam', '/data/ada', '/home/ada')).toBe('/data/adam');
  });
});

describe('a canary', () => {
  const hatch = (time: FakeTime): { readonly canary: Canary; readonly lost: string[] } => {
    const lost: string[] = [];
    const canary = new Canary({
      folder: Buffer.from(folder),
      clock: time.clock,
      after: time.after,
      lost: (detail) => void lost.push(detail),
    });
    canary.start();
    return { canary, lost };
  };
  const written = (): string => fs.readFileSync(path.join(folder, 'canary'), { encoding: 'utf8', flag: 'a+' });

  test('that is heard each time is content, and writes once a minute', async () => {
    const time = new FakeTime();
    const { canary, lost } = hatch(time);
    const texts = new Set<string>();
    for (let seconds = 0; seconds < 300; seconds++) {
      await time.pass(1000);
      await turn();
      texts.add(written());
      canary.heard();
    }
    canary.stop();
    expect(lost).toEqual([]);
    expect(texts.size).toBeLessThan(8);
    expect(time.waiting).toBe(0);
  });

  test('that is not heard within ten seconds says so, once', async () => {
    const time = new FakeTime();
    const { lost } = hatch(time);
    await time.pass(11_000);
    expect(lost).toEqual([]);
    await time.pass(2000);
    expect(lost).toEqual([expect.stringContaining('not reported within 10 s')]);
    await time.pass(600_000);
    expect(lost).toHaveLength(1);
  });

  test('writes every second while many events come', async () => {
    const time = new FakeTime();
    const { canary, lost } = hatch(time);
    for (let seconds = 0; seconds < 20; seconds++) {
      const before = written();
      for (let event = 0; event < 2000; event++) canary.noteEvent();
      await time.pass(1000);
      await expect.poll(() => written() !== before && written() !== '', { timeout: 30_000 }).toBe(true);
      canary.heard();
    }
    canary.stop();
    expect(lost).toEqual([]);
  });

  test('notices that the process stood still', async () => {
    const time = new FakeTime();
    const { lost } = hatch(time);
    await time.pass(1500);
    time.jump(10_000);
    await time.pass(0);
    expect(lost).toEqual([expect.stringContaining('stood still for')]);
  });
});

describe('events of one turn', () => {
  test('are counted together, and those of the next apart', async () => {
    const counts: number[] = [];
    const stop = onFullTurn(100, (count) => void counts.push(count));
    for (let count = 0; count < 99; count++) noteEvent();
    await turn();
    await turn();
    for (let count = 0; count < 120; count++) noteEvent();
    await turn();
    await turn();
    stop();
    for (let count = 0; count < 120; count++) noteEvent();
    await turn();
    expect(counts).toEqual([120]);
  });
});

test('a path with “�” in it means the folders that look so, or the last one there is on the way', async () => {
  const raw = [Buffer.from([0xff]), Buffer.from([0xfe]), Buffer.from('plain')];
  for (const name of raw)
    fs.mkdirSync(Buffer.concat([Buffer.from(`${folder}/`), name, Buffer.from('/in')]), { recursive: true });
  const root = Buffer.from(folder);
  const { folders, isWhole } = await foldersMeantBy(`${folder}/\ufffd/in`, root);
  const hex = folders.map((one) => one.subarray(root.length + 1).toString('latin1')).sort();
  expect({ hex, isWhole }).toEqual({ hex: ['\xfe/in', '\xff/in'], isWhole: true });
  expect(await foldersMeantBy(`${folder}/plain/in/gone\ufffd`, root)).toEqual({
    folders: [Buffer.from(`${folder}/plain/in`)],
    isWhole: false,
  });
  expect(await foldersMeantBy(`${folder}/plain`, root)).toEqual({
    folders: [Buffer.from(`${folder}/plain`)],
    isWhole: true,
  });
});

test('errors of libraries are limits where they mean limits', () => {
  const coded = (code: string): Error => Object.assign(new Error('watch'), { code });
  expect(failureOf(coded('ENOSPC')).reason).toBe('watch-limit');
  expect(failureOf(new Error("inotify_add_watch on '/a' failed: No space left on device")).reason).toBe('watch-limit');
  expect(failureOf(coded('EMFILE')).reason).toBe('open-files');
  expect(failureOf(new Error('Unable to initialize inotify: Too many open files')).reason).toBe('open-files');
  expect(failureOf(new Error('something else')).reason).toBe('error');
  for (const reason of ['watch-limit', 'open-files', 'not-available', 'names', 'error'] as const) {
    expect(scanOnlyMessage(reason, 'detail')).toContain('Nothing is lost');
  }
});

describe('a glance at a folder', () => {
  const glance = new Glance();
  const truth = (one: string): boolean =>
    !fs.readdirSync(one, { withFileTypes: true }).some((entry) => entry.isDirectory());

  test.each([os.tmpdir(), '/dev/shm'].filter((one) => fs.existsSync(one)))(
    'in %s never overlooks a folder',
    (place) => {
      const top = fs.mkdtempSync(path.join(place, 'cairn-glance-'));
      try {
        for (let count = 0; count < 4; count++) {
          const one = path.join(top, String(count));
          fs.mkdirSync(one);
          fs.writeFileSync(path.join(one, 'file'), '');
          fs.symlinkSync('..', path.join(one, 'link'));
          for (let index = 0; index < count; index++) fs.mkdirSync(path.join(one, `folder ${index}`));
          const { hasNone, bytes } = glance.at(Buffer.from(one));
          expect({ count, isRight: !hasNone || truth(one), bytes }).toEqual({
            count,
            isRight: true,
            bytes: fs.statSync(one).size,
          });
          // It says so where it can, or it is of no use.
          if (['ext4', 'tmpfs'].includes(fileSystemOf(one)))
            expect({ count, hasNone }).toEqual({ count, hasNone: count === 0 });
        }
      } finally {
        fs.rmSync(top, { recursive: true });
      }
    },
  );

  test('is not believed where the number of names means nothing, and where there is nothing', () => {
    expect(glance.at(Buffer.from('/proc/self/net')).hasNone).toBe(false);
    expect(glance.at(Buffer.from('/nowhere'))).toEqual({ hasNone: false, bytes: undefined });
  });

  const fileSystemOf = (one: string): string =>
    spawnSync('stat', ['-f', '-c', '%T', one], { encoding: 'utf8' }).stdout.trim().replace('ext2/ext3', 'ext4');
});

test('the folders in a folder of fifty thousand names are found without all names in memory', async () => {
  const top = path.join(folder, 'large');
  fs.mkdirSync(top);
  for (let index = 0; index < 50_000; index++) fs.closeSync(fs.openSync(path.join(top, `file-${index}`), 'w'));
  const raw = Buffer.concat([Buffer.from(`${top}/`), Buffer.from([0xff, 0xc3, 0x28])]);
  fs.mkdirSync(raw);
  fs.mkdirSync(path.join(top, 'kéy'));
  for (const bytes of [undefined, 10, 10_000_000]) {
    const names = await subfolderNames(Buffer.from(top), bytes);
    expect(names?.map((name) => name.toString('latin1')).sort()).toEqual(['k\xc3\xa9y', '\xff\xc3(']);
  }
});
