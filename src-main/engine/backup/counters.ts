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
  #foldersNew = 0;
  #foldersRemoved = 0;
  #metadataChanges = 0;
  #bytesScanned = 0;
  #bytesRead = 0;
  #before: SnapshotStats | undefined;
  #current: Uint8Array = new Uint8Array();

  constructor(onProgress: (progress: Progress) => void) {
    this.#onProgress = onProgress;
  }

  /** Only a part is walked: the rest is as many files and folders as the parent snapshot had there. */
  beginWith(before: SnapshotStats): void {
    this.#before = before;
  }

  folder(path: Uint8Array, isNew: boolean): void {
    this.#folders++;
    if (isNew) this.#foldersNew++;
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

  removed({ files, folders }: Counted): void {
    this.#filesRemoved += files;
    this.#foldersRemoved += folders;
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

  /** A source that is not there now, and stays as the parent snapshot has it. */
  kept({ files, folders }: Counted, bytes: number): void {
    this.#filesUnmodified += files;
    this.#folders += folders;
    this.#bytesScanned += bytes;
  }

  /** `totalBytes` is the size of everything in the snapshot, walked or taken over. */
  stats(added: {
    readonly bytesAdded: number;
    readonly bytesStored: number;
    readonly totalBytes: number;
  }): SnapshotStats {
    const before = this.#before;
    return {
      filesNew: this.#filesNew,
      filesChanged: this.#filesChanged,
      filesUnmodified: before === undefined ? this.#filesUnmodified : this.#unmodifiedSince(before),
      filesRemoved: this.#filesRemoved,
      folders: before === undefined ? this.#folders : before.folders + this.#foldersNew - this.#foldersRemoved,
      metadataChanges: this.#metadataChanges,
      bytesScanned: before === undefined ? this.#bytesScanned : added.totalBytes,
      bytesRead: this.#bytesRead,
      bytesAdded: added.bytesAdded,
      bytesStored: added.bytesStored,
    };
  }

  #unmodifiedSince({ filesNew, filesChanged, filesUnmodified }: SnapshotStats): number {
    return Math.max(0, filesNew + filesChanged + filesUnmodified - this.#filesRemoved - this.#filesChanged);
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

/** What an entry stands for: itself, or all below it. `hasLinks`: a name of a file with several names is among it. */
export type Counted = { readonly files: number; readonly folders: number; readonly hasLinks: boolean };

export async function countEntries(entry: Entry, fetch: PageFetch): Promise<Counted> {
  let hasLinks = entry.linkGroup !== undefined;
  if (entry.nodeType !== 'directory') return { files: entry.nodeType === 'file' ? 1 : 0, folders: 0, hasLinks };
  let files = 0;
  let folders = 1;
  const open: { readonly page: typeof entry.page; readonly level: number }[] = [
    { page: entry.page, level: entry.pageLevel },
  ];
  // No more entries are looked at than the directory says it has: a folder that holds itself ends here.
  let left = entry.totalEntries;
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for await (const child of iterateFolder(fetch, folder.page, folder.level)) {
      if (left-- <= 0) return { files, folders, hasLinks };
      if (child.linkGroup !== undefined) hasLinks = true;
      if (child.nodeType === 'file') files++;
      else if (child.nodeType === 'directory') {
        folders++;
        open.push({ page: child.page, level: child.pageLevel });
      }
    }
  }
  return { files, folders, hasLinks };
}
