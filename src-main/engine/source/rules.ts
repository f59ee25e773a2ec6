/**
 * What can leave an entry out of a backup, as plain data: the options of a filter, its decisions, and the names of its
 * rules. Everything here survives a structured clone, so that a worker can build the same filter.
 */
import type { Problem } from '../../../src-shared/errors.ts';
import type { RuleOrigin, RuleRef } from '../../../src-shared/model/index.ts';
import type { FileStat } from './stat.ts';

/** Where a restore keeps what it replaces, in the folder it restored into. Never part of a backup. */
export const SAFETY_FOLDER_NAME = '.cairn-replaced';

/** The content of a file with one pattern a line; `name` is what a person calls the file. */
export type ExcludeFile = { readonly name: string; readonly content: string };

export type FilterOptions = {
  /** Patterns as given on the command line or in a set. A “#” is an ordinary character here. */
  readonly excludes?: readonly string[];
  /** Empty lines and lines that begin with “#” are skipped. A text stands for a file without a name. */
  readonly excludeFiles?: readonly (string | ExcludeFile)[];
  /** Regular files of more bytes are left out. */
  readonly excludeLargerThanBytes?: number;
  /** The device of the source's root: what lies on any other is left out, a folder that begins one is stored empty. */
  readonly oneFileSystemDevice?: bigint;
  /** Folders that are never part of a backup, wherever they turn up: the repository itself, CAIRN_HOME. */
  readonly excludedRealPaths?: readonly (string | Uint8Array)[];
  /** Follow the .cairnignore files met on the way. */
  readonly cairnignore?: boolean;
  /** Follow the .gitignore files met on the way. */
  readonly gitignore?: boolean;
  /** Leave out the contents of folders with a valid CACHEDIR.TAG. */
  readonly excludeCaches?: boolean;
  /** Leave out the contents of folders in which something of one of these names lies. */
  readonly excludeIfPresent?: readonly string[];
};

export type Decision =
  | {
      readonly include: true;
      /** Only of a folder: it is stored, but nothing of what is in it; it need not even be listed. */
      readonly contents?: RuleRef;
    }
  | { readonly include: false; readonly rule: RuleRef };

/** The rules as they stand in one folder: those of the filter, of the ignore files above it, and its own. */
export type FolderFilter = {
  /** Nothing here can be left out: `decide` need not be asked. */
  readonly isOpen: boolean;
  /** Nothing but folders can be left out here: `decide` need not be asked for anything else. */
  readonly isOpenForFiles: boolean;
  /** Ignore files that could not be followed, or not in full. */
  readonly problems: readonly Problem[];
  /** `name` is the canonical text of the name (merkle's canonicalName), `stat` what it is: of a followed link, its target. */
  readonly decide: (name: string, stat: RuledStat) => Decision;
};

/** The part of a stat that rules look at. */
export type RuledStat = Pick<FileStat, 'nodeType' | 'size' | 'inode' | 'device'>;

export const INCLUDED: Decision = { include: true };

export function excludedBy(
  origin: RuleOrigin,
  rule: string,
  place: Pick<RuleRef, 'path' | 'line'> = {},
): { readonly include: false; readonly rule: RuleRef } {
  return { include: false, rule: { origin, rule, ...place } };
}
