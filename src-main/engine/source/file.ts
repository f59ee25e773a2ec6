/**
 * One regular file of a source, opened so that nothing but that file can be read.
 *
 * Invariants: never follows a link, never waits for a FIFO's other end, never reads an object other than the one that
 * was listed; what changes while it is read is reported by close(). `stat` is the file as it was when it was opened:
 * that is what belongs to the bytes, not the listing, which may be older.
 */
import fs from 'node:fs';
import { assert } from '../../../src-shared/assert.ts';
import type { Problem } from '../../../src-shared/errors.ts';
import { errnoOf, problemOf } from './problem.ts';
import { type FileStat, fileStatOf, sameObject } from './stat.ts';

const { O_RDONLY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_NOATIME = 0 } = fs.constants;
const FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

export type OpenFileResult =
  | { readonly kind: 'opened'; readonly file: SourceFile }
  /** Gone since the listing: not a problem, a deletion. */
  | { readonly kind: 'vanished' }
  /** Another object, or no regular file, is there now. List the folder again. */
  | { readonly kind: 'replaced' }
  | { readonly kind: 'failed'; readonly problem: Problem };

/**
 * Opens a file for reading. `path` is what resolvePath gives, `expected` what the listing said, `problemPath` the whole
 * path for people (the same as `path` unless it goes through a descriptor).
 */
export function openSourceFile(path: Buffer, expected: FileStat, problemPath: Uint8Array = path): OpenFileResult {
  let fd: number;
  try {
    fd = openWithoutAccessTime(path, expected.uid);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT') return { kind: 'vanished' };
    // ELOOP: a link (O_NOFOLLOW). ENXIO: a socket, or a FIFO on some systems.
    if (code === 'ELOOP' || code === 'ENXIO') return { kind: 'replaced' };
    return { kind: 'failed', problem: problemOf(problemPath, 'can’t be read', error) };
  }
  try {
    const stat = fileStatOf(fs.fstatSync(fd, { bigint: true }));
    if (stat.nodeType !== 'file' || !sameObject(stat, expected)) {
      fs.closeSync(fd);
      return { kind: 'replaced' };
    }
    return { kind: 'opened', file: new SourceFile(fd, stat, problemPath) };
  } catch (error) {
    fs.closeSync(fd);
    return { kind: 'failed', problem: problemOf(problemPath, 'can’t be read', error) };
  }
}

type ReadOn = (buffer: Uint8Array, offset: number, length: number) => number | Problem;

/**
 * Reads on and on from an open file, from its first byte. Gives the count, less than `length` only at the end of the
 * file, or a Problem. A file that grows as fast as it is read never ends: the caller stops at a size of its choice.
 */
export function readerOf(fd: number, path: Uint8Array): ReadOn {
  let position = 0;
  return (buffer, offset, length) => {
    let filled = 0;
    try {
      while (filled < length) {
        const count = fs.readSync(fd, buffer, offset + filled, length - filled, position);
        if (count === 0) break;
        filled += count;
        position += count;
      }
      return filled;
    } catch (error) {
      return problemOf(path, 'can’t be read', error);
    }
  };
}

export class SourceFile {
  /** As it was when it was opened. */
  readonly stat: FileStat;
  readonly #read: ReadOn;
  #fd: number | undefined;

  constructor(fd: number, stat: FileStat, path: Uint8Array) {
    this.#fd = fd;
    this.stat = stat;
    this.#read = readerOf(fd, path);
  }

  /** For a thread that reads it; it stays open until `close`. */
  get descriptor(): number {
    return this.#openFd();
  }

  /** As readerOf: reads on from where it is. */
  readInto(buffer: Uint8Array, offset: number, length: number): number | Problem {
    assert(this.#fd !== undefined, 'a source file is not used after it is closed');
    return this.#read(buffer, offset, length);
  }

  /**
   * Closes the file and says whether size, mtime or ctime are other than when it was opened: then what was read may be
   * a mix of before and after. A write within the same tick of the kernel's clock (4 ms) after the last look is not
   * seen; the next backup reads files again whose mtime is that close to the reading.
   */
  close(): { readonly changed: boolean; readonly stat: FileStat } {
    const fd = this.#openFd();
    this.#fd = undefined;
    try {
      const stat = fileStatOf(fs.fstatSync(fd, { bigint: true }));
      const { size, mtimeNs, ctimeNs } = this.stat;
      return { changed: stat.size !== size || stat.mtimeNs !== mtimeNs || stat.ctimeNs !== ctimeNs, stat };
    } catch (error) {
      // A network drive may refuse even fstat (ESTALE). What was read is then in doubt, which is what “changed” means.
      if (errnoOf(error) === undefined) throw error;
      return { changed: true, stat: this.stat };
    } finally {
      fs.closeSync(fd);
    }
  }

  #openFd(): number {
    assert(this.#fd !== undefined, 'a source file is not used after it is closed');
    return this.#fd;
  }
}

/** Reading should not count as an access; only the owner and root may ask for that, and not every filesystem agrees. */
function openWithoutAccessTime(path: Buffer, ownerUid: number): number {
  const user = process.geteuid?.();
  if (O_NOATIME !== 0 && (user === 0 || user === ownerUid)) {
    try {
      return fs.openSync(path, FLAGS | O_NOATIME);
    } catch (error) {
      if (errnoOf(error) !== 'EPERM') throw error;
    }
  }
  return fs.openSync(path, FLAGS);
}
