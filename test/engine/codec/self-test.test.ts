import { afterEach, describe, expect, test } from 'vitest';

import { assertSelfTest, runSelfTest, setZstdProvider } from '../../../src-main/engine/codec/index.ts';
import { isCairnError } from '../../../src-shared/errors.ts';
import { errorOf } from '../../support/codec.ts';

afterEach(() => setZstdProvider(undefined));

const NAMES = ['zstd', 'lz4', 'gzip', 'BLAKE3', 'AES-256-GCM', 'HKDF-SHA-256', 'scrypt', 'Ed25519', 'chunker'];

test('every building block gives its known answer on this machine', () => {
  const results = runSelfTest({ full: true });
  expect(results.filter((result) => !result.ok)).toEqual([]);
  expect(results.map((result) => result.name)).toEqual([...NAMES, 'SQLite']);
  assertSelfTest();
});

describe('a zstd', () => {
  const identity = (bytes: Uint8Array) => bytes;

  test('that computes something else stops the engine, and nothing else is blamed', () => {
    setZstdProvider({ name: 'broken', compress: identity, decompress: identity });
    expect(runSelfTest().filter((result) => !result.ok)).toMatchObject([
      { name: 'zstd', version: expect.stringContaining('broken') as string },
    ]);
    const error = errorOf(() => assertSelfTest());
    expect(isCairnError(error, 'engine/self-test')).toBe(true);
    expect(String(error)).toContain('zstd (broken');
  });

  test('that throws is reported, not thrown', () => {
    const refuse = () => {
      throw new Error('not in this build');
    };
    setZstdProvider({ name: 'absent', compress: refuse, decompress: refuse });
    expect(runSelfTest()[0]).toMatchObject({ name: 'zstd', ok: false });
  });
});
