/**
 * The versions of one path as `cairn versions` lists them: over the snapshots in the order of history, whatever line they
 * belong to, the same content in one after another of those that have the path is one version. What `browse/history.ts`
 * finds out by looking into every snapshot is put together here from stretches; test/catalog holds the two to each other.
 */
import { formatTimeNs } from '../../../src-shared/format/index.ts';
import type { FileVersion } from '../../../src-shared/model/index.ts';
import { toHex } from '../kernel/index.ts';
import type { Facts } from './facts.ts';
import type { Version } from './tree-reads.ts';
import { type Group, stretchOf } from './view.ts';

/** A version of a path with the first and the last place in history that show it. */
type Shown = { readonly facts: Facts; readonly first: number; last: number };
type Piece = { readonly group: Group; readonly from: number; readonly to: number; readonly facts: Facts };

export class Timeline {
  readonly #pieces: Piece[] = [];

  /** Versions of the path in a line, by their first numbers. */
  add(group: Group, versions: readonly Version[]): void {
    for (const version of versions) {
      const { from, to } = stretchOf(group, version);
      if (from < to) this.#pieces.push({ group, from, to, facts: version.facts });
    }
  }

  shown(): readonly Shown[] {
    const [first] = this.#pieces;
    const isOneLine = this.#pieces.every(({ group }) => group === first?.group);
    const points: Shown[] = [];
    for (const { group, from, to, facts } of this.#pieces) {
      const places = group.places.slice(from, to);
      // In a line that was taken in in order, a stretch is one run of places that nothing else comes between.
      if (isOneLine && group.rises) points.push({ facts, first: places[0] ?? 0, last: places.at(-1) ?? 0 });
      else for (const place of places) points.push({ facts, first: place, last: place });
    }
    const shown: Shown[] = [];
    for (const point of points.toSorted((left, right) => left.first - right.first)) {
      const before = shown.at(-1);
      if (before !== undefined && isSameVersion(before.facts, point.facts)) before.last = point.last;
      else shown.push({ ...point });
    }
    return shown;
  }
}

/** As in browse/history.ts: a change of nothing but the mode is no other version of a file, and a folder has only one. */
function isSameVersion(left: Facts, right: Facts): boolean {
  if (left.nodeType !== right.nodeType) return false;
  switch (left.nodeType) {
    case 'file':
      return left.mtimeNs === right.mtimeNs && isSameContent(left, right);
    case 'symlink':
      return isSameContent(left, right);
    case 'directory':
    case 'fifo':
    case 'socket':
    case 'char-device':
    case 'block-device':
      return true;
  }
}

const NONE = new Uint8Array(0);

function isSameContent(left: Facts, right: Facts): boolean {
  return Buffer.compare(left.content ?? NONE, right.content ?? NONE) === 0;
}

/** `ids`: of the view's snapshots, by place. */
export function fileVersion(path: string, { facts, first, last }: Shown, ids: readonly string[]): FileVersion {
  const isFile = facts.nodeType === 'file';
  return {
    path,
    size: isFile ? facts.size : 0,
    mtime: formatTimeNs(facts.mtimeNs),
    contentHash: isFile ? toHex(facts.content ?? NONE) : '',
    firstSnapshot: ids[first] ?? '',
    lastSnapshot: ids[last] ?? '',
  };
}
