/**
 * Reads packs and commit files through `read(range)`: header, trailer and footer first, then single frames.
 *
 * A frame can also be opened without the footer, at a place an index run names; then only the ids of the blobs tell
 * whether it is the right one, so callers compare them (they do anyway). Which blobs lie in a segment stands only in
 * the footer and in index runs: where a footer is lost, its entries are taken from a run.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import type { BlobId } from '../../../src-shared/ids.ts';
import {
  decodeTrailer,
  decompress,
  FILE_HEADER_BYTES,
  FRAME_KIND,
  openFileHeader,
  TRAILER_BYTES,
  type FileOpener,
  type FileSecrets,
  type FileType,
  type OpenedFrame,
  type Trailer,
} from '../codec/index.ts';
import { equalBytes, toHex } from '../kernel/index.ts';
import { splitDeltaPayload } from './delta.ts';
import { decodeFooter, type ObjectRecord, type PackFooter, type SegmentRecord } from './footer.ts';
import { FOOTER_BYTES_MAX, OBJECT_BYTES_MAX, PACK_BYTES_MAX, SEGMENT_BYTES_MAX } from './layout.ts';

/** In bytes, inside one file. */
export type ReadRange = (range: { readonly offset: number; readonly length: number }) => Promise<Uint8Array>;

/** The plaintext of a delta's base. It must refuse a base that is itself a delta, so that reading has depth 1. */
export type BaseOf = (id: BlobId) => Promise<Uint8Array>;

export type FileIdentity = {
  /** 16 bytes. */
  readonly repositoryId: Uint8Array;
  readonly secrets: FileSecrets;
  readonly fileTypes: readonly FileType[];
};

/** Read together with the trailer: the footer of most packs fits, so that opening one takes two reads. */
const TAIL_BYTES = 64 * 1024;

export type FooteredFile = {
  readonly opener: FileOpener;
  readonly trailer: Trailer;
  readonly footerPlain: Uint8Array;
};

/** Reads exactly a range; a store that gives less or more has a damaged file. */
export async function readExactly(read: ReadRange, offset: number, length: number): Promise<Uint8Array> {
  const bytes = await read({ offset, length });
  if (bytes.length !== length) {
    throw new CairnError('integrity/damaged', `${length} bytes at ${offset} were asked for, ${bytes.length} came`);
  }
  return bytes;
}

function tooSmall(sizeBytes: number): never {
  throw new CairnError('integrity/malformed', `a file of ${sizeBytes} bytes is too small to have a footer`);
}

/** Opens the header and the footer frame of any file that has both: packs, commit files, index runs. */
export async function openFooteredFile(
  options: FileIdentity & {
    readonly read: ReadRange;
    readonly sizeBytes: number;
    readonly sizeBytesMax: number;
    readonly footerBytesMax: number;
  },
): Promise<FooteredFile> {
  const { read, sizeBytes, sizeBytesMax, footerBytesMax } = options;
  if (sizeBytes > sizeBytesMax)
    throw new CairnError('limit/exceeded', `a file of ${sizeBytes} bytes; at most ${sizeBytesMax} are allowed`);
  if (sizeBytes < FILE_HEADER_BYTES + TRAILER_BYTES) tooSmall(sizeBytes);
  const tailAt = Math.max(FILE_HEADER_BYTES, sizeBytes - TAIL_BYTES);
  const [header, tail] = await Promise.all([
    readExactly(read, 0, FILE_HEADER_BYTES),
    readExactly(read, tailAt, sizeBytes - tailAt),
  ]);
  const opener = openFileHeader(header, options);
  const trailer = decodeTrailer(tail.subarray(tail.length - TRAILER_BYTES), sizeBytes);
  const frame =
    trailer.footerOffset >= tailAt
      ? tail.subarray(trailer.footerOffset - tailAt, tail.length - TRAILER_BYTES)
      : await readExactly(read, trailer.footerOffset, trailer.footerLength);
  const opened = opener.openFrame(frame, trailer.frameCount - 1);
  if (opened.kind !== FRAME_KIND.footer)
    throw new CairnError('integrity/malformed', 'the frame at the place of the footer is something else');
  return { opener, trailer, footerPlain: inflate(opened, footerBytesMax) };
}

/** Decompresses a frame whose plaintext may have at most so many bytes. */
export function inflate(opened: OpenedFrame, plainBytesMax: number): Uint8Array {
  if (opened.plainLength > plainBytesMax) {
    throw new CairnError(
      'limit/exceeded',
      `a frame claims ${opened.plainLength} bytes; at most ${plainBytesMax} are allowed here`,
    );
  }
  return decompress(opened.compression, opened.payload, opened.plainLength);
}

/**
 * Opens one segment frame (all its bytes, frame header included) and gives its plaintext, at most 8 MiB. For a delta,
 * `baseOf` is asked once. `expected` holds what the caller already knows of the frame; a contradiction is damage.
 */
