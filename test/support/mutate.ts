/** Damage for decoders: single changes that hit a structure more often than random bytes do. */
import fc from 'fast-check';

export type Mutation =
  | { readonly kind: 'byte'; readonly at: number; readonly value: number }
  | { readonly kind: 'number'; readonly at: number; readonly value: number }
  | { readonly kind: 'cut'; readonly at: number; readonly count: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'repeat'; readonly at: number; readonly from: number; readonly count: number };

/** Numbers at which sizes and counts go wrong. */
const EDGES = [
  0,
  1,
  2,
  255,
  256,
  2047,
  2048,
  2049,
  65_535,
  65_536,
  2 ** 20,
  2 ** 23,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
];

/** One to four changes to a structure of so many bytes; u32 fields mostly stand at multiples of four. */
export function mutations(length: number): fc.Arbitrary<Mutation[]> {
  const at = fc.oneof(
    fc.nat(length),
    fc.nat(Math.floor(length / 4)).map((word) => word * 4),
  );
  const mutation: fc.Arbitrary<Mutation> = fc.oneof(
    fc.record({ kind: fc.constant('byte' as const), at, value: fc.nat(255) }),
    fc.record({ kind: fc.constant('number' as const), at, value: fc.oneof(fc.constantFrom(...EDGES), fc.nat(5000)) }),
    fc.record({ kind: fc.constant('cut' as const), at, count: fc.integer({ min: 1, max: 64 }) }),
    fc.record({ kind: fc.constant('insert' as const), at, bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }) }),
    fc.record({ kind: fc.constant('repeat' as const), at, from: at, count: fc.integer({ min: 1, max: 64 }) }),
  );
  return fc.array(mutation, { minLength: 1, maxLength: 4 });
}

/** The structure after these changes. */
export function damaged(valid: Uint8Array, steps: readonly Mutation[]): Uint8Array {
  let bytes = new Uint8Array(valid);
  for (const step of steps) {
    const at = Math.min(step.at, bytes.length);
    if (step.kind === 'byte' && at < bytes.length) bytes[at] = step.value;
    if (step.kind === 'number' && at + 4 <= bytes.length) new DataView(bytes.buffer).setUint32(at, step.value, true);
    if (step.kind === 'cut') bytes = new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(at + step.count)]);
    if (step.kind === 'insert')
      bytes = new Uint8Array([...bytes.subarray(0, at), ...step.bytes, ...bytes.subarray(at)]);
    if (step.kind === 'repeat')
      bytes.set(bytes.subarray(step.from, Math.min(step.from + step.count, bytes.length - at + step.from)), at);
  }
  return bytes;
}
