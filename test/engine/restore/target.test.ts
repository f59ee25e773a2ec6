import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isCairnError } from '../../../src-shared/errors.ts';
import {
  type Failed,
  isTemporaryName,
  openTarget,
  type PlaceResult,
  setModificationTime,
  type Target,
  type TargetFolder,
} from '../../../src-main/engine/restore/target.ts';
import { renameAside } from '../../../src-main/engine/restore/target-moves.ts';
import { nativeCalls } from '../../../src-main/engine/restore/target-native.ts';

const isLinux = process.platform === 'linux';
const isRoot = process.geteuid?.() === 0;
const NS = 1_763_785_012_123_456_789n;
const META = { mode: 0o640, mtimeNs: NS, replace: false };

let base = '';
let outside = '';
let target: Target;
const at = (...parts: string[]): string => path.join(base, 'target', ...parts);
const b = (text: string): Buffer => Buffer.from(text);
const byBytes = (left: Buffer, right: Buffer): number => Buffer.compare(left, right);
const names = (folder: string): string[] => fs.readdirSync(folder).sort();

function isFailed(result: unknown): result is Failed {
  return typeof result === 'object' && result !== null && 'kind' in result && result.kind === 'failed';
}
function ok<Value>(result: Value | Failed): Value {
  if (isFailed(result)) throw new Error(result.problem.message);
  return result;
}
function childOf(folder: TargetFolder, name: string, create = true): TargetFolder {
  const result = folder.child(b(name), { create });
  if (result.kind !== 'opened') throw new Error(`${name}: ${result.kind}`);
  return result.folder;
}
function write(folder: TargetFolder, name: string | Buffer, content: string, options = META): PlaceResult {
  const { file } = ok(folder.createFile(Buffer.from(name as string)));
  expect(file.write(b(content))).toBeUndefined();
  return file.finish(options);
}
/** Everything beside the target, as text, to see that nothing of it was touched. */
function outsideState(): string {
  const lines: string[] = [];
  const visit = (folder: string): void => {
    const stats = fs.lstatSync(folder, { bigint: true });
    lines.push(
      `${folder} ${stats.mode} ${stats.mtimeNs} ${stats.ctimeNs} ${stats.size} ${stats.isFile() ? fs.readFileSync(folder, 'utf8') : ''}`,
    );
    if (stats.isDirectory()) for (const name of names(folder)) visit(path.join(folder, name));
  };
  visit(outside);
  return lines.join('\n');
}

