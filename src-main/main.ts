/**
 * The desktop app's entry. Windows, tray, dialogs and keychain live in this process; everything that reads, hashes or
 * writes a backup lives in the engine's. What has to be settled before Electron is ready happens here at once, the rest
 * in app/shell.ts.
 */
import { app, nativeTheme } from 'electron';

import { watchForDefects } from './app/defects.ts';
import { lockDown, lockDownDefaultSession } from './app/lockdown.ts';
import { wasStartedHidden } from './app/login-item.ts';
import { PAGE_FOLDER, shellStateFile } from './app/places.ts';
import { declareAppScheme, serveAppScheme } from './app/protocol.ts';
import { Shell } from './app/shell.ts';
import { ShellMemory } from './app/shell-memory.ts';
import { processClock } from './cli/clock.ts';
import { homeFolder } from './cli/home.ts';
import { openLog } from './cli/log.ts';

/** The log is a help, not a condition: an app that cannot write it works all the same. */
const log = openLog({ home: homeFolder(process.env), clock: processClock, onFailure: () => undefined });
const warn = (message: string, fields: Readonly<Record<string, unknown>>): void => log.write('warn', message, fields);

const timers = {
  nowMs: processClock.monotonicMs,
  after: (milliseconds: number, work: () => void): (() => void) => {
    const timer = setTimeout(work, milliseconds);
    return () => clearTimeout(timer);
  },
};

async function run(): Promise<void> {
  const memory = new ShellMemory(shellStateFile(), (error) => warn('the window’s place is not kept', { error }));
  await Promise.all([app.whenReady(), memory.load()]);
  log.write('info', 'the app began', { version: app.getVersion(), electron: process.versions.electron });

  lockDownDefaultSession();
  serveAppScheme(PAGE_FOLDER);
  nativeTheme.themeSource = memory.state.theme;
  const shell = new Shell({ log, memory, timers });
  app.on('second-instance', () => shell.window.show());
  app.on('activate', () => shell.window.show());
  shell.start();
  if (!wasStartedHidden()) shell.window.show();
}

// One app, one engine, one tray. Whoever starts a second one wants to see the first.
if (app.requestSingleInstanceLock()) {
  const end = watchForDefects({ note: warn, settled: () => log.close() });
  declareAppScheme();
  lockDown(warn);
  app.enableSandbox();
  run().catch(end);
} else {
  app.quit();
}
