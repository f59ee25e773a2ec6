/**
 * The frames of an index run, read and opened: pack tables, pages, parts of the filter. Every byte was authenticated and
 * checked against the footer when it leaves this file.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { ID_BYTES, parsePackId } from '../../../src-shared/ids.ts';
import { FRAME_KIND, type FileOpener, type FrameKind } from '../codec/index.ts';
import { ByteReader, concatBytes, toHex } from '../kernel/index.ts';
import { isPackFileType } from './codes.ts';
import type { IndexedPack } from './index-entry.ts';
import { decodeIndexPage, type IndexPage } from './index-page.ts';
import type { FramePlace, RunFooter } from './index-run-footer.ts';
import {
  FILTER_BLOCK_BYTES,
  FILTER_BLOCKS_PER_FRAME,
  INDEX_PAGE_BYTES_MAX,
  PACK_BYTES_MAX,
  PACK_TABLE_BYTES_MAX,
  PACK_TABLE_RECORD_BYTES,
} from './layout.ts';
import { inflate, readExactly, type ReadRange } from './reader.ts';

/** Pages of one read when all are read, about 0.7 MiB. */
const PAGES_PER_READ = 8;

/** Opens the file's own frames, whatever they hold. */
export type RunFile = { readonly read: ReadRange; readonly opener: FileOpener; readonly footer: RunFooter };

/** The packs of all pack table frames. They lie together at the beginning of the file: one read. */
export async function readPackTable({ read, opener, footer }: RunFile): Promise<readonly IndexedPack[]> {
  const { packFrames, packCount } = footer;
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

/** Pages and filter parts of one run. Two callers that want the same frame at once share one read of it. */
export class RunFrames {
  readonly #file: RunFile;
  readonly #packs: readonly IndexedPack[];
  /** Reads under way, by frame index. */
  readonly #reading = new Map<number, Promise<Uint8Array>>();

  constructor(file: RunFile, packs: readonly IndexedPack[]) {
    this.#file = file;
    this.#packs = packs;
  }

  async page(pageIndex: number): Promise<IndexPage> {
    const { packFrames, pages } = this.#file.footer;
    const frameIndex = packFrames.length + pageIndex;
    const plain = await this.#plain(frameIndex, pages[pageIndex], (frame) => this.#openPage(pageIndex, frame));
    return this.#decodePage(pageIndex, plain);
  }

  /** All pages in order, several with one read. */
  async *allPages(): AsyncGenerator<IndexPage> {
    const { pages } = this.#file.footer;
    for (let from = 0; from < pages.length; from += PAGES_PER_READ) {
      const group = pages.slice(from, from + PAGES_PER_READ);
      const [first, last] = [group[0], group.at(-1)];
      if (first === undefined || last === undefined) break;
      const bytes = await readExactly(this.#file.read, first.offset, last.offset + last.length - first.offset);
      for (const [place, { offset, length }] of group.entries()) {
        const frame = bytes.subarray(offset - first.offset, offset - first.offset + length);
        yield this.#decodePage(from + place, this.#openPage(from + place, frame));
      }
    }
  }

  async filterPart(part: number): Promise<Uint8Array> {
    const { packFrames, pages, filterFrames, filterBlockCount } = this.#file.footer;
    const frameIndex = packFrames.length + pages.length + part;
    const blocks = Math.min(FILTER_BLOCKS_PER_FRAME, filterBlockCount - part * FILTER_BLOCKS_PER_FRAME);
    const plainBytesMax = blocks * FILTER_BLOCK_BYTES;
    const plain = await this.#plain(frameIndex, filterFrames[part], (frame) =>
      openTable(this.#file.opener, { frame, frameIndex, kind: FRAME_KIND.indexFilter, plainBytesMax }),
    );
    if (plain.length !== plainBytesMax)
      throw new CairnError('integrity/malformed', 'a filter of an index run has the wrong size');
    return plain;
  }

  #openPage(pageIndex: number, frame: Uint8Array): Uint8Array {
    const frameIndex = this.#file.footer.packFrames.length + pageIndex;
    return openTable(this.#file.opener, {
      frame,
      frameIndex,
      kind: FRAME_KIND.indexPage,
      plainBytesMax: INDEX_PAGE_BYTES_MAX,
    });
  }

  #decodePage(pageIndex: number, plain: Uint8Array): IndexPage {
    const { firstIds, pages, packCount } = this.#file.footer;
    const idAt = (page: number): Uint8Array => firstIds.subarray(page * ID_BYTES, (page + 1) * ID_BYTES);
    return decodeIndexPage(plain, {
      firstId: idAt(pageIndex),
      ...(pageIndex + 1 < pages.length && { nextId: idAt(pageIndex + 1) }),
      entryCount: pages[pageIndex]?.entryCount ?? 0,
      packCount,
      packBytes: (ordinal) => this.#packs[ordinal]?.sizeBytes ?? 0,
    });
  }

  #plain(
    frameIndex: number,
    place: FramePlace | undefined,
    open: (frame: Uint8Array) => Uint8Array,
  ): Promise<Uint8Array> {
    const running = this.#reading.get(frameIndex);
    if (running !== undefined) return running;
    if (place === undefined) throw new CairnError('integrity/malformed', `an index run has no frame ${frameIndex}`);
    const reading = readExactly(this.#file.read, place.offset, place.length)
      .then(open)
      .finally(() => this.#reading.delete(frameIndex));
    this.#reading.set(frameIndex, reading);
    return reading;
  }
}
