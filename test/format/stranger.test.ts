/**
 * Whether FORMAT.md is enough: a reader that was written from it, and that shares no code with Cairn, reads what Cairn
 * wrote, byte for byte, and finds every promise kept (ids, signatures, roots, the index).
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { asBlobId, asNodeId } from '../../src-shared/ids.ts';
import { BLOB_TYPE, hash } from '../../src-main/engine/codec/index.ts';
import { toHex, utf8 } from '../../src-main/engine/kernel/index.ts';
import {
  attributeFields,
  createChunkListBuilder,
  createFolderPageBuilder,
  createNodeHasher,
  createSealPageBuilder,
  type DirectoryEntry,
  type PageSink,
  type PipeEntry,
  sourcesNode,
} from '../../src-main/engine/merkle/index.ts';
import { noiseBytes } from '../support/codec.ts';
import { Lab } from '../support/engine-lab.ts';
import { testSeed } from '../support/seed.ts';
import { buildTree, mutateTree } from '../support/tree-builder.ts';
import { Stranger } from './stranger.ts';
import { type StrangerEntry, StrangerTree } from './stranger-tree.ts';
import type { Secret } from './stranger-bytes.ts';

const PASSWORD = 'correct horse';

/** What really lies below a folder, in the stranger's form: raw paths as latin1 text. */
function walk(root: string): Map<string, Pick<StrangerEntry, 'content' | 'target' | 'mode' | 'mtimeNs'>> {
  const found = new Map<string, Pick<StrangerEntry, 'content' | 'target' | 'mode' | 'mtimeNs'>>();
  const waiting = [Buffer.from(root)];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const stat = fs.lstatSync(next, { bigint: true });
    const name = path.basename(root) + next.toString('latin1').slice(Buffer.from(root).length);
    found.set(name, {
      mode: Number(stat.mode) & 0o7777,
      mtimeNs: stat.mtimeNs,
      ...(stat.isFile() ? { content: fs.readFileSync(next) } : {}),
      ...(stat.isSymbolicLink() ? { target: fs.readlinkSync(next, { encoding: 'buffer' }) } : {}),
    });
    if (!stat.isDirectory()) continue;
    for (const child of fs.readdirSync(next, { encoding: 'buffer' }))
      waiting.push(Buffer.concat([next, Buffer.from('/'), child]));
  }
  return found;
}

function expectSame(read: ReadonlyMap<string, StrangerEntry>, root: string): void {
  const real = walk(root);
  expect([...read.keys()].sort()).toEqual([...real.keys()].sort());
  for (const [name, { mode, mtimeNs, content, target }] of real) {
    const entry = read.get(name);
    expect({ name, mode: entry?.mode, mtimeNs: entry?.mtimeNs }).toEqual({ name, mode, mtimeNs });
    // Compared as booleans: a difference in megabytes is no message for people.
    expect({
      name,
      same:
        Buffer.compare(content ?? target ?? Buffer.alloc(0), entry?.content ?? entry?.target ?? Buffer.alloc(0)) === 0,
    }).toEqual({ name, same: true });
  }
}

