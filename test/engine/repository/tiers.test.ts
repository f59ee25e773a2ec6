/** However many small backups there are, files stay few; a merge that was cut off changes nothing anyone can see. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BLOB_TYPE } from '../../../src-main/engine/codec/index.ts';
import {
  COMMIT_FILES_MAX,
  COMMIT_FILE_BYTES_MAX,
  INDEX_RUNS_MAX,
  REPOSITORY_LIMITS,
  type Repository,
} from '../../../src-main/engine/repository/index.ts';
import { toHex } from '../../../src-main/engine/kernel/index.ts';
import { writeSnapshotFile } from '../../../src-main/engine/repository/snapshot-file.ts';
import { listSnapshots } from '../../../src-main/engine/snapshot/index.ts';
import type { Store } from '../../../src-main/engine/store/index.ts';
import { Lab, WRITER } from '../../support/engine-lab.ts';
import { LOW_LIMITS, chunkIdOf, filesIn, noise, put } from '../../support/lab-files.ts';

let lab: Lab;
beforeEach(async () => {
  lab = new Lab();
  await lab.init();
  fs.mkdirSync(lab.source);
});
afterEach(() => lab.dispose());

const open = (): Promise<Repository> => lab.open(undefined, { limits: LOW_LIMITS });

async function contentAt(repository: Repository, snapshot: string, name: string): Promise<string> {
  const target = fs.mkdtempSync(lab.path('at-'));
  const { problems } = await lab.restore(repository, snapshot, target, { path: Buffer.from(name) });
  expect(problems).toEqual([]);
  return fs.readFileSync(path.join(target, name), 'utf8');
}

describe('many small commits', () => {
  test('never leave more files than the bounds, and everything in them is found', { timeout: 120_000 }, async () => {
    const repository = await lab.open();
    const contents = Array.from({ length: 80 }, (_, round) => noise(round, 300));
    let [mostCommits, mostRuns] = [0, 0];
    for (const [round, content] of contents.entries()) {
      const session = await repository.beginWrite(WRITER);
      session.add(BLOB_TYPE.fileChunk, content);
      await session.publish(() => noise(1000 + round, 400));
      await repository.tidy();
      mostCommits = Math.max(mostCommits, filesIn(lab, 'commits').length);
      mostRuns = Math.max(mostRuns, filesIn(lab, 'index').length);
    }
    expect(mostCommits).toBeLessThanOrEqual(COMMIT_FILES_MAX);
    expect(mostRuns).toBeLessThanOrEqual(INDEX_RUNS_MAX);
    const fresh = await lab.open();
    for (const content of contents) {
      expect(Buffer.from(await fresh.readBlob(chunkIdOf(fresh, content), BLOB_TYPE.fileChunk)).equals(content)).toBe(
        true,
      );
    }
    // Each snapshot still stands, once: in a commit file or in a file of its own.
    const { objects, damaged } = await fresh.snapshotObjects();
    expect(damaged).toEqual([]);
    expect(objects.map(({ bytes }) => toHex(bytes)).sort()).toEqual(
      contents.map((_, round) => noise(1000 + round, 400).toString('hex')).sort(),
    );
  });

  test('with packs of their own never leave more runs than the bound either', { timeout: 120_000 }, async () => {
    const repository = await lab.open(undefined, { limits: { ...REPOSITORY_LIMITS, commitFileBytesMax: 100 } });
    const contents = Array.from({ length: 20 }, (_, round) => noise(round, 2000));
    for (const [round, content] of contents.entries()) {
      const session = await repository.beginWrite(WRITER);
      session.add(BLOB_TYPE.fileChunk, content);
      expect((await session.publish(() => noise(1000 + round, 400))).form).toBe('packs');
      await repository.tidy();
      expect(filesIn(lab, 'index').length).toBeLessThanOrEqual(INDEX_RUNS_MAX);
    }
    const fresh = await lab.open();
    for (const content of contents)
      expect(await fresh.readBlob(chunkIdOf(fresh, content), BLOB_TYPE.fileChunk)).toHaveLength(2000);
    expect((await fresh.snapshotObjects()).objects).toHaveLength(20);
  });
});

/** The lab’s store, in which one step fails: what comes before has happened, what comes after has not. */
function failing(store: Store, fails: (step: string) => boolean): Store {
  const stop = (step: string): void => {
    if (fails(step)) throw new Error(`cut off at ${step}`);
  };
  return {
    get description() {
      return store.description;
    },
    create: async (folder, check) => {
      const writer = await store.create(folder, check);
      return {
        append: (bytes) => writer.append(bytes),
        get sizeBytes() {
          return writer.sizeBytes;
        },
        finish: async (name, options) => {
          stop(`write ${folder}`);
          await writer.finish(name, options);
          stop(`written ${folder}`);
        },
        abort: () => writer.abort(),
      };
    },
    read: (name, range, options) => store.read(name, range, options),
    stat: (name) => store.stat(name),
    list: (folder) => store.list(folder),
    listNames: (folder) => store.listNames(folder),
    move: (from, to) => store.move(from, to),
    remove: async (names) => {
      const [first = ''] = names;
      stop(`remove ${first.slice(0, first.indexOf('/'))}`);
      await store.remove(names.slice(0, 1));
      stop(`removed ${first.slice(0, first.indexOf('/'))}`);
      await store.remove(names);
    },
  };
}

