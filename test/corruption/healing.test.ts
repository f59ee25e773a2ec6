/** What a repository has twice, or can make again, is written back by the next backup; what is gone for good is told. */
import { afterEach, describe, expect, test } from 'vitest';
import { isCairnError } from '../../src-shared/errors.ts';
import { decodeInstance, packName, listPacks } from '../../src-main/engine/repository/index.ts';
import type { Repository } from '../../src-main/engine/repository/index.ts';
import { deleted, flipped } from '../support/damage-cases.ts';
import { kindOf, readEverything, verifyAt } from '../support/damage-check.ts';
import {
  type ExpectedSnapshot,
  type Files,
  type SmallRepository,
  SmallTree,
  backUp,
  buildSmallRepository,
  filesOf,
  openFresh,
  storeOf,
} from '../support/damage-repository.ts';
import { seeded, testSeed } from '../support/seed.ts';

const seed = testSeed('healing');
const trees: SmallTree[] = [];
afterEach(() => {
  for (const tree of trees.splice(0)) tree.dispose();
});

function newTree(): SmallTree {
  const tree = new SmallTree();
  trees.push(tree);
  tree.file('only.bin', seeded(seed).bytes(50));
  return tree;
}

/** Damages a repository, backs something up into it, and gives what it then holds. */
async function backUpInto(
  small: SmallRepository,
  files: Files,
): Promise<{ repository: Repository; files: Files; expected: readonly ExpectedSnapshot[] }> {
  const store = await storeOf(files);
  const tree = newTree();
  const entries = tree.state();
  const id = await backUp(await openFresh(store, small.recovery, seeded(seed)), tree.root);
  const repository = await openFresh(store, small.recovery, seeded(seed));
  return { repository, files: await filesOf(store), expected: [...small.snapshots, { id, entries }] };
}

const namesOf = (files: Files, kind: string): readonly string[] =>
  [...files.keys()].filter((name) => kindOf(name) === kind);

describe.each([
  ['encrypted', true],
  ['plain', false],
])('%s repository', (_, encrypted) => {
  const build = (): Promise<SmallRepository> => buildSmallRepository({ seed, encrypted });

  test('the next backup writes a damaged or lost copy of the configuration and of a key back byte by byte', async () => {
    const small = await build();
    const random = seeded(seed);
    for (const name of [...namesOf(small.files, 'config'), ...namesOf(small.files, 'key')]) {
      const middle = Math.floor(small.files.get(name)!.length / 2);
      for (const damaged of [
        deleted(small.files, name),
        flipped(small.files, name, middle, random),
        flipped(small.files, name, 4, random),
      ]) {
        const { repository, files } = await backUpInto(small, damaged.files);
        expect(Buffer.compare(files.get(name)!, small.files.get(name)!), damaged.what).toBe(0);
        expect((await verifyAt(repository, 'deep')).damage, damaged.what).toEqual([]);
      }
    }
  });

  test('the next backup writes a lost or damaged instance marker again, under a new instance id', async () => {
    const small = await build();
    const before = decodeInstance(small.files.get('instance')!);
    for (const damaged of [deleted(small.files, 'instance'), flipped(small.files, 'instance', 100, seeded(seed))]) {
      const { repository, files } = await backUpInto(small, damaged.files);
      const now = decodeInstance(files.get('instance')!);
      expect(now.repositoryId).toBe(before.repositoryId);
      expect(now.instanceId).not.toBe(before.instanceId);
      expect((await verifyAt(repository, 'deep')).damage).toEqual([]);
    }
  });

  test('the next backup names the packs again that a lost index run has named', async () => {
    const small = await build();
    for (const name of namesOf(small.files, 'index')) {
      const { repository, expected } = await backUpInto(small, deleted(small.files, name).files);
      expect((await verifyAt(repository, 'deep')).damage, name).toEqual([]);
      expect(await readEverything(repository, expected)).toEqual({ lost: [], lostSnapshots: [] });
    }
  });

  test('a backup is made, and is whole, beside an index run that is damaged anywhere', async () => {
    const small = await build();
    for (const name of namesOf(small.files, 'index')) {
      const { length } = small.files.get(name)!;
      for (let offset = 5; offset < length; offset += 61) {
        const damaged = flipped(small.files, name, offset, seeded(offset));
        const { repository, expected } = await backUpInto(small, damaged.files);
        expect(await readEverything(repository, expected), damaged.what).toEqual({ lost: [], lostSnapshots: [] });
        const { damage } = await verifyAt(repository, 'deep');
        expect(
          damage.map(({ file }) => file),
          damaged.what,
        ).toEqual([name]);
      }
    }
  });

  test('a backup is made, and is whole, beside damaged packs, commit files and snapshots', async () => {
    const small = await build();
    for (const name of [
      ...namesOf(small.files, 'pack'),
      ...namesOf(small.files, 'commit'),
      ...namesOf(small.files, 'snapshot'),
    ]) {
      for (const damaged of [
        deleted(small.files, name),
        flipped(small.files, name, 9, seeded(1)),
        flipped(small.files, name, 300, seeded(2)),
      ]) {
        const { repository, expected } = await backUpInto(small, damaged.files);
        const { lost, lostSnapshots } = await readEverything(repository, expected);
        expect(lostSnapshots, damaged.what).not.toContain(expected.at(-1)!.id);
        expect(
          lost.some(({ snapshot }) => snapshot === expected.at(-1)!.id),
          damaged.what,
        ).toBe(false);
      }
    }
  });

  test('what a lost pack held is stored again from the source, and merging files later does not lose it again', async () => {
    const small = await build();
    const store = await storeOf(small.files);
    const tree = newTree();
    tree.folder('kept');
    tree.file('kept/file.bin', seeded(seed + 1).bytes(300));
    const first = {
      id: await backUp(await openFresh(store, small.recovery, seeded(1)), tree.root),
      entries: tree.state(),
    };
    const repository = await openFresh(store, small.recovery, seeded(2));
    const before = new Set((await listPacks(repository.context)).keys());
    await repository.tidy({ ...repository.context.limits, commitFiles: 0, indexRuns: 8 });
    const added = [...(await listPacks(repository.context)).keys()].filter((id) => !before.has(id));
    expect(added.length).toBeGreaterThan(0);
    for (const id of added) await store.remove([packName(id)]);

    // The tree is as it was: all of it is stored again, in a commit file beside the run that still names the lost packs.
    const again = await openFresh(store, small.recovery, seeded(3));
    const second = { id: await backUp(again, tree.root), entries: tree.state() };
    expect(
      await readEverything(await openFresh(store, small.recovery, seeded(4)), [...small.snapshots, first, second]),
    ).toMatchObject({
      lostSnapshots: [],
    });
    for (const limits of [
      { commitFiles: 0, indexRuns: 8 },
      { commitFiles: 0, indexRuns: 1 },
      { commitFiles: 0, indexRuns: 0 },
    ]) {
      await again.tidy({ ...again.context.limits, ...limits });
      const reading = await readEverything(await openFresh(store, small.recovery, seeded(5)), [
        ...small.snapshots,
        first,
        second,
      ]);
      expect(reading.lost.filter(({ snapshot }) => snapshot === second.id)).toEqual([]);
    }
  });

  test('a lost newest snapshot is told by what this computer has seen before', async () => {
    const small = await build();
    const newest = small.snapshots.at(-1)!.id;
    const { files } = deleted(small.files, small.fileOf.get(newest)!);
    const repository = await openFresh(await storeOf(files), small.recovery, seeded(1));
    expect((await verifyAt(repository, 'deep')).ok).toBe(true);
    expect((await verifyAt(repository, 'quick', [newest])).damage).toMatchObject([
      { kind: 'snapshot', snapshots: [newest] },
    ]);
  });

  test('an older state of the whole repository is told by what this computer has seen before', async () => {
    const small = await build();
    const store = await storeOf(small.files);
    const tree = newTree();
    const seen = await backUp(await openFresh(store, small.recovery, seeded(1)), tree.root);
    const rolledBack = await openFresh(await storeOf(small.files), small.recovery, seeded(1));
    expect((await verifyAt(rolledBack, 'deep')).ok).toBe(true);
    const { ok, damage } = await verifyAt(rolledBack, 'deep', [seen]);
    expect(ok).toBe(false);
    expect(damage).toMatchObject([{ kind: 'snapshot', snapshots: [seen] }]);
  });

  test('with both copies of the configuration damaged it says so and opens nothing', async () => {
    const small = await build();
    const random = seeded(seed);
    for (let offset = 0; offset < small.files.get('config')!.length; offset += 16) {
      const once = flipped(small.files, 'config', offset, random);
      const store = await storeOf(flipped(once.files, 'config.copy', offset, random).files);
      const error: unknown = await openFresh(store, small.recovery, seeded(1)).catch((reason: unknown) => reason);
      expect(isCairnError(error, 'integrity/damaged'), String(error)).toBe(true);
    }
  });
});