// With descriptors is how it works on Linux, without is what other systems get; both keep the same promises here.
describe.each(
  [{ useDescriptors: true }, { useDescriptors: false }].filter(({ useDescriptors }) => isLinux || !useDescriptors),
)('a restore target, with descriptors: $useDescriptors', ({ useDescriptors }) => {
  let before = '';
  beforeEach(() => {
    base = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'cairn-target-'));
    outside = path.join(base, 'outside');
    fs.mkdirSync(path.join(outside, 'folder'), { recursive: true });
    fs.writeFileSync(path.join(outside, 'precious'), 'precious', { mode: 0o600 });
    target = openTarget(at(), { create: true, useDescriptors });
    before = outsideState();
  });
  afterEach(() => {
    target.close();
    const after = outsideState();
    fs.rmSync(base, { recursive: true, force: true });
    expect(after).toBe(before);
  });

  it('restores content, permission bits and the time to the nanosecond, and leaves no temporary file', () => {
    const folder = childOf(target.root, 'folder');
    const placed = write(folder, 'file', 'content', { mode: 0o1751, mtimeNs: NS, replace: false });
    expect(placed).toMatchObject({ kind: 'placed', problems: [] });
    const stats = fs.lstatSync(at('folder', 'file'), { bigint: true });
    expect(placed.kind === 'placed' && placed.identity).toEqual({ device: stats.dev, inode: stats.ino });
    expect(Number(stats.mode & 0o7777n).toString(8)).toBe('1751');
    expect(stats.mtimeNs).toBe(NS);
    expect(fs.readFileSync(at('folder', 'file'), 'utf8')).toBe('content');
    expect(folder.setMetadata({ mode: 0o2750, mtimeNs: NS + 1n })).toEqual([]);
    const folderStats = fs.lstatSync(at('folder'), { bigint: true });
    expect([Number(folderStats.mode & 0o7777n).toString(8), folderStats.mtimeNs]).toEqual(['2750', NS + 1n]);
    expect(names(at('folder'))).toEqual(['file']);
    folder.close();
  });

  it('restores links as links with their own time, wherever they lead, and never what they lead to', () => {
    for (const [name, leads] of [
      ['a', path.join(outside, 'precious')],
      ['b', 'nowhere'],
      ['c', '../../..'],
      ['d', 'd'],
    ] as const) {
      expect(target.root.symlink(b(name), b(leads), { ...META, mtimeNs: NS })).toMatchObject({
        kind: 'placed',
        problems: [],
      });
      expect(fs.readlinkSync(at(name))).toBe(leads);
      expect(fs.lstatSync(at(name), { bigint: true }).mtimeNs).toBe(NS);
    }
    if (isLinux) {
      expect(target.root.symlink(b('raw'), Buffer.from([0xff, 0x2f, 0xfe]), META).kind).toBe('placed');
      expect(ok(target.root.readLink(b('raw')))).toEqual(Buffer.from([0xff, 0x2f, 0xfe]));
    }
  });

  it('restores names of any bytes', () => {
    const raw = [b('-rf'), b('a\nb'), b('back\\slash'), b('x'.repeat(255)), b('.cairn'), b(' ')];
    if (isLinux) raw.push(Buffer.from([0xff]), Buffer.from([0xc3, 0x28]));
    for (const name of raw) expect(write(target.root, name, 'x').kind).toBe('placed');
    const found = fs.readdirSync(b(at()), { encoding: 'buffer' }).sort(byBytes);
    expect(found).toEqual(raw.sort(byBytes));
  });

  it('refuses every name that could mean more than one entry of the folder', () => {
    const hostile = [
      '',
      '.',
      '..',
      '/',
      'a/b',
      '../outside/precious',
      '/etc/passwd',
      'a\0b',
      '\0',
      'x'.repeat(256),
      '..\0',
    ];
    for (const name of hostile) {
      const results = [
        target.root.createFile(b(name)),
        target.root.child(b(name), { create: true }),
        target.root.symlink(b(name), b('x'), META),
        target.root.special(b(name), { nodeType: 'fifo' }, META),
        target.root.removeEntry(b(name)),
        renameAside(target.root, b(name)),
        target.root.lstat(b(name)),
        target.root.readLink(b(name)),
        target.root.accessPath(b(name)),
        target.root.hardLink(
          b(name),
          { folder: target.root, name: b('x'), identity: { device: 0n, inode: 0n } },
          { replace: true },
        ),
      ];
      for (const result of results) expect(result).toMatchObject({ kind: 'failed', problem: { code: 'BADNAME' } });
    }
    expect(names(at())).toEqual([]);
  });

  it('refuses names with a slash or NUL whatever else is in them', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.nat(),
        fc.constantFrom(0, 0x2f),
        (bytes, where, bad) => {
          bytes[where % bytes.length] = bad;
          expect(target.root.createFile(bytes)).toMatchObject({ kind: 'failed', problem: { code: 'BADNAME' } });
        },
      ),
    );
  });

  it('does not go through a link where a folder has to be, and says what is there', () => {
    fs.symlinkSync(outside, at('link'));
    fs.symlinkSync('nowhere', at('dangling'));
    fs.writeFileSync(at('file'), '');
    for (const [name, nodeType] of [
      ['link', 'symlink'],
      ['dangling', 'symlink'],
      ['file', 'file'],
    ] as const) {
      for (const create of [true, false]) {
        expect(target.root.child(b(name), { create })).toMatchObject({ kind: 'conflict', found: { nodeType } });
      }
    }
    expect(target.root.child(b('absent'), { create: false })).toEqual({ kind: 'missing' });
  });

  it('replaces a link under the name of a file, never the file it leads to', () => {
    fs.symlinkSync(path.join(outside, 'precious'), at('one'));
    fs.symlinkSync(path.join(outside, 'made'), at('two'));
    expect(write(target.root, 'one', 'x').kind).toBe('exists');
    expect(write(target.root, 'two', 'x').kind).toBe('exists');
    expect(fs.readlinkSync(at('two'))).toBe(path.join(outside, 'made'));
    for (const name of ['one', 'two']) {
      expect(write(target.root, name, 'mine', { ...META, replace: true }).kind).toBe('placed');
      expect(fs.lstatSync(at(name)).isFile()).toBe(true);
    }
    expect(names(at())).toEqual(['one', 'two']);
  });

  it('replaces only when told to, and never a folder', () => {
    write(target.root, 'file', 'old');
    expect(write(target.root, 'file', 'new').kind).toBe('exists');
    expect(fs.readFileSync(at('file'), 'utf8')).toBe('old');
    expect(write(target.root, 'file', 'new', { ...META, replace: true }).kind).toBe('placed');
    expect(fs.readFileSync(at('file'), 'utf8')).toBe('new');
    childOf(target.root, 'folder').close();
    expect(write(target.root, 'folder', 'x', { ...META, replace: true }).kind).toBe('exists');
    expect(target.root.symlink(b('folder'), b('x'), { ...META, replace: true }).kind).toBe('exists');
    expect(target.root.symlink(b('file'), b('x'), META).kind).toBe('exists');
    expect(names(at())).toEqual(['file', 'folder']);
  });

  it('shows nothing under the name before a file is complete, and nothing at all after abort', () => {
    const { file } = ok(target.root.createFile(b('file')));
    file.write(b('half'));
    expect(names(at()).every((name) => isTemporaryName(b(name)))).toBe(true);
    file.abort();
    file.abort();
    expect(names(at())).toEqual([]);
  });

  it('writes at positions and leaves holes of zeros, at the end too', () => {
    const { file } = ok(target.root.createFile(b('sparse')));
    file.write(b('end'), 1_000_000);
    file.write(b('!'));
    file.write(b('begin'), 0);
    file.setLength(3_000_000);
    file.finish(META);
    const content = fs.readFileSync(at('sparse'));
    expect(content.length).toBe(3_000_000);
    expect(content.subarray(0, 6).toString()).toBe('begin\0');
    expect(content.subarray(1_000_000, 1_000_005).toString()).toBe('end!\0');
    if (isLinux) expect(fs.statSync(at('sparse')).blocks * 512).toBeLessThan(1_000_000);
  });

  it('drops set-id bits of files unless told to keep them', () => {
    write(target.root, 'plain', 'x', { mode: 0o6755, mtimeNs: 0n, replace: false });
    expect((fs.statSync(at('plain')).mode & 0o7777).toString(8)).toBe('755');
    const trusting = openTarget(at(), { create: false, keepSetId: true, useDescriptors });
    write(trusting.root, 'kept', 'x', { mode: 0o6755, mtimeNs: 0n, replace: false });
    trusting.close();
    expect((fs.statSync(at('kept')).mode & 0o7777).toString(8)).toBe('6755');
  });

  it('hard-links to a file of this run, and refuses when that name means another object by now', () => {
    const placed = write(target.root, 'first', 'x');
    if (placed.kind !== 'placed') throw new Error(placed.kind);
    const folder = childOf(target.root, 'folder');
    const to = { folder: target.root, name: b('first'), identity: placed.identity };
    expect(folder.hardLink(b('second'), to, { replace: false })).toMatchObject({
      kind: 'placed',
      identity: placed.identity,
    });
    expect(folder.hardLink(b('second'), to, { replace: false }).kind).toBe('exists');
    expect(folder.hardLink(b('second'), to, { replace: true }).kind).toBe('placed');
    expect(fs.statSync(at('first')).nlink).toBe(2);
    fs.unlinkSync(at('first'));
    fs.symlinkSync(path.join(outside, 'precious'), at('first'));
    expect(folder.hardLink(b('third'), to, { replace: false })).toMatchObject({
      kind: 'failed',
      problem: { code: 'REPLACED' },
    });
    expect(names(at('folder'))).toEqual(['second']);
    folder.close();
  });

  it('removes a tree with links to the outside in it and leaves what they lead to', () => {
    const folder = childOf(target.root, 'folder');
    for (let index = 0; index < 3; index++) {
      const inner = childOf(folder, `inner ${index}`);
      write(inner, 'file', 'x');
      fs.symlinkSync(outside, at('folder', `inner ${index}`, 'link'));
      childOf(childOf(inner, 'deeper'), 'deepest').close();
      write(childOf(childOf(inner, 'deeper'), 'deepest'), 'file', 'x');
      inner.close();
    }
    folder.close();
    fs.symlinkSync(outside, at('link'));
    expect(target.root.removeEntry(b('folder'))).toEqual({ kind: 'removed', existed: true });
    expect(target.root.removeEntry(b('link'))).toEqual({ kind: 'removed', existed: true });
    expect(target.root.removeEntry(b('folder'))).toEqual({ kind: 'removed', existed: false });
    expect(names(at())).toEqual([]);
  });

  it('puts an entry aside under the first free name, of at most 255 bytes and whole characters', () => {
    for (const content of ['1', '2', '3']) {
      write(target.root, 'file', content);
      renameAside(target.root, b('file'));
    }
    expect(names(at())).toEqual(['file.before-restore', 'file.before-restore-2', 'file.before-restore-3']);
    expect(fs.readFileSync(at('file.before-restore-2'), 'utf8')).toBe('2');
    const long = 'é'.repeat(127);
    childOf(target.root, long).close();
    const renamed = ok(renameAside(target.root, b(long)));
    expect(renamed.name.length).toBeLessThanOrEqual(255);
    expect(Buffer.from(renamed.name.toString('utf8')).equals(renamed.name)).toBe(true);
    expect(fs.statSync(at(renamed.name.toString())).isDirectory()).toBe(true);
  });

  it('restores FIFOs with mode and time, without opening them', () => {
    if (!isLinux) return;
    expect(
      target.root.special(b('fifo'), { nodeType: 'fifo' }, { mode: 0o622, mtimeNs: NS, replace: false }),
    ).toMatchObject({ kind: 'placed', problems: [] });
    const stats = fs.lstatSync(at('fifo'), { bigint: true });
    expect([stats.isFIFO(), Number(stats.mode & 0o7777n).toString(8), stats.mtimeNs]).toEqual([true, '622', NS]);
  });

  it('reports what of the metadata it could not set and keeps the content', () => {
    if (isRoot) return;
    const placed = write(target.root, 'file', 'x', { ...META, uid: 0, gid: 0 } as typeof META);
    expect(placed).toMatchObject({ kind: 'placed', problems: [{ path: at('file'), code: 'EPERM' }] });
    expect(fs.readFileSync(at('file'), 'utf8')).toBe('x');
  });

  it('syncs everything with durable set, and says whether it could flush', () => {
    const durable = openTarget(at(), { create: false, durable: true, useDescriptors });
    const folder = childOf(durable.root, 'folder');
    expect(write(folder, 'file', 'x').kind).toBe('placed');
    folder.close();
    expect(durable.flush()).toBe(nativeCalls()?.syncFilesystem !== undefined);
    durable.close();
  });

  it('does nothing when a folder it had opened was swapped for a link: nothing lands outside', () => {
    const folder = childOf(target.root, 'folder');
    const inner = childOf(folder, 'inner');
    const { file } = ok(inner.createFile(b('begun')));
    file.write(b('x'));
    fs.renameSync(at('folder'), at('moved'));
    fs.symlinkSync(outside, at('folder'));
    fs.mkdirSync(at('moved', 'spare'));
    // With descriptors the work goes on in the folder that was opened; without, it stops. Both are inside.
    const finished = file.finish(META).kind;
    const created = inner.createFile(b('later'));
    if (created.kind === 'created') created.file.finish(META);
    const linked = folder.symlink(b('link'), b('x'), META).kind;
    const made = folder.child(b('made'), { create: true });
    if (made.kind === 'opened') made.folder.close();
    const removed = folder.removeEntry(b('precious')).kind;
    folder.setMetadata({ mode: 0o700, mtimeNs: 0n });
    expect([finished, created.kind, linked, made.kind, removed]).toEqual(
      useDescriptors
        ? ['placed', 'created', 'placed', 'opened', 'removed']
        : ['failed', 'failed', 'failed', 'failed', 'failed'],
    );
    expect(names(outside)).toEqual(['folder', 'precious']);
    inner.close();
    folder.close();
  });
});

