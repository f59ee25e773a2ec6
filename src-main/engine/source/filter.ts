/**
 * Which entries of a source are left out, and by which rule; asked while a folder is listed, from the top down. In this
 * order, the first that says anything decides:
 *
 *   1. Cairn's own folders, and what a restore has kept: never part of a backup (where own folders are named at all).
 *   2. One file system: a folder that begins another is stored, and nothing of what is in it.
 *   3. A mark in the folder (CACHEDIR.TAG, a name the person chose): all in it but the mark.
 *   4. Files above a size.
 *   5. The patterns of --exclude and --exclude-file (filter-globs.ts); the last that matches.
 *   6. Ignore files are kept themselves; then their patterns (ignore-file.ts), the deepest file first, in one folder
 *      .cairnignore before .gitignore, the last that matches in each.
 *
 * So “--exclude '!keep'” takes back what an ignore file leaves out, as git's own command line does. A folder that is
 * left out is not entered: what lies in it can't be taken back. An entry that is left out is not a problem; it is simply
 * not part of the backup.
 */
import type { Problem } from '../../../src-shared/errors.ts';
import { findEntry, findFolderMark, type Listed } from './filter-folder-marks.ts';
import {
  type Common,
  FolderRules,
  type Layer,
  OTHER_FILESYSTEM,
  OTHER_FILESYSTEM_FOLDER,
  commonOf,
} from './filter-folder-rules.ts';
import type { SourceFolder } from './folder.ts';
import { type IgnoreFile, type IgnoreFileName, followIgnoreBytes, readIgnoreFile } from './ignore-file.ts';
import type { Decision, FilterOptions, FolderFilter, RuledStat } from './rules.ts';

export type Filter = {
  /** Nothing can be left out anywhere, whatever turns up: neither `enter` nor `decide` need be asked. */
  readonly isOpen: boolean;
  /**
   * The rules in one folder that is part of the backup. `relativePath` is its path from the source's root, “/” between
   * canonical names, empty for the root; `listed` what listFolder found in it, in that order, or a way to look a name
   * up; `parent` what `enter` gave for the folder above, and undefined only for the root. Reads the ignore files and
   * marks of the folder, and therefore stands for them as they are now.
   */
  readonly enter: (
    folder: SourceFolder,
    relativePath: string,
    listed: Listed,
    parent: FolderFilter | undefined,
  ) => FolderFilter;
  /**
   * One entry by the rules that need no look into its folder (1, 4, 5, and 2 with the folder itself left out).
   * `relativePath` as above; its folders have been decided (and included) before.
   */
  readonly decide: (relativePath: string, stat: RuledStat) => Decision;
};

/** Rules of all ignore files that are in force in one folder. */
const RULES_IN_FORCE_MAX = 50_000;
/** @throws CairnError usage/invalid for a pattern or a name that can't be understood */
export function createFilter(options: FilterOptions): Filter {
  const common = commonOf(options);
  const { own, globs, device, sizeBytesMax, excludeCaches, marks, ignoreFiles } = common;
  const looksInside = excludeCaches || marks.length > 0 || ignoreFiles.length > 0;
  const nothing = { layers: [], mark: undefined, problems: [] };
  const plain = new FolderRules(common, { ...nothing, relativePath: '' });
  return {
    isOpen: own.length + globs.count === 0 && device === undefined && sizeBytesMax === undefined && !looksInside,
    enter: (folder, relativePath, listed, parent) => {
      if (!looksInside && globs.isOnNames) return plain;
      return enterFolder(common, folder, relativePath, listed, parent instanceof FolderRules ? parent : undefined);
    },
    decide: (relativePath, stat) => {
      const slash = relativePath.lastIndexOf('/');
      const at =
        slash < 0 ? plain : new FolderRules(common, { ...nothing, relativePath: relativePath.slice(0, slash) });
      const decision = at.decide(relativePath.slice(slash + 1), stat);
      return decision === OTHER_FILESYSTEM_FOLDER ? OTHER_FILESYSTEM : decision;
    },
  };
}

