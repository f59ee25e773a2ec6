/** Records of every kind as Cairn writes them, once with every field and once with the least: what §16 to §18 list. */
import {
  asBlobId,
  asNodeId,
  parseChainId,
  parseInstanceId,
  parsePackId,
  parseRepositoryId,
  parseSessionId,
  parseSnapshotId,
  parseWriterId,
} from '../../src-shared/ids.ts';
import {
  createPasswordSlot,
  createRecoverySlot,
  createSigner,
  decodeEnvelope,
  decodeMessagePack,
  type ObjectType,
  OBJECT_TYPE,
} from '../../src-main/engine/codec/index.ts';
import {
  buildReserve,
  encodeCondemnation,
  encodeConfig,
  encodeInstance,
  encodeLease,
  encodeStoredSet,
  type RepositoryConfig,
  type StoredSetRecord,
} from '../../src-main/engine/repository/index.ts';
import {
  appendEvent,
  EMPTY_LOG,
  encodeEvent,
  encodeProblems,
  encodeSnapshot,
  type EventRecord,
  type SnapshotRecord,
} from '../../src-main/engine/snapshot/index.ts';

export type Fields = Readonly<Record<string, unknown>>;
export type RecordPair = { readonly full: Fields; readonly least: Fields };

const filled = (count: number): Uint8Array => new Uint8Array(count).fill(0xab);
const hexOf = (bytes: number): string => 'ab'.repeat(bytes);
const signer = createSigner(filled(32));
const log = [filled(32), filled(32), filled(32)].reduce(appendEvent, EMPTY_LOG);
const page = { page: asBlobId(filled(32)), level: 0 };
const timeMs = 1_700_000_000_000;
const problem = { path: 'a', code: 'EACCES', message: 'no' };
const stats = {
  filesNew: 1,
  filesChanged: 1,
  filesUnmodified: 1,
  filesRemoved: 1,
  folders: 1,
  metadataChanges: 1,
  bytesScanned: 1,
  bytesRead: 1,
  bytesAdded: 1,
  bytesStored: 1,
};

const leastSnapshot: SnapshotRecord = {
  repositoryId: parseRepositoryId(hexOf(16)),
  writerId: parseWriterId(hexOf(16)),
  writerSequence: 3,
  log,
  order: 1,
  chainId: parseChainId(hexOf(16)),
  sequence: 0,
  kind: 'base',
  startedAtMs: timeMs,
  finishedAtMs: timeMs,
  host: 'lab',
  user: '',
  sources: [
    {
      path: Buffer.from('/home/a'),
      name: 'home',
      rootNodeId: asNodeId(filled(32)),
      rules: { excludes: ['*.tmp'], excludeLargerThanBytes: 0, oneFileSystem: false, symlinks: 'store' },
    },
  ],
  rootPage: page,
  rootNodeId: asNodeId(filled(32)),
  chainSetRoot: filled(32),
  packSetRoot: filled(32),
  packCount: 0,
  tags: ['a tag'],
  note: '',
  pinned: false,
  stats,
  problemCount: 1,
  problems: [problem],
  extra: {},
};
const fullSnapshot: SnapshotRecord = {
  ...leastSnapshot,
  sources: leastSnapshot.sources.map((source) => ({
    ...source,
    rules: {
      ...source.rules,
      cairnignore: true,
      gitignore: true,
      excludeCaches: true,
      excludeIfPresent: ['.nobackup'],
    },
  })),
  parentId: parseSnapshotId(hexOf(32)),
  baseRootNodeId: asNodeId(filled(32)),
  sealPage: page,
  problemBlob: asBlobId(filled(32)),
};

const leastEvent: EventRecord = {
  repositoryId: parseRepositoryId(hexOf(16)),
  writerId: parseWriterId(hexOf(16)),
  writerSequence: 3,
  log,
  kind: 'forget',
  subjects: [parseSnapshotId(hexOf(32))],
  createdAtMs: timeMs,
  host: 'lab',
  user: '',
  fields: { reason: 'person' },
  extra: {},
};

const config: RepositoryConfig = {
  formatVersion: 0,
  repositoryId: parseRepositoryId(hexOf(16)),
  createdAtMs: timeMs,
  encrypted: true,
  idAlgorithm: 1,
  compression: 'zstd:3',
  chainIncrementalsMax: 50,
  publicKey: signer.publicKey,
  featuresRequired: ['a feature'],
  featuresToWrite: ['another'],
  extra: {},
};

const storedSet: StoredSetRecord = {
  set: {
    setId: hexOf(16),
    name: 'a set',
    host: 'lab',
    userHome: '/home/ann',
    sources: ['/home/ann/a'],
    rules: {
      excludes: ['*.tmp'],
      excludeLargerThanBytes: 1,
      oneFileSystem: true,
      cairnignore: true,
      gitignore: true,
      excludeCaches: true,
      excludeIfPresent: ['.nobackup'],
    },
    schedule: {
      timing: { kind: 'continuous', fullScanEveryHours: 24 },
      whenDriveConnected: true,
      conditions: { onlyOnMainsPower: true, notOnMetered: true, onlyWhenIdleMinutes: 5 },
      staleAfterDays: 7,
    },
    createdAt: new Date(timeMs).toISOString(),
  },
  revision: 1,
  savedAtMs: timeMs,
  extra: {},
};

