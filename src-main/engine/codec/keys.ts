/**
 * Keys: one random master key (MK) per repository, everything else derived from it, one key per purpose.
 *
 * MK is kept only in key slots, wrapped: by a password through scrypt, or by a recovery key of 256 random bits. A slot
 * is a bare envelope, because it has to be read before any key is known. Its wrapping key is used once (a fresh
 * 32-byte salt each), so nonce 0 is safe; the tag binds repository, slot type and every KDF parameter; a commitment
 * tells a wrong password from damage and keeps a slot from opening under two passwords.
 */
import { createCipheriv, createDecipheriv, hkdfSync, scrypt, timingSafeEqual } from 'node:crypto';

import { assert } from '../../../src-shared/assert.ts';
import { CairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import { ByteWriter, concatBytes, type Random, toHex, utf8 } from '../kernel/index.ts';
import { decodeEnvelope, encodeEnvelope } from './envelope.ts';
import { ENVELOPE_FORMAT, OBJECT_TYPE } from './envelope-layout.ts';
import { RECOVERY_KEY_BYTES } from './recovery-key.ts';
import { NONCE_BYTES, REPOSITORY_ID_BYTES, SALT_BYTES, TAG_BYTES } from './seal-layout.ts';

export const MASTER_KEY_BYTES = 32;

export type KeyPurpose = 'id' | 'data' | 'meta' | 'chunk' | 'sign' | 'config';

/** A new master key. Losing every slot that wraps it loses the backup. */
export function createMasterKey(random: Random): Uint8Array {
  return random.bytes(MASTER_KEY_BYTES);
}

/** K_purpose, 32 bytes: HKDF-SHA-256 of the master key, salted with the 16 raw bytes of the repository id. */
export function deriveKey(masterKey: Uint8Array, repositoryId: Uint8Array, purpose: KeyPurpose): Uint8Array {
  assert(masterKey.length === MASTER_KEY_BYTES, 'a master key has 32 bytes');
  assert(repositoryId.length === REPOSITORY_ID_BYTES, 'a repository id has 16 bytes');
  return new Uint8Array(hkdfSync('sha256', masterKey, repositoryId, `cairn/v1/${purpose}`, 32));
}

export type KdfCost = { readonly N: number; readonly r: number; readonly p: number };

/** OWASP’s floor for scrypt: 128 MiB, 0.4–0.9 s. Lowered for tests only. */
export const KDF_COST_DEFAULT: KdfCost = { N: 2 ** 17, r: 8, p: 1 };

/** What a reader accepts from a file: more would let a forged slot exhaust memory or hold the processor for minutes. */
const KDF_MEMORY_BYTES_MAX = 2 ** 30;
const KDF_WORK_MAX = 2 ** 24;
const KDF_R_MAX = 64;
const KDF_P_MAX = 16;

const SLOT_SCHEMA_VERSION = 1;
const SLOT_ID_BYTES = 16;
const SLOT_LABEL_CHARACTERS_MAX = 256;
const SLOT_INFO = 'cairn/v1/slot';
const SLOT_TYPE_CODE = { password: 1, recovery: 2 } as const;
const KDF_CODE = { scrypt: 1, hkdf: 2 } as const;
const COMMITMENT_BYTES = 32;
const WRAPPED_KEY_BYTES = MASTER_KEY_BYTES + TAG_BYTES;
const PASSWORD_BYTES_MAX = 64 * 1024;
/** The last moment that a Date can show. */
const TIME_MS_MAX = 8_640_000_000_000_000;

export type KeySlotType = keyof typeof SLOT_TYPE_CODE;

type Kdf =
  | ({ readonly name: 'scrypt' } & KdfCost & { readonly salt: Uint8Array })
  | { readonly name: 'hkdf'; readonly salt: Uint8Array };

/** What anybody may know of a slot. */
export type KeySlotInfo = {
  /** 16 random bytes as hex: the slot itself. The KeySlotId of its file is the hash of the file’s bytes. */
  readonly slotId: string;
  readonly type: KeySlotType;
  readonly label: string;
  readonly createdAtMs: number;
};

type KeySlot = KeySlotInfo & { readonly kdf: Kdf; readonly commitment: Uint8Array; readonly wrappedKey: Uint8Array };

export type CreatedSlot = {
  readonly slotId: string;
  /** The slot's file, an envelope. */
  readonly bytes: Uint8Array;
};

export type SlotSecret =
  | { readonly kind: 'password'; readonly password: string }
  | { readonly kind: 'recovery'; readonly recoveryKey: Uint8Array };

type SlotOptions = {
  readonly masterKey: Uint8Array;
  /** 16 raw bytes. */
  readonly repositoryId: Uint8Array;
  readonly label: string;
  readonly createdAtMs: number;
  readonly random: Random;
};

/** Wraps the master key with a password (NFC, so that it can be typed on any keyboard). Takes the time of one scrypt. */
export async function createPasswordSlot(
  options: SlotOptions & { readonly password: string; readonly cost?: KdfCost },
): Promise<CreatedSlot> {
  const kdf: Kdf = { name: 'scrypt', ...(options.cost ?? KDF_COST_DEFAULT), salt: options.random.bytes(SALT_BYTES) };
  checkKdf(kdf);
  return wrapMasterKey(
    options,
    'password',
    kdf,
    await slotSecretKey(kdf, { kind: 'password', password: options.password }),
  );
}

/** Wraps the master key with a recovery key: 256 random bits need no slow derivation. */
export function createRecoverySlot(options: SlotOptions & { readonly recoveryKey: Uint8Array }): CreatedSlot {
  const kdf: Kdf = { name: 'hkdf', salt: options.random.bytes(SALT_BYTES) };
  assert(options.recoveryKey.length === RECOVERY_KEY_BYTES, 'a recovery key has 32 bytes');
  return wrapMasterKey(options, 'recovery', kdf, options.recoveryKey);
}

/** Says what a slot is without opening it. Throws key/slot-damaged or repository/newer-format. */
export function readSlot(slotBytes: Uint8Array): KeySlotInfo {
  const { slotId, type, label, createdAtMs } = decodeSlot(slotBytes);
  return { slotId, type, label, createdAtMs };
}

/**
 * Unwraps the master key. Throws key/wrong-password, key/slot-damaged, key/refused-parameters or
 * repository/newer-format. A slot of another repository looks damaged.
 */
export async function openSlot(
  slotBytes: Uint8Array,
  secret: SlotSecret,
  repositoryId: Uint8Array,
): Promise<Uint8Array> {
  const slot = decodeSlot(slotBytes);
  checkKdf(slot.kdf);
  if (slot.type !== secret.kind) {
    throw new CairnError(
      'key/wrong-password',
      slot.type === 'password' ? 'this slot opens with a password' : 'this slot opens with a recovery key',
    );
  }
  const { key, commitment } = deriveSlotKey(slot.type, slot.kdf, await slotSecretKey(slot.kdf, secret));
  if (!timingSafeEqual(commitment, slot.commitment))
    throw new CairnError(
      'key/wrong-password',
      `${secret.kind === 'password' ? 'the password' : 'the recovery key'} does not open this repository`,
    );
  const decipher = createDecipheriv('aes-256-gcm', key, new Uint8Array(NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(slotContext(repositoryId, slot.type, slot.kdf));
  decipher.setAuthTag(slot.wrappedKey.subarray(MASTER_KEY_BYTES));
  const masterKey = decipher.update(slot.wrappedKey.subarray(0, MASTER_KEY_BYTES));
  try {
    decipher.final();
  } catch (error) {
    throw new CairnError('key/slot-damaged', 'a key slot was changed or belongs to another repository', {
      cause: error,
    });
  }
  return new Uint8Array(masterKey);
}

/** Refuses what no Cairn writes, before any of it is spent. */
function checkKdf(kdf: Kdf): void {
  if (kdf.name === 'hkdf') return;
  const { N, r, p } = kdf;
  const whole = [N, r, p].every((value) => Number.isSafeInteger(value) && value >= 1);
  const powerOfTwo = whole && N >= 2 && N <= 2 ** 31 && (N & (N - 1)) === 0;
  if (!powerOfTwo || r > KDF_R_MAX || p > KDF_P_MAX || 128 * N * r > KDF_MEMORY_BYTES_MAX || N * r * p > KDF_WORK_MAX) {
    throw new CairnError('key/refused-parameters', `a key slot asks for scrypt with N=${N}, r=${r}, p=${p}`);
  }
}

async function slotSecretKey(kdf: Kdf, secret: SlotSecret): Promise<Uint8Array> {
  if (secret.kind === 'recovery') return secret.recoveryKey;
  assert(kdf.name === 'scrypt', 'a password is stretched by scrypt');
  const password = utf8(secret.password.normalize('NFC'));
  if (password.length === 0 || password.length > PASSWORD_BYTES_MAX)
    throw new CairnError('usage/invalid', 'a password has 1 to 65,536 bytes');
  const { N, r, p, salt } = kdf;
  // OpenSSL counts a little more than the 128·N·r of the algorithm; this is its own formula with room.
  const maxmem = 128 * r * (N + p + 2) + 2 ** 20;
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 32, { N, r, p, maxmem }, (error, key) =>
      error ? reject(error) : resolve(new Uint8Array(key)),
    );
  });
}

