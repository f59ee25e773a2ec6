/**
 * The examples of FORMAT.md §24, made from its text alone: no code of Cairn is used here. Each is a list of bytes with
 * a remark, as the page shows them.
 */
import { createCipheriv, createPrivateKey, createPublicKey, scryptSync, sign } from 'node:crypto';
import {
  blobId,
  bytesFrom,
  CREATED_AT_MS,
  dataPack,
  envelope,
  type Example,
  HELLO,
  hkdf,
  i64,
  IDS,
  indexRun,
  join,
  key,
  MASTER_KEY,
  messagePack,
  MTIME_NS,
  type Part,
  PASSWORD,
  REPOSITORY_ID,
  SALT,
  sealedFile,
  sized,
  trailer,
  u16,
  u8,
  varint,
} from './examples-files.ts';
import { ascii, H, keyedH, lp, u32, u64 } from './stranger-bytes.ts';

/** u16 tag, u16 permissions, u32 id. */
const ACL_ENTRIES = [
  [0x01, 6, 0xffffffff],
  [0x02, 4, 1001],
  [0x04, 4, 0xffffffff],
  [0x10, 4, 0xffffffff],
  [0x20, 0, 0xffffffff],
] as const;
const aclEntry = (tag: number, permissions: number, id: number): Buffer =>
  Buffer.concat([u16(tag), u16(permissions), u32(id)]);

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
/** An ACL with one more user, and a comment. */
const attributes: Part[] = [
  [varint(2), 'two attributes'],
  [sized(ascii('system.posix_acl_access')), 'name “system.posix_acl_access”'],
  [
    sized(Buffer.concat([u32(2), ...ACL_ENTRIES.map(([tag, permissions, id]) => aclEntry(tag, permissions, id))])),
    'version 2: owner rw, user 1001 r, group r, mask r, others none',
  ],
  [sized(ascii('user.comment')), 'name “user.comment”'],
  [sized(ascii('hi')), 'value “hi”'],
];
const largeAttributes = Buffer.concat([varint(1), sized(ascii('user.large')), sized(Buffer.alloc(5000))]);

const fifoRecord = (mask: number, what: string, fields: readonly Part[]): Part[] => [
  [u8(4), 'nodeType: fifo'],
  [varint(mask), `fieldMask: ${what}`],
  [sized(ascii('p')), 'name “p”'],
  [varint(0o600), 'mode 0600'],
  [varint(1000), 'uid 1000'],
  [varint(1000), 'gid 1000'],
  [i64(MTIME_NS), `mtimeNs ${MTIME_NS}`],
  ...fields,
];
const fifoPreimage = (attributePart: readonly Part[]): Part[] => {
  const parts = metadata(0, 0o600, '').flatMap((part): readonly Part[] =>
    part[1] === 'no attributes' ? attributePart : [part],
  );
  return [
    [lp(ascii('fifo')), 'lp(“fifo”)'],
    [lp(ascii('p')), 'lp(path “p”)'],
    [Buffer.alloc(32), 'no content'],
    [u32(join(parts).length), 'length of the metadata'],
    ...parts,
  ];
};

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

const backupSet = messagePack({
  setId: bytesFrom(0x30, 16),
  revision: 1,
  savedAtMs: CREATED_AT_MS,
  createdAtMs: CREATED_AT_MS,
  name: 'Papers',
  host: 'lab',
  userHome: ascii('/home/ann'),
  sources: [ascii('/home/ann/Papers')],
  rules: {
    excludes: ['*.tmp'],
    excludeLargerThanBytes: 0,
    oneFileSystem: false,
    cairnignore: true,
    gitignore: false,
    excludeCaches: false,
    excludeIfPresent: [],
  },
  schedule: {
    timing: 'daily 21:00',
    fullScanEveryHours: 24,
    whenDriveConnected: true,
    onlyOnMainsPower: false,
    notOnMetered: false,
    onlyWhenIdleMinutes: 0,
    staleAfterDays: 7,
  },
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
  example('extended attributes', ...attributes),
  example('entry with attributes', ...fifoRecord(4, 'xattrs', [[join(attributes), 'the attributes above']])),
  example(
    'entry with attributes in a blob',
    ...fifoRecord(8, 'xattrBlob', [
      [blobId(7, largeAttributes), 'BlobId of “user.large” with 5,000 zeros'],
      [H(largeAttributes), 'H of the same'],
    ]),
  ),
  example('split hash', [splitHash(ascii('a.txt')), 'of “a.txt”, as u32']),
  example('preimage of a file', ...filePreimage),
  example('NodeId of a file', [H(join(filePreimage)), 'H of it']),
  example(
    'preimage of a fifo with attributes',
    ...fifoPreimage([
      [u32(2), 'two attributes'],
      [lp(ascii('system.posix_acl_access')), 'lp(name)'],
      [lp(attributes[2]![0].subarray(1)), 'lp(value)'],
      [lp(ascii('user.comment')), 'lp(name)'],
      [lp(ascii('hi')), 'lp(value)'],
    ]),
  ),
  example(
    'preimage of a fifo with attributes in a blob',
    ...fifoPreimage([
      [u32(0xffffffff), 'attributes in a blob:'],
      [H(largeAttributes), 'H of its plaintext'],
    ]),
  ),
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
  example('backup set', [
    backupSet,
    '{createdAtMs, host, name, revision, rules, savedAtMs, schedule, setId, sources, userHome}',
  ]),
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
