/**
 * The look-ahead of the walk. What it is worth was found out late: 44 folders of the level above had been asked for, so
 * none of those that came next were, and a scan of a million files waited for each folder in turn, twice as long.
 */
import { expect, test } from 'vitest';
import { FolderScans, type PreparedFolder, type ScanTicket } from '../../../src-main/engine/backup/folder-scans.ts';
import type { FolderToList } from '../../../src-main/engine/backup/lanes.ts';
import type { ListedResult } from '../../../src-main/engine/backup/scan-folder.ts';

const FAILED = { failed: { path: 'x', code: 'EIO', message: 'not a real folder' } } satisfies ListedResult;

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
    prepare: () => FAILED,
    result: undefined,
  }));
}

function holding(tickets: readonly ScanTicket[]): Pick<PreparedFolder, 'tickets'> {
  return { tickets: new Map(tickets.entries()) };
}

test('folders found in a folder are asked for ahead, however many beside it were asked for already', async () => {
  const lister = fakeLister();
  const scans = new FolderScans(() => lister);
  const above = tickets('above ', 500);
  const below = tickets('below ', 60);
  scans.announce(holding(above));
  await scans.take(above[0] as ScanTicket);
  const before = lister.asked.length;
  expect(before).toBeGreaterThan(10);
  scans.announce(holding(below));
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
    scans.announce(holding(here));
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

test('what is in a folder is asked for as soon as its table is here, before the walk has come to it', async () => {
  const asked: string[] = [];
  const table = { place: { folder: {} } } as unknown as PreparedFolder;
  const list = (folders: readonly FolderToList[]): Promise<ListedResult>[] =>
    folders.map(({ name }) => {
      asked.push(Buffer.from(name).toString());
      return Promise.resolve({ folder: undefined as never, data: undefined as never });
    });
  const inside = tickets('inside ', 3);
  const [first, second, third] = tickets('folder ', 3) as [ScanTicket, ScanTicket, ScanTicket];
  const scans = new FolderScans(() => ({ list }));
  const holds = (ticket: ScanTicket, children: readonly ScanTicket[]): ScanTicket =>
    Object.assign(ticket, { prepare: () => ({ ...table, ...holding(children) }) });
  for (const ticket of inside) holds(ticket, []);
  scans.announce(holding([holds(first, []), holds(second, inside), holds(third, [])]));
  await scans.take(first);
  await new Promise(setImmediate);
  expect(asked).toEqual(expect.arrayContaining(['folder 2', 'inside 0', 'inside 1', 'inside 2']));
  // And they are taken in the order of the walk.
  for (const ticket of [second, ...inside, third]) await scans.take(ticket);
});
