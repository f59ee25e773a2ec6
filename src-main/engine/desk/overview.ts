/**
 * The one place where sets, destinations and the verdict are put together, so that every screen says the same. It is made
 * again when something changed, and told only where it differs from what was told before.
 */
import type { BackupSet, Destination, LastBackup, Overview } from '../../../src-shared/model/index.ts';
import { forecastCapacity, roomFor } from '../drives/index.ts';
import type { Ports } from '../kernel/index.ts';
import { type Grown, daysOf } from './days.ts';
import type { Destinations } from './destinations.ts';
import type { Jobs } from './jobs.ts';
import type { Tell } from './ports.ts';
import type { Runs } from './runs.ts';
import type { DestinationRecord, ScheduleBook, SetRecord, SetsState } from '../sets/index.ts';
import type { Sets } from './sets.ts';
import type { StateFile } from '../service/index.ts';
import { judge } from './verdict.ts';
import { lastOf } from './work.ts';

/** A minute apart for 30 days would be more; the days that are left out then stand empty. */
const DAY_RUNS_MAX = 2000;

/** What runs a set by itself, and how far it is. */
export type Currency = Pick<BackupSet, 'nextRun' | 'live'>;

/** Nothing runs by itself here. */
export const BY_HAND: Currency = {
  nextRun: { at: null, waitsFor: null },
  live: { state: 'off', changedFolders: 0, reason: null, protectedUntil: null },
};

export type OverviewOptions = {
  readonly records: StateFile<SetsState>;
  readonly destinations: Destinations;
  readonly sets: Sets;
  readonly jobs: Jobs;
  readonly runs: Runs;
  readonly book: ScheduleBook;
  readonly ports: Ports;
  readonly hostName: string;
  readonly tell: Tell;
  readonly currencyOf: (setId: string) => Currency;
};

export class OverviewBoard {
  readonly #options: OverviewOptions;
  #told = '';
  #making: Promise<void> | undefined;
  #isStale = false;

  constructor(options: OverviewOptions) {
    this.#options = options;
  }

  /** As things stand now. */
  async get(): Promise<Overview> {
    const { records, jobs, runs, book, ports } = this.#options;
    const { state } = records;
    const destinations = state.destinations.map((record) => this.destination(record));
    const sets = await Promise.all(state.sets.map((record) => this.set(record)));
    const atWork = new Set(
      jobs.open().flatMap(({ kind, setId }) => (kind === 'backup' && setId !== null ? [setId] : [])),
    );
    const tight = new Set(destinations.filter((one) => this.#isTight(one)).map(({ destinationId }) => destinationId));
    const goodUntilMs = new Map(
      state.sets.flatMap((record) => {
        const { lastGoodMs } = book.entry(record);
        return lastGoodMs === null ? [] : [[record.setId, lastGoodMs] as const];
      }),
    );
    const nowMs = ports.clock.nowMs();
    const facts = { nowMs, sets, destinations, lastRuns: runs.lastBackups(), goodUntilMs, atWork, tight };
    const days = daysOf(runs.list(null, DAY_RUNS_MAX), this.#grown(state.destinations), facts.nowMs);
    return { verdict: judge(facts), sets, destinations, days };
  }

  /** Tells it if it changed. Several calls in one moment are one. */
  soon(): void {
    this.refresh().catch((error: unknown) => this.#options.ports.log('error', 'the overview failed', { error }));
  }

  async refresh(): Promise<void> {
    this.#isStale = true;
    this.#making ??= this.#makeWhileStale().finally(() => {
      this.#making = undefined;
    });
    await this.#making;
  }

  async set(record: SetRecord): Promise<BackupSet> {
    const { setId, name, destinationId, rules, createdAt, schedule, pausedUntil } = record;
    const sources = await this.#options.sets.sourcesOf(record);
    const lastBackup = this.#lastBackup(record);
    const plain = { setId, name, sources, destinationId, rules, createdAt, lastBackup, schedule, pausedUntil };
    return { ...plain, ...this.#options.currencyOf(setId) };
  }

  destination(record: DestinationRecord): Destination {
    const { destinationId, name, path, repositoryId, encrypted, remembered, volume } = record;
    const { destinations, ports } = this.#options;
    const { state, error, awaySince, copyAt, space, storedBytes, bytesPerDay, snapshots } =
      destinations.status(destinationId);
    const freeBytes = space?.freeBytes ?? null;
    const { times, damageCount } = this.#options.runs.verification(destinationId);
    return {
      destinationId,
      name,
      path,
      repositoryId,
      encrypted,
      state,
      error,
      awaySince,
      volume,
      copyAt,
      freeBytes,
      totalBytes: space?.totalBytes ?? null,
      storedBytes,
      forecast: forecastCapacity(bytesPerDay, { freeBytes, nowMs: ports.clock.nowMs() }),
      snapshots: snapshots?.length ?? null,
      remembered,
      verified: times,
      damageCount,
    };
  }

  /** The next backup may not fit, by what those before it took. */
  #isTight({ destinationId, freeBytes }: Destination): boolean {
    const { expected } = this.#options.destinations.status(destinationId);
    return freeBytes !== null && roomFor(expected, freeBytes).kind !== 'fits';
  }

  #grown(destinations: readonly DestinationRecord[]): readonly Grown[] {
    return destinations.flatMap(({ destinationId }) =>
      (this.#options.destinations.status(destinationId).snapshots ?? []).map(({ time, stats }) => ({
        time,
        bytesStored: stats.bytesStored,
      })),
    );
  }

  async #makeWhileStale(): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false;
      const overview = await this.get();
      const text = JSON.stringify(overview);
      if (text === this.#told) continue;
      this.#told = text;
      this.#options.tell({ kind: 'overview', overview });
    }
  }

  /** From the snapshots while they can be seen, else from what was recorded when it was made. */
  #lastBackup(record: SetRecord): LastBackup | null {
    const { snapshots } = this.#options.destinations.status(record.destinationId);
    const newest = snapshots === undefined ? undefined : lastOf(snapshots, record, this.#options.hostName);
    const run = this.#options.runs.lastDone(record.setId);
    const fromSnapshot = newest && {
      time: newest.time,
      snapshotId: newest.id,
      files: newest.stats.filesNew + newest.stats.filesChanged + newest.stats.filesUnmodified,
      bytes: newest.stats.bytesScanned,
      problemCount: newest.problemCount,
    };
    if (run?.snapshotId === undefined || run.snapshotId === null) return fromSnapshot ?? null;
    const time = new Date(Date.parse(run.startedAt) + run.durationMs).toISOString();
    if (
      fromSnapshot !== undefined &&
      (fromSnapshot.snapshotId === run.snapshotId || fromSnapshot.time >= run.startedAt)
    )
      return fromSnapshot;
    return { time, snapshotId: run.snapshotId, files: run.files, bytes: run.bytes, problemCount: run.problemCount };
  }
}
