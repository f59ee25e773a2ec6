/** The examples of FORMAT.md §24, made by Cairn's own code. */
import {
  asBlobId,
  asContentHash,
  asNodeId,
  parseRepositoryId,
  parseSnapshotId,
  parseWriterId,
} from '../../src-shared/ids.ts';
import {
  BLOB_TYPE,
  CIPHER,
  type Cipher,
  COMPRESSION,
  createBlobHasher,
  createFileSealer,
  createPasswordSlot,
  createRecoverySlot,
  createSigner,
  decodeEnvelope,
  deriveKey,
  encodeEnvelope,
  encodeMessagePack,
  encodeTrailer,
  ENVELOPE_FORMAT,
  FILE_TYPE,
  formatRecoveryKey,
  FRAME_KIND,
  hash,
  OBJECT_TYPE,
} from '../../src-main/engine/codec/index.ts';
import { concatBytes, type Random, toHex, utf8 } from '../../src-main/engine/kernel/index.ts';
import {
  attributeFields,
  buildEntryProof,
  canonicalName,
  createNodeHasher,
  EMPTY_SET_HASH,
  encodeAttributes,
  encodeChunkListPage,
  encodeEntryProof,
  encodeFolderPage,
  encodeSealPage,
  encodeSetProof,
  type Entry,
  type EntryMetadata,
  type FileEntry,
  MerkleSet,
  type PipeEntry,
  sourcesNode,
  type Xattr,
} from '../../src-main/engine/merkle/index.ts';
import { sourcesPreimage } from '../../src-main/engine/merkle/node.ts';
import { splitHash } from '../../src-main/engine/merkle/page-builder.ts';
import { writeFolderPreimage, writeLeafPreimage, writeMetadata } from '../../src-main/engine/merkle/preimage.ts';
import { ByteWriter } from '../../src-main/engine/kernel/index.ts';
import { buildReserve, encodeConfig, encodeStoredSet } from '../../src-main/engine/repository/index.ts';
import { writeSnapshotFile } from '../../src-main/engine/repository/snapshot-file.ts';
import {
  appendEvent,
  EMPTY_LOG,
  EMPTY_LOG_ROOT,
  encodeEvent,
  type LogHead,
  logRoot,
} from '../../src-main/engine/snapshot/index.ts';
import { createMemoryStore } from '../../src-main/engine/store/index.ts';
import {
  CREATED_AT_MS,
  HELLO,
  IDS,
  MASTER_KEY,
  MTIME_NS,
  PASSWORD,
  REPOSITORY_ID,
  SALT,
  WRITER,
} from './examples-files.ts';

const fresh = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);
const [one, two, three] = IDS.map(fresh) as [Uint8Array, Uint8Array, Uint8Array];
const hello = fresh(HELLO);
const repositoryId = fresh(REPOSITORY_ID);
const masterKey = fresh(MASTER_KEY);
const keyOf = (purpose: Parameters<typeof deriveKey>[2]): Uint8Array => deriveKey(masterKey, repositoryId, purpose);
const blobHasher = createBlobHasher(keyOf('id'));
const secretsOf = (cipher: Cipher) => ({ cipher, dataKey: keyOf('data'), metaKey: keyOf('meta') });
const value = { a: 1, big: 2 ** 40, bytes: Uint8Array.of(1, 2), list: [true, 'é'] };

function sealedFile(cipher: Cipher): Uint8Array {
  const sealer = createFileSealer({
    fileType: FILE_TYPE.dataPack,
    repositoryId,
    secrets: secretsOf(cipher),
    salt: fresh(SALT),
  });
  const frame = sealer.sealFrame({
    kind: FRAME_KIND.segment,
    compression: COMPRESSION.none,
    plainLength: hello.length,
    payload: hello,
  });
  return concatBytes([sealer.header, frame]);
}

