/**
 * The footer of a pack or commit file: which frames lie in it and which blobs lie in each segment.
 *
 * Invariants: frames lie end to end between the file header and the footer frame; the blobs of a segment lie end to end
 * and fill it. So the footer stores lengths only, and every offset a reader computes is inside the file, rising and
 * free of overlaps. In memory the blob columns stay columns: records are made for one segment at a time.
 */
import { asBlobId, ID_BYTES, type BlobId } from '../../../src-shared/ids.ts';
import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { FILE_HEADER_BYTES, FRAME_KIND, type BlobType, type Compression, type FileType } from '../codec/index.ts';
import { ByteReader, ByteWriter, concatBytes } from '../kernel/index.ts';
import { isBlobType, isCompression } from './codes.ts';
import {
  BLOBS_PER_PACK_MAX,
  BLOBS_PER_SEGMENT_MAX,
  FOOTER_BLOB_BYTES,
  FOOTER_EXTENSION_BYTES_MAX,
  FOOTER_FRAME_BYTES,
  FOOTER_HEAD_BYTES,
  FOOTER_VERSION,
  FRAME_OVERHEAD_BYTES,
  OBJECTS_PER_PACK_MAX,
  OBJECT_BYTES_MAX,
  SEGMENTS_PER_PACK_MAX,
  SEGMENT_BYTES_MAX,
  SEGMENT_PAYLOAD_BYTES_MAX,
} from './layout.ts';

/** One blob inside the plaintext of its segment. */
export type BlobRecord = {
  readonly id: BlobId;
  readonly type: BlobType;
  readonly offset: number;
  readonly length: number;
};

type FramePlace = {
  /** Place among all frames of the file, which is also the frame's counter. */
  readonly frameIndex: number;
  /** Where the frame (its header included) lies in the file. */
  readonly offset: number;
  readonly length: number;
  readonly plainLength: number;
  readonly compression: Compression;
};

export type SegmentRecord = FramePlace & {
  readonly kind: 'segment' | 'delta';
  /** Place of its first blob among all blobs of the file. */
  readonly firstBlob: number;
  readonly blobCount: number;
  /** The blob a delta was compressed against; set for deltas only. */
  readonly baseId?: BlobId;
};

export type ObjectRecord = FramePlace & { readonly kind: 'object'; readonly objectType: number };

export type PackFooter = {
  readonly fileType: FileType;
  readonly segments: readonly SegmentRecord[];
  readonly objects: readonly ObjectRecord[];
  readonly frameCount: number;
  readonly blobCount: number;
  /** Plaintext of all blobs together. */
  readonly plainBytes: number;
  /** Bytes a later version may add; kept as they are. */
  readonly extension: Uint8Array;
  /** The blobs of one segment in order. The ids are views of the footer. */
  readonly blobsOf: (segment: SegmentRecord) => BlobRecord[];
  readonly columns: FooterBlobColumns;
};

/** All blobs in the order of the file, for whoever can't afford an object for each. */
export type FooterBlobColumns = {
  /** 32 bytes a blob. */
  readonly ids: DataView;
  readonly types: Uint8Array;
  /** u32, little-endian. */
  readonly lengths: DataView;
};

export type FooterSegment = {
  readonly kind: 'segment' | 'delta';
  readonly compression: Compression;
  readonly plainLength: number;
  readonly blobs: readonly BlobRecord[];
  readonly baseId?: BlobId;
};

/** Collects the columns of a footer while a pack grows. */
export class FooterColumns {
  readonly #frames = new ByteWriter();
  readonly #bases = new ByteWriter();
  readonly #ids = new ByteWriter();
  readonly #types = new ByteWriter();
  readonly #lengths = new ByteWriter();
  #frameCount = 0;
  #segmentCount = 0;
  #objectCount = 0;
  #deltaCount = 0;
  #blobCount = 0;
  #plainBytes = 0;

  get segmentCount(): number {
    return this.#segmentCount;
  }

  get objectCount(): number {
    return this.#objectCount;
  }

  get blobCount(): number {
    return this.#blobCount;
  }

  get plainBytes(): number {
    return this.#plainBytes;
  }

