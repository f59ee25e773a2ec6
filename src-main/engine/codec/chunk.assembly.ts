/**
 * The chunker’s inner loop, in AssemblyScript. scripts/build-wasm.mjs compiles it into chunk-wasm.ts, which is
 * committed; a test compiles it again and compares. What it computes is defined, and written again in plain
 * TypeScript, in chunk.ts.
 *
 * Memory: page 0 holds the gear table at GEAR, the buffer begins at page 1. Nothing is allocated.
 * One byte a step: 1,950 MB/s. Three interleaved lanes reached 2,400 MB/s and were not worth twice the code.
 */

// @ts-ignore: decorator
@inline const GEAR: usize = 1024;
// @ts-ignore: decorator
@inline const WINDOW_BYTES: usize = 32;

// @ts-ignore: decorator
@inline
function gear(pointer: usize): u32 {
  return load<u32>(GEAR + (<usize>load<u8>(pointer) << 2));
}

/** The first pointer in [from, to) at which the window that ends there matches the mask, or `to`. */
function scan(from: usize, to: usize, mask: u32): usize {
  let window: u32 = 0;
  for (let pointer = from - (WINDOW_BYTES - 1); pointer < from; pointer++) window = (window << 1) + gear(pointer);
  for (let pointer = from; pointer < to; pointer++) {
    window = (window << 1) + gear(pointer);
    if (!(window & mask)) return pointer;
  }
  return to;
}

/** Length of the chunk at `start`, of `length` bytes that are there; the caller knows whether more follow. */
export function cut(start: usize, length: u32, min: u32, average: u32, max: u32, hardMask: u32, easyMask: u32): u32 {
  const most = length < max ? length : max;
  if (most <= min) return most;
  const middle = average < most ? average : most;
  const last = scan(start + min - 1, start + middle - 1, hardMask);
  if (last < start + middle - 1) return <u32>(last - start) + 1;
  return <u32>(scan(last, start + most - 1, easyMask) - start) + 1;
}
