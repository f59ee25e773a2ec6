/**
 * `npm run lint`, `npm test` and `npm run e2e`: every step runs whatever the others found, and the end says which
 * failed, so that one lint error does not hide a test result.
 *
 * There are two lanes: the tests of the parts (vitest) are the longest step and have one of their own; in the other one
 * the static steps come first, then the tests of the whole app in a browser (Playwright). Arguments of `npm test` go to vitest; when
 * one of them is a pattern the other steps are left out, since someone is looking at one test and `npm run lint` and
 * `npm run e2e` have the rest. Arguments of `npm run e2e` go to Playwright.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const [mode, ...testArguments] = process.argv.slice(2);

/** Two lanes take up to 3 GB. */
const hasRoomForTwo = os.freemem() > 3 * 1024 ** 3 && os.availableParallelism() > 1;

const LAYERED_FOLDERS = ['src-shared', 'src-main', 'src-renderer', 'test'];
const PAGE_CHECK = ['--tsconfig', 'src-renderer/tsconfig.json', '--output', 'human', '--fail-on-warnings'];

/** What to check, with what: a package and the file of it that Node runs. */
const STATIC_STEPS = [
  { name: 'eslint', program: 'eslint/bin/eslint.js', args: ['--max-warnings=0', '.'] },
  { name: 'types', program: 'typescript/bin/tsc', args: ['-p', 'tsconfig.json', '--pretty', 'false'] },
  {
    name: 'window test types',
    program: 'typescript/bin/tsc',
    args: ['-p', 'test/window/tsconfig.json', '--pretty', 'false'],
  },
  { name: 'e2e types', program: 'typescript/bin/tsc', args: ['-p', 'test/e2e/tsconfig.json', '--pretty', 'false'] },
  { name: 'format', program: 'prettier/bin/prettier.cjs', args: ['--check', '--log-level=warn', '.'] },
  {
    name: 'layers',
    program: 'dependency-cruiser/bin/dependency-cruiser.mjs',
    args: ['--config', '.dependency-cruiser.cjs', '--output-type', 'err-long', ...LAYERED_FOLDERS],
  },
  { name: 'page', program: 'svelte-check/bin/svelte-check', args: PAGE_CHECK },
  { name: 'unused', program: 'knip/bin/knip.js', args: ['--no-progress'] },
];

const VITEST = { name: 'tests', program: 'vitest/vitest.mjs', args: ['run', ...testArguments] };
const PLAYWRIGHT = { name: 'app', program: '@playwright/test/cli.js', args: ['test'] };
/** What scripts/test-totals.cjs reads. An old report must never pass for the result of this run. */
const REPORTS = ['out/test-results.json', 'out/e2e-results.json'];

const seconds = (startedAt) => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;

/** Runs one step to its end. With `show` it writes straight to the terminal, else its output is kept for a failure. */
function run(step, show) {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const args = [path.join(root, 'node_modules', step.program), ...step.args];
    const child = spawn(process.execPath, args, {
      cwd: root,
      // Tests start hundreds of threads and processes from the sources: they need not be compiled each time.
      env: { NODE_COMPILE_CACHE: path.join(root, 'out/compile-cache'), ...process.env },
      stdio: ['ignore', ...(show ? ['inherit', 'inherit'] : ['pipe', 'pipe'])],
    });
    const output = [];
    child.stdout?.on('data', (bytes) => output.push(bytes));
    child.stderr?.on('data', (bytes) => output.push(bytes));
    child.on('error', reject);
    child.on('close', (status, signal) => {
      resolve({
        name: step.name,
        ok: status === 0,
        ending: signal ?? `exit ${status}`,
        output: Buffer.concat(output).toString(),
        time: seconds(startedAt),
      });
    });
  });
}

const line = (result) =>
  `${result.ok ? '✓' : '✗'} ${result.name.padEnd(9)} ${result.time}${result.ok ? '' : ` (${result.ending})`}`;

async function inTurn(steps) {
  const results = [];
  for (const step of steps) {
    const result = await run(step, false);
    results.push(result);
    console.log(line(result));
    if (!result.ok || step.tells) console.log(`${result.output.trimEnd()}\n`);
  }
  return results;
}

/** The longest step says what it does as it goes; of the others a failure is shown, and of Playwright all it said. */
async function inTwoLanes() {
  const one = { ...PLAYWRIGHT, args: [...PLAYWRIGHT.args, '--workers=1'], tells: true };
  const others = () => inTurn([...STATIC_STEPS, hasRoomForTwo ? one : PLAYWRIGHT]);
  if (!hasRoomForTwo) return [await run(VITEST, true), ...(await others())];
  const [tests, rest] = await Promise.all([run(VITEST, true), others()]);
  return [...rest, tests];
}

async function runMode() {
  if (mode === 'lint') return inTurn(STATIC_STEPS);
  mkdirSync(path.join(root, 'out'), { recursive: true });
  for (const report of REPORTS) rmSync(path.join(root, report), { force: true });
  if (mode === 'e2e') return [await run({ ...PLAYWRIGHT, args: [...PLAYWRIGHT.args, ...testArguments] }, true)];
  const hasPattern = testArguments.some((argument) => !argument.startsWith('-'));
  if (!hasPattern) return inTwoLanes();
  console.log('Only the tests that match; “npm run lint” and “npm run e2e” run the rest.');
  return [await run(VITEST, true)];
}

const results = await runMode();
const failed = results.filter((result) => !result.ok);
console.log(`\n${results.map(line).join('\n')}`);
console.log(
  failed.length === 0 ? '\nAll steps passed.' : `\nFailed: ${failed.map((result) => result.name).join(', ')}.`,
);
process.exit(failed.length === 0 ? 0 : 1);