function deriveSlotKey(
  type: KeySlotType,
  kdf: Kdf,
  secretKey: Uint8Array,
): { readonly key: Uint8Array; readonly commitment: Uint8Array } {
  const info = concatBytes([utf8(SLOT_INFO), Uint8Array.of(SLOT_TYPE_CODE[type])]);
  const derived = new Uint8Array(hkdfSync('sha256', secretKey, kdf.salt, info, 32 + COMMITMENT_BYTES));
  return { key: derived.subarray(0, 32), commitment: derived.subarray(32) };
}

/** Canonical bytes the tag covers: repositoryId(16) ‖ u8 type ‖ u8 kdf ‖ u32 N ‖ u32 r ‖ u32 p ‖ salt(32); N, r, p are 0 for HKDF. */
function slotContext(repositoryId: Uint8Array, type: KeySlotType, kdf: Kdf): Uint8Array {
  assert(repositoryId.length === REPOSITORY_ID_BYTES, 'a repository id has 16 bytes');
  const { N, r, p } = kdf.name === 'scrypt' ? kdf : { N: 0, r: 0, p: 0 };
  const writer = new ByteWriter(80).bytes(repositoryId).u8(SLOT_TYPE_CODE[type]).u8(KDF_CODE[kdf.name]);
  return writer.u32(N).u32(r).u32(p).bytes(kdf.salt).finish();
}

