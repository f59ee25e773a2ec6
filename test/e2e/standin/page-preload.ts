/**
 * The world of a sandboxed preload: its `require` knows electron alone, and of electron what such a preload has. What
 * it sends goes to this program through a function that the debugging protocol puts into that world.
 *
 * The function is written into the page as text, so it may use nothing from outside itself.
 */
import type { Codec } from './codec.ts';
import type { WorldBridge } from './page-bridge.ts';

export type FromPage =
  | { readonly kind: 'invoke'; readonly id: number; readonly channel: string; readonly args: readonly unknown[] }
  | { readonly kind: 'send'; readonly channel: string; readonly args: readonly unknown[] }
  | { readonly kind: 'port'; readonly id: number; readonly data: unknown }
  | { readonly kind: 'close-port'; readonly id: number }
  | { readonly kind: 'preload-error'; readonly error: unknown };
export type ToPage =
  | { readonly kind: 'reply'; readonly id: number; readonly result?: unknown; readonly error?: string }
  | {
      readonly kind: 'event';
      readonly channel: string;
      readonly args: readonly unknown[];
      readonly ports: readonly number[];
    }
  | { readonly kind: 'port'; readonly id: number; readonly data: unknown }
  | { readonly kind: 'close-port'; readonly id: number };

export type PreloadWorld = {
  readonly codec: Codec;
  readonly bridge: WorldBridge;
  /** The name of the function that sends, and, with “_receive”, of the one that is called with what comes. */
  readonly key: string;
  readonly environment: Readonly<Record<string, unknown>>;
};
export type PreloadScript = (
  require: unknown,
  process: unknown,
  module: { exports: unknown },
  exports: unknown,
) => void;

export function runPreload({ codec, bridge, key, environment }: PreloadWorld, script: PreloadScript): void {
  type Listener = (event: unknown, ...args: unknown[]) => void;
  type Waiting = { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void };

  const world = globalThis as unknown as Record<string, (text: string) => void>;
  const listeners = new Map<string, Listener[]>();
  const replies = new Map<number, Waiting>();
  const ports = new Map<number, MessagePort>();
  let lastId = 0;

  const post = (message: FromPage): void => world[key]?.(codec.encode(message));
  const cloned = (args: unknown[]): unknown[] => {
    try {
      return structuredClone(args);
    } catch {
      throw new Error('An object could not be cloned.');
    }
  };
  const listen = (channel: string, listener: Listener): void => {
    listeners.set(channel, [...(listeners.get(channel) ?? []), listener]);
  };
  const forget = (channel: string, listener: Listener): void => {
    listeners.set(
      channel,
      (listeners.get(channel) ?? []).filter((one) => one !== listener),
    );
  };
  const missing = (name: string) => (): never => {
    throw new Error(`stand-in: ${name} is not implemented`);
  };

  const ipcRenderer = {
    on: listen,
    off: forget,
    removeListener: forget,
    send: (channel: string, ...args: unknown[]) => post({ kind: 'send', channel, args: cloned(args) }),
    invoke: (channel: string, ...args: unknown[]) =>
      new Promise((resolve, reject) => {
        const copy = cloned(args);
        replies.set(++lastId, { resolve, reject });
        post({ kind: 'invoke', id: lastId, channel, args: copy });
      }),
    sendSync: missing('ipcRenderer.sendSync'),
    postMessage: missing('ipcRenderer.postMessage'),
    once: missing('ipcRenderer.once'),
  };

  const openPort = (id: number): MessagePort => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = (event: MessageEvent<unknown>) => post({ kind: 'port', id, data: event.data });
    ports.set(id, port1);
    // Chromium tells neither end when the other one is closed.
    const close = port2.close.bind(port2);
    port2.close = () => {
      close();
      ports.delete(id);
      post({ kind: 'close-port', id });
    };
    return port2;
  };
  const reply = ({ id, error, result }: Extract<ToPage, { kind: 'reply' }>): void => {
    const waiting = replies.get(id);
    replies.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error));
  };
  world[`${key}_receive`] = (text) => {
    const message = codec.decode(text) as ToPage;
    if (message.kind === 'reply') return reply(message);
    if (message.kind === 'port') return ports.get(message.id)?.postMessage(message.data);
    if (message.kind === 'close-port') return ports.get(message.id)?.close();
    const event = { sender: ipcRenderer, ports: message.ports.map(openPort) };
    for (const listener of listeners.get(message.channel) ?? []) listener(event, ...message.args);
  };

  const electron = {
    ipcRenderer,
    contextBridge: { exposeInMainWorld: bridge.expose },
    webFrame: new Proxy({}, { get: (_, name) => missing(`webFrame.${String(name)}`) }),
  };
  const require = (name: string): unknown => {
    if (name === 'electron' || name === 'electron/renderer') return electron;
    throw new Error(`module not found: ${name}`);
  };
  const module = { exports: {} };
  try {
    script(
      require,
      { ...environment, type: 'renderer', sandboxed: true, contextIsolated: true },
      module,
      module.exports,
    );
  } catch (error) {
    post({ kind: 'preload-error', error });
  }
}
