import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CairnError } from '../../src-shared/errors.ts';
import {
  BLOB_TYPE,
  CIPHER,
  FILE_HEADER_BYTES,
  FILE_TYPE,
  type BlobType,
  type CompressionSpec,
} from '../../src-main/engine/codec/index.ts';
import { equalBytes, toHex } from '../../src-main/engine/kernel/index.ts';
import {
  checkPack,
  createDeltaSegment,
  decodeFooter,
  PACK_FILE_TYPES,
  type PackFooter,
} from '../../src-main/engine/pack/index.ts';
import { FooterColumns } from '../../src-main/engine/pack/footer.ts';
import { damaged, mutations } from '../support/mutate.ts';
import {
  blobHasher,
  blobOf,
  buildPack,
  noBase,
  openBytes,
  readAllBlobs,
  repositoryId,
  secretsOf,
  segmentsOf,
  seededBytes,
  textLikeBytes,
  zstd,
} from '../support/packs.ts';

const compressions: readonly CompressionSpec[] = [
  { kind: 'zstd', level: 1 },
  { kind: 'zstd', level: 3 },
  { kind: 'lz4' },
  { kind: 'gzip', level: 6 },
  { kind: 'none' },
];
const blobTypes: readonly BlobType[] = Object.values(BLOB_TYPE);

/** Sizes from nothing to more than a segment's target, small ones mostly; text, noise and zeros. */
const plainArbitrary = fc
  .record({
    seed: fc.nat(1_000_000),
    length: fc.oneof(
      { weight: 8, arbitrary: fc.nat(5_000) },
      { weight: 2, arbitrary: fc.nat(400_000) },
      { weight: 1, arbitrary: fc.nat(3_000_000) },
    ),
    content: fc.constantFrom('text', 'noise', 'zeros'),
  })
  .map(({ seed, length, content }) => {
    if (content === 'text') return textLikeBytes(seed, length);
    return content === 'noise' ? seededBytes(seed, length) : new Uint8Array(length);
  });

const blobsArbitrary = fc.array(
  fc
    .record({ plain: plainArbitrary, type: fc.constantFrom(...blobTypes) })
    .map(({ plain, type }) => blobOf(plain, type)),
  { maxLength: 20 },
);

describe('a pack of any blobs', () => {
  it('gives back what was put in, with each cipher and compression', async () => {
    const setup = fc.record({
      blobs: blobsArbitrary,
      cipher: fc.constantFrom(CIPHER.none, CIPHER.aes256Gcm),
      compression: fc.constantFrom(...compressions),
      fileType: fc.constantFrom(FILE_TYPE.dataPack, FILE_TYPE.treePack, FILE_TYPE.commitFile),
    });
    const property = fc.asyncProperty(setup, async ({ blobs, cipher, compression, fileType }) => {
      const secrets = secretsOf(cipher);
      const { bytes, packId } = buildPack(segmentsOf(blobs, compression), { secrets, fileType });
      const read = await readAllBlobs(await openBytes(bytes, secrets));
      // A large blob overtakes the bundle begun before it, so the order is compared without regard to that.
      const listOf = (list: typeof blobs) =>
        list.map(({ id, type, plain }) => `${toHex(id)} ${type} ${plain.length}`).sort();
      expect(listOf(read)).toEqual(listOf(blobs));
      expect(read.every(({ id, type, plain }) => equalBytes(blobHasher.idOf(type, plain), id))).toBe(true);
      const identity = { repositoryId, secrets, fileTypes: PACK_FILE_TYPES };
      const check = await checkPack({ ...identity, bytes, expectedPackId: packId, blobHasher, baseOf: noBase });
      expect([check.damage, check.blobsVerified]).toEqual([[], blobs.length]);
    });
    await fc.assert(property, { numRuns: 100 });
  });

  it('reports a flipped byte wherever it is, with each cipher', async () => {
    const pack = (cipher: typeof CIPHER.none | typeof CIPHER.aes256Gcm) => {
      const secrets = secretsOf(cipher);
      const blobs = [blobOf(textLikeBytes(1, 900)), blobOf(seededBytes(2, 50)), blobOf(new Uint8Array(0))];
      return {
        secrets,
        built: buildPack(segmentsOf(blobs), {
          secrets,
          fileType: FILE_TYPE.commitFile,
          objects: [{ type: 4, bytes: seededBytes(3, 60) }],
        }),
      };
    };
    const packs = [pack(CIPHER.none), pack(CIPHER.aes256Gcm)];
    for (const { secrets, built } of packs) {
      for (let at = 0; at < built.bytes.length; at++) {
        const bytes = new Uint8Array(built.bytes);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
        const identity = { repositoryId, secrets, fileTypes: PACK_FILE_TYPES };
        const { damage } = await checkPack({
          ...identity,
          bytes,
          expectedPackId: built.packId,
          blobHasher,
          baseOf: noBase,
        });
        // Found by the name, and without it by the frames themselves.
        expect(damage.length, `byte ${at}`).toBeGreaterThan(1);
      }
    }
  });
});

