/** The last lines of a test run: who reads them has often nothing else of it. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const SCRIPT = path.resolve(import.meta.dirname, '../../scripts/test-totals.cjs');

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'cairn-totals-'));
  fs.mkdirSync(path.join(folder, 'scripts'));
  fs.mkdirSync(path.join(folder, 'out'));
  fs.copyFileSync(SCRIPT, path.join(folder, 'scripts/test-totals.cjs'));
});

afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

const PARTS = {
  numPassedTests: 2,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [] as unknown[],
};
const APP = {
  stats: { expected: 1, flaky: 0, unexpected: 0, skipped: 1 },
  errors: [] as unknown[],
  suites: [] as unknown[],
};

function totals(parts: unknown, app: unknown): { readonly status: number | null; readonly lines: readonly string[] } {
  if (parts !== undefined) fs.writeFileSync(path.join(folder, 'out/test-results.json'), JSON.stringify(parts));
  if (app !== undefined) fs.writeFileSync(path.join(folder, 'out/e2e-results.json'), JSON.stringify(app));
  const { status, stdout } = spawnSync(process.execPath, ['scripts/test-totals.cjs'], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status, lines: stdout.trimEnd().split('\n') };
}

test('tests that all passed end with their number alone', () => {
  expect(totals(PARTS, APP)).toEqual({ status: 0, lines: ['1 skipped', '3 passed, 0 failed'] });
});

test('a failed test is named with its reason before the totals, whichever part it is of', () => {
  const assertionResults = [
    { status: 'passed', fullName: 'this one holds', failureMessages: [] },
    {
      status: 'failed',
      fullName: 'the copy is whole',
      failureMessages: ['\u001b[31mexpected 1 to be 2\u001b[39m\nat once'],
    },
  ];
  const results = [{ status: 'unexpected', results: [{ errors: [{ message: 'not visible' }] }] }];
  const inner = { specs: [{ file: 'a.spec.ts', line: 7, title: 'it is shown', tests: results }] };
  const { status, lines } = totals(
    { ...PARTS, numFailedTests: 1, testResults: [{ status: 'failed', name: 'copy.test.ts', assertionResults }] },
    { ...APP, stats: { ...APP.stats, unexpected: 1 }, suites: [{ specs: [], suites: [inner] }] },
  );
  expect(status).toBe(1);
  expect(lines).toEqual([
    'failed: copy.test.ts › the copy is whole',
    '    expected 1 to be 2',
    '    at once',
    'failed: a.spec.ts:7 › it is shown',
    '    not visible',
    '1 skipped',
    '3 passed, 2 failed',
  ]);
});

test('a file that could not be loaded, and a report that is not there, are failures', () => {
  const unloaded = { status: 'failed', name: 'torn.test.ts', message: 'no such module', assertionResults: [] };
  const { status, lines } = totals({ ...PARTS, testResults: [unloaded] }, undefined);
  expect(status).toBe(1);
  expect(lines).toEqual([
    'could not be run: torn.test.ts: no such module',
    'could not be run: a report is missing',
    '2 passed, 2 failed',
  ]);
});
