/**
 * A page: a target of Chromium, driven over the debugging protocol. Its preload runs in a real isolated world; its
 * requests are answered by the app's scheme handler; leaving it and opening windows ask the app's listeners first.
 */
import { readFileSync } from 'node:fs';
import type { WebPreferences } from 'electron';

import type { Browser, Session } from './chromium.ts';
import { createCodec } from './codec.ts';
import { nativeTheme } from './desktop.ts';
import { invoke, ipcMain } from './ipc.ts';
import { createWorldBridge } from './page-bridge.ts';
import { type FromPage, type ToPage, runPreload } from './page-preload.ts';
import { type Carrier, type MessagePortMain, carrierGone, closedOutside, fromOutside } from './ports.ts';
import { defaultSession, schemeHandler, toAppUrl, toBrowserUrl } from './schemes.ts';
import { CancellableEvent, calls, record, strictEmitter } from './strict.ts';

/** The name of the preload's world in Electron too. */
const PRELOAD_WORLD = 'Electron Isolated Context';
/** Permissions under the protocol's name and under Electron's. */
const PERMISSIONS = [
  ['geolocation', 'geolocation'],
  ['notifications', 'notifications'],
  ['camera', 'media'],
  ['microphone', 'media'],
  ['clipboard-read', 'clipboard-read'],
  ['midi', 'midi'],
] as const;

type RequestPaused = {
  readonly requestId: string;
  readonly resourceType: string;
  readonly frameId: string;
  readonly request: { readonly url: string; readonly method: string; readonly headers: Record<string, string> };
};
type WindowOpenHandler = (details: { url: string; frameName: string; disposition: string }) => { action: string };

export type PageOptions = {
  readonly width: number;
  readonly height: number;
  readonly webPreferences: WebPreferences;
  readonly browser: Browser;
};

const { encode, decode } = createCodec();
const all = new Map<number, WebContents>();
let lastId = 0;

export class WebContents extends strictEmitter('webContents') implements Carrier {
  readonly id = ++lastId;
  readonly session = defaultSession;
  readonly #browser: Browser;
  readonly #preferences: WebPreferences;
  readonly #key = `standin_${process.pid}_${this.id}`;
  readonly #made: Promise<Session>;
  #targetId = '';
  #mainFrameId = '';
  #url = '';
  /** Where the app itself is taking the page; anything else is the page leaving. */
  #expectedUrl = '';
  #preloadContext: number | undefined;
  #isGone = false;
  #windowOpenHandler: WindowOpenHandler = () => ({ action: 'allow' });

  constructor(options: PageOptions) {
    super();
    this.#browser = options.browser;
    this.#preferences = options.webPreferences;
    all.set(this.id, this);
    this.#made = this.#make(options);
    this.#made.catch((error: unknown) => this.#fail(error));
  }

