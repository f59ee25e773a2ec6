import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  closeSourceFolder,
  createOwnerNames,
  describeErrno,
  type FileStat,
  fileStatOf,
  type FolderListing,
  listFolder,
  openSourceChild,
  openSourceFile,
  openSourceRoot,
  problemOf,
  resolvePath,
  type SourceFile,
  type SourceFolder,
} from '../../../src-main/engine/source/index.ts';

const isLinux = process.platform === 'linux';
let root = '';
const at = (...parts: string[]): string => path.join(root, ...parts);
const statOf = (name: string): FileStat => fileStatOf(fs.lstatSync(at(name), { bigint: true }));

beforeEach(() => {
  root = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'cairn-source-'));
});
afterEach(() => {
  fs.rmSync(root, { recursive: true, force: true });
});

function list(folder: SourceFolder | Buffer, expected?: FileStat): FolderListing {
  const result = listFolder(folder, expected === undefined ? {} : { expected });
  if ('failed' in result) throw new Error(result.failed.message);
  return result;
}
function open(folder: Buffer, pinned: boolean): SourceFolder {
  const result = openSourceRoot(folder, pinned);
  if ('failed' in result) throw new Error(result.failed.message);
  return result;
}
function openFile(name: string, expected = statOf(name)): SourceFile {
  const result = openSourceFile(Buffer.from(at(name)), expected);
  if (result.kind !== 'opened') throw new Error(result.kind);
  return result.file;
}
const namesOf = (listing: FolderListing): string[] =>
  listing.entries.map((entry) => Buffer.from(entry.name).toString('latin1'));

/** Runs a piece of a module as the user nobody, whom permissions bind, when the tests run as root. */
function runUnprivileged(script: string): unknown {
  const isRoot = process.geteuid?.() === 0;
  const index = path.resolve(import.meta.dirname, '../../../src-main/engine/source/index.ts');
  const drop = isRoot ? 'process.setgroups([]); process.setgid(65534); process.setuid(65534);' : '';
  const code = `const source = await import(${JSON.stringify(index)}); ${drop} const root = ${JSON.stringify(root)}; ${script}`;
  return JSON.parse(
    execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', code], { encoding: 'utf8' }),
  );
}

