/** What a session says when its destination fails in the middle: the first failure, to everyone who waits for it. */
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isCairnError } from '../../../src-shared/errors.ts';
import { BLOB_TYPE } from '../../../src-main/engine/codec/index.ts';
import { type FileSystem, createLocalStore, nodeFileSystem } from '../../../src-main/engine/store/index.ts';
import { Lab, WRITER } from '../../support/engine-lab.ts';
import { interceptFileSystem } from '../../support/intercept-filesystem.ts';
import { LOW_LIMITS, noise } from '../../support/lab-files.ts';

const READERS = 4;
const BLOBS = 40;
/** Together more than a pack holds. */
const BLOB_BYTES = 150_000;

let lab: Lab;
beforeEach(async () => {
  lab = new Lab();
  await lab.init();
});
afterEach(() => lab.dispose());

/** Takes the drive away when the first pack is about to get its name. */
function goneAtFirstPack(): FileSystem {
  return interceptFileSystem(nodeFileSystem, {
    around: (operation, proceed) => {
      const isPack = operation.kind === 'rename' && operation.target?.includes('/packs/') === true;
      if (isPack && fs.existsSync(lab.repositoryPath)) fs.renameSync(lab.repositoryPath, lab.path('in a drawer'));
      return proceed();
    },
  });
}

describe('a drive that goes while several readers hand blobs on', () => {
  test('is the reason that each of them is given, not what it left behind', async () => {
    const fileSystem = goneAtFirstPack();
    const store = createLocalStore({ root: lab.repositoryPath, random: lab.ports.random, fileSystem });
    const repository = await lab.open(undefined, { store, limits: LOW_LIMITS });
    const session = await repository.beginWrite(WRITER);
    const reader = async (first: number): Promise<unknown> => {
      try {
        for (let index = 0; index < BLOBS; index++) {
          session.add(BLOB_TYPE.fileChunk, noise(first * BLOBS + index, BLOB_BYTES));
          await session.drain();
        }
        return 'went on';
      } catch (error) {
        return isCairnError(error) ? error.code : error;
      }
    };
    const ended = await Promise.all(Array.from({ length: READERS }, (_, index) => reader(index)));
    expect(ended).toEqual(Array.from({ length: READERS }, () => 'destination/gone'));
    await session.abort();
  });
});
