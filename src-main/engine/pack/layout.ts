/**
 * Sizes, limits and byte tables of packs, commit files and index runs: the one place FORMAT.md is held against.
 *
 * Every limit is also enforced when reading, so hostile bytes can't ask for more memory than an honest file would.
 */
import { assert } from '../../../src-shared/assert.ts';
import { ID_BYTES } from '../../../src-shared/ids.ts';
import { FILE_HEADER_BYTES, FRAME_HEADER_BYTES, TAG_BYTES, TRAILER_BYTES, type LayoutField } from '../codec/index.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

const FIELD_BYTES = { u8: 1, u16: 2, u32: 4, u64: 8, id: ID_BYTES } as const;

/** A byte table in the codec's vocabulary; an id is a field of 32 bytes. In a column table each field is a column. */
function table(
  ...fields: readonly (readonly [type: keyof typeof FIELD_BYTES, name: string])[]
): readonly LayoutField[] {
  let offset = 0;
  return fields.map(([type, name]) => {
    const size = FIELD_BYTES[type];
    const placed: LayoutField = { offset, size, type: type === 'id' ? 'bytes' : type, name };
    offset += size;
    return placed;
  });
}

function tableBytes(fields: readonly LayoutField[]): number {
  return fields.reduce((sum, { size }) => sum + size, 0);
}

/** What a frame costs beyond its payload. */
export const FRAME_OVERHEAD_BYTES = FRAME_HEADER_BYTES + TAG_BYTES;

// Segments

/** Blobs are bundled until a segment has this much plaintext: 1 MiB seals in one 56 µs call and still decodes in a few ms. */
export const SEGMENT_BYTES_TARGET = 1 * MIB;
/** Largest plaintext of a blob; the largest chunk the chunker cuts is 4 MiB. */
export const BLOB_BYTES_MAX = 8 * MIB;
/** Largest plaintext of a segment: a large blob alone, or less than two targets of small ones. */
export const SEGMENT_BYTES_MAX = 8 * MIB;
/** Reached only by blobs under 128 bytes; keeps the footer and one segment's table small. */
export const BLOBS_PER_SEGMENT_MAX = 8 * KIB;
/** Largest payload of a segment frame: what does not shrink is stored; a delta also carries its base's id. */
export const SEGMENT_PAYLOAD_BYTES_MAX = SEGMENT_BYTES_MAX + 32;

/** A delta segment is worth pinning its base for only when it is at most this part of the blob compressed alone. */
export const DELTA_WORTH_RATIO = 0.9;
/** What a delta segment costs beyond its compressed bytes: frame, base id, footer record and footer base column. */
export const DELTA_OVERHEAD_BYTES = FRAME_OVERHEAD_BYTES + 32 + 16 + 32;

// Packs

export const PACK_BYTES_TARGET_MIN = 16 * MIB;
export const PACK_BYTES_TARGET_MAX = 64 * MIB;
/** Up to this much data packs stay at their smallest; from there they grow with the square root, as the count does. */
export const PACK_GROWTH_FROM_BYTES = 16 * GIB;
/** Footers stay under 8 MiB of plaintext with these three. */
export const SEGMENTS_PER_PACK_MAX = 8 * KIB;
export const BLOBS_PER_PACK_MAX = 128 * KIB;
export const OBJECTS_PER_PACK_MAX = 16;
export const OBJECT_BYTES_MAX = 8 * MIB;
export const FOOTER_EXTENSION_BYTES_MAX = 64 * KIB;
export const FOOTER_BYTES_MAX = 8 * MIB;
/** Largest pack or commit file: a full target, one more segment of the largest size, all objects, the footer. */
export const PACK_BYTES_MAX = 256 * MIB;

/**
 * Size at which a pack is closed, in bytes: 16 MiB for repositories up to 16 GiB, 64 MiB from 256 GiB on, in between by
 * the square root, so that pack count and pack size grow alike.
 */
export function packBytesTarget(repositoryBytes: number): number {
  const grown = PACK_BYTES_TARGET_MIN * Math.sqrt(Math.max(repositoryBytes, 0) / PACK_GROWTH_FROM_BYTES);
  return Math.round(Math.min(Math.max(grown, PACK_BYTES_TARGET_MIN), PACK_BYTES_TARGET_MAX));
}

export const FOOTER_VERSION = 1;

