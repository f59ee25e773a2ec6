/** Stories of the snapshot room: the record, the event log, chains, and finding a snapshot by what a person typed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  asBlobId,
  asNodeId,
  parseChainId,
  parseRepositoryId,
  parseSnapshotId,
  parseWriterId,
} from '../../../src-shared/ids.ts';
import {
  ENVELOPE_FORMAT,
  OBJECT_TYPE,
  createSigner,
  decodeEnvelope,
  decodeMessagePack,
  encodeEnvelope,
  encodeMessagePack,
  hash,
} from '../../../src-main/engine/codec/index.ts';
import { concatBytes, toHex, utf8 } from '../../../src-main/engine/kernel/index.ts';
import { MerkleSet } from '../../../src-main/engine/merkle/index.ts';
import {
  EMPTY_LOG,
  EMPTY_LOG_ROOT,
  type LogHead,
  type Snapshot,
  type SnapshotRecord,
  appendEvent,
  bySnapshotOrder,
  checkHead,
  decodeProblems,
  decodeSnapshot,
  encodeProblems,
  encodeSnapshot,
  findParent,
  logRoot,
  nextPlace,
  resolveSnapshot,
  summariseChains,
  summariseSnapshot,
} from '../../../src-main/engine/snapshot/index.ts';
import { seeded } from '../../support/seed.ts';

const signer = createSigner(new Uint8Array(32).fill(7));
const bytesOf = (seed: number, count = 32): Uint8Array => new Uint8Array(seeded(seed).bytes(count));
const CHAIN = parseChainId('c'.repeat(32));
const OTHER_CHAIN = parseChainId('d'.repeat(32));

function recordOf(changes: Partial<SnapshotRecord> = {}): SnapshotRecord {
  return {
    repositoryId: parseRepositoryId('a'.repeat(32)),
    writerId: parseWriterId('b'.repeat(32)),
    writerSequence: 0,
    log: EMPTY_LOG,
    order: 1,
    chainId: CHAIN,
    sequence: 0,
    kind: 'base',
    startedAtMs: 1_700_000_000_000,
    finishedAtMs: 1_700_000_001_000,
    host: 'lab',
    user: 'tester',
    sources: [
      {
        path: Buffer.from('/home/caf\xe9', 'latin1'),
        name: 'caf\\xe9',
        rootNodeId: asNodeId(bytesOf(1)),
        rules: { excludes: ['*.tmp'], excludeLargerThanBytes: 0, oneFileSystem: false, symlinks: 'store' },
      },
    ],
    rootPage: { page: asBlobId(bytesOf(2)), level: 0 },
    rootNodeId: asNodeId(bytesOf(3)),
    chainSetRoot: bytesOf(4),
    packSetRoot: bytesOf(5),
    packCount: 0,
    tags: ['daily'],
    note: 'a “note” 📝',
    pinned: false,
    stats: {
      filesNew: 1,
      filesChanged: 2,
      filesUnmodified: 3,
      filesRemoved: 4,
      folders: 5,
      metadataChanges: 6,
      bytesScanned: 7,
      bytesRead: 8,
      bytesAdded: 9,
      bytesStored: 10,
    },
    problemCount: 1,
    problems: [{ path: '/home/x', code: 'EACCES', message: 'can’t be read' }],
    extra: {},
    ...changes,
  };
}

function snapshotOf(idSeed: number, changes: Partial<SnapshotRecord> = {}): Snapshot {
  return { id: parseSnapshotId(toHex(bytesOf(idSeed))), record: recordOf(changes) };
}

/** The record’s own fields, changed, and sealed in an envelope again; signed anew only where a signer is given. */
function resealed(
  bytes: Uint8Array,
  change: (fields: Record<string, unknown>) => void,
  newSigner?: typeof signer,
): Uint8Array {
  const { value } = decodeEnvelope(bytes, { objectType: OBJECT_TYPE.snapshot, schemaVersionMax: 1 });
  const outer = value as { record: Uint8Array; signature: Uint8Array };
  const fields = decodeMessagePack(outer.record) as Record<string, unknown>;
  change(fields);
  const record = encodeMessagePack(fields);
  const digest = hash(concatBytes([utf8('cairn/snapshot/v1'), record]));
  return encodeEnvelope({
    objectType: OBJECT_TYPE.snapshot,
    schemaVersion: 1,
    readerVersionMin: 1,
    format: ENVELOPE_FORMAT.messagePack,
    compression: { kind: 'none' },
    createdAtMs: 1,
    payload: { record, signature: newSigner === undefined ? outer.signature : newSigner.sign(digest) },
  });
}

