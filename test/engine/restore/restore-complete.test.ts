/**
 * Everything an entry has besides its bytes comes back, and the ways in which files are written (one by one in this
 * thread, by threads, in windows) make no difference to what is there in the end.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { asContentHash } from '../../../src-shared/ids.ts';
import type { FileEntry } from '../../../src-main/engine/merkle/index.ts';
import type { Repository } from '../../../src-main/engine/repository/index.ts';
import { RESTORE_TUNING, type RestoreOptions } from '../../../src-main/engine/restore/index.ts';
import { FolderNode } from '../../../src-main/engine/restore/folder-node.ts';
import { LinkTable } from '../../../src-main/engine/restore/link-table.ts';
import { nativeCalls } from '../../../src-main/engine/restore/target-native.ts';
import { setModificationTime } from '../../../src-main/engine/restore/target.ts';
import type { RestoreReport } from '../../../src-shared/model/index.ts';
import { Lab } from '../../support/engine-lab.ts';
import { LOW_LIMITS, chunkIdOf, filesIn, flipIn, noise, put, removeIn } from '../../support/lab-files.ts';
import { testSeed } from '../../support/seed.ts';
import { buildTree } from '../../support/tree-builder.ts';
import { compareHoles, compareTrees, walkTree } from '../../support/walker.ts';

const asRoot = process.geteuid?.() === 0;
const isLinux = process.platform === 'linux';

/** The same restore in every way it may be done. */
const WAYS = [
  { way: 'in this thread', tuning: { ...RESTORE_TUNING, workers: 0 } },
  {
    way: 'by threads, in small batches, with few open folders',
    tuning: { ...RESTORE_TUNING, workers: 2, workersFromFiles: 0, batchFiles: 3, foldersOpen: 3 },
  },
  {
    way: 'by threads, in windows',
    tuning: { ...RESTORE_TUNING, workers: 2, workersFromFiles: 0, largeFromBytes: 1000 },
  },
] as const;

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

const inSource = (...names: readonly string[]): string => path.join(lab.source, ...names);
const inOut = (...names: readonly string[]): string => path.join(out, ...names);
const inode = (file: string): bigint => fs.lstatSync(file, { bigint: true }).ino;
const stamp = (file: string, timeNs: bigint): void =>
  setModificationTime({ kind: 'path', path: Buffer.from(file), follow: false }, timeNs);

function setXattr(file: string, name: string, value: string | Uint8Array): void {
  const code = nativeCalls()?.attributes?.set(
    { kind: 'path', path: Buffer.from(file), follow: false },
    Buffer.from(name),
    Buffer.from(value as string),
  );
  if (code !== undefined) throw new Error(`${name}: ${code}`);
}

/** An access control list of one more user, as the kernel takes it: version 2, then tag, permissions and id of each. */
function acl(userId: number, permissions: number): Buffer {
  const entries = [
    [0x01, 7, 0xffff_ffff],
    [0x02, permissions, userId],
    [0x04, 5, 0xffff_ffff],
    [0x10, 7, 0xffff_ffff],
    [0x20, 5, 0xffff_ffff],
  ] as const;
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(2, 0);
  for (const [index, [tag, permission, id]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + index * 8);
    bytes.writeUInt16LE(permission, 6 + index * 8);
    bytes.writeUInt32LE(id, 8 + index * 8);
  }
  return bytes;
}

const hasXattrs = ((): boolean => {
  const probe = fs.mkdtempSync(path.join(fs.realpathSync(process.env['TMPDIR'] ?? '/tmp'), 'cairn-xattr-'));
  try {
    setXattr(probe, 'user.probe', 'x');
    setXattr(probe, 'system.posix_acl_default', acl(12, 5));
    return true;
  } catch {
    process.stderr.write('NOT TESTED: extended attributes (this filesystem has none, or koffi is missing)\n');
    return false;
  } finally {
    fs.rmSync(probe, { recursive: true });
  }
})();

