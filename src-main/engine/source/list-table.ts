/**
 * Lists a folder into a table. One descriptor, one readdir, one statx a name.
 *
 * Invariants: a name is missing from the table only if it was gone when it was looked at, or if a Problem names it. A
 * folder that can't be listed is `failed`, never an empty table; so is one that is not the folder that was expected.
 */
import fs from 'node:fs';
import type { Problem } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import { codeOfErrno } from '../kernel/index.ts';
import { joinPath, replacedProblem, resolvePath, type SourceFolder } from './folder.ts';
import { type Listing, type ListingData, ROW_WORDS, WORD, createRows } from './listing.ts';
import { type FolderNames, folderNames } from './names.ts';
import { type NativeFiles, type NativePath, nativeFiles } from './native.ts';
import { errnoOf, problemOf, problemOfCode } from './problem.ts';
import { type ListedAs, deviceParts, fileStatOf, sameObject } from './stat.ts';
import { SECONDS_MAX, storableTimeNs } from './time-range.ts';

/** Above this many names the list itself would take gigabytes; such a folder is reported, not guessed at. */
const FOLDER_ENTRIES_MAX = 20_000_000;
/** An entry that turns from a link into something else while it is looked at gets one more look. */
const LOOKS_MAX = 2;
const TWO_32 = 0x1_0000_0000;
const NANOSECONDS = 1_000_000_000;
const TYPE_BITS = 0o170000;
const LINK = 0o120000;
const { O_RDONLY = 0, O_DIRECTORY = 0, O_NONBLOCK = 0 } = fs.constants;

// eslint-disable-next-line no-control-regex -- every ASCII character but NUL may be part of a name
const ASCII = /^[\u0001-\u007f]*$/;

export type TableResult = ListingData | { readonly failed: Problem };

