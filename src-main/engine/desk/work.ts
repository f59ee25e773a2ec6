/**
 * What the jobs do: each function makes the request of one kind, from what a person asked for to the outcome. The order
 * of things (look who is there, then write) is decided here and nowhere else.
 */
import type { RestoreInput, VerifyDepthInput } from '../../../src-shared/api/index.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type {
  BackupPlan,
  BackupReport,
  RestorePlace,
  Settings,
  SnapshotSummary,
  UndoReport,
} from '../../../src-shared/model/index.ts';
import type { BackupLimits, ChangedFolders, Engine, LiveReport, OpenRepository } from '../api.ts';
import { type DriveWatch, spaceAt } from '../drives/index.ts';
import { type Ports, bytesOf, parentOf } from '../kernel/index.ts';
import { type ScheduleBook, type SetRecord, runSet } from '../sets/index.ts';
import type { Destinations } from './destinations.ts';
import type { Handles } from './handles.ts';
import type { JobContext, JobRequest } from './jobs.ts';
import type { Listings } from './listings.ts';
import { planRules } from './measure.ts';
import { backupOutcome, restoreOutcome, undoOutcome, verifyOutcome } from './reports.ts';
import { originalPlace, runRestore } from './restoring.ts';
import { refuseTooSmall } from './room.ts';
import type { RunRecord } from './run-records.ts';

export type WorkOptions = {
  readonly engine: Engine;
  readonly destinations: Destinations;
  readonly drives: DriveWatch;
  readonly handles: Handles;
  readonly listings: Listings;
  readonly hostName: string;
  readonly ports: Ports;
  readonly book: ScheduleBook;
  readonly mayRunHooks: () => boolean;
  /** Saves the set as it is now in its repository. */
  readonly keepInRepository: (setId: string) => Promise<void>;
  readonly settings: () => Settings;
  readonly nowText: () => string;
  readonly verified: (
    destinationId: string,
    last: {
      readonly depth: VerifyDepthInput['kind'];
      readonly time: string;
      readonly report: Parameters<typeof verifyOutcome>[0];
    },
  ) => Promise<void>;
  /** What a restore, or a part of it, can be taken back by: told before it changes anything, however it will end. */
  readonly onUndoable: (jobId: string, undoId: string) => void;
  readonly undone: (runId: string) => Promise<void>;
};

/** One job at a time writes to a destination; a verification reads all of it and waits its turn with them. */
export const writeLane = (destinationId: string): string => `write ${destinationId}`;
/** A restore does not wait for a backup of some hours, only for another restore: both might write to one folder. */
const RESTORE_LANE = 'restore';
/** A plan writes nothing; several would only slow each other down. */
const planLane = (destinationId: string): string => `plan ${destinationId}`;

type HowToBackUp = { readonly reread: boolean; readonly absent: readonly Buffer[] };

export function backupJob(options: WorkOptions, set: SetRecord, { reread, absent }: HowToBackUp): JobRequest {
  const { setId, destinationId } = set;
  return {
    kind: 'backup',
    setId,
    destinationId,
    lane: writeLane(destinationId),
    run: async (context) => {
      const { ports, book, mayRunHooks } = options;
      const host = { ports, book, environment: process.env, mayRunHooks: mayRunHooks(), signal: context.signal };
      const work = (): Promise<BackupReport> => backUp(options, set, { reread, absent }, context);
      return backupOutcome(await runSet(set, { ...host, later: notWaitedFor }, work));
    },
  };
}

/** What changed in some folders since a snapshot; no job, because it happens all day. */
export async function backUpChanges(
  options: WorkOptions,
  set: SetRecord,
  {
    changed,
    absent,
    signal,
  }: { readonly changed: ChangedFolders; readonly absent: readonly Buffer[]; readonly signal: AbortSignal },
): Promise<LiveReport> {
  const repository = await options.destinations.repositoryToWrite(set.destinationId);
  const request = { sources: set.sources.map(bytesOf), ...planRules(set.rules), absentSources: absent, signal };
  return repository.backUpChanges({ ...request, ...limitsOf(options.settings()) }, changed);
}

/** It never rejects, and a process that ends does not wait for it. */
const notWaitedFor = (): void => undefined;

async function backUp(
  options: WorkOptions,
  set: SetRecord,
  { reread, absent }: HowToBackUp,
  context: JobContext,
): Promise<BackupReport> {
  const repository = await options.destinations.repositoryToWrite(set.destinationId);
  const sources = set.sources.map(bytesOf);
  const request = {
    sources,
    ...planRules(set.rules),
    reread,
    absentSources: absent,
    signal: context.signal,
    onProgress: context.onProgress,
  };
  const before = lastOf(await repository.snapshots(), set, options.hostName);
  if (before === undefined) {
    // The first one: how much there is can only be found out by looking.
    const plan = await repository.planBackup(request);
    context.expect({ files: plan.files, bytes: plan.bytes });
    await expectFirst(options, set, plan);
  } else context.expect(sizeOf(before));
  const report = await repository.backup({ ...request, ...limitsOf(options.settings()) });
  await options.keepInRepository(set.setId);
  return report;
}

