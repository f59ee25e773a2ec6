/**
 * A live backup looks only at the folders that are named. That is right exactly when its root is the root that a scan of
 * everything gives, after whatever happened to the tree.
 */
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { parseSnapshotId } from '../../../src-shared/ids.ts';
import type { LiveReport } from '../../../src-main/engine/backup/index.ts';
import { toHex } from '../../../src-main/engine/kernel/index.ts';
import type { Repository } from '../../../src-main/engine/repository/index.ts';
import { listSnapshots } from '../../../src-main/engine/snapshot/index.ts';
import { Lab } from '../../support/engine-lab.ts';
import { testSeed } from '../../support/seed.ts';
import { buildTree, mutateTree } from '../../support/tree-builder.ts';

/** A backup trusts no time within two seconds of its parent. With this clock a test need not wait for them. */
const AHEAD_MS = 1990;
const runningClock = () => ({
  nowMs: () => Date.now() + AHEAD_MS,
  monotonicMs: () => performance.now(),
  advance: () => undefined,
});
/** So long after a change it counts as seen by the backup that follows. */
const SETTLED_MS = 25;

const labs: Lab[] = [];
afterEach(() => {
  for (const lab of labs.splice(0)) lab.dispose();
});

async function newLab(seed = 1): Promise<{ readonly lab: Lab; readonly repository: Repository }> {
  const lab = new Lab(seed, runningClock());
  labs.push(lab);
  await lab.init();
  fs.mkdirSync(lab.source);
  return { lab, repository: await lab.open() };
}

/** What a watcher would tell of each folder: what is in it and when that was last changed; not what other names a file has. */
function listings(root: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const visit = (folder: Buffer): void => {
    const rows = fs.readdirSync(folder, { encoding: 'buffer' }).map((name) => {
      const at = Buffer.concat([folder, Buffer.from('/'), name]);
      const stat = fs.lstatSync(at, { bigint: true });
      if (stat.isDirectory()) visit(at);
      return [name.toString('latin1'), stat.ino, stat.mode, stat.mtimeNs, stat.size].join(' ');
    });
    found.set(folder.toString('latin1'), rows.sort().join('\n'));
  };
  visit(Buffer.from(root));
  return found;
}

