/**
 * Figures over time: how they are called, what a backup leaves behind of itself, and what a stretch of time held. They are
 * kept by the catalog; to have none is no error of anything.
 */
import { isCairnError } from '../../../src-shared/errors.ts';
import type { BackupReport, FigureSummary } from '../../../src-shared/model/index.ts';
import type { Catalog } from '../catalog/index.ts';
import type { Clock } from '../kernel/index.ts';

/** Names in the catalog; those that the window draws are its own (MetricName). Units last, where there is one. */
export const FIGURE = {
  backupMs: 'backup-duration-ms',
  backupStored: 'backup-stored-bytes',
  backupFailed: 'backup-failed',
  liveMs: 'live-duration-ms',
  liveStored: 'live-stored-bytes',
  liveFailed: 'live-failed',
  /** Bytes a second that a backup read. */
  throughput: 'throughput',
  problems: 'problems',
  memory: 'memory',
  /** Processor time by time: 1 is one processor, all of the time. */
  processor: 'processor',
  /** Blocks that were read from and written to disks, a second. */
  reads: 'disk-reads',
  writes: 'disk-writes',
  /** Jobs that run or wait. */
  queue: 'queue',
  bytesStored: 'bytes-stored',
  ratio: 'ratio',
} as const;

export type FigureName = (typeof FIGURE)[keyof typeof FIGURE];
export type FigureSink = (name: FigureName, value: number, atMs: number) => void;

const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

type Measured = { readonly figure: FigureSink | undefined; readonly clock: Clock };

/** Runs a backup and notes what it took. `reportOf`: undefined where nothing was to be done. */
export async function noted<Result>(
  { figure, clock }: Measured,
  kind: 'backup' | 'live',
  run: () => Promise<Result>,
  reportOf: (result: Result) => BackupReport | undefined,
): Promise<Result> {
  if (figure === undefined) return run();
  const startedMs = clock.monotonicMs();
  const isLive = kind === 'live';
  try {
    const result = await run();
    const report = reportOf(result);
    if (report === undefined) return result;
    const tookMs = clock.monotonicMs() - startedMs;
    const note = (name: FigureName, value: number): void => figure(name, value, clock.nowMs());
    note(isLive ? FIGURE.liveMs : FIGURE.backupMs, tookMs);
    note(isLive ? FIGURE.liveStored : FIGURE.backupStored, report.bytesStored);
    note(FIGURE.problems, report.problems.length);
    if (!isLive && report.bytesRead > 0) note(FIGURE.throughput, (report.bytesRead * 1000) / Math.max(1, tookMs));
    return result;
  } catch (error) {
    if (!isCairnError(error, 'engine/cancelled'))
      figure(isLive ? FIGURE.liveFailed : FIGURE.backupFailed, 1, clock.nowMs());
    throw error;
  }
}

/** What the last week held, by name; empty where there is no catalog. */
export async function figuresOfWeek(
  catalog: Pick<Catalog, 'series' | 'seriesNames'> | undefined,
  nowMs: number,
): Promise<readonly FigureSummary[]> {
  const found: FigureSummary[] = [];
  const range = { fromMs: Math.max(0, nowMs - WEEK_MS), toMs: nowMs + 1, buckets: 1 };
  for (const name of (await catalog?.seriesNames()) ?? []) {
    const [bucket] = (await catalog?.series(name, range)) ?? [];
    if (bucket === undefined) continue;
    const { count, min, mean, max, p50, p95, p99 } = bucket;
    found.push({ name, count, min, mean, max, p50, p95, p99 });
  }
  return found;
}