describe.each([{ pinned: false }, { pinned: true }].filter(({ pinned }) => isLinux || !pinned))(
  'listing a folder, pinned: $pinned',
  ({ pinned }) => {
    it('sorts by raw bytes and gives back names that are not UTF-8 exactly', () => {
      const names = [
        Buffer.from('b'),
        Buffer.from('B'),
        Buffer.from('é'),
        Buffer.from('e\u0301'),
        Buffer.from('~'),
        Buffer.from('👩'),
        Buffer.from('a\nb'),
      ];
      if (isLinux) names.push(Buffer.from([0xff, 0x01]), Buffer.from([0x80]), Buffer.from([0xc3, 0x28]));
      for (const name of names) fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/`), name]), name);
      const folder = open(Buffer.from(root), pinned);
      const listing = list(folder);
      expect(listing.problems).toEqual([]);
      expect(namesOf(listing)).toEqual(
        names.sort((left, right) => Buffer.compare(left, right)).map((name) => name.toString('latin1')),
      );
      for (const entry of listing.entries) {
        const opened = openSourceFile(resolvePath(folder, entry.name), entry.stat);
        expect(opened.kind).toBe('opened');
        if (opened.kind === 'opened') opened.file.close();
      }
      closeSourceFolder(folder);
    });

    it('reports every field as lstat knows it, and where links lead, without following them', () => {
      fs.mkdirSync(at('folder'));
      fs.writeFileSync(at('file'), 'twelve bytes');
      fs.chmodSync(at('file'), 0o4751);
      fs.utimesSync(at('file'), 1_600_000_000.5, 1_600_000_000.5);
      fs.linkSync(at('file'), at('twin'));
      fs.symlinkSync('/nowhere/at all', at('link'));
      const folder = open(Buffer.from(root), pinned);
      const entries = new Map(list(folder).entries.map((entry) => [Buffer.from(entry.name).toString(), entry]));
      closeSourceFolder(folder);
      expect([...entries.keys()]).toEqual(['file', 'folder', 'link', 'twin']);
      expect(entries.get('file')?.stat).toMatchObject({
        nodeType: 'file',
        size: 12,
        mode: 0o4751,
        mtimeNs: 1_600_000_000_500_000_000n,
        linkCount: 2,
      });
      expect(entries.get('twin')?.stat.inode).toBe(entries.get('file')?.stat.inode);
      expect(entries.get('folder')?.stat.nodeType).toBe('directory');
      expect(entries.get('link')?.stat.nodeType).toBe('symlink');
      expect(Buffer.from(entries.get('link')?.linkTarget ?? []).toString()).toBe('/nowhere/at all');
      expect(entries.get('file')?.linkTarget).toBeUndefined();
    });

    it('says of a folder that can’t be listed that it failed, and never that it is empty', () => {
      fs.writeFileSync(at('file'), '');
      const opened = openSourceRoot(Buffer.from(at('file')), pinned);
      const result = 'failed' in opened ? opened : listFolder(opened);
      expect(result).toMatchObject({ failed: { path: at('file'), code: 'ENOTDIR' } });
      const gone = openSourceRoot(Buffer.from(at('gone')), pinned);
      expect('failed' in gone ? gone : listFolder(gone)).toMatchObject({ failed: { code: 'ENOENT' } });
    });

    it('does not take the content of another folder for the one that was listed', () => {
      fs.mkdirSync(at('folder'));
      const expected = statOf('folder');
      fs.renameSync(at('folder'), at('moved'));
      fs.mkdirSync(at('folder'));
      fs.writeFileSync(at('folder', 'secret'), '');
      const parent = open(Buffer.from(root), pinned);
      const swapped = openSourceChild(parent, Buffer.from('folder'), expected);
      expect('failed' in swapped ? swapped : listFolder(swapped, { expected })).toMatchObject({
        failed: { code: 'REPLACED' },
      });
      fs.rmSync(at('folder'), { recursive: true });
      fs.symlinkSync('/etc', at('folder'));
      const link = openSourceChild(parent, Buffer.from('folder'), expected);
      expect('failed' in link ? link : listFolder(link, { expected })).toHaveProperty('failed');
      closeSourceFolder(parent);
    });

    it('does not wait for the other end of a FIFO, and gives sockets and devices their types', () => {
      if (!isLinux) return;
      execFileSync('mkfifo', [at('fifo')]);
      const folder = open(Buffer.from(root), pinned);
      expect(list(folder).entries.map((entry) => entry.stat.nodeType)).toEqual(['fifo']);
      closeSourceFolder(folder);
      const devices = open(Buffer.from('/dev'), pinned);
      const nothing = list(devices).entries.find((entry) => Buffer.from(entry.name).toString() === 'null');
      closeSourceFolder(devices);
      expect(nothing?.stat).toMatchObject({ nodeType: 'char-device', deviceMajor: 1, deviceMinor: 3 });
    });

    it('goes down beyond the longest path the system takes, and leaks no descriptor', () => {
      if (!isLinux) return;
      const depth = 60;
      const name = 'd'.repeat(200);
      makeDeep(depth, name);
      const before = fs.readdirSync('/proc/self/fd').length;
      const chain = [open(Buffer.from(root), pinned)];
      for (let level = 0; level < depth; level++) {
        const parent = chain.at(-1) as SourceFolder;
        const [entry] = list(parent).entries;
        if (entry === undefined) throw new Error('the folder is missing');
        const child = openSourceChild(parent, entry.name, entry.stat);
        if ('failed' in child) throw new Error(child.failed.message);
        chain.push(child);
      }
      const bottom = chain.at(-1) as SourceFolder;
      const [entry] = list(bottom).entries;
      expect(bottom.path.length).toBeGreaterThan(12_060);
      const opened = openSourceFile(resolvePath(bottom, entry?.name ?? Buffer.alloc(0)), entry?.stat as FileStat);
      if (opened.kind !== 'opened') throw new Error(opened.kind);
      const buffer = Buffer.alloc(10);
      expect(opened.file.readInto(buffer, 0, 10)).toBe(7);
      expect(opened.file.close().changed).toBe(false);
      const again = openSourceRoot(bottom.path, pinned);
      expect('failed' in again ? again : namesOf(list(again))).toEqual(['bottom']);
      if (!('failed' in again)) closeSourceFolder(again);
      for (const folder of chain.reverse()) closeSourceFolder(folder);
      expect(fs.readdirSync('/proc/self/fd').length).toBe(before);
      execFileSync('rm', ['-rf', at(name)]);
    });
  },
);

function makeDeep(depth: number, name: string): void {
  const open = (folder: string): number => fs.openSync(folder, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  let fd = open(root);
  for (let level = 0; level < depth; level++) {
    fs.mkdirSync(`/proc/self/fd/${fd}/${name}`);
    const next = open(`/proc/self/fd/${fd}/${name}`);
    fs.closeSync(fd);
    fd = next;
  }
  fs.writeFileSync(`/proc/self/fd/${fd}/bottom`, 'reached');
  fs.closeSync(fd);
}

describe('problems', () => {
  it('name what this user may not read, and everything else is listed all the same', () => {
    fs.chmodSync(root, 0o755);
    fs.mkdirSync(at('closed'), { mode: 0o700 });
    fs.writeFileSync(at('closed', 'inside'), '');
    fs.chmodSync(at('closed'), 0);
    fs.writeFileSync(at('denied'), 'x');
    fs.chmodSync(at('denied'), 0);
    fs.writeFileSync(at('open'), 'x');
    fs.mkdirSync(at('names-only'));
    fs.writeFileSync(at('names-only', 'unseen'), '');
    fs.chmodSync(at('names-only'), 0o444);
    const result = runUnprivileged(`
      const folder = source.openSourceRoot(Buffer.from(root), false);
      const listing = source.listFolder(folder);
      const entry = (name) => listing.entries.find((e) => Buffer.from(e.name).toString() === name);
      const closed = source.listFolder(source.openSourceChild(folder, Buffer.from('closed'), entry('closed').stat));
      const pinned = source.openSourceRoot(Buffer.from(root + '/closed'), true);
      const namesOnly = source.listFolder(Buffer.from(root + '/names-only'));
      const denied = source.openSourceFile(Buffer.from(root + '/denied'), entry('denied').stat);
      console.log(JSON.stringify({ count: listing.entries.length, problems: listing.problems, closed, pinned, namesOnly, denied }));
    `);
    fs.chmodSync(at('closed'), 0o700);
    fs.chmodSync(at('names-only'), 0o700);
    const denied = { code: 'EACCES', message: expect.stringContaining('not allowed to read it') as string };
    expect(result).toMatchObject({
      count: 4,
      problems: [],
      closed: { failed: { path: at('closed'), ...denied } },
      pinned: { failed: { path: at('closed'), code: 'EACCES' } },
      namesOnly: { entries: [], problems: [{ path: at('names-only', 'unseen'), ...denied }] },
      denied: { kind: 'failed', problem: { path: at('denied'), ...denied } },
    });
  });

  it('say in words what went wrong, with the path escaped, and leave our own mistakes alone', () => {
    const error = Object.assign(new Error('x'), { code: 'EIO' });
    expect(problemOf(Buffer.from([0x61, 0xff]), 'can’t be read', error)).toEqual({
      path: 'a\\xff',
      code: 'EIO',
      message: 'can’t be read: the drive could not read or write it; the drive may be failing',
    });
    expect(describeErrno('EWEIRD')).toContain('EWEIRD');
    expect(() => problemOf(Buffer.from('a'), 'x', new TypeError('a bug'))).toThrow('a bug');
    const nodeError = Object.assign(new Error('bad argument'), { code: 'ERR_INVALID_ARG_TYPE' });
    expect(() => problemOf(Buffer.from('a'), 'x', nodeError)).toThrow('bad argument');
  });

  it('leave out silently only what vanished between the listing of names and the look at it', () => {
    fs.writeFileSync(at('stays'), '');
    fs.writeFileSync(at('vanishes'), '');
    const lstat = fs.lstatSync;
    const spied = (file: fs.PathLike, options: object): unknown => {
      if (String(file).endsWith('vanishes')) fs.unlinkSync(at('vanishes'));
      return (lstat as (file: fs.PathLike, options: object) => unknown)(file, options);
    };
    Object.assign(fs, { lstatSync: spied });
    try {
      const listing = list(Buffer.from(root));
      expect(namesOf(listing)).toEqual(['stays']);
      expect(listing.problems).toEqual([]);
    } finally {
      Object.assign(fs, { lstatSync: lstat });
    }
  });

  it('do not take a folder that was moved away in the middle for an emptied one', () => {
    fs.mkdirSync(at('folder'));
    fs.writeFileSync(at('folder', 'a'), '');
    fs.writeFileSync(at('folder', 'b'), '');
    const lstat = fs.lstatSync;
    const spied = (file: fs.PathLike, options: object): unknown => {
      if (String(file).endsWith('/a')) fs.renameSync(at('folder'), at('elsewhere'));
      return (lstat as (file: fs.PathLike, options: object) => unknown)(file, options);
    };
    Object.assign(fs, { lstatSync: spied });
    try {
      expect(listFolder(Buffer.from(at('folder')))).toMatchObject({ failed: { code: 'ENOENT', path: at('folder') } });
    } finally {
      Object.assign(fs, { lstatSync: lstat });
    }
  });
});

describe('reading a file', () => {
  it('reads any file in pieces of any size and gives exactly its bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.integer({ min: 1, max: 700 }), (content, piece) => {
        fs.writeFileSync(at('file'), content);
        const file = openFile('file');
        const buffer = Buffer.alloc(content.length + piece + 3);
        let filled = 3;
        for (;;) {
          const count = file.readInto(buffer, filled, piece);
          if (typeof count !== 'number') throw new Error(count.message);
          filled += count;
          if (count < piece) break;
        }
        expect(file.close().changed).toBe(false);
        expect(buffer.subarray(3, filled).equals(content)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('says replaced for a link, a FIFO, a socket, a folder or another file under the name, and blocks on none', async () => {
    if (!isLinux) return;
    fs.writeFileSync(at('file'), 'x');
    fs.linkSync(at('file'), at('keeps the inode taken'));
    const expected = statOf('file');
    const outcome = (): string => openSourceFile(Buffer.from(at('file')), expected).kind;
    expect(outcome()).toBe('opened');
    fs.unlinkSync(at('file'));
    expect(outcome()).toBe('vanished');
    fs.symlinkSync('keeps the inode taken', at('file'));
    expect(outcome()).toBe('replaced');
    fs.unlinkSync(at('file'));
    execFileSync('mkfifo', [at('file')]);
    expect(outcome()).toBe('replaced');
    fs.unlinkSync(at('file'));
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(at('file'), resolve));
    expect(outcome()).toBe('replaced');
    await new Promise<unknown>((resolve) => server.close(resolve));
    fs.mkdirSync(at('file'));
    expect(outcome()).toBe('replaced');
    fs.rmdirSync(at('file'));
    fs.writeFileSync(at('file'), 'x');
    expect(outcome()).toBe('replaced');
  });

  it('says whether the file changed while it was read: grown, shrunk, rewritten, or only its mode', () => {
    const changes: Record<string, () => void> = {
      grown: () => fs.appendFileSync(at('file'), 'more'),
      shrunk: () => fs.truncateSync(at('file'), 3),
      rewritten: () => fs.utimesSync(at('file'), 5, 5),
      mode: () => fs.chmodSync(at('file'), 0o600),
    };
    for (const [name, change] of Object.entries(changes)) {
      fs.writeFileSync(at('file'), 'some content', { mode: 0o644 });
      const file = openFile('file');
      const buffer = Buffer.alloc(100);
      file.readInto(buffer, 0, 4);
      change();
      expect(file.close().changed, name).toBe(true);
    }
  });

  it('ends where the file ends when it shrinks under the reader', () => {
    fs.writeFileSync(at('file'), 'abcdefgh');
    const file = openFile('file');
    const buffer = Buffer.alloc(100);
    expect(file.readInto(buffer, 0, 6)).toBe(6);
    fs.truncateSync(at('file'), 4);
    expect(file.readInto(buffer, 6, 90)).toBe(0);
    expect(file.close()).toMatchObject({ changed: true, stat: { size: 4 } });
    expect(() => file.close()).toThrow('closed');
  });

  it('does not count as an access for the owner of the file', () => {
    if (!isLinux) return;
    fs.writeFileSync(at('file'), 'x');
    fs.utimesSync(at('file'), 1000, 2000);
    const file = openFile('file');
    file.readInto(Buffer.alloc(10), 0, 10);
    file.close();
    expect(fs.statSync(at('file')).atimeMs).toBe(1_000_000);
  });
});

describe('names of owners', () => {
  it('come from the system’s tables, the first line of a number wins, unknown numbers have none', () => {
    fs.writeFileSync(
      at('passwd'),
      'root:x:0:0:root:/root:/bin/sh\nalso:x:0:0::/:\nann:x:1000:1000:Ann:/home/ann:/bin/sh\nbroken\n:x:5:5\n#no:x:6:\nneg:x:-1:\n',
    );
    fs.writeFileSync(at('group'), 'wheel:x:0:\nusers:x:100:ann\n');
    const names = createOwnerNames({ users: at('passwd'), groups: at('group') });
    expect([names.user(0), names.user(1000), names.user(5), names.user(6), names.user(77)]).toEqual([
      'root',
      'ann',
      undefined,
      undefined,
      undefined,
    ]);
    expect([names.group(0), names.group(100), names.group(1)]).toEqual(['wheel', 'users', undefined]);
    const none = createOwnerNames({ users: at('missing'), groups: root });
    expect([none.user(0), none.group(0)]).toEqual([undefined, undefined]);
  });
});
