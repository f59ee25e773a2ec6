/**
 * Delta segments: one changed blob compressed with an earlier blob as its zstd dictionary. The whole blob is always
 * described, so a shrunken file keeps no stale tail and a moved block is found wherever it went.
 *
 * Invariants: depth 1 (a base is never itself a delta; the repository sees to it); the base's id lies inside the sealed
 * payload, so a delta found through an index run needs no footer; a delta is decoded and its blob's id recomputed before
 * it leaves this file.
 */
import { assert } from '../../../src-shared/assert.ts';
import { asBlobId, ID_BYTES, type BlobId } from '../../../src-shared/ids.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import {
  compress,
  COMPRESSION,
  decompress,
  hash,
  type BlobHasher,
  type BlobType,
  type CompressionSpec,
} from '../codec/index.ts';
import { concatBytes, equalBytes } from '../kernel/index.ts';
import { BLOB_BYTES_MAX, DELTA_OVERHEAD_BYTES, DELTA_WORTH_RATIO } from './layout.ts';
import { refuse } from './sealed-file-writer.ts';
import type { PendingDeltaSegment } from './segment.ts';

/** The blob compressed alone, at a level three times as fast: near enough to tell whether a delta pays. */
const ALONE: CompressionSpec = { kind: 'zstd', level: 1 };

/** Samples say enough when the delta is under half of what they promise; otherwise the blob itself is compressed. */
const CLEAR_RATIO = 0.5;
const SAMPLES = 4;
const SAMPLE_BYTES = 16 * 1024;

/** Less than this gains nothing as a dictionary. */
const BASE_BYTES_MIN = 64;

export type DeltaInput = {
  readonly base: { readonly id: BlobId; readonly plain: Uint8Array };
  readonly blob: { readonly id: BlobId; readonly type: BlobType; readonly plain: Uint8Array };
  /** zstd with its level; other methods have no dictionaries. */
  readonly compression: CompressionSpec;
  readonly blobHasher: BlobHasher;
};

/** Undefined when the delta is not at least 10 % smaller, overhead included, than the blob compressed alone. */
export function createDeltaSegment({
  base,
  blob,
  compression: spec,
  blobHasher,
}: DeltaInput): PendingDeltaSegment | undefined {
  const { id, type, plain } = blob;
  assert(
    plain.length <= BLOB_BYTES_MAX && base.plain.length <= BLOB_BYTES_MAX,
    'a blob is larger than the format allows',
  );
  if (spec.kind !== 'zstd' || base.plain.length < BASE_BYTES_MIN || equalBytes(base.id, id)) return undefined;

  const { compression, bytes } = compress(spec, plain, base.plain);
  if (compression !== COMPRESSION.zstd) return undefined;
  const deltaBytes = bytes.length + DELTA_OVERHEAD_BYTES;
  if (deltaBytes > plain.length * DELTA_WORTH_RATIO) return undefined;
  const isClear = deltaBytes < sampledBytesAlone(plain) * CLEAR_RATIO;
  if (!isClear && deltaBytes > compress(ALONE, plain).bytes.length * DELTA_WORTH_RATIO) return undefined;

  // Hashed before it is decoded, so that the hash stands for the very bytes that proved right.
  const payload = new Uint8Array(bytes);
  const payloadHash = hash(payload);
  const readBack = decompress(compression, payload, plain.length, base.plain);
  if (!equalBytes(blobHasher.idOf(type, readBack), id)) refuse('a delta segment');
  return {
    kind: 'delta',
    compression,
    plainLength: plain.length,
    payload,
    payloadHash,
    baseId: base.id,
    blobs: [{ id, type, offset: 0, length: plain.length }],
  };
}

/** Estimate of the blob compressed alone, from four places of it; 0 (no estimate) when it is not much longer than those. */
function sampledBytesAlone(plain: Uint8Array): number {
  if (plain.length < SAMPLES * SAMPLE_BYTES * 2) return 0;
  const step = Math.floor((plain.length - SAMPLE_BYTES) / (SAMPLES - 1));
  const places = Array.from({ length: SAMPLES }, (_, index) =>
    plain.subarray(index * step, index * step + SAMPLE_BYTES),
  );
  const sample = concatBytes(places);
  return (compress(ALONE, sample).bytes.length / sample.length) * plain.length;
}

/** What is sealed into a delta frame: the base's id (32 bytes), then the compressed bytes. */
export function encodeDeltaPayload({ baseId, payload }: PendingDeltaSegment): Uint8Array {
  return concatBytes([baseId, payload]);
}

export function splitDeltaPayload(payload: Uint8Array): { readonly baseId: BlobId; readonly compressed: Uint8Array } {
  if (payload.length < ID_BYTES)
    throw new CairnError('integrity/malformed', 'a delta segment is too short for the id of its base');
  return { baseId: asBlobId(payload.subarray(0, ID_BYTES)), compressed: payload.subarray(ID_BYTES) };
}
