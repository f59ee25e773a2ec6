/** Valid bytes of every kind of structure, made by the engine's own encoders from fixed seeds. */
import fc from 'fast-check';
import {
  FILE_TYPE,
  FRAME_KIND,
  OBJECT_TYPE,
  compress,
  decompress,
  encodeJson,
  encodeMessagePack,
  encodeTrailer,
  hash,
  openFileHeader,
  sealObjectFile,
} from '../../../src-main/engine/codec/index.ts';
import { concatBytes, toHex, utf8 } from '../../../src-main/engine/kernel/index.ts';
import {
  type DirectoryEntry,
  type Entry,
  MerkleSet,
  buildEntryProof,
  canonicalName,
  createNodeHasher,
  encodeChunkListPage,
  encodeEntryProof,
  encodeFolderPage,
  encodeSealPage,
  encodeSetProof,
  nodePath,
  sourcesNode,
} from '../../../src-main/engine/merkle/index.ts';
import type { StoredSetRecord } from '../../../src-main/engine/repository/index.ts';
import { EMPTY_LOG, type EventRecord, encodeProblems } from '../../../src-main/engine/snapshot/index.ts';
import {
  asBlobId,
  type NodeId,
  parseInstanceId,
  parseRepositoryId,
  parseSnapshotId,
  parseWriterId,
} from '../../../src-shared/ids.ts';
import { encodeAttributes } from '../../../src-main/engine/merkle/attributes.ts';
import { rawIndexRun } from '../sealed.ts';
import { recordOf } from '../../support/lab-snapshots.ts';
import { arbEntries, arbEntry, fileEntry, idOf, nodeIdOf } from '../../support/merkle.ts';
import {
  blobOf,
  buildPack,
  encrypted,
  repositoryId,
  seededBytes,
  segmentsOf,
  textLikeBytes,
} from '../../support/packs.ts';

const SEED = 20_261_122;
const many = <Value>(arbitrary: fc.Arbitrary<Value>, count: number): Value[] =>
  fc.sample(arbitrary, { numRuns: count, seed: SEED });
const id = (text: string): ReturnType<typeof idOf> => idOf(text);

export const entries: readonly Entry[] = many(arbEntry, 60);

export const folderPages: readonly Uint8Array[] = [
  ...many(arbEntries(5), 40).map((list) => encodeFolderPage({ kind: 'leaf', entries: list })),
  encodeFolderPage({ kind: 'leaf', entries: [] }),
  encodeFolderPage({
    kind: 'inner',
    level: 2,
    children: ['a', 'b', 'cc'].map((name) => ({
      firstName: utf8(name),
      page: id(name),
      entryCount: name.charCodeAt(0),
    })),
  }),
];

const chunks = [1, 4096, 8 * 2 ** 20].map((length) => ({ id: id(`chunk ${length}`), length }));
export const chunkListPages: readonly Uint8Array[] = [
  encodeChunkListPage({ kind: 'leaf', chunks }),
  encodeChunkListPage({
    kind: 'inner',
    level: 1,
    children: chunks.map(({ id: page, length }) => ({ page, chunkCount: 40, bytes: length })),
  }),
];
export const chunkRecord: Uint8Array = concatBytes([id('chunk'), Uint8Array.of(0x88, 0x27)]);

export const sealPages: readonly Uint8Array[] = [
  encodeSealPage({
    kind: 'leaf',
    seals: [{ nodeId: nodeIdOf('a') }, { nodeId: nodeIdOf('b'), sealPage: { page: id('s'), level: 1 } }],
  }),
  encodeSealPage({
    kind: 'inner',
    level: 1,
    children: [
      { page: id('a'), sealCount: 5 },
      { page: id('b'), sealCount: 700 },
    ],
  }),
];

const members = ['a', 'b', 'c', 'd', 'e'].map((name) => idOf(name));
const set = MerkleSet.fromIds(members);
export const setProofs: readonly Uint8Array[] = [
  encodeSetProof(set.prove(members[0]!)),
  encodeSetProof(set.prove(idOf('nobody'))),
  encodeSetProof(MerkleSet.empty.prove(idOf('nobody'))),
];
export const setRoot: Uint8Array = set.root;
export const setMember: Uint8Array = members[0]!;

type Leaf = Exclude<Entry, DirectoryEntry>;
const leaves = entries.filter((entry): entry is Leaf => entry.nodeType !== 'directory').slice(0, 12);

