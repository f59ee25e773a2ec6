/**
 * An independent witness: reads two folder trees and says how they differ, in content and in metadata. It shares no
 * code with Cairn, so that a mistake of Cairn's can't hide itself.
 *
 *   node test/support/walker.ts A B [--ignore mtime,mode,owner,links,xattrs] [--holes]
 *
 * prints one line per difference and exits with 1 if there is any, with 2 if a tree can't be read.
 * Compared: which names exist, type, permission bits, owner, modification time to the nanosecond, size, SHA-256 of the
 * content, target of links, numbers of devices, extended attributes with the ACLs among them, and which names are hard
 * links of each other. Of the two folders themselves, too. With --holes (compareHoles): files that take more room in B
 * than in A. Not compared: ctime, atime, inode numbers, and the size of folders, which no restore can choose.
 */
import { createHash, hash } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readXattrs } from './native.ts';

export type WalkRecord = {
  /** Raw bytes of the path below the root, as hex; empty for the root itself. */
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'char-device' | 'block-device';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  /** Of files; 0 for everything else. */
  readonly size: number;
  /** SHA-256 as hex, of files only. */
  readonly content: string;
  /** Raw bytes as hex, of symlinks only. */
  readonly linkTarget: string;
  readonly device: string;
  /** For a file of several names within the tree: the first of them, in order, as hex. */
  readonly hardLinkOf: string;
  /** “name=value” of each, names as latin1, values as hex, sorted; what the system alone decides is left out. */
  readonly xattrs: readonly string[];
  /** Bytes on disk, of files; 0 for everything else. */
  readonly storedBytes: number;
};

const IGNORABLE = ['mtime', 'mode', 'owner', 'links', 'xattrs'] as const;
export type IgnoredField = (typeof IGNORABLE)[number];

/** Attributes that a security module gives each file by its place, or seals to its inode. */
const XATTRS_OF_SYSTEM: readonly string[] = ['security.selinux', 'security.evm'];
/** Room that a file may take beyond the other's: filesystems round and preallocate in their own ways. */
const HOLE_ALLOWANCE_BYTES = 64 * 1024;

const BLOCK_BYTES = 1 << 20;
/** Longest path that is handed to the system as it is; beyond, the walk goes on from an open folder. */
const PATH_BYTES_SAFE = 3000;

/** Bytes as text, a character each (latin1): joined and compared far faster than buffers are. */
type Bytes = string;
/** `path` below the root, and `access` for the system. */
type Place = { readonly access: Bytes; readonly path: Bytes };
type Walk = { readonly records: WalkRecord[]; readonly block: Buffer; readonly skip: ReadonlySet<Bytes> };

/** Every entry of a tree, sorted by the raw bytes of its path. Throws when anything can't be read. `skip`: paths to leave out. */
export function walkTree(root: string | Buffer, options: { readonly skip?: readonly string[] } = {}): WalkRecord[] {
  const skip = new Set((options.skip ?? []).map((path) => Buffer.from(path).toString('latin1')));
  const walk: Walk = { records: [], block: Buffer.alloc(BLOCK_BYTES), skip };
  visit(walk, { access: realpathSync.native(root, { encoding: 'buffer' }).toString('latin1'), path: '' });
  walk.records.sort((left, right) => (left.path < right.path ? -1 : left.path > right.path ? 1 : 0));
  return nameHardLinks(walk.records);
}

// eslint-disable-next-line no-control-regex -- every ASCII character but NUL may be part of a name
const ASCII = /^[\u0001-\u007f]*$/;

/** As the system takes it: text where that is the same bytes, which is faster. */
const forSystem = (bytes: Bytes): string | Buffer => (ASCII.test(bytes) ? bytes : Buffer.from(bytes, 'latin1'));
const hexOf = (bytes: Bytes): string => Buffer.from(bytes, 'latin1').toString('hex');

