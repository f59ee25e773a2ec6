/** Running jobs, the connection, the keys: what is the same on every screen. */
import { expect, test } from './window.ts';

const SCREENS = ['Overview', 'Restore', 'Integrity', 'Destinations', 'Activity', 'Settings'] as const;

test('a running job has the same numbers on every screen, also after a reload', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('backing-up');
  const bar = page.getByRole('region', { name: 'Running job' });
  for (const screen of SCREENS) {
    await cairn.go(screen);
    await expect(bar.getByText('62 %')).toBeVisible();
    await expect(bar.getByText('about 3 min left')).toBeVisible();
  }
  await page.reload();
  await expect(bar.getByText('62 %')).toBeVisible();
  await expect(page.getByText('7,960 of 12,840')).toBeVisible();
});

test('a backup runs to its end and says what it did', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await page.getByRole('button', { name: 'Back up now' }).click();
  await expect(page.getByRole('heading', { name: 'Backing up' })).toBeVisible();
  const bar = page.getByRole('region', { name: 'Running job' });
  await expect(bar.getByText('Backed up 49 files')).toBeVisible();
  await expect(
    page.getByRole('status').filter({ hasText: 'Backed up 49 files. 41.2 MB added to the drive' }),
  ).toHaveCount(1);
  await bar.getByRole('button', { name: 'Dismiss' }).click();
  await expect(bar).toHaveCount(0);
});

test('a cancelled job has not failed', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await expect(page.getByRole('heading', { name: 'Everything is backed up' })).toBeVisible();
  await page.keyboard.press('Control+b');
  const bar = page.getByRole('region', { name: 'Running job' });
  await bar.getByRole('button', { name: 'Cancel' }).click();
  await expect(bar.getByText('Back up: cancelled')).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('a restore that was cancelled can be taken back from where it is said', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await cairn.go('Restore');
  await page.getByRole('row').filter({ hasText: 'Documents' }).click();
  await page.getByRole('button', { name: 'Restore…' }).click();
  await page.getByRole('button', { name: /^Restore \d+ items$/ }).click();
  const bar = page.getByRole('region', { name: 'Running job' });
  await bar.getByRole('button', { name: 'Cancel' }).click();
  await expect(bar.getByText('Restore: cancelled')).toBeVisible();
  await expect(bar.getByText('What was restored until then is in its place.')).toBeVisible();
  await bar.getByRole('button', { name: 'Undo' }).click();
  await expect(bar.getByText('The restore was taken back')).toBeVisible();
});

test('a lost connection is said, made again, and what is shown is asked for anew', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await expect(page.getByRole('heading', { name: 'Everything is backed up' })).toBeVisible();
  await page.evaluate(() => {
    window.scripted.refuse = true;
    window.scripted.drop();
  });
  await expect(page.getByText('The connection to Cairn was lost')).toBeVisible();
  // In one moment: the window connects by itself, too, and then there is nothing to press.
  await page.getByRole('button', { name: 'Connect now' }).evaluate((button: HTMLElement) => {
    window.scripted.refuse = false;
    window.scripted.engine.become('problems');
    button.click();
  });
  await expect(page.getByText('The connection to Cairn was lost')).toHaveCount(0);
  await expect(page.getByRole('heading', { name: 'Backed up, except 14 files' })).toBeVisible();
});

test('an engine of another protocol is not talked to', async ({ cairn }) => {
  await cairn.open('old-engine');
  await expect(cairn.page.getByRole('heading', { name: 'This window is older than the engine' })).toBeVisible();
  expect(await cairn.page.evaluate(() => window.scripted.engine.calls.length)).toBe(0);
});

