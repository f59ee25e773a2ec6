/**
 * The few system calls that Node has no function for. Node sets times through a double, which at today's dates holds
 * steps of 238 ns; utimensat takes whole nanoseconds. renameat2 renames without replacing in one step. syncfs makes a
 * whole restore durable at once. Extended attributes Node does not know at all.
 *
 * They are reached through the “koffi” package (N-API, prebuilt). Everything here is optional: where koffi or a call is
 * missing the callers fall back to what Node has (target-times.ts, target-place.ts).
 */
import { type ForeignFunction, type Koffi, codeOfErrno, loadKoffi } from '../kernel/index.ts';

/** An open file, or a path whose last name is followed where it is a link, or not. */
export type CallTarget =
  | { readonly kind: 'descriptor'; readonly fd: number }
  | { readonly kind: 'path'; readonly path: Uint8Array; readonly follow: boolean };

/** Extended attributes. Names are bytes without a final NUL. */
export type AttributeCalls = {
  readonly set: (target: CallTarget, name: Uint8Array, value: Uint8Array) => string | undefined;
  readonly remove: (target: CallTarget, name: Uint8Array) => string | undefined;
  /** The names, or the errno code. */
  readonly list: (target: CallTarget) => readonly Buffer[] | string;
  /** Whether a folder gives what is made in it an access control list. */
  readonly hasDefaultAcl: (folderPath: Uint8Array) => boolean;
};

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
  readonly attributes?: AttributeCalls;
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
    const calls = bind(loadKoffi(), platform);
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
  const call: Caller = (run, ...values) => (run(...values) === 0 ? undefined : codeOfErrno(koffi.errno()));

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
  const attributes = bindAttributes(koffi, library, call);
  return {
    ...calls,
    ...(attributes && { attributes }),
    ...(renameat2 && {
      renameNoReplace: (from, to) =>
        call(renameat2, currentFolder, terminated(from), currentFolder, terminated(to), RENAME_NOREPLACE),
    }),
    ...(syncfs && { syncFilesystem: (fd) => call(syncfs, fd) }),
    ...(mknod && { makeNode: (path, mode, device) => call(mknod, terminated(path), mode, device) }),
  };
}

const ATTRIBUTE_LIST_BYTES_MAX = 64 * 1024;
const DEFAULT_ACL = Buffer.from('system.posix_acl_default\0');

/** Linux only: macOS has other parameters, and no access control lists of this kind. */
function bindAttributes(koffi: Koffi, library: ReturnType<Koffi['load']>, call: Caller): AttributeCalls | undefined {
  const triple = (name: string, after: string): Record<CallTarget['kind'] | 'link', ForeignFunction> => ({
    descriptor: library.func(name.replace('@', 'f').replace('#', `int fd${after}`)),
    path: library.func(name.replace('@', '').replace('#', `void *path${after}`)),
    link: library.func(name.replace('@', 'l').replace('#', `void *path${after}`)),
  });
  try {
    const set = triple('int @setxattr(#)', ', void *name, void *value, size_t size, int flags');
    const remove = triple('int @removexattr(#)', ', void *name');
    const list = triple('int64_t @listxattr(#)', ', void *list, size_t size');
    const get = library.func('int64_t getxattr(void *path, void *name, void *value, size_t size)');
    const of = (calls: typeof set, target: CallTarget): ForeignFunction =>
      target.kind === 'descriptor' ? calls.descriptor : target.follow ? calls.path : calls.link;
    const place = (target: CallTarget): unknown => (target.kind === 'descriptor' ? target.fd : terminated(target.path));
    const names = Buffer.alloc(ATTRIBUTE_LIST_BYTES_MAX);
    return {
      set: (target, name, value) => call(of(set, target), place(target), terminated(name), value, value.length, 0),
      remove: (target, name) => call(of(remove, target), place(target), terminated(name)),
      list: (target) => {
        const length = Number(of(list, target)(place(target), names, names.length));
        return length < 0 ? codeOfErrno(koffi.errno()) : splitNames(names.subarray(0, length));
      },
      hasDefaultAcl: (folderPath) => Number(get(terminated(folderPath), DEFAULT_ACL, null, 0)) > 0,
    };
  } catch {
    // A libc without them.
    return undefined;
  }
}

function splitNames(list: Buffer): readonly Buffer[] {
  const names: Buffer[] = [];
  for (let from = 0; from < list.length;) {
    const end = list.indexOf(0, from);
    names.push(Buffer.from(list.subarray(from, end)));
    from = end + 1;
  }
  return names;
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
