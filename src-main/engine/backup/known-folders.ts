/**
 * Whether the folder that stands at a place is the one that the parent snapshot saw there. Only then do the times of what
 * is in it say that nothing changed: who moves a folder moves its files along, and their ctimes stay as they were.
 *
 * It is when the folder above is, and its own ctime is old: whoever moves a folder gives it a new one. Otherwise its inode
 * says so, and its page of then. In a strange folder everything is read as if nothing were known of it.
 */
import { isLongAgo } from './file-backup.ts';
import { type LeafOptions, LeafWalk } from './leaf-walk.ts';
import type { FolderNotes } from './options.ts';
import type { PreviousFolder } from './previous.ts';

export type KnownFolderOptions = LeafOptions & { readonly folders: FolderNotes | undefined };

type Found = {
  readonly path: Uint8Array;
  readonly stat: { readonly inode: bigint; readonly ctimeNs: bigint };
  readonly previous: PreviousFolder | undefined;
};
type Judged = { readonly isKnown: boolean };

export class KnownFolders {
  readonly #options: KnownFolderOptions;
  /** For what no time is asked about. */
  readonly leaves: LeafWalk;
  readonly #strangeOptions: LeafOptions;
  readonly #strangeLeaves: LeafWalk;

  constructor(options: KnownFolderOptions) {
    this.#options = options;
    this.leaves = new LeafWalk(options);
    this.#strangeOptions = { ...options, previousReadMs: undefined };
    this.#strangeLeaves = new LeafWalk(this.#strangeOptions);
  }

  /** A source. Folders above it may have been moved, which leaves no trace in its own times. */
  isTopKnown({ path, stat, previous }: Found): boolean {
    const { folders } = this.#options;
    return folders === undefined || previous === undefined || folders.has(path, stat.inode, previous.entry.page);
  }

  isChildKnown(parent: Judged, found: Found): boolean {
    return (parent.isKnown && isLongAgo(this.#options, found.stat.ctimeNs)) || this.isTopKnown(found);
  }

  /** It was looked at, and this is what is stored of it. */
  note({ path, stat }: Omit<Found, 'previous'>, page: Uint8Array): void {
    this.#options.folders?.note(path, stat.inode, page);
  }

  optionsIn({ isKnown }: Judged): LeafOptions {
    return isKnown ? this.#options : this.#strangeOptions;
  }

  leavesIn({ isKnown }: Judged): LeafWalk {
    return isKnown ? this.leaves : this.#strangeLeaves;
  }
}
