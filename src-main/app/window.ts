/**
 * The one window. Closing it really closes it, which gives its memory back; the app goes on in the background and opens
 * a new one when asked. It opens where it was left, in the colour of the theme, and is shown when it has something to
 * show.
 */
import { BrowserWindow, nativeTheme, screen } from 'electron';

import { LINES_BROKE_CHANNEL } from './policy/bridge-calls.ts';
import { RestartLimit } from './policy/restart-limit.ts';
import { type ShellState, WINDOW_SIZE_MIN, windowPlace } from './policy/shell-state.ts';
import { PAGE_URL } from './policy/trust.ts';

/** The page's own background in each theme, so that opening does not flash. */
const BACKGROUND = { light: '#f7f4ee', dark: '#16242d' } as const;

export type MainWindowOptions = {
  readonly preload: string;
  readonly state: () => ShellState;
  readonly remember: (change: Partial<ShellState>) => void;
  readonly onClosed: () => void;
  readonly nowMs: () => number;
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void;
};

export class MainWindow {
  readonly #options: MainWindowOptions;
  readonly #restarts: RestartLimit;
  #window: BrowserWindow | undefined;

  constructor(options: MainWindowOptions) {
    this.#options = options;
    this.#restarts = new RestartLimit(options.nowMs);
    nativeTheme.on('updated', () => this.#window?.setBackgroundColor(background()));
  }

  /** Brings the window to the front, a new one when there is none. */
  show(): void {
    const window = this.#window;
    if (window === undefined) return this.#open();
    if (window.isMinimized()) window.restore();
    window.show();
    window.focus();
  }

  close(): void {
    this.#window?.close();
  }

  get current(): BrowserWindow | undefined {
    return this.#window;
  }

  /** The ids of what may speak to the app. */
  contentsIds(): ReadonlySet<number> {
    return new Set(this.#window === undefined ? [] : [this.#window.webContents.id]);
  }

  /** The engine ended, and with it every line that the page has to it. */
  tellLinesBroke(): void {
    this.#window?.webContents.send(LINES_BROKE_CHANNEL);
  }

  /** Where the window is now, for the next time. */
  rememberPlace(): void {
    const window = this.#window;
    if (window === undefined) return;
    this.#options.remember({ bounds: window.getNormalBounds(), isMaximized: window.isMaximized() });
  }

  #open(): void {
    const { bounds, isMaximized } = this.#options.state();
    const screens = screen.getAllDisplays().map((display) => display.workArea);
    const window = new BrowserWindow({
      ...windowPlace(bounds, screens),
      minWidth: WINDOW_SIZE_MIN.width,
      minHeight: WINDOW_SIZE_MIN.height,
      title: 'Cairn',
      show: false,
      backgroundColor: background(),
      autoHideMenuBar: true,
      webPreferences: {
        preload: this.#options.preload,
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        webSecurity: true,
        webviewTag: false,
        spellcheck: false,
      },
    });
    this.#window = window;
    window.once('ready-to-show', () => window.show());
    if (isMaximized) window.maximize();
    window.on('close', () => this.rememberPlace());
    window.once('closed', () => {
      this.#window = undefined;
      this.#options.onClosed();
    });
    window.webContents.on('render-process-gone', (_event, details) => this.#pageGone(window, details));
    window.loadURL(PAGE_URL).catch((error: unknown) => this.#options.log('the page did not load', { error }));
  }

  /** A page that died is loaded again; one that keeps dying is left closed, and the app goes on without it. */
  #pageGone(window: BrowserWindow, details: Electron.RenderProcessGoneDetails): void {
    this.#options.log('the page is gone', { ...details });
    if (details.reason === 'clean-exit') return;
    if (this.#restarts.allows()) window.webContents.reload();
    else window.destroy();
  }
}

const background = (): string => (nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light);
