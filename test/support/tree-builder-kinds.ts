/**
 * One tree with an entry of every kind that a backup meets, each under a name that says what it is: types, links,
 * attributes and ACLs, holes, names, modes, times, sizes. For tests that restore it and ask the walker.
 *
 * What this machine or its filesystem can't make is reported, on standard error too: a test that quietly leaves out what
 * it is about tests nothing.
 */
import fs from 'node:fs';
import { ACL_TAG, aclValue, codeOf, makeNode, setTimeNs, setXattr, TYPE_BITS } from './native.ts';
import { seeded, type Seeded } from './seed.ts';
import { makeDeepPath } from './tree-builder.ts';

export type KindsOptions = {
  readonly seed: number;
  /** Files at and around the lengths at which chunks are cut, 15 MB in all. */
  readonly chunkLimits?: boolean;
  /** A path that no single call can name. */
  readonly deepPath?: boolean;
  /** Mode 000: only root can read such a file, anyone else gets problems. */
  readonly unreadable?: boolean;
};

export type KindsReport = {
  /** “xattr on a fifo: EPERM” of everything that could not be made here. */
  readonly missing: readonly string[];
};

/** Linux only: elsewhere many of these kinds do not exist. */
export const canBuildKinds = process.platform === 'linux';
const isRoot = process.geteuid?.() === 0;

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND_NS = 1_000_000_000n;

type Maker = {
  readonly base: Buffer;
  readonly random: Seeded;
  /** Runs, and notes what the system refuses to do. */
  readonly attempt: (what: string, make: () => void) => boolean;
  readonly at: (name: string | Uint8Array) => Buffer;
  readonly folder: (name: string) => (child: string | Uint8Array) => Buffer;
};

const child = (folder: Uint8Array, name: string | Uint8Array): Buffer =>
  Buffer.concat([folder, Buffer.from('/'), Buffer.from(name)]);

/** Makes `root` (which must not exist) and fills it. The same seed makes the same tree. */
export function buildKinds(root: string, options: KindsOptions): KindsReport {
  if (!canBuildKinds) throw new Error('a tree of every kind of entry is made on Linux only');
  const base = Buffer.from(root);
  fs.mkdirSync(base, { recursive: true });
  const missing: string[] = [];
  const maker: Maker = {
    base,
    random: seeded(options.seed),
    attempt: (what, make) => {
      try {
        make();
        return true;
      } catch (error) {
        const code = codeOf(error);
        if (!/^E[A-Z0-9]+$/.test(code)) throw error;
        missing.push(`${what}: ${code}`);
        return false;
      }
    },
    at: (name) => child(base, name),
    folder: (name) => {
      fs.mkdirSync(child(base, name));
      return (inside) => child(child(base, name), inside);
    },
  };
  makeTypes(maker);
  makeLinks(maker);
  makeAttributes(maker);
  makeSparse(maker);
  makeNames(maker);
  makeModes(maker, options.unreadable ?? isRoot);
  if (options.chunkLimits !== false) makeSizes(maker);
  setTimes(base, maker.random);
  if (options.deepPath !== false) makeDeepPath(base, 4500, maker.random);
  makeTimes(maker);
  if (missing.length > 0) process.stderr.write(`not made in ${root}: ${missing.join(' · ')}\n`);
  return { missing };
}

function makeTypes({ folder, attempt, random }: Maker): void {
  const at = folder('types');
  fs.writeFileSync(at('empty file'), '');
  fs.writeFileSync(at('file'), random.bytes(5000));
  fs.mkdirSync(at('empty folder'));
  fs.symlinkSync('file', at('link'));
  fs.symlinkSync('nowhere', at('link to nothing'));
  fs.symlinkSync('.', at('link to its folder'));
  fs.symlinkSync(Buffer.from([0xff, 0x2f, 0x0a]), at('link to raw bytes'));
  fs.symlinkSync('x'.repeat(4000), at('long link'));
  attempt('a fifo', () => makeNode(at('fifo'), TYPE_BITS.fifo | 0o640));
  attempt('a socket', () => makeNode(at('socket'), TYPE_BITS.socket | 0o600));
  attempt('a character device', () => makeNode(at('null'), TYPE_BITS.charDevice | 0o666, { major: 1, minor: 3 }));
  attempt('a block device', () => makeNode(at('block'), TYPE_BITS.blockDevice | 0o660, { major: 259, minor: 300 }));
}

