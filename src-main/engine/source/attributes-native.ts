/**
 * The system calls behind extended attributes, which Node has no functions for. Reached through the “koffi” package
 * (N-API, prebuilt), never following a link.
 *
 * Invariant: a call gives the number of bytes, or the negated errno; it never throws and never allocates. The two paths
 * below differ in what a plain text means to the system: both are the exact bytes of the name.
 */
import os from 'node:os';
import { type ForeignFunction, type Koffi, codeOfErrno, loadKoffi } from '../kernel/index.ts';

/** How to reach an entry: its path, or an open descriptor of it. */
export type AttributeAccess = string | Buffer | number;

export type AttributeCalls = {
  /** Writes the names, each with a NUL behind it; with `size` 0 only says how many bytes they have. */
  readonly list: (access: AttributeAccess, into: Uint8Array | null, size: number) => number;
  /** `name` ends in NUL. */
  readonly get: (access: AttributeAccess, name: Uint8Array, into: Uint8Array | null, size: number) => number;
  /** “ENOTSUP” of what a call gave: the errno code of a negative result. */
  readonly codeOf: (result: number) => string;
};

/** Where size_t has 64 bits: only those are trusted with the declarations below. */
const ARCHITECTURES: readonly string[] = ['x64', 'arm64'];
/** PATH_MAX of Linux, its NUL included; macOS stops at 1,024. */
const PATH_BYTES_MAX = 4096;
const XATTR_NOFOLLOW = 1;
/** ENOATTR of macOS: os.constants has no name for it. */
const ERRNO_DARWIN_NO_ATTRIBUTE = 93;

/** The declarations of each system, without the kind of the first parameter, and what stands at their end. */
const PLATFORMS = {
  linux: {
    listPath: ['llistxattr', 'void *list, uint64_t size'],
    listFile: ['flistxattr', 'void *list, uint64_t size'],
    getPath: ['lgetxattr', 'void *name, void *value, uint64_t size'],
    getFile: ['fgetxattr', 'void *name, void *value, uint64_t size'],
    listTail: [],
    getTail: [],
  },
  darwin: {
    listPath: ['listxattr', 'void *list, uint64_t size, int options'],
    listFile: ['flistxattr', 'void *list, uint64_t size, int options'],
    getPath: ['getxattr', 'void *name, void *value, uint64_t size, uint32_t position, int options'],
    getFile: ['fgetxattr', 'void *name, void *value, uint64_t size, uint32_t position, int options'],
    listTail: [XATTR_NOFOLLOW],
    getTail: [0, XATTR_NOFOLLOW],
  },
} as const;

let loaded: { readonly calls: AttributeCalls | undefined } | undefined;

/** The calls of this system, or undefined where there are none. Loaded and tried out once a thread. */
export function attributeCalls(): AttributeCalls | undefined {
  loaded ??= { calls: load() };
  return loaded.calls;
}

function load(): AttributeCalls | undefined {
  const { platform, arch } = process;
  if ((platform !== 'linux' && platform !== 'darwin') || !ARCHITECTURES.includes(arch)) return undefined;
  try {
    const calls = bind(loadKoffi(), platform);
    // Called, not looked at: a descriptor that can't exist must be refused with exactly this code.
    return calls.codeOf(calls.list(-1, null, 0)) === 'EBADF' ? calls : undefined;
  } catch {
    // No koffi, or none for this system: canReadAttributes() says so, and a backup says it once.
    return undefined;
  }
}

function bind(koffi: Koffi, platform: 'linux' | 'darwin'): AttributeCalls {
  const { listPath, listFile, getPath, getFile, listTail, getTail } = PLATFORMS[platform];
  const library = koffi.load(null);
  const declare = ([name, rest]: readonly [string, string], first: string): ForeignFunction =>
    library.func(`int64_t ${name}(${first}, ${rest})`);
  // A text is handed over as it is, bytes by their address: two declarations of one function.
  const list = {
    text: declare(listPath, 'const char *path'),
    bytes: declare(listPath, 'void *path'),
    file: declare(listFile, 'int fd'),
  };
  const get = {
    text: declare(getPath, 'const char *path'),
    bytes: declare(getPath, 'void *path'),
    file: declare(getFile, 'int fd'),
  };
  const tooLong = -os.constants.errno.ENAMETOOLONG;
  const scratch = Buffer.alloc(PATH_BYTES_MAX);
  const terminated = (path: Buffer): boolean => {
    if (path.length >= PATH_BYTES_MAX) return false;
    scratch.set(path);
    scratch[path.length] = 0;
    return true;
  };
  const result = (value: unknown): number => (typeof value === 'number' && value >= 0 ? value : -koffi.errno());
  return {
    list: (access, into, size) => {
      if (typeof access === 'string') return result(list.text(access, into, size, ...listTail));
      if (typeof access === 'number') return result(list.file(access, into, size, ...listTail));
      return terminated(access) ? result(list.bytes(scratch, into, size, ...listTail)) : tooLong;
    },
    get: (access, name, into, size) => {
      if (typeof access === 'string') return result(get.text(access, name, into, size, ...getTail));
      if (typeof access === 'number') return result(get.file(access, name, into, size, ...getTail));
      return terminated(access) ? result(get.bytes(scratch, name, into, size, ...getTail)) : tooLong;
    },
    codeOf: (negated) =>
      platform === 'darwin' && negated === -ERRNO_DARWIN_NO_ATTRIBUTE ? 'ENODATA' : codeOfErrno(-negated),
  };
}
