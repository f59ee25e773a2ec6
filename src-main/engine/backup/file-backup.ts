/**
 * One file of the walk: its content is taken over from the parent snapshot, or read and stored.
 *
 * Content is taken over only where size and time are equal, the time is not within RACY_WINDOW_NS of the previous
 * reading, the previous reading was consistent, and every chunk is still in the repository.
 */
import { type Problem, isIntegrityError, CairnError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import { type Entry, FILE_FLAG, type FileEntry, compareEntries, iterateChunks } from '../merkle/index.ts';
import type { Repository, WriteSession } from '../repository/index.ts';
import { type FileStat, type OwnerNames, type SourceEntry, statPath } from '../source/index.ts';
import type { Counters } from './counters.ts';
import { metadataOf } from './entries.ts';
import type { Ingest } from './ingest.ts';

/** A file written again within the same two seconds may have an equal time (FAT keeps even seconds). */
const RACY_WINDOW_NS = 2_000_000_000n;

export type FileBackupOptions = {
  readonly repository: Repository;
  readonly session: WriteSession;
  readonly ingest: Ingest;
  readonly owners: OwnerNames;
  readonly counters: Counters;
  readonly problems: Problem[];
  readonly reread: boolean;
  /** When the parent's reading began, in ns since 1970; times after it (less the window) are not trusted. */
  readonly previousReadNs: bigint | undefined;
};

/** Stores one file, or takes its content over from the parent. Undefined where it is gone. */
export async function backUpFile(
  options: FileBackupOptions,
  listed: SourceEntry,
  previous: Entry | undefined,
  place: { readonly access: Buffer; readonly path: Buffer },
): Promise<FileEntry | undefined | { readonly failed: Problem }> {
  const { counters, ingest, problems, owners } = options;
  const before = previous?.nodeType === 'file' ? previous : undefined;
  if (before !== undefined && (await isUnmodified(options, before, listed.stat))) {
    const { size, contentHash, content } = before;
    const metadata = metadataOf(listed.stat, listed.name, owners);
    const entry: FileEntry = { ...metadata, nodeType: 'file', size, contentHash, content };
    counters.unmodified(listed.stat.size, compareEntries(before, entry) !== 'equal');
    return entry;
  }
  const statAgain = (): FileStat | undefined => {
    const now = statPath(place.access);
    return now === undefined || 'failed' in now || now.nodeType !== 'file' ? undefined : now;
  };
  const result = await ingest.store({ ...place, stat: listed.stat, statAgain });
  if (result.kind === 'vanished') return undefined;
  if (result.kind === 'failed') return { failed: result.problem };
  const { stat, contentHash, content, isInconsistent } = result.file;
  if (isInconsistent) {
    problems.push({
      path: escapePath(place.path),
      code: 'changed-while-read',
      message: 'this file changed while it was read; it is stored as it was last seen',
    });
  }
  const metadata = metadataOf(stat, listed.name, owners);
  const flags = isInconsistent ? { fileFlags: FILE_FLAG.inconsistent } : {};
  const entry: FileEntry = { ...metadata, nodeType: 'file', size: stat.size, contentHash, content, ...flags };
  const change = before === undefined ? 'new' : compareEntries(before, entry);
  // Read again for safety and found to be the same: nobody changed it.
  if (change === 'equal' || change === 'metadata') counters.unmodified(stat.size, change === 'metadata');
  else counters.stored(stat.size, change === 'new');
  return entry;
}

async function isUnmodified(options: FileBackupOptions, before: FileEntry, stat: FileStat): Promise<boolean> {
  const { reread, previousReadNs, session, repository } = options;
  if (reread || before.size !== stat.size || before.mtimeNs !== stat.mtimeNs) return false;
  if (((before.fileFlags ?? 0) & FILE_FLAG.inconsistent) !== 0) return false;
  if (previousReadNs === undefined || stat.mtimeNs > previousReadNs - RACY_WINDOW_NS) return false;
  if (before.content.kind === 'inline') return before.content.chunks.every(({ id }) => session.has(id));
  const chunks = iterateChunks((page, type) => {
    if (!session.has(page)) throw new CairnError('integrity/missing', 'A page is not in the repository any more.');
    return repository.readBlob(page, type);
  }, before.content);
  try {
    for await (const { id } of chunks) if (!session.has(id)) return false;
    return true;
  } catch (error) {
    if (isIntegrityError(error)) return false;
    throw error;
  }
}
