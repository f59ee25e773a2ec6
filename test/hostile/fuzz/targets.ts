/**
 * The one table of decoders: valid samples, how to make right what encloses the mutated bytes (so that the inner
 * decoder is reached), and the decoder. A test holds it to every exported decode…, parse… and open… of the rooms.
 */
import { decodeAttributes, encodeAttributes } from '../../../src-main/engine/merkle/attributes.ts';
import {
  COMPRESSION,
  type Compression,
  DICTIONARY_BYTES_MAX,
  ENVELOPE_FORMAT,
  FILE_TYPE,
  FRAME_KIND,
  OBJECT_TYPE,
  createPasswordSlot,
  createRecoverySlot,
  decodeEnvelope,
  decodeJson,
  decodeMessagePack,
  decodeTrailer,
  decompress,
  encodeEnvelope,
  encodeJson,
  encodeMessagePack,
  encodeTrailer,
  formatCompression,
  formatRecoveryKey,
  hash,
  openFileHeader,
  openObjectFile,
  openSlot,
  parseCompression,
  parseRecoveryKey,
  readFrameHeader,
  readSlot,
  verifySignature,
} from '../../../src-main/engine/codec/index.ts';
import { ByteReader, ByteWriter, concatBytes, utf8 } from '../../../src-main/engine/kernel/index.ts';
import {
  decodeChunkRef,
  decodeEntry,
  encodeChunkRef,
  encodeEntry,
} from '../../../src-main/engine/merkle/entry-codec.ts';
import {
  checkEntryProof,
  decodeChunkListPage,
  decodeEntryProof,
  decodeFolderPage,
  decodeSealPage,
  decodeSetProof,
  encodeChunkListPage,
  encodeEntryProof,
  encodeFolderPage,
  encodeSealPage,
  encodeSetProof,
  verifySetProof,
} from '../../../src-main/engine/merkle/index.ts';
import { parseLeafPreimage, parseMetadata } from '../../../src-main/engine/merkle/preimage-parse.ts';
import { decodeIndexPage } from '../../../src-main/engine/pack/index-page.ts';
import { decodeRunFooter } from '../../../src-main/engine/pack/index-run-footer.ts';
import {
  createPageCache,
  decodeFooter,
  openIndexRun,
  openPack,
  openSegment,
} from '../../../src-main/engine/pack/index.ts';
import { openPlainSegment } from '../../../src-main/engine/pack/reader.ts';
import {
  type Lease,
  checkReserve,
  buildReserve,
  decodeCondemnation,
  decodeConfig,
  decodeInstance,
  decodeLease,
  encodeCondemnation,
  encodeInstance,
  decodeStoredSet,
  encodeLease,
  encodeStoredSet,
} from '../../../src-main/engine/repository/index.ts';
import {
  decodeEvent,
  decodeProblems,
  decodeSnapshot,
  encodeEvent,
  encodeSnapshot,
  openEventFile,
} from '../../../src-main/engine/snapshot/index.ts';
import { escapePath, formatTiming, parseBytes, parseTiming, unescapePath } from '../../../src-shared/format/index.ts';
import {
  asBlobId,
  parseChainId,
  parseEventId,
  parseIndexRunId,
  parseInstanceId,
  parseKeySlotId,
  parsePackId,
  parseRepositoryId,
  parseSessionId,
  parseSnapshotId,
  parseWriterId,
} from '../../../src-shared/ids.ts';
import { seededRandom } from '../../support/engine-lab.ts';
import { signer } from '../../support/lab-snapshots.ts';
import { encrypted, noBase, repositoryId } from '../../support/packs.ts';
import { RUN_BLOB, RUN_PACKS, RUN_PAGE, rawIndexRun, sealRaw, zstd } from '../sealed.ts';
import { EVENT_DOMAIN, SNAPSHOT_DOMAIN } from '../workshop.ts';
import type { FuzzTarget } from './run.ts';
import * as samples from './samples.ts';

const KEYS = { secrets: encrypted, repositoryIdBytes: repositoryId };
const latin = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** An envelope whose checksum, and in every second case whose lengths, are right again. */
function checksummed(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 80) return bytes;
  const envelope = new Uint8Array(bytes);
  const view = new DataView(envelope.buffer);
  const components = view.getUint16(14, true) * 4;
  if (((envelope[79] ?? 0) & 1) === 0 && envelope.length >= 80 + components)
    view.setBigUint64(40, BigInt(envelope.length - 80 - components), true);
  envelope.set(hash(concatBytes([envelope.subarray(0, 48), envelope.subarray(80)])), 48);
  return envelope;
}

