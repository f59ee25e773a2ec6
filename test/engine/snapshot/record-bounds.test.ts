/**
 * A snapshot that is written can be read, whatever went wrong in its backup. Each of these once gave an acknowledged
 * snapshot that no reader took, or ended the backup with a failed assertion.
 */
import { describe, expect, test } from 'vitest';
import { isCairnError, type Problem } from '../../../src-shared/errors.ts';
import { asBlobId, asNodeId, parseChainId, parseRepositoryId, parseWriterId } from '../../../src-shared/ids.ts';
import { createSigner } from '../../../src-main/engine/codec/index.ts';
import { BLOB_BYTES_MAX } from '../../../src-main/engine/pack/index.ts';
import {
  decodeProblems,
  decodeSnapshot,
  EMPTY_LOG,
  encodeProblems,
  encodeSnapshot,
  NOTE_LENGTH_MAX,
  PROBLEM_TEXT_LENGTH_MAX,
  type SnapshotRecord,
} from '../../../src-main/engine/snapshot/index.ts';
import { errorOf } from '../../support/codec.ts';

const signer = createSigner(new Uint8Array(32).fill(5));
const id = new Uint8Array(32);

function recordOf(fields: Partial<SnapshotRecord>): SnapshotRecord {
  return {
    repositoryId: parseRepositoryId('ab'.repeat(16)),
    writerId: parseWriterId('ab'.repeat(16)),
    writerSequence: 0,
    log: EMPTY_LOG,
    order: 1,
    chainId: parseChainId('ab'.repeat(16)),
    sequence: 0,
    kind: 'base',
    startedAtMs: 0,
    finishedAtMs: 0,
    host: 'lab',
    user: 'ann',
    sources: [],
    rootPage: { page: asBlobId(id), level: 0 },
    rootNodeId: asNodeId(id),
    chainSetRoot: id,
    packSetRoot: id,
    packCount: 0,
    tags: [],
    note: '',
    pinned: false,
    stats: {
      filesNew: 0,
      filesChanged: 0,
      filesUnmodified: 0,
      filesRemoved: 0,
      folders: 0,
      metadataChanges: 0,
      bytesScanned: 0,
      bytesRead: 0,
      bytesAdded: 0,
      bytesStored: 0,
    },
    problemCount: 0,
    problems: [],
    extra: {},
    ...fields,
  };
}

const read = (record: SnapshotRecord): SnapshotRecord =>
  decodeSnapshot(encodeSnapshot(record, signer).bytes, signer.publicKey).record;

describe('a snapshot', () => {
  test('with the longest note is read back, and one with a longer note is refused before it is written', () => {
    expect(read(recordOf({ note: 'n'.repeat(NOTE_LENGTH_MAX) })).note).toHaveLength(NOTE_LENGTH_MAX);
    const error = errorOf(() => encodeSnapshot(recordOf({ note: 'n'.repeat(NOTE_LENGTH_MAX + 1) }), signer));
    expect(isCairnError(error, 'usage/invalid')).toBe(true);
  });

  test('with a problem at the end of a path of a million characters is read back, its path cut', () => {
    const problem = { path: '/deep'.repeat(200_000), code: 'EACCES', message: 'no' };
    const { problems } = read(recordOf({ problems: [problem, { ...problem, path: 'short' }] }));
    expect(problems.map(({ path }) => path.length)).toEqual([PROBLEM_TEXT_LENGTH_MAX, 5]);
    expect(problems[0]?.path.startsWith('/deep/deep')).toBe(true);
  });

  test('that could not be read back is not written', () => {
    const error = errorOf(() => encodeSnapshot(recordOf({ host: 'h'.repeat(70_000) }), signer));
    expect(isCairnError(error)).toBe(true);
  });

  test('is cut between characters, never inside one', () => {
    const path = `${'x'.repeat(PROBLEM_TEXT_LENGTH_MAX - 2)}👩‍🚀 and more`;
    expect(read(recordOf({ problems: [{ path, code: 'EIO', message: '' }] })).problems[0]?.path.isWellFormed()).toBe(
      true,
    );
  });
});

describe('a list of problems', () => {
  test.each([
    ['200,000 short ones', 200_000, '/a/file'],
    ['20,000 long ones', 20_000, '/a/very/long/path'.repeat(100)],
  ])('of %s fits into a blob and keeps the first ones', (_what, count, path) => {
    const problems = Array.from({ length: count }, (_, index): Problem => ({
      path: `${path}${index}`,
      code: 'EACCES',
      message: 'permission denied',
    }));
    const bytes = encodeProblems(problems);
    expect(bytes.length).toBeLessThanOrEqual(BLOB_BYTES_MAX);
    const kept = decodeProblems(bytes);
    expect(kept.length).toBeGreaterThan(3000);
    expect(kept).toEqual(problems.slice(0, kept.length));
  });
});
