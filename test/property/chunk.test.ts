import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  CHUNK_BUFFER_BYTES,
  chunkAll,
  type Chunker,
  CHUNKING,
  type ChunkSizes,
  createChunker,
  createReferenceChunker,
} from '../../src-main/engine/codec/index.ts';
import { concatBytes } from '../../src-main/engine/kernel/index.ts';
import { noiseBytes } from '../support/codec.ts';

const KEY = noiseBytes(32, 1);
/** Small, so that a few hundred KB hold many chunks; the rules are the same for every size. */
const SMALL: ChunkSizes = { minBytes: 256, averageBytes: 1024, maxBytes: 4096 };
const small = createChunker(KEY, SMALL);
const smallReference = createReferenceChunker(KEY, SMALL);

/** Random parts, repeated rows and runs of one byte: what cuts well, regularly and not at all. */
const anyContent: fc.Arbitrary<Uint8Array> = fc
  .array(fc.record({ seed: fc.nat(10_000), length: fc.nat(12_000), kind: fc.constantFrom('noise', 'rows', 'zeros') }), {
    maxLength: 6,
  })
  .map((parts) =>
    concatBytes(
      parts.map(({ seed, length, kind }) => {
        if (kind === 'noise') return noiseBytes(length, seed);
        return new Uint8Array(Buffer.alloc(length, kind === 'rows' ? `row ${seed}\n` : '\0'));
      }),
    ),
  );

const sum = (lengths: readonly number[]): number => lengths.reduce((total, length) => total + length, 0);

/** Where each chunk ends. */
function endsOf(lengths: readonly number[]): number[] {
  let at = 0;
  return lengths.map((length) => (at += length));
}

/** Cuts with the bytes arriving in pieces of the given sizes, as a reader with a slow source would. */
function chunkInPieces(chunker: Chunker, bytes: Uint8Array, pieces: readonly number[], startOffset: number): number[] {
  const lengths: number[] = [];
  let [read, start, end, turn] = [0, startOffset, startOffset, 0];
  while (read < bytes.length || start < end) {
    const length = start < end ? chunker.cut(start, end, read === bytes.length) : 0;
    if (length > 0) {
      lengths.push(length);
      start += length;
      continue;
    }
    const take = Math.min(pieces[turn++ % pieces.length]!, bytes.length - read);
    chunker.buffer.set(bytes.subarray(read, read + take), end);
    read += take;
    end += take;
  }
  return lengths;
}

test('the chunks of any content are the content, each within its bounds', () => {
  fc.assert(
    fc.property(anyContent, (content) => {
      const lengths = chunkAll(small, content);
      expect(sum(lengths)).toBe(content.length);
      lengths.forEach((length, index) => {
        expect(length).toBeLessThanOrEqual(SMALL.maxBytes);
        if (index < lengths.length - 1) expect(length).toBeGreaterThanOrEqual(SMALL.minBytes);
      });
    }),
  );
});

test('the WebAssembly cuts exactly where the definition in JavaScript does', () => {
  fc.assert(
    fc.property(anyContent, (content) => {
      expect(chunkAll(small, content)).toEqual(chunkAll(smallReference, content));
    }),
    { numRuns: 200 },
  );
});

test('cuts do not depend on how the buffer was filled, nor on where in it', () => {
  const anyPieces = fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(anyContent, anyPieces, fc.nat(100_000), (content, pieces, startOffset) => {
      const expected = chunkAll(small, content);
      // Leftovers of another file in the buffer must not show either.
      small.buffer.fill(0xa5, 0, 200_000);
      expect(chunkInPieces(small, content, pieces, startOffset)).toEqual(expected);
    }),
    { numRuns: 200 },
  );
});

test('two chunkers with one key agree, with another key they do not', () => {
  const content = noiseBytes(200_000, 3);
  expect(chunkAll(createChunker(KEY, SMALL), content)).toEqual(chunkAll(small, content));
  const other = endsOf(chunkAll(createChunker(noiseBytes(32, 2), SMALL), content));
  const shared = endsOf(chunkAll(small, content)).filter((end) => other.includes(end));
  expect(shared.length).toBeLessThan(other.length / 4);
});

