/**
 * The engine's end of the line to Electron's main process: answers its frames, and offers the service what the desktop
 * can do. Frames are dealt with in the order they arrive; clients that come while the service starts wait for it.
 */
import { assertNever } from '../../src-shared/assert.ts';
import { isCairnError } from '../../src-shared/errors.ts';
import { type DesktopFrame, type ToEngineFrame, type ToMainFrame, parseToEngineFrame } from './frames.ts';
import type { EngineHost, EngineService, MessagePortLike, PowerEvent, StartService } from './port.ts';

/** Questions to the desktop that wait at the same time. */
const REQUESTS_MAX = 100;

export type HostLine = {
  readonly send: (frame: ToMainFrame) => void;
  /** Ends the process once everything is closed. */
  readonly exit: () => void;
};

type Pending = { readonly resolve: (value: string | undefined) => void; readonly reject: (error: Error) => void };
type WithoutRequest<Frame> = Frame extends unknown ? Omit<Frame, 'request'> : never;
type Beginning = Extract<ToEngineFrame, { type: 'begin' }>;

export class HostLink {
  readonly #line: HostLine;
  readonly #startService: StartService;
  readonly #pending = new Map<number, Pending>();
  readonly #powerListeners: ((event: PowerEvent) => void)[] = [];
  readonly #begun = Promise.withResolvers<EngineService>();
  #hasBegun = false;
  #lastRequest = 0;

  constructor(line: HostLine, startService: StartService) {
    this.#line = line;
    this.#startService = startService;
    // Whoever waits for it hears of its failure; until then it is nobody's.
    this.#begun.promise.catch(() => undefined);
  }

  /** `port` is what came with the frame. @throws what the service failed to start with, and for a frame that is a defect */
  async receive(message: unknown, port?: MessagePortLike): Promise<void> {
    const frame = parseToEngineFrame(message);
    switch (frame.type) {
      case 'begin':
        return this.#begin(frame);
      case 'port':
        if (port === undefined) throw new Error('A port frame came without a port.');
        return (await this.#begun.promise).serveConnection(port);
      case 'power':
        for (const listener of this.#powerListeners) listener(frame.event);
        return;
      case 'ask-activities': {
        const activities = [...(await this.#begun.promise).activities()];
        return this.#line.send({ type: 'activities', request: frame.request, activities });
      }
      case 'answer':
        return this.#settle(frame);
      case 'close':
        // One that could not start has nothing to close.
        if (this.#hasBegun) await (await this.#begun.promise.catch(() => undefined))?.close();
        return this.#line.exit();
      default:
        return assertNever(frame);
    }
  }

  async #begin(frame: Beginning): Promise<void> {
    if (this.#hasBegun) throw new Error('The engine was told to begin twice.');
    this.#hasBegun = true;
    try {
      this.#begun.resolve(await this.#startService(this.#host(frame)));
    } catch (error) {
      this.#begun.reject(error);
      if (!isCairnError(error)) throw error;
      // No defect: somebody has to do something first. Who started this process is told, and ends it.
      return this.#line.send({ type: 'refused', error: error.toWire() });
    }
    this.#line.send({ type: 'ready' });
  }

  #host({ keychain, tray, startsAtLogin }: Beginning): EngineHost {
    const tell = async (frame: WithoutRequest<DesktopFrame>): Promise<void> => {
      await this.#ask(frame);
    };
    return {
      abilities: { host: 'electron', keychain, tray },
      secrets:
        keychain === 'ready'
          ? {
              read: (name) => this.#ask({ type: 'secret-read', name }),
              write: (name, secret) => tell({ type: 'secret-write', name, secret }),
              remove: (name) => tell({ type: 'secret-remove', name }),
            }
          : undefined,
      onPower: (listener) => void this.#powerListeners.push(listener),
      showStatus: ({ state, text }) => this.#line.send({ type: 'status', state, text }),
      notify: ({ title, body }) => this.#line.send({ type: 'notice', title, body }),
      chooseFolder: (purpose) => this.#ask({ type: 'choose-folder', purpose }),
      reveal: (path) => tell({ type: 'reveal', path }),
      setStartAtLogin: (on) => tell({ type: 'start-at-login', on }),
      startsAtLogin,
      showTheme: (theme) => this.#line.send({ type: 'theme', theme }),
    };
  }

  #ask(frame: WithoutRequest<DesktopFrame>): Promise<string | undefined> {
    if (this.#pending.size >= REQUESTS_MAX) {
      return Promise.reject(new Error('Too many things are asked of the desktop at once.'));
    }
    const request = ++this.#lastRequest;
    return new Promise((resolve, reject) => {
      this.#pending.set(request, { resolve, reject });
      this.#line.send({ ...frame, request });
    });
  }

  #settle(answer: Extract<ToEngineFrame, { type: 'answer' }>): void {
    const pending = this.#pending.get(answer.request);
    if (pending === undefined) return;
    this.#pending.delete(answer.request);
    if (answer.error === undefined) pending.resolve(answer.value);
    else pending.reject(new Error(answer.error));
  }
}
