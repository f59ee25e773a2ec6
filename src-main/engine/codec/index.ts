/** The door of the codec: hash, compress, seal, envelope, keys, chunk. Everything bytes go through on their way to disk. */
export {
  asBuffer,
  BLOB_TYPE,
  type BlobHasher,
  type BlobType,
  createBlobHasher,
  createHasher,
  createKeyedHasher,
  hash,
  HASH_BYTES,
  type Hasher,
} from './hash.ts';
export { decodeJson, decodeMessagePack, encodeJson, encodeMessagePack } from './value-format.ts';
export { type FieldType, type LayoutField } from './layout.ts';
export {
  CIPHER,
  type Cipher,
  COMPRESSION,
  type Compression,
  FILE_HEADER_BYTES,
  FILE_HEADER_FIELDS,
  FILE_MAGIC,
  FILE_TYPE,
  FILE_VERSION,
  type FileType,
  FRAME_HEADER_BYTES,
  FRAME_HEADER_FIELDS,
  FRAME_KIND,
  FRAME_MAGIC,
  FRAME_PLAIN_BYTES_MAX,
  FRAME_SEALED_BYTES_MAX,
  type FrameKind,
  FRAMES_MAX,
  REPOSITORY_ID_BYTES,
  SALT_BYTES,
  TAG_BYTES,
  TRAILER_BYTES,
  TRAILER_FIELDS,
  TRAILER_MAGIC,
} from './seal-layout.ts';
export {
  createFileSealer,
  decodeTrailer,
  encodeTrailer,
  type FileOpener,
  type FileSealer,
  type FileSecrets,
  type FrameHeader,
  type FrameToSeal,
  type OpenedFrame,
  openFileHeader,
  readFrameHeader,
  type Trailer,
} from './seal.ts';
export { type BackgroundCodec, createBackgroundCodec } from './background.ts';
export { type ObjectFrame, openObjectFile, sealObjectFile } from './object-file.ts';
export {
  compress,
  type Compressed,
  type CompressionSpec,
  forBulk,
  decompress,
  DEFAULT_COMPRESSION,
  DICTIONARY_BYTES_MAX,
  formatCompression,
  parseCompression,
  PLAIN_BYTES_MAX,
  setZstdProvider,
  type ZstdProvider,
} from './compress.ts';
export {
  ENVELOPE_COMPONENTS_MAX,
  ENVELOPE_FIELDS,
  ENVELOPE_FIXED_BYTES,
  ENVELOPE_FORMAT,
  ENVELOPE_MAGIC,
  ENVELOPE_PLAIN_BYTES_MAX,
  ENVELOPE_VERSION,
  type EnvelopeFormat,
  OBJECT_TYPE,
  type ObjectType,
} from './envelope-layout.ts';
export {
  type DecodedEnvelope,
  decodeEnvelope,
  encodeEnvelope,
  type EnvelopeComponent,
  type EnvelopeExpectation,
  type EnvelopeHeader,
  envelopeMetrics,
  type EnvelopeMetrics,
  type EnvelopeToEncode,
  type Migrations,
  WRITER_VERSION,
} from './envelope.ts';
export {
  type CreatedSlot,
  createMasterKey,
  createPasswordSlot,
  createRecoverySlot,
  deriveKey,
  KDF_COST_DEFAULT,
  type KdfCost,
  type KeyPurpose,
  type KeySlotInfo,
  type KeySlotType,
  MASTER_KEY_BYTES,
  openSlot,
  readSlot,
  type SlotSecret,
} from './keys.ts';
export { createRecoveryKey, formatRecoveryKey, parseRecoveryKey, RECOVERY_KEY_BYTES } from './recovery-key.ts';
export { createSigner, PUBLIC_KEY_BYTES, type Signer, SIGNATURE_BYTES, verifySignature } from './sign.ts';
export {
  CHUNK_BUFFER_BYTES,
  chunkAll,
  type Chunker,
  CHUNKING,
  type ChunkSizes,
  createChunker,
  createReferenceChunker,
} from './chunk.ts';
export { assertSelfTest, runSelfTest, type SelfTestOptions, type SelfTestResult } from './self-test.ts';
