/**
 * Builds one pack or commit file, frame by frame. Nothing here touches a disk: the caller appends, in this order, the
 * header, what every add gives back, and the tail.
 *
 * Invariant (verify before publish): bytes are handed out only after they were read back as a reader would read them.
 * The sealed frame is opened again, decompressed, and every blob's id computed anew; a mismatch means faulty memory or a
 * defect, and the builder refuses all further work.
 */
import { assert } from '../../../src-shared/assert.ts';
import { parsePackId, type PackId } from '../../../src-shared/ids.ts';
import {
  COMPRESSION,
  decompress,
  FRAME_KIND,
  hash,
  type BlobHasher,
  type FileType,
  type FrameToSeal,
  type OpenedFrame,
} from '../codec/index.ts';
import { equalBytes, toHex } from '../kernel/index.ts';
import { isPackFileType } from './codes.ts';
import { encodeDeltaPayload, splitDeltaPayload } from './delta.ts';
import { decodeFooter, FooterColumns, type PackFooter } from './footer.ts';
import {
  BLOBS_PER_PACK_MAX,
  FOOTER_EXTENSION_BYTES_MAX,
  OBJECT_BYTES_MAX,
  OBJECTS_PER_PACK_MAX,
  PACK_BYTES_TARGET_MAX,
  SEGMENT_PAYLOAD_BYTES_MAX,
  SEGMENTS_PER_PACK_MAX,
} from './layout.ts';
import { createSealedFileWriter, refuse, type SealedFileOptions } from './sealed-file-writer.ts';
import type { PendingSegment } from './segment.ts';

export type FinishedPack = {
  readonly packId: PackId;
  readonly fileType: FileType;
  /** The last bytes to append: footer frame and trailer. */
  readonly tail: Uint8Array;
  readonly sizeBytes: number;
  readonly footer: PackFooter;
};

export type PackBuilder = {
  readonly fileType: FileType;
  /** The first bytes of the file. */
  readonly header: Uint8Array;
  /** Bytes handed out so far, header included: the offset of the next frame. */
  readonly sizeBytes: number;
  readonly blobCount: number;
  /** Plaintext of all blobs so far, in bytes. */
  readonly plainBytes: number;
  /** False when this segment would break a limit of the format: finish the pack and begin another. */
  readonly fits: (pending: PendingSegment) => boolean;
  /** Seals and verifies a segment; gives its bytes, which belong at offset `sizeBytes` as it was before the call. */
  readonly addSegment: (pending: PendingSegment) => Uint8Array;
  /** Seals and verifies a whole envelope of the given object type; for commit files. */
  readonly addObject: (objectType: number, envelopeBytes: Uint8Array) => Uint8Array;
  readonly finish: (extension?: Uint8Array) => FinishedPack;
};

export type PackBuilderOptions = SealedFileOptions & { readonly blobHasher: BlobHasher };

/** The verify-before-publish step, from the opened frame to the blobs. */
function verifySegment(opened: OpenedFrame, pending: PendingSegment, blobHasher: BlobHasher): void {
  if (pending.kind === 'delta') {
    // The payload was decoded against its base when it was made, and hashed then; equal bytes decode equally.
    const { baseId, compressed } = splitDeltaPayload(opened.payload);
    if (!equalBytes(baseId, pending.baseId) || !equalBytes(hash(compressed), pending.payloadHash))
      refuse('a delta segment');
    return;
  }
  if (pending.payloadHash !== undefined) {
    // A worker decoded the payload and recomputed every id, and hashed it then; equal bytes decode equally.
    if (!equalBytes(hash(opened.payload), pending.payloadHash)) refuse('a segment');
    return;
  }
  const plain = decompress(opened.compression, opened.payload, opened.plainLength);
  for (const { id, type, offset, length } of pending.blobs) {
    if (!equalBytes(blobHasher.idOf(type, plain.subarray(offset, offset + length)), id)) refuse(`blob ${toHex(id)}`);
  }
}

function frameOf(pending: PendingSegment): FrameToSeal {
  const { compression, plainLength } = pending;
  return pending.kind === 'delta'
    ? { kind: FRAME_KIND.deltaSegment, compression, plainLength, payload: encodeDeltaPayload(pending) }
    : { kind: FRAME_KIND.segment, compression, plainLength, payload: pending.payload };
}

export function createPackBuilder(options: PackBuilderOptions): PackBuilder {
  const { fileType, blobHasher } = options;
  assert(isPackFileType(fileType), 'a pack builder builds packs and commit files');
  const file = createSealedFileWriter(options);
  const columns = new FooterColumns();
  let usable = true;

  /** Work that throws leaves the pack unusable: what is on disk may no longer match what was hashed and listed. */
  const guarded = <Result>(work: () => Result): Result => {
    assert(usable, 'a pack is written only until it is finished or refused');
    usable = false;
    const result = work();
    usable = true;
    return result;
  };

  return {
    fileType,
    header: file.header,
    get sizeBytes() {
      return file.sizeBytes;
    },
    get blobCount() {
      return columns.blobCount;
    },
    get plainBytes() {
      return columns.plainBytes;
    },
    fits: (pending) =>
      columns.segmentCount < SEGMENTS_PER_PACK_MAX &&
      columns.blobCount + pending.blobs.length <= BLOBS_PER_PACK_MAX &&
      file.sizeBytes + pending.payload.length <= PACK_BYTES_TARGET_MAX + SEGMENT_PAYLOAD_BYTES_MAX,
    addSegment: (pending) =>
      guarded(() => {
        assert(columns.segmentCount < SEGMENTS_PER_PACK_MAX, 'a pack has too many segments: ask fits() first');
        assert(
          columns.blobCount + pending.blobs.length <= BLOBS_PER_PACK_MAX,
          'a pack has too many blobs: ask fits() first',
        );
        const sealed = file.seal(frameOf(pending), (opened) => verifySegment(opened, pending, blobHasher));
        columns.addSegment(pending, sealed.length);
        return sealed;
      }),
    addObject: (objectType, envelopeBytes) =>
      guarded(() => {
        assert(columns.objectCount < OBJECTS_PER_PACK_MAX, 'a commit file has too many objects');
        assert(envelopeBytes.length <= OBJECT_BYTES_MAX, 'an object is larger than the format allows');
        // Envelopes are compressed by themselves.
        const shape = { compression: COMPRESSION.none, plainLength: envelopeBytes.length };
        const sealed = file.seal({ kind: FRAME_KIND.object, ...shape, payload: envelopeBytes }, (opened) => {
          if (!equalBytes(opened.payload, envelopeBytes)) refuse('an object');
        });
        columns.addObject({ ...shape, objectType }, sealed.length);
        return sealed;
      }),
    finish: (extension = new Uint8Array(0)) => {
      assert(extension.length <= FOOTER_EXTENSION_BYTES_MAX, 'a footer’s extension is too long');
      const finished = guarded(() => {
        const framesEnd = file.sizeBytes;
        const footerPlain = columns.encode(fileType, extension);
        const footer = decodeFooter(footerPlain, { fileType, framesEnd });
        const { tail, name } = file.end(footerPlain);
        return { packId: parsePackId(name), fileType, tail, sizeBytes: file.sizeBytes, footer };
      });
      usable = false;
      return finished;
    },
  };
}
