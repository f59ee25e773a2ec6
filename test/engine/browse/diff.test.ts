/** Differences, compared with a model that shares no code with Cairn: the walker's records of both states. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { TreeDiff } from '../../../src-shared/model/index.ts';
import { diffLive, diffSnapshots } from '../../../src-main/engine/browse/index.ts';
import type { Repository } from '../../../src-main/engine/repository/index.ts';
import { type Snapshot, listSnapshots, resolveSnapshot } from '../../../src-main/engine/snapshot/index.ts';
import { Lab } from '../../support/engine-lab.ts';
import { put } from '../../support/lab-files.ts';
import { removeXattr, setXattr } from '../../support/native.ts';
import { testSeed } from '../../support/seed.ts';
import { buildTree, mutateTree } from '../../support/tree-builder.ts';
import { type WalkRecord, walkTree } from '../../support/walker.ts';

let lab: Lab;
let repository: Repository;
beforeEach(async () => {
  lab = new Lab();
  await lab.init();
  repository = await lab.open();
});
afterEach(() => lab.dispose());

const NOTHING = new Uint8Array();
const EMPTY: TreeDiff = { added: [], removed: [], changed: [], metadata: [] };

async function pick(text: string): Promise<Snapshot> {
  return resolveSnapshot((await listSnapshots(repository)).snapshots, text);
}

/** `live`: a file whose time changed counts as changed, because nobody reads it. */
function modelDiff(before: readonly WalkRecord[], after: readonly WalkRecord[], live: boolean): TreeDiff {
  const byPath = (records: readonly WalkRecord[]) =>
    new Map(records.filter(({ path: name }) => name !== '').map((record) => [record.path, record]));
  const [a, b] = [byPath(before), byPath(after)];
  const diff = { added: [] as string[], removed: [] as string[], changed: [] as string[], metadata: [] as string[] };
  for (const name of new Set([...a.keys(), ...b.keys()])) {
    const [left, right] = [a.get(name), b.get(name)];
    const shown = escapePath(Buffer.from(name, 'hex'));
    const isSplit =
      left !== undefined && right !== undefined && (left.type === 'directory') !== (right.type === 'directory');
    if (right === undefined || isSplit) diff.removed.push(shown);
    if (left === undefined || isSplit) diff.added.push(shown);
    if (left === undefined || right === undefined || isSplit) continue;
    const isOther = left.type !== right.type || left.linkTarget !== right.linkTarget || left.device !== right.device;
    const isOtherFile =
      left.type === 'file' &&
      (left.size !== right.size || (live ? left.mtimeNs !== right.mtimeNs : left.content !== right.content));
    if (isOther || isOtherFile) diff.changed.push(shown);
    else if (
      left.mode !== right.mode ||
      left.mtimeNs !== right.mtimeNs ||
      left.uid !== right.uid ||
      left.gid !== right.gid
    )
      diff.metadata.push(shown);
  }
  return sorted(diff);
}

function sorted(diff: TreeDiff): TreeDiff {
  return {
    added: diff.added.toSorted(),
    removed: diff.removed.toSorted(),
    changed: diff.changed.toSorted(),
    metadata: diff.metadata.toSorted(),
  };
}

describe.runIf(process.platform === 'linux')('extended attributes', () => {
  test('that are new, other or gone are a change of metadata, of files, folders and links', async () => {
    put(lab, 'file', 'x');
    put(lab, 'same', 'x');
    fs.mkdirSync(path.join(lab.source, 'folder'));
    const at = (name: string): string => path.join(lab.source, name);
    setXattr(at('same'), 'user.a', 'kept');
    setXattr(at('file'), 'user.a', 'one');
    await lab.backup(repository);
    const before = await pick('latest');
    expect(await diffLive(repository, before, NOTHING)).toEqual(EMPTY);
    for (const change of [
      () => setXattr(at('file'), 'user.a', 'two'),
      () => setXattr(at('file'), 'user.b', 'new'),
      () => removeXattr(at('file'), 'user.a'),
    ]) {
      change();
      expect(await diffLive(repository, before, NOTHING)).toEqual({ ...EMPTY, metadata: ['file'] });
    }
    setXattr(at('folder'), 'user.a', 'of a folder');
    const expected = { ...EMPTY, metadata: ['file', 'folder'] };
    expect(sorted(await diffLive(repository, before, NOTHING))).toEqual(expected);
    // The lab's clock is a day ahead of the disk's, whose times would say that nothing was touched since.
    await lab.backup(repository, { reread: true });
    expect(sorted(await diffSnapshots(repository, before, await pick('latest'), NOTHING))).toEqual(expected);
    expect(await diffLive(repository, await pick('latest'), NOTHING)).toEqual(EMPTY);
  });
});

