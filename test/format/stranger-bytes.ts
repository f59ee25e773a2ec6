/**
 * Bytes as a stranger reads them: cursor, MessagePack, envelopes, keys and sealed files, written from FORMAT.md alone.
 *
 * Nothing of Cairn is imported here or in stranger.ts, and nothing but what anyone has: a crypto library, BLAKE3, zlib
 * and LZ4. Where this reader and Cairn disagree, FORMAT.md says too little or something wrong.
 */
import { createDecipheriv, hkdfSync, scryptSync } from 'node:crypto';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { Blake3Hasher, blake3 } from 'blake3';
import { uncompressSync } from 'lz4';

export type Fields = Readonly<Record<string, unknown>>;

export const H = (...parts: readonly Uint8Array[]): Buffer => blake3(Buffer.concat(parts));

export function keyedH(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  return Blake3Hasher.newKeyed(Buffer.from(key)).update(Buffer.concat(parts)).digestBuffer();
}

export const text = (bytes: Uint8Array): string =>
  new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
export const ascii = (value: string): Buffer => Buffer.from(value, 'latin1');
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** u32 length, then the bytes. */
export const lp = (bytes: Uint8Array): Buffer => Buffer.concat([u32(bytes.length), bytes]);

export function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`the stranger does not understand: ${what}`);
}

export class Cursor {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  take(count: number): Buffer {
    check(this.at + count <= this.bytes.length, 'the bytes end too early');
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  u8 = (): number => this.take(1).readUInt8();
  u16 = (): number => this.take(2).readUInt16LE();
  u32 = (): number => this.take(4).readUInt32LE();
  u64 = (): number => Number(this.take(8).readBigUInt64LE());
  i64 = (): bigint => this.take(8).readBigInt64LE();

  varint(): number {
    let value = 0;
    for (let index = 0, scale = 1; index < 8; index++, scale *= 128) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) {
        check(index === 0 || byte !== 0, 'a number is not in its shortest form');
        return value;
      }
    }
    throw new Error('a number is too long');
  }

  sized = (): Buffer => this.take(this.varint());
  text = (): string => text(this.sized());

  end(): void {
    check(this.at === this.bytes.length, 'bytes are left over');
  }
}

/** §8: MessagePack, as far as values go. */
export function readMessagePack(bytes: Uint8Array): Fields {
  const cursor = new Cursor(bytes);
  const value = readItem(cursor);
  cursor.end();
  return value as Fields;
}

function readItem(cursor: Cursor): unknown {
  const head = cursor.u8();
  const list = (count: number): unknown[] => Array.from({ length: count }, () => readItem(cursor));
  const map = (count: number): Fields =>
    Object.fromEntries(
      Array.from({ length: count }, (): [unknown, unknown] => [readItem(cursor), readItem(cursor)]),
    ) as Fields;
  if (head <= 0x7f) return head;
  if (head <= 0x8f) return map(head & 15);
  if (head <= 0x9f) return list(head & 15);
  if (head <= 0xbf) return text(cursor.take(head & 31));
  if (head >= 0xe0) return head - 256;
  const take = (count: number): Buffer => cursor.take(count);
  switch (head) {
    case 0xc2:
    case 0xc3:
      return head === 0xc3;
    case 0xc4:
      return take(take(1).readUInt8());
    case 0xc5:
      return take(take(2).readUInt16BE());
    case 0xc6:
      return take(take(4).readUInt32BE());
    case 0xcb:
      return take(8).readDoubleBE();
    case 0xcc:
      return take(1).readUInt8();
    case 0xcd:
      return take(2).readUInt16BE();
    case 0xce:
      return take(4).readUInt32BE();
    case 0xd9:
      return text(take(take(1).readUInt8()));
    case 0xda:
      return text(take(take(2).readUInt16BE()));
    case 0xdb:
      return text(take(take(4).readUInt32BE()));
    case 0xdc:
      return list(take(2).readUInt16BE());
    case 0xdd:
      return list(take(4).readUInt32BE());
    case 0xde:
      return map(take(2).readUInt16BE());
    case 0xdf:
      return map(take(4).readUInt32BE());
    default:
      throw new Error(`a MessagePack item of type 0x${head.toString(16)}`);
  }
}

/** §7. */
export function inflate(compression: number, payload: Buffer, plainLength: number, base?: Buffer): Buffer {
  const plain = inflateWith(compression, payload, plainLength, base);
  check(plain.length === plainLength, 'a payload of another length than it claims');
  return plain;
}

