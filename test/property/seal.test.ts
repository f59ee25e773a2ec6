import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  CIPHER,
  COMPRESSION,
  createFileSealer,
  FILE_HEADER_BYTES,
  FILE_TYPE,
  type FileOpener,
  FRAME_HEADER_BYTES,
  FRAME_KIND,
  openFileHeader,
  openObjectFile,
  readFrameHeader,
  sealObjectFile,
} from '../../src-main/engine/codec/index.ts';
import { toHex } from '../../src-main/engine/kernel/index.ts';
import { CairnError, isCairnError, isIntegrityError } from '../../src-shared/errors.ts';
import {
  BOTH_CIPHERS,
  errorOf,
  flippedBits,
  noiseBytes,
  OTHER_REPOSITORY_ID,
  REPOSITORY_ID,
  sealerFor,
  secretsFor,
} from '../support/codec.ts';

const { dataPack, treePack, snapshot } = FILE_TYPE;

function segment(payload: Uint8Array) {
  return { kind: FRAME_KIND.segment, compression: COMPRESSION.none, plainLength: payload.length, payload };
}

function open(header: Uint8Array, cipher: 0 | 1): FileOpener {
  return openFileHeader(header, {
    fileTypes: [dataPack],
    repositoryId: REPOSITORY_ID,
    secrets: secretsFor(cipher),
  });
}

describe.each(BOTH_CIPHERS)('with cipher %i', (cipher) => {
  test('every frame opens to exactly what was sealed', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3000 }), { minLength: 1, maxLength: 8 }), (payloads) => {
        const sealer = sealerFor(cipher, dataPack);
        const frames = payloads.map((payload) => sealer.sealFrame(segment(payload)));
        const opener = open(sealer.header, cipher);
        frames.forEach((frame, index) => {
          const opened = opener.openFrame(frame, index);
          expect(toHex(opened.payload)).toBe(toHex(payloads[index]!));
          expect(opened).toMatchObject({
            counter: index,
            kind: FRAME_KIND.segment,
            plainLength: opened.payload.length,
          });
        });
        expect(sealer.frameCount).toBe(payloads.length);
      }),
    );
  });

  // Without the increment every counter is 0, and equal plaintexts would give equal frames.
  test('counters count up by one and equal payloads give different frames', () => {
    const sealer = sealerFor(cipher, dataPack);
    const payload = noiseBytes(64, 1);
    const seen = new Set<string>();
    for (let index = 0; index < 20_000; index++) {
      const frame = sealer.sealFrame(segment(payload));
      expect(readFrameHeader(frame).counter).toBe(index);
      // What AES-GCM protects by nonce (the ciphertext), or what binds the counter without encryption (the tag).
      seen.add(toHex(cipher === CIPHER.none ? frame.subarray(-16) : frame.subarray(FRAME_HEADER_BYTES, -16)));
    }
    expect(seen.size).toBe(20_000);
  });

  test('any flipped bit in a header or a frame is refused', () => {
    const sealer = sealerFor(cipher, dataPack);
    const frame = sealer.sealFrame(segment(noiseBytes(40, 2)));
    const file = Buffer.concat([sealer.header, frame]);
    expect(open(sealer.header, cipher).openFrame(frame, 0).payload.length).toBe(40);
    for (const { bit, changed } of flippedBits(file)) {
      const error = errorOf(() => {
        open(changed.subarray(0, FILE_HEADER_BYTES), cipher).openFrame(changed.subarray(FILE_HEADER_BYTES), 0);
      });
      // A higher file version can't be told from a newer file; everything else is damage.
      expect(
        isIntegrityError(error) || isCairnError(error, 'repository/newer-format'),
        `bit ${bit}: ${String(error)}`,
      ).toBe(true);
    }
  });

  test('a frame is refused in another place, another file and another type of file', () => {
    const sealer = sealerFor(cipher, dataPack);
    const [first, second] = [
      sealer.sealFrame(segment(noiseBytes(32, 3))),
      sealer.sealFrame(segment(noiseBytes(32, 4))),
    ];
    const opener = open(sealer.header, cipher);
    expect(opener.openFrame(first, 0).counter).toBe(0);
    expect(opener.openFrame(second, 1).counter).toBe(1);
    const otherFile = sealerFor(cipher, dataPack, 0x56);
    const otherType = sealerFor(cipher, treePack);
    const attempts: [string, () => unknown][] = [
      ['swapped', () => opener.openFrame(second, 0)],
      ['swapped', () => opener.openFrame(first, 1)],
      ['other salt', () => open(otherFile.header, cipher).openFrame(first, 0)],
      ['other type', () => open(otherType.header, cipher)],
      [
        'frame of another type',
        () =>
          openFileHeader(otherType.header, {
            fileTypes: [treePack],
            repositoryId: REPOSITORY_ID,
            secrets: secretsFor(cipher),
          }).openFrame(first, 0),
      ],
      [
        'frame of another repository',
        () => {
          const sealed = createFileSealer({
            fileType: dataPack,
            repositoryId: OTHER_REPOSITORY_ID,
            secrets: secretsFor(cipher),
            salt: new Uint8Array(32).fill(0x55),
          });
          return opener.openFrame(sealed.sealFrame(segment(noiseBytes(32, 3))), 0);
        },
      ],
    ];
    for (const [what, attempt] of attempts) expect(isIntegrityError(errorOf(attempt)), what).toBe(true);
  });

  test('any bytes open to frames or to a typed error', () => {
    const file = sealObjectFile({
      fileType: snapshot,
      repositoryId: REPOSITORY_ID,
      secrets: secretsFor(cipher),
      salt: noiseBytes(32, 9),
      frames: [
        { kind: FRAME_KIND.object, plain: new Uint8Array(500).fill(7), compression: { kind: 'zstd', level: 3 } },
        { kind: FRAME_KIND.object, plain: noiseBytes(50, 10), compression: { kind: 'lz4' } },
      ],
    });
    const mutation = fc.record({
      at: fc.nat(file.length - 1),
      byte: fc.nat(255),
      cut: fc.nat(file.length),
      add: fc.uint8Array({ maxLength: 40 }),
    });
    fc.assert(
      fc.property(mutation, fc.boolean(), ({ at, byte, cut, add }, truncate) => {
        const changed = Buffer.concat([truncate ? file.subarray(0, cut) : file, add]);
        if (at < changed.length) changed[at] = byte;
        const error = errorOf(() =>
          openObjectFile(changed, { fileTypes: [snapshot], repositoryId: REPOSITORY_ID, secrets: secretsFor(cipher) }),
        );
        expect(error === undefined || error instanceof CairnError, String(error)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