  addSegment(segment: FooterSegment, frameLength: number): void {
    const { kind, compression, plainLength, blobs, baseId } = segment;
    assert((kind === 'delta') === (baseId !== undefined), 'a delta names its base, nothing else does');
    const frameKind = kind === 'delta' ? FRAME_KIND.deltaSegment : FRAME_KIND.segment;
    this.#frames.u8(frameKind).u8(compression).u16(0).u32(frameLength).u32(plainLength).u32(blobs.length);
    if (baseId !== undefined) {
      this.#bases.bytes(baseId);
      this.#deltaCount++;
    }
    let end = 0;
    for (const { id, type, offset, length } of blobs) {
      assert(offset === end, 'blobs lie end to end in their segment');
      end += length;
      this.#ids.bytes(id);
      this.#types.u8(type);
      this.#lengths.u32(length);
    }
    assert(end === plainLength, 'the blobs of a segment fill it');
    this.#frameCount++;
    this.#segmentCount++;
    this.#blobCount += blobs.length;
    this.#plainBytes += plainLength;
  }

  addObject(object: { compression: Compression; plainLength: number; objectType: number }, frameLength: number): void {
    const { compression, plainLength, objectType } = object;
    this.#frames.u8(FRAME_KIND.object).u8(compression).u16(objectType).u32(frameLength).u32(plainLength).u32(0);
    this.#frameCount++;
    this.#objectCount++;
  }

