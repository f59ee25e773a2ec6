/** The only reader of user files. Synchronous throughout, for workers: promises walk a tree five times slower. */
export { openSourceFile, type OpenFileResult, type SourceFile } from './file.ts';
export {
  compilePattern,
  createFilter,
  type Filter,
  type FilterDecision,
  type FilterOptions,
  patternsIn,
} from './filter.ts';
export {
  closeSourceFolder,
  defaultPinned,
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
export { createOwnerNames, type OwnerNames } from './owners.ts';
export { describeErrno, errnoOf, problemOf } from './problem.ts';
export { type FileStat, fileStatOf, sameObject } from './stat.ts';
export { followLink, type FollowedLink } from './follow.ts';
export { resolveSources, type Source } from './sources.ts';
