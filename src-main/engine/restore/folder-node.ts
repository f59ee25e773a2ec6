/**
 * A folder of the target while it is being restored. Files are written in the order of packs, so a folder is not done
 * when it was walked through: it counts what is outstanding in it, and is finished (links, leftovers, its own mode and time)
 * when the last of that is there. Then it lets its parent go.
 *
 * Invariant: a folder is open from its first use to its end, and closed once; its parent outlives it.
 */
import { assert } from '../../../src-shared/assert.ts';
import type { SymlinkEntry } from '../merkle/index.ts';
import { joinPathText } from './path-text.ts';
import type { TargetFolder } from './target.ts';

/** How the folder is had; each is asked again and again and answers from memory. */
export type FolderAccess = {
  /** The open folder, made where it is missing; undefined in a dry run where it does not exist, and where it is blocked. */
  readonly open: () => TargetFolder | undefined;
  /** What is there already, without making anything. */
  readonly peek: () => TargetFolder | undefined;
  /** Whether `open` has found that a problem or a decision (already told) keeps us out. */
  readonly isBlocked: () => boolean;
  /** True where this run has made it: nothing can be in it but what this run has put there. */
  readonly isNew: () => boolean;
};

export class FolderNode {
  readonly parent: FolderNode | undefined;
  /** Its raw name in its parent; empty for the top. */
  readonly name: Uint8Array;
  /** Relative to what is restored, as escaped text. */
  readonly path: string;
  readonly access: FolderAccess;
  /** Names, as latin1, that this run has given to what it put aside there. */
  readonly aside = new Set<string>();
  /** Symbolic links that come after everything else. */
  links: SymlinkEntry[] = [];
  /** With --delete, when all of it was seen: the names that stay. `wanted`: everything in it counts. */
  keep: { readonly names: ReadonlySet<string>; readonly wanted: boolean } | undefined;
  readonly #finish: (node: FolderNode) => void;
  #outstanding = 1;

  /** Counts as one thing outstanding in its parent, and itself as in use until `release`. */
  constructor(parts: {
    readonly parent: FolderNode | undefined;
    readonly name: Uint8Array;
    readonly path: string;
    readonly access: FolderAccess;
    /** Called once; must not wait. */
    readonly finish: (node: FolderNode) => void;
  }) {
    this.parent = parts.parent;
    this.name = parts.name;
    this.path = parts.path;
    this.access = parts.access;
    this.#finish = parts.finish;
    this.parent?.hold();
  }

  /** The path of an entry in it, as `path`. */
  pathOf(name: Uint8Array): string {
    return joinPathText(this.path, name);
  }

  /** One more thing is outstanding in this folder. */
  hold(): void {
    assert(this.#outstanding > 0, 'a finished folder is not used again');
    this.#outstanding++;
  }

  /** One thing less; after the last one the folder is finished, and so may be the ones above it. */
  release(): void {
    let last = this.#letGo();
    while (last !== undefined) last = last.#letGo();
  }

  /** The parent where this folder was finished: one thing less is outstanding there. */
  #letGo(): FolderNode | undefined {
    assert(this.#outstanding > 0, 'a folder is released as often as it was held');
    this.#outstanding--;
    if (this.#outstanding > 0) return undefined;
    this.#finish(this);
    return this.parent;
  }
}
