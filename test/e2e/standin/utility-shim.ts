/**
 * Loaded into a utility process before the app's code: process.parentPort as Electron gives it, on Node's own line to
 * the parent. Workers inherit it and must be left alone. Electron itself can not be imported here.
 */
import { EventEmitter } from 'node:events';
import { registerHooks } from 'node:module';
import { isMainThread } from 'node:worker_threads';

import type { FromUtility, ToUtility } from './utility.ts';

class Port extends EventEmitter {
  readonly #id: number;
  readonly #send: (message: FromUtility) => void;
  #waiting: unknown[] | undefined = [];

  constructor(id: number, send: (message: FromUtility) => void) {
    super();
    this.#id = id;
    this.#send = send;
  }

  postMessage(data: unknown): void {
    this.#send({ kind: 'port', id: this.#id, data });
  }

  start(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const data of waiting) this.deliver(data);
  }

  close(): void {
    this.#send({ kind: 'close-port', id: this.#id });
  }

  deliver(data: unknown): void {
    if (this.#waiting === undefined) this.emit('message', { data, ports: [] });
    else this.#waiting.push(data);
  }
}

function install(): void {
  const parentSend = process.send?.bind(process);
  const send = (message: FromUtility): void => void parentSend?.(message);
  Reflect.deleteProperty(process, 'send'); // A utility process has none.
  const ports = new Map<number, Port>();
  const parentPort = Object.assign(new EventEmitter(), {
    postMessage: (data: unknown) => send({ kind: 'message', data }),
  });
  // Messages that come before someone listens are kept, as by Electron.
  let early: unknown[] | undefined = [];
  parentPort.on('newListener', (name) => {
    if (name !== 'message' || early === undefined) return;
    const waiting = early;
    early = undefined;
    setImmediate(() => waiting.forEach((event) => parentPort.emit('message', event)));
  });
  const receive = (message: ToUtility): void => {
    if (message.kind === 'port') return ports.get(message.id)?.deliver(message.data);
    if (message.kind === 'close-port') {
      const port = ports.get(message.id);
      ports.delete(message.id);
      return void port?.emit('close');
    }
    const arrived = message.ports.map((id) => {
      const port = new Port(id, send);
      ports.set(id, port);
      return port;
    });
    const event = { data: message.data, ports: arrived };
    if (early === undefined) parentPort.emit('message', event);
    else early.push(event);
  };
  process.on('message', (message) => receive(message as ToUtility));
  process.on('disconnect', () => process.exit(0)); // It ends with its parent.
  Object.defineProperty(process, 'parentPort', { value: parentPort });
  Object.defineProperty(process, 'type', { value: 'utility' });
}

if (isMainThread) install();

registerHooks({
  resolve: (specifier, context, next) => {
    if (/^electron($|\/)/.test(specifier)) throw new Error('stand-in: a utility process must not import electron');
    return next(specifier, context);
  },
});
