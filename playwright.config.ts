/**
 * Tests of the whole app, in a real browser, two files at a time: each test waits more than it works.
 */
import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'test/e2e',
  testMatch: '**/*.spec.ts',
  outputDir: 'out/e2e',
  workers: 2,
  // Long, because a busy computer is no defect of the app; how fast it is, CAIRN_MEASURE=1 tells.
  timeout: 120_000,
  expect: { timeout: 30_000 },
  retries: process.env['CI'] === 'true' ? 1 : 0,
  forbidOnly: process.env['CI'] === 'true',
  reporter: [['list'], ['./test/e2e/reporter.ts'], ['json', { outputFile: 'out/e2e-results.json' }]],
  // What is written of every test is thrown away for nearly all of them.
  use: { trace: 'on-first-retry' },
});
