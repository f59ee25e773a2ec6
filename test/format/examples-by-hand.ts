/**
 * The examples of FORMAT.md §24, made from its text alone: no code of Cairn is used here. Each is a list of bytes with
 * a remark, as the page shows them.
 */
import { createCipheriv, createPrivateKey, createPublicKey, hkdfSync, scryptSync, sign } from 'node:crypto';
import { ascii, deriveKey, H, keyedH, lp, u32, u64 } from './stranger-bytes.ts';

export type Part = readonly [bytes: Uint8Array, remark: string];
export type Example = { readonly name: string; readonly parts: readonly Part[] };

const bytesFrom = (first: number, count: number): Buffer =>
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

const key = (name: string): Buffer => deriveKey(MASTER_KEY, REPOSITORY_ID, name);
const u8 = (value: number): Buffer => Buffer.of(value);
const u16 = (value: number): Buffer => Buffer.of(value & 255, value >> 8);
const i64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
};
/** Only for values below 128², which is all that is needed here. */
const varint = (value: number): Buffer => (value < 128 ? u8(value) : Buffer.of((value & 127) | 128, value >> 7));
const sized = (bytes: Uint8Array): Buffer => Buffer.concat([varint(bytes.length), bytes]);
const join = (parts: readonly Part[]): Buffer => Buffer.concat(parts.map(([bytes]) => bytes));
const hkdf = (ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Buffer =>
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
function envelope(
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
function sealedFile(fileType: number, cipher: number, frames: readonly FrameToSeal[], salt: Uint8Array = SALT): Part[] {
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

function trailer(footerOffset: number, footerLength: number, frameCount: number): Part[] {
  return [
    [u64(footerOffset), `footerOffset: ${footerOffset}`],
    [u32(footerLength), `footerLength: ${footerLength}`],
    [u32(frameCount), `frameCount: ${frameCount}`],
    [ascii('CrnEND\r\n'), 'magic “CrnEND\\r\\n”'],
  ];
}

const blobId = (type: number, plain: Uint8Array): Buffer => keyedH(key('id'), Buffer.of(type, 1), H(plain));

/** The blobs of the example pack. */
export const BLOBS = [HELLO, Buffer.from('world\n')] as const;

/** §10: a data pack without encryption: one segment of two blobs. */
function dataPack(): Part[] {
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
function indexRun(): Part[] {
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

const page = (kind: number, level: number, records: readonly Part[], count = 1): Part[] => [
  [ascii('CrnP'), 'magic “CrnP”'],
  [Buffer.of(1, kind, level, 0), `pageVersion 1, pageKind ${kind}, level ${level}, flags 0`],
  [varint(count), 'count'],
  ...records,
];

const fileRecord: Part[] = [
  [u8(1), 'nodeType: file'],
  [varint(2), 'fieldMask: ownerNames'],
  [sized(ascii('a.txt')), 'name “a.txt”'],
  [varint(0o644), 'mode 0644'],
  [varint(1000), 'uid 1000'],
  [varint(1000), 'gid 1000'],
  [i64(MTIME_NS), `mtimeNs ${MTIME_NS}`],
  [varint(HELLO.length), 'size'],
  [H(HELLO), 'contentHash: H(“hello\\n”)'],
  [varint(1), 'one chunk inline'],
  [blobId(1, HELLO), 'its BlobId'],
  [varint(HELLO.length), 'its length'],
  [sized(ascii('ann')), 'user “ann”'],
  [sized(ascii('')), 'group unknown'],
];

const metadata = (size: number, mode: number, user: string): Part[] => [
  [u64(size), 'size'],
  [u32(mode), `mode 0${mode.toString(8)}`],
  [i64(MTIME_NS), 'mtimeNs'],
  [Buffer.concat([u32(1000), u32(1000)]), 'uid, gid'],
  [lp(ascii(user)), user === '' ? 'user unknown' : `lp(user “${user}”)`],
  [lp(ascii('')), 'group unknown'],
  [lp(ascii('')), 'no link target'],
  [u64(0), 'no device'],
  [u32(0), 'no attributes'],
  [lp(ascii('')), 'raw name is the canonical name'],
];

const filePreimage: Part[] = [
  [lp(ascii('file')), 'lp(“file”)'],
  [lp(ascii('a.txt')), 'lp(path “a.txt”)'],
  [H(HELLO), 'contentHash'],
  [u32(join(metadata(6, 0o644, 'ann')).length), 'length of the metadata'],
  ...metadata(6, 0o644, 'ann'),
];
const childRecord = Buffer.concat([lp(ascii('a.txt')), H(join(filePreimage))]);
const folderPreimage: Part[] = [
  [lp(ascii('directory')), 'lp(“directory”)'],
  [lp(ascii('')), 'lp(path): the source’s root'],
  [u64(1), 'childCount'],
  [childRecord, 'lp(“a.txt”) ‖ its NodeId'],
  [u32(join(metadata(0, 0o755, '')).length), 'length of the metadata'],
  ...metadata(0, 0o755, ''),
];
const sourcesPreimage: Part[] = [
  [lp(ascii('sources')), 'lp(“sources”)'],
  [u64(1), 'count'],
  [lp(ascii('home')), 'lp(name “home”)'],
  [H(join(folderPreimage)), 'NodeId of its root'],
];

const leaf = (id: Uint8Array): Buffer => H(ascii('frame_leaf'), id);
const inner = (bit: number, left: Uint8Array, right: Uint8Array): Buffer =>
  H(ascii('frame_node'), u16(bit), left, right);
const setRoot = (count: number, top: Uint8Array): Buffer => H(ascii('frame_root'), u64(count), top);
// 0x10…, 0x50…, 0x90…: bit 0 parts the last from the others, bit 1 those two.
const [one, two, three] = IDS;
const lowerTwo = inner(1, leaf(one), leaf(two));

const logLeaf = (id: Uint8Array): Buffer => H(u8(0), id);
const logInner = (left: Uint8Array, right: Uint8Array): Buffer => H(u8(1), left, right);

const signer = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), key('sign')]),
  format: 'der',
  type: 'pkcs8',
});
const publicKey = createPublicKey(signer).export({ format: 'der', type: 'spki' }).subarray(12);

