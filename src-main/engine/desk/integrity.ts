/** What the Integrity screen shows of a destination: its chains as far as they can be seen, and what was found last. */
import type { ChainGraph, IntegrityStatus, SnapshotSummary } from '../../../src-shared/model/index.ts';
import type { Desk } from './desk.ts';
import { damageKinds } from './reports.ts';

const RUNS_LOOKED_AT_MAX = 2000;

/** @throws CairnError app/not-found */
export async function integrityStatus(desk: Desk, destinationId: string): Promise<IntegrityStatus> {
  desk.destinations.record(destinationId);
  const { times, last } = desk.runs.verification(destinationId);
  const damage = last?.report.damage ?? [];
  const damaged = new Set(damage.flatMap(({ snapshots }) => snapshots));
  return {
    destinationId,
    verified: times,
    lastReport: last,
    damage,
    damageKinds: damageKinds(damage),
    chains: await chainsOf(desk, destinationId, damaged),
  };
}

async function chainsOf(
  desk: Desk,
  destinationId: string,
  damaged: ReadonlySet<string>,
): Promise<readonly ChainGraph[]> {
  if (desk.destinations.status(destinationId).state !== 'ready') return [];
  const repository = desk.destinations.repository(destinationId);
  const readSince = wholeBefore(desk, destinationId);
  const snapshots = await repository.snapshots();
  const beadsOf = (chainId: string): readonly SnapshotSummary[] =>
    snapshots.filter((snapshot) => snapshot.chainId === chainId);
  return (await repository.chains()).map((chain) => ({
    chain,
    beads: beadsOf(chain.id).map(({ id, sequence, kind, time, stats, problemCount }) => ({
      snapshotId: id,
      sequence,
      kind,
      time,
      bytesStored: stats.bytesStored,
      problemCount,
      damaged: damaged.has(id),
      verified: damaged.has(id) ? false : time < readSince ? true : null,
    })),
  }));
}

/** Snapshots older than this were read whole: when the newest deep verification began, if no damage is known. */
function wholeBefore(desk: Desk, destinationId: string): string {
  const { times, damageCount } = desk.runs.verification(destinationId);
  if (times.deep === null || damageCount > 0) return '';
  const endedMs = Date.parse(times.deep);
  const run = desk.runs
    .list(null, RUNS_LOOKED_AT_MAX)
    .find(
      ({ kind, state, startedAt, durationMs, destinationId: at }) =>
        kind === 'verify' &&
        state === 'done' &&
        at === destinationId &&
        Date.parse(startedAt) <= endedMs &&
        endedMs <= Date.parse(startedAt) + durationMs,
    );
  return run?.startedAt ?? '';
}
