/**
 * System calls on descriptors for the path that every restored file takes: a call through koffi costs a third of Node's
 * own (open, write, fchown, fchmod, futimens, close and rename of an 11 KB file in 12 µs against 31, Node 24, 2026),
 * and takes the folder's descriptor with a name in it, so that no path is looked up.
 *
 * Linux only, where a folder is held by an O_PATH descriptor. Elsewhere, and where koffi is missing, target-file.ts
 * does the same through Node.
 */
import fs from 'node:fs';
import { type ForeignFunction, type Koffi, codeOfErrno, loadKoffi } from '../kernel/index.ts';

/** A call gives undefined when it worked, or the errno code (“EEXIST”). Names are bytes that end with a NUL. */
export type DescriptorCalls = {
  /** Makes a file that must not be there yet, private to this user. Gives its descriptor, or the errno code. */
  readonly create: (folder: number, name: Uint8Array) => number | string;
  /** Writes all bytes at a position. */
  readonly write: (fd: number, bytes: Uint8Array, position: number) => string | undefined;
  readonly setLength: (fd: number, sizeBytes: number) => string | undefined;
  readonly setOwner: (fd: number, uid: number, gid: number) => string | undefined;
  readonly setMode: (fd: number, mode: number) => string | undefined;
  readonly setTime: (fd: number, mtimeNs: bigint) => string | undefined;
  readonly close: (fd: number) => void;
  /** Without `replace` EEXIST where the name is taken; EINVAL or ENOSYS where the filesystem can't promise that. */
  readonly rename: (folder: number, from: Uint8Array, to: Uint8Array, replace: boolean) => string | undefined;
  readonly link: (folder: number, from: Uint8Array, to: Uint8Array) => string | undefined;
  readonly unlink: (folder: number, name: Uint8Array) => string | undefined;
};

const { O_WRONLY = 0, O_CREAT = 0, O_EXCL = 0, O_NOFOLLOW = 0 } = fs.constants;
/** Not in fs.constants; the same number on x64 and arm64. */
const O_CLOEXEC = 0o2_000_000;
const CREATE_FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
const PRIVATE_FILE = 0o600;
const RENAME_NOREPLACE = 1;
const OMIT_TIME = 0x3ffffffen;
const NANOSECONDS = 1_000_000_000n;

let loaded: { readonly calls: DescriptorCalls | undefined } | undefined;

/** The calls, or undefined where this system has none of them. Loaded and tried out once a thread. */
export function descriptorCalls(): DescriptorCalls | undefined {
  loaded ??= { calls: load() };
  return loaded.calls;
}

function load(): DescriptorCalls | undefined {
  if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64')) return undefined;
  try {
    const calls = bind(loadKoffi());
    // Called, not looked at: a descriptor that can't exist must be refused with exactly this code.
    return calls.setMode(-1, 0) === 'EBADF' ? calls : undefined;
  } catch {
    // No koffi, none for this system, or a libc without one of the functions: the fallbacks are complete.
    return undefined;
  }
}

function bind(koffi: Koffi): DescriptorCalls {
  const library = koffi.load(null);
  const failure = (): string => codeOfErrno(koffi.errno());
  const call = (run: ForeignFunction, ...values: readonly unknown[]): string | undefined =>
    run(...values) === 0 ? undefined : failure();
  const openat = library.func('int openat(int folder, void *name, int flags, unsigned int mode)');
  const pwrite = library.func('int64_t pwrite(int fd, void *bytes, size_t count, int64_t position)');
  const ftruncate = library.func('int ftruncate(int fd, int64_t size)');
  const fchown = library.func('int fchown(int fd, unsigned int uid, unsigned int gid)');
  const fchmod = library.func('int fchmod(int fd, unsigned int mode)');
  const futimens = library.func('int futimens(int fd, void *times)');
  const close = library.func('int close(int fd)');
  const renameat2 = library.func('int renameat2(int folder, void *from, int other, void *to, unsigned int flags)');
  const linkat = library.func('int linkat(int folder, void *from, int other, void *to, int flags)');
  const unlinkat = library.func('int unlinkat(int folder, void *name, int flags)');
  const times = BigInt64Array.of(0n, OMIT_TIME, 0n, 0n);
  return {
    create: (folder, name) => {
      const fd = Number(openat(folder, name, CREATE_FLAGS, PRIVATE_FILE));
      return fd < 0 ? failure() : fd;
    },
    write: (fd, bytes, position) => {
      for (let written = 0; written < bytes.length;) {
        const rest = written === 0 ? bytes : bytes.subarray(written);
        const count = Number(pwrite(fd, rest, rest.length, position + written));
        if (count < 0) {
          const code = failure();
          if (code !== 'EINTR') return code;
        } else if (count === 0) return 'EIO';
        else written += count;
      }
      return undefined;
    },
    setLength: (fd, sizeBytes) => call(ftruncate, fd, sizeBytes),
    setOwner: (fd, uid, gid) => call(fchown, fd, uid, gid),
    setMode: (fd, mode) => call(fchmod, fd, mode),
    setTime: (fd, mtimeNs) => {
      const rest = mtimeNs % NANOSECONDS;
      const nanoseconds = rest < 0n ? rest + NANOSECONDS : rest;
      times[2] = (mtimeNs - nanoseconds) / NANOSECONDS;
      times[3] = nanoseconds;
      return call(futimens, fd, times);
    },
    close: (fd) => void close(fd),
    rename: (folder, from, to, replace) => call(renameat2, folder, from, folder, to, replace ? 0 : RENAME_NOREPLACE),
    link: (folder, from, to) => call(linkat, folder, from, folder, to, 0),
    unlink: (folder, name) => call(unlinkat, folder, name, 0),
  };
}
