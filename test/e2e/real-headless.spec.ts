/**
 * The same app from `cairn serve`, in a browser: with a drive of 24 MB that only it can see (a filesystem in memory, in
 * a mount namespace of its own), so that a place is found by itself, and so that it gets full.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test as base, expect } from '@playwright/test';

import { mountNamespace } from '../support/mount-namespace.ts';
import { seeded } from '../support/seed.ts';
import { type Place, makePlace, removePlace } from './app.ts';
import { root } from './host.ts';
import { BROWSER_OPTIONS } from './support/browser.ts';
import { beginFirstBackup, countClicks, followThroughScreens, go, jobBar, row } from './support/person.ts';

const NAMESPACE = mountNamespace();
const CLI = path.join(root, 'out/main/cli.js');
const FILES = 40;
const FILE_BYTES = 1_000_000;
/** Named as a device, so that it is taken for a drive. */
const MOUNT_AND_RUN = 'mount -t tmpfs -o size=24m /dev/blue "$DRIVE" && exec "$@"';

type Served = {
  readonly url: string;
  readonly address: string;
  readonly documents: string;
  /** The drive as the app sees it: it is not there for anyone else. */
  readonly drive: string;
};

async function serve(place: Place): Promise<{ readonly served: Served; readonly child: ChildProcess }> {
  const home = path.join(place.folder, 'ada');
  const documents = path.join(home, 'Documents');
  const drive = path.join(place.folder, 'Blue');
  for (const folder of [documents, drive]) mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(documents, 'plans.txt'), 'first plan\n');
  const [program = '', ...namespaceArgs] = NAMESPACE ?? [];
  const args = [...namespaceArgs, 'sh', '-c', MOUNT_AND_RUN, 'sh', process.execPath, CLI, 'serve', '--json'];
  const env = { ...place.env, HOME: home, DRIVE: drive, DISPLAY: '', WAYLAND_DISPLAY: '' };
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const document = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      if (text.trimEnd().endsWith('}')) resolve(text);
    });
    child.once('exit', (status) => reject(new Error(`cairn serve ended with ${status}: ${text}`)));
  });
  const { url, address } = JSON.parse(document) as Pick<Served, 'url' | 'address'>;
  return { child, served: { url, address, documents, drive: `/proc/${child.pid}/root${drive}` } };
}

const test = base.extend<{ served: Served }>({
  launchOptions: [BROWSER_OPTIONS, { scope: 'worker' }],
  // Playwright reads from the first parameter what a fixture needs: nothing here.
  // eslint-disable-next-line no-empty-pattern
  served: async ({}, use) => {
    const place = makePlace();
    const { served, child } = await serve(place);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await use(served);
    child.kill('SIGTERM');
    await ended;
    removePlace(place);
  },
});

test.skip(NAMESPACE === undefined, 'A drive that gets full needs a mount namespace, which this system does not allow.');

test('two clicks make the first backup on the drive that is found', async ({ page, served }) => {
  await page.goto(served.url);
  await expect(page.getByRole('radio', { name: /Blue/ })).toBeChecked();
  const clicks = await countClicks(page);
  await beginFirstBackup(page);
  await expect(jobBar(page).getByText('Backed up 1 file', { exact: true })).toBeVisible();
  expect(await clicks()).toBe(2);

  rmSync(path.join(served.documents, 'plans.txt'));
  await go(page, 'Restore');
  await row(page, 'plans.txt').click();
  await page.getByRole('button', { name: 'Restore', exact: true }).last().click();
  await expect(jobBar(page).getByText('Restored 1 item', { exact: true })).toBeVisible();
  expect(await clicks()).toBe(5);
});

test('a page that is closed in the middle shows the same job again, and a full drive is told and got over', async ({
  page,
  served,
  context,
}) => {
  const { documents, drive } = served;
  // Other people's files, which make room when they go.
  writeFileSync(path.join(drive, 'films.bin'), seeded(1).bytes(8_000_000));
  const write = (content: (index: number) => Buffer): void => {
    for (let index = 0; index < FILES; index++)
      writeFileSync(path.join(documents, `video-${index}.bin`), content(index));
  };
  // Next to nothing on the drive, and more than it holds later.
  write(() => Buffer.alloc(FILE_BYTES));
  await page.goto(served.url);
  await beginFirstBackup(page);
  await expect(jobBar(page).getByText(`Backed up ${FILES + 1} files`, { exact: true })).toBeVisible();
  // What runs by itself would take its turn in between.
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('menuitem', { name: 'Until I resume' }).click();
  await expect(page.getByText('Paused until you resume it').first()).toBeVisible();
  write((index) => seeded(100 + index).bytes(FILE_BYTES));
  await go(page, 'Settings');
  await page.getByLabel('Read at most').fill('500 kB');
  await page.getByLabel('Read at most').blur();
  await go(page, 'Overview');
  await page.getByRole('button', { name: 'Back up now' }).first().click();
  const before = await followThroughScreens(page, 0);
  await page.close();
  const again = await context.newPage();
  await again.goto(served.address);
  await followThroughScreens(again, before);
  await expect(jobBar(again)).toHaveCount(1);
  await jobBar(again).getByRole('button', { name: 'Cancel' }).click();
  await expect(jobBar(again).getByText('Back up: cancelled')).toBeVisible();

  await go(again, 'Settings');
  await again.getByLabel('Read at most').fill('');
  await again.getByLabel('Read at most').blur();
  await go(again, 'Overview');
  await again.getByRole('button', { name: 'Back up now' }).first().click();
  await expect(jobBar(again).getByText('The drive is full')).toBeVisible();
  await expect(jobBar(again)).toContainText('What was backed up before is safe. Free some space on it');
  await expect(again.getByRole('heading', { name: 'The last backup did not finish' })).toBeVisible();

  // The app goes on, and what was backed up before is there.
  const plans = path.join(documents, 'plans.txt');
  rmSync(plans);
  await go(again, 'Restore');
  await row(again, 'plans.txt').click();
  await again.getByRole('button', { name: 'Restore', exact: true }).last().click();
  await expect(jobBar(again).getByText('Restored 1 item', { exact: true })).toBeVisible();
  expect(readFileSync(plans, 'utf8')).toBe('first plan\n');

  rmSync(path.join(drive, 'films.bin'));
  for (let index = 2; index < FILES; index++) rmSync(path.join(documents, `video-${index}.bin`));
  await go(again, 'Overview');
  await again.getByRole('button', { name: 'Back up now' }).first().click();
  await expect(jobBar(again).getByText('Backed up 2 files', { exact: true })).toBeVisible();
});
