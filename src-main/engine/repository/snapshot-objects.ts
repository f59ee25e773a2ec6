/**
 * Where snapshots lie: in files of their own and in commit files. This file only finds and opens them; what a
 * snapshot says is the snapshot room's business.
 *
 * Readers list snapshots before they load the index: whatever a snapshot refers to was durable before it.
 */
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import { parsePackId } from '../../../src-shared/ids.ts';
import { FILE_TYPE, FRAME_KIND, OBJECT_TYPE, openObjectFile } from '../codec/index.ts';
import { mapBounded } from '../kernel/index.ts';
import { openPack } from '../pack/index.ts';
import type { RepositoryContext } from './context.ts';
import { damageOf } from './damage.ts';
import { FOLDERS, baseName } from './names.ts';

/** A record with a great many sources and problems stays well under this. */
const SNAPSHOT_FILE_BYTES_MAX = 16 * 1024 * 1024;
const READS_AT_ONCE = 8;
/** A snapshot file is named by its snapshot, which cannot be of another size; the size of thousands is not asked for. */
const ANY_SIZE = 0;

export type SnapshotObject = { readonly file: string; readonly bytes: Uint8Array };
export type SnapshotObjects = {
  readonly objects: readonly SnapshotObject[];
  readonly damaged: readonly { readonly file: string; readonly error: CairnError }[];
};

/** The envelope bytes of every snapshot, and the files that could not be read. */
export async function readSnapshotObjects(context: RepositoryContext): Promise<SnapshotObjects> {
  const damaged: { file: string; error: CairnError }[] = [];
  const read = async (file: string, open: () => Promise<readonly Uint8Array[]>): Promise<readonly SnapshotObject[]> => {
    try {
      return (await open()).map((bytes) => ({ file, bytes }));
    } catch (error) {
      const found = await damageOf(context.store, file, error);
      if (found === undefined) throw error;
      // Merged away by another session since it was listed: its snapshot stands in a file of its own now.
      if (!isCairnError(found, 'integrity/missing')) damaged.push({ file, error: found });
      return [];
    }
  };
  const commits = await context.store.list(FOLDERS.commits);
  const { kept } = context;
  const fromCommits = await mapBounded(commits, READS_AT_ONCE, ({ name, sizeBytes }) =>
    read(name, () => kept.snapshots.of(name, sizeBytes, () => readCommitSnapshots(context, name, sizeBytes))),
  );
  // Listed after the commit files: a merge writes here first and removes there last, so nothing slips through.
  const names = await context.store.listNames(FOLDERS.snapshots);
  const fromFiles = await mapBounded(names, READS_AT_ONCE, (name) =>
    read(name, () => kept.snapshots.of(name, ANY_SIZE, () => readSnapshotFile(context, name))),
  );
  kept.snapshots.keepOnly(new Set([...commits.map(({ name }) => name), ...names]));
  return { objects: [...fromFiles.flat(), ...fromCommits.flat()], damaged };
}

async function readSnapshotFile(context: RepositoryContext, name: string): Promise<readonly Uint8Array[]> {
  const bytes = await context.store.read(name, undefined, { sizeBytesMax: SNAPSHOT_FILE_BYTES_MAX });
  const { repositoryIdBytes, secrets } = context;
  const { frames } = openObjectFile(bytes, {
    fileTypes: [FILE_TYPE.snapshot],
    repositoryId: repositoryIdBytes,
    secrets,
  });
  const objects = frames.filter(({ kind }) => kind === FRAME_KIND.object).map(({ plain }) => plain);
  if (objects.length !== 1) throw new CairnError('integrity/malformed', `${name} does not hold exactly one snapshot.`);
  return objects;
}

/** The snapshots in a commit file. */
export async function readCommitSnapshots(
  context: RepositoryContext,
  name: string,
  sizeBytes: number,
): Promise<readonly Uint8Array[]> {
  parsePackId(baseName(name));
  const reader = await openPack({
    read: (range) => context.store.read(name, range),
    sizeBytes,
    repositoryId: context.repositoryIdBytes,
    secrets: context.secrets,
    fileTypes: [FILE_TYPE.commitFile],
  });
  const objects = reader.footer.objects.filter(({ objectType }) => objectType === OBJECT_TYPE.snapshot);
  if (objects.length === 0) throw new CairnError('integrity/malformed', `${name} does not hold a snapshot.`);
  // All of them are held at once.
  const bytes = objects.reduce((sum, { plainLength }) => sum + plainLength, 0);
  if (bytes > SNAPSHOT_FILE_BYTES_MAX)
    throw new CairnError('limit/exceeded', `${name} holds snapshots of ${bytes} bytes.`);
  return Promise.all(objects.map((object) => reader.readObject(object)));
}
