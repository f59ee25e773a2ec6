import { describe, expect, it } from 'vitest';
import { BLOB_TYPE } from '../../../src-main/engine/codec/index.ts';
import { concatBytes, equalBytes, toHex } from '../../../src-main/engine/kernel/index.ts';
import {
  checkPack,
  createDeltaSegment,
  openSegment,
  PACK_FILE_TYPES,
  type BaseOf,
  type PendingDeltaSegment,
} from '../../../src-main/engine/pack/index.ts';
import {
  blobHasher,
  blobOf,
  buildPack,
  encrypted,
  openBytes,
  repositoryId,
  seededBytes,
  textLikeBytes,
  zstd,
} from '../../support/packs.ts';

const KIB = 1024;

function deltaOf(basePlain: Uint8Array, plain: Uint8Array): PendingDeltaSegment | undefined {
  return createDeltaSegment({ base: blobOf(basePlain), blob: blobOf(plain), compression: zstd, blobHasher });
}

function withEdits(plain: Uint8Array, offsets: readonly number[]): Uint8Array {
  const edited = new Uint8Array(plain);
  for (const [index, offset] of offsets.entries()) edited.set(seededBytes(1000 + index, 4 * KIB), offset);
  return edited;
}

async function roundTrip(basePlain: Uint8Array, plain: Uint8Array): Promise<void> {
  const delta = deltaOf(basePlain, plain);
  if (delta === undefined) throw new Error('a delta pays here');
  const reader = await openBytes(buildPack([delta]).bytes);
  const [segment] = reader.footer.segments;
  if (segment === undefined) throw new Error('the pack has a segment');
  const asked: string[] = [];
  const read = await reader.readSegment(segment, (id) => {
    asked.push(toHex(id));
    return Promise.resolve(basePlain);
  });
  expect(equalBytes(read, plain)).toBe(true);
  expect(asked).toEqual([toHex(blobOf(basePlain).id)]);
  expect(toHex(segment.baseId ?? new Uint8Array(0))).toBe(toHex(blobOf(basePlain).id));
}

describe('a delta segment', () => {
  it('stores 1 MiB of random bytes with four 4 KiB edits in less than 20 KB', () => {
    const base = seededBytes(1, 1024 * KIB);
    const delta = deltaOf(base, withEdits(base, [5_000, 300_001, 600_000, 1_000_003]));
    expect(delta?.payload.length).toBeLessThan(20_000);
  });

  it('uses all of a 4 MiB base', () => {
    const base = seededBytes(2, 4096 * KIB);
    const delta = deltaOf(base, withEdits(base, [5_000, 2_000_000, 4_000_000]));
    expect(delta?.payload.length).toBeLessThan(20_000);
  });

  it('gives back an edited, a shrunken, a grown and a moved content exactly', async () => {
    const base = seededBytes(3, 512 * KIB);
    await roundTrip(base, withEdits(base, [0, 100_000]));
    // A fixed-block delta would leave a stale tail here.
    await roundTrip(base, base.slice(0, 300_001));
    await roundTrip(base, concatBytes([base, seededBytes(4, 10_000)]));
    // A fixed-block delta would skip the block that moved.
    await roundTrip(base, concatBytes([base.subarray(400_000), base.subarray(0, 400_000)]));
  });

  it('finds a block that moved', () => {
    const base = seededBytes(5, 512 * KIB);
    expect(
      deltaOf(base, concatBytes([base.subarray(400_000), base.subarray(0, 400_000)]))?.payload.length,
    ).toBeLessThan(1_000);
  });

  it('works on content that begins like a trained dictionary', async () => {
    const base = concatBytes([Uint8Array.of(0x37, 0xa4, 0x30, 0xec), seededBytes(6, 200 * KIB)]);
    await roundTrip(base, withEdits(base, [50_000]));
  });

  it('is not made where it does not save a tenth', () => {
    expect(deltaOf(seededBytes(7, 100 * KIB), seededBytes(8, 100 * KIB))).toBeUndefined();
    // Compresses to nearly nothing alone: not worth pinning a base.
    expect(deltaOf(seededBytes(7, 100 * KIB), new Uint8Array(100 * KIB))).toBeUndefined();
    expect(deltaOf(textLikeBytes(1, 100 * KIB), textLikeBytes(2, 100 * KIB))).toBeUndefined();
    const same = seededBytes(7, 100 * KIB);
    expect(deltaOf(same, same)).toBeUndefined();
    expect(deltaOf(same, new Uint8Array(0))).toBeUndefined();
  });

  it('is refused when its bytes changed after it was made', () => {
    const base = seededBytes(9, 100 * KIB);
    const delta = deltaOf(base, withEdits(base, [5_000]));
    if (delta === undefined) throw new Error('a delta pays here');
    delta.payload[20] = (delta.payload[20] ?? 0) ^ 1;
    expect(() => buildPack([delta])).toThrow(expect.objectContaining({ code: 'integrity/damaged' }));
  });

  it('is refused when the blob’s id is not that of its bytes', () => {
    const base = blobOf(seededBytes(9, 100 * KIB));
    const blob = {
      id: blobOf(seededBytes(10, 10)).id,
      type: BLOB_TYPE.fileChunk,
      plain: withEdits(base.plain, [5_000]),
    };
    expect(() => createDeltaSegment({ base, blob, compression: zstd, blobHasher })).toThrow(
      expect.objectContaining({ code: 'integrity/damaged' }),
    );
  });

  it('reads as damage, not as other bytes, against a wrong base', async () => {
    const base = seededBytes(11, 100 * KIB);
    const delta = deltaOf(base, withEdits(base, [5_000]));
    if (delta === undefined) throw new Error('a delta pays here');
    const { bytes, packId } = buildPack([delta]);
    const checkWith = (baseOf: BaseOf) =>
      checkPack({
        bytes,
        expectedPackId: packId,
        repositoryId,
        secrets: encrypted,
        fileTypes: PACK_FILE_TYPES,
        blobHasher,
        baseOf,
      });
    expect((await checkWith(() => Promise.resolve(base))).damage).toEqual([]);
    const wrong = await checkWith(() => Promise.resolve(seededBytes(12, 100 * KIB)));
    expect(wrong.damage.map(({ blobs }) => blobs.map(toHex))).toEqual([delta.blobs.map(({ id }) => toHex(id))]);
    expect(wrong.blobsVerified).toBe(0);
  });

  it('is not read as a plain segment, nor the other way round', async () => {
    const base = seededBytes(11, 100 * KIB);
    const delta = deltaOf(base, withEdits(base, [5_000]));
    if (delta === undefined) throw new Error('a delta pays here');
    const { bytes, footer } = buildPack([delta]);
    const reader = await openBytes(bytes);
    const [segment] = footer.segments;
    if (segment === undefined) throw new Error('the pack has a segment');
    const frame = bytes.subarray(segment.offset, segment.offset + segment.length);
    const opening = openSegment(reader.opener, frame, () => Promise.resolve(base), { delta: false });
    await expect(opening).rejects.toMatchObject({ code: 'integrity/damaged' });
  });
});
