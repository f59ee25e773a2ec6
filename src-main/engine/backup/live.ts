/**
 * What a live backup may rely on, and what it carries on from the parent snapshot besides folders.
 */
import type { Problem } from '../../../src-shared/errors.ts';
import { BLOB_TYPE } from '../codec/index.ts';
import type { Repository } from '../repository/index.ts';
import { type Snapshot, type SnapshotRecord, type SourceRules, decodeProblems } from '../snapshot/index.ts';
import type { LiveScope } from './live-scope.ts';
import { type BackupOptions, rulesRecordOf } from './options.ts';

/** What a walk of a part of the sources notes. */
export type LiveNotes = {
  /** Folders that were taken over, escaped; undefined where nobody will ask. */
  readonly kept: Set<string> | undefined;
  /** Every name of a file with several names counts as touched. */
  readonly areLinksInDoubt: boolean;
  /** A name of a file with several names came, went or changed: the others may lie where nothing was looked at. */
  linksTouched: boolean;
};

/** Whether the folders that were named are all that can differ from the parent snapshot. */
export function isUsable(scope: LiveScope, options: BackupOptions, parent: Snapshot | undefined): parent is Snapshot {
  if (parent?.id !== scope.parentId || options.reread || options.symlinks === 'follow') return false;
  const rules = ruleText(rulesRecordOf(options));
  return parent.record.sources.every((source) => ruleText(source.rules) === rules);
}

export function notesFor({ record }: Snapshot, { areLinksInDoubt = false }: LiveScope): LiveNotes {
  return { kept: record.problemCount > 0 ? new Set() : undefined, areLinksInDoubt, linksTouched: false };
}

/** The parent snapshot's problems with what was taken over: they are as true as before. */
export async function problemsOfKept(
  repository: Repository,
  record: SnapshotRecord,
  { kept }: LiveNotes,
): Promise<readonly Problem[]> {
  if (kept === undefined) return [];
  const problems =
    record.problemBlob === undefined
      ? record.problems
      : decodeProblems(await repository.readBlob(record.problemBlob, BLOB_TYPE.problemList));
  return problems.filter(({ path }) => foldersAbove(path).some((folder) => kept.has(folder)));
}

/** “/a/b/c” → “/a/b/c”, “/a/b”, “/a”. */
function foldersAbove(path: string): readonly string[] {
  const folders: string[] = [];
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) folders.push(path.slice(0, end));
  return folders;
}

/** Equal texts for equal rules, whichever way a record names what is absent. */
function ruleText(rules: SourceRules): string {
  const { excludes, excludeLargerThanBytes, oneFileSystem, symlinks, excludeIfPresent = [] } = rules;
  const flags = [rules.cairnignore, rules.gitignore, rules.excludeCaches].map((flag) => flag === true);
  return JSON.stringify([excludes, excludeLargerThanBytes, oneFileSystem, symlinks, flags, excludeIfPresent]);
}
