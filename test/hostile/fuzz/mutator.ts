/**
 * Changes to valid bytes that reach deep into a decoder: flips, edge values in fields of any width, varints, lengths off
 * by one, cuts, insertions, repetitions, pieces of other samples. Everything comes from a seed.
 */
import type { Seeded } from '../../support/seed.ts';
import { varint } from '../raw.ts';

const EDGES: readonly bigint[] = [
  0n,
  1n,
  2n,
  3n,
  31n,
  32n,
  33n,
  127n,
  128n,
  255n,
  256n,
  2048n,
  4096n,
  4097n,
  65_535n,
  65_536n,
  2n ** 20n,
  2n ** 23n,
  2n ** 24n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const EDGE_VARINTS: readonly Uint8Array[] = EDGES.map(varint);
const BYTES: readonly number[] = [0, 1, 2, 0x2e, 0x2f, 0x5c, 0x7f, 0x80, 0xc0, 0xc1, 0xff];
const WIDTHS: readonly number[] = [1, 2, 4, 8];
/** An input never grows past this: the cost of a run is its count. */
const LENGTH_MAX = 64 * 1024;

function splice(bytes: Uint8Array, from: number, to: number, piece: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length - (to - from) + piece.length);
  result.set(bytes.subarray(0, from));
  result.set(piece, from);
  result.set(bytes.subarray(to), from + piece.length);
  return result;
}

function writeNumber(bytes: Uint8Array, at: number, width: number, value: bigint, bigEndian: boolean): void {
  for (let index = 0; index < width && at + index < bytes.length; index++) {
    const shift = BigInt(8 * (bigEndian ? width - 1 - index : index));
    bytes[at + index] = Number((value >> shift) & 255n);
  }
}

function change(bytes: Uint8Array, other: Uint8Array, random: Seeded): Uint8Array {
  const { length } = bytes;
  const at = random.between(0, Math.max(0, length - 1));
  const count = Math.min(length - at, random.between(1, random.chance(0.8) ? 8 : 200));
  switch (random.between(0, 11)) {
    case 0:
    case 1:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.between(0, 7));
      return bytes;
    case 2:
      bytes[at] = random.chance(0.5) ? random.pick(BYTES) : random.between(0, 255);
      return bytes;
    case 3:
      // Lengths and counts are numbers that something else has to agree with.
      bytes[at] = (bytes[at] ?? 0) + (random.chance(0.5) ? 1 : 255);
      return bytes;
    case 4: {
      const width = random.pick(WIDTHS);
      const aligned = random.chance(0.5) ? at - (at % width) : at;
      writeNumber(bytes, aligned, width, random.pick(EDGES), random.chance(0.3));
      return bytes;
    }
    case 5:
      return splice(bytes, at, Math.min(length, at + random.between(0, 3)), random.pick(EDGE_VARINTS));
    case 6:
      return bytes.slice(0, random.chance(0.5) ? at : Math.max(0, length - random.between(1, 4)));
    case 7:
      return splice(bytes, at, at + count, new Uint8Array(0));
    case 8:
      return splice(bytes, at, at, bytes.slice(at, at + count));
    case 9:
      return splice(bytes, at, at, new Uint8Array(count).fill(random.pick(BYTES)));
    case 10: {
      const from = random.between(0, Math.max(0, other.length - 1));
      return splice(bytes, at, length, other.subarray(from));
    }
    default: {
      const from = random.between(0, Math.max(0, other.length - 1));
      return splice(bytes, at, at + count, other.subarray(from, from + count));
    }
  }
}

/** One to four changes of a sample; now and then nothing of it is left. */
export function mutated(samples: readonly Uint8Array[], random: Seeded): Uint8Array {
  if (random.chance(0.005)) return new Uint8Array(random.bytes(random.between(0, 300)));
  let bytes = new Uint8Array(random.pick(samples));
  const changes = random.chance(0.6) ? 1 : random.between(2, 4);
  for (let index = 0; index < changes; index++) {
    const changed = change(bytes, random.pick(samples), random);
    bytes = new Uint8Array(changed.length > LENGTH_MAX ? changed.subarray(0, LENGTH_MAX) : changed);
  }
  return bytes;
}
