/**
 * The ignore files of a folder, .cairnignore and .gitignore: read, bounded, and turned into rules for the folder and
 * all below it.
 *
 * Invariants: a file that can't be followed in full leaves out nothing by what was not understood, and a Problem says
 * so; never follows a link, never waits for a FIFO (file.ts); at most IGNORE_FILE_BYTES_MAX are held.
 */
import type { Problem } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import { openSourceFile, type SourceFile } from './file.ts';
import { joinPath, resolvePath, type SourceFolder } from './folder.ts';
import { parseIgnorePattern } from './ignore-pattern.ts';
import type { SourceEntry } from './list.ts';
import { type PatternRule, RuleTable } from './rules-table.ts';
import { INCLUDED, excludedBy } from './rules.ts';

export type IgnoreFileName = '.cairnignore' | '.gitignore';

export type IgnoreFile = {
  readonly name: IgnoreFileName;
  /** Undefined where the file holds no rule, or can't be followed. */
  readonly table: RuleTable | undefined;
  readonly problem: Problem | undefined;
};

export const IGNORE_FILE_BYTES_MAX = 1024 * 1024;
const FILE_LINES_MAX = 10_000;
/** Of a bad line shown in a problem. */
const SHOWN_CHARACTERS_MAX = 60;

/** `listed` is the file as the listing has it; `rulesMax` how many more rules may come into force here. */
export function readIgnoreFile(
  folder: SourceFolder,
  listed: SourceEntry,
  name: IgnoreFileName,
  rulesMax: number,
): IgnoreFile {
  const path = joinPath(folder.path, listed.name);
  const shown = escapePath(path);
  const nothing = (reason: string, code?: string): IgnoreFile => notFollowed(shown, name, reason, code);
  if (listed.stat.nodeType !== 'file') return nothing('it is no regular file');
  if (listed.stat.size > IGNORE_FILE_BYTES_MAX) return nothing(`it has more than ${IGNORE_FILE_BYTES_MAX} bytes`);
  const opened = openSourceFile(resolvePath(folder, listed.name), listed.stat, path);
  if (opened.kind === 'vanished') return { name, table: undefined, problem: undefined };
  if (opened.kind === 'replaced') return nothing('it was replaced while it was being read', 'REPLACED');
  if (opened.kind === 'failed') return nothing(opened.problem.message, opened.problem.code);
  const bytes = readAll(opened.file);
  opened.file.close();
  if (!Buffer.isBuffer(bytes)) return nothing(bytes.message, bytes.code);
  return followIgnoreBytes(bytes, shown, name, rulesMax);
}

/** The rules in the bytes of an ignore file; `path` is the file for people, escaped. */
export function followIgnoreBytes(bytes: Buffer, path: string, name: IgnoreFileName, rulesMax: number): IgnoreFile {
  const nothing = (reason: string): IgnoreFile => notFollowed(path, name, reason);
  if (bytes.length > IGNORE_FILE_BYTES_MAX) return nothing(`it has more than ${IGNORE_FILE_BYTES_MAX} bytes`);
  // Characters that are not UTF-8 become U+FFFD, which no pattern may hold.
  const lines = bytes
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .split('\n');
  if (lines.length > FILE_LINES_MAX) return nothing(`it has more than ${FILE_LINES_MAX} lines`);
  const { rules, bad } = parse(lines, name, path);
  if (rules.length > rulesMax) return nothing('the ignore files above it hold too many rules already');
  return {
    name,
    table: rules.length === 0 ? undefined : new RuleTable(rules),
    problem: bad.length === 0 ? undefined : { path, code: 'ignore-pattern', message: badText(bad) },
  };
}

function notFollowed(path: string, name: IgnoreFileName, reason: string, code = 'ignore-file'): IgnoreFile {
  return { name, table: undefined, problem: { path, code, message: `this ignore file is not followed: ${reason}` } };
}

/** One byte more than is taken, to see that there are more. */
function readAll(file: SourceFile): Buffer | Problem {
  const memory = Buffer.alloc(Math.min(file.stat.size, IGNORE_FILE_BYTES_MAX) + 1);
  const count = file.readInto(memory, 0, memory.length);
  return typeof count === 'number' ? memory.subarray(0, count) : count;
}

type BadLine = { readonly line: number; readonly text: string };

function parse(
  lines: readonly string[],
  name: IgnoreFileName,
  path: string,
): { readonly rules: readonly PatternRule[]; readonly bad: readonly BadLine[] } {
  const rules: PatternRule[] = [];
  const bad: BadLine[] = [];
  for (const [index, ended] of lines.entries()) {
    const text = ended.endsWith('\r') ? ended.slice(0, -1) : ended;
    const pattern = parseIgnorePattern(text);
    if (pattern === undefined) continue;
    if (pattern === 'bad') {
      bad.push({ line: index + 1, text });
      continue;
    }
    const decision = pattern.takesBack ? INCLUDED : excludedBy(name, text, { path, line: index + 1 });
    rules.push({ ...pattern, decision });
  }
  return { rules, bad };
}

function badText(bad: readonly BadLine[]): string {
  const [first] = bad;
  const text = first?.text ?? '';
  const shown = text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX).toWellFormed()}…` : text;
  const more = bad.length > 1 ? `; the same goes for ${bad.length - 1} more of its lines` : '';
  return `line ${first?.line ?? 0} (“${shown}”) is no valid pattern and leaves out nothing${more}`;
}
