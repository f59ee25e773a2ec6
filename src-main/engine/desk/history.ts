/** What the window asks over all snapshots: search, the versions of one path, figures of runs. */
import { type InputOf, METRIC_POINTS_MAX, VERSIONS_SENT_MAX } from '../../../src-shared/api/index.ts';
import type {
  MetricName,
  MetricPoint,
  MetricRange,
  MetricSeries,
  Metrics,
  PathVersion,
  Run,
  SearchPage,
  SnapshotSummary,
} from '../../../src-shared/model/index.ts';
import type { OpenRepository } from '../api.ts';
import { baseNameOf, bytesOf, escapePath } from './paths.ts';

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

const DAY_MS = 86_400_000;
const RANGE_MS: Readonly<Record<MetricRange, number>> = {
  day: DAY_MS,
  week: 7 * DAY_MS,
  month: 30 * DAY_MS,
  year: 365 * DAY_MS,
};

/** From the record of runs: how long backups took, how fast they were, and how many problems they had. */
export function figuresOfRuns(runs: readonly Run[], range: MetricRange, nowMs: number): Metrics {
  const fromMs = nowMs - RANGE_MS[range];
  const backups = runs.filter(({ kind, state, startedAt }) => {
    return kind === 'backup' && state === 'done' && Date.parse(startedAt) >= fromMs;
  });
  const series = (name: MetricName, valueOf: (run: Run) => number): MetricSeries => ({
    name,
    points: pointsOf(backups, { fromMs, stepMs: RANGE_MS[range] / METRIC_POINTS_MAX }, valueOf),
  });
  return {
    range,
    from: new Date(fromMs).toISOString(),
    to: new Date(nowMs).toISOString(),
    series: [
      series('backup-duration-ms', ({ durationMs }) => durationMs),
      series('throughput', ({ bytes, durationMs }) => (bytes * 1000) / Math.max(1, durationMs)),
      series('problems', ({ problemCount }) => problemCount),
    ],
  };
}

function pointsOf(
  runs: readonly Run[],
  { fromMs, stepMs }: { readonly fromMs: number; readonly stepMs: number },
  valueOf: (run: Run) => number,
): readonly MetricPoint[] {
  const steps = Map.groupBy(runs, ({ startedAt }) => Math.floor((Date.parse(startedAt) - fromMs) / stepMs));
  return [...steps]
    .toSorted(([left], [right]) => left - right)
    .map(([step, members]) => {
      const values = members.map(valueOf);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const t = new Date(fromMs + step * stepMs).toISOString();
      return { t, min: Math.min(...values), mean, max: Math.max(...values) };
    });
}