test('the palette lists what can be done now, and does it', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await expect(page.getByRole('heading', { name: 'Everything is backed up' })).toBeVisible();
  const field = page.getByRole('combobox');
  await page.keyboard.press('Control+k');
  await expect(field).toBeFocused();
  await page.keyboard.type('deep');
  await page.keyboard.press('Enter');
  await expect.poll(() => cairn.asked('jobs.verify')).toMatchObject({ depth: { kind: 'deep' } });
  await page.keyboard.press('Control+k');
  await expect(field).toBeFocused();
  await page.keyboard.type('appearance: dark');
  await page.keyboard.press('Enter');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  expect(await cairn.clicks()).toBe(0);
});

test('every screen is reached by its key, and ? lists them', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await expect(page.getByRole('heading', { name: 'Everything is backed up' })).toBeVisible();
  for (const [index, screen] of SCREENS.entries()) {
    await page.keyboard.press(`Control+${index + 1}`);
    await expect(page.getByRole('button', { name: screen, exact: true }).first()).toHaveAttribute(
      'aria-current',
      'page',
    );
  }
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

test('a check is started, followed and found done from Integrity', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await cairn.go('Integrity');
  await page.getByRole('radio', { name: /Sample/ }).check();
  await page.getByRole('button', { name: 'Check now' }).click();
  await expect.poll(() => cairn.asked('jobs.verify')).toMatchObject({ depth: { kind: 'sample', percent: 5 } });
  await expect(page.getByRole('heading', { name: 'Checking the backup' })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Running job' }).getByText('Sample check passed')).toBeVisible();
});

test('damage is told by what it does to files, with a table beside the drawing', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('damaged');
  await page.getByRole('button', { name: 'See what is affected' }).click();
  await expect(page.getByText('Affects 3 files in 2 snapshots')).toBeVisible();
  await expect(page.getByRole('button', { name: /damaged/ })).toHaveCount(2);
  await page.getByRole('radio', { name: 'Table' }).check();
  await expect(page.getByRole('table').getByText('Damaged', { exact: true })).toHaveCount(2);
});

test('with two places, the one in trouble is shown first, and each can be looked at and checked', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('two-drives');
  await page.getByRole('button', { name: 'See what is affected' }).click();
  const which = page.getByRole('radiogroup', { name: 'Which place' });
  await expect(which.getByRole('radio', { name: /Archive 2 damaged parts found/ })).toBeChecked();
  await expect(page.getByText('Affects 3 files in 2 snapshots')).toBeVisible();
  await which.getByRole('radio', { name: /Blue Connected/ }).check();
  await expect(page.getByRole('heading', { name: 'Your backup is whole' })).toBeVisible();
  await expect(page.getByText('Affects 3 files in 2 snapshots')).toHaveCount(0);
  await page.getByRole('button', { name: 'Check now' }).click();
  const blue = (await cairn.asked('integrity.status')) as { readonly destinationId: string };
  expect(await cairn.asked('jobs.verify')).toMatchObject({ destinationId: blue.destinationId });
});

test('the password is changed, and a wrong current one is refused in words', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await cairn.go('Settings');
  await page.getByRole('button', { name: 'Change password' }).click();
  const dialog = page.getByRole('dialog', { name: 'Change password' });
  await dialog.getByLabel('Current password').fill('no');
  await dialog.getByLabel('New password').fill('a much better one');
  await dialog.getByLabel('Repeat the password').fill('a much better one');
  await dialog.getByRole('button', { name: 'Change password' }).click();
  await expect(dialog.getByText('That password does not open this backup')).toBeVisible();
  await dialog.getByLabel('Current password').fill('correct horse battery staple');
  await dialog.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByText('The password was changed')).toBeVisible();
});

test('a limit is typed as a size, and nonsense is refused', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await cairn.go('Settings');
  const field = page.getByLabel('Read at most');
  await field.fill('20 MB');
  await field.blur();
  await expect.poll(() => cairn.asked('settings.change')).toEqual({ readBytesPerSecondMax: 20_000_000 });
  await field.fill('fast');
  await field.blur();
  await expect(page.getByText(/is not a size/)).toBeVisible();
});
