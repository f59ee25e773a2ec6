/**
 * A Cairn that keeps itself current, with the real app on real files: an edit is protected by itself, found by its name,
 * and its older version comes back; a drive goes away and comes back, and what changed meanwhile is protected by itself.
 */
import { mkdirSync, readFileSync, readdirSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from '@playwright/test';

import { ask } from './app.ts';
import { go, jobBar } from './support/person.ts';
import { expect, firstBackup, test } from './support/real.ts';

/** Long after what a person is promised: a busy computer is no defect of the app. What it took is printed. */
const PROTECTED_TIMEOUT_MS = 60_000;
const SECOND_MS = 1000;

/** Up to when everything is protected, as the window says it: to the second. */
async function shownProtectedMs(page: Page): Promise<number> {
  const text = await page.getByText(/^Everything up to \d\d:\d\d:\d\d is protected/).textContent();
  const [hours = 0, minutes = 0, seconds = 0] = (/\d\d:\d\d:\d\d/.exec(text ?? '')?.[0] ?? '').split(':').map(Number);
  return new Date().setHours(hours, minutes, seconds, 0);
}

/** Does something at the beginning of a second, and waits until the window says that what was there then is protected. */
async function untilProtected(page: Page, change: () => void): Promise<number> {
  await expect(page.getByText('Watching', { exact: true })).toBeVisible();
  const shownMs = await shownProtectedMs(page);
  await expect.poll(() => Date.now() - shownMs, { intervals: [50] }).toBeGreaterThan(2 * SECOND_MS);
  await page.waitForTimeout(SECOND_MS - (Date.now() % SECOND_MS));
  const changedMs = Date.now();
  change();
  await expect
    .poll(() => shownProtectedMs(page), { intervals: [50], timeout: PROTECTED_TIMEOUT_MS })
    .toBeGreaterThanOrEqual(Math.floor(changedMs / SECOND_MS) * SECOND_MS);
  return Date.now() - changedMs;
}

test('an edit is protected by itself, found by its name, and its older version comes back', async ({
  page,
  cairn,
  files,
}, info) => {
  await firstBackup(page, cairn, files);
  const plans = path.join(files.documents, 'plans.txt');
  const older = readFileSync(plans);
  const newer = Buffer.from('second plan, much better\n');

  const tookMs = await untilProtected(page, () => writeFileSync(plans, newer));
  info.annotations.push({ type: 'edit shown as protected', description: `${tookMs} ms` });
  console.log(`An edit was shown as protected after ${tookMs} ms.`);

  await page.keyboard.press('/');
  await page.keyboard.type('PLANS');
  const hit = page.getByRole('option').filter({ hasText: 'plans.txt' });
  await expect(hit).toHaveCount(1);
  await hit.click();
  const versions = page.getByRole('listbox', { name: 'Versions' });
  await expect(versions.getByRole('option')).toHaveCount(2);
  const preview = page.getByRole('complementary', { name: 'Preview' });
  await expect(preview.getByText('second plan, much better')).toBeVisible();
  await versions.focus();
  await page.keyboard.press('ArrowDown');
  await expect(preview.getByText('first plan')).toBeVisible();
  await preview.getByRole('button', { name: 'Restore this version' }).click();
  await expect(jobBar(page).getByText('Restored 1 item', { exact: true })).toBeVisible();
  expect(readFileSync(plans)).toEqual(older);
  expect(readFileSync(`${plans}.before-restore`)).toEqual(newer);
});

test('a drive goes away and comes back, and what changed meanwhile is protected by itself', async ({
  page,
  cairn,
  files,
}) => {
  await firstBackup(page, cairn, files);
  await expect(page.getByText('Watching', { exact: true })).toBeVisible();
  // What a drive leaves that is pulled out: its empty mount point.
  const kept = `${files.drive}-unplugged`;
  renameSync(files.drive, kept);
  mkdirSync(files.drive);
  await expect(page.getByText('Waiting for drive', { exact: true }).first()).toBeVisible();
  await expect(page.getByText(/Away for \d+ min\. Cairn goes on when you plug it in/).first()).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
  await go(page, 'Destinations');
  await expect(page.getByRole('region', { name: 'drive', exact: true }).getByText(/^Away for \d+ min\./)).toBeVisible();
  const plans = path.join(files.documents, 'plans.txt');
  const changedMs = Date.now();
  writeFileSync(plans, 'a plan made while the drive was away\n');
  await go(page, 'Restore');
  await expect(page.getByText('drive is not connected')).toBeVisible();

  // Nothing was written where the drive is not.
  expect(readdirSync(files.drive)).toEqual([]);
  rmdirSync(files.drive);
  renameSync(kept, files.drive);
  await go(page, 'Overview');
  await expect.poll(() => shownProtectedMs(page), { timeout: PROTECTED_TIMEOUT_MS }).toBeGreaterThan(changedMs);
  await expect(page.getByText('Watching', { exact: true })).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Everything is backed up' })).toBeVisible();
  const { sets } = await ask(page, 'overview.get', {});
  const { destinationId = '', lastBackup = null } = sets[0] ?? {};
  const at = { destinationId, snapshotId: lastBackup?.snapshotId ?? '', path: 'plans.txt' };
  expect(await ask(page, 'browse.preview', at)).toMatchObject({ text: 'a plan made while the drive was away\n' });
});