describe('a snapshot record', () => {
  test('comes back as it was, with everything that may be absent present or absent', () => {
    const optional = fc.record(
      {
        parentId: fc.constant(parseSnapshotId('e'.repeat(64))),
        sealPage: fc.constant({ page: asBlobId(bytesOf(6)), level: 2 }),
        baseRootNodeId: fc.constant(asNodeId(bytesOf(7))),
        problemBlob: fc.constant(asBlobId(bytesOf(8))),
        note: fc.string({ unit: 'grapheme' }),
        tags: fc.array(fc.string()),
        startedAtMs: fc.constantFrom(0, 1, 4_102_444_800_000, Number.MAX_SAFE_INTEGER),
        writerSequence: fc.maxSafeNat(),
        kind: fc.constantFrom('base' as const, 'incremental' as const),
        pinned: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(optional, (changes) => {
        const record = recordOf(changes);
        const { id, bytes } = encodeSnapshot(record, signer);
        const back = decodeSnapshot(bytes, signer.publicKey);
        expect(back.id).toBe(id);
        expect(back.record).toEqual({
          ...record,
          sources: record.sources.map((source) => ({ ...source, path: new Uint8Array(source.path) })),
        });
      }),
      { numRuns: 50 },
    );
  });

  test('written by a later Cairn keeps the fields this one does not know, when it is written again, and keeps its id', () => {
    const { bytes } = encodeSnapshot(recordOf(), signer);
    const later = resealed(
      bytes,
      (fields) => Object.assign(fields, { later: { deep: [1, 'two', new Uint8Array([3])] }, another: true }),
      signer,
    );
    const { id, record } = decodeSnapshot(later, signer.publicKey);
    expect(record.extra).toEqual({ later: { deep: [1, 'two', new Uint8Array([3])] }, another: true });
    const again = decodeSnapshot(encodeSnapshot(record, signer).bytes, signer.publicKey);
    expect(again.record).toEqual(record);
    expect(again.record.extra).toEqual(record.extra);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
  });

  test('has an id that depends on the record only: not on the envelope around it, and on every field in it', () => {
    const { id, bytes } = encodeSnapshot(recordOf(), signer);
    expect(
      decodeSnapshot(
        resealed(bytes, () => undefined),
        signer.publicKey,
      ).id,
    ).toBe(id);
    expect(encodeSnapshot(recordOf(), signer).id).toBe(id);
    const ids = new Set(
      [{ note: 'other' }, { order: 2 }, { host: 'x' }, { pinned: true }, { extra: { later: 1 } }].map(
        (change) => encodeSnapshot(recordOf(change), signer).id,
      ),
    );
    ids.add(id);
    expect(ids.size).toBe(6);
  });

  test.each([
    ['a changed note', (fields: Record<string, unknown>) => void (fields['note'] = 'forged')],
    ['another root', (fields: Record<string, unknown>) => void (fields['rootNodeId'] = bytesOf(99))],
    ['a field more', (fields: Record<string, unknown>) => void (fields['later'] = 1)],
  ])('with %s and its old signature is refused', (_what, change) => {
    const { bytes } = encodeSnapshot(recordOf(), signer);
    expect(() => decodeSnapshot(resealed(bytes, change), signer.publicKey)).toThrow(
      expect.objectContaining({ code: 'integrity/damaged' }),
    );
  });

  test('signed by someone else is refused', () => {
    const stranger = createSigner(new Uint8Array(32).fill(8));
    const { bytes } = encodeSnapshot(recordOf(), stranger);
    expect(() => decodeSnapshot(bytes, signer.publicKey)).toThrow(
      expect.objectContaining({ code: 'integrity/damaged' }),
    );
  });

  test.each([
    ['without a host', (fields: Record<string, unknown>) => void delete fields['host']],
    [
      'with a log that does not fit its size',
      (fields: Record<string, unknown>) => void (fields['log'] = { size: 3, frontier: [bytesOf(1)] }),
    ],
    [
      'with a frontier of short hashes',
      (fields: Record<string, unknown>) => void (fields['log'] = { size: 1, frontier: [bytesOf(1, 31)] }),
    ],
    ['with a negative order', (fields: Record<string, unknown>) => void (fields['order'] = -1)],
    ['of an unknown kind', (fields: Record<string, unknown>) => void (fields['kind'] = 'differential')],
    ['with a short root', (fields: Record<string, unknown>) => void (fields['rootNodeId'] = bytesOf(1, 16))],
    ['with a source that is a number', (fields: Record<string, unknown>) => void (fields['sources'] = [1])],
  ])('%s is malformed, although its signature is right', (_what, change) => {
    const { bytes } = encodeSnapshot(recordOf(), signer);
    expect(() => decodeSnapshot(resealed(bytes, change, signer), signer.publicKey)).toThrow(
      expect.objectContaining({ code: 'integrity/malformed' }),
    );
  });

  test('with any byte changed is refused with a typed error', () => {
    const { bytes } = encodeSnapshot(recordOf(), signer);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x41;
      let thrown: unknown;
      try {
        decodeSnapshot(damaged, signer.publicKey);
      } catch (error) {
        thrown = error;
      }
      expect(thrown, `byte ${at}`).toMatchObject({ name: 'CairnError' });
    }
  });

  test('has a list of problems of its own that comes back as it was', () => {
    const problems = [{ path: 'a\\xff', code: 'EIO', message: 'm' }];
    expect(decodeProblems(encodeProblems(problems))).toEqual(problems);
    expect(decodeProblems(encodeProblems([]))).toEqual([]);
  });

  test('is shown with its raw path escaped and its time in UTC', () => {
    const summary = summariseSnapshot(snapshotOf(1));
    expect(summary).toMatchObject({
      parentId: null,
      time: '2023-11-14T22:13:21.000Z',
      sources: [{ path: '/home/caf\\xe9' }],
    });
  });
});

