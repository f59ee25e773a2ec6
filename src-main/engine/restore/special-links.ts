/**
 * Hard links among entries without content (symbolic links, FIFOs, sockets, devices): names of one object in the snapshot
 * become names of one object again. Such an entry is there as soon as it is made, so nobody waits as files do
 * (link-table.ts), and the same rules hold: only to an object of this run, and only between entries that say the same.
 */
import { equalBytes } from '../kernel/index.ts';
import type { Entry } from '../merkle/index.ts';
import type { FolderNode } from './folder-node.ts';
import { inFolder } from './link-table.ts';
import type { PlaceResult, TargetFolder, TargetIdentity } from './target.ts';

export type SpecialEntry = Exclude<Entry, { nodeType: 'directory' | 'file' }>;

/** About 30 MB; what comes after is restored as objects of their own. */
const GROUPS_MAX = 65_536;

type First = { readonly entry: SpecialEntry; readonly node: FolderNode; readonly identity: TargetIdentity };

export class SpecialLinks {
  readonly #firsts = new Map<number, First>();

  /** Makes an entry another name of what stands for its group already. Undefined where it has to be made itself. */
  link(entry: SpecialEntry, folder: TargetFolder, options: { readonly replace: boolean }): PlaceResult | undefined {
    const first = entry.linkGroup === undefined ? undefined : this.#firsts.get(entry.linkGroup);
    if (first === undefined || !isSameObject(first.entry, entry)) return undefined;
    const { name } = first.entry;
    const result = inFolder<PlaceResult>(first.node, (from) =>
      folder.hardLink(entry.name, { folder: from, name, identity: first.identity }, options),
    );
    return result?.kind === 'failed' ? undefined : result;
  }

  /** An entry was made: the next of its group can be names of it. */
  made(entry: SpecialEntry, node: FolderNode, identity: TargetIdentity): void {
    const { linkGroup } = entry;
    if (linkGroup === undefined || this.#firsts.has(linkGroup) || this.#firsts.size >= GROUPS_MAX) return;
    // A copy of the name: a view would keep a whole page in memory.
    this.#firsts.set(linkGroup, { entry: { ...entry, name: entry.name.slice() }, node, identity });
  }
}

function isSameObject(first: SpecialEntry, entry: SpecialEntry): boolean {
  const isSame =
    first.mtimeNs === entry.mtimeNs &&
    first.mode === entry.mode &&
    first.uid === entry.uid &&
    first.gid === entry.gid &&
    first.nodeType === entry.nodeType;
  if (!isSame) return false;
  if (first.nodeType === 'symlink' && entry.nodeType === 'symlink') return equalBytes(first.target, entry.target);
  if ('major' in first && 'major' in entry) return first.major === entry.major && first.minor === entry.minor;
  return true;
}
