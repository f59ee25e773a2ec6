/** Absolute paths as bytes: joined, cut and compared without being read as text. */
import { unescapePath } from '../../../src-shared/format/index.ts';

const SLASH = 0x2f;
/** On Windows paths are text, and both of its separators count. */
const BACKSLASH = 0x5c;

function isSeparator(byte: number | undefined): boolean {
  return byte === SLASH || (process.platform === 'win32' && byte === BACKSLASH);
}

export function joinPath(folder: Buffer, name: Uint8Array): Buffer {
  return Buffer.concat(isSeparator(folder.at(-1)) ? [folder, name] : [folder, Buffer.from('/'), name]);
}

/** The last name of a path; of the root the root. */
export function baseNameOf(path: Buffer): Buffer {
  let end = path.length;
  while (end > 1 && isSeparator(path[end - 1])) end--;
  let start = end;
  while (start > 0 && !isSeparator(path[start - 1])) start--;
  const name = path.subarray(start, end);
  return name.length === 0 ? path.subarray(0, 1) : name;
}

/** The folder above; undefined for a root. */
export function parentOf(path: Buffer): Buffer | undefined {
  const name = baseNameOf(path);
  if (name.length === path.length) return undefined;
  let end = path.length - name.length;
  while (end > 1 && isSeparator(path[end - 1])) end--;
  if (process.platform === 'win32' && path[end - 1] === 0x3a) return path.subarray(0, end + 1);
  return path.subarray(0, Math.max(end, 1));
}

/** Whether `path` is `folder` or lies in it. Both are real paths. */
export function pathWithin(path: Buffer, folder: Buffer): boolean {
  const end = isSeparator(folder.at(-1)) ? folder.length - 1 : folder.length;
  if (path.length < end || !path.subarray(0, end).equals(folder.subarray(0, end))) return false;
  return path.length === end || isSeparator(path[end]);
}

/** The bytes of an escaped path that this computer wrote. */
export function bytesOf(escaped: string): Buffer {
  return Buffer.from(unescapePath(escaped));
}
