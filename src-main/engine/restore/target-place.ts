/**
 * What all writers into the target share: the result types, what stops a restore as a whole, and how a finished
 * temporary entry gets its name in one step.
 */
import fs from 'node:fs';
import { CairnError, type Problem } from '../../../src-shared/errors.ts';
import { displayPath, escapePath } from '../../../src-shared/format/index.ts';
import type { Xattr } from '../merkle/index.ts';
import { describeErrno, errnoOf, type FileStat, fileStatOf, problemOf } from '../source/index.ts';
import { applyAttributes } from './target-attributes.ts';
import { nativeCalls } from './target-native.ts';
import { setModificationTime, type TimeTarget } from './target-times.ts';

/** What is set on an entry when its content is complete. */
export type TargetMetadata = {
  /** The 12 permission bits. Set-id bits of files are dropped unless the target was opened with `keepSetId`. */
  readonly mode: number;
  readonly mtimeNs: bigint;
  /** Both or none: without them the entry belongs to whoever restores. */
  readonly uid?: number;
  readonly gid?: number;
  /** Absent: none. Access control lists are among them. */
  readonly xattrs?: readonly Xattr[];
};

/** Which object an entry is: hard links are made only to objects of this run. */
export type TargetIdentity = { readonly device: bigint; readonly inode: bigint };

export type PlaceResult =
  /** `problems`: content and name are right, but some of the metadata could not be set. */
  | { readonly kind: 'placed'; readonly identity: TargetIdentity; readonly problems: readonly Problem[] }
  /** Something of that name is there and may not or can't be replaced; nothing was changed. */
  | { readonly kind: 'exists'; readonly problem: Problem }
  | { readonly kind: 'failed'; readonly problem: Problem };

export type Failed = { readonly kind: 'failed'; readonly problem: Problem };

/** What one open target's folders and files have in common. */
export type TargetContext = {
  readonly temporaryName: () => Buffer;
  readonly keepSetId: boolean;
  readonly durable: boolean;
  /** Told of extended attributes that can't be set; without it each is a problem of its entry. */
  readonly leaveOutAttribute?: (path: Uint8Array, kind: string, code: string) => void;
};

/** With these nothing more can be written anywhere in the target: the restore ends, with one error instead of a thousand. */
export const STOPPING: readonly string[] = ['ENOSPC', 'EDQUOT', 'EROFS'];

const { O_NOFOLLOW = 0 } = fs.constants;
/** Linux: a descriptor for lookups only, which needs no permission on the object itself. Not in fs.constants. */
export const O_PATH = 0o10_000_000;

export const PRIVATE_FOLDER = 0o700;
const SET_ID_BITS = 0o6000;
const SET_USER_BIT = 0o4000;

/** A Problem of one entry; throws restore/target for what concerns the whole target. */
export function targetProblem(path: Uint8Array, what: string, error: unknown): Problem {
  const code = errnoOf(error);
  if (code !== undefined && STOPPING.includes(code)) {
    throw new CairnError('restore/target', `“${displayPath(path)}” ${what}: ${describeErrno(code)}`, { cause: error });
  }
  return problemOf(path, what, error);
}

export function failed(path: Uint8Array, what: string, error: unknown): Failed {
  return { kind: 'failed', problem: targetProblem(path, what, error) };
}

export function exists(path: Uint8Array): PlaceResult {
  const message = 'was not restored: something of this name is already there';
  return { kind: 'exists', problem: { path: escapePath(path), code: 'EEXIST', message } };
}

export function identityOf(stat: FileStat): TargetIdentity {
  return { device: stat.device, inode: stat.inode };
}

export function lstatOf(access: string | Buffer): FileStat {
  return fileStatOf(fs.lstatSync(access, { bigint: true }));
}

/**
 * Gives a finished temporary entry its name in one step. Returns false when `replace` is false and the name is taken.
 * Throws the errno of rename or link. A folder is never replaced: rename says EISDIR or ENOTEMPTY.
 */
export function placeEntry(temporary: Buffer, final: Buffer, replace: boolean): boolean {
  if (replace) {
    fs.renameSync(temporary, final);
    return true;
  }
  const code = nativeCalls()?.renameNoReplace?.(temporary, final);
  if (nativeCalls()?.renameNoReplace !== undefined) {
    if (code === undefined) return true;
    if (code === 'EEXIST') return false;
  }
  try {
    // link fails when the name is taken, which rename does not. Elsewhere than on Linux link may follow a symlink.
    if (process.platform !== 'linux') throw Object.assign(new Error('link is not used here'), { code: 'ENOTSUP' });
    fs.linkSync(temporary, final);
    fs.unlinkSync(temporary);
    return true;
  } catch (error) {
    const linkCode = errnoOf(error);
    if (linkCode === 'EEXIST') return false;
    // Filesystems without hard links: look, then rename. Between the two another program could make the name.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(linkCode ?? '')) throw error;
    if (fs.lstatSync(final, { throwIfNoEntry: false }) !== undefined) return false;
    fs.renameSync(temporary, final);
    return true;
  }
}

