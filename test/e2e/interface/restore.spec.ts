/** From opening the app to a restored file, at any time, from any folder, with any size of folder. */
import type { Page } from '@playwright/test';
import { expect, test } from './window.ts';

const row = (page: Page, name: string) => page.getByRole('row').filter({ hasText: name });
const grid = (page: Page) => page.getByRole('grid', { name: 'Files in this snapshot' });

async function openDocuments(page: Page): Promise<void> {
  await row(page, 'Documents').dblclick();
  await expect(row(page, 'Notes.txt')).toBeVisible();
}

test('a file is restored three clicks after the app was opened', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  // The folder is opened by keys here: the three clicks are the screen, the file and the button.
  await cairn.go('Restore');
  await row(page, 'Desktop').waitFor();
  await grid(page).focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await row(page, 'todo.txt').click();
  await page.getByRole('button', { name: 'Restore', exact: true }).last().click();
  await expect(page.getByText('Restored 1 item', { exact: true })).toBeVisible();
  expect(await cairn.clicks()).toBe(3);
  expect(await cairn.asked('jobs.restore')).toMatchObject({
    paths: ['Desktop/todo.txt'],
    to: { kind: 'original' },
    conflict: 'keep-both',
  });
});

test('a folder asks first: the sheet counts what would happen, and Enter accepts', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await cairn.go('Restore');
  await row(page, 'Documents').click();
  await page.getByRole('button', { name: 'Restore…' }).click();
  const sheet = page.getByRole('dialog');
  await expect(sheet.getByText('to restore')).toBeVisible();
  await expect(sheet.getByRole('button', { name: 'Restore 31 items' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(sheet).toBeHidden();
  await expect(page.getByText('Restored 31 items', { exact: true })).toBeVisible();
  expect(await cairn.clicks()).toBe(3);
});

test('what was made on another computer goes into a folder that is asked for', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('adopted');
  await cairn.go('Restore');
  await openDocuments(page);
  await row(page, 'Notes.txt').click();
  await page.getByRole('button', { name: 'Restore', exact: true }).last().click();
  const sheet = page.getByRole('dialog', { name: 'Restore 1 item' });
  await expect(sheet.getByText('This snapshot was made on “ada-old-laptop”')).toBeVisible();
  await expect(sheet.getByRole('radio', { name: /Another folder/ })).toBeChecked();
  await expect(sheet.getByRole('button', { name: 'Restore', exact: true })).toBeDisabled();
  await sheet.getByRole('button', { name: 'Choose a folder…' }).click();
  const picker = page.getByRole('dialog', { name: 'Choose where to restore to' });
  await picker.getByRole('button', { name: 'Downloads' }).click();
  await picker.getByRole('button', { name: 'Use “Downloads”' }).click();
  await sheet.getByRole('button', { name: 'Restore 1 item' }).click();
  await expect(page.getByText('Restored 1 item', { exact: true })).toBeVisible();
  expect(await cairn.asked('jobs.restore')).toMatchObject({ to: { kind: 'folder' } });
  // Known by now: the next one is asked for at once.
  await row(page, 'Notes.txt').click();
  await expect(page.getByRole('button', { name: 'Restore…' })).toBeEnabled();
});

test('a password that was typed long ago is asked for once more before files go to a new place', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('stale-session');
  await cairn.go('Restore');
  await openDocuments(page);
  await row(page, 'Notes.txt').click();
  await page.getByRole('button', { name: 'Options…' }).click();
  await page.getByRole('radio', { name: /Another folder/ }).check();
  await page.getByRole('button', { name: 'Downloads' }).click();
  await page.getByRole('button', { name: 'Use “Downloads”' }).click();
  const sheet = page.getByRole('dialog', { name: 'Restore 1 item' });
  await sheet.getByRole('button', { name: 'Restore 1 item' }).click();

  const again = page.getByRole('dialog', { name: 'The password of Blue, once more' });
  await again.getByRole('button', { name: 'Close' }).click();
  await expect(again).toHaveCount(0);
  expect(await cairn.page.getByText('Restored 1 item', { exact: true }).count()).toBe(0);
  await sheet.getByRole('button', { name: 'Restore 1 item' }).click();
  await expect(again.getByLabel('Password', { exact: true })).toBeFocused();
  await page.keyboard.type('not this one');
  await again.getByRole('button', { name: 'Go on' }).click();
  await expect(again.getByText('That password does not open this backup')).toBeVisible();
  await again.getByLabel('Password', { exact: true }).fill('correct horse battery staple');
  await page.keyboard.press('Enter');
  await expect(page.getByText('Restored 1 item', { exact: true })).toBeVisible();
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

test('another choice about files that differ is counted anew and is what is done', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await cairn.go('Restore');
  await openDocuments(page);
  await row(page, 'Notes.txt').click();
  await page.getByRole('button', { name: 'Options…' }).click();
  await page.getByRole('radio', { name: /Replace mine/ }).check();
  await expect.poll(() => cairn.asked('jobs.planRestore')).toMatchObject({ conflict: 'replace' });
  await page.getByRole('button', { name: 'Restore 1 item' }).click();
  await expect
    .poll(() => cairn.asked('jobs.restore'))
    .toMatchObject({ conflict: 'replace', paths: ['Documents/Notes.txt'] });
});

test('a restore goes to another folder, and what it did can be opened and taken back', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await cairn.go('Restore');
  await row(page, 'Documents').click();
  await page.getByRole('button', { name: 'Restore…' }).click();
  await page.getByRole('radio', { name: /Another folder/ }).check();
  await page
    .getByRole('dialog', { name: 'Choose where to restore to' })
    .getByRole('button', { name: 'Desktop' })
    .click();
  await page.getByRole('button', { name: 'Use “Desktop”' }).click();
  await expect.poll(() => cairn.asked('jobs.planRestore')).toMatchObject({ to: { kind: 'folder' } });
  await page.getByRole('button', { name: 'Restore 31 items' }).click();
  await page.getByRole('button', { name: 'Open folder' }).click();
  await expect.poll(() => cairn.asked('jobs.reveal')).toBeDefined();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.getByText('The restore was taken back', { exact: true })).toBeVisible();
});

