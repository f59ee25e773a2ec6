/**
 * What differs between two texts, line by line, as hunks with a few equal lines around them. The shortest way from one to
 * the other is looked for by `diff` (Myers). Two texts that have too little in common are not worth the time: then what
 * stands between their equal ends is one change. Pure; what it costs is bounded, because it is done where the backups run.
 */
import { diffArrays } from 'diff';
import type { DiffHunk, DiffLine } from '../../../src-shared/model/index.ts';

/** Equal lines around a change. */
const CONTEXT_LINES = 3;
/** Lines that went or came in the middle. What is looked for grows with its square. */
const EDITS_MAX = 1000;
/** Of a side. */
export const LINES_MAX = 50_000;
/** Of all hunks together; nobody reads more. */
const SHOWN_LINES_MAX = 5000;

type Edit = DiffLine['kind'];
export type LineDiff = { readonly hunks: readonly DiffHunk[]; readonly truncated: boolean };

/** Undefined: a text has more than LINES_MAX lines. */
export function lineDiff(before: string, after: string): LineDiff | undefined {
  const one = linesOf(before);
  const other = linesOf(after);
  if (one.length > LINES_MAX || other.length > LINES_MAX) return undefined;
  return hunksOf(one, other, edits(one, other));
}

/** The end of the last line makes no further one. */
function linesOf(text: string): readonly string[] {
  if (text === '') return [];
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** One word a line of either side, in the order they are shown. */
function edits(one: readonly string[], other: readonly string[]): readonly Edit[] {
  const shortest = Math.min(one.length, other.length);
  let head = 0;
  while (head < shortest && one[head] === other[head]) head++;
  let tail = 0;
  while (tail < shortest - head && one[one.length - 1 - tail] === other[other.length - 1 - tail]) tail++;
  const [was, is] = [one.slice(head, one.length - tail), other.slice(head, other.length - tail)];
  return [...times(head, 'same'), ...removedFirst(middleEdits(was, is)), ...times(tail, 'same')];
}

/** Within a change what went stands before what came. */
function removedFirst(all: readonly Edit[]): readonly Edit[] {
  const ordered: Edit[] = [];
  let waiting = 0;
  for (const edit of [...all, 'same' as const]) {
    if (edit === 'added') waiting++;
    else {
      if (edit === 'same') for (; waiting > 0; waiting--) ordered.push('added');
      ordered.push(edit);
    }
  }
  ordered.pop();
  return ordered;
}

function middleEdits(was: readonly string[], is: readonly string[]): readonly Edit[] {
  const changes = diffArrays([...was], [...is], { maxEditLength: EDITS_MAX });
  if (changes === undefined) return [...times(was.length, 'removed'), ...times(is.length, 'added')];
  return changes.flatMap(({ added, removed, count }) => times(count, added ? 'added' : removed ? 'removed' : 'same'));
}

const times = (count: number, edit: Edit): readonly Edit[] => Array.from({ length: count }, () => edit);

function hunksOf(one: readonly string[], other: readonly string[], all: readonly Edit[]): LineDiff {
  const hunks: DiffHunk[] = [];
  let shown = 0;
  for (const { from, to, beforeLine, afterLine } of spansOf(all)) {
    const room = SHOWN_LINES_MAX - shown;
    if (room <= 0) return { hunks, truncated: true };
    let [x, y] = [beforeLine, afterLine];
    const lines = all.slice(from, Math.min(to, from + room)).map((kind): DiffLine => {
      const text = (kind === 'added' ? other[y] : one[x]) ?? '';
      if (kind !== 'added') x++;
      if (kind !== 'removed') y++;
      return { kind, text };
    });
    shown += lines.length;
    hunks.push({ beforeLine: beforeLine + 1, afterLine: afterLine + 1, lines });
    if (to - from > lines.length) return { hunks, truncated: true };
  }
  return { hunks, truncated: false };
}

/** Of edits; `beforeLine` and `afterLine` count from 0. */
type Span = { readonly from: number; readonly to: number; readonly beforeLine: number; readonly afterLine: number };

/** Stretches of edits with their context; two that touch are one. */
function spansOf(all: readonly Edit[]): readonly Span[] {
  const spans: { from: number; to: number }[] = [];
  for (const [index, edit] of all.entries()) {
    if (edit === 'same') continue;
    const from = Math.max(0, index - CONTEXT_LINES);
    const to = Math.min(all.length, index + CONTEXT_LINES + 1);
    const last = spans.at(-1);
    if (last !== undefined && from <= last.to) last.to = to;
    else spans.push({ from, to });
  }
  let [index, beforeLine, afterLine] = [0, 0, 0];
  return spans.map(({ from, to }) => {
    for (; index < from; index++) {
      if (all[index] !== 'added') beforeLine++;
      if (all[index] !== 'removed') afterLine++;
    }
    return { from, to, beforeLine, afterLine };
  });
}
