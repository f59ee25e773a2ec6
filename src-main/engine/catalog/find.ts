/**
 * `cairn find` from the catalog: the same entries, versions and order as browse/history.ts finds by walking.
 *
 * Every match has a name that holds the longest literal part of the pattern; those names are found by a scan, and the
 * pattern itself is asked about them alone.
 */
import { escapePath } from '../../../src-shared/format/index.ts';
import type { FileVersion } from '../../../src-shared/model/index.ts';
import { utf8 } from '../kernel/index.ts';
import { canonicalName, joinNames } from '../merkle/index.ts';
import { compilePattern } from '../source/index.ts';
import { fold } from './fold.ts';
import type { FindAnswer, PathNames } from './messages.ts';
import { requiredLiteral } from './pattern-literal.ts';
import { Timeline, fileVersion } from './timeline.ts';
import type { TreeReads } from './tree-reads.ts';
import type { Group, View } from './view.ts';

const RESULTS_MAX = 1_000_000;
const FOLDERS_KEPT_MAX = 10_000;

/** One path of the view, with its versions. */
type Found = { readonly names: PathNames; readonly timeline: Timeline };

/** @throws CairnError usage/invalid for a pattern that can't be understood */
export function findEntries(reads: TreeReads, view: View, pattern: string): FindAnswer {
  const onName = !pattern.includes('/');
  const wanted = pattern.replace(/^\/+/, '').normalize('NFC');
  const isMatch = compilePattern(wanted, pattern);
  const mayMatch = onName ? foldedMatcher(wanted) : () => true;
  const found = new FoundPaths();
  const take = (group: Group, id: number, names: PathNames): void => {
    if (onName || isMatch(canonicalName(joinNames(names)).text)) found.add(group, names, reads.versions(id));
  };
  const folders = new FolderNames(reads);
  for (const { path, folded } of reads.names.holding(literalOf(wanted))) {
    if (!mayMatch(folded.toString())) continue;
    const row = reads.path(path);
    if (row === undefined || (onName && !isMatch(canonicalName(row.name).text))) continue;
    const names = [...folders.to(row.parent), row.name];
    for (const group of view.of(row.line))
      take(group, path, group.prefix === undefined ? names : [group.prefix, ...names]);
  }
  // Roots have names only in a view.
  for (const group of view.groups) {
    if (group.prefix === undefined || (onName && !isMatch(canonicalName(group.prefix).text))) continue;
    take(group, group.root, [group.prefix]);
  }
  return found.answer(view.ids);
}

/** What the folded name of every match holds. */
function literalOf(pattern: string): Uint8Array {
  return utf8(fold(requiredLiteral(pattern.slice(pattern.lastIndexOf('/') + 1))));
}

/**
 * Whether a name may match, by its folded form, so that most need not be looked up. Folding turns some letters into two,
 * and what is not in a bracket may be after it: patterns that mind either are asked themselves.
 */
function foldedMatcher(pattern: string): (folded: string) => boolean {
  return /[?[\\]/.test(pattern) ? () => true : compilePattern(fold(pattern));
}

/** The names that lead to folders; of neighbours they are the same. */
class FolderNames {
  readonly #reads: TreeReads;
  readonly #kept = new Map<number, PathNames>();

  constructor(reads: TreeReads) {
    this.#reads = reads;
  }

  to(folder: number): PathNames {
    const kept = this.#kept.get(folder);
    if (kept !== undefined) return kept;
    const { names } = this.#reads.namesTo(folder);
    if (this.#kept.size >= FOLDERS_KEPT_MAX) this.#kept.clear();
    this.#kept.set(folder, names);
    return names;
  }
}

class FoundPaths {
  readonly #byPath = new Map<string, Found>();

  add(group: Group, names: PathNames, versions: ReturnType<TreeReads['versions']>): void {
    // No name holds a NUL, and nothing stands before it: texts of this kind are in the order of a walk.
    const key = names.map((name) => Buffer.from(name).toString('latin1')).join('\0');
    let found = this.#byPath.get(key);
    if (found === undefined) {
      found = { names, timeline: new Timeline() };
      this.#byPath.set(key, found);
    }
    found.timeline.add(group, versions);
  }

  /** In the order in which a walk from snapshot to snapshot meets the paths. */
  answer(ids: readonly string[]): FindAnswer {
    let count = 0;
    const paths: { readonly key: string; readonly first: number; readonly versions: readonly FileVersion[] }[] = [];
    for (const [key, { names, timeline }] of this.#byPath) {
      const shown = timeline.shown();
      const [oldest] = shown;
      if (oldest === undefined) continue;
      count += shown.length;
      if (count > RESULTS_MAX) return { kind: 'too-many' };
      const path = names.map(escapePath).join('/');
      paths.push({ key, first: oldest.first, versions: shown.map((version) => fileVersion(path, version, ids)) });
    }
    paths.sort((left, right) => left.first - right.first || (left.key < right.key ? -1 : 1));
    return { kind: 'found', versions: paths.flatMap(({ versions }) => versions) };
  }
}