/** How to reach an entry to set its metadata: by descriptor where there is one, so that no name is looked up. */
export type MetadataTarget = {
  readonly time: TimeTarget;
  readonly nodeType: FileStat['nodeType'];
  /** For people. */
  readonly path: Uint8Array;
};

/**
 * Owner, attributes, mode and time, in this order: a change of owner clears set-id bits and capabilities, an access
 * control list changes the mode it stands beside, and a mode may forbid to set attributes.
 */
export function applyMetadata(target: MetadataTarget, metadata: TargetMetadata, context: TargetContext): Problem[] {
  const problems: Problem[] = [];
  const attempt = (what: string, action: () => void): boolean => {
    try {
      action();
      return true;
    } catch (error) {
      problems.push(targetProblem(target.path, what, error));
      return false;
    }
  };
  const { uid, gid } = metadata;
  let ownerIsRight = true;
  if (uid !== undefined && gid !== undefined) {
    ownerIsRight = attempt('was restored, but its owner can’t be set', () => setOwner(target.time, uid, gid));
  }
  // A set-id file that ends up with another owner than it was meant for would hand out that owner's rights.
  const keepsSetId = context.keepSetId && ownerIsRight;
  applyAttributes(target.time, metadata.xattrs ?? [], {
    clean: target.nodeType !== 'symlink',
    keepCapabilities: keepsSetId,
    leaveOut: (kind, code) => {
      if (context.leaveOutAttribute !== undefined) context.leaveOutAttribute(target.path, kind, code);
      else {
        const message = `was restored without an extended attribute (${kind}.…): ${describeErrno(code)}`;
        problems.push({ path: escapePath(target.path), code, message });
      }
    },
  });
  if (target.nodeType !== 'symlink') {
    const dropped = keepsSetId ? 0 : target.nodeType === 'directory' ? SET_USER_BIT : SET_ID_BITS;
    attempt('was restored, but its permissions can’t be set', () => setMode(target.time, metadata.mode & ~dropped));
  }
  attempt('was restored, but its time can’t be set', () => setModificationTime(target.time, metadata.mtimeNs));
  return problems;
}

/**
 * The same for a link or special file by its path on Linux. chmod follows links, so the object is held by a descriptor
 * (O_PATH opens it without touching it) and nothing else can get the mode.
 */
export function applyMetadataHeld(
  entry: { readonly access: Buffer; readonly nodeType: FileStat['nodeType']; readonly path: Uint8Array },
  metadata: TargetMetadata,
  context: TargetContext,
): Problem[] {
  const { access, nodeType, path } = entry;
  if (nodeType === 'symlink')
    return applyMetadata({ time: { kind: 'path', path: access, follow: false }, nodeType, path }, metadata, context);
  const fd = fs.openSync(access, O_PATH | O_NOFOLLOW);
  try {
    const found = fileStatOf(fs.fstatSync(fd, { bigint: true }));
    if (found.nodeType !== nodeType) throw Object.assign(new Error('replaced meanwhile'), { code: 'ELOOP' });
    const held = Buffer.from(`/proc/self/fd/${fd}`);
    return applyMetadata({ time: { kind: 'path', path: held, follow: true }, nodeType, path }, metadata, context);
  } finally {
    fs.closeSync(fd);
  }
}

/** Removes a temporary entry that may be gone already; one that can't be removed is recognised by its name later. */
export function removeQuietly(access: Buffer): void {
  try {
    fs.unlinkSync(access);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}

function setOwner(target: TimeTarget, uid: number, gid: number): void {
  if (target.kind === 'descriptor') fs.fchownSync(target.fd, uid, gid);
  else if (target.follow) fs.chownSync(target.path, uid, gid);
  else fs.lchownSync(target.path, uid, gid);
}

/** chmod follows links: without `follow` this is only for folders and special files on systems without descriptor paths. */
function setMode(target: TimeTarget, mode: number): void {
  if (target.kind === 'descriptor') fs.fchmodSync(target.fd, mode);
  else fs.chmodSync(target.path, mode);
}

/** True when it was made now, false when something has that name already. */
export function makeFolder(access: Buffer): boolean {
  try {
    fs.mkdirSync(access, { mode: PRIVATE_FOLDER });
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Whether a path still leads to the folder that was opened there, and through no link at its end. */
export function isStillFolder(path: Buffer, identity: TargetIdentity): boolean {
  const stats = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats !== undefined && stats.isDirectory() && stats.dev === identity.device && stats.ino === identity.inode;
}
