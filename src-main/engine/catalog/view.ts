/**
 * Some snapshots as a question sees them: which lines they show, under which name, and their order in history. Versions
 * are kept by numbers, the order of taking in; what is answered is in the order of history, and only about these.
 */
import { CatalogDamage } from './database-file.ts';
import type { KnownSnapshot, Stretch, TreeReads } from './tree-reads.ts';

/** The snapshots that show one line under one name. */
export type Group = {
  readonly line: number;
  /** The root path of the line. */
  readonly root: number;
  /** The name that paths begin with; undefined where the line is all there is. */
  readonly prefix: Uint8Array | undefined;
  /** Rising. */
  readonly numbers: readonly number[];
  /** Of the same snapshots: their places in the view's order. */
  readonly places: readonly number[];
  /** The places rise too: it was taken in in the order of history. */
  readonly rises: boolean;
};

export class View {
  readonly ids: readonly string[];
  readonly groups: readonly Group[];
  readonly #byLine: ReadonlyMap<number, readonly Group[]>;

  /** `snapshots`: oldest first. */
  constructor(reads: TreeReads, snapshots: readonly KnownSnapshot[]) {
    this.ids = snapshots.map(({ id }) => id);
    const placeOf = new Map(snapshots.map(({ number }, place) => [number, place]));
    const roots = reads.roots();
    const groups = new Map<string, Group & { numbers: number[]; places: number[]; rises: boolean }>();
    for (const { line, number, prefix } of reads.members()) {
      const place = placeOf.get(number);
      if (place === undefined) continue;
      const key = `${line}:${prefix === undefined ? '' : `/${Buffer.from(prefix).toString('latin1')}`}`;
      let group = groups.get(key);
      if (group === undefined) {
        const root = roots.get(line);
        if (root === undefined) throw new CatalogDamage('a snapshot shows a line that is not there');
        group = { line, root, prefix, numbers: [], places: [], rises: true };
        groups.set(key, group);
      }
      if ((group.places.at(-1) ?? -1) > place) group.rises = false;
      group.numbers.push(number);
      group.places.push(place);
    }
    this.groups = [...groups.values()];
    this.#byLine = Map.groupBy(this.groups, ({ line }) => line);
  }

  of(line: number): readonly Group[] {
    return this.#byLine.get(line) ?? [];
  }
}

/** A view of exactly these snapshots; undefined where one of them is not known, or not whole. */
export function wholeView(reads: TreeReads, ids: readonly string[]): View | undefined {
  const known: KnownSnapshot[] = [];
  for (const id of ids) {
    const snapshot = reads.snapshot(id);
    if (snapshot === undefined || !snapshot.isWhole) return undefined;
    known.push(snapshot);
  }
  return new View(reads, known);
}

/** Where in the group's numbers a version begins and ends to be there; nowhere where both are equal. */
export function stretchOf(
  { numbers }: Group,
  { first, until }: Stretch,
): { readonly from: number; readonly to: number } {
  return { from: lowerBound(numbers, first), to: until === undefined ? numbers.length : lowerBound(numbers, until) };
}

function lowerBound(numbers: readonly number[], wanted: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] ?? wanted) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
