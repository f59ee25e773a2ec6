/**
 * The patterns of --exclude and --exclude-file, read in order; the last one that matches decides, as in .gitignore:
 *
 *   name         a name, at any depth                   cache/    only a folder
 *   a/b or /a    a path from the source's root          !keep     takes an earlier rule back
 *   *  ?  [a-z]  {x,y} within one name                  **        across folders
 *
 * Names that begin with a dot are nothing special.
 */
import picomatch from 'picomatch';
import { CairnError } from '../../../src-shared/errors.ts';
import type { RuleOrigin, RuleRef } from '../../../src-shared/model/index.ts';
import type { PatternRule } from './rules-table.ts';
import { type ExcludeFile, type FilterOptions, INCLUDED, excludedBy } from './rules.ts';

const RULES_MAX = 10_000;
const RULE_CHARACTERS_MAX = 4096;
/**
 * Wildcards become a backtracking regular expression: each star multiplies the worst case by the length of the name.
 * Twelve stars on a name of 40 characters took 79 s; four are more than a real rule has.
 */
const STARS_PER_NAME_MAX = 4;
const FOLDER_STARS_MAX = 4;

/** @throws CairnError usage/invalid for a pattern that can't be understood */
export function globRules({ excludes = [], excludeFiles = [] }: FilterOptions): readonly PatternRule[] {
  const rules = [
    ...excludes.flatMap((text) => parseRule(text, 'exclude', {})),
    ...excludeFiles.flatMap((file) => {
      const { name, content } = typeof file === 'string' ? { name: undefined, content: file } : file;
      return patternLines(content).flatMap(({ text, line }) =>
        parseRule(text, 'exclude-file', { ...(name === undefined ? {} : { path: name }), line }),
      );
    }),
  ];
  if (rules.length > RULES_MAX)
    throw new CairnError('usage/invalid', `${rules.length} exclude patterns are more than ${RULES_MAX}`);
  return rules;
}

/** The patterns in a file of one pattern a line. */
export function patternsIn(file: string | ExcludeFile): string[] {
  return patternLines(typeof file === 'string' ? file : file.content).map(({ text }) => text);
}

function patternLines(content: string): { readonly text: string; readonly line: number }[] {
  return content
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .map((text, index) => ({ text: text.replace(/[ \t]+$/, ''), line: index + 1 }))
    .filter(({ text }) => text !== '' && !text.startsWith('#'));
}

function parseRule(text: string, origin: RuleOrigin, place: Pick<RuleRef, 'path' | 'line'>): PatternRule[] {
  if (text === '') return [];
  if (text.length > RULE_CHARACTERS_MAX)
    throw new CairnError('usage/invalid', 'an exclude pattern has more than 4,096 characters');
  const takesBack = text.startsWith('!');
  let pattern = takesBack ? text.slice(1) : text;
  const foldersOnly = pattern.endsWith('/');
  if (foldersOnly) pattern = pattern.replace(/\/+$/, '');
  const onName = !pattern.includes('/');
  pattern = pattern.replace(/^(\.?\/)+/, '');
  if (pattern === '' || pattern === '.')
    throw new CairnError('usage/invalid', `“${text}” leaves out everything; leave the source out instead`);
  // Names are compared in this form.
  pattern = pattern.normalize('NFC');
  const matches = withEnds(pattern, compilePattern(pattern, text));
  const decision = takesBack ? INCLUDED : excludedBy(origin, text, place);
  return [{ decision, foldersOnly, onName, matches, ...shortcut(pattern, onName) }];
}

/**
 * Most names are settled by how a pattern begins and ends, before its regular expression is asked. Characters that might
 * mean anything to picomatch are in neither end; “a/**” matches “a” too, so a slash ends no beginning.
 */
function withEnds(pattern: string, matches: (text: string) => boolean): (text: string) => boolean {
  const begin = (/^[\p{L}\p{N} ._/-]*(?=[*?[{]|$)/u.exec(pattern)?.[0] ?? '').replace(/\/+$/, '');
  const end = /(?<=[*?\]}])[\p{L}\p{N} ._-]+$/u.exec(pattern)?.[0] ?? '';
  if (begin === '' && end === '') return matches;
  return (text) => text.startsWith(begin) && text.endsWith(end) && matches(text);
}

/** What picomatch need not be asked for, where no character of the pattern means anything special to it. */
function shortcut(pattern: string, onName: boolean): Pick<PatternRule, 'literal' | 'suffix'> {
  if (!onName) return {};
  if (/^[\p{L}\p{N} ._,=@%~#&-]+$/u.test(pattern)) return { literal: pattern };
  if (/^\*\.[\p{L}\p{N}_-]+$/u.test(pattern)) return { suffix: pattern.slice(1) };
  return {};
}

/**
 * A matcher for one pattern: a name, or a path without a slash at either end. `text` is what the person wrote.
 * @throws CairnError usage/invalid for a pattern that can't be understood
 */
export function compilePattern(pattern: string, text = pattern): (text: string) => boolean {
  checkStars(pattern, text);
  return compile(pattern, text);
}

function checkStars(pattern: string, text: string): void {
  const parts = pattern.split('/');
  const folderStars = parts.filter((part) => part === '**').length;
  const stars = Math.max(
    ...parts.map((part) => (part === '**' ? 0 : (part.replace(/\\./g, '').match(/\*+/g)?.length ?? 0))),
  );
  if (folderStars <= FOLDER_STARS_MAX && stars <= STARS_PER_NAME_MAX) return;
  throw new CairnError(
    'usage/invalid',
    `“${text}” has too many stars: at most ${STARS_PER_NAME_MAX} in a name and ${FOLDER_STARS_MAX} times **`,
  );
}

/**
 * Only the wildcards above have a meaning; brackets, “+(…)”, a leading “!” and “#” are ordinary characters, because
 * file names are full of them (“report (1).pdf”). `windows: false`: a backslash never separates folders here.
 */
function compile(pattern: string, text: string): (text: string) => boolean {
  try {
    return picomatch(pattern.replace(/(?<!\\)[()]/g, '\\$&'), {
      dot: true,
      nonegate: true,
      noextglob: true,
      windows: false,
    });
  } catch (cause) {
    throw new CairnError('usage/invalid', `“${text}” is not an exclude pattern`, { cause });
  }
}
