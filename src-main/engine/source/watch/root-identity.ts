/**
 * Whether a source is still the folder that it was. The mount point of a drive that was unplugged is an empty folder, and
 * nothing in it was deleted: no listing may be believed before this was asked, and asked again after it.
 *
 * A folder is known by device and inode, and by the mounts it consists of: the one it lies on and those below it. Where
 * the system has no table of mounts, device and inode have to do.
 */
import { readFile, realpath, stat } from 'node:fs/promises';
import { displayPath } from '../../../../src-shared/format/index.ts';
import { joinPath } from '../folder.ts';
import { describeErrno, errnoOf } from '../problem.ts';
import { type MountLine, isWithin, mountLines, mountsOf } from './mount-table.ts';

export type RootIdentity = {
  /** The folder itself, links followed; of a source that is a file, the folder it is in. */
  readonly folder: Buffer;
  /** False for a source that is a file. */
  readonly isFolder: boolean;
  readonly device: bigint;
  readonly inode: bigint;
  /** Of the mount that it lies on; empty where it is not known. */
  readonly holderId: string;
  readonly holderPoint: Buffer;
  /** Of the mounts below it that are part of the source, sorted. */
  readonly belowIds: readonly string[];
};

export type RootLook = RootIdentity | { readonly gone: string };

export type RootChange =
  | { readonly kind: 'same' }
  /** Not there: unmounted, moved, deleted, or not answering. */
  | { readonly kind: 'gone'; readonly detail: string }
  /** There, and not the same: mounted again, or another folder. */
  | { readonly kind: 'changed'; readonly detail: string };

export type RootLookOptions = {
  /** What is mounted in a folder that the rules leave out does not matter. Asked for paths below `root` as it is named. */
  readonly isIgnored: (folder: Buffer) => boolean;
  /** Another one in tests. */
  readonly mountTable?: string;
};

const MOUNT_TABLE = '/proc/self/mountinfo';
const SLASH = 0x2f;

/** Looks at the root now. */
export async function lookAtRoot(root: Buffer, options: RootLookOptions): Promise<RootLook> {
  const { isIgnored, mountTable = MOUNT_TABLE } = options;
  try {
    const real = await realpath(root, { encoding: 'buffer' });
    const isFolder = (await stat(real)).isDirectory();
    const folder = isFolder ? real : real.subarray(0, Math.max(real.lastIndexOf(SLASH), 1));
    const { dev, ino } = await stat(folder, { bigint: true });
    const table = await readFile(mountTable).catch(() => Buffer.alloc(0));
    const { holder, below } = mountsOf(folder, mountLines(table));
    const isOurs = ({ point }: MountLine): boolean => !isLeftOut(underRoot(point, folder, root), root, isIgnored);
    return {
      folder,
      isFolder,
      device: dev,
      inode: ino,
      holderId: holder?.id ?? '',
      holderPoint: holder?.point ?? Buffer.alloc(0),
      belowIds: isFolder
        ? below
            .filter(isOurs)
            .map(({ id }) => id)
            .toSorted()
        : [],
    };
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    return { gone: `${displayPath(root)} can’t be reached: ${describeErrno(code)}` };
  }
}

/**
 * Why a root counts as not there; undefined where it is. `mountPoint`: where the drive was mounted that it lay on. Where
 * nothing is mounted there any more, what stands in its place is the folder that the drive was mounted on.
 */
export function whyGone(look: RootLook, mountPoint: Buffer | undefined): string | undefined {
  if ('gone' in look) return look.gone;
  if (mountPoint === undefined || look.holderPoint.length === 0 || !isWithin(look.folder, mountPoint)) return undefined;
  if (look.holderPoint.length >= mountPoint.length) return undefined;
  return `nothing is mounted at ${displayPath(mountPoint)}`;
}

/** What happened to a root between two looks; `before` is a look that found it. */
export function compareRoots(before: RootIdentity, now: RootLook): RootChange {
  const gone = whyGone(now, before.holderPoint);
  if (gone !== undefined || 'gone' in now) return { kind: 'gone', detail: gone ?? '' };
  const name = displayPath(before.folder);
  const changed = (detail: string): RootChange => ({ kind: 'changed', detail });
  if (before.holderId !== now.holderId)
    return changed(`something else is mounted at ${displayPath(now.holderPoint)} than before`);
  if (!before.folder.equals(now.folder))
    return changed(`it leads to ${displayPath(now.folder)} now, before to ${name}`);
  if (before.device !== now.device || before.inode !== now.inode)
    return changed(`${name} is another folder than before`);
  if (before.belowIds.join() !== now.belowIds.join()) return changed(`the drives mounted in ${name} changed`);
  return { kind: 'same' };
}

/** A path below the real folder as a path below the root that a person named. */
export function underRoot(path: Buffer, folder: Buffer, root: Buffer): Buffer {
  if (folder.equals(root) || !isWithin(path, folder)) return path;
  if (path.length === folder.length) return root;
  return joinPath(root, path.subarray(folder.at(-1) === SLASH ? folder.length : folder.length + 1));
}

function isLeftOut(point: Buffer, root: Buffer, isIgnored: (folder: Buffer) => boolean): boolean {
  for (let folder = point; folder.length > root.length; folder = folder.subarray(0, folder.lastIndexOf(SLASH))) {
    if (isIgnored(folder)) return true;
  }
  return false;
}
