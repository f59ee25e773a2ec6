/**
 * What the backup and its lanes say to each other. Plain data for structured clone; large arrays are transferred, and what
 * files hold lies in memory that all of them share: a megabyte that changes its owner is a megabyte for the collector of
 * garbage, which took a quarter of a backup's time that way.
 *
 * A lane is a thread with three services: `list` opens folders and lists them, `read` reads and hashes small files, `cut`
 * a large one (lane-cuts.ts). Descriptors are the process's, so a folder that a lane opened is used and
 * closed by the backup.
 */
import type { Problem } from '../../../src-shared/errors.ts';
import type { FolderHandle, ListingData, ListedAs } from '../source/index.ts';
import type { FromCuts, ToCuts } from './lane-cuts.ts';
import type { ReadRequest } from './read-files.ts';
import type { ReadBuffers } from './read-results.ts';

export type LaneSetup = {
  readonly idKey: Uint8Array;
  readonly chunkKey: Uint8Array;
  /** Memory of both sides, into which contents are read. A slot belongs to the lane from the request to its answer. */
  readonly slots: readonly SharedArrayBuffer[];
};

export type ListRequest = {
  readonly id: number;
  readonly parent: FolderHandle;
  readonly name: Uint8Array;
  readonly expected: ListedAs;
};

export type ListReply = { readonly id: number } & (
  { readonly folder: FolderHandle; readonly data: ListingData } | { readonly failed: Problem }
);

export type ToLane =
  | { readonly kind: 'list'; readonly requests: readonly ListRequest[] }
  | { readonly kind: 'read'; readonly id: number; readonly slot: number; readonly request: ReadRequest }
  | ToCuts
  | { readonly kind: 'stop' };

export type FromLane =
  | { readonly kind: 'listed'; readonly replies: readonly ListReply[] }
  | { readonly kind: 'read'; readonly id: number; readonly result: ReadBuffers }
  | FromCuts;
