/**
 * Writes one small file whole: created under a temporary name in its folder, private to this user, written, given owner,
 * attributes, mode and time, closed, and renamed. Everything through descriptors (descriptor-calls.ts), in whatever
 * thread this runs: descriptors belong to the process.
 *
 * Invariants: the name is taken only by a file that is complete; nothing is followed; what went wrong leaves no
 * temporary file, unless the system refuses even to remove it, and then its name tells what it is.
 */
import fs from 'node:fs';
import { assert } from '../../../src-shared/assert.ts';
import { joinPath } from '../source/index.ts';
import type { DescriptorCalls } from './descriptor-calls.ts';
import type { FileOrder } from './file-order.ts';
import { writeAroundHoles } from './holes.ts';
import { ACCESS_ACL, applyAttributes } from './target-attributes.ts';
import { nativeCalls } from './target-native.ts';
import { temporaryName } from './target-names.ts';
import { STOPPING } from './target-place.ts';

export const FILE_STATUS = {
  placed: 0,
  /** Something of that name is there and may not be replaced. */
  exists: 1,
  /** The system refused; told to `problem`. */
  failed: 2,
  /** The content is not what its hash says, or could not be decoded: to be read again, with every other copy. */
  again: 3,
  /** Nothing more can be written anywhere in the target; told to `problem`. */
  stopped: 4,
} as const;
export type FileStatus = (typeof FILE_STATUS)[keyof typeof FILE_STATUS];

/** What a writer tells of a file beside its status. */
export type FileListener = {
  /** `what`: the words of targetProblem; `code`: an errno code. */
  readonly problem: (what: string, code: string) => void;
  readonly leaveOut: (kind: string, code: string) => void;
  readonly identity: (device: bigint, inode: bigint) => void;
};

const TEMPORARY_TRIES_MAX = 16;
const SET_ID_BITS = 0o6000;
const COUNTER_DIGITS = 8;
/** What rename says where the filesystem can't promise to replace nothing. */
const NO_PROMISE: readonly string[] = ['EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'];
const IN_THE_WAY: readonly string[] = ['EEXIST', 'EISDIR', 'ENOTEMPTY'];
/** What link says on filesystems without hard links. */
const NO_LINKS: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

export class FileWriter {
  readonly #calls: DescriptorCalls;
  readonly #keepSetId: boolean;
  /** The temporary name, with a NUL; its last digits count up. */
  readonly #temporary: Buffer;
  #count = 0;

  /** `unique`: 16 hexadecimal digits that no other writer of this run has. */
  constructor(calls: DescriptorCalls, options: { readonly unique: string; readonly keepSetId: boolean }) {
    this.#calls = calls;
    this.#keepSetId = options.keepSetId;
    this.#temporary = Buffer.concat([temporaryName(options.unique, 0), Uint8Array.of(0)]);
  }

  /** `parts`: the content in order; its hash was compared by the caller. */
  place(order: FileOrder, parts: readonly Uint8Array[], listener: FileListener): FileStatus {
    const calls = this.#calls;
    const fd = this.#create(order.folder);
    if (typeof fd === 'string') return this.#trouble('can’t be restored', fd, listener);
    const code = this.#write(fd, order, parts);
    if (code !== undefined) {
      calls.close(fd);
      calls.unlink(order.folder, this.#temporary);
      return this.#trouble('can’t be written', code, listener);
    }
    const stopped = this.#dress(fd, order, listener);
    if (order.identify) {
      const { dev, ino } = fs.fstatSync(fd, { bigint: true });
      listener.identity(dev, ino);
    }
    calls.close(fd);
    if (stopped) {
      calls.unlink(order.folder, this.#temporary);
      return FILE_STATUS.stopped;
    }
    return this.#name(order, listener);
  }

  #create(folder: number): number | string {
    for (let tries = 1; ; tries++) {
      this.#nextName();
      const fd = this.#calls.create(folder, this.#temporary);
      if (fd !== 'EEXIST' || tries >= TEMPORARY_TRIES_MAX) return fd;
    }
  }

  #nextName(): void {
    const name = this.#temporary;
    let rest = this.#count++;
    for (let digit = 0; digit < COUNTER_DIGITS; digit++) {
      const value = rest & 15;
      rest >>>= 4;
      name[name.length - 2 - digit] = value < 10 ? 0x30 + value : 0x57 + value;
    }
  }

  #write(fd: number, order: FileOrder, parts: readonly Uint8Array[]): string | undefined {
    const calls = this.#calls;
    let position = 0;
    for (const part of parts) {
      const code = order.sparse
        ? writeAroundHoles(part, position, (bytes, at) => calls.write(fd, bytes, at))
        : calls.write(fd, part, position);
      if (code !== undefined) return code;
      position += part.length;
    }
    assert(position === order.size, 'a file whose hash is right has its size');
    return order.sparse ? calls.setLength(fd, order.size) : undefined;
  }

  /** Owner, attributes, mode and time, in the order of applyMetadata. True when nothing more can be written. */
  #dress(fd: number, order: FileOrder, { problem, leaveOut }: FileListener): boolean {
    const calls = this.#calls;
    let isStopped = false;
    const attempt = (what: string, code: string | undefined): boolean => {
      if (code === undefined) return true;
      problem(`was restored, but its ${what} can’t be set`, code);
      isStopped ||= STOPPING.includes(code);
      return false;
    };
    const { owner } = order;
    const ownerIsRight = owner === undefined || attempt('owner', calls.setOwner(fd, owner.uid, owner.gid));
    const keepsSetId = this.#keepSetId && ownerIsRight;
    if (order.xattrs.length > 0 || order.inheritsAcl) {
      const target = { kind: 'descriptor', fd } as const;
      // A new file has nothing to clean away but what its folder gave it.
      if (order.inheritsAcl) nativeCalls()?.attributes?.remove(target, ACCESS_ACL);
      applyAttributes(target, order.xattrs, { clean: false, keepCapabilities: keepsSetId, leaveOut });
    }
    attempt('permissions', calls.setMode(fd, order.mode & ~(keepsSetId ? 0 : SET_ID_BITS)));
    attempt('time', calls.setTime(fd, order.mtimeNs));
    return isStopped;
  }

  #name(order: FileOrder, listener: FileListener): FileStatus {
    const { folder, name, replace } = order;
    const calls = this.#calls;
    let code = calls.rename(folder, this.#temporary, name, replace);
    if (code !== undefined && !replace && NO_PROMISE.includes(code)) {
      // A link fails where the name is taken, which a plain rename does not.
      code = calls.link(folder, this.#temporary, name) ?? calls.unlink(folder, this.#temporary);
      // Between the look and the rename another program could make the name: there is no better way.
      if (code !== undefined && NO_LINKS.includes(code))
        code = isTaken(folder, name) ? 'EEXIST' : calls.rename(folder, this.#temporary, name, true);
    }
    if (code === undefined) return FILE_STATUS.placed;
    calls.unlink(folder, this.#temporary);
    return IN_THE_WAY.includes(code) ? FILE_STATUS.exists : this.#trouble('can’t be restored', code, listener);
  }

  #trouble(what: string, code: string, { problem }: FileListener): FileStatus {
    problem(what, code);
    return STOPPING.includes(code) ? FILE_STATUS.stopped : FILE_STATUS.failed;
  }
}

function isTaken(folder: number, name: Uint8Array): boolean {
  const access = joinPath(Buffer.from(`/proc/self/fd/${folder}`), name.subarray(0, -1));
  return fs.lstatSync(access, { throwIfNoEntry: false }) !== undefined;
}
