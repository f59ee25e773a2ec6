/** What each depth of verify promises, and what its report says. */
import { expect, test } from 'vitest';
import { isCairnError } from '../../../src-shared/errors.ts';
import { asBlobId, asContentHash } from '../../../src-shared/ids.ts';
import type { VerifyReport } from '../../../src-shared/model/index.ts';
import { hash } from '../../../src-main/engine/codec/index.ts';
import type { FileEntry } from '../../../src-main/engine/merkle/index.ts';
import { Repository } from '../../../src-main/engine/repository/index.ts';
import { listSnapshots } from '../../../src-main/engine/snapshot/index.ts';
import { type Store, writeWhole } from '../../../src-main/engine/store/index.ts';
import { ContentCheck } from '../../../src-main/engine/verify/contents.ts';
import { verify } from '../../../src-main/engine/verify/index.ts';
import { deleted, flipped } from '../../support/damage-cases.ts';
import { kindOf, readEverything, verifyAt } from '../../support/damage-check.ts';
import {
  type Files,
  SmallTree,
  backUp,
  buildSmallRepository,
  filesOf,
  openFresh,
  storeOf,
} from '../../support/damage-repository.ts';
import { seeded } from '../../support/seed.ts';

const SEED = 4711;
const small = await buildSmallRepository({ seed: SEED, encrypted: true });
const namesOf = (kind: string): readonly string[] => [...small.files.keys()].filter((name) => kindOf(name) === kind);
const bytesOf = (kind: string): number => namesOf(kind).reduce((sum, name) => sum + small.files.get(name)!.length, 0);
const open = async (files: Files) => openFresh(await storeOf(files), small.recovery, seeded(SEED));
const filesIn = ({ damage }: VerifyReport): readonly string[] => damage.map(({ file }) => file);

test('a whole repository is found whole at every depth, and the report counts what was looked at', async () => {
  const repository = await open(small.files);
  const quick = await verifyAt(repository, 'quick');
  const deep = await verifyAt(repository, 'deep');
  expect(quick).toEqual({
    ok: true,
    checked: {
      packs: 2,
      segments: expect.any(Number) as number,
      blobs: expect.any(Number) as number,
      nodes: 0,
      snapshots: 5,
    },
    coverage: {
      bytes: bytesOf('commit'),
      bytesTotal: bytesOf('pack') + bytesOf('commit'),
      contents: 0,
      contentsLeft: 0,
    },
    damage: [],
  });
  expect(deep.coverage?.bytes).toBe(deep.coverage?.bytesTotal);
  expect((await verifyAt(repository, 'sample')).ok).toBe(true);
  expect(deep.ok).toBe(true);
  expect(deep.checked.packs).toBe(namesOf('pack').length + namesOf('commit').length);
  expect(deep.checked.blobs).toBeGreaterThan(quick.checked.blobs);
  // Every folder and file of every snapshot that is not the same folder at the same place as before.
  expect(deep.checked.nodes).toBeGreaterThan(20);
});

test('nothing is written, whatever is found', async () => {
  for (const name of small.files.keys()) {
    const { files } = flipped(small.files, name, 90, seeded(SEED));
    const store = await storeOf(files);
    await verifyAt(await openFresh(store, small.recovery, seeded(1)), 'deep');
    expect(await filesOf(store), name).toEqual(files);
  }
});

test('quick sees a missing pack and one of another size, and reads no pack', async () => {
  const [name] = namesOf('pack');
  expect(filesIn(await verifyAt(await open(deleted(small.files, name!).files), 'quick'))).toEqual([name]);
  const longer = new Map(small.files).set(name!, Buffer.concat([small.files.get(name!)!, Buffer.alloc(1)]));
  expect(filesIn(await verifyAt(await open(longer), 'quick'))).toEqual([name]);
  const changed = flipped(small.files, name!, 300, seeded(SEED));
  expect((await verifyAt(await open(changed.files), 'quick')).ok).toBe(true);
  expect(filesIn(await verifyAt(await open(changed.files), 'deep'))).toEqual([name]);
});

