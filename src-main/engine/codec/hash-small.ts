/**
 * BLAKE3-256 of short inputs, up to one of its chunks, in JavaScript. Part of hash.ts, which is the only one to use it.
 *
 * A native call costs 1.7 µs however short the input is, and its result lies outside the JavaScript heap with a
 * finaliser of its own; node ids, set nodes and blob ids are made by the million from 34 to 300 bytes. Here 42 bytes take
 * 0.21 µs and 200 bytes 0.65; only at 1 KiB the native code has caught up (Node 24, 2026).
 *
 * Invariant: the same results as the native code for every length and key; a test compares all lengths, the self-test
 * some at each start.
 */
import { assert } from '../../../src-shared/assert.ts';

/** An input of more is not for here: BLAKE3 would make a tree of it. */
export const SMALL_HASH_BYTES_MAX = 1024;

const BLOCK_BYTES = 64;
/** The specification’s flags: where in its chunk a block stands, and that a key is used. */
const FLAG = { chunkStart: 1, chunkEnd: 2, root: 8, keyed: 16 } as const;

/** The specification’s IV; also what stands in the place of a key where there is none. */
const INITIAL = Int32Array.of(
  0x6a09e667,
  0xbb67ae85,
  0x3c6ef372,
  0xa54ff53a,
  0x510e527f,
  0x9b05688c,
  0x1f83d9ab,
  0x5be0cd19,
);

/** BLAKE3 counts in little-endian words; where the machine does not, this code is not used. */
export const CAN_HASH_SMALL: boolean = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

// One block and one chaining value for the whole thread: nothing here waits, so nobody comes in between.
const block = new Int32Array(BLOCK_BYTES / 4);
const blockBytes = new Uint8Array(block.buffer);
const chain = new Int32Array(8);
const chainBytes = new Uint8Array(chain.buffer);

/** BLAKE3 of at most SMALL_HASH_BYTES_MAX bytes, in fresh memory. `key` has 8 words: see keyWords. */
export function hashSmall(bytes: Uint8Array, key?: Int32Array): Uint8Array {
  const length = bytes.length;
  assert(length <= SMALL_HASH_BYTES_MAX, 'a short input fits into one chunk');
  chain.set(key ?? INITIAL);
  const keyed = key === undefined ? 0 : FLAG.keyed;
  let flags = keyed | FLAG.chunkStart;
  let at = 0;
  for (; length - at > BLOCK_BYTES; at += BLOCK_BYTES) {
    for (let index = 0; index < BLOCK_BYTES; index++) blockBytes[index] = bytes[at + index] ?? 0;
    compressBlock(BLOCK_BYTES, flags);
    flags = keyed;
  }
  const rest = length - at;
  for (let index = 0; index < rest; index++) blockBytes[index] = bytes[at + index] ?? 0;
  blockBytes.fill(0, rest);
  compressBlock(rest, flags | FLAG.chunkEnd | FLAG.root);
  return chainBytes.slice();
}

/** A key of 32 bytes as hashSmall takes it. */
export function keyWords(key: Uint8Array): Int32Array {
  return new Int32Array(new Uint8Array(key).buffer);
}

/**
 * The compression function on `block` and `chain`, of chunk 0. One line of the loop is half a mixing step; they stand
 * in the order of the specification. Local names, not an array: they live in registers, which is three times as fast.
 */
