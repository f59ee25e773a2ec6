/**
 * Trouble with one file as a value (see errors.ts): the errno as its code, and a sentence a person can act on.
 */
import type { Problem } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';

const ERRNO_WORDS: Readonly<Record<string, string>> = {
  EACCES: 'this user is not allowed to read it',
  EPERM: 'the system does not permit it',
  ENOENT: 'it is no longer there',
  ENOTDIR: 'it is not a folder any more',
  EISDIR: 'it is a folder now',
  ELOOP: 'it is a symbolic link now, or links lead in a circle',
  EIO: 'the drive could not read or write it; the drive may be failing',
  ENOSPC: 'there is no space left on the drive',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the drive is mounted read-only',
  EBUSY: 'it is in use',
  ETXTBSY: 'it is a program that is running',
  EMFILE: 'too many files are open in this program',
  ENFILE: 'too many files are open on this computer',
  ENOMEM: 'there is not enough memory',
  ENAMETOOLONG: 'its name or path is too long for this system',
  EINVAL: 'the filesystem does not accept this name or value',
  EILSEQ: 'the filesystem does not accept these characters in a name',
  EEXIST: 'something of this name is already there',
  ENOTEMPTY: 'the folder is not empty',
  EXDEV: 'it lies on another drive',
  EFBIG: 'the file is too large for this filesystem',
  EMLINK: 'it has more hard links than the filesystem allows',
  ENXIO: 'the device is not there',
  ENODEV: 'the device is not there',
  ESTALE: 'the network drive no longer knows it',
  ETIMEDOUT: 'the drive did not answer in time',
  EHOSTDOWN: 'the network drive can’t be reached',
  ENOTCONN: 'the drive is not connected',
  EUCLEAN: 'the filesystem is damaged there',
  ENOTSUP: 'the filesystem does not support it',
  EOPNOTSUPP: 'the filesystem does not support it',
  ENOSYS: 'this system does not support it',
  EAGAIN: 'it is locked by another program',
  EOVERFLOW: 'a number of it is too large for this system',
};

/** Plain words for an errno code such as “EACCES”; an unknown one is named as it is. */
export function describeErrno(code: string): string {
  return ERRNO_WORDS[code] ?? `the system reports ${code}`;
}

/** The errno code of something a filesystem call threw, or undefined when it is no such error (then it is our bug). */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined;
}

/**
 * A Problem from what a filesystem call threw; anything else is rethrown, for it is a defect and not the user's file.
 * `what` says what was not possible: “can’t be read”.
 */
export function problemOf(path: Uint8Array, what: string, error: unknown): Problem {
  const code = errnoOf(error);
  if (code === undefined) throw error;
  return problemOfCode(path, what, code);
}

/** The same from an errno code (“EACCES”). */
export function problemOfCode(path: Uint8Array, what: string, code: string): Problem {
  return { path: escapePath(path), code, message: `${what}: ${describeErrno(code)}` };
}
