/**
 * The footer of an index run: which frames it has, the first id of every page, and what the run replaces.
 *
 * Invariants: frames lie end to end (pack tables, pages, filter, footer), so only lengths are stored; first ids rise
 * strictly; counts agree with each other before anything is sized by them.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { ID_BYTES, parseIndexRunId, type IndexRunId } from '../../../src-shared/ids.ts';
import { FILE_HEADER_BYTES } from '../codec/index.ts';
import { ByteReader, ByteWriter, compareBytes, fromHex, toHex } from '../kernel/index.ts';
import {
  ENTRIES_PER_PAGE_MAX,
  ENTRIES_PER_RUN_MAX,
  FILTER_BLOCK_BYTES,
  FILTER_BLOCKS_MAX,
  FILTER_BLOCKS_PER_FRAME,
  FOOTER_EXTENSION_BYTES_MAX,
  FRAME_OVERHEAD_BYTES,
  INDEX_PAGE_BYTES_MAX,
  PACK_TABLE_BYTES_MAX,
  PACKS_PER_RUN_MAX,
  PACKS_PER_TABLE_FRAME_MAX,
  PAGES_PER_RUN_MAX,
  RUN_FOOTER_HEAD_BYTES,
  RUN_FOOTER_PAGE_BYTES,
  RUN_FOOTER_VERSION,
  SUPERSEDED_RUNS_MAX,
} from './layout.ts';

export type FramePlace = { readonly offset: number; readonly length: number };
export type PagePlace = FramePlace & { readonly entryCount: number };

export type RunFooter = {
  readonly entryCount: number;
  readonly packCount: number;
  readonly filterBlockCount: number;
  readonly generation: number;
  readonly supersedes: readonly IndexRunId[];
  readonly packFrames: readonly FramePlace[];
  readonly pages: readonly PagePlace[];
  /** First id of every page, 32 bytes each. */
  readonly firstIds: Buffer;
  readonly filterFrames: readonly FramePlace[];
  /** All frames but the footer's own. */
  readonly frameCount: number;
  readonly extension: Uint8Array;
};

export type RunFooterInput = {
  readonly packFrameLengths: readonly number[];
  readonly pages: readonly {
    readonly firstId: Uint8Array;
    readonly frameLength: number;
    readonly entryCount: number;
  }[];
  readonly filterFrameLengths: readonly number[];
  readonly packCount: number;
  readonly filterBlockCount: number;
  readonly entryCount: number;
  readonly generation: number;
  readonly supersedes: readonly IndexRunId[];
  readonly extension: Uint8Array;
};

export function encodeRunFooter(input: RunFooterInput): Uint8Array {
  const writer = new ByteWriter(RUN_FOOTER_HEAD_BYTES + input.pages.length * RUN_FOOTER_PAGE_BYTES)
    .u8(RUN_FOOTER_VERSION)
    .u8(0)
    .u16(input.supersedes.length)
    .u32(input.packFrameLengths.length)
    .u32(input.pages.length)
    .u32(input.filterFrameLengths.length)
    .u32(input.packCount)
    .u32(input.filterBlockCount)
    .u64(input.entryCount)
    .u64(input.generation)
    .u32(input.extension.length)
    .u32(0);
  for (const length of input.packFrameLengths) writer.u32(length);
  for (const { firstId, frameLength, entryCount } of input.pages)
    writer.bytes(firstId).u32(frameLength).u32(entryCount);
  for (const length of input.filterFrameLengths) writer.u32(length);
  for (const runId of input.supersedes) writer.bytes(fromHex(runId));
  return writer.bytes(input.extension).finish();
}

type Head = {
  readonly supersededCount: number;
  readonly packFrameCount: number;
  readonly pageCount: number;
  readonly filterFrameCount: number;
  readonly packCount: number;
  readonly filterBlockCount: number;
  readonly entryCount: number;
  readonly generation: number;
  readonly extensionLength: number;
};

