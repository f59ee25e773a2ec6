/**
 * Tests of the whole app, in a real browser, two files at a time: each test waits more than it works.
 */
import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'test/e2e',
  testMatch: '**/*.spec.ts',
  outputDir: 'out/e2e',
  workers: 2,
  timeout: 30_000,
  forbidOnly: process.env['CI'] === 'true',
  reporter: [['list'], ['./test/e2e/reporter.ts'], ['json', { outputFile: 'out/e2e-results.json' }]],
  use: { trace: 'retain-on-failure' },
});
