/**
 * The random changes stay in their folder. An earlier version of them made links to “/” and “..” and changed modes through
 * them: that was the computer of whoever ran the test.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Seeded, seeded, testSeed } from './seed.ts';
import { createOperations, joined } from './watch-operations.ts';

const STEPS = 6000;
/** Links to the neighbours are put there again so often: most of them are soon removed. */
const PLANT_EVERY = 10;
const FOLDERS_MAX = 60;

type Links = { readonly names: readonly Buffer[]; readonly targets: readonly string[] };

const lab = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-operations-')));
afterEach(() => fs.rmSync(lab, { recursive: true, force: true }));

/** Everything that can be seen of the folder and what is in it, but for what the operations are given. */
function pictureOf(folder: string, leftOut: readonly string[] = []): readonly string[] {
  const lines: string[] = [];
  const visit = (file: string): void => {
    const { mode, uid, gid, size, mtimeNs, ino } = fs.lstatSync(file, { bigint: true });
    const isFolder = fs.lstatSync(file).isDirectory();
    const content = isFolder ? fs.readdirSync(file).toSorted().join() : fs.readFileSync(file, 'hex');
    lines.push(`${file} ${mode} ${uid} ${gid} ${isFolder ? '' : size} ${mtimeNs} ${ino} ${content}`);
    if (!isFolder) return;
    for (const name of fs.readdirSync(file).toSorted()) if (!leftOut.includes(name)) visit(path.join(file, name));
  };
  visit(folder);
  return lines;
}

test('random changes touch nothing but their folder, even where links in it lead to its neighbours', () => {
  const seed = testSeed('watch operations');
  const random = seeded(seed);
  const [root, outside, neighbour] = ['root', 'outside', 'neighbour'].map((name) => path.join(lab, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [root, outside, path.join(neighbour, 'a', 'b')]) fs.mkdirSync(folder, { recursive: true });
  for (const name of ['file', 'a/file', 'a/b/c']) fs.writeFileSync(path.join(neighbour, name), name);
  fs.writeFileSync(path.join(lab, 'file'), 'beside');
  const before = pictureOf(lab, ['root', 'outside']);

  const operations = createOperations(Buffer.from(root), Buffer.from(outside), random, process.platform === 'linux');
  // Never further than the lab: should this test fail, nobody else's files may be what it failed on.
  const targets = ['..', lab, neighbour, path.join(lab, 'file'), '../neighbour/a', path.join(neighbour, 'a/file')];
  const names = ['a', 'b', 'c', 'd', 'e', 'file'].map((name) => Buffer.from(name));
  const kinds = new Set<string>();
  for (let step = 0; step < STEPS; step++) {
    if (step % PLANT_EVERY === 0) plant(Buffer.from(root), { names, targets }, random);
    kinds.add(operations.step());
  }

  expect({ seed, picture: pictureOf(lab, ['root', 'outside']) }).toEqual({ seed, picture: before });
  expect(kinds.size).toBeGreaterThan(20);
});

/** Links of these names in folders of the tree, in the place of files too. */
function plant(root: Buffer, { names, targets }: Links, random: Seeded): void {
  const folders = [root];
  for (let index = 0; index < folders.length && folders.length < FOLDERS_MAX; index++) {
    const folder = folders[index] ?? root;
    for (const entry of fs.readdirSync(folder, { withFileTypes: true, encoding: 'buffer' }))
      if (entry.isDirectory()) folders.push(joined(folder, entry.name));
  }
  for (const folder of folders.slice(0, FOLDERS_MAX)) {
    const link = joined(folder, random.pick(names));
    if (fs.lstatSync(link, { throwIfNoEntry: false })?.isDirectory() === true) continue;
    fs.rmSync(link, { force: true });
    fs.symlinkSync(random.pick(targets), link);
  }
}
