/** From nothing to a running backup, and to a backup that exists already. */
import { expect, test } from './window.ts';

const PASSWORD = 'quartz meadow lantern drift';

test('the first backup starts with one click and is set up with two when the defaults fit', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('first-run');
  // The password field has the focus: typing it needs no click.
  await expect(page.getByLabel('Password', { exact: true })).toBeFocused();
  await page.keyboard.type(PASSWORD);
  await page.getByLabel('Repeat the password').focus();
  await page.keyboard.type(PASSWORD);
  await expect(page.getByText(/295,116 files/).first()).toBeVisible();
  await page.getByRole('button', { name: 'Start first backup' }).click();
  await expect(page.getByRole('dialog', { name: 'Your recovery key' })).toBeVisible();
  expect(await cairn.clicks()).toBe(1);
  await page.getByRole('button', { name: 'Close anyway' }).click();
  expect(await cairn.clicks()).toBe(2);
  await expect(page.getByRole('heading', { name: 'Backing up' })).toBeVisible();
  expect(await cairn.asked('sets.create')).toMatchObject({
    password: PASSWORD,
    compression: 'zstd:3',
    schedule: { timing: { kind: 'continuous' }, whenDriveConnected: true, staleAfterDays: 7 },
  });
});

test('an external drive is chosen by itself, the system’s own never is', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('first-run');
  await expect(page.getByRole('radio', { name: /Blue/ })).toBeChecked();
  await expect(page.getByRole('radio', { name: /System/ })).toHaveCount(0);
  await cairn.open('first-run-no-drive');
  await expect(page.getByText('No other drive is connected')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Start first backup' })).toBeDisabled();
  await expect(page.getByText('Choose a place to keep the backup.')).toBeVisible();
});

test('what a rule would save is shown, and counted again when it is used', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('first-run');
  await expect(page.getByText('saves 9.8 GB')).toBeVisible();
  await page.getByRole('switch', { name: 'node_modules/' }).click();
  await expect(page.getByText('12.1 GB')).toBeVisible();
  expect(await cairn.asked('places.measure')).toMatchObject({ rules: { excludes: ['node_modules/'] } });
});

test('two passwords that differ are said at once, and nothing starts', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('first-run');
  await page.getByLabel('Password', { exact: true }).fill('one thing');
  await page.getByLabel('Repeat the password').fill('another');
  await expect(page.getByText('The two passwords differ.').first()).toBeVisible();
  await expect(page.getByRole('button', { name: 'Start first backup' })).toBeDisabled();
});

test('the recovery sheet can be copied and asks to be kept', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('first-run');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByLabel('Repeat the password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Start first backup' }).click();
  const sheet = page.getByRole('dialog', { name: 'Your recovery key' });
  await page.keyboard.press('Escape');
  await expect(sheet).toBeVisible();
  await sheet.getByRole('button', { name: 'Copy' }).click();
  expect(await page.evaluate(() => window.scripted.copied)).toEqual([
    expect.stringMatching(/^(?:[0-9A-Z]{4}-){13}[0-9A-Z]{4}$/),
  ]);
  await sheet.getByRole('checkbox').check();
  await sheet.getByRole('button', { name: 'Done' }).click();
  await expect(sheet).toBeHidden();
});

test('a folder is chosen in the window where the system has no dialog', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('first-run-no-drive');
  await page.getByRole('button', { name: 'Another folder' }).click();
  const picker = page.getByRole('dialog', { name: 'Choose where to keep the backup' });
  await picker.getByRole('button', { name: 'Downloads' }).click();
  await picker.getByRole('button', { name: 'Use “Downloads”' }).click();
  await expect(page.getByRole('radio', { name: /Downloads/ })).toBeChecked();
});

test('a backup that exists is opened with its password, after a wrong one was refused', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('first-run');
  await page.getByRole('button', { name: 'I already have a backup' }).click();
  await expect(page.getByText('Found a Cairn backup')).toBeVisible();
  await page.getByLabel('Password', { exact: true }).fill('wrong');
  await page.getByRole('button', { name: 'Open backup' }).click();
  await expect(page.getByText('That password does not open this backup')).toBeVisible();
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery staple');
  await page.getByRole('button', { name: 'Open backup' }).click();
  await expect(page.getByRole('grid', { name: 'Files in this snapshot' })).toBeVisible();
});

test('the whole first run works from the keyboard', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('first-run');
  await expect(page.getByLabel('Password', { exact: true })).toBeFocused();
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Tab'); // Show the password
  await page.keyboard.press('Tab');
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog', { name: 'Your recovery key' })).toBeVisible();
  await page.getByRole('checkbox').focus();
  await page.keyboard.press('Space');
  await page.getByRole('button', { name: 'Done' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Backing up' })).toBeVisible();
  expect(await cairn.clicks()).toBe(0);
});
