/**
 * Do two lists of index entries hold the same, in whatever order? Each entry is mixed into 64 bits, and the sums are
 * compared: an index run, sorted by id, with the footers of its packs, without either list in memory.
 *
 * Against mistakes of a program, not against people: runs and footers are sealed.
 */
export type EntrySum = { count: number; low: number; high: number };

/** What an index says of a blob in a pack, all of it numbers: a million entries make no objects that stay. */
export type EntryNumbers = {
  /** Any eight bytes of the id as two numbers, always the same ones. */
  readonly idLow: number;
  readonly idHigh: number;
  readonly type: number;
  readonly offset: number;
  readonly length: number;
  readonly frameOffset: number;
  readonly frameLength: number;
  readonly delta: boolean;
};

export function newSum(): EntrySum {
  return { count: 0, low: 0, high: 0 };
}

/** Odd constants with no pattern in their bits (from the fraction of the golden ratio and of the roots of 2, 3, 5). */
const ODD = { id: 0x9e3779b1, frame: 0x6a09e667, length: 0xbb67ae85, place: 0x3c6ef373 } as const;

export function addEntry(sum: EntrySum, entry: EntryNumbers): void {
  const { idLow, idHigh, type, offset, length, frameOffset, frameLength } = entry;
  const kind = type * 2 + (entry.delta ? 1 : 0);
  sum.count++;
  sum.low = (sum.low + mix(idLow, frameOffset, frameLength, offset, length, kind)) >>> 0;
  sum.high = (sum.high + mix(idHigh, length, offset, frameLength, frameOffset, kind)) >>> 0;
}

export function mergeSum(into: EntrySum, other: EntrySum): void {
  into.count += other.count;
  into.low = (into.low + other.low) >>> 0;
  into.high = (into.high + other.high) >>> 0;
}

export function isSameSum(left: EntrySum, right: EntrySum): boolean {
  return left.count === right.count && left.low === right.low && left.high === right.high;
}

function mix(id: number, a: number, b: number, c: number, d: number, kind: number): number {
  let bits = Math.imul(id ^ kind, ODD.id);
  bits = Math.imul(rotated(bits ^ a), ODD.frame);
  bits = Math.imul(rotated(bits ^ b), ODD.length);
  bits = Math.imul(rotated(bits ^ c), ODD.place);
  bits = Math.imul(rotated(bits ^ d), ODD.id);
  return bits ^ (bits >>> 15);
}

function rotated(bits: number): number {
  return (bits >>> 17) | (bits << 15);
}
