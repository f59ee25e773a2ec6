/**
 * Small sealed files that are made and read in one piece: snapshots, events, condemnations, index runs. A header and
 * a row of frames without footer and trailer; the file's name, the hash of its bytes, says that nothing was cut off.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { concatBytes } from '../kernel/index.ts';
import { compress, type CompressionSpec, decompress } from './compress.ts';
import {
  FILE_HEADER_BYTES,
  type FileType,
  FRAME_HEADER_BYTES,
  FRAME_PLAIN_BYTES_MAX,
  type FrameKind,
} from './seal-layout.ts';
import { createFileSealer, type FileSecrets, openFileHeader, readFrameHeader } from './seal.ts';

/** These files hold one object; a few frames more leave room for what a later version may put beside it. */
const FRAMES_MAX_IN_OBJECT_FILE = 16;
/**
 * Plaintext of all frames together. They are kept until the last is read, and a frame of 600 bytes can hold 16 MiB of
 * zeros: without this bound a file of one megabyte would ask for 27 GB.
 */
const OBJECT_FILE_PLAIN_BYTES_MAX = FRAME_PLAIN_BYTES_MAX;

export type ObjectFrame = {
  readonly kind: FrameKind;
  readonly plain: Uint8Array;
  readonly compression: CompressionSpec;
};

/** Seals a whole small file in memory: header and frames, without footer and trailer. */
export function sealObjectFile(options: {
  readonly fileType: FileType;
  readonly repositoryId: Uint8Array;
  readonly secrets: FileSecrets;
  readonly salt: Uint8Array;
  readonly frames: readonly ObjectFrame[];
}): Uint8Array {
  const sealer = createFileSealer(options);
  const parts = [sealer.header];
  for (const { kind, plain, compression: spec } of options.frames) {
    const { compression, bytes } = compress(spec, plain);
    parts.push(sealer.sealFrame({ kind, compression, plainLength: plain.length, payload: bytes }));
  }
  return concatBytes(parts);
}

/**
 * Opens what sealObjectFile made: every frame, in order and without a gap, decompressed. At least one frame and at most
 * 16, with at most 16 MiB of plaintext together; more is limit/exceeded before it is opened.
 */
export function openObjectFile(
  bytes: Uint8Array,
  options: {
    readonly fileTypes: readonly FileType[];
    readonly repositoryId: Uint8Array;
    readonly secrets: FileSecrets;
  },
): {
  readonly fileType: FileType;
  readonly frames: readonly { readonly kind: FrameKind; readonly plain: Uint8Array }[];
} {
  const opener = openFileHeader(bytes.subarray(0, FILE_HEADER_BYTES), options);
  const frames: { kind: FrameKind; plain: Uint8Array }[] = [];
  let at = FILE_HEADER_BYTES;
  let plainBytes = 0;
  do {
    const { sealedLength, plainLength } = readFrameHeader(bytes.subarray(at));
    const end = at + FRAME_HEADER_BYTES + sealedLength;
    plainBytes += plainLength;
    if (frames.length === FRAMES_MAX_IN_OBJECT_FILE || plainBytes > OBJECT_FILE_PLAIN_BYTES_MAX) {
      throw new CairnError(
        'limit/exceeded',
        `a file of one object has frame ${frames.length + 1}, and ${plainBytes} bytes in them`,
      );
    }
    if (end > bytes.length) throw new CairnError('integrity/malformed', 'the last frame of a file is cut off');
    const frame = opener.openFrame(bytes.subarray(at, end), frames.length);
    frames.push({ kind: frame.kind, plain: decompress(frame.compression, frame.payload, frame.plainLength) });
    at = end;
  } while (at < bytes.length);
  return { fileType: opener.fileType, frames };
}
