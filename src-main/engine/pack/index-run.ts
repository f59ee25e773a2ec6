/**
 * An open index run: one lookup costs a look into the filter and, when that says “maybe”, one page.
 *
 * Resident per run: 32 bytes a page, 200 a pack, and the filter frames touched so far (10 bits an id at most); pages live
 * in a shared cache with a byte budget.
 */
import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { ID_BYTES, parsePackId, type BlobId, type IndexRunId } from '../../../src-shared/ids.ts';
import { FILE_TYPE, FRAME_KIND, type FileOpener, type FileSecrets, type FrameKind } from '../codec/index.ts';
import { ByteReader, concatBytes, toHex } from '../kernel/index.ts';
import { isPackFileType } from './codes.ts';
import type { BlobLocation, IndexedPack, IndexEntry } from './index-entry.ts';
import { filterBlockOf, filterMayContain } from './index-filter.ts';
import { decodeIndexPage, type IndexPage, type PageEntry } from './index-page.ts';
import { decodeRunFooter, type FramePlace, type RunFooter } from './index-run-footer.ts';
import {
  FILTER_BLOCK_BYTES,
  FILTER_BLOCKS_PER_FRAME,
  INDEX_PAGE_BYTES_MAX,
  PACK_BYTES_MAX,
  PACK_TABLE_BYTES_MAX,
  PACK_TABLE_RECORD_BYTES,
  RUN_BYTES_MAX,
  RUN_FOOTER_BYTES_MAX,
} from './layout.ts';
import type { PageCache } from './page-cache.ts';
import { inflate, openFooteredFile, readExactly, type ReadRange } from './reader.ts';

/** An estimate of a pack record as an object with its id as hex. */
const PACK_RESIDENT_BYTES = 200;

/** Pages read at once by iterate(), about 0.7 MiB. */
const PAGES_PER_READ = 8;

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
  /** Without waiting: false when the id is certainly absent. True where the filter is not loaded. */
  readonly mayContain: (id: BlobId) => boolean;
  /** Reads the whole filter, for callers that will ask for many absent ids. */
  readonly loadFilter: () => Promise<void>;
  /** All entries, rising by id, in batches of a page. Leaves the page cache alone. */
  readonly batches: () => AsyncGenerator<readonly IndexEntry[]>;
  /** The same one by one: comfortable, and slower for millions. */
  readonly iterate: () => AsyncGenerator<IndexEntry>;
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
  const packs = await readPackTable(options.read, opener, footer);
  return new OpenRun(options, opener, footer, packs);
}

/** The packs of all pack table frames. They lie together at the beginning of the file: one read. */
async function readPackTable(
  read: ReadRange,
  opener: FileOpener,
  { packFrames, packCount }: RunFooter,
): Promise<readonly IndexedPack[]> {
  const [first, last] = [packFrames[0], packFrames.at(-1)];
  if (first === undefined || last === undefined) return [];
  const bytes = await readExactly(read, first.offset, last.offset + last.length - first.offset);
  const parts = packFrames.map(({ offset, length }, index) => {
    const frame = bytes.subarray(offset - first.offset, offset - first.offset + length);
    return openTable(opener, {
      frame,
      frameIndex: index,
      kind: FRAME_KIND.indexPacks,
      plainBytesMax: PACK_TABLE_BYTES_MAX,
    });
  });
  return decodePackTable(concatBytes(parts), packCount);
}

function decodePackTable(table: Uint8Array, packCount: number): readonly IndexedPack[] {
  const reader: ByteReader = new ByteReader(table, 'pack table of an index run');
  if (table.length !== packCount * PACK_TABLE_RECORD_BYTES)
    reader.fail(`${packCount} packs do not take ${table.length} bytes`);
  return Array.from({ length: packCount }, () => {
    const packId = parsePackId(toHex(reader.bytes(ID_BYTES)));
    const fileType = reader.u8();
    const sizeBytes = reader.u64Number();
    const blobCount = reader.u32();
    if (!isPackFileType(fileType) || sizeBytes > PACK_BYTES_MAX) reader.fail('a record has an impossible type or size');
    return { packId, fileType, sizeBytes, blobCount };
  });
}

type TableFrame = {
  readonly frame: Uint8Array;
  readonly frameIndex: number;
  readonly kind: FrameKind;
  readonly plainBytesMax: number;
};

function openTable(opener: FileOpener, { frame, frameIndex, kind, plainBytesMax }: TableFrame): Uint8Array {
  const opened = opener.openFrame(frame, frameIndex);
  if (opened.kind !== kind)
    throw new CairnError(
      'integrity/malformed',
      `frame ${frameIndex} of an index run has kind ${opened.kind}, not ${kind}`,
    );
  return inflate(opened, plainBytesMax);
}

class OpenRun implements IndexRun {
  readonly runId: IndexRunId;
  readonly sizeBytes: number;
  readonly packs: readonly IndexedPack[];
  readonly #footer: RunFooter;
  readonly #opener: FileOpener;
  readonly #read: ReadRange;
  readonly #cache: PageCache;
  readonly #cacheOwner: number;
  readonly #filterFrames: (Uint8Array | undefined)[];
  /** Reads under way, by frame index, so that two lookups share one. */
  readonly #loading = new Map<number, Promise<Uint8Array>>();

  constructor(options: OpenIndexRunOptions, opener: FileOpener, footer: RunFooter, packs: readonly IndexedPack[]) {
    this.runId = options.runId;
    this.sizeBytes = options.sizeBytes;
    this.#read = options.read;
    this.#cache = options.cache;
    this.#cacheOwner = options.cache.newOwner();
    this.#opener = opener;
    this.#footer = footer;
    this.packs = packs;
    this.#filterFrames = footer.filterFrames.map(() => undefined);
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
    return filter + this.packs.length * PACK_RESIDENT_BYTES + this.#footer.firstIds.length;
  }

