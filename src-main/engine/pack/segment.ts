/**
 * Bundles blobs into segments: about 1 MiB of plaintext, compressed once. What comes out is *pending*: compressed but not
 * sealed, so that the repository can still decide whether it goes into a pack or into a commit file.
 *
 * Invariants: a segment owns its bytes, whatever the caller does with the plaintext afterwards; blobs lie end to end; a
 * blob of a target's size or more has a segment of its own. Trees and data are bundled separately.
 */
import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import type { BlobId } from '../../../src-shared/ids.ts';
import {
  type BackgroundCodec,
  compress,
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
   * Hash of `payload`, where the payload was already decoded and every id recomputed (`compressSegment`): the sealed
   * frame is then compared by this hash.
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

/** Plaintext of one segment, before it is compressed. `release` gives its memory back to the bundler. */
export type PlainSegment = {
  readonly plain: Uint8Array;
  readonly blobs: readonly BlobRecord[];
  readonly release: () => void;
};

export type SegmentBundler = {
  /** Takes in a copy of a blob. Gives the segment that this completes, if any. */
  readonly add: (id: BlobId, type: BlobType, plain: Uint8Array) => PlainSegment | undefined;
  /** Completes the segment begun, or undefined when there is none. */
  readonly flush: () => PlainSegment | undefined;
};

/** Buffers kept for the next segments; more are made where more segments are under way. */
const SPARE_BUFFERS_MAX = 3;
const BUFFER_BYTES = SEGMENT_BYTES_TARGET * 2;
/** Enough for a live backup of one change, of which there are thousands; a larger one gets to the full size at once. */
const BUFFER_BYTES_FIRST = 128 * 1024;

/** Bundles blobs into plain segments in memory of its own. */
export function createSegmentBundler(): SegmentBundler {
  const spare: Uint8Array[] = [];
  let buffer: Uint8Array | undefined;
  let length = 0;
  let blobs: BlobRecord[] = [];

  let bufferBytes = BUFFER_BYTES_FIRST;
  const take = (bytes: number): Uint8Array => {
    if (bytes > bufferBytes) bufferBytes = BUFFER_BYTES;
    return spare.pop() ?? new Uint8Array(bufferBytes);
  };
  /** The buffer begun, with room for so many bytes more. */
  const withRoom = (bytes: number): Uint8Array => {
    if (buffer === undefined) return take(bytes);
    if (length + bytes <= buffer.length) return buffer;
    const larger = take(BUFFER_BYTES);
    larger.set(buffer.subarray(0, length));
    return larger;
  };
  const complete = (memory: Uint8Array, bytes: number, records: readonly BlobRecord[]): PlainSegment => ({
    plain: memory.subarray(0, bytes),
    blobs: records,
    release: () => {
      if (memory.length === BUFFER_BYTES && spare.length < SPARE_BUFFERS_MAX) spare.push(memory);
    },
  });
  const flush = (): PlainSegment | undefined => {
    if (buffer === undefined || blobs.length === 0) return undefined;
    const segment = complete(buffer, length, blobs);
    buffer = undefined;
    length = 0;
    blobs = [];
    return segment;
  };

  return {
    add: (id, type, plain) => {
      assert(plain.length <= BLOB_BYTES_MAX, 'a blob is larger than the format allows');
      if (plain.length >= SEGMENT_BYTES_TARGET) {
        const memory = plain.length <= BUFFER_BYTES ? take(BUFFER_BYTES) : new Uint8Array(plain.length);
        memory.set(plain);
        return complete(memory, plain.length, [{ id, type, offset: 0, length: plain.length }]);
      }
      buffer = withRoom(plain.length);
      buffer.set(plain, length);
      blobs.push({ id, type, offset: length, length: plain.length });
      length += plain.length;
      return length >= SEGMENT_BYTES_TARGET || blobs.length >= BLOBS_PER_SEGMENT_MAX ? flush() : undefined;
    },
    flush,
  };
}

export type SegmentBuilder = {
  /** Takes in a copy of a blob. Gives the segment that this completes, if any. */
  readonly add: (id: BlobId, type: BlobType, plain: Uint8Array) => PendingPlainSegment | undefined;
  /** Completes the segment begun, or undefined when there is none. */
  readonly flush: () => PendingPlainSegment | undefined;
};

/** Bundles and compresses at once on this thread, for small work; what it gives is verified when it is sealed. */
export function createSegmentBuilder({ compression: spec }: { compression: CompressionSpec }): SegmentBuilder {
  const bundler = createSegmentBundler();
  const compressed = (segment: PlainSegment | undefined): PendingPlainSegment | undefined => {
    if (segment === undefined) return undefined;
    const { compression, bytes } = compress(spec, segment.plain);
    // A copy: `compress` may hand its input back, which the bundler will write over.
    const payload = new Uint8Array(bytes);
    segment.release();
    return { kind: 'segment', compression, plainLength: segment.plain.length, payload, blobs: segment.blobs };
  };
  return {
    add: (...blob) => compressed(bundler.add(...blob)),
    flush: () => compressed(bundler.flush()),
  };
}

/**
 * Compresses a segment beside this thread, and verifies it before it is published: the payload is decoded, every id is
 * computed anew, and the payload's hash is noted, by which the sealed frame is compared later.
 * @throws CairnError integrity/damaged: a fault of this computer's memory or of the codec
 */
export async function compressSegment(
  { plain, blobs, release }: PlainSegment,
  { spec, codec, blobHasher }: { spec: CompressionSpec; codec: BackgroundCodec; blobHasher: BlobHasher },
): Promise<PendingPlainSegment> {
  const { compression, bytes } = await codec.compress(spec, plain, (decoded) => {
    for (const { id, type, offset, length } of blobs) {
      if (!equalBytes(blobHasher.idOf(type, decoded.subarray(offset, offset + length)), id)) refuseBlob(id);
    }
  });
  release();
  return { kind: 'segment', compression, plainLength: plain.length, payload: bytes, payloadHash: hash(bytes), blobs };
}

function refuseBlob(id: BlobId): never {
  throw new CairnError(
    'integrity/damaged',
    `blob ${toHex(id)} did not read back as it was written; nothing of it was published`,
    { hint: 'Existing backups are not affected. Test the memory of this computer, then run the backup again.' },
  );
}
