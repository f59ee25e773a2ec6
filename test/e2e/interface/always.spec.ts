/** What a person sees of a Cairn that keeps itself current: live state, schedules, pauses, days, drives, figures. */
import { expect, test } from './window.ts';

test('the Overview says up to when everything is protected, and what the set is doing', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('settling');
  await expect(page.getByText(/^Everything up to \d\d:\d\d:\d\d is protected/)).toBeVisible();
  await expect(page.getByText('Changes in 3 folders')).toBeVisible();
  await page.evaluate(() => window.scripted.engine.become('healthy'));
  await expect(page.getByText('Watching', { exact: true })).toBeVisible();
  await page.evaluate(() => window.scripted.engine.become('away'));
  await expect(page.getByText('Waiting for Blue', { exact: true }).last()).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('what holds the next run back is said in words', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('on-battery');
  await expect(page.getByText('Waiting for mains power')).toBeVisible();
  await page.evaluate(() => window.scripted.engine.become('scheduled'));
  await expect(page.getByText(/^Next: (today|tomorrow), 21:00$/)).toBeVisible();
  await page.evaluate(() => window.scripted.engine.become('scan-only'));
  await expect(page.getByText('This system allows 8,192 watches')).toBeVisible();
});

test('backups are paused from a menu, and resumed', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('menuitem', { name: 'Until I resume' }).click();
  await expect(page.getByText('Paused until you resume it').first()).toBeVisible();
  expect(await cairn.asked('sets.pause')).toEqual({ setId: null, until: null });
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(page.getByText('Watching', { exact: true })).toBeVisible();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('pause backups: for 1 hour');
  await page.keyboard.press('Enter');
  await expect(page.getByText(/^Paused until (tomorrow, )?\d\d:\d\d/).first()).toBeVisible();
});

test('a schedule is changed, and nothing is saved while a field is wrong', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await page.getByRole('button', { name: 'Change when “My files” is backed up' }).click();
  const sheet = page.getByRole('dialog', { name: 'When to back up' });
  await expect(sheet.getByRole('radio', { name: /As things change/ })).toBeChecked();
  await sheet.getByRole('radio', { name: 'On some days of the week' }).check();
  for (const day of ['Monday', 'Wednesday', 'Friday']) await sheet.getByRole('checkbox', { name: day }).uncheck();
  await expect(sheet.getByText('Choose at least one day.')).toBeVisible();
  await expect(sheet.getByRole('button', { name: 'Save' })).toBeDisabled();
  await sheet.getByRole('checkbox', { name: 'Saturday' }).check();
  await sheet.getByLabel('Time of day').fill('7:30');
  await expect(sheet.getByText('A time like 21:00.')).toBeVisible();
  await sheet.getByLabel('Time of day').fill('07:30');
  await sheet.getByRole('switch', { name: 'Only on mains power' }).click();
  await sheet.getByLabel('Days without a good backup').fill('14');
  await page.keyboard.press('Enter');
  await expect(sheet).toBeHidden();
  expect(await cairn.asked('sets.schedule')).toMatchObject({
    schedule: {
      timing: { kind: 'weekly', days: ['saturday'], at: '07:30' },
      whenDriveConnected: true,
      conditions: { onlyOnMainsPower: true, notOnMetered: false, onlyWhenIdleMinutes: null },
      staleAfterDays: 14,
    },
  });
});

test('the first run asks when, and by hand means by hand', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('first-run');
  await expect(page.getByRole('radio', { name: 'As things change' })).toBeChecked();
  await page.getByRole('radio', { name: 'By hand' }).check();
  await page.getByRole('switch', { name: 'Encrypt the backup' }).click();
  await page.getByRole('button', { name: 'Start first backup' }).click();
  await expect(page.getByRole('heading', { name: 'Backing up' })).toBeVisible();
  expect(await cairn.asked('sets.create')).toMatchObject({
    schedule: { timing: { kind: 'manual' }, whenDriveConnected: false },
  });
});

test('thirty days are a sentence, a strip and a table', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await expect(page.getByText(/^Backed up on \d+ of 30 days/)).toBeVisible();
  await page.getByText('As a table').click();
  const table = page.getByRole('table');
  await expect(table.getByRole('row')).toHaveCount(31);
  await expect(table.getByText('did not finish')).toHaveCount(1);
  await expect(table.getByText('paused', { exact: true })).not.toHaveCount(0);
});

test('each destination says its state, its room, and offers only what can be done', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('many-drives');
  await cairn.go('Destinations');
  const card = (name: string) => page.getByRole('region', { name, exact: true });
  await expect(card('Blue').getByText('Full in about 4 months, at 12.6 GB a day.')).toBeVisible();
  await expect(card('Blue').getByText('My files')).toBeVisible();
  await expect(card('Travel').getByText('Away for 12 days.')).toBeVisible();
  await expect(card('Travel').getByRole('button')).toHaveCount(0);
  await expect(card('NAS').getByText('Full in 9 days')).toBeVisible();
  await expect(card('Red').getByText('Nothing was written to it')).toBeVisible();
  await expect(card('Old').getByRole('heading', { name: 'written by a newer Cairn' })).toBeVisible();
  await card('Archive').getByRole('button', { name: 'Unlock' }).click();
  await expect(page.getByRole('dialog', { name: 'Archive is locked' })).toBeVisible();
  await page.keyboard.press('Escape');
  await card('NAS').getByRole('button', { name: 'Check now' }).click();
  await expect(card('NAS').getByRole('button', { name: 'Restore files' })).toBeEnabled();
  await card('NAS').getByRole('button', { name: 'Restore files' }).click();
  await expect(page.getByRole('grid', { name: 'Files in this snapshot' })).toBeVisible();
  const nas = await page.evaluate(() => new Map<string, unknown>(window.scripted.engine.inputs).get('snapshots.list'));
  expect(nas).toEqual(
    await cairn
      .asked('jobs.verify')
      .then((asked) => ({ destinationId: (asked as { destinationId: string }).destinationId })),
  );
});

test('figures are drawn for four ranges, read by keys, and stand in tables', async ({ cairn }) => {
  const { page } = cairn;
  await cairn.open('healthy');
  await cairn.go('Activity');
  await page.getByRole('tab', { name: 'Figures' }).click();
  for (const range of ['Day', 'Week', 'Year', 'Month']) {
    await page.getByRole('radio', { name: range }).check();
    await expect.poll(() => cairn.asked('metrics.get')).toEqual({ range: range.toLowerCase() });
  }
  const speed = page.getByRole('slider', { name: 'Reading speed' });
  await expect(speed).toHaveAttribute('aria-valuetext', /latest .* MB\/s, between/);
  await speed.focus();
  await page.keyboard.press('End');
  await expect(speed).toHaveAttribute('aria-valuetext', /^\d.*: .* – .*MB\/s$/);
  await page.keyboard.press('Home');
  await expect(speed).toHaveAttribute('aria-valuenow', '0');
  await page.getByRole('radio', { name: 'Tables' }).check();
  await expect(page.getByRole('table')).toHaveCount(6);
});
