/**
 * The envelope around every metadata object: what it is, which schema and writer made it, and a checksum over all
 * of it. Layout: envelope-layout.ts.
 *
 * Invariants:
 * - Any bytes decode to a value or to a CairnError. The checksum is checked before anything else is believed, so a
 *   schema that is too new is “unsupported” (repository/newer-format), never “damaged”, and the other way round.
 * - Unknown optional fields survive a round trip: a value is a plain object, and fields this version doesn't know
 *   are still in it. A record type that parses the value into its own shape keeps the rest under `extra` (the keys
 *   it didn't use) and spreads `extra` back when it is written.
 * - A migration step leads from schema n to n + 1; steps are applied one after another up to the reader's schema.
 */
import { assert, assertNever } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { equalBytes, systemClock, utf8 } from '../kernel/index.ts';
import { compress, type CompressionSpec, decompress } from './compress.ts';
import {
  ENVELOPE_CHECKSUM_OFFSET,
  ENVELOPE_COMPONENT_BYTES,
  ENVELOPE_COMPONENTS_MAX,
  ENVELOPE_FIXED_BYTES,
  ENVELOPE_FORMAT,
  ENVELOPE_MAGIC,
  ENVELOPE_PLAIN_BYTES_MAX,
  ENVELOPE_VERSION,
  type EnvelopeFormat,
  OBJECT_TYPE,
  type ObjectType,
} from './envelope-layout.ts';
import { createHasher } from './hash.ts';
import { COMPRESSION, type Compression } from './seal-layout.ts';
import { decodeJson, decodeMessagePack, encodeJson, encodeMessagePack } from './value-format.ts';

/** Version of the writer in every envelope: major << 16 | minor << 8 | patch. Follows package.json, held by a test. */
export const WRITER_VERSION = (0 << 16) | (1 << 8) | 0;

export type EnvelopeComponent = { readonly componentId: number; readonly version: number };

export type EnvelopeToEncode = {
  readonly objectType: ObjectType;
  readonly schemaVersion: number;
  /** A reader that knows only lower schemas must refuse the object as too new. */
  readonly readerVersionMin: number;
  readonly format: EnvelopeFormat;
  readonly compression: CompressionSpec;
  readonly createdAtMs: number;
  readonly components?: readonly EnvelopeComponent[];
  /** Bytes with format binary; otherwise a tree of plain objects, arrays, strings, numbers, bigints, bytes, null. */
  readonly payload: unknown;
};

export type EnvelopeHeader = {
  readonly objectType: ObjectType;
  /** As stored, before any migration. */
  readonly schemaVersion: number;
  readonly readerVersionMin: number;
  readonly format: EnvelopeFormat;
  readonly compression: Compression;
  readonly writerVersion: number;
  readonly createdAtMs: number;
  readonly plainLength: number;
  readonly storedLength: number;
  readonly components: readonly EnvelopeComponent[];
};

export type DecodedEnvelope = EnvelopeHeader & {
  /** The payload in the reader's schema (or, from a newer compatible writer, in that one's). Bytes with format binary. */
  readonly value: unknown;
};

/** Step n leads a value of schema n to schema n + 1. */
export type Migrations = ReadonlyMap<number, (value: unknown) => unknown>;

export type EnvelopeExpectation = {
  readonly objectType: ObjectType;
  /** The newest schema this reader knows. */
  readonly schemaVersionMax: number;
  readonly migrations?: Migrations;
};

const MAGIC_BYTES = utf8(ENVELOPE_MAGIC);
const OBJECT_TYPES: ReadonlySet<number> = new Set(Object.values(OBJECT_TYPE));
const FORMATS: ReadonlySet<number> = new Set(Object.values(ENVELOPE_FORMAT));
const COMPRESSIONS: ReadonlySet<number> = new Set(Object.values(COMPRESSION));
const hasher = createHasher();

function malformed(reason: string): never {
  throw new CairnError('integrity/malformed', reason);
}