function changedFolders(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly Buffer[] {
  return [...after]
    .filter(([folder, rows]) => before.get(folder) !== rows)
    .map(([folder]) => Buffer.from(folder, 'latin1'));
}

async function state(
  repository: Repository,
): Promise<{ readonly id: string; readonly root: string; readonly page: string }> {
  const { snapshots } = await listSnapshots(repository);
  const { id, record } = snapshots.at(-1) ?? expect.fail('there is no snapshot');
  return { id, root: toHex(record.rootNodeId), page: toHex(record.rootPage.page) };
}

/** What `change` did, backed up by looking only at the folders that it touched. */
async function live(lab: Lab, repository: Repository, change: () => void): Promise<LiveReport> {
  const before = listings(lab.source);
  const parentId = parseSnapshotId((await state(repository)).id);
  change();
  await sleep(SETTLED_MS);
  return lab.backUpChanges(repository, { parentId, folders: changedFolders(before, listings(lab.source)) });
}

async function expectLikeScan(lab: Lab, repository: Repository, what: string): Promise<void> {
  const found = await state(repository);
  const counted = (await listSnapshots(repository)).snapshots.at(-1)?.record.stats;
  const scanned = await lab.backup(repository);
  const { root, page } = await state(repository);
  expect({ root: found.root, page: found.page }, what).toEqual({ root, page });
  const { filesUnmodified, folders, bytesScanned, filesRemoved } = scanned;
  expect(counted, what).toMatchObject({ folders, bytesScanned });
  expect((counted?.filesNew ?? 0) + (counted?.filesChanged ?? 0) + (counted?.filesUnmodified ?? 0), what).toBe(
    scanned.filesNew + scanned.filesChanged + filesUnmodified,
  );
  expect(filesRemoved, what).toBe(0);
}

const at = (lab: Lab, ...names: readonly string[]): string => path.join(lab.source, ...names);

describe('a live backup', () => {
  it(
    'gives the root that a scan of everything gives, whatever happened to the tree',
    { timeout: 300_000 },
    async () => {
      const seed = testSeed('live backup');
      for (let sequence = 0; sequence < 12; sequence++) {
        const { lab, repository } = await newLab(seed + sequence);
        buildTree(lab.source, {
          seed: seed + sequence,
          files: 40,
          folders: 14,
          fileBytesMax: 4000,
          symlinks: 3,
          hardLinks: 3,
        });
        await sleep(SETTLED_MS);
        await lab.backup(repository);
        for (let step = 0; step < 6; step++) {
          const what = `seed ${seed}, sequence ${sequence}, step ${step}`;
          let changes: unknown;
          const { wasFull, wantsFull } = await live(lab, repository, () => {
            changes = mutateTree(lab.source, { seed: seed + 1000 * sequence + step, count: 4, fileBytesMax: 4000 });
          });
          expect(wasFull, what).toBe(false);
          if (wantsFull) await lab.backup(repository);
          else await expectLikeScan(lab, repository, `${what}: ${JSON.stringify(changes)}`);
        }
      }
    },
  );

  it('does not open a folder in which nothing happened', async () => {
    const { lab, repository } = await newLab();
    fs.mkdirSync(at(lab, 'quiet', 'deep'), { recursive: true });
    fs.mkdirSync(at(lab, 'busy'));
    fs.writeFileSync(at(lab, 'quiet', 'deep', 'file'), 'as it was');
    await sleep(SETTLED_MS);
    await lab.backup(repository);
    const parentId = parseSnapshotId((await state(repository)).id);
    fs.writeFileSync(at(lab, 'busy', 'new'), 'new');
    // What nobody reported is not seen: the proof that nothing else was looked at.
    fs.writeFileSync(at(lab, 'quiet', 'deep', 'file'), 'changed unseen');
    await sleep(SETTLED_MS);
    const { report } = await lab.backUpChanges(repository, { parentId, folders: [Buffer.from(at(lab, 'busy'))] });
    expect(report).toMatchObject({ filesNew: 1, filesChanged: 0, filesUnmodified: 1, folders: 4 });
  });

  it('publishes nothing where nothing had changed', async () => {
    const { lab, repository } = await newLab();
    fs.writeFileSync(at(lab, 'file'), 'as it was');
    await sleep(SETTLED_MS);
    await lab.backup(repository);
    const { report, wasFull } = await live(lab, repository, () => undefined);
    expect({ report, wasFull }).toEqual({ report: undefined, wasFull: false });
    expect((await listSnapshots(repository)).snapshots).toHaveLength(1);
  });

  it('walks everything where another backup has come in between', async () => {
    const { lab, repository } = await newLab();
    fs.writeFileSync(at(lab, 'file'), 'first');
    await sleep(SETTLED_MS);
    await lab.backup(repository);
    const parentId = parseSnapshotId((await state(repository)).id);
    await lab.backup(repository);
    fs.writeFileSync(at(lab, 'file'), 'second, longer');
    await sleep(SETTLED_MS);
    const { wasFull, report } = await lab.backUpChanges(repository, { parentId, folders: [] });
    expect(wasFull).toBe(true);
    expect(report?.filesChanged).toBe(1);
  });

  it('walks everything where the rules are others', async () => {
    const { lab, repository } = await newLab();
    fs.mkdirSync(at(lab, 'sub'));
    fs.writeFileSync(at(lab, 'sub', 'debug.log'), 'noise');
    await sleep(SETTLED_MS);
    await lab.backup(repository);
    const parentId = parseSnapshotId((await state(repository)).id);
    const { wasFull, report } = await lab.backUpChanges(repository, { parentId, folders: [] }, { excludes: ['*.log'] });
    expect({ wasFull, removed: report?.filesRemoved }).toEqual({ wasFull: true, removed: 1 });
  });

  it('walks all below a folder whose ignore file changed, came or went', async () => {
    const { lab, repository } = await newLab();
    fs.mkdirSync(at(lab, 'a', 'b', 'c'), { recursive: true });
    fs.writeFileSync(at(lab, 'a', 'b', 'c', 'debug.log'), 'noise');
    fs.writeFileSync(at(lab, 'a', 'b', 'c', 'text'), 'text');
    await sleep(SETTLED_MS);
    await lab.backup(repository);
    const came = await live(lab, repository, () => fs.writeFileSync(at(lab, 'a', '.cairnignore'), '*.log\n'));
    expect(came.report).toMatchObject({ filesNew: 1, filesRemoved: 1 });
    await expectLikeScan(lab, repository, 'came');
    const changed = await live(lab, repository, () => fs.writeFileSync(at(lab, 'a', '.cairnignore'), 'text\n*.log\n'));
    expect(changed.report).toMatchObject({ filesRemoved: 1 });
    await expectLikeScan(lab, repository, 'changed');
    const went = await live(lab, repository, () => fs.unlinkSync(at(lab, 'a', '.cairnignore')));
    expect(went.report).toMatchObject({ filesNew: 2, filesRemoved: 1 });
    await expectLikeScan(lab, repository, 'went');
  });

  it('sees a folder that was put in the place of its like', async () => {
    const { lab, repository } = await newLab();
    for (const name of ['one', 'two']) {
      fs.mkdirSync(at(lab, name, 'deep'), { recursive: true });
      fs.writeFileSync(at(lab, name, 'deep', 'file'), `content of ${name}`);
    }
    const time = new Date('2024-01-01T00:00:00Z');
    for (const name of ['one', 'two', 'one/deep', 'two/deep']) fs.utimesSync(at(lab, name), time, time);
    await sleep(SETTLED_MS);
    await lab.backup(repository);
    const parentId = parseSnapshotId((await state(repository)).id);
    fs.renameSync(at(lab, 'one'), at(lab, 'three'));
    fs.renameSync(at(lab, 'two'), at(lab, 'one'));
    await sleep(SETTLED_MS);
    // Only the folder above is named, as a watcher does where names are exchanged.
    await lab.backUpChanges(repository, { parentId, folders: [Buffer.from(lab.source)] });
    await expectLikeScan(lab, repository, 'exchanged');
  });

  it('asks for a full backup where a file has other names', async () => {
    const { lab, repository } = await newLab();
    fs.mkdirSync(at(lab, 'a'));
    fs.mkdirSync(at(lab, 'b'));
    fs.writeFileSync(at(lab, 'a', 'file'), 'one file');
    await sleep(SETTLED_MS);
    await lab.backup(repository);
    expect(await live(lab, repository, () => fs.linkSync(at(lab, 'a', 'file'), at(lab, 'b', 'again')))).toMatchObject({
      wantsFull: true,
    });
    await lab.backup(repository);
    expect(await live(lab, repository, () => fs.writeFileSync(at(lab, 'b', 'again'), 'other'))).toMatchObject({
      wantsFull: true,
    });
    await lab.backup(repository);
    // Nothing changed: only whoever knows of changes during the backup before has a reason to doubt it.
    const parentId = parseSnapshotId((await state(repository)).id);
    for (const [folder, areLinksInDoubt] of [
      ['b', true],
      ['b', false],
      ['', true],
    ] as const) {
      const scope = { parentId, folders: [Buffer.from(at(lab, folder))], areLinksInDoubt };
      expect(await lab.backUpChanges(repository, scope)).toMatchObject({
        wantsFull: folder === 'b' && areLinksInDoubt,
      });
    }
    expect(await live(lab, repository, () => fs.unlinkSync(at(lab, 'b', 'again')))).toMatchObject({ wantsFull: true });
    await lab.backup(repository);
    expect(await live(lab, repository, () => fs.writeFileSync(at(lab, 'b', 'alone'), 'alone'))).toMatchObject({
      wantsFull: false,
    });
  });
});
