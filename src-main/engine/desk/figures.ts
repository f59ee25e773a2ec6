/**
 * What the window draws over time: from the figures that were noted as things happened, and for the time before there were
 * any from the record of runs.
 */
import { METRIC_POINTS_MAX } from '../../../src-shared/api/index.ts';
import type {
  MetricName,
  MetricPoint,
  MetricRange,
  MetricSeries,
  Metrics,
  Run,
  SeriesBucket,
} from '../../../src-shared/model/index.ts';
import type { Catalog } from '../catalog/index.ts';

const DAY_MS = 86_400_000;
const RANGE_MS: Readonly<Record<MetricRange, number>> = {
  day: DAY_MS,
  week: 7 * DAY_MS,
  month: 30 * DAY_MS,
  year: 365 * DAY_MS,
};

const NAMES: readonly MetricName[] = [
  'bytes-stored',
  'ratio',
  'backup-duration-ms',
  'throughput',
  'memory',
  'problems',
];

/** Each figure as it was noted; where nothing was noted yet, as the runs of that time tell it. */
export async function figuresOver(
  range: MetricRange,
  {
    catalog,
    runs,
    nowMs,
  }: { readonly catalog: Pick<Catalog, 'series'>; readonly runs: readonly Run[]; readonly nowMs: number },
): Promise<Metrics> {
  const ofRuns = figuresOfRuns(runs, range, nowMs);
  const ask = { fromMs: nowMs - RANGE_MS[range], toMs: nowMs, buckets: METRIC_POINTS_MAX };
  const series: MetricSeries[] = [];
  for (const name of NAMES) {
    const points = ((await catalog.series(name, ask)) ?? []).map(pointOf);
    const [first] = points;
    const told = ofRuns.series.find((one) => one.name === name)?.points ?? [];
    const before = first === undefined ? told : told.filter(({ t }) => t < first.t);
    series.push({ name, points: [...before, ...points].slice(-METRIC_POINTS_MAX) });
  }
  return { ...ofRuns, series };
}

function pointOf({ fromMs, min, mean, max }: SeriesBucket): MetricPoint {
  return { t: new Date(Math.round(fromMs)).toISOString(), min, mean, max };
}

/** From the record of runs: how long backups took, how fast they were, and how many problems they had. */
function figuresOfRuns(runs: readonly Run[], range: MetricRange, nowMs: number): Metrics {
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
