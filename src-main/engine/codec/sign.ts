/** Ed25519 over raw bytes: the key pair of a repository comes from the seed K_sign, so it needs no storage. */
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';

import { assert } from '../../../src-shared/assert.ts';
import { concatBytes, fromHex } from '../kernel/index.ts';

export const PUBLIC_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;
const SEED_BYTES = 32;

/** DER heads of an Ed25519 key (RFC 8410): all that node:crypto needs around the raw 32 bytes. */
const PRIVATE_KEY_HEAD = fromHex('302e020100300506032b657004220420');
const PUBLIC_KEY_HEAD = fromHex('302a300506032b6570032100');

export type Signer = {
  /** 32 raw bytes. */
  readonly publicKey: Uint8Array;
  /** A signature of 64 bytes. The caller puts a domain before the bytes, so that one record can't pass for another. */
  sign(bytes: Uint8Array): Uint8Array;
};

/** `seed` is K_sign, 32 bytes. */
export function createSigner(seed: Uint8Array): Signer {
  assert(seed.length === SEED_BYTES, 'a signing seed has 32 bytes');
  const privateKey = createPrivateKey({
    key: Buffer.from(concatBytes([PRIVATE_KEY_HEAD, seed])),
    format: 'der',
    type: 'pkcs8',
  });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return {
    publicKey: new Uint8Array(spki.subarray(PUBLIC_KEY_HEAD.length)),
    sign: (bytes) => new Uint8Array(sign(null, bytes, privateKey)),
  };
}

/** True when the signature is of these bytes by this key; false for anything else, malformed keys included. */
export function verifySignature(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  const key = Buffer.from(concatBytes([PUBLIC_KEY_HEAD, publicKey]));
  try {
    return verify(null, bytes, createPublicKey({ key, format: 'der', type: 'spki' }), signature);
  } catch {
    // node:crypto throws for a point that is not on the curve: not a key, so not a signature.
    return false;
  }
}
