/**
 * Turns what the operating system says into what a person can act on: which file of which destination, doing what,
 * and whether the drive is full, read-only, forbidden, gone or failing.
 */
import { CairnError, type ErrorCode } from '../../../src-shared/errors.ts';
import { errnoOf } from './filesystem.ts';

/** The drive itself went away, whatever was asked of it. */
const GONE_ERRNOS: ReadonlySet<string> = new Set(['ENXIO', 'ENODEV', 'ESTALE', 'ENOTCONN', 'ESHUTDOWN', 'EHOSTDOWN']);

/** What a filesystem answers that can't fsync a folder: it works, with a weaker promise. */
const NO_FOLDER_SYNC_ERRNOS: ReadonlySet<string> = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'ENOSYS']);

type Reason = { readonly code: ErrorCode; readonly words: string };

const REASONS: ReadonlyMap<string, Reason> = new Map<string, Reason>([
  ['ENOSPC', { code: 'destination/full', words: 'the drive is full' }],
  ['EDQUOT', { code: 'destination/full', words: 'the quota of this user is used up' }],
  ['EROFS', { code: 'destination/read-only', words: 'the drive is read-only' }],
  ['EACCES', { code: 'destination/denied', words: 'permission was denied' }],
  ['EPERM', { code: 'destination/denied', words: 'permission was denied' }],
  // These mean that something else stands where a repository has a file or a folder.
  ['ENOTDIR', { code: 'integrity/damaged', words: 'a file stands where a folder should be' }],
  ['EISDIR', { code: 'integrity/damaged', words: 'a folder stands where a file should be' }],
  ['EFTYPE', { code: 'integrity/damaged', words: 'it is not a plain file' }],
  ['ELOOP', { code: 'integrity/damaged', words: 'it is a symbolic link, which a repository never holds' }],
]);

export function isGoneErrno(errno: string): boolean {
  return GONE_ERRNOS.has(errno);
}

export function isNoFolderSyncErrno(errno: string): boolean {
  return NO_FOLDER_SYNC_ERRNOS.has(errno);
}

/** `action` completes “could not …”: 'write', 'read', 'rename'. */
export type Attempt = { readonly action: string; readonly name: string; readonly description: string };

export function goneError(description: string, cause?: unknown): CairnError {
  return new CairnError('destination/gone', `${description} can’t be reached any more`, {
    context: { destination: description },
    cause,
  });
}

/** For an error with an errno; the caller has already ruled out that the whole destination is gone. */
export function destinationError(attempt: Attempt, errno: string, cause: unknown): CairnError {
  const reason = REASONS.get(errno) ?? { code: 'destination/io', words: 'the system reports an error' };
  return attemptError(attempt, reason.code, `${reason.words} (${errno})`, { cause, errno });
}

/** For a failure the store found by itself. */
export function attemptError(
  attempt: Attempt,
  code: ErrorCode,
  words: string,
  options: { readonly cause?: unknown; readonly errno?: string } = {},
): CairnError {
  const what = attempt.name === '' ? 'the folder itself' : `“${attempt.name}”`;
  const errno = options.errno ?? errnoOf(options.cause);
  return new CairnError(code, `could not ${attempt.action} ${what} in ${attempt.description}: ${words}`, {
    context: { action: attempt.action, name: attempt.name, ...(errno === undefined ? {} : { errno }) },
    cause: options.cause,
  });
}
