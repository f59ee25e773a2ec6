/**
 * What a backup never covered: entries left out by its rules, and those it could not read. They are not in the snapshot,
 * but nobody removed them either, so a restore with --delete leaves them alone; there may be no other copy.
 */
import type { Problem } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import { BLOB_TYPE } from '../codec/index.ts';
import type { Repository } from '../repository/index.ts';
import { type Snapshot, type SnapshotSourceRecord, decodeProblems } from '../snapshot/index.ts';
import { type FileStat, createRecordedFilter, statPath } from '../source/index.ts';
import { recordedFolders } from './recorded-rules.ts';
import { ruleText } from './selection.ts';

export type LeftOut = {
  /** False where nothing can be left out: then folders need not be looked through. */
  readonly isPossible: boolean;
  /** `path`: relative to what is restored, as escaped text. */
  readonly includes: (path: string, stat: FileStat) => boolean;
};

export const NOTHING_LEFT_OUT: LeftOut = { isPossible: false, includes: () => false };

/**
 * `inSource` turns a path relative to what is restored into one relative to the source's root; `into` is the folder that
 * is restored into: where the backup stayed on one file system, what lies on another than this folder is left alone.
 */
export async function findLeftOut(
  repository: Repository,
  snapshot: Snapshot,
  source: SnapshotSourceRecord,
  inSource: (path: string) => string,
  into: Buffer,
): Promise<LeftOut> {
  const { record } = snapshot;
  const problems =
    record.problemBlob === undefined
      ? record.problems
      : decodeProblems(await repository.readBlob(record.problemBlob, BLOB_TYPE.problemList));
  const unread = pathsBelow(problems, `${escapePath(source.path)}/`);
  const { excludes, excludeLargerThanBytes, oneFileSystem, cairnignore, gitignore } = source.rules;
  const { folders, unknown } = await recordedFolders(repository, snapshot, source);
  const filter = createRecordedFilter(
    {
      excludes,
      ...(cairnignore === true ? { cairnignore } : {}),
      ...(gitignore === true ? { gitignore } : {}),
      ...(excludeLargerThanBytes > 0 ? { excludeLargerThanBytes } : {}),
    },
    folders,
  );
  const found = oneFileSystem ? statPath(into) : undefined;
  const device = found === undefined || 'failed' in found ? undefined : found.device;
  return {
    isPossible:
      unread.size + excludes.length + folders.length + unknown.length > 0 ||
      excludeLargerThanBytes > 0 ||
      device !== undefined,
    includes: (path, stat) => {
      if (device !== undefined && stat.device !== device) return true;
      const place = inSource(path);
      const text = ruleText(place);
      if (unread.has(place) || unknown.some((folder) => folder === '' || text.startsWith(`${folder}/`))) return true;
      return !filter.decide(text, stat).include;
    },
  };
}

function pathsBelow(problems: readonly Problem[], prefix: string): ReadonlySet<string> {
  const below = problems.filter(({ path }) => path.startsWith(prefix));
  return new Set(below.map(({ path }) => path.slice(prefix.length)));
}
