/** Group e: MessagePack and JSON that no encoder writes, and records whose fields are missing, of other types or extreme. */
import {
  ENVELOPE_FORMAT,
  OBJECT_TYPE,
  decodeEnvelope,
  decodeJson,
  decodeMessagePack,
  encodeEnvelope,
  encodeMessagePack,
} from '../../../src-main/engine/codec/index.ts';
import { concatBytes, utf8 } from '../../../src-main/engine/kernel/index.ts';
import {
  decodeCondemnation,
  decodeConfig,
  decodeInstance,
  decodeLease,
  decodeStoredSet,
  encodeCondemnation,
  encodeInstance,
  encodeLease,
  encodeStoredSet,
  judgeLease,
} from '../../../src-main/engine/repository/index.ts';
import {
  decodeEvent,
  decodeProblems,
  decodeSnapshot,
  summariseChains,
  summariseSnapshot,
} from '../../../src-main/engine/snapshot/index.ts';
import { parseInstanceId, parseRepositoryId, parseSessionId, parseWriterId } from '../../../src-shared/ids.ts';
import { SELF } from '../../support/engine-lab.ts';
import { type CaseGroup, type HostileCase, equal, fail, outcomeOf, refusesAsDamage } from '../case.ts';
import * as samples from '../fuzz/samples.ts';
import { probes } from '../probe.ts';
import { EVENT_DOMAIN, type Fields, Workshop } from '../workshop.ts';

const big16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff);
const big32 = (value: number): Uint8Array =>
  Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
const bytes = (...values: number[]): Uint8Array => Uint8Array.of(...values);
const join = (...parts: Uint8Array[]): Uint8Array => concatBytes(parts);
const repeat = (part: Uint8Array, count: number): Uint8Array => {
  const whole = new Uint8Array(part.length * count);
  for (let index = 0; index < count; index++) whole.set(part, index * part.length);
  return whole;
};
const text = (value: string): Uint8Array => join(bytes(0xa0 + utf8(value).length), utf8(value));
const float = (value: number): Uint8Array => {
  const view = new DataView(new ArrayBuffer(9));
  view.setUint8(0, 0xcb);
  view.setFloat64(1, value);
  return new Uint8Array(view.buffer);
};

