/** Electron's app: life cycle, paths, switches, the single-instance lock and the login item. */
import { mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { takeInstanceLock } from './instance-lock.ts';
import { CancellableEvent, record, strict, strictEmitter } from './strict.ts';
import { runningUtilities, setGoneListener } from './utility.ts';

/** What a window can do about quitting: it may refuse to close. */
export type QuittableWindow = { readonly close: () => void; readonly isDestroyed: () => boolean };

export type AppIdentity = { name: string; version: string; folder: string };
export const identity: AppIdentity = { name: 'Electron', version: '0.0.0', folder: process.cwd() };

const switches = new Map<string, string>();
const EXIT_WITHIN_MS = 3000;

let isReady = false;
let isExiting = false;
let becomeReady: () => void = () => undefined;
const ready = new Promise<void>((resolve) => (becomeReady = resolve));
let windows = (): readonly QuittableWindow[] => [];
let closeBrowser = (): Promise<void> => Promise.resolve();

class App extends strictEmitter('app') {
  readonly isPackaged = false;
  readonly commandLine = strict('app.commandLine', {
    appendSwitch: (name: string, value = '') => void switches.set(name, value),
    hasSwitch: (name: string) => switches.has(name),
    getSwitchValue: (name: string) => switches.get(name) ?? '',
  });
  #loginItem: object = { openAtLogin: false };

  get name(): string {
    return identity.name;
  }

  getName(): string {
    return identity.name;
  }

  getVersion(): string {
    return identity.version;
  }

  getAppPath(): string {
    return identity.folder;
  }

  getPath(name: string): string {
    const configuration = process.env['XDG_CONFIG_HOME'] ?? path.join(os.homedir(), '.config');
    const userData = switches.get('user-data-dir') ?? path.join(configuration, identity.name);
    switch (name) {
      case 'userData':
        mkdirSync(userData, { recursive: true });
        return userData;
      case 'home':
        return os.homedir();
      case 'temp':
        return os.tmpdir();
      case 'exe':
        return process.execPath;
      default:
        throw new Error(`stand-in: app.getPath('${name}') is not implemented`);
    }
  }

  isReady(): boolean {
    return isReady;
  }

  whenReady(): Promise<void> {
    return ready;
  }

  enableSandbox(): void {
    if (isReady) throw new Error('app.enableSandbox() can only be called before app is ready');
  }

  requestSingleInstanceLock(data?: unknown): boolean {
    return takeInstanceLock(this.getPath('userData'), data, (later) => {
      this.emit('second-instance', new CancellableEvent(), later.argv, later.workingFolder, later.data);
    });
  }

  quit(): void {
    const before = new CancellableEvent();
    this.emit('before-quit', before);
    if (before.defaultPrevented) return;
    for (const window of windows()) {
      window.close();
      if (!window.isDestroyed()) return;
    }
    const last = new CancellableEvent();
    this.emit('will-quit', last);
    if (!last.defaultPrevented) this.exit(0);
  }

  exit(code = 0): void {
    if (isExiting) return;
    isExiting = true;
    this.emit('quit', new CancellableEvent(), code);
    for (const utility of runningUtilities()) utility.kill();
    setTimeout(() => process.exit(code), EXIT_WITHIN_MS);
    const end = (): void => process.exit(code);
    closeBrowser().then(end, end);
  }

  setLoginItemSettings(settings: object): void {
    record('app.setLoginItemSettings', settings);
    this.#loginItem = settings;
  }

  getLoginItemSettings(): object {
    return { ...this.#loginItem, wasOpenedAtLogin: false };
  }

  getAppMetrics(): readonly object[] {
    const utilities = runningUtilities().map(({ pid, name }) => ({ pid, name, type: 'Utility' }));
    return [{ pid: process.pid, type: 'Browser' }, ...utilities];
  }
}

export const app = new App();
setGoneListener((event, details) => app.emit('child-process-gone', event, details));

/** For run.ts and the windows; not part of Electron. */
export const life = {
  isReady: () => isReady,
  isExiting: () => isExiting,
  setWindows: (list: typeof windows) => void (windows = list),
  setCloseBrowser: (close: typeof closeBrowser) => void (closeBrowser = close),
  start(): void {
    isReady = true;
    app.emit('ready', new CancellableEvent(), {});
    becomeReady();
  },
  readSwitches(args: readonly string[]): void {
    for (const argument of args) {
      const match = /^--([^=]+)(?:=(.*))?$/.exec(argument);
      if (match?.[1] !== undefined) switches.set(match[1], match[2] ?? '');
    }
  },
  switches: (): readonly string[] =>
    [...switches].map(([name, value]) => (value === '' ? `--${name}` : `--${name}=${value}`)),
};