describe('against someone who changes the target meanwhile', () => {
  it('nothing lands outside while another process swaps a folder for a link as fast as it can', () => {
    if (!isLinux) return;
    base = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'cairn-target-'));
    outside = path.join(base, 'outside');
    fs.mkdirSync(outside);
    fs.mkdirSync(at());
    // It runs beside this process until told to stop, and for 20 s at most. In half of the moments the name is a link.
    const script = `
      const fs = require('node:fs');
      const end = Date.now() + 20_000;
      const attempt = (action) => { try { action(); } catch {} };
      for (let round = 0; Date.now() < end && !fs.existsSync('stop'); round++) {
        attempt(() => fs.symlinkSync('../outside', 'swapped'));
        attempt(() => fs.unlinkSync('swapped'));
        if (round % 2 === 0) attempt(() => fs.mkdirSync('swapped'));
        attempt(() => fs.renameSync('swapped', 'away' + round));
        if (round === 100) fs.writeFileSync('ready', '');
      }`;
    const stop = runBeside(script, at());
    while (!fs.existsSync(at('ready'))) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    const swapped = openTarget(at(), { create: false });
    const seen = new Set<string>();
    for (let round = 0; round < 8000; round++) {
      const child = swapped.root.child(b('swapped'), { create: round % 2 === 0 });
      seen.add(child.kind);
      if (child.kind !== 'opened') continue;
      const created = child.folder.createFile(b(`file-${round}`));
      if (created.kind === 'created') {
        created.file.write(b('x'));
        created.file.finish(META);
      }
      child.folder.removeEntry(b(`file-${round}`));
      child.folder.close();
    }
    swapped.close();
    fs.writeFileSync(at('stop'), '');
    stop();
    expect(fs.readdirSync(outside)).toEqual([]);
    // Otherwise the two never met, and the test has shown nothing.
    expect([...seen].sort()).toEqual(expect.arrayContaining(['conflict', 'opened']));
    fs.rmSync(base, { recursive: true, force: true });
  });
});

