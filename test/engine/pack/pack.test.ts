import { describe, expect, it } from 'vitest';
import { isCairnError } from '../../../src-shared/errors.ts';
import { BLOB_TYPE, FILE_TYPE, hash, OBJECT_TYPE } from '../../../src-main/engine/codec/index.ts';
import { equalBytes, toHex, utf8 } from '../../../src-main/engine/kernel/index.ts';
import {
  BLOBS_PER_SEGMENT_MAX,
  checkPack,
  createPackBuilder,
  createSegmentBuilder,
  openSegment,
  PACK_BYTES_TARGET_MAX,
  PACK_BYTES_TARGET_MIN,
  PACK_FILE_TYPES,
  packBytesTarget,
  scanFrames,
  SEGMENT_BYTES_TARGET,
} from '../../../src-main/engine/pack/index.ts';
import {
  blobHasher,
  blobOf,
  buildPack,
  encrypted,
  nextSalt,
  noBase,
  openBytes,
  readAllBlobs,
  repositoryId,
  seededBytes,
  segmentsOf,
  textLikeBytes,
  zstd,
} from '../../support/packs.ts';

const MIB = 1024 * 1024;

function smallPack(blobCount = 5) {
  return buildPack(
    segmentsOf(Array.from({ length: blobCount }, (_, index) => blobOf(textLikeBytes(index, 200 + index)))),
  );
}

function check(bytes: Uint8Array, expectedPackId: ReturnType<typeof buildPack>['packId']) {
  const identity = { repositoryId, secrets: encrypted, fileTypes: PACK_FILE_TYPES };
  return checkPack({ ...identity, bytes, expectedPackId, blobHasher, baseOf: noBase });
}

describe('segments', () => {
  it('bundles small blobs until a segment holds its target', () => {
    const segments = segmentsOf(Array.from({ length: 30 }, (_, index) => blobOf(textLikeBytes(index, 100_000))));
    expect(segments.map(({ plainLength }) => plainLength)).toEqual([1_100_000, 1_100_000, 800_000]);
  });

  it('gives a large blob a segment of its own and goes on with the one begun', () => {
    const [small, large, other] = [
      blobOf(utf8('small')),
      blobOf(seededBytes(1, SEGMENT_BYTES_TARGET)),
      blobOf(utf8('other')),
    ];
    const segments = segmentsOf([small, large, other]);
    expect(segments.map(({ blobs }) => blobs.map(({ length }) => length))).toEqual([[large.plain.length], [5, 5]]);
  });

  it('completes a segment when it holds the largest number of blobs', () => {
    const builder = createSegmentBuilder({ compression: zstd });
    const { id, type, plain } = blobOf(utf8('x'));
    for (let count = 1; count < BLOBS_PER_SEGMENT_MAX; count++) expect(builder.add(id, type, plain)).toBeUndefined();
    expect(builder.add(id, type, plain)?.blobs).toHaveLength(BLOBS_PER_SEGMENT_MAX);
    expect(builder.flush()).toBeUndefined();
  });

  it('keeps its bytes when the caller writes over the plaintext', () => {
    const plain = seededBytes(3, 2 * MIB);
    const blob = blobOf(new Uint8Array(plain));
    const builder = createSegmentBuilder({ compression: { kind: 'none' } });
    const segment = builder.add(blob.id, blob.type, plain);
    plain.fill(0);
    if (segment === undefined) throw new Error('a large blob completes a segment');
    expect(() => buildPack([segment])).not.toThrow();
  });

  it('keeps no more memory than its compressed bytes', () => {
    const [segment] = segmentsOf([blobOf(new Uint8Array(MIB))]);
    expect(segment?.payload.buffer.byteLength).toBe(segment?.payload.length);
  });
});