/** The page was written by 0.1.0; whatever version runs the test, everything else must be equal. */
function asWrittenByExample(envelope: Uint8Array): Uint8Array {
  const bytes = envelope.slice();
  new DataView(bytes.buffer).setUint32(16, WRITER, true);
  bytes.set(hash(concatBytes([bytes.subarray(0, 48), bytes.subarray(80)])), 48);
  return bytes;
}

function envelope(): Uint8Array {
  return asWrittenByExample(
    encodeEnvelope({
      objectType: OBJECT_TYPE.event,
      schemaVersion: 1,
      readerVersionMin: 1,
      format: ENVELOPE_FORMAT.messagePack,
      compression: { kind: 'none' },
      createdAtMs: CREATED_AT_MS,
      components: [{ componentId: 7, version: 1 }],
      payload: value,
    }),
  );
}

const file: FileEntry = {
  nodeType: 'file',
  name: utf8('a.txt'),
  mode: 0o644,
  uid: 1000,
  gid: 1000,
  mtimeNs: MTIME_NS,
  userName: 'ann',
  size: hello.length,
  contentHash: asContentHash(hash(hello)),
  content: { kind: 'inline', chunks: [{ id: blobHasher.idOf(BLOB_TYPE.fileChunk, hello), length: hello.length }] },
};
const fifo: PipeEntry = { nodeType: 'fifo', name: utf8('p'), mode: 0o600, uid: 1000, gid: 1000, mtimeNs: MTIME_NS };
const acl = fresh(
  Buffer.from('0200000001000600ffffffff02000400e903000004000400ffffffff10000400ffffffff20000000ffffffff', 'hex'),
);
const attributes: readonly Xattr[] = [
  { name: utf8('system.posix_acl_access'), value: acl },
  { name: utf8('user.comment'), value: utf8('hi') },
];
const withAttributes: PipeEntry = { ...fifo, ...attributeFields(attributes, () => asBlobId(one)) };
const withLargeAttributes: PipeEntry = {
  ...fifo,
  ...attributeFields([{ name: utf8('user.large'), value: new Uint8Array(5000) }], (plain) =>
    blobHasher.idOf(BLOB_TYPE.attributes, plain),
  ),
};
const folder: EntryMetadata = { name: utf8('home'), mode: 0o755, uid: 1000, gid: 1000, mtimeNs: MTIME_NS };

function preimageOf(entry: FileEntry | PipeEntry): Uint8Array {
  const preimage = new ByteWriter();
  writeLeafPreimage(preimage, new ByteWriter(), Buffer.from(entry.name).toString(), entry);
  return preimage.finish();
}

function nodes(): Record<string, Uint8Array> {
  const hasher = createNodeHasher();
  const fileNode = hasher.leafNode('a.txt', file);
  const node = hasher.createFolderNode('');
  node.add('a.txt', file.name, fileNode);
  const folderNode = node.finish(folder);
  const sources = [{ name: 'home', nodeId: folderNode }];
  const metadata = new ByteWriter();
  writeMetadata(metadata, folder, true);
  const records = new ByteWriter().u32(5).bytes(file.name).bytes(fileNode).finish();
  const folderPreimage = new ByteWriter();
  writeFolderPreimage(folderPreimage, { path: '', childCount: 1, childPart: records, metadata: metadata.view() });
  const proof = buildEntryProof({
    target: { kind: 'leaf', path: 'a.txt', entry: file },
    folders: [{ path: '', metadata: folder, children: [{ name: file.name, nodeId: fileNode }] }],
    source: 'home',
    sources,
  });
  return {
    'preimage of a file': preimageOf(file),
    'NodeId of a file': fileNode,
    'preimage of a fifo with attributes': preimageOf(withAttributes),
    'preimage of a fifo with attributes in a blob': preimageOf(withLargeAttributes),
    'preimage of a folder': folderPreimage.finish(),
    'NodeId of a folder': folderNode,
    'preimage of the sources': sourcesPreimage(sources),
    'root NodeId': sourcesNode(sources),
    'canonical name': utf8(canonicalName(Uint8Array.of(0x66, 0xff, 0x5c, 0x65, 0xcc, 0x81)).text),
    'entry proof': encodeEntryProof(proof),
  };
}