export async function openSegment(
  opener: FileOpener,
  frame: Uint8Array,
  baseOf: BaseOf,
  expected: {
    readonly frameIndex?: number;
    readonly delta?: boolean;
    readonly baseId?: BlobId;
    readonly plainLength?: number;
  } = {},
): Promise<Uint8Array> {
  const opened = opener.openFrame(frame, expected.frameIndex);
  const isDelta = opened.kind === FRAME_KIND.deltaSegment;
  const fits =
    (isDelta || opened.kind === FRAME_KIND.segment) &&
    (expected.delta === undefined || expected.delta === isDelta) &&
    (expected.plainLength === undefined || expected.plainLength === opened.plainLength);
  if (!fits) throw new CairnError('integrity/damaged', `frame ${opened.counter} is not the segment that belongs there`);
  if (!isDelta) return inflate(opened, SEGMENT_BYTES_MAX);
  if (opened.plainLength > SEGMENT_BYTES_MAX)
    throw new CairnError('limit/exceeded', `a delta segment claims ${opened.plainLength} bytes`);
  const { baseId, compressed } = splitDeltaPayload(opened.payload);
  if (expected.baseId !== undefined && !equalBytes(expected.baseId, baseId)) {
    throw new CairnError(
      'integrity/damaged',
      `a delta names base ${toHex(baseId)}, its footer ${toHex(expected.baseId)}`,
    );
  }
  return decompress(opened.compression, compressed, opened.plainLength, await baseOf(baseId));
}

/**
 * The same for a segment that is known to be no delta, without waiting: for workers, which have nothing else to do.
 * Which blobs it holds the caller checks.
 */
export function openPlainSegment(opener: FileOpener, frame: Uint8Array): Uint8Array {
  const opened = opener.openFrame(frame);
  if (opened.kind !== FRAME_KIND.segment)
    throw new CairnError('integrity/damaged', `frame ${opened.counter} is not the segment that belongs there`);
  const plain = inflate(opened, SEGMENT_BYTES_MAX);
  // Decrypting made a copy that nobody else has seen: given back at once, it is no work for the garbage collector.
  const { buffer } = opened.payload;
  const isCopy = buffer !== frame.buffer && buffer !== plain.buffer;
  if (isCopy && buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0);
  return plain;
}

export type PackReader = {
  readonly fileType: FileType;
  readonly sizeBytes: number;
  readonly footer: PackFooter;
  readonly opener: FileOpener;
  /** Plaintext of a segment. */
  readonly readSegment: (segment: SegmentRecord, baseOf: BaseOf) => Promise<Uint8Array>;
  /** The same from the frame's bytes, for callers that read several frames at once. */
  readonly decodeSegment: (segment: SegmentRecord, frame: Uint8Array, baseOf: BaseOf) => Promise<Uint8Array>;
  /** The bytes of an envelope. */
  readonly readObject: (object: ObjectRecord) => Promise<Uint8Array>;
};

/** Plaintext of a segment a footer describes, from its frame's bytes. */
export function decodeSegment(
  opener: FileOpener,
  segment: SegmentRecord,
  frame: Uint8Array,
  baseOf: BaseOf,
): Promise<Uint8Array> {
  const { frameIndex, plainLength, baseId, kind } = segment;
  const known = { frameIndex, plainLength, delta: kind === 'delta' };
  return openSegment(opener, frame, baseOf, baseId === undefined ? known : { ...known, baseId });
}

/** The bytes of an envelope a footer describes, from its frame's bytes. */
export function decodeObject(opener: FileOpener, object: ObjectRecord, frame: Uint8Array): Uint8Array {
  const opened = opener.openFrame(frame, object.frameIndex);
  if (opened.kind !== FRAME_KIND.object || opened.plainLength !== object.plainLength) {
    throw new CairnError('integrity/damaged', `frame ${object.frameIndex} is not the object that belongs there`);
  }
  return inflate(opened, OBJECT_BYTES_MAX);
}

/** Decodes the footer of an opened file and checks it against the trailer. */
export function footerOf({ opener, trailer, footerPlain }: FooteredFile): PackFooter {
  const footer = decodeFooter(footerPlain, { fileType: opener.fileType, framesEnd: trailer.footerOffset });
  if (footer.frameCount + 1 !== trailer.frameCount) {
    throw new CairnError('integrity/malformed', 'a pack’s trailer counts other frames than its footer');
  }
  return footer;
}

/** Opens a pack or commit file. Two reads where the footer has at most 64 KiB, else three. */
export async function openPack(
  options: FileIdentity & { readonly read: ReadRange; readonly sizeBytes: number },
): Promise<PackReader> {
  const { read, sizeBytes } = options;
  const file = await openFooteredFile({ ...options, sizeBytesMax: PACK_BYTES_MAX, footerBytesMax: FOOTER_BYTES_MAX });
  const { opener } = file;
  return {
    fileType: opener.fileType,
    sizeBytes,
    footer: footerOf(file),
    opener,
    readSegment: async (segment, baseOf) =>
      decodeSegment(opener, segment, await readExactly(read, segment.offset, segment.length), baseOf),
    decodeSegment: (segment, frame, baseOf) => decodeSegment(opener, segment, frame, baseOf),
    readObject: async (object) => decodeObject(opener, object, await readExactly(read, object.offset, object.length)),
  };
}
