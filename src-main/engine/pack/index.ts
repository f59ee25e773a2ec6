/** The door of the pack room: segments, packs, commit files and index runs as bytes. Knows no store, no folder, no name but hashes. */
export {
  checkPack,
  scanFrames,
  type CheckPackOptions,
  type PackCheck,
  type PackDamage,
  type PackDamagePart,
  type ScannedFrame,
} from './check.ts';
export { isBlobType, isPackFileType, METADATA_COMPRESSION, PACK_FILE_TYPES } from './codes.ts';
export { createDeltaSegment, type DeltaInput } from './delta.ts';
export {
  decodeFooter,
  type BlobRecord,
  type FooterBlobColumns,
  type ObjectRecord,
  type PackFooter,
  type SegmentRecord,
} from './footer.ts';
export { indexEntriesOf, type BlobLocation, type IndexedPack, type IndexEntry } from './index-entry.ts';
export { EntryRows } from './index-columns.ts';
export { mergePacks, mergeRuns, type MergeInput } from './index-merge.ts';
export { openIndexRun, type IndexRun, type OpenIndexRunOptions } from './index-run.ts';
export { buildIndexRun, type EntryBatches, type FinishedRun, type IndexRunInput } from './index-run-writer.ts';
export { IndexTable } from './index-table.ts';
export * from './layout.ts';
export { createPageCache, PAGE_CACHE_BYTES_DEFAULT, type PageCache, sharedPageCache } from './page-cache.ts';
export {
  openPack,
  openPlainSegment,
  openSegment,
  type BaseOf,
  type FileIdentity,
  type PackReader,
  type ReadRange,
} from './reader.ts';
export {
  compressSegment,
  createSegmentBuilder,
  createSegmentBundler,
  type PendingDeltaSegment,
  type PlainSegment,
  type PendingSegment,
  type SegmentBundler,
} from './segment.ts';
export { createPackBuilder, type FinishedPack, type PackBuilder, type PackBuilderOptions } from './writer.ts';
