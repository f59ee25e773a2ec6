/**
 * Which entries of a restored tree are wanted: --include and --exclude. A pattern without “/” matches a name at any
 * depth, one with “/” the path from what is restored; a wanted folder brings everything in it.
 */
import picomatch from 'picomatch';
import { CairnError } from '../../../src-shared/errors.ts';

const PATTERNS_MAX = 1000;
const PATTERN_CHARACTERS_MAX = 4096;

export type Selection = {
  /** True where there are no includes: every folder is made as soon as it is met. */
  readonly takesAll: boolean;
  readonly isExcluded: (relativePath: string) => boolean;
  readonly isIncluded: (relativePath: string) => boolean;
};

export function createSelection(includes: readonly string[], excludes: readonly string[]): Selection {
  const include = matcherOf(includes);
  const exclude = matcherOf(excludes);
  return {
    takesAll: includes.length === 0,
    isExcluded: exclude,
    isIncluded: (path) => includes.length === 0 || include(path),
  };
}

function matcherOf(patterns: readonly string[]): (path: string) => boolean {
  if (patterns.length > PATTERNS_MAX)
    throw new CairnError('usage/invalid', `${patterns.length} patterns are more than ${PATTERNS_MAX}.`);
  const matchers = patterns.map((pattern) => {
    if (pattern === '' || pattern.length > PATTERN_CHARACTERS_MAX)
      throw new CairnError('usage/invalid', 'A pattern is empty or too long.');
    const clean = pattern.replace(/^\//, '').replace(/\/$/, '');
    const isMatch = picomatch(clean, { dot: true });
    const onName = !pattern.replace(/\/$/, '').includes('/');
    return (path: string): boolean => isMatch(onName ? path.slice(path.lastIndexOf('/') + 1) : path);
  });
  return (path) => matchers.some((matches) => matches(path));
}
