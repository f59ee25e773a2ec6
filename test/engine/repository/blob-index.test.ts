/** Where blobs are found: commit files, runs, packs no run covers, second copies, and what a writer may rely on. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BLOB_TYPE } from '../../../src-main/engine/codec/index.ts';
import { openBlobIndex } from '../../../src-main/engine/repository/blob-index.ts';
import type { Repository } from '../../../src-main/engine/repository/index.ts';
import { Lab, WRITER } from '../../support/engine-lab.ts';
import { LOW_LIMITS, chunkIdOf, filesIn, flipIn, noise, put, removeIn } from '../../support/lab-files.ts';
import { compareTrees } from '../../support/walker.ts';

let lab: Lab;
beforeEach(async () => {
  lab = new Lab();
  await lab.init({ password: 'correct horse' });
  fs.mkdirSync(lab.source);
});
afterEach(() => lab.dispose());

const open = (): Promise<Repository> => lab.open(undefined, { limits: LOW_LIMITS });

async function expectRestores(repository: Repository, snapshot = 'latest'): Promise<void> {
  const target = fs.mkdtempSync(lab.path('back-'));
  fs.rmdirSync(target);
  const { problems } = await lab.restore(repository, snapshot, target);
  expect(problems).toEqual([]);
  expect(compareTrees(lab.source, target)).toEqual([]);
}

describe('the index', () => {
  test('finds what lies in commit files, in packs of a run, and in packs that no run covers', async () => {
    const contents = [noise(1, 5000), noise(2, 90_000), noise(3, 80_000)];
    put(lab, 'small', contents[0] ?? '');
    await lab.backup(await open());
    put(lab, 'large', contents[1] ?? '');
    await lab.backup(await open());
    put(lab, 'larger', contents[2] ?? '');
    const before = filesIn(lab, 'index');
    const { snapshotId } = await lab.backup(await open());
    // The run of the last backup is lost: its packs are there, and nothing names them.
    removeIn(lab, ...filesIn(lab, 'index').filter((name) => !before.includes(name)));
    expect(snapshotId).toBeDefined();
    const repository = await open();
    for (const content of contents) {
      expect(
        Buffer.from(await repository.readBlob(chunkIdOf(repository, content), BLOB_TYPE.fileChunk)).equals(content),
      ).toBe(true);
    }
    await expectRestores(await open());
  });

  test('with every run deleted still finds everything, and the next backup writes a run again and stores nothing twice', async () => {
    put(lab, 'large', noise(1, 90_000));
    await lab.backup(await open());
    put(lab, 'larger', noise(2, 90_000));
    await lab.backup(await open());
    removeIn(lab, ...filesIn(lab, 'index'));
    await expectRestores(await open());
    const report = await lab.backup(await open(), { reread: true });
    expect(report.bytesAdded).toBe(0);
    expect(filesIn(lab, 'index')).toHaveLength(1);
    await expectRestores(await open());
    expect((await lab.verify(await open())).damage).toEqual([]);
  });

  test.each([
    ['its header', 40],
    ['a page', 300],
    ['its footer', -60],
    ['its trailer', -4],
  ])('with a run damaged in %s restores everything, and the next backup works', async (_what, at) => {
    put(lab, 'large', noise(1, 90_000));
    put(lab, 'small', 'small');
    await lab.backup(await open());
    const [run] = filesIn(lab, 'index');
    flipIn(lab, run ?? '', at);
    await expectRestores(await open());
    put(lab, 'more', noise(2, 1000));
    const report = await lab.backup(await open());
    expect(report.problems).toEqual([]);
    await expectRestores(await open());
  });

  test('with any one byte of its only run damaged never loses a file', { timeout: 120_000 }, async () => {
    const contents = Array.from({ length: 4 }, (_, index) => noise(index, 8000));
    for (const [index, content] of contents.entries()) put(lab, `file-${index}`, content);
    await lab.backup(await open());
    const [run = ''] = filesIn(lab, 'index');
    const length = fs.statSync(path.join(lab.repositoryPath, run)).size;
    const lost: number[] = [];
    for (let at = 0; at < length; at += 29) {
      flipIn(lab, run, at);
      const repository = await open();
      for (const content of contents) {
        await repository.readBlob(chunkIdOf(repository, content), BLOB_TYPE.fileChunk).catch(() => lost.push(at));
      }
      flipIn(lab, run, at);
    }
    expect(lost).toEqual([]);
  });
});

describe('a writer', () => {
  test('counts what lies in an absent pack, a cut pack or a condemned one as absent, and a reader’s look-up does not', async () => {
    const content = noise(1, 90_000);
    put(lab, 'large', content);
    await lab.backup(await open());
    const repository = await open();
    const id = chunkIdOf(repository, content);
    expect((await openBlobIndex(repository.context, { complete: true })).has(id)).toBe(true);
    const location = await (await repository.index()).find(id);
    const pack = filesIn(lab, 'packs').find((name) => name.endsWith(location?.packId ?? '?')) ?? '';
    const full = path.join(lab.repositoryPath, pack);
    const bytes = fs.readFileSync(full);
    fs.writeFileSync(full, bytes.subarray(0, -1));
    expect((await openBlobIndex(repository.context, { complete: true })).has(id)).toBe(false);
    fs.rmSync(full);
    const index = await openBlobIndex(repository.context, { complete: true });
    expect(index.has(id)).toBe(false);
    expect(await index.find(id)).toBeDefined();
  });

  test('stores again what a lost pack held, in whatever form, and everything restores for readers too', async () => {
    const content = noise(1, 90_000);
    put(lab, 'large', content);
    await lab.backup(await open());
    removeIn(lab, ...filesIn(lab, 'packs'));
    const report = await lab.backup(await open());
    expect(report.bytesAdded).toBeGreaterThanOrEqual(content.length);
    await expectRestores(await open());
    await expectRestores(await open(), 'latest~1');
  });

  test('never loses what it stored again, when small files are merged later', async () => {
    // The lost packs are still named by their run; what was stored again lies in a commit file that is merged away.
    const content = noise(1, 90_000);
    put(lab, 'large', content);
    await lab.backup(await open());
    removeIn(lab, ...filesIn(lab, 'packs'));
    const roomy = { ...LOW_LIMITS, commitFileBytesMax: 1_000_000 };
    const repository = await lab.open(undefined, { limits: roomy });
    const healed = await lab.backup(repository);
    expect(healed.bytesAdded).toBeGreaterThanOrEqual(content.length);
    // Nothing in the source could bring it back a second time.
    fs.rmSync(path.join(lab.source, 'large'));
    for (let round = 0; round < 6; round++) {
      put(lab, 'small', `round ${round}`);
      await lab.backup(repository);
    }
    expect(filesIn(lab, 'commits').length).toBeLessThanOrEqual(roomy.commitFiles);
    await expectHolds(healed.snapshotId, 'large', content);
  });

  test('never loses what it stored again, when index runs are merged later', async () => {
    const content = noise(1, 90_000);
    put(lab, 'large', content);
    const repository = await open();
    await lab.backup(repository);
    const grow = async (round: number): Promise<string> => {
      put(lab, `other-${round % 2}`, noise(100 + round, 30_000));
      return (await lab.backup(repository)).snapshotId;
    };
    // A merged run of a higher generation names the pack…
    for (let round = 0; round < 4; round++) await grow(round);
    const location = await (await repository.index()).find(chunkIdOf(repository, content));
    removeIn(lab, ...filesIn(lab, 'packs').filter((name) => name.endsWith(location?.packId ?? '?')));
    // … which is lost and stored again under a run of generation 0, and then there are too many runs again.
    const healed = await grow(4);
    fs.rmSync(path.join(lab.source, 'large'));
    for (let round = 5; round < 12; round++) await grow(round);
    expect(filesIn(lab, 'index').length).toBeLessThanOrEqual(LOW_LIMITS.indexRuns + 1);
    await expectHolds(healed, 'large', content);
  });
});

async function expectHolds(snapshot: string, name: string, content: Uint8Array): Promise<void> {
  const target = fs.mkdtempSync(lab.path('holds-'));
  const { problems } = await lab.restore(await open(), snapshot, target, { path: Buffer.from(name) });
  expect(problems).toEqual([]);
  expect(fs.readFileSync(path.join(target, name)).equals(content)).toBe(true);
}

describe('a reader that meets damage', () => {
  test('turns to the second copy, where two sessions stored the same content at once', async () => {
    const content = noise(7, 5000);
    put(lab, 'file', content);
    const repository = await open();
    const [one, other] = [await repository.beginWrite(WRITER), await repository.beginWrite(WRITER)];
    const sealed = async (session: typeof one): Promise<void> => {
      session.add(BLOB_TYPE.fileChunk, content);
      await session.publish(() => new Uint8Array(100));
    };
    await sealed(one);
    await sealed(other);
    const commits = filesIn(lab, 'commits');
    expect(commits).toHaveLength(2);
    for (const damaged of commits) {
      const bytes = fs.readFileSync(path.join(lab.repositoryPath, damaged));
      flipIn(lab, damaged, 1000);
      const reader = await open();
      const plain = await reader.readBlob(chunkIdOf(reader, content), BLOB_TYPE.fileChunk);
      expect(Buffer.from(plain).equals(content)).toBe(true);
      fs.writeFileSync(path.join(lab.repositoryPath, damaged), bytes);
    }
  });

  test('says what is missing and what is damaged, and never gives a wrong byte', async () => {
    const content = noise(1, 5000);
    put(lab, 'file', content);
    await lab.backup(await open());
    const [commit = ''] = filesIn(lab, 'commits');
    flipIn(lab, commit, 2000);
    const damaged = await open();
    await expect(damaged.readBlob(chunkIdOf(damaged, content), BLOB_TYPE.fileChunk)).rejects.toMatchObject({
      code: 'integrity/damaged',
    });
    await expect(damaged.readBlob(chunkIdOf(damaged, noise(9, 10)), BLOB_TYPE.fileChunk)).rejects.toMatchObject({
      code: 'integrity/missing',
    });
    // The right bytes of the wrong type are not what was asked for.
    flipIn(lab, commit, 2000);
    const whole = await open();
    await expect(whole.readBlob(chunkIdOf(whole, content), BLOB_TYPE.folderPage)).rejects.toMatchObject({
      code: 'integrity/damaged',
    });
  });

  test('finds what another process published after it opened the repository, time and again', async () => {
    const reader = await open();
    await reader.index();
    for (let round = 0; round < 3; round++) {
      put(lab, `file-${round}`, noise(50 + round, 4000));
      await lab.backup(await open());
      // No time passes for the reader between these: its clock stands still.
      await expectRestores(reader);
    }
  });
});
