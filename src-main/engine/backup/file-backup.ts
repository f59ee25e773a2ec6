/**
 * Files that are looked at one by one: taken over from the parent snapshot, or large, or in some way unusual.
 *
 * Content is taken over only where size and time are equal, the time is not within RACY_WINDOW_MS of the previous
 * reading, the previous reading was consistent, and every chunk is still in the repository.
 */
import { type Problem, isIntegrityError, CairnError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import { BLOB_TYPE } from '../codec/index.ts';
import {
  ENTRY_FIELD,
  type Entry,
  type EntryMetadata,
  FILE_FLAG,
  type FileEntry,
  NODE_TYPE_NUMBER,
  type PageRecordCursor,
  attributeFields,
  compareEntries,
  encodeOwnerNames,
  iterateChunks,
} from '../merkle/index.ts';
import type { Repository, WriteSession } from '../repository/index.ts';
import {
  type AttributeAccess,
  type AttributeReader,
  type FileStat,
  type Listing,
  type OwnerNames,
  statPath,
} from '../source/index.ts';
import type { Counters } from './counters.ts';
import { fileFlagsOf, isSparse, metadataOf } from './entries.ts';
import type { FileStorer } from './store-file.ts';

/** A file written again within the same two seconds may have an equal time (FAT keeps even seconds). */
const RACY_WINDOW_MS = 2000;
/** No clock is wrong by so much, and the file's time is. */
const FAR_FUTURE_MS = 86_400_000;
/** Fields that a record may have and still be taken over as it stands. */
const PLAIN_FIELDS = ENTRY_FIELD.ownerNames | ENTRY_FIELD.xattrs | ENTRY_FIELD.fileFlags;

export type FileBackupOptions = {
  readonly repository: Repository;
  readonly session: WriteSession;
  readonly storer: FileStorer;
  readonly owners: OwnerNames;
  readonly attributes: AttributeReader;
  readonly counters: Counters;
  readonly problems: Problem[];
  readonly reread: boolean;
  /** When the parent's reading began, in ms since 1970; times after it (less the window) are not trusted. */
  readonly previousReadMs: number | undefined;
};

/** An entry of the walk, as a lister saw it. */
export type Seen = {
  readonly name: Uint8Array;
  readonly stat: FileStat;
  /** For system calls, and for people. */
  readonly access: Buffer;
  readonly attributesOf: AttributeAccess;
  readonly path: Buffer;
  readonly linkGroup: number | undefined;
};

/**
 * Whether the content that the parent snapshot has may be taken over for a file with this size and these times. A new
 * ctime alone is reason enough to read it: tools set back the mtime of what they write, and nobody can set a ctime.
 */
export function isUnmodified(
  options: FileBackupOptions,
  before: FileEntry,
  now: Pick<FileStat, 'size' | 'mtimeNs' | 'ctimeNs'>,
): boolean | Promise<boolean> {
  const { reread, session } = options;
  if (reread || before.size !== now.size || before.mtimeNs !== now.mtimeNs) return false;
  if (((before.fileFlags ?? 0) & FILE_FLAG.inconsistent) !== 0) return false;
  if (!isOldTime(options, now) || !isLongAgo(options, now.ctimeNs)) return false;
  if (before.content.kind === 'pages') return hasAllChunks(options, before);
  for (const { id } of before.content.chunks) if (!session.has(id)) return false;
  return true;
}

/**
 * Whether a row is, in every respect, what a record of the parent snapshot says, so that nothing need be made of it:
 * the common case of a backup, answered without an object. False only means that a closer look is needed.
 */
export function isUntouchedFile(
  options: FileBackupOptions,
  listing: Listing,
  row: number,
  record: PageRecordCursor,
): boolean {
  const { previousReadMs, owners, session } = options;
  if (record.nodeType !== NODE_TYPE_NUMBER.file || listing.nodeType(row) !== 'file') return false;
  const [low, high] = [listing.mtimeLow(row), listing.mtimeHigh(row)];
  const [uid, gid] = [listing.uid(row), listing.gid(row)];
  if (!record.matches(listing.mode(row), uid, gid, low, high, listing.size(row))) return false;
  if (options.reread || previousReadMs === undefined) return false;
  const longAgoMs = previousReadMs - RACY_WINDOW_MS;
  const mtimeMs = listing.mtimeMs(row);
  if (listing.ctimeMs(row) >= longAgoMs) return false;
  if (mtimeMs >= longAgoMs && mtimeMs < previousReadMs + FAR_FUTURE_MS) return false;
  const flags = listing.isSparse(row) ? FILE_FLAG.sparse : 0;
  if (record.fileFlags !== flags || record.linkGroup !== -1 || listing.linkCount(row) > 1) return false;
  if ((record.mask & ~PLAIN_FIELDS) !== 0) return false;
  if (!record.hasOwnerNames(encodeOwnerNames(owners.user(uid), owners.group(gid)))) return false;
  for (let chunk = 0; chunk < record.chunkCount; chunk++) if (!session.has(record.chunkId(chunk))) return false;
  return record.chunkCount >= 0;
}

/** Whether a time lies so far before the previous backup that whatever it stands for was seen by it. */
export function isLongAgo({ previousReadMs }: FileBackupOptions, timeNs: bigint): boolean {
  return previousReadMs !== undefined && timeNs <= BigInt(previousReadMs - RACY_WINDOW_MS) * 1_000_000n;
}

/**
 * Whether an unchanged mtime shows that the content is what the previous backup read. A time that somebody set far into
 * the future will never be old; there ctime, which nobody can set, has to say that the file was not touched since.
 */
function isOldTime(options: FileBackupOptions, { mtimeNs, ctimeNs }: Pick<FileStat, 'mtimeNs' | 'ctimeNs'>): boolean {
  const { previousReadMs } = options;
  if (previousReadMs === undefined) return false;
  const isFarFuture = mtimeNs >= BigInt(previousReadMs + FAR_FUTURE_MS) * 1_000_000n;
  return isLongAgo(options, isFarFuture ? ctimeNs : mtimeNs);
}

async function hasAllChunks({ session, repository }: FileBackupOptions, before: FileEntry): Promise<boolean> {
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

/**
 * Everything of an entry but its content. Attributes are read again only where ctime says that something about the
 * entry may have changed since the previous backup: no program can set a ctime.
 */
export function describeEntry(options: FileBackupOptions, seen: Seen, before: Entry | undefined): EntryMetadata {
  const { owners, session, attributes, problems } = options;
  const { stat, linkGroup } = seen;
  const metadata = {
    ...metadataOf(stat, seen.name, owners),
    ...(linkGroup === undefined ? {} : { linkGroup }),
  };
  if (
    before !== undefined &&
    before.nodeType === stat.nodeType &&
    !options.reread &&
    isLongAgo(options, stat.ctimeNs)
  ) {
    const { xattrs, xattrBlob } = before;
    if (xattrBlob === undefined) return xattrs === undefined ? metadata : { ...metadata, xattrs };
    if (session.has(xattrBlob.id)) return { ...metadata, xattrBlob };
  }
  const read = attributes.read(seen.attributesOf, seen.path, stat.device);
  if ('failed' in read) {
    if (read.failed.code !== 'ENOENT') problems.push(read.failed);
    return metadata;
  }
  const store = (plain: Uint8Array, plainHash: Uint8Array): ReturnType<WriteSession['add']> =>
    session.add(BLOB_TYPE.attributes, plain, plainHash);
  return { ...metadata, ...attributeFields(read, store) };
}

/** The entry of a file whose content is taken over. Gives `before` itself where nothing at all is different. */
export function takeOver(options: FileBackupOptions, seen: Seen, before: FileEntry): FileEntry {
  const { size, contentHash, content, dictionary, extension } = before;
  const entry: FileEntry = {
    ...describeEntry(options, seen, before),
    nodeType: 'file',
    size,
    contentHash,
    content,
    ...fileFlagsOf(isSparse(seen.stat), false),
    ...(dictionary === undefined ? {} : { dictionary }),
    ...(extension === undefined ? {} : { extension }),
  };
  const isEqual = compareEntries(before, entry) === 'equal' && before.linkGroup === entry.linkGroup;
  options.counters.unmodified(size, !isEqual);
  return isEqual ? before : entry;
}

/** Reads and stores one file with patience. Undefined where it is gone. */
export async function storeFile(
  options: FileBackupOptions,
  seen: Seen,
  before: FileEntry | undefined,
): Promise<FileEntry | undefined | { readonly failed: Problem }> {
  const { counters, storer, problems } = options;
  const statAgain = (): FileStat | undefined => {
    const now = statPath(seen.access);
    return now === undefined || 'failed' in now || now.nodeType !== 'file' ? undefined : now;
  };
  const result = await storer.store({ access: seen.access, path: seen.path, stat: seen.stat, statAgain });
  if (result.kind === 'vanished') return undefined;
  if (result.kind === 'failed') return { failed: result.problem };
  const { stat, contentHash, content, isInconsistent } = result.file;
  if (isInconsistent) {
    problems.push({
      path: escapePath(seen.path),
      code: 'changed-while-read',
      message: 'this file changed while it was read; it is stored as it was last seen',
    });
  }
  const metadata = describeEntry(options, { ...seen, stat }, before);
  const flags = fileFlagsOf(isSparse(stat), isInconsistent);
  const entry: FileEntry = { ...metadata, nodeType: 'file', size: stat.size, contentHash, content, ...flags };
  const change = before === undefined ? 'new' : compareEntries(before, entry);
  // Read again for safety and found to be the same: nobody changed it.
  if (change === 'equal' || change === 'metadata') counters.unmodified(stat.size, change === 'metadata');
  else counters.stored(stat.size, change === 'new');
  return entry;
}