describe('over random edits', () => {
  const seed = testSeed('diff over random edits');

  test.each([0, 1])(
    'the lists of two snapshots, and of a snapshot and live, are the model’s (tree %i)',
    async (round) => {
      buildTree(lab.source, { seed: seed + round, files: 60, folders: 20, fileBytesMax: 3000, symlinks: 8, fifos: 1 });
      await lab.backup(repository);
      const states = [walkTree(lab.source)];
      for (let step = 1; step <= 3; step++) {
        mutateTree(lab.source, { seed: seed + 1000 * step + round, count: 12, fileBytesMax: 3000 });
        states.push(walkTree(lab.source));
        const previous = await pick('latest');
        expect(sorted(await diffLive(repository, previous, NOTHING))).toEqual(
          modelDiff(states[step - 1] ?? [], states[step] ?? [], true),
        );
        await lab.backup(repository);
        expect(await diffLive(repository, await pick('latest'), NOTHING)).toEqual(EMPTY);
      }
      for (const [from, to] of [
        [0, 1],
        [1, 2],
        [0, 3],
        [3, 0],
        [2, 2],
      ] as const) {
        const [before, after] = [await pick(`latest~${3 - from}`), await pick(`latest~${3 - to}`)];
        expect(sorted(await diffSnapshots(repository, before, after, NOTHING))).toEqual(
          modelDiff(states[from] ?? [], states[to] ?? [], false),
        );
      }
      // Below a path: exactly those of all that lie there.
      const all = sorted(await diffSnapshots(repository, await pick('latest~3'), await pick('latest'), NOTHING));
      for (const folder of states[0]
        ?.filter(({ type, path: name }) => type === 'directory' && name !== '')
        .slice(0, 6) ?? []) {
        const raw = Buffer.from(folder.path, 'hex');
        const shown = escapePath(raw);
        const isBelow = (name: string): boolean => name === shown || name.startsWith(`${shown}/`);
        const expected = {
          added: all.added.filter(isBelow),
          removed: all.removed.filter(isBelow),
          changed: all.changed.filter(isBelow),
          metadata: all.metadata.filter(isBelow),
        };
        expect(sorted(await diffSnapshots(repository, await pick('latest~3'), await pick('latest'), raw))).toEqual(
          expected,
        );
        expect(sorted(await diffLive(repository, await pick('latest~3'), raw)).added).toEqual(expected.added);
      }
    },
  );
});

