/** What a repository keeps of backup sets: the newest of each, whatever ends a write, and nothing of a newer Cairn is lost. */
import { beforeEach, describe, expect, test } from 'vitest';
import { isCairnError } from '../../../src-shared/errors.ts';
import type { StoredSet } from '../../../src-shared/model/index.ts';
import {
  ENVELOPE_FORMAT,
  FILE_TYPE,
  FRAME_KIND,
  OBJECT_TYPE,
  decodeEnvelope,
  encodeEnvelope,
  hash,
  sealObjectFile,
} from '../../../src-main/engine/codec/index.ts';
import { toHex } from '../../../src-main/engine/kernel/index.ts';
import {
  FOLDERS,
  type Repository,
  decodeStoredSet,
  encodeStoredSet,
  initRepository,
  openRepository,
} from '../../../src-main/engine/repository/index.ts';
import { type Store, createMemoryStore, writeWhole } from '../../../src-main/engine/store/index.ts';
import { parseCompression } from '../../../src-main/engine/codec/index.ts';
import { verifyAt } from '../../support/damage-check.ts';
import { SELF, heldClock, seededRandom } from '../../support/engine-lab.ts';

const SET: StoredSet = {
  setId: '11'.repeat(16),
  name: 'Laptop',
  host: 'old-laptop',
  userHome: '/home/ann',
  sources: ['/home/ann/Documents', '/home/ann/odd\\xff'],
  rules: {
    excludes: ['*.tmp', '/Downloads'],
    excludeLargerThanBytes: 1_000_000,
    oneFileSystem: true,
    cairnignore: true,
    gitignore: false,
    excludeCaches: true,
    excludeIfPresent: ['.nobackup'],
  },
  schedule: {
    timing: { kind: 'weekly', days: ['monday', 'thursday'], at: '21:00' },
    whenDriveConnected: true,
    conditions: { onlyOnMainsPower: true, notOnMetered: false, onlyWhenIdleMinutes: 5 },
    staleAfterDays: null,
  },
  createdAt: '2026-06-15T12:00:00.000Z',
};
const other = (number: number): StoredSet => ({ ...SET, setId: number.toString(16).padStart(32, '0') });

let store: Store;
let logged: string[];
const clock = heldClock(Date.parse('2026-06-20T00:00:00Z'));
const ports = { clock, random: seededRandom(7), log: (_level: string, message: string) => void logged.push(message) };
const PASSWORD = { kind: 'password', password: 'correct horse' } as const;
const open = (at: Store = store): Promise<Repository> =>
  openRepository({ store: at, ports, self: SELF, secret: () => Promise.resolve(PASSWORD) });

async function make(encrypted: boolean): Promise<Repository> {
  store = createMemoryStore();
  const password = encrypted ? { password: PASSWORD.password } : {};
  await initRepository({
    store,
    ports,
    host: 'lab',
    compression: parseCompression('zstd:3'),
    reserveBytes: 100,
    kdfCost: 4,
    ...password,
  });
  return open();
}

const filesOf = async (): Promise<readonly string[]> => (await store.list(FOLDERS.sets)).map(({ name }) => name);

beforeEach(() => {
  logged = [];
});

describe.each([
  ['an encrypted', true],
  ['a plain', false],
] as const)('%s repository', (_, encrypted) => {
  test('gives back a saved set as it was, and writes it again only where it differs', async () => {
    const repository = await make(encrypted);
    expect(await repository.storedSets()).toEqual([]);
    expect(await repository.storeSet(SET)).toBe(true);
    expect(await repository.storeSet(structuredClone(SET))).toBe(false);
    expect(await (await open()).storedSets()).toEqual([SET]);
    const before = await filesOf();
    const changed: StoredSet = {
      ...SET,
      name: 'Papers',
      schedule: { ...SET.schedule, timing: { kind: 'continuous', fullScanEveryHours: 6 } },
      rules: { ...SET.rules, excludeLargerThanBytes: null },
    };
    expect(await (await open()).storeSet(changed)).toBe(true);
    expect(await repository.storedSets()).toEqual([changed]);
    // One file a set, another one than before.
    expect(await filesOf()).toHaveLength(1);
    expect(await filesOf()).not.toEqual(before);
    expect((await verifyAt(repository, 'deep')).damage).toEqual([]);
  });

  test('keeps several sets, the one that was saved last first, and shows nothing of them', async () => {
    const repository = await make(encrypted);
    await repository.storeSet(other(1));
    clock.advance(1000);
    await repository.storeSet(other(2));
    clock.advance(1000);
    await repository.storeSet({ ...other(1), name: 'Again' });
    expect((await repository.storedSets()).map(({ name }) => name)).toEqual(['Again', 'Laptop']);
    for (const name of await filesOf()) {
      const bytes = Buffer.from(await store.read(name));
      expect(name).toBe(`sets/${toHex(hash(bytes))}`);
      if (encrypted) expect(bytes.includes('Documents') || bytes.includes('Laptop')).toBe(false);
    }
  });
});

