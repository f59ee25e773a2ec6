/** Snapshots and chains as the command line and the app show them. */

export type SnapshotKind = 'base' | 'incremental';

/** Counts of one backup. Bytes are plaintext except `bytesStored`, which is what the destination grew by. */
export type SnapshotStats = {
  readonly filesNew: number;
  readonly filesChanged: number;
  readonly filesUnmodified: number;
  readonly filesRemoved: number;
  readonly folders: number;
  readonly metadataChanges: number;
  readonly bytesScanned: number;
  readonly bytesRead: number;
  readonly bytesAdded: number;
  readonly bytesStored: number;
};

export type SnapshotSource = { readonly path: string; readonly name: string; readonly rootNodeId: string };

export type SnapshotSummary = {
  readonly id: string;
  readonly parentId: string | null;
  readonly chainId: string;
  readonly sequence: number;
  readonly kind: SnapshotKind;
  readonly time: string;
  readonly host: string;
  readonly sources: readonly SnapshotSource[];
  readonly tags: readonly string[];
  readonly note: string;
  readonly pinned: boolean;
  readonly problemCount: number;
  readonly stats: SnapshotStats;
};

export type ChainSummary = {
  readonly id: string;
  readonly createdAt: string;
  readonly lastBackup: string;
  readonly snapshots: number;
  readonly totalSize: number;
  readonly storedSize: number;
  readonly compressionRatio: number;
};
