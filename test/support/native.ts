/**
 * System calls that tests need and Node lacks: extended attributes, special files, times to the nanosecond. It shares no
 * code with Cairn, so that the independent walker may use it. Linux only; everything throws with the errno code.
 */
import { createRequire } from 'node:module';
import os from 'node:os';

type ForeignFunction = (...values: readonly unknown[]) => unknown;
type Koffi = {
  readonly load: (library: null) => { readonly func: (declaration: string) => ForeignFunction };
  readonly errno: () => number;
};

export const TYPE_BITS = { fifo: 0o010000, charDevice: 0o020000, blockDevice: 0o060000, socket: 0o140000 } as const;

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const UTIME_OMIT = 0x3ffffffen;
const BYTES_MAX = 1 << 16;

let functions: Record<'list' | 'get' | 'set' | 'remove' | 'mknod' | 'times', ForeignFunction> | undefined;
let koffi: Koffi | undefined;

function load(): NonNullable<typeof functions> {
  if (functions !== undefined) return functions;
  koffi = createRequire(import.meta.url)('koffi') as Koffi;
  const library = koffi.load(null);
  functions = {
    list: library.func('long llistxattr(void *path, void *list, unsigned long size)'),
    get: library.func('long lgetxattr(void *path, void *name, void *value, unsigned long size)'),
    set: library.func('int lsetxattr(void *path, void *name, void *value, unsigned long size, int flags)'),
    remove: library.func('int lremovexattr(void *path, void *name)'),
    mknod: library.func('int mknod(void *path, unsigned int mode, uint64_t device)'),
    times: library.func('int utimensat(int folder, void *path, void *times, int flags)'),
  };
  return functions;
}

const terminated = (bytes: Uint8Array | string): Buffer => Buffer.concat([Buffer.from(bytes), Buffer.of(0)]);

/** Calls and gives the result; throws an Error with `code` where it is negative. */
function call(run: ForeignFunction, what: string, ...values: readonly unknown[]): number {
  const result = Number(run(...values));
  if (result >= 0) return result;
  const errno = koffi?.errno() ?? 0;
  const code = Object.entries(os.constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
  throw Object.assign(new Error(`${what}: ${code}`), { code });
}

/** The errno code of what one of these calls threw. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error);

/** For what a call writes; copied from. One for all: to clear 64 kB for each entry took most of a walk's time. */
const buffer = Buffer.alloc(BYTES_MAX);

/** Every attribute the system lists for the entry itself (links are not followed), sorted by name. */
export function readXattrs(path: Uint8Array | string): { readonly name: string; readonly value: Buffer }[] {
  const { list, get } = load();
  const place = terminated(path);
  let length: number;
  try {
    length = call(list, 'llistxattr', place, buffer, BYTES_MAX);
  } catch (error) {
    if (codeOf(error) === 'ENOTSUP' || codeOf(error) === 'EOPNOTSUPP') return [];
    throw error;
  }
  if (length === 0) return [];
  const names = buffer
    .toString('latin1', 0, length)
    .split('\0')
    .filter((name) => name !== '');
  return names.sort().map((name) => {
    const size = call(get, 'lgetxattr', place, terminated(Buffer.from(name, 'latin1')), buffer, BYTES_MAX);
    return { name, value: Buffer.from(buffer.subarray(0, size)) };
  });
}

export function setXattr(path: Uint8Array | string, name: Uint8Array | string, value: Uint8Array | string): void {
  const bytes = Buffer.from(value);
  call(load().set, 'lsetxattr', terminated(path), terminated(name), bytes, bytes.length, 0);
}

export function removeXattr(path: Uint8Array | string, name: Uint8Array | string): void {
  call(load().remove, 'lremovexattr', terminated(path), terminated(name));
}

/** `mode` with TYPE_BITS; devices only as root. */
export function makeNode(path: Uint8Array | string, mode: number, device = { major: 0, minor: 0 }): void {
  const [major, minor] = [BigInt(device.major), BigInt(device.minor)];
  const number =
    ((major & 0xfffn) << 8n) | (minor & 0xffn) | ((minor & 0xffffff00n) << 12n) | ((major & 0xfffff000n) << 32n);
  call(load().mknod, 'mknod', terminated(path), mode, number);
}

/** Sets the modification time of the entry itself. */
export function setTimeNs(path: Uint8Array | string, mtimeNs: bigint): void {
  const rest = ((mtimeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const times = BigInt64Array.of(0n, UTIME_OMIT, (mtimeNs - rest) / 1_000_000_000n, rest);
  call(load().times, 'utimensat', AT_FDCWD, terminated(path), times, AT_SYMLINK_NOFOLLOW);
}

/** The value of system.posix_acl_access or …_default: version 2, then (tag, permissions, id) of each entry. */
export function aclValue(entries: readonly (readonly [tag: number, permissions: number, id?: number])[]): Buffer {
  const value = Buffer.alloc(4 + entries.length * 8);
  value.writeUInt32LE(2, 0);
  for (const [index, [tag, permissions, id = 0xffff_ffff]] of entries.entries()) {
    value.writeUInt16LE(tag, 4 + index * 8);
    value.writeUInt16LE(permissions, 6 + index * 8);
    value.writeUInt32LE(id, 8 + index * 8);
  }
  return value;
}

export const ACL_TAG = { userOwner: 1, user: 2, groupOwner: 4, group: 8, mask: 16, other: 32 } as const;
