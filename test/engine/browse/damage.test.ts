/** Looking into snapshots of which a page is damaged: everything else is found, and what is missing is said. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CairnError } from '../../../src-shared/errors.ts';
import type { ListedEntry, UnreadableFolder } from '../../../src-shared/model/index.ts';
import { findEntries, listEntries, listVersions, locate } from '../../../src-main/engine/browse/index.ts';
import { toHex } from '../../../src-main/engine/kernel/index.ts';
import type { PageId } from '../../../src-shared/ids.ts';
import type { Repository } from '../../../src-main/engine/repository/index.ts';
import { type Snapshot, listSnapshots } from '../../../src-main/engine/snapshot/index.ts';
import { Lab } from '../../support/engine-lab.ts';
import { put } from '../../support/lab-files.ts';

let lab: Lab;
let whole: Repository;
beforeEach(async () => {
  lab = new Lab();
  await lab.init();
  whole = await lab.open();
});
afterEach(() => lab.dispose());

const raw = (text: string): Buffer => Buffer.from(text);
const all = async (): Promise<readonly Snapshot[]> => (await listSnapshots(whole)).snapshots;

/** The same repository, in which these pages can't be read. */
function without(
  pages: readonly PageId[],
  code: 'integrity/damaged' | 'destination/gone' = 'integrity/damaged',
): Repository {
  const damaged = new Set(pages.map(toHex));
  const readBlob: Repository['readBlob'] = (id, type) =>
    damaged.has(toHex(id)) ? Promise.reject(new CairnError(code, 'this page is damaged')) : whole.readBlob(id, type);
  return { readBlob } as Partial<Repository> as Repository;
}

async function pageOf(snapshot: Snapshot, where: string): Promise<PageId> {
  const located = await locate(whole, snapshot, raw(where));
  if (located.kind === 'root') return located.folder.page;
  if (located.entry.nodeType !== 'directory') throw new Error(`${where} is not a folder`);
  return located.entry.page;
}

async function list(repository: Repository, snapshot: Snapshot, seen?: UnreadableFolder[]): Promise<string[]> {
  const listed: ListedEntry[] = [];
  const onUnreadable = seen === undefined ? undefined : (folder: UnreadableFolder) => void seen.push(folder);
  for await (const entry of listEntries(repository, snapshot, raw(''), { recursive: true, onUnreadable }))
    listed.push(entry);
  return listed.map((entry) => entry.path);
}

describe('a damaged folder page', () => {
  test('leaves out what stands in it and nothing else, in listings and searches, and is told once', async () => {
    for (const name of ['a/1.txt', 'bad/2.txt', 'bad/deeper/3.txt', 'c/4.txt', '5.txt']) put(lab, name, name);
    await lab.backup(whole);
    put(lab, 'c/6.txt', 'new');
    await lab.backup(whole);
    const [first, second] = await all();
    const repository = without([await pageOf(first!, 'bad')]);

    const seen: UnreadableFolder[] = [];
    expect(await list(repository, second!, seen)).toEqual(['5.txt', 'a', 'a/1.txt', 'bad', 'c', 'c/4.txt', 'c/6.txt']);
    expect(seen).toEqual([
      { path: 'bad', snapshot: second!.id, code: 'integrity/damaged', message: 'this page is damaged' },
    ]);
    await expect(list(repository, second!)).rejects.toMatchObject({ code: 'integrity/damaged' });

    const told: UnreadableFolder[] = [];
    const found = await findEntries(repository, await all(), '*.txt', (folder) => void told.push(folder));
    expect(found.map((version) => version.path).sort()).toEqual(['5.txt', 'a/1.txt', 'c/4.txt', 'c/6.txt']);
    // Both snapshots share the page.
    expect(told).toEqual([
      { path: 'bad', snapshot: first!.id, code: 'integrity/damaged', message: 'this page is damaged' },
    ]);
    await expect(findEntries(repository, await all(), '*.txt')).rejects.toMatchObject({ code: 'integrity/damaged' });
  });

  test('at the top of a snapshot leaves the other snapshots as they are', async () => {
    put(lab, 'file', 'one');
    await lab.backup(whole);
    put(lab, 'file', 'another');
    await lab.backup(whole);
    const [first, second] = await all();
    const top = [first!.record.rootPage.page, await pageOf(first!, '')];
    for (const page of top) {
      const seen: UnreadableFolder[] = [];
      const repository = without([page]);
      const found = await findEntries(repository, await all(), 'file', (folder) => void seen.push(folder));
      expect(found.map(({ firstSnapshot }) => firstSnapshot)).toEqual([second!.id]);
      expect(seen).toMatchObject([{ path: '', snapshot: first!.id }]);
    }
  });

  test('on the way to a path leaves the versions of the other snapshots; with none left, the damage is the answer', async () => {
    for (const [index, content] of ['one', 'two!', 'three'].entries()) {
      put(lab, 'folder/file', content);
      fs.utimesSync(path.join(lab.source, 'folder', 'file'), 1000 + index, 1000 + index);
      await lab.backup(whole);
    }
    const snapshots = await all();
    const pages = await Promise.all(snapshots.map((snapshot) => pageOf(snapshot, 'folder')));
    const seen: UnreadableFolder[] = [];
    const note = (folder: UnreadableFolder): void => void seen.push(folder);
    const versions = await listVersions(without([pages[1]!]), snapshots, raw('folder/file'), note);
    expect(versions.map(({ size }) => size)).toEqual([3, 5]);
    expect(seen).toMatchObject([{ path: 'folder/file', snapshot: snapshots[1]!.id }]);
    await expect(listVersions(without(pages), snapshots, raw('folder/file'), note)).rejects.toMatchObject({
      code: 'integrity/damaged',
    });
    await expect(listVersions(without([]), snapshots, raw('nothing'), note)).rejects.toMatchObject({
      code: 'path/not-found',
    });
    await expect(listVersions(without([pages[1]!]), snapshots, raw('folder/file'))).rejects.toMatchObject({
      code: 'integrity/damaged',
    });
  });

  test('is not the same as a drive that is gone: that ends everything', async () => {
    put(lab, 'folder/file', 'x');
    await lab.backup(whole);
    const [snapshot] = await all();
    const repository = without([await pageOf(snapshot!, 'folder')], 'destination/gone');
    const gone = { code: 'destination/gone' };
    const ignore = (): void => undefined;
    await expect(list(repository, snapshot!, [])).rejects.toMatchObject(gone);
    await expect(findEntries(repository, await all(), 'file', ignore)).rejects.toMatchObject(gone);
    await expect(listVersions(repository, await all(), raw('folder/file'), ignore)).rejects.toMatchObject(gone);
  });
});
