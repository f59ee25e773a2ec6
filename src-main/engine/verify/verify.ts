/**
 * Verifying a repository, on one page: small files, snapshots, index runs, packs, trees.
 *
 * - quick: everything is there and has its size; configuration, keys, snapshots and footers read.
 * - sample: the trees of all snapshots too, and a random part of the packs byte by byte.
 * - deep: every byte of every file, every blob by its id, every NodeId up to the signed roots.
 *
 * Nothing is written, nothing is repaired, no lock is needed.
 */
import type { SnapshotId } from '../../../src-shared/ids.ts';
import type { Progress, VerifyReport } from '../../../src-shared/model/index.ts';
import { FOLDERS, type Repository } from '../repository/index.ts';
import { type SnapshotListing, appendEvent, listSnapshots, logRoot } from '../snapshot/index.ts';
import { fromHex, toHex } from '../kernel/index.ts';
import { type ContainerCounts, checkContainers, checkIndexRuns } from './containers.ts';
import { DamageList } from './damage-list.ts';
import { checkSmallFiles, noteDamage, readNamed } from './small-files.ts';
import { TreeCheck } from './trees.ts';

export type VerifyDepth =
  { readonly kind: 'quick' } | { readonly kind: 'sample'; readonly percent: number } | { readonly kind: 'deep' };

export type VerifyOptions = {
  readonly depth: VerifyDepth;
  /** Newest snapshots this computer has seen here: one that is gone was lost or taken away. */
  readonly knownSnapshots: readonly SnapshotId[];
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal | undefined;
};

/** @throws CairnError destination/…, repository/newer-format, engine/cancelled; damage is in the report, never thrown */
export async function verify(repository: Repository, options: VerifyOptions): Promise<VerifyReport> {
  const { depth, onProgress, signal } = options;
  const damage = new DamageList();
  const counts: ContainerCounts = { packs: 0, segments: 0, blobs: 0 };
  const tell = (files: number, filesTotal: number, current: string): void =>
    onProgress({ phase: 'verify', files, filesTotal, bytes: 0, bytesTotal: 0, current });
  repository.refresh();
  await checkSmallFiles(repository, damage);
  const listing = await listSnapshots(repository);
  noteLostSnapshots(listing, options.knownSnapshots, damage);
  checkLogs(listing, damage);
  if (depth.kind === 'deep') await checkSnapshotFiles(repository, damage);

  const indexed = await checkIndexRuns(repository, damage, depth.kind === 'deep');
  const suspects = await checkContainers(
    {
      repository,
      damage,
      counts,
      reads: chooser(repository, depth),
      signal,
      onContainer: (done, total, name) => tell(done, total, name),
    },
    indexed,
  );
  let nodes = 0;
  if (depth.kind !== 'quick') {
    // Every pack that no run names is taken in from the start.
    await repository.scannedIndex();
    const trees = new TreeCheck({
      repository,
      suspects,
      damage,
      signal,
      onNode: (path) => tell(nodes, 0, path),
    });
    for (const snapshot of listing.snapshots) {
      await trees.snapshot(snapshot);
      nodes = trees.nodesChecked;
    }
  }
  const found = damage.result();
  return { ok: found.length === 0, checked: { ...counts, nodes, snapshots: listing.snapshots.length }, damage: found };
}

/** Which packs are read whole. A sample is drawn anew each time, so that many small checks see everything. */
function chooser(repository: Repository, depth: VerifyDepth): () => boolean {
  switch (depth.kind) {
    case 'quick':
      return () => false;
    case 'deep':
      return () => true;
    case 'sample': {
      const { random } = repository.context.ports;
      return () => {
        const [high = 0, low = 0] = random.bytes(2);
        return ((high << 8) | low) / 65_536 < depth.percent / 100;
      };
    }
  }
}

/** Files that should hold a snapshot and don't; a snapshot that others name as their parent is known by its id. */
function noteLostSnapshots(
  { snapshots, damaged }: SnapshotListing,
  seen: readonly SnapshotId[],
  damage: DamageList,
): void {
  const known = new Set<string>(snapshots.map(({ id }) => id));
  const parents = snapshots.flatMap(({ record }) => (record.parentId === undefined ? [] : [record.parentId]));
  const lost = [...new Set([...parents, ...seen])].filter((id) => !known.has(id));
  for (const { file, error } of damaged) {
    const kind = file.startsWith(FOLDERS.commits) ? 'commit' : 'snapshot';
    damage.add(file, kind, error.message);
    for (const id of lost) damage.losesSnapshot(file, kind, error.message, id);
  }
  if (damaged.length > 0) return;
  for (const id of lost)
    damage.losesSnapshot(`snapshot ${id}`, 'snapshot', 'A snapshot that was here before is missing.', id);
}

/**
 * Each writer's events follow one another: the log an event names is the one of an event before it, with that event
 * appended. (Two backups of one computer at once may both follow the same event.)
 */
function checkLogs({ snapshots }: SnapshotListing, damage: DamageList): void {
  for (const events of Map.groupBy(snapshots, ({ record }) => record.writerId).values()) {
    const bySequence = Map.groupBy(events, ({ record }) => record.writerSequence);
    for (const { id, record } of events) {
      const message =
        'The event log of this computer does not lead to this snapshot: one before it is missing or another.';
      const before = bySequence.get(record.writerSequence - 1) ?? [];
      const wanted = toHex(logRoot(record.log));
      const follows =
        record.writerSequence === 0
          ? record.log.size === 0
          : before.some((one) => toHex(logRoot(appendEvent(one.record.log, fromHex(one.id)))) === wanted);
      if (!follows) damage.losesSnapshot(`snapshot ${id}`, 'event', message, id);
    }
  }
}

async function checkSnapshotFiles(repository: Repository, damage: DamageList): Promise<void> {
  for (const { name } of await repository.context.store.list(FOLDERS.snapshots)) {
    await noteDamage(repository, damage, name, 'snapshot', async () => {
      await readNamed(repository, name, damage, 'snapshot');
    });
  }
}
