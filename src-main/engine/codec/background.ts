/**
 * Compression beside the main thread: a segment is compressed on a thread of libuv's pool, decoded again from the
 * compressed bytes, and shown to a check before anyone gets it (verify before publish).
 *
 * Invariants: at most `jobs` segments are worked on at a time, the others wait in the order they came; the memory that
 * is decoded into belongs to the lane, so a check keeps nothing of it; results are owned by whoever asked. Whoever makes
 * a codec closes it: a live backup every few seconds would otherwise leave a megabyte of zstd's own memory behind each.
 * With no jobs, everything happens at once on this thread.
 */
import { assert } from '../../../src-shared/assert.ts';
import {
  type Compressed,
  type CompressionSpec,
  compress,
  decompress,
  isWorthCompressing,
  zstdLevelOf,
} from './compress.ts';
import { COMPRESSION } from './seal-layout.ts';
import { type ZstdLane, nativeZstd, zstdBound } from './zstd-native.ts';

/** More lanes than this would only wait for memory; libuv's pool has four threads unless told otherwise. */
export const BACKGROUND_JOBS_MAX = 16;
/** A lane's memory: enough for a live backup of one change, or for an ordinary segment, and more for a larger one. */
const LANE_BYTES_SMALL = 128 * 1024;
const LANE_BYTES_FIRST = 1024 * 1024 + 64 * 1024;

export type BackgroundCodec = {
  /**
   * Compresses `plain` (at most 16 MiB), which must not change until this settles. `check` gets what the result decodes
   * to, for the time of the call, and throws where that is wrong. Stored bytes (no compression) are a copy.
   * @throws what `check` throws
   */
  readonly compress: (
    spec: CompressionSpec,
    plain: Uint8Array,
    check: (decoded: Uint8Array) => void,
  ) => Promise<Compressed>;
  /** Gives the memory back; of what is still compressed when that is done. May be called again. */
  readonly close: () => void;
};

type Lane = { readonly zstd: ZstdLane; packed: Uint8Array; decoded: Uint8Array };

export function createBackgroundCodec(jobs: number): BackgroundCodec {
  assert(jobs >= 0 && jobs <= BACKGROUND_JOBS_MAX, 'a bounded number of jobs');
  const createLane = jobs > 0 ? nativeZstd() : undefined;
  if (createLane === undefined)
    return { compress: (...job) => Promise.resolve(compressHere(...job)), close: () => undefined };
  const lanes = new LanePool(jobs, createLane);
  return {
    compress: async (spec, plain, check) => {
      const level = zstdLevelOf(spec);
      if (level === undefined || !isWorthCompressing(spec, plain)) return compressHere(spec, plain, check);
      const lane = await lanes.take();
      try {
        return await compressIn(lane, level, plain, check);
      } finally {
        lanes.giveBack(lane);
      }
    },
    close: () => lanes.close(),
  };
}

/** Made at their first need: most backups have one or two segments. */
class LanePool {
  readonly #most: number;
  readonly #create: () => ZstdLane;
  readonly #idle: Lane[] = [];
  readonly #waiting: ((lane: Lane) => void)[] = [];
  #made = 0;
  #isClosed = false;

  constructor(most: number, create: () => ZstdLane) {
    this.#most = most;
    this.#create = create;
  }

  take(): Lane | Promise<Lane> {
    assert(!this.#isClosed, 'a codec that was closed compresses nothing more');
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#made >= this.#most) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#made++;
    return { zstd: this.#create(), packed: new Uint8Array(0), decoded: new Uint8Array(0) };
  }

  giveBack(lane: Lane): void {
    const next = this.#waiting.shift();
    if (next !== undefined) next(lane);
    else if (this.#isClosed) lane.zstd.free();
    else this.#idle.push(lane);
  }

  close(): void {
    this.#isClosed = true;
    for (const { zstd } of this.#idle.splice(0)) zstd.free();
  }
}

async function compressIn(
  lane: Lane,
  level: number,
  plain: Uint8Array,
  check: (decoded: Uint8Array) => void,
): Promise<Compressed> {
  if (lane.packed.length < zstdBound(plain.length)) {
    const bytes = plain.length <= LANE_BYTES_SMALL ? LANE_BYTES_SMALL : Math.max(LANE_BYTES_FIRST, plain.length);
    lane.packed = new Uint8Array(zstdBound(bytes));
    lane.decoded = new Uint8Array(bytes);
  }
  const length = await lane.zstd.compress(level, plain, lane.packed);
  if (length === undefined || length >= plain.length) return storedCopy(plain, check);
  const bytes = new Uint8Array(lane.packed.subarray(0, length));
  // From the copy that is going to be written, not from the lane's memory.
  const decoded = lane.decoded.subarray(0, plain.length);
  const count = await lane.zstd.decompress(bytes, decoded);
  check(count === plain.length ? decoded : decoded.subarray(0, count ?? 0));
  return { compression: COMPRESSION.zstd, bytes };
}

function storedCopy(plain: Uint8Array, check: (decoded: Uint8Array) => void): Compressed {
  const bytes = new Uint8Array(plain);
  check(bytes);
  return { compression: COMPRESSION.none, bytes };
}

function compressHere(spec: CompressionSpec, plain: Uint8Array, check: (decoded: Uint8Array) => void): Compressed {
  const { compression, bytes } = compress(spec, plain);
  if (compression === COMPRESSION.none) return storedCopy(plain, check);
  // A small view of a large output buffer would keep all of it in memory for as long as the segment waits.
  const owned = new Uint8Array(bytes);
  check(decompress(compression, owned, plain.length));
  return { compression, bytes: owned };
}
