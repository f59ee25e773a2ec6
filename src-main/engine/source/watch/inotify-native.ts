/**
 * inotify(7) itself, through the “koffi” package. Beside what libraries make of it, it tells three things that they keep
 * to themselves: that the queue overflowed, the bytes of a name, and that a watch has ended.
 */
import os from 'node:os';
import { type Koffi, codeOfErrno, loadKoffi } from '../../kernel/index.ts';

export type Inotify = {
  /** A watch descriptor; negative: -errno. The same folder has the same descriptor, under whatever path. */
  readonly add: (path: Buffer) => number;
  readonly remove: (watch: number) => void;
  /** Bytes of whole events that were read, 0 when there are none, -errno. */
  readonly read: (into: Uint8Array) => number;
  readonly close: () => void;
};

/** Bits of an event's mask; inotify(7). The same on every processor. */
export const MASK = {
  modify: 0x2,
  attributes: 0x4,
  closeWrite: 0x8,
  movedFrom: 0x40,
  movedTo: 0x80,
  create: 0x100,
  delete: 0x200,
  deleteSelf: 0x400,
  moveSelf: 0x800,
  unmount: 0x2000,
  overflow: 0x4000,
  ignored: 0x8000,
  isFolder: 0x4000_0000,
} as const;
const ONLY_FOLDERS = 0x0100_0000;
const DONT_FOLLOW = 0x0200_0000;
/** No events of a file that has no name any more: programs write into those for hours. */
const EXCLUDE_UNLINKED = 0x0400_0000;
/**
 * closeWrite: a program that wrote through a memory map is heard of when it closes the file, and never before. modify:
 * one that keeps a file open for hours is heard of at all.
 */
const WATCHED =
  MASK.modify |
  MASK.attributes |
  MASK.closeWrite |
  MASK.movedFrom |
  MASK.movedTo |
  MASK.create |
  MASK.delete |
  MASK.deleteSelf |
  MASK.moveSelf |
  ONLY_FOLDERS |
  DONT_FOLLOW |
  EXCLUDE_UNLINKED;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const NUL = Buffer.alloc(1);

let loaded: { readonly calls: Calls | undefined } | undefined;
type Calls = ReturnType<typeof bind>;

/** False where there is no inotify, or no way to call it. */
export function hasInotify(): boolean {
  loaded ??= { calls: load() };
  return loaded.calls !== undefined;
}

/** A queue of its own. Gives -errno where the system has none left. */
export function openInotify(): Inotify | number {
  if (!hasInotify() || loaded?.calls === undefined) return -os.constants.errno.ENOSYS;
  const { init, add, remove, read, close, failed } = loaded.calls;
  let fd = failed(init(O_NONBLOCK | O_CLOEXEC));
  if (fd < 0) return fd;
  return {
    add: (path) => failed(add(fd, Buffer.concat([path, NUL]), WATCHED)),
    remove: (watch) => {
      remove(fd, watch);
    },
    read: (into) => {
      const count = failed(read(fd, into, into.length));
      return count === -os.constants.errno.EAGAIN || count === -os.constants.errno.EINTR ? 0 : count;
    },
    close: () => {
      if (fd >= 0) close(fd);
      // The number will be given to something else: from here on every call fails.
      fd = -1;
    },
  };
}

/** “ENOSPC” for -28. */
export function codeOfResult(result: number): string {
  return codeOfErrno(-result);
}

function load(): Calls | undefined {
  if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64')) return undefined;
  try {
    const calls = bind(loadKoffi());
    // Called, not looked at: a sandbox may forbid what the library exports.
    const nowhere = calls.failed(calls.remove(-1, 0));
    return nowhere === -os.constants.errno.EBADF ? calls : undefined;
  } catch {
    // No koffi, or none for this system.
    return undefined;
  }
}

function bind(koffi: Koffi) {
  const library = koffi.load(null);
  return {
    init: library.func('int inotify_init1(int flags)'),
    add: library.func('int inotify_add_watch(int fd, void *path, uint32_t mask)'),
    remove: library.func('int inotify_rm_watch(int fd, int watch)'),
    read: library.func('intptr_t read(int fd, void *into, size_t count)'),
    close: library.func('int close(int fd)'),
    failed: (result: unknown): number => (result === -1 ? -koffi.errno() : Number(result)),
  };
}
