/**
 * The window's only way to the engine: one client over whichever transport there is, a MessagePort in Electron or a
 * WebSocket headless. A call ends with its value or with a CairnError; where the connection is lost meanwhile it ends
 * with an error that says so, and is never sent again by itself. A lost connection is made again, slower each time.
 *
 * Messages are handed on in the order in which they came: an event after a reply is newer than the reply.
 */
import { CairnError, ERROR_TABLE, type ErrorCode, type WireError } from '../src-shared/errors.ts';
import {
  type CallMessage,
  type CommandName,
  type EngineEvent,
  type InputOf,
  PROTOCOL_VERSION,
  type ServerMessage,
  type ValueOf,
} from '../src-shared/api/contract.ts';
import { WEB_RETRY_MS, WEB_RETRY_MS_MAX } from '../src-shared/api/web.ts';
import { words } from './words/index.ts';

/** One connection that is open. */
export type Line = { readonly send: (message: CallMessage) => void; readonly close: () => void };

/** Why a line ended: `over` means that trying again is no use, because the session has ended. */
export type LineEnd = 'lost' | 'over';

export type LineHandlers = {
  readonly message: (message: unknown) => void;
  readonly ended: (end: LineEnd) => void;
};

export type Transport = { readonly open: (handlers: LineHandlers) => Promise<Line> };

/** A transport throws this where opening again is no use. */
export class SessionOverError extends Error {
  override readonly name = 'SessionOverError';
}

export type ConnectionState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'ready'; readonly version: string }
  | { readonly kind: 'lost'; readonly attempts: number }
  /** The engine speaks another version of the contract: reload or update. */
  | { readonly kind: 'mismatch'; readonly protocol: number }
  /** The engine can't start until a person has seen to what it says; it is tried again when asked only. */
  | { readonly kind: 'refused'; readonly error: CairnError }
  | { readonly kind: 'over' };

export type Timers = {
  readonly set: (callback: () => void, delayMs: number) => number;
  readonly clear: (timer: number) => void;
};

/** The first thing said on a line is hello; a line that stays silent this long is given up. */
const HELLO_TIMEOUT_MS = 10_000;

type Pending = { readonly resolve: (value: unknown) => void; readonly reject: (error: CairnError) => void };

const windowTimers: Timers = {
  set: (callback, delayMs) => window.setTimeout(callback, delayMs),
  clear: (timer) => window.clearTimeout(timer),
};

export class Client {
  readonly #transport: Transport;
  readonly #timers: Timers;
  readonly #pending = new Map<number, Pending>();
  readonly #eventListeners = new Set<(event: EngineEvent) => void>();
  readonly #stateListeners = new Set<(state: ConnectionState) => void>();
  #state: ConnectionState = { kind: 'connecting' };
  #line: Line | null = null;
  /** Counts lines, so that a late word of an old one is not taken for one of the new. */
  #lineNumber = 0;
  #nextId = 1;
  #attempts = 0;
  #timer: number | null = null;
  #stopped = false;

  constructor(transport: Transport, timers: Timers = windowTimers) {
    this.#transport = transport;
    this.#timers = timers;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  onEvent(listener: (event: EngineEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  onState(listener: (state: ConnectionState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  start(): void {
    this.#stopped = false;
    this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    this.#clearTimer();
    this.#dropLine();
  }

