/**
 * Names at the border between a repository, which may be hostile, and the disk. Decoders have checked names before;
 * here, where the harm would be done, they are checked once more.
 */
import type { Problem } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';

/** The longest name that Linux, macOS and Windows filesystems take, in bytes (NTFS counts UTF-16 units instead). */
export const TARGET_NAME_BYTES_MAX = 255;

const TEMPORARY_PREFIX = '.cairn-restore-';
const ASIDE_SUFFIX = '.before-restore';
const ASIDE_TRIES_MAX = 1000;

/** What is wrong with a name, or undefined when it names one entry of a folder and nothing else. */
export function targetNameFault(name: Uint8Array): string | undefined {
  if (name.length === 0) return 'a name is empty';
  if (name.length > TARGET_NAME_BYTES_MAX)
    return `a name has ${name.length} bytes, at most ${TARGET_NAME_BYTES_MAX} are possible`;
  if (name.includes(0x2f)) return 'a name has a slash in it';
  if (name.includes(0)) return 'a name has a NUL byte in it';
  if (name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e)))
    return 'a name is “.” or “..”';
  if (process.platform === 'win32' && name.some((byte) => byte < 0x20 || WINDOWS_FORBIDDEN.includes(byte))) {
    return 'a name has a character that Windows does not allow';
  }
  return undefined;
}

const WINDOWS_FORBIDDEN = Buffer.from('<>:"\\|?*');

/** The Problem of a name that must not be used; `folder` is where it should have gone. */
export function nameProblem(folder: Uint8Array, name: Uint8Array, fault: string): Problem {
  const shown = `${escapePath(folder)}/${escapePath(name.subarray(0, TARGET_NAME_BYTES_MAX))}`;
  return { path: shown, code: 'BADNAME', message: `can’t be restored under this name: ${fault}` };
}

/** A name for a file that is not complete yet. */
export function temporaryName(unique: string, count: number): Buffer {
  return Buffer.from(`${TEMPORARY_PREFIX}${unique}${count.toString(16).padStart(8, '0')}`);
}

/** True for names that a restore which was killed may have left behind. */
export function isTemporaryName(name: Uint8Array): boolean {
  return /^\.cairn-restore-[0-9a-f]{24,40}$/.test(
    Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1'),
  );
}

/** Names to put an entry aside under, in the order to try: “report.pdf.before-restore”, “….before-restore-2”, … */
export function* asideNames(name: Uint8Array): Generator<Buffer> {
  for (let count = 1; count <= ASIDE_TRIES_MAX; count++) {
    const suffix = Buffer.from(count === 1 ? ASIDE_SUFFIX : `${ASIDE_SUFFIX}-${count}`);
    let length = Math.min(name.length, TARGET_NAME_BYTES_MAX - suffix.length);
    // A cut never leaves half a UTF-8 character.
    while (length < name.length && length > 0 && ((name[length] ?? 0) & 0xc0) === 0x80) length--;
    yield Buffer.concat([name.subarray(0, length), suffix]);
  }
}
