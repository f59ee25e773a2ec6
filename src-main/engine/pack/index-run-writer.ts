/**
 * Writes an index run from entries that rise strictly by id. Memory is bounded: one page of entries, the filter (10 bits an
 * id) and 40 bytes a page for the footer.
 */
import { assert } from '../../../src-shared/assert.ts';
import { ID_BYTES, parseIndexRunId, type IndexRunId, type PackId } from '../../../src-shared/ids.ts';
import { COMPRESSION, FILE_TYPE, FRAME_KIND } from '../codec/index.ts';
import { ByteWriter, equalBytes, fromHex } from '../kernel/index.ts';
import { compareIds, copyId, copyRow, EntryRows, NUMBER_BYTES } from './index-columns.ts';
import type { IndexedPack, IndexEntry } from './index-entry.ts';
import { addToFilter, filterBlockCount } from './index-filter.ts';
import { PageBuilder } from './index-page.ts';
import { encodeRunFooter } from './index-run-footer.ts';
import {
  ENTRIES_PER_RUN_MAX,
  FILTER_BLOCK_BYTES,
  FILTER_BLOCKS_PER_FRAME,
  FOOTER_EXTENSION_BYTES_MAX,
  PACK_TABLE_RECORD_BYTES,
  PACKS_PER_RUN_MAX,
  PACKS_PER_TABLE_FRAME_MAX,
  SUPERSEDED_RUNS_MAX,
} from './layout.ts';
import { createSealedFileWriter, refuse, type SealedFileOptions, type SealedFileWriter } from './sealed-file-writer.ts';

/** Batches of entries, of any size, rising strictly by id over all batches. EntryRows are copied column by column. */
export type EntryBatches = AsyncIterable<Iterable<IndexEntry>> | Iterable<Iterable<IndexEntry>>;

export type IndexRunInput = Omit<SealedFileOptions, 'fileType'> & {
  /** Every pack an entry names; packs without entries may stand here too. */
  readonly packs: readonly IndexedPack[];
  readonly entries: EntryBatches;
  /** At least as many as `entries` gives; sizes the filter. */
  readonly entryCountMax: number;
  readonly generation: number;
  /** Runs that this one replaces: a reader that sees both ignores them. */
  readonly supersedes: readonly IndexRunId[];
  readonly extension?: Uint8Array;
  /** Gets the bytes of the file, in order. */
  readonly append: (bytes: Uint8Array) => Promise<void>;
};

export type FinishedRun = {
  readonly runId: IndexRunId;
  readonly sizeBytes: number;
  readonly entryCount: number;
  readonly packCount: number;
};

type PageSummary = { readonly firstId: Uint8Array; readonly frameLength: number; readonly entryCount: number };

export async function buildIndexRun(input: IndexRunInput): Promise<FinishedRun> {
  const { packs, entryCountMax, generation, supersedes, append } = input;
  const extension = input.extension ?? new Uint8Array(0);
  assert(
    packs.length <= PACKS_PER_RUN_MAX && entryCountMax <= ENTRIES_PER_RUN_MAX,
    'a run larger than the format allows',
  );
  assert(supersedes.length <= SUPERSEDED_RUNS_MAX, 'a run replaces a bounded number of runs');
  assert(extension.length <= FOOTER_EXTENSION_BYTES_MAX, 'a footer’s extension is too long');
  const file = createSealedFileWriter({ ...input, fileType: FILE_TYPE.indexRun });
  await append(file.header);

  const packFrameLengths: number[] = [];
  for (let from = 0; from < packs.length; from += PACKS_PER_TABLE_FRAME_MAX) {
    const frame = file.sealPlain(
      FRAME_KIND.indexPacks,
      encodePackTable(packs.slice(from, from + PACKS_PER_TABLE_FRAME_MAX)),
    );
    packFrameLengths.push(frame.length);
    await append(frame);
  }

  const blockCount = filterBlockCount(entryCountMax);
  const filter = new Uint8Array(blockCount * FILTER_BLOCK_BYTES);
  const pages: PageSummary[] = [];
  let entryCount = 0;
  for await (const page of pagesOf(input.entries, packs)) {
    addToFilter(filter, blockCount, page.columns.ids, page.length);
    entryCount += page.length;
    assert(entryCount <= entryCountMax, 'more entries came than were announced');
    const frame = file.sealPlain(FRAME_KIND.indexPage, page.encode());
    pages.push({ firstId: page.firstId(), frameLength: frame.length, entryCount: page.length });
    await append(frame);
  }

  const filterFrameLengths: number[] = [];
  const partBytes = FILTER_BLOCKS_PER_FRAME * FILTER_BLOCK_BYTES;
  for (let from = 0; from < filter.length; from += partBytes) {
    const frame = sealFilter(file, filter.subarray(from, Math.min(from + partBytes, filter.length)));
    filterFrameLengths.push(frame.length);
    await append(frame);
  }
  const counts = { packCount: packs.length, filterBlockCount: blockCount, entryCount, generation };
  const { tail, name } = file.end(
    encodeRunFooter({ ...counts, packFrameLengths, pages, filterFrameLengths, supersedes, extension }),
  );
  await append(tail);
  return { runId: parseIndexRunId(name), sizeBytes: file.sizeBytes, entryCount, packCount: packs.length };
}

