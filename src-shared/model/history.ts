/** What is known over all snapshots: entries that were found, the versions of one path, and what differs between two states. */
import type { EntryType } from './tree.ts';

export type SearchHit = {
  /** In the snapshots, as in SNAP:PATH. */
  readonly path: string;
  readonly name: string;
  readonly type: EntryType;
  /** Of the newest version. */
  readonly size: number;
  readonly mtime: string;
  readonly firstSnapshotId: string;
  /** The newest that has it: where it is opened and restored from. */
  readonly lastSnapshotId: string;
  readonly firstTime: string;
  readonly lastTime: string;
  readonly isInLatest: boolean;
};

/** `indexing`: the catalog is being built, and what is found is not all there is. `unavailable`: there is none. */
export type SearchState = 'ready' | 'indexing' | 'unavailable';

export type SearchPage = {
  readonly hits: readonly SearchHit[];
  readonly total: number;
  /** False: at least so many. */
  readonly totalIsExact: boolean;
  readonly state: SearchState;
};

/** One content of a path, from the first snapshot that holds it to the last before it changed. */
export type PathVersion = {
  /** The newest snapshot that has it. */
  readonly snapshotId: string;
  readonly firstTime: string;
  readonly lastTime: string;
  readonly size: number;
  readonly mtime: string;
  readonly contentHash: string | null;
  /** In the newest snapshot of all. */
  readonly isCurrent: boolean;
};

/** `metadata`: the content is the same; times, mode or owner are not. */
export type ChangeKind = 'added' | 'removed' | 'changed' | 'metadata';

export type Change = {
  readonly path: string;
  readonly change: ChangeKind;
  readonly type: EntryType;
  /** Null where it is not there, and of everything but files. */
  readonly sizeBefore: number | null;
  readonly sizeAfter: number | null;
};

/** Below the folder that was asked for, in the order of their paths. */
export type ComparisonPage = {
  readonly entries: readonly Change[];
  /** Of all, whichever kinds were asked for. */
  readonly totals: Readonly<Record<ChangeKind, number>>;
  /** A folder could not be read, and what differs in it is not here. */
  readonly incomplete: boolean;
};

/** A line without its end. Numbers count from 1. */
export type DiffLine = { readonly kind: 'same' | 'removed' | 'added'; readonly text: string };

/** A stretch of changed lines with a few equal ones around it. */
export type DiffHunk = {
  readonly beforeLine: number;
  readonly afterLine: number;
  readonly lines: readonly DiffLine[];
};

/** Hostile content as text. `none`: it is in neither state, or no file. */
export type TextComparison =
  | { readonly kind: 'text'; readonly hunks: readonly DiffHunk[]; readonly truncated: boolean }
  | { readonly kind: 'binary' }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'none' };
