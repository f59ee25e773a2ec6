/**
 * What this computer has seen of a repository: the newest event of each writer. A storage that gives back an older,
 * valid state, or loses its newest snapshot, can't do so unseen. Local state, deletable: then the next look starts anew.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type SnapshotId, parseSnapshotId } from '../../../src-shared/ids.ts';
import { RecordReader } from '../kernel/index.ts';
import type { Snapshot } from '../snapshot/index.ts';
import { writeLocalFile } from './local-file.ts';

/** One snapshot per writer: the one with its highest sequence. */
export type KnownHeads = ReadonlyMap<string, { readonly sequence: number; readonly snapshotId: SnapshotId }>;

const FILE_VERSION = 1;

function fileOf(home: string, instanceId: string): string {
  return path.join(home, 'known', `${instanceId}.json`);
}

/** The newest events seen in this copy of the repository; empty where none are known or the file can't be used. */
export async function loadKnownHeads(home: string, instanceId: string): Promise<KnownHeads> {
  // Opened without its marker: nobody can say which copy this is, and two such must not be taken for one.
  if (instanceId === '') return new Map();
  try {
    const fields = new RecordReader(
      JSON.parse(await readFile(fileOf(home, instanceId), 'utf8')),
      'record of known snapshots',
    );
    if (fields.count('version') !== FILE_VERSION) return new Map();
    return new Map(
      fields.list('heads', (item) => {
        const head = new RecordReader(item, 'known snapshot');
        return [
          head.text('writerId'),
          { sequence: head.count('sequence'), snapshotId: parseSnapshotId(head.text('snapshotId')) },
        ] as const;
      }),
    );
  } catch {
    // A cache of our own: absent or damaged, it says nothing.
    return new Map();
  }
}

/** Remembers the newest event of each writer; never goes back. Failing to write it is not worth failing a backup. */
export async function rememberHeads(home: string, instanceId: string, snapshots: readonly Snapshot[]): Promise<void> {
  if (instanceId === '') return;
  const heads = new Map(await loadKnownHeads(home, instanceId));
  let changed = false;
  for (const { id, record } of snapshots) {
    const known = heads.get(record.writerId);
    if (known !== undefined && known.sequence >= record.writerSequence) continue;
    heads.set(record.writerId, { sequence: record.writerSequence, snapshotId: id });
    changed = true;
  }
  if (!changed) return;
  await writeLocalFile(fileOf(home, instanceId), {
    version: FILE_VERSION,
    heads: [...heads].map(([writerId, head]) => ({ writerId, ...head })),
  });
}
