/**
 * A piece of a restore that one thread does without asking anybody: segments as they lie in packs, and what is made of
 * them. A `files` task writes whole small files; a `pieces` task writes parts of one large file and hands their bytes back,
 * because the hash of the whole is taken in order by who has the whole; a `compare` task looks which parts of an older
 * file are right already.
 *
 * Plain data for structured clone; large bytes are transferred.
 */
import type { FileSecrets, FileType } from '../codec/index.ts';

/** What every thread is told once. */
export type WriterSetup = {
  readonly secrets: FileSecrets;
  readonly repositoryId: Uint8Array;
  /** K_id: the key of blob ids. */
  readonly idKey: Uint8Array;
  /** 16 hexadecimal digits for temporary names, another one for each thread. */
  readonly unique: string;
  readonly keepSetId: boolean;
};

/** A pack that segments of a task lie in. */
export type TaskPack = { readonly id: string; readonly fileType: FileType; readonly header: Uint8Array };

/** Segments, each four numbers in one row: see SEGMENT_ROW. */
export type TaskSegments = {
  readonly packs: readonly TaskPack[];
  readonly buffers: readonly Uint8Array[];
  readonly rows: Uint32Array;
};

/** A row: pack (or PLAIN: the buffer holds plaintext already), buffer, and where in the buffer the frame lies. */
export const SEGMENT_ROW = 4;
export const PLAIN = 0xffff_ffff;

export type FilesTask = TaskSegments & {
  readonly kind: 'files';
  /** See file-order.ts. */
  readonly orders: Uint8Array;
  readonly count: number;
};

/** Where a piece of a large file lies in a segment, and where it goes. */
export type Piece = {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
  readonly position: number;
};

export type PiecesTask = TaskSegments & {
  readonly kind: 'pieces';
  readonly fd: number;
  readonly sparse: boolean;
  readonly pieces: readonly Piece[];
};

export type CompareTask = {
  readonly kind: 'compare';
  /** The file as it is. */
  readonly oldFd: number;
  readonly fd: number;
  readonly sparse: boolean;
  readonly pieces: readonly { readonly position: number; readonly length: number; readonly id: Uint8Array }[];
};

export type WriteTask = FilesTask | PiecesTask | CompareTask;

/** `file`: its number in the task. */
export type FileTrouble = { readonly file: number; readonly what: string; readonly code: string };
export type FileLeftOut = {
  readonly file: number;
  readonly kind: string;
  readonly code: string;
  readonly count: number;
};
export type FileIdentity = { readonly file: number; readonly device: bigint; readonly inode: bigint };

export type FilesResult = {
  readonly kind: 'files';
  /** A FILE_STATUS each. */
  readonly statuses: Uint8Array;
  readonly troubles: readonly FileTrouble[];
  readonly leftOut: readonly FileLeftOut[];
  readonly identities: readonly FileIdentity[];
};

export type PiecesResult = {
  readonly kind: 'pieces';
  /** The bytes of each piece, written; undefined where they could not be had: to be read again. */
  readonly bytes: readonly (Uint8Array | undefined)[];
  /** An errno code: the file can't be written. */
  readonly trouble: string | undefined;
};

export type WriteResult = FilesResult | PiecesResult;

/** From a worker. `defect` is a bug of ours, with its stack. */
export type FromWriter =
  { readonly number: number; readonly result: WriteResult } | { readonly number: number; readonly defect: string };
export type ToWriter = { readonly number: number; readonly task: WriteTask } | { readonly stop: true };

/** The memory that may be given away with a task or a result. What Node's pool for small buffers holds is copied. */
export function transferable(parts: readonly (Uint8Array | undefined)[]): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const part of parts) {
    if (part?.buffer instanceof ArrayBuffer && part.buffer.byteLength > Buffer.poolSize) buffers.add(part.buffer);
  }
  return [...buffers];
}
