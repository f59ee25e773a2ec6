/** What a person does in any window of the real app, whichever host shows it, and what is counted of it. */
import { type Page, expect } from '@playwright/test';

export const PASSWORD = 'quartz meadow lantern drift';

export const row = (page: Page, name: string) => page.getByRole('row').filter({ hasText: name });
export const jobBar = (page: Page) => page.getByRole('region', { name: 'Running job' });

export async function go(page: Page, screen: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Screens' }).getByRole('button', { name: screen, exact: true }).click();
}

/** From the welcome screen, where a place is chosen already, to a backup that is complete. */
export async function beginFirstBackup(page: Page): Promise<void> {
  await expect(page.getByRole('checkbox', { name: /Documents/ })).toBeChecked();
  // The field has the focus: typing needs no click, and Tab leads to the next one.
  await expect(page.getByLabel('Password', { exact: true })).toBeFocused();
  await page.keyboard.type(PASSWORD);
  await page.getByLabel('Repeat the password').focus();
  await page.keyboard.type(PASSWORD);
  await page.getByRole('button', { name: 'Start first backup' }).click();
  await page.getByRole('button', { name: 'Close anyway' }).click();
}

/** Counts from now on what a hand clicks; the page counts, so a test can't forget one. */
export async function countClicks(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const counted = { clicks: 0 };
    Object.assign(window, { counted });
    // A key that presses a button makes a click too, but no hand has pointed: its detail is 0.
    addEventListener('click', (event) => (counted.clicks += event.detail > 0 ? 1 : 0), true);
  });
  return () => page.evaluate(() => (Reflect.get(window, 'counted') as { readonly clicks: number }).clicks);
}

/** Every percentage of the running job that the page shows at this moment: in the bar, and where it is told at large. */
export async function percents(page: Page): Promise<readonly number[]> {
  // In the page as one step: between two steps the numbers may have moved on.
  return page.evaluate(() =>
    [...document.querySelectorAll('.percent')].map((shown) => Number.parseInt(shown.textContent, 10)),
  );
}

export const SCREENS = ['Restore', 'Integrity', 'Activity', 'Settings', 'Overview'] as const;

/** Goes through all screens; on each the same figure, never a smaller one than before. Returns the last one. */
export async function followThroughScreens(page: Page, from: number): Promise<number> {
  let before = from;
  for (const screen of SCREENS) {
    await go(page, screen);
    await expect.poll(() => percents(page)).toHaveLength(screen === 'Overview' ? 2 : 1);
    const shown = await percents(page);
    expect(new Set(shown).size, `${screen} shows ${shown.join(' and ')} %`).toBe(1);
    expect(shown[0], screen).toBeGreaterThanOrEqual(before);
    before = shown[0] ?? before;
  }
  return before;
}
