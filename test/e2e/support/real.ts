/** The real app with real files: a home folder with documents, and a folder that stands for a drive. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ElectronApplication, Page } from '@playwright/test';

import { test as base, closeWindow, expect } from '../app.ts';
import { PASSWORD } from './person.ts';

export type Files = { readonly documents: string; readonly drive: string };

export const test = base.extend<{ files: Files }>({
  files: [
    async ({ place }, use) => {
      const home = path.join(place.folder, 'ada');
      const documents = path.join(home, 'Documents');
      const drive = path.join(place.folder, 'drive');
      mkdirSync(path.join(documents, 'Letters'), { recursive: true });
      mkdirSync(drive);
      place.env['HOME'] = home;
      writeFileSync(path.join(documents, 'Letters', 'to-charles.txt'), 'Dear Charles, the engine works.\n');
      writeFileSync(path.join(documents, 'plans.txt'), 'first plan\n');
      await use({ documents, drive });
    },
    { auto: true },
  ],
});

/** What the system's dialog will answer from now on: nobody sits before it. */
export async function answerDialogs(cairn: ElectronApplication, folder: string): Promise<void> {
  await cairn.evaluate(({ dialog }, chosen) => {
    dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [chosen], bookmarks: [] });
  }, folder);
}

/** From the first screen to a backup that runs. */
export async function beginBackup(page: Page, cairn: ElectronApplication, { drive }: Files): Promise<void> {
  await answerDialogs(cairn, drive);
  await expect(page.getByRole('checkbox', { name: /Documents/ })).toBeChecked();
  await page.getByRole('button', { name: 'Another folder' }).click();
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByLabel('Repeat the password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Start first backup' }).click();
  await page.getByRole('button', { name: 'Close anyway' }).click();
}

/** From the first screen to a backup that is complete. */
export async function firstBackup(page: Page, cairn: ElectronApplication, files: Files): Promise<void> {
  await beginBackup(page, cairn, files);
  await expect(page.getByRole('heading', { name: 'Everything is backed up' })).toBeVisible();
}

/** The window is closed and opened again, as from the tray; the app goes on meanwhile. */
export async function reopen(cairn: ElectronApplication, page: Page): Promise<Page> {
  await closeWindow(cairn, page);
  const reopened = cairn.waitForEvent('window');
  await cairn.evaluate(({ app }) => app.emit('second-instance', {}, [], ''));
  const window = await reopened;
  await window.getByRole('main').waitFor();
  return window;
}

export { expect };
