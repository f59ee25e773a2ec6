/** A place for files with names and bytes: six methods, a local folder and memory. */
export {
  type ByteRange,
  type FinishOptions,
  type PlaceCheck,
  READ_BYTES_MAX,
  type ReadOptions,
  type RemoveOptions,
  type Store,
  type StoreClock,
  type StoreEntry,
  type StoreWriter,
  writeWhole,
} from './store.ts';
export { createLocalStore, type LocalStore, type LocalStoreOptions, type TemporaryFile } from './local-store.ts';
export { createRoot } from './local-root.ts';
export { createMemoryStore } from './memory-store.ts';
export { createWriteThrottle, type ThrottleOptions, type WriteThrottle } from './throttled-store.ts';
export {
  baseOf,
  checkFolder,
  checkName,
  folderOf,
  isTemporaryName,
  joinName,
  NAME_LENGTH_MAX,
  NAME_SEGMENTS_MAX,
} from './names.ts';
export {
  type ContentSyncReason,
  type EntryKind,
  errnoOf,
  type FileStat,
  type FileSystem,
  type FolderItem,
  type FolderSyncReason,
  type HeldFolder,
  type ReadHandle,
  type SyncReason,
  type WriteHandle,
} from './filesystem.ts';
export { nodeFileSystem } from './node-filesystem.ts';
