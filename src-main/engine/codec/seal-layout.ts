/**
 * Layout of sealed files: FileHeader, FrameHeader and Trailer, with every code they hold. Numbers here are on disk
 * for ever: a code is never given a second meaning, a new one gets a new number.
 */
import { assertLayout, type LayoutField } from './layout.ts';

export const FILE_MAGIC = 'CAIRNBAK';
export const FRAME_MAGIC = 'CrnF';
/** Carriage return and line feed catch a transfer that took the file for text. */
export const TRAILER_MAGIC = 'CrnEND\r\n';

export const FILE_VERSION = 1;

export const FILE_TYPE = {
  dataPack: 1,
  treePack: 2,
  commitFile: 3,
  indexRun: 4,
  snapshot: 5,
  event: 6,
  condemnation: 7,
  keySlot: 8,
  backupSet: 10,
} as const;
export type FileType = (typeof FILE_TYPE)[keyof typeof FILE_TYPE];

export const CIPHER = { none: 0, aes256Gcm: 1 } as const;
export type Cipher = (typeof CIPHER)[keyof typeof CIPHER];

export const FRAME_KIND = {
  segment: 1,
  deltaSegment: 2,
  footer: 3,
  object: 4,
  indexPage: 5,
  indexFilter: 6,
  indexPacks: 7,
} as const;
export type FrameKind = (typeof FRAME_KIND)[keyof typeof FRAME_KIND];

export const COMPRESSION = { none: 0, zstd: 1, lz4: 2, gzip: 3 } as const;
export type Compression = (typeof COMPRESSION)[keyof typeof COMPRESSION];

export const FILE_HEADER_BYTES = 104;
export const FRAME_HEADER_BYTES = 24;
export const TRAILER_BYTES = 24;
export const TAG_BYTES = 16;
export const NONCE_BYTES = 12;
export const SALT_BYTES = 32;
export const COMMITMENT_BYTES = 32;
export const REPOSITORY_ID_BYTES = 16;

/** Frames in one file. Far below what one AES-GCM key may seal; bounds every table a reader builds. */
export const FRAMES_MAX = 2 ** 20;
/** Plaintext of one frame: a segment is about 1 MiB, one blob at most 8 MiB, a page of the index far less. */
export const FRAME_PLAIN_BYTES_MAX = 16 * 1024 * 1024;
/** What does not shrink is stored, so a sealed payload is never larger than the plaintext and its tag. */
export const FRAME_SEALED_BYTES_MAX = FRAME_PLAIN_BYTES_MAX + TAG_BYTES;

export const FILE_HEADER_FIELDS: readonly LayoutField[] = [
  { offset: 0, size: 8, type: 'bytes', name: 'magic' },
  { offset: 8, size: 2, type: 'u16', name: 'fileVersion' },
  { offset: 10, size: 1, type: 'u8', name: 'fileType' },
  { offset: 11, size: 1, type: 'u8', name: 'cipher' },
  { offset: 12, size: 4, type: 'u32', name: 'flags' },
  { offset: 16, size: 16, type: 'bytes', name: 'repositoryId' },
  { offset: 32, size: 32, type: 'bytes', name: 'salt' },
  { offset: 64, size: 32, type: 'bytes', name: 'commitment' },
  { offset: 96, size: 8, type: 'u64', name: 'reserved' },
];

export const FRAME_HEADER_FIELDS: readonly LayoutField[] = [
  { offset: 0, size: 4, type: 'bytes', name: 'magic' },
  { offset: 4, size: 1, type: 'u8', name: 'frameKind' },
  { offset: 5, size: 1, type: 'u8', name: 'compression' },
  { offset: 6, size: 2, type: 'u16', name: 'flags' },
  { offset: 8, size: 4, type: 'u32', name: 'counter' },
  { offset: 12, size: 4, type: 'u32', name: 'plainLength' },
  { offset: 16, size: 4, type: 'u32', name: 'sealedLength' },
  { offset: 20, size: 4, type: 'u32', name: 'reserved' },
];

export const TRAILER_FIELDS: readonly LayoutField[] = [
  { offset: 0, size: 8, type: 'u64', name: 'footerOffset' },
  { offset: 8, size: 4, type: 'u32', name: 'footerLength' },
  { offset: 12, size: 4, type: 'u32', name: 'frameCount' },
  { offset: 16, size: 8, type: 'bytes', name: 'magic' },
];

assertLayout('FileHeader', FILE_HEADER_FIELDS, FILE_HEADER_BYTES);
assertLayout('FrameHeader', FRAME_HEADER_FIELDS, FRAME_HEADER_BYTES);
assertLayout('Trailer', TRAILER_FIELDS, TRAILER_BYTES);