/** Groups across folders, of files, of an empty one, of what is no file, and one with a name outside of the tree. */
function makeLinks({ folder, at, attempt, random }: Maker): void {
  const [one, two] = [folder('links one'), folder('links two')];
  fs.writeFileSync(one('a'), random.bytes(3000));
  for (const name of [one('b'), two('c'), at('links at the top')]) fs.linkSync(one('a'), name);
  fs.writeFileSync(two('empty'), '');
  fs.linkSync(two('empty'), one('empty too'));
  fs.writeFileSync(one('large'), random.bytes(300 * KIB));
  fs.linkSync(one('large'), two('large too'));
  fs.symlinkSync('a', one('symlink'));
  attempt('a hard link to a symlink', () => fs.linkSync(one('symlink'), two('symlink too')));
  if (attempt('a fifo', () => makeNode(one('fifo'), TYPE_BITS.fifo | 0o600)))
    attempt('a hard link to a fifo', () => fs.linkSync(one('fifo'), two('fifo too')));
  // Equal files that are not linked must not become so.
  fs.writeFileSync(one('equal'), 'equal');
  fs.writeFileSync(two('equal'), 'equal');
}

function makeAttributes({ folder, attempt, random }: Maker): void {
  const at = folder('attributes');
  const owner = process.geteuid?.() ?? 0;
  const acl = aclValue([
    [ACL_TAG.userOwner, 6],
    [ACL_TAG.user, 4, owner + 1],
    [ACL_TAG.groupOwner, 4],
    [ACL_TAG.group, 6, 12_345],
    [ACL_TAG.mask, 6],
    [ACL_TAG.other, 0],
  ]);
  fs.writeFileSync(at('file'), 'with attributes');
  fs.writeFileSync(at('file with many'), '');
  fs.writeFileSync(at('file with an acl'), 'acl');
  fs.mkdirSync(at('folder'));
  fs.symlinkSync('file', at('link'));
  makeNode(at('fifo'), TYPE_BITS.fifo | 0o600);
  makeNode(at('socket'), TYPE_BITS.socket | 0o600);
  attempt('a user attribute', () => {
    setXattr(at('file'), 'user.comment', 'a comment');
    setXattr(at('file'), 'user.empty', '');
    setXattr(at('file'), 'user.bytes', Buffer.from([0, 255, 10, 0]));
    setXattr(at('file'), Buffer.from('user.\xff\xfe', 'latin1'), 'a name that is not UTF-8');
    setXattr(at('folder'), 'user.comment', 'of a folder');
  });
  // Together near what ext4 keeps for an inode; below the limit up to which they stand in the entry.
  attempt('3,000 bytes of attributes', () => {
    for (let index = 0; index < 10; index++) setXattr(at('file with many'), `user.number ${index}`, random.bytes(250));
  });
  fs.writeFileSync(at('file with large ones'), '');
  attempt('attributes of more than 4 KiB', () => {
    setXattr(at('file with large ones'), 'user.large', random.bytes(60_000));
    setXattr(at('file with large ones'), 'user.small', 'beside it');
  });
  attempt('an ACL of a file', () => setXattr(at('file with an acl'), 'system.posix_acl_access', acl));
  attempt('ACLs of a folder', () => {
    setXattr(at('folder'), 'system.posix_acl_access', acl);
    setXattr(at('folder'), 'system.posix_acl_default', acl);
    fs.writeFileSync(at('folder/inherits'), 'from the folder');
    fs.mkdirSync(at('folder/inherits too'));
  });
  attempt('an ACL of a fifo', () => setXattr(at('fifo'), 'system.posix_acl_access', acl));
  if (!isRoot) return;
  for (const name of ['file', 'folder', 'link', 'fifo', 'socket'])
    attempt(`a trusted attribute of a ${name}`, () => setXattr(at(name), 'trusted.comment', `of a ${name}`));
  fs.writeFileSync(at('program'), '#!/bin/true\n', { mode: 0o755 });
  // cap_net_raw, permitted and effective: version 2, two pairs of words.
  const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
  attempt('a capability', () => setXattr(at('program'), 'security.capability', capability));
}