/** A page of one entry is a header of eight bytes, the count, and the entry. */
function recordOf(entry: Entry): Uint8Array {
  return encodeFolderPage({ kind: 'leaf', entries: [entry] }).slice(9);
}

function pages(): Record<string, Uint8Array> {
  const page = asBlobId(one);
  const seals = [{ nodeId: asNodeId(one) }, { nodeId: asNodeId(two), sealPage: { page: asBlobId(three), level: 0 } }];
  return {
    'folder page': encodeFolderPage({ kind: 'leaf', entries: [file] }),
    'inner folder page': encodeFolderPage({
      kind: 'inner',
      level: 1,
      children: [{ firstName: file.name, page, entryCount: 300 }],
    }),
    'chunk-list page': encodeChunkListPage({ kind: 'leaf', chunks: [{ id: page, length: 5000 }] }),
    'inner chunk-list page': encodeChunkListPage({
      kind: 'inner',
      level: 1,
      children: [{ page, chunkCount: 300, bytes: 16_000 }],
    }),
    'seal page': encodeSealPage({ kind: 'leaf', seals }),
    'inner seal page': encodeSealPage({ kind: 'inner', level: 1, children: [{ page, sealCount: 400 }] }),
    'extended attributes': encodeAttributes(attributes),
    'entry with attributes': recordOf(withAttributes),
    'entry with attributes in a blob': recordOf(withLargeAttributes),
    'split hash': new ByteWriter().u32(splitHash(utf8('a.txt'))).finish(),
  };
}

function history(): Record<string, Uint8Array> {
  const log = [one, two, three].reduce<LogHead>(appendEvent, EMPTY_LOG);
  const signer = createSigner(keyOf('sign'));
  const event = encodeEvent(
    {
      repositoryId: parseRepositoryId(toHex(repositoryId)),
      writerId: parseWriterId('e0e1e2e3e4e5e6e7e8e9eaebecedeeef'),
      writerSequence: 3,
      log,
      kind: 'annotate',
      subjects: [three, one].map((id) => parseSnapshotId(toHex(id))),
      createdAtMs: CREATED_AT_MS,
      host: 'lab',
      user: 'ann',
      fields: { pinned: true, tags: ['kept'] },
      extra: {},
    },
    signer,
  );
  const { record, signature } = decodeEnvelope(event.bytes, { objectType: OBJECT_TYPE.event, schemaVersionMax: 1 })
    .value as {
    record: Uint8Array;
    signature: Uint8Array;
  };
  return {
    'empty log': EMPTY_LOG_ROOT,
    'log of three': logRoot(log),
    event: record,
    'event id': Uint8Array.from(Buffer.from(event.id, 'hex')),
    'event signature': signature,
  };
}

/** The salt that the file of a snapshot really gets. */
async function snapshotSalt(): Promise<Uint8Array> {
  const store = createMemoryStore();
  const context = { store, repositoryIdBytes: repositoryId, secrets: secretsOf(CIPHER.aes256Gcm) };
  const name = await writeSnapshotFile(context as unknown as Parameters<typeof writeSnapshotFile>[0], hello);
  return (await store.read(name)).slice(32, 64);
}

function configuration(): Record<string, Uint8Array> {
  const bytes = encodeConfig(
    {
      formatVersion: 0,
      repositoryId: parseRepositoryId(toHex(repositoryId)),
      createdAtMs: CREATED_AT_MS,
      encrypted: true,
      idAlgorithm: 1,
      compression: 'zstd:3',
      chainIncrementalsMax: 50,
      publicKey: createSigner(keyOf('sign')).publicKey,
      featuresRequired: [],
      featuresToWrite: [],
      extra: {},
    },
    masterKey,
  );
  const { record, mac } = decodeEnvelope(bytes, { objectType: OBJECT_TYPE.config, schemaVersionMax: 1 }).value as {
    record: Uint8Array;
    mac: Uint8Array;
  };
  return { configuration: record, 'configuration mac': mac };
}