/** An honest envelope around a payload of any bytes. */
function envelopeOf(objectType: number, format: number, payload: Uint8Array): Uint8Array {
  const envelope = encodeEnvelope({
    objectType: objectType as 1,
    schemaVersion: 1,
    readerVersionMin: 1,
    format: ENVELOPE_FORMAT.binary,
    compression: { kind: 'none' },
    createdAtMs: 1,
    payload,
  });
  envelope[12] = format;
  return checksummed(envelope);
}

const signed =
  (objectType: number, domain: Uint8Array) =>
  (record: Uint8Array): Uint8Array => {
    const signature = signer.sign(hash(concatBytes([domain, record])));
    return envelopeOf(objectType, ENVELOPE_FORMAT.messagePack, encodeMessagePack({ record, signature }));
  };

const reader = (bytes: Uint8Array): ByteReader => new ByteReader(bytes, 'fuzzed structure');
const written = (write: (writer: ByteWriter) => void): Uint8Array => {
  const writer = new ByteWriter();
  write(writer);
  return writer.finish();
};
const whole =
  <Value>(decode: (from: ByteReader) => Value) =>
  (bytes: Uint8Array): Value => {
    const from = reader(bytes);
    const value = decode(from);
    from.end();
    return value;
  };

const VALUES: readonly FuzzTarget[] = [
  {
    name: 'MessagePack',
    covers: ['decodeMessagePack'],
    samples: samples.messagePacks,
    decode: decodeMessagePack,
    encode: encodeMessagePack,
  },
  { name: 'JSON', covers: ['decodeJson'], samples: samples.jsons, decode: decodeJson, encode: encodeJson },
  {
    name: 'envelope',
    covers: ['decodeEnvelope'],
    samples: samples.messagePacks.map((payload) => envelopeOf(4, ENVELOPE_FORMAT.messagePack, payload)),
    enclose: checksummed,
    decode: (bytes) => decodeEnvelope(bytes, { objectType: OBJECT_TYPE.snapshot, schemaVersionMax: 1 }),
  },
];

const condemnation = { generation: 3, createdAtMs: 1, packs: [parsePackId('ab'.repeat(32))] };
const instance = {
  repositoryId: parseRepositoryId('a'.repeat(32)),
  instanceId: parseInstanceId('b'.repeat(32)),
  createdAtMs: 1,
  host: 'lab',
};
const lease: Lease = {
  machineId: 'machine',
  processSpace: '',
  processStart: '7',
  temporaryTag: 'ab',
  sessionId: parseSessionId('c'.repeat(32)),
  writerId: parseWriterId('d'.repeat(32)),
  kind: 'writer',
  host: 'lab',
  bootId: 'boot',
  processId: 1,
  startedAtMs: 1,
  heartbeatAtMs: 2,
  leaseMs: 3,
  generation: 4,
};
const payloadOf = (envelope: Uint8Array): Uint8Array => envelope.slice(80);