describe.each<{ mode: string; password?: string }>([{ mode: 'encrypted', password: PASSWORD }, { mode: 'plain' }])(
  'a stranger with nothing but FORMAT.md ($mode)',
  ({ password }) => {
    const secret: Secret | undefined = password === undefined ? undefined : { password };
    let lab: Lab;
    beforeEach(() => {
      lab = new Lab();
    });
    afterEach(() => lab.dispose());

    test('reads every file of every snapshot out of commit files, and again after they were merged into packs', async () => {
      await lab.init(password === undefined ? {} : { password });
      const repository = await lab.open();
      const seed = testSeed('stranger');
      buildTree(lab.source, { seed, files: 60, folders: 15, fileBytesMax: 40_000 });
      await lab.backup(repository);
      const first = new Stranger(lab.repositoryPath, secret);
      expectSame(first.read(first.snapshots[0]!), lab.source);

      mutateTree(lab.source, { seed: seed + 1, count: 20, fileBytesMax: 40_000 });
      await lab.backup(repository);
      await repository.tidy({ commitFiles: 0, indexRuns: 16 });
      expect(fs.readdirSync(path.join(lab.repositoryPath, 'commits'))).toEqual([]);
      const second = new Stranger(lab.repositoryPath, secret);
      expect(second.snapshots.map(({ id }) => id)).toHaveLength(2);
      expect(second.snapshots[0]?.id).toBe(first.snapshots[0]?.id);
      expectSame(second.read(second.snapshots[1]!), lab.source);
      expect([...second.read(second.snapshots[0]!).keys()].sort()).toEqual(
        [...first.read(first.snapshots[0]!).keys()].sort(),
      );
      expect(second.indexed).toEqual(second.packed);
      expect(second.indexed.size).toBeGreaterThan(50);
    });
  },
);

test('a stranger follows lists of pages: thousands of files, of folders, and a file of over 32 chunks', async () => {
  const lab = new Lab(3);
  try {
    await lab.init({ password: PASSWORD, compression: 'none' });
    const many = path.join(lab.source, 'many files');
    const folders = path.join(lab.source, 'many folders');
    fs.mkdirSync(many, { recursive: true });
    fs.mkdirSync(folders);
    for (let index = 0; index < 2500; index++) {
      fs.writeFileSync(path.join(many, `a name of some length, number ${index}`), index % 100 === 0 ? `${index}` : '');
    }
    for (let index = 0; index < 1100; index++) fs.mkdirSync(path.join(folders, `${index}`));
    fs.mkdirSync(path.join(folders, '77', 'deeper'));
    // One block of 1 MiB at ever other offsets: 44 MiB of file are few MiB of repository.
    const block = Buffer.from(noiseBytes(1 << 20, 4));
    const blocks = Array.from({ length: 44 }, (_, index) => block.subarray(index % 3 === 0 ? 0 : index));
    fs.writeFileSync(path.join(lab.source, 'large'), Buffer.concat(blocks));
    await lab.backup(await lab.open());
    const stranger = new Stranger(lab.repositoryPath, { password: PASSWORD });
    expectSame(stranger.read(stranger.snapshots[0]!), lab.source);
    expect([...stranger.tree.pageKinds]).toEqual(expect.arrayContaining([1, 2, 3, 5]));
    expect(stranger.indexed).toEqual(stranger.packed);
    expect(stranger.indexed.size).toBeGreaterThan(10);
  } finally {
    lab.dispose();
  }
});

test('a stranger opens an encrypted repository with the recovery key, as it was written down', async () => {
  const lab = new Lab(2);
  try {
    const { recoveryKey = '' } = await lab.init({ password: PASSWORD });
    fs.mkdirSync(lab.source);
    fs.writeFileSync(path.join(lab.source, 'a'), 'kept');
    await lab.backup(await lab.open());
    const stranger = new Stranger(lab.repositoryPath, { recoveryKey: recoveryKey.toLowerCase().replaceAll('-', ' ') });
    expect(stranger.read(stranger.snapshots[0]!).get('source/a')?.content?.toString()).toBe('kept');
    expect(() => new Stranger(lab.repositoryPath, { password: 'wrong' })).toThrow('no key slot opens');
  } finally {
    lab.dispose();
  }
});

