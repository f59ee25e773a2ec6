/**
 * What the jobs do: each function makes the request of one kind, from what a person asked for to the outcome. The order
 * of things (look who is there, then write) is decided here and nowhere else.
 */
import type { RestoreInput, VerifyDepthInput } from '../../../src-shared/api/index.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { escapePath, formatBytes } from '../../../src-shared/format/index.ts';
import type {
  BackupPlan,
  RestorePlace,
  Settings,
  SnapshotSummary,
  UndoReport,
} from '../../../src-shared/model/index.ts';
import type { BackupLimits, Engine } from '../api.ts';
import type { Destinations } from './destinations.ts';
import { type DriveWatch, bytesHeldBelow, roomFor, spaceAt } from '../drives/index.ts';
import { bytesOf, parentOf } from '../kernel/index.ts';
import type { Handles } from './handles.ts';
import type { JobRequest } from './jobs.ts';
import type { Listings } from './listings.ts';
import { planRules } from './measure.ts';
import { backupOutcome, restoreOutcome, undoOutcome, verifyOutcome } from './reports.ts';
import { originalPlace, runRestore } from './restoring.ts';
import type { RunRecord } from './run-records.ts';
import type { SetRecord } from './set-records.ts';

export type WorkOptions = {
  readonly engine: Engine;
  readonly destinations: Destinations;
  readonly drives: DriveWatch;
  readonly handles: Handles;
  readonly listings: Listings;
  readonly hostName: string;
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
  /** What a restore keeps, for its record. */
  readonly keptIn: (jobId: string, undoIds: readonly string[]) => void;
  readonly undone: (runId: string) => Promise<void>;
};

/** One job at a time writes to a destination; a verification reads all of it and waits its turn with them. */
const writeLane = (destinationId: string): string => `write ${destinationId}`;
/** A restore does not wait for a backup of some hours, only for another restore: both might write to one folder. */
const RESTORE_LANE = 'restore';
/** A plan writes nothing; several would only slow each other down. */
const planLane = (destinationId: string): string => `plan ${destinationId}`;

export function backupJob(options: WorkOptions, set: SetRecord, reread: boolean): JobRequest {
  const { setId, destinationId } = set;
  return {
    kind: 'backup',
    setId,
    destinationId,
    lane: writeLane(destinationId),
    run: async (context) => {
      const repository = await options.destinations.repositoryToWrite(destinationId);
      const sources = set.sources.map(bytesOf);
      const request = {
        sources,
        ...planRules(set.rules),
        reread,
        signal: context.signal,
        onProgress: context.onProgress,
      };
      const before = lastOf(await repository.snapshots(), set, options.hostName);
      if (before === undefined) {
        // The first one: how much there is can only be found out by looking.
        const plan = await repository.planBackup(request);
        context.expect(plan);
        await refuseTooSmall(options, destinationId, sources, plan);
      } else context.expect(sizeOf(before));
      return backupOutcome(await repository.backup({ ...request, ...limitsOf(options.settings()) }));
    },
  };
}

/**
 * Before a first backup writes anything: whether it can fit at all. What is there already may hold some of it, so only an
 * empty repository is judged; and what can't be told is tried.
 * @throws CairnError destination/full
 */
async function refuseTooSmall(
  { destinations, drives }: WorkOptions,
  destinationId: string,
  sources: readonly Buffer[],
  { bytesOnDisk }: BackupPlan,
): Promise<void> {
  const { snapshots, space } = destinations.status(destinationId);
  if (space === undefined || snapshots === undefined || snapshots.length > 0) return;
  const held = await bytesHeldBelow(sources, drives.table);
  if (held === undefined) return;
  // Files with many names, and clones, are counted once for each name; their drive holds them once.
  const expected = { kind: 'first', plainBytes: Math.min(bytesOnDisk, held) } as const;
  const room = roomFor(expected, space.freeBytes);
  // That it may not fit is said in the overview, and tried.
  if (room.kind !== 'too-small') return destinations.expect(destinationId, expected);
  const { name } = destinations.record(destinationId);
  const [free, plain, least] = [space.freeBytes, expected.plainBytes, room.leastBytes].map(formatBytes);
  throw new CairnError(
    'destination/full',
    `“${name}” has ${free} free. The folders hold ${plain} and take at least ${least}, however well they compress.`,
    { hint: 'Nothing was written. Choose a larger drive, or leave some folders out.' },
  );
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
      const snapshot = (await repository.snapshots()).find(({ id }) => id === snapshotId);
      if (snapshot === undefined) throw new CairnError('snapshot/not-found', 'This snapshot is not there any more.');
      const { listings } = options;
      const task = { repository, listings, destinationId, snapshotId, paths, target, conflict, dryRun };
      const { report, undoIds } = await runRestore(task, context);
      options.keptIn(context.jobId, undoIds);
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
      // The last one first, as one takes steps back.
      for (const undoId of run.undoIds.toReversed()) reports.push(await options.engine.undoRestore(undoId, context));
      await options.undone(run.runId);
      return undoOutcome({
        broughtBack: reports.reduce((sum, { broughtBack }) => sum + broughtBack, 0),
        removed: reports.reduce((sum, { removed }) => sum + removed, 0),
        problems: reports.flatMap(({ problems }) => problems),
      });
    },
  };
}
