/**
 * Layout of the envelope around every metadata object. The fixed part is followed by the component versions
 * (4 bytes each) and the payload; the checksum covers all of it but itself.
 */
import { assertLayout, type LayoutField } from './layout.ts';

export const ENVELOPE_MAGIC = 'CrnE';
export const ENVELOPE_VERSION = 1;

export const OBJECT_TYPE = {
  config: 1,
  instance: 2,
  keySlot: 3,
  snapshot: 4,
  event: 5,
  session: 6,
  condemnation: 7,
  reserveHeader: 8,
  backupSet: 9,
  proof: 10,
} as const;
export type ObjectType = (typeof OBJECT_TYPE)[keyof typeof OBJECT_TYPE];

export const ENVELOPE_FORMAT = { messagePack: 1, json: 2, binary: 3 } as const;
export type EnvelopeFormat = (typeof ENVELOPE_FORMAT)[keyof typeof ENVELOPE_FORMAT];

export const ENVELOPE_FIXED_BYTES = 80;
export const ENVELOPE_COMPONENT_BYTES = 4;
export const ENVELOPE_COMPONENTS_MAX = 32;
/**
 * The checksum is the last field of the fixed part: what stands before it is hashed in one piece. Magic, version and
 * checksum keep their places in every later version, so that damage is told from a newer format.
 */
export const ENVELOPE_CHECKSUM_OFFSET = 48;
/** A metadata object is small; what can grow (problem lists, trees) is kept in blobs. */
export const ENVELOPE_PLAIN_BYTES_MAX = 16 * 1024 * 1024;

export const ENVELOPE_FIELDS: readonly LayoutField[] = [
  { offset: 0, size: 4, type: 'bytes', name: 'magic' },
  { offset: 4, size: 2, type: 'u16', name: 'envelopeVersion' },
  { offset: 6, size: 2, type: 'u16', name: 'objectType' },
  { offset: 8, size: 2, type: 'u16', name: 'schemaVersion' },
  { offset: 10, size: 2, type: 'u16', name: 'readerVersionMin' },
  { offset: 12, size: 1, type: 'u8', name: 'format' },
  { offset: 13, size: 1, type: 'u8', name: 'compression' },
  { offset: 14, size: 2, type: 'u16', name: 'componentCount' },
  { offset: 16, size: 4, type: 'u32', name: 'writerVersion' },
  { offset: 20, size: 4, type: 'u32', name: 'reserved' },
  { offset: 24, size: 8, type: 'u64', name: 'createdAtMs' },
  { offset: 32, size: 8, type: 'u64', name: 'plainLength' },
  { offset: 40, size: 8, type: 'u64', name: 'storedLength' },
  { offset: 48, size: 32, type: 'bytes', name: 'checksum' },
];

assertLayout('Envelope', ENVELOPE_FIELDS, ENVELOPE_FIXED_BYTES);
