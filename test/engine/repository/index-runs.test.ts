/** The index over a repository’s life: what is read again and what is not, what a writer believes, and when nothing is merged. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BlobId } from '../../../src-shared/ids.ts';
import { BLOB_TYPE } from '../../../src-main/engine/codec/index.ts';
import { openBlobIndex } from '../../../src-main/engine/repository/blob-index.ts';
import { listPacks, type Repository } from '../../../src-main/engine/repository/index.ts';
import type { Store } from '../../../src-main/engine/store/index.ts';
import { Lab, WRITER } from '../../support/engine-lab.ts';
import { LOW_LIMITS, chunkIdOf, filesIn, flipIn, noise, removeIn } from '../../support/lab-files.ts';

/** Everything goes into packs, and nothing is merged unless a test says so. */
const PACKS_ONLY = { ...LOW_LIMITS, commitFileBytesMax: 100, indexRuns: 100 };

let lab: Lab;
beforeEach(async () => {
  lab = new Lab();
  await lab.init({ password: 'correct horse' });
});
afterEach(() => lab.dispose());

const open = (store?: Store): Promise<Repository> =>
  lab.open(undefined, { limits: PACKS_ONLY, ...(store !== undefined && { store }) });

/** One session that stores these contents: a pack and a run. */
async function store(repository: Repository, ...contents: readonly Uint8Array[]): Promise<void> {
  const session = await repository.beginWrite(WRITER);
  for (const content of contents) session.add(BLOB_TYPE.fileChunk, content);
  await session.publish(() => noise(1, 300));
}

const content = (seed: number): Buffer => noise(seed, 3000);

/** The lab’s store, and what it was asked for. */
function watched(): { readonly store: Store; readonly asked: string[] } {
  const asked: string[] = [];
  const watch: ProxyHandler<Store> = {
    get: (target, property) => {
      const member: unknown = Reflect.get(target, property);
      if (typeof member !== 'function') return member;
      return (...inputs: readonly unknown[]): unknown => {
        asked.push(`${String(property)} ${String(inputs[0])}`);
        return Reflect.apply(member, target, inputs);
      };
    },
  };
  return { store: new Proxy<Store>(lab.store, watch), asked };
}

describe('index runs that were read once', () => {
  test('are not read again by later sessions and readers of the same repository', async () => {
    await store(await open(), content(1));
    const { store: counted, asked } = watched();
    const repository = await open(counted);
    await openBlobIndex(repository.context, { complete: true });
    const readsOfRuns = (): string[] => asked.filter((call) => call.startsWith('read index/'));
    expect(readsOfRuns().length).toBeGreaterThan(0);
    asked.length = 0;
    const again = await openBlobIndex(repository.context, { complete: true });
    expect(again.has(chunkIdOf(repository, content(1)))).toBe(true);
    repository.refresh();
    expect(await (await repository.index()).find(chunkIdOf(repository, content(1)))).toBeDefined();
    expect(readsOfRuns()).toEqual([]);
    // A new one is read, and only that one.
    const before = filesIn(lab, 'index');
    await store(await open(), content(2));
    const [added] = filesIn(lab, 'index').filter((name) => !before.includes(name));
    const third = await openBlobIndex(repository.context, { complete: true });
    expect(third.has(chunkIdOf(repository, content(2)))).toBe(true);
    expect(new Set(readsOfRuns())).toEqual(new Set([`read ${added ?? '?'}`]));
  });

  test('say nothing any more once their file is gone or has another size', async () => {
    await store(await open(), content(1));
    await store(await open(), content(2));
    const repository = await open();
    expect((await openBlobIndex(repository.context, { complete: false })).runs).toHaveLength(2);
    const [first = '', second = ''] = filesIn(lab, 'index');
    fs.appendFileSync(path.join(lab.repositoryPath, first), 'x');
    const cut = await openBlobIndex(repository.context, { complete: false });
    expect(cut.damage.map(({ file }) => file)).toEqual([first]);
    removeIn(lab, second);
    expect((await openBlobIndex(repository.context, { complete: false })).runs).toEqual([]);
  });
});

