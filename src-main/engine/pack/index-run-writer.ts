/**
 * Writes an index run from entries that rise strictly by id. Memory is bounded: one page of entries, the filter (10 bits an
 * id) and 40 bytes a page for the footer.
 */
import { assert } from '../../../src-shared/assert.ts';
import { ID_BYTES, parseIndexRunId, type BlobId, type IndexRunId, type PackId } from '../../../src-shared/ids.ts';
import { COMPRESSION, FILE_TYPE, FRAME_KIND } from '../codec/index.ts';
import { ByteWriter, compareBytes, equalBytes, fromHex } from '../kernel/index.ts';
import type { IndexedPack, IndexEntry } from './index-entry.ts';
import { addToFilter, filterBlockCount, filterBlockOf } from './index-filter.ts';
import { encodeIndexPage, type PageEntry } from './index-page.ts';
import { encodeRunFooter } from './index-run-footer.ts';
import {
  ENTRIES_PER_PAGE_MAX,
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

/** Batches of entries, of any size, rising strictly by id over all batches. */
export type EntryBatches = AsyncIterable<readonly IndexEntry[]> | Iterable<readonly IndexEntry[]>;

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
  for await (const rows of pagesOf(input.entries, packs)) {
    for (const { id } of rows) addToFilter(filter, filterBlockOf(id, blockCount) * FILTER_BLOCK_BYTES, id);
    entryCount += rows.length;
    assert(entryCount <= entryCountMax, 'more entries came than were announced');
    const frame = file.sealPlain(FRAME_KIND.indexPage, encodeIndexPage(rows));
    const [first] = rows;
    assert(first !== undefined, 'a page has entries');
    pages.push({ firstId: new Uint8Array(first.id), frameLength: frame.length, entryCount: rows.length });
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

/** Cuts batches into full pages, and asserts what every reader will check. */
async function* pagesOf(entries: EntryBatches, packs: readonly IndexedPack[]): AsyncGenerator<readonly PageEntry[]> {
  const ordinals = new Map<PackId, number>(packs.map(({ packId }, ordinal) => [packId, ordinal]));
  assert(ordinals.size === packs.length, 'a run lists a pack once');
  const previous = new Uint8Array(ID_BYTES);
  let isFirst = true;
  let rows: PageEntry[] = [];
  for await (const batch of entries) {
    for (const entry of batch) {
      assert(isFirst || compareBytes(previous, entry.id) < 0, 'entries of a run rise strictly by id');
      isFirst = false;
      previous.set(entry.id);
      rows.push(toRow(entry, ordinals.get(entry.packId)));
      if (rows.length === ENTRIES_PER_PAGE_MAX) {
        yield rows;
        rows = [];
      }
    }
  }
  if (rows.length > 0) yield rows;
}

function toRow(entry: IndexEntry, packOrdinal: number | undefined): PageEntry {
  assert(packOrdinal !== undefined, 'an entry’s pack stands in the pack table');
  const { frameOffset, frameLength, offset, length, type, delta } = entry;
  const id: BlobId = entry.id;
  return { id, packOrdinal, frameOffset, frameLength, offset, length, type, delta };
}
