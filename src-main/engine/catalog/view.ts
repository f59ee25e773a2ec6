/**
 * Some snapshots as a question sees them: which lines they show, under which name, and their order in history. Versions
 * are kept by numbers, the order of taking in; what is answered is in the order of history, and only about these.
 */
import { CatalogDamage } from './database-file.ts';
import type { KnownSnapshot, Member, Stretch, TreeReads } from './tree-reads.ts';

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
    for (const { line, number, prefix } of membersOf(reads, snapshots)) {
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

/** Members of so few snapshots are asked for one by one. */
const FEW = 8;

/** By line, then number. */
function membersOf(reads: TreeReads, snapshots: readonly KnownSnapshot[]): readonly Member[] {
  if (snapshots.length > FEW) return reads.members();
  return snapshots
    .flatMap(({ number }) => reads.membersOf(number))
    .sort((left, right) => left.line - right.line || left.number - right.number);
}

/** The last view of a repository: one question after another is about the same snapshots. */
export class Views {
  readonly #reads: TreeReads;
  #last: { readonly view: View; readonly stamp: string } | undefined;
  #held: { readonly view: View; readonly stamp: string; readonly instanceId: string } | undefined;

  constructor(reads: TreeReads) {
    this.#reads = reads;
  }

  /** A view of exactly these snapshots; undefined where one of them is not known, or not whole. */
  whole(ids: readonly string[]): View | undefined {
    const stamp = this.#reads.stamp();
    const last = this.#last;
    if (last !== undefined && stamp === last.stamp && isSame(last.view.ids, ids)) return last.view;
    const known: KnownSnapshot[] = [];
    for (const id of ids) {
      const snapshot = this.#reads.snapshot(id);
      if (snapshot === undefined || !snapshot.isWhole) return undefined;
      known.push(snapshot);
    }
    const view = new View(this.#reads, known);
    // Looking at one snapshot after another does not put the view of all of them away.
    if (ids.length > 1) this.#last = { view, stamp };
    return view;
  }

  /** A view of what is known of one copy, whole or not. */
  held(instanceId: string): View {
    const stamp = this.#reads.stamp();
    const last = this.#held;
    if (last?.stamp === stamp && last.instanceId === instanceId) return last.view;
    const view = new View(this.#reads, this.#reads.heldBy(instanceId));
    this.#held = { view, stamp, instanceId };
    return view;
  }
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((id, place) => id === right[place]);
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
