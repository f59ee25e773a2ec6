import { expect, test } from 'vitest';

import { createSigner, verifySignature } from '../../../src-main/engine/codec/index.ts';
import { fromHex, toHex } from '../../../src-main/engine/kernel/index.ts';
import { flippedBits, noiseBytes } from '../../support/codec.ts';

const seed = noiseBytes(32, 1);
const message = noiseBytes(50, 2);

// RFC 8032, section 7.1, test 2.
test('the key pair and the signature are Ed25519’s own', () => {
  const signer = createSigner(fromHex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'));
  expect(toHex(signer.publicKey)).toBe('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c');
  expect(toHex(signer.sign(Uint8Array.of(0x72)))).toBe(
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
      '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  );
});

test('a signature holds for its bytes and its key alone', () => {
  const signer = createSigner(seed);
  const { publicKey } = signer;
  const signature = signer.sign(message);
  expect(verifySignature(publicKey, message, signature)).toBe(true);
  expect(verifySignature(createSigner(noiseBytes(32, 3)).publicKey, message, signature)).toBe(false);
  for (const { changed } of flippedBits(message)) expect(verifySignature(publicKey, changed, signature)).toBe(false);
  for (const { changed } of flippedBits(signature)) expect(verifySignature(publicKey, message, changed)).toBe(false);
});

test('what is no key or no signature verifies nothing and does not throw', () => {
  const signer = createSigner(seed);
  const { publicKey } = signer;
  const signature = signer.sign(message);
  for (const key of [new Uint8Array(0), publicKey.subarray(1), new Uint8Array(32).fill(255), noiseBytes(33, 4)]) {
    expect(verifySignature(key, message, signature)).toBe(false);
  }
  for (const other of [new Uint8Array(0), signature.subarray(1), new Uint8Array(64), new Uint8Array(64).fill(255)]) {
    expect(verifySignature(publicKey, message, other)).toBe(false);
  }
});
