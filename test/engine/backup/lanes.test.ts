/**
 * Lanes are threads that list and read for the backup. A backup with lanes makes exactly what one without makes, for a
 * first snapshot and for every kind of change, and what a lane can't settle the backup settles itself.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BackupReport } from '../../../src-shared/model/index.ts';
import { locate } from '../../../src-main/engine/browse/index.ts';
import type { FileEntry } from '../../../src-main/engine/merkle/index.ts';
import type { Repository } from '../../../src-main/engine/repository/index.ts';
import { Lab } from '../../support/engine-lab.ts';
import { listSnapshots, resolveSnapshot } from '../../../src-main/engine/snapshot/index.ts';
import { setXattr } from '../../support/native.ts';
import { buildTree, mutateTree } from '../../support/tree-builder.ts';
import { compareTrees } from '../../support/walker.ts';

const LANES = { workers: 2, lanesFromFiles: 0 } as const;
const ALONE = { workers: 0 } as const;

let lab: Lab;
let repository: Repository;
beforeEach(async () => {
  lab = new Lab();
  await lab.init({ password: 'correct horse' });
  repository = await lab.open();
});
afterEach(() => {
  lab.dispose();
});

/** What a report says about the tree, without times and ids of this run. */
function facts(report: BackupReport): Partial<BackupReport> {
  const { rootNodeId, filesNew, filesChanged, filesUnmodified, filesRemoved, folders, metadataChanges, problems } =
    report;
  const { bytesScanned } = report;
  return {
    rootNodeId,
    filesNew,
    filesChanged,
    filesUnmodified,
    filesRemoved,
    folders,
    metadataChanges,
    problems,
    bytesScanned,
  };
}

describe('a backup with lanes', () => {
  test('makes the snapshot that one without makes, and then what changed', async () => {
    buildTree(lab.source, {
      seed: 7,
      files: 300,
      folders: 60,
      fileBytesMax: 400_000,
      symlinks: 20,
      hardLinks: 12,
      fifos: 2,
    });
    const withLanes = await lab.backup(repository, LANES);
    const other = new Lab(2);
    try {
      await other.init({ password: 'correct horse' });
      const second = await other.open();
      const alone = (options: object): Promise<BackupReport> =>
        other.backup(second, { ...ALONE, ...options, sources: [Buffer.from(lab.source)] });
      expect(facts(await alone({}))).toEqual(facts(withLanes));
      for (let round = 0; round < 3; round++) {
        mutateTree(lab.source, { seed: 100 + round, count: 40, fileBytesMax: 400_000 });
        lab.clock.advance(3_600_000);
        other.clock.advance(3_600_000);
        expect(facts(await alone({}))).toEqual(facts(await lab.backup(repository, LANES)));
      }
    } finally {
      other.dispose();
    }
    await lab.restore(repository, 'latest', lab.path('out'));
    expect(compareTrees(lab.source, lab.path('out'))).toEqual([]);
    expect((await lab.verify(repository)).damage).toEqual([]);
  });

  test('makes of a folder that is made while it is walked what it is when seen for the first time', async () => {
    const at = (index: number): string => path.join(lab.source, `entry ${String(index).padStart(5, '0')}`);
    fs.mkdirSync(lab.source);
    for (let index = 0; index < 20_000; index++) fs.writeFileSync(at(index), index % 10 === 0 ? `${index}` : '');
    fs.mkdirSync(path.join(lab.source, 'entry 08000 and a folder'));
    await lab.backup(repository, LANES);
    lab.clock.advance(3_600_000);
    fs.rmSync(at(17));
    fs.rmSync(at(12_345));
    fs.writeFileSync(at(12_350), 'other');
    fs.mkdirSync(`${at(16_384)} and more`);
    fs.writeFileSync(`${at(19_999)} and the end`, 'new');
    const second = await lab.backup(repository, LANES);
    expect(second).toMatchObject({ filesNew: 1, filesChanged: 1, filesRemoved: 2, filesUnmodified: 19_997 });
    const other = new Lab(2);
    try {
      await other.init({ password: 'correct horse' });
      const fresh = await other.backup(await other.open(), { ...ALONE, sources: [Buffer.from(lab.source)] });
      expect(fresh.rootNodeId).toBe(second.rootNodeId);
    } finally {
      other.dispose();
    }
    await lab.restore(repository, 'latest', lab.path('out'));
    expect(compareTrees(lab.source, lab.path('out'))).toEqual([]);
    expect((await lab.verify(repository)).damage).toEqual([]);
  });

  test('finds nothing to do in an unchanged tree, and takes over its pages', async () => {
    buildTree(lab.source, { seed: 8, files: 200, folders: 40, fileBytesMax: 3000, symlinks: 5, hardLinks: 5 });
    const first = await lab.backup(repository, LANES);
    const second = await lab.backup(repository, LANES);
    expect(second).toMatchObject({
      rootNodeId: first.rootNodeId,
      filesNew: 0,
      filesChanged: 0,
      filesRemoved: 0,
      bytesRead: 0,
    });
    expect(second.bytesAdded).toBe(0);
  });
});