  mayContain(id: BlobId): boolean {
    if (this.entryCount === 0) return false;
    const block = filterBlockOf(id, this.#footer.filterBlockCount);
    const filter = this.#filterFrames[Math.floor(block / FILTER_BLOCKS_PER_FRAME)];
    return filter === undefined || filterMayContain(filter, (block % FILTER_BLOCKS_PER_FRAME) * FILTER_BLOCK_BYTES, id);
  }

  async loadFilter(): Promise<void> {
    for (let part = 0; part < this.#filterFrames.length; part++) await this.#loadFilterPart(part);
  }

  async find(id: BlobId): Promise<BlobLocation | undefined> {
    if (this.entryCount === 0) return undefined;
    const block = filterBlockOf(id, this.#footer.filterBlockCount);
    await this.#loadFilterPart(Math.floor(block / FILTER_BLOCKS_PER_FRAME));
    if (!this.mayContain(id)) return undefined;
    const pageIndex = this.#pageOf(id);
    if (pageIndex === -1) return undefined;
    const page = this.#cache.get(this.#cacheOwner, pageIndex) ?? (await this.#loadPage(pageIndex));
    const entry = page.find(id);
    return entry && this.#locate(entry);
  }

  async *iterate(): AsyncGenerator<IndexEntry> {
    for await (const batch of this.batches()) yield* batch;
  }

  async *batches(): AsyncGenerator<readonly IndexEntry[]> {
    const { pages } = this.#footer;
    for (let from = 0; from < pages.length; from += PAGES_PER_READ) {
      const group = pages.slice(from, from + PAGES_PER_READ);
      const [first, last] = [group[0], group.at(-1)];
      if (first === undefined || last === undefined) break;
      const bytes = await readExactly(this.#read, first.offset, last.offset + last.length - first.offset);
      for (const [place, { offset, length }] of group.entries()) {
        const frame = bytes.subarray(offset - first.offset, offset - first.offset + length);
        const page = this.#decodePage(from + place, this.#openPage(from + place, frame));
        yield Array.from({ length: page.entryCount }, (_, row) => {
          const entry = page.entryAt(row);
          return { id: entry.id, ...this.#locate(entry) };
        });
      }
    }
  }

  #locate(entry: PageEntry): BlobLocation {
    const pack = this.packs[entry.packOrdinal];
    // Every row of a decoded page was checked against the table.
    assert(pack !== undefined, 'an entry names a pack of the table');
    const { packId, fileType } = pack;
    const { frameOffset, frameLength, offset, length, type, delta } = entry;
    return { packId, fileType, frameOffset, frameLength, offset, length, type, delta };
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

  #openPage(pageIndex: number, frame: Uint8Array): Uint8Array {
    const frameIndex = this.#footer.packFrames.length + pageIndex;
    return openTable(this.#opener, {
      frame,
      frameIndex,
      kind: FRAME_KIND.indexPage,
      plainBytesMax: INDEX_PAGE_BYTES_MAX,
    });
  }

  #decodePage(pageIndex: number, plain: Uint8Array): IndexPage {
    const { firstIds, pages, packCount } = this.#footer;
    const idAt = (page: number): Uint8Array => firstIds.subarray(page * ID_BYTES, (page + 1) * ID_BYTES);
    return decodeIndexPage(plain, {
      firstId: idAt(pageIndex),
      ...(pageIndex + 1 < pages.length && { nextId: idAt(pageIndex + 1) }),
      entryCount: pages[pageIndex]?.entryCount ?? 0,
      packCount,
      packBytes: (ordinal) => this.packs[ordinal]?.sizeBytes ?? 0,
    });
  }

  async #loadPage(pageIndex: number): Promise<IndexPage> {
    const plain = await this.#loadFrame(
      this.#footer.packFrames.length + pageIndex,
      this.#footer.pages[pageIndex],
      (frame) => this.#openPage(pageIndex, frame),
    );
    const page = this.#cache.get(this.#cacheOwner, pageIndex) ?? this.#decodePage(pageIndex, plain);
    this.#cache.put(this.#cacheOwner, pageIndex, page);
    return page;
  }

  async #loadFilterPart(part: number): Promise<void> {
    if (this.#filterFrames[part] !== undefined) return;
    const { packFrames, pages, filterFrames, filterBlockCount } = this.#footer;
    const frameIndex = packFrames.length + pages.length + part;
    const blocks = Math.min(FILTER_BLOCKS_PER_FRAME, filterBlockCount - part * FILTER_BLOCKS_PER_FRAME);
    const plainBytesMax = blocks * FILTER_BLOCK_BYTES;
    const plain = await this.#loadFrame(frameIndex, filterFrames[part], (frame) =>
      openTable(this.#opener, { frame, frameIndex, kind: FRAME_KIND.indexFilter, plainBytesMax }),
    );
    if (plain.length !== plainBytesMax)
      throw new CairnError('integrity/malformed', 'a filter of an index run has the wrong size');
    this.#filterFrames[part] = plain;
  }

  #loadFrame(
    frameIndex: number,
    place: FramePlace | undefined,
    open: (frame: Uint8Array) => Uint8Array,
  ): Promise<Uint8Array> {
    const running = this.#loading.get(frameIndex);
    if (running !== undefined) return running;
    if (place === undefined) throw new CairnError('integrity/malformed', `an index run has no frame ${frameIndex}`);
    const load = readExactly(this.#read, place.offset, place.length)
      .then(open)
      .finally(() => this.#loading.delete(frameIndex));
    this.#loading.set(frameIndex, load);
    return load;
  }
}