describe('an edit moves only the cuts near it', () => {
  const anyEdit = fc.record({
    seed: fc.nat(1_000_000),
    at: fc.nat(300_000),
    removed: fc.nat(3000),
    inserted: fc.nat(3000),
  });

  test('every cut before it stays, and the cuts find back to each other behind it', () => {
    fc.assert(
      fc.property(anyEdit, ({ seed, at, removed, inserted }) => {
        const before = noiseBytes(600_000, seed);
        const after = concatBytes([
          before.subarray(0, at),
          noiseBytes(inserted, seed + 1),
          before.subarray(at + removed),
        ]);
        const [oldEnds, newEnds] = [endsOf(chunkAll(small, before)), endsOf(chunkAll(small, after))];
        expect(newEnds.filter((end) => end <= at)).toEqual(oldEnds.filter((end) => end <= at));
        // 100 average chunks behind the edit: that the cuts had not met by then would be a fault, not bad luck.
        const shift = inserted - removed;
        const settled = Math.max(at + removed, at + inserted) + 100 * SMALL.averageBytes;
        expect(newEnds.filter((end) => end > settled + shift)).toEqual(
          oldEnds.filter((end) => end > settled).map((end) => end + shift),
        );
      }),
      { numRuns: 100 },
    );
  });
});

describe.each(['standard', 'fine'] as const)('with %s chunks', (name) => {
  const sizes = CHUNKING[name];

  test('random bytes are cut near the average length', () => {
    const lengths = chunkAll(createChunker(KEY, sizes), noiseBytes(48 * sizes.averageBytes, 5));
    const mean = sum(lengths) / lengths.length;
    expect(mean).toBeGreaterThan(sizes.averageBytes * 0.7);
    expect(mean).toBeLessThan(sizes.averageBytes * 1.6);
    expect(Math.max(...lengths)).toBeLessThan(sizes.maxBytes);
  });

  test('the WebAssembly cuts where the definition does', () => {
    const content = concatBytes([
      noiseBytes(3 * sizes.maxBytes, 6),
      new Uint8Array(2 * sizes.maxBytes + 5),
      noiseBytes(77, 7),
    ]);
    expect(chunkAll(createChunker(KEY, sizes), content)).toEqual(chunkAll(createReferenceChunker(KEY, sizes), content));
  });

  test('a run of zeros is cut at the longest length', () => {
    expect(chunkAll(createChunker(KEY, sizes), new Uint8Array(2 * sizes.maxBytes + 5))).toEqual([
      sizes.maxBytes,
      sizes.maxBytes,
      5,
    ]);
  });
});

describe('a chunker', () => {
  test('asks for more bytes while it cannot know, and not longer', () => {
    small.buffer.set(new Uint8Array(SMALL.maxBytes));
    expect(small.cut(0, SMALL.minBytes, false)).toBe(0);
    expect(small.cut(0, SMALL.maxBytes - 1, false)).toBe(0);
    expect(small.cut(0, SMALL.maxBytes - 1, true)).toBe(SMALL.maxBytes - 1);
    expect(small.cut(0, SMALL.maxBytes, false)).toBe(SMALL.maxBytes);
  });

  test('has a buffer that does not move and takes two of the longest chunks', () => {
    const { buffer } = small;
    chunkAll(small, noiseBytes(100_000, 8));
    expect(buffer.length).toBe(CHUNK_BUFFER_BYTES);
    expect(buffer.byteLength).toBeGreaterThanOrEqual(2 * CHUNKING.standard.maxBytes);
  });

  test('cuts up to the last byte of its buffer', () => {
    small.buffer.fill(0);
    const start = CHUNK_BUFFER_BYTES - 100;
    expect(small.cut(start, CHUNK_BUFFER_BYTES, true)).toBe(100);
    expect(() => small.cut(start, CHUNK_BUFFER_BYTES + 1, true)).toThrow();
  });
});
