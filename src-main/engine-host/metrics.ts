/**
 * What a scraper is told of this process and of the backups it keeps: how old the last good one of each set is, what waits,
 * what stands where, and what the work took. No path and no name of a file is among it; names of sets and destinations are.
 */
import type { Destination, Overview } from '../../src-shared/model/index.ts';
import type { Catalog } from '../engine/catalog/index.ts';
import type { Desk } from '../engine/desk/index.ts';
import { envelopeMetrics } from '../engine/codec/index.ts';
import { FIGURE, type FigureName } from '../engine/service/index.ts';
import type { Family, Sample } from './prometheus.ts';
import type { Tally } from './tally.ts';

const HOUR_MS = 60 * 60 * 1000;
const QUANTILES = { '0.5': 'p50', '0.95': 'p95', '0.99': 'p99' } as const;

export type MetricsOptions = {
  readonly desk: Pick<Desk, 'overview' | 'jobs' | 'nowText'>;
  readonly catalog: Pick<Catalog, 'series'>;
  readonly tally: Tally;
  readonly version: string;
};

export async function metricFamilies({ desk, catalog, tally, version }: MetricsOptions): Promise<readonly Family[]> {
  const overview = await desk.overview.get();
  const nowMs = Date.parse(desk.nowText());
  const summary = (name: string, help: string, figure: FigureName, scale: number): Promise<Family> =>
    summaryOf({ name, help, figure, scale }, { catalog, tally, nowMs });
  return [
    gauge('cairn_build_info', 'Which Cairn this is.', [{ labels: { version }, value: 1 }]),
    ...processFamilies(),
    gauge('cairn_jobs', 'Jobs that run or wait.', [{ value: desk.jobs.open().length }]),
    ...setFamilies(overview),
    ...destinationFamilies(overview.destinations),
    await summary('cairn_backup_duration_seconds', 'Backups of everything in a set.', FIGURE.backupMs, 1e-3),
    await summary('cairn_backup_stored_bytes', 'What each of them added to its destination.', FIGURE.backupStored, 1),
    counter('cairn_backup_failures_total', 'Backups that failed.', tally.of(FIGURE.backupFailed).count),
    await summary('cairn_live_commit_duration_seconds', 'Backups of what just changed.', FIGURE.liveMs, 1e-3),
    await summary(
      'cairn_live_commit_stored_bytes',
      'What each of them added to its destination.',
      FIGURE.liveStored,
      1,
    ),
    counter('cairn_live_commit_failures_total', 'Backups of changes that failed.', tally.of(FIGURE.liveFailed).count),
    counter('cairn_problems_total', 'Files that could not be backed up as they were.', tally.of(FIGURE.problems).sum),
    ...engineFamilies(),
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, help, type: 'gauge', samples };
}

function counter(name: string, help: string, value: number): Family {
  return { name, help, type: 'counter', samples: [{ value }] };
}

/** Sum and count since this process began; the quantiles are those of the last hour. */
async function summaryOf(
  about: { readonly name: string; readonly help: string; readonly figure: FigureName; readonly scale: number },
  {
    catalog,
    tally,
    nowMs,
  }: { readonly catalog: Pick<Catalog, 'series'>; readonly tally: Tally; readonly nowMs: number },
): Promise<Family> {
  const { name, help, figure, scale } = about;
  const range = { fromMs: nowMs - HOUR_MS, toMs: nowMs + 1, buckets: 1 };
  const [bucket] = (await catalog.series(figure, range)) ?? [];
  const { count, sum } = tally.of(figure);
  const quantiles = Object.entries(QUANTILES).map(([quantile, key]): Sample => {
    return { labels: { quantile }, value: bucket === undefined ? Number.NaN : bucket[key] * scale };
  });
  const totals: readonly Sample[] = [
    { suffix: '_sum', value: sum * scale },
    { suffix: '_count', value: count },
  ];
  return { name, help, type: 'summary', samples: [...quantiles, ...totals] };
}