/** What is there already may hold some of it, so only an empty repository is judged. @throws CairnError destination/full */
async function expectFirst({ destinations, drives }: WorkOptions, set: SetRecord, plan: BackupPlan): Promise<void> {
  const { destinationId } = set;
  const { snapshots, space } = destinations.status(destinationId);
  if (space === undefined || snapshots === undefined || snapshots.length > 0) return;
  const { name } = destinations.record(destinationId);
  const sources = set.sources.map(bytesOf);
  const expected = await refuseTooSmall({ name, space, sources, plan, table: drives.table });
  // That it may not fit is said in the overview, and tried.
  if (expected !== undefined) destinations.expect(destinationId, expected);
}

/** The newest snapshot of the same sources of this computer. */
export function lastOf(
  snapshots: readonly SnapshotSummary[],
  set: Pick<SetRecord, 'sources'>,
  hostName: string,
): SnapshotSummary | undefined {
  const wanted = [...set.sources].toSorted().join('\0');
  return snapshots.findLast(
    ({ host, sources }) =>
      host === hostName &&
      sources
        .map(({ path }) => path)
        .toSorted()
        .join('\0') === wanted,
  );
}

function sizeOf({ stats }: SnapshotSummary): { readonly files: number; readonly bytes: number } {
  return { files: stats.filesNew + stats.filesChanged + stats.filesUnmodified, bytes: stats.bytesScanned };
}

function limitsOf({ workers, readBytesPerSecondMax, writeBytesPerSecondMax, lowPriority }: Settings): BackupLimits {
  return {
    ...(workers === null ? {} : { workers }),
    ...(readBytesPerSecondMax === null ? {} : { readBytesPerSecondMax }),
    ...(writeBytesPerSecondMax === null ? {} : { writeBytesPerSecondMax }),
    lowPriority,
  };
}

export function verifyJob(options: WorkOptions, destinationId: string, depth: VerifyDepthInput): JobRequest {
  return {
    kind: 'verify',
    setId: null,
    destinationId,
    lane: writeLane(destinationId),
    run: async ({ signal, onProgress }) => {
      const repository = await options.destinations.repositoryToWrite(destinationId);
      const report = await repository.verify({ depth, signal, onProgress });
      await options.verified(destinationId, { depth: depth.kind, time: options.nowText(), report });
      return verifyOutcome(report, depth.kind);
    },
  };
}

/** Handles are looked up now, so that an unknown one is refused before there is a job. */
export function restoreJob(options: WorkOptions, input: RestoreInput, dryRun: boolean): JobRequest {
  const { destinationId, snapshotId, paths, conflict } = input;
  const target = input.to.kind === 'folder' ? options.handles.pathOf(input.to.handle) : undefined;
  // The same for what is asked for, and for whether it can be read at all.
  for (const path of paths) bytesOf(path);
  options.destinations.repository(destinationId);
  const kind = dryRun ? 'restore-plan' : 'restore';
  return {
    kind,
    setId: null,
    destinationId,
    lane: dryRun ? planLane(destinationId) : RESTORE_LANE,
    run: async (context) => {
      const repository = options.destinations.repository(destinationId);
      const snapshot = await snapshotOf(repository, snapshotId);
      const { listings } = options;
      const onUndoable = (undoId: string): void => options.onUndoable(context.jobId, undoId);
      const task = { repository, listings, destinationId, snapshotId, paths, target, conflict, dryRun, onUndoable };
      const report = await runRestore(task, context);
      const path = target === undefined ? originalPlace(snapshot, paths) : escapePath(target);
      const place: RestorePlace = {
        path,
        freeBytes: await freeAt(target ?? bytesOf(snapshot.sources[0]?.path ?? '/')),
        safetyFolder: report.safetyFolders?.[0] ?? null,
      };
      return restoreOutcome(kind, report, place);
    },
  };
}

/** @throws CairnError snapshot/not-found */
export async function snapshotOf(repository: OpenRepository, snapshotId: string): Promise<SnapshotSummary> {
  const snapshot = (await repository.snapshots()).find(({ id }) => id === snapshotId);
  if (snapshot !== undefined) return snapshot;
  throw new CairnError('snapshot/not-found', 'This snapshot is not there any more.');
}

/** Of the nearest folder that exists: the target may be one that is yet to be made. */
async function freeAt(path: Buffer): Promise<number> {
  let folder: Buffer | undefined = path;
  while (folder !== undefined) {
    const space = await spaceAt(folder);
    if (space !== undefined) return space.freeBytes;
    folder = parentOf(folder);
  }
  return 0;
}

/** @throws CairnError app/unavailable where nothing was kept */
export function undoJob(options: WorkOptions, run: RunRecord): JobRequest {
  if (!run.undoable || run.undoIds.length === 0) {
    throw new CairnError('app/unavailable', 'This restore can’t be taken back: nothing that it replaced was kept.');
  }
  return {
    kind: 'undo',
    setId: null,
    destinationId: run.destinationId,
    lane: RESTORE_LANE,
    run: async (context) => {
      const reports: UndoReport[] = [];
      const known = await options.engine.undoableRestores();
      // The last one first, as one takes steps back; one that was taken back before this was stopped is gone already.
      for (const undoId of run.undoIds.toReversed())
        if (known.some((restore) => restore.undoId === undoId))
          reports.push(await options.engine.undoRestore(undoId, context));
      await options.undone(run.runId);
      return undoOutcome({
        broughtBack: reports.reduce((sum, { broughtBack }) => sum + broughtBack, 0),
        removed: reports.reduce((sum, { removed }) => sum + removed, 0),
        problems: reports.flatMap(({ problems }) => problems),
      });
    },
  };
}
