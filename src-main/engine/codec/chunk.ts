/**
 * Content-defined chunks: a file is cut where its own bytes say so, so an insertion moves only the cuts near it.
 *
 * Definition. Every byte value has a 32-bit gear, derived from the repository’s key, so that cuts tell nothing to
 * who lacks the key. The window at byte i is the sum over its last 32 bytes of gear[byte i − k] << k, in 32 bits. A
 * chunk ends after the first byte, at or beyond the minimum length, whose window has zeros in the top bits: two bits
 * more than the average asks for while the chunk is shorter than the average, two bits fewer beyond (normalised
 * chunking, which keeps lengths near the average); at the maximum it ends anyhow.
 *
 * Invariants: a cut depends only on the bytes of its own chunk; the same bytes and key give the same cuts, in
 * WebAssembly and in JavaScript, however the buffer was filled.
 */
import { hkdfSync } from 'node:crypto';

import { assert } from '../../../src-shared/assert.ts';
import { CHUNK_WASM_BASE64 } from './chunk-wasm.ts';

export type ChunkSizes = { readonly minBytes: number; readonly averageBytes: number; readonly maxBytes: number };

const KIB = 1024;

/** standard for all files; fine for databases and disk images, which change in small places. */
export const CHUNKING = {
  standard: { minBytes: 256 * KIB, averageBytes: 1024 * KIB, maxBytes: 4096 * KIB },
  fine: { minBytes: 16 * KIB, averageBytes: 64 * KIB, maxBytes: 256 * KIB },
} as const satisfies Record<string, ChunkSizes>;

/** Room for the longest chunk and as much again, so that a reader can fill one half while the other is cut. */
export const CHUNK_BUFFER_BYTES = 8 * 1024 * KIB;

export type Chunker = {
  /** CHUNK_BUFFER_BYTES of memory that file bytes are read straight into. It never moves. */
  readonly buffer: Uint8Array;
  /**
   * Length of the chunk that begins at `start`, of which bytes up to `end` are in the buffer. 0 when more bytes are
   * needed to decide: the chunk isn’t full, nothing in it is a cut, and the file goes on (`isLast` is false).
   */
  cut(start: number, end: number, isLast: boolean): number;
};

const GEAR_ENTRIES = 256;
const WINDOW_BYTES = 32;
const KEY_BYTES = 32;
/** Bits by which the mask is harder before the average and easier beyond (FastCDC’s normalisation level 2). */
const NORMALISATION_BITS = 2;
/** Must agree with chunk.assembly.ts and with the pages that scripts/build-wasm.mjs asks for. */
const GEAR_OFFSET = 1024;
const BUFFER_OFFSET = 64 * KIB;

type CutExport = (
  start: number,
  length: number,
  min: number,
  average: number,
  max: number,
  hardMask: number,
  easyMask: number,
) => number;
type WasmInstance = {
  readonly exports: { readonly memory: { readonly buffer: ArrayBuffer }; readonly cut: CutExport };
};
/** TypeScript knows WebAssembly only together with the DOM; this is all of it that is used here. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => WasmInstance;
};

let compiledModule: object | undefined;

type Masks = { readonly hard: number; readonly easy: number };

function masksFor(sizes: ChunkSizes): Masks {
  const bits = Math.log2(sizes.averageBytes);
  assert(
    Number.isInteger(bits) && bits > NORMALISATION_BITS && bits + NORMALISATION_BITS < 32,
    'an average is a power of two',
  );
  assert(
    sizes.minBytes >= WINDOW_BYTES && sizes.minBytes < sizes.averageBytes,
    'a minimum lies between the window and the average',
  );
  assert(
    sizes.maxBytes > sizes.averageBytes && sizes.maxBytes <= CHUNK_BUFFER_BYTES / 2,
    'a maximum is at most half the buffer',
  );
  const topBits = (count: number): number => (-1 << (32 - count)) >>> 0;
  return { hard: topBits(bits + NORMALISATION_BITS), easy: topBits(bits - NORMALISATION_BITS) };
}

/** 256 gears of 32 bits from K_chunk: HKDF-SHA-256, read little-endian. */
function gearTable(key: Uint8Array): Uint32Array {
  assert(key.length === KEY_BYTES, 'a chunk key has 32 bytes');
  const bytes = new DataView(hkdfSync('sha256', key, new Uint8Array(0), 'cairn/v1/gear', GEAR_ENTRIES * 4));
  return Uint32Array.from({ length: GEAR_ENTRIES }, (_, index) => bytes.getUint32(index * 4, true));
}