function runBeside(script: string, cwd: string): () => void {
  const pidFile = path.join(base, 'pid');
  execFileSync('sh', ['-c', `"$0" -e "$1" >/dev/null 2>&1 & echo $! > "$2"`, process.execPath, script, pidFile], {
    cwd,
  });
  const pid = Number(fs.readFileSync(pidFile, 'utf8'));
  return () => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  };
}

describe('opening a target', () => {
  beforeEach(() => {
    base = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'cairn-target-'));
  });
  afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

  it('makes what is missing, private to the user, and follows a link the user named', () => {
    openTarget(at('a', 'b'), { create: true }).close();
    expect((fs.statSync(at('a', 'b')).mode & 0o777).toString(8)).toBe('700');
    fs.symlinkSync(at('a'), path.join(base, 'link'));
    const opened = openTarget(path.join(base, 'link'), { create: false });
    expect(opened.root.path.toString()).toBe(at('a'));
    opened.close();
  });

  it('fails with restore/target where there is no folder', () => {
    fs.writeFileSync(path.join(base, 'file'), '');
    for (const [name, create] of [
      ['absent', false],
      ['file', false],
      ['file', true],
      ['file/below', true],
    ] as const) {
      let caught: unknown;
      try {
        openTarget(path.join(base, name), { create });
      } catch (error) {
        caught = error;
      }
      expect(isCairnError(caught, 'restore/target'), name).toBe(true);
    }
  });

  it('lets its owner work again in a folder that was restored read-only', () => {
    fs.mkdirSync(at(), { recursive: true });
    fs.mkdirSync(at('closed'), { mode: 0o000 });
    const opened = openTarget(at(), { create: false });
    const folder = childOf(opened.root, 'closed');
    expect(write(folder, 'file', 'x').kind).toBe('placed');
    folder.setMetadata({ mode: 0o555, mtimeNs: NS });
    folder.close();
    expect(opened.root.removeEntry(b('closed'))).toEqual({ kind: 'removed', existed: true });
    opened.close();
  });

  it('works beyond the longest path the system takes, and removes it again', () => {
    if (!isLinux) return;
    const opened = openTarget(at(), { create: true });
    const fdsBefore = fs.readdirSync('/proc/self/fd').length;
    const chain = [opened.root];
    for (let depth = 0; depth < 80; depth++) chain.push(childOf(chain.at(-1) as TargetFolder, 'd'.repeat(200)));
    const bottom = chain.at(-1) as TargetFolder;
    expect(bottom.path.length).toBeGreaterThan(16_000);
    expect(write(bottom, 'file', 'x').kind).toBe('placed');
    expect(bottom.symlink(b('link'), b('x'), META).kind).toBe('placed');
    expect(bottom.setMetadata({ mode: 0o700, mtimeNs: NS })).toEqual([]);
    for (const folder of chain.slice(1).reverse()) folder.close();
    expect(opened.root.removeEntry(b('d'.repeat(200)))).toEqual({ kind: 'removed', existed: true });
    expect(fs.readdirSync('/proc/self/fd').length).toBe(fdsBefore);
    expect(names(at())).toEqual([]);
    opened.close();
  });

  it('ends the restore with restore/target when the drive is full, and leaves nothing half written', () => {
    if (!isLinux || !fs.existsSync('/dev/full')) return;
    const opened = openTarget(at(), { create: true });
    const { file } = ok(opened.root.createFile(b('file')));
    const writeSync = fs.writeSync;
    Object.assign(fs, {
      writeSync: () => {
        throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      },
    });
    let caught: unknown;
    try {
      file.write(b('x'));
    } catch (error) {
      caught = error;
    } finally {
      Object.assign(fs, { writeSync });
    }
    expect(isCairnError(caught, 'restore/target')).toBe(true);
    expect(names(at())).toEqual([]);
    opened.close();
  });
});