/** A folder of the source “home” and everything that can be proved in it. */
function proofs(): {
  readonly proofs: readonly Uint8Array[];
  readonly preimages: readonly Uint8Array[];
  readonly metadata: readonly Uint8Array[];
  readonly root: Uint8Array;
} {
  const hasher = createNodeHasher();
  const metadata = fileEntry('folder');
  const children: { name: Uint8Array; nodeId: NodeId }[] = [];
  const taken = new Set<string>();
  const used: { path: string; entry: Leaf }[] = [];
  for (const entry of leaves) {
    if (taken.has(toHex(entry.name))) continue;
    taken.add(toHex(entry.name));
    const path = nodePath('', canonicalName(entry.name).text);
    children.push({ name: entry.name, nodeId: hasher.leafNode(path, entry) });
    used.push({ path, entry });
  }
  children.sort((left, right) => Buffer.compare(left.name, right.name));
  const node = hasher.createFolderNode('');
  for (const { name, nodeId } of children) node.add(canonicalName(name).text, name, nodeId);
  const sources = [{ name: 'home', nodeId: node.finish(metadata) }];
  const folders = [{ path: '', metadata, children }];
  const built = [
    ...used.map(({ path, entry }) =>
      buildEntryProof({ target: { kind: 'leaf', path, entry }, folders, source: 'home', sources }),
    ),
    buildEntryProof({ target: { kind: 'folder' }, folders, source: 'home', sources }),
    buildEntryProof({ target: { kind: 'absent', name: 'nobody' }, folders, source: 'home', sources }),
  ];
  const preimages = built.flatMap(({ steps }) =>
    steps.flatMap((step) => (step.kind === 'leaf' ? [step.preimage] : [])),
  );
  const folderMetadata = built.flatMap(({ steps }) =>
    steps.flatMap((step) => (step.kind === 'folder' ? [step.metadata] : [])),
  );
  return {
    proofs: built.map(encodeEntryProof),
    preimages,
    metadata: folderMetadata.slice(0, 1),
    root: sourcesNode(sources),
  };
}
const proved = proofs();
export const entryProofs: readonly Uint8Array[] = proved.proofs;
export const leafPreimages: readonly Uint8Array[] = proved.preimages;
export const metadata: readonly Uint8Array[] = proved.metadata;
export const proofRoot: Uint8Array = proved.root;

export const values: readonly unknown[] = [
  null,
  { a: [1, -1, 2 ** 31, 2 ** 40, 1.5, 'text', true, null], b: new Uint8Array(40), c: { d: {}, e: [] } },
  { list: Array.from({ length: 20 }, (_, index) => ({ index, name: `entry ${index}` })) },
  { big: 2n ** 63n, small: -(2n ** 62n), ключ: 'значение', '😀': '\u{1f600}' },
];
export const messagePacks: readonly Uint8Array[] = values.map(encodeMessagePack);
export const jsons: readonly Uint8Array[] = values.map(encodeJson);

const plainFields = (
  record: Readonly<Record<string, unknown>>,
  hexFields: readonly string[],
): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(record)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [
        key,
        hexFields.includes(key) ? new Uint8Array(Buffer.from(value as string, 'hex')) : value,
      ]),
  );

const snapshot = recordOf({
  parentId: parseSnapshotId('e'.repeat(64)),
  sealPage: { page: asBlobId(new Uint8Array(32)), level: 1 },
});
const snapshotFields = { ...snapshot, extra: undefined };
export const snapshotRecords: readonly Uint8Array[] = [
  encodeMessagePack(plainFields(snapshotFields, ['repositoryId', 'writerId', 'chainId', 'parentId'])),
];

export const event: EventRecord = {
  repositoryId: parseRepositoryId('a'.repeat(32)),
  writerId: parseWriterId('b'.repeat(32)),
  writerSequence: 0,
  log: EMPTY_LOG,
  kind: 'forget',
  subjects: [parseSnapshotId('1'.repeat(64)), parseSnapshotId('2'.repeat(64))],
  instanceId: parseInstanceId('c'.repeat(32)),
  createdAtMs: 1_700_000_000_000,
  host: 'lab',
  user: 'ann',
  fields: { reason: 'retention', graceMs: 604_800_000 },
  extra: {},
};
const { subjects } = event;
const eventFields = { ...event, extra: undefined, subjects: undefined };
export const eventRecords: readonly Uint8Array[] = [
  encodeMessagePack({
    ...plainFields(eventFields, ['repositoryId', 'writerId', 'instanceId']),
    subjects: subjects.map((subject) => new Uint8Array(Buffer.from(subject, 'hex'))),
  }),
];

