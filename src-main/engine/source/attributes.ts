/**
 * The extended attributes of an entry of any type: POSIX ACLs, capabilities, labels, and what users and programs set.
 * Links are never followed.
 *
 * Most entries have none, so that answer is the cheap one: one system call that asks for the length of the list. It
 * costs 0.3 µs by an open descriptor, 1.0 µs by path and 2.0 µs below /proc/self/fd/N (ext4 and tmpfs, warm, 2026).
 *
 * Invariant: an entry gets all of its attributes that are kept (attributes-kept.ts), or a Problem; never some of them.
 */
import type { Problem } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import { compareBytes } from '../kernel/index.ts';
import { ATTRIBUTES_BYTES_MAX, type Xattr, XATTR_NAME_BYTES_MAX, XATTRS_MAX } from '../merkle/index.ts';
import { keepsAttribute } from './attributes-kept.ts';
import { type AttributeAccess, type AttributeCalls, attributeCalls } from './attributes-native.ts';
import { describeErrno } from './problem.ts';

export type AttributesResult = readonly Xattr[] | { readonly failed: Problem };

export type AttributeReader = {
  /** As readAttributes. With `device` (st_dev of the entry), a filesystem that has no attributes is asked only once. */
  readonly read: (access: AttributeAccess, path: Uint8Array, device?: bigint) => AttributesResult;
};

/** Shared by all entries that have none. */
const NO_ATTRIBUTES: readonly Xattr[] = [];
/** A list or a value that grows between two calls is asked for again this often. */
const READS_MAX = 8;
/** Devices remembered as having no attributes. */
const DEVICES_MAX = 256;
/** Bytes offered for a value before its length is asked for; and more than was announced, since a list may grow. */
const VALUE_BYTES_FIRST = 1024;
const ROOM_TO_GROW_BYTES = 512;
/** What a varint of these lengths takes at most, of each attribute's two. */
const LENGTHS_BYTES_MAX = 8;

/** False where this system has extended attributes and they can't be read: a backup says so, once (attributesProblem). */
export function canReadAttributes(): boolean {
  return process.platform === 'win32' || attributeCalls() !== undefined;
}

/**
 * What a backup has to say where attributes can't be read at all: they may be there, and its snapshot has none. `path` is
 * that of a source. A filesystem without attributes is another matter: nothing is missed.
 */
export function attributesProblem(path: Uint8Array): Problem | undefined {
  if (canReadAttributes()) return undefined;
  return {
    path: escapePath(path),
    code: 'attributes-unreadable',
    message: 'extended attributes and access lists can’t be read on this computer; what is new in this backup has none',
  };
}

/**
 * The attributes of an entry that a backup keeps, sorted by name as pages want them, in fresh memory.
 *
 * `access` is what the system is given: a text that stands for exactly these bytes, the bytes themselves (both may begin
 * with /proc/self/fd/N/name, but /proc/self/fd/N alone would be the link in /proc), or an open descriptor. `path` is for
 * people. On Windows, and where canReadAttributes() is false, there are none.
 *
 * `failed` has the errno as its code. ENOENT: the entry is gone. EACCES: a user attribute needs the right to read the
 * file. E2BIG: more than ATTRIBUTES_BYTES_MAX. Attributes may change while they are read: who needs them to belong
 * together compares ctime before and after.
 */
export function readAttributes(access: AttributeAccess, path: Uint8Array): AttributesResult {
  const calls = attributeCalls();
  return calls === undefined ? NO_ATTRIBUTES : readAll(calls, access, path);
}

/**
 * A reader that remembers which filesystems have no attributes, by device number. For one backup, no longer: a number
 * is given to another filesystem after an unmount. `onUnsupported` is told of each once, by the first entry met there.
 */
export function createAttributeReader(
  calls: AttributeCalls | undefined = attributeCalls(),
  onUnsupported?: (path: Uint8Array) => void,
): AttributeReader {
  const without = new Set<bigint>();
  return {
    read: (access, path, device) => {
      if (calls === undefined || (device !== undefined && without.has(device))) return NO_ATTRIBUTES;
      const noteUnsupported = (): void => {
        if (device === undefined || without.size >= DEVICES_MAX) return;
        without.add(device);
        onUnsupported?.(path);
      };
      return readAll(calls, access, path, noteUnsupported);
    },
  };
}

