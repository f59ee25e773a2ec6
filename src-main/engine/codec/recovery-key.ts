/**
 * A recovery key as people write it down: 256 random bits and a 24-bit checksum in base32, 14 groups of four.
 *
 * The alphabet is Crockford’s: no I, L, O or U, and what looks like a 1 or a 0 is read as one. Case, spaces and
 * dashes don't matter. A slip of the pen is found by the checksum before any key slot is tried.
 */
import { assert } from '../../../src-shared/assert.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { concatBytes, equalBytes, type Random, utf8 } from '../kernel/index.ts';
import { hash } from './hash.ts';

export const RECOVERY_KEY_BYTES = 32;

const CHECKSUM_BYTES = 3;
const CHECKSUM_CONTEXT = utf8('cairn/v1/recovery-key');
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const BITS_EACH = 5n;
/** 35 bytes are exactly 56 characters. */
const CHARACTERS = 56;
const GROUP_CHARACTERS = 4;
/** Longest text that is looked at: a typed key with any sensible spacing. */
const TEXT_CHARACTERS_MAX = 512;

export function createRecoveryKey(random: Random): Uint8Array {
  return random.bytes(RECOVERY_KEY_BYTES);
}

function checksum(recoveryKey: Uint8Array): Uint8Array {
  return hash(concatBytes([CHECKSUM_CONTEXT, recoveryKey])).subarray(0, CHECKSUM_BYTES);
}

/** “7Q2M-04KD-…”, 14 groups of four characters. */
export function formatRecoveryKey(recoveryKey: Uint8Array): string {
  assert(recoveryKey.length === RECOVERY_KEY_BYTES, 'a recovery key has 32 bytes');
  let value = 0n;
  for (const byte of concatBytes([recoveryKey, checksum(recoveryKey)])) value = (value << 8n) | BigInt(byte);
  let text = '';
  for (let index = 0; index < CHARACTERS; index++) {
    text = `${ALPHABET[Number(value & 31n)] ?? ''}${text}`;
    value >>= BITS_EACH;
  }
  return (text.match(new RegExp(`.{${GROUP_CHARACTERS}}`, 'g')) ?? []).join('-');
}

function refused(reason: string): never {
  throw new CairnError('key/wrong-password', `this is not a recovery key: ${reason}`, {
    hint: 'Compare it with what was printed, character by character. Nothing was changed.',
  });
}

/** Reads a recovery key as a person typed it. Throws key/wrong-password when it can't be one. */
export function parseRecoveryKey(text: string): Uint8Array {
  if (text.length > TEXT_CHARACTERS_MAX) refused('it is too long');
  const characters = text
    .toUpperCase()
    .replace(/[\s\-‐-―_.]/g, '')
    .replace(/[IL]/g, '1')
    .replace(/O/g, '0');
  if (characters.length !== CHARACTERS) refused(`it has ${characters.length} characters, ${CHARACTERS} are needed`);
  let value = 0n;
  for (const character of characters) {
    const digit = ALPHABET.indexOf(character);
    if (digit < 0) refused(`“${character}” does not occur in one`);
    value = (value << BITS_EACH) | BigInt(digit);
  }
  const bytes = new Uint8Array(RECOVERY_KEY_BYTES + CHECKSUM_BYTES);
  for (let index = bytes.length - 1; index >= 0; index--) {
    bytes[index] = Number(value & 255n);
    value >>= 8n;
  }
  const recoveryKey = bytes.slice(0, RECOVERY_KEY_BYTES);
  if (!equalBytes(checksum(recoveryKey), bytes.subarray(RECOVERY_KEY_BYTES)))
    refused('a character is wrong or two have changed places');
  return recoveryKey;
}