test('quick sees damage in small files, snapshots, commit files and the footers of index runs', async () => {
  const kinds = ['config', 'instance', 'reserve', 'key', 'event', 'condemnation', 'set', 'snapshot', 'commit'];
  for (const name of kinds.flatMap(namesOf)) {
    const { files } = flipped(small.files, name, 120, seeded(SEED));
    expect(filesIn(await verifyAt(await open(files), 'quick')), name).toContain(name);
  }
  for (const name of namesOf('index')) {
    for (const offset of [9, 50, small.files.get(name)!.length - 60]) {
      const { files } = flipped(small.files, name, offset, seeded(SEED));
      expect(filesIn(await verifyAt(await open(files), 'quick')), `${name} at ${offset}`).toEqual([name]);
    }
  }
});

test('a session file that a power cut tore is nobody’s, and no damage', async () => {
  for (const name of namesOf('session')) {
    const { files } = flipped(small.files, name, 120, seeded(SEED));
    expect((await verifyAt(await open(files), 'deep')).damage).toEqual([]);
  }
  expect(namesOf('session').length).toBeGreaterThan(0);
});

test('a sample of all packs finds what deep finds in them, and one of none finds what the trees miss', async () => {
  const verifySample = async (files: Files, percent: number): Promise<VerifyReport> =>
    verify(await open(files), {
      depth: { kind: 'sample', percent },
      knownSnapshots: [],
      onProgress: () => undefined,
      signal: undefined,
    });
  for (const name of namesOf('pack')) {
    const { files } = flipped(small.files, name, 200, seeded(SEED));
    expect(filesIn(await verifySample(files, 100)), name).toContain(name);
    expect(filesIn(await verifySample(deleted(small.files, name).files, 0.001)), name).toContain(name);
  }
});

test('small samples find damage in the end', async () => {
  const [name] = namesOf('pack').filter((pack) => small.files.get(pack)!.length > 500);
  const repository = await open(flipped(small.files, name!, small.files.get(name!)!.length - 30, seeded(SEED)).files);
  for (let run = 0; run < 200; run++) {
    const depth = { kind: 'sample', percent: 10 } as const;
    const { ok, damage } = await verify(repository, {
      depth,
      knownSnapshots: [],
      onProgress: () => undefined,
      signal: undefined,
    });
    if (ok) continue;
    expect(damage[0]).toMatchObject({ file: name, kind: 'pack' });
    return;
  }
  expect.unreachable('200 samples of a tenth never met the damaged pack');
});

test('a damaged file is one row, with every snapshot and every path that needs it', async () => {
  const lost = new Map<string, Set<string>>();
  for (const name of [...namesOf('pack'), ...namesOf('commit')]) {
    const repository = await open(deleted(small.files, name).files);
    const { lost: unreadable } = await readEverything(repository, small.snapshots);
    lost.set(name, new Set(unreadable.map(({ snapshot }) => snapshot)));
    const { damage } = await verifyAt(await open(deleted(small.files, name).files), 'deep', [
      small.snapshots.at(-1)!.id,
    ]);
    expect(new Set(filesIn({ damage } as VerifyReport)).size).toBe(damage.length);
    const named = new Set(damage.flatMap(({ snapshots }) => snapshots));
    for (const id of lost.get(name)!) expect(named, name).toContain(id);
  }
  // The first pack holds what all later snapshots still need.
  expect(Math.max(...[...lost.values()].map(({ size }) => size))).toBeGreaterThanOrEqual(4);
});

test('what is damaged in one file and whole in another is named and nothing is called lost', async () => {
  // As a merge leaves it that was interrupted before it removed the commit files.
  const store = await storeOf(small.files);
  const repository = await openFresh(store, small.recovery, seeded(1));
  await repository.tidy({ commitFiles: 0, indexRuns: 8 });
  const both = new Map([...(await filesOf(store)), ...small.files]);
  expect((await verifyAt(await open(both), 'deep')).ok).toBe(true);
  for (const name of namesOf('commit')) {
    const { files } = flipped(both, name, 300, seeded(SEED));
    const { damage } = await verifyAt(await open(files), 'deep');
    expect(damage).toMatchObject([{ file: name, kind: 'commit', snapshots: [], paths: [] }]);
  }
});