/** Holes at the start, in the middle, at the end, between many pieces, and files that are nothing but a hole. */
function makeSparse({ folder, attempt, random }: Maker): void {
  const at = folder('sparse');
  const pieces = (name: string, size: number, offsets: readonly number[]): void => {
    const fd = fs.openSync(at(name), 'w');
    for (const offset of offsets) fs.writeSync(fd, random.bytes(8 * KIB), 0, 8 * KIB, offset);
    fs.ftruncateSync(fd, size);
    fs.closeSync(fd);
  };
  pieces('hole at the start', 2 * MIB, [2 * MIB - 8 * KIB]);
  pieces('hole in the middle', 2 * MIB, [0, 2 * MIB - 8 * KIB]);
  pieces('hole at the end', 2 * MIB, [0]);
  pieces('nothing but a hole', 3 * MIB, []);
  pieces('a short hole', 4097, []);
  pieces('many holes', 6 * MIB, [64 * KIB, MIB, MIB + 16 * KIB, 3 * MIB, 5 * MIB + 4 * KIB]);
  // Zeros that are written are no hole: a restore may make one, and must not need to.
  fs.writeFileSync(at('zeros'), Buffer.alloc(256 * KIB));
  attempt('holes on this filesystem', () => {
    if (fs.statSync(at('nothing but a hole')).blocks * 512 < MIB) return;
    throw Object.assign(new Error('files have no holes here'), { code: 'ENOTSUP' });
  });
}

function makeNames({ folder, attempt }: Maker): void {
  const at = folder('names');
  const names: readonly (string | Buffer)[] = [
    'caf\u00e9',
    'cafe\u0301',
    'CASE',
    'case',
    'Case',
    'new\nline',
    'escape \u001b[31m',
    'right\u202eleft',
    ' spaces ',
    '-rf',
    '...',
    'back\\slash',
    '漢字',
    '👩‍🚀',
    'x'.repeat(255),
    'é'.repeat(127),
    Buffer.from([0xff, 0xfe]),
    Buffer.from([0x61, 0xc3]),
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from('\\xff'),
    Buffer.alloc(255, 0x80),
  ];
  for (const name of names) {
    const shown = Buffer.from(name).subarray(0, 20).toString('hex');
    attempt(`the name ${shown}`, () => fs.writeFileSync(at(name), `content of ${shown}`, { flag: 'wx' }));
  }
  fs.mkdirSync(at('folder \xff'));
  attempt('a folder whose name is not UTF-8', () => {
    fs.mkdirSync(at(Buffer.from([0xfd])));
    fs.writeFileSync(at(Buffer.from([0xfd, 0x2f, 0xfc])), 'in it');
  });
}

