/**
 * The door of the Merkle room: entries and the pages that hold them, NodeIds, differences, sets and proofs. Pure: it
 * reads and writes bytes through callbacks and never touches a file.
 */
export {
  attributeFields,
  type AttributesFetch,
  attributesOf,
  decodeAttributes,
  encodeAttributes,
} from './attributes.ts';
export {
  ATTRIBUTES_BYTES_MAX,
  CHUNK_BYTES_MAX,
  type ChunkRef,
  type DeviceEntry,
  type DirectoryEntry,
  ENTRY_TYPE,
  type Entry,
  type EntryMetadata,
  EXTENSION_BYTES_MAX,
  FILE_FLAG,
  type FileContent,
  type FileEntry,
  INLINE_CHUNKS_MAX,
  MODE_MAX,
  NAME_BYTES_MAX,
  nameFault,
  NODE_TYPE_NUMBER,
  type NodeType,
  PAGE_LEVEL_MAX,
  type PipeEntry,
  type SymlinkEntry,
  TARGET_BYTES_MAX,
  type Xattr,
  type XattrBlob,
  XATTR_INLINE_BYTES_MAX,
  XATTR_NAME_BYTES_MAX,
  XATTRS_MAX,
} from './entry.ts';
export { decodeEntryBytes, encodeEntry, encodeOwnerNames, ENTRY_FIELD } from './entry-codec.ts';
export {
  type ChunkListPage,
  decodeChunkListPage,
  decodeFolderPage,
  decodeSealPage,
  encodeChunkListPage,
  encodeFolderPage,
  encodeSealPage,
  type FolderPage,
  PAGE_BLOB_TYPE,
  PAGE_BYTES_MAX,
  PAGE_HEADER_BYTES,
  PAGE_HEADER_FIELDS,
  PAGE_KIND,
  PAGE_MAGIC,
  PAGE_VERSION,
  type PageBlobType,
  type Seal,
  type SealPage,
} from './page.ts';
export {
  type ChunkListBuilder,
  createChunkListBuilder,
  createFolderPageBuilder,
  createSealPageBuilder,
  type FolderPageBuilder,
  type FolderRoot,
  PAGE_SPLIT,
  type PageSink,
  type SealPageBuilder,
  type SealRoot,
  splitHash,
} from './page-builder.ts';
export {
  findEntry,
  folderRef,
  type FolderRef,
  iterateChunks,
  iterateFolder,
  iterateFolderLeaves,
  iterateFolderPages,
  iterateSeals,
  type OnDamagedPage,
  type PageFetch,
} from './page-reader.ts';
export { PageRecordCursor } from './page-cursor.ts';
export { CANONICAL_NAME_BYTES_MAX, canonicalName, type CanonicalName, joinNames, nodePath } from './name.ts';
export {
  createNodeHasher,
  type FolderNode,
  type NodeHasher,
  type SourceNode,
  SOURCES_MAX,
  sourcesNode,
} from './node.ts';
export { GROUP_CHILDREN_MAX, type LeafEntry } from './preimage.ts';
export { compareEntries, DIFF_DEPTH_MAX, type DiffEvent, diffFolder, diffFolders, type EntryPair } from './diff.ts';
export { EMPTY_SET_HASH, MerkleSet, type SetProof, type SetProofStep } from './set.ts';
export { decodeSetProof, encodeSetProof, verifySetProof } from './set-proof.ts';
export { buildEntryProof, type EntryProof, type EntryToProve, type FolderToProve, type ProofStep } from './proof.ts';
export { checkEntryProof, type EntryStatement } from './proof-check.ts';
export { decodeEntryProof, encodeEntryProof, ENTRY_PROOF_BYTES_MAX } from './proof-codec.ts';
export { type NodeMetadata } from './preimage-parse.ts';
