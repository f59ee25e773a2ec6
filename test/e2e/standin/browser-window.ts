/** Windows: a page each, and the state a desktop would keep for them. Headless Chromium shows none of it. */
import type { BrowserWindowConstructorOptions, Rectangle } from 'electron';

import { app, identity, life } from './app.ts';
import type { Browser } from './chromium.ts';
import { CancellableEvent, record, strictEmitter } from './strict.ts';
import { WebContents } from './web-contents.ts';

const DEFAULT_SIZE = { width: 800, height: 600 };

const windows = new Map<number, BrowserWindow>();
let lastId = 0;
let browser: Browser | undefined;

export class BrowserWindow extends strictEmitter('BrowserWindow') {
  readonly id = ++lastId;
  readonly webContents: WebContents;
  readonly #title: string;
  #bounds: Rectangle;
  #isVisible: boolean;
  #isMinimized = false;
  #isMaximized = false;
  #isFocused = false;
  #isDestroyed = false;

  constructor(options: BrowserWindowConstructorOptions = {}) {
    super();
    if (browser === undefined || !life.isReady()) throw new Error('Cannot create BrowserWindow before app is ready');
    const { x = 0, y = 0, width = DEFAULT_SIZE.width, height = DEFAULT_SIZE.height } = options;
    this.#bounds = { x, y, width, height };
    this.#isVisible = options.show !== false;
    this.#title = options.title ?? identity.name;
    record('BrowserWindow', { ...options, webPreferences: { ...options.webPreferences } });
    windows.set(this.id, this);
    this.webContents = new WebContents({ width, height, browser, webPreferences: options.webPreferences ?? {} });
    this.webContents.once('did-finish-load', () => this.emit('ready-to-show'));
    this.webContents.once('destroyed', () => this.#end());
    app.emit('web-contents-created', new CancellableEvent(), this.webContents);
    app.emit('browser-window-created', new CancellableEvent(), this);
  }

  static getAllWindows(): readonly BrowserWindow[] {
    return [...windows.values()];
  }

  static fromWebContents(contents: WebContents | undefined): BrowserWindow | null {
    return [...windows.values()].find((window) => window.webContents === contents) ?? null;
  }

  loadURL(url: string): Promise<void> {
    return this.webContents.loadURL(url);
  }

  show(): void {
    this.#isVisible = true;
    this.#isMinimized = false;
    this.emit('show');
  }

  hide(): void {
    this.#isVisible = false;
    this.emit('hide');
  }

  focus(): void {
    for (const window of windows.values()) window.#isFocused = window === this;
    this.emit('focus');
  }

  minimize(): void {
    this.#isMinimized = true;
    this.#isFocused = false;
    this.emit('minimize');
  }

  restore(): void {
    this.#isMinimized = false;
    this.emit('restore');
  }

  maximize(): void {
    this.#isMaximized = true;
    this.emit('maximize');
  }

  isVisible(): boolean {
    return this.#isVisible;
  }

  isFocused(): boolean {
    return this.#isFocused;
  }

  isMinimized(): boolean {
    return this.#isMinimized;
  }

  isMaximized(): boolean {
    return this.#isMaximized;
  }

  isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  getTitle(): string {
    return this.#title;
  }

  getBounds(): Rectangle {
    return { ...this.#bounds };
  }

  getNormalBounds(): Rectangle {
    return { ...this.#bounds };
  }

  setBounds(bounds: Partial<Rectangle>): void {
    this.#bounds = { ...this.#bounds, ...bounds };
    this.emit('resize');
  }

  setBackgroundColor(colour: string): void {
    record('BrowserWindow.setBackgroundColor', colour);
  }

  close(): void {
    if (this.#isDestroyed) return;
    const event = new CancellableEvent();
    this.emit('close', event);
    if (!event.defaultPrevented) this.destroy();
  }

  destroy(): void {
    this.webContents.close();
    this.#end();
  }

  #end(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    windows.delete(this.id);
    this.emit('closed');
    // An app that does not listen ends with its last window.
    if (windows.size === 0 && !life.isExiting() && !app.emit('window-all-closed')) app.quit();
  }
}

export function openWindowsIn(chromium: Browser): void {
  browser = chromium;
  life.setWindows(() => BrowserWindow.getAllWindows());
}