describe('a merge', () => {
  const rounds = 6;
  let filled: Lab;

  // Filled once without merging, and copied for each test: everything is left to the merge under test.
  beforeAll(async () => {
    filled = new Lab(9);
    await filled.init();
    const repository = await filled.open(undefined, { limits: { ...LOW_LIMITS, commitFiles: 100, indexRuns: 100 } });
    for (let round = 0; round < rounds; round++) {
      put(filled, 'file', `round ${round}`);
      if (round % 2 === 1) put(filled, 'large', noise(round, 30_000));
      await filled.backup(repository);
    }
  });
  afterAll(() => filled.dispose());
  beforeEach(() => {
    fs.rmSync(lab.repositoryPath, { recursive: true });
    fs.cpSync(filled.repositoryPath, lab.repositoryPath, { recursive: true });
    put(lab, 'file', 'as good as new');
  });

  async function expectAll(repository: Repository): Promise<void> {
    const { snapshots, damaged } = await listSnapshots(repository);
    expect(damaged).toEqual([]);
    expect(snapshots).toHaveLength(rounds);
    for (let round = 0; round < rounds; round++)
      expect(await contentAt(repository, `latest~${rounds - 1 - round}`, 'file')).toBe(`round ${round}`);
  }

  test.each([
    'write packs',
    'written packs',
    'write index',
    'written index',
    'write snapshots',
    'written snapshots',
    'remove commits',
    'removed commits',
    'remove index',
    'removed index',
  ])('that is cut off at “%s” loses nothing, and the next one finishes the work', async (step) => {
    let hits = 0;
    // The second of them, where there are several: in the middle.
    const store = failing(
      lab.store,
      (at) => at === step && ++hits === (step.endsWith('packs') || step.endsWith('snapshots') ? 2 : 1),
    );
    const broken = await lab.open(undefined, { limits: LOW_LIMITS, store });
    await expect(broken.tidy({ commitFiles: 2, indexRuns: 2 })).rejects.toThrow(`cut off at ${step}`);
    await expectAll(await open());
    const repository = await open();
    await repository.tidy({ commitFiles: 2, indexRuns: 2 });
    await expectAll(await open());
    expect(filesIn(lab, 'commits').length).toBeLessThanOrEqual(2);
    expect(filesIn(lab, 'index').length).toBeLessThanOrEqual(2);
    // Packs of the merge that was cut off are taken in by the next backup.
    await lab.backup(repository);
    expect((await lab.verify(await open())).damage).toEqual([]);
    expect(filesIn(lab, 'packs').filter((name) => name.includes('tmp-'))).toEqual([]);
  });

  test('leaves snapshots what they were to whoever listed them before: none is decoded and checked again', async () => {
    const repository = await open();
    const before = await listSnapshots(repository);
    await repository.tidy({ commitFiles: 0, indexRuns: 2 });
    expect(filesIn(lab, 'commits')).toEqual([]);
    const after = await listSnapshots(repository);
    expect(after.snapshots).toHaveLength(rounds);
    // They come out of other files now, and are the same objects all the same.
    for (const [index, { record }] of after.snapshots.entries()) expect(record).toBe(before.snapshots[index]?.record);
  });

  test('done by two processes at once loses nothing', async () => {
    const tidied = await Promise.allSettled(
      [open(), open()].map(async (repository) => (await repository).tidy({ commitFiles: 2, indexRuns: 2 })),
    );
    for (const result of tidied)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ name: 'CairnError' });
    await expectAll(await open());
    const repository = await open();
    await repository.tidy({ commitFiles: 2, indexRuns: 2 });
    await expectAll(await open());
    expect((await lab.verify(await open())).damage).toEqual([]);
  });

  test('while another process reads and a third one backs up disturbs neither', async () => {
    const [reader, writer, tidier] = [await open(), await open(), await open()];
    await reader.index();
    const session = await writer.beginWrite(WRITER);
    await tidier.tidy({ commitFiles: 0, indexRuns: 1 });
    await expectAll(reader);
    // Everything this session knew is still there, wherever it lies now.
    session.add(BLOB_TYPE.fileChunk, noise(77, 100));
    await session.abort();
    await lab.backup(writer);
    expect(await contentAt(await open(), 'latest', 'file')).toBe('as good as new');
  });

  test('of index runs is over when it is done: another one writes nothing anew, also where all packs are lost', async () => {
    for (const pack of filesIn(lab, 'packs')) fs.rmSync(path.join(lab.repositoryPath, pack));
    await (await open()).tidy({ commitFiles: 100, indexRuns: 1 });
    const runs = filesIn(lab, 'index');
    expect(runs.length).toBeLessThanOrEqual(2);
    for (let round = 0; round < 3; round++) await (await open()).tidy({ commitFiles: 100, indexRuns: 1 });
    expect(filesIn(lab, 'index')).toEqual(runs);
  });

  test('of nothing but damaged commit files removes nothing', async () => {
    const commits = filesIn(lab, 'commits');
    for (const commit of commits) {
      const full = path.join(lab.repositoryPath, commit);
      const bytes = fs.readFileSync(full);
      bytes[600] = (bytes[600] ?? 0) ^ 1;
      fs.writeFileSync(full, bytes);
    }
    await (await open()).tidy({ commitFiles: 0, indexRuns: 100 });
    expect(filesIn(lab, 'commits')).toEqual(commits);
  });
});

