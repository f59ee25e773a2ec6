/**
 * The few system calls that Node has no function for. Node sets times through a double, which at today's dates holds
 * steps of 238 ns; utimensat takes whole nanoseconds. renameat2 renames without replacing in one step. syncfs makes a
 * whole restore durable at once.
 *
 * They are reached through the “koffi” package (N-API, prebuilt). Everything here is optional: where koffi or a call is
 * missing the callers fall back to what Node has (target-times.ts, target-place.ts).
 */
import { createRequire } from 'node:module';
import os from 'node:os';

/** Each call gives undefined when it worked, or the errno code (“EEXIST”). Paths are bytes without a final NUL. */
export type NativeCalls = {
  readonly setFileTime: (fd: number, mtimeNs: bigint) => string | undefined;
  /** `follow` decides for a symlink (or a /proc/self/fd path): what it points to, or itself. */
  readonly setPathTime: (path: Uint8Array, mtimeNs: bigint, follow: boolean) => string | undefined;
  /** Only on Linux. “EINVAL” or “ENOSYS” where the filesystem or kernel can't. */
  readonly renameNoReplace?: (from: Uint8Array, to: Uint8Array) => string | undefined;
  readonly syncFilesystem?: (fd: number) => string | undefined;
  /** `mode` with the type bits; `device` as the kernel's dev_t. */
  readonly makeNode?: (path: Uint8Array, mode: number, device: bigint) => string | undefined;
};

type ForeignFunction = (...values: readonly unknown[]) => unknown;
type Koffi = {
  readonly load: (library: null) => { readonly func: (declaration: string) => ForeignFunction };
  readonly errno: () => number;
};
type Caller = (run: ForeignFunction, ...values: readonly unknown[]) => string | undefined;

/** Two 64-bit fields in struct timespec: true of the 64-bit platforms, and only those are trusted with it. */
const ARCHITECTURES: readonly string[] = ['x64', 'arm64'];
const CONSTANTS = {
  linux: { currentFolder: -100, noFollow: 0x100, omitTime: 0x3ffffffen },
  darwin: { currentFolder: -2, noFollow: 0x20, omitTime: -2n },
} as const;
const RENAME_NOREPLACE = 1;
const NANOSECONDS = 1_000_000_000n;

let loaded: { readonly calls: NativeCalls | undefined } | undefined;

/** The calls of this system, or undefined where there are none. Loaded and tried out once. */
export function nativeCalls(): NativeCalls | undefined {
  loaded ??= { calls: load() };
  return loaded.calls;
}

function load(): NativeCalls | undefined {
  const { platform, arch } = process;
  if ((platform !== 'linux' && platform !== 'darwin') || !ARCHITECTURES.includes(arch)) return undefined;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    const calls = bind(koffi, platform);
    // Called, not looked at: a descriptor that can't exist must be refused with exactly this code.
    return calls.setFileTime(-1, 0n) === 'EBADF' ? calls : undefined;
  } catch {
    // No koffi, none for this system, or a libc without one of the functions: the fallbacks are complete.
    return undefined;
  }
}

function bind(koffi: Koffi, platform: 'linux' | 'darwin'): NativeCalls {
  const { currentFolder, noFollow, omitTime } = CONSTANTS[platform];
  const library = koffi.load(null);
  // Reversed, so that of two names for one number the usual one stays (EAGAIN, not EWOULDBLOCK).
  const named = Object.entries(os.constants.errno).reverse();
  const codes = new Map(named.map(([code, number]) => [number, code]));
  const call: Caller = (run, ...values) => (run(...values) === 0 ? undefined : (codes.get(koffi.errno()) ?? 'EIO'));

  const futimens = library.func('int futimens(int fd, void *times)');
  const utimensat = library.func('int utimensat(int folder, void *path, void *times, int flags)');
  const times = new BigInt64Array(4);
  times[1] = omitTime;
  const setTimes = (mtimeNs: bigint): BigInt64Array => {
    const rest = mtimeNs % NANOSECONDS;
    const nanoseconds = rest < 0n ? rest + NANOSECONDS : rest;
    times[2] = (mtimeNs - nanoseconds) / NANOSECONDS;
    times[3] = nanoseconds;
    return times;
  };
  const calls: NativeCalls = {
    setFileTime: (fd, mtimeNs) => call(futimens, fd, setTimes(mtimeNs)),
    setPathTime: (path, mtimeNs, follow) =>
      call(utimensat, currentFolder, terminated(path), setTimes(mtimeNs), follow ? 0 : noFollow),
  };
  if (platform === 'darwin') return calls;
  const renameat2 = optional(
    library,
    'int renameat2(int fromFolder, void *from, int toFolder, void *to, unsigned int flags)',
  );
  const syncfs = optional(library, 'int syncfs(int fd)');
  const mknod = optional(library, 'int mknod(void *path, unsigned int mode, uint64_t device)');
  return {
    ...calls,
    ...(renameat2 && {
      renameNoReplace: (from, to) =>
        call(renameat2, currentFolder, terminated(from), currentFolder, terminated(to), RENAME_NOREPLACE),
    }),
    ...(syncfs && { syncFilesystem: (fd) => call(syncfs, fd) }),
    ...(mknod && { makeNode: (path, mode, device) => call(mknod, terminated(path), mode, device) }),
  };
}

/** Not every libc has every one (musl, glibc before 2.33). */
function optional(library: ReturnType<Koffi['load']>, declaration: string): ForeignFunction | undefined {
  try {
    return library.func(declaration);
  } catch {
    return undefined;
  }
}

const NUL = Uint8Array.of(0);

function terminated(path: Uint8Array): Buffer {
  return Buffer.concat([path, NUL]);
}
