import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  COMPRESSION,
  compress,
  type CompressionSpec,
  decompress,
  formatCompression,
  parseCompression,
} from '../../src-main/engine/codec/index.ts';
import { equalBytes } from '../../src-main/engine/kernel/index.ts';
import { CairnError } from '../../src-shared/errors.ts';
import { errorOf, noiseBytes } from '../support/codec.ts';

const anySpec: fc.Arbitrary<CompressionSpec> = fc.oneof(
  fc.record({ kind: fc.constant('zstd' as const), level: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ kind: fc.constant('gzip' as const), level: fc.integer({ min: 1, max: 9 }) }),
  fc.constant({ kind: 'lz4' as const }),
  fc.constant({ kind: 'none' as const }),
);

/** Runs of repeated and of random bytes, up to 200 KB: below and above the size from which inputs are probed. */
const anyContent: fc.Arbitrary<Uint8Array> = fc
  .array(fc.record({ seed: fc.nat(1000), length: fc.nat(50_000), isRepeated: fc.boolean() }), { maxLength: 4 })
  .map((parts) =>
    Buffer.concat(
      parts.map(({ seed, length, isRepeated }) =>
        isRepeated ? Buffer.alloc(length, `row ${seed};`) : Buffer.from(noiseBytes(length, seed)),
      ),
    ),
  );

test('every content comes back, and is never stored longer than it was', () => {
  fc.assert(
    fc.property(anySpec, anyContent, (spec, plain) => {
      const { compression, bytes } = compress(spec, plain);
      expect(bytes.length).toBeLessThanOrEqual(plain.length);
      expect(equalBytes(decompress(compression, bytes, plain.length), plain)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('every content comes back through any dictionary', () => {
  fc.assert(
    fc.property(anyContent, anyContent, fc.integer({ min: 1, max: 5 }), (plain, dictionary, level) => {
      const { compression, bytes } = compress({ kind: 'zstd', level }, plain, dictionary);
      expect(equalBytes(decompress(compression, bytes, plain.length, dictionary), plain)).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test('every setting is read back from its text', () => {
  fc.assert(
    fc.property(anySpec, (spec) => {
      expect(parseCompression(formatCompression(spec))).toEqual(spec);
    }),
  );
});

test('any bytes decompress to the promised length or to a typed error', () => {
  const plain = Buffer.alloc(3000, 'some text of a file. ');
  const compressed = [
    compress({ kind: 'zstd', level: 3 }, plain),
    compress({ kind: 'lz4' }, plain),
    compress({ kind: 'gzip', level: 6 }, plain),
  ];
  const attempt = fc.record({
    which: fc.nat(2),
    at: fc.nat(300),
    byte: fc.nat(255),
    junk: fc.option(fc.uint8Array({ maxLength: 200 })),
    length: fc.oneof(fc.constant(3000), fc.nat(20_000)),
  });
  fc.assert(
    fc.property(attempt, ({ which, at, byte, junk, length }) => {
      const { compression, bytes } = compressed[which]!;
      const changed = junk ?? Uint8Array.from(bytes);
      if (at < changed.length) changed[at] = byte;
      let result: Uint8Array | undefined;
      const error = errorOf(() => (result = decompress(compression, changed, length)));
      expect(error === undefined ? result?.length === length : error instanceof CairnError, String(error)).toBe(true);
    }),
    { numRuns: 3000 },
  );
});

test('an empty content needs no bytes at all', () => {
  expect(compress({ kind: 'zstd', level: 3 }, new Uint8Array(0))).toEqual({
    compression: COMPRESSION.none,
    bytes: new Uint8Array(0),
  });
});