const MESSAGE_PACK: readonly (readonly [string, () => Uint8Array])[] = [
  ['nothing', () => new Uint8Array(0)],
  ['lists 100,000 deep', () => repeat(bytes(0x91), 100_000)],
  ['maps 100,000 deep', () => repeat(join(bytes(0x81), text('a')), 100_000)],
  ['lists 33 deep, well closed', () => join(repeat(bytes(0x91), 33), bytes(0xc0))],
  ['a list of 2^32 − 1', () => join(bytes(0xdd), big32(2 ** 32 - 1))],
  ['a map of 2^32 − 1', () => join(bytes(0xdf), big32(2 ** 32 - 1))],
  ['a map of 2^31 pairs, which is 2^32 items', () => join(bytes(0xdf), big32(2 ** 31))],
  ['a list of 65,535 with one item', () => join(bytes(0xdc), big16(65_535), bytes(0xc0))],
  ['a text of 4 GiB', () => join(bytes(0xdb), big32(2 ** 32 - 1), utf8('a'))],
  [
    'a text of 4 MiB and a byte',
    () => join(bytes(0xdb), big32(4 * 2 ** 20 + 1), new Uint8Array(4 * 2 ** 20 + 1).fill(0x61)),
  ],
  ['bytes of 4 GiB', () => join(bytes(0xc6), big32(2 ** 32 - 1))],
  ['bytes of 16 MiB and a byte', () => join(bytes(0xc6), big32(16 * 2 ** 20 + 1), new Uint8Array(16 * 2 ** 20 + 1))],
  ['a list of 2^20 and one nils', () => join(bytes(0xdd), big32(2 ** 20 + 1), new Uint8Array(2 ** 20 + 1).fill(0xc0))],
  [
    '1,025 lists of 1,024 nils each',
    () => join(bytes(0xdc), big16(1025), repeat(join(bytes(0xdc), big16(1024), new Uint8Array(1024).fill(0xc0)), 1025)),
  ],
  ['the type that does not exist', () => bytes(0xc1)],
  ...[0xd4, 0xd5, 0xd6, 0xd7, 0xd8].map(
    (head) => [`extension type 0x${head.toString(16)}`, () => join(bytes(head, 5), new Uint8Array(16))] as const,
  ),
  ['an extension of 4 GiB', () => join(bytes(0xc9), big32(2 ** 32 - 1), bytes(1))],
  ['a timestamp', () => join(bytes(0xd6, 0xff), big32(1))],
  ['a number for a key', () => bytes(0x81, 1, 1)],
  ['a map for a key', () => bytes(0x81, 0x80, 1)],
  ['nil for a key', () => bytes(0x81, 0xc0, 1)],
  ['bytes for a key', () => bytes(0x81, 0xc4, 1, 0x61, 1)],
  ['the key __proto__', () => join(bytes(0x81), text('__proto__'), bytes(0x80))],
  ['the key __proto__ in 32-bit form', () => join(bytes(0x81, 0xdb), big32(9), utf8('__proto__'), bytes(0x80))],
  ['the key __proto__ deep inside', () => join(bytes(0x91, 0x81), text('a'), bytes(0x81), text('__proto__'), bytes(1))],
  ['one key twice', () => join(bytes(0x82), text('a'), bytes(1), text('a'), bytes(2))],
  ['one key twice, in two forms', () => join(bytes(0x82), text('a'), bytes(1), bytes(0xd9, 1, 0x61), bytes(2))],
  [
    'one key twice with another between',
    () => join(bytes(0x83), text('a'), bytes(1), text('b'), bytes(1), text('a'), bytes(2)),
  ],
  ['keys that fall', () => join(bytes(0x82), text('b'), bytes(1), text('a'), bytes(2))],
  ['a text that is not UTF-8', () => bytes(0xa2, 0xff, 0xfe)],
  ['a text cut in a character', () => bytes(0xa1, 0xc3)],
  ['a text with a surrogate in UTF-8', () => bytes(0xa3, 0xed, 0xa0, 0x80)],
  ['a text with an overlong slash', () => bytes(0xa2, 0xc0, 0xaf)],
  ['a long text that is not UTF-8', () => join(bytes(0xda), big16(1000), new Uint8Array(1000).fill(0x80))],
  ['a key that is not UTF-8', () => bytes(0x81, 0xa1, 0xff, 1)],
  ['not a number', () => float(Number.NaN)],
  ['infinity', () => float(Number.POSITIVE_INFINITY)],
  ['minus infinity deep inside', () => join(bytes(0x91), float(Number.NEGATIVE_INFINITY))],
  ['minus zero', () => float(-0)],
  ['minus zero in 32 bits', () => bytes(0xca, 0x80, 0, 0, 0)],
  ['infinity in 32 bits', () => bytes(0xca, 0x7f, 0x80, 0, 0)],
  ['a value and a byte after it', () => bytes(0xc0, 0xc0)],
  ['a list that ends early', () => bytes(0x92, 0xc0)],
  ['a number that ends early', () => bytes(0xcf, 0, 0)],
];

