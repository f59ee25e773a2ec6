/** Files whose every frame is authentic and whose content lies: what a defect of ours or a holder of the key could write. */
import { describe, expect, it } from 'vitest';
import {
  COMPRESSION,
  encodeTrailer,
  FILE_TYPE,
  FRAME_KIND,
  type FrameToSeal,
} from '../../../src-main/engine/codec/index.ts';
import { concatBytes } from '../../../src-main/engine/kernel/index.ts';
import { decodeFooter, SEGMENT_BYTES_MAX, type BlobRecord } from '../../../src-main/engine/pack/index.ts';
import { FooterColumns, type FooterSegment } from '../../../src-main/engine/pack/footer.ts';
import { decodeIndexPage, encodeIndexPage } from '../../../src-main/engine/pack/index-page.ts';
import { decodeRunFooter, encodeRunFooter } from '../../../src-main/engine/pack/index-run-footer.ts';
import { createSealedFileWriter } from '../../../src-main/engine/pack/sealed-file-writer.ts';
import { blobOf, encrypted, nextSalt, openBytes, repositoryId, seededBytes } from '../../support/packs.ts';

const blob = blobOf(seededBytes(1, 100));
const blobs: readonly BlobRecord[] = [{ id: blob.id, type: blob.type, offset: 0, length: 100 }];
const honest: FooterSegment = { kind: 'segment', compression: COMPRESSION.none, plainLength: 100, blobs };
const honestFrame: FrameToSeal = {
  kind: FRAME_KIND.segment,
  compression: COMPRESSION.none,
  plainLength: 100,
  payload: blob.plain,
};

/** A pack of one frame, with a footer that says whatever it is told to. */
function craft(frame: FrameToSeal, listed: FooterSegment, frameCountLie = 0): Uint8Array {
  const file = createSealedFileWriter({
    fileType: FILE_TYPE.dataPack,
    repositoryId,
    secrets: encrypted,
    salt: nextSalt(),
  });
  const sealed = file.seal(frame, () => undefined);
  const columns = new FooterColumns();
  columns.addSegment(listed, sealed.length);
  const { tail } = file.end(columns.encode(FILE_TYPE.dataPack));
  const footerLength = tail.length - 24;
  const footerOffset = file.header.length + sealed.length;
  const trailer = encodeTrailer({ footerOffset, footerLength, frameCount: 2 + frameCountLie });
  return concatBytes([file.header, sealed, tail.subarray(0, footerLength), trailer]);
}

async function readFirst(bytes: Uint8Array): Promise<Uint8Array> {
  const reader = await openBytes(bytes);
  const [segment] = reader.footer.segments;
  if (segment === undefined) throw new Error('the pack lists a segment');
  return reader.readSegment(segment, () => Promise.resolve(seededBytes(2, 1000)));
}

describe('a pack that lies', () => {
  it('is read where it does not', async () => {
    expect(await readFirst(craft(honestFrame, honest))).toHaveLength(100);
  });

  it('is refused when its frame has another length than the footer says', async () => {
    const frame = { ...honestFrame, plainLength: 99, payload: blob.plain.subarray(0, 99) };
    await expect(readFirst(craft(frame, honest))).rejects.toMatchObject({ code: 'integrity/damaged' });
  });

  it('is refused when its frame is no segment', async () => {
    const frame = { ...honestFrame, kind: FRAME_KIND.object };
    await expect(readFirst(craft(frame, honest))).rejects.toMatchObject({ code: 'integrity/damaged' });
  });

  it('is refused when the footer names another base than the delta', async () => {
    const payload = concatBytes([blobOf(seededBytes(3, 5)).id, seededBytes(4, 50)]);
    const frame = { kind: FRAME_KIND.deltaSegment, compression: COMPRESSION.zstd, plainLength: 100, payload };
    const listed: FooterSegment = { ...honest, kind: 'delta', compression: COMPRESSION.zstd, baseId: blob.id };
    await expect(readFirst(craft(frame, listed))).rejects.toThrow('names base');
  });

  it('is refused when its delta is too short to name a base', async () => {
    const frame = {
      kind: FRAME_KIND.deltaSegment,
      compression: COMPRESSION.zstd,
      plainLength: 100,
      payload: seededBytes(4, 31),
    };
    const listed: FooterSegment = { ...honest, kind: 'delta', compression: COMPRESSION.zstd, baseId: blob.id };
    await expect(readFirst(craft(frame, listed))).rejects.toMatchObject({ code: 'integrity/malformed' });
  });

  it('is refused when its trailer counts other frames than its footer', async () => {
    await expect(openBytes(craft(honestFrame, honest, 1))).rejects.toMatchObject({ code: 'integrity/damaged' });
  });

  it('is refused when a segment claims more than any may hold', async () => {
    const plainLength = SEGMENT_BYTES_MAX + 1;
    const frame = { ...honestFrame, compression: COMPRESSION.zstd, plainLength };
    const large = [{ ...blob, offset: 0, length: plainLength }];
    await expect(openBytes(craft(frame, { ...honest, plainLength, blobs: large }))).rejects.toMatchObject({
      code: 'integrity/malformed',
    });
  });
});

describe('a table of a newer version', () => {
  const newer = (bytes: Uint8Array): Uint8Array => {
    const changed = new Uint8Array(bytes);
    changed[0] = 2;
    return changed;
  };

  it('is unsupported, not damaged', () => {
    const columns = new FooterColumns();
    const footer = newer(columns.encode(FILE_TYPE.dataPack));
    expect(() => decodeFooter(footer, { fileType: FILE_TYPE.dataPack, framesEnd: 104 })).toThrow(
      expect.objectContaining({ code: 'repository/newer-format' }),
    );
    const counts = { packCount: 0, filterBlockCount: 0, entryCount: 0, generation: 1 };
    const lists = {
      packFrameLengths: [],
      pages: [],
      filterFrameLengths: [],
      supersedes: [],
      extension: new Uint8Array(0),
    };
    expect(() => decodeRunFooter(newer(encodeRunFooter({ ...counts, ...lists })), { framesEnd: 104 })).toThrow(
      expect.objectContaining({ code: 'repository/newer-format' }),
    );
    const entry = {
      id: blob.id,
      packOrdinal: 0,
      frameOffset: 104,
      frameLength: 100,
      offset: 0,
      length: 1,
      type: blob.type,
      delta: false,
    };
    const context = { firstId: blob.id, entryCount: 1, packCount: 1, packBytes: () => 1000 };
    expect(() => decodeIndexPage(newer(encodeIndexPage([entry])), context)).toThrow(
      expect.objectContaining({ code: 'repository/newer-format' }),
    );
  });
});