  /** Tries at once instead of when the next try would come. */
  retryNow(): void {
    if (this.#state.kind !== 'lost' && this.#state.kind !== 'refused') return;
    this.#clearTimer();
    this.#connect();
  }

  /** @throws CairnError what the engine answered, or that the connection was lost. */
  call<Name extends CommandName>(command: Name, input: InputOf<Name>): Promise<ValueOf<Name>> {
    const line = this.#line;
    if (line === null || this.#state.kind !== 'ready') return Promise.reject(lostError());
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { resolve, reject });
    try {
      line.send({ kind: 'call', id, command, input });
    } catch {
      this.#pending.delete(id);
      return Promise.reject(lostError());
    }
    return promise.then((value) => parseValue<Name>(value));
  }

  #connect(): void {
    this.#dropLine();
    const number = ++this.#lineNumber;
    const isCurrent = (): boolean => number === this.#lineNumber && !this.#stopped;
    if (this.#attempts === 0) this.#setState({ kind: 'connecting' });
    this.#timer = this.#timers.set(() => {
      if (isCurrent()) this.#lost('lost');
    }, HELLO_TIMEOUT_MS);
    const handlers: LineHandlers = {
      message: (message) => {
        if (isCurrent()) this.#receive(message);
      },
      ended: (end) => {
        if (isCurrent()) this.#lost(end);
      },
    };
    this.#transport.open(handlers).then(
      (line) => {
        if (isCurrent()) this.#line = line;
        else line.close();
      },
      (error: unknown) => {
        if (isCurrent()) this.#lost(error instanceof SessionOverError ? 'over' : 'lost');
      },
    );
  }

  #receive(message: unknown): void {
    const parsed = parseServerMessage(message);
    if (parsed === undefined) return;
    switch (parsed.kind) {
      case 'hello':
        this.#greet(parsed.protocol, parsed.version);
        return;
      case 'refused':
        this.#refused(fromWire(parsed.error));
        return;
      case 'reply': {
        const pending = this.#pending.get(parsed.id);
        this.#pending.delete(parsed.id);
        if (parsed.ok) pending?.resolve(parsed.value);
        else pending?.reject(fromWire(parsed.error));
        return;
      }
      case 'event':
        if (this.#state.kind !== 'ready') return;
        for (const listener of this.#eventListeners) listener(parsed.event);
    }
  }

  #greet(protocol: number, version: string): void {
    this.#clearTimer();
    if (protocol !== PROTOCOL_VERSION) {
      this.#lineNumber++;
      this.#dropLine();
      this.#setState({ kind: 'mismatch', protocol });
      return;
    }
    this.#attempts = 0;
    // A port may say hello before the promise of open() has been seen to: wait for the line, then say ready.
    queueMicrotask(() => {
      if (this.#line === null) this.#timer = this.#timers.set(() => this.#setReady(version), 0);
      else this.#setReady(version);
    });
  }

  #refused(error: CairnError): void {
    this.#clearTimer();
    this.#lineNumber++;
    this.#dropLine();
    this.#attempts = 0;
    this.#setState({ kind: 'refused', error });
  }

  #setReady(version: string): void {
    this.#timer = null;
    if (this.#line !== null && !this.#stopped) this.#setState({ kind: 'ready', version });
  }

  #lost(end: LineEnd): void {
    this.#clearTimer();
    this.#lineNumber++;
    this.#dropLine();
    if (end === 'over') {
      this.#setState({ kind: 'over' });
      return;
    }
    const delayMs = Math.min(WEB_RETRY_MS * 2 ** this.#attempts, WEB_RETRY_MS_MAX);
    this.#attempts++;
    this.#setState({ kind: 'lost', attempts: this.#attempts });
    this.#timer = this.#timers.set(() => this.#connect(), delayMs);
  }

  #dropLine(): void {
    this.#line?.close();
    this.#line = null;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const call of pending) call.reject(lostError());
  }

  #clearTimer(): void {
    if (this.#timer !== null) this.#timers.clear(this.#timer);
    this.#timer = null;
  }

  #setState(state: ConnectionState): void {
    this.#state = state;
    for (const listener of this.#stateListeners) listener(state);
  }
}

function lostError(): CairnError {
  return new CairnError('engine/internal', words.connection.callLost, { hint: words.connection.callLostHint });
}

function fromWire(error: WireError): CairnError {
  return new CairnError(error.code, error.message, { hint: error.hint });
}

/** Whatever was thrown, as an error that can be shown. */
export function asCairnError(error: unknown): CairnError {
  if (error instanceof CairnError) return error;
  return new CairnError('engine/internal', error instanceof Error ? error.message : String(error));
}

// The engine is of the same build and checks what it sends by type; here only the envelope is looked at.

function parseValue<Name extends CommandName>(value: unknown): ValueOf<Name> {
  return value as ValueOf<Name>;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function parseServerMessage(message: unknown): ServerMessage | undefined {
  if (!isRecord(message)) return undefined;
  switch (message['kind']) {
    case 'hello':
      if (typeof message['protocol'] !== 'number') return undefined;
      return { kind: 'hello', protocol: message['protocol'], version: String(message['version']) };
    case 'refused':
      return { kind: 'refused', error: parseWireError(message['error']) };
    case 'reply':
      if (typeof message['id'] !== 'number') return undefined;
      if (message['ok'] === true) return { kind: 'reply', id: message['id'], ok: true, value: message['value'] };
      return { kind: 'reply', id: message['id'], ok: false, error: parseWireError(message['error']) };
    case 'event':
      if (!isRecord(message['event'])) return undefined;
      return { kind: 'event', event: message['event'] as EngineEvent };
    default:
      return undefined;
  }
}

function parseWireError(error: unknown): WireError {
  const record = isRecord(error) ? error : {};
  const code = typeof record['code'] === 'string' ? record['code'] : '';
  const known: ErrorCode = Object.hasOwn(ERROR_TABLE, code) ? (code as ErrorCode) : 'engine/internal';
  const text = (key: string, otherwise: string): string => (typeof record[key] === 'string' ? record[key] : otherwise);
  return {
    code: known,
    message: text('message', words.connection.unclearReply),
    hint: text('hint', ERROR_TABLE[known].hint),
    retry: ERROR_TABLE[known].retry,
  };
}