describe.each([
  ['with lanes', LANES],
  ['on one thread', ALONE],
])('a backup %s', (_, options) => {
  test('notices an attribute that was set, though neither size nor time of the file say so', async () => {
    fs.mkdirSync(lab.source);
    fs.writeFileSync(path.join(lab.source, 'file'), 'content');
    fs.writeFileSync(path.join(lab.source, 'other'), 'other');
    for (const name of ['file', 'other']) fs.utimesSync(path.join(lab.source, name), 1e9, 1e9);
    // The lab's clock is a day ahead; here a change has to lie after the first backup.
    lab.clock.advance(-2 * 86_400_000);
    const first = await lab.backup(repository, options);
    setXattr(path.join(lab.source, 'file'), 'user.note', 'remember');
    const second = await lab.backup(repository, options);
    expect(second).toMatchObject({ filesUnmodified: 2, filesChanged: 0, bytesRead: 12, metadataChanges: 1 });
    expect(second.rootNodeId).not.toBe(first.rootNodeId);
    expect((await entryAt('file')).xattrs).toHaveLength(1);
  });

  test('gives the names of one file one number, the same in the next snapshot, and another file none', async () => {
    fs.mkdirSync(path.join(lab.source, 'deep'), { recursive: true });
    fs.writeFileSync(path.join(lab.source, 'b'), 'linked');
    fs.linkSync(path.join(lab.source, 'b'), path.join(lab.source, 'deep', 'c'));
    fs.writeFileSync(path.join(lab.source, 'z'), 'alone');
    await lab.backup(repository, options);
    const before = await linkGroups(['b', 'deep/c', 'z']);
    expect(before[0]).toBeTypeOf('number');
    expect(before[1]).toBe(before[0]);
    expect(before[2]).toBeUndefined();
    fs.writeFileSync(path.join(lab.source, 'a'), 'new');
    await lab.backup(repository, options);
    expect(await linkGroups(['b', 'deep/c', 'z'])).toEqual(before);
    // The name that gave the number is gone: one name is left, and no group.
    fs.rmSync(path.join(lab.source, 'b'));
    await lab.backup(repository, options);
    expect(await linkGroups(['deep/c'])).toEqual([undefined]);
  });

  test('keeps what a folder’s change of type or name needs, and counts it', async () => {
    fs.mkdirSync(path.join(lab.source, 'one', 'two'), { recursive: true });
    for (const name of ['a', 'b', 'c']) fs.writeFileSync(path.join(lab.source, 'one', 'two', name), name);
    await lab.backup(repository, options);
    fs.rmSync(path.join(lab.source, 'one', 'two'), { recursive: true });
    fs.writeFileSync(path.join(lab.source, 'one', 'two'), 'a file now');
    expect(await lab.backup(repository, options)).toMatchObject({ filesNew: 1, filesRemoved: 3 });
    fs.rmSync(path.join(lab.source, 'one', 'two'));
    fs.mkdirSync(path.join(lab.source, 'one', 'two'));
    expect(await lab.backup(repository, options)).toMatchObject({ filesNew: 0, filesRemoved: 1 });
    await lab.restore(repository, 'latest', lab.path('out'));
    expect(compareTrees(lab.source, lab.path('out'))).toEqual([]);
  });

  test('flags a file with holes, and only that', async () => {
    fs.mkdirSync(lab.source);
    const holes = fs.openSync(path.join(lab.source, 'holes'), 'w');
    fs.ftruncateSync(holes, 200_000);
    fs.closeSync(holes);
    fs.writeFileSync(path.join(lab.source, 'full'), Buffer.alloc(200_000, 1));
    await lab.backup(repository, options);
    const flags = await Promise.all(['holes', 'full'].map(async (name) => (await entryAt(name)).fileFlags));
    expect(flags).toEqual([2, undefined]);
  });
});

async function entryAt(name: string): Promise<Partial<FileEntry>> {
  const { snapshots } = await listSnapshots(repository);
  const located = await locate(repository, resolveSnapshot(snapshots, 'latest'), Buffer.from(name));
  if (located.kind !== 'entry' || located.entry.nodeType !== 'file') throw new Error(`${name} is no file`);
  return located.entry;
}

function linkGroups(names: readonly string[]): Promise<(number | undefined)[]> {
  return Promise.all(names.map(async (name) => (await entryAt(name)).linkGroup));
}