test('every timing comes back', async () => {
  const repository = await make(false);
  const timings: readonly StoredSet['schedule']['timing'][] = [
    { kind: 'manual' },
    { kind: 'continuous', fullScanEveryHours: 168 },
    { kind: 'minutes', every: 90 },
    { kind: 'hourly', minute: 5 },
    { kind: 'daily', at: '00:00' },
    { kind: 'weekly', days: ['sunday'], at: '23:59' },
    { kind: 'cron', text: '0 21 * * MON-FRI' },
  ];
  for (const timing of timings) {
    await repository.storeSet({ ...SET, schedule: { ...SET.schedule, timing } });
    expect((await repository.storedSets())[0]?.schedule.timing).toEqual(timing);
  }
});

test('whatever ends a save, the set is there as it was or as it was to be, and the next save leaves one file', async () => {
  const repository = await make(true);
  await repository.storeSet(SET);
  const changed = { ...SET, name: 'Changed' };
  for (let failing = 1; ; failing++) {
    let calls = 0;
    const broken = failingStore(store, () => ++calls === failing);
    const isDone = await open(broken).then(
      (opened) =>
        opened.storeSet(changed).then(
          () => true,
          () => false,
        ),
      () => false,
    );
    const found = await repository.storedSets();
    expect(found).toHaveLength(1);
    expect([SET.name, changed.name]).toContain(found[0]?.name);
    if (isDone) expect(found[0]?.name).toBe(changed.name);
    expect((await verifyAt(await open(), 'quick')).damage).toEqual([]);
    await repository.storeSet(SET);
    expect(await filesOf()).toHaveLength(1);
    expect(await repository.storedSets()).toEqual([SET]);
    if (isDone && calls < failing) break;
    expect(failing).toBeLessThan(100);
  }
});

test('of two files of one set, as a crash leaves them, the later revision counts, whatever the clock said', async () => {
  const repository = await make(true);
  await repository.storeSet(SET);
  const [first = ''] = await filesOf();
  const bytes = await store.read(first);
  clock.advance(-400 * 86_400_000);
  await repository.storeSet({ ...SET, name: 'Later' });
  await writeWhole(store, first, bytes);
  expect(await filesOf()).toHaveLength(2);
  expect((await repository.storedSets()).map(({ name }) => name)).toEqual(['Later']);
  expect(await repository.storeSet({ ...SET, name: 'Later' })).toBe(true);
  expect(await filesOf()).toHaveLength(1);
  clock.advance(400 * 86_400_000);
});

/** A file as a later Cairn would write it. */
async function putRaw(repository: Repository, envelope: Uint8Array, distort?: (bytes: Uint8Array) => void) {
  const { repositoryIdBytes: repositoryId, secrets } = repository.context;
  const bytes = sealObjectFile({
    fileType: FILE_TYPE.backupSet,
    repositoryId,
    secrets,
    salt: seededRandom(9).bytes(32),
    frames: [{ kind: FRAME_KIND.object, plain: envelope, compression: { kind: 'none' } }],
  });
  const name = `sets/${toHex(hash(bytes))}`;
  distort?.(bytes);
  await writeWhole(store, name, bytes);
  return name;
}

const encoded = (set: StoredSet, extra: object = {}): Uint8Array =>
  encodeStoredSet({ set, revision: 3, savedAtMs: 5, extra: { ...extra } });

function newerSchema(set: StoredSet): Uint8Array {
  const { value } = decodeEnvelope(encoded(set), { objectType: OBJECT_TYPE.backupSet, schemaVersionMax: 1 });
  return encodeEnvelope({
    objectType: OBJECT_TYPE.backupSet,
    schemaVersion: 2,
    readerVersionMin: 2,
    format: ENVELOPE_FORMAT.messagePack,
    compression: { kind: 'none' },
    createdAtMs: 5,
    payload: value,
  });
}

test('a set of a newer Cairn is no damage, stops nothing, and stays', async () => {
  const repository = await make(true);
  const newer = await putRaw(repository, newerSchema(other(1)));
  await repository.storeSet(other(2));
  expect(await repository.storedSets()).toEqual([other(2)]);
  expect(logged).toContain('a saved backup set can’t be read');
  expect((await verifyAt(repository, 'deep')).ok).toBe(true);
  expect(await filesOf()).toContain(newer);
});

