/** Two Cairns that would serve one home: the second one says so in plain words, and goes on when the first has ended. */
import path from 'node:path';

import { expect, launch, test } from './app.ts';

test('a second Cairn of the same home says who is at work, waits, and begins when it is asked again', async ({
  cairn,
  page,
  place,
}) => {
  await expect(page.getByRole('heading', { name: 'Give your files a second home' })).toBeVisible();
  // Another profile: else the second start would only bring the first window to the front.
  const second = await launch({ ...place, userData: path.join(place.folder, 'other-user') });
  const window = await second.firstWindow();
  const refusal = window.getByRole('alert');
  await expect(refusal.getByRole('heading', { name: 'Cairn is open already' })).toBeVisible();
  await expect(refusal).toContainText(/Cairn runs already in its own window \(process \d+\)/);
  await expect(refusal).toContainText('Use that one or end it first.');
  const engines = (): Promise<number> =>
    second.evaluate(({ app }) => app.getAppMetrics().filter(({ type }) => type === 'Utility').length);
  await expect.poll(engines).toBe(0);

  await cairn.close();
  await window.getByRole('button', { name: 'Try again' }).click();
  await expect(window.getByRole('heading', { name: 'Give your files a second home' })).toBeVisible();
  expect(await engines()).toBe(1);
  await second.close();
});
