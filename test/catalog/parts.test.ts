/** Small parts by themselves: folding, literals of patterns, sketches. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fold } from '../../src-main/engine/catalog/fold.ts';
import { requiredLiteral } from '../../src-main/engine/catalog/pattern-literal.ts';
import { Sketch } from '../../src-main/engine/catalog/sketch.ts';
import { compilePattern } from '../../src-main/engine/source/index.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 20 }).map((value) => value.normalize('NFC'));

describe('folding', () => {
  test('goes letter by letter: what stands in a text stands folded in the folded text', () => {
    fc.assert(fc.property(text, text, text, (before, part, after) => fold(before + part + after).includes(fold(part))));
  });

  test('makes upper and lower case one', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(fold(value.toUpperCase())).toBe(fold(value));
      }),
    );
  });
});

describe('the literal of a pattern', () => {
  // Patterns that are made to match something: a name, parts of which became wildcards.
  const name = fc.string({
    unit: fc.constantFrom(...Array.from('abcd.-_ é*?[]{}\\,!"(')),
    minLength: 1,
    maxLength: 10,
  });
  const wildcard = fc.constantFrom('*', '?', '[a-z]', '[!x]', '{a,bc}', '{', ']', '}', '\\', '"');
  const pattern = fc
    .tuple(name, fc.array(fc.tuple(fc.nat(9), fc.nat(3), wildcard), { maxLength: 3 }))
    .map(([text, cuts]) =>
      cuts.reduce((glob, [at, length, by]) => glob.slice(0, at) + by + glob.slice(at + length), text),
    );

  test('stands in everything that the pattern matches', () => {
    let matches = 0;
    fc.assert(
      fc.property(pattern, name, (glob, other) => {
        const isMatch = matcher(glob);
        for (const candidate of [
          other,
          glob,
          glob.replaceAll(/[*?]/g, 'b'),
          glob.replaceAll(/\[[^\]]*\]|\{[^}]*\}/g, 'a'),
        ]) {
          if (isMatch?.(candidate) !== true) continue;
          matches++;
          expect(candidate).toContain(requiredLiteral(glob));
        }
      }),
      { numRuns: 3000 },
    );
    expect(matches).toBeGreaterThan(100);
  });

  test('is the longest plain part, and nothing where that is not certain', () => {
    const literals = ['note*.txt', '*.jpg', 'a{b,c}def', '[ab]cd', '{a', 'a]bcd', '*', 'x\\*yz', '{a,{b,c}}long'].map(
      requiredLiteral,
    );
    expect(literals).toEqual(['note', '.jpg', 'def', 'cd', '', '', '', 'yz', '']);
  });
});

function matcher(glob: string): ((candidate: string) => boolean) | undefined {
  try {
    return compilePattern(glob);
  } catch {
    return undefined;
  }
}

describe('a sketch', () => {
  const figure = fc.oneof(fc.double({ min: -1e9, max: 1e9, noNaN: true }), fc.integer({ min: 0, max: 100 }));

  test('tells percentiles to 2.5 %, also stored and put together from parts', () => {
    fc.assert(
      fc.property(fc.array(figure, { minLength: 1, maxLength: 200 }), fc.nat(100), (figures, percent) => {
        const parts = [new Sketch(), new Sketch()];
        for (const [index, value] of figures.entries()) parts[index % 2]?.add(value);
        const whole = new Sketch();
        for (const part of parts) whole.addAll(Sketch.decode(part.encode()));
        const sorted = figures.toSorted((left, right) => left - right);
        const exact = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0;
        expect(Math.abs(whole.percentile(percent / 100) - exact)).toBeLessThanOrEqual(Math.abs(exact) * 0.025 + 1e-9);
      }),
    );
  });
});
