/**
 * What the examples of FORMAT.md are made of, and those that are files or parts of files (§6, §8, §10, §11), made from
 * its text alone: no code of Cairn is used here.
 */
import { createCipheriv, hkdfSync } from 'node:crypto';
import { ascii, deriveKey, H, keyedH, u32, u64 } from './stranger-bytes.ts';

export type Part = readonly [bytes: Uint8Array, remark: string];
export type Example = { readonly name: string; readonly parts: readonly Part[] };

export const bytesFrom = (first: number, count: number): Buffer =>
  Buffer.from(Array.from({ length: count }, (_, index) => first + index));

export const REPOSITORY_ID = bytesFrom(0xa0, 16);
export const MASTER_KEY = bytesFrom(0x00, 32);
export const SALT = bytesFrom(0xc0, 32);
export const CREATED_AT_MS = 1_700_000_000_000;
export const MTIME_NS = 1_700_000_000_123_456_789n;
export const HELLO = Buffer.from('hello\n');
export const IDS = [bytesFrom(0x10, 32), bytesFrom(0x50, 32), bytesFrom(0x90, 32)] as const;
export const PASSWORD = 'correct horse';
/** The writer of the envelope: 0.1.0. */
export const WRITER = 0x0000_0100;

export const key = (name: string): Buffer => deriveKey(MASTER_KEY, REPOSITORY_ID, name);
export const u8 = (value: number): Buffer => Buffer.of(value);
export const u16 = (value: number): Buffer => Buffer.of(value & 255, value >> 8);
export const i64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
};
/** Only for values below 128², which is all that is needed here. */
export const varint = (value: number): Buffer => (value < 128 ? u8(value) : Buffer.of((value & 127) | 128, value >> 7));
export const sized = (bytes: Uint8Array): Buffer => Buffer.concat([varint(bytes.length), bytes]);
export const join = (parts: readonly Part[]): Buffer => Buffer.concat(parts.map(([bytes]) => bytes));
export const hkdf = (ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Buffer =>
  Buffer.from(hkdfSync('sha256', ikm, salt, info, length));

type Value = number | string | boolean | Uint8Array | readonly Value[] | { readonly [field: string]: Value };

/** §8, for short lists and maps. */
export function messagePack(value: Value): Buffer {
  if (typeof value === 'boolean') return u8(value ? 0xc3 : 0xc2);
  if (typeof value === 'number') {
    if (value < 128) return u8(value);
    if (value < 256) return Buffer.of(0xcc, value);
    const bytes = Buffer.alloc(9);
    if (value < 65_536) return Buffer.of(0xcd, value >> 8, value & 255);
    if (value < 2 ** 32) return (bytes.writeUInt32BE(value, 1), bytes.writeUInt8(0xce), bytes.subarray(0, 5));
    return (bytes.writeDoubleBE(value, 1), bytes.writeUInt8(0xcb), bytes);
  }
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    return Buffer.concat([bytes.length < 32 ? u8(0xa0 + bytes.length) : Buffer.of(0xd9, bytes.length), bytes]);
  }
  if (value instanceof Uint8Array)
    return Buffer.concat([
      value.length < 256 ? Buffer.of(0xc4, value.length) : Buffer.of(0xc5, value.length >> 8, value.length & 255),
      value,
    ]);
  if (Array.isArray(value)) return Buffer.concat([u8(0x90 + value.length), ...value.map(messagePack)]);
  const fields = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Buffer.concat([
    u8(0x80 + fields.length),
    ...fields.flatMap(([name, field]) => [messagePack(name), messagePack(field)]),
  ]);
}

/** §8: MessagePack, not compressed. */
export function envelope(
  objectType: number,
  payload: Uint8Array,
  components: readonly (readonly [number, number])[] = [],
): Part[] {
  const head: Part[] = [
    [ascii('CrnE'), 'magic “CrnE”'],
    [u16(1), 'envelopeVersion'],
    [u16(objectType), 'objectType'],
    [u16(1), 'schemaVersion'],
    [u16(1), 'readerVersionMin'],
    [u8(1), 'format: MessagePack'],
    [u8(0), 'compression: none'],
    [u16(components.length), 'componentCount'],
    [u32(WRITER), 'writerVersion: 0.1.0'],
    [u32(0), 'reserved'],
    [u64(CREATED_AT_MS), `createdAtMs: ${CREATED_AT_MS}`],
    [u64(payload.length), 'plainLength'],
    [u64(payload.length), 'storedLength'],
  ];
  const rest: Part[] = [
    ...components.map(([id, version]): Part => [
      Buffer.concat([u16(id), u16(version)]),
      `component ${id}, version ${version}`,
    ]),
    [payload, 'payload'],
  ];
  return [...head, [H(join(head), join(rest)), 'checksum: H(all before ‖ all after)'], ...rest];
}

type FrameToSeal = { readonly kind: number; readonly what: string; readonly payload: Uint8Array };

/** §6. Compression none throughout, so that every byte follows from the text. */
export function sealedFile(
  fileType: number,
  cipher: number,
  frames: readonly FrameToSeal[],
  salt: Uint8Array = SALT,
): Part[] {
  const parent = fileType <= 3 ? key('data') : key('meta');
  const derived =
    cipher === 0 ? Buffer.alloc(64) : hkdf(parent, salt, Buffer.concat([ascii('cairn/v1/file'), u8(fileType)]), 64);
  const header: Part[] = [
    [ascii('CAIRNBAK'), 'magic “CAIRNBAK”'],
    [u16(1), 'fileVersion'],
    [u8(fileType), 'fileType'],
    [u8(cipher), 'cipher'],
    [u32(0), 'flags'],
    [REPOSITORY_ID, 'repositoryId'],
    [salt, 'salt'],
    [derived.subarray(32), 'commitment'],
    [u64(0), 'reserved'],
  ];
  return [
    ...header,
    ...frames.flatMap((frame, counter) =>
      sealFrame(frame, counter, join(header), cipher === 0 ? undefined : derived.subarray(0, 32)),
    ),
  ];
}