describe('preloading', () => {
  test('makes every look-up free of reads, and finds the same', async () => {
    const contents = Array.from({ length: 30 }, (_, seed) => content(seed));
    await store(await open(), ...contents.slice(0, 20));
    await store(await open(), ...contents.slice(20));
    const { store: counted, asked } = watched();
    const repository = await open(counted);
    const ids = contents.map((each): BlobId => chunkIdOf(repository, each));
    const cold = await openBlobIndex((await open()).context, { complete: false });
    const expected = await Promise.all(ids.map((id) => cold.find(id)));
    expect(expected).not.toContain(undefined);
    const index = await repository.index();
    await index.preload();
    asked.length = 0;
    expect(await Promise.all(ids.map((id) => index.find(id)))).toEqual(expected);
    expect(await index.find(chunkIdOf(repository, content(99)))).toBeUndefined();
    expect(asked).toEqual([]);
  });

  test('of a damaged run leaves it to whoever needs it, who then finds the blob by its pack’s own footer', async () => {
    await store(await open(), content(1));
    const [run = ''] = filesIn(lab, 'index');
    flipIn(lab, run, 250);
    const repository = await open();
    await (await repository.index()).preload();
    const plain = await repository.readBlob(chunkIdOf(repository, content(1)), BLOB_TYPE.fileChunk);
    expect(Buffer.from(plain).equals(content(1))).toBe(true);
  });
});

describe('a writer', () => {
  test('counts exactly the blobs of an absent pack as absent, where a run names other packs too', async () => {
    await store(await open(), content(1), content(2));
    const [lost = ''] = filesIn(lab, 'packs');
    await store(await open(), content(3), content(4));
    await (await open()).tidy({ commitFiles: 100, indexRuns: 1 });
    expect(filesIn(lab, 'index')).toHaveLength(1);
    removeIn(lab, lost);
    const repository = await open();
    const index = await openBlobIndex(repository.context, { complete: true });
    const known = [1, 2, 3, 4, 5].map((seed) => index.has(chunkIdOf(repository, content(seed))));
    expect(known).toEqual([false, false, true, true, false]);
  });

  test('believes another run that names a sound pack, where one names an absent one', async () => {
    const [one, other] = [await (await open()).beginWrite(WRITER), await (await open()).beginWrite(WRITER)];
    for (const session of [one, other]) {
      session.add(BLOB_TYPE.fileChunk, content(1));
      await session.publish(() => noise(1, 300));
    }
    const packs = filesIn(lab, 'packs');
    expect(packs).toHaveLength(2);
    for (const lost of packs) {
      const bytes = fs.readFileSync(path.join(lab.repositoryPath, lost));
      removeIn(lab, lost);
      const repository = await open();
      const index = await openBlobIndex(repository.context, { complete: true });
      expect(index.has(chunkIdOf(repository, content(1)))).toBe(true);
      fs.writeFileSync(path.join(lab.repositoryPath, lost), bytes);
    }
    removeIn(lab, ...packs);
    const repository = await open();
    const index = await openBlobIndex(repository.context, { complete: true });
    expect(index.has(chunkIdOf(repository, content(1)))).toBe(false);
  });

  test('counts what lies in a pack that no run covers, unless that pack is cut', async () => {
    await store(await open(), content(1));
    removeIn(lab, ...filesIn(lab, 'index'));
    const repository = await open();
    const id = chunkIdOf(repository, content(1));
    expect((await openBlobIndex(repository.context, { complete: true })).has(id)).toBe(true);
    const [pack = ''] = filesIn(lab, 'packs');
    fs.truncateSync(path.join(lab.repositoryPath, pack), 1000);
    expect((await openBlobIndex(repository.context, { complete: true })).has(id)).toBe(false);
  });
});

