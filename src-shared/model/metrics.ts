/** Figures over time, small enough to send: at most METRIC_POINTS_MAX points a series. */

export type MetricRange = 'day' | 'week' | 'month' | 'year';

export type MetricName =
  /** Bytes in all destinations. */
  | 'bytes-stored'
  /** Bytes of the files in all snapshots by bytes stored. */
  | 'ratio'
  | 'backup-duration-ms'
  /** Bytes a second that backups read. */
  | 'throughput'
  /** Bytes of memory the engine takes. */
  | 'memory'
  | 'problems';

/** The time a stretch begins at, and the values in it. */
export type MetricPoint = {
  readonly t: string;
  readonly min: number;
  readonly mean: number;
  readonly max: number;
};

/** Oldest first. A stretch in which nothing was measured has no point. */
export type MetricSeries = { readonly name: MetricName; readonly points: readonly MetricPoint[] };

export type Metrics = {
  readonly range: MetricRange;
  readonly from: string;
  readonly to: string;
  readonly series: readonly MetricSeries[];
};

/** What a stretch of time held of one figure, as the engine names it. */
export type FigureSummary = {
  readonly name: string;
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  readonly max: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
};
