/** The check in worker threads says what the check on one thread says, and both let themselves be stopped. */
import { describe, expect, test } from 'vitest';
import { isCairnError } from '../../../src-shared/errors.ts';
import type { VerifyReport } from '../../../src-shared/model/index.ts';
import { FILE_TYPE } from '../../../src-main/engine/codec/index.ts';
import { PACK_BYTES_TARGET_MIN } from '../../../src-main/engine/pack/index.ts';
import type { Repository } from '../../../src-main/engine/repository/index.ts';
import { type Store, createMemoryStore } from '../../../src-main/engine/store/index.ts';
import { createLanes } from '../../../src-main/engine/verify/check-lanes.ts';
import { type VerifyOptions, verify } from '../../../src-main/engine/verify/index.ts';
import { flipped } from '../../support/damage-cases.ts';
import { type Files, buildSmallRepository, openFresh, storeOf } from '../../support/damage-repository.ts';
import { seeded } from '../../support/seed.ts';
import { buildDataRepository } from './data-repository.ts';

const small = await buildSmallRepository({ seed: 12, encrypted: true });

const check = (repository: Repository, options: Partial<VerifyOptions>): Promise<VerifyReport> =>
  verify(repository, {
    depth: { kind: 'deep' },
    knownSnapshots: [],
    onProgress: () => undefined,
    signal: undefined,
    ...options,
  });
const open = async (files: Files): Promise<Repository> => openFresh(await storeOf(files), small.recovery, seeded(1));
const INLINE = { workers: 0 };
const THREADS = { workers: 2, threadsFromBytes: 0 };

describe('worker threads and one thread', () => {
  test('count the same in a sound repository', async () => {
    const inline = await check(await open(small.files), INLINE);
    expect(inline.ok).toBe(true);
    expect(inline.checked.blobs).toBeGreaterThan(10);
    expect(await check(await open(small.files), THREADS)).toEqual(inline);
  });

  test('report the same damage, wherever a pack or commit file is hit', async () => {
    const random = seeded(5);
    const containers = [...small.files].filter(([name]) => /^(packs|commits)\//.test(name));
    for (const [name, bytes] of [containers[0]!, containers.at(-1)!]) {
      for (const offset of [3, 120, Math.floor(bytes.length / 2), bytes.length - 3]) {
        const { files, what } = flipped(small.files, name, offset, random);
        const inline = await check(await open(files), INLINE);
        expect(
          inline.damage.map(({ file }) => file),
          what,
        ).toContain(name);
        expect(await check(await open(files), THREADS), what).toEqual(inline);
      }
    }
  }, 60_000);

  test('count every segment of packs that take many pieces', async () => {
    const store = createMemoryStore();
    const repository = await buildDataRepository(store, { blobs: 40, blobBytes: 512 * 1024 });
    const bytes = (await Promise.all((await listAll(store)).map((name) => store.stat(name)))).reduce(
      (sum, found) => sum + (found?.sizeBytes ?? 0),
      0,
    );
    expect(bytes).toBeGreaterThan(PACK_BYTES_TARGET_MIN);
    for (const options of [INLINE, THREADS]) {
      const { damage, checked, coverage } = await check(repository, options);
      expect(damage).toEqual([]);
      expect(checked.blobs).toBe(40);
      expect(coverage).toMatchObject({ bytes, bytesTotal: bytes });
    }
  });

  test.each([
    ['one thread', INLINE],
    ['worker threads', THREADS],
  ])('are stopped between pieces: %s', async (_, options) => {
    const store = createMemoryStore();
    const repository = await buildDataRepository(store, { blobs: 40, blobBytes: 512 * 1024 });
    const cancel = new AbortController();
    let bytesRead = 0;
    const outcome: unknown = await check(repository, {
      ...options,
      signal: cancel.signal,
      onProgress: ({ bytes }) => {
        bytesRead = bytes;
        if (bytes > 0) cancel.abort();
      },
    }).catch((error: unknown) => error);
    expect(isCairnError(outcome, 'engine/cancelled')).toBe(true);
    expect(bytesRead).toBeLessThan(PACK_BYTES_TARGET_MIN);
  });

  test.each([
    ['one thread', INLINE],
    ['worker threads', THREADS],
  ])('throw an error of the drive, with nothing left running: %s', async (_, options) => {
    const store = await storeOf(small.files);
    const gone = new Error('the drive is gone');
    const [pack] = [...small.files.keys()].filter((name) => name.startsWith('packs/'));
    const failing: Store = {
      ...store,
      read: (name, range, more) => (name === pack ? Promise.reject(gone) : store.read(name, range, more)),
    };
    await expect(check(await openFresh(failing, small.recovery, seeded(1)), options)).rejects.toBe(gone);
  });
});

async function listAll(store: Store): Promise<readonly string[]> {
  const folders = Array.from({ length: 256 }, (_, index) => `packs/${index.toString(16).padStart(2, '0')}`);
  return (await Promise.all(folders.map((folder) => store.list(folder)))).flat().map(({ name }) => name);
}

test('a worker that fails fails the check: what it was given does not count as sound', async () => {
  const { context } = await open(small.files);
  const { idKey, repositoryIdBytes: repositoryId, secrets } = context;
  const lanes = createLanes({ idKey, repositoryId, secrets }, 2);
  try {
    lanes.open({ pack: 0, sizeBytes: 1000, fileTypes: [FILE_TYPE.dataPack], ranges: [] });
    lanes.submit({ kind: 'piece', pack: 0, first: 0, count: 1, offset: 0, bytes: new Uint8Array(10) }, () =>
      expect.unreachable('nothing was checked'),
    );
    await expect(lanes.drain()).rejects.toThrow('opening a pack twice reads the same ranges');
    await expect(lanes.room()).rejects.toThrow();
  } finally {
    await lanes.end();
  }
});