export const problemLists: readonly Uint8Array[] = [
  encodeProblems([{ path: '/a', code: 'EACCES', message: 'can’t be read' }]),
  encodeProblems([]),
];

const storedSet: StoredSetRecord = {
  set: {
    setId: '5e'.repeat(16),
    name: 'Things',
    host: 'lab',
    userHome: '/home/ann',
    sources: ['/home/ann', '/odd\\xff'],
    rules: {
      excludes: ['*.tmp'],
      excludeLargerThanBytes: 5,
      oneFileSystem: false,
      cairnignore: true,
      gitignore: false,
      excludeCaches: false,
      excludeIfPresent: ['.nobackup'],
    },
    schedule: {
      timing: { kind: 'continuous', fullScanEveryHours: 5 },
      whenDriveConnected: true,
      conditions: { onlyOnMainsPower: true, notOnMetered: false, onlyWhenIdleMinutes: 9 },
      staleAfterDays: null,
    },
    createdAt: '2026-06-15T12:00:00.000Z',
  },
  revision: 4,
  savedAtMs: 1_700_000_000_000,
  extra: {},
};

export const storedSets: readonly StoredSetRecord[] = [
  storedSet,
  {
    ...storedSet,
    set: { ...storedSet.set, schedule: { ...storedSet.set.schedule, timing: { kind: 'daily', at: '21:00' } } },
    extra: { colour: 'blue' },
  },
];

export const configFields = {
  formatVersion: 0,
  repositoryId: new Uint8Array(16).fill(7),
  createdAtMs: 1,
  encrypted: false,
  masterKey: new Uint8Array(32),
  idAlgorithm: 1,
  compression: 'zstd:3',
  chainIncrementalsMax: 50,
  publicKey: new Uint8Array(32),
  featuresRequired: [],
  featuresToWrite: [],
};

const blobs = [blobOf(textLikeBytes(1, 900)), blobOf(seededBytes(2, 300)), blobOf(textLikeBytes(3, 50), 2)];
export const pack = buildPack(segmentsOf(blobs), {
  fileType: FILE_TYPE.commitFile,
  objects: [{ type: OBJECT_TYPE.snapshot, bytes: utf8('an object') }],
});
export const trailers: readonly Uint8Array[] = [
  encodeTrailer({ footerOffset: 1000, footerLength: 500, frameCount: 4 }),
];

const footerAt = Number(
  new DataView(pack.bytes.buffer, pack.bytes.byteOffset).getBigUint64(pack.bytes.length - 24, true),
);
const opener = openFileHeader(pack.bytes.subarray(0, 104), {
  repositoryId,
  secrets: encrypted,
  fileTypes: [FILE_TYPE.commitFile],
});
const footerFrame = opener.openFrame(pack.bytes.subarray(footerAt, pack.bytes.length - 24));
export const footerPlain: Uint8Array = new Uint8Array(
  decompress(footerFrame.compression, footerFrame.payload, footerFrame.plainLength),
);
export const framesEnd: number = footerAt;

export const objectFile: Uint8Array = sealObjectFile({
  fileType: FILE_TYPE.snapshot,
  repositoryId,
  secrets: encrypted,
  salt: hash(utf8('fuzz object')),
  frames: [{ kind: FRAME_KIND.object, plain: textLikeBytes(4, 400), compression: { kind: 'zstd', level: 3 } }],
});

/** First byte: the compression; then u32 of the plain length; then the payload. */
export function compressedSample(kind: 'zstd' | 'gzip' | 'lz4'): Uint8Array {
  const plain = textLikeBytes(5, 2000);
  const { compression, bytes } = compress(kind === 'lz4' ? { kind } : { kind, level: 3 }, plain);
  return concatBytes([Uint8Array.of(compression, 2000 & 255, 2000 >> 8, 0, 0), bytes]);
}

const runs: Uint8Array[] = [];
const runFile = rawIndexRun(
  { secrets: encrypted, repositoryIdBytes: repositoryId },
  { footer: (honest) => (runs.push(honest), honest) },
);
export const runFooter: Uint8Array = runs[0]!;
export const runFramesEnd: number = Number(
  new DataView(runFile.bytes.buffer, runFile.bytes.byteOffset).getBigUint64(runFile.bytes.length - 24, true),
);

export const attributes: readonly Uint8Array[] = [
  encodeAttributes([
    { name: utf8('user.a'), value: utf8('one') },
    { name: utf8('user.b'), value: new Uint8Array(300) },
  ]),
];