  get mainFrame(): object {
    return { url: this.#url, parent: null };
  }

  getURL(): string {
    return this.#url;
  }

  isDestroyed(): boolean {
    return this.#isGone;
  }

  setWindowOpenHandler(handler: WindowOpenHandler): void {
    this.#windowOpenHandler = handler;
  }

  async loadURL(url: string): Promise<void> {
    const page = await this.#made;
    const loaded = new Promise((resolve) => this.once('did-finish-load', resolve));
    this.#expectedUrl = url;
    const { errorText } = await page.send('Page.navigate', { url: toBrowserUrl(url) });
    if (errorText !== undefined) throw new Error(`${errorText} loading '${url}'`);
    await loaded;
  }

  reload(): void {
    this.#expectedUrl = this.#url;
    this.#inBackground((page) => page.send('Page.reload', {}));
  }

  async executeJavaScript(code: string): Promise<unknown> {
    const page = await this.#made;
    const options = { expression: code, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await page.send('Runtime.evaluate', options);
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description);
    return result.value as unknown;
  }

  send(channel: string, ...args: unknown[]): void {
    this.#push({ kind: 'event', channel, args: structuredClone(args), ports: [] });
  }

  postMessage(channel: string, message: unknown, ports: readonly MessagePortMain[] = []): void {
    const args = structuredClone([message]);
    this.#push({ kind: 'event', channel, args, ports: ports.map((port) => port.handOver(this)) });
  }

  close(): void {
    if (this.#isGone) return;
    this.gone();
    const { targetId } = this;
    this.#inBackground(() => this.#browser.root.send('Target.closeTarget', { targetId }));
  }

  // What follows is for the double's other parts.

  get targetId(): string {
    return this.#targetId;
  }

  /** Asks the app as Electron does for a page that opens a window. */
  wantWindow(url: string): string {
    const { action } = this.#windowOpenHandler({ url: toAppUrl(url), frameName: '', disposition: 'new-window' });
    record('window.open', url, action);
    return action;
  }

  carryToPort(id: number, data: unknown): void {
    this.#push({ kind: 'port', id, data });
  }

  closePort(id: number): void {
    this.#push({ kind: 'close-port', id });
  }

  gone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    all.delete(this.id);
    carrierGone(this);
    this.emit('destroyed');
  }

  async #make({ width, height }: PageOptions): Promise<Session> {
    const { nodeIntegration, contextIsolation, sandbox, preload } = this.#preferences;
    if (nodeIntegration === true || contextIsolation === false || sandbox === false) {
      throw new Error('stand-in: only sandboxed, isolated pages are implemented');
    }
    const target = { url: 'about:blank', newWindow: true, width, height };
    this.#targetId = (await this.#browser.root.send('Target.createTarget', target)).targetId;
    const page = await this.#browser.attach(this.#targetId);
    this.#listen(page);
    const scripts = this.#scripts(preload === undefined ? '' : readFileSync(preload, 'utf8'));
    await Promise.all([
      page.send('Page.enable', {}),
      page.send('Runtime.enable', {}),
      page.send('Fetch.enable', { patterns: [{ urlPattern: '*' }] }),
      page.send('Runtime.addBinding', { name: this.#key, executionContextName: PRELOAD_WORLD }),
      page.send('Page.addScriptToEvaluateOnNewDocument', { source: scripts.page, runImmediately: true }),
      page.send('Page.addScriptToEvaluateOnNewDocument', { source: scripts.preload, worldName: PRELOAD_WORLD }),
      ...PERMISSIONS.map(([name, electronName]) => this.#setPermission(name, electronName)),
    ]);
    nativeTheme.on('updated', () => this.#inBackground(followTheme));
    await followTheme(page);
    return page;
  }

  #scripts(preload: string): { readonly page: string; readonly preload: string } {
    const key = JSON.stringify(this.#key);
    const environment = JSON.stringify({ platform: process.platform, arch: process.arch, versions: process.versions });
    const world = `{ codec: (${createCodec.toString()})(), bridge: (${createWorldBridge.toString()})('preload', ${key}), key: ${key}, environment: ${environment} }`;
    const script = `function (require, process, module, exports) {${preload}\n}`;
    return {
      page: `(${createWorldBridge.toString()})('page', ${key})`,
      preload: `if (top === self && location.href !== 'about:blank') (${runPreload.toString()})(${world}, ${script})`,
    };
  }

  async #setPermission(name: string, electronName: string): Promise<void> {
    const isGranted = await defaultSession.grants(this, electronName, '');
    const setting = isGranted ? 'granted' : 'denied';
    await this.#browser.root.send('Browser.setPermission', { permission: { name }, setting });
  }

  #listen(page: Session): void {
    page.on('Runtime.executionContextCreated', ({ context }) => {
      if (context.name === PRELOAD_WORLD) this.#preloadContext = context.id;
    });
    page.on('Runtime.bindingCalled', ({ payload }) => this.#fromPage(decode(payload) as FromPage));
    page.on('Page.domContentEventFired', () => this.emit('dom-ready', new CancellableEvent()));
    page.on('Page.loadEventFired', () => {
      this.emit('did-finish-load', new CancellableEvent());
    });
    page.on('Page.frameNavigated', ({ frame }) => {
      if (frame.parentId !== undefined) return;
      carrierGone(this); // The ports of the document before.
      this.#mainFrameId = frame.id;
      this.#url = toAppUrl(frame.url);
      this.emit('did-navigate', new CancellableEvent(), this.#url);
    });
    page.on('Page.windowOpen', ({ url }) => void this.wantWindow(url));
    page.on('Inspector.targetCrashed', () => {
      this.emit('render-process-gone', new CancellableEvent(), { reason: 'crashed', exitCode: 1 });
    });
    page.on('Fetch.requestPaused', (paused) => {
      this.#answer(page, paused).catch((error: unknown) => this.#fail(error));
    });
  }

  async #answer(page: Session, paused: RequestPaused): Promise<void> {
    const { requestId } = paused;
    const url = toAppUrl(paused.request.url);
    if (paused.resourceType === 'Document' && !this.#mayLoad(url, paused.frameId)) {
      await page.send('Fetch.failRequest', { requestId, errorReason: 'Aborted' });
      return;
    }
    const handler = schemeHandler(url);
    if (handler === undefined) {
      record('network', url);
      await page.send('Fetch.failRequest', { requestId, errorReason: 'BlockedByClient' });
      return;
    }
    const { method, headers } = paused.request;
    const response = await handler(new Request(url, { method, headers }));
    await page.send('Fetch.fulfillRequest', {
      requestId,
      responseCode: response.status,
      responseHeaders: [...response.headers].map(([name, value]) => ({ name, value })),
      body: Buffer.from(await response.arrayBuffer()).toString('base64'),
    });
  }

  /** Asks the app's listeners when a document comes that the app did not ask for. */
  #mayLoad(url: string, frameId: string): boolean {
    if (url === this.#expectedUrl) {
      this.#expectedUrl = '';
      return true;
    }
    const isMainFrame = this.#mainFrameId === '' || frameId === this.#mainFrameId;
    const event = CancellableEvent.with({ url, isMainFrame, isSameDocument: false });
    this.emit('will-frame-navigate', event);
    if (isMainFrame) this.emit('will-navigate', event, url);
    return !event.defaultPrevented;
  }

  #fromPage(message: FromPage): void {
    const event = { sender: this, senderFrame: this.mainFrame, ports: [] };
    if (message.kind === 'port') fromOutside(message.id, message.data);
    else if (message.kind === 'close-port') closedOutside(message.id);
    else if (message.kind === 'send') ipcMain.emit(message.channel, event, ...message.args);
    else if (message.kind === 'preload-error') this.#fail(message.error);
    else {
      const { id, channel, args } = message;
      invoke(channel, event, args).then(
        (result) => this.#push({ kind: 'reply', id, result }),
        (error: unknown) =>
          this.#push({ kind: 'reply', id, error: `Error invoking remote method '${channel}': ${String(error)}` }),
      );
    }
  }

  #push(message: ToPage): void {
    const contextId = this.#preloadContext;
    if (contextId === undefined || this.#isGone) return;
    const expression = `${this.#key}_receive(${JSON.stringify(encode(message))})`;
    this.#inBackground((page) => page.send('Runtime.evaluate', { expression, contextId }));
  }

  #inBackground(work: (page: Session) => Promise<unknown>): void {
    this.#made.then(work).catch((error: unknown) => this.#fail(error));
  }

