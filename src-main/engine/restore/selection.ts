/**
 * Which entries of a restored tree are wanted: --include and --exclude, in the words of a backup's rules
 * (source/filter.ts). A pattern without “/” matches a name at any depth, one with “/” the path from what is restored; a
 * wanted folder brings everything in it.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { unescapePath } from '../../../src-shared/format/index.ts';
import { canonicalName } from '../merkle/index.ts';
import { compilePattern } from '../source/index.ts';

const PATTERNS_MAX = 1000;
const PATTERN_CHARACTERS_MAX = 4096;

/** Paths are escaped text, relative to what is restored. */
export type Selection = {
  /** False: everything is wanted, whatever its path. */
  readonly hasPatterns: boolean;
  readonly hasExcludes: boolean;
  readonly isExcluded: (relativePath: string) => boolean;
  readonly isIncluded: (relativePath: string) => boolean;
};

/** @throws CairnError usage/invalid for a pattern that can't be understood */
export function createSelection(includes: readonly string[], excludes: readonly string[]): Selection {
  const include = matcherOf(includes);
  const exclude = matcherOf(excludes);
  return {
    hasPatterns: includes.length > 0 || excludes.length > 0,
    hasExcludes: excludes.length > 0,
    isExcluded: exclude,
    isIncluded: (path) => includes.length === 0 || include(path),
  };
}

function matcherOf(patterns: readonly string[]): (path: string) => boolean {
  if (patterns.length > PATTERNS_MAX)
    throw new CairnError('usage/invalid', `${patterns.length} patterns are more than ${PATTERNS_MAX}.`);
  if (patterns.length === 0) return () => false;
  const matchers = patterns.map((pattern) => {
    if (pattern.length > PATTERN_CHARACTERS_MAX) throw new CairnError('usage/invalid', 'A pattern is too long.');
    const withoutEnd = pattern.replace(/\/+$/, '');
    const clean = withoutEnd.replace(/^(\.?\/)+/, '');
    if (clean === '' || clean === '.') throw new CairnError('usage/invalid', `“${pattern}” is not a pattern.`);
    const isMatch = compilePattern(clean.normalize('NFC'));
    const onName = !withoutEnd.includes('/');
    return (path: string): boolean => isMatch(onName ? path.slice(path.lastIndexOf('/') + 1) : path);
  });
  return (path) => {
    const text = ruleText(path);
    return matchers.some((matches) => matches(text));
  };
}

/** A path of escaped text as a backup's rules see it: each name in its canonical form. */
export function ruleText(path: string): string {
  return path
    .split('/')
    .map((name) => canonicalName(unescapePath(name)).text)
    .join('/');
}
