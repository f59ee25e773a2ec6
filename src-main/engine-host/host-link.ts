/**
 * The engine's end of the line to Electron's main process: answers its frames, and offers the service what the desktop
 * can do. Frames are dealt with in the order they arrive; clients that come while the service starts wait for it.
 */
import { assertNever } from '../../src-shared/assert.ts';
import { type ToEngineFrame, type ToMainFrame, parseToEngineFrame } from './frames.ts';
import type { EngineHost, EngineService, MessagePortLike, PowerEvent, StartService } from './port.ts';

/** Folders chosen in one run of the app. More than a person picks; the oldest are forgotten first. */
const FOLDERS_MAX = 1000;
/** Secrets that are asked for at the same time. */
const REQUESTS_MAX = 100;

export type HostLine = {
  readonly send: (frame: ToMainFrame) => void;
  /** Ends the process once everything is closed. */
  readonly exit: () => void;
};

type Pending = { readonly resolve: (value: string | undefined) => void; readonly reject: (error: Error) => void };
type SecretFrame = Extract<ToMainFrame, { type: 'secret-read' | 'secret-write' | 'secret-remove' }>;
type WithoutRequest<Frame> = Frame extends unknown ? Omit<Frame, 'request'> : never;

export class HostLink {
  readonly #line: HostLine;
  readonly #folders = new Map<string, string>();
  readonly #pending = new Map<number, Pending>();
  readonly #powerListeners: ((event: PowerEvent) => void)[] = [];
  readonly #service: Promise<EngineService>;
  #lastRequest = 0;

  constructor(line: HostLine, startService: StartService) {
    this.#line = line;
    this.#service = startService(this.#host());
  }

  /** Resolves when clients are answered; rejects when the service could not start. */
  async start(): Promise<void> {
    await this.#service;
    this.#line.send({ type: 'ready' });
  }

  /** `port` is what came with the frame. */
  async receive(message: unknown, port?: MessagePortLike): Promise<void> {
    const frame = parseToEngineFrame(message);
    switch (frame.type) {
      case 'port':
        if (port === undefined) throw new Error('A port frame came without a port.');
        return (await this.#service).serveConnection(port);
      case 'folder':
        return this.#keepFolder(frame.handle, frame.path);
      case 'power':
        for (const listener of this.#powerListeners) listener(frame.event);
        return;
      case 'ask-activities': {
        const activities = [...(await this.#service).activities()];
        return this.#line.send({ type: 'activities', request: frame.request, activities });
      }
      case 'secret-answer':
        return this.#settle(frame);
      case 'close':
        await (await this.#service).close();
        return this.#line.exit();
      default:
        return assertNever(frame);
    }
  }

  #host(): EngineHost {
    return {
      chosenFolder: (handle) => this.#folders.get(handle),
      secrets: {
        read: (name) => this.#ask({ type: 'secret-read', name }),
        write: async (name, secret) => {
          await this.#ask({ type: 'secret-write', name, secret });
        },
        remove: async (name) => {
          await this.#ask({ type: 'secret-remove', name });
        },
      },
      onPower: (listener) => void this.#powerListeners.push(listener),
      showStatus: ({ state, text }) => this.#line.send({ type: 'status', state, text }),
      notify: ({ title, body }) => this.#line.send({ type: 'notice', title, body }),
    };
  }

  #keepFolder(handle: string, path: string): void {
    if (this.#folders.size >= FOLDERS_MAX) {
      const [oldest] = this.#folders.keys();
      if (oldest !== undefined) this.#folders.delete(oldest);
    }
    this.#folders.set(handle, path);
  }

  #ask(frame: WithoutRequest<SecretFrame>): Promise<string | undefined> {
    if (this.#pending.size >= REQUESTS_MAX) return Promise.reject(new Error('Too many secrets are asked for at once.'));
    const request = ++this.#lastRequest;
    return new Promise((resolve, reject) => {
      this.#pending.set(request, { resolve, reject });
      this.#line.send({ ...frame, request });
    });
  }

  #settle(answer: Extract<ToEngineFrame, { type: 'secret-answer' }>): void {
    const pending = this.#pending.get(answer.request);
    if (pending === undefined) return;
    this.#pending.delete(answer.request);
    if (answer.error === undefined) pending.resolve(answer.value);
    else pending.reject(new Error(answer.error));
  }
}