function inflateWith(compression: number, payload: Buffer, plainLength: number, base: Buffer | undefined): Buffer {
  if (compression === 0) return payload;
  if (compression === 1) {
    const dictionary =
      base === undefined || base.length < 8 ? undefined : base.readUInt32LE() === 0xec30a437 ? base.subarray(1) : base;
    return zstdDecompressSync(payload, { maxOutputLength: plainLength, ...(dictionary && { dictionary }) });
  }
  if (compression === 2) return Buffer.from(uncompressSync(payload));
  check(compression === 3, `compression ${compression}`);
  return gunzipSync(payload);
}

export type Envelope = { readonly objectType: number; readonly payload: Buffer; readonly value: Fields };

/** §8. */
export function readEnvelope(bytes: Uint8Array, objectType: number): Envelope {
  const cursor = new Cursor(bytes);
  check(
    text(cursor.take(4)) === 'CrnE' && cursor.u16() === 1 && cursor.u16() === objectType,
    'an envelope of another kind',
  );
  const schema = cursor.u16();
  check(schema === 1 && cursor.u16() <= 1, 'a newer schema');
  const [format, compression, components] = [cursor.u8(), cursor.u8(), cursor.u16()];
  cursor.take(16);
  const [plainLength, storedLength] = [cursor.u64(), cursor.u64()];
  const checksum = cursor.take(32);
  const rest = cursor.bytes.subarray(80);
  check(rest.length === components * 4 + storedLength, 'an envelope of another length than it claims');
  check(H(cursor.bytes.subarray(0, 48), rest).equals(checksum), 'an envelope that is damaged');
  const payload = inflate(compression, rest.subarray(components * 4), plainLength);
  const value = format === 1 ? readMessagePack(payload) : format === 2 ? (JSON.parse(text(payload)) as Fields) : {};
  return { objectType, payload, value };
}

function hkdf(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', ikm, salt, info, length));
}

/** §5. */
export function deriveKey(masterKey: Uint8Array, repositoryId: Uint8Array, name: string): Buffer {
  return hkdf(masterKey, repositoryId, ascii(`cairn/v1/${name}`), 32);
}

export type Keys = {
  readonly repositoryId: Buffer;
  readonly encrypted: boolean;
  readonly data: Buffer;
  readonly meta: Buffer;
};

export type Frame = {
  readonly kind: number;
  readonly offset: number;
  readonly length: number;
  readonly plain: (base?: Buffer) => Buffer;
  readonly payload: Buffer;
};

/** §6: every frame of a sealed file, opened; `plain` inflates it. */
export function openSealedFile(
  file: Buffer,
  fileTypes: readonly number[],
  keys: Keys,
): { readonly fileType: number; readonly frames: readonly Frame[] } {
  const header = file.subarray(0, 104);
  const cursor = new Cursor(header);
  check(text(cursor.take(8)) === 'CAIRNBAK' && cursor.u16() === 1, 'a file of another format');
  const fileType = cursor.u8();
  check(fileTypes.includes(fileType), `a file of type ${fileType}`);
  check(cursor.u8() === (keys.encrypted ? 1 : 0) && cursor.u32() === 0, 'another cipher');
  check(cursor.take(16).equals(keys.repositoryId), 'a file of another repository');
  const [salt, commitment, reserved] = [cursor.take(32), cursor.take(32), cursor.u64()];
  check(reserved === 0, 'reserved bytes');
  const parent = fileType <= 3 ? keys.data : keys.meta;
  const derived = keys.encrypted
    ? hkdf(parent, salt, Buffer.concat([ascii('cairn/v1/file'), Buffer.of(fileType)]), 64)
    : Buffer.alloc(64);
  check(derived.subarray(32).equals(commitment), 'another key');
  // Packs, commit files and index runs end with a trailer.
  const end = fileType <= 4 ? file.length - 24 : file.length;
  const frames: Frame[] = [];
  for (let at = 104; at < end; at += frames.at(-1)?.length ?? 0) {
    frames.push(
      openFrame(file, at, { header, counter: frames.length, key: derived.subarray(0, 32), encrypted: keys.encrypted }),
    );
  }
  if (fileType <= 4) checkTrailer(file, frames);
  return { fileType, frames };
}

