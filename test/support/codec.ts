/** Fixed keys, ids and bytes for the codec's tests: nothing here is random, so a failure can be repeated. */
import { createCipheriv } from 'node:crypto';

import {
  CIPHER,
  type Cipher,
  createFileSealer,
  type FileSealer,
  type FileSecrets,
  type FileType,
  type LayoutField,
} from '../../src-main/engine/codec/index.ts';
import type { Random } from '../../src-main/engine/kernel/index.ts';

export const REPOSITORY_ID = new Uint8Array(16).fill(0x1d);
export const OTHER_REPOSITORY_ID = new Uint8Array(16).fill(0x2d);
export const BOTH_CIPHERS: readonly Cipher[] = [CIPHER.none, CIPHER.aes256Gcm];

export function secretsFor(cipher: Cipher, fill = 0x40): FileSecrets {
  return { cipher, dataKey: new Uint8Array(32).fill(fill), metaKey: new Uint8Array(32).fill(fill + 1) };
}

export function sealerFor(cipher: Cipher, fileType: FileType, saltFill = 0x55): FileSealer {
  const salt = new Uint8Array(32).fill(saltFill);
  return createFileSealer({ fileType, repositoryId: REPOSITORY_ID, secrets: secretsFor(cipher), salt });
}

/** Bytes that look random, the same for the same seed (below 2^32) on every run. */
export function noiseBytes(length: number, seed: number): Uint8Array {
  const nonce = Buffer.alloc(16);
  nonce.writeUInt32LE(seed, 0);
  return new Uint8Array(createCipheriv('aes-128-ctr', Buffer.alloc(16), nonce).update(Buffer.alloc(length)));
}

/** Random for a test: a fixed stream, never the same bytes twice. */
export function seededRandom(seed: number): Random {
  let next = seed * 1000;
  return { bytes: (count) => noiseBytes(count, next++) };
}

/** One field of a structure, read by its layout table alone. */
export function readField(bytes: Uint8Array, fields: readonly LayoutField[], name: string): bigint | Uint8Array {
  const field = fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new Error(`no field ${name}`);
  const slice = bytes.subarray(field.offset, field.offset + field.size);
  return field.type === 'bytes' ? slice : slice.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
}

/** Every copy of some bytes with exactly one bit flipped. */
export function* flippedBits(bytes: Uint8Array): Generator<{ readonly bit: number; readonly changed: Uint8Array }> {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    yield { bit, changed };
  }
}

export function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
