import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  decodeEnvelope,
  decodeJson,
  decodeMessagePack,
  encodeEnvelope,
  encodeJson,
  encodeMessagePack,
  ENVELOPE_FORMAT,
  type EnvelopeToEncode,
  hash,
  OBJECT_TYPE,
} from '../../src-main/engine/codec/index.ts';
import { concatBytes } from '../../src-main/engine/kernel/index.ts';
import { CairnError } from '../../src-shared/errors.ts';
import { errorOf } from '../support/codec.ts';

const anyKey = fc.string({ maxLength: 12 }).filter((key) => key !== '__proto__');
const anyScalar = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('$', '$int', '$bytes', ''),
  fc.boolean(),
  fc.constant(null),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0), // JSON has no −0.
  fc.bigInt({ min: 2n ** 32n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 31n) - 1n }),
  fc.uint8Array({ maxLength: 40 }),
);
const { tree: anyValue } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    anyScalar,
    fc.array(tie('tree'), { maxLength: 5 }),
    fc.dictionary(fc.oneof(anyKey, fc.constantFrom('$int', '$bytes', '$$')), tie('tree'), {
      maxKeys: 5,
      noNullPrototype: true,
    }),
  ),
}));
const anyFormat = fc.constantFrom(ENVELOPE_FORMAT.messagePack, ENVELOPE_FORMAT.json);
const anyCompression = fc.constantFrom<EnvelopeToEncode['compression'][]>(
  { kind: 'none' },
  { kind: 'zstd', level: 3 },
  { kind: 'lz4' },
  { kind: 'gzip', level: 6 },
);

const head = {
  objectType: OBJECT_TYPE.config,
  schemaVersion: 1,
  readerVersionMin: 1,
  createdAtMs: 1_700_000_000_000,
};
const expected = { objectType: OBJECT_TYPE.config, schemaVersionMax: 1 };

test('every value comes back in every format and compression', () => {
  fc.assert(
    fc.property(anyValue, anyFormat, anyCompression, (value, format, compression) => {
      const bytes = encodeEnvelope({ ...head, format, compression, payload: value });
      expect(decodeEnvelope(bytes, expected).value).toEqual(value);
    }),
    { numRuns: 500 },
  );
});

test('fields that this version does not know survive reading and writing again', () => {
  fc.assert(
    fc.property(fc.dictionary(anyKey, anyValue, { noNullPrototype: true }), anyFormat, (unknownFields, format) => {
      const first = encodeEnvelope({
        ...head,
        format,
        compression: { kind: 'none' },
        payload: { ...unknownFields, label: 'old' },
      });
      // As a record type does it: take what is known, keep the rest, spread it back.
      const { label, ...extra } = decodeEnvelope(first, expected).value as { label: string };
      expect(label).toBe('old');
      const second = encodeEnvelope({
        ...head,
        format,
        compression: { kind: 'none' },
        payload: { ...extra, label: 'new' },
      });
      expect(decodeEnvelope(second, expected).value).toEqual({ ...unknownFields, label: 'new' });
    }),
    { numRuns: 200 },
  );
});

test('equal values have equal bytes, whatever the order of their keys', () => {
  fc.assert(
    fc.property(fc.dictionary(anyKey, anyValue, { noNullPrototype: true }), (value) => {
      const reordered = Object.fromEntries(Object.entries(value).reverse());
      for (const encode of [encodeMessagePack, encodeJson]) expect(encode(reordered)).toEqual(encode(value));
    }),
  );
});

const sample = encodeEnvelope({
  ...head,
  format: ENVELOPE_FORMAT.messagePack,
  compression: { kind: 'zstd', level: 3 },
  components: [{ componentId: 3, version: 1 }],
  payload: { name: 'set'.repeat(60), list: [1, 2, { deep: [true, null] }], id: new Uint8Array(32) },
});

/** Makes the checksum right again, so that the fuzzer reaches what lies behind it. */
function withChecksum(bytes: Uint8Array): Uint8Array {
  if (bytes.length >= 80) bytes.set(hash(concatBytes([bytes.subarray(0, 48), bytes.subarray(80)])), 48);
  return bytes;
}

function expectValueOrTypedError(run: () => unknown): void {
  const error = errorOf(run);
  expect(error === undefined || error instanceof CairnError, String(error)).toBe(true);
}

test('10,000 mutated envelopes decode to a value or to a typed error', () => {
  const mutation = fc.record({
    edits: fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
    cut: fc.option(fc.nat(sample.length), { freq: 5 }),
    add: fc.uint8Array({ maxLength: 8 }),
    isRepaired: fc.boolean(),
  });
  fc.assert(
    fc.property(mutation, ({ edits, cut, add, isRepaired }) => {
      const bytes = concatBytes([sample.subarray(0, cut ?? sample.length), add]);
      for (const [at, byte] of edits) if (at < bytes.length) bytes[at] = byte;
      expectValueOrTypedError(() => decodeEnvelope(isRepaired ? withChecksum(bytes) : bytes, expected));
    }),
    { numRuns: 10_000 },
  );
});

test('any bytes are a value or a typed error, as MessagePack and as JSON', () => {
  const valid = [
    encodeMessagePack({ a: [1, 'b', { c: 2n ** 40n }], d: new Uint8Array(9) }),
    encodeJson({ a: [1, 'b'], c: 2n ** 40n }),
  ];
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .tuple(fc.constantFrom(...valid), fc.nat(60), fc.nat(255))
      .map(([bytes, at, byte]) => Uint8Array.from(bytes).fill(byte, at, at + 1)),
    fc
      .string({
        unit: fc.constantFrom('[', ']', '{', '}', '"', ',', ':', '$', '0', 'a', '\\', 'e', '.', '-'),
        maxLength: 60,
      })
      .map((text) => new TextEncoder().encode(text)),
  );
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      expectValueOrTypedError(() => decodeMessagePack(bytes));
      expectValueOrTypedError(() => decodeJson(bytes));
    }),
    { numRuns: 10_000 },
  );
});