describe('a delta of any edit', () => {
  it('gives back the new content exactly', async () => {
    const edit = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      remove: fc.nat(9_000),
      insert: fc.nat(9_000),
    });
    const property = fc.asyncProperty(
      fc.nat(),
      fc.integer({ min: 1, max: 300_000 }),
      fc.array(edit, { maxLength: 5 }),
      async (seed, length, edits) => {
        const base = seededBytes(seed, length);
        let plain: Uint8Array = base;
        for (const { at, remove, insert } of edits) {
          const from = Math.floor(at * plain.length);
          plain = new Uint8Array(
            Buffer.concat([plain.subarray(0, from), seededBytes(insert, insert), plain.subarray(from + remove)]),
          );
        }
        const delta = createDeltaSegment({ base: blobOf(base), blob: blobOf(plain), compression: zstd, blobHasher });
        if (delta === undefined) return;
        const reader = await openBytes(buildPack([delta]).bytes);
        const [segment] = reader.footer.segments;
        expect(segment && equalBytes(await reader.readSegment(segment, () => Promise.resolve(base)), plain)).toBe(true);
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });
});

const framesEnd = FILE_HEADER_BYTES + 3 * 1000;
const validFooter = (() => {
  const columns = new FooterColumns();
  const id = (seed: number) => blobOf(seededBytes(seed, 10)).id;
  const blobs = [
    { id: id(1), type: BLOB_TYPE.fileChunk, offset: 0, length: 300 },
    { id: id(2), type: BLOB_TYPE.folderPage, offset: 300, length: 0 },
    { id: id(3), type: BLOB_TYPE.sealPage, offset: 300, length: 700 },
  ];
  columns.addSegment({ kind: 'segment', compression: 1, plainLength: 1000, blobs }, 1000);
  const delta = [{ id: id(4), type: BLOB_TYPE.fileChunk, offset: 0, length: 50 }];
  columns.addSegment({ kind: 'delta', compression: 1, plainLength: 50, blobs: delta, baseId: id(1) }, 1000);
  columns.addObject({ compression: 0, plainLength: 960, objectType: 4 }, 1000);
  return columns.encode(FILE_TYPE.commitFile, Uint8Array.of(1, 2, 3));
})();

/** What every caller relies on, whatever the bytes were. */
function expectSound(footer: PackFooter): void {
  const places = [...footer.segments, ...footer.objects].sort((left, right) => left.offset - right.offset);
  let end = FILE_HEADER_BYTES;
  for (const { offset, length } of places) {
    expect(offset).toBe(end);
    end = offset + length;
  }
  expect(end).toBe(framesEnd);
  for (const segment of footer.segments) {
    let filled = 0;
    for (const { offset, length } of footer.blobsOf(segment)) {
      expect(offset).toBe(filled);
      filled = offset + length;
    }
    expect(filled).toBe(segment.plainLength);
  }
}

function decodesOrRefuses(bytes: Uint8Array): void {
  try {
    expectSound(decodeFooter(bytes, { fileType: FILE_TYPE.commitFile, framesEnd }));
  } catch (error) {
    if (!(error instanceof CairnError)) throw error;
  }
}

describe('the footer decoder', () => {
  it('reads the footer that the mutations begin with', () => {
    const footer = decodeFooter(validFooter, { fileType: FILE_TYPE.commitFile, framesEnd });
    expectSound(footer);
    expect([footer.segments.length, footer.objects.length, footer.blobCount, footer.plainBytes]).toEqual([
      2, 1, 4, 1050,
    ]);
    expect([...footer.extension]).toEqual([1, 2, 3]);
  });

  it('makes a sound footer or a CairnError of any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), decodesOrRefuses), { numRuns: 10_000 });
  });

  it('makes a sound footer or a CairnError of any damaged footer', () => {
    const property = fc.property(mutations(validFooter.length), (steps) =>
      decodesOrRefuses(damaged(validFooter, steps)),
    );
    fc.assert(property, { numRuns: 10_000 });
  });
});
