/** A backup that takes a while, in the real app: seen from every screen, left alone, come back to, and cancelled. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { seeded } from '../support/seed.ts';
import { ask } from './app.ts';
import { followThroughScreens, go, jobBar } from './support/person.ts';
import { beginBackup, expect, reopen, test } from './support/real.ts';

const FILES = 40;
const FILE_BYTES = 1_000_000;
/** Slow enough to be looked at on every screen, twice, and fast enough for someone who waits. */
const READ_BYTES_PER_SECOND = 1_000_000;

test('a window that is closed in the middle of a backup shows the same job again, which can be cancelled', async ({
  page,
  cairn,
  files,
}) => {
  for (let index = 0; index < FILES; index++)
    writeFileSync(path.join(files.documents, `film-${index}.bin`), seeded(index).bytes(FILE_BYTES));
  await ask(page, 'settings.change', { readBytesPerSecondMax: READ_BYTES_PER_SECOND });
  await beginBackup(page, cairn, files);
  const before = await followThroughScreens(page, 0);
  const [job] = (await ask(page, 'jobs.list', {})).filter(({ state }) => state === 'running');

  const window = await reopen(cairn, page);
  await followThroughScreens(window, before);
  const jobs = await ask(window, 'jobs.list', {});
  const [same, ...others] = jobs.filter(({ state }) => state === 'running');
  expect([same?.jobId, others]).toEqual([job?.jobId, []]);
  expect(same?.progress?.bytes).toBeGreaterThan(job?.progress?.bytes ?? Infinity);
  expect(same?.progress?.bytesTotal).toBe(job?.progress?.bytesTotal);

  await jobBar(window).getByRole('button', { name: 'Cancel' }).click();
  await expect(jobBar(window).getByText('Back up: cancelled')).toBeVisible();
  await expect(window.getByRole('heading', { name: 'Waiting for the first backup' })).toBeVisible();
  await expect(window.getByRole('alert')).toHaveCount(0);
  await go(window, 'Activity');
  await expect(window.getByRole('listbox').getByRole('option', { selected: true })).toContainText('Cancelled');

  await ask(window, 'settings.change', { readBytesPerSecondMax: null });
  await go(window, 'Overview');
  await window.getByRole('button', { name: 'Back up now' }).first().click();
  await expect(window.getByRole('heading', { name: 'Everything is backed up' })).toBeVisible();
  await expect(jobBar(window).getByText(`Backed up ${FILES + 2} files`)).toBeVisible();
});
