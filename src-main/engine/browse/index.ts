/** Looking without restoring: folders, files, versions, differences. */
export { diffSnapshots } from './compare.ts';
export { diffLive } from './live.ts';
export { readContent } from './content.ts';
export { findEntries, listVersions } from './history.ts';
export { type FolderRow, describeEntry, listEntries, listFolder, type OnUnreadable } from './list.ts';
export { type Located, fetchPages, locate, locateMaybe, onlySource, splitPath, topFolder } from './locate.ts';
