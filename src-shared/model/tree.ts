/** What a person sees of the stored trees: entries, differences, versions. Paths are escaped text (src-shared/format). */

export type EntryType = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'device';

/** One row of `cairn ls`. `mtime` is RFC 3339 in UTC, `size` in bytes, `contentHash` hex BLAKE3 of a whole file. */
export type ListedEntry = {
  readonly path: string;
  readonly type: EntryType;
  readonly size: number;
  readonly mtime: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly target?: string;
  readonly contentHash?: string;
};

/** Paths that differ. `metadata` lists entries whose content is the same and whose times, modes or owners are not. */
export type TreeDiff = {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
  readonly metadata: readonly string[];
};

/** A stored folder that can't be read whole: what is missing of it is missing from a result, too. Damage, exit 13. */
export type UnreadableFolder = {
  /** Escaped text; empty for everything. */
  readonly path: string;
  /** The first snapshot in which it was met; others may share it. */
  readonly snapshot: string;
  readonly code: string;
  readonly message: string;
};

/** One content of a path, and the first and last snapshot that hold it. */
export type FileVersion = {
  readonly path: string;
  readonly size: number;
  readonly mtime: string;
  readonly contentHash: string;
  readonly firstSnapshot: string;
  readonly lastSnapshot: string;
};