describe('modification times', () => {
  beforeEach(() => {
    base = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'cairn-target-'));
  });
  afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

  const timeOf = (file: string): bigint => fs.lstatSync(file, { bigint: true }).mtimeNs;
  const times = [
    0n,
    1n,
    NS,
    1_763_785_012_999_999_999n,
    -1n,
    -1_000_000_001n,
    -1_234_567_890_123_456_789n / 2n,
    4_000_000_000_000_000_001n,
  ];

  it.each([{ viaNode: true }, { viaNode: false }])(
    'are exact to the nanosecond for files, folders and links ($viaNode)',
    ({ viaNode }) => {
      if (!isLinux) return;
      const paths = { file: path.join(base, 'file'), folder: path.join(base, 'folder'), link: path.join(base, 'link') };
      fs.writeFileSync(paths.file, '');
      fs.mkdirSync(paths.folder);
      fs.symlinkSync('file', paths.link);
      for (const time of times) {
        const fd = fs.openSync(paths.file, 'r+');
        setModificationTime({ kind: 'descriptor', fd }, time, { viaNode });
        fs.closeSync(fd);
        expect(timeOf(paths.file)).toBe(time);
        for (const file of [paths.folder, paths.link]) {
          setModificationTime({ kind: 'path', path: b(file), follow: false }, time, { viaNode });
          expect(timeOf(file)).toBe(time);
        }
      }
      expect(() =>
        setModificationTime({ kind: 'path', path: b(path.join(base, 'absent')), follow: false }, 0n, { viaNode }),
      ).toThrow('ENOENT');
    },
  );

  it('come from the native call where koffi is installed', () => {
    let installed = true;
    try {
      execFileSync(process.execPath, ['-e', 'require("koffi")'], { stdio: 'ignore', cwd: import.meta.dirname });
    } catch {
      installed = false;
    }
    expect(nativeCalls() !== undefined).toBe(installed);
  });
});
