/**
 * The look-ahead of the walk. What it is worth was found out late: 44 folders of the level above had been asked for, so
 * none of those that came next were, and a scan of a million files waited for each folder in turn, twice as long.
 */
import { expect, test } from 'vitest';
import { FolderScans, type ScanTicket } from '../../../src-main/engine/backup/folder-scans.ts';
import type { FolderToList } from '../../../src-main/engine/backup/lanes.ts';
import type { ListedResult } from '../../../src-main/engine/backup/scan-folder.ts';

const FAILED: ListedResult = { failed: { path: 'x', code: 'EIO', message: 'not a real folder' } };

/** A lister that notes what it was asked for and never reads anything. */
function fakeLister(): { asked: string[]; list: (folders: readonly FolderToList[]) => Promise<ListedResult>[] } {
  const asked: string[] = [];
  return {
    asked,
    list: (folders) =>
      folders.map(({ name }) => {
        asked.push(Buffer.from(name).toString());
        return Promise.resolve(FAILED);
      }),
  };
}

function tickets(prefix: string, count: number): ScanTicket[] {
  return Array.from({ length: count }, (_unused, index) => ({
    parent: undefined as never,
    name: Buffer.from(`${prefix}${index}`),
    expected: undefined as never,
    result: undefined,
  }));
}

test('folders found in a folder are asked for ahead, however many beside it were asked for already', async () => {
  const lister = fakeLister();
  const scans = new FolderScans(() => lister);
  const above = tickets('above ', 500);
  const below = tickets('below ', 60);
  scans.announce(above);
  await scans.take(above[0] as ScanTicket);
  const before = lister.asked.length;
  expect(before).toBeGreaterThan(10);
  scans.announce(below);
  await scans.take(below[0] as ScanTicket);
  expect(lister.asked.slice(before)).toEqual(expect.arrayContaining(['below 0', 'below 1', 'below 2', 'below 40']));
  expect(new Set(lister.asked).size).toBe(lister.asked.length);
});

test('of a tree with folders on every level only so many are open at a time, and each is still taken', async () => {
  const lister = fakeLister();
  const scans = new FolderScans(() => lister);
  const taken: ScanTicket[] = [];
  let most = 0;
  for (let level = 0; level < 30; level++) {
    const here = tickets(`level ${level}, `, 200);
    scans.announce(here);
    await scans.take(here[0] as ScanTicket);
    taken.push(...here);
    most = Math.max(most, lister.asked.length - (level + 1));
  }
  expect(most).toBeLessThanOrEqual(512);
  const rest = taken.filter((ticket) => !ticket.name.toString().endsWith(', 0'));
  for (let level = 29; level >= 0; level--) {
    for (const ticket of rest.filter(({ name }) => Buffer.from(name).toString().startsWith(`level ${level},`))) {
      await scans.take(ticket);
    }
  }
  expect(lister.asked.length).toBe(taken.length);
});
