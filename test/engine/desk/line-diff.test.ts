/** Line diffs: that they lead from one text to the other, that none is longer than needed, and that they end. */
import { describe, expect, it } from 'vitest';
import type { DiffLine } from '../../../src-shared/model/index.ts';
import { LINES_MAX, lineDiff } from '../../../src-main/engine/desk/line-diff.ts';
import { seeded, testSeed } from '../../support/seed.ts';

const text = (...lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
const shown = (before: string, after: string): readonly string[] =>
  (lineDiff(before, after)?.hunks ?? []).flatMap(({ lines }) => lines.map(({ kind, text: line }) => `${kind} ${line}`));

/** Plays the hunks on the old text; what lies between them is equal. */
function played(before: string, after: string): string {
  const old = before.split('\n');
  const result: string[] = [];
  let at = 0;
  for (const { beforeLine, lines } of lineDiff(before, after)?.hunks ?? []) {
    result.push(...old.slice(at, beforeLine - 1));
    result.push(...lines.filter(({ kind }) => kind !== 'removed').map((line: DiffLine) => line.text));
    at = beforeLine - 1 + lines.filter(({ kind }) => kind !== 'added').length;
  }
  return [...result, ...old.slice(at)].join('\n');
}

/** The classic table, for a few lines. */
function fewestEdits(one: readonly string[], other: readonly string[]): number {
  let row = other.map((_, index) => index + 1);
  row.unshift(0);
  for (const [x, line] of one.entries()) {
    const next = [x + 1];
    for (const [y, otherLine] of other.entries())
      next.push(line === otherLine ? row[y]! : 1 + Math.min(row[y + 1]!, next[y]!));
    row = next;
  }
  return row.at(-1)!;
}

describe('a line diff', () => {
  it('is nothing for equal texts, and everything for an empty one', () => {
    expect(lineDiff('a\nb\n', 'a\nb\n')).toEqual({ hunks: [], truncated: false });
    expect(shown('', text('a', 'b'))).toEqual(['added a', 'added b']);
    expect(shown(text('a'), '')).toEqual(['removed a']);
  });

  it('shows what went before what came, with three equal lines around', () => {
    const before = text('1', '2', '3', '4', 'old', '6', '7', '8', '9');
    const after = text('1', '2', '3', '4', 'new', '6', '7', '8', '9');
    expect(lineDiff(before, after)?.hunks).toMatchObject([{ beforeLine: 2, afterLine: 2 }]);
    expect(shown(before, after)).toEqual([
      ...['same 2', 'same 3', 'same 4'],
      ...['removed old', 'added new'],
      ...['same 6', 'same 7', 'same 8'],
    ]);
  });

  it('keeps changes that are far apart in hunks of their own, with the lines of both sides', () => {
    const lines = Array.from({ length: 40 }, (_, index) => `${index}`);
    const before = text(...lines);
    const after = text('first', ...lines.slice(0, 30), ...lines.slice(31));
    expect(lineDiff(before, after)?.hunks.map(({ beforeLine, afterLine }) => [beforeLine, afterLine])).toEqual([
      [1, 1],
      [28, 29],
    ]);
  });

  it('leads from one text to the other with the fewest lines, over many texts', () => {
    const random = seeded(testSeed('line diff'));
    for (let round = 0; round < 400; round++) {
      const lines = (): readonly string[] =>
        Array.from({ length: random.between(0, 17) }, () => String.fromCodePoint(97 + random.between(0, 4)));
      const [one, other] = [lines(), lines()];
      const [before, after] = [text(...one), text(...other)];
      const edits = shown(before, after).filter((line) => !line.startsWith('same')).length;
      expect([before, after, edits]).toEqual([before, after, fewestEdits(one, other)]);
      if (one.length > 0 && other.length > 0) expect(played(before, after)).toBe(after);
    }
  });

  it('ends soon with texts that have nothing in common, and with texts that are too long', () => {
    const many = (prefix: string, count: number): string =>
      text(...Array.from({ length: count }, (_, index) => `${prefix}${index}`));
    const diff = lineDiff(many('a', 20_000), many('b', 20_000));
    expect(diff?.truncated).toBe(true);
    expect(diff?.hunks.flatMap(({ lines }) => lines)).toHaveLength(5000);
    expect(lineDiff(many('a', LINES_MAX + 1), 'a\n')).toBeUndefined();
  });
});
