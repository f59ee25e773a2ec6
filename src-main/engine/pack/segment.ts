/**
 * Bundles blobs into segments: about 1 MiB of plaintext, compressed once. What comes out is *pending*: compressed but not
 * sealed, so that the repository can still decide whether it goes into a pack or into a commit file.
 *
 * Invariants: a pending segment owns its bytes, whatever the caller does with the plaintext afterwards; blobs lie end to
 * end; a blob of a target's size or more has a segment of its own. Trees and data use separate builders.
 */
import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import type { BlobId } from '../../../src-shared/ids.ts';
import {
  compress,
  decompress,
  hash,
  type BlobHasher,
  type BlobType,
  type Compression,
  type CompressionSpec,
} from '../codec/index.ts';
import { equalBytes, toHex } from '../kernel/index.ts';
import type { BlobRecord } from './footer.ts';
import { BLOB_BYTES_MAX, BLOBS_PER_SEGMENT_MAX, SEGMENT_BYTES_TARGET } from './layout.ts';

type PendingShared = {
  readonly compression: Compression;
  readonly plainLength: number;
  /** Compressed bytes, owned by this segment. */
  readonly payload: Uint8Array;
  readonly blobs: readonly BlobRecord[];
};

export type PendingPlainSegment = PendingShared & {
  readonly kind: 'segment';
  /**
   * Hash of `payload`, where whoever made the segment has already decoded the payload and recomputed every id: a
   * worker does so, and the sealed frame is then compared by this hash.
   */
  readonly payloadHash?: Uint8Array;
};

/** One blob, compressed with another blob as its dictionary. */
export type PendingDeltaSegment = PendingShared & {
  readonly kind: 'delta';
  readonly baseId: BlobId;
  /** Hash of `payload`, which was decoded and led to the blob's id when it was made. */
  readonly payloadHash: Uint8Array;
};

export type PendingSegment = PendingPlainSegment | PendingDeltaSegment;

export type SegmentBuilder = {
  /** Takes in a copy of a blob. Gives the segment that this completes, if any. */
  readonly add: (id: BlobId, type: BlobType, plain: Uint8Array) => PendingPlainSegment | undefined;
  /** Completes the segment begun, or undefined when there is none. */
  readonly flush: () => PendingPlainSegment | undefined;
  /** Plaintext taken in and not yet given out, in bytes. */
  readonly bytesPending: number;
};

/**
 * A copy: `compress` may hand its input back, which the caller will write over, or a small view of an output buffer
 * as large as the input, which a pending segment would keep in memory for as long as it waits.
 */
function owned(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function complete(spec: CompressionSpec, plain: Uint8Array, blobs: readonly BlobRecord[]): PendingPlainSegment {
  const { compression, bytes } = compress(spec, plain);
  return { kind: 'segment', compression, plainLength: plain.length, payload: owned(bytes), blobs };
}

export function createSegmentBuilder({ compression: spec }: { compression: CompressionSpec }): SegmentBuilder {
  const buffer = new Uint8Array(SEGMENT_BYTES_TARGET * 2);
  let length = 0;
  let blobs: BlobRecord[] = [];

  const flush = (): PendingPlainSegment | undefined => {
    if (blobs.length === 0) return undefined;
    const segment = complete(spec, buffer.subarray(0, length), blobs);
    length = 0;
    blobs = [];
    return segment;
  };

  return {
    add: (id, type, plain) => {
      assert(plain.length <= BLOB_BYTES_MAX, 'a blob is larger than the format allows');
      if (plain.length >= SEGMENT_BYTES_TARGET) {
        return complete(spec, plain, [{ id, type, offset: 0, length: plain.length }]);
      }
      buffer.set(plain, length);
      blobs.push({ id, type, offset: length, length: plain.length });
      length += plain.length;
      return length >= SEGMENT_BYTES_TARGET || blobs.length >= BLOBS_PER_SEGMENT_MAX ? flush() : undefined;
    },
    flush,
    get bytesPending() {
      return length;
    },
  };
}

/**
 * The verify-before-publish step for whoever made the segment: decodes the payload, recomputes every id, and notes the
 * payload's hash, by which the sealed frame is compared later.
 * @throws CairnError integrity/damaged: a fault of this computer's memory or of the codec
 */
export function verifiedSegment(segment: PendingPlainSegment, blobHasher: BlobHasher): PendingPlainSegment {
  const plain = decompress(segment.compression, segment.payload, segment.plainLength);
  for (const { id, type, offset, length } of segment.blobs) {
    if (equalBytes(blobHasher.idOf(type, plain.subarray(offset, offset + length)), id)) continue;
    throw new CairnError(
      'integrity/damaged',
      `blob ${toHex(id)} did not read back as it was written; nothing of it was published`,
      {
        hint: 'Existing backups are not affected. Test the memory of this computer, then run the backup again.',
      },
    );
  }
  return { ...segment, payloadHash: hash(segment.payload) };
}