/** Filter bits look random: never worth compressing. */
function sealFilter(file: SealedFileWriter, part: Uint8Array): Uint8Array {
  const frame = {
    kind: FRAME_KIND.indexFilter,
    compression: COMPRESSION.none,
    plainLength: part.length,
    payload: part,
  };
  return file.seal(frame, (opened) => {
    if (!equalBytes(opened.payload, part)) refuse('a filter');
  });
}

function encodePackTable(packs: readonly IndexedPack[]): Uint8Array {
  const writer = new ByteWriter(packs.length * PACK_TABLE_RECORD_BYTES);
  for (const { packId, fileType, sizeBytes, blobCount } of packs)
    writer.bytes(fromHex(packId)).u8(fileType).u64(sizeBytes).u32(blobCount);
  return writer.finish();
}

/**
 * Cuts batches into full pages, and asserts what every reader will check. It is one page, filled time and again: valid until
 * the next one is asked for.
 */
async function* pagesOf(entries: EntryBatches, packs: readonly IndexedPack[]): AsyncGenerator<PageBuilder> {
  const filler = new PageFiller(packs);
  for await (const batch of entries) {
    const source = batch instanceof EntryRows ? filler.rowsOf(batch) : filler.entriesOf(batch);
    for (const page of source) yield page;
  }
  if (filler.page.length > 0) yield filler.page;
}

class PageFiller {
  readonly page = new PageBuilder();
  readonly #ordinals: ReadonlyMap<PackId, number>;
  /** The last id of the page before. */
  readonly #previous = new DataView(new ArrayBuffer(ID_BYTES));
  #isFirst = true;
  /** What the ordinals of the rows at hand become, and for which table that was made. */
  #renumbered:
    { readonly packs: readonly IndexedPack[]; readonly ordinals: readonly (number | undefined)[] } | undefined;

  constructor(packs: readonly IndexedPack[]) {
    this.#ordinals = new Map<PackId, number>(packs.map(({ packId }, ordinal) => [packId, ordinal]));
    assert(this.#ordinals.size === packs.length, 'a run lists a pack once');
  }

  *rowsOf(rows: EntryRows): Generator<PageBuilder> {
    if (this.#renumbered?.packs !== rows.packs) {
      const ordinals = rows.packs.map(({ packId }) => this.#ordinals.get(packId));
      this.#renumbered = { packs: rows.packs, ordinals };
    }
    const { ordinals } = this.#renumbered;
    const { columns } = rows;
    for (let row = 0; row < rows.length; row++) {
      const packOrdinal = ordinals[columns.packOrdinals.getUint32(row * NUMBER_BYTES, true)];
      assert(packOrdinal !== undefined, 'an entry’s pack stands in the pack table');
      copyRow(columns, row, this.page.columns, this.page.length++, packOrdinal);
      if (this.#added()) yield* this.#full();
    }
  }

  *entriesOf(entries: Iterable<IndexEntry>): Generator<PageBuilder> {
    for (const entry of entries) {
      const packOrdinal = this.#ordinals.get(entry.packId);
      assert(packOrdinal !== undefined, 'an entry’s pack stands in the pack table');
      this.page.add({ ...entry, packOrdinal });
      if (this.#added()) yield* this.#full();
    }
  }

  /** Checks the row just added; true where the page is full. */
  #added(): boolean {
    const { ids } = this.page.columns;
    const last = this.page.length - 1;
    const order = last === 0 ? compareIds(this.#previous, 0, ids, 0) : compareIds(ids, last - 1, ids, last);
    assert(this.#isFirst || order < 0, 'entries of a run rise strictly by id');
    this.#isFirst = false;
    return this.page.isFull;
  }

  *#full(): Generator<PageBuilder> {
    copyId(this.page.columns.ids, (this.page.length - 1) * ID_BYTES, this.#previous, 0);
    yield this.page;
    this.page.length = 0;
  }
}