function wrapMasterKey(options: SlotOptions, type: KeySlotType, kdf: Kdf, secretKey: Uint8Array): CreatedSlot {
  assert(options.masterKey.length === MASTER_KEY_BYTES, 'a master key has 32 bytes');
  assert(options.label.length <= SLOT_LABEL_CHARACTERS_MAX, 'a label has at most 256 characters');
  const { key, commitment } = deriveSlotKey(type, kdf, secretKey);
  const cipher = createCipheriv('aes-256-gcm', key, new Uint8Array(NONCE_BYTES));
  cipher.setAAD(slotContext(options.repositoryId, type, kdf));
  const wrapped = cipher.update(options.masterKey);
  cipher.final();
  const slotId = options.random.bytes(SLOT_ID_BYTES);
  const bytes = encodeEnvelope({
    objectType: OBJECT_TYPE.keySlot,
    schemaVersion: SLOT_SCHEMA_VERSION,
    readerVersionMin: SLOT_SCHEMA_VERSION,
    format: ENVELOPE_FORMAT.messagePack,
    compression: { kind: 'none' },
    createdAtMs: options.createdAtMs,
    payload: {
      slotId,
      type,
      label: options.label,
      createdAtMs: options.createdAtMs,
      kdf,
      commitment,
      wrappedKey: concatBytes([wrapped, cipher.getAuthTag()]),
    },
  });
  return { slotId: toHex(slotId), bytes };
}

function slotDamaged(reason: string, cause?: unknown): never {
  throw new CairnError('key/slot-damaged', reason, cause === undefined ? {} : { cause });
}

function decodeSlot(slotBytes: Uint8Array): KeySlot {
  let value: unknown;
  try {
    value = decodeEnvelope(slotBytes, { objectType: OBJECT_TYPE.keySlot, schemaVersionMax: SLOT_SCHEMA_VERSION }).value;
  } catch (error) {
    if (isIntegrityError(error)) slotDamaged('a key slot can’t be read', error);
    throw error;
  }
  const fields = asRecord(value);
  const { type, label, createdAtMs, slotId } = fields;
  if (type !== 'password' && type !== 'recovery') slotDamaged('a key slot has an unknown type');
  if (typeof label !== 'string' || label.length > SLOT_LABEL_CHARACTERS_MAX) slotDamaged('a key slot has no label');
  const isTime = Number.isSafeInteger(createdAtMs) && Number(createdAtMs) >= 0 && Number(createdAtMs) <= TIME_MS_MAX;
  if (typeof createdAtMs !== 'number' || !isTime) slotDamaged('a key slot has no time');
  const kdf = parseKdf(fields['kdf']);
  if ((kdf.name === 'scrypt') !== (type === 'password'))
    slotDamaged('a key slot’s type and derivation don’t belong together');
  return {
    slotId: toHex(bytesOf(slotId, SLOT_ID_BYTES)),
    type,
    label,
    createdAtMs,
    kdf,
    commitment: bytesOf(fields['commitment'], COMMITMENT_BYTES),
    wrappedKey: bytesOf(fields['wrappedKey'], WRAPPED_KEY_BYTES),
  };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
    slotDamaged('a key slot is not a record');
  return value as Record<string, unknown>;
}

function bytesOf(value: unknown, length: number): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length !== length)
    slotDamaged(`a key slot lacks a field of ${length} bytes`);
  return value;
}

function parseKdf(value: unknown): Kdf {
  const { name, N, r, p, salt } = asRecord(value);
  if (name === 'hkdf') return { name, salt: bytesOf(salt, SALT_BYTES) };
  if (name !== 'scrypt')
    throw new CairnError('key/refused-parameters', 'a key slot asks for an unknown key derivation');
  if (typeof N !== 'number' || typeof r !== 'number' || typeof p !== 'number')
    slotDamaged('a key slot lacks its parameters');
  return { name, N, r, p, salt: bytesOf(salt, SALT_BYTES) };
}
