/**
 * Chains are a grouping, not a dependency: every snapshot has its own full root, so a restore costs the same at
 * position 1 and 50. A chain is a base and up to N incrementals of the same sources; the next backup after a full
 * chain starts a new one. Pure rules, no IO.
 */
import type { ChainId, SnapshotId } from '../../../src-shared/ids.ts';
import type { ChainSummary, SnapshotKind } from '../../../src-shared/model/index.ts';
import { compareBytes, fromHex } from '../kernel/index.ts';
import { MerkleSet } from '../merkle/index.ts';
import type { SnapshotRecord } from './record.ts';

export type Snapshot = { readonly id: SnapshotId; readonly record: SnapshotRecord };

/** Oldest first: by the number that only rises; two concurrent backups of one number stand by time, then id. */
export function bySnapshotOrder(left: Snapshot, right: Snapshot): number {
  return (
    left.record.order - right.record.order ||
    left.record.finishedAtMs - right.record.finishedAtMs ||
    (left.id < right.id ? -1 : left.id > right.id ? 1 : 0)
  );
}

/** The newest snapshot of the same host and the same source paths, or undefined. `snapshots` are oldest first. */
export function findParent(
  snapshots: readonly Snapshot[],
  host: string,
  sourcePaths: readonly Uint8Array[],
): Snapshot | undefined {
  const wanted = sourcePaths.toSorted(compareBytes);
  return snapshots.findLast(({ record }) => {
    if (record.host !== host || record.sources.length !== wanted.length) return false;
    const paths = record.sources.map((source) => source.path).toSorted(compareBytes);
    return paths.every((path, index) => compareBytes(path, wanted[index] ?? new Uint8Array()) === 0);
  });
}

export type ChainPlace = {
  readonly chainId: ChainId;
  readonly sequence: number;
  readonly kind: SnapshotKind;
  readonly chainSetRoot: Uint8Array;
};

/**
 * Where the next snapshot stands. `newChainId` is used when a chain begins: there is no parent, or its chain already
 * holds a base and `incrementalsMax` incrementals.
 */
export function nextPlace(
  snapshots: readonly Snapshot[],
  parent: Snapshot | undefined,
  incrementalsMax: number,
  newChainId: ChainId,
): ChainPlace {
  const members =
    parent === undefined ? [] : snapshots.filter(({ record }) => record.chainId === parent.record.chainId);
  const last = members.reduce((highest, { record }) => Math.max(highest, record.sequence), 0);
  if (parent === undefined || last >= incrementalsMax) {
    return { chainId: newChainId, sequence: 0, kind: 'base', chainSetRoot: MerkleSet.fromIds([]).root };
  }
  const set = MerkleSet.fromIds(members.map(({ id }) => fromHex(id)));
  return { chainId: parent.record.chainId, sequence: last + 1, kind: 'incremental', chainSetRoot: set.root };
}

/** Figures of each chain, oldest first. `totalSize` is what its snapshots hold, `storedSize` what they added. */
export function summariseChains(snapshots: readonly Snapshot[]): readonly ChainSummary[] {
  const chains = Map.groupBy(snapshots, ({ record }) => record.chainId);
  return [...chains].map(([id, members]) => {
    const total = members.reduce((sum, { record }) => sum + record.stats.bytesScanned, 0);
    const stored = members.reduce((sum, { record }) => sum + record.stats.bytesStored, 0);
    const added = members.reduce((sum, { record }) => sum + record.stats.bytesAdded, 0);
    const times = members.map(({ record }) => record.finishedAtMs);
    return {
      id,
      createdAt: new Date(Math.min(...times)).toISOString(),
      lastBackup: new Date(Math.max(...times)).toISOString(),
      snapshots: members.length,
      totalSize: total,
      storedSize: stored,
      compressionRatio: stored === 0 ? 1 : added / stored,
    };
  });
}
