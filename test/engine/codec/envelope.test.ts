import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import {
  decodeEnvelope,
  decodeJson,
  decodeMessagePack,
  encodeEnvelope,
  encodeMessagePack,
  ENVELOPE_FIELDS,
  ENVELOPE_FIXED_BYTES,
  ENVELOPE_FORMAT,
  envelopeMetrics,
  type EnvelopeToEncode,
  hash,
  OBJECT_TYPE,
  WRITER_VERSION,
} from '../../../src-main/engine/codec/index.ts';
import { concatBytes, toHex, utf8 } from '../../../src-main/engine/kernel/index.ts';
import { AssertionError } from '../../../src-shared/assert.ts';
import { isCairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import { errorOf, flippedBits, readField } from '../../support/codec.ts';

const object: EnvelopeToEncode = {
  objectType: OBJECT_TYPE.snapshot,
  schemaVersion: 3,
  readerVersionMin: 2,
  format: ENVELOPE_FORMAT.messagePack,
  compression: { kind: 'zstd', level: 3 },
  createdAtMs: 1_700_000_000_123,
  components: [
    { componentId: 1, version: 7 },
    { componentId: 9, version: 65535 },
  ],
  payload: { text: 'stone on stone '.repeat(20) },
};
const envelope = encodeEnvelope(object);
const expected = { objectType: OBJECT_TYPE.snapshot, schemaVersionMax: 3 };

/** An envelope with some bytes changed and its checksum made right again. */
function forged(bytes: Uint8Array, offset: number, values: readonly number[]): Uint8Array {
  const changed = bytes.slice();
  changed.set(values, offset);
  changed.set(hash(concatBytes([changed.subarray(0, 48), changed.subarray(80)])), 48);
  return changed;
}

test('the layout table describes the bytes that are written', () => {
  const field = (name: string) => readField(envelope, ENVELOPE_FIELDS, name);
  expect(field('magic')).toEqual(utf8('CrnE'));
  expect(['envelopeVersion', 'objectType', 'schemaVersion', 'readerVersionMin'].map(field)).toEqual([1n, 4n, 3n, 2n]);
  expect(['format', 'compression', 'componentCount', 'reserved'].map(field)).toEqual([1n, 1n, 2n, 0n]);
  expect(['writerVersion', 'createdAtMs'].map(field)).toEqual([BigInt(WRITER_VERSION), 1_700_000_000_123n]);
  expect(field('plainLength')).toBe(BigInt(encodeMessagePack(object.payload).length));
  expect(field('storedLength')).toBe(BigInt(envelope.length - ENVELOPE_FIXED_BYTES - 8));
  expect(field('checksum')).toEqual(hash(concatBytes([envelope.subarray(0, 48), envelope.subarray(80)])));
  expect(toHex(envelope.subarray(80, 88))).toBe('010007000900ffff');
});

test('the writer version is the version of the package', () => {
  const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const [major, minor, patch] = manifest.version.split('.').map(Number) as [number, number, number];
  expect(WRITER_VERSION).toBe((major << 16) | (minor << 8) | patch);
});

test('an envelope says what it is', () => {
  const { value, ...header } = decodeEnvelope(envelope, expected);
  expect(value).toEqual(object.payload);
  expect(header).toMatchObject({
    schemaVersion: 3,
    readerVersionMin: 2,
    createdAtMs: object.createdAtMs,
    components: object.components,
  });
  expect(header.plainLength).toBeGreaterThan(header.storedLength);
});

test('any flipped bit is refused', () => {
  for (const { bit, changed } of flippedBits(envelope)) {
    const error = errorOf(() => decodeEnvelope(changed, expected));
    // Also in the version field: a newer envelope has its checksum right.
    expect(isIntegrityError(error), `bit ${bit}`).toBe(true);
  }
});

test('a higher envelope version is newer where the checksum is right, and damage where it is not', () => {
  const newer = forged(envelope, 4, [2]);
  expect(
    isCairnError(
      errorOf(() => decodeEnvelope(newer, expected)),
      'repository/newer-format',
    ),
  ).toBe(true);
  newer[60]! ^= 1;
  expect(
    isCairnError(
      errorOf(() => decodeEnvelope(newer, expected)),
      'integrity/damaged',
    ),
  ).toBe(true);
});

test('a cut or grown envelope is refused', () => {
  for (const bytes of [
    envelope.subarray(0, 79),
    envelope.subarray(0, -1),
    Buffer.concat([envelope, Uint8Array.of(0)]),
    new Uint8Array(0),
  ]) {
    expect(isIntegrityError(errorOf(() => decodeEnvelope(bytes, expected)))).toBe(true);
  }
});

test('a forged length is refused before anything is allocated', () => {
  for (const offset of [32, 40]) {
    const error = errorOf(() =>
      decodeEnvelope(forged(envelope, offset, [255, 255, 255, 255, 255, 255, 15, 0]), expected),
    );
    expect(isIntegrityError(error)).toBe(true);
  }
});

describe('schemas', () => {
  const rename = (value: unknown) => ({ ...(value as object), migrated: true });

  test('that are older migrate step by step', () => {
    const old = encodeEnvelope({ ...object, schemaVersion: 1, readerVersionMin: 1, payload: { count: 1 } });
    const migrations = new Map<number, (value: unknown) => unknown>([
      [1, (value: unknown) => ({ count: (value as { count: number }).count + 10 })],
      [2, rename],
    ]);
    const decoded = decodeEnvelope(old, { ...expected, migrations });
    expect(decoded.value).toEqual({ count: 11, migrated: true });
    expect(decoded.schemaVersion).toBe(1);
  });

  test('that are older and have no step are refused', () => {
    const old = encodeEnvelope({ ...object, schemaVersion: 1, readerVersionMin: 1 });
    expect(
      isCairnError(
        errorOf(() => decodeEnvelope(old, { ...expected, migrations: new Map([[2, rename]]) })),
        'integrity/malformed',
      ),
    ).toBe(true);
  });

  test('that are newer but readable are given as they are', () => {
    expect(decodeEnvelope(envelope, { ...expected, schemaVersionMax: 2 })).toMatchObject({
      schemaVersion: 3,
      value: object.payload,
    });
  });

  test('that are too new are unsupported, never damaged', () => {
    const error = errorOf(() => decodeEnvelope(envelope, { ...expected, schemaVersionMax: 1 }));
    expect(isCairnError(error, 'repository/newer-format')).toBe(true);
    // Also where the newer writer used a format and a compression of its own.
    const unknownFormat = forged(forged(envelope, 12, [200]), 13, [200]);
    expect(
      isCairnError(
        errorOf(() => decodeEnvelope(unknownFormat, { ...expected, schemaVersionMax: 1 })),
        'repository/newer-format',
      ),
    ).toBe(true);
    expect(
      isCairnError(
        errorOf(() => decodeEnvelope(unknownFormat, expected)),
        'integrity/malformed',
      ),
    ).toBe(true);
  });

  test('that are too new are damaged when their checksum says so', () => {
    const changed = envelope.slice();
    changed[100]! ^= 1;
    expect(
      isCairnError(
        errorOf(() => decodeEnvelope(changed, { ...expected, schemaVersionMax: 1 })),
        'integrity/damaged',
      ),
    ).toBe(true);
  });
});

test('an envelope of another object type is refused', () => {
  expect(
    isIntegrityError(errorOf(() => decodeEnvelope(envelope, { ...expected, objectType: OBJECT_TYPE.event }))),
  ).toBe(true);
});

test('bytes pass through the binary format unchanged', () => {
  const payload = Uint8Array.of(0xc1, 0, 255);
  const bytes = encodeEnvelope({ ...object, format: ENVELOPE_FORMAT.binary, payload });
  expect(decodeEnvelope(bytes, expected).value).toEqual(payload);
});

describe('hostile values', () => {
  // The MessagePack library allocates what an array claims: 8 MB for these five bytes, times their number.
  test('with arrays that claim more than is there are refused before the library sees them', () => {
    const claims = concatBytes(Array.from({ length: 20 }, () => Uint8Array.of(0xdd, 0, 0x0f, 0xff, 0xff)));
    expect(isIntegrityError(errorOf(() => decodeMessagePack(claims)))).toBe(true);
  });

  test.each([
    ['nesting without end', new Uint8Array(1000).fill(0x91)],
    ['a key that is a number', Uint8Array.of(0x81, 0x01, 0x01)],
    ['the key __proto__', concatBytes([Uint8Array.of(0x81, 0xa9), utf8('__proto__'), Uint8Array.of(0x80)])],
    ['an extension type', Uint8Array.of(0xd4, 0x01, 0x00)],
    ['the unused type', Uint8Array.of(0xc1)],
    ['bytes after its end', Uint8Array.of(0x01, 0x01)],
    ['nothing', new Uint8Array(0)],
    ['a cut text', Uint8Array.of(0xa5, 0x41)],
  ])('with %s are refused as MessagePack', (_, bytes) => {
    expect(
      isCairnError(
        errorOf(() => decodeMessagePack(bytes)),
        'integrity/malformed',
      ),
    ).toBe(true);
  });

  test.each([
    ['nesting without end', '['.repeat(100_000)],
    ['the key __proto__', '{"__proto__": {"polluted": true}}'],
    ['an unknown tag', '{"$date": "2026"}'],
    ['nothing', ''],
    ['a cut text', '"abc'],
    ['a comment', '{} // comment'],
  ])('with %s are refused as JSON', (_, text) => {
    expect(
      isCairnError(
        errorOf(() => decodeJson(utf8(text))),
        'integrity/malformed',
      ),
    ).toBe(true);
  });

  test('nested to the limit are read, one level deeper they are refused', () => {
    const nested = (depth: number) => concatBytes([new Uint8Array(depth).fill(0x91), Uint8Array.of(0xc0)]);
    expect(decodeMessagePack(nested(32))).toBeInstanceOf(Array);
    expect(
      isCairnError(
        errorOf(() => decodeMessagePack(nested(33))),
        'integrity/malformed',
      ),
    ).toBe(true);
    const nestedText = (depth: number) => utf8('['.repeat(depth) + ']'.repeat(depth));
    expect(decodeJson(nestedText(33))).toBeInstanceOf(Array);
    expect(
      isCairnError(
        errorOf(() => decodeJson(nestedText(34))),
        'integrity/malformed',
      ),
    ).toBe(true);
  });

  test('with more than 2^20 elements are refused, though all of them are there', () => {
    const list = (count: number) => {
      const bytes = new Uint8Array(5 + count).fill(0xc0);
      bytes.set([0xdd, count >>> 24, (count >> 16) & 255, (count >> 8) & 255, count & 255]);
      return bytes;
    };
    expect(decodeMessagePack(list(2 ** 20))).toHaveLength(2 ** 20);
    expect(
      isCairnError(
        errorOf(() => decodeMessagePack(list(2 ** 20 + 1))),
        'integrity/malformed',
      ),
    ).toBe(true);
    const twoLists = concatBytes([Uint8Array.of(0x92), list(2 ** 19), list(2 ** 19)]);
    expect(
      isCairnError(
        errorOf(() => decodeMessagePack(twoLists)),
        'integrity/malformed',
      ),
    ).toBe(true);
    const text = utf8(`[${'0,'.repeat(2 ** 20 + 1)}0]`);
    expect(
      isCairnError(
        errorOf(() => decodeJson(text)),
        'integrity/malformed',
      ),
    ).toBe(true);
  });

  test('that would be refused are not written either', () => {
    let deep: unknown = null;
    for (let level = 0; level < 40; level++) deep = [deep];
    for (const format of [ENVELOPE_FORMAT.messagePack, ENVELOPE_FORMAT.json]) {
      expect(() => encodeEnvelope({ ...object, format, payload: deep })).toThrow();
      const polluting: unknown = JSON.parse('{"__proto__": 1}');
      expect(() => encodeEnvelope({ ...object, format, payload: polluting })).toThrow(AssertionError);
    }
    expect(() => encodeEnvelope({ ...object, payload: { when: new Date(0) } })).toThrow(AssertionError);
  });
});

test('the metrics count what was written, read and refused, but not what is merely newer', () => {
  const before = envelopeMetrics();
  const bytes = encodeEnvelope(object);
  decodeEnvelope(bytes, expected);
  errorOf(() => decodeEnvelope(bytes, { ...expected, schemaVersionMax: 1 }));
  errorOf(() => decodeEnvelope(bytes.subarray(1), expected));
  const after = envelopeMetrics();
  expect(after.encoded - before.encoded).toBe(1);
  expect(after.decoded - before.decoded).toBe(1);
  expect(after.corrupt - before.corrupt).toBe(1);
  expect(after.plainBytes - before.plainBytes).toBeGreaterThan(after.storedBytes - before.storedBytes);
  expect(after.encodeMs).toBeGreaterThan(before.encodeMs);
});