describe('a pack', () => {
  it('is named by the hash of its bytes', () => {
    const { bytes, packId, sizeBytes } = smallPack();
    expect(packId).toBe(toHex(hash(bytes)));
    expect(sizeBytes).toBe(bytes.length);
  });

  it('gives back every blob, in order', async () => {
    const blobs = Array.from({ length: 40 }, (_, index) => blobOf(textLikeBytes(index, 70_000)));
    const { bytes } = buildPack(segmentsOf(blobs));
    const read = await readAllBlobs(await openBytes(bytes));
    expect(read.map(({ id }) => toHex(id))).toEqual(blobs.map(({ id }) => toHex(id)));
    expect(read.every(({ plain }, index) => equalBytes(plain, blobs[index]?.plain ?? new Uint8Array(0)))).toBe(true);
  });

  it('is opened with two reads, and with three when its footer is long', async () => {
    for (const [blobCount, reads] of [
      [10, 2],
      [3000, 3],
    ] as const) {
      const { bytes } = smallPack(blobCount);
      const ranges: number[] = [];
      const { openPack } = await import('../../../src-main/engine/pack/index.ts');
      await openPack({
        read: ({ offset, length }) => {
          ranges.push(length);
          return Promise.resolve(bytes.subarray(offset, offset + length));
        },
        sizeBytes: bytes.length,
        repositoryId,
        secrets: encrypted,
        fileTypes: PACK_FILE_TYPES,
      });
      expect(ranges).toHaveLength(reads);
    }
  });

  it('lets a frame be read without its footer, where an index run says it lies', async () => {
    const { bytes, footer } = smallPack();
    const reader = await openBytes(bytes);
    const [segment] = footer.segments;
    if (segment === undefined) throw new Error('the pack has a segment');
    const frame = bytes.subarray(segment.offset, segment.offset + segment.length);
    const plain = await openSegment(reader.opener, frame, noBase);
    expect(plain).toHaveLength(segment.plainLength);
  });

  it('refuses a blob whose bytes are not those of its id, and everything after', () => {
    const builder = createPackBuilder({
      fileType: FILE_TYPE.dataPack,
      repositoryId,
      secrets: encrypted,
      salt: nextSalt(),
      blobHasher,
    });
    const right = blobOf(utf8('right'));
    const [segment] = segmentsOf([{ ...right, plain: utf8('wrong') }]);
    if (segment === undefined) throw new Error('one blob makes a segment');
    expect(() => builder.addSegment(segment)).toThrow(expect.objectContaining({ code: 'integrity/damaged' }));
    expect(() => builder.finish()).toThrow('finished or refused');
  });

  it('refuses the right bytes in another role', () => {
    const right = blobOf(utf8('right'), BLOB_TYPE.fileChunk);
    expect(() => buildPack(segmentsOf([{ ...right, type: BLOB_TYPE.folderPage }]))).toThrow(
      expect.objectContaining({ code: 'integrity/damaged' }),
    );
  });

  it('refuses a segment, an object and a footer that memory changed after sealing', () => {
    for (const faultyFrame of [0, 1, 2]) {
      let frames = 0;
      const faultAfterSeal = (frame: Uint8Array): void => {
        if (frames++ === faultyFrame) frame[frame.length >> 1] = (frame[frame.length >> 1] ?? 0) ^ 4;
      };
      const options = {
        fileType: FILE_TYPE.commitFile,
        repositoryId,
        secrets: encrypted,
        salt: nextSalt(),
        blobHasher,
      };
      const builder = createPackBuilder({ ...options, faultAfterSeal });
      const [segment] = segmentsOf([blobOf(textLikeBytes(1, 4000))]);
      if (segment === undefined) throw new Error('one blob makes a segment');
      const steps = [
        () => builder.addSegment(segment),
        () => builder.addObject(OBJECT_TYPE.snapshot, utf8('an envelope')),
        () => builder.finish(),
      ];
      for (const [index, step] of steps.slice(0, faultyFrame + 1).entries()) {
        if (index < faultyFrame) step();
        else expect(step).toThrow(expect.objectContaining({ code: 'integrity/damaged' }));
      }
    }
  });

  it('says when a segment no longer fits, before it breaks a limit', () => {
    const options = { fileType: FILE_TYPE.dataPack, repositoryId, secrets: encrypted, salt: nextSalt(), blobHasher };
    const builder = createPackBuilder(options);
    const [segment] = segmentsOf(Array.from({ length: BLOBS_PER_SEGMENT_MAX }, () => blobOf(utf8('x'))));
    if (segment === undefined) throw new Error('many blobs make a segment');
    let added = 0;
    while (builder.fits(segment)) {
      builder.addSegment(segment);
      added++;
    }
    expect(added).toBe(16);
    expect(() => builder.addSegment(segment)).toThrow('too many blobs');
  });

  it('grows with the repository, between its bounds', () => {
    const GIB = 1024 * MIB;
    expect(packBytesTarget(0)).toBe(PACK_BYTES_TARGET_MIN);
    expect(packBytesTarget(64 * GIB)).toBe(2 * PACK_BYTES_TARGET_MIN);
    expect(packBytesTarget(1e15)).toBe(PACK_BYTES_TARGET_MAX);
  });

  it('is refused when it belongs to another repository or is of another type', async () => {
    const { bytes } = smallPack();
    const { openPack } = await import('../../../src-main/engine/pack/index.ts');
    const read = ({ offset, length }: { offset: number; length: number }) =>
      Promise.resolve(bytes.subarray(offset, offset + length));
    const shared = { read, sizeBytes: bytes.length, secrets: encrypted };
    const other = openPack({ ...shared, repositoryId: new Uint8Array(16), fileTypes: PACK_FILE_TYPES });
    await expect(other).rejects.toSatisfy((error) => isCairnError(error, 'integrity/damaged'));
    const tree = openPack({ ...shared, repositoryId, fileTypes: [FILE_TYPE.treePack] });
    await expect(tree).rejects.toSatisfy((error) => isCairnError(error, 'integrity/malformed'));
  });
});

