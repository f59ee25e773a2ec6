/**
 * The desktop around the app: tray, menus, notifications, dialogs, theme, key store, power. Nobody sees any of it; it
 * keeps what it was told, for tests to look at and to act on (click a menu item, answer a dialog, wake up).
 */
import { EventEmitter } from 'node:events';
import type { MenuItemConstructorOptions } from 'electron';

import { record, strict, strictEmitter } from './strict.ts';

class NativeImage {
  readonly #representations: Buffer[] = [];
  #isTemplate = false;

  addRepresentation(options: { readonly buffer?: Buffer }): void {
    if (options.buffer !== undefined) this.#representations.push(options.buffer);
  }

  setTemplateImage(isTemplate: boolean): void {
    this.#isTemplate = isTemplate;
  }

  isEmpty(): boolean {
    return this.#representations.length === 0;
  }

  isTemplateImage(): boolean {
    return this.#isTemplate;
  }
}

export const nativeImage = strict('nativeImage', { createEmpty: () => new NativeImage() });

export class MenuItem {
  readonly id: string | undefined;
  readonly label: string;
  readonly type: string;
  readonly enabled: boolean;
  readonly submenu: Menu | undefined;
  readonly click: () => void;

  constructor(options: MenuItemConstructorOptions) {
    this.id = options.id;
    this.label = options.label ?? options.role ?? '';
    this.type = options.type ?? 'normal';
    this.enabled = options.enabled ?? true;
    this.submenu = Array.isArray(options.submenu) ? Menu.buildFromTemplate(options.submenu) : undefined;
    // The double gives a click nothing to look at; the app's items need nothing.
    this.click = () => Reflect.apply(options.click ?? (() => undefined), undefined, []) as unknown;
  }
}

export class Menu extends strictEmitter('Menu') {
  static #applicationMenu: Menu | null = null;
  readonly items: MenuItem[] = [];

  static buildFromTemplate(template: readonly MenuItemConstructorOptions[]): Menu {
    const menu = new Menu();
    menu.items.push(...template.map((options) => new MenuItem(options)));
    return menu;
  }

  static setApplicationMenu(menu: Menu | null): void {
    Menu.#applicationMenu = menu;
  }

  static getApplicationMenu(): Menu | null {
    return Menu.#applicationMenu;
  }
}

export class Tray extends strictEmitter('Tray') {
  /** The last one made; an app has one. */
  static current: Tray | undefined;
  image: unknown;
  toolTip = '';
  menu: Menu | null = null;

  constructor(image: unknown) {
    super();
    this.image = image;
    Tray.current = this;
  }

  setImage(image: unknown): void {
    this.image = image;
  }

  setToolTip(text: string): void {
    this.toolTip = text;
    record('Tray.setToolTip', text);
  }

  setContextMenu(menu: Menu | null): void {
    this.menu = menu;
    record(
      'Tray.setContextMenu',
      (menu?.items ?? []).map((item) => item.label),
    );
  }
}

export class Notification extends strictEmitter('Notification') {
  /** The last one shown. */
  static current: Notification | undefined;
  readonly title: string;
  readonly body: string;

  constructor(options: { readonly title?: string; readonly body?: string }) {
    super();
    this.title = options.title ?? '';
    this.body = options.body ?? '';
  }

  static isSupported(): boolean {
    return true;
  }

  show(): void {
    Notification.current = this;
    record('Notification.show', { title: this.title, body: this.body });
    setImmediate(() => this.emit('show'));
  }
}

/** Dialogs are answered as if the user closed them; a test that wants more puts its own answer in place. */
export const dialog = strict('dialog', {
  showOpenDialog(...args: readonly unknown[]) {
    record('dialog.showOpenDialog', args.at(-1));
    return Promise.resolve({ canceled: true, filePaths: [] });
  },
  showMessageBox(...args: readonly { readonly cancelId?: number }[]) {
    record('dialog.showMessageBox', args.at(-1));
    return Promise.resolve({ response: args.at(-1)?.cancelId ?? 0, checkboxChecked: false });
  },
  showErrorBox(title: string, content: string) {
    record('dialog.showErrorBox', title, content);
    process.stderr.write(`stand-in: error box: ${title}: ${content}\n`);
  },
});

export const shell = strict('shell', {
  openExternal(url: string) {
    record('shell.openExternal', url);
    return Promise.resolve();
  },
  openPath(file: string) {
    record('shell.openPath', file);
    return Promise.resolve('');
  },
});

class NativeTheme extends strictEmitter('nativeTheme') {
  #source = 'system';

  get themeSource(): string {
    return this.#source;
  }

  set themeSource(source: string) {
    this.#source = source;
    this.emit('updated');
  }

  get shouldUseDarkColors(): boolean {
    return this.#source === 'dark';
  }
}

export const nativeTheme = new NativeTheme();

/** What a test may change about the computer. */
export const computer = { storageBackend: 'basic_text' };

const SEAL = Buffer.from('standin:');

export const safeStorage = strict('safeStorage', {
  isAsyncEncryptionAvailable: () => Promise.resolve(true),
  getSelectedStorageBackend: () => computer.storageBackend,
  encryptStringAsync: (text: string) => Promise.resolve(Buffer.concat([SEAL, Buffer.from(text).reverse()])),
  decryptStringAsync(bytes: Buffer) {
    if (!bytes.subarray(0, SEAL.length).equals(SEAL)) return Promise.reject(new Error('Error while decrypting.'));
    return Promise.resolve({
      result: Buffer.from(bytes.subarray(SEAL.length)).reverse().toString(),
      shouldReEncrypt: false,
    });
  },
});

export const powerMonitor = strict('powerMonitor', new EventEmitter());

let lastBlocker = 0;
export const powerSaveBlocker = strict('powerSaveBlocker', {
  start(type: string) {
    record('powerSaveBlocker.start', type);
    return ++lastBlocker;
  },
  stop: (id: number) => record('powerSaveBlocker.stop', id),
});

const SCREEN = { x: 0, y: 0, width: 1920, height: 1080 };
const display = { id: 1, bounds: SCREEN, workArea: SCREEN, scaleFactor: 1 };
export const screen = strict('screen', { getAllDisplays: () => [display], getPrimaryDisplay: () => display });

let copied = '';
export const clipboard = strict('clipboard', {
  writeText(text: string) {
    copied = text;
    return Promise.resolve();
  },
  readText: () => Promise.resolve(copied),
});

export const crashReporter = strict('crashReporter', {
  start: (options: unknown) => record('crashReporter.start', options),
});