const JSON_TEXTS: readonly (readonly [string, () => Uint8Array])[] = [
  ['nothing', () => new Uint8Array(0)],
  ['lists 100,000 deep', () => utf8('['.repeat(100_000))],
  ['lists 100,000 deep, well closed', () => utf8('['.repeat(100_000) + ']'.repeat(100_000))],
  ['maps 100,000 deep', () => utf8('{"a":'.repeat(100_000))],
  ['brackets that close first, then 100,000 deep', () => utf8(`${']'.repeat(100_000)}${'['.repeat(100_000)}`)],
  ['a million and more elements', () => utf8(`[${'0,'.repeat(2 ** 20 + 1)}0]`)],
  ['the key __proto__', () => utf8('{"__proto__":{"polluted":true}}')],
  ['the key __proto__, escaped', () => utf8('{"\\u005f_proto__":{"polluted":true}}')],
  ['one key twice', () => utf8('{"a":1,"a":2}')],
  ['one key twice, in two spellings', () => utf8('{"a":1,"\\u0061":2}')],
  ['one key twice deep inside', () => utf8('[{"b":{"a":1,"c":0,"a":2}}]')],
  ['an unknown tag', () => utf8('{"$date":"1"}')],
  ['a tag beside a key', () => utf8('{"$int":"1","a":1}')],
  ['a number in a tag that is none', () => utf8('{"$int":"1e9"}')],
  ['bytes in a tag that are none', () => utf8('{"$bytes":"0g"}')],
  ['a number beyond every double', () => utf8('[1e999]')],
  ['minus zero', () => utf8('[-0]')],
  ['a text that is not UTF-8', () => join(utf8('"'), bytes(0xff, 0xfe), utf8('"'))],
  ['a byte order mark', () => join(bytes(0xef, 0xbb, 0xbf), utf8('{}'))],
  ['a comment', () => utf8('{} // here')],
  ['two values', () => utf8('{}{}')],
  ['a lone surrogate', () => utf8('"\\ud800"')],
];

function valueCases(
  format: string,
  inputs: readonly (readonly [string, () => Uint8Array])[],
  decode: (bytes: Uint8Array) => unknown,
): readonly HostileCase[] {
  return inputs.map(([label, make]) => ({
    name: `${format}: ${label} is refused`,
    run: async (room) => {
      const input = make();
      await room.attack(() => refusesAsDamage(() => decode(input)));
      equal(Object.hasOwn(Object.prototype, 'polluted'), false, 'every object has a field');
    },
  }));
}

const ALLOWED: readonly HostileCase[] = [
  {
    name: 'MessagePack: keys called constructor, toString and hasOwnProperty are plain fields',
    run: () => {
      const value = decodeMessagePack(encodeMessagePack({ constructor: 1, hasOwnProperty: 2, toString: 3 }));
      equal(Object.entries(value as object).length, 3, 'fields');
    },
  },
  {
    name: 'MessagePack: a million empty maps fit into memory',
    run: async (room) => {
      const input = join(bytes(0xdd), big32(2 ** 20), new Uint8Array(2 ** 20).fill(0x80));
      await room.attack(() => decodeMessagePack(input));
    },
  },
  {
    name: 'MessagePack: half a million fields of one map fit into memory',
    run: async (room) => {
      const input = Buffer.alloc(5 + 2 ** 18 * 8);
      input.set(join(bytes(0xdf), big32(2 ** 18)));
      for (let index = 0; index < 2 ** 18; index++)
        input.set(join(text(index.toString().padStart(6, '0')), bytes(0)), 5 + index * 8);
      await room.attack(() => decodeMessagePack(new Uint8Array(input)));
    },
  },
  {
    name: 'JSON: a text of brackets is no nesting',
    run: () => {
      equal(decodeJson(utf8(JSON.stringify('['.repeat(1000)))), '['.repeat(1000), 'text');
    },
  },
];

/** What may stand where a field belongs. */
const STRANGE: readonly unknown[] = [
  null,
  true,
  -1,
  -(2 ** 53),
  1.5,
  2 ** 53,
  2n ** 64n - 1n,
  -(2n ** 63n),
  Number.MAX_SAFE_INTEGER,
  8_640_000_000_000_001,
  '',
  'x'.repeat(70_000),
  '\u001b[2J\n',
  '../../x',
  new Uint8Array(0),
  new Uint8Array(31),
  new Uint8Array(33),
  [],
  [null],
  [[[[]]]],
  {},
  { a: 1 },
  Array.from({ length: 1000 }, () => new Uint8Array(32)),
];

