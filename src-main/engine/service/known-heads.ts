/**
 * What this computer has seen of a repository: the newest event of each writer. A storage that gives back an older,
 * valid state, or loses its newest snapshot, can't do so unseen. Local state, deletable: then the next look starts anew.
 *
 * Each head is an empty file whose name says it all. Processes that remember at the same time only ever add theirs and
 * take away lower ones, so the highest stays whoever comes last, without a lock, and nothing can be torn.
 */
import { open, readdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { type SnapshotId, parseSnapshotId } from '../../../src-shared/ids.ts';
import type { Snapshot } from '../snapshot/index.ts';
import { localErrno, makeLocalFolder, syncFolder } from './local-file.ts';

export type KnownHead = { readonly writerId: string; readonly sequence: number; readonly snapshotId: SnapshotId };

const HEAD = /^([0-9a-f]{32})\.(\d{1,16})\.([0-9a-f]{64})$/;
/** A repository has a few writers; this bounds what a broken home costs. */
const HEADS_MAX = 65_536;

const folderOf = (home: string, instanceId: string): string => path.join(home, 'known', instanceId);
const nameOf = ({ writerId, sequence, snapshotId }: KnownHead): string => `${writerId}.${sequence}.${snapshotId}`;

/**
 * The newest event of each writer seen in this copy of the repository (two where a writer's log was seen to fork);
 * empty where none are known or the folder can't be read.
 */
export async function loadKnownHeads(home: string, instanceId: string): Promise<readonly KnownHead[]> {
  return newestOf(await readHeads(home, instanceId));
}

async function readHeads(home: string, instanceId: string): Promise<readonly KnownHead[]> {
  // Opened without its marker: nobody can say which copy this is, and two such must not be taken for one.
  if (instanceId === '') return [];
  // A cache of our own: absent or unreadable, it says nothing.
  const names = await readdir(folderOf(home, instanceId)).catch(() => []);
  const heads: KnownHead[] = [];
  for (const name of names.slice(0, HEADS_MAX)) {
    const match = HEAD.exec(name);
    if (match === null) continue;
    const [, writerId = '', sequence = '', snapshotId = ''] = match;
    if (Number.isSafeInteger(Number(sequence)))
      heads.push({ writerId, sequence: Number(sequence), snapshotId: parseSnapshotId(snapshotId) });
  }
  return heads;
}

function newestOf(heads: readonly KnownHead[]): readonly KnownHead[] {
  const highest = new Map<string, number>();
  for (const { writerId, sequence } of heads)
    highest.set(writerId, Math.max(sequence, highest.get(writerId) ?? sequence));
  return heads.filter(({ writerId, sequence }) => highest.get(writerId) === sequence);
}

/**
 * Remembers the newest event of each writer; never goes back. Failing to is not worth failing a backup.
 * Throws the system's errors.
 */
export async function rememberHeads(home: string, instanceId: string, snapshots: readonly Snapshot[]): Promise<void> {
  if (instanceId === '') return;
  const known = await readHeads(home, instanceId);
  const seen = snapshots.map(({ id, record }): KnownHead => ({
    writerId: record.writerId,
    sequence: record.writerSequence,
    snapshotId: id,
  }));
  const newest = new Map(newestOf([...known, ...seen]).map((head) => [nameOf(head), head]));
  const knownNames = new Set(known.map(nameOf));
  const added = [...newest.keys()].filter((name) => !knownNames.has(name));
  if (added.length === 0) return;
  const folder = folderOf(home, instanceId);
  await makeLocalFolder(folder);
  for (const name of added) await (await open(path.join(folder, name), 'a', 0o600)).close();
  await syncFolder(folder);
  for (const name of knownNames) if (!newest.has(name)) await removeIfThere(path.join(folder, name));
}

async function removeIfThere(file: string): Promise<void> {
  await unlink(file).catch((error: unknown) => {
    if (localErrno(error) !== 'ENOENT') throw error;
  });
}
