/** What a folder's entry says of the folder and all below it, against what is found there. */
import type { DirectoryEntry, Entry } from '../merkle/index.ts';

type Sums = { entryCount: number; totalEntries: number; totalBytes: number };

export function newSums(): Sums {
  return { entryCount: 0, totalEntries: 0, totalBytes: 0 };
}

export function addToSums(sums: Sums, entry: Entry): void {
  sums.entryCount++;
  sums.totalEntries++;
  if (entry.nodeType === 'file') sums.totalBytes += entry.size;
  if (entry.nodeType !== 'directory') return;
  // What is below is compared where that folder is checked.
  sums.totalEntries += entry.totalEntries;
  sums.totalBytes += entry.totalBytes;
}

export function isSums({ entryCount, totalEntries, totalBytes }: DirectoryEntry, sums: Sums): boolean {
  return entryCount === sums.entryCount && totalEntries === sums.totalEntries && totalBytes === sums.totalBytes;
}