const RECORDS: readonly FuzzTarget[] = [
  {
    name: 'snapshot',
    covers: ['decodeSnapshot', 'decodeSigned'],
    samples: samples.snapshotRecords,
    enclose: signed(OBJECT_TYPE.snapshot, SNAPSHOT_DOMAIN),
    decode: (bytes) => decodeSnapshot(bytes, signer.publicKey).record,
    encode: (record: ReturnType<typeof decodeSnapshot>['record']) => encodeSnapshot(record, signer).bytes,
    weight: 0.1,
  },
  {
    name: 'event',
    covers: ['decodeEvent'],
    samples: samples.eventRecords,
    enclose: signed(OBJECT_TYPE.event, EVENT_DOMAIN),
    decode: (bytes) => decodeEvent(bytes, signer.publicKey).record,
    encode: (record: ReturnType<typeof decodeEvent>['record']) => encodeEvent(record, signer).bytes,
    weight: 0.1,
  },
  { name: 'problem list', covers: ['decodeProblems'], samples: samples.problemLists, decode: decodeProblems },
  {
    name: 'condemnation',
    covers: ['decodeCondemnation'],
    samples: [payloadOf(encodeCondemnation(condemnation))],
    enclose: (payload) => envelopeOf(OBJECT_TYPE.condemnation, ENVELOPE_FORMAT.messagePack, payload),
    decode: decodeCondemnation,
    encode: encodeCondemnation,
  },
  {
    name: 'saved backup set',
    covers: ['decodeStoredSet'],
    samples: samples.storedSets.map((record) => payloadOf(encodeStoredSet(record))),
    enclose: (payload) => envelopeOf(OBJECT_TYPE.backupSet, ENVELOPE_FORMAT.messagePack, payload),
    decode: decodeStoredSet,
    encode: encodeStoredSet,
  },
  {
    name: 'instance marker',
    covers: ['decodeInstance'],
    samples: [payloadOf(encodeInstance(instance))],
    enclose: (payload) => envelopeOf(OBJECT_TYPE.instance, ENVELOPE_FORMAT.json, payload),
    decode: decodeInstance,
    encode: encodeInstance,
  },
  {
    name: 'lease',
    covers: ['decodeLease'],
    samples: [payloadOf(encodeLease(lease))],
    enclose: (payload) => envelopeOf(OBJECT_TYPE.session, ENVELOPE_FORMAT.json, payload),
    decode: decodeLease,
    encode: encodeLease,
  },
  {
    name: 'configuration',
    covers: ['decodeConfig'],
    samples: [encodeMessagePack(samples.configFields)],
    enclose: (record) =>
      envelopeOf(
        OBJECT_TYPE.config,
        ENVELOPE_FORMAT.messagePack,
        encodeMessagePack({ record, mac: new Uint8Array(32) }),
      ),
    decode: (bytes) => decodeConfig(bytes).config,
  },
  {
    name: 'reserve',
    covers: ['checkReserve'],
    samples: [buildReserve(64, new Uint8Array(48), 1)],
    decode: checkReserve,
  },
];

const slotOptions = {
  masterKey: new Uint8Array(32).fill(1),
  repositoryId: new Uint8Array(16),
  label: 'a label',
  createdAtMs: 1,
  random: seededRandom(3),
};
const recoveryKey = new Uint8Array(32).fill(5);
const slots = [
  createRecoverySlot({ ...slotOptions, recoveryKey }).bytes,
  (await createPasswordSlot({ ...slotOptions, password: 'p', cost: { N: 2, r: 1, p: 1 } })).bytes,
].map(payloadOf);
const slotEnvelope = (payload: Uint8Array): Uint8Array =>
  envelopeOf(OBJECT_TYPE.keySlot, ENVELOPE_FORMAT.messagePack, payload);

const KEYS_AND_TEXTS: readonly FuzzTarget[] = [
  { name: 'key slot', covers: ['readSlot'], samples: slots, enclose: slotEnvelope, decode: readSlot },
  {
    // Never with a password: what a mutated slot may ask of scrypt within its bounds takes seconds, and is tested by name.
    name: 'key slot opened',
    covers: ['openSlot'],
    samples: slots.slice(0, 1),
    enclose: slotEnvelope,
    decode: (bytes) => openSlot(bytes, { kind: 'recovery', recoveryKey }, slotOptions.repositoryId),
  },
  {
    name: 'recovery key',
    covers: ['parseRecoveryKey'],
    samples: [utf8(formatRecoveryKey(recoveryKey))],
    decode: (bytes) => parseRecoveryKey(latin(bytes)),
    encode: (key: Uint8Array) => utf8(formatRecoveryKey(key)),
  },
  {
    name: 'compression setting',
    covers: ['parseCompression'],
    samples: ['zstd:19', 'lz4', 'gzip:9', 'none'].map(utf8),
    decode: (bytes) => parseCompression(latin(bytes)),
    encode: (spec: ReturnType<typeof parseCompression>) => utf8(formatCompression(spec)),
  },
  {
    name: 'size',
    covers: ['parseBytes'],
    samples: ['500', '1.5 GiB', '10M'].map(utf8),
    decode: (bytes) => parseBytes(latin(bytes)),
  },
  {
    name: 'schedule',
    covers: ['parseTiming'],
    samples: ['manual', 'every 15m', 'hourly :05', 'weekly mon,thu 21:00', 'cron: 0 21 * * 1-5'].map(utf8),
    decode: (bytes) => parseTiming(latin(bytes)),
    encode: (timing: ReturnType<typeof parseTiming>) => Buffer.from(formatTiming(timing), 'latin1'),
  },
  {
    name: 'escaped path',
    covers: ['unescapePath'],
    samples: ['/a/b', '\\xff\\\\x', 'ä\\x00'].map(utf8),
    decode: (bytes) => new Uint8Array(unescapePath(Buffer.from(bytes).toString())),
    encode: (path: Uint8Array) => utf8(escapePath(path)),
  },
  {
    name: 'ids in hex',
    covers: [
      'parseRepositoryId',
      'parseInstanceId',
      'parseSessionId',
      'parseWriterId',
      'parseSnapshotId',
      'parseEventId',
      'parseChainId',
      'parsePackId',
      'parseIndexRunId',
      'parseKeySlotId',
    ],
    samples: ['ab'.repeat(16), 'cd'.repeat(32)].map(utf8),
    decode: (bytes) => {
      const text = latin(bytes);
      const short = [parseRepositoryId, parseInstanceId, parseSessionId, parseWriterId, parseChainId];
      const long = [parseSnapshotId, parseEventId, parsePackId, parseIndexRunId, parseKeySlotId];
      return (text.length < 48 ? short : long).map((parse) => parse(text));
    },
    encode: ([text]: readonly [string]) => utf8(text),
  },
];