function enterFolder(
  common: Common,
  folder: SourceFolder,
  relativePath: string,
  listed: Listed,
  parent: FolderRules | undefined,
): FolderRules {
  const mark = findFolderMark(folder, listed, common);
  const above = parent?.layers ?? [];
  // Nothing of a marked folder is left that a rule could be about.
  if (mark !== undefined) return new FolderRules(common, { relativePath, layers: above, mark, problems: [] });
  return withIgnoreFiles(common, relativePath, above, ({ name, bytes }, rulesMax) => {
    const entry = findEntry(listed, bytes);
    if (entry === undefined || entry.stat.nodeType === 'directory') return undefined;
    return readIgnoreFile(folder, entry, name, rulesMax);
  });
}

/** The rules of a folder with its own ignore files before those above. */
function withIgnoreFiles(
  common: Common,
  relativePath: string,
  above: readonly Layer[],
  read: (file: Common['ignoreFiles'][number], rulesMax: number) => IgnoreFile | undefined,
): FolderRules {
  const problems: Problem[] = [];
  const own: Layer[] = [];
  let rulesMax = RULES_IN_FORCE_MAX - above.reduce((sum, { table }) => sum + table.count, 0);
  for (const file of common.ignoreFiles) {
    const { table, problem } = read(file, rulesMax) ?? {};
    if (problem !== undefined) problems.push(problem);
    if (table === undefined) continue;
    own.push({ table, skip: relativePath === '' ? 0 : relativePath.length + 1 });
    rulesMax -= table.count;
  }
  const layers = own.length === 0 ? above : [...own, ...above];
  return new FolderRules(common, { relativePath, layers, mark: undefined, problems });
}

/** What a snapshot holds of one folder that has rules of its own. */
export type RecordedFolder = {
  /** As for `enter`. */
  readonly relativePath: string;
  readonly ignoreFiles: readonly { readonly name: IgnoreFileName; readonly content: Uint8Array }[];
  /** The name of the entry that marks it, if one does. */
  readonly mark: string | undefined;
};

/**
 * Decides by the ignore files and marks that a snapshot holds, as they were when it was made, for entries that are not
 * in it: with `options`, what of them the backup left out. Folders in any order; one that is decided has been left in
 * above.
 */
export function createRecordedFilter(
  options: FilterOptions,
  folders: readonly RecordedFolder[],
): Pick<Filter, 'decide'> {
  const common = commonOf(options);
  const known = new Map<string, FolderRules>();
  const none = { layers: [], mark: undefined, problems: [] };
  const rulesAt = (relativePath: string): FolderRules => {
    const exact = known.get(relativePath);
    if (exact !== undefined) return exact;
    for (let above = relativePath; above !== '';) {
      above = above.slice(0, Math.max(above.lastIndexOf('/'), 0));
      const found = known.get(above);
      if (found !== undefined) return new FolderRules(common, { ...none, relativePath, layers: found.layers });
    }
    return new FolderRules(common, { ...none, relativePath });
  };
  // Paths in this order have every folder behind those above it.
  for (const { relativePath, ignoreFiles, mark } of folders.toSorted(byPathLength)) {
    const { layers } = rulesAt(relativePath);
    if (mark !== undefined) {
      const rule = { origin: 'if-present', rule: mark } as const;
      known.set(relativePath, new FolderRules(common, { ...none, relativePath, layers, mark: { name: mark, rule } }));
      continue;
    }
    const rules = withIgnoreFiles(common, relativePath, layers, ({ name }, rulesMax) => {
      const file = ignoreFiles.find((one) => one.name === name);
      return file === undefined ? undefined : followIgnoreBytes(Buffer.from(file.content), '', name, rulesMax);
    });
    known.set(relativePath, rules);
  }
  return {
    decide: (relativePath, stat) => {
      const slash = relativePath.lastIndexOf('/');
      return rulesAt(relativePath.slice(0, Math.max(slash, 0))).decide(relativePath.slice(slash + 1), stat);
    },
  };
}

function byPathLength(left: RecordedFolder, right: RecordedFolder): number {
  return left.relativePath.length - right.relativePath.length;
}
