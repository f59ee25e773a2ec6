/** Looking into snapshots: locating, listing, reading, finding, versions. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { escapePath, unescapePath } from '../../../src-shared/format/index.ts';
import type { ListedEntry } from '../../../src-shared/model/index.ts';
import {
  findEntries,
  listEntries,
  listVersions,
  locate,
  locateMaybe,
  readContent,
  splitPath,
} from '../../../src-main/engine/browse/index.ts';
import { hash } from '../../../src-main/engine/codec/index.ts';
import { toHex } from '../../../src-main/engine/kernel/index.ts';
import type { FileEntry } from '../../../src-main/engine/merkle/index.ts';
import type { Repository } from '../../../src-main/engine/repository/index.ts';
import { type Snapshot, listSnapshots, resolveSnapshot } from '../../../src-main/engine/snapshot/index.ts';
import { Lab } from '../../support/engine-lab.ts';
import { LOW_LIMITS, flipIn, noise, put } from '../../support/lab-files.ts';
import { testSeed } from '../../support/seed.ts';
import { buildTree } from '../../support/tree-builder.ts';
import { walkTree } from '../../support/walker.ts';

let lab: Lab;
let repository: Repository;
beforeEach(async () => {
  lab = new Lab();
  await lab.init();
  repository = await lab.open();
});
afterEach(() => lab.dispose());

const all = async (): Promise<readonly Snapshot[]> => (await listSnapshots(repository)).snapshots;
const latest = async (): Promise<Snapshot> => resolveSnapshot(await all(), 'latest');
const raw = (text: string): Buffer => Buffer.from(text);

async function list(where: Uint8Array | string, recursive = false): Promise<ListedEntry[]> {
  const listed: ListedEntry[] = [];
  for await (const entry of listEntries(repository, await latest(), Buffer.from(where), { recursive }))
    listed.push(entry);
  return listed;
}
const names = async (where: Uint8Array | string, recursive = false): Promise<string[]> =>
  (await list(where, recursive)).map((entry) => entry.path);

async function fileAt(where: Uint8Array | string, from: Repository = repository): Promise<FileEntry> {
  const located = await locate(from, await latest(), Buffer.from(where));
  if (located.kind !== 'entry' || located.entry.nodeType !== 'file') throw new Error('not a file');
  return located.entry;
}

async function contentOf(entry: FileEntry, from: Repository = repository): Promise<{ bytes: Buffer; pieces: number }> {
  const pieces: Uint8Array[] = [];
  for await (const piece of readContent(from, entry)) pieces.push(Buffer.from(piece));
  return { bytes: Buffer.concat(pieces), pieces: pieces.length };
}

describe('a path', () => {
  test('is cut at slashes; empty names and “.” mean nothing, “..” is refused wherever it stands', () => {
    const cut = (text: string): string[] => splitPath(raw(text)).map((name) => Buffer.from(name).toString());
    expect([cut(''), cut('/'), cut('a//b/'), cut('./a/./b'), cut('...'), cut('a/..b')]).toEqual([
      [],
      [],
      ['a', 'b'],
      ['a', 'b'],
      ['...'],
      ['a', '..b'],
    ]);
    for (const text of ['..', '../a', 'a/..', 'a/../b'])
      expect(() => splitPath(raw(text))).toThrow(expect.objectContaining({ code: 'usage/invalid' }));
    expect(() => splitPath(Buffer.alloc(40_000, 'a/'))).toThrow(expect.objectContaining({ code: 'usage/invalid' }));
  });

  test('of any bytes is found by the text it is shown as', async () => {
    const seed = testSeed('browse by shown paths');
    buildTree(lab.source, { seed, files: 60, folders: 15, fileBytesMax: 500, symlinks: 5 });
    await lab.backup(repository);
    const shown = await names('', true);
    const expected =
      walkTree(lab.source).map((record) =>
        escapePath(raw(record.path === '' ? '' : Buffer.from(record.path, 'hex').toString('latin1'))),
      ).length - 1;
    expect(shown).toHaveLength(expected);
    expect(new Set(shown).size).toBe(shown.length);
    for (const text of shown) {
      const located = await locate(repository, await latest(), unescapePath(text));
      expect(located.kind === 'entry' && escapePath(located.path)).toBe(text);
    }
  });

  test('that leads nowhere is not found: past a file, past a link, below nothing', async () => {
    put(lab, 'folder/file', 'x');
    fs.symlinkSync('folder', path.join(lab.source, 'link'));
    await lab.backup(repository);
    for (const where of ['nothing', 'folder/nothing', 'folder/file/below', 'link/file', 'Folder', 'source/folder']) {
      await expect(locate(repository, await latest(), raw(where)), where).rejects.toMatchObject({
        code: 'path/not-found',
      });
      expect(await locateMaybe(repository, await latest(), raw(where))).toBeUndefined();
    }
    await expect(list('nothing')).rejects.toMatchObject({ code: 'path/not-found' });
    await expect(list('..')).rejects.toMatchObject({ code: 'usage/invalid' });
  });
});

describe('a listing', () => {
  test('says of every entry what the disk says', async () => {
    buildTree(lab.source, {
      seed: testSeed('browse listing'),
      files: 60,
      folders: 20,
      fileBytesMax: 2000,
      symlinks: 8,
      fifos: 1,
    });
    await lab.backup(repository);
    const listed = new Map((await list('', true)).map((entry) => [entry.path, entry]));
    for (const record of walkTree(lab.source)) {
      if (record.path === '') continue;
      const entry = listed.get(escapePath(Buffer.from(record.path, 'hex')));
      expect(entry).toMatchObject({ type: record.type, mode: record.mode, uid: record.uid, gid: record.gid });
      expect(Date.parse(entry?.mtime ?? '')).toBe(Math.floor(Number(record.mtimeNs) / 1e6));
      if (record.type === 'file') {
        expect(entry).toMatchObject({
          size: record.size,
          contentHash: toHex(
            hash(fs.readFileSync(Buffer.concat([raw(`${lab.source}/`), Buffer.from(record.path, 'hex')]))),
          ),
        });
      }
      if (record.type === 'symlink') expect(entry?.target).toBe(escapePath(Buffer.from(record.linkTarget, 'hex')));
      listed.delete(entry?.path ?? '');
    }
    expect([...listed.keys()]).toEqual([]);
  });

  test('is in the order of raw names, a folder before what is in it, and not below folders unless asked', async () => {
    for (const name of ['b', 'a/2', 'a/1', 'a.txt', 'Z', 'é']) put(lab, name, name);
    await lab.backup(repository);
    expect(await names('')).toEqual(['Z', 'a', 'a.txt', 'b', 'é']);
    expect(await names('', true)).toEqual(['Z', 'a', 'a/1', 'a/2', 'a.txt', 'b', 'é']);
    expect(await names('a')).toEqual(['a/1', 'a/2']);
    expect(await names('/a/')).toEqual(['a/1', 'a/2']);
    expect(await names('b')).toEqual(['b']);
  });

  test('of a folder with a thousand entries gives every one, once', async () => {
    const folder = path.join(lab.source, 'many');
    fs.mkdirSync(folder, { recursive: true });
    const expected = Array.from({ length: 1200 }, (_, index) => `many/${index}-${'x'.repeat(index % 60)}`);
    for (const name of expected) fs.writeFileSync(path.join(lab.source, name), '');
    await lab.backup(repository);
    expect(await names('many')).toEqual(expected.toSorted());
    for (const name of [expected[0], expected[599], expected[1199]]) expect((await fileAt(name ?? '')).size).toBe(0);
  });

  test('of several sources begins with their names, of a single file is that file', async () => {
    put(lab, 'inner', 'x');
    fs.mkdirSync(lab.path('other', 'source'), { recursive: true });
    const file = lab.path('note.txt');
    fs.writeFileSync(file, 'note');
    await lab.backup(repository, { sources: [lab.source, lab.path('other', 'source'), file].map(raw) });
    expect(await names('')).toEqual(['note.txt', 'source', 'source-2']);
    expect(await names('', true)).toEqual(['note.txt', 'source', 'source/inner', 'source-2']);
    expect(await names('source')).toEqual(['source/inner']);
    await expect(list('inner')).rejects.toMatchObject({ code: 'path/not-found' });
    await lab.backup(repository, { sources: [raw(file)] });
    expect(await names('')).toEqual(['note.txt']);
    expect(await names('note.txt')).toEqual(['note.txt']);
    await expect(list('other')).rejects.toMatchObject({ code: 'path/not-found' });
    expect((await contentOf(await fileAt('note.txt'))).bytes.toString()).toBe('note');
  });
});

describe('a content', () => {
  test('of many chunks comes piece by piece and is the file, empty and small ones too', async () => {
    const large = noise(1, 7_000_000);
    put(lab, 'large', large);
    put(lab, 'empty', '');
    put(lab, 'small', 'small');
    await lab.backup(repository);
    const { bytes, pieces } = await contentOf(await fileAt('large'));
    expect(pieces).toBeGreaterThanOrEqual(3);
    expect(bytes.equals(large)).toBe(true);
    expect((await contentOf(await fileAt('empty'))).bytes).toHaveLength(0);
    expect((await contentOf(await fileAt('small'))).bytes.toString()).toBe('small');
    expect(toHex((await fileAt('large')).contentHash)).toBe(toHex(hash(large)));
  });

  test('that is not what its hash, its size or its chunks say ends in an error, never in silence', async () => {
    put(lab, 'file', noise(1, 3_000_000));
    put(lab, 'other', noise(2, 3_000_000));
    await lab.backup(repository);
    const [entry, other] = [await fileAt('file'), await fileAt('other')];
    const chunks = entry.content.kind === 'inline' ? entry.content.chunks : [];
    expect(chunks.length).toBeGreaterThan(1);
    const forged: readonly FileEntry[] = [
      { ...entry, contentHash: other.contentHash },
      { ...entry, content: other.content },
      { ...entry, content: { kind: 'inline', chunks: chunks.toReversed() } },
      { ...entry, content: { kind: 'inline', chunks: chunks.slice(1) } },
      {
        ...entry,
        content: {
          kind: 'inline',
          chunks: chunks.map((chunk, index) => (index === 0 ? { ...chunk, length: chunk.length - 1 } : chunk)),
        },
      },
      { ...entry, size: entry.size + 1 },
      { ...entry, size: 0, content: { kind: 'inline', chunks: [] } },
    ];
    for (const each of forged)
      await expect(contentOf(each)).rejects.toMatchObject({ code: expect.stringMatching(/^integrity\//) as unknown });
  });

  test('whose chunk is damaged gives what comes before it and then an error', async () => {
    const packed = await lab.open(undefined, { limits: LOW_LIMITS });
    put(lab, 'large', noise(3, 6_000_000));
    await lab.backup(packed);
    const entry = await fileAt('large', packed);
    const last = entry.content.kind === 'inline' ? entry.content.chunks.at(-1) : undefined;
    const place = last && (await packed.locate(last.id));
    if (place === undefined) throw new Error('no last chunk');
    flipIn(lab, `packs/${place.packId.slice(0, 2)}/${place.packId}`, place.frameOffset + 300);
    const reader = await lab.open();
    let bytes = 0;
    const reading = async (): Promise<void> => {
      for await (const piece of readContent(reader, entry)) bytes += piece.length;
    };
    await expect(reading()).rejects.toMatchObject({ code: 'integrity/damaged' });
    expect(bytes).toBe(entry.size - (last?.length ?? 0));
  });
});

describe('finding', () => {
  const find = async (pattern: string) =>
    (await findEntries(repository, await all(), pattern)).map((version) => version.path).sort();

  test('matches names at any depth, or whole paths where the pattern has a slash', async () => {
    for (const name of ['a/note.txt', 'b/deep/note.txt', 'note.jpg', '.hidden/note.txt', 'report (1).txt', 'x[1]'])
      put(lab, name, name);
    await lab.backup(repository);
    expect(await find('note.txt')).toEqual(['.hidden/note.txt', 'a/note.txt', 'b/deep/note.txt']);
    expect(await find('note.*')).toHaveLength(4);
    expect(await find('a/*')).toEqual(['a/note.txt']);
    expect(await find('/a/*')).toEqual(['a/note.txt']);
    expect(await find('**/deep/**')).toEqual(['b/deep', 'b/deep/note.txt']);
    expect(await find('report (1).txt')).toEqual(['report (1).txt']);
    expect(await find('NOTE.txt')).toEqual([]);
    expect(await find('deep')).toEqual(['b/deep']);
    await expect(find('')).rejects.toMatchObject({ code: 'usage/invalid' });
  });

  test('goes on finding what was moved with its folder, in each place and only in the snapshots it was there', async () => {
    put(lab, 'old/inner/file.txt', 'content');
    const { snapshotId: first } = await lab.backup(repository);
    fs.renameSync(path.join(lab.source, 'old'), path.join(lab.source, 'new'));
    const { snapshotId: second } = await lab.backup(repository);
    const { snapshotId: third } = await lab.backup(repository);
    const found = await findEntries(repository, await all(), 'file.txt');
    expect(found.map((version) => [version.path, version.firstSnapshot, version.lastSnapshot])).toEqual([
      ['old/inner/file.txt', first, first],
      ['new/inner/file.txt', second, third],
    ]);
  });

  test('over several sources gives paths that begin with the source’s name', async () => {
    put(lab, 'file', 'x');
    fs.mkdirSync(lab.path('other', 'source'), { recursive: true });
    fs.writeFileSync(lab.path('other', 'source', 'file'), 'y');
    await lab.backup(repository, { sources: [lab.source, lab.path('other', 'source')].map(raw) });
    expect(await find('file')).toEqual(['source-2/file', 'source/file']);
  });
});

describe('versions', () => {
  test('of a file that stays, changes, goes and comes back', async () => {
    const ids: string[] = [];
    const states = ['one', 'one', 'two!', undefined, 'two!', 'three', 'one'];
    put(lab, 'other', 'x');
    for (const [index, content] of states.entries()) {
      const file = path.join(lab.source, 'file');
      if (content === undefined) fs.rmSync(file);
      else if (states[index - 1] !== content) {
        put(lab, 'file', content);
        fs.utimesSync(file, 1_600_000_000 + content.length, 1_600_000_000 + content.length);
      }
      ids.push((await lab.backup(repository)).snapshotId);
    }
    const versions = await listVersions(repository, await all(), raw('file'));
    expect(
      versions.map(({ size, firstSnapshot, lastSnapshot }) => [
        size,
        ids.indexOf(firstSnapshot),
        ids.indexOf(lastSnapshot),
      ]),
    ).toEqual([
      [3, 0, 1],
      [4, 2, 4],
      [5, 5, 5],
      [3, 6, 6],
    ]);
    expect(versions.map(({ contentHash }) => contentHash)).toEqual(
      ['one', 'two!', 'three', 'one'].map((text) => toHex(hash(raw(text)))),
    );
    await expect(listVersions(repository, await all(), raw('never'))).rejects.toMatchObject({ code: 'path/not-found' });
  });

  test('of something that was a file and became a folder and a link', async () => {
    const place = path.join(lab.source, 'thing');
    put(lab, 'thing', 'file');
    await lab.backup(repository);
    fs.rmSync(place);
    fs.mkdirSync(place);
    await lab.backup(repository);
    fs.rmdirSync(place);
    fs.symlinkSync('elsewhere', place);
    await lab.backup(repository);
    const versions = await listVersions(repository, await all(), raw('thing'));
    expect(versions.map(({ size, contentHash }) => [size, contentHash === ''])).toEqual([
      [4, false],
      [0, true],
      [0, true],
    ]);
  });
});