const PAGES: readonly FuzzTarget[] = [
  {
    name: 'folder page',
    canonical: true,
    covers: ['decodeFolderPage'],
    samples: samples.folderPages,
    decode: decodeFolderPage,
    encode: encodeFolderPage,
  },
  {
    name: 'chunk-list page',
    canonical: true,
    covers: ['decodeChunkListPage'],
    samples: samples.chunkListPages,
    decode: decodeChunkListPage,
    encode: encodeChunkListPage,
  },
  {
    name: 'seal page',
    canonical: true,
    covers: ['decodeSealPage'],
    samples: samples.sealPages,
    decode: decodeSealPage,
    encode: encodeSealPage,
  },
  {
    name: 'entry',
    canonical: true,
    covers: ['decodeEntry', 'decodeEntryBytes'],
    samples: samples.entries.map((entry) => written((writer) => encodeEntry(writer, entry))),
    decode: whole(decodeEntry),
    encode: (entry: ReturnType<typeof decodeEntry>) => written((writer) => encodeEntry(writer, entry)),
  },
  {
    name: 'chunk record',
    canonical: true,
    covers: ['decodeChunkRef'],
    samples: [samples.chunkRecord],
    decode: whole(decodeChunkRef),
    encode: (chunk: ReturnType<typeof decodeChunkRef>) => written((writer) => encodeChunkRef(writer, chunk)),
  },
  {
    name: 'attributes',
    canonical: true,
    covers: ['decodeAttributes'],
    samples: samples.attributes,
    decode: decodeAttributes,
    encode: encodeAttributes,
  },
  {
    name: 'preimage of a leaf',
    covers: ['parseLeafPreimage', 'parseMetadata'],
    samples: samples.leafPreimages,
    decode: parseLeafPreimage,
  },
  { name: 'metadata of a node', covers: ['parseMetadata'], samples: samples.metadata, decode: parseMetadata },
  {
    name: 'set proof',
    canonical: true,
    covers: ['decodeSetProof'],
    samples: samples.setProofs,
    decode: decodeSetProof,
    encode: encodeSetProof,
  },
  {
    name: 'set proof checked',
    covers: ['verifySetProof'],
    samples: samples.setProofs.slice(0, 1),
    decode: (bytes) => verifySetProof(samples.setRoot, samples.setMember, decodeSetProof(bytes)),
  },
  {
    name: 'entry proof',
    canonical: true,
    covers: ['decodeEntryProof'],
    samples: samples.entryProofs,
    decode: decodeEntryProof,
    encode: encodeEntryProof,
  },
  {
    name: 'entry proof checked',
    covers: ['checkEntryProof'],
    samples: samples.entryProofs,
    decode: (bytes) => checkEntryProof(decodeEntryProof(bytes), samples.proofRoot),
  },
];

const identity = { repositoryId, secrets: encrypted };

/** A pack whose footer is these bytes, and whose frames are those of the honest one. */
const { framesEnd } = samples;
const honestFooter = samples.footerPlain;

/** First byte: the compression; then u32 of the plain length; then the payload. */
const COMPRESSED = (['zstd', 'gzip', 'lz4'] as const).map((kind) => samples.compressedSample(kind));