describe('against live', () => {
  test('lists a single file’s change, and its absence', async () => {
    const file = put(lab, 'file', 'one');
    const sources = [Buffer.from(file)];
    await lab.backup(repository, { sources });
    expect(await diffLive(repository, await pick('latest'), NOTHING)).toEqual(EMPTY);
    fs.writeFileSync(file, 'longer');
    expect(await diffLive(repository, await pick('latest'), NOTHING)).toEqual({ ...EMPTY, changed: ['file'] });
    fs.rmSync(file);
    expect(await diffLive(repository, await pick('latest'), NOTHING)).toEqual({ ...EMPTY, removed: ['file'] });
  });

  test('sees a source that is a link as what it leads to', async () => {
    fs.writeFileSync(lab.path('real'), 'content');
    fs.symlinkSync('real', lab.path('link'));
    await lab.backup(repository, { sources: [Buffer.from(lab.path('link'))] });
    expect(await diffLive(repository, await pick('latest'), NOTHING)).toEqual(EMPTY);
  });

  test('of several sources begins each path with the source’s name', async () => {
    put(lab, 'a', 'a');
    fs.mkdirSync(lab.path('elsewhere', 'source'), { recursive: true });
    fs.writeFileSync(lab.path('elsewhere', 'source', 'b'), 'b');
    await lab.backup(repository, { sources: [Buffer.from(lab.source), Buffer.from(lab.path('elsewhere', 'source'))] });
    expect(await diffLive(repository, await pick('latest'), NOTHING)).toEqual(EMPTY);
    put(lab, 'new', 'new');
    fs.rmSync(lab.path('elsewhere', 'source', 'b'));
    const expected = { added: ['source/new'], removed: ['source-2/b'], changed: [], metadata: ['source', 'source-2'] };
    expect(sorted(await diffLive(repository, await pick('latest'), NOTHING))).toEqual(expected);
    await lab.backup(repository, { sources: [Buffer.from(lab.source), Buffer.from(lab.path('elsewhere', 'source'))] });
    expect(sorted(await diffSnapshots(repository, await pick('latest~1'), await pick('latest'), NOTHING))).toEqual(
      expected,
    );
    expect(await diffLive(repository, await pick('latest~1'), Buffer.from('source-2/b'))).toEqual({
      ...EMPTY,
      removed: ['source-2/b'],
    });
  });

  test('leaves out what the backup’s own rules left out: patterns, pattern files, sizes, the repository itself', async () => {
    put(lab, 'kept.txt', 'kept');
    put(lab, 'left.tmp', 'x');
    put(lab, 'left.log', 'x');
    put(lab, 'large.bin', Buffer.alloc(5000));
    put(lab, 'cafe\u0301.txt', 'x');
    const rules = {
      excludes: ['*.tmp', 'caf\u00e9.txt'],
      excludeFiles: ['# a comment\n*.log\n'],
      excludeLargerThanBytes: 4000,
      excludedRealPaths: [lab.repositoryPath],
    };
    await lab.backup(repository, { sources: [Buffer.from(lab.folder)], ...rules });
    const diff = await diffLive(repository, await pick('latest'), NOTHING, [lab.repositoryPath]);
    expect({ ...diff, metadata: [] }).toEqual(EMPTY);
    put(lab, 'new.tmp', 'x');
    put(lab, 'new.txt', 'x');
    expect(await diffLive(repository, await pick('latest'), NOTHING, [lab.repositoryPath])).toMatchObject({
      added: ['source/new.txt'],
      removed: [],
      changed: [],
    });
  });

  test('follows links where the backup did', async () => {
    fs.mkdirSync(lab.path('far'));
    fs.writeFileSync(lab.path('far', 'file'), 'far');
    put(lab, 'near', 'near');
    fs.symlinkSync('../far', path.join(lab.source, 'folder'));
    fs.symlinkSync('near', path.join(lab.source, 'same'));
    fs.symlinkSync('..', path.join(lab.source, 'nowhere'));
    fs.symlinkSync('.', path.join(lab.source, 'circle'));
    await lab.backup(repository, { symlinks: 'follow', excludes: ['nowhere'] });
    expect(await diffLive(repository, await pick('latest'), NOTHING)).toEqual(EMPTY);
    fs.writeFileSync(lab.path('far', 'file'), 'far, changed');
    expect(await diffLive(repository, await pick('latest'), NOTHING)).toMatchObject({ changed: ['folder/file'] });
  });

  test('never takes a source that is gone for emptied', async () => {
    put(lab, 'file', 'x');
    await lab.backup(repository);
    fs.renameSync(lab.source, lab.path('unmounted'));
    await expect(diffLive(repository, await pick('latest'), NOTHING)).rejects.toMatchObject({
      code: expect.stringMatching(/^source\//) as unknown,
    });
  });

  test('refuses a path that neither has', async () => {
    put(lab, 'file', 'x');
    await lab.backup(repository);
    await lab.backup(repository);
    await expect(diffLive(repository, await pick('latest'), Buffer.from('nothing'))).rejects.toMatchObject({
      code: 'path/not-found',
    });
    await expect(
      diffSnapshots(repository, await pick('latest~1'), await pick('latest'), Buffer.from('nothing')),
    ).rejects.toMatchObject({ code: 'path/not-found' });
    expect(await diffLive(repository, await pick('latest'), Buffer.from('file'))).toEqual(EMPTY);
  });
});

describe.runIf(process.geteuid?.() === 0)('a device', () => {
  test('with another number has changed', async () => {
    fs.mkdirSync(lab.source);
    const device = path.join(lab.source, 'device');
    const make = (minor: string): void => {
      execFileSync('mknod', ['-m', '600', device, 'c', '1', minor]);
      fs.utimesSync(device, 1_700_000_000, 1_700_000_000);
      fs.utimesSync(lab.source, 1_700_000_000, 1_700_000_000);
    };
    make('3');
    await lab.backup(repository);
    fs.rmSync(device);
    make('5');
    expect(await diffLive(repository, await pick('latest'), NOTHING)).toEqual({ ...EMPTY, changed: ['device'] });
    await lab.backup(repository);
    expect(await diffSnapshots(repository, await pick('latest~1'), await pick('latest'), NOTHING)).toEqual({
      ...EMPTY,
      changed: ['device'],
    });
  });
});
