/** A file is found by its name in all snapshots, its versions are looked at and restored, and two times are compared. */
import type { Page } from '@playwright/test';
import { expect, test } from './window.ts';

const hit = (page: Page, name: string) => page.getByRole('option').filter({ hasText: name });
const versions = (page: Page) => page.getByRole('listbox', { name: 'Versions' });

test('a deleted file is found and restored by keys alone, from any screen', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await expect(page.getByRole('heading', { name: 'Everything is backed up' })).toBeVisible();
  await page.keyboard.press('/');
  const field = page.getByRole('searchbox');
  await expect(field).toBeFocused();
  await page.keyboard.type('DRAFT');
  await expect(hit(page, 'Budget draft.md')).toContainText('Gone since');
  await page.keyboard.press('ArrowDown');
  await expect(page.getByRole('complementary', { name: 'Preview' }).getByText('# Notes')).toBeVisible();
  await page.keyboard.press('Tab');
  await page.getByRole('button', { name: 'Restore', exact: true }).last().press('Enter');
  await expect(page.getByText('Restored 1 item', { exact: true })).toBeVisible();
  expect(await cairn.asked('jobs.restore')).toMatchObject({
    paths: ['Documents/Budget draft.md'],
    to: { kind: 'original' },
    conflict: 'keep-both',
  });
  expect(await cairn.clicks()).toBe(0);
});

test('a hit is opened in its folder, in the newest snapshot that has it', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await cairn.go('Restore');
  await page.getByRole('button', { name: 'Search all snapshots' }).first().click();
  await page.keyboard.type('draft');
  await hit(page, 'Budget draft.md').dblclick();
  const row = page.getByRole('row').filter({ hasText: 'Budget draft.md' });
  await expect(row).toHaveAttribute('aria-selected', 'true');
  await expect(page.getByRole('navigation', { name: 'Path' }).getByRole('button', { name: 'Documents' })).toBeVisible();
  await expect(page.getByRole('listbox', { name: 'Snapshots' }).getByText('Newest')).toBeVisible();
  // The file is gone from the newest snapshot, so that one is not the one that is open.
  await expect(page.locator('[role=option][aria-selected=true]').filter({ hasText: 'Newest' })).toHaveCount(0);
  expect(await cairn.asked('search.find')).toMatchObject({ text: 'draft', type: 'any', offset: 0 });
});

test('what search can’t do it says: nothing found, not all indexed yet, no catalog', async ({ cairn }) => {
  const { page } = cairn;
  const find = async (text: string): Promise<void> => {
    await page.getByRole('heading').first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type(text);
  };
  await cairn.open('healthy');
  await find('zebra');
  await expect(page.getByText('No name has “zebra” in it')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByText('Find a file by its name')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('grid', { name: 'Files in this snapshot' })).toBeVisible();
  await cairn.open('indexing');
  await find('*.md');
  await expect(page.getByText('The catalog is still being made.')).toBeVisible();
  await expect(page.getByText('At least 6 hits')).toBeVisible();
  await cairn.open('no-catalog');
  await find('notes');
  await expect(page.getByText('Search is not ready')).toBeVisible();
});

test('an older version of a file is looked at and restored with one click', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await cairn.go('Restore');
  await page.getByRole('row').filter({ hasText: 'Documents' }).dblclick();
  await page.getByRole('row').filter({ hasText: 'Notes.txt' }).click();
  await expect(versions(page).getByRole('option')).toHaveCount(3);
  await expect(versions(page).getByRole('option').first()).toHaveAttribute('aria-selected', 'true');
  await versions(page).focus();
  await page.keyboard.press('ArrowDown');
  await expect(versions(page).getByRole('option').nth(1)).toHaveAttribute('aria-selected', 'true');
  const looked = (await cairn.asked('browse.preview')) as { readonly snapshotId: string };
  await page.getByRole('button', { name: 'Restore this version' }).click();
  await expect(page.getByText('Restored 1 item', { exact: true })).toBeVisible();
  expect(await cairn.asked('jobs.restore')).toMatchObject({
    snapshotId: looked.snapshotId,
    paths: ['Documents/Notes.txt'],
    conflict: 'keep-both',
  });
  await page.getByRole('button', { name: 'Compare with the newest' }).click();
  await expect(page.getByRole('heading', { name: 'Notes.txt' })).toBeVisible();
  expect(await cairn.asked('compare.text')).toMatchObject({ before: looked.snapshotId, path: 'Documents/Notes.txt' });
});

test('two times are compared, kinds are chosen, and a text is read line by line as nothing but text', async ({
  cairn,
}) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await cairn.go('Restore');
  await page.getByRole('button', { name: 'Compare this snapshot' }).click();
  await page.getByLabel('Earlier').selectOption({ index: 64 });
  await page.getByLabel('Later').selectOption('live');
  await expect.poll(() => cairn.asked('compare.list')).toMatchObject({ after: 'live', path: '' });
  await expect(page.getByRole('button', { name: 'Swap the two' })).toBeDisabled();
  const list = page.getByRole('listbox', { name: 'What differs' });
  await hit(page, 'Garden.md').click();
  const pane = page.getByRole('region', { name: 'What differs in this file' }).last();
  await expect(pane.getByText('<img src=x onerror="document.title=1">')).toBeVisible();
  await expect(pane.getByText('<script>alert("this is text and stays text")</script>')).toBeVisible();
  await expect(pane.locator('script, img')).toHaveCount(0);
  await expect(page).toHaveTitle('Cairn');
  await expect(pane.locator('tr').first().locator('td')).toHaveCount(4);
  await page.setViewportSize({ width: 900, height: 600 });
  await expect(pane.locator('tr').first().locator('td')).toHaveCount(2);
  await page.getByRole('checkbox', { name: /Changed/ }).uncheck();
  await expect(list.getByText('Garden.md')).toHaveCount(0);
  await hit(page, 'Budget draft.md').click();
  await page.getByRole('button', { name: 'Restore the earlier one' }).click();
  await expect(page.getByText('Restored 1 item', { exact: true })).toBeVisible();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('grid', { name: 'Files in this snapshot' })).toBeVisible();
});
