/**
 * The port between the local store and a filesystem: the few calls the store makes, and nothing that would let it
 * update a file in place. Errors are those of node:fs, with the errno in `code`.
 *
 * Every fsync names its reason, so that a test can take each one away and show that a crash then loses something.
 */

/** Why a handle is fsynced. */
export type ContentSyncReason = 'file-content';
/** Why a folder is fsynced. */
export type FolderSyncReason =
  /** A finished file got its name in this folder. */
  | 'folder-after-rename'
  /** A folder was made, or first met, in this folder. */
  | 'new-ancestor'
  /** A file was moved into this folder. */
  | 'folder-after-move-target'
  /** A file was moved out of this folder. */
  | 'folder-after-move-source'
  /** Files in this folder were deleted. */
  | 'folder-after-remove';
export type SyncReason = ContentSyncReason | FolderSyncReason;

/** 'other' is whatever a repository doesn't hold: links, devices, sockets. */
export type EntryKind = 'file' | 'folder' | 'other';

export type FolderItem = { readonly name: string; readonly kind: EntryKind };

export type FileStat = {
  readonly kind: EntryKind;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
  /** The filesystem it is on: tells a drive from the empty folder it is mounted on. */
  readonly device: number;
};

export type WriteHandle = {
  /** Writes at the end; returns how many bytes were taken, which may be fewer than given. */
  write(bytes: Uint8Array): Promise<number>;
  sync(reason: ContentSyncReason): Promise<void>;
  sizeBytes(): Promise<number>;
  close(): Promise<void>;
};

export type ReadHandle = {
  /** Fills `target` from a byte offset; returns how many bytes were read, 0 at the end. */
  read(target: Uint8Array, offset: number): Promise<number>;
  sizeBytes(): Promise<number>;
  close(): Promise<void>;
};

/** A folder that is held open. Close it soon: a drive whose folder is held can't be ejected. */
export type HeldFolder = {
  /** Leads into this very folder, also when another is mounted over its name, or it is unmounted, meanwhile. */
  readonly path: string;
  readonly stat: FileStat;
  close(): Promise<void>;
};

/** Paths are absolute. No call but statRoot follows a symbolic link in the last place. */
export type FileSystem = {
  /** Makes a new file, readable by its owner only; EEXIST when anything has that name, a dangling link included. */
  openWrite(path: string): Promise<WriteHandle>;
  /** Opens a plain file; ELOOP for a link, EISDIR for a folder, EFTYPE for a device or pipe (never waits on one). */
  openRead(path: string): Promise<ReadHandle>;
  /** Replaces a file of that name. */
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** One level, accessible to its owner only. */
  mkdir(path: string): Promise<void>;
  rmdir(path: string): Promise<void>;
  syncFolder(path: string, reason: FolderSyncReason): Promise<void>;
  readFolder(path: string): Promise<FolderItem[]>;
  stat(path: string): Promise<FileStat>;
  /** Follows links: people may reach the root of a repository through one. */
  statRoot(path: string): Promise<FileStat>;
  /** Follows links too. Where a system can't hold a folder, the path of the answer is the path that was asked for. */
  holdRoot(path: string): Promise<HeldFolder>;
};

/** The errno of a filesystem error ('ENOSPC'), undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const code = error.code;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}
