/**
 * Folders of snapshots, page by page. A folder is read once, kept for a while, and sorted and filtered from there, so
 * that the second page of a hundred thousand entries costs nothing. What a snapshot holds never changes, so nothing kept
 * here is ever wrong; it is only bounded.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { BrowseSort } from '../../../src-shared/api/index.ts';
import type { BrowseEntry, BrowsePage } from '../../../src-shared/model/index.ts';
import type { OpenRepository } from '../api.ts';
import { bytesOf } from '../kernel/index.ts';
import { ListingColumns } from './listing-columns.ts';

/** An entry takes about 150 bytes. */
const ENTRIES_KEPT_MAX = 300_000;
const FOLDERS_KEPT_MAX = 100;
/** No folder of a backup is larger; one that claims to be would fill the memory. */
const FOLDER_ENTRIES_MAX = 5_000_000;

export type ListingAt = { readonly destinationId: string; readonly snapshotId: string; readonly path: string };
export type PageRequest = ListingAt & {
  readonly sort: BrowseSort;
  readonly filter: string;
  readonly offset: number;
  readonly limit: number;
};

type Listing = { readonly columns: ListingColumns; readonly incomplete: boolean };

export class Listings {
  /** The least lately used first. */
  readonly #kept = new Map<string, Listing>();
  readonly #reading = new Map<string, Promise<Listing>>();
  readonly #entriesMax: number;

  constructor(entriesMax = ENTRIES_KEPT_MAX) {
    this.#entriesMax = entriesMax;
  }

  /** @throws CairnError path/not-found, snapshot/not-found, integrity/… */
  async page(repository: OpenRepository, request: PageRequest): Promise<BrowsePage> {
    const { columns, incomplete } = await this.#listing(repository, request);
    const { sort, filter, offset, limit } = request;
    const view = columns.view(sort, filter);
    const rows = [...view.subarray(offset, offset + limit)];
    return { entries: rows.map((row) => columns.entry(row)), total: view.length, incomplete };
  }

  /** What the entries of these names in a folder hold together. */
  async bytesOf(repository: OpenRepository, at: ListingAt, names: ReadonlySet<string>): Promise<number> {
    return (await this.#listing(repository, at)).columns.bytesOf(names);
  }

  /** Those of these names that are in a folder. */
  async entriesOf(
    repository: OpenRepository,
    at: ListingAt,
    names: ReadonlySet<string>,
  ): Promise<readonly BrowseEntry[]> {
    return (await this.#listing(repository, at)).columns.entriesOf(names);
  }

  /** A repository was closed: what it showed is not shown any more. */
  forget(destinationId: string): void {
    for (const key of this.#kept.keys()) if (key.startsWith(`${destinationId}\0`)) this.#kept.delete(key);
  }

  async #listing(repository: OpenRepository, at: ListingAt): Promise<Listing> {
    const key = [at.destinationId, at.snapshotId, at.path].join('\0');
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return kept;
    }
    const reading = this.#reading.get(key) ?? this.#read(repository, at, key);
    this.#reading.set(key, reading);
    try {
      return await reading;
    } finally {
      this.#reading.delete(key);
    }
  }

  async #read(repository: OpenRepository, { snapshotId, path }: ListingAt, key: string): Promise<Listing> {
    const bytes = bytesOf(path);
    const columns = new ListingColumns(prefixOf(bytes));
    let incomplete = false;
    const onUnreadable = (): void => {
      incomplete = true;
    };
    for await (const rows of repository.listFolder({ snapshot: snapshotId, path: bytes }, onUnreadable)) {
      columns.add(rows);
      if (columns.length > FOLDER_ENTRIES_MAX)
        throw new CairnError('limit/exceeded', `The folder holds more than ${FOLDER_ENTRIES_MAX} entries.`);
    }
    const listing: Listing = { columns, incomplete };
    this.#keep(key, listing);
    return listing;
  }

  #keep(key: string, listing: Listing): void {
    this.#kept.set(key, listing);
    let total = [...this.#kept.values()].reduce((sum, { columns }) => sum + columns.length, 0);
    for (const [oldest, { columns }] of this.#kept) {
      if (this.#kept.size <= 1 || (total <= this.#entriesMax && this.#kept.size <= FOLDERS_KEPT_MAX)) return;
      this.#kept.delete(oldest);
      total -= columns.length;
    }
  }
}

/** What stands before the names of a folder in the paths of its entries, as the engine writes paths. */
function prefixOf(path: Uint8Array): string {
  const names = escapePath(path)
    .split('/')
    .filter((name) => name !== '' && name !== '.');
  return names.map((name) => `${name}/`).join('');
}