test('fields of a later schema that an older reader may read come through a change', async () => {
  const repository = await make(true);
  await putRaw(repository, encoded(SET, { colour: 'blue' }));
  expect(await repository.storedSets()).toEqual([SET]);
  await repository.storeSet({ ...SET, name: 'Changed' });
  const [name = ''] = await filesOf();
  const { openStoredSetFile } = await import('../../../src-main/engine/repository/index.ts');
  expect(openStoredSetFile(repository.context, await store.read(name))).toMatchObject({
    revision: 4,
    extra: { colour: 'blue' },
  });
});

test('a damaged one is named by verify, passed over, and gone after the next save', async () => {
  const repository = await make(true);
  const damaged = await putRaw(repository, encoded(SET), (bytes) => (bytes[200]! ^= 1));
  // The version byte of a sealed file: this looks newer, and the name says that it is not.
  const looksNewer = await putRaw(repository, encoded(other(1)), (bytes) => (bytes[8]! ^= 2));
  await writeWhole(store, 'sets/notes.txt', new Uint8Array(3));
  const { damage } = await verifyAt(repository, 'quick');
  expect(damage.map(({ file, kind }) => [file, kind]).sort()).toEqual(
    [
      [damaged, 'set'],
      [looksNewer, 'set'],
      ['sets/notes.txt', 'set'],
    ].sort(),
  );
  expect(await repository.storedSets()).toEqual([]);
  await repository.storeSet(SET);
  expect(await repository.storedSets()).toEqual([SET]);
  // What is none of Cairn's is left alone.
  expect((await filesOf()).filter((name) => name === damaged || name === looksNewer)).toEqual([]);
  expect(await filesOf()).toContain('sets/notes.txt');
});

test.each([
  ['a time that is none', { at: 'later' }],
  ['an id of another length', { setId: new Uint8Array(15) }],
  ['a schedule that is no timing', { schedule: { timing: 'sometimes' } }],
  ['sources that are texts', { sources: ['/home'] }],
  ['a date beyond all dates', { createdAtMs: 2 ** 53 - 1 }],
])('%s is malformed', (_, change) => {
  const { value } = decodeEnvelope(encoded(SET), { objectType: OBJECT_TYPE.backupSet, schemaVersionMax: 1 });
  const payload = 'at' in change ? { ...(value as object), savedAtMs: change.at } : { ...(value as object), ...change };
  const bytes = encodeEnvelope({
    objectType: OBJECT_TYPE.backupSet,
    schemaVersion: 1,
    readerVersionMin: 1,
    format: ENVELOPE_FORMAT.messagePack,
    compression: { kind: 'none' },
    createdAtMs: 5,
    payload,
  });
  expect(() => decodeStoredSet(bytes)).toThrow(expect.objectContaining({ code: 'integrity/malformed' }));
});

test('a set that could not be read again is not written', async () => {
  const repository = await make(false);
  await repository.storeSet(SET);
  const large = { ...SET, rules: { ...SET.rules, excludes: Array.from({ length: 30 }, () => 'x'.repeat(60_000)) } };
  await expect(repository.storeSet(large)).rejects.toMatchObject({ code: 'usage/invalid' });
  await expect(repository.storeSet({ ...SET, name: 'x'.repeat(70_000) })).rejects.toMatchObject({
    code: 'usage/invalid',
  });
  expect(await repository.storedSets()).toEqual([SET]);
});

test('is not written where another repository stands now', async () => {
  const repository = await make(true);
  const mine = store;
  await make(true);
  const files = await Promise.all(['instance', 'config'].map(async (name) => [name, await store.read(name)] as const));
  for (const [name, bytes] of files) await writeWhole(mine, name, bytes);
  const failure: unknown = await repository.storeSet(SET).catch((error: unknown) => error);
  expect(isCairnError(failure, 'repository/wrong-identity')).toBe(true);
  expect(await mine.list(FOLDERS.sets)).toEqual([]);
});

/** Fails the call that `isNow` picks, before it did anything. */
function failingStore(inner: Store, isNow: () => boolean): Store {
  const guard = async (): Promise<void> => {
    await Promise.resolve();
    if (isNow()) throw new Error('the power is off');
  };
  return {
    ...inner,
    create: async (folder) => {
      await guard();
      const writer = await inner.create(folder);
      return {
        get sizeBytes() {
          return writer.sizeBytes;
        },
        append: async (bytes) => {
          await guard();
          await writer.append(bytes);
        },
        finish: async (name, options) => {
          await guard();
          await writer.finish(name, options);
        },
        abort: () => writer.abort(),
      };
    },
    remove: async (names, options) => {
      await guard();
      await inner.remove(names, options);
    },
    read: async (name, range, options) => {
      await guard();
      return inner.read(name, range, options);
    },
  };
}