function backupSet(): Uint8Array {
  const bytes = encodeStoredSet({
    set: {
      setId: toHex(Uint8Array.from({ length: 16 }, (_, index) => 0x30 + index)),
      name: 'Papers',
      host: 'lab',
      userHome: '/home/ann',
      sources: ['/home/ann/Papers'],
      rules: {
        excludes: ['*.tmp'],
        excludeLargerThanBytes: null,
        oneFileSystem: false,
        cairnignore: true,
        gitignore: false,
        excludeCaches: false,
        excludeIfPresent: [],
      },
      schedule: {
        timing: { kind: 'daily', at: '21:00' },
        whenDriveConnected: true,
        conditions: { onlyOnMainsPower: false, notOnMetered: false, onlyWhenIdleMinutes: null },
        staleAfterDays: 7,
      },
      createdAt: new Date(CREATED_AT_MS).toISOString(),
    },
    revision: 1,
    savedAtMs: CREATED_AT_MS,
    extra: {},
  });
  // Uncompressed and without components, the payload is all behind the fixed part.
  return bytes.slice(80);
}

async function slots(): Promise<Record<string, Uint8Array>> {
  const random: Random = { bytes: (count) => (count === 32 ? fresh(SALT) : new Uint8Array(count)) };
  const options = { masterKey, repositoryId, label: 'example', createdAtMs: CREATED_AT_MS, random };
  const wrapped = ({ bytes }: { readonly bytes: Uint8Array }): Uint8Array => {
    const slot = decodeEnvelope(bytes, { objectType: OBJECT_TYPE.keySlot, schemaVersionMax: 1 }).value as {
      commitment: Uint8Array;
      wrappedKey: Uint8Array;
    };
    return concatBytes([slot.commitment, slot.wrappedKey]);
  };
  return {
    'recovery slot': wrapped(createRecoverySlot({ ...options, recoveryKey: one })),
    'password slot': wrapped(await createPasswordSlot({ ...options, password: PASSWORD, cost: { N: 16, r: 8, p: 1 } })),
    'recovery key': utf8(formatRecoveryKey(one)),
  };
}

/** Every example that is only written; packs and index runs are read instead (format.test.ts). */
export async function examplesByCode(): Promise<Readonly<Record<string, Uint8Array>>> {
  const set = MerkleSet.fromIds([three, one, two]);
  return {
    'derived keys': concatBytes((['id', 'data', 'meta', 'chunk', 'sign', 'config'] as const).map(keyOf)),
    'public key': createSigner(keyOf('sign')).publicKey,
    'sealed file': sealedFile(CIPHER.aes256Gcm),
    'sealed file, cipher none': sealedFile(CIPHER.none),
    trailer: encodeTrailer({ footerOffset: 1000, footerLength: 200, frameCount: 5 }),
    'MessagePack value': encodeMessagePack(value),
    envelope: envelope(),
    'blob id': blobHasher.idOf(BLOB_TYPE.fileChunk, hello),
    ...pages(),
    ...nodes(),
    'empty set': EMPTY_SET_HASH,
    'set of one': MerkleSet.empty.add(one).root,
    'set of three': set.root,
    'set proof': encodeSetProof(set.prove(two)),
    ...history(),
    'snapshot salt': await snapshotSalt(),
    ...configuration(),
    ...(await slots()),
    'backup set': backupSet(),
    reserve: buildReserve(
      32,
      Uint8Array.from({ length: 48 }, (_, index) => index),
      0,
    ).slice(-32),
  };
}