function valueOf(bytes: Uint8Array, objectType: ObjectType): Fields {
  // The newest schema that could be: a test of the fields, not of migrations.
  const { schemaVersion, value } = decodeEnvelope(bytes, { objectType, schemaVersionMax: 1 });
  if (schemaVersion !== 1) throw new Error(`schema ${schemaVersion} is not in the page`);
  return value as Fields;
}

/** The record inside {record, signature} or {record, mac}. */
function innerRecord(bytes: Uint8Array, objectType: ObjectType, proof: 'signature' | 'mac'): Fields {
  const { record, ...rest } = valueOf(bytes, objectType) as { record: Uint8Array };
  if (Object.keys(rest).join() !== proof) throw new Error(`{record, ${Object.keys(rest).join()}} is not in the page`);
  return decodeMessagePack(record) as Fields;
}

const same = (fields: unknown): RecordPair => ({ full: fields as Fields, least: fields as Fields });

/** By the names of the page's field tables. */
export async function recordsByCode(): Promise<Readonly<Record<string, RecordPair>>> {
  const snapshotOf = (record: SnapshotRecord): Fields =>
    innerRecord(encodeSnapshot(record, signer).bytes, OBJECT_TYPE.snapshot, 'signature');
  const eventOf = (record: EventRecord): Fields =>
    innerRecord(encodeEvent(record, signer).bytes, OBJECT_TYPE.event, 'signature');
  const configOf = (record: RepositoryConfig): Fields =>
    innerRecord(encodeConfig(record, filled(32)), OBJECT_TYPE.config, 'mac');
  const snapshot = snapshotOf(fullSnapshot) as {
    sources: [{ rules: Fields }];
    stats: Fields;
    log: Fields;
    rootPage: Fields;
  };
  const slotOptions = {
    masterKey: filled(32),
    repositoryId: filled(16),
    label: 'a label',
    createdAtMs: timeMs,
    random: { bytes: filled },
  };
  const passwordSlot = await createPasswordSlot({ ...slotOptions, password: 'pass', cost: { N: 16, r: 8, p: 1 } });
  const recoverySlot = createRecoverySlot({ ...slotOptions, recoveryKey: filled(32) });
  const lease = {
    sessionId: parseSessionId(hexOf(16)),
    writerId: parseWriterId(hexOf(16)),
    kind: 'writer' as const,
    host: 'lab',
    machineId: '',
    bootId: '',
    processSpace: '',
    processId: 1,
    processStart: '',
    temporaryTag: '',
    startedAtMs: timeMs,
    heartbeatAtMs: timeMs,
    leaseMs: 600_000,
    generation: 0,
  };
  const instance = {
    repositoryId: parseRepositoryId(hexOf(16)),
    instanceId: parseInstanceId(hexOf(16)),
    createdAtMs: timeMs,
    host: 'lab',
  };
  const condemnation = { generation: 1, createdAtMs: timeMs, packs: [parsePackId(hexOf(32))] };
  const backupSet = valueOf(encodeStoredSet(storedSet), OBJECT_TYPE.backupSet) as { rules: Fields; schedule: Fields };
  const reserve = buildReserve(16, filled(48), timeMs);
  const reserveHeader = reserve.subarray(2, 2 + new DataView(reserve.buffer).getUint16(0, true));
  const { problems } = decodeMessagePack(encodeProblems([problem])) as { problems: [Fields] };
  return {
    snapshot: { full: snapshot, least: snapshotOf(leastSnapshot) },
    source: same(snapshot.sources[0]),
    rules: {
      full: snapshot.sources[0].rules,
      least: (snapshotOf(leastSnapshot) as unknown as typeof snapshot).sources[0].rules,
    },
    stats: same(snapshot.stats),
    problem: same(problems[0]),
    pageRef: same(snapshot.rootPage),
    logHead: same(snapshot.log),
    event: { full: eventOf({ ...leastEvent, instanceId: parseInstanceId(hexOf(16)) }), least: eventOf(leastEvent) },
    config: { full: configOf({ ...config, encrypted: false, masterKey: filled(32) }), least: configOf(config) },
    instance: same(valueOf(encodeInstance(instance), OBJECT_TYPE.instance)),
    keySlot: {
      full: valueOf(passwordSlot.bytes, OBJECT_TYPE.keySlot),
      least: valueOf(recoverySlot.bytes, OBJECT_TYPE.keySlot),
    },
    session: same(valueOf(encodeLease(lease), OBJECT_TYPE.session)),
    condemnation: same(valueOf(encodeCondemnation(condemnation), OBJECT_TYPE.condemnation)),
    backupSet: same(backupSet),
    setRules: same(backupSet.rules),
    setSchedule: same(backupSet.schedule),
    reserve: same(valueOf(reserveHeader, OBJECT_TYPE.reserveHeader)),
  };
}
