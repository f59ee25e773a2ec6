/**
 * Hard links: names of one file in the snapshot become names of one file again.
 *
 * A link is made only to an object that this very run has made, recognised by device and inode at the moment of linking;
 * and only between entries that say the same in every respect, because the number of a group comes from a repository,
 * and two groups that share a number must never share content. Whatever can't be linked becomes a file of its own.
 *
 * The names of a group may lie far apart, so the folder of the first is opened again when it is needed.
 */
import { asContentHash } from '../../../src-shared/ids.ts';
import { equalBytes } from '../kernel/index.ts';
import type { FileEntry } from '../merkle/index.ts';
import type { FolderNode } from './folder-node.ts';
import type { TargetFolder, TargetIdentity } from './target.ts';

/** About 100 MB; what comes after is restored as files of their own. */
const GROUPS_MAX = 262_144;

export type LinkGroup = {
  readonly first: Pick<FileEntry, 'name' | 'size' | 'mtimeNs' | 'mode' | 'uid' | 'gid' | 'contentHash'>;
  readonly node: FolderNode;
  state: 'pending' | 'placed' | 'failed';
  identity: TargetIdentity | undefined;
  /** Names that wait for the first one. */
  waiting: (() => void)[];
};

export type LinkRole =
  /** The first of its group, or alone: to be written, and then told by `settle`. */
  | { readonly kind: 'first'; readonly group: LinkGroup }
  | { readonly kind: 'link'; readonly group: LinkGroup }
  /** Its group is taken by something else: a file of its own. */
  | { readonly kind: 'alone' };

export class LinkTable {
  readonly #groups = new Map<number, LinkGroup>();

  /** What an entry is to be that is going to be written into `node`. */
  roleOf(entry: FileEntry, node: FolderNode): LinkRole {
    const { linkGroup } = entry;
    if (linkGroup === undefined) return { kind: 'alone' };
    const known = this.#groups.get(linkGroup);
    if (known !== undefined && known.state !== 'failed') {
      return isSameFile(known.first, entry) ? { kind: 'link', group: known } : { kind: 'alone' };
    }
    if (known === undefined && this.#groups.size >= GROUPS_MAX) return { kind: 'alone' };
    const { name, size, mtimeNs, mode, uid, gid } = entry;
    // Copies: views would keep whole pages in memory.
    const first = {
      name: name.slice(),
      size,
      mtimeNs,
      mode,
      uid,
      gid,
      contentHash: asContentHash(entry.contentHash.slice()),
    };
    const group: LinkGroup = { first, node, state: 'pending', identity: undefined, waiting: [] };
    this.#groups.set(linkGroup, group);
    return { kind: 'first', group };
  }

  /** The first name of a group is there, as this object, or will never be: who waits goes on. */
  settle(group: LinkGroup, identity: TargetIdentity | undefined): void {
    group.state = identity === undefined ? 'failed' : 'placed';
    group.identity = identity;
    const { waiting } = group;
    group.waiting = [];
    for (const go of waiting) go();
  }
}

function isSameFile(first: LinkGroup['first'], entry: FileEntry): boolean {
  return (
    first.size === entry.size &&
    first.mtimeNs === entry.mtimeNs &&
    first.mode === entry.mode &&
    first.uid === entry.uid &&
    first.gid === entry.gid &&
    equalBytes(first.contentHash, entry.contentHash)
  );
}

/**
 * Does something in a folder of this run that may be closed by now: then it is opened again, name by name from the top,
 * and closed afterwards. Undefined where it can't be reached any more.
 */
export function inFolder<Result>(node: FolderNode, action: (folder: TargetFolder) => Result): Result | undefined {
  const names: Uint8Array[] = [];
  let at: FolderNode | undefined = node;
  let open = at.access.peek();
  while (open === undefined && at.parent !== undefined) {
    names.unshift(at.name);
    at = at.parent;
    open = at.access.peek();
  }
  if (open === undefined) return undefined;
  const opened: TargetFolder[] = [];
  try {
    let folder = open;
    for (const name of names) {
      const child = folder.child(name, { create: false });
      if (child.kind !== 'opened') return undefined;
      opened.push(child.folder);
      folder = child.folder;
    }
    return action(folder);
  } finally {
    for (const folder of opened.toReversed()) folder.close();
  }
}