describe('a commit file', () => {
  it('holds data, tree pages and its snapshot', async () => {
    const blobs = [blobOf(textLikeBytes(1, 5000)), blobOf(textLikeBytes(2, 300), BLOB_TYPE.folderPage)];
    const envelope = seededBytes(4, 777);
    const { bytes, footer } = buildPack(segmentsOf(blobs), {
      fileType: FILE_TYPE.commitFile,
      objects: [{ type: OBJECT_TYPE.snapshot, bytes: envelope }],
    });
    expect(footer.objects.map(({ objectType }) => objectType)).toEqual([OBJECT_TYPE.snapshot]);
    const reader = await openBytes(bytes);
    const [object] = reader.footer.objects;
    if (object === undefined) throw new Error('the snapshot is listed');
    expect(equalBytes(await reader.readObject(object), envelope)).toBe(true);
    expect(await readAllBlobs(reader)).toHaveLength(2);
  });
});

describe('the check of a pack', () => {
  it('finds nothing wrong with a sound pack and counts what it verified', async () => {
    const { bytes, packId } = smallPack();
    expect(await check(bytes, packId)).toEqual({
      packId,
      sizeBytes: bytes.length,
      frameCount: 2,
      blobsVerified: 5,
      damage: [],
    });
  });

  it('reports every flipped byte twice: by name and by what it hit', async () => {
    const { bytes, packId } = smallPack(2);
    for (let at = 0; at < bytes.length; at++) {
      const flipped = new Uint8Array(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 0x10;
      const parts = (await check(flipped, packId)).damage.map(({ part }) => part);
      expect(parts, `byte ${at}`).toContain('name');
      expect(parts.length, `byte ${at}`).toBeGreaterThan(1);
    }
  });

  it('reports every truncation', async () => {
    const { bytes, packId } = smallPack(2);
    for (let length = 0; length < bytes.length; length++) {
      const parts = (await check(bytes.slice(0, length), packId)).damage.map(({ part }) => part);
      expect(parts.length, `${length} bytes`).toBeGreaterThan(1);
    }
  });

  it('goes on after a damaged segment and names the blobs it took along', async () => {
    const blobs = Array.from({ length: 30 }, (_, index) => blobOf(textLikeBytes(index, 100_000)));
    const { bytes, packId, footer } = buildPack(segmentsOf(blobs));
    const [, second] = footer.segments;
    if (second === undefined) throw new Error('the pack has three segments');
    const damaged = new Uint8Array(bytes);
    damaged[second.offset + 100] = (damaged[second.offset + 100] ?? 0) ^ 1;
    const report = await check(damaged, packId);
    expect(report.damage.map(({ part }) => part)).toEqual(['name', 'frame']);
    expect(report.damage[1]?.blobs.map(toHex)).toEqual(footer.blobsOf(second).map(({ id }) => toHex(id)));
    expect(report.blobsVerified).toBe(30 - second.blobCount);
  });

  it('finds the frames by their headers when the footer is lost', async () => {
    const blobs = Array.from({ length: 30 }, (_, index) => blobOf(textLikeBytes(index, 100_000)));
    const { bytes, packId, footer } = buildPack(segmentsOf(blobs));
    const lost = new Uint8Array(bytes);
    lost.fill(0, bytes.length - 24);
    const [first] = footer.segments;
    if (first === undefined) throw new Error('the pack has three segments');
    lost.fill(0, first.offset, first.offset + 24);
    const { opener } = await openBytes(bytes);
    expect(scanFrames(opener, lost).map(({ counter, intact }) => [counter, intact])).toEqual([
      [1, true],
      [2, true],
      [3, true],
    ]);
    expect((await check(lost, packId)).damage.map(({ part }) => part)).toEqual(['name', 'footer']);
  });

  it('notices two frames that changed places', async () => {
    const blobs = [blobOf(seededBytes(1, MIB)), blobOf(seededBytes(2, MIB))];
    const { bytes, packId, footer } = buildPack(segmentsOf(blobs, { kind: 'none' }));
    const [first, second] = footer.segments;
    if (first === undefined || second === undefined || first.length !== second.length)
      throw new Error('two segments of one size');
    const swapped = new Uint8Array(bytes);
    swapped.copyWithin(first.offset, second.offset, second.offset + second.length);
    swapped.set(bytes.subarray(first.offset, first.offset + first.length), second.offset);
    expect((await check(swapped, packId)).damage.map(({ part }) => part)).toEqual(['name', 'frame', 'frame']);
  });
});
