/** Snapshot records for tests: one that has everything, changed as a test wants it. */
import {
  asBlobId,
  asNodeId,
  parseChainId,
  parseRepositoryId,
  parseSnapshotId,
  parseWriterId,
} from '../../src-shared/ids.ts';
import { createSigner } from '../../src-main/engine/codec/index.ts';
import { toHex } from '../../src-main/engine/kernel/index.ts';
import { EMPTY_LOG, type Snapshot, type SnapshotRecord } from '../../src-main/engine/snapshot/index.ts';
import { seeded } from './seed.ts';

export const signer = createSigner(new Uint8Array(32).fill(7));
export const bytesOf = (seed: number, count = 32): Uint8Array => new Uint8Array(seeded(seed).bytes(count));
export const CHAIN = parseChainId('c'.repeat(32));
export const OTHER_CHAIN = parseChainId('d'.repeat(32));

export function recordOf(changes: Partial<SnapshotRecord> = {}): SnapshotRecord {
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

export function snapshotOf(idSeed: number, changes: Partial<SnapshotRecord> = {}): Snapshot {
  return { id: parseSnapshotId(toHex(bytesOf(idSeed))), record: recordOf(changes) };
}