const configRecord = messagePack({
  formatVersion: 0,
  repositoryId: REPOSITORY_ID,
  createdAtMs: CREATED_AT_MS,
  encrypted: true,
  idAlgorithm: 1,
  compression: 'zstd:3',
  chainIncrementalsMax: 50,
  publicKey,
  featuresRequired: [],
  featuresToWrite: [],
});

const eventRecord = messagePack({
  repositoryId: REPOSITORY_ID,
  writerId: bytesFrom(0xe0, 16),
  writerSequence: 3,
  log: { size: 3, frontier: [logInner(logLeaf(one), logLeaf(two)), logLeaf(three)] },
  kind: 'annotate',
  subjects: [one, three],
  createdAtMs: CREATED_AT_MS,
  host: 'lab',
  user: 'ann',
  fields: { pinned: true, tags: ['kept'] },
});
const eventId = H(ascii('cairn/event/v1'), eventRecord);

function wrapped(
  secret: Uint8Array,
  slotType: number,
  kdf: number,
  [N, r, p]: readonly [number, number, number],
): { commitment: Buffer; wrappedKey: Buffer } {
  const derived = hkdf(secret, SALT, Buffer.concat([ascii('cairn/v1/slot'), u8(slotType)]), 64);
  const cipher = createCipheriv('aes-256-gcm', derived.subarray(0, 32), Buffer.alloc(12));
  cipher.setAAD(Buffer.concat([REPOSITORY_ID, Buffer.of(slotType, kdf), u32(N), u32(r), u32(p), SALT]));
  const wrappedKey = Buffer.concat([cipher.update(MASTER_KEY), cipher.final(), cipher.getAuthTag()]);
  return { commitment: derived.subarray(32), wrappedKey };
}
const recoverySlot = wrapped(IDS[0], 2, 2, [0, 0, 0]);
const passwordSlot = wrapped(scryptSync(PASSWORD, SALT, 32, { N: 16, r: 8, p: 1 }), 1, 1, [16, 8, 1]);

