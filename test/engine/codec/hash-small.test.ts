import fc from 'fast-check';
import { expect, test } from 'vitest';

import { hashSmall, keyWords, SMALL_HASH_BYTES_MAX } from '../../../src-main/engine/codec/hash-small.ts';
import { createHasher, createKeyedHasher, hash } from '../../../src-main/engine/codec/index.ts';
import { toHex, utf8 } from '../../../src-main/engine/kernel/index.ts';
import { noiseBytes } from '../../support/codec.ts';

/** The hash by native code, which takes pieces of any length. */
function nativeHash(bytes: Uint8Array, key?: Uint8Array): string {
  const hasher = key === undefined ? createHasher() : createKeyedHasher(key);
  hasher.update(bytes);
  return toHex(hasher.digest());
}

test('short inputs of every length hash as the native code hashes them, with and without a key', () => {
  const noise = noiseBytes(SMALL_HASH_BYTES_MAX + 1, 7);
  const key = noiseBytes(32, 8);
  for (let length = 0; length <= SMALL_HASH_BYTES_MAX; length++) {
    // From an odd offset: nothing may count on where in memory the bytes lie.
    const bytes = noise.subarray(1, 1 + length);
    expect(toHex(hashSmall(bytes))).toBe(nativeHash(bytes));
    expect(toHex(hashSmall(bytes, keyWords(key)))).toBe(nativeHash(bytes, key));
  }
});

test('any short bytes under any key hash as the native code hashes them', () => {
  const bytes = fc.uint8Array({ maxLength: SMALL_HASH_BYTES_MAX, size: 'max' });
  fc.assert(
    fc.property(bytes, fc.uint8Array({ minLength: 32, maxLength: 32 }), (content, key) => {
      expect(toHex(hashSmall(content))).toBe(nativeHash(content));
      expect(toHex(hashSmall(content, keyWords(key)))).toBe(nativeHash(content, key));
    }),
  );
});

test('short inputs hash to BLAKE3’s official vectors', () => {
  const vector = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index % 251);
  expect(toHex(hashSmall(vector(0)))).toBe('af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262');
  expect(toHex(hashSmall(vector(1)))).toBe('2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213');
  expect(toHex(hashSmall(vector(0), keyWords(utf8('whats the Elvish word for friend'))))).toBe(
    '92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26',
  );
});

test('the hash is one function on both sides of the length where native code takes over', () => {
  for (const length of [SMALL_HASH_BYTES_MAX, SMALL_HASH_BYTES_MAX + 1]) {
    const bytes = noiseBytes(length, length);
    expect(toHex(hash(bytes))).toBe(nativeHash(bytes));
  }
});

test('results are fresh memory of their own', () => {
  const first = hashSmall(utf8('first'));
  const kept = toHex(first);
  hashSmall(utf8('second'));
  expect(toHex(first)).toBe(kept);
  expect(first.buffer.byteLength).toBe(32);
});
