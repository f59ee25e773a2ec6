/**
 * A blocked Bloom filter over blob ids: an absent id is nearly always recognised from one block of 64 bytes, without a
 * page being read. Ids are keyed hashes, so their own bits choose the block and the probes.
 */
import { assert } from '../../../src-shared/assert.ts';
import { ID_BYTES } from '../../../src-shared/ids.ts';
import { FILTER_BITS_PER_ID, FILTER_BLOCK_BYTES, FILTER_PROBES } from './layout.ts';

/** The first probe's byte; the bytes before choose the block. */
const PROBE_FROM_BYTE = 8;
const BLOCK_BITS = FILTER_BLOCK_BYTES * 8;
/** A block has 2^9 bits, so modulo is a mask. */
const BIT_MASK = BLOCK_BITS - 1;
assert((BLOCK_BITS & BIT_MASK) === 0, 'a block of the filter has a power of two of bits');

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

/** Adds the ids of so many rows, 32 bytes each. */
export function addToFilter(filter: Uint8Array, blockCount: number, ids: DataView, rowCount: number): void {
  for (let from = 0; from < rowCount * ID_BYTES; from += ID_BYTES) {
    const block = Math.floor((ids.getUint32(from, true) * blockCount) / 2 ** 32);
    for (let probe = 0; probe < FILTER_PROBES; probe++) {
      const bit = ids.getUint16(from + PROBE_FROM_BYTE + probe * 2, true) & BIT_MASK;
      const at = block * FILTER_BLOCK_BYTES + (bit >> 3);
      filter[at] = (filter[at] ?? 0) | (1 << (bit & 7));
    }
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
