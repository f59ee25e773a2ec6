/**
 * Starts an app as the Electron program does, with the same arguments:
 *   electron [-r MODULE] [SWITCHES] APP-FOLDER [ARGUMENTS]
 * Here `electron` is the double, the main process is this Node, and pages live in the Chromium of this computer.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { launchChromium } from './chromium.ts';

const HERE = import.meta.dirname;
const require = createRequire(import.meta.url);
const double = new URL('./electron.ts', import.meta.url).href;

// Everything that asks for electron gets the double: the app, Playwright's loader, and its console.
registerHooks({
  resolve: (specifier, context, next) =>
    /^electron(\/main)?$/.test(specifier)
      ? { url: double, format: 'module-typescript', shortCircuit: true }
      : next(specifier, context),
});

type PackageFile = {
  readonly name: string;
  readonly productName?: string;
  readonly version: string;
  readonly main?: string;
};
const readPackage = (folder: string): PackageFile =>
  JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as PackageFile;

const args = process.argv.slice(2);
const modules: string[] = [];
let appFolder: string | undefined;
for (let index = 0; index < args.length && appFolder === undefined; index++) {
  const argument = args[index] ?? '';
  if (argument === '-r') modules.push(args[++index] ?? '');
  else if (!argument.startsWith('-')) appFolder = path.resolve(argument);
}

const electronVersion = readPackage(path.dirname(require.resolve('electron/package.json'))).version;
Object.defineProperty(process.versions, 'electron', { value: electronVersion, enumerable: true });
Object.defineProperty(process, 'type', { value: 'browser' });
Object.defineProperty(process, 'resourcesPath', { value: path.join(HERE, 'dist/resources') });
process.argv = [path.join(HERE, 'dist/electron'), ...args];
process.stderr.write(`This is a stand-in (Node ${process.version} and Chromium), not Electron ${electronVersion}.\n`);

const { app, identity, life } = await import('./app.ts');
const { followTargets } = await import('./web-contents.ts');
const { openWindowsIn } = await import('./browser-window.ts');

life.readSwitches(args);
for (const module of modules) require(module); // Playwright's loader: takes its own arguments away, holds `ready` back.

const folder = appFolder ?? process.cwd();
const packageFile = readPackage(folder);
Object.assign(identity, { name: packageFile.productName ?? packageFile.name, version: packageFile.version, folder });
const main = path.join(folder, packageFile.main ?? 'index.js');
if (!existsSync(main)) throw new Error(`Cannot find module ${main}`);

/** Ours, and those that say where the user's data lies, must not reach Chromium. */
const chromiumSwitches = life
  .switches()
  .filter((argument) => !/^--(inspect|remote-debugging|user-data-dir)/.test(argument));

// As in Electron, `ready` waits for the main script; the browser starts meanwhile.
const launching = launchChromium(chromiumSwitches);
await import(pathToFileURL(main).href);
const chromium = await launching;

const browserGone = new Promise<void>((resolve) => chromium.process.once('exit', () => resolve()));
const endWithBrowser = (): void => app.exit(1);
browserGone.then(endWithBrowser, endWithBrowser);
life.setCloseBrowser(async () => {
  await chromium.browser.root.send('Browser.close', {}).catch(() => undefined);
  await browserGone;
});
openWindowsIn(chromium.browser);
await followTargets(chromium.browser);
if (args.some((argument) => argument.startsWith('--remote-debugging-port'))) {
  process.stderr.write(`\nDevTools listening on ${chromium.address}\n`);
}
life.start();
