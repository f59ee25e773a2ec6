import { describe, expect, test } from 'vitest';

import {
  createMasterKey,
  createPasswordSlot,
  createRecoveryKey,
  createRecoverySlot,
  decodeEnvelope,
  deriveKey,
  encodeEnvelope,
  ENVELOPE_FORMAT,
  formatRecoveryKey,
  KDF_COST_DEFAULT,
  type KeyPurpose,
  OBJECT_TYPE,
  openSlot,
  parseRecoveryKey,
  readSlot,
} from '../../../src-main/engine/codec/index.ts';
import { fromHex, toHex } from '../../../src-main/engine/kernel/index.ts';
import { isCairnError } from '../../../src-shared/errors.ts';
import {
  errorOf,
  flippedBits,
  noiseBytes,
  OTHER_REPOSITORY_ID,
  REPOSITORY_ID,
  seededRandom,
} from '../../support/codec.ts';

const CHEAP = { N: 16, r: 1, p: 1 };
const masterKey = createMasterKey(seededRandom(1));
const base = { masterKey, repositoryId: REPOSITORY_ID, label: 'my password', createdAtMs: 1_700_000_000_000 };

const passwordSlot = await createPasswordSlot({
  ...base,
  random: seededRandom(2),
  password: 'correct horse',
  cost: CHEAP,
});
const recoveryKey = createRecoveryKey(seededRandom(3));
const recoverySlot = createRecoverySlot({ ...base, random: seededRandom(4), recoveryKey });

function withPassword(password: string) {
  return { kind: 'password', password } as const;
}

async function codeOf(opening: Promise<unknown>): Promise<string> {
  return opening.then(
    () => 'opened',
    (error: unknown) => (isCairnError(error) ? error.code : String(error)),
  );
}

/** The slot with some fields replaced and a right checksum: what an attacker, not an accident, would leave. */
function forgedSlot(slotBytes: Uint8Array, change: (fields: Record<string, unknown>) => object): Uint8Array {
  const { value } = decodeEnvelope(slotBytes, { objectType: OBJECT_TYPE.keySlot, schemaVersionMax: 1 });
  return encodeEnvelope({
    objectType: OBJECT_TYPE.keySlot,
    schemaVersion: 1,
    readerVersionMin: 1,
    format: ENVELOPE_FORMAT.messagePack,
    compression: { kind: 'none' },
    createdAtMs: 0,
    payload: change(value as Record<string, unknown>),
  });
}

describe('derived keys', () => {
  const purposes: KeyPurpose[] = ['id', 'data', 'meta', 'chunk', 'sign', 'config'];

  test('are different for every purpose and repository', () => {
    const keys = [REPOSITORY_ID, OTHER_REPOSITORY_ID].flatMap((id) =>
      purposes.map((purpose) => toHex(deriveKey(masterKey, id, purpose))),
    );
    expect(new Set(keys).size).toBe(12);
  });

  // Computed by another implementation (Python’s hmac, RFC 5869): ids of existing repositories hang on it.
  test('are HKDF-SHA-256 of the master key, salted with the repository id', () => {
    expect(toHex(deriveKey(new Uint8Array(32).fill(1), new Uint8Array(16).fill(2), 'id'))).toBe(
      '0cd17f16aceeb90e68a0a9f9c7f1fb9ad62f127d9594f98040da27932719901a',
    );
  });
});