describe('a snapshot file', () => {
  test('has the same name and bytes however often it is written, and another for another snapshot', async () => {
    const { context } = await open();
    const name = await writeSnapshotFile(context, noise(1, 500));
    const bytes = fs.readFileSync(path.join(lab.repositoryPath, name));
    expect(await writeSnapshotFile((await open()).context, noise(1, 500))).toBe(name);
    expect(fs.readFileSync(path.join(lab.repositoryPath, name)).equals(bytes)).toBe(true);
    expect(await writeSnapshotFile(context, noise(2, 500))).not.toBe(name);
    expect(filesIn(lab, 'snapshots')).toHaveLength(2);
  });
});

describe('a write session', () => {
  /** Adds `bytes` of content that does not shrink and publishes. */
  async function publish(repository: Repository, bytes: number): Promise<string> {
    const session = await repository.beginWrite(WRITER);
    for (let left = bytes, seed = 1; left > 0; left -= 60_000, seed++) {
      session.add(BLOB_TYPE.fileChunk, noise(seed, Math.min(left, 60_000)));
      await session.drain();
    }
    return (await session.publish(() => new Uint8Array(500))).form;
  }

  test('turns from one commit file to packs exactly above 4 MiB of compressed data', async () => {
    const plain = new Lab(2);
    try {
      await plain.init({ compression: 'none' });
      const below = await plain.open();
      expect(await publish(below, COMMIT_FILE_BYTES_MAX)).toBe('commit-file');
      expect(filesIn(plain, 'packs')).toEqual([]);
      expect(filesIn(plain, 'commits')).toHaveLength(1);
    } finally {
      plain.dispose();
    }
    const above = new Lab(3);
    try {
      await above.init({ compression: 'none' });
      expect(await publish(await above.open(), COMMIT_FILE_BYTES_MAX + 1)).toBe('packs');
      expect(filesIn(above, 'commits')).toEqual([]);
      expect(filesIn(above, 'index')).toHaveLength(1);
      expect(filesIn(above, 'snapshots')).toHaveLength(1);
    } finally {
      above.dispose();
    }
  });

  test('that is aborted, in whatever state, leaves no file behind', async () => {
    const before = filesIn(lab, '.');
    for (const bytes of [0, 1000, 200_000]) {
      const session = await (await open()).beginWrite(WRITER);
      for (let seed = 0; seed * 50_000 < bytes; seed++) {
        session.add(BLOB_TYPE.fileChunk, noise(seed, 50_000));
        await session.drain();
      }
      await session.abort();
      await session.abort();
    }
    // Whole packs may stay: a later backup uses them.
    expect(filesIn(lab, '.').filter((name) => !name.startsWith('packs/'))).toEqual(before);
    expect(filesIn(lab, 'packs').filter((name) => name.includes('tmp-'))).toEqual([]);
  });

  test('and another at the same time both publish, and both restore', async () => {
    const [one, other] = [new Lab(5), new Lab(6)];
    try {
      put(one, 'a', noise(1, 50_000));
      put(other, 'b', noise(2, 50_000));
      const [first, second] = [await open(), await open()];
      const reports = await Promise.all([
        lab.backup(first, { sources: [Buffer.from(one.source)] }),
        lab.backup(second, { sources: [Buffer.from(other.source)], host: 'second' }),
      ]);
      const repository = await open();
      expect((await listSnapshots(repository)).snapshots).toHaveLength(2);
      for (const [report, source] of [
        [reports[0], one.source],
        [reports[1], other.source],
      ] as const) {
        const target = lab.path(`out-${report.snapshotId.slice(0, 6)}`);
        expect((await lab.restore(repository, report.snapshotId, target)).problems).toEqual([]);
        expect(fs.readdirSync(target)).toEqual(fs.readdirSync(source));
      }
      expect(filesIn(lab, 'sessions')).toEqual([]);
      expect((await lab.verify(repository)).damage).toEqual([]);
    } finally {
      one.dispose();
      other.dispose();
    }
  });

  test('by the same writer at the same time also leaves a repository without damage', async () => {
    put(lab, 'a', 'same source, same host, same writer');
    const [first, second] = [await open(), await open()];
    const reports = await Promise.all([lab.backup(first), lab.backup(second)]);
    expect(new Set(reports.map(({ snapshotId }) => snapshotId)).size).toBe(2);
    put(lab, 'b', 'more');
    await lab.backup(await open());
    const repository = await open();
    expect((await listSnapshots(repository)).snapshots).toHaveLength(3);
    expect((await lab.verify(repository)).damage).toEqual([]);
  });
});