/** Pack footer: head, then `frameCount` frame records, then the columns in this order, then the extension bytes. */
export const FOOTER_HEAD_FIELDS = table(
  ['u8', 'footerVersion'],
  ['u8', 'fileType'],
  ['u16', 'reserved'],
  ['u32', 'frameCount'],
  ['u32', 'deltaCount'],
  ['u32', 'blobCount'],
  ['u64', 'plainBytes'],
  ['u32', 'extensionLength'],
  ['u32', 'reserved'],
);

/** Frames lie end to end from byte 104 to the footer, so a record needs no offset: it is the sum of those before. */
export const FOOTER_FRAME_FIELDS = table(
  ['u8', 'frameKind'],
  ['u8', 'compression'],
  ['u16', 'objectType'],
  ['u32', 'frameLength'],
  ['u32', 'plainLength'],
  ['u32', 'blobCount'],
);

/** Per delta frame, in file order. */
export const FOOTER_BASE_COLUMN = table(['id', 'baseId']);

/** Per blob, one column after the other, in file order. Blobs lie end to end in their segment and fill it. */
export const FOOTER_BLOB_COLUMNS = table(['id', 'blobId'], ['u8', 'blobType'], ['u32', 'length']);

export const FOOTER_HEAD_BYTES = tableBytes(FOOTER_HEAD_FIELDS);
export const FOOTER_FRAME_BYTES = tableBytes(FOOTER_FRAME_FIELDS);
export const FOOTER_BLOB_BYTES = tableBytes(FOOTER_BLOB_COLUMNS);

// Index runs

/** 2,048 entries of 54 bytes are 108 KiB: one lookup reads and decodes about 90 KiB. */
export const ENTRIES_PER_PAGE_MAX = 2048;
/** 67 million blobs; past that, runs stay apart instead of merging. */
export const ENTRIES_PER_RUN_MAX = 64 * KIB * KIB;
export const PAGES_PER_RUN_MAX = 64 * KIB;
export const PACKS_PER_RUN_MAX = 1024 * KIB;
export const PACKS_PER_TABLE_FRAME_MAX = 16 * KIB;
export const SUPERSEDED_RUNS_MAX = 256;
export const RUN_FOOTER_BYTES_MAX = 8 * MIB;
/** Largest index run: the largest number of entries stored uncompressed, with room for everything else. */
export const RUN_BYTES_MAX = 8 * GIB;
/** Flag of an entry whose segment is a delta. */
export const ENTRY_FLAG_DELTA = 1;

/** Filter: blocks of 512 bits, 7 probes, 10 bits an id: about 1.2 % of absent ids pass. */
export const FILTER_BITS_PER_ID = 10;
export const FILTER_BLOCK_BYTES = 64;
export const FILTER_PROBES = 7;
/** 256 KiB a filter frame, so a cold lookup reads only the part it needs. */
export const FILTER_BLOCKS_PER_FRAME = 4 * KIB;
export const FILTER_BLOCKS_MAX = 1536 * KIB;

export const RUN_FOOTER_VERSION = 1;
export const INDEX_PAGE_VERSION = 1;

/** Index page: head, then the columns, each over all entries; entries rise strictly by id. */
export const INDEX_PAGE_HEAD_FIELDS = table(
  ['u8', 'pageVersion'],
  ['u8', 'reserved'],
  ['u16', 'reserved'],
  ['u32', 'entryCount'],
);
export const INDEX_PAGE_COLUMNS = table(
  ['id', 'blobId'],
  ['u32', 'packOrdinal'],
  ['u32', 'frameOffset'],
  ['u32', 'frameLength'],
  ['u32', 'offset'],
  ['u32', 'length'],
  ['u8', 'blobType'],
  ['u8', 'flags'],
);
export const INDEX_PAGE_HEAD_BYTES = tableBytes(INDEX_PAGE_HEAD_FIELDS);
export const INDEX_ENTRY_BYTES = tableBytes(INDEX_PAGE_COLUMNS);
export const INDEX_PAGE_BYTES_MAX = INDEX_PAGE_HEAD_BYTES + ENTRIES_PER_PAGE_MAX * INDEX_ENTRY_BYTES;

/** Pack table frame: records end to end; the ordinal of a pack is its place over all table frames. */
export const PACK_TABLE_FIELDS = table(
  ['id', 'packId'],
  ['u8', 'fileType'],
  ['u64', 'sizeBytes'],
  ['u32', 'blobCount'],
);
export const PACK_TABLE_RECORD_BYTES = tableBytes(PACK_TABLE_FIELDS);
export const PACK_TABLE_BYTES_MAX = PACKS_PER_TABLE_FRAME_MAX * PACK_TABLE_RECORD_BYTES;

