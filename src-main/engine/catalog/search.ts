/**
 * Search as a person types it: part of a name, upper and lower case the same, in all snapshots of one copy. Stars and
 * question marks make it a pattern for the whole name; what stands before a slash is what the path of the folder ends with.
 *
 * Up to MATCHES_MAX matches are put in order by the time their newest version was changed; where there are more, these
 * are the ones that came last into the catalog, and the answer says so.
 */
import { escapePath } from '../../../src-shared/format/index.ts';
import type { CatalogHit, CatalogPage } from '../../../src-shared/model/index.ts';
import { ENTRY_TYPE, canonicalName } from '../merkle/index.ts';
import { compilePattern } from '../source/index.ts';
import { CatalogDamage } from './database-file.ts';
import { fold } from './fold.ts';
import type { SearchAsk } from './messages.ts';
import { requiredLiteral } from './pattern-literal.ts';
import { fileVersion } from './timeline.ts';
import { DEPTH_MAX, type Stretch, type TreeReads, type Version } from './tree-reads.ts';
import { type Group, type View, stretchOf } from './view.ts';

export const SEARCH_TEXT_MAX = 1000;
export const SEARCH_LIMIT_MAX = 500;
const MATCHES_MAX = 10_000;
/** Folders that one search remembers. */
const FOLDERS_KEPT_MAX = 100_000;
const NS_PER_MS = 1e6;

/** `root`: of a line's root its group; it has a name only there. */
type Match = { readonly path: number; readonly mtimeMs: number; readonly root: Group | undefined };
/** The newest version of a path that the snapshots show, and the place of the newest one that shows it. */
type Newest = { readonly version: Version; readonly group: Group; readonly place: number };

/** @throws CairnError usage/invalid for a pattern that can't be understood */
export function search(reads: TreeReads, view: View, { text, offset, limit }: SearchAsk): CatalogPage {
  return new Search(reads, view, text).page(offset, limit);
}

class Search {
  readonly #reads: TreeReads;
  readonly #view: View;
  readonly #literal: Buffer;
  readonly #isName: (folded: string) => boolean;
  /** What the folded path of the folder ends with; empty where any will do. */
  readonly #folder: string;
  readonly #isAnything: boolean;
  readonly #folders = new Map<number, string>();

  constructor(reads: TreeReads, view: View, searched: string) {
    this.#reads = reads;
    this.#view = view;
    const text = fold(searched.normalize('NFC').trim()).replace(/\/+$/, '');
    const slash = text.lastIndexOf('/');
    const name = text.slice(slash + 1);
    const isPattern = /[*?]/.test(name);
    this.#isAnything = text === '';
    this.#folder = text.slice(0, Math.max(0, slash));
    this.#literal = Buffer.from(isPattern ? fold(requiredLiteral(name)) : name);
    // After a slash a name is meant from its beginning.
    this.#isName = isPattern ? compilePattern(name) : (folded) => slash < 0 || folded.startsWith(name);
  }

  page(offset: number, limit: number): CatalogPage {
    if (this.#isAnything) return { hits: [], total: 0, isCapped: false };
    const matches: Match[] = this.#roots();
    let isCapped = false;
    for (const { path, folded } of this.#reads.names.holding(this.#literal)) {
      if (!this.#isName(folded.toString())) continue;
      const match = this.#match(path);
      if (match === undefined) continue;
      isCapped = matches.length >= MATCHES_MAX;
      if (isCapped) break;
      matches.push(match);
    }
    matches.sort((left, right) => right.mtimeMs - left.mtimeMs || right.path - left.path);
    const hits = matches.slice(offset, offset + limit).flatMap((match) => this.#hit(match) ?? []);
    return { hits, total: matches.length, isCapped };
  }

  /** Sources that are shown by their names. */
  #roots(): Match[] {
    if (this.#folder !== '') return [];
    return this.#view.groups.flatMap((group) => {
      if (group.prefix === undefined) return [];
      const folded = fold(canonicalName(group.prefix).text);
      if (!folded.includes(this.#literal.toString()) || !this.#isName(folded)) return [];
      const newest = this.#newest([group], group.root);
      if (newest === undefined) return [];
      return [{ path: group.root, mtimeMs: Number(newest.version.facts.mtimeNs) / NS_PER_MS, root: group }];
    });
  }

  #match(path: number): Match | undefined {
    if (this.#folder !== '' && !this.#isInFolder(path)) return undefined;
    const brief = this.#reads.newestVersion(path);
    if (brief === undefined) return undefined;
    const groups = this.#view.of(brief.line);
    // Mostly the version that began last is the newest that is shown.
    if (groups.every(({ rises }) => rises) && groups.some((group) => isShown(group, brief)))
      return { path, mtimeMs: brief.mtimeMs, root: undefined };
    const newest = this.#newest(groups, path);
    return newest && { path, mtimeMs: Number(newest.version.facts.mtimeNs) / NS_PER_MS, root: undefined };
  }

  #isInFolder(path: number): boolean {
    const row = this.#reads.path(path);
    if (row === undefined) return false;
    const below = this.#pathOf(row.parent, 0);
    return this.#view.of(row.line).some(({ prefix }) => {
      const whole = prefix === undefined ? below : `/${fold(canonicalName(prefix).text)}${below}`;
      return (whole === '' ? '/' : whole).endsWith(this.#folder);
    });
  }

  /** The folded path of a folder below its root, with a slash before each name. */
  #pathOf(folder: number, depth: number): string {
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    const row = this.#reads.path(folder);
    if (row === undefined || depth > DEPTH_MAX) throw new CatalogDamage('a path has no way to its root');
    const path = row.parent < 0 ? '' : `${this.#pathOf(row.parent, depth + 1)}/${fold(canonicalName(row.name).text)}`;
    if (this.#folders.size < FOLDERS_KEPT_MAX) this.#folders.set(folder, path);
    return path;
  }

  #newest(groups: readonly Group[], path: number): Newest | undefined {
    let newest: Newest | undefined;
    for (const version of this.#reads.versions(path)) {
      for (const group of groups) {
        const place = lastPlace(group, version);
        if (place !== undefined && place >= (newest?.place ?? 0)) newest = { version, group, place };
      }
    }
    return newest;
  }

  #hit({ path, root }: Match): CatalogHit | undefined {
    const groups = root === undefined ? this.#view.of(this.#reads.path(path)?.line ?? 0) : [root];
    const newest = this.#newest(groups, path);
    if (newest === undefined) return undefined;
    const { version, group, place } = newest;
    const { names } = this.#reads.namesTo(path);
    const { from, to } = stretchOf(group, version);
    const first = group.places.slice(from, to).reduce((least, each) => Math.min(least, each), place);
    const shown = { facts: version.facts, first, last: place };
    const text = (group.prefix === undefined ? names : [group.prefix, ...names]).map(escapePath).join('/');
    return {
      ...fileVersion(text, shown, this.#view.ids),
      type: ENTRY_TYPE[version.facts.nodeType],
      versions: this.#reads.versions(path).filter((each) => groups.some((other) => isShown(other, each))).length,
    };
  }
}

function isShown(group: Group, stretch: Stretch): boolean {
  const { from, to } = stretchOf(group, stretch);
  return from < to;
}

/** The newest place in history at which a version is shown. */
function lastPlace(group: Group, stretch: Stretch): number | undefined {
  const { from, to } = stretchOf(group, stretch);
  if (from >= to) return undefined;
  if (group.rises) return group.places[to - 1];
  return group.places.slice(from, to).reduce((most, each) => Math.max(most, each), 0);
}