test('a stranger reads extended attributes from the entry and from a blob, and finds the same NodeIds', () => {
  const blobs = new Map<string, Buffer>();
  const put = (type: number, bytes: Uint8Array) => {
    const id = hash(bytes);
    blobs.set(`${type} ${toHex(id)}`, Buffer.from(bytes));
    return asBlobId(id);
  };
  const common = { mode: 0o600, uid: 1, gid: 2, mtimeNs: -5n };
  const attributes = (...sizes: number[]) =>
    sizes.map((size, index) => ({ name: utf8(`user.${index}`), value: new Uint8Array(size).fill(index) }));
  // 4,096 bytes of encoding are the last that stand in the entry: one of n, 7 and 2 of the name and its length.
  const lists = [attributes(3, 0), attributes(4096 - 1 - 7 - 2), attributes(4096 - 7 - 2), attributes(60_000, 0, 1)];
  const hasher = createNodeHasher();
  const node = hasher.createFolderNode('');
  const pages = createFolderPageBuilder(put);
  for (const [index, xattrs] of lists.entries()) {
    const name = utf8(`${index}`);
    const fields = attributeFields(xattrs, (plain) => put(BLOB_TYPE.attributes, plain));
    const entry: PipeEntry = { nodeType: 'fifo', name, ...common, ...fields };
    expect('xattrBlob' in fields).toBe(index > 1);
    pages.add(entry);
    node.add(`${index}`, name, hasher.leafNode(`${index}`, entry));
  }
  const { page, level: pageLevel, ...sums } = pages.finish();
  const source: DirectoryEntry = { nodeType: 'directory', name: utf8('home'), ...common, page, pageLevel, ...sums };
  const nodeId = node.finish(source);
  const [top, seals] = [createFolderPageBuilder(put), createSealPageBuilder(put)];
  top.add(source);
  seals.add({ nodeId });
  const [topPage, sealPage] = [top.finish(), seals.finish()!];

  const ref = ({ page: id, level }: { page: Uint8Array; level: number }) => ({ page: Buffer.from(id), level });
  const tree = new StrangerTree((id, type) => blobs.get(`${type} ${toHex(id)}`)!);
  const { entries, root } = tree.read(ref(topPage), ref(sealPage));
  expect(toHex(root)).toBe(toHex(sourcesNode([{ name: 'home', nodeId }])));
  for (const [index, xattrs] of lists.entries()) {
    const read = entries.get(`home/${index}`)?.xattrs.map(([name, value]) => [toHex(name), value.length]);
    expect(read).toEqual(xattrs.map(({ name, value }) => [toHex(name), value.length]));
  }
});

test('a stranger follows lists of 30,000 chunks and of 30,000 seals', () => {
  const pages = new Map<string, Buffer>();
  const sink: PageSink = (_type, bytes) => {
    const id = hash(bytes);
    pages.set(toHex(id), Buffer.from(bytes));
    return asBlobId(id);
  };
  const tree = new StrangerTree((id) => pages.get(toHex(id))!);
  const ids = Array.from({ length: 30_000 }, (_, index) => hash(utf8(`${index}`)));

  const chunkList = createChunkListBuilder(sink);
  for (const [index, id] of ids.entries()) chunkList.add({ id: asBlobId(id), length: 1 + index });
  const content = chunkList.finish();
  if (content.kind !== 'pages') throw new Error('30,000 chunks stand in pages');
  const chunks = tree.chunks({ page: Buffer.from(content.root), level: content.level });
  expect(chunks.map(([id, length]) => `${toHex(id)} ${length}`)).toEqual(
    ids.map((id, index) => `${toHex(id)} ${1 + index}`),
  );

  const sealPages = createSealPageBuilder(sink);
  for (const [index, id] of ids.entries()) {
    const sealPage = { page: asBlobId(id), level: index % 3 };
    sealPages.add(index % 2 === 0 ? { nodeId: asNodeId(id) } : { nodeId: asNodeId(id), sealPage });
  }
  const root = sealPages.finish()!;
  const seals = tree.seals({ page: Buffer.from(root.page), level: root.level });
  expect(seals.map(({ nodeId, page }) => `${toHex(nodeId)} ${page === undefined ? '' : page.level}`)).toEqual(
    ids.map((id, index) => `${toHex(id)} ${index % 2 === 0 ? '' : index % 3}`),
  );
  expect([...tree.pageKinds].sort()).toEqual([3, 4, 5, 6]);
});
