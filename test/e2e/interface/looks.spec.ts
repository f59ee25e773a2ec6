/** That everyone can use it: axe in light, dark and forced colours, a small window, a large zoom, a quick first paint. */
import type { Scenario } from '../support/scripted-data.ts';
import { type CairnWindow, expect, test } from './window.ts';

type View = {
  readonly name: string;
  readonly scenario: Scenario;
  readonly reach: (cairn: CairnWindow) => Promise<void>;
};

const stay = async ({ page }: CairnWindow): Promise<void> => {
  await page.getByRole('heading').first().waitFor();
};

async function reachFiles({ page, go }: CairnWindow): Promise<void> {
  await go('Restore');
  await page.getByRole('row').filter({ hasText: 'Documents' }).dblclick();
  await page.getByRole('row').filter({ hasText: 'Notes.txt' }).click();
  await page.getByText('# Notes').waitFor();
}

const VIEWS: readonly View[] = [
  { name: 'Welcome', scenario: 'first-run', reach: stay },
  {
    name: 'Adopt',
    scenario: 'first-run',
    reach: async ({ page }) => {
      await page.getByRole('button', { name: 'I already have a backup' }).click();
      await page.getByText('Found a Cairn backup').waitFor();
    },
  },
  { name: 'What keeps the engine from starting', scenario: 'refused', reach: stay },
  { name: 'Overview', scenario: 'healthy', reach: stay },
  { name: 'Overview while it runs', scenario: 'backing-up', reach: stay },
  { name: 'Overview with reasons', scenario: 'full', reach: stay },
  { name: 'Overview away', scenario: 'away', reach: stay },
  { name: 'Restore', scenario: 'restored', reach: reachFiles },
  {
    name: 'Restore sheet',
    scenario: 'healthy',
    reach: async (cairn) => {
      await reachFiles(cairn);
      await cairn.page.getByRole('button', { name: 'Options…' }).click();
      await cairn.page.getByText('to restore').waitFor();
    },
  },
  {
    name: 'Search',
    scenario: 'indexing',
    reach: async ({ page }) => {
      await page.getByRole('heading').first().waitFor();
      await page.keyboard.press('/');
      await page.keyboard.type('*.md');
      await page.getByRole('option').filter({ hasText: 'draft' }).click();
      await page.getByRole('listbox', { name: 'Versions' }).waitFor();
    },
  },
  {
    name: 'Comparison',
    scenario: 'healthy',
    reach: async ({ page, go }) => {
      await go('Restore');
      await page.getByRole('button', { name: 'Compare this snapshot' }).click();
      await page.getByLabel('Earlier').selectOption({ index: 30 });
      await page.getByRole('option').filter({ hasText: 'Garden.md' }).click();
      await page.getByText('Last of all:').first().waitFor();
    },
  },
  { name: 'Destinations', scenario: 'many-drives', reach: (cairn) => cairn.go('Destinations') },
  {
    name: 'Figures',
    scenario: 'healthy',
    reach: async ({ page, go }) => {
      await go('Activity');
      await page.getByRole('tab', { name: 'Figures' }).click();
      await page.getByRole('slider').first().waitFor();
    },
  },
  {
    name: 'Schedule',
    scenario: 'scheduled',
    reach: async ({ page }) => {
      await page.getByRole('button', { name: 'Change when' }).click();
      await page.getByRole('radio', { name: 'On some days' }).check();
    },
  },
  {
    name: 'Overview paused, with days as a table',
    scenario: 'paused',
    reach: async ({ page }) => {
      await page.getByText('As a table').click();
    },
  },
  { name: 'Integrity', scenario: 'damaged', reach: (cairn) => cairn.go('Integrity') },
  { name: 'Integrity of two places', scenario: 'two-drives', reach: (cairn) => cairn.go('Integrity') },
  { name: 'Activity', scenario: 'problems', reach: (cairn) => cairn.go('Activity') },
  {
    name: 'Log',
    scenario: 'healthy',
    reach: async ({ page, go }) => {
      await go('Activity');
      await page.getByRole('tab', { name: 'Log' }).click();
      await page.getByText('Snapshot written').first().waitFor();
    },
  },
  { name: 'Settings', scenario: 'healthy', reach: (cairn) => cairn.go('Settings') },
  {
    name: 'Protected folders',
    scenario: 'healthy',
    reach: async ({ page }) => {
      await page.getByRole('button', { name: 'Change', exact: true }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'Palette',
    scenario: 'healthy',
    reach: async (cairn) => {
      await stay(cairn);
      await cairn.page.keyboard.press('Control+k');
      await cairn.page.getByRole('dialog').waitFor();
    },
  },
];

const COLOURS = [
  { name: 'light', colorScheme: 'light', forcedColors: 'none' },
  { name: 'dark', colorScheme: 'dark', forcedColors: 'none' },
  { name: 'forced colours', colorScheme: 'light', forcedColors: 'active' },
] as const;

test.describe('axe finds nothing serious in light, dark and forced colours:', () => {
  for (const view of VIEWS) {
    test(view.name, async ({ cairn }) => {
      await cairn.page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
      await cairn.open(view.scenario, { theme: 'system' });
      await view.reach(cairn);
      for (const { name, colorScheme, forcedColors } of COLOURS) {
        await cairn.page.emulateMedia({ colorScheme, forcedColors, reducedMotion: 'reduce' });
        await cairn.page.waitForTimeout(100);
        // Other colours can change nothing but contrast.
        const rules = name === 'light' ? undefined : ['color-contrast', 'link-in-text-block'];
        expect(await cairn.findings(rules), name).toEqual([]);
      }
    });
  }
});

/** What sticks out of the window sideways, and text that is cut off without a mark. */
async function overflow({ page }: CairnWindow): Promise<readonly string[]> {
  return page.evaluate(() => {
    const wide: string[] = [];
    for (const scroller of [document.documentElement, ...document.querySelectorAll('main')]) {
      if (scroller.scrollWidth > scroller.clientWidth + 1) wide.push(`${scroller.tagName} ${scroller.scrollWidth}`);
    }
    for (const button of document.querySelectorAll('button')) {
      const box = button.getBoundingClientRect();
      if (box.width > 0 && (box.right > innerWidth + 1 || box.left < -1)) wide.push(button.textContent.trim());
    }
    return wide;
  });
}

const WINDOWS = [
  { name: '900 × 600', width: 900, height: 600 },
  { name: '1280 × 800 at 200 %', width: 640, height: 400 },
] as const;

test.describe('nothing is cut off in a small window and at 200 %:', () => {
  test.use({ viewport: { width: 900, height: 600 } });
  for (const view of VIEWS) {
    test(view.name, async ({ cairn }) => {
      await cairn.page.emulateMedia({ reducedMotion: 'reduce' });
      await cairn.open(view.scenario);
      await view.reach(cairn);
      for (const { name, ...size } of WINDOWS) {
        await cairn.page.setViewportSize(size);
        await cairn.page.waitForTimeout(100);
        expect(await overflow(cairn), name).toEqual([]);
      }
    });
  }
});

test('the main buttons can be reached at 200 %', async ({ cairn }) => {
  const { page } = cairn;
  await page.setViewportSize({ width: 640, height: 400 });
  await cairn.open('healthy');
  await page.getByRole('button', { name: 'Back up now' }).click({ trial: true });
  await cairn.go('Restore');
  await page.getByRole('row').filter({ hasText: 'Documents' }).click();
  await page.getByRole('button', { name: 'Restore…' }).click();
  await page.getByRole('button', { name: 'Restore 31 items' }).click();
  await expect(page.getByText('Restored 31 items', { exact: true })).toBeVisible();
});

test('the first paint comes within a second', async ({ cairn }) => {
  test.skip(
    process.env['CAIRN_MEASURE'] !== '1',
    'A time, which a busy computer would spoil: CAIRN_MEASURE=1 tells it.',
  );
  await cairn.open('healthy');
  await expect(cairn.page.getByRole('heading', { name: 'Everything is backed up' })).toBeVisible();
  const paintMs = await cairn.page.evaluate(
    () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity,
  );
  expect(paintMs).toBeLessThan(1000);
});

test('with motion reduced nothing moves by itself', async ({ cairn }) => {
  await cairn.page.emulateMedia({ reducedMotion: 'reduce' });
  await cairn.open('backing-up');
  await expect(cairn.page.getByRole('heading', { name: 'Backing up' })).toBeVisible();
  await cairn.page.waitForTimeout(200);
  const moving = await cairn.page.evaluate(
    () =>
      document
        .getAnimations()
        .filter(
          (animation) => animation.playState === 'running' && animation.effect?.getComputedTiming().duration !== 0.01,
        ).length,
  );
  expect(moving).toBe(0);
});