  encode(fileType: FileType, extension: Uint8Array = new Uint8Array(0)): Uint8Array {
    const head = new ByteWriter(FOOTER_HEAD_BYTES)
      .u8(FOOTER_VERSION)
      .u8(fileType)
      .u16(0)
      .u32(this.#frameCount)
      .u32(this.#deltaCount)
      .u32(this.#blobCount)
      .u64(this.#plainBytes)
      .u32(extension.length)
      .u32(0);
    const columns = [head, this.#frames, this.#bases, this.#ids, this.#types, this.#lengths];
    return concatBytes([...columns.map((column) => column.view()), extension]);
  }
}

type Head = {
  readonly frameCount: number;
  readonly deltaCount: number;
  readonly blobCount: number;
  readonly plainBytes: number;
  readonly extensionLength: number;
};

function readHead(reader: ByteReader, fileType: FileType): Head {
  const version = reader.u8();
  if (version > FOOTER_VERSION) {
    throw new CairnError(
      'repository/newer-format',
      `a pack has a footer of version ${version}; this Cairn reads ${FOOTER_VERSION}`,
    );
  }
  if (version !== FOOTER_VERSION) reader.fail(`there is no footer version ${version}`);
  if (reader.u8() !== fileType) reader.fail('it belongs to a file of another type');
  if (reader.u16() !== 0) reader.fail('a reserved field is not zero');
  const frameCount = reader.u32();
  const deltaCount = reader.u32();
  const blobCount = reader.u32();
  const plainBytes = reader.u64Number();
  const extensionLength = reader.u32();
  if (reader.u32() !== 0) reader.fail('a reserved field is not zero');
  if (frameCount > SEGMENTS_PER_PACK_MAX + OBJECTS_PER_PACK_MAX)
    reader.fail(`${frameCount} frames are more than a pack may have`);
  if (deltaCount > frameCount) reader.fail('it counts more deltas than frames');
  if (blobCount > BLOBS_PER_PACK_MAX) reader.fail(`${blobCount} blobs are more than a pack may have`);
  if (extensionLength > FOOTER_EXTENSION_BYTES_MAX) reader.fail('its extension is too long');
  const expected =
    frameCount * FOOTER_FRAME_BYTES + deltaCount * ID_BYTES + blobCount * FOOTER_BLOB_BYTES + extensionLength;
  if (reader.left !== expected) reader.fail(`${expected} bytes of tables expected, ${reader.left} left`);
  return { frameCount, deltaCount, blobCount, plainBytes, extensionLength };
}

type Frames = { readonly segments: SegmentRecord[]; readonly objects: ObjectRecord[] };

function readFrames(reader: ByteReader, head: Head, bases: ByteReader, framesEnd: number): Frames {
  const segments: SegmentRecord[] = [];
  const objects: ObjectRecord[] = [];
  let offset = FILE_HEADER_BYTES;
  let firstBlob = 0;
  for (let frameIndex = 0; frameIndex < head.frameCount; frameIndex++) {
    const frameKind = reader.u8();
    const compression = reader.u8();
    if (!isCompression(compression)) reader.fail(`there is no compression ${compression}`);
    const objectType = reader.u16();
    const length = reader.u32();
    const plainLength = reader.u32();
    const blobCount = reader.u32();
    if (length < FRAME_OVERHEAD_BYTES || length > SEGMENT_PAYLOAD_BYTES_MAX + FRAME_OVERHEAD_BYTES) {
      reader.fail(`a frame can’t have ${length} bytes`);
    }
    const place = { frameIndex, offset, length, plainLength, compression };
    offset += length;
    if (offset > framesEnd) reader.fail('its frames do not fit into the file');
    if (frameKind === FRAME_KIND.object) {
      if (blobCount !== 0 || plainLength > OBJECT_BYTES_MAX) reader.fail('an object frame has impossible sizes');
      objects.push({ ...place, kind: 'object', objectType });
      continue;
    }
    const isDelta = frameKind === FRAME_KIND.deltaSegment;
    if (!isDelta && frameKind !== FRAME_KIND.segment) reader.fail(`a pack has no frames of kind ${frameKind}`);
    if (objectType !== 0) reader.fail('a segment has an object type');
    if (blobCount === 0 || blobCount > (isDelta ? 1 : BLOBS_PER_SEGMENT_MAX))
      reader.fail(`a segment can’t have ${blobCount} blobs`);
    if (plainLength > SEGMENT_BYTES_MAX) reader.fail(`a segment can’t have ${plainLength} bytes`);
    const shared = { ...place, firstBlob, blobCount };
    segments.push(
      isDelta ? { ...shared, kind: 'delta', baseId: asBlobId(bases.bytes(ID_BYTES)) } : { ...shared, kind: 'segment' },
    );
    firstBlob += blobCount;
  }
  if (offset !== framesEnd) reader.fail(`its frames end at byte ${offset} and the footer begins at ${framesEnd}`);
  if (firstBlob !== head.blobCount) reader.fail('it lists another number of blobs than its segments have');
  if (objects.length > OBJECTS_PER_PACK_MAX || segments.length > SEGMENTS_PER_PACK_MAX)
    reader.fail('it has too many frames of a kind');
  bases.end();
  return { segments, objects };
}

/**
 * Reads a footer's plaintext. `fileType` is what the file header says, `framesEnd` where the footer frame begins; both
 * have to agree with the footer. Keeps views of `bytes`.
 */
export function decodeFooter(
  bytes: Uint8Array,
  { fileType, framesEnd }: { fileType: FileType; framesEnd: number },
): PackFooter {
  const reader = new ByteReader(bytes, 'pack footer');
  const head = readHead(reader, fileType);
  const frameTable = new ByteReader(reader.bytes(head.frameCount * FOOTER_FRAME_BYTES), 'pack footer’s frame table');
  const bases = new ByteReader(reader.bytes(head.deltaCount * ID_BYTES), 'pack footer’s base column');
  const { segments, objects } = readFrames(frameTable, head, bases, framesEnd);
  const ids = reader.bytes(head.blobCount * ID_BYTES);
  const idView = new DataView(ids.buffer, ids.byteOffset, ids.byteLength);
  const types = reader.bytes(head.blobCount);
  const lengthBytes = reader.bytes(head.blobCount * 4);
  const lengths = new DataView(lengthBytes.buffer, lengthBytes.byteOffset, lengthBytes.byteLength);
  const extension = reader.bytes(head.extensionLength);
  reader.end();

  for (const type of types) if (!isBlobType(type)) reader.fail(`there is no blob type ${type}`);
  let plainBytes = 0;
  for (const segment of segments) {
    let end = 0;
    for (let blob = segment.firstBlob; blob < segment.firstBlob + segment.blobCount; blob++)
      end += lengths.getUint32(blob * 4, true);
    if (end !== segment.plainLength) reader.fail(`the blobs of frame ${segment.frameIndex} do not fill their segment`);
    plainBytes += end;
  }
  if (plainBytes !== head.plainBytes) reader.fail('its total does not match its blobs');

  const blobsOf = (segment: SegmentRecord): BlobRecord[] => {
    const blobs = new Array<BlobRecord>(segment.blobCount);
    let offset = 0;
    for (let index = 0; index < segment.blobCount; index++) {
      const blob = segment.firstBlob + index;
      const length = lengths.getUint32(blob * 4, true);
      const id = asBlobId(ids.subarray(blob * ID_BYTES, (blob + 1) * ID_BYTES));
      blobs[index] = { id, type: types[blob] as BlobType, offset, length };
      offset += length;
    }
    return blobs;
  };
  const { frameCount, blobCount } = head;
  const columns = { ids: idView, types, lengths };
  return { fileType, segments, objects, frameCount, blobCount, plainBytes, extension, blobsOf, columns };
}
