/** The browser that plays the window: an installed Chromium, told to keep to itself. */
import type { LaunchOptions } from '@playwright/test';

export const BROWSER_OPTIONS: LaunchOptions = {
  executablePath: process.env['CAIRN_CHROMIUM'] ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
};