/** The fields, one of them missing, or anything else in its place. */
function variantsOf(fields: Fields, field: string): Fields[] {
  const without = Object.fromEntries(Object.entries(fields).filter(([name]) => name !== field));
  return [without, ...STRANGE.map((strange) => ({ ...fields, [field]: strange }))];
}

type Decoder = (fields: Fields) => unknown;

/** One case for each field: missing, of another type, extreme. A value or a typed error, whatever is then done with it. */
function recordCases(
  what: string,
  make: () => Promise<{ readonly fields: Fields; readonly decode: Decoder }>,
  names: readonly string[],
): HostileCase[] {
  return names.map((name) => ({
    name: `${what}: ${name} that is missing, of another type or extreme gives a value or a typed error`,
    run: async (room) => {
      const { fields, decode } = await make();
      equal(await outcomeOf(() => decode(fields)), 'ok', 'the honest record');
      if (!(name in fields)) fail(`${name} is no field of ${what}`);
      await room.attack(async () => {
        let refused = 0;
        for (const variant of variantsOf(fields, name)) {
          if ((await outcomeOf(() => decode(variant))) !== 'ok') refused++;
        }
        if (refused === 0) fail('everything is taken');
      });
    },
  }));
}

async function snapshotRecord(): Promise<{ fields: Fields; decode: Decoder }> {
  const workshop = await Workshop.open({ encrypted: false });
  return {
    fields: workshop.snapshotFields(),
    decode: (fields) => {
      const snapshot = decodeSnapshot(workshop.signed(encodeMessagePack(fields)), workshop.context.config.publicKey);
      JSON.stringify([summariseSnapshot(snapshot), summariseChains([snapshot])]);
    },
  };
}

const SNAPSHOT_FIELDS = [
  'repositoryId',
  'writerId',
  'writerSequence',
  'log',
  'order',
  'chainId',
  'sequence',
  'kind',
  'startedAtMs',
  'finishedAtMs',
  'host',
  'user',
  'sources',
  'rootPage',
  'rootNodeId',
  'chainSetRoot',
  'packSetRoot',
  'packCount',
  'tags',
  'note',
  'pinned',
  'stats',
  'problemCount',
  'problems',
];

async function eventRecord(): Promise<{ fields: Fields; decode: Decoder }> {
  const workshop = await Workshop.open({ encrypted: false });
  const base = workshop.snapshotFields();
  const fields = {
    repositoryId: base['repositoryId'],
    writerId: base['writerId'],
    writerSequence: 0,
    log: { size: 0, frontier: [] },
    kind: 'forget',
    subjects: [new Uint8Array(32).fill(1)],
    createdAtMs: 1,
    host: 'lab',
    user: 'tester',
    fields: {},
  };
  return {
    fields,
    decode: (changed) => {
      const options = { domain: EVENT_DOMAIN, objectType: OBJECT_TYPE.event };
      decodeEvent(workshop.signed(encodeMessagePack(changed), options), workshop.context.config.publicKey);
    },
  };
}

function enveloped(objectType: number, format: 1 | 2, payload: unknown): Uint8Array {
  return encodeEnvelope({
    objectType: objectType as 1,
    schemaVersion: 1,
    readerVersionMin: 1,
    format,
    compression: { kind: 'none' },
    createdAtMs: 1,
    payload,
  });
}

const IDS = {
  repository: parseRepositoryId('a'.repeat(32)),
  instance: parseInstanceId('b'.repeat(32)),
  session: parseSessionId('c'.repeat(32)),
  writer: parseWriterId('d'.repeat(32)),
};

const LEASE = {
  sessionId: IDS.session,
  writerId: IDS.writer,
  kind: 'writer',
  host: 'lab',
  machineId: 'machine',
  bootId: 'boot',
  processSpace: '',
  processId: 1,
  processStart: '',
  temporaryTag: '',
  startedAtMs: 1,
  heartbeatAtMs: 1,
  leaseMs: 1,
  generation: 0,
} as const;

const STORED_SET = samples.storedSets[0]!;