function readAll(
  calls: AttributeCalls,
  access: AttributeAccess,
  path: Uint8Array,
  noteUnsupported?: () => void,
): AttributesResult {
  const length = calls.list(access, null, 0);
  if (length === 0) return NO_ATTRIBUTES;
  if (length < 0) {
    const code = calls.codeOf(length);
    if (!isUnsupported(code)) return failed(path, code);
    noteUnsupported?.();
    return NO_ATTRIBUTES;
  }
  const names = readGrowing(calls, (into, size) => calls.list(access, into, size), length + ROOM_TO_GROW_BYTES);
  if (typeof names === 'number') return failed(path, calls.codeOf(names));
  const xattrs: Xattr[] = [];
  let bytes = 0;
  for (const name of splitNames(names)) {
    const value = readGrowing(calls, (into, size) => calls.get(access, name, into, size), VALUE_BYTES_FIRST);
    if (typeof value === 'number') {
      const code = calls.codeOf(value);
      // Removed since the list was made.
      if (code === 'ENODATA') continue;
      return failed(path, code);
    }
    bytes += name.length + value.length + LENGTHS_BYTES_MAX;
    if (bytes > ATTRIBUTES_BYTES_MAX || xattrs.length >= XATTRS_MAX) return failed(path, 'E2BIG');
    xattrs.push({ name: name.subarray(0, -1), value });
  }
  return xattrs.length === 0 ? NO_ATTRIBUTES : xattrs;
}

/** ENOSYS: a FUSE filesystem without them, seen through some kernels. EOPNOTSUPP is ENOTSUP's other name on Linux. */
function isUnsupported(code: string): boolean {
  return code === 'ENOTSUP' || code === 'EOPNOTSUPP' || code === 'ENOSYS';
}

/** Grows with what it is asked for and is kept: one buffer a thread, copied from. */
let shared = new Uint8Array(64 * 1024);

/**
 * What a call writes, in fresh memory, or its negated errno. Offered `first` bytes; where they are too few (ERANGE) the
 * length is asked for, and it may have grown again by then.
 */
function readGrowing(
  calls: AttributeCalls,
  call: (into: Uint8Array | null, size: number) => number,
  first: number,
): Uint8Array<ArrayBuffer> | number {
  let size = Math.min(first, ATTRIBUTES_BYTES_MAX);
  let result = 0;
  for (let reads = 0; reads < READS_MAX; reads++) {
    if (size > shared.length) shared = new Uint8Array(size);
    result = call(shared, size);
    if (result >= 0) return shared.slice(0, result);
    if (calls.codeOf(result) !== 'ERANGE') return result;
    const length = call(null, 0);
    if (length < 0) return length;
    if (length > ATTRIBUTES_BYTES_MAX) return result;
    size = Math.min(length + ROOM_TO_GROW_BYTES, ATTRIBUTES_BYTES_MAX);
  }
  return result;
}

/** The names that are kept, each with its NUL, sorted, each once: a filesystem may list one twice. */
function splitNames(list: Uint8Array<ArrayBuffer>): Uint8Array[] {
  const names: Uint8Array[] = [];
  for (let from = 0; from < list.length;) {
    const end = list.indexOf(0, from);
    if (end < 0) break;
    const name = list.subarray(from, end + 1);
    from = end + 1;
    if (name.length < 2 || name.length - 1 > XATTR_NAME_BYTES_MAX) continue;
    if (keepsAttribute(Buffer.from(name.buffer, name.byteOffset, name.length - 1).toString('latin1'))) names.push(name);
  }
  names.sort(compareBytes);
  return names.filter((name, index) => {
    const before = names[index - 1];
    return before === undefined || compareBytes(before, name) !== 0;
  });
}

function failed(path: Uint8Array, code: string): { readonly failed: Problem } {
  const reason =
    code === 'E2BIG' || code === 'ERANGE' ? 'they are larger than what a backup stores' : describeErrno(code);
  return { failed: { path: escapePath(path), code, message: `its extended attributes can’t be read: ${reason}` } };
}