function visit(walk: Walk, place: Place): void {
  if (walk.skip.has(place.path)) return;
  const access = forSystem(place.access);
  const stats = lstatSync(access, { bigint: true });
  const type = typeOf(stats);
  walk.records.push({
    path: hexOf(place.path),
    type,
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    mtimeNs: stats.mtimeNs,
    size: type === 'file' ? Number(stats.size) : 0,
    content: type === 'file' ? hashFile(access, walk.block) : '',
    linkTarget: type === 'symlink' ? readlinkSync(access, { encoding: 'buffer' }).toString('hex') : '',
    device: type.endsWith('device') ? stats.rdev.toString() : '',
    hardLinkOf: type !== 'directory' && stats.nlink > 1n ? `${stats.dev}:${stats.ino}` : '',
    xattrs: xattrsOf(access),
    storedBytes: type === 'file' ? Number(stats.blocks) * 512 : 0,
  });
  if (type !== 'directory') return;
  const isDeep = process.platform === 'linux' && place.access.length > PATH_BYTES_SAFE;
  const fd = isDeep ? openSync(access, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW) : undefined;
  const folder = fd === undefined ? place.access : `/proc/self/fd/${fd}`;
  for (const name of readdirSync(forSystem(folder), { encoding: 'latin1' })) {
    visit(walk, { access: `${folder}/${name}`, path: place.path === '' ? name : `${place.path}/${name}` });
  }
  if (fd !== undefined) closeSync(fd);
}

/** Shared by all entries that have none. */
const NONE: readonly string[] = [];

function xattrsOf(access: string | Buffer): readonly string[] {
  if (process.platform !== 'linux') return NONE;
  const xattrs = readXattrs(access);
  if (xattrs.length === 0) return NONE;
  return xattrs
    .filter(({ name }) => !XATTRS_OF_SYSTEM.includes(name))
    .map(({ name, value }) => `${name}=${value.toString('hex')}`);
}

function typeOf(stats: BigIntStats): WalkRecord['type'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isSocket()) return 'socket';
  if (stats.isCharacterDevice()) return 'char-device';
  return 'block-device';
}

/** Of all of a file: as many bytes were read as the file has when they were. */
function hashFile(access: string | Buffer, block: Buffer): string {
  const fd = openSync(access, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const first = readSync(fd, block, 0, block.length, null);
    if (first < block.length && fstatSync(fd).size === first) return hash('sha256', block.subarray(0, first), 'hex');
    const hasher = createHash('sha256').update(block.subarray(0, first));
    let total = first;
    for (;;) {
      const count = readSync(fd, block, 0, block.length, null);
      if (count === 0) break;
      hasher.update(block.subarray(0, count));
      total += count;
    }
    if (fstatSync(fd).size !== total)
      throw new Error(`${show(Buffer.from(access).toString('hex'))} changed while it was read`);
    return hasher.digest('hex');
  } finally {
    closeSync(fd);
  }
}

/** Replaces inode numbers by the first name in the tree, so that two trees can be compared. A name alone is no link. */
function nameHardLinks(records: WalkRecord[]): WalkRecord[] {
  const groups = new Map<string, string[]>();
  for (const record of records) {
    if (record.hardLinkOf === '') continue;
    const paths = groups.get(record.hardLinkOf);
    if (paths === undefined) groups.set(record.hardLinkOf, [record.path]);
    else paths.push(record.path);
  }
  for (const [index, record] of records.entries()) {
    if (record.hardLinkOf === '') continue;
    const paths = groups.get(record.hardLinkOf);
    records[index] = { ...record, hardLinkOf: paths !== undefined && paths.length > 1 ? (paths[0] ?? '') : '' };
  }
  return records;
}

/** One line per difference between two walks (in the order of their paths) or two folders; empty when they are the same. */
export function compareTrees(
  left: string | Buffer | readonly WalkRecord[],
  right: string | Buffer | readonly WalkRecord[],
  options: { readonly ignore?: readonly IgnoredField[] } = {},
): string[] {
  const differences: string[] = [];
  for (const [before, after] of inStep(recordsOf(left), recordsOf(right))) {
    const path = before?.path ?? after?.path ?? '';
    if (before === undefined) differences.push(`only in the second: ${show(path)}`);
    else if (after === undefined) differences.push(`only in the first: ${show(path)}`);
    else
      for (const text of compareRecords(before, after, options.ignore ?? []))
        differences.push(`${show(path)}: ${text}`);
  }
  return differences;
}

/**
 * Both walks in the order of their paths, side by side. Not by a map: of a million paths that differ in a few digits most
 * fall into the same slots of V8's, and what should take seconds took a quarter of an hour.
 */