describe.each(WAYS)('$way', ({ tuning }) => {
  const restore = (options: Partial<RestoreOptions> = {}): Promise<RestoreReport> =>
    lab.restore(repository, 'latest', out, { tuning, ...options });

  test('a whole tree comes back, with all there is in it, and once more over itself changes nothing', async () => {
    const seed = testSeed('restore in every way');
    buildTree(lab.source, {
      seed,
      files: 60,
      folders: 20,
      fileBytesMax: 30_000,
      symlinks: 10,
      hardLinks: 6,
      fifos: 2,
      deepPathBytes: 5000,
    });
    put(lab, 'two chunks', noise(1, 3_000_000));
    put(lab, 'empty', '');
    await lab.backup(repository);
    const report = await restore();
    expect(report.problems).toEqual([]);
    expect(compareTrees(lab.source, out)).toEqual([]);
    const before = walkTree(out);
    const again = await restore();
    expect(again).toMatchObject({ restored: 0, replaced: 0, problems: [] });
    expect(compareTrees(before, out)).toEqual([]);
  });

  test('hard links come back as links, near, far and in a folder of another batch, and never to what was there', async () => {
    put(lab, 'a/first', 'shared');
    fs.mkdirSync(inSource('z', 'deep'), { recursive: true });
    for (const name of ['a/second', 'm', 'z/deep/third']) fs.linkSync(inSource('a', 'first'), inSource(name));
    for (let index = 0; index < 12; index++) put(lab, `b${index}/other`, `other ${index}`);
    await lab.backup(repository);
    expect((await restore()).problems).toEqual([]);
    expect(compareTrees(lab.source, out)).toEqual([]);
    expect(fs.statSync(inOut('m')).nlink).toBe(4);

    // One that is unchanged is not verified: nothing is linked to it.
    fs.rmSync(inOut('z', 'deep', 'third'));
    const kept = inode(inOut('a', 'first'));
    await restore();
    expect(inode(inOut('z', 'deep', 'third'))).not.toBe(kept);
    expect(fs.readFileSync(inOut('z', 'deep', 'third'), 'utf8')).toBe('shared');

    // All of them replaced, all of them one again.
    await restore({ overwrite: 'always' });
    expect(compareTrees(walkTree(lab.source).slice(1), walkTree(out).slice(1))).toEqual([]);
  });

  test('one name of a hard link alone is a plain file', async () => {
    put(lab, 'first', 'shared');
    fs.linkSync(inSource('first'), inSource('second'));
    await lab.backup(repository);
    await restore({ includes: ['second'] });
    expect(fs.readdirSync(out)).toEqual(['second']);
    expect(fs.statSync(inOut('second')).nlink).toBe(1);
  });

  test.runIf(hasXattrs)(
    'extended attributes and access control lists come back, of files, folders and the top',
    async () => {
      const file = put(lab, 'folder/file', 'x');
      put(lab, 'folder/plain', 'y');
      put(lab, 'windows', noise(3, 5000));
      for (const place of [file, inSource('folder'), inSource('windows'), lab.source]) {
        setXattr(place, 'user.comment', 'a “note”');
        setXattr(place, 'user.empty', '');
      }
      setXattr(file, 'user.large', noise(4, 3000));
      setXattr(file, 'user.larger', noise(5, 900));
      setXattr(inSource('windows'), 'system.posix_acl_access', acl(1234, 4));
      setXattr(inSource('folder'), 'system.posix_acl_access', acl(1234, 7));
      setXattr(inSource('folder'), 'system.posix_acl_default', acl(4321, 5));
      if (asRoot) setXattr(file, 'trusted.secret', 'of root');
      fs.chmodSync(file, 0o400);
      await lab.backup(repository);
      expect((await restore()).problems).toEqual([]);
      expect(compareTrees(lab.source, out)).toEqual([]);
      expect(walkTree(out).flatMap(({ xattrs }) => xattrs).length).toBeGreaterThan(10);
    },
  );

  test.runIf(hasXattrs)(
    'what is restored has no attributes but its own: not those of a folder it lies in, not those of what was there',
    async () => {
      put(lab, 'folder/file', 'x');
      fs.mkdirSync(inSource('folder', 'below'));
      put(lab, 'windows', noise(3, 5000));
      fs.chmodSync(inSource('folder'), 0o755);
      await lab.backup(repository);
      fs.mkdirSync(inOut('folder'), { recursive: true });
      setXattr(out, 'system.posix_acl_default', acl(4321, 5));
      setXattr(inOut('folder'), 'system.posix_acl_default', acl(4321, 5));
      setXattr(inOut('folder'), 'system.posix_acl_access', acl(4321, 5));
      setXattr(inOut('folder'), 'user.theirs', 'x');
      expect((await restore()).problems).toEqual([]);
      const [, ...restored] = walkTree(out);
      expect(restored.flatMap(({ xattrs }) => xattrs)).toEqual([]);
      expect(compareTrees(walkTree(lab.source).slice(1), restored)).toEqual([]);
    },
  );

  test('files with holes have them again, inside and at the end, also where most of a file is one', async () => {
    if (!isLinux) return;
    const file = put(lab, 'holes', '');
    fs.truncateSync(file, 60_000_000);
    const fd = fs.openSync(file, 'r+');
    fs.writeSync(fd, noise(1, 10_000), 0, 10_000, 12_345_678);
    fs.writeSync(fd, noise(2, 5_000), 0, 5_000, 40_000_000);
    fs.closeSync(fd);
    const small = put(lab, 'small', '');
    fs.truncateSync(small, 300_000);
    const full = put(lab, 'zeros that were written', Buffer.alloc(200_000));
    await lab.backup(repository);
    expect((await restore()).problems).toEqual([]);
    expect(compareTrees(lab.source, out)).toEqual([]);
    expect(compareHoles(lab.source, out)).toEqual([]);
    // The other way round: what had no holes gets none.
    expect(fs.statSync(inOut(path.basename(full))).blocks).toBe(fs.statSync(full).blocks);
  });

  test('times of any century, modes and set-id bits come back', async () => {
    const times = [-6_000_000_000_123_456_789n, -1n, 0n, 1n, 4_200_000_000_987_654_321n];
    for (const [index, time] of times.entries()) stamp(put(lab, `time ${index}`, 'x'), time);
    for (const mode of [0o000, 0o777, 0o4755, 0o2755, 0o1644]) fs.chmodSync(put(lab, `mode ${mode}`, 'y'), mode);
    if (asRoot) fs.chmodSync(put(lab, 'of another', 'z'), 0o6711);
    if (asRoot) fs.chownSync(inSource('of another'), 1234, 4321);
    if (asRoot) fs.chmodSync(inSource('of another'), 0o6711);
    await lab.backup(repository);
    expect((await restore()).problems).toEqual([]);
    if (asRoot) expect(compareTrees(lab.source, out)).toEqual([]);
    else expect(compareTrees(lab.source, out, { ignore: ['mode'] })).toEqual([]);
  });

  test('with “never”, what is there keeps its mode, time and attributes; what is missing is added', async () => {
    put(lab, 'folder/there', 'stored');
    put(lab, 'folder/missing', 'stored');
    fs.chmodSync(inSource('folder'), 0o751);
    await lab.backup(repository);
    fs.mkdirSync(inOut('folder', 'below'), { recursive: true });
    fs.writeFileSync(inOut('folder', 'there'), 'theirs');
    fs.chmodSync(inOut('folder'), 0o710);
    await restore({ overwrite: 'never' });
    expect(fs.readdirSync(inOut('folder')).sort()).toEqual(['below', 'missing', 'there']);
    expect(fs.readFileSync(inOut('folder', 'there'), 'utf8')).toBe('theirs');
    expect((fs.statSync(inOut('folder')).mode & 0o7777).toString(8)).toBe('710');
    // With nothing to add not even the time moves.
    stamp(inOut('folder'), 1_400_000_000_000_000_001n);
    await restore({ overwrite: 'never' });
    expect(fs.statSync(inOut('folder'), { bigint: true }).mtimeNs).toBe(1_400_000_000_000_000_001n);
  });

  test('a lost pack costs only the files it held, each named', async () => {
    repository = await lab.open(undefined, { limits: { ...LOW_LIMITS, commitFileBytesMax: 100 } });
    for (const name of ['one', 'two'])
      for (const part of ['a', 'b']) put(lab, `${name}/${part}`, noise(name.length + part.charCodeAt(0), 40_000));
    await lab.backup(repository);
    const before = new Set(filesIn(lab, 'packs'));
    for (const part of ['c', 'd']) put(lab, `three/${part}`, noise(500 + part.charCodeAt(0), 40_000));
    await lab.backup(repository);
    const trees = await treePacks();
    const added = filesIn(lab, 'packs').filter((name) => !before.has(name) && !trees.has(path.basename(name)));
    expect(added.length).toBeGreaterThan(0);
    removeIn(lab, ...added);
    repository = await lab.open();
    const report = await restore();
    expect(report.problems.map(({ path: name, code }) => [name, code]).sort()).toEqual([
      ['three/c', 'integrity/missing'],
      ['three/d', 'integrity/missing'],
    ]);
    expect(walkTree(out).filter(({ type }) => type === 'file').length).toBe(4);
    expect(fs.readdirSync(inOut('three'))).toEqual([]);
  });

  test('a flipped bit is found whatever the way, and no file of it gets its name', async () => {
    repository = await lab.open(undefined, { limits: { ...LOW_LIMITS, commitFileBytesMax: 100 } });
    for (let index = 0; index < 6; index++) put(lab, `file ${index}`, noise(index, 600_000));
    await lab.backup(repository);
    const trees = await treePacks();
    const pack = filesIn(lab, 'packs').find((name) => !trees.has(path.basename(name))) ?? '';
    flipIn(lab, pack, 300_000);
    repository = await lab.open();
    const report = await restore();
    expect(report.problems.length).toBeGreaterThan(0);
    expect(report.problems.every(({ code }) => code === 'integrity/damaged')).toBe(true);
    const lost = report.problems.map(({ path: name }) => name);
    const there = fs.readdirSync(out);
    expect([...there, ...lost].sort()).toEqual(fs.readdirSync(lab.source).sort());
    for (const name of there) expect(fs.readFileSync(inOut(name)).equals(fs.readFileSync(inSource(name)))).toBe(true);
  });

  test('an index that names the wrong place costs nothing: content is told by its hash, not by where it was found', async () => {
    const [first, second] = [noise(1, 50_000), noise(2, 50_000)];
    put(lab, 'first', first);
    put(lab, 'second', second);
    await lab.backup(repository);
    const original = repository.locate.bind(repository);
    const [one, two] = [chunkIdOf(repository, first), chunkIdOf(repository, second)];
    repository.locate = (id) =>
      original(Buffer.compare(id, one) === 0 ? two : Buffer.compare(id, two) === 0 ? one : id);
    expect(await restore()).toMatchObject({ restored: 2, problems: [] });
    expect(compareTrees(lab.source, out)).toEqual([]);
  });

  test('a large file that is mostly right is put together from what is there', async () => {
    const content = noise(7, 24_000_000);
    put(lab, 'image', content);
    await lab.backup(repository);
    const changed = Buffer.from(content);
    changed.fill(0, 9_000_000, 9_001_000);
    fs.mkdirSync(out, { recursive: true });
    fs.writeFileSync(inOut('image'), changed);
    const { bytesRead } = countReads();
    const report = await restore({ tuning: { ...tuning, largeFromBytes: 1000 } });
    expect(report).toMatchObject({ replaced: 1, problems: [] });
    expect(
      compareTrees(lab.source, out, { ignore: ['mtime', 'mode'] }).filter((line) => !line.startsWith('“”')),
    ).toEqual([]);
    expect(bytesRead()).toBeLessThan(8_000_000);
  });

  /** Names of the packs that hold pages. */
  async function treePacks(): Promise<ReadonlySet<string>> {
    const index = await repository.scannedIndex();
    const packs = [...index.uncovered.map(({ packId, footer }) => ({ packId, fileType: footer.fileType }))];
    for (const { run } of index.runs) packs.push(...run.packs);
    return new Set(packs.filter(({ fileType }) => fileType !== 1).map(({ packId }) => packId));
  }

  function countReads(): { readonly bytesRead: () => number } {
    let bytes = 0;
    const original = lab.store.read.bind(lab.store);
    lab.store.read = async (...values) => {
      const read = await original(...values);
      bytes += read.length;
      return read;
    };
    return { bytesRead: () => bytes };
  }

  test('a restore that is cancelled in the middle leaves only whole files and no thread at work', async () => {
    for (let index = 0; index < 40; index++) put(lab, `folder ${index % 7}/file ${index}`, noise(index, 20_000));
    put(lab, 'large', noise(99, 20_000_000));
    await lab.backup(repository);
    for (const steps of [1, 10, 41, 45]) {
      fs.rmSync(out, { recursive: true, force: true });
      const stop = new AbortController();
      let count = 0;
      const onProgress = (): void => {
        if (count++ >= steps) stop.abort();
      };
      await expect(restore({ signal: stop.signal, onProgress })).rejects.toMatchObject({ code: 'engine/cancelled' });
      const before = walkTree(out);
      for (const { path: name, type } of before) {
        const file = Buffer.from(name, 'hex').toString();
        if (type === 'file') expect(fs.readFileSync(inOut(file)).equals(fs.readFileSync(inSource(file)))).toBe(true);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(compareTrees(before, out)).toEqual([]);
    }
  });
});

describe('a number of a link group that two files share', () => {
  const table = new LinkTable();
  const node = new FolderNode({
    parent: undefined,
    name: Buffer.from(''),
    path: '',
    access: { open: () => undefined, peek: () => undefined, isBlocked: () => false, isNew: () => false },
    finish: () => undefined,
  });
  const entry: FileEntry = {
    nodeType: 'file',
    name: Buffer.from('first'),
    mode: 0o644,
    uid: 1,
    gid: 2,
    mtimeNs: 3n,
    linkGroup: 77,
    size: 4,
    contentHash: asContentHash(new Uint8Array(32).fill(1)),
    content: { kind: 'inline', chunks: [] },
  };
  const others: readonly Partial<FileEntry>[] = [
    { size: 5 },
    { contentHash: asContentHash(new Uint8Array(32).fill(2)) },
    { mtimeNs: 4n },
    { mode: 0o600 },
    { uid: 9 },
    { gid: 9 },
  ];

  test('never links them: whatever they differ in, each is a file of its own', () => {
    expect(table.roleOf(entry, node).kind).toBe('first');
    expect(table.roleOf({ ...entry, name: Buffer.from('second') }, node).kind).toBe('link');
    for (const other of others) expect(table.roleOf({ ...entry, ...other }, node).kind).toBe('alone');
  });
});

test('nothing lands outside while another process swaps a folder for a link, also by threads', async () => {
  if (!isLinux) return;
  for (let index = 0; index < 200; index++) put(lab, `swapped/file ${index}`, `content ${index}`);
  put(lab, 'swapped/windows', noise(1, 200_000));
  await lab.backup(repository);
  const outside = lab.path('outside');
  fs.mkdirSync(outside);
  fs.mkdirSync(out);
  const script = `
    const fs = require('node:fs');
    const end = Date.now() + 60_000;
    const attempt = (action) => { try { action(); } catch {} };
    for (let round = 0; Date.now() < end && !fs.existsSync('../stop'); round++) {
      attempt(() => fs.renameSync('swapped', '../away' + round));
      attempt(() => fs.symlinkSync('../outside', 'swapped'));
      if (round === 100) fs.writeFileSync('../ready', '');
      attempt(() => fs.unlinkSync('swapped'));
    }`;
  const beside = spawn(process.execPath, ['-e', script], { cwd: out, stdio: 'ignore' });
  const seen = new Set<string>();
  try {
    await expect.poll(() => fs.existsSync(lab.path('ready')), { timeout: 30_000 }).toBe(true);
    for (const { tuning } of WAYS) {
      for (let round = 0; round < 4; round++) {
        const { problems } = await lab.restore(repository, 'latest', out, { tuning, overwrite: 'always' });
        for (const { code } of problems) seen.add(code);
      }
    }
  } finally {
    fs.writeFileSync(lab.path('stop'), '');
    beside.kill('SIGKILL');
  }
  expect(fs.readdirSync(outside)).toEqual([]);
  // Folders that were moved away in the middle are still folders of the target: there the files went.
  const away = fs.readdirSync(lab.folder).filter((name) => name.startsWith('away'));
  expect(away.length + seen.size).toBeGreaterThan(0);
});
