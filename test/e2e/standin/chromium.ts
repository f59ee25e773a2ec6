/**
 * A Chromium without a window of its own, and the line to it (Chrome's debugging protocol). Its types are taken from
 * Playwright, which speaks the same protocol.
 */
import { EventEmitter } from 'node:events';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { CDPSession } from '@playwright/test';

/** One target of the browser (a page), or the browser itself. */
export type Session = { readonly send: CDPSession['send']; readonly on: CDPSession['on'] };

const CHROMIUM_PROGRAMS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
const QUIET_SWITCHES = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-startup-window',
  // The app is asked about every window that a page opens, but only after the fact; none ever comes to be.
  '--block-new-web-contents',
  '--remote-debugging-port=0',
  '--remote-allow-origins=*',
];

type Request = {
  readonly method: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
};
type Message = {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
};

export class Browser {
  readonly root: Session;
  readonly #socket: WebSocket;
  readonly #requests = new Map<number, Request>();
  readonly #sessions = new Map<string, EventEmitter>();
  #lastRequest = 0;
  #isClosed = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.root = this.#session('');
    socket.onmessage = (event) => this.#receive(JSON.parse(String(event.data)) as Message);
    socket.onclose = () => this.#closed();
  }

  async attach(targetId: string): Promise<Session> {
    const { sessionId } = await this.root.send('Target.attachToTarget', { targetId, flatten: true });
    return this.#session(sessionId);
  }

  #session(id: string): Session {
    const emitter = new EventEmitter().setMaxListeners(0);
    this.#sessions.set(id, emitter);
    const send = (method: string, params: unknown): Promise<unknown> => this.#request(method, params, id);
    // The protocol's types say what comes back for which method; on the line it is all text.
    return { send, on: emitter.on.bind(emitter) } as unknown as Session;
  }

  #request(method: string, params: unknown, sessionId: string): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(new Error('stand-in: the browser is closed'));
    const id = ++this.#lastRequest;
    return new Promise((resolve, reject) => {
      this.#requests.set(id, { method, resolve, reject });
      const target = sessionId === '' ? {} : { sessionId };
      this.#socket.send(JSON.stringify({ id, method, params: params ?? {}, ...target }));
    });
  }

  #receive(message: Message): void {
    if (message.id === undefined) {
      this.#sessions.get(message.sessionId ?? '')?.emit(message.method ?? '', message.params);
      return;
    }
    const request = this.#requests.get(message.id);
    this.#requests.delete(message.id);
    if (message.error === undefined) request?.resolve(message.result);
    else request?.reject(new Error(`stand-in: ${request.method}: ${message.error.message}`));
  }

  #closed(): void {
    this.#isClosed = true;
    for (const request of this.#requests.values()) request.reject(new Error('stand-in: the browser is closed'));
    this.#requests.clear();
  }
}

export type Chromium = { readonly browser: Browser; readonly address: string; readonly process: ChildProcess };

export function chromiumProgram(): string | undefined {
  return process.env['STANDIN_CHROMIUM'] ?? CHROMIUM_PROGRAMS.find((program) => existsSync(program));
}

export async function launchChromium(switches: readonly string[]): Promise<Chromium> {
  const program = chromiumProgram();
  if (program === undefined) throw new Error('stand-in: there is no Chromium; install it or set STANDIN_CHROMIUM');
  const profile = mkdtempSync(path.join(os.tmpdir(), 'cairn-standin-'));
  const isRoot = process.getuid?.() === 0;
  const headless = process.env['STANDIN_HEADED'] === '1' ? [] : ['--headless=new'];
  const args = [...switches, ...headless, ...(isRoot ? ['--no-sandbox'] : []), ...QUIET_SWITCHES];
  const child = spawn(program, [...args, `--user-data-dir=${profile}`], { stdio: ['ignore', 'ignore', 'pipe'] });
  process.on('exit', () => {
    child.kill('SIGKILL');
    rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
  });
  const address = await debuggingAddress(child);
  const socket = new WebSocket(address);
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error('stand-in: no line to Chromium'));
  });
  return { browser: new Browser(socket), address, process: child };
}

function debuggingAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stderr?.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      const address = /DevTools listening on (ws:\S+)/.exec(text)?.[1];
      if (address !== undefined) resolve(address);
    });
    child.once('error', reject);
    child.once('exit', (status) => reject(new Error(`stand-in: Chromium ended with ${status}\n${text}`)));
  });
}
