/**
 * Pictures of every screen and state, in light and dark, at both window sizes, into out/screenshots. `npm run screenshots
 * -- overview,unlock` takes only those whose name contains one of the words.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { chromium, type Page } from '@playwright/test';
import { buildScriptedEngine, SCRIPTED_ENGINE_FILE } from './support/build-window.ts';
import { BROWSER_OPTIONS } from './support/browser.ts';
import { SHOTS } from './support/shots.ts';
import { serveWindow } from './support/window-server.ts';

const OUT = path.resolve(import.meta.dirname, '../../out/screenshots');
const SIZES = [
  { width: 1280, height: 800 },
  { width: 900, height: 600 },
] as const;
const THEMES = ['light', 'dark'] as const;

const [wanted = '', ...flags] = process.argv.slice(2);
const quick = flags.includes('--quick');

async function settle(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await document.fonts.ready;
  });
  await page.waitForTimeout(120);
}

await mkdir(OUT, { recursive: true });
await buildScriptedEngine();
const server = await serveWindow();
const browser = await chromium.launch(BROWSER_OPTIONS);
let taken = 0;
for (const viewport of quick ? SIZES.slice(0, 1) : SIZES) {
  for (const theme of quick ? THEMES.slice(0, 1) : THEMES) {
    const context = await browser.newContext({ viewport, colorScheme: theme, reducedMotion: 'reduce' });
    context.setDefaultTimeout(4000);
    await context.addInitScript({ path: SCRIPTED_ENGINE_FILE });
    for (const shot of SHOTS.filter(({ name }) => wanted.split(',').some((part) => name.includes(part)))) {
      const page = await context.newPage();
      page.on('pageerror', (error) => console.error(`${shot.name}: ${error.message}`));
      page.on('console', (message) => {
        if (message.type() === 'error') console.error(`${shot.name}: ${message.text()}`);
      });
      await page.goto(`${server.url}/?scenario=${shot.scenario}&theme=${theme}`);
      try {
        await shot.act?.(page);
      } catch (error) {
        console.error(`${shot.name}: ${String(error).split('\n')[0] ?? ''}`);
      }
      await settle(page);
      await page.screenshot({ path: path.join(OUT, `${shot.name}-${theme}-${viewport.width}x${viewport.height}.png`) });
      taken++;
      await page.close();
    }
    await context.close();
  }
}
await browser.close();
await server.close();
console.log(`${taken} pictures in ${OUT}`);