/** Run footer: head, pack frame records, page records, filter frame records, superseded run ids, extension. */
export const RUN_FOOTER_HEAD_FIELDS = table(
  ['u8', 'footerVersion'],
  ['u8', 'reserved'],
  ['u16', 'supersededCount'],
  ['u32', 'packFrameCount'],
  ['u32', 'pageCount'],
  ['u32', 'filterFrameCount'],
  ['u32', 'packCount'],
  ['u32', 'filterBlockCount'],
  ['u64', 'entryCount'],
  ['u64', 'generation'],
  ['u32', 'extensionLength'],
  ['u32', 'reserved'],
);
/** Frames lie end to end from byte 104: pack tables, pages, filter. */
export const RUN_FOOTER_FRAME_FIELDS = table(['u32', 'frameLength']);
export const RUN_FOOTER_PAGE_FIELDS = table(['id', 'firstId'], ['u32', 'frameLength'], ['u32', 'entryCount']);
export const RUN_FOOTER_HEAD_BYTES = tableBytes(RUN_FOOTER_HEAD_FIELDS);
export const RUN_FOOTER_PAGE_BYTES = tableBytes(RUN_FOOTER_PAGE_FIELDS);

// Relations between the numbers above.

assert(BLOB_BYTES_MAX <= SEGMENT_BYTES_MAX, 'the largest blob has to fit into a segment');
assert(SEGMENT_BYTES_TARGET * 2 <= SEGMENT_BYTES_MAX, 'a bundle under two targets has to fit into a segment');
assert(
  FOOTER_HEAD_BYTES +
    (SEGMENTS_PER_PACK_MAX + OBJECTS_PER_PACK_MAX) * (FOOTER_FRAME_BYTES + 32) +
    BLOBS_PER_PACK_MAX * FOOTER_BLOB_BYTES +
    FOOTER_EXTENSION_BYTES_MAX <=
    FOOTER_BYTES_MAX,
  'the largest footer has to fit its limit',
);
assert(
  FILE_HEADER_BYTES +
    PACK_BYTES_TARGET_MAX +
    (SEGMENT_PAYLOAD_BYTES_MAX + FRAME_OVERHEAD_BYTES) +
    OBJECTS_PER_PACK_MAX * (OBJECT_BYTES_MAX + FRAME_OVERHEAD_BYTES) +
    (FOOTER_BYTES_MAX + FRAME_OVERHEAD_BYTES) +
    TRAILER_BYTES <=
    PACK_BYTES_MAX,
  'a pack closed at its target has to fit the largest pack',
);
assert(PACK_BYTES_MAX < 2 ** 32, 'offsets inside a pack are u32');
assert(ENTRIES_PER_RUN_MAX / ENTRIES_PER_PAGE_MAX <= PAGES_PER_RUN_MAX, 'every page of the largest run is listed');
assert(
  RUN_FOOTER_HEAD_BYTES +
    PAGES_PER_RUN_MAX * RUN_FOOTER_PAGE_BYTES +
    (PACKS_PER_RUN_MAX / PACKS_PER_TABLE_FRAME_MAX + FILTER_BLOCKS_MAX / FILTER_BLOCKS_PER_FRAME) * 4 +
    SUPERSEDED_RUNS_MAX * 32 +
    FOOTER_EXTENSION_BYTES_MAX <=
    RUN_FOOTER_BYTES_MAX,
  'the largest run footer has to fit its limit',
);
assert(
  (ENTRIES_PER_RUN_MAX * FILTER_BITS_PER_ID) / 8 / FILTER_BLOCK_BYTES <= FILTER_BLOCKS_MAX,
  'the filter of the largest run has to fit its limit',
);
assert(FILTER_BLOCKS_MAX <= 2 ** 21, 'block numbers are computed exactly in 53 bits');
assert(
  ENTRIES_PER_RUN_MAX * (INDEX_ENTRY_BYTES + FILTER_BITS_PER_ID / 8) +
    (PAGES_PER_RUN_MAX + FILTER_BLOCKS_MAX / FILTER_BLOCKS_PER_FRAME) * (INDEX_PAGE_HEAD_BYTES + FRAME_OVERHEAD_BYTES) +
    PACKS_PER_RUN_MAX * PACK_TABLE_RECORD_BYTES +
    RUN_FOOTER_BYTES_MAX <=
    RUN_BYTES_MAX,
  'the largest run has to fit its limit',
);
