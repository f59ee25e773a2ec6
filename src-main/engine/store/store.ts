/**
 * A store is a place for files with names and bytes, and six methods. Everything above it (packs, commits, keys,
 * reclaim) is written once, against this type; a local folder, memory and later SFTP or S3 stand below it.
 *
 * Promises every store keeps:
 * - a file is whole or absent: it appears under its name only when all of it is written (and durable);
 * - a failure is never an absence: `undefined` and `[]` are answers, an error is thrown;
 * - a write that failed leaves what stood under the name before.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { folderOf } from './names.ts';

export type StoreEntry = { readonly name: string; readonly sizeBytes: number };

/** In bytes, inside one file. */
export type ByteRange = { readonly offset: number; readonly length: number };

/** Most bytes one read hands out unless the caller allows more: sizes come from bytes that may be hostile. */
export const READ_BYTES_MAX = 256 * 1024 * 1024;

export type ReadOptions = {
  /** Largest answer in bytes; a larger file or range is limit/exceeded. Default READ_BYTES_MAX. */
  readonly sizeBytesMax?: number;
};

export type FinishOptions = {
  /** BLAKE3-256 of all bytes: when given, the finished file is read again and compared before it gets its name. */
  readonly hash?: Uint8Array;
  /** Default true. False skips every fsync: for leases, which mean nothing after a power cut. */
  readonly durable?: boolean;
};

/** One file being written, under a temporary name. Calls must not overlap. */
export type StoreWriter = {
  /** Adds bytes at the end; they may be reused once it returned. After a failure the temporary file is gone. */
  append(bytes: Uint8Array): Promise<void>;
  /** Bytes appended so far. */
  readonly sizeBytes: number;
  /**
   * Length check → fsync → re-read and compare (when `hash` is given) → rename to `name` → fsync folder. Replaces a
   * file of that name. When the very last step fails, the new file may already stand under the name, undurable.
   */
  finish(name: string, options?: FinishOptions): Promise<void>;
  /** Throws the temporary file away, as far as that is possible. Never throws; harmless after finish. */
  abort(): Promise<void>;
};

export type RemoveOptions = {
  /** Default true. False skips the fsync: for leases, which may come back after a power cut and are stale then. */
  readonly durable?: boolean;
};

/**
 * The clock that dates the files of a destination: that of a server, or of this computer where the drive is its own.
 * Its times are compared with each other only, never with another clock.
 */
export type StoreClock = {
  /** The time a file gets that is written now, in milliseconds. */
  nowMs(): Promise<number>;
  /** When a file was written last, in milliseconds; undefined where it is absent. */
  modifiedAtMs(name: string): Promise<number | undefined>;
};

/** Looks at the very place in which something is about to be made, and throws where it is the wrong one. */
export type PlaceCheck = (place: Pick<Store, 'read'>) => Promise<void>;

export type Store = {
  /** Where it is, for messages. */
  readonly description: string;
  /** Absent where the destination keeps no times. */
  readonly clock?: StoreClock;
  /** With what the names of all temporary files of this object begin, after “tmp-”; absent where it makes none. */
  readonly temporaryTag?: string;
  /** Removes the temporary files whose names have one of these tags: of sessions that are known to be dead. */
  removeTemporaryOf?(tags: ReadonlySet<string>): Promise<void>;
  /** Starts a file in a folder ('' is the root folder); folders are made as needed, after `check` has passed. */
  create(folder: string, check?: PlaceCheck): Promise<StoreWriter>;
  /** All bytes of a file, or of a range. Absent: integrity/missing. Shorter than the range: integrity/damaged. */
  read(name: string, range?: ByteRange, options?: ReadOptions): Promise<Uint8Array>;
  /** Undefined only where the file is proven absent. */
  stat(name: string): Promise<{ readonly sizeBytes: number } | undefined>;
  /** The files directly in a folder, sorted by name, without temporary files. [] for an empty or proven absent folder. */
  list(folder: string): Promise<StoreEntry[]>;
  /** The names alone of what `list` gives: sizes may cost a look at each file. */
  listNames(folder: string): Promise<readonly string[]>;
  /** The names of the folders directly in a folder. Absent where a destination has no folders; then list all there may be. */
  listFolders?(folder: string): Promise<readonly string[]>;
  /** Renames durably; replaces a file of that name. Absent: integrity/missing. */
  move(from: string, to: string): Promise<void>;
  /** Deletes, durably unless told otherwise; a name that is absent already is fine. */
  remove(names: readonly string[], options?: RemoveOptions): Promise<void>;
};

/** Writes a small file in one call; the same promises as StoreWriter.finish. */
export async function writeWhole(
  store: Store,
  name: string,
  bytes: Uint8Array,
  options?: FinishOptions,
): Promise<void> {
  const writer = await store.create(folderOf(name));
  try {
    await writer.append(bytes);
    await writer.finish(name, options);
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** Throws limit/exceeded where a read would hand out more than allowed. */
export function checkReadSize(name: string, sizeBytes: number, options: ReadOptions | undefined): void {
  const sizeBytesMax = options?.sizeBytesMax ?? READ_BYTES_MAX;
  if (sizeBytes > sizeBytesMax) {
    throw new CairnError(
      'limit/exceeded',
      `reading ${sizeBytes} bytes of “${name}”; at most ${sizeBytesMax} are allowed`,
    );
  }
}

export function missingError(name: string, description: string, cause?: unknown): CairnError {
  return new CairnError('integrity/missing', `“${name}” is missing in ${description}`, { context: { name }, cause });
}

export function shortError(name: string, description: string, range: ByteRange): CairnError {
  return new CairnError(
    'integrity/damaged',
    `“${name}” in ${description} ends before byte ${range.offset + range.length}`,
    { context: { name, offset: range.offset, length: range.length } },
  );
}
