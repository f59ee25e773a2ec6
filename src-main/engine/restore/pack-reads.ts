/**
 * Which segments a task needs, and how they are read: sorted by pack and place, neighbours in one read. What a read
 * can't get is left empty, and whoever needs it reads it again in the careful way.
 */
import { isIntegrityError } from '../../../src-shared/errors.ts';
import { FILE_HEADER_BYTES } from '../codec/index.ts';
import type { BlobLocation } from '../pack/index.ts';
import type { Repository } from '../repository/index.ts';
import { PLAIN, SEGMENT_ROW, type TaskPack, type TaskSegments } from './write-task.ts';

/** Reading so much for nothing costs less than another read. */
const GAP_BYTES_MAX = 256 * 1024;
const READ_BYTES_MAX = 16 * 1024 * 1024;
const HEADERS_MAX = 4096;

/** A segment that is needed, by where it lies; for a delta its plaintext, which only the reader of blobs can make. */
export type SegmentNeed =
  | { readonly kind: 'frame'; readonly location: BlobLocation }
  | { readonly kind: 'plain'; readonly read: () => Promise<Uint8Array> };

const EMPTY = new Uint8Array();

export class PackReads {
  readonly #repository: Repository;
  readonly #headers = new Map<string, Promise<Uint8Array>>();
  /** Bytes read from packs so far. */
  bytesRead = 0;

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  /**
   * Reads what a task needs; segment numbers are the places in `needs`.
   * @throws CairnError destination/… Damage and missing packs are no error here.
   */
  async read(needs: readonly SegmentNeed[]): Promise<TaskSegments> {
    const rows = new Uint32Array(needs.length * SEGMENT_ROW);
    const buffers: Uint8Array[] = [];
    const packs = new Map<string, { readonly ordinal: number; readonly location: BlobLocation }>();
    for (const group of coalesce(needs)) {
      const [first] = group;
      if (first === undefined) continue;
      const { location } = first;
      const pack = packs.get(location.packId) ?? { ordinal: packs.size, location };
      packs.set(location.packId, pack);
      const end = Math.max(...group.map((one) => one.location.frameOffset + one.location.frameLength));
      buffers.push(await this.#readRange(location, location.frameOffset, end - location.frameOffset));
      for (const { segment, location: at } of group) {
        const row = [pack.ordinal, buffers.length - 1, at.frameOffset - location.frameOffset, at.frameLength];
        rows.set(row, segment * SEGMENT_ROW);
      }
    }
    for (const [segment, need] of needs.entries()) {
      if (need.kind !== 'plain') continue;
      const plain = await orEmpty(need.read());
      buffers.push(plain);
      rows.set([PLAIN, buffers.length - 1, 0, plain.length], segment * SEGMENT_ROW);
    }
    const headers = [...packs.values()].map(async ({ location }): Promise<TaskPack> => {
      return { id: location.packId, fileType: location.fileType, header: await this.#header(location) };
    });
    return { packs: await Promise.all(headers), buffers, rows };
  }

  async #readRange(location: BlobLocation, offset: number, length: number): Promise<Uint8Array> {
    const bytes = await orEmpty(this.#repository.readFile(location, { offset, length }));
    this.bytesRead += bytes.length;
    return bytes;
  }

  #header(location: BlobLocation): Promise<Uint8Array> {
    const known = this.#headers.get(location.packId);
    if (known !== undefined) return known;
    const reading = orEmpty(this.#repository.readFile(location, { offset: 0, length: FILE_HEADER_BYTES }));
    if (this.#headers.size >= HEADERS_MAX) this.#headers.clear();
    this.#headers.set(location.packId, reading);
    return reading;
  }
}

async function orEmpty(reading: Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await reading;
  } catch (error) {
    if (!isIntegrityError(error)) throw error;
    return EMPTY;
  }
}

type Placed = { readonly segment: number; readonly location: BlobLocation };

/** Frames that are read at once: of one pack, rising, close to each other. */
function coalesce(needs: readonly SegmentNeed[]): Placed[][] {
  const frames: Placed[] = [];
  for (const [segment, need] of needs.entries()) {
    if (need.kind === 'frame') frames.push({ segment, location: need.location });
  }
  frames.sort(({ location: left }, { location: right }) =>
    left.packId === right.packId ? left.frameOffset - right.frameOffset : left.packId < right.packId ? -1 : 1,
  );
  const groups: Placed[][] = [];
  let start = 0;
  let end = 0;
  let packId = '';
  for (const frame of frames) {
    const { frameOffset, frameLength } = frame.location;
    const frameEnd = frameOffset + frameLength;
    const joins =
      frame.location.packId === packId && frameOffset - end <= GAP_BYTES_MAX && frameEnd - start <= READ_BYTES_MAX;
    if (joins) groups.at(-1)?.push(frame);
    else {
      groups.push([frame]);
      packId = frame.location.packId;
      start = frameOffset;
    }
    end = joins ? Math.max(end, frameEnd) : frameEnd;
  }
  return groups;
}
