/**
 * The work of a lane: opens frames, decompresses, recomputes every blob id, and compares what the frames say with what the
 * footer says. The same code in a worker thread and on the main thread; it knows no store and no repository.
 */
import { assert } from '../../../src-shared/assert.ts';
import { CairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import { type BlobHasher, FRAME_KIND, createBlobHasher, decompress } from '../codec/index.ts';
import { equalBytes } from '../kernel/index.ts';
import { type PackReader, type SegmentRecord, openPack } from '../pack/index.ts';
import type { DeltaWork, LaneSetup, PackToOpen, PieceWork, SegmentFault, Work, WorkResult } from './check-messages.ts';
import { type EntrySum, addEntry, newSum } from './entry-sum.ts';
import { word } from './fingerprints.ts';

type PackTally = { readonly pack: number; blobs: number; readonly sum: EntrySum };
type Tally = { readonly faults: SegmentFault[]; readonly packs: Map<number, PackTally> };

export class SegmentChecker {
  readonly #setup: LaneSetup;
  readonly #hasher: BlobHasher;
  readonly #packs = new Map<number, PackReader>();
  readonly #breathe: () => Promise<void> | undefined;

  /** `breathe` is awaited after each segment: on the main thread it lets the event loop turn. */
  constructor(setup: LaneSetup, breathe: () => Promise<void> | undefined) {
    this.#setup = setup;
    this.#hasher = createBlobHasher(setup.idKey);
    this.#breathe = breathe;
  }

  async open({ pack, sizeBytes, fileTypes, ranges }: PackToOpen): Promise<void> {
    const { repositoryId, secrets } = this.#setup;
    const read = ({ offset, length }: { offset: number; length: number }): Promise<Uint8Array> => {
      const found = ranges.find((range) => range.offset === offset && range.bytes.length === length);
      assert(found !== undefined, 'opening a pack twice reads the same ranges');
      return Promise.resolve(found.bytes);
    };
    this.#packs.set(pack, await openPack({ read, sizeBytes, repositoryId, secrets, fileTypes }));
  }

  close(pack: number): void {
    this.#packs.delete(pack);
  }

  async check(work: Work): Promise<WorkResult> {
    const tally: Tally = { faults: [], packs: new Map() };
    if (work.kind === 'piece') await this.#piece(work, tally);
    else await this.#deltas(work, tally);
    return { faults: tally.faults, packs: [...tally.packs.values()] };
  }

  #reader(pack: number): PackReader {
    const reader = this.#packs.get(pack);
    assert(reader !== undefined, 'a pack is opened before its segments come');
    return reader;
  }

  async #piece({ pack, first, count, offset, bytes }: PieceWork, tally: Tally): Promise<void> {
    const { segments } = this.#reader(pack).footer;
    for (let index = first; index < first + count; index++) {
      const segment = segments[index];
      assert(segment !== undefined, 'a piece holds segments of its pack');
      // Deltas come with their base.
      if (segment.kind === 'delta') continue;
      const from = segment.offset - offset;
      await this.#segment(pack, index, bytes.subarray(from, from + segment.length), undefined, tally);
      await this.#breathe();
    }
    release(bytes);
  }

  async #deltas({ base, deltas }: DeltaWork, tally: Tally): Promise<void> {
    for (const { pack, segment, frame } of deltas) {
      await this.#segment(pack, segment, frame, base, tally);
      await this.#breathe();
    }
  }

  async #segment(
    pack: number,
    index: number,
    frame: Uint8Array,
    base: Uint8Array | undefined,
    tally: Tally,
  ): Promise<void> {
    const reader = this.#reader(pack);
    const segment = reader.footer.segments[index];
    assert(segment !== undefined, 'a segment is one of its pack');
    let plain: Uint8Array | undefined;
    try {
      plain =
        base !== undefined
          ? await reader.decodeSegment(segment, frame, () => Promise.resolve(base))
          : openPlainSegment(reader, segment, frame);
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      tally.faults.push({ pack, segment: index, message: error.message });
    }
    this.#blobs(pack, index, segment, plain, tally);
    if (plain !== undefined) release(plain);
  }

  #blobs(pack: number, index: number, segment: SegmentRecord, plain: Uint8Array | undefined, tally: Tally): void {
    let counts = tally.packs.get(pack);
    if (counts === undefined) tally.packs.set(pack, (counts = { pack, blobs: 0, sum: newSum() }));
    const frame = { frameOffset: segment.offset, frameLength: segment.length, delta: segment.kind === 'delta' };
    let good = 0;
    const blobs = this.#reader(pack).footer.blobsOf(segment);
    for (const blob of blobs) {
      const { id, type, offset, length } = blob;
      addEntry(counts.sum, { idLow: word(id, 8), idHigh: word(id, 12), type, offset, length, ...frame });
      if (plain === undefined) continue;
      const found = this.#hasher.idOf(blob.type, plain.subarray(blob.offset, blob.offset + blob.length));
      if (equalBytes(found, blob.id)) good++;
    }
    counts.blobs += good;
    if (plain === undefined || good === blobs.length) return;
    tally.faults.push({ pack, segment: index, message: `${blobs.length - good} blobs do not match their ids` });
  }
}

/** Opens a segment that is no delta. What the frame says of itself has to be what the footer says of it. */
function openPlainSegment({ opener }: PackReader, segment: SegmentRecord, frame: Uint8Array): Uint8Array {
  const { kind, compression, plainLength, payload } = opener.openFrame(frame, segment.frameIndex);
  const isRight =
    kind === FRAME_KIND.segment && compression === segment.compression && plainLength === segment.plainLength;
  if (!isRight)
    throw new CairnError('integrity/damaged', `frame ${segment.frameIndex} is not the segment that belongs there`);
  const plain = decompress(compression, payload, plainLength);
  if (plain !== payload) release(payload);
  return plain;
}

/**
 * Gives memory back at once that nobody looks at any more: megabytes a millisecond are too much to wait for the garbage
 * collector. A view of a larger buffer is left alone, and so is memory of another kind.
 */
function release({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
