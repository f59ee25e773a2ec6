import { expect, test } from 'vitest';

import {
  BLOB_TYPE,
  createBlobHasher,
  createHasher,
  createKeyedHasher,
  hash,
} from '../../../src-main/engine/codec/index.ts';
import { concatBytes, toHex, utf8 } from '../../../src-main/engine/kernel/index.ts';
import { noiseBytes } from '../../support/codec.ts';

/** Input of BLAKE3’s official test vectors: 0, 1, … 250, 0, 1, … */
const vector = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index % 251);
const VECTOR_KEY = utf8('whats the Elvish word for friend');

test('the hash is BLAKE3: its official vectors', () => {
  expect(toHex(hash(vector(0)))).toBe('af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262');
  expect(toHex(hash(vector(1)))).toBe('2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213');
  expect(toHex(createKeyedHasher(VECTOR_KEY).digest())).toBe(
    '92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26',
  );
});

test('a hasher gives the same for any pieces, and begins anew after each digest', () => {
  const content = noiseBytes(5000, 1);
  const hasher = createHasher();
  for (const size of [1, 7, 1024, 4999]) {
    for (let at = 0; at < content.length; at += size) hasher.update(content.subarray(at, at + size));
    expect(toHex(hasher.digest())).toBe(toHex(hash(content)));
  }
  hasher.update(content);
  hasher.reset();
  expect(toHex(hasher.digest())).toBe(toHex(hash(new Uint8Array(0))));
});

test('results are plain Uint8Arrays whose slices are copies', () => {
  const results = [
    hash(vector(9)),
    createHasher().digest(),
    createBlobHasher(VECTOR_KEY).idOf(BLOB_TYPE.fileChunk, vector(9)),
  ];
  for (const result of results) expect(Buffer.isBuffer(result)).toBe(false);
});

test('a blob id is the keyed hash of type, algorithm and plain hash', () => {
  const plain = noiseBytes(100, 2);
  const keyed = createKeyedHasher(VECTOR_KEY);
  keyed.update(concatBytes([Uint8Array.of(2, 1), hash(plain)]));
  const hasher = createBlobHasher(VECTOR_KEY);
  const id = hasher.idOf(BLOB_TYPE.folderPage, plain);
  expect(toHex(id)).toBe(toHex(keyed.digest()));
  expect(toHex(hasher.idOfHash(BLOB_TYPE.folderPage, hash(plain)))).toBe(toHex(id));
});

test('a blob id depends on the key, the type and every byte', () => {
  const plain = noiseBytes(100, 3);
  const changed = plain.slice();
  changed[99]! ^= 1;
  const ids = [noiseBytes(32, 4), noiseBytes(32, 5)].flatMap((key) => {
    const hasher = createBlobHasher(key);
    return Object.values(BLOB_TYPE).flatMap((type) =>
      [hasher.idOf(type, plain), hasher.idOf(type, changed)].map(toHex),
    );
  });
  expect(new Set(ids).size).toBe(2 * Object.keys(BLOB_TYPE).length * 2);
});

test('an id handed out does not change when the next one is made', () => {
  const hasher = createBlobHasher(VECTOR_KEY);
  const first = hasher.idOf(BLOB_TYPE.fileChunk, vector(10));
  const kept = toHex(first);
  hasher.idOf(BLOB_TYPE.fileChunk, vector(11));
  expect(toHex(first)).toBe(kept);
});