function* inStep(
  left: readonly WalkRecord[],
  right: readonly WalkRecord[],
): Generator<[WalkRecord | undefined, WalkRecord | undefined]> {
  let [l, r] = [0, 0];
  for (;;) {
    const [a, b] = [left[l], right[r]];
    if (a === undefined && b === undefined) return;
    const isLeft = a !== undefined && (b === undefined || a.path <= b.path);
    const isRight = b !== undefined && (a === undefined || b.path <= a.path);
    if (isLeft) l++;
    if (isRight) r++;
    yield [isLeft ? a : undefined, isRight ? b : undefined];
  }
}

/**
 * Files that take clearly more room in the second tree than in the first: their holes were filled. Separate from
 * compareTrees, for it is no difference in what the files are. Names that only one has are passed over.
 */
export function compareHoles(
  left: string | Buffer | readonly WalkRecord[],
  right: string | Buffer | readonly WalkRecord[],
): string[] {
  const found: string[] = [];
  for (const [before, after] of inStep(recordsOf(left), recordsOf(right))) {
    if (before === undefined || after === undefined || after.storedBytes <= before.storedBytes + HOLE_ALLOWANCE_BYTES)
      continue;
    found.push(`${show(after.path)}: takes ${before.storedBytes} and ${after.storedBytes} bytes on disk`);
  }
  return found;
}

function recordsOf(tree: string | Buffer | readonly WalkRecord[]): readonly WalkRecord[] {
  return typeof tree === 'string' || Buffer.isBuffer(tree) ? walkTree(tree) : tree;
}

function compareRecords(a: WalkRecord, b: WalkRecord, ignore: readonly IgnoredField[]): string[] {
  if (a.type !== b.type) return [`${a.type} and ${b.type}`];
  const found: string[] = [];
  const differ = (what: string, left: string | number | bigint, right: string | number | bigint): void => {
    if (left !== right) found.push(`${what} ${left} and ${right}`);
  };
  differ('size', a.size, b.size);
  differ('content', a.content, b.content);
  differ('link target', show(a.linkTarget), show(b.linkTarget));
  differ('device', a.device, b.device);
  if (!ignore.includes('links')) differ('hard link of', show(a.hardLinkOf), show(b.hardLinkOf));
  if (!ignore.includes('xattrs')) {
    for (const xattr of a.xattrs) if (!b.xattrs.includes(xattr)) found.push(`attribute ${xattr} only in the first`);
    for (const xattr of b.xattrs) if (!a.xattrs.includes(xattr)) found.push(`attribute ${xattr} only in the second`);
  }
  if (!ignore.includes('mode')) differ('mode', a.mode.toString(8), b.mode.toString(8));
  if (!ignore.includes('mtime')) differ('mtime', a.mtimeNs, b.mtimeNs);
  if (!ignore.includes('owner')) differ('owner', `${a.uid}:${a.gid}`, `${b.uid}:${b.gid}`);
  return found;
}

// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

function show(hex: string): string {
  const text = Buffer.from(hex, 'hex').toString('utf8');
  const isPlain = Buffer.from(text).toString('hex') === hex && !UNSAFE.test(text);
  return isPlain ? `“${text}”` : `bytes ${hex}`;
}

function main(): number {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { ignore: { type: 'string', default: '' }, holes: { type: 'boolean', default: false } },
  });
  const [left, right] = positionals;
  if (left === undefined || right === undefined || positionals.length !== 2) {
    process.stderr.write('usage: node test/support/walker.ts A B [--ignore mtime,mode,owner,links,xattrs] [--holes]\n');
    return 2;
  }
  try {
    const first = walkTree(left);
    const ignored = values.ignore.split(',');
    const ignore = IGNORABLE.filter((field) => ignored.includes(field));
    const second = walkTree(right);
    const differences = [
      ...compareTrees(first, second, { ignore }),
      ...(values.holes ? compareHoles(first, second) : []),
    ];
    for (const line of differences) process.stdout.write(`${line}\n`);
    process.stderr.write(
      `${first.length} entries compared, ${differences.length === 0 ? 'no difference' : `${differences.length} differences`}\n`,
    );
    return differences.length === 0 ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
}

const started = process.argv[1];
if (started !== undefined && realpathSync(started) === fileURLToPath(import.meta.url)) process.exitCode = main();
