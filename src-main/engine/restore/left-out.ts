/**
 * What a backup never covered: entries left out by its rules, and those it could not read. They are not in the snapshot,
 * but nobody removed them either, so a restore with --delete leaves them alone; there may be no other copy.
 */
import type { Problem } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import { BLOB_TYPE } from '../codec/index.ts';
import type { Repository } from '../repository/index.ts';
import { type Snapshot, type SnapshotSourceRecord, decodeProblems } from '../snapshot/index.ts';
import { type FileStat, createFilter } from '../source/index.ts';
import { ruleText } from './selection.ts';

export type LeftOut = {
  /** False where nothing can be left out: then folders need not be looked through. */
  readonly isPossible: boolean;
  /** `path`: relative to what is restored, as escaped text. */
  readonly includes: (path: string, stat: FileStat) => boolean;
};

export const NOTHING_LEFT_OUT: LeftOut = { isPossible: false, includes: () => false };

/** `inSource` turns a path relative to what is restored into one relative to the source's root. */
export async function findLeftOut(
  repository: Repository,
  { record }: Snapshot,
  source: SnapshotSourceRecord,
  inSource: (path: string) => string,
): Promise<LeftOut> {
  const problems =
    record.problemBlob === undefined
      ? record.problems
      : decodeProblems(await repository.readBlob(record.problemBlob, BLOB_TYPE.problemList));
  const unread = pathsBelow(problems, `${escapePath(source.path)}/`);
  const { excludes, excludeLargerThanBytes } = source.rules;
  const filter = createFilter({ excludes, ...(excludeLargerThanBytes > 0 ? { excludeLargerThanBytes } : {}) });
  return {
    isPossible: unread.size > 0 || excludes.length > 0 || excludeLargerThanBytes > 0,
    includes: (path, stat) => {
      const place = inSource(path);
      return unread.has(place) || !filter.decide(ruleText(place), stat).include;
    },
  };
}

function pathsBelow(problems: readonly Problem[], prefix: string): ReadonlySet<string> {
  const below = problems.filter(({ path }) => path.startsWith(prefix));
  return new Set(below.map(({ path }) => path.slice(prefix.length)));
}