const CONTAINERS: readonly FuzzTarget[] = [
  {
    name: 'trailer',
    canonical: true,
    covers: ['decodeTrailer'],
    samples: samples.trailers,
    decode: (bytes) => decodeTrailer(bytes, 1524),
    encode: encodeTrailer,
  },
  {
    name: 'frame header',
    covers: ['readFrameHeader'],
    samples: [samples.pack.bytes.slice(104, 128)],
    decode: readFrameHeader,
  },
  {
    name: 'file header and frame',
    covers: ['openFileHeader'],
    samples: [samples.pack.bytes.slice(0, 104)],
    decode: (bytes) =>
      openFileHeader(bytes, { ...identity, fileTypes: [FILE_TYPE.dataPack, FILE_TYPE.commitFile] }).fileType,
  },
  {
    name: 'object file',
    covers: ['openObjectFile'],
    samples: [samples.objectFile],
    decode: (bytes) => openObjectFile(bytes, { ...identity, fileTypes: [FILE_TYPE.snapshot] }),
  },
  {
    name: 'event file',
    covers: ['openEventFile'],
    samples: [
      sealRaw(KEYS, { fileType: FILE_TYPE.event, frames: [{ kind: FRAME_KIND.object, payload: utf8('an event') }] })
        .bytes,
    ],
    decode: (bytes) => openEventFile(bytes, identity),
  },
  {
    name: 'pack footer',
    covers: ['decodeFooter'],
    samples: [honestFooter],
    decode: (bytes) => {
      const footer = decodeFooter(bytes, { fileType: FILE_TYPE.commitFile, framesEnd });
      for (const segment of footer.segments) footer.blobsOf(segment);
    },
  },
  {
    name: 'pack with a right tag around its footer',
    covers: ['openPack', 'openFooteredFile', 'decodeSegment', 'decodeObject'],
    samples: [honestFooter],
    enclose: (footer) => {
      const frames = [{ payload: samples.pack.bytes.subarray(128, framesEnd - 40), plainLength: 1 }];
      return sealRaw(KEYS, { fileType: FILE_TYPE.commitFile, frames, footer }).bytes;
    },
    // The honest footer belongs to other frames, so nothing opens to the end: what is looked for is the way there.
    decode: (bytes) => openWhole(bytes).then(() => undefined, typedOnly),
    weight: 0.3,
  },
  {
    name: 'pack as it is',
    covers: ['openPack'],
    samples: [samples.pack.bytes],
    decode: (bytes) => openWhole(bytes),
    weight: 0.5,
  },
  {
    name: 'segment with a right tag',
    covers: ['openSegment', 'openPlainSegment', 'splitDeltaPayload'],
    samples: [samples.pack.bytes.slice(128, 300), concatBytes([new Uint8Array(32), zstd(new Uint8Array(500)).payload])],
    decode: async (bytes) => {
      const kinds = [FRAME_KIND.segment, FRAME_KIND.deltaSegment, FRAME_KIND.object];
      const kind = kinds[(bytes[0] ?? 0) % 3] ?? FRAME_KIND.segment;
      const frame = { kind, compression: (bytes[1] ?? 0) % 4, payload: bytes, plainLength: 500 };
      const sealed = sealRaw(KEYS, { fileType: FILE_TYPE.dataPack, frames: [frame] }).bytes;
      const opener = openFileHeader(sealed.subarray(0, 104), { ...identity, fileTypes: [FILE_TYPE.dataPack] });
      try {
        openPlainSegment(opener, sealed.subarray(104));
      } catch (error) {
        typedOnly(error);
      }
      await openSegment(opener, sealed.subarray(104), () => Promise.resolve(new Uint8Array(600))).then(
        () => undefined,
        typedOnly,
      );
    },
    weight: 0.3,
  },
  {
    name: 'index run with a right tag around its page',
    covers: ['openIndexRun', 'decodeIndexPage'],
    samples: [RUN_PAGE],
    enclose: (page) => rawIndexRun(KEYS, { page }).bytes,
    decode: readRun,
    weight: 0.3,
  },
  {
    name: 'index run with a right tag around its pack table',
    covers: ['openIndexRun'],
    samples: [RUN_PACKS],
    enclose: (packs) => rawIndexRun(KEYS, { packs, counts: { packs: 1 } }).bytes,
    decode: readRun,
    weight: 0.3,
  },
  {
    name: 'index run with a right tag around its footer',
    covers: ['openIndexRun', 'decodeRunFooter'],
    samples: [samples.runFooter],
    enclose: (footer) => rawIndexRun(KEYS, { footer: () => footer }).bytes,
    decode: readRun,
    weight: 0.3,
  },
  {
    name: 'footer of an index run',
    covers: ['decodeRunFooter'],
    samples: [samples.runFooter],
    decode: (bytes) => decodeRunFooter(bytes, { framesEnd: samples.runFramesEnd }),
  },
  {
    name: 'index page',
    covers: ['decodeIndexPage'],
    samples: [RUN_PAGE],
    decode: (bytes) => {
      const page = decodeIndexPage(bytes, { firstId: RUN_BLOB, entryCount: 1, packCount: 1, packBytes: () => 10_000 });
      page.find(RUN_BLOB);
    },
  },
  {
    name: 'compressed bytes',
    covers: ['decompress'],
    samples: COMPRESSED,
    decode: (bytes) => {
      const length = bytes.length < 5 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(1, true);
      const kinds: readonly Compression[] = Object.values(COMPRESSION);
      decompress(kinds[(bytes[0] ?? 0) % 4] ?? 0, bytes.subarray(5), length);
    },
    weight: 0.5,
  },
  {
    name: 'compressed bytes with a dictionary',
    covers: [],
    samples: [samples.compressedSample('zstd')],
    decode: (bytes) =>
      decompress(
        COMPRESSION.zstd,
        bytes.subarray(5),
        2000,
        bytes.subarray(0, Math.min(bytes.length, DICTIONARY_BYTES_MAX)),
      ),
    weight: 0.3,
  },
  {
    name: 'public key and signature',
    covers: ['verifySignature'],
    samples: [concatBytes([signer.publicKey, signer.sign(utf8('signed'))])],
    decode: (bytes) => verifySignature(bytes.subarray(0, 32), utf8('signed'), bytes.subarray(32)),
    weight: 0.1,
  },
];