function damaged(reason: string): never {
  throw new CairnError('integrity/damaged', reason);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const metrics = { encoded: 0, decoded: 0, corrupt: 0, encodeMs: 0, decodeMs: 0, plainBytes: 0, storedBytes: 0 };

export type EnvelopeMetrics = {
  readonly encoded: number;
  readonly decoded: number;
  /** Envelopes refused as damaged or malformed. A newer format is not counted here. */
  readonly corrupt: number;
  readonly encodeMs: number;
  readonly decodeMs: number;
  /** Payload bytes of encoded envelopes, before and after compression. */
  readonly plainBytes: number;
  readonly storedBytes: number;
};

/** Counts of this process since its start: means and ratios are for the reader to make. */
export function envelopeMetrics(): EnvelopeMetrics {
  return { ...metrics };
}

function checksum(bytes: Uint8Array): Uint8Array {
  hasher.update(bytes.subarray(0, ENVELOPE_CHECKSUM_OFFSET));
  hasher.update(bytes.subarray(ENVELOPE_FIXED_BYTES));
  return hasher.digest();
}

function encodePayload(format: EnvelopeFormat, payload: unknown): Uint8Array {
  switch (format) {
    case ENVELOPE_FORMAT.messagePack:
      return encodeMessagePack(payload);
    case ENVELOPE_FORMAT.json:
      return encodeJson(payload);
    case ENVELOPE_FORMAT.binary:
      assert(payload instanceof Uint8Array, 'a binary envelope holds bytes');
      return payload;
    default:
      return assertNever(format);
  }
}

function decodePayload(format: EnvelopeFormat, plain: Uint8Array): unknown {
  switch (format) {
    case ENVELOPE_FORMAT.messagePack:
      return decodeMessagePack(plain);
    case ENVELOPE_FORMAT.json:
      return decodeJson(plain);
    case ENVELOPE_FORMAT.binary:
      return plain;
    default:
      return assertNever(format);
  }
}

/** The bytes of one metadata object. Values are bounded like those that are read (value-format.ts). */
export function encodeEnvelope(object: EnvelopeToEncode): Uint8Array {
  const startedMs = systemClock.monotonicMs();
  const components = object.components ?? [];
  assert(components.length <= ENVELOPE_COMPONENTS_MAX, 'an envelope lists at most 32 components');
  assert(object.schemaVersion >= 1 && object.readerVersionMin <= object.schemaVersion, 'schema versions start at 1');
  const plain = encodePayload(object.format, object.payload);
  assert(plain.length <= ENVELOPE_PLAIN_BYTES_MAX, 'an envelope holds at most 16 MiB');
  const { compression, bytes: stored } = compress(object.compression, plain);

  const envelope = new Uint8Array(ENVELOPE_FIXED_BYTES + components.length * ENVELOPE_COMPONENT_BYTES + stored.length);
  const view = viewOf(envelope);
  envelope.set(MAGIC_BYTES, 0);
  view.setUint16(4, ENVELOPE_VERSION, true);
  view.setUint16(6, object.objectType, true);
  view.setUint16(8, object.schemaVersion, true);
  view.setUint16(10, object.readerVersionMin, true);
  view.setUint8(12, object.format);
  view.setUint8(13, compression);
  view.setUint16(14, components.length, true);
  view.setUint32(16, WRITER_VERSION, true);
  view.setBigUint64(24, BigInt(object.createdAtMs), true);
  view.setBigUint64(32, BigInt(plain.length), true);
  view.setBigUint64(40, BigInt(stored.length), true);
  components.forEach((component, index) => {
    const at = ENVELOPE_FIXED_BYTES + index * ENVELOPE_COMPONENT_BYTES;
    view.setUint16(at, component.componentId, true);
    view.setUint16(at + 2, component.version, true);
  });
  envelope.set(stored, envelope.length - stored.length);
  envelope.set(checksum(envelope), ENVELOPE_CHECKSUM_OFFSET);

  metrics.encoded++;
  metrics.plainBytes += plain.length;
  metrics.storedBytes += stored.length;
  metrics.encodeMs += systemClock.monotonicMs() - startedMs;
  return envelope;
}

function safeNumber(value: bigint, what: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) malformed(`the ${what} of an envelope is ${value}`);
  return Number(value);
}