test('the folder stays when the time changes, and says so where it did not exist', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await cairn.go('Restore');
  await openDocuments(page);
  const times = page.getByRole('listbox', { name: 'Snapshots' });
  await times.focus();
  await page.keyboard.press('ArrowDown');
  await expect(row(page, 'Notes.txt')).toBeVisible();
  await expect(page.getByRole('navigation', { name: 'Path' }).getByRole('button', { name: 'Documents' })).toBeVisible();
  await row(page, 'Thesis').dblclick();
  await expect(row(page, 'main.pdf')).toBeVisible();
  await times.focus();
  await page.keyboard.press('End');
  await expect(page.getByText('This folder did not exist then')).toBeVisible();
  await page.keyboard.press('Home');
  await expect(row(page, 'main.pdf')).toBeVisible();
});

test('everything about restoring works from the keyboard', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await expect(page.getByRole('heading', { name: 'Everything is backed up' })).toBeVisible();
  await page.keyboard.press('Control+2');
  await grid(page).focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(row(page, 'Notes.txt')).toBeVisible();
  await page.keyboard.press('End');
  await expect(page.getByText('1 item selected')).toBeVisible();
  await page.keyboard.press('Shift+ArrowUp');
  await expect(page.getByText('2 items selected')).toBeVisible();
  await page.keyboard.press('Control+a');
  await expect(page.getByText(/The whole folder selected/)).toBeVisible();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+f');
  await page.keyboard.type('notes');
  await expect(row(page, 'Contracts')).toHaveCount(0);
  await expect(row(page, 'Notes.txt')).toBeVisible();
  await grid(page).focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('r');
  await expect(page.getByRole('button', { name: 'Restore 1 item' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByText('Restored 1 item', { exact: true })).toBeVisible();
  await grid(page).focus();
  await page.keyboard.press('Backspace');
  await expect(row(page, 'Pictures')).toBeVisible();
  expect(await cairn.clicks()).toBe(0);
});

test('a preview shows hostile text as text and an image as nothing but an image', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await cairn.go('Restore');
  await openDocuments(page);
  await row(page, 'Notes.txt').click();
  const preview = page.getByRole('complementary', { name: 'Preview' });
  await expect(preview.getByText('<script>alert("this is text and stays text")</script>')).toBeVisible();
  await expect(preview.locator('script')).toHaveCount(0);
  await expect(page).toHaveTitle('Cairn');
  await page.getByRole('navigation', { name: 'Path' }).getByRole('button', { name: 'All folders' }).click();
  await row(page, 'Pictures').dblclick();
  await row(page, 'cover.png').click();
  await expect(preview.getByRole('img', { name: 'cover.png' })).toHaveAttribute('src', /^blob:/);
});

test('100,000 entries scroll smoothly and only those in sight are in the page', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await cairn.go('Restore');
  await row(page, 'Pictures').dblclick();
  await row(page, 'Camera roll').dblclick();
  await expect(row(page, 'IMG_000001.jpg')).toBeVisible();
  await expect(grid(page)).toHaveAttribute('aria-rowcount', '100000');
  // Forty long jumps, each drawn. The middle one counts: others share this computer’s two processors.
  const framesMs = await grid(page).evaluate(async (view) => {
    const frames: number[] = [];
    for (let step = 0; step < 40; step++) {
      const before = performance.now();
      view.scrollTop = (view.scrollHeight / 40) * ((step * 17) % 40);
      await new Promise((resolve) => requestAnimationFrame(() => resolve(null)));
      frames.push(performance.now() - before);
    }
    return frames.sort((one, other) => one - other);
  });
  expect(framesMs).toHaveLength(40);
  // A time, which a busy computer would spoil.
  if (process.env['CAIRN_MEASURE'] === '1') expect(framesMs[20]).toBeLessThan(50);
  expect(await page.getByRole('row').count()).toBeLessThan(60);
  await grid(page).focus();
  await page.keyboard.press('End');
  await expect(row(page, 'IMG_100000.jpg')).toBeVisible();
  expect(await page.getByRole('row').count()).toBeLessThan(60);
});

test('an absent drive is a state, not an error', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('away');
  await cairn.go('Restore');
  await expect(page.getByRole('heading', { name: 'Blue is not connected' })).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
});
