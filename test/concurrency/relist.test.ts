/** A reader that goes on while others merge what it reads: whatever was moved is found again, at once. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BLOB_TYPE } from '../../src-main/engine/codec/index.ts';
import type { Repository } from '../../src-main/engine/repository/index.ts';
import { Lab } from '../support/engine-lab.ts';
import { LOW_LIMITS, chunkIdOf, filesIn, noise, put } from '../support/lab-files.ts';

let lab: Lab;
beforeEach(async () => {
  lab = new Lab();
  await lab.init();
});
afterEach(() => lab.dispose());

const open = (): Promise<Repository> => lab.open(undefined, { limits: LOW_LIMITS });
/** For the reader time stands still: no pause is ever over. */
const openReader = (): Promise<Repository> => {
  const clock = { nowMs: () => 0, monotonicMs: () => 0 };
  return lab.open(undefined, { limits: LOW_LIMITS, ports: { ...lab.ports, clock } });
};
const contents = Array.from({ length: 6 }, (_, index) => noise(index, 500));

async function backUp(index: number): Promise<void> {
  put(lab, `file-${index}`, contents[index] ?? '');
  await lab.backup(await open());
}

async function merge(): Promise<void> {
  await (await open()).tidy({ commitFiles: 0, indexRuns: 0 });
  expect(filesIn(lab, 'commits')).toEqual([]);
}

async function reads(repository: Repository, index: number): Promise<void> {
  const content = contents[index] ?? Buffer.alloc(0);
  const blob = await repository.readBlob(chunkIdOf(repository, content), BLOB_TYPE.fileChunk);
  expect(Buffer.from(blob).equals(content)).toBe(true);
}

describe('a reader', () => {
  test('finds again what was merged away under it, time after time, however soon', async () => {
    await backUp(0);
    const reader = await openReader();
    await reader.index();
    for (let round = 1; round < contents.length; round++) {
      await merge();
      await reads(reader, round - 1);
      await backUp(round);
      await reads(reader, round);
    }
  });

  test('locates it too', async () => {
    await backUp(0);
    const reader = await openReader();
    for (let round = 1; round < contents.length; round++) {
      await backUp(round);
      expect(await reader.locate(chunkIdOf(reader, contents[round] ?? Buffer.alloc(0)))).toBeDefined();
      await merge();
    }
  });

  test('of many blobs at once scans for all of them together', async () => {
    for (let index = 0; index < 4; index++) await backUp(index);
    const reader = await openReader();
    await reader.index();
    await merge();
    await Promise.all([0, 1, 2, 3].map((index) => reads(reader, index)));
  });

  test('does not look at the listing again for each of very many blobs that are nowhere', async () => {
    await backUp(0);
    let lists = 0;
    const list = lab.store.list.bind(lab.store);
    Object.assign(lab.store, {
      list: (folder: string) => {
        lists++;
        return list(folder);
      },
    });
    const reader = await openReader();
    for (let index = 0; index < 2000; index++) {
      const nowhere = chunkIdOf(reader, Buffer.from(`nowhere ${index}`));
      await expect(reader.readBlob(nowhere, BLOB_TYPE.fileChunk)).rejects.toMatchObject({ code: 'integrity/missing' });
    }
    // A scan lists 256 folders of packs; then two listings for each of 256 looks.
    expect(lists).toBeLessThan(256 + 2 * 256 + 50);
  });
});
