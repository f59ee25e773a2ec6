/**
 * Folders of snapshots, page by page. A folder is read once, kept for a while, and sorted and filtered from there, so
 * that the second page of a hundred thousand entries costs nothing. What a snapshot holds never changes, so nothing kept
 * here is ever wrong; it is only bounded.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import type { BrowseSort } from '../../../src-shared/api/index.ts';
import type { BrowseEntry, BrowsePage, ListedEntry } from '../../../src-shared/model/index.ts';
import type { OpenRepository } from '../api.ts';
import { bytesOf } from '../kernel/index.ts';

/** An entry takes about 500 bytes. */
const ENTRIES_KEPT_MAX = 300_000;
const FOLDERS_KEPT_MAX = 100;
/** Orders of one folder that are kept beside it. */
const VIEWS_MAX = 4;
/** No folder of a backup is larger; one that claims to be would fill the memory. */
const FOLDER_ENTRIES_MAX = 5_000_000;

export type ListingAt = { readonly destinationId: string; readonly snapshotId: string; readonly path: string };
export type PageRequest = ListingAt & {
  readonly sort: BrowseSort;
  readonly filter: string;
  readonly offset: number;
  readonly limit: number;
};

type Listing = {
  readonly entries: readonly BrowseEntry[];
  readonly incomplete: boolean;
  readonly views: Map<string, readonly BrowseEntry[]>;
};

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
    const listing = await this.#listing(repository, request);
    const view = viewOf(listing, request.sort, request.filter);
    return {
      entries: view.slice(request.offset, request.offset + request.limit),
      total: view.length,
      incomplete: listing.incomplete,
    };
  }

  /** Everything in a folder, in the order of its names. */
  async entries(repository: OpenRepository, at: ListingAt): Promise<readonly BrowseEntry[]> {
    return (await this.#listing(repository, at)).entries;
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
    const entries: BrowseEntry[] = [];
    let incomplete = false;
    const onUnreadable = (): void => {
      incomplete = true;
    };
    const from = { snapshot: snapshotId, path: bytesOf(path) };
    for await (const entry of repository.list(from, { recursive: false, onUnreadable })) {
      if (entry.path === path && entry.type !== 'directory')
        throw new CairnError('path/not-found', 'That is a file and not a folder.');
      entries.push(browseEntry(entry));
      if (entries.length > FOLDER_ENTRIES_MAX)
        throw new CairnError('limit/exceeded', `The folder holds more than ${FOLDER_ENTRIES_MAX} entries.`);
    }
    const listing: Listing = { entries, incomplete, views: new Map() };
    this.#keep(key, listing);
    return listing;
  }

  #keep(key: string, listing: Listing): void {
    this.#kept.set(key, listing);
    let total = [...this.#kept.values()].reduce((sum, { entries }) => sum + entries.length, 0);
    for (const [oldest, { entries }] of this.#kept) {
      if (this.#kept.size <= 1 || (total <= this.#entriesMax && this.#kept.size <= FOLDERS_KEPT_MAX)) return;
      this.#kept.delete(oldest);
      total -= entries.length;
    }
  }
}

export function browseEntry(entry: ListedEntry): BrowseEntry {
  const { path, type, size, mtime, mode, target, contentHash } = entry;
  return {
    name: path.slice(path.lastIndexOf('/') + 1),
    path,
    type,
    size,
    mtime,
    mode,
    target: target ?? null,
    contentHash: contentHash ?? null,
  };
}

function viewOf(listing: Listing, sort: BrowseSort, filter: string): readonly BrowseEntry[] {
  const wanted = filter.toLocaleLowerCase('en');
  const key = `${sort.by} ${sort.descending} ${wanted}`;
  const known = listing.views.get(key);
  if (known !== undefined) return known;
  const found =
    wanted === ''
      ? listing.entries
      : listing.entries.filter(({ name }) => name.toLocaleLowerCase('en').includes(wanted));
  const view = found.toSorted(orderOf(sort));
  const [oldest] = listing.views.keys();
  if (listing.views.size >= VIEWS_MAX && oldest !== undefined) listing.views.delete(oldest);
  listing.views.set(key, view);
  return view;
}

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** Folders stand before files, whichever way names are sorted; by size and time everything stands together. */
function orderOf({ by, descending }: BrowseSort): (left: BrowseEntry, right: BrowseEntry) => number {
  const sign = descending ? -1 : 1;
  const byName = (left: BrowseEntry, right: BrowseEntry): number => {
    if (left.name === right.name) return 0;
    return collator.compare(left.name, right.name) || (left.name < right.name ? -1 : 1);
  };
  switch (by) {
    case 'name':
      return (left, right) =>
        Number(right.type === 'directory') - Number(left.type === 'directory') || sign * byName(left, right);
    case 'size':
      return (left, right) => sign * (left.size - right.size) || byName(left, right);
    case 'mtime':
      return (left, right) =>
        sign * (left.mtime < right.mtime ? -1 : left.mtime > right.mtime ? 1 : 0) || byName(left, right);
  }
}
