/**
 * Numbers for hard links: names of one file get one number, made from the path of the first of them in the order of the
 * walk, so that an unchanged tree gets the numbers it had.
 *
 * Invariant: at most GROUPS_MAX files are remembered; further ones get no number and are restored as files of their own.
 * A file whose last name was seen is forgotten.
 */
import { hash } from '../codec/index.ts';
import { concatBytes, utf8 } from '../kernel/index.ts';
import type { FileStat } from '../source/index.ts';

/** About 150 MB of memory. A tree of backups made of hard links has millions of names and fewer files. */
const GROUPS_MAX = 1_000_000;
const PREFIX = utf8('link');

type Group = { readonly number: number; left: number };

export class LinkGroups {
  readonly #groups = new Map<string, Group>();

  /** The number for one more name of a file, undefined for a file with one name. `path` is this name's NodeId path. */
  numberOf(stat: FileStat, path: string): number | undefined {
    if (stat.linkCount < 2 || stat.nodeType === 'directory') return undefined;
    const key = `${stat.device}:${stat.inode}`;
    const known = this.#groups.get(key);
    if (known !== undefined) {
      known.left--;
      if (known.left <= 0) this.#groups.delete(key);
      return known.number;
    }
    if (this.#groups.size >= GROUPS_MAX) return undefined;
    const number = numberFor(path);
    this.#groups.set(key, { number, left: stat.linkCount - 1 });
    return number;
  }
}

/** The first six bytes of H("link" ‖ path), little-endian: collisions are harmless, since a reader compares content too. */
function numberFor(path: string): number {
  const digest = hash(concatBytes([PREFIX, utf8(path)]));
  let number = 0;
  for (let index = 5; index >= 0; index--) number = number * 256 + (digest[index] ?? 0);
  return number;
}