describe('a password slot', () => {
  test('opens with its password', async () => {
    expect(toHex(await openSlot(passwordSlot.bytes, withPassword('correct horse'), REPOSITORY_ID))).toBe(
      toHex(masterKey),
    );
  });

  test('says what it is without being opened, and nothing secret', () => {
    const { slotId, bytes } = passwordSlot;
    expect(readSlot(bytes)).toEqual({ slotId, type: 'password', label: 'my password', createdAtMs: base.createdAtMs });
    expect(toHex(bytes)).not.toContain(toHex(masterKey));
  });

  test('opens with the same password typed in another Unicode form', async () => {
    const slot = await createPasswordSlot({
      ...base,
      random: seededRandom(5),
      password: 'pässwörd'.normalize('NFC'),
      cost: CHEAP,
    });
    expect(await codeOf(openSlot(slot.bytes, withPassword('pässwörd'.normalize('NFD')), REPOSITORY_ID))).toBe('opened');
  });

  test('tells a wrong password from damage', async () => {
    expect(await codeOf(openSlot(passwordSlot.bytes, withPassword('Correct horse'), REPOSITORY_ID))).toBe(
      'key/wrong-password',
    );
    const damaged = passwordSlot.bytes.slice();
    damaged[120]! ^= 1;
    expect(await codeOf(openSlot(damaged, withPassword('correct horse'), REPOSITORY_ID))).toBe('key/slot-damaged');
  });

  test('does not open for another repository', async () => {
    expect(await codeOf(openSlot(passwordSlot.bytes, withPassword('correct horse'), OTHER_REPOSITORY_ID))).toBe(
      'key/slot-damaged',
    );
  });

  test('is different each time it is made from the same password', async () => {
    const again = await createPasswordSlot({
      ...base,
      random: seededRandom(6),
      password: 'correct horse',
      cost: CHEAP,
    });
    expect(again.slotId).not.toBe(passwordSlot.slotId);
    const { value: one } = decodeEnvelope(passwordSlot.bytes, { objectType: OBJECT_TYPE.keySlot, schemaVersionMax: 1 });
    const { value: two } = decodeEnvelope(again.bytes, { objectType: OBJECT_TYPE.keySlot, schemaVersionMax: 1 });
    for (const field of ['wrappedKey', 'commitment']) {
      expect((one as Record<string, unknown>)[field]).not.toEqual((two as Record<string, unknown>)[field]);
    }
  });

  test('asks for a password that is not empty', async () => {
    expect(await codeOf(createPasswordSlot({ ...base, random: seededRandom(7), password: '', cost: CHEAP }))).toBe(
      'usage/invalid',
    );
  });

  test('with any bit flipped never gives a key', async () => {
    for (const { bit, changed } of flippedBits(passwordSlot.bytes)) {
      const code = await codeOf(openSlot(changed, withPassword('correct horse'), REPOSITORY_ID));
      expect(code, `bit ${bit}`).toBe('key/slot-damaged');
    }
  });
});

describe('a forged slot', () => {
  const open = (bytes: Uint8Array) => codeOf(openSlot(bytes, withPassword('correct horse'), REPOSITORY_ID));
  const kdfOf = (fields: Record<string, unknown>) => fields['kdf'] as Record<string, unknown>;

  test('that was only copied still opens', async () => {
    expect(await open(forgedSlot(passwordSlot.bytes, (fields) => fields))).toBe('opened');
  });

  test.each([
    ['2 GiB of memory', { N: 2 ** 21, r: 8 }],
    ['minutes of work', { N: 2 ** 20, r: 8, p: 16 }],
    ['a cost that is not a power of two', { N: 17 }],
    ['a cost of one', { N: 1 }],
    ['a cost beyond 32 bits', { N: 2 ** 40 }],
    ['a fraction', { N: 16.5 }],
    ['a negative r', { r: -1 }],
    ['a huge r', { N: 2, r: 2 ** 20 }],
    ['a huge p', { N: 2, p: 2 ** 20 }],
    ['an unknown derivation', { name: 'pbkdf1' }],
  ])('that asks for %s is refused before any of it is spent', async (_, change) => {
    const forged = forgedSlot(passwordSlot.bytes, (fields) => ({ ...fields, kdf: { ...kdfOf(fields), ...change } }));
    expect(await open(forged)).toBe('key/refused-parameters');
  });

  test('with another salt or cost does not open', async () => {
    for (const change of [{ salt: noiseBytes(32, 9) }, { N: 32 }, { r: 2 }, { p: 2 }]) {
      const forged = forgedSlot(passwordSlot.bytes, (fields) => ({ ...fields, kdf: { ...kdfOf(fields), ...change } }));
      expect(await open(forged)).toBe('key/wrong-password');
    }
  });

  test('with another wrapped key is damaged, not a wrong password', async () => {
    const forged = forgedSlot(passwordSlot.bytes, (fields) => ({ ...fields, wrappedKey: noiseBytes(48, 10) }));
    expect(await open(forged)).toBe('key/slot-damaged');
  });

  test('that lacks a field or has one of another shape is damaged', async () => {
    for (const name of ['slotId', 'type', 'label', 'createdAtMs', 'kdf', 'commitment', 'wrappedKey']) {
      for (const value of [undefined, null, 7, 'text', [], new Uint8Array(3)]) {
        if ((name === 'label' && value === 'text') || (name === 'createdAtMs' && value === 7)) continue;
        const forged = forgedSlot(passwordSlot.bytes, (fields) => ({ ...fields, [name]: value }));
        expect(['key/slot-damaged', 'key/refused-parameters'], `${name}: ${String(value)}`).toContain(
          await open(forged),
        );
      }
    }
  });
});

