/** Snapshots in a row: the event log, chains, parents, their order, and finding one by what a person typed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asNodeId, parseSnapshotId } from '../../../src-shared/ids.ts';
import { hash } from '../../../src-main/engine/codec/index.ts';
import { concatBytes } from '../../../src-main/engine/kernel/index.ts';
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
  findParent,
  logRoot,
  nextPlace,
  resolveSnapshot,
  summariseChains,
} from '../../../src-main/engine/snapshot/index.ts';
import { CHAIN, OTHER_CHAIN, bytesOf, recordOf, snapshotOf } from '../../support/lab-snapshots.ts';

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
        fc.array(fc.nat(), { minLength: 12, maxLength: 12 }),
        (items, noise) => {
          const snapshots = items.map(({ seed, ...rest }) => snapshotOf(seed, rest));
          const shuffled = snapshots
            .map((snapshot, index) => ({ snapshot, key: noise[index] ?? 0 }))
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
