/**
 * Search as a person types it: part of a name, upper and lower case the same, in all snapshots of one copy. Stars and
 * question marks make it a pattern for the whole name; a slash says what the folders above end with.
 *
 * Every match up to MATCHES_MAX is put in order by the time its newest version was changed; beyond, those are that came
 * last into the catalog, and the answer says so.
 */
import { escapePath } from '../../../src-shared/format/index.ts';
import type { SearchHit, SearchPage } from '../../../src-shared/model/index.ts';
import { utf8 } from '../kernel/index.ts';
import { canonicalName } from '../merkle/index.ts';
import { compilePattern } from '../source/index.ts';
import { fold } from './fold.ts';
import type { SearchAsk } from './messages.ts';
import type { NameMatch } from './name-blocks.ts';
import { requiredLiteral } from './pattern-literal.ts';
import { ENTRY_TYPE } from './questions.ts';
import { fileVersion } from './timeline.ts';
import type { TreeReads, Version } from './tree-reads.ts';
import { type Group, View, stretchOf } from './view.ts';

export const SEARCH_TEXT_MAX = 1000;
export const SEARCH_LIMIT_MAX = 500;
const MATCHES_MAX = 10_000;
/** Folders whose paths are remembered while one search goes on. */
const FOLDERS_KEPT_MAX = 100_000;

/** The newest version of a path that the copy's snapshots show, and where. */
type Newest = { readonly version: Version; readonly group: Group; readonly place: number };
type Match = { readonly path: number; readonly name: Uint8Array; readonly newest: Newest };

/** @throws CairnError usage/invalid for a pattern that can't be understood */
export function search(reads: TreeReads, ask: SearchAsk): SearchPage {
  const known = new Map(reads.snapshots().map((snapshot) => [snapshot.id, snapshot]));
  const view = new View(
    reads,
    reads.heldBy(ask.instanceId).flatMap((id) => known.get(id) ?? []),
  );
  return new Search(reads, view, ask).page();
}

class Search {
  readonly #reads: TreeReads;
  readonly #view: View;
  readonly #ask: SearchAsk;
  readonly #literal: Uint8Array;
  readonly #isName: (folded: string) => boolean;
  /** What the folded path of the folder must end with. */
  readonly #folder: string;
  readonly #folders = new Map<number, string>();

  constructor(reads: TreeReads, view: View, ask: SearchAsk) {
    this.#reads = reads;
    this.#view = view;
    this.#ask = ask;
    const text = fold(ask.text.normalize('NFC')).replace(/\/+$/, '');
    const slash = text.lastIndexOf('/');
    const name = text.slice(slash + 1);
    this.#folder = slash < 0 ? '' : text.slice(0, slash);
    const isPattern = /[*?]/.test(name);
    this.#literal = utf8(isPattern ? fold(requiredLiteral(name)) : name);
    // After a slash a name is meant from its beginning.
    this.#isName = isPattern ? compilePattern(name) : (folded) => slash < 0 || folded.startsWith(name);
  }

  page(): SearchPage {
    const { offset, limit } = this.#ask;
    const candidates: NameMatch[] = [];
    let isCapped = false;
    if (this.#ask.text.trim() !== '') {
      for (const match of this.#reads.names.holding(this.#literal)) {
        if (!this.#isName(textOf(match))) continue;
        isCapped = candidates.length === MATCHES_MAX;
        if (isCapped) break;
        candidates.push(match);
      }
    }
    const matches = [...this.#roots(), ...candidates.flatMap(({ path }) => this.#match(path) ?? [])];
    matches.sort((left, right) => compareTimes(right, left) || right.path - left.path);
    return {
      hits: matches.slice(offset, offset + limit).map((match) => this.#hit(match)),
      total: matches.length,
      isCapped,
    };
  }

  /** Sources that are shown by their names. */
  *#roots(): Generator<Match> {
    if (this.#folder !== '' || this.#ask.text.trim() === '') return;
    for (const group of this.#view.groups) {
      if (group.prefix === undefined) continue;
      const folded = fold(canonicalName(group.prefix).text);
      if (!folded.includes(Buffer.from(this.#literal).toString()) || !this.#isName(folded)) continue;
      const newest = this.#newest([group], group.root);
      if (newest !== undefined) yield { path: group.root, name: group.prefix, newest };
    }
  }

  #match(path: number): Match | undefined {
    const row = this.#reads.path(path);
    if (row === undefined) return undefined;
    const newest = this.#newest(this.#view.of(row.line), path);
    if (newest === undefined) return undefined;
    if (this.#folder !== '' && !this.#isInFolder(row.parent, newest.group)) return undefined;
    return { path, name: row.name, newest };
  }

  #isInFolder(parent: number, { prefix }: Group): boolean {
    const above = fold(canonicalName(Buffer.from(this.#pathOf(parent), 'latin1')).text);
    const before = prefix === undefined ? '' : fold(canonicalName(prefix).text);
    return `/${before}${before !== '' && above !== '' ? '/' : ''}${above}`.endsWith(this.#folder);
  }

  /** The path of a folder below its root, as Latin-1. */
  #pathOf(folder: number): string {
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    const names = this.#reads.namesTo(folder).names.map((name) => Buffer.from(name).toString('latin1'));
    const path = names.join('/');
    if (this.#folders.size < FOLDERS_KEPT_MAX) this.#folders.set(folder, path);
    return path;
  }

  #newest(groups: readonly Group[], path: number): Newest | undefined {
    let newest: Newest | undefined;
    for (const version of this.#reads.versions(path)) {
      for (const group of groups) {
        const { from, to } = stretchOf(group, version);
        const place = group.rises ? (group.places[to - 1] ?? -1) : Math.max(...group.places.slice(from, to));
        if (from < to && place >= (newest?.place ?? 0)) newest = { version, group, place };
      }
    }
    return newest;
  }

  #hit({ path, name, newest }: Match): SearchHit {
    const { version, group, place } = newest;
    const below = path === group.root ? [] : [...this.#foldersOf(path), name];
    const names = group.prefix === undefined ? below : [group.prefix, ...below];
    const { from, to } = stretchOf(group, version);
    const first = Math.min(...group.places.slice(from, to));
    const shown = { facts: version.facts, first, last: place };
    const versions = this.#reads.versions(path).filter((each) => {
      return this.#view.of(group.line).some((other) => {
        const stretch = stretchOf(other, each);
        return stretch.from < stretch.to;
      });
    });
    return {
      ...fileVersion(names.map(escapePath).join('/'), shown, this.#view.ids),
      type: ENTRY_TYPE[version.facts.nodeType],
      versions: versions.length,
    };
  }

  #foldersOf(path: number): readonly Uint8Array[] {
    return this.#reads.namesTo(path).names.slice(0, -1);
  }
}

function textOf({ folded }: NameMatch): string {
  return Buffer.from(folded.buffer, folded.byteOffset, folded.length).toString();
}

function compareTimes({ newest: left }: Match, { newest: right }: Match): number {
  const [a, b] = [left.version.facts.mtimeNs, right.version.facts.mtimeNs];
  return a < b ? -1 : a > b ? 1 : 0;
}
