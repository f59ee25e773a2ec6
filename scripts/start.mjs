/**
 * `npm start`: opens the app. In Electron where its program is here or can be had; it is downloaded once, at the first
 * start. Otherwise the same app, engine and pages, is opened by `cairn serve` in a browser, and one line says why.
 *
 * `npm start -- --demo [FOLDER]` makes a first backup on the command line instead (demo.mjs). Other arguments go to
 * the app.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const electronFolder = path.dirname(createRequire(import.meta.url).resolve('electron/package.json'));
const args = process.argv.slice(2);

/** An Electron that ends with a failure within this time did not open anything. */
const FAILED_START_MS = 10_000;
/** Offline it fails at once; a slow line gets its time. */
const DOWNLOAD_MS_MAX = 10 * 60 * 1000;
/** The first line of what install.js says: the rest is a stack trace, which helps nobody. */
const DOWNLOAD_ERROR = /^\s*(?:\w*Error: )?(.+)$/m;

/** Asking the electron package itself would start its download, with everything that it prints. */
function electronProgram() {
  try {
    const program = path.join(electronFolder, 'dist', readFileSync(path.join(electronFolder, 'path.txt'), 'utf8'));
    return existsSync(program) ? program : undefined;
  } catch {
    return undefined;
  }
}

const running = new Set();
/** True once someone has asked for the end: then nothing else is tried. */
let isEnding = false;

/** Runs a program to its end. With `isQuiet` what it says is kept instead of shown. */
function run(program, programArguments, { isQuiet = false, timeoutMs = 0 } = {}) {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const child = spawn(program, programArguments, {
      cwd: root,
      stdio: isQuiet ? ['ignore', 'ignore', 'pipe'] : 'inherit',
      timeout: timeoutMs,
    });
    running.add(child);
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text) => (said += text));
    const end = (status, signal) => {
      running.delete(child);
      resolve({ status, signal, said, tookMs: performance.now() - startedAt });
    };
    child.on('error', (error) => {
      said += error.message;
      end(1, null);
    });
    child.on('close', end);
  });
}

/** Undefined when Electron is here now, else why not, in a few words. */
async function downloadElectron() {
  console.log('Getting Electron, once (about 120 MB) …');
  const options = { isQuiet: true, timeoutMs: DOWNLOAD_MS_MAX };
  const { said } = await run(process.execPath, [path.join(electronFolder, 'install.js')], options);
  return electronProgram() === undefined ? (DOWNLOAD_ERROR.exec(said)?.[1] ?? 'no reason given') : undefined;
}

/** A window needs somewhere to open; on Linux that is not a matter of course. */
const hasScreen = () =>
  process.platform !== 'linux' || Boolean(process.env.DISPLAY ?? '') || Boolean(process.env.WAYLAND_DISPLAY ?? '');

/** Why the app cannot be shown in Electron, or how it ended there. */
async function startInElectron() {
  if (!hasScreen()) return { refusal: 'There is no screen for a window here' };
  if (electronProgram() === undefined) {
    const trouble = await downloadElectron();
    if (isEnding) process.exit(1);
    if (trouble !== undefined) return { refusal: `Electron could not be downloaded (${trouble})` };
  }
  // Chromium does not sandbox for root; whoever starts a desktop as root has been told by others.
  const rootArguments = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const ended = await run(electronProgram(), [root, ...rootArguments, ...args]);
  const didStart = ended.status === 0 || isEnding || ended.tookMs > FAILED_START_MS;
  return didStart ? { ended } : { refusal: `Electron does not start here (${ended.signal ?? `exit ${ended.status}`})` };
}

async function start() {
  const { refusal, ended } = await startInElectron();
  if (refusal === undefined) return ended;
  console.log(`${refusal}, so Cairn opens in a browser: the same app, served to this computer alone.`);
  return run(process.execPath, [path.join(root, 'out/main/cli.js'), 'serve', '--open', ...args]);
}

if (args[0] === '--demo') {
  await import('./demo.mjs');
} else {
  // Ctrl-C reaches the child by itself; a signal to us alone is handed on. Either way we end when it has ended.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      isEnding = true;
      for (const child of running) if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  const { status } = await start();
  process.exit(status ?? 1);
}
