/**
 * A person's first days with the app: the real window on the real engine with real files, in a home folder of its own. The
 * dialog for folders alone is answered by the test, because nobody sits before it.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { ask, launch, quit } from './app.ts';
import { PASSWORD, go, row } from './support/person.ts';
import { expect, firstBackup, test } from './support/real.ts';

test('from the first start to a file that is back, and taken back again', async ({ page, cairn, files }) => {
  await firstBackup(page, cairn, files);
  const plans = path.join(files.documents, 'plans.txt');

  writeFileSync(plans, 'second plan, much better\n');
  await page.getByRole('button', { name: 'Back up now' }).click();
  await expect(page.getByText(/Backed up 1 file/).first()).toBeVisible();

  await go(page, 'Restore');
  const times = page.getByRole('listbox', { name: 'Snapshots' });
  await expect(times.getByRole('option')).toHaveCount(2);
  await row(page, 'plans.txt').click();
  await expect(page.getByText('second plan, much better')).toBeVisible();
  await times.focus();
  await page.keyboard.press('End');
  await row(page, 'plans.txt').click();
  await expect(page.getByText('first plan')).toBeVisible();

  await page.getByRole('button', { name: 'Options…' }).click();
  await page.getByRole('radio', { name: /Replace mine/ }).check();
  await page.getByRole('button', { name: 'Restore 1 item' }).click();
  await expect(page.getByText('Restored 1 item', { exact: true })).toBeVisible();
  expect(readFileSync(plans, 'utf8')).toBe('first plan\n');

  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.getByText('The restore was taken back', { exact: true })).toBeVisible();
  expect(readFileSync(plans, 'utf8')).toBe('second plan, much better\n');
});

test('damage is found, named, and told on every screen', async ({ page, cairn, files }) => {
  await firstBackup(page, cairn, files);
  const stored = (): string[] =>
    readdirSync(files.drive, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /(^|\/)(packs\/..|commits)\/[0-9a-f]{64}$/.test(name),
    );
  await expect.poll(stored).not.toEqual([]);
  for (const name of stored()) {
    const bytes = readFileSync(path.join(files.drive, name));
    const middle = Math.floor(bytes.length / 2);
    bytes.fill(7, middle, middle + 8);
    writeFileSync(path.join(files.drive, name), bytes);
  }
  await go(page, 'Integrity');
  await page.getByRole('radio', { name: /Deep/ }).check();
  await page.getByRole('button', { name: 'Check now' }).click();
  await expect(page.getByRole('heading', { name: /damaged part/ })).toBeVisible();
  await expect(page.getByText('Needs you now')).toBeVisible();
});

test('a second start asks for the password, says when it is wrong, and opens with the right one', async ({
  page,
  cairn,
  place,
  files,
}) => {
  await ask(page, 'settings.change', { rememberPasswords: false });
  await firstBackup(page, cairn, files);
  await quit(cairn);
  const again = await launch(place);
  const second = await again.firstWindow();
  await second.getByRole('main').getByRole('button', { name: 'Unlock' }).first().click();
  const dialog = second.getByRole('dialog');
  await dialog.getByLabel('Password', { exact: true }).fill('not this one');
  await dialog.getByRole('button', { name: 'Unlock' }).click();
  await expect(dialog.getByText('That password does not open this backup')).toBeVisible();
  await dialog.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await dialog.getByRole('button', { name: 'Unlock' }).click();
  await expect(second.getByRole('heading', { name: 'Everything is backed up' })).toBeVisible();
  await quit(again);
});