/** RFC 6962, section 2.1, word for word and without a frontier. */
function naiveRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return EMPTY_LOG_ROOT;
  const [only] = leaves;
  if (leaves.length === 1 && only !== undefined) return hash(concatBytes([Uint8Array.of(0), only]));
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return hash(concatBytes([Uint8Array.of(1), naiveRoot(leaves.slice(0, split)), naiveRoot(leaves.slice(split))]));
}

describe('the event log', () => {
  test('has the root of an RFC 6962 tree over all events, after each of them, and a frontier that fits its size', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 70 }), (events) => {
        let head: LogHead = EMPTY_LOG;
        expect(logRoot(head)).toEqual(EMPTY_LOG_ROOT);
        for (const [index, event] of events.entries()) {
          head = appendEvent(head, event);
          expect(head.size).toBe(index + 1);
          checkHead(head);
        }
        expect(logRoot(head)).toEqual(naiveRoot(events));
      }),
      { numRuns: 60 },
    );
  });

  test('never changes a head that was handed out', () => {
    const first = appendEvent(EMPTY_LOG, bytesOf(1));
    const root = logRoot(first);
    appendEvent(first, bytesOf(2));
    expect(logRoot(first)).toEqual(root);
    expect(EMPTY_LOG).toEqual({ size: 0, frontier: [] });
  });

  test('goes on beyond 2^31 events', () => {
    const size = 2 ** 33 + 1;
    const head: LogHead = { size, frontier: [bytesOf(1), bytesOf(2)] };
    checkHead(head);
    const next = appendEvent(head, bytesOf(3));
    expect(next).toMatchObject({ size: size + 1 });
    checkHead(next);
  });

  test('refuses a head whose frontier does not fit its size', () => {
    expect(() => checkHead({ size: 3, frontier: [bytesOf(1)] })).toThrow(
      expect.objectContaining({ code: 'integrity/malformed' }),
    );
    expect(() => appendEvent({ size: 1, frontier: [] }, bytesOf(1))).toThrow(
      expect.objectContaining({ code: 'integrity/malformed' }),
    );
  });
});

describe('the place of the next snapshot', () => {
  const empty = MerkleSet.fromIds([]).root;

  test('without a parent begins a chain', () => {
    expect(nextPlace([snapshotOf(1)], undefined, 50, OTHER_CHAIN)).toEqual({
      chainId: OTHER_CHAIN,
      sequence: 0,
      kind: 'base',
      chainSetRoot: empty,
    });
  });

  test('with a parent follows the highest of its chain, and binds the set of all that stand in it', () => {
    const base = snapshotOf(1, { sequence: 0 });
    const second = snapshotOf(2, { sequence: 1 });
    const elsewhere = snapshotOf(3, { chainId: OTHER_CHAIN, sequence: 9 });
    const place = nextPlace([base, second, elsewhere], base, 50, OTHER_CHAIN);
    const set = MerkleSet.fromIds([base, second].map(({ id }) => Buffer.from(id, 'hex')));
    expect(place).toEqual({ chainId: CHAIN, sequence: 2, kind: 'incremental', chainSetRoot: set.root });
  });

  test('in a chain that is full begins a new one, also when the base or a middle snapshot is gone', () => {
    const last = snapshotOf(2, { sequence: 50 });
    expect(nextPlace([last], last, 50, OTHER_CHAIN)).toMatchObject({ chainId: OTHER_CHAIN, sequence: 0, kind: 'base' });
    expect(nextPlace([last], last, 51, OTHER_CHAIN)).toMatchObject({ chainId: CHAIN, sequence: 51 });
    expect(nextPlace([last], last, 0, OTHER_CHAIN)).toMatchObject({ kind: 'base' });
  });
});