test('with both copies of a password damaged the recovery key still opens everything, and the error names the files', async () => {
  const small = await buildSmallRepository({ seed, encrypted: true });
  const opened = await openFresh(await storeOf(small.files), small.password, seeded(1));
  const copies = [`keys/${opened.openedWith!}.a`, `keys/${opened.openedWith!}.b`];
  let { files } = small;
  for (const name of copies) ({ files } = flipped(files, name, 200, seeded(seed)));
  const store = await storeOf(files);

  const error: unknown = await openFresh(store, small.password, seeded(1)).catch((reason: unknown) => reason);
  expect(isCairnError(error, 'key/slot-damaged'), String(error)).toBe(true);
  for (const name of copies) expect((error as Error).message).toContain(name);
  const repository = await openFresh(store, small.recovery, seeded(1));
  expect(await readEverything(repository, small.snapshots)).toEqual({ lost: [], lostSnapshots: [] });
  expect((await verifyAt(repository, 'deep')).damage.map(({ file, kind }) => [file, kind])).toEqual(
    copies.map((name) => [name, 'key']),
  );
});

test('a wrong password is told from a damaged key', async () => {
  const small = await buildSmallRepository({ seed, encrypted: true });
  const open = openFresh(await storeOf(small.files), { kind: 'password', password: 'not this one' }, seeded(1));
  const error: unknown = await open.catch((reason: unknown) => reason);
  expect(isCairnError(error, 'key/wrong-password')).toBe(true);
});

test('damage in many places at once is named place by place, and costs no more than each place alone', async () => {
  const small = await buildSmallRepository({ seed, encrypted: true });
  const random = seeded(seed);
  const touched = [
    ...namesOf(small.files, 'pack').slice(0, 1),
    ...namesOf(small.files, 'commit').slice(0, 1),
    'config',
    'reserve',
    ...namesOf(small.files, 'index'),
  ];
  let { files } = small;
  for (const name of touched)
    ({ files } = flipped(files, name, random.between(110, files.get(name)!.length - 1), random));
  const store = await storeOf(files);
  const { damage } = await verifyAt(await openFresh(store, small.recovery, seeded(1)), 'deep');
  for (const name of touched) expect(damage.map(({ file }) => file)).toContain(name);
  const { lost } = await readEverything(await openFresh(store, small.recovery, seeded(1)), small.snapshots);
  for (const { snapshot } of lost) expect(damage.some(({ snapshots }) => snapshots.includes(snapshot))).toBe(true);
});
