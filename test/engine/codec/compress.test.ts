import { gzipSync, zstdCompressSync } from 'node:zlib';

import { afterEach, describe, expect, test } from 'vitest';

import {
  COMPRESSION,
  compress,
  decompress,
  parseCompression,
  PLAIN_BYTES_MAX,
  setZstdProvider,
} from '../../../src-main/engine/codec/index.ts';
import { equalBytes } from '../../../src-main/engine/kernel/index.ts';
import { isCairnError } from '../../../src-shared/errors.ts';
import { errorOf, noiseBytes } from '../../support/codec.ts';

const MIB = 1024 * 1024;
const zstd3 = { kind: 'zstd', level: 3 } as const;

describe('what does not shrink is stored', () => {
  test.each([zstd3, { kind: 'lz4' }, { kind: 'gzip', level: 6 }] as const)('by $kind', (spec) => {
    for (const length of [1, 100, 5000, MIB]) {
      const plain = noiseBytes(length, 1);
      expect(compress(spec, plain)).toEqual({ compression: COMPRESSION.none, bytes: plain });
    }
  });

  test('without spending the whole compression on it', () => {
    let compressedBytes = 0;
    setZstdProvider({
      name: 'counting',
      compress: (plain) => {
        compressedBytes += plain.length;
        return zstdCompressSync(plain);
      },
      decompress: (bytes) => bytes,
    });
    compress(zstd3, noiseBytes(4 * MIB, 2));
    expect(compressedBytes).toBeGreaterThan(0);
    expect(compressedBytes).toBeLessThan(64 * 1024);
  });

  test('but a mixture of random and compressible parts is compressed', () => {
    const text = Buffer.alloc(MIB / 2, 'a line of a log file\n');
    for (const parts of [
      [noiseBytes(MIB / 2, 3), text],
      [text, noiseBytes(MIB / 2, 3)],
    ]) {
      expect(compress(zstd3, Buffer.concat(parts)).compression).toBe(COMPRESSION.zstd);
    }
  });

  test('but base64 text, which has no repetitions, is compressed', () => {
    const text = Buffer.from(Buffer.from(noiseBytes(MIB / 2, 4)).toString('base64'));
    expect(compress(zstd3, text).bytes.length).toBeLessThan(text.length * 0.8);
  });
});

afterEach(() => setZstdProvider(undefined));

describe('a dictionary', () => {
  // By itself zstd indexes the last 128 KiB of a dictionary at level 1: this found it.
  test.each([
    [64 * 1024, 1],
    [MIB, 1],
    [MIB, 3],
    [4 * MIB, 3],
    [8 * MIB, 1],
  ])('of %i bytes at level %i makes four scattered edits cost little more than the edits', (length, level) => {
    const previous = noiseBytes(length, 5);
    const changed = previous.slice();
    for (let edit = 0; edit < 4; edit++)
      changed.set(noiseBytes(1000, 100 + edit), Math.floor((edit * length) / 4) + 77);
    const delta = compress({ kind: 'zstd', level }, changed, previous);
    expect(delta.bytes.length).toBeLessThan(4000 + 2000);
    expect(equalBytes(decompress(delta.compression, delta.bytes, length, previous), changed)).toBe(true);
  });

  test('may hold what moved by any number of bytes', () => {
    const previous = noiseBytes(MIB, 6);
    const moved = Buffer.concat([noiseBytes(1234, 7), previous]);
    expect(compress(zstd3, moved, previous).bytes.length).toBeLessThan(3000);
  });

  // A file that is a trained zstd dictionary, backed up twice.
  test('may begin with zstd’s own dictionary magic', () => {
    const previous = noiseBytes(100_000, 8);
    previous.set([0x37, 0xa4, 0x30, 0xec]);
    const changed = previous.slice();
    changed[50_000]! ^= 1;
    const delta = compress(zstd3, changed, previous);
    expect(delta.bytes.length).toBeLessThan(200);
    expect(equalBytes(decompress(delta.compression, delta.bytes, changed.length, previous), changed)).toBe(true);
  });

  test('may be empty or tiny', () => {
    for (const length of [0, 1, 7, 8, 9]) {
      const plain = Buffer.alloc(1000, 'x');
      const dictionary = noiseBytes(length, 9);
      const { compression, bytes } = compress(zstd3, plain, dictionary);
      expect(equalBytes(decompress(compression, bytes, 1000, dictionary), plain)).toBe(true);
    }
  });
});

describe('decompression stops', () => {
  const bomb = Buffer.alloc(PLAIN_BYTES_MAX * 2);

  test('at the promised length, whatever the compressed bytes would make', () => {
    expect(
      isCairnError(
        errorOf(() => decompress(COMPRESSION.zstd, zstdCompressSync(bomb), 1000)),
        'integrity/damaged',
      ),
    ).toBe(true);
    expect(
      isCairnError(
        errorOf(() => decompress(COMPRESSION.gzip, gzipSync(bomb), 1000)),
        'integrity/damaged',
      ),
    ).toBe(true);
  });

  test('before a promise that no Cairn makes', () => {
    for (const compression of Object.values(COMPRESSION)) {
      const error = errorOf(() => decompress(compression, new Uint8Array(10), PLAIN_BYTES_MAX + 1));
      expect(isCairnError(error, 'limit/exceeded')).toBe(true);
    }
  });

  test('before an lz4 block whose own claim differs', () => {
    const block = Uint8Array.from(compress({ kind: 'lz4' }, Buffer.alloc(1000)).bytes);
    new DataView(block.buffer).setUint32(0, 0x7fffffff, true);
    expect(
      isCairnError(
        errorOf(() => decompress(COMPRESSION.lz4, block, 1000)),
        'integrity/damaged',
      ),
    ).toBe(true);
  });
});

test('a length that is not the promised one is damage, also for stored bytes', () => {
  const { compression, bytes } = compress(zstd3, Buffer.alloc(1000));
  for (const length of [0, 999, 1001]) {
    expect(
      isCairnError(
        errorOf(() => decompress(compression, bytes, length)),
        'integrity/damaged',
      ),
    ).toBe(true);
    expect(
      isCairnError(
        errorOf(() => decompress(COMPRESSION.none, Buffer.alloc(1000), length)),
        'integrity/damaged',
      ),
    ).toBe(true);
  }
});

test('settings are read with their defaults and limits', () => {
  expect(parseCompression('zstd')).toEqual({ kind: 'zstd', level: 3 });
  expect(parseCompression('gzip')).toEqual({ kind: 'gzip', level: 6 });
  for (const text of ['', 'zstd:0', 'zstd:20', 'gzip:10', 'lz4:1', 'none:1', 'ZSTD', 'zstd:', 'zstd:-1', 'brotli']) {
    expect(
      isCairnError(
        errorOf(() => parseCompression(text)),
        'usage/invalid',
      ),
      text,
    ).toBe(true);
  }
});
