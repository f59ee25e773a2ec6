import { describe, expect, test } from 'vitest';

// The counter and the nonce are not part of the codec's door: nobody else may make them.
import { createFrameCounter, frameNonce } from '../../../src-main/engine/codec/seal.ts';
import {
  CIPHER,
  COMPRESSION,
  createFileSealer,
  decodeTrailer,
  encodeTrailer,
  FILE_HEADER_BYTES,
  FILE_HEADER_FIELDS,
  FILE_TYPE,
  FRAME_HEADER_BYTES,
  FRAME_HEADER_FIELDS,
  FRAME_KIND,
  FRAME_PLAIN_BYTES_MAX,
  FRAMES_MAX,
  hash,
  openFileHeader,
  openObjectFile,
  readFrameHeader,
  sealObjectFile,
  TRAILER_BYTES,
  TRAILER_FIELDS,
} from '../../../src-main/engine/codec/index.ts';
import { toHex, utf8 } from '../../../src-main/engine/kernel/index.ts';
import { AssertionError } from '../../../src-shared/assert.ts';
import { isCairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import {
  BOTH_CIPHERS,
  errorOf,
  noiseBytes,
  OTHER_REPOSITORY_ID,
  readField,
  REPOSITORY_ID,
  sealerFor,
  secretsFor,
} from '../../support/codec.ts';

const { dataPack, snapshot, event } = FILE_TYPE;
const gcm = secretsFor(CIPHER.aes256Gcm);

describe('the layout tables describe the bytes that are written', () => {
  const sealer = sealerFor(CIPHER.aes256Gcm, dataPack);
  sealer.sealFrame({
    kind: FRAME_KIND.segment,
    compression: COMPRESSION.none,
    plainLength: 0,
    payload: new Uint8Array(0),
  });
  const frame = sealer.sealFrame({
    kind: FRAME_KIND.footer,
    compression: COMPRESSION.lz4,
    plainLength: 300,
    payload: new Uint8Array(77),
  });

  test('of a file header', () => {
    const field = (name: string) => readField(sealer.header, FILE_HEADER_FIELDS, name);
    expect(sealer.header.length).toBe(FILE_HEADER_BYTES);
    expect(field('magic')).toEqual(utf8('CAIRNBAK'));
    expect([field('fileVersion'), field('fileType'), field('cipher'), field('flags'), field('reserved')]).toEqual([
      1n,
      1n,
      1n,
      0n,
      0n,
    ]);
    expect(field('repositoryId')).toEqual(REPOSITORY_ID);
    expect(field('salt')).toEqual(new Uint8Array(32).fill(0x55));
  });

  test('of a frame header', () => {
    const field = (name: string) => readField(frame, FRAME_HEADER_FIELDS, name);
    expect(field('magic')).toEqual(utf8('CrnF'));
    expect([field('frameKind'), field('compression'), field('flags'), field('counter')]).toEqual([3n, 2n, 0n, 1n]);
    expect([field('plainLength'), field('sealedLength'), field('reserved')]).toEqual([300n, 93n, 0n]);
    expect(frame.length).toBe(FRAME_HEADER_BYTES + 77 + 16);
  });

  test('of a trailer', () => {
    const trailer = encodeTrailer({ footerOffset: 2 ** 33, footerLength: 500, frameCount: 12 });
    const field = (name: string) => readField(trailer, TRAILER_FIELDS, name);
    expect(trailer.length).toBe(TRAILER_BYTES);
    expect([field('footerOffset'), field('footerLength'), field('frameCount')]).toEqual([2n ** 33n, 500n, 12n]);
    expect(field('magic')).toEqual(utf8('CrnEND\r\n'));
  });
});

// Bytes made once and kept: a change of format has to change this test on purpose.
test('the sealed bytes of draft 0 stay what they are', () => {
  const nameOf = (cipher: 0 | 1) =>
    toHex(
      hash(
        sealObjectFile({
          fileType: snapshot,
          repositoryId: REPOSITORY_ID,
          secrets: secretsFor(cipher),
          salt: new Uint8Array(32).fill(0x55),
          frames: [{ kind: FRAME_KIND.object, plain: utf8('cairn'), compression: { kind: 'none' } }],
        }),
      ),
    );
  expect(nameOf(CIPHER.none)).toBe('cdc3280b190874147c1dd42fb49f464dca98f6c72992b7616e09e236fc4131f6');
  expect(nameOf(CIPHER.aes256Gcm)).toBe('2d61fb62330f90e7bd59f766d55b02d076987321fc6ad163ba0217feaa9eff82');
});

describe('nonces', () => {
  test('are the counter and eight zero bytes', () => {
    expect(toHex(frameNonce(0x01020304))).toBe('040302010000000000000000');
  });

  test('differ for every frame a file may have', () => {
    const counter = createFrameCounter(FRAMES_MAX);
    let previous = -1;
    for (let index = 0; index < 2 ** 20; index++) {
      const [low = 0, middle = 0, high = 0] = frameNonce(counter.next());
      const value = low | (middle << 8) | (high << 16);
      if (value <= previous) expect.fail(`nonce ${value} follows nonce ${previous}`);
      previous = value;
    }
    expect(counter.used).toBe(2 ** 20);
    expect(() => counter.next()).toThrow(AssertionError);
  });

  test('of files with different salts belong to different keys', () => {
    const frame = {
      kind: FRAME_KIND.segment,
      compression: COMPRESSION.none,
      plainLength: 64,
      payload: new Uint8Array(64),
    };
    const sealed = [0x01, 0x02].map((salt) =>
      toHex(sealerFor(CIPHER.aes256Gcm, dataPack, salt).sealFrame(frame).subarray(24)),
    );
    expect(sealed[0]).not.toBe(sealed[1]);
  });
});

describe('a file header is refused', () => {
  const { header } = sealerFor(CIPHER.aes256Gcm, dataPack);
  const open = (bytes: Uint8Array, overrides: object = {}) =>
    errorOf(() =>
      openFileHeader(bytes, { fileTypes: [dataPack], repositoryId: REPOSITORY_ID, secrets: gcm, ...overrides }),
    );

  test('but not when it is what was expected', () => {
    expect(open(header)).toBeUndefined();
  });

  test('as newer when its version is higher', () => {
    const newer = header.slice();
    newer[8] = 2;
    expect(isCairnError(open(newer), 'repository/newer-format')).toBe(true);
  });

  test('when it is cut off, of another repository, of another type or under another key', () => {
    expect(isIntegrityError(open(header.subarray(0, 103)))).toBe(true);
    expect(isIntegrityError(open(header, { repositoryId: OTHER_REPOSITORY_ID }))).toBe(true);
    expect(isIntegrityError(open(header, { fileTypes: [snapshot, event] }))).toBe(true);
    expect(isIntegrityError(open(header, { secrets: secretsFor(CIPHER.aes256Gcm, 0x60) }))).toBe(true);
  });

  test('when it says “not encrypted” to a reader that expects encryption', () => {
    const plain = sealerFor(CIPHER.none, dataPack);
    expect(isIntegrityError(open(plain.header))).toBe(true);
  });
});

test('data files and metadata files are sealed with different keys', () => {
  const swapped = { ...gcm, dataKey: gcm.metaKey, metaKey: gcm.dataKey };
  for (const fileType of Object.values(FILE_TYPE)) {
    const { header } = sealerFor(CIPHER.aes256Gcm, fileType);
    const isData = fileType <= FILE_TYPE.commitFile;
    const partlyRight = isData ? { ...swapped, dataKey: gcm.dataKey } : { ...swapped, metaKey: gcm.metaKey };
    const open = (secrets: typeof gcm) =>
      errorOf(() => openFileHeader(header, { fileTypes: [fileType], repositoryId: REPOSITORY_ID, secrets }));
    expect(open(partlyRight), `type ${fileType}`).toBeUndefined();
    expect(isIntegrityError(open(swapped)), `type ${fileType}`).toBe(true);
  }
});

describe('a frame header', () => {
  const valid = sealerFor(CIPHER.none, dataPack).sealFrame({
    kind: FRAME_KIND.segment,
    compression: COMPRESSION.none,
    plainLength: 3,
    payload: noiseBytes(3, 1),
  });
  const withField = (offset: number, value: number) => {
    const changed = valid.slice();
    new DataView(changed.buffer).setUint32(offset, value, true);
    return changed;
  };

  test('that claims more than a frame may hold is refused before anything is allocated', () => {
    expect(
      isCairnError(
        errorOf(() => readFrameHeader(withField(12, FRAME_PLAIN_BYTES_MAX + 1))),
        'limit/exceeded',
      ),
    ).toBe(true);
    expect(
      isCairnError(
        errorOf(() => readFrameHeader(withField(16, 0xffffffff))),
        'limit/exceeded',
      ),
    ).toBe(true);
  });

  test('with a counter beyond the limit, unknown flags or less than a tag is refused', () => {
    for (const changed of [withField(8, FRAMES_MAX), withField(20, 1), withField(16, 15)]) {
      expect(
        isCairnError(
          errorOf(() => readFrameHeader(changed)),
          'integrity/malformed',
        ),
      ).toBe(true);
    }
  });
});

test('a sealer refuses a payload above the bound', () => {
  const sealer = sealerFor(CIPHER.none, dataPack);
  const payload = new Uint8Array(FRAME_PLAIN_BYTES_MAX + 1);
  const frame = { kind: FRAME_KIND.segment, compression: COMPRESSION.none, plainLength: payload.length, payload };
  expect(() => sealer.sealFrame(frame)).toThrow(AssertionError);
  expect(sealer.frameCount).toBe(0);
});

describe('a trailer', () => {
  const trailer = { footerOffset: 1000, footerLength: 400, frameCount: 7 };

  test('comes back as it was written', () => {
    expect(decodeTrailer(encodeTrailer(trailer), 1424)).toEqual(trailer);
  });

  test('of a cut, grown or foreign file is refused', () => {
    for (const fileLength of [0, 24, 1423, 1425, 2 ** 40]) {
      expect(isIntegrityError(errorOf(() => decodeTrailer(encodeTrailer(trailer), fileLength))), `${fileLength}`).toBe(
        true,
      );
    }
    expect(isIntegrityError(errorOf(() => decodeTrailer(new Uint8Array(24), 1424)))).toBe(true);
    const inHeader = { footerOffset: 50, footerLength: 400, frameCount: 1 };
    expect(isIntegrityError(errorOf(() => decodeTrailer(encodeTrailer(inHeader), 474)))).toBe(true);
  });
});

describe.each(BOTH_CIPHERS)('an object file with cipher %i', (cipher) => {
  const options = { repositoryId: REPOSITORY_ID, secrets: secretsFor(cipher) };
  const frames = [
    { kind: FRAME_KIND.object, plain: new Uint8Array(10_000).fill(65), compression: { kind: 'zstd', level: 3 } },
    { kind: FRAME_KIND.indexPage, plain: noiseBytes(1000, 5), compression: { kind: 'gzip', level: 6 } },
    { kind: FRAME_KIND.indexFilter, plain: new Uint8Array(0), compression: { kind: 'none' } },
  ] as const;
  const file = sealObjectFile({ fileType: snapshot, ...options, salt: noiseBytes(32, 6), frames });

  test('gives back every frame decompressed', () => {
    const opened = openObjectFile(file, { fileTypes: [event, snapshot], ...options });
    expect(opened.fileType).toBe(snapshot);
    expect(opened.frames.map(({ kind, plain }) => [kind, toHex(plain)])).toEqual(
      frames.map(({ kind, plain }) => [kind, toHex(plain)]),
    );
    expect(file.length).toBeLessThan(2000);
  });

  test('without a frame, with a frame twice, or cut off is refused', () => {
    const firstEnd =
      FILE_HEADER_BYTES + FRAME_HEADER_BYTES + readFrameHeader(file.subarray(FILE_HEADER_BYTES)).sealedLength;
    const first = file.subarray(FILE_HEADER_BYTES, firstEnd);
    const broken = [
      file.subarray(0, FILE_HEADER_BYTES),
      file.subarray(0, file.length - 1),
      Buffer.concat([file, Uint8Array.of(0)]),
      Buffer.concat([file.subarray(0, firstEnd), first, file.subarray(firstEnd)]),
    ];
    for (const bytes of broken) {
      expect(isIntegrityError(errorOf(() => openObjectFile(bytes, { fileTypes: [snapshot], ...options })))).toBe(true);
    }
  });
});

test('a sealer asks for a whole salt and a whole repository id', () => {
  const options = { fileType: dataPack, repositoryId: REPOSITORY_ID, secrets: gcm, salt: new Uint8Array(31) };
  expect(() => createFileSealer(options)).toThrow(AssertionError);
  expect(() => createFileSealer({ ...options, salt: new Uint8Array(32), repositoryId: new Uint8Array(8) })).toThrow(
    AssertionError,
  );
});
