/** What the pictures show: a scenario, and how to come from its first screen to the one that is meant. */
import type { Page } from '@playwright/test';
import type { Scenario } from './scripted-data.ts';

export type Shot = { readonly name: string; readonly scenario: Scenario; readonly act?: (page: Page) => Promise<void> };

const go = (screen: string) => async (page: Page) => {
  await page.getByRole('navigation').getByRole('button', { name: screen }).click();
};

async function fillWelcome(page: Page): Promise<void> {
  await page.getByLabel('Password', { exact: true }).fill('quartz meadow lantern drift');
  await page.getByLabel('Repeat the password').fill('quartz meadow lantern drift');
  await page.waitForTimeout(700);
}

async function openDocuments(page: Page): Promise<void> {
  await go('Restore')(page);
  await page.getByRole('row').filter({ hasText: 'Documents' }).dblclick();
  await page.getByRole('row').filter({ hasText: 'Notes.txt' }).click();
  await page.waitForTimeout(150);
}

async function figures(page: Page): Promise<void> {
  await go('Activity')(page);
  await page.getByRole('tab', { name: 'Figures' }).click();
  await page.waitForTimeout(150);
}

async function find(page: Page, text: string): Promise<void> {
  await go('Restore')(page);
  await page.getByRole('button', { name: 'Search all snapshots' }).first().click();
  await page.getByRole('searchbox').fill(text);
  await page.waitForTimeout(400);
}

/** The oldest snapshot with the newest. */
async function compare(page: Page): Promise<void> {
  await go('Restore')(page);
  await page.getByRole('button', { name: 'Compare this snapshot' }).click();
  const earlier = page.getByLabel('Earlier');
  const oldest = await earlier.locator('option').last().getAttribute('value');
  await earlier.selectOption(oldest);
  await page.getByRole('option').filter({ hasText: 'Budget' }).first().waitFor();
}

async function openSchedule(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Change when' }).click();
  await page.getByRole('dialog').waitFor();
}

