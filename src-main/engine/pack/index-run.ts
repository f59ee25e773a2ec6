/**
 * An open index run, in one of two ways.
 *
 * Cold: a lookup goes to the one page that can hold the id, by the first ids of the pages. Only where that was in vain
 * a few times the filter is read too. Resident: 32 bytes a page, 200 a pack, the filter frames touched so far.
 *
 * Loaded: the ids of all rows stand in memory (12 bytes each), so “is it here?” needs neither a read nor a wait; where
 * it lies is told by the places of its page. A run loads itself once single pages have cost about as much as all would:
 * whoever needs a few ids reads a few pages, and nobody ever pays more than about twice.
 *
 * Pages, whole or as places, live in the cache that all runs share.
 */
import { assert } from '../../../src-shared/assert.ts';
import { CairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import { ID_BYTES, type BlobId, type IndexRunId, type PackId } from '../../../src-shared/ids.ts';
import { FILE_TYPE, type FileSecrets } from '../codec/index.ts';
import { EntryRows } from './index-columns.ts';
import type { BlobLocation, IndexedPack, IndexEntry } from './index-entry.ts';
import { filterBlockOf, filterMayContain } from './index-filter.ts';
import { RunIds } from './index-ids.ts';
import { IndexPage } from './index-page.ts';
import { FrameTable, type PagePlaces } from './index-places.ts';
import { decodeRunFooter, type RunFooter } from './index-run-footer.ts';
import { readPackTable, type RunFile, RunFrames } from './index-run-frames.ts';
import { FILTER_BLOCK_BYTES, FILTER_BLOCKS_PER_FRAME, RUN_BYTES_MAX, RUN_FOOTER_BYTES_MAX } from './layout.ts';
import type { PageCache } from './page-cache.ts';
import { openFooteredFile, type ReadRange } from './reader.ts';

/** An estimate of a pack record as an object with its id as hex. */
const PACK_RESIDENT_BYTES = 200;
/** Pages read for ids that were not in them, before the filter is asked first: reading a part of it costs two pages. */
const PAGES_IN_VAIN_MAX = 4;
/** A run loads itself after this many page reads at least, and after this part of its pages. One page read for a lookup
 *  costs about twice what it costs among all (measured: 0.5 ms against 0.3 ms). */
const LOAD_AFTER_PAGES_MIN = 32;
const LOAD_AFTER_PAGES_PART = 0.5;

export type IndexRun = {
  readonly runId: IndexRunId;
  readonly sizeBytes: number;
  readonly entryCount: number;
  readonly packCount: number;
  readonly generation: number;
  readonly supersedes: readonly IndexRunId[];
  readonly extension: Uint8Array;
  /** Memory held by this run besides cached pages, in bytes. */
  readonly residentBytes: number;
  readonly packs: readonly IndexedPack[];
  readonly find: (id: BlobId) => Promise<BlobLocation | undefined>;
  /** Without waiting: false when the id is certainly absent. True where neither ids nor filter are loaded. */
  readonly mayContain: (id: BlobId) => boolean;
  /** Reads all ids, once. @throws CairnError integrity/… where a page is damaged; then the run stays as it was. */
  readonly load: () => Promise<void>;
  readonly isLoaded: boolean;
  /** The row of an id, −1 where it has none. Without waiting, and only once loaded. */
  readonly rowOf: (id: Uint8Array) => number;
  /** A bit for each row, bit `row mod 8` of byte `row div 8`: set where its pack is one of these. Reads all pages. */
  readonly rowsIn: (packs: ReadonlySet<PackId>) => Promise<Uint8Array>;
  /** Reads the whole filter, for callers that will ask for many absent ids. */
  readonly loadFilter: () => Promise<void>;
  /** All entries, rising by id, in batches of a page. Leaves the page cache alone. */
  readonly batches: () => AsyncGenerator<EntryRows>;
  /** The same one by one: comfortable, and slower for millions. */
  readonly iterate: () => AsyncGenerator<IndexEntry>;
  /** Gives its cached pages back, where the run is needed no more. */
  readonly release: () => void;
};

export type OpenIndexRunOptions = {
  readonly read: ReadRange;
  readonly sizeBytes: number;
  readonly runId: IndexRunId;
  /** 16 bytes. */
  readonly repositoryId: Uint8Array;
  readonly secrets: FileSecrets;
  readonly cache: PageCache;
};

export async function openIndexRun(options: OpenIndexRunOptions): Promise<IndexRun> {
  const sizes = { sizeBytesMax: RUN_BYTES_MAX, footerBytesMax: RUN_FOOTER_BYTES_MAX };
  const { opener, trailer, footerPlain } = await openFooteredFile({
    ...options,
    ...sizes,
    fileTypes: [FILE_TYPE.indexRun],
  });
  const footer = decodeRunFooter(footerPlain, { framesEnd: trailer.footerOffset });
  if (footer.frameCount + 1 !== trailer.frameCount) {
    throw new CairnError('integrity/malformed', 'the trailer of an index run counts other frames than its footer');
  }
  const file: RunFile = { read: options.read, opener, footer };
  return new OpenRun(options, file, await readPackTable(file));
}

class OpenRun implements IndexRun {
  readonly runId: IndexRunId;
  readonly sizeBytes: number;
  readonly packs: readonly IndexedPack[];
  readonly #footer: RunFooter;
  readonly #frames: RunFrames;
  readonly #cache: PageCache;
  readonly #cacheOwner: number;
  /** The first row of each page. */
  readonly #pageStarts: Uint32Array;
  #filterFrames: (Uint8Array | undefined)[];
  #ids: RunIds | undefined;
  readonly #places: FrameTable;
  #loading: Promise<void> | undefined;
  /** A damaged page elsewhere is no reason not to read the others. */
  #isLoadable = true;
  #pagesRead = 0;
  #pagesInVain = 0;

  constructor(options: OpenIndexRunOptions, file: RunFile, packs: readonly IndexedPack[]) {
    this.runId = options.runId;
    this.sizeBytes = options.sizeBytes;
    this.packs = packs;
    this.#cache = options.cache;
    this.#cacheOwner = options.cache.newOwner();
    this.#footer = file.footer;
    this.#frames = new RunFrames(file, packs);
    this.#places = new FrameTable(file.footer.entryCount);
    this.#filterFrames = file.footer.filterFrames.map(() => undefined);
    let row = 0;
    this.#pageStarts = Uint32Array.from(file.footer.pages, ({ entryCount }) => (row += entryCount) - entryCount);
  }

  get entryCount(): number {
    return this.#footer.entryCount;
  }

  get packCount(): number {
    return this.#footer.packCount;
  }

  get generation(): number {
    return this.#footer.generation;
  }

  get supersedes(): readonly IndexRunId[] {
    return this.#footer.supersedes;
  }

  get extension(): Uint8Array {
    return this.#footer.extension;
  }

  get residentBytes(): number {
    const filter = this.#filterFrames.reduce((sum, frame) => sum + (frame?.length ?? 0), 0);
    const footer = this.packs.length * PACK_RESIDENT_BYTES + this.#footer.firstIds.length + this.#pageStarts.byteLength;
    return filter + footer + (this.#ids?.sizeBytes ?? 0) + this.#places.sizeBytes;
  }

  get isLoaded(): boolean {
    return this.#ids !== undefined;
  }

  rowOf(id: Uint8Array): number {
    assert(this.#ids !== undefined, 'rows are known once the run is loaded');
    return this.#ids.rowOf(id);
  }

  mayContain(id: BlobId): boolean {
    if (this.entryCount === 0) return false;
    if (this.#ids !== undefined) return this.#ids.rowOf(id) !== -1;
    const block = filterBlockOf(id, this.#footer.filterBlockCount);
    const filter = this.#filterFrames[Math.floor(block / FILTER_BLOCKS_PER_FRAME)];
    return filter === undefined || filterMayContain(filter, (block % FILTER_BLOCKS_PER_FRAME) * FILTER_BLOCK_BYTES, id);
  }

  async loadFilter(): Promise<void> {
    for (let part = 0; part < this.#filterFrames.length; part++) await this.#loadFilterPart(part);
  }

  find(id: BlobId): Promise<BlobLocation | undefined> {
    return this.#ids === undefined ? this.#findUnloaded(id) : this.#findRow(this.#ids.rowOf(id));
  }

  load(): Promise<void> {
    if (this.#ids !== undefined) return Promise.resolve();
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async rowsIn(packs: ReadonlySet<PackId>): Promise<Uint8Array> {
    const wanted = this.packs.map(({ packId }) => packs.has(packId));
    const rows = new Uint8Array(Math.ceil(this.entryCount / 8));
    let row = 0;
    for await (const page of this.#frames.allPages()) {
      for (let inPage = 0; inPage < page.entryCount; inPage++, row++)
        if (wanted[page.packOrdinalAt(inPage)] === true) rows[row >> 3] = (rows[row >> 3] ?? 0) | (1 << (row & 7));
    }
    return rows;
  }

  async *iterate(): AsyncGenerator<IndexEntry> {
    for await (const batch of this.batches()) yield* batch;
  }

  async *batches(): AsyncGenerator<EntryRows> {
    for await (const page of this.#frames.allPages()) yield new EntryRows(page.columns, page.entryCount, this.packs);
  }

  release(): void {
    this.#cache.drop(this.#cacheOwner, this.#footer.pages.length);
  }

  #isWorthLoading(): boolean {
    const after = Math.max(LOAD_AFTER_PAGES_MIN, this.#footer.pages.length * LOAD_AFTER_PAGES_PART);
    return this.#isLoadable && this.#pagesRead >= after;
  }

  async #tryToLoad(): Promise<void> {
    try {
      await this.load();
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      this.#isLoadable = false;
    }
  }

  async #load(): Promise<void> {
    const ids = new RunIds(this.entryCount, this.sizeBytes);
    let hasRoom = true;
    let pageIndex = 0;
    for await (const page of this.#frames.allPages()) {
      ids.append(page.columns.ids, page.entryCount);
      // What was read is kept where there is room: the reader that loads a run asks for places next.
      hasRoom &&= this.#cache.offer(this.#cacheOwner, pageIndex, this.#places.pack(page));
      pageIndex++;
    }
    ids.finish();
    this.#ids = ids;
    this.#filterFrames = this.#filterFrames.map(() => undefined);
  }

  async #findUnloaded(id: BlobId): Promise<BlobLocation | undefined> {
    if (this.entryCount === 0) return undefined;
    if (this.#isWorthLoading()) await this.#tryToLoad();
    return this.#ids === undefined ? this.#findCold(id) : this.#findRow(this.#ids.rowOf(id));
  }

  #findRow(row: number): Promise<BlobLocation | undefined> {
    if (row === -1) return Promise.resolve(undefined);
    const pageIndex = this.#pageOfRow(row);
    const rowInPage = row - (this.#pageStarts[pageIndex] ?? 0);
    const places = this.#cache.get(this.#cacheOwner, pageIndex);
    return places === undefined
      ? this.#loadPlaces(pageIndex).then((loaded) => this.#locate(loaded, rowInPage))
      : Promise.resolve(this.#locate(places, rowInPage));
  }

  async #findCold(id: BlobId): Promise<BlobLocation | undefined> {
    if (this.#pagesInVain >= PAGES_IN_VAIN_MAX)
      await this.#loadFilterPart(
        Math.floor(filterBlockOf(id, this.#footer.filterBlockCount) / FILTER_BLOCKS_PER_FRAME),
      );
    if (!this.mayContain(id)) return undefined;
    const pageIndex = this.#pageOf(id);
    if (pageIndex === -1) return undefined;
    const cached = this.#cache.get(this.#cacheOwner, pageIndex);
    const page = cached instanceof IndexPage ? cached : await this.#loadPage(pageIndex);
    const row = page.rowOf(id);
    if (row !== -1) return this.#locate(page, row);
    if (page !== cached) this.#pagesInVain++;
    return undefined;
  }

  #locate(places: PagePlaces, row: number): BlobLocation {
    const pack = this.packs[places.packOrdinalAt(row)];
    // Every row of a decoded page was checked against the table.
    assert(pack !== undefined, 'an entry names a pack of the table');
    return places.locationAt(row, pack);
  }

  /** The last page whose first id is not above the id; −1 when all are. */
  #pageOf(id: Uint8Array): number {
    const { firstIds, pages } = this.#footer;
    let [low, high] = [0, pages.length - 1];
    while (low <= high) {
      const middle = (low + high) >>> 1;
      if (firstIds.compare(id, 0, ID_BYTES, middle * ID_BYTES, (middle + 1) * ID_BYTES) <= 0) low = middle + 1;
      else high = middle - 1;
    }
    return high;
  }

  #pageOfRow(row: number): number {
    const starts = this.#pageStarts;
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((starts[middle] ?? 0) <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  async #loadPage(pageIndex: number): Promise<IndexPage> {
    const page = await this.#frames.page(pageIndex);
    // Another lookup may have waited for the same page.
    const cached = this.#cache.get(this.#cacheOwner, pageIndex);
    if (cached instanceof IndexPage) return cached;
    this.#pagesRead++;
    this.#cache.put(this.#cacheOwner, pageIndex, page);
    return page;
  }

  async #loadPlaces(pageIndex: number): Promise<PagePlaces> {
    const page = await this.#frames.page(pageIndex);
    const cached = this.#cache.get(this.#cacheOwner, pageIndex);
    if (cached !== undefined) return cached;
    const places = this.#places.pack(page);
    this.#cache.put(this.#cacheOwner, pageIndex, places);
    return places;
  }

  async #loadFilterPart(part: number): Promise<void> {
    this.#filterFrames[part] ??= await this.#frames.filterPart(part);
  }
}
