/**
 * The only writer of user files. openTarget gives the folder to restore into; everything else is done through its
 * TargetFolder handles, which can't be led outside (target-folder.ts).
 *
 * How to restore into it: depth first; child() or createFile() per entry; finish(), symlink() and special() with the
 * entry's metadata; all symlinks of a run last; setMetadata() of a folder after everything in it, its links included.
 *
 * Durability: restored files are not synced one by one, because a restore that was cut off is done again anyway and
 * every file is complete under its name or not there. flush() makes the whole restore durable at the end where the
 * system can. `durable` syncs every file and folder, for a restore over something that can't be fetched twice.
 */
import fs from 'node:fs';
import { CairnError } from '../../../src-shared/errors.ts';
import { displayPath } from '../../../src-shared/format/index.ts';
import { type Random, systemRandom, toHex } from '../kernel/index.ts';
import { describeErrno, errnoOf, hasDescriptorPaths } from '../source/index.ts';
import { openFolder, type TargetFolder } from './target-folder.ts';
import { temporaryName } from './target-names.ts';
import { nativeCalls } from './target-native.ts';
import { PRIVATE_FOLDER, type TargetContext } from './target-place.ts';

export { isTemporaryName } from './target-names.ts';
export type { TargetFolder } from './target-folder.ts';
export type { Failed, PlaceResult, TargetIdentity, TargetMetadata } from './target-place.ts';
export { setModificationTime } from './target-times.ts';

export type TargetOptions = {
  /** Makes the folder, private to this user, and what is missing above it. */
  readonly create: boolean;
  /** Restores set-user and set-group bits of files, where the owner is restored too. Off: a backup made by others could plant one. */
  readonly keepSetId?: boolean;
  /** Syncs every file before it gets its name, and every folder when it is closed. */
  readonly durable?: boolean;
  /** Told of extended attributes that can't be set; without it each is a problem of its entry. */
  readonly leaveOutAttribute?: (path: Uint8Array, kind: string, code: string) => void;
  /** For the names of temporary files. */
  readonly random?: Random;
  /** For tests: false goes by path with checks, as on systems without /proc. */
  readonly useDescriptors?: boolean;
};

export type Target = {
  readonly root: TargetFolder;
  /** Makes everything that was restored durable, where the system has a call for it. False: it has none. */
  readonly flush: () => boolean;
  readonly close: () => void;
};

/** Opens the folder to restore into. Links in `path` itself are followed: the user named it. Throws restore/target. */
export function openTarget(path: string | Buffer, options: TargetOptions): Target {
  const given = typeof path === 'string' ? Buffer.from(path) : path;
  if (given.includes(0))
    throw new CairnError('restore/target', `“${displayPath(given)}” can’t be the name of a folder.`);
  try {
    if (options.create) fs.mkdirSync(given, { recursive: true, mode: PRIVATE_FOLDER });
    const real = fs.realpathSync.native(given, { encoding: 'buffer' });
    const root = openFolder(real, {
      path: real,
      context: contextOf(options),
      parent: undefined,
      useDescriptor: options.useDescriptors ?? hasDescriptorPaths(),
    });
    return { root, flush: () => flush(real), close: () => root.close() };
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    const why = code === 'ENOTDIR' || code === 'EEXIST' ? 'it is not a folder' : describeErrno(code);
    throw new CairnError('restore/target', `can’t restore into “${displayPath(given)}”: ${why}`, { cause: error });
  }
}

function contextOf(options: TargetOptions): TargetContext {
  const unique = toHex((options.random ?? systemRandom).bytes(8));
  let count = 0;
  return {
    temporaryName: () => temporaryName(unique, count++),
    keepSetId: options.keepSetId ?? false,
    durable: options.durable ?? false,
    ...(options.leaveOutAttribute === undefined ? {} : { leaveOutAttribute: options.leaveOutAttribute }),
  };
}

function flush(path: Buffer): boolean {
  const sync = nativeCalls()?.syncFilesystem;
  if (sync === undefined) return false;
  const fd = openToRead(path);
  // A folder one may write to and not read can't be synced by this user.
  if (fd === undefined) return false;
  try {
    const code = sync(fd);
    if (code !== undefined)
      throw new CairnError('restore/target', `“${displayPath(path)}” can’t be made durable: ${describeErrno(code)}`);
    return true;
  } finally {
    fs.closeSync(fd);
  }
}

function openToRead(path: Buffer): number | undefined {
  try {
    return fs.openSync(path, fs.constants.O_RDONLY);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
