/** A line diff as rows to draw: one column where there is little room, two side by side where there is more. Pure. */
import type { DiffHunk, DiffLine } from '../src-shared/model/index.ts';

/** More than anyone reads; a diff of two large files must not fill the page. */
export const DIFF_LINES_MAX = 3000;

/** A piece of a line that is the same in its partner, or is not. */
export type Piece = { readonly text: string; readonly differs: boolean };

export type DiffCell = {
  readonly number: number;
  readonly kind: DiffLine['kind'];
  readonly pieces: readonly Piece[];
};

/** Null: nothing on this side. */
export type DiffPair = { readonly before: DiffCell | null; readonly after: DiffCell | null };

export type DrawnHunk = {
  readonly beforeLine: number;
  readonly afterLine: number;
  readonly pairs: readonly DiffPair[];
};

/** Removed lines stand beside the added ones that took their place. */
export function pairsOf(hunk: DiffHunk): readonly DiffPair[] {
  const pairs: DiffPair[] = [];
  let { beforeLine, afterLine } = hunk;
  let removed: string[] = [];
  let added: string[] = [];
  const flush = (): void => {
    for (let row = 0; row < Math.max(removed.length, added.length); row++) {
      const [one, other] = [removed[row], added[row]];
      const [left, right] = piecesOf(one, other);
      pairs.push({
        before: one === undefined ? null : { number: beforeLine++, kind: 'removed', pieces: left },
        after: other === undefined ? null : { number: afterLine++, kind: 'added', pieces: right },
      });
    }
    removed = [];
    added = [];
  };
  for (const { kind, text } of hunk.lines) {
    if (kind === 'removed') {
      if (added.length > 0) flush();
      removed.push(text);
    } else if (kind === 'added') added.push(text);
    else {
      flush();
      const pieces = [{ text, differs: false }];
      pairs.push({
        before: { number: beforeLine++, kind, pieces },
        after: { number: afterLine++, kind, pieces },
      });
    }
  }
  flush();
  return pairs;
}

/** What two lines have in common at their ends is not marked; lines that have little in common are marked as a whole. */
function piecesOf(one: string | undefined, other: string | undefined): readonly [readonly Piece[], readonly Piece[]] {
  const plain = (text: string | undefined): readonly Piece[] => [{ text: text ?? '', differs: false }];
  if (one === undefined || other === undefined) return [plain(one), plain(other)];
  const shortest = Math.min(one.length, other.length);
  let head = 0;
  while (head < shortest && one[head] === other[head]) head++;
  let tail = 0;
  while (tail < shortest - head && one[one.length - 1 - tail] === other[other.length - 1 - tail]) tail++;
  if (head + tail < shortest / 3) return [plain(one), plain(other)];
  const cut = (text: string): readonly Piece[] =>
    [
      { text: text.slice(0, head), differs: false },
      { text: text.slice(head, text.length - tail), differs: true },
      { text: text.slice(text.length - tail), differs: false },
    ].filter((piece) => piece.text !== '');
  return [cut(one), cut(other)];
}

/** The hunks that are drawn, and whether that is all. */
export function drawnHunks(hunks: readonly DiffHunk[]): {
  readonly hunks: readonly DrawnHunk[];
  readonly cut: boolean;
} {
  const drawn: DrawnHunk[] = [];
  let lines = 0;
  for (const hunk of hunks) {
    const room = DIFF_LINES_MAX - lines;
    if (room <= 0) return { hunks: drawn, cut: true };
    const shown = hunk.lines.slice(0, room);
    lines += shown.length;
    const { beforeLine, afterLine } = hunk;
    drawn.push({ beforeLine, afterLine, pairs: pairsOf({ beforeLine, afterLine, lines: shown }) });
    if (shown.length < hunk.lines.length) return { hunks: drawn, cut: true };
  }
  return { hunks: drawn, cut: false };
}

/** One below the other: what went before what came. */
export function unified(
  pairs: readonly DiffPair[],
): readonly (DiffCell & { readonly side: 'before' | 'after' | 'both' })[] {
  const rows: (DiffCell & { readonly side: 'before' | 'after' | 'both' })[] = [];
  let waiting: DiffCell[] = [];
  const flush = (): void => {
    for (const cell of waiting) rows.push({ ...cell, side: 'after' });
    waiting = [];
  };
  for (const { before, after } of pairs) {
    if (before?.kind === 'same') {
      flush();
      rows.push({ ...before, side: 'both' });
      continue;
    }
    if (before !== null) rows.push({ ...before, side: 'before' });
    if (after !== null) waiting.push(after);
  }
  flush();
  return rows;
}
