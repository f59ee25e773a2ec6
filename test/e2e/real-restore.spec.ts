/**
 * Getting files back with the real app: in three clicks, in every way to treat what is there, elsewhere, and taken back
 * again. What the window announces is compared with what then lies on the disk.
 */
import { readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from '@playwright/test';

import { compareTrees, walkTree } from '../support/walker.ts';
import { ask } from './app.ts';
import { countClicks, go, jobBar, row } from './support/person.ts';
import { answerDialogs, expect, firstBackup, reopen, test } from './support/real.ts';

test('three clicks lead from opening the app to a restored file', async ({ page, cairn, files }) => {
  await firstBackup(page, cairn, files);
  const plans = path.join(files.documents, 'plans.txt');
  rmSync(plans);

  const opened = await reopen(cairn, page);
  await opened.getByRole('navigation').waitFor();
  const clicks = await countClicks(opened);
  await go(opened, 'Restore');
  await row(opened, 'plans.txt').click();
  await opened.getByRole('button', { name: 'Restore', exact: true }).last().click();
  await expect(jobBar(opened).getByText('Restored 1 item', { exact: true })).toBeVisible();
  expect(readFileSync(plans, 'utf8')).toBe('first plan\n');
  expect(await clicks()).toBe(3);
});

const LONG_AGO = new Date('2020-01-02T03:04:05Z');
const IN_BETWEEN = new Date('2021-01-02T03:04:05Z');
const LATELY = new Date('2022-01-02T03:04:05Z');

/** A file of each kind: the same, mine is older, mine is newer, mine is gone. */
function change(documents: string): void {
  const write = (name: string, content: string, date: Date): void => {
    writeFileSync(path.join(documents, name), content);
    utimesSync(path.join(documents, name), date, date);
  };
  write('older.txt', 'mine, older', LONG_AGO);
  write('newer.txt', 'mine, newer', LATELY);
  rmSync(path.join(documents, 'missing.txt'), { force: true });
}

/** What stands in the folder: names with their contents, and none of Cairn's own. */
const contents = (folder: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => [name, readFileSync(path.join(folder, name), 'utf8')]),
  );

type Counts = {
  readonly restored: number;
  readonly replaced: number;
  readonly unchanged: number;
  readonly skipped: number;
};

/** Chooses in the sheet, and returns what it says will happen. */
async function announced(page: Page, choice: RegExp, shows = ''): Promise<Counts> {
  await page.getByRole('button', { name: 'Restore…' }).click();
  const sheet = page.getByRole('dialog');
  await sheet.getByRole('radio', { name: choice }).check();
  await expect(sheet).toContainText(shows);
  const cell = async (words: string): Promise<number> =>
    Number(await sheet.getByRole('listitem').filter({ hasText: words }).locator('.big').textContent());
  // The button says what was counted last; while it counts it says no number.
  await expect(sheet.getByRole('button', { name: /^Restore \d+ items?$|^Nothing to restore$/ })).toBeVisible();
  return {
    restored: await cell('to restore'),
    replaced: await cell('to replace'),
    unchanged: await cell('the same already'),
    skipped: await cell('left alone'),
  };
}

async function restoreAsAnnounced(page: Page, expected: Counts): Promise<void> {
  const { restored, replaced } = expected;
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /^Restore \d+/ })
    .click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(jobBar(page).getByText(`Restored ${restored + replaced} item`)).toBeVisible();
  const job = (await ask(page, 'jobs.list', {})).filter(({ kind }) => kind === 'restore').at(-1);
  expect(job?.outcome).toMatchObject({ kind: 'restore', report: { ...expected, problems: [] } });
}

test('each way to treat what is there does what the counts said, and nothing else', async ({ page, cairn, files }) => {
  const { documents } = files;
  const names = ['same.txt', 'older.txt', 'newer.txt', 'missing.txt'];
  rmSync(path.join(documents, 'Letters'), { recursive: true });
  rmSync(path.join(documents, 'plans.txt'));
  for (const name of names) {
    writeFileSync(path.join(documents, name), `${name} of the backup`);
    utimesSync(path.join(documents, name), IN_BETWEEN, IN_BETWEEN);
  }
  const backedUp = walkTree(documents);
  await firstBackup(page, cairn, files);
  const stored = contents(documents);
  change(documents);
  const mine = contents(documents);
  await go(page, 'Restore');
  await expect(row(page, 'missing.txt')).toBeVisible();
  const selectAll = async (): Promise<void> => {
    await row(page, 'same.txt').click();
    await page.keyboard.press('Control+a');
  };
  const dismiss = (): Promise<void> => jobBar(page).getByRole('button', { name: 'Dismiss' }).click();

  await selectAll();
  const skip = await announced(page, /Leave mine/);
  expect(skip).toEqual({ restored: 1, replaced: 0, unchanged: 1, skipped: 2 });
  await restoreAsAnnounced(page, skip);
  expect(contents(documents)).toEqual({ ...mine, 'missing.txt': 'missing.txt of the backup' });
  await dismiss();

  change(documents);
  await selectAll();
  const both = await announced(page, /Keep both/);
  expect(both).toEqual({ restored: 3, replaced: 0, unchanged: 1, skipped: 0 });
  await restoreAsAnnounced(page, both);
  expect(contents(documents)).toEqual({
    ...stored,
    'newer.txt.before-restore': 'mine, newer',
    'older.txt.before-restore': 'mine, older',
  });
  for (const name of ['newer.txt', 'older.txt']) rmSync(path.join(documents, `${name}.before-restore`));
  await dismiss();

  change(documents);
  const beforeNewer = walkTree(documents);
  await selectAll();
  const newer = await announced(page, /backup’s is newer/);
  expect(newer).toEqual({ restored: 1, replaced: 1, unchanged: 1, skipped: 1 });
  await restoreAsAnnounced(page, newer);
  expect(contents(documents)).toEqual({ ...stored, 'newer.txt': 'mine, newer' });
  await jobBar(page).getByRole('button', { name: 'Undo' }).click();
  await expect(jobBar(page).getByText('The restore was taken back')).toBeVisible();
  expect(compareTrees(beforeNewer, walkTree(documents))).toEqual([]);
  await dismiss();

  await selectAll();
  const replace = await announced(page, /Replace mine/);
  expect(replace).toEqual({ restored: 1, replaced: 2, unchanged: 1, skipped: 0 });
  await restoreAsAnnounced(page, replace);
  expect(contents(documents)).toEqual(stored);
  await jobBar(page).getByRole('button', { name: 'Undo' }).click();
  await expect(jobBar(page).getByText('The restore was taken back')).toBeVisible();
  expect(compareTrees(beforeNewer, walkTree(documents))).toEqual([]);

  // Elsewhere: all of it, and what the person has stays as it is.
  const elsewhere = path.join(path.dirname(documents), 'Found again');
  await answerDialogs(cairn, elsewhere);
  await selectAll();
  const apart = await announced(page, /Another folder/, 'Found again');
  expect(apart).toEqual({ restored: 4, replaced: 0, unchanged: 0, skipped: 0 });
  await restoreAsAnnounced(page, apart);
  expect(contents(elsewhere)).toEqual(stored);
  expect(compareTrees(beforeNewer, walkTree(documents))).toEqual([]);
  expect(compareTrees(backedUp, walkTree(elsewhere))).toEqual([]);
});