export const SHOTS: readonly Shot[] = [
  { name: 'welcome', scenario: 'first-run', act: fillWelcome },
  { name: 'welcome-no-drive', scenario: 'first-run-no-drive' },
  {
    name: 'recovery-sheet',
    scenario: 'first-run',
    act: async (page) => {
      await fillWelcome(page);
      await page.getByRole('button', { name: 'Start first backup' }).click();
      await page.getByText('Your recovery key').waitFor();
    },
  },
  {
    name: 'adopt',
    scenario: 'first-run',
    act: async (page) => {
      await page.getByRole('button', { name: 'I already have a backup' }).click();
      await page.getByText('Found a Cairn backup').waitFor();
    },
  },
  { name: 'overview', scenario: 'healthy' },
  { name: 'overview-running', scenario: 'backing-up' },
  { name: 'overview-scanning', scenario: 'scanning' },
  { name: 'overview-away', scenario: 'away' },
  { name: 'overview-locked', scenario: 'locked' },
  { name: 'overview-damaged', scenario: 'damaged' },
  { name: 'overview-full', scenario: 'full' },
  { name: 'overview-problems', scenario: 'problems' },
  { name: 'overview-new', scenario: 'new-set' },
  { name: 'overview-unusable', scenario: 'unusable' },
  { name: 'overview-settling', scenario: 'settling' },
  { name: 'overview-paused', scenario: 'paused' },
  { name: 'overview-scan-only', scenario: 'scan-only' },
  { name: 'overview-on-battery', scenario: 'on-battery' },
  { name: 'overview-scheduled', scenario: 'scheduled' },
  {
    name: 'overview-days',
    scenario: 'healthy',
    act: async (page) => {
      await page.getByText('As a table').click();
      await page.getByText('As a table').scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'pause-menu',
    scenario: 'healthy',
    act: (page) => page.getByRole('button', { name: 'Pause' }).click(),
  },
  { name: 'schedule', scenario: 'healthy', act: openSchedule },
  {
    name: 'schedule-weekly',
    scenario: 'scheduled',
    act: async (page) => {
      await openSchedule(page);
      await page.getByRole('radio', { name: 'On some days' }).check();
    },
  },
  {
    name: 'schedule-wrong',
    scenario: 'scheduled',
    act: async (page) => {
      await openSchedule(page);
      await page.getByRole('radio', { name: 'Every few minutes' }).check();
      await page.getByLabel('Minutes from one run').fill('0');
      await page.getByRole('switch', { name: 'Only while nobody' }).click();
      await page.getByText('Tell me when').scrollIntoViewIfNeeded();
    },
  },
  { name: 'splash', scenario: 'silent' },
  { name: 'old-engine', scenario: 'old-engine' },
  { name: 'refused', scenario: 'refused' },
  {
    name: 'palette',
    scenario: 'healthy',
    act: async (page) => {
      await page.getByText('Everything is backed up').waitFor();
      await page.keyboard.press('Control+k');
    },
  },
  { name: 'keys', scenario: 'healthy', act: (page) => page.keyboard.press('?') },
  {
    name: 'unlock',
    scenario: 'locked',
    act: async (page) => {
      await page.getByRole('button', { name: 'Unlock' }).first().click();
      await page.getByLabel('Password', { exact: true }).fill('wrong');
      await page.getByRole('dialog').getByRole('button', { name: 'Unlock' }).click();
      await page.getByText('That password does not open').waitFor();
    },
  },
  { name: 'restore', scenario: 'healthy', act: openDocuments },
  {
    name: 'restore-sheet',
    scenario: 'healthy',
    act: async (page) => {
      await openDocuments(page);
      await page.getByRole('button', { name: 'Options…' }).click();
      await page.waitForTimeout(500);
    },
  },
  {
    name: 'restore-sheet-elsewhere',
    scenario: 'adopted',
    act: async (page) => {
      await openDocuments(page);
      await page.getByRole('button', { name: 'Restore', exact: true }).last().click();
      await page.getByText('This snapshot was made on').waitFor();
    },
  },
  {
    name: 'password-again',
    scenario: 'stale-session',
    act: async (page) => {
      await openDocuments(page);
      await page.getByRole('button', { name: 'Options…' }).click();
      await page.getByRole('radio', { name: /Another folder/ }).check();
      await page.getByRole('button', { name: 'Downloads' }).click();
      await page.getByRole('button', { name: 'Use “Downloads”' }).click();
      await page.getByRole('button', { name: 'Restore 1 item' }).click();
      await page.getByText('once more').waitFor();
    },
  },
  {
    name: 'restore-huge',
    scenario: 'healthy',
    act: async (page) => {
      await go('Restore')(page);
      await page.getByRole('row').filter({ hasText: 'Pictures' }).dblclick();
      await page.getByRole('row').filter({ hasText: 'Camera roll' }).dblclick();
      await page.getByRole('grid').press('End');
      await page.waitForTimeout(300);
    },
  },
  {
    name: 'restore-not-then',
    scenario: 'healthy',
    act: async (page) => {
      await go('Restore')(page);
      await page.getByRole('row').filter({ hasText: 'Documents' }).dblclick();
      await page.getByRole('row').filter({ hasText: 'Thesis' }).dblclick();
      await page.getByRole('listbox').press('End');
      await page.getByText('did not exist then').waitFor();
    },
  },
  { name: 'restore-away', scenario: 'away', act: go('Restore') },
  { name: 'restore-locked', scenario: 'locked', act: go('Restore') },
  { name: 'restore-empty', scenario: 'new-set', act: go('Restore') },
  { name: 'restored', scenario: 'restored', act: openDocuments },
  { name: 'search-start', scenario: 'healthy', act: (page) => find(page, '') },
  {
    name: 'search-hits',
    scenario: 'healthy',
    act: async (page) => {
      await find(page, 'notes');
      await page.getByRole('option').first().waitFor();
      await page.keyboard.press('ArrowDown');
      await page.getByText('# Notes').waitFor();
    },
  },
  {
    name: 'search-gone',
    scenario: 'healthy',
    act: async (page) => {
      await find(page, 'budget');
      await page.getByRole('option').filter({ hasText: 'draft' }).click();
    },
  },
  { name: 'search-none', scenario: 'healthy', act: (page) => find(page, 'zebra') },
  { name: 'search-indexing', scenario: 'indexing', act: (page) => find(page, '*.md') },
  { name: 'search-off', scenario: 'no-catalog', act: (page) => find(page, 'notes') },
  { name: 'compare', scenario: 'healthy', act: compare },
  {
    name: 'compare-text',
    scenario: 'healthy',
    act: async (page) => {
      await compare(page);
      await page.getByRole('option').filter({ hasText: 'Garden.md' }).click();
      await page.getByText('boiler').first().waitFor();
    },
  },
  {
    name: 'compare-same',
    scenario: 'healthy',
    act: async (page) => {
      await compare(page);
      const later = page.getByLabel('Later');
      await page.getByLabel('Earlier').selectOption(await later.inputValue());
      await page.getByText('No difference').waitFor();
    },
  },
  {
    name: 'versions',
    scenario: 'healthy',
    act: async (page) => {
      await openDocuments(page);
      await page.getByRole('row').filter({ hasText: 'Notes.txt' }).click();
      await page.getByRole('listbox', { name: 'Versions' }).getByRole('option').nth(1).click();
    },
  },
  { name: 'integrity', scenario: 'healthy', act: go('Integrity') },
  { name: 'integrity-running', scenario: 'verifying', act: go('Integrity') },
  { name: 'integrity-damaged', scenario: 'damaged', act: go('Integrity') },
  { name: 'integrity-two', scenario: 'two-drives', act: go('Integrity') },
  { name: 'integrity-away', scenario: 'away', act: go('Integrity') },
  { name: 'integrity-never', scenario: 'new-set', act: go('Integrity') },
  {
    name: 'integrity-table',
    scenario: 'healthy',
    act: async (page) => {
      await go('Integrity')(page);
      await page.getByRole('radio', { name: 'Table' }).check();
      await page.getByRole('table').scrollIntoViewIfNeeded();
    },
  },
  { name: 'destinations', scenario: 'healthy', act: go('Destinations') },
  { name: 'destinations-many', scenario: 'many-drives', act: go('Destinations') },
  { name: 'destinations-away', scenario: 'away', act: go('Destinations') },
  { name: 'destinations-running', scenario: 'verifying', act: go('Destinations') },
  { name: 'activity', scenario: 'healthy', act: go('Activity') },
  { name: 'activity-problems', scenario: 'problems', act: go('Activity') },
  { name: 'activity-failed', scenario: 'full', act: go('Activity') },
  { name: 'activity-empty', scenario: 'new-set', act: go('Activity') },
  {
    name: 'activity-log',
    scenario: 'healthy',
    act: async (page) => {
      await go('Activity')(page);
      await page.getByRole('tab', { name: 'Log' }).click();
    },
  },
  { name: 'figures', scenario: 'healthy', act: figures },
  {
    name: 'figures-point',
    scenario: 'healthy',
    act: async (page) => {
      await figures(page);
      await page.getByRole('radio', { name: 'Week' }).check();
      await page.getByRole('slider', { name: 'Reading speed' }).focus();
      for (let step = 0; step < 9; step++) await page.keyboard.press('ArrowLeft');
    },
  },
  {
    name: 'figures-tables',
    scenario: 'healthy',
    act: async (page) => {
      await figures(page);
      await page.getByRole('radio', { name: 'Tables' }).check();
    },
  },
  { name: 'figures-empty', scenario: 'new-set', act: figures },
  { name: 'settings', scenario: 'healthy', act: go('Settings') },
  {
    name: 'settings-end',
    scenario: 'healthy',
    act: async (page) => {
      await go('Settings')(page);
      await page.getByRole('button', { name: 'Check this installation' }).click();
      await page.getByText('File watching').scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'edit-folders',
    scenario: 'healthy',
    act: async (page) => {
      await page.getByRole('button', { name: 'Change', exact: true }).click();
    },
  },
  {
    name: 'folder-picker',
    scenario: 'healthy',
    act: async (page) => {
      await page.getByRole('button', { name: 'Change', exact: true }).click();
      await page.getByRole('button', { name: 'Add folder' }).click();
      await page.getByRole('button', { name: 'Use', exact: true }).waitFor();
    },
  },
  {
    name: 'change-password',
    scenario: 'healthy',
    act: async (page) => {
      await go('Settings')(page);
      await page.getByRole('button', { name: 'Change password' }).click();
    },
  },
  {
    name: 'connection-lost',
    scenario: 'healthy',
    act: async (page) => {
      await page.getByText('Everything is backed up').waitFor();
      await page.evaluate(() => {
        window.scripted.refuse = true;
        window.scripted.drop();
      });
      await page.getByText('connection to Cairn was lost').waitFor();
    },
  },
];