function processFamilies(): readonly Family[] {
  const { userCPUTime, systemCPUTime, fsRead, fsWrite } = process.resourceUsage();
  return [
    counter('cairn_process_cpu_seconds_total', 'Processor time of this process.', (userCPUTime + systemCPUTime) / 1e6),
    gauge('cairn_process_resident_memory_bytes', 'Memory that it takes.', [{ value: process.memoryUsage.rss() }]),
    counter('cairn_process_disk_reads_total', 'Blocks that it had read from disks.', fsRead),
    counter('cairn_process_disk_writes_total', 'Blocks that it had written to disks.', fsWrite),
  ];
}

function setFamilies({ sets, verdict }: Overview): readonly Family[] {
  const each = (valueOf: (set: Overview['sets'][number]) => number | undefined): readonly Sample[] =>
    sets.flatMap((set) => {
      const value = valueOf(set);
      return value === undefined ? [] : [{ labels: { set: set.name, set_id: set.setId }, value }];
    });
  const isStale = new Set(verdict.reasons.flatMap((reason) => (reason.kind === 'stale' ? [reason.setId] : [])));
  return [
    gauge(
      'cairn_set_info',
      'The backup sets there are.',
      each(() => 1),
    ),
    gauge(
      'cairn_set_last_backup_timestamp_seconds',
      'When the newest good backup of the set was made. A set without one has none.',
      each(({ lastBackup }) => (lastBackup === null ? undefined : Date.parse(lastBackup.time) / 1000)),
    ),
    gauge(
      'cairn_set_last_backup_problems',
      'Files that could not be backed up as they were in it.',
      each(({ lastBackup }) => lastBackup?.problemCount),
    ),
    gauge(
      'cairn_set_stale',
      '1: it wants doing since long.',
      each(({ setId }) => Number(isStale.has(setId))),
    ),
    gauge(
      'cairn_set_paused',
      '1: a person has paused it.',
      each(({ pausedUntil }) => Number(pausedUntil !== null)),
    ),
    gauge(
      'cairn_set_changed_folders',
      'Folders that changed and are not backed up yet.',
      each(({ live }) => live.changedFolders),
    ),
  ];
}

function destinationFamilies(destinations: readonly Destination[]): readonly Family[] {
  const each = (valueOf: (destination: Destination) => number | null): readonly Sample[] =>
    destinations.flatMap((destination) => {
      const { name, destinationId } = destination;
      const value = valueOf(destination);
      return value === null ? [] : [{ labels: { destination: name, destination_id: destinationId }, value }];
    });
  return [
    gauge('cairn_destination_ready', '1: it can be written to. 0: away, locked, or another one is there.', [
      ...each(({ state }) => Number(state === 'ready')),
    ]),
    gauge(
      'cairn_destination_free_bytes',
      'Space that is left there.',
      each(({ freeBytes }) => freeBytes),
    ),
    gauge(
      'cairn_destination_size_bytes',
      'Space that there is.',
      each(({ totalBytes }) => totalBytes),
    ),
    gauge(
      'cairn_destination_stored_bytes',
      'What the backups take there.',
      each(({ storedBytes }) => storedBytes),
    ),
    gauge(
      'cairn_destination_snapshots',
      'States that can be restored.',
      each(({ snapshots }) => snapshots),
    ),
    gauge(
      'cairn_destination_damaged_files',
      'Files of the repository that the last verification found damaged.',
      each(({ damageCount }) => damageCount),
    ),
  ];
}

/** The state serializer: how many objects went through it, and how many did not come back whole. */
function engineFamilies(): readonly Family[] {
  const { encoded, decoded, corrupt, encodeMs, decodeMs, plainBytes, storedBytes } = envelopeMetrics();
  return [
    counter('cairn_objects_encoded_total', 'Metadata objects that were written.', encoded),
    counter('cairn_objects_decoded_total', 'Metadata objects that were read.', decoded),
    counter('cairn_objects_corrupt_total', 'Metadata objects that were found damaged.', corrupt),
    counter('cairn_objects_encode_seconds_total', 'Time that writing them took.', encodeMs / 1000),
    counter('cairn_objects_decode_seconds_total', 'Time that reading them took.', decodeMs / 1000),
    counter('cairn_objects_plain_bytes_total', 'Their size before compression.', plainBytes),
    counter('cairn_objects_stored_bytes_total', 'Their size as it is stored.', storedBytes),
  ];
}
