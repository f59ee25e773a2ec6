/**
 * The built window in a real browser with the scripted engine at the other end. `clicks` counts what a hand does: it is
 * the page that counts, so a test can't forget one.
 */
import { AxeBuilder } from '@axe-core/playwright';
import { test as base, expect, type Page } from '@playwright/test';
import { BROWSER_OPTIONS } from '../support/browser.ts';
import { buildScriptedEngine, SCRIPTED_ENGINE_FILE } from '../support/build-window.ts';
import type { Scenario } from '../support/scripted-data.ts';
import { serveWindow } from '../support/window-server.ts';

type OpenOptions = { readonly theme?: 'light' | 'dark' | 'system' };

export type CairnWindow = {
  readonly page: Page;
  readonly open: (scenario: Scenario, options?: OpenOptions) => Promise<void>;
  readonly go: (
    screen: 'Overview' | 'Restore' | 'Integrity' | 'Destinations' | 'Activity' | 'Settings',
  ) => Promise<void>;
  /** Clicks since the page was opened. */
  readonly clicks: () => Promise<number>;
  /** What the engine was asked last by this name. */
  readonly asked: (command: string) => Promise<unknown>;
  /** Serious and critical findings of axe, as texts; of these rules, or all. */
  readonly findings: (rules?: readonly string[]) => Promise<readonly string[]>;
  /** Errors of the page, and refusals of its policy. */
  readonly troubles: readonly string[];
};

type WorkerFixtures = { readonly windowUrl: string };

export const test = base.extend<{ readonly cairn: CairnWindow }, WorkerFixtures>({
  launchOptions: [BROWSER_OPTIONS, { scope: 'worker' }],
  windowUrl: [
    // Playwright reads from the pattern what a fixture needs: nothing.
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      await buildScriptedEngine();
      const server = await serveWindow();
      await use(server.url);
      await server.close();
    },
    { scope: 'worker' },
  ],
  cairn: async ({ page, windowUrl }, use) => {
    const troubles: string[] = [];
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') troubles.push(message.text());
    });
    await page.addInitScript({ path: SCRIPTED_ENGINE_FILE });
    await page.addInitScript(() => {
      sessionStorage.setItem('clicks', '0');
      const add = (): void => sessionStorage.setItem('clicks', String(Number(sessionStorage.getItem('clicks')) + 1));
      // A key that presses a button makes a click too, but no hand has pointed: its detail is 0.
      addEventListener('click', (event) => event.detail > 0 && add(), true);
    });
    await use({
      page,
      troubles,
      open: async (scenario, { theme = 'light' } = {}) => {
        await page.goto(`${windowUrl}/?scenario=${scenario}&theme=${theme}`);
      },
      go: async (screen) => {
        await page
          .getByRole('navigation', { name: 'Screens' })
          .getByRole('button', { name: screen, exact: true })
          .click();
      },
      clicks: () => page.evaluate(() => Number(sessionStorage.getItem('clicks'))),
      asked: (command) =>
        page.evaluate((name) => new Map<string, unknown>(window.scripted.engine.inputs).get(name), command),
      findings: async (rules) => {
        const axe = new AxeBuilder({ page }).setLegacyMode(true);
        const { violations } = await (rules === undefined ? axe : axe.withRules([...rules])).analyze();
        return violations
          .filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .map(
            ({ id, nodes }) =>
              `${id}: ${nodes.map((node) => `${node.target.join(' ')} — ${node.failureSummary ?? ''}`).join('\n')}`,
          );
      },
    });
    expect(troubles).toEqual([]);
  },
});

export { expect };
