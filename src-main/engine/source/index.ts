/** The only reader of user files. Synchronous throughout, for workers: promises walk a tree five times slower. */
export {
  type AttributeReader,
  type AttributesResult,
  attributesProblem,
  canReadAttributes,
  createAttributeReader,
  readAttributes,
} from './attributes.ts';
export { type AttributeAccess } from './attributes-native.ts';
export { isPlaceholder } from './placeholder.ts';
export { openSourceFile, readerOf, type OpenFileResult, type SourceFile } from './file.ts';
export { createFilter, createRecordedFilter, type Filter, type RecordedFolder } from './filter.ts';
export { CACHE_TAG_NAME, isCacheTagContent } from './filter-folder-marks.ts';
export { IGNORE_FILE_BYTES_MAX, type IgnoreFileName } from './ignore-file.ts';
export { compilePattern, patternsIn } from './filter-globs.ts';
export { type Decision, type ExcludeFile, type FilterOptions, type FolderFilter, SAFETY_FOLDER_NAME } from './rules.ts';
export {
  adoptFolder,
  borrowedFolder,
  closeSourceFolder,
  defaultPinned,
  exact,
  type FolderHandle,
  folderHandle,
  hasDescriptorPaths,
  joinPath,
  openSourceChild,
  openSourceRoot,
  type OpenedFolder,
  resolvePath,
  type SourceFolder,
} from './folder.ts';
export {
  type FolderListing,
  listFolder,
  type ListOptions,
  type ListResult,
  type SourceEntry,
  statPath,
} from './list.ts';
export { listTable } from './list-table.ts';
export { EMPTY_TABLE, Listing, type ListingData } from './listing.ts';
export { createSmallFileReader, type SmallFileReader } from './small-file.ts';
export { createOwnerNames, type OwnerNames } from './owners.ts';
export { describeErrno, errnoOf, problemOf } from './problem.ts';
export { type FileStat, type ListedAs, type ObjectIdentity, fileStatOf, sameObject } from './stat.ts';
export { followLink, type FollowedLink } from './follow.ts';
export { type AbsentSource, type Source, resolvePresentSources, resolveSources } from './sources.ts';
export { timeProblem } from './time-range.ts';
export { CHOKIDAR_FOLDERS_MAX, chooseWatcher } from './watch/choose.ts';
export { type Batch, type LookReason, SETTLE_DEFAULTS, type SettleTimes } from './watch/settle.ts';
export { type LostReason, type WatcherKind } from './watch/watcher.ts';
export {
  type DirtyNote,
  type WatchSource,
  type WatchSourceOptions,
  type WatchState,
  type WatchTimes,
  WATCH_DEFAULTS,
} from './watch/watch-options.ts';
export { watchSource } from './watch/watch-source.ts';
