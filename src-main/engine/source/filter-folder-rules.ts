/**
 * The rules that stand in one folder: those of the filter, and the ignore files of the folder and of those above it.
 * filter.ts says in which order they decide.
 */
import fs from 'node:fs';
import { CairnError, type Problem } from '../../../src-shared/errors.ts';
import { formatBytes } from '../../../src-shared/format/index.ts';
import type { FolderMark } from './filter-folder-marks.ts';
import { globRules } from './filter-globs.ts';
import type { IgnoreFileName } from './ignore-file.ts';
import { errnoOf } from './problem.ts';
import { RuleTable } from './rules-table.ts';
import {
  type Decision,
  type FilterOptions,
  type FolderFilter,
  INCLUDED,
  type RuledStat,
  SAFETY_FOLDER_NAME,
  excludedBy,
} from './rules.ts';
import { type FileStat, fileStatOf } from './stat.ts';

const MARKS_MAX = 100;
const MARK_BYTES_MAX = 255;
const SLASH = 0x2f;

/** In one folder the first of these comes first. */
const IGNORE_FILES: readonly { readonly name: IgnoreFileName; readonly bytes: Buffer }[] = [
  { name: '.cairnignore', bytes: Buffer.from('.cairnignore') },
  { name: '.gitignore', bytes: Buffer.from('.gitignore') },
];

const OWN_FOLDER = excludedBy('own-files', 'Cairn’s own folder');
export const OTHER_FILESYSTEM = excludedBy('one-file-system', 'another file system');
export const OTHER_FILESYSTEM_FOLDER: Decision = { include: true, contents: OTHER_FILESYSTEM.rule };

/** What the whole filter has; shared by its folders. */
export type Common = {
  readonly own: readonly FileStat[];
  readonly device: bigint | undefined;
  readonly sizeBytesMax: number | undefined;
  readonly tooLarge: Decision;
  readonly globs: RuleTable;
  readonly ignoreFiles: typeof IGNORE_FILES;
  readonly excludeCaches: boolean;
  readonly marks: readonly Uint8Array[];
};

/** Rules of one ignore file, and how many characters of a path from the root lie above it. */
export type Layer = { readonly table: RuleTable; readonly skip: number };

/** @throws CairnError usage/invalid for a pattern or a name that can't be understood */
export function commonOf(options: FilterOptions): Common {
  const sizeBytesMax = options.excludeLargerThanBytes;
  return {
    own: (options.excludedRealPaths ?? []).map(statFolder).filter((stat) => stat !== undefined),
    device: options.oneFileSystemDevice,
    sizeBytesMax,
    tooLarge: excludedBy('size', sizeBytesMax === undefined ? '' : `larger than ${formatBytes(sizeBytesMax)}`),
    globs: new RuleTable(globRules(options)),
    ignoreFiles: IGNORE_FILES.filter(
      ({ name }) => (name === '.cairnignore' ? options.cairnignore : options.gitignore) === true,
    ),
    excludeCaches: options.excludeCaches === true,
    marks: marksOf(options.excludeIfPresent ?? []),
  };
}

export class FolderRules implements FolderFilter {
  readonly problems: readonly Problem[];
  readonly isOpen: boolean;
  readonly isOpenForFiles: boolean;
  /** The deepest comes first. */
  readonly layers: readonly Layer[];
  readonly #common: Common;
  readonly #mark: FolderMark | undefined;
  readonly #markDecision: Decision;
  readonly #prefix: string;
  readonly #needsPath: boolean;

  constructor(
    common: Common,
    folder: {
      readonly relativePath: string;
      readonly layers: readonly Layer[];
      readonly mark: FolderMark | undefined;
      readonly problems: readonly Problem[];
    },
  ) {
    const { own, device, sizeBytesMax, globs } = common;
    this.#common = common;
    this.layers = folder.layers;
    this.problems = folder.problems;
    this.#mark = folder.mark;
    this.#markDecision = folder.mark === undefined ? INCLUDED : { include: false, rule: folder.mark.rule };
    this.#prefix = folder.relativePath === '' ? '' : `${folder.relativePath}/`;
    this.#needsPath = !globs.isOnNames || folder.layers.some(({ table }) => !table.isOnNames);
    this.isOpenForFiles =
      folder.mark === undefined &&
      globs.count + folder.layers.length === 0 &&
      device === undefined &&
      sizeBytesMax === undefined;
    this.isOpen = this.isOpenForFiles && own.length === 0;
  }

  decide(name: string, stat: RuledStat): Decision {
    if (this.isOpen) return INCLUDED;
    const { device, sizeBytesMax, tooLarge, globs, ignoreFiles } = this.#common;
    const isFolder = stat.nodeType === 'directory';
    if (isFolder && (name === SAFETY_FOLDER_NAME || this.#isOwn(stat))) return OWN_FOLDER;
    if (this.isOpenForFiles) return INCLUDED;
    if (this.#mark !== undefined && name !== this.#mark.name) return this.#markDecision;
    const isElsewhere = device !== undefined && stat.device !== device;
    if (isElsewhere && !isFolder) return OTHER_FILESYSTEM;
    if (sizeBytesMax !== undefined && stat.size > sizeBytesMax && stat.nodeType === 'file') return tooLarge;
    const included = isElsewhere ? OTHER_FILESYSTEM_FOLDER : INCLUDED;
    const path = this.#needsPath ? this.#prefix + name : name;
    const glob = globs.count === 0 ? undefined : globs.find(name, path, isFolder);
    if (glob !== undefined) return glob.decision.include ? included : glob.decision;
    if (this.layers.length === 0 || (!isFolder && ignoreFiles.some((file) => file.name === name))) return included;
    for (const { table, skip } of this.layers) {
      const rule = table.find(name, skip === 0 || table.isOnNames ? path : path.slice(skip), isFolder);
      if (rule !== undefined) return rule.decision.include ? included : rule.decision;
    }
    return included;
  }

  #isOwn({ inode, device }: RuledStat): boolean {
    for (const own of this.#common.own) if (own.inode === inode && own.device === device) return true;
    return false;
  }
}

function marksOf(names: readonly string[]): readonly Uint8Array[] {
  if (names.length > MARKS_MAX)
    throw new CairnError('usage/invalid', `${names.length} names for --exclude-if-present are more than ${MARKS_MAX}`);
  return names.map((name) => {
    const bytes = Buffer.from(name);
    const isName = name !== '' && name !== '.' && name !== '..' && !bytes.includes(SLASH) && !bytes.includes(0);
    if (isName && bytes.length <= MARK_BYTES_MAX) return bytes;
    throw new CairnError('usage/invalid', `“${name.slice(0, 80)}” is not a file name for --exclude-if-present`, {
      hint: 'It takes one name without slashes, such as .nobackup; wildcards mean nothing in it.',
    });
  });
}

/** A folder that isn't there can't turn up in a source. */
function statFolder(path: string | Uint8Array): FileStat | undefined {
  try {
    const stats = fs.statSync(Buffer.isBuffer(path) || typeof path === 'string' ? path : Buffer.from(path), {
      bigint: true,
      throwIfNoEntry: false,
    });
    return stats === undefined ? undefined : fileStatOf(stats);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
