/** Says, before the first test and after the last one, on what the app ran. A green run must not be read as more. */
import type { Reporter } from '@playwright/test/reporter';

import { hostDescription } from './host.ts';

const line = `==== The app was run on: ${hostDescription} ====\n`;

// Playwright asks for a default export.
// eslint-disable-next-line no-restricted-syntax
export default class HostReporter implements Reporter {
  onBegin(): void {
    process.stdout.write(`\n${line}\n`);
  }

  onEnd(): void {
    process.stdout.write(`\n${line}`);
  }

  printsToStdio(): boolean {
    return true;
  }
}