function readHead(reader: ByteReader): Head {
  const version = reader.u8();
  if (version > RUN_FOOTER_VERSION) {
    throw new CairnError(
      'repository/newer-format',
      `an index run has a footer of version ${version}; this Cairn reads ${RUN_FOOTER_VERSION}`,
    );
  }
  if (version !== RUN_FOOTER_VERSION) reader.fail(`there is no footer version ${version}`);
  if (reader.u8() !== 0) reader.fail('a reserved field is not zero');
  const head: Head = {
    supersededCount: reader.u16(),
    packFrameCount: reader.u32(),
    pageCount: reader.u32(),
    filterFrameCount: reader.u32(),
    packCount: reader.u32(),
    filterBlockCount: reader.u32(),
    entryCount: reader.u64Number(),
    generation: reader.u64Number(),
    extensionLength: reader.u32(),
  };
  if (reader.u32() !== 0) reader.fail('a reserved field is not zero');
  const bounded =
    head.supersededCount <= SUPERSEDED_RUNS_MAX &&
    head.pageCount <= PAGES_PER_RUN_MAX &&
    head.packCount <= PACKS_PER_RUN_MAX &&
    head.filterBlockCount <= FILTER_BLOCKS_MAX &&
    head.entryCount <= ENTRIES_PER_RUN_MAX &&
    head.extensionLength <= FOOTER_EXTENSION_BYTES_MAX;
  if (!bounded) reader.fail('it counts more than any run may have');
  const agreeing =
    head.packFrameCount === Math.ceil(head.packCount / PACKS_PER_TABLE_FRAME_MAX) &&
    head.filterFrameCount === Math.ceil(head.filterBlockCount / FILTER_BLOCKS_PER_FRAME) &&
    head.entryCount > 0 === head.pageCount > 0 &&
    (head.entryCount === 0 || (head.packCount > 0 && head.filterBlockCount > 0));
  if (!agreeing) reader.fail('its counts contradict each other');
  const expected =
    (head.packFrameCount + head.filterFrameCount) * 4 +
    head.pageCount * RUN_FOOTER_PAGE_BYTES +
    head.supersededCount * ID_BYTES +
    head.extensionLength;
  if (reader.left !== expected) reader.fail(`${expected} bytes of tables expected, ${reader.left} left`);
  return head;
}

/** Hands out places end to end and refuses lengths a frame can't have. */
function createPlacer(
  reader: ByteReader,
  framesEnd: number,
): { place: (plainBytesMax: number) => FramePlace; end: () => void } {
  let at = FILE_HEADER_BYTES;
  return {
    place: (plainBytesMax) => {
      const length = reader.u32();
      if (length < FRAME_OVERHEAD_BYTES || length > plainBytesMax + FRAME_OVERHEAD_BYTES)
        reader.fail(`a frame can’t have ${length} bytes`);
      const offset = at;
      at += length;
      if (at > framesEnd) reader.fail('its frames do not fit into the file');
      return { offset, length };
    },
    end: () => {
      if (at !== framesEnd) reader.fail(`its frames end at byte ${at} and the footer begins at ${framesEnd}`);
    },
  };
}

/** Reads a run footer's plaintext; `framesEnd` is where the footer frame begins. Keeps views of `bytes`. */
export function decodeRunFooter(bytes: Uint8Array, { framesEnd }: { framesEnd: number }): RunFooter {
  const reader = new ByteReader(bytes, 'footer of an index run');
  const head = readHead(reader);
  const { place, end } = createPlacer(reader, framesEnd);
  const packFrames = Array.from({ length: head.packFrameCount }, () => place(PACK_TABLE_BYTES_MAX));
  const firstIds = Buffer.alloc(head.pageCount * ID_BYTES);
  const pages: PagePlace[] = [];
  let entries = 0;
  let previous: Uint8Array | undefined;
  for (let page = 0; page < head.pageCount; page++) {
    const firstId = reader.bytes(ID_BYTES);
    if (previous !== undefined && compareBytes(previous, firstId) >= 0)
      reader.fail(`first ids do not rise at page ${page}`);
    previous = firstId;
    firstIds.set(firstId, page * ID_BYTES);
    const framePlace = place(INDEX_PAGE_BYTES_MAX);
    const entryCount = reader.u32();
    if (entryCount === 0 || entryCount > ENTRIES_PER_PAGE_MAX) reader.fail(`a page can’t have ${entryCount} entries`);
    entries += entryCount;
    pages.push({ ...framePlace, entryCount });
  }
  if (entries !== head.entryCount) reader.fail('its pages hold another number of entries than it says');
  const filterFrames = Array.from({ length: head.filterFrameCount }, () =>
    place(FILTER_BLOCKS_PER_FRAME * FILTER_BLOCK_BYTES),
  );
  end();
  const supersedes = Array.from({ length: head.supersededCount }, () => parseIndexRunId(toHex(reader.bytes(ID_BYTES))));
  const extension = reader.bytes(head.extensionLength);
  reader.end();
  const { entryCount, packCount, filterBlockCount, generation } = head;
  const frameCount = packFrames.length + pages.length + filterFrames.length;
  return {
    entryCount,
    packCount,
    filterBlockCount,
    generation,
    supersedes,
    packFrames,
    pages,
    firstIds,
    filterFrames,
    frameCount,
    extension,
  };
}