test('packs that an interrupted backup left behind are no damage', async () => {
  const store = await storeOf(small.files);
  const tree = new SmallTree();
  try {
    tree.file('large.bin', seeded(SEED).bytes(5000));
    const opened = await openFresh(store, small.recovery, seeded(1));
    const failing = {
      ...store,
      create: (folder: string) =>
        folder === 'index' ? Promise.reject(new Error('pulled the plug')) : store.create(folder),
    };
    const context = { ...opened.context, store: failing, limits: { ...opened.context.limits, commitFileBytesMax: 0 } };
    await expect(backUp(new Repository(context, opened.masterKey, undefined), tree.root)).rejects.toThrow(
      'pulled the plug',
    );
    const left = [...(await filesOf(store)).keys()].filter((name) => !small.files.has(name));
    expect(left.map(kindOf)).toEqual(['pack', 'pack']);
    const repository = await openFresh(store, small.recovery, seeded(1));
    for (const depth of ['quick', 'sample', 'deep'] as const)
      expect((await verifyAt(repository, depth)).damage, depth).toEqual([]);
  } finally {
    tree.dispose();
  }
});

test('a repository that was read before is looked at anew: what was damaged since then is found, with its paths', async () => {
  for (const name of namesOf('pack')) {
    const store = await storeOf(small.files);
    const repository = await openFresh(store, small.recovery, seeded(1));
    expect((await verifyAt(repository, 'deep')).ok).toBe(true);
    expect((await readEverything(repository, small.snapshots)).lost).toEqual([]);
    await writeWhole(store, name, new Uint8Array(small.files.get(name)!.length));
    const { damage } = await verifyAt(repository, 'deep');
    const { lost } = await readEverything(await openFresh(store, small.recovery, seeded(1)), small.snapshots);
    expect(lost.length, name).toBeGreaterThan(0);
    expect(damage).toHaveLength(1);
    // And a snapshot of which only seals are lost: its files can be read, and no longer be proven.
    expect(damage[0]!.snapshots, name).toEqual(expect.arrayContaining(lost.map(({ snapshot }) => snapshot)));
  }
});

test('a lost index run is told even where it named nothing but tree packs', async () => {
  for (const name of namesOf('index')) {
    const repository = await open(deleted(small.files, name).files);
    const { damage } = await verifyAt(repository, 'deep');
    expect(damage, name).toMatchObject([{ file: 'index', kind: 'index', snapshots: [], paths: [] }]);
    expect((await readEverything(repository, small.snapshots)).lost).toEqual([]);
  }
});

test('files that no Cairn writes are told by name', async () => {
  const strangers = [
    'note.txt',
    'commits/readme',
    'snapshots/AB',
    'index/thumbs.db',
    `packs/00/${'1'.repeat(64)}`,
    `packs/00/0${'g'.repeat(63)}`,
  ];
  for (const name of strangers) {
    const { damage } = await verifyAt(await open(new Map(small.files).set(name, Buffer.from('hello'))), 'deep');
    expect(
      damage.map(({ file }) => file),
      name,
    ).toContain(name);
  }
});

test('a report says how far it is, and a check can be cancelled', async () => {
  const repository = await open(small.files);
  const told: string[] = [];
  const options = { depth: { kind: 'deep' }, knownSnapshots: [] } as const;
  await verify(repository, {
    ...options,
    onProgress: ({ phase, current }) => told.push(`${phase} ${current}`),
    signal: undefined,
  });
  for (const name of namesOf('pack')) expect(told).toContain(`verify ${name}`);
  expect(told).toContain('verify docs/deep');
  const error: unknown = await verify(repository, {
    ...options,
    onProgress: () => undefined,
    signal: AbortSignal.abort(),
  }).catch((reason: unknown) => reason);
  expect(isCairnError(error, 'engine/cancelled')).toBe(true);
});