function sealFrame(
  { kind, what, payload }: FrameToSeal,
  counter: number,
  fileHeader: Buffer,
  fileKey: Buffer | undefined,
): Part[] {
  const header: Part[] = [
    [ascii('CrnF'), 'magic “CrnF”'],
    [Buffer.of(kind, 0), `frameKind ${kind}, compression none`],
    [u16(0), 'flags'],
    [u32(counter), 'counter'],
    [u32(payload.length), 'plainLength'],
    [u32(payload.length + 16), 'sealedLength'],
    [u32(0), 'reserved'],
  ];
  const additional = Buffer.concat([fileHeader, join(header)]);
  if (fileKey === undefined)
    return [...header, [payload, what], [H(additional, payload).subarray(0, 16), 'tag: H(headers ‖ payload), cut']];
  const cipher = createCipheriv('aes-256-gcm', fileKey, Buffer.concat([u32(counter), Buffer.alloc(8)]));
  cipher.setAAD(additional);
  const ciphertext = Buffer.concat([cipher.update(payload), cipher.final()]);
  return [...header, [ciphertext, `${what}, encrypted`], [cipher.getAuthTag(), 'tag']];
}

export function trailer(footerOffset: number, footerLength: number, frameCount: number): Part[] {
  return [
    [u64(footerOffset), `footerOffset: ${footerOffset}`],
    [u32(footerLength), `footerLength: ${footerLength}`],
    [u32(frameCount), `frameCount: ${frameCount}`],
    [ascii('CrnEND\r\n'), 'magic “CrnEND\\r\\n”'],
  ];
}

export const blobId = (type: number, plain: Uint8Array): Buffer => keyedH(key('id'), Buffer.of(type, 1), H(plain));

/** The blobs of the example pack. */
export const BLOBS = [HELLO, Buffer.from('world\n')] as const;

/** §10: a data pack without encryption: one segment of two blobs. */
export function dataPack(): Part[] {
  const plain = Buffer.concat(BLOBS);
  const footer = Buffer.concat([
    Buffer.concat([u8(1), u8(1), u16(0), u32(1), u32(0), u32(2), u64(plain.length), u32(0), u32(0)]),
    Buffer.concat([u8(1), u8(0), u16(0), u32(40 + plain.length), u32(plain.length), u32(2)]),
    ...BLOBS.map((blob) => blobId(1, blob)),
    Buffer.of(1, 1),
    ...BLOBS.map((blob) => u32(blob.length)),
  ]);
  const frames = sealedFile(1, 0, [
    { kind: 1, what: 'both blobs, end to end', payload: plain },
    { kind: 3, what: 'footer: head(32), frame(16), ids, types, lengths', payload: footer },
  ]);
  return [...frames, ...trailer(104 + 40 + plain.length, 40 + footer.length, 2)];
}

/** §11: an index run without encryption over that pack. */
export function indexRun(): Part[] {
  const packTable = Buffer.concat([H(join(dataPack())), u8(1), u64(join(dataPack()).length), u32(2)]);
  const rows = BLOBS.map((blob, index) => ({
    id: blobId(1, blob),
    offset: index === 0 ? 0 : HELLO.length,
    length: blob.length,
  })).sort((left, right) => Buffer.compare(left.id, right.id));
  const column = (of: (row: (typeof rows)[number]) => number): Buffer => Buffer.concat(rows.map((row) => u32(of(row))));
  const page = Buffer.concat([
    Buffer.concat([u8(1), u8(0), u16(0), u32(2)]),
    ...rows.map(({ id }) => id),
    column(() => 0),
    column(() => 104),
    column(() => 40 + 12),
    column(({ offset }) => offset),
    column(({ length }) => length),
    Buffer.of(1, 1),
    Buffer.of(0, 0),
  ]);
  const filter = Buffer.alloc(64);
  for (const { id } of rows) {
    for (let probe = 0; probe < 7; probe++) {
      const bit = id.readUInt16LE(8 + 2 * probe) % 512;
      filter[bit >> 3] = (filter[bit >> 3] ?? 0) | (1 << (bit & 7));
    }
  }
  const head = Buffer.concat([
    u8(1),
    u8(0),
    u16(0),
    u32(1),
    u32(1),
    u32(1),
    u32(1),
    u32(1),
    u64(2),
    u64(0),
    u32(0),
    u32(0),
  ]);
  const footer = Buffer.concat([
    head,
    u32(40 + packTable.length),
    rows[0]?.id ?? filter,
    u32(40 + page.length),
    u32(2),
    u32(40 + filter.length),
  ]);
  const frames = sealedFile(4, 0, [
    { kind: 7, what: 'pack table: id, fileType, sizeBytes, blobCount', payload: packTable },
    {
      kind: 5,
      what: 'page: head(8), ids, ordinals, frame offsets and lengths, offsets, lengths, types, flags',
      payload: page,
    },
    { kind: 6, what: 'filter: one block', payload: filter },
    { kind: 3, what: 'footer: head(48), pack frame, page, filter frame', payload: footer },
  ]);
  const footerLength = 40 + footer.length;
  return [...frames, ...trailer(join(frames).length - footerLength, footerLength, 4)];
}
