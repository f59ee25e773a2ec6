/**
 * Source and target against each other, without a repository between them: what the reader gives and the writer makes
 * must be the same tree in the eyes of the independent walker.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  openTarget,
  type TargetFolder,
  type TargetIdentity,
  type TargetMetadata,
} from '../../../src-main/engine/restore/target.ts';
import {
  closeSourceFolder,
  type FileStat,
  listFolder,
  openSourceChild,
  openSourceFile,
  openSourceRoot,
  resolvePath,
  type SourceFolder,
} from '../../../src-main/engine/source/index.ts';
import { seeded, testSeed } from '../../support/seed.ts';
import { buildTree, mutateTree } from '../../support/tree-builder.ts';
import { compareTrees, walkTree } from '../../support/walker.ts';

let base = '';
beforeEach(() => {
  base = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-roundtrip-'));
});
afterEach(() => {
  openTarget(base, { create: false }).root.removeEntry(Buffer.from('source'));
  openTarget(base, { create: false }).root.removeEntry(Buffer.from('target'));
  fs.rmSync(base, { recursive: true, force: true });
});

const isRoot = process.geteuid?.() === 0;
const metadataOf = ({ mode, mtimeNs, uid, gid }: FileStat): TargetMetadata => ({
  mode,
  mtimeNs,
  ...(isRoot ? { uid, gid } : {}),
});

type Copy = {
  readonly first: Map<string, { folder: TargetFolder; name: Uint8Array; identity: TargetIdentity }>;
  readonly links: (() => void)[];
  readonly ends: (() => void)[];
};

function must<Value extends object>(value: Value): Exclude<Value, { readonly failed: unknown }> {
  if ('failed' in value) throw new Error(JSON.stringify(value.failed));
  return value as Exclude<Value, { readonly failed: unknown }>;
}

/** The order that target.ts asks for: links after everything else, a folder’s own metadata after all that is in it. */
function copyFolder(from: SourceFolder, to: TargetFolder, copy: Copy): void {
  const { entries, problems } = must(listFolder(from));
  expect(problems).toEqual([]);
  for (const { name, stat, linkTarget } of entries) {
    const options = { ...metadataOf(stat), replace: false };
    if (stat.nodeType === 'directory') {
      const source = must(openSourceChild(from, name, stat));
      const child = to.child(name, { create: true });
      if (child.kind !== 'opened') throw new Error(child.kind);
      copyFolder(source, child.folder, copy);
      copy.ends.push(() => {
        expect(child.folder.setMetadata(metadataOf(stat))).toEqual([]);
        child.folder.close();
      });
      closeSourceFolder(source);
    } else if (linkTarget !== undefined) {
      copy.links.push(() =>
        expect(to.symlink(name, linkTarget, options)).toMatchObject({ kind: 'placed', problems: [] }),
      );
    } else if (stat.nodeType === 'fifo') {
      expect(to.special(name, { nodeType: 'fifo' }, options)).toMatchObject({ kind: 'placed', problems: [] });
    } else copyFile({ from, to, name, stat }, copy);
  }
}

function copyFile(entry: { from: SourceFolder; to: TargetFolder; name: Uint8Array; stat: FileStat }, copy: Copy): void {
  const { from, to, name, stat } = entry;
  const key = `${stat.device}:${stat.inode}`;
  const first = copy.first.get(key);
  if (first !== undefined) {
    expect(to.hardLink(name, first, { replace: false }).kind).toBe('placed');
    return;
  }
  const opened = openSourceFile(resolvePath(from, name), stat);
  const created = to.createFile(name);
  if (opened.kind !== 'opened' || created.kind !== 'created') throw new Error(`${opened.kind} ${created.kind}`);
  const buffer = Buffer.alloc(stat.size + 1);
  const count = opened.file.readInto(buffer, 0, buffer.length);
  if (typeof count !== 'number') throw new Error(count.message);
  expect(opened.file.close().changed).toBe(false);
  created.file.write(buffer.subarray(0, count));
  const placed = created.file.finish({ ...metadataOf(stat), replace: false });
  if (placed.kind !== 'placed') throw new Error(placed.kind);
  expect(placed.problems).toEqual([]);
  if (stat.linkCount > 1) copy.first.set(key, { folder: to, name, identity: placed.identity });
}

it.each([{ pinned: false }, { pinned: true }])(
  'copies any tree so that an independent walker sees no difference, pinned: $pinned',
  ({ pinned }) => {
    if (pinned && process.platform !== 'linux') return;
    const random = seeded(testSeed('target-roundtrip'));
    const source = path.join(base, 'source');
    buildTree(source, {
      seed: random.between(0, 2 ** 31),
      files: 80,
      folders: 25,
      fileBytesMax: 100_000,
      symlinks: 12,
      hardLinks: 6,
      fifos: process.platform === 'linux' ? 1 : 0,
      deepPathBytes: 6000,
    });
    mutateTree(source, { seed: random.between(0, 2 ** 31), count: 20, fileBytesMax: 50_000 });
    const from = must(openSourceRoot(Buffer.from(source), pinned));
    const target = openTarget(path.join(base, 'target'), { create: true });
    const copy: Copy = { first: new Map(), links: [], ends: [] };
    copyFolder(from, target.root, copy);
    for (const link of copy.links) link();
    for (const end of copy.ends) end();
    const rootStat = walkTree(source)[0];
    if (rootStat === undefined) throw new Error('the walker saw nothing');
    expect(target.root.setMetadata({ mode: rootStat.mode, mtimeNs: rootStat.mtimeNs })).toEqual([]);
    closeSourceFolder(from);
    target.close();
    expect(compareTrees(source, path.join(base, 'target'))).toEqual([]);
    expect(walkTree(source).length).toBeGreaterThan(50);
  },
);
