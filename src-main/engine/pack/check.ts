/**
 * The full check of a pack that lies in memory: its name, every frame, every blob. It goes on after damage, so that one
 * report names everything that is affected. A file of a newer format is not damage: that error is thrown, unless the
 * bytes are not those of the name anyway; then it was the version that was hit.
 */
import { isCairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import { asBlobId, parsePackId, type BlobId, type PackId } from '../../../src-shared/ids.ts';
import {
  FILE_HEADER_BYTES,
  FRAME_HEADER_BYTES,
  FRAME_MAGIC,
  hash,
  openFileHeader,
  readFrameHeader,
  TRAILER_BYTES,
  type BlobHasher,
  type FileOpener,
  type FrameKind,
} from '../codec/index.ts';
import { equalBytes, toHex } from '../kernel/index.ts';
import type { PackFooter, SegmentRecord } from './footer.ts';
import { FOOTER_BYTES_MAX, PACK_BYTES_MAX } from './layout.ts';
import { decodeObject, decodeSegment, footerOf, openFooteredFile, type BaseOf, type FileIdentity } from './reader.ts';

/**
 * `name`: the bytes are not those the name promises · `header`: nothing can be opened · `footer`: which blobs the frames
 * hold is unknown here · `frame`: one frame can't be read · `blob`: blobs of a readable segment have other ids · `base`:
 * a delta is sound and its base is not.
 */
export type PackDamagePart = 'name' | 'header' | 'footer' | 'frame' | 'blob' | 'base';

export type PackDamage = {
  readonly part: PackDamagePart;
  readonly message: string;
  /** Where the damaged frame lies in the file, in bytes. */
  readonly frame?: { readonly offset: number; readonly length: number };
  /** The blobs that can't be read because of it, as far as they are known. */
  readonly blobs: readonly BlobId[];
};

export type PackCheck = {
  /** Hash of the bytes as they are. */
  readonly packId: PackId;
  readonly sizeBytes: number;
  readonly frameCount: number;
  /** Blobs whose ids were recomputed and are right. */
  readonly blobsVerified: number;
  readonly damage: readonly PackDamage[];
};

export type CheckPackOptions = FileIdentity & {
  readonly bytes: Uint8Array;
  readonly expectedPackId: PackId;
  readonly blobHasher: BlobHasher;
  readonly baseOf: BaseOf;
};

/** Turns damage into its message; anything else (newer format, a cancelled job, our bug) is thrown on. */
type MessageOf = (error: unknown) => string;

function messagesWhere(nameIsRight: boolean): MessageOf {
  return (error) => {
    if (isIntegrityError(error) || (!nameIsRight && isCairnError(error, 'repository/newer-format')))
      return error.message;
    throw error;
  };
}

export async function checkPack(options: CheckPackOptions): Promise<PackCheck> {
  const { bytes, expectedPackId } = options;
  const damage: PackDamage[] = [];
  const packId = parsePackId(toHex(hash(bytes)));
  if (packId !== expectedPackId) {
    damage.push({ part: 'name', message: `its bytes hash to ${packId}, not to its name`, blobs: [] });
  }
  const messageOf = messagesWhere(packId === expectedPackId);
  const report = (frameCount: number, blobsVerified: number): PackCheck => ({
    packId,
    sizeBytes: bytes.length,
    frameCount,
    blobsVerified,
    damage,
  });

  let opener: FileOpener;
  try {
    opener = openFileHeader(bytes.subarray(0, FILE_HEADER_BYTES), options);
  } catch (error) {
    damage.push({ part: 'header', message: messageOf(error), blobs: [] });
    return report(0, 0);
  }
  let footer: PackFooter;
  try {
    footer = await readFooter(options);
  } catch (error) {
    damage.push({ part: 'footer', message: messageOf(error), blobs: [] });
    const frames = scanFrames(opener, bytes);
    for (const { offset, length, intact } of frames) {
      if (!intact)
        damage.push({ part: 'frame', message: 'a frame fails its check', frame: { offset, length }, blobs: [] });
    }
    return report(frames.length, 0);
  }
  let blobsVerified = 0;
  for (const segment of footer.segments) {
    const found = await checkSegment(options, { opener, footer, messageOf }, segment);
    if (found === undefined) blobsVerified += segment.blobCount;
    else damage.push(found);
    if (found?.part === 'blob') blobsVerified += segment.blobCount - found.blobs.length;
  }
  for (const object of footer.objects) {
    const { offset, length } = object;
    try {
      decodeObject(opener, object, bytes.subarray(offset, offset + length));
    } catch (error) {
      damage.push({ part: 'frame', message: messageOf(error), frame: { offset, length }, blobs: [] });
    }
  }
  return report(footer.frameCount + 1, blobsVerified);
}

async function readFooter({ bytes, ...identity }: CheckPackOptions): Promise<PackFooter> {
  const read = (range: { offset: number; length: number }) =>
    Promise.resolve(bytes.subarray(range.offset, range.offset + range.length));
  const sizes = { sizeBytes: bytes.length, sizeBytesMax: PACK_BYTES_MAX, footerBytesMax: FOOTER_BYTES_MAX };
  return footerOf(await openFooteredFile({ ...identity, ...sizes, read }));
}

async function checkSegment(
  { bytes, blobHasher, baseOf }: CheckPackOptions,
  { opener, footer, messageOf }: { opener: FileOpener; footer: PackFooter; messageOf: MessageOf },
  segment: SegmentRecord,
): Promise<PackDamage | undefined> {
  const { offset, length } = segment;
  const blobs = footer.blobsOf(segment);
  // The report outlives the pack's memory, so ids are copied.
  const damageTo = (part: PackDamagePart, message: string, affected: typeof blobs): PackDamage => ({
    part,
    message,
    frame: { offset, length },
    blobs: affected.map(({ id }) => asBlobId(new Uint8Array(id))),
  });
  const base = { failed: false };
  const baseOrNote: BaseOf = async (id) => {
    try {
      return await baseOf(id);
    } catch (error) {
      base.failed = true;
      throw error;
    }
  };
  let plain: Uint8Array;
  try {
    plain = await decodeSegment(opener, segment, bytes.subarray(offset, offset + length), baseOrNote);
  } catch (error) {
    return damageTo(base.failed ? 'base' : 'frame', messageOf(error), blobs);
  }
  const wrong = blobs.filter(({ id, type, offset: at, length: blobLength }) => {
    return !equalBytes(blobHasher.idOf(type, plain.subarray(at, at + blobLength)), id);
  });
  return wrong.length === 0 ? undefined : damageTo('blob', `${wrong.length} blobs do not match their ids`, wrong);
}

export type ScannedFrame = {
  readonly offset: number;
  readonly length: number;
  readonly kind: FrameKind;
  readonly counter: number;
  /** False when the frame fails its authentication; its header then is only a guess. */
  readonly intact: boolean;
};

/** Times the scan may look for the next frame byte by byte; random bytes hold the magic once in 4 GiB. */
const SCAN_SEARCHES_MAX = 64;

/**
 * Finds the frames of a file whose footer is lost, from their headers alone. After a frame with a broken header it goes on
 * at the next one that opens.
 */
export function scanFrames(opener: FileOpener, bytes: Uint8Array): ScannedFrame[] {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: ScannedFrame[] = [];
  let at = FILE_HEADER_BYTES;
  let searches = 0;
  while (at + FRAME_HEADER_BYTES <= whole.length) {
    const frame = scanOne(opener, whole, at);
    const end = frame === undefined ? 0 : at + frame.length;
    const plausible =
      frame !== undefined &&
      (frame.intact ||
        end === whole.length - TRAILER_BYTES ||
        whole.toString('latin1', end, end + FRAME_MAGIC.length) === FRAME_MAGIC);
    if (plausible) {
      frames.push(frame);
      at = end;
      continue;
    }
    const next = whole.indexOf(FRAME_MAGIC, at + 1, 'latin1');
    if (next === -1 || ++searches > SCAN_SEARCHES_MAX) break;
    at = next;
  }
  return frames;
}

function scanOne(opener: FileOpener, whole: Buffer, offset: number): ScannedFrame | undefined {
  let header: ReturnType<typeof readFrameHeader>;
  try {
    header = readFrameHeader(whole.subarray(offset, offset + FRAME_HEADER_BYTES));
  } catch (error) {
    if (!isIntegrityError(error)) throw error;
    return undefined;
  }
  const { kind, counter, sealedLength } = header;
  const length = FRAME_HEADER_BYTES + sealedLength;
  if (offset + length > whole.length) return undefined;
  try {
    opener.openFrame(whole.subarray(offset, offset + length), counter);
    return { offset, length, kind, counter, intact: true };
  } catch (error) {
    if (!isIntegrityError(error)) throw error;
    return { offset, length, kind, counter, intact: false };
  }
}
