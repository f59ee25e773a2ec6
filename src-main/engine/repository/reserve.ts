/**
 * The reserve: a file of incompressible bytes that holds some space, so that a full disk can still be cleaned up.
 * Reclaim removes it, works in the space it gave back, and writes it again.
 *
 * The bytes are an AES-256-CTR key stream of a seed that stands in the header: a file system that compresses or
 * stores zeros sparsely still really gives the space, and a verifier can check every byte.
 */
import { createCipheriv } from 'node:crypto';
import { CairnError } from '../../../src-shared/errors.ts';
import { ENVELOPE_FORMAT, OBJECT_TYPE, decodeEnvelope, encodeEnvelope } from '../codec/index.ts';
import { RecordReader, equalBytes } from '../kernel/index.ts';

/** Enough for a condemnation, an index run and a repacked pack of the smallest size, with room to spare. */
export const RESERVE_BYTES = 8 * 1024 * 1024;
const RESERVE_BYTES_MAX = 256 * 1024 * 1024;
export const RESERVE_SCHEMA = 1;
const SEED_BYTES = 48;
const HEADER_BYTES_MAX = 1024;
const AES_KEY_BYTES = 32;

/** A whole reserve file of about `sizeBytes` (the header comes on top). */
export function buildReserve(sizeBytes: number, seed: Uint8Array, createdAtMs: number): Uint8Array {
  const header = encodeEnvelope({
    objectType: OBJECT_TYPE.reserveHeader,
    schemaVersion: RESERVE_SCHEMA,
    readerVersionMin: RESERVE_SCHEMA,
    format: ENVELOPE_FORMAT.messagePack,
    compression: { kind: 'none' },
    createdAtMs,
    payload: { seed, sizeBytes },
  });
  const whole = new Uint8Array(2 + header.length + sizeBytes);
  new DataView(whole.buffer).setUint16(0, header.length, true);
  whole.set(header, 2);
  whole.set(keyStream(seed, sizeBytes), 2 + header.length);
  return whole;
}

/** @throws CairnError integrity/… unless every byte is what the header says. */
export function checkReserve(bytes: Uint8Array): void {
  const damaged = (): never => {
    throw new CairnError(
      'integrity/damaged',
      'The reserve file is damaged. No backup is affected; it will be written again.',
    );
  };
  if (bytes.length < 2) damaged();
  const headerLength = new DataView(bytes.buffer, bytes.byteOffset).getUint16(0, true);
  if (headerLength > HEADER_BYTES_MAX || 2 + headerLength > bytes.length) damaged();
  const header = bytes.subarray(2, 2 + headerLength);
  const { value } = decodeEnvelope(header, { objectType: OBJECT_TYPE.reserveHeader, schemaVersionMax: RESERVE_SCHEMA });
  const fields = new RecordReader(value, 'reserve header');
  const sizeBytes = fields.count('sizeBytes');
  if (sizeBytes > RESERVE_BYTES_MAX || bytes.length !== 2 + headerLength + sizeBytes) damaged();
  const expected = keyStream(fields.bytes('seed', SEED_BYTES), sizeBytes);
  if (!equalBytes(expected, bytes.subarray(2 + headerLength))) damaged();
}

function keyStream(seed: Uint8Array, sizeBytes: number): Uint8Array {
  const cipher = createCipheriv(
    'aes-256-ctr',
    seed.subarray(0, AES_KEY_BYTES),
    seed.subarray(AES_KEY_BYTES, SEED_BYTES),
  );
  return cipher.update(new Uint8Array(sizeBytes));
}