function openFrame(
  file: Buffer,
  at: number,
  context: { header: Buffer; counter: number; key: Buffer; encrypted: boolean },
): Frame {
  const frameHeader = file.subarray(at, at + 24);
  const cursor = new Cursor(frameHeader);
  check(text(cursor.take(4)) === 'CrnF', 'no frame where one should be');
  const [kind, compression, flags, counter] = [cursor.u8(), cursor.u8(), cursor.u16(), cursor.u32()];
  const [plainLength, sealedLength, reserved] = [cursor.u32(), cursor.u32(), cursor.u32()];
  check(flags === 0 && reserved === 0 && counter === context.counter, 'a frame in another place');
  const sealed = new Cursor(file.subarray(at + 24)).take(sealedLength);
  const [ciphertext, tag] = [sealed.subarray(0, -16), sealed.subarray(-16)];
  const additional = Buffer.concat([context.header, frameHeader]);
  let payload = ciphertext;
  if (context.encrypted) {
    const decipher = createDecipheriv('aes-256-gcm', context.key, Buffer.concat([u32(counter), Buffer.alloc(8)]));
    decipher.setAAD(additional).setAuthTag(tag);
    payload = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } else {
    check(H(additional, payload).subarray(0, 16).equals(tag), 'a frame that is damaged');
  }
  const plain = (base?: Buffer): Buffer =>
    inflate(compression, kind === 2 ? payload.subarray(32) : payload, plainLength, base);
  return { kind, offset: at, length: 24 + sealedLength, plain, payload };
}

function checkTrailer(file: Buffer, frames: readonly Frame[]): void {
  const cursor = new Cursor(file.subarray(-24));
  const [offset, length, count] = [cursor.u64(), cursor.u32(), cursor.u32()];
  check(text(cursor.take(8)) === 'CrnEND\r\n', 'no trailer');
  const footer = frames.at(-1);
  check(
    footer?.kind === 3 && footer.offset === offset && footer.length === length && frames.length === count,
    'a trailer that does not fit',
  );
}

export type Secret = { readonly password: string } | { readonly recoveryKey: string };

const BASE32 = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** §18: a recovery key as it was written down. */
export function readRecoveryKey(written: string): Buffer {
  let value = 0n;
  for (const character of written.toUpperCase().replace(/[ -]/g, '').replace(/[IL]/g, '1').replace(/O/g, '0')) {
    value = value * 32n + BigInt(BASE32.indexOf(character));
  }
  const bytes = Buffer.from(value.toString(16).padStart(70, '0'), 'hex');
  const key = bytes.subarray(0, 32);
  check(
    H(ascii('cairn/v1/recovery-key'), key).subarray(0, 3).equals(bytes.subarray(32)),
    'a recovery key with a slip in it',
  );
  return key;
}

/** §18: the master key out of a slot, or undefined where the secret is not this slot's. */
export function openSlot(slot: Uint8Array, secret: Secret, repositoryId: Buffer): Buffer | undefined {
  const { type, kdf, commitment, wrappedKey } = readEnvelope(slot, 3).value as {
    type: string;
    kdf: { name: string; N: number; r: number; p: number; salt: Buffer };
    commitment: Buffer;
    wrappedKey: Buffer;
  };
  if ('password' in secret !== (type === 'password')) return undefined;
  const { N, r, p } = kdf.name === 'scrypt' ? kdf : { N: 0, r: 0, p: 0 };
  const ikm =
    'password' in secret
      ? scryptSync(Buffer.from(secret.password.normalize('NFC')), kdf.salt, 32, { N, r, p, maxmem: 2 ** 30 })
      : readRecoveryKey(secret.recoveryKey);
  const derived = hkdf(
    ikm,
    kdf.salt,
    Buffer.concat([ascii('cairn/v1/slot'), Buffer.of(type === 'password' ? 1 : 2)]),
    64,
  );
  if (!derived.subarray(32).equals(commitment)) return undefined;
  const context = [
    repositoryId,
    Buffer.of(type === 'password' ? 1 : 2, kdf.name === 'scrypt' ? 1 : 2),
    u32(N),
    u32(r),
    u32(p),
    kdf.salt,
  ];
  const decipher = createDecipheriv('aes-256-gcm', derived.subarray(0, 32), Buffer.alloc(12));
  decipher.setAAD(Buffer.concat(context)).setAuthTag(wrappedKey.subarray(32));
  return Buffer.concat([decipher.update(wrappedKey.subarray(0, 32)), decipher.final()]);
}
