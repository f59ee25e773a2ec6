/**
 * Showing a link to the person: in an app window of an installed browser of the Chromium family, else in whatever opens
 * links here. The window has a profile of its own below CAIRN_HOME: no extension of the person's reads along.
 *
 * A link carries a token that works once, so that nobody who reads the list of processes later can use it.
 */
import { spawn } from 'node:child_process';
import { access, constants, mkdir } from 'node:fs/promises';
import path from 'node:path';

/** Programs by the names they are installed under, the most common first. */
const LINUX_BROWSERS = [
  'chromium',
  'chromium-browser',
  'google-chrome-stable',
  'google-chrome',
  'brave-browser',
  'microsoft-edge-stable',
  'vivaldi-stable',
];
const MAC_BROWSERS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Brave Browser.app/Contents/MacOS/Brave Browser',
  '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
];
const PATH_FOLDERS_MAX = 200;
/** A program that ends with an error within this time did not open anything. */
const STARTED_AFTER_MS = 1000;

export type Opening = { readonly kind: 'app-window' | 'browser' | 'none' };

/** Opens the link if something here can. `environment` is where programs are looked for. */
export async function openLink(
  link: string,
  home: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Opening> {
  const browser = await chromiumBrowser(environment);
  if (browser !== undefined) {
    const profile = path.join(home, 'browser');
    await mkdir(profile, { recursive: true, mode: 0o700 });
    const args = [`--app=${link}`, `--user-data-dir=${profile}`, '--no-first-run', '--no-default-browser-check'];
    if (await started(browser, args)) return { kind: 'app-window' };
  }
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const program = await programNamed(opener, environment);
  if (program !== undefined && (await started(program, [link]))) return { kind: 'browser' };
  return { kind: 'none' };
}

async function chromiumBrowser(environment: Readonly<Record<string, string | undefined>>): Promise<string | undefined> {
  const hasScreen = (environment['DISPLAY'] ?? environment['WAYLAND_DISPLAY'] ?? '') !== '';
  if (process.platform === 'linux' && !hasScreen) return undefined;
  const candidates = process.platform === 'darwin' ? MAC_BROWSERS : LINUX_BROWSERS;
  for (const candidate of candidates) {
    const found = path.isAbsolute(candidate) ? await executable(candidate) : await programNamed(candidate, environment);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function programNamed(
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const folders = (environment['PATH'] ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  for (const folder of folders.slice(0, PATH_FOLDERS_MAX)) {
    const found = await executable(path.join(folder, name));
    if (found !== undefined) return found;
  }
  return undefined;
}

async function executable(file: string): Promise<string | undefined> {
  return access(file, constants.X_OK).then(
    () => file,
    () => undefined,
  );
}

/** Starts a program that outlives us. False where it could not start or gave up at once. */
function started(program: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { detached: true, stdio: 'ignore' });
    const timer = setTimeout(() => resolve(true), STARTED_AFTER_MS);
    child.once('error', () => {
      clearTimeout(timer);
      resolve(false);
    });
    child.once('exit', (status) => {
      clearTimeout(timer);
      resolve(status === 0);
    });
    child.unref();
  });
}