describe('the parent of a backup', () => {
  const paths = (...names: readonly string[]): SnapshotRecord['sources'] =>
    names.map((name) => ({
      path: Buffer.from(name),
      name,
      rootNodeId: asNodeId(bytesOf(1)),
      rules: { excludes: [], excludeLargerThanBytes: 0, oneFileSystem: false, symlinks: 'store' },
    }));

  test('is the newest of the same host and exactly the same sources, in any order', () => {
    const snapshots = [
      snapshotOf(1, { order: 1, sources: paths('/a', '/b') }),
      snapshotOf(2, { order: 2, sources: paths('/b', '/a') }),
      snapshotOf(3, { order: 3, sources: paths('/a') }),
      snapshotOf(4, { order: 4, sources: paths('/a', '/b', '/c') }),
      snapshotOf(5, { order: 5, sources: paths('/a', '/b'), host: 'other' }),
    ];
    const find = (...names: readonly string[]): string | undefined =>
      findParent(
        snapshots,
        'lab',
        names.map((name) => Buffer.from(name)),
      )?.id;
    expect(find('/a', '/b')).toBe(snapshots[1]?.id);
    expect(find('/b', '/a')).toBe(snapshots[1]?.id);
    expect(find('/a')).toBe(snapshots[2]?.id);
    expect(find('/b')).toBeUndefined();
  });
});

describe('the order of snapshots', () => {
  test('follows the number that only rises, also when the clock went back to 1970 or ahead to 2100', () => {
    const future = snapshotOf(1, { order: 1, finishedAtMs: Date.UTC(2100, 0, 1) });
    const past = snapshotOf(2, { order: 2, finishedAtMs: 0 });
    const now = snapshotOf(3, { order: 3, finishedAtMs: Date.UTC(2025, 0, 1) });
    const sorted = [now, future, past].sort(bySnapshotOrder);
    expect(sorted.map(({ id }) => id)).toEqual([future.id, past.id, now.id]);
    expect(resolveSnapshot(sorted, 'latest').id).toBe(now.id);
    expect(summariseChains(sorted)).toMatchObject([
      { createdAt: '1970-01-01T00:00:00.000Z', lastBackup: '2100-01-01T00:00:00.000Z', snapshots: 3 },
    ]);
  });

  test('is total: whatever comes in, the same comes out', () => {
    const one = fc.record({
      order: fc.integer({ min: 0, max: 3 }),
      finishedAtMs: fc.integer({ min: 0, max: 3 }),
      seed: fc.nat({ max: 20 }),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(one, { selector: ({ seed }) => seed, maxLength: 12 }),
        fc.infiniteStream(fc.nat()),
        (items, noise) => {
          const snapshots = items.map(({ seed, ...rest }) => snapshotOf(seed, rest));
          const shuffled = snapshots
            .map((snapshot) => ({ snapshot, key: noise.next().value }))
            .sort((left, right) => left.key - right.key)
            .map(({ snapshot }) => snapshot);
          expect(shuffled.sort(bySnapshotOrder)).toEqual(snapshots.sort(bySnapshotOrder));
        },
      ),
    );
  });
});

describe('a snapshot by what a person typed', () => {
  const snapshots = ['aaaa1111', 'aaaa2222', 'bbbb0000'].map((prefix): Snapshot => ({
    id: parseSnapshotId(prefix.padEnd(64, '0')),
    record: recordOf(),
  }));
  const find = (text: string): string => resolveSnapshot(snapshots, text).id.slice(0, 8);

  test('is latest, latest~N, or a prefix of at least four characters in either case', () => {
    expect([
      find('latest'),
      find('latest~0'),
      find('latest~2'),
      find('bbbb'),
      find('AAAA2'),
      find('aaaa1111'.padEnd(64, '0')),
    ]).toEqual(['bbbb0000', 'bbbb0000', 'aaaa1111', 'bbbb0000', 'aaaa2222', 'aaaa1111']);
  });

  test.each([
    ['latest~3', 'snapshot/not-found'],
    ['cccc', 'snapshot/not-found'],
    ['aaaa', 'snapshot/ambiguous'],
    ['aaa', 'usage/invalid'],
    ['', 'usage/invalid'],
    ['latest~', 'usage/invalid'],
    ['latest~-1', 'usage/invalid'],
    ['newest', 'usage/invalid'],
    ['aaaa ', 'usage/invalid'],
    ['a'.repeat(65), 'snapshot/not-found'],
  ])('“%s” is %s', (text, code) => {
    expect(() => resolveSnapshot(snapshots, text)).toThrow(expect.objectContaining({ code }));
  });

  test('in a repository without any says so', () => {
    expect(() => resolveSnapshot([], 'latest')).toThrow(/there are 0 snapshots/);
  });
});