  /** A page that is gone fails at whatever was still under way; that is no news. */
  #fail(error: unknown): void {
    if (this.#isGone) return;
    record('failure', String(error));
    process.stderr.write(`stand-in: ${error instanceof Error ? (error.stack ?? '') : String(error)}\n`);
  }
}

async function followTheme(page: Session): Promise<void> {
  const theme = nativeTheme.themeSource;
  const features = theme === 'system' ? [] : [{ name: 'prefers-color-scheme', value: theme }];
  await page.send('Emulation.setEmulatedMedia', { features });
}

export const webContents = {
  getAllWebContents: (): readonly WebContents[] => [...all.values()],
  fromId: (id: number): WebContents | undefined => all.get(id),
  fromDevToolsTargetId: (targetId: string): WebContents | undefined =>
    [...all.values()].find((contents) => contents.targetId === targetId),
};

/** Chromium tells of targets that are gone, and of windows that a page opened; those are closed after the fact. */
export async function followTargets(browser: Browser): Promise<void> {
  browser.root.on('Target.targetDestroyed', ({ targetId }) => webContents.fromDevToolsTargetId(targetId)?.gone());
  browser.root.on('Target.targetCreated', ({ targetInfo }) => {
    if (targetInfo.openerId === undefined || targetInfo.type !== 'page') return;
    calls.push({ api: 'popup', arguments: [targetInfo.url] });
    browser.root.send('Target.closeTarget', { targetId: targetInfo.targetId }).catch(() => undefined);
  });
  await browser.root.send('Target.setDiscoverTargets', { discover: true });
}