function recoveryText(recoveryKey: Uint8Array): string {
  const checked = Buffer.concat([recoveryKey, H(ascii('cairn/v1/recovery-key'), recoveryKey).subarray(0, 3)]);
  let value = BigInt(`0x${checked.toString('hex')}`);
  let written = '';
  for (let index = 0; index < 56; index++, value /= 32n)
    written = `0123456789ABCDEFGHJKMNPQRSTVWXYZ`.charAt(Number(value % 32n)) + written;
  return written.replace(/(.{4})(?=.)/g, '$1-');
}

function splitHash(bytes: Uint8Array): Buffer {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return u32((hash ^ (hash >>> 16)) >>> 0);
}

const example = (name: string, ...parts: readonly Part[]): Example => ({ name, parts });
const value = { a: 1, big: 2 ** 40, bytes: Buffer.of(1, 2), list: [true, 'é'] };

export const EXAMPLES: readonly Example[] = [
  example(
    'derived keys',
    ...['id', 'data', 'meta', 'chunk', 'sign', 'config'].map((name): Part => [key(name), `K_${name}`]),
  ),
  example('public key', [publicKey, 'Ed25519, from the seed K_sign']),
  example('sealed file', ...sealedFile(1, 1, [{ kind: 1, what: '“hello\\n”', payload: HELLO }])),
  example('sealed file, cipher none', ...sealedFile(1, 0, [{ kind: 1, what: '“hello\\n”', payload: HELLO }])),
  example('trailer', ...trailer(1000, 200, 5)),
  example('MessagePack value', [messagePack(value), '{a: 1, big: 2^40, bytes: 01 02, list: [true, “é”]}']),
  example('envelope', ...envelope(5, messagePack(value), [[7, 1]])),
  example('blob id', [blobId(1, HELLO), 'of “hello\\n” as a file chunk']),
  example('data pack', ...dataPack()),
  example('index run', ...indexRun()),
  example('folder page', ...page(1, 0, fileRecord)),
  example(
    'inner folder page',
    ...page(2, 1, [
      [sized(ascii('a.txt')), 'first name'],
      [one, 'page'],
      [varint(300), 'entries below it: 300'],
    ]),
  ),
  example(
    'chunk-list page',
    ...page(3, 0, [
      [one, 'BlobId'],
      [varint(5000), 'length: 5,000'],
    ]),
  ),
  example(
    'inner chunk-list page',
    ...page(4, 1, [
      [one, 'page'],
      [varint(300), 'chunks below it'],
      [varint(16_000), 'bytes below it'],
    ]),
  ),
  example(
    'seal page',
    ...page(
      5,
      0,
      [
        [one, 'NodeId'],
        [u8(0), 'no directories in it'],
        [two, 'NodeId'],
        [u8(1), 'has a seal page:'],
        [three, 'its id'],
        [u8(0), 'its level'],
      ],
      2,
    ),
  ),
  example(
    'inner seal page',
    ...page(6, 1, [
      [one, 'page'],
      [varint(400), 'seals below it'],
    ]),
  ),
  example('split hash', [splitHash(ascii('a.txt')), 'of “a.txt”, as u32']),
  example('preimage of a file', ...filePreimage),
  example('NodeId of a file', [H(join(filePreimage)), 'H of it']),
  example('preimage of a folder', ...folderPreimage),
  example('NodeId of a folder', [H(join(folderPreimage)), 'H of it']),
  example('preimage of the sources', ...sourcesPreimage),
  example('root NodeId', [H(join(sourcesPreimage)), 'H of it']),
  example('canonical name', [Buffer.from('f\\xff\\\\\u00e9'), 'of the raw name 66 ff 5c 65 cc 81: “f\\xff\\\\é”']),
  example('empty set', [H(ascii('cairn/merkle-set/empty/v1')), 'root']),
  example('set of one', [setRoot(1, leaf(one)), 'root of {10 11 … 2f}']),
  example('set of three', [
    setRoot(3, inner(0, lowerTwo, leaf(three))),
    'root of {10 11 … 2f, 50 51 … 6f, 90 91 … af}',
  ]),
  example(
    'set proof',
    [ascii('CrnM'), 'magic “CrnM”'],
    [Buffer.of(1, 1), 'version 1; kind 1: the leaf holds the id'],
    [Buffer.of(3, 2), '3 members, 2 steps'],
    [Buffer.concat([u8(0), leaf(three)]), 'bit 0, the other side'],
    [Buffer.concat([u8(1), leaf(one)]), 'bit 1, the other side'],
  ),
  example(
    'entry proof',
    [ascii('CrnI'), 'magic “CrnI”'],
    [Buffer.of(1, 3), 'version 1, three steps'],
    [Buffer.concat([u8(1), sized(join(filePreimage))]), 'leaf: the preimage of the file'],
    [
      Buffer.concat([u8(3), sized(ascii('')), varint(1), sized(childRecord), sized(join(metadata(0, 0o755, '')))]),
      'folder: path, childCount, records, metadata',
    ],
    [Buffer.concat([u8(5), sized(ascii('home')), sized(join(sourcesPreimage))]), 'sources: name, preimage'],
  ),
  example('empty log', [H(ascii('cairn/event-log/empty/v1')), 'root']),
  example('log of three', [
    logInner(logInner(logLeaf(one), logLeaf(two)), logLeaf(three)),
    'root of the events 10 11 … 2f, 50 51 … 6f, 90 91 … af',
  ]),
  example('event', [
    eventRecord,
    'record: {createdAtMs, fields: {pinned, tags}, host, kind, log, repositoryId, subjects, user, writerId, writerSequence}',
  ]),
  example('event id', [eventId, 'H(“cairn/event/v1” ‖ record)']),
  example('event signature', [sign(null, eventId, signer), 'Ed25519 over the id']),
  example('snapshot salt', [
    keyedH(key('meta'), ascii('cairn/v1/snapshot-salt'), HELLO),
    'of a file whose envelope is “hello\\n”',
  ]),
  example('configuration', [configRecord, 'record of an encrypted repository']),
  example('configuration mac', [keyedH(key('config'), configRecord), 'H(K_config; record)']),
  example(
    'recovery slot',
    [recoverySlot.commitment, 'commitment; the recovery key is 10 11 … 2f'],
    [recoverySlot.wrappedKey, 'wrappedKey'],
  ),
  example(
    'password slot',
    [passwordSlot.commitment, `commitment; “${PASSWORD}”, N = 16, r = 8, p = 1`],
    [passwordSlot.wrappedKey, 'wrappedKey'],
  ),
  example('recovery key', [ascii(recoveryText(IDS[0])), `as text: ${recoveryText(IDS[0])}`]),
  example('reserve', [
    createCipheriv('aes-256-ctr', bytesFrom(0, 32), bytesFrom(32, 16)).update(Buffer.alloc(32)),
    'first 32 bytes for the seed 00 01 … 2f',
  ]),
];

/** One example as the page shows it: at most 16 bytes a line, the remark behind the first. */
export function render({ parts }: Example): string {
  const lines = parts.flatMap(([bytes, remark]) => {
    const rows = Array.from({ length: Math.ceil(bytes.length / 16) }, (_, row) =>
      bytes.subarray(row * 16, row * 16 + 16),
    );
    return rows.map((row, index) => {
      const shown = Array.from(row, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
      return index === 0 ? `${shown.padEnd(47)}  ${remark}` : shown;
    });
  });
  return lines.join('\n');
}

export const bytesOf = ({ parts }: Example): Buffer => join(parts);
