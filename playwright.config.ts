/**
 * Tests of the whole app, in a real browser. One at a time: each starts a Chromium and several processes, and what they
 * measure is behaviour, not how well this computer shares its two processors.
 */
import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'test/e2e',
  testMatch: '**/*.spec.ts',
  outputDir: 'out/e2e',
  workers: 1,
  timeout: 30_000,
  forbidOnly: process.env['CI'] === 'true',
  reporter: [['list'], ['./test/e2e/reporter.ts'], ['json', { outputFile: 'out/e2e-results.json' }]],
  use: { trace: 'retain-on-failure' },
});