function makeModes({ folder, attempt }: Maker, withUnreadable: boolean): void {
  const at = folder('modes');
  for (const mode of [0o4755, 0o2755, 0o6711, 0o1644, 0o444, 0o777]) {
    fs.writeFileSync(at(`file ${mode.toString(8)}`), 'x');
    attempt(`the mode ${mode.toString(8)} of a file`, () => fs.chmodSync(at(`file ${mode.toString(8)}`), mode));
  }
  for (const mode of [0o1777, 0o2770, 0o700]) {
    fs.mkdirSync(at(`folder ${mode.toString(8)}`));
    fs.writeFileSync(at(`folder ${mode.toString(8)}/file`), 'x');
    attempt(`the mode ${mode.toString(8)} of a folder`, () => fs.chmodSync(at(`folder ${mode.toString(8)}`), mode));
  }
  if (!withUnreadable) return;
  fs.writeFileSync(at('file 0'), 'nobody may read this');
  fs.mkdirSync(at('folder 0'));
  fs.writeFileSync(at('folder 0/file'), 'nor this');
  fs.chmodSync(at('file 0'), 0);
  fs.chmodSync(at('folder 0'), 0);
  if (isRoot) {
    fs.writeFileSync(at('file of another'), 'x');
    attempt('another owner', () => fs.chownSync(at('file of another'), 4_000_000_000, 12_345));
  }
}

/** At, one below and one above each length at which a chunk may or must end. */
function makeSizes({ folder, random }: Maker): void {
  const at = folder('sizes');
  for (const size of [16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB]) {
    const bytes = random.bytes(size + 1);
    // Zeros are never cut before the greatest length.
    const isZeros = size === 4 * MIB;
    for (const length of isZeros ? [size, size + 1] : [size - 1, size, size + 1])
      fs.writeFileSync(at(`${length}`), isZeros ? Buffer.alloc(length) : bytes.subarray(0, length));
  }
}

/** Any time of today’s files, to the nanosecond, for everything below a folder; the folder itself comes last. */
function setTimes(folder: Buffer, random: Seeded): void {
  let names: Buffer[] = [];
  try {
    names = fs.readdirSync(folder, { encoding: 'buffer' }).sort((left, right) => Buffer.compare(left, right));
  } catch (error) {
    // A folder that only root may read keeps what is in it as it is.
    if (codeOf(error) !== 'EACCES') throw error;
  }
  for (const name of names) {
    const path = child(folder, name);
    if (fs.lstatSync(path).isDirectory()) setTimes(path, random);
    else setTimeNs(path, BigInt(random.between(0, 1_900_000_000)) * SECOND_NS + BigInt(random.between(0, 999_999_999)));
  }
  setTimeNs(folder, BigInt(random.between(0, 1_900_000_000)) * SECOND_NS + BigInt(random.between(0, 999_999_999)));
}

/** Times from before 1970 to after 2100, to the nanosecond; folders last, since what is made in them changes theirs. */
function makeTimes({ folder, base, attempt }: Maker): void {
  const at = folder('times');
  const times: readonly (readonly [string, bigint])[] = [
    ['1901', -2_147_483_647n * SECOND_NS + 1n],
    ['just before 1970', -1n],
    ['1970', 0n],
    ['one nanosecond', 1n],
    ['2001', 1_000_000_000n * SECOND_NS + 123_456_789n],
    ['2038', 2_147_483_648n * SECOND_NS + 999_999_999n],
    ['2150', 5_680_281_600n * SECOND_NS + 7n],
    // The last year whose nanoseconds are a signed 64-bit number: what the format holds.
    ['2261', 9_214_646_400n * SECOND_NS + 1n],
  ];
  for (const [name, time] of times) {
    fs.writeFileSync(at(name), name);
    fs.symlinkSync(name, at(`link of ${name}`));
    fs.mkdirSync(at(`folder of ${name}`));
    for (const path of [at(name), at(`link of ${name}`), at(`folder of ${name}`)])
      attempt(`the time ${name}`, () => {
        setTimeNs(path, time);
        // A filesystem that can't keep a time takes the nearest one it can, without a word.
        if (fs.lstatSync(path, { bigint: true }).mtimeNs === time) return;
        throw Object.assign(new Error('another time was kept'), { code: 'ERANGE' });
      });
  }
  for (const name of fs.readdirSync(base, { encoding: 'buffer' }))
    setTimeNs(child(base, name), 1_600_000_000_000_000_001n);
  setTimeNs(base, 1_600_000_000_123_456_789n);
}
