/**
 * What the backup and its lanes say to each other. Plain data for structured clone; large arrays are transferred.
 *
 * A lane is a thread with two services, both without memory of what was asked before: `list` opens folders and lists
 * them, `read` reads and hashes small files. Descriptors are the process's, so a folder that a lane opened is used and
 * closed by the backup.
 */
import type { Problem } from '../../../src-shared/errors.ts';
import type { FileStat, FolderHandle, ListingData } from '../source/index.ts';
import type { ReadRequest, ReadResult } from './read-files.ts';

export type LaneSetup = { readonly idKey: Uint8Array };

export type ListRequest = {
  readonly id: number;
  readonly parent: FolderHandle;
  readonly name: Uint8Array;
  readonly expected: FileStat;
};

export type ListReply = { readonly id: number } & (
  { readonly folder: FolderHandle; readonly data: ListingData } | { readonly failed: Problem }
);

export type ToLane =
  | { readonly kind: 'list'; readonly requests: readonly ListRequest[] }
  | { readonly kind: 'read'; readonly id: number; readonly request: ReadRequest }
  | { readonly kind: 'stop' };

export type FromLane =
  | { readonly kind: 'listed'; readonly replies: readonly ListReply[] }
  | { readonly kind: 'read'; readonly id: number; readonly result: ReadResult };