/** `expected` is what the listing above said of this folder. */
export function listTable(folder: SourceFolder, expected: ListedAs): TableResult {
  const own = folder.isDescriptor ? folder.descriptor?.fd : undefined;
  let fd = own;
  try {
    fd ??= fs.openSync(folder.access, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
    const names = folderNames(folder.access, expected.size, FOLDER_ENTRIES_MAX);
    if (names === 'too many') {
      const message = `this folder can’t be listed: it has more than ${FOLDER_ENTRIES_MAX} entries`;
      return { failed: { path: escapePath(folder.path), code: 'EFBIG', message } };
    }
    const table = new TableBuilder(folder, fd, names).build();
    // Names that are gone may have gone with the folder: moved away or unmounted in the middle, it would look emptied.
    if (!sameObject(fileStatOf(fs.fstatSync(fd, { bigint: true })), expected))
      return { failed: replacedProblem(folder.path) };
    return table;
  } catch (error) {
    return { failed: problemOf(folder.path, 'this folder can’t be listed', error) };
  } finally {
    if (fd !== undefined && fd !== own) fs.closeSync(fd);
  }
}

class TableBuilder {
  readonly #folder: SourceFolder;
  readonly #fd: number;
  readonly #listed: Iterable<string>;
  readonly #native: NativeFiles | undefined = nativeFiles();
  readonly #rows: Uint32Array;
  readonly #names: Buffer;
  #targets = Buffer.alloc(0);
  #count = 0;
  #namesLength = 0;
  #targetsLength = 0;
  readonly #problems: Problem[] = [];

  constructor(folder: SourceFolder, fd: number, { count, bytes, inOrder }: FolderNames) {
    this.#folder = folder;
    this.#fd = fd;
    this.#listed = inOrder;
    this.#rows = createRows(count);
    this.#names = Buffer.allocUnsafeSlow(bytes);
  }

  build(): ListingData {
    for (const latin1 of this.#listed) {
      try {
        this.#add(latin1);
      } catch (error) {
        this.#problems.push(problemOf(this.#pathOf(latin1), 'can’t be read', error));
      }
    }
    return {
      count: this.#count,
      rows: this.#rows.subarray(0, this.#count * ROW_WORDS),
      names: this.#names.subarray(0, this.#namesLength),
      targets: this.#targets.subarray(0, this.#targetsLength),
      problems: this.#problems,
    };
  }

  #add(latin1: string): void {
    for (let looks = 1; ; looks++) {
      const failure = this.#native === undefined ? this.#lookByPath(latin1) : this.#look(this.#native, latin1);
      if (failure === 'ENOENT') return;
      if (failure !== undefined) {
        this.#problems.push(problemOfCode(this.#pathOf(latin1), 'can’t be read', failure));
        return;
      }
      if (((this.#rows[this.#count * ROW_WORDS + WORD.mode] ?? 0) & TYPE_BITS) !== LINK) break;
      const target = this.#readLink(latin1, looks);
      if (target === 'gone') return;
      if (target !== 'again') {
        this.#appendTarget(target);
        break;
      }
    }
    const at = this.#count * ROW_WORDS;
    this.#namesLength += this.#names.write(latin1, this.#namesLength, 'latin1');
    this.#rows[at + WORD.nameEnd] = this.#namesLength;
    this.#rows[at + WORD.targetEnd] = this.#targetsLength;
    this.#count++;
  }

  /** Fills the next row by statx. Gives the errno code where that failed. */
  #look(native: NativeFiles, latin1: string): string | undefined {
    const result = native.stat(this.#fd, nativeName(latin1));
    if (result !== 0) return codeOfErrno(-result);
    fillRow(this.#rows, this.#count * ROW_WORDS, native.statWords);
    return undefined;
  }

  #lookByPath(latin1: string): string | undefined {
    const stats = fs.lstatSync(this.#accessOf(latin1), { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) return 'ENOENT';
    fillRowFromStats(this.#rows, this.#count * ROW_WORDS, stats);
    return undefined;
  }

  #readLink(latin1: string, looks: number): Buffer | 'gone' | 'again' {
    try {
      return fs.readlinkSync(this.#accessOf(latin1), { encoding: 'buffer' });
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'ENOENT') return 'gone';
      if (code === 'EINVAL' && looks < LOOKS_MAX) return 'again';
      throw error;
    }
  }

  #appendTarget(target: Buffer): void {
    const needed = this.#targetsLength + target.length;
    if (needed > this.#targets.length) {
      const larger = Buffer.alloc(Math.max(256, needed * 2));
      this.#targets.copy(larger, 0, 0, this.#targetsLength);
      this.#targets = larger;
    }
    this.#targetsLength += target.copy(this.#targets, this.#targetsLength);
  }

  #accessOf(latin1: string): Buffer {
    return resolvePath(this.#folder, Buffer.from(latin1, 'latin1'));
  }

  #pathOf(latin1: string): Buffer {
    return joinPath(this.#folder.path, Buffer.from(latin1, 'latin1'));
  }
}

/** A name as system calls take it: text where it is ASCII, else bytes with a final NUL. */
export function nativeName(latin1: string): NativePath {
  return ASCII.test(latin1) ? latin1 : Buffer.from(`${latin1}\0`, 'latin1');
}

/** From struct statx (linux/stat.h), whose words have the same places on all machines. */
function fillRow(rows: Uint32Array, at: number, statx: Uint32Array): void {
  rows[at + WORD.mode] = (statx[7] ?? 0) & 0xffff;
  rows[at + WORD.uid] = statx[5] ?? 0;
  rows[at + WORD.gid] = statx[6] ?? 0;
  rows[at + WORD.linkCount] = statx[4] ?? 0;
  rows[at + WORD.inode] = statx[8] ?? 0;
  rows[at + WORD.inode + 1] = statx[9] ?? 0;
  rows[at + WORD.size] = statx[10] ?? 0;
  rows[at + WORD.size + 1] = statx[11] ?? 0;
  rows[at + WORD.blocks] = statx[12] ?? 0;
  rows[at + WORD.blocks + 1] = statx[13] ?? 0;
  fillTime(rows, at + WORD.ctimeNs, ((statx[25] ?? 0) | 0) * TWO_32 + (statx[24] ?? 0), statx[26] ?? 0);
  fillTime(rows, at + WORD.mtimeNs, ((statx[29] ?? 0) | 0) * TWO_32 + (statx[28] ?? 0), statx[30] ?? 0);
  rows[at + WORD.nodeMajor] = statx[32] ?? 0;
  rows[at + WORD.nodeMinor] = statx[33] ?? 0;
  rows[at + WORD.deviceMajor] = statx[34] ?? 0;
  rows[at + WORD.deviceMinor] = statx[35] ?? 0;
}

function fillRowFromStats(rows: Uint32Array, at: number, stats: fs.BigIntStats): void {
  rows[at + WORD.mode] = Number(stats.mode);
  rows[at + WORD.uid] = Number(stats.uid);
  rows[at + WORD.gid] = Number(stats.gid);
  rows[at + WORD.linkCount] = Number(stats.nlink);
  fillLong(rows, at + WORD.inode, stats.ino);
  fillLong(rows, at + WORD.size, stats.size);
  fillLong(rows, at + WORD.blocks, stats.blocks);
  fillLong(rows, at + WORD.ctimeNs, storableTimeNs(stats.ctimeNs));
  fillLong(rows, at + WORD.mtimeNs, storableTimeNs(stats.mtimeNs));
  const node = deviceParts(stats.rdev);
  rows[at + WORD.nodeMajor] = node.major;
  rows[at + WORD.nodeMinor] = node.minor;
  const device = deviceParts(stats.dev);
  rows[at + WORD.deviceMajor] = device.major;
  rows[at + WORD.deviceMinor] = device.minor;
}

function fillLong(rows: Uint32Array, at: number, value: bigint): void {
  rows[at] = Number(BigInt.asUintN(32, value));
  rows[at + 1] = Number(BigInt.asUintN(32, value >> 32n));
}

/** seconds × 10^9 + nanoseconds as 64 bits, without a BigInt: in two steps that a double holds exactly. */
function fillTime(rows: Uint32Array, at: number, seconds: number, nanoseconds: number): void {
  const bounded = Math.max(-SECONDS_MAX, Math.min(SECONDS_MAX, seconds));
  const upper = Math.floor(bounded / 65536);
  const lower = (bounded - upper * 65536) * NANOSECONDS + nanoseconds;
  const high = upper * NANOSECONDS;
  const highUpper = Math.floor(high / 65536);
  const low = (high - highUpper * 65536) * 65536 + lower;
  rows[at] = low % TWO_32;
  rows[at + 1] = highUpper + Math.floor(low / TWO_32);
}

/** Whether statx says of an open file what the table says of a row: the same object, and unchanged since. */
export function sameRow(listing: Listing, row: number, statx: Uint32Array): boolean {
  fillRow(compared, 0, statx);
  return listing.hasRow(row, compared);
}

const compared = new Uint32Array(ROW_WORDS);
