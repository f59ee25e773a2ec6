/**
 * What the backup and its workers say to each other. Plain data for structured clone; large bytes are transferred.
 *
 * A batch of small files takes two steps: the worker reads and hashes (`hashed`), the backup says which contents are
 * new (`keep`), the worker compresses those (`segment`, whenever one is full). Chunks of large files come read, cut and
 * known to be new, and are only compressed. `flush` empties the worker's last segment and is answered by `flushed`.
 */
import type { Problem } from '../../../src-shared/errors.ts';
import type { BlobType, Compression, CompressionSpec } from '../codec/index.ts';
import type { FileStat } from '../source/index.ts';

export type WorkerSetup = { readonly idKey: Uint8Array; readonly compression: CompressionSpec };

export type FileToRead = { readonly access: Uint8Array; readonly path: Uint8Array; readonly stat: FileStat };

export type ToWorker =
  | { readonly kind: 'files'; readonly batch: number; readonly files: readonly FileToRead[] }
  | { readonly kind: 'keep'; readonly batch: number; readonly isNew: Uint8Array }
  | { readonly kind: 'chunk'; readonly id: Uint8Array; readonly bytes: Uint8Array }
  | { readonly kind: 'flush' };

/** `again`: it changed or was replaced while it was read; the backup tries itself, with patience. */
export type ReadFile =
  | { readonly kind: 'read'; readonly stat: FileStat; readonly contentHash: Uint8Array; readonly id: Uint8Array }
  | { readonly kind: 'again' }
  | { readonly kind: 'vanished' }
  | { readonly kind: 'failed'; readonly problem: Problem };

/** A pending segment whose payload was verified; blobs all of one type, ids end to end. */
export type SegmentMessage = {
  readonly compression: Compression;
  readonly plainLength: number;
  readonly payload: Uint8Array;
  readonly payloadHash: Uint8Array;
  readonly type: BlobType;
  readonly ids: Uint8Array;
  readonly lengths: Uint32Array;
};

export type FromWorker =
  | { readonly kind: 'hashed'; readonly batch: number; readonly files: readonly ReadFile[] }
  | { readonly kind: 'segment'; readonly segment: SegmentMessage }
  /** Bytes of plaintext that a finished `keep` or `chunk` gave back: room for more. */
  | { readonly kind: 'done'; readonly bytes: number; readonly files: number }
  | { readonly kind: 'flushed' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly hint: string };
