/** Pages of folders against the plain listing of the engine, which is another way through the same stored tree. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BrowseSort } from '../../../src-shared/api/index.ts';
import type { ListedEntry } from '../../../src-shared/model/index.ts';
import { ServiceLab, type TestClient } from '../../support/service-lab.ts';

let lab: ServiceLab;
let client: TestClient;

beforeEach(async () => {
  lab = new ServiceLab();
  client = await lab.start();
});
afterEach(() => lab.dispose());

const asBrowsed = ({ path: whole, type, size, mtime, mode, target, contentHash }: ListedEntry) => ({
  name: whole.slice(whole.lastIndexOf('/') + 1),
  path: whole,
  type,
  size,
  mtime,
  mode,
  target: target ?? null,
  contentHash: contentHash ?? null,
});

const byPath = <Entry extends { readonly path: string }>(entries: readonly Entry[]): readonly Entry[] =>
  entries.toSorted((left, right) => (left.path < right.path ? -1 : 1));

describe('a page of a folder', () => {
  it.runIf(process.platform === 'linux')('has of every kind of entry what the listing of the engine has', async () => {
    lab.write('kinds/plain.txt', 'plain');
    lab.write('kinds/back\\slash.txt', 'a name with a backslash');
    lab.write('kinds/inner/deep.txt', 'deep');
    fs.symlinkSync('plain.txt', path.join(lab.documents, 'kinds/link'));
    fs.writeFileSync(Buffer.concat([Buffer.from(`${lab.documents}/kinds/`), Buffer.from([0xff, 0x41])]), 'odd');
    execFileSync('mkfifo', [path.join(lab.documents, 'kinds/pipe')]);
    fs.utimesSync(path.join(lab.documents, 'kinds/plain.txt'), -1.5, -1.5);
    const pictures = path.join(lab.userHome, 'Pictures');
    lab.write('sun.jpg', 'sun', pictures);
    const sources = [lab.documents, pictures];
    const { set, snapshotId } = await lab.backedUp(client, { password: null, sources });
    const { destinationId } = set;
    const sort: BrowseSort = { by: 'name', descending: false };
    const repository = lab.service.desk.destinations.repository(destinationId);
    for (const folder of ['', 'Documents', 'Documents/kinds', '/Documents//./kinds/', 'Pictures']) {
      const at = { destinationId, snapshotId, path: folder };
      const page = await client.call('browse.list', { ...at, sort, filter: '', offset: 0, limit: 100 });
      const listed: ListedEntry[] = [];
      const from = { snapshot: snapshotId, path: Buffer.from(folder) };
      for await (const entry of repository.list(from, { recursive: false })) listed.push(entry);
      // How much is in a folder is what the listing of the engine does not say.
      const browsed = page.entries.map(({ contentBytes: _, entryCount: __, ...entry }) => entry);
      expect(byPath(browsed)).toEqual(byPath(listed.map(asBrowsed)));
      expect([page.total, page.incomplete]).toEqual([listed.length, false]);
    }
    const file = { destinationId, snapshotId, path: 'Pictures/sun.jpg', sort, filter: '', offset: 0, limit: 1 };
    await expect(client.call('browse.list', file)).rejects.toThrow('path/not-found');
  });

  it('is of the same order however it is asked for, with folders first by name only', async () => {
    for (const [name, size] of Object.entries({ 'b 10': 3, 'b 9': 3, a: 7, Ä: 1, z: 3 }))
      lab.write(name, 'x'.repeat(size));
    lab.write('folder/inside', 'xx');
    const { set, snapshotId } = await lab.backedUp(client, { password: null });
    const at = { destinationId: set.destinationId, snapshotId, path: '' };
    const names = async (by: BrowseSort['by'], descending: boolean, filter = ''): Promise<readonly string[]> => {
      const page = { ...at, sort: { by, descending }, filter, offset: 0, limit: 100 };
      return (await client.call('browse.list', page)).entries.map(({ name }) => name);
    };
    expect(await names('name', false)).toEqual(['folder', 'a', 'Ä', 'b 9', 'b 10', 'z']);
    expect(await names('name', true)).toEqual(['folder', 'z', 'b 10', 'b 9', 'Ä', 'a']);
    expect(await names('size', false)).toEqual(['Ä', 'folder', 'b 9', 'b 10', 'z', 'a']);
    expect(await names('size', true)).toEqual(['a', 'b 9', 'b 10', 'z', 'folder', 'Ä']);
    expect(await names('size', true, 'B ')).toEqual(['b 9', 'b 10']);
    // More orders than are kept beside a folder.
    for (const by of ['mtime', 'size', 'name'] as const) for (const down of [true, false]) await names(by, down);
    expect(await names('name', false, 'ä')).toEqual(['Ä']);
  });
});
