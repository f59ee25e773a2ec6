/** What a backup counts while it walks, and how it tells progress. */
import { escapePath } from '../../../src-shared/format/index.ts';
import type { Progress, SnapshotStats } from '../../../src-shared/model/index.ts';
import { type Entry, type PageFetch, iterateFolder } from '../merkle/index.ts';

export class Counters {
  readonly #onProgress: (progress: Progress) => void;
  #filesNew = 0;
  #filesChanged = 0;
  #filesUnmodified = 0;
  #filesRemoved = 0;
  #folders = 0;
  #metadataChanges = 0;
  #bytesScanned = 0;
  #bytesRead = 0;
  #current: Uint8Array = new Uint8Array();

  constructor(onProgress: (progress: Progress) => void) {
    this.#onProgress = onProgress;
  }

  folder(path: Uint8Array): void {
    this.#folders++;
    this.#current = path;
    this.#tell();
  }

  unmodified(size: number, metadataChanged: boolean): void {
    this.#filesUnmodified++;
    this.#bytesScanned += size;
    if (metadataChanged) this.#metadataChanges++;
  }

  stored(size: number, isNew: boolean): void {
    if (isNew) this.#filesNew++;
    else this.#filesChanged++;
    this.#bytesScanned += size;
  }

  removed(files: number): void {
    this.#filesRemoved += files;
  }

  metadataChange(): void {
    this.#metadataChanges++;
  }

  read(bytes: number): void {
    this.#bytesRead += bytes;
    this.#tell();
  }

  /** Files and folders that the walk has dealt with. */
  get seen(): { readonly files: number; readonly folders: number } {
    return { files: this.#filesNew + this.#filesChanged + this.#filesUnmodified, folders: this.#folders };
  }

  stats(added: { readonly bytesAdded: number; readonly bytesStored: number }): SnapshotStats {
    return {
      filesNew: this.#filesNew,
      filesChanged: this.#filesChanged,
      filesUnmodified: this.#filesUnmodified,
      filesRemoved: this.#filesRemoved,
      folders: this.#folders,
      metadataChanges: this.#metadataChanges,
      bytesScanned: this.#bytesScanned,
      bytesRead: this.#bytesRead,
      bytesAdded: added.bytesAdded,
      bytesStored: added.bytesStored,
    };
  }

  #tell(): void {
    const files = this.#filesNew + this.#filesChanged + this.#filesUnmodified;
    const current = this.#current;
    this.#onProgress({
      phase: 'backup',
      files,
      bytes: this.#bytesScanned,
      filesTotal: 0,
      bytesTotal: 0,
      bytesRead: this.#bytesRead,
      get current() {
        return escapePath(current);
      },
    });
  }
}

/** How many files an entry of an earlier snapshot stands for: itself, or all below it. */
export async function countFiles(entry: Entry, fetch: PageFetch): Promise<number> {
  if (entry.nodeType === 'file') return 1;
  if (entry.nodeType !== 'directory') return 0;
  let files = 0;
  const open: { readonly page: typeof entry.page; readonly level: number }[] = [
    { page: entry.page, level: entry.pageLevel },
  ];
  // No more entries are looked at than the directory says it has: a folder that holds itself ends here.
  let left = entry.totalEntries;
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for await (const child of iterateFolder(fetch, folder.page, folder.level)) {
      if (left-- <= 0) return files;
      if (child.nodeType === 'file') files++;
      else if (child.nodeType === 'directory') open.push({ page: child.page, level: child.pageLevel });
    }
  }
  return files;
}