// prettier-ignore
function compressBlock(length: number, flags: number): void {
  let m0 = block[0] ?? 0, m1 = block[1] ?? 0, m2 = block[2] ?? 0, m3 = block[3] ?? 0;
  let m4 = block[4] ?? 0, m5 = block[5] ?? 0, m6 = block[6] ?? 0, m7 = block[7] ?? 0;
  let m8 = block[8] ?? 0, m9 = block[9] ?? 0, m10 = block[10] ?? 0, m11 = block[11] ?? 0;
  let m12 = block[12] ?? 0, m13 = block[13] ?? 0, m14 = block[14] ?? 0, m15 = block[15] ?? 0;
  let v0 = chain[0] ?? 0, v1 = chain[1] ?? 0, v2 = chain[2] ?? 0, v3 = chain[3] ?? 0;
  let v4 = chain[4] ?? 0, v5 = chain[5] ?? 0, v6 = chain[6] ?? 0, v7 = chain[7] ?? 0;
  let v8 = 0x6a09e667, v9 = 0xbb67ae85 | 0, v10 = 0x3c6ef372, v11 = 0xa54ff53a | 0;
  let v12 = 0, v13 = 0, v14 = length, v15 = flags;
  let spare: number;
  for (let round = 0; round < 7; round++) {
    v0 = (v0 + v4 + m0) | 0; v12 ^= v0; v12 = (v12 >>> 16) | (v12 << 16); v8 = (v8 + v12) | 0; v4 ^= v8; v4 = (v4 >>> 12) | (v4 << 20);
    v0 = (v0 + v4 + m1) | 0; v12 ^= v0; v12 = (v12 >>> 8) | (v12 << 24); v8 = (v8 + v12) | 0; v4 ^= v8; v4 = (v4 >>> 7) | (v4 << 25);
    v1 = (v1 + v5 + m2) | 0; v13 ^= v1; v13 = (v13 >>> 16) | (v13 << 16); v9 = (v9 + v13) | 0; v5 ^= v9; v5 = (v5 >>> 12) | (v5 << 20);
    v1 = (v1 + v5 + m3) | 0; v13 ^= v1; v13 = (v13 >>> 8) | (v13 << 24); v9 = (v9 + v13) | 0; v5 ^= v9; v5 = (v5 >>> 7) | (v5 << 25);
    v2 = (v2 + v6 + m4) | 0; v14 ^= v2; v14 = (v14 >>> 16) | (v14 << 16); v10 = (v10 + v14) | 0; v6 ^= v10; v6 = (v6 >>> 12) | (v6 << 20);
    v2 = (v2 + v6 + m5) | 0; v14 ^= v2; v14 = (v14 >>> 8) | (v14 << 24); v10 = (v10 + v14) | 0; v6 ^= v10; v6 = (v6 >>> 7) | (v6 << 25);
    v3 = (v3 + v7 + m6) | 0; v15 ^= v3; v15 = (v15 >>> 16) | (v15 << 16); v11 = (v11 + v15) | 0; v7 ^= v11; v7 = (v7 >>> 12) | (v7 << 20);
    v3 = (v3 + v7 + m7) | 0; v15 ^= v3; v15 = (v15 >>> 8) | (v15 << 24); v11 = (v11 + v15) | 0; v7 ^= v11; v7 = (v7 >>> 7) | (v7 << 25);
    v0 = (v0 + v5 + m8) | 0; v15 ^= v0; v15 = (v15 >>> 16) | (v15 << 16); v10 = (v10 + v15) | 0; v5 ^= v10; v5 = (v5 >>> 12) | (v5 << 20);
    v0 = (v0 + v5 + m9) | 0; v15 ^= v0; v15 = (v15 >>> 8) | (v15 << 24); v10 = (v10 + v15) | 0; v5 ^= v10; v5 = (v5 >>> 7) | (v5 << 25);
    v1 = (v1 + v6 + m10) | 0; v12 ^= v1; v12 = (v12 >>> 16) | (v12 << 16); v11 = (v11 + v12) | 0; v6 ^= v11; v6 = (v6 >>> 12) | (v6 << 20);
    v1 = (v1 + v6 + m11) | 0; v12 ^= v1; v12 = (v12 >>> 8) | (v12 << 24); v11 = (v11 + v12) | 0; v6 ^= v11; v6 = (v6 >>> 7) | (v6 << 25);
    v2 = (v2 + v7 + m12) | 0; v13 ^= v2; v13 = (v13 >>> 16) | (v13 << 16); v8 = (v8 + v13) | 0; v7 ^= v8; v7 = (v7 >>> 12) | (v7 << 20);
    v2 = (v2 + v7 + m13) | 0; v13 ^= v2; v13 = (v13 >>> 8) | (v13 << 24); v8 = (v8 + v13) | 0; v7 ^= v8; v7 = (v7 >>> 7) | (v7 << 25);
    v3 = (v3 + v4 + m14) | 0; v14 ^= v3; v14 = (v14 >>> 16) | (v14 << 16); v9 = (v9 + v14) | 0; v4 ^= v9; v4 = (v4 >>> 12) | (v4 << 20);
    v3 = (v3 + v4 + m15) | 0; v14 ^= v3; v14 = (v14 >>> 8) | (v14 << 24); v9 = (v9 + v14) | 0; v4 ^= v9; v4 = (v4 >>> 7) | (v4 << 25);
    // The words of the message change places for the next round.
    spare = m0; m0 = m2; m2 = m3; m3 = m10; m10 = m12; m12 = m9; m9 = m11; m11 = m5; m5 = spare;
    spare = m1; m1 = m6; m6 = m4; m4 = m7; m7 = m13; m13 = m14; m14 = m15; m15 = m8; m8 = spare;
  }
  chain[0] = v0 ^ v8; chain[1] = v1 ^ v9; chain[2] = v2 ^ v10; chain[3] = v3 ^ v11;
  chain[4] = v4 ^ v12; chain[5] = v5 ^ v13; chain[6] = v6 ^ v14; chain[7] = v7 ^ v15;
}
