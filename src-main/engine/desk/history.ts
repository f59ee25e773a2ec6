/** What the window asks over all snapshots: search, and the versions of one path. */
import { type InputOf, VERSIONS_SENT_MAX } from '../../../src-shared/api/index.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { PathVersion, SearchPage, SnapshotSummary } from '../../../src-shared/model/index.ts';
import type { OpenRepository } from '../api.ts';
import { baseNameOf, bytesOf } from '../kernel/index.ts';

type Times = ReadonlyMap<string, string>;

/** `isBehind`: the catalog does not know everything yet. */
export async function searchIn(
  repository: OpenRepository,
  { text, type, offset, limit }: InputOf<'search.find'>,
  isBehind: boolean,
): Promise<SearchPage> {
  const found = text.trim() === '' ? undefined : await repository.search({ text, offset, limit });
  if (found === undefined) return { hits: [], total: 0, totalIsExact: true, state: isBehind ? 'indexing' : 'ready' };
  const snapshots = await repository.snapshots();
  const times = timesOf(snapshots);
  const latest = snapshots.at(-1)?.id;
  const wanted = found.hits.filter((hit) => type === 'any' || hit.type === type);
  return {
    hits: wanted.map((hit) => ({
      path: hit.path,
      name: escapePath(baseNameOf(bytesOf(hit.path))),
      type: hit.type,
      size: hit.size,
      mtime: hit.mtime,
      firstSnapshotId: hit.firstSnapshot,
      lastSnapshotId: hit.lastSnapshot,
      firstTime: times.get(hit.firstSnapshot) ?? hit.mtime,
      lastTime: times.get(hit.lastSnapshot) ?? hit.mtime,
      isInLatest: hit.lastSnapshot === latest,
    })),
    total: found.total,
    totalIsExact: !found.isCapped && type === 'any',
    state: isBehind ? 'indexing' : 'ready',
  };
}

/** Newest first. */
export async function versionsOf(
  repository: OpenRepository,
  { path }: InputOf<'search.versions'>,
): Promise<readonly PathVersion[]> {
  const snapshots = await repository.snapshots();
  const times = timesOf(snapshots);
  const latest = snapshots.at(-1)?.id;
  // A damaged folder of one snapshot must not hide the versions in the others.
  const versions = await repository.versions(bytesOf(path), () => undefined);
  return versions
    .toReversed()
    .slice(0, VERSIONS_SENT_MAX)
    .map(({ firstSnapshot, lastSnapshot, size, mtime, contentHash }) => ({
      snapshotId: lastSnapshot,
      firstTime: times.get(firstSnapshot) ?? mtime,
      lastTime: times.get(lastSnapshot) ?? mtime,
      size,
      mtime,
      contentHash,
      isCurrent: lastSnapshot === latest,
    }));
}

function timesOf(snapshots: readonly SnapshotSummary[]): Times {
  return new Map(snapshots.map(({ id, time }) => [id, time]));
}