/** Everything but the payload, once length, version and checksum have been found right. */
function decodeHeader(bytes: Uint8Array): EnvelopeHeader {
  if (bytes.length < ENVELOPE_FIXED_BYTES) malformed(`an envelope ends after ${bytes.length} bytes`);
  if (!equalBytes(bytes.subarray(0, 4), MAGIC_BYTES)) malformed('an envelope does not begin with its magic');
  const view = viewOf(bytes);
  const version = view.getUint16(4, true);
  if (version > ENVELOPE_VERSION) {
    // In every version the checksum stands at the same place and covers everything else: so a flipped bit in the version
    // is told from a newer envelope.
    if (!equalBytes(checksum(bytes), bytes.subarray(ENVELOPE_CHECKSUM_OFFSET, ENVELOPE_FIXED_BYTES))) {
      damaged('an envelope fails its checksum');
    }
    throw new CairnError(
      'repository/newer-format',
      `an envelope has version ${version}, this Cairn reads ${ENVELOPE_VERSION}`,
    );
  }
  const componentCount = view.getUint16(14, true);
  const componentBytes = componentCount * ENVELOPE_COMPONENT_BYTES;
  const storedLength = view.getBigUint64(40, true);
  if (BigInt(bytes.length) !== BigInt(ENVELOPE_FIXED_BYTES + componentBytes) + storedLength) {
    damaged('an envelope does not have the length it claims');
  }
  if (!equalBytes(checksum(bytes), bytes.subarray(ENVELOPE_CHECKSUM_OFFSET, ENVELOPE_FIXED_BYTES))) {
    damaged('an envelope fails its checksum');
  }
  const objectType = view.getUint16(6, true);
  const format = view.getUint8(12);
  const compression = view.getUint8(13);
  if (version < 1 || view.getUint32(20, true) !== 0) malformed('an envelope has unknown flags');
  if (componentCount > ENVELOPE_COMPONENTS_MAX) malformed(`an envelope lists ${componentCount} components`);
  const components: EnvelopeComponent[] = [];
  for (let index = 0; index < componentCount; index++) {
    const at = ENVELOPE_FIXED_BYTES + index * ENVELOPE_COMPONENT_BYTES;
    components.push({ componentId: view.getUint16(at, true), version: view.getUint16(at + 2, true) });
  }
  return {
    objectType: objectType as ObjectType,
    schemaVersion: view.getUint16(8, true),
    readerVersionMin: view.getUint16(10, true),
    format: format as EnvelopeFormat,
    compression: compression as Compression,
    writerVersion: view.getUint32(16, true),
    createdAtMs: safeNumber(view.getBigUint64(24, true), 'time'),
    plainLength: safeNumber(view.getBigUint64(32, true), 'length'),
    storedLength: Number(storedLength),
    components,
  };
}

function checkSchema(header: EnvelopeHeader, expected: EnvelopeExpectation): void {
  if (!OBJECT_TYPES.has(header.objectType)) malformed(`an envelope holds the unknown object type ${header.objectType}`);
  if (header.objectType !== expected.objectType) {
    malformed(`an envelope holds object type ${header.objectType} where ${expected.objectType} is expected`);
  }
  if (header.schemaVersion < 1 || header.readerVersionMin > header.schemaVersion)
    malformed('an envelope has an impossible schema');
  if (header.readerVersionMin > expected.schemaVersionMax) {
    throw new CairnError(
      'repository/newer-format',
      `an object has schema ${header.schemaVersion} and needs a reader of ${header.readerVersionMin}, this Cairn knows ${expected.schemaVersionMax}`,
    );
  }
  // After the schema: a newer one may have brought new formats and compressions.
  if (!FORMATS.has(header.format)) malformed(`an envelope has the unknown format ${header.format}`);
  if (!COMPRESSIONS.has(header.compression)) malformed(`an envelope has the unknown compression ${header.compression}`);
}

function migrate(value: unknown, header: EnvelopeHeader, expected: EnvelopeExpectation): unknown {
  let migrated = value;
  for (let schema = header.schemaVersion; schema < expected.schemaVersionMax; schema++) {
    const step = expected.migrations?.get(schema);
    if (step === undefined) malformed(`an object has schema ${schema}, from which no migration step is registered`);
    migrated = step(migrated);
  }
  return migrated;
}

/**
 * Reads one metadata object. Throws repository/newer-format when it was written for newer readers, integrity/…
 * when it is damaged, not what was expected, or out of bounds. The caller still checks the shape of `value`.
 */
export function decodeEnvelope(bytes: Uint8Array, expected: EnvelopeExpectation): DecodedEnvelope {
  const startedMs = systemClock.monotonicMs();
  try {
    const header = decodeHeader(bytes);
    checkSchema(header, expected);
    const stored = bytes.subarray(bytes.length - header.storedLength);
    const plain = decompress(header.compression, stored, header.plainLength);
    const value = migrate(decodePayload(header.format, plain), header, expected);
    metrics.decoded++;
    return { ...header, value };
  } catch (error) {
    if (!(error instanceof CairnError) || error.code !== 'repository/newer-format') metrics.corrupt++;
    throw error;
  } finally {
    metrics.decodeMs += systemClock.monotonicMs() - startedMs;
  }
}
