/**
 * Cairn's own folders (the repository, CAIRN_HOME) are no part of any backup, so a restore with --delete into a folder
 * around them would take them for leftovers. They are recognised as objects, not by path: whatever leads to them, a
 * restore neither removes, replaces nor enters them.
 */
import fs from 'node:fs';
import { CairnError } from '../../../src-shared/errors.ts';
import { displayPath } from '../../../src-shared/format/index.ts';
import { errnoOf } from '../source/index.ts';

/** What identifies a folder: FileStat and TargetIdentity both have it. */
type Identity = { readonly device: bigint; readonly inode: bigint };

const SLASH = Buffer.from('/');

export class OwnFolders {
  readonly #paths: readonly Buffer[];
  readonly #own: ReadonlySet<string>;
  readonly #above: ReadonlySet<string>;

  /** Folders that don't exist are left out: nothing can lead to them. */
  constructor(paths: readonly string[]) {
    this.#paths = paths.map((path) => realPath(Buffer.from(path))).filter((path) => path !== undefined);
    this.#own = new Set(this.#paths.map(keyOfPath).filter((key) => key !== undefined));
    this.#above = new Set(
      this.#paths
        .flatMap(foldersAbove)
        .map(keyOfPath)
        .filter((key) => key !== undefined),
    );
  }

  isOwn(folder: Identity): boolean {
    return this.#own.has(keyOf(folder));
  }

  /** Whether one of Cairn's folders is this one or lies somewhere in it. */
  isOwnOrAbove(folder: Identity): boolean {
    return this.isOwn(folder) || this.#above.has(keyOf(folder));
  }

  /** @throws CairnError restore/target for a target that is one of Cairn's folders, or would be made inside one */
  refuseTarget(target: Buffer): void {
    if (target.includes(0))
      throw new CairnError('restore/target', `“${displayPath(target)}” can’t be the name of a folder.`);
    let real = realPath(target);
    for (let path = target; real === undefined && path.length > 1;) {
      path = parentOf(path);
      real = realPath(path);
    }
    const inside = this.#paths.find((own) => real !== undefined && (real.equals(own) || isBelow(real, own)));
    if (inside === undefined) return;
    throw new CairnError(
      'restore/target',
      `Nothing is restored into “${displayPath(target)}”: that is Cairn’s own folder.`,
    );
  }
}

function keyOf({ device, inode }: Identity): string {
  return `${device}:${inode}`;
}

function keyOfPath(path: Buffer): string | undefined {
  const stats = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}

function realPath(path: Buffer): Buffer | undefined {
  try {
    return fs.realpathSync.native(path, { encoding: 'buffer' });
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

function isBelow(path: Buffer, folder: Buffer): boolean {
  const prefix = folder.equals(SLASH) ? folder : Buffer.concat([folder, SLASH]);
  return path.subarray(0, prefix.length).equals(prefix);
}

function foldersAbove(path: Buffer): Buffer[] {
  const above: Buffer[] = [];
  for (let at = path; at.length > 1;) {
    at = parentOf(at);
    above.push(at);
  }
  return above;
}

function parentOf(path: Buffer): Buffer {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? SLASH : path.subarray(0, slash);
}