async function readRun(bytes: Uint8Array): Promise<void> {
  const run = await openIndexRun({
    ...identity,
    read: ({ offset, length }) => Promise.resolve(bytes.subarray(offset, offset + length)),
    sizeBytes: bytes.length,
    runId: parseIndexRunId(Buffer.from(hash(bytes)).toString('hex')),
    cache: createPageCache(),
  });
  await run.find(asBlobId(RUN_BLOB));
  await run.loadFilter();
  for await (const entry of run.iterate()) if (entry.length < 0) throw new RangeError('a blob of less than nothing');
}

async function openWhole(bytes: Uint8Array): Promise<void> {
  const pack = await openPack({
    ...identity,
    fileTypes: [FILE_TYPE.dataPack, FILE_TYPE.commitFile],
    read: ({ offset, length }) => Promise.resolve(bytes.subarray(offset, offset + length)),
    sizeBytes: bytes.length,
  });
  for (const segment of pack.footer.segments) await pack.readSegment(segment, noBase);
  for (const object of pack.footer.objects) await pack.readObject(object);
}

function typedOnly(error: unknown): void {
  if (!(error instanceof Error && error.name === 'CairnError')) throw error;
}

export const FUZZ_TARGETS: readonly FuzzTarget[] = [...VALUES, ...RECORDS, ...KEYS_AND_TEXTS, ...PAGES, ...CONTAINERS];

/** Why some exported decode…, parse… or open… has no row of its own. */
export const EXCEPTIONS: Readonly<Record<string, string>> = {
  openRepository:
    'opens a whole store: the corpus (test/hostile) and the corruption sweep reach it with every kind of damage',
  openSession: 'writes a lease, reads none but through decodeLease',
  openBlobIndex: 'reads files through decodeFooter and openIndexRun',
  openCondemnationFile: 'openObjectFile, then decodeCondemnation: both have rows',
  openStoredSetFile: 'openObjectFile, then decodeStoredSet: both have rows',
  parseInput: 'takes values, not bytes: test/engine-host/dispatch.test.ts has every command with hostile ones',
  parseCall: 'the same; hostile frames are sent over real sockets in test/engine-host/headless.test.ts',
  openFolder: 'a walk over pages that decodeFolderPage has checked; what holds between pages is in the corpus',
};
