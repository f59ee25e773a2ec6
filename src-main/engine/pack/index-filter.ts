/**
 * A blocked Bloom filter over blob ids: an absent id is nearly always recognised from one block of 64 bytes, without a
 * page being read. Ids are keyed hashes, so their own bits choose the block and the probes.
 */
import { FILTER_BITS_PER_ID, FILTER_BLOCK_BYTES, FILTER_PROBES } from './layout.ts';

/** The first probe's byte; the bytes before choose the block. */
const PROBE_FROM_BYTE = 8;
const BLOCK_BITS = FILTER_BLOCK_BYTES * 8;

/** Blocks for so many ids; none where there are no ids. */
export function filterBlockCount(entryCount: number): number {
  return Math.ceil((entryCount * FILTER_BITS_PER_ID) / BLOCK_BITS);
}

/** The block of an id: its first four bytes (little-endian) scaled to the number of blocks, rounded down. */
export function filterBlockOf(id: Uint8Array, blockCount: number): number {
  const first = ((id[0] ?? 0) | ((id[1] ?? 0) << 8) | ((id[2] ?? 0) << 16) | ((id[3] ?? 0) << 24)) >>> 0;
  return Math.floor((first * blockCount) / 2 ** 32);
}

/** Bit of probe n inside the block: bytes 8 + 2n and 9 + 2n (little-endian), modulo 512. */
function probeBit(id: Uint8Array, probe: number): number {
  const at = PROBE_FROM_BYTE + probe * 2;
  return ((id[at] ?? 0) | ((id[at + 1] ?? 0) << 8)) % BLOCK_BITS;
}

/** Adds an id to the block that begins at `blockOffset`. */
export function addToFilter(filter: Uint8Array, blockOffset: number, id: Uint8Array): void {
  for (let probe = 0; probe < FILTER_PROBES; probe++) {
    const bit = probeBit(id, probe);
    const at = blockOffset + (bit >> 3);
    filter[at] = (filter[at] ?? 0) | (1 << (bit & 7));
  }
}

/** False: certainly absent. True: present, or one of about 1.2 % of the absent. */
export function filterMayContain(filter: Uint8Array, blockOffset: number, id: Uint8Array): boolean {
  for (let probe = 0; probe < FILTER_PROBES; probe++) {
    const bit = probeBit(id, probe);
    if (((filter[blockOffset + (bit >> 3)] ?? 0) & (1 << (bit & 7))) === 0) return false;
  }
  return true;
}
