/**
 * Which entries of a source are left out, and by which rule. Rules are read in order and the last one that matches
 * decides, as in .gitignore:
 *
 *   name         a name, at any depth                   cache/    only a folder
 *   a/b or /a    a path from the source's root          !keep     takes an earlier rule back
 *   *  ?  [a-z]  {x,y} within one name                  **        across folders
 *
 * Names that begin with a dot are nothing special. A folder that is left out is not entered, so what lies in it can't
 * be taken back. An entry that is left out is not a problem; it is simply not part of the backup.
 */
import fs from 'node:fs';
import picomatch from 'picomatch';
import { CairnError } from '../../../src-shared/errors.ts';
import { formatBytes } from '../../../src-shared/format/index.ts';
import { errnoOf } from './problem.ts';
import { type FileStat, fileStatOf } from './stat.ts';

export type FilterOptions = {
  /** Patterns as given on the command line or in a set. A “#” is an ordinary character here. */
  readonly excludes?: readonly string[];
  /** Contents of files with one pattern a line; empty lines and lines that begin with “#” are skipped. */
  readonly excludeFiles?: readonly string[];
  /** Regular files of more bytes are left out. */
  readonly excludeLargerThanBytes?: number;
  /** The device of the source's root: entries on any other are left out. */
  readonly oneFileSystemDevice?: bigint;
  /** Folders that are never part of a backup, wherever they turn up: the repository itself, CAIRN_HOME. */
  readonly excludedRealPaths?: readonly (string | Buffer)[];
};

export type FilterDecision = { readonly include: true } | { readonly include: false; readonly rule: string };

export type Filter = {
  /**
   * Decides one entry; its folders have been decided (and included) before. `relativePath` is the path from the
   * source's root, “/” between names, no leading slash, as text; bytes that are not UTF-8 are U+FFFD there.
   */
  readonly decide: (relativePath: string, stat: FileStat) => FilterDecision;
};

const RULES_MAX = 10_000;
const RULE_CHARACTERS_MAX = 4096;
/**
 * Wildcards become a backtracking regular expression: each star multiplies the worst case by the length of the name.
 * Twelve stars on a name of 40 characters took 79 s; four are more than a real rule has.
 */
const STARS_PER_NAME_MAX = 4;
const FOLDER_STARS_MAX = 4;
const INCLUDED: FilterDecision = { include: true };

type Rule = {
  readonly decision: FilterDecision;
  readonly foldersOnly: boolean;
  readonly onName: boolean;
  readonly matches: (text: string) => boolean;
};

/** Throws usage/invalid for a pattern that can't be understood. */
export function createFilter(options: FilterOptions): Filter {
  const rules = [...(options.excludes ?? []), ...(options.excludeFiles ?? []).flatMap(patternsIn)].flatMap(parseRule);
  if (rules.length > RULES_MAX)
    throw new CairnError('usage/invalid', `${rules.length} exclude patterns are more than ${RULES_MAX}`);
  const ownFolders = new Map<string, FilterDecision>();
  for (const path of options.excludedRealPaths ?? []) {
    const stat = statFolder(path);
    if (stat !== undefined) ownFolders.set(identityOf(stat), { include: false, rule: 'Cairn’s own folder' });
  }
  const sizeBytesMax = options.excludeLargerThanBytes;
  const device = options.oneFileSystemDevice;

  const decide = (relativePath: string, stat: FileStat): FilterDecision => {
    const isFolder = stat.nodeType === 'directory';
    if (isFolder && ownFolders.size > 0) {
      const own = ownFolders.get(identityOf(stat));
      if (own !== undefined) return own;
    }
    if (device !== undefined && stat.device !== device) return { include: false, rule: 'another filesystem' };
    if (sizeBytesMax !== undefined && stat.nodeType === 'file' && stat.size > sizeBytesMax) {
      return { include: false, rule: `larger than ${formatBytes(sizeBytesMax)}` };
    }
    if (rules.length === 0) return INCLUDED;
    const name = relativePath.slice(relativePath.lastIndexOf('/') + 1);
    for (let index = rules.length - 1; index >= 0; index--) {
      const rule = rules[index];
      if (rule === undefined || (rule.foldersOnly && !isFolder)) continue;
      if (rule.matches(rule.onName ? name : relativePath)) return rule.decision;
    }
    return INCLUDED;
  };
  return { decide };
}

/** The patterns in a file of one pattern a line. */
export function patternsIn(content: string): string[] {
  return content
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .map((line) => line.replace(/[ \t]+$/, ''))
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function parseRule(text: string): Rule[] {
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
  const matches = compilePattern(pattern, text);
  return [{ decision: takesBack ? INCLUDED : { include: false, rule: text }, foldersOnly, onName, matches }];
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

function identityOf(stat: FileStat): string {
  return `${stat.device}:${stat.inode}`;
}

/** A folder that isn't there can't turn up in a source. */
function statFolder(path: string | Buffer): FileStat | undefined {
  try {
    const stats = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? undefined : fileStatOf(stats);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