const RECORDS: readonly HostileCase[] = [
  ...recordCases('snapshot', snapshotRecord, SNAPSHOT_FIELDS),
  ...recordCases('event', eventRecord, [
    'repositoryId',
    'writerId',
    'writerSequence',
    'log',
    'kind',
    'subjects',
    'createdAtMs',
    'host',
    'user',
    'fields',
  ]),
  ...recordCases(
    'lease',
    () =>
      Promise.resolve({
        fields: LEASE,
        decode: (fields) => {
          const lease = decodeLease(enveloped(OBJECT_TYPE.session, ENVELOPE_FORMAT.json, fields));
          return judgeLease(lease, SELF, () => Promise.resolve(1));
        },
      }),
    Object.keys(LEASE),
  ),
  ...recordCases(
    'instance marker',
    () =>
      Promise.resolve({
        fields: { repositoryId: IDS.repository, instanceId: IDS.instance, createdAtMs: 1, host: 'lab' },
        decode: (fields) => decodeInstance(enveloped(OBJECT_TYPE.instance, ENVELOPE_FORMAT.json, fields)),
      }),
    ['repositoryId', 'instanceId', 'createdAtMs', 'host'],
  ),
  ...recordCases(
    'condemnation',
    () =>
      Promise.resolve({
        fields: { generation: 1, createdAtMs: 1, packs: [new Uint8Array(32)] },
        decode: (fields) =>
          decodeCondemnation(enveloped(OBJECT_TYPE.condemnation, ENVELOPE_FORMAT.messagePack, fields)),
      }),
    ['generation', 'createdAtMs', 'packs'],
  ),
  ...recordCases(
    'saved backup set',
    () => {
      const { set, revision, savedAtMs } = STORED_SET;
      const bytes = encodeStoredSet({ set, revision, savedAtMs, extra: {} });
      const { value } = decodeEnvelope(bytes, { objectType: OBJECT_TYPE.backupSet, schemaVersionMax: 1 });
      const decode: Decoder = (fields) => {
        decodeStoredSet(enveloped(OBJECT_TYPE.backupSet, ENVELOPE_FORMAT.messagePack, fields));
      };
      return Promise.resolve({ fields: value as Fields, decode });
    },
    ['setId', 'revision', 'savedAtMs', 'createdAtMs', 'name', 'host', 'userHome', 'sources', 'rules', 'schedule'],
  ),
  ...recordCases(
    'configuration',
    () => {
      const fields = {
        formatVersion: 0,
        repositoryId: new Uint8Array(16),
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
      const decode: Decoder = (changed) => {
        const payload = { record: encodeMessagePack(changed), mac: new Uint8Array(32) };
        decodeConfig(enveloped(OBJECT_TYPE.config, ENVELOPE_FORMAT.messagePack, payload));
      };
      return Promise.resolve({ fields, decode });
    },
    [
      'formatVersion',
      'repositoryId',
      'createdAtMs',
      'encrypted',
      'masterKey',
      'idAlgorithm',
      'compression',
      'chainIncrementalsMax',
      'publicKey',
      'featuresRequired',
      'featuresToWrite',
    ],
  ),
  {
    name: 'the encoders of this group write what their decoders read',
    run: () => {
      decodeLease(encodeLease(LEASE));
      decodeInstance(
        encodeInstance({ repositoryId: IDS.repository, instanceId: IDS.instance, createdAtMs: 1, host: '' }),
      );
      decodeCondemnation(encodeCondemnation({ generation: 1, createdAtMs: 1, packs: [] }));
      decodeStoredSet(encodeStoredSet(STORED_SET));
    },
  },
];

/** Whole repositories around such records: what every command makes of them. */
function repositoryCase(name: string, changes: (workshop: Workshop) => Fields): HostileCase {
  return {
    name,
    run: async (room) => {
      const workshop = await Workshop.open();
      await workshop.putSnapshot(changes(workshop));
      await probes(await workshop.reopen(), room, { deep: 'damage' });
    },
  };
}

const WHOLE: readonly HostileCase[] = [
  repositoryCase('a snapshot of the year 287,396 is listed by every command', () => ({
    finishedAtMs: Number.MAX_SAFE_INTEGER,
  })),
  repositoryCase('a snapshot of 1970 is listed by every command', () => ({ startedAtMs: 0, finishedAtMs: 0 })),
  repositoryCase('a snapshot that ended before it began is listed by every command', () => ({
    startedAtMs: 2,
    finishedAtMs: 1,
  })),
  repositoryCase('a snapshot whose order is 2^53 − 1 is listed by every command', () => ({
    order: Number.MAX_SAFE_INTEGER,
  })),
  repositoryCase('a snapshot whose sequence is 2^53 − 1 is listed by every command', () => ({
    sequence: Number.MAX_SAFE_INTEGER,
  })),
  repositoryCase('a snapshot that is its own parent is read', () => ({ parentId: new Uint8Array(32).fill(7) })),
  repositoryCase('a snapshot of another repository is damage', () => ({ repositoryId: new Uint8Array(16).fill(9) })),
  repositoryCase('figures of 2^53 − 1 are listed by every command', (w) => ({
    stats: Object.fromEntries(
      Object.keys(w.snapshotFields()['stats'] as object).map((key) => [key, Number.MAX_SAFE_INTEGER]),
    ),
    problemCount: Number.MAX_SAFE_INTEGER,
  })),
  repositoryCase('a hundred thousand tags are listed by every command', () => ({
    tags: Array.from({ length: 100_000 }, (_, index) => `tag${index}`),
  })),
  repositoryCase('fifty thousand problems are listed by every command', () => ({
    problems: Array.from({ length: 50_000 }, () => ({ path: 'p', code: 'c', message: 'm' })),
  })),
  repositoryCase('a log of 2^53 − 1 events with 53 roots is read', () => ({
    writerSequence: Number.MAX_SAFE_INTEGER,
    log: { size: Number.MAX_SAFE_INTEGER, frontier: Array.from({ length: 53 }, () => new Uint8Array(32)) },
  })),
  {
    name: 'a thousand snapshots of one id prefix and a thousand of one order are told apart',
    run: async (room) => {
      const workshop = await Workshop.open();
      for (let index = 0; index < 300; index++) await workshop.putSnapshot({ note: String(index), order: 1 });
      await probes(await workshop.reopen(), room, { snapshots: 'ok', deep: 'damage' });
    },
  },
  {
    name: 'a record signed by another key is damage',
    run: async (room) => {
      const workshop = await Workshop.open();
      const other = await Workshop.open({ encrypted: false, seed: 2 });
      await workshop.putSnapshotEnvelope(other.signed(encodeMessagePack(workshop.snapshotFields())));
      const signature = new Uint8Array(64);
      await workshop.putSnapshotEnvelope(
        workshop.signed(encodeMessagePack(workshop.snapshotFields()), { outer: { signature } }),
      );
      await workshop.putSnapshotEnvelope(
        workshop.signed(encodeMessagePack(workshop.snapshotFields()), { domain: EVENT_DOMAIN }),
      );
      const found = await probes(await workshop.reopen(), room, { snapshots: 'damage', deep: 'damage' });
      equal(found.list, 'none', 'a snapshot that nobody signed');
    },
  },
  {
    name: 'a list of problems in a blob that is no list ends in a typed error',
    run: async () => {
      for (const value of [null, [], { problems: 1 }, { problems: [1] }, { problems: [{ path: 1 }] }, {}])
        await refusesAsDamage(() => decodeProblems(encodeMessagePack(value)));
    },
  },
];

export const VALUES: CaseGroup = {
  name: 'values',
  cases: [
    ...valueCases('MessagePack', MESSAGE_PACK, decodeMessagePack),
    ...valueCases('JSON', JSON_TEXTS, decodeJson),
    ...ALLOWED,
    ...RECORDS,
    ...WHOLE,
  ],
};