describe('looking for packs', () => {
  test('looks only into the folders that are there, and once for a backup', async () => {
    const quiet = await open();
    for (let seed = 0; seed < 4; seed++) await store(quiet, content(seed));
    const folders = new Set(filesIn(lab, 'packs').map((name) => path.dirname(name)));
    const { store: counted, asked } = watched();
    const repository = await open(counted);
    asked.length = 0;
    await store(repository, content(100));
    await repository.tidy();
    const looks = asked.filter((call) => /^list packs\//.test(call));
    expect(new Set(looks)).toEqual(new Set([...folders].map((folder) => `list ${folder}`)));
    expect(looks).toHaveLength(folders.size);
  });

  test('finds the same packs at a destination that can’t tell its folders', async () => {
    const repository = await open();
    for (let seed = 0; seed < 4; seed++) await store(repository, content(seed));
    const plain = new Proxy<Store>(lab.store, {
      get: (target, property) => {
        if (property === 'listFolders') return undefined;
        const member: unknown = Reflect.get(target, property);
        if (typeof member !== 'function') return member;
        return (...inputs: readonly unknown[]): unknown => Reflect.apply(member, target, inputs);
      },
    });
    const packs = await listPacks(repository.context);
    expect(packs.size).toBe(4);
    expect(await listPacks((await open(plain)).context)).toEqual(packs);
  });

  test('fails where a folder can’t be looked into, and never takes it for empty', async () => {
    const repository = await open();
    await store(repository, content(1));
    const [pack = ''] = filesIn(lab, 'packs');
    const folder = path.join(lab.repositoryPath, path.dirname(pack));
    fs.renameSync(folder, `${folder}-elsewhere`);
    fs.writeFileSync(folder, 'a file where a folder was');
    // A file is no folder with packs: then the pack is missing, as it is for everyone.
    expect((await listPacks(repository.context)).size).toBe(0);
    fs.rmSync(folder);
    fs.symlinkSync('loop', folder);
    await expect(listPacks(repository.context)).rejects.toMatchObject({ name: 'CairnError' });
  });
});

describe('merging index runs', () => {
  async function fourRuns(): Promise<void> {
    for (let seed = 0; seed < 4; seed++) await store(await open(), content(seed));
    expect(filesIn(lab, 'index')).toHaveLength(4);
  }

  test.each([
    ['its header', 40],
    ['its footer', -60],
  ])('waits while one of them is damaged in %s: nothing goes, nothing comes', async (_what, at) => {
    await fourRuns();
    const runs = filesIn(lab, 'index');
    flipIn(lab, runs[0] ?? '', at);
    await (await open()).tidy({ commitFiles: 100, indexRuns: 1 });
    expect(filesIn(lab, 'index')).toEqual(runs);
    flipIn(lab, runs[0] ?? '', at);
    await (await open()).tidy({ commitFiles: 100, indexRuns: 1 });
    expect(filesIn(lab, 'index')).toHaveLength(1);
  });

  test('that meets a damaged page stops: no run goes, none is left half written', async () => {
    await fourRuns();
    const runs = filesIn(lab, 'index');
    flipIn(lab, runs[1] ?? '', 250);
    await expect((await open()).tidy({ commitFiles: 100, indexRuns: 1 })).rejects.toMatchObject({
      code: 'integrity/damaged',
    });
    expect(filesIn(lab, 'index')).toEqual(runs);
  });

  test('waits while a commit file is damaged', async () => {
    await fourRuns();
    const roomy = await lab.open(undefined, { limits: { ...PACKS_ONLY, commitFileBytesMax: 1_000_000 } });
    await store(roomy, content(50));
    const runs = filesIn(lab, 'index');
    const [commit = ''] = filesIn(lab, 'commits');
    flipIn(lab, commit, -4);
    await (await open()).tidy({ commitFiles: 100, indexRuns: 1 });
    expect(filesIn(lab, 'index')).toEqual(runs);
  });

  test('keeps the place in the pack that is there, where the newer run names a lost one', async () => {
    const [one, other] = [await (await open()).beginWrite(WRITER), await (await open()).beginWrite(WRITER)];
    for (const session of [one, other]) {
      session.add(BLOB_TYPE.fileChunk, content(1));
      await session.publish(() => noise(1, 300));
    }
    const packs = filesIn(lab, 'packs');
    for (const lost of packs) {
      const saved = lab.path('saved');
      fs.cpSync(lab.repositoryPath, saved, { recursive: true });
      removeIn(lab, lost);
      await (await open()).tidy({ commitFiles: 100, indexRuns: 1 });
      expect(filesIn(lab, 'index')).toHaveLength(1);
      const repository = await open();
      const place = await (await repository.index()).find(chunkIdOf(repository, content(1)));
      expect(lost.endsWith(place?.packId ?? lost)).toBe(false);
      fs.rmSync(lab.repositoryPath, { recursive: true });
      fs.renameSync(saved, lab.repositoryPath);
    }
  });
});