type CutAvailable = (start: number, length: number) => number;

function chunkerOver(buffer: Uint8Array, sizes: ChunkSizes, cutAvailable: CutAvailable): Chunker {
  return {
    buffer,
    cut(start, end, isLast) {
      assert(start >= 0 && start <= end && end <= buffer.length, 'a chunk lies within the buffer');
      const available = end - start;
      if (!isLast && available <= sizes.minBytes) return 0;
      const length = cutAvailable(start, available);
      // A cut at the very end may just be where the bytes ran out; with one more byte it is known.
      return length === available && available < sizes.maxBytes && !isLast ? 0 : length;
    },
  };
}

/** A chunker with its own 8 MiB buffer. `key` is K_chunk, 32 bytes. Cuts at 1,950 MB/s (one core, Node 24). */
export function createChunker(key: Uint8Array, sizes: ChunkSizes): Chunker {
  const { hard, easy } = masksFor(sizes);
  compiledModule ??= new WebAssembly.Module(Buffer.from(CHUNK_WASM_BASE64, 'base64'));
  const { memory, cut } = new WebAssembly.Instance(compiledModule, {}).exports;
  const view = new DataView(memory.buffer);
  gearTable(key).forEach((gear, index) => view.setUint32(GEAR_OFFSET + index * 4, gear, true));
  const buffer = new Uint8Array(memory.buffer, BUFFER_OFFSET, CHUNK_BUFFER_BYTES);
  const { minBytes, averageBytes, maxBytes } = sizes;
  return chunkerOver(buffer, sizes, (start, length) =>
    cut(BUFFER_OFFSET + start, length, minBytes, averageBytes, maxBytes, hard, easy),
  );
}

/** The same in plain JavaScript, a fifth as fast: the definition that the WebAssembly is tested against. */
export function createReferenceChunker(key: Uint8Array, sizes: ChunkSizes): Chunker {
  const { hard, easy } = masksFor(sizes);
  const gears = gearTable(key);
  const buffer = new Uint8Array(CHUNK_BUFFER_BYTES);
  const { minBytes, averageBytes, maxBytes } = sizes;
  return chunkerOver(buffer, sizes, (start, available) => {
    const most = Math.min(available, maxBytes);
    let window = 0;
    for (let length = Math.max(1, minBytes - WINDOW_BYTES + 1); length < most; length++) {
      window = ((window << 1) + (gears[buffer[start + length - 1] ?? 0] ?? 0)) | 0;
      if (length >= minBytes && (window & (length < averageBytes ? hard : easy)) === 0) return length;
    }
    return most;
  });
}

/** Lengths of all chunks of some bytes, as a streaming reader would cut them: for tests and small inputs. */
export function chunkAll(chunker: Chunker, bytes: Uint8Array): number[] {
  const lengths: number[] = [];
  const { buffer } = chunker;
  let read = 0;
  let start = 0;
  let end = 0;
  for (;;) {
    const isLast = read === bytes.length;
    const length = start === end && isLast ? 0 : chunker.cut(start, end, isLast);
    if (length > 0) {
      lengths.push(length);
      start += length;
      continue;
    }
    if (isLast) return lengths;
    buffer.copyWithin(0, start, end);
    end -= start;
    start = 0;
    const take = Math.min(buffer.length - end, bytes.length - read);
    buffer.set(bytes.subarray(read, read + take), end);
    read += take;
    end += take;
  }
}