describe('a recovery slot', () => {
  const secret = { kind: 'recovery', recoveryKey } as const;

  test('opens with its key as it was printed', async () => {
    const typed = parseRecoveryKey(formatRecoveryKey(recoveryKey).toLowerCase().replaceAll('-', ' '));
    expect(toHex(await openSlot(recoverySlot.bytes, { kind: 'recovery', recoveryKey: typed }, REPOSITORY_ID))).toBe(
      toHex(masterKey),
    );
    expect(readSlot(recoverySlot.bytes).type).toBe('recovery');
  });

  test('does not open with another key, a password, or the key in a password slot', async () => {
    const other = { kind: 'recovery', recoveryKey: noiseBytes(32, 11) } as const;
    expect(await codeOf(openSlot(recoverySlot.bytes, other, REPOSITORY_ID))).toBe('key/wrong-password');
    expect(await codeOf(openSlot(recoverySlot.bytes, withPassword('correct horse'), REPOSITORY_ID))).toBe(
      'key/wrong-password',
    );
    expect(await codeOf(openSlot(passwordSlot.bytes, secret, REPOSITORY_ID))).toBe('key/wrong-password');
    expect(await codeOf(openSlot(recoverySlot.bytes, secret, OTHER_REPOSITORY_ID))).toBe('key/slot-damaged');
  });
});

describe('a written recovery key', () => {
  const text = formatRecoveryKey(recoveryKey);

  test('has fourteen groups of four characters that can’t be mistaken', () => {
    expect(text).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){13}[0-9A-HJKMNP-TV-Z]{4}$/);
    expect(formatRecoveryKey(new Uint8Array(32))).toMatch(/^0000-/);
  });

  test('is read back for every key, also with look-alikes, spaces and line ends', () => {
    for (let seed = 0; seed < 200; seed++) {
      const key = noiseBytes(32, seed);
      const written = formatRecoveryKey(key);
      const typed = `  ${written
        .toLowerCase()
        .replaceAll('1', seed % 2 ? 'l' : 'I')
        .replaceAll('0', 'o')
        .replaceAll('-', ' – \n')} `;
      expect(toHex(parseRecoveryKey(typed))).toBe(toHex(key));
    }
  });

  test('with any one character wrong, or two neighbours swapped, is refused', () => {
    const plain = text.replaceAll('-', '');
    for (let at = 0; at < plain.length; at++) {
      const wrong = plain.slice(0, at) + (plain[at] === '7' ? '8' : '7') + plain.slice(at + 1);
      expect(
        isCairnError(
          errorOf(() => parseRecoveryKey(wrong)),
          'key/wrong-password',
        ),
      ).toBe(true);
      if (at === 0 || plain[at] === plain[at - 1]) continue;
      const swapped = plain.slice(0, at - 1) + plain[at]! + plain[at - 1]! + plain.slice(at + 1);
      expect(
        isCairnError(
          errorOf(() => parseRecoveryKey(swapped)),
          'key/wrong-password',
        ),
      ).toBe(true);
    }
  });

  test('that is too short, too long or holds other characters is refused', () => {
    for (const wrong of [
      '',
      text.slice(1),
      `${text}0`,
      text.replace(/.$/, 'U'),
      text.replace(/.$/, '!'),
      '0'.repeat(100_000),
    ]) {
      expect(
        isCairnError(
          errorOf(() => parseRecoveryKey(wrong)),
          'key/wrong-password',
        ),
      ).toBe(true);
    }
  });
});

test('the default cost is OWASP’s floor for scrypt', () => {
  expect(KDF_COST_DEFAULT).toEqual({ N: 131072, r: 8, p: 1 });
});

test('a slot that was made once by this version opens for ever', async () => {
  const bytes = fromHex(
    '43726e4501000300010001000100000000010000000000000068e5cf8b010000fa00000000000000fa00000000000000' +
      'fe7265cf6147e0a81f1d5b631ed7a76a7612eba48f7569a32794329684a1f8c987aa636f6d6d69746d656e74c4209399' +
      '2843fe034d1cda1a5def17e0130d4eba1bbfa84dca21b110d9787494b998ab6372656174656441744d73cb4278bcfe56' +
      '800000a36b646685a14e10a46e616d65a6736372797074a17001a17201a473616c74c420a1704dd158e2fee79e633ea4' +
      '75f4fe777a90bd4127c7632e031480bceed30a97a56c6162656cab6d792070617373776f7264a6736c6f744964c4105f' +
      '7b47ae77a3d86d7062777d7515a9a6a474797065a870617373776f7264aa777261707065644b6579c430cd7107a2f10e' +
      '73fe5f5ef5ff148ac82d18cd831e0431a7462e01557378fc49c12964b6972ea3623faa02a9b025ae0ee1',
  );
  expect(toHex(await openSlot(bytes, withPassword('correct horse'), REPOSITORY_ID))).toBe(toHex(masterKey));
});