test('an error of the drive is thrown: a check that could not look says nothing about damage', async () => {
  const store = await storeOf(small.files);
  const [pack] = namesOf('pack');
  const gone = new Error('the drive is gone');
  const failing: Store = {
    ...store,
    read: (name, range, options) => (name === pack ? Promise.reject(gone) : store.read(name, range, options)),
  };
  const repository = await openFresh(failing, small.recovery, seeded(1));
  await expect(verifyAt(repository, 'deep')).rejects.toBe(gone);
  expect((await listSnapshots(repository)).snapshots).toHaveLength(5);
});

test('a commit file that another session merges meanwhile is no damage, and one that is taken away is', async () => {
  const meddle = async (change: (store: Store) => Promise<unknown>): Promise<VerifyReport> => {
    const store = await storeOf(small.files);
    let isArmed = false;
    const meddling: Store = {
      ...store,
      read: async (name, range, options) => {
        if (isArmed && name.startsWith('commits/')) {
          isArmed = false;
          await change(store);
        }
        return store.read(name, range, options);
      },
    };
    return verify(await openFresh(meddling, small.recovery, seeded(1)), {
      depth: { kind: 'deep' },
      knownSnapshots: [],
      onProgress: ({ current }) => {
        isArmed ||= current.startsWith('packs/');
      },
      signal: undefined,
    });
  };
  const merged = await meddle(async (store) =>
    (await openFresh(store, small.recovery, seeded(2))).tidy({ commitFiles: 0, indexRuns: 8 }),
  );
  expect(merged.damage).toEqual([]);
  const taken = await meddle((store) => store.remove(namesOf('commit')));
  expect(taken.ok).toBe(false);
});

test('the contents of large files are hashed as far as the allowance goes, and what is left is told', async () => {
  const store = await storeOf(small.files);
  const repository = await openFresh(store, small.recovery, seeded(1));
  const parts = Array.from({ length: 4 }, (_, index) => seeded(index).bytes(1000));
  const blobs = { readBlob: (id: Uint8Array) => Promise.resolve(parts[id[0]!]!) };
  const reading = Object.assign(Object.create(repository) as Repository, blobs);
  // However small a chunk is, it counts as one of the smallest that a Cairn cuts.
  const chunkBytes = 16 * 1024;
  const contents = new ContentCheck(reading, 4.5 * chunkBytes);
  const entryOf = (order: readonly number[]): FileEntry => ({
    nodeType: 'file',
    name: Buffer.from('large'),
    mode: 0,
    uid: 0,
    gid: 0,
    mtimeNs: 0n,
    size: order.length * 1000,
    contentHash: asContentHash(hash(Buffer.concat(order.map((index) => parts[index]!)))),
    content: {
      kind: 'inline',
      chunks: order.map((index) => ({ id: asBlobId(new Uint8Array(32).fill(index)), length: 1000 })),
    },
  });
  const isRight = (entry: FileEntry): Promise<boolean> =>
    contents.isRight(entry, () => expect.unreachable('an inline list'), undefined);
  const whole = entryOf([0, 1, 2, 3]);
  expect(await isRight(whole)).toBe(true);
  // The same again costs nothing; another does not fit any more.
  expect(await isRight(whole)).toBe(true);
  expect(contents).toMatchObject({ checkedCount: 1, leftCount: 0 });
  const twisted = { ...entryOf([3, 2]), contentHash: whole.contentHash };
  expect(await isRight(twisted)).toBe(true);
  expect(await isRight(twisted)).toBe(true);
  expect(contents).toMatchObject({ checkedCount: 1, leftCount: 1 });
  const roomy = new ContentCheck(reading, 2 * chunkBytes);
  for (let time = 0; time < 2; time++)
    expect(await roomy.isRight(twisted, () => expect.unreachable('an inline list'), undefined)).toBe(false);
});
