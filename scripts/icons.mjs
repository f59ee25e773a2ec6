/**
 * Draws assets/icon.svg in the sizes that installers want, into out/icons: linux/NxN.png for desktop entries, icon.png
 * for Windows and macOS, whose own formats electron-builder makes from it. Drawn by a browser, which is the one thing
 * here that draws an SVG as it was meant.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { chromium } from '@playwright/test';

const LINUX_SIZES = [16, 24, 32, 48, 64, 128, 256, 512];
const LARGE_SIZE = 1024;
const PROGRAMS = [process.env.STANDIN_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser'];

const root = path.resolve(import.meta.dirname, '..');
const target = path.join(root, 'out/icons');
const svg = readFileSync(path.join(root, 'assets/icon.svg'), 'utf8');

/** A Chromium of this computer, or the Chrome that Playwright finds. */
function launch() {
  const executablePath = PROGRAMS.find((program) => program && existsSync(program));
  const sandbox = process.getuid?.() === 0 ? { chromiumSandbox: false } : {};
  return chromium.launch({ ...sandbox, ...(executablePath ? { executablePath } : { channel: 'chrome' }) });
}

export async function drawIcons() {
  mkdirSync(path.join(target, 'linux'), { recursive: true });
  const browser = await launch();
  try {
    const page = await browser.newPage();
    const draw = async (size, file) => {
      await page.setViewportSize({ width: size, height: size });
      await page.setContent(`<style>html, body { margin: 0 } svg { display: block; width: 100vw }</style>${svg}`);
      await page.screenshot({ path: path.join(target, file), omitBackground: true });
    };
    for (const size of LINUX_SIZES) await draw(size, `linux/${size}x${size}.png`);
    await draw(LARGE_SIZE, 'icon.png');
  } finally {
    await browser.close();
  }
}
