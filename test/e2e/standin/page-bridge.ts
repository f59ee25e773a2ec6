/**
 * contextBridge between the page's own world and the preload's isolated one. Both have the same document, and an event
 * on it reaches the listeners of both at once, its detail cloned. Functions stay where they are and are called by
 * number; promises are followed by number; everything else is copied, as by Electron.
 *
 * The function is written into the page as text, so it may use nothing from outside itself.
 */

export type WorldBridge = { readonly expose: (name: string, value: unknown) => void };

export function createWorldBridge(side: 'page' | 'preload', key: string): WorldBridge {
  type Packed =
    | { readonly k: 'value'; readonly v: unknown }
    | { readonly k: 'function' | 'promise'; readonly id: number }
    | { readonly k: 'list'; readonly v: readonly Packed[] }
    | { readonly k: 'object'; readonly v: Readonly<Record<string, Packed>> };
  type Failure = { readonly name: string; readonly message: string };
  type Answer = { readonly value: Packed } | { readonly failure: Failure };
  type Message =
    | { readonly kind: 'call'; readonly id: number; readonly args: readonly Packed[] }
    | { readonly kind: 'answer'; readonly answer: Answer }
    | { readonly kind: 'settled'; readonly id: number; readonly answer: Answer }
    | { readonly kind: 'expose'; readonly name: string; readonly value: Packed };
  type Callable = (...args: unknown[]) => unknown;
  type Settle = { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void };

  const other = side === 'page' ? 'preload' : 'page';
  const functions = new Map<number, Callable>();
  const promises = new Map<number, Settle>();
  let lastId = 0;
  let answered: Answer | undefined;

  const emit = (message: Message): void => {
    dispatchEvent(new CustomEvent(`${key}:${other}`, { detail: message }));
  };
  const isPlain = (value: object): boolean => Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  const isLive = (value: unknown): boolean => {
    if (typeof value === 'function' || value instanceof Promise) return true;
    return typeof value === 'object' && value !== null && isPlain(value) && Object.values(value).some(isLive);
  };
  const failureOf = (error: unknown): Failure =>
    error instanceof Error ? { name: error.name, message: error.message } : { name: 'Error', message: String(error) };
  const errorOf = ({ name, message }: Failure): Error => Object.assign(new Error(message), { name });

  const pack = (value: unknown): Packed => {
    if (typeof value === 'function') {
      functions.set(++lastId, value as Callable);
      return { k: 'function', id: lastId };
    }
    if (value instanceof Promise) {
      const id = ++lastId;
      value.then(
        (result) => emit({ kind: 'settled', id, answer: { value: pack(result) } }),
        (error: unknown) => emit({ kind: 'settled', id, answer: { failure: failureOf(error) } }),
      );
      return { k: 'promise', id };
    }
    if (value === null || typeof value !== 'object') return { k: 'value', v: value };
    if (!isLive(value)) {
      try {
        return { k: 'value', v: structuredClone(value) };
      } catch {
        throw new Error('An object could not be cloned.');
      }
    }
    if (Array.isArray(value)) return { k: 'list', v: value.map(pack) };
    return { k: 'object', v: Object.fromEntries(Object.entries(value).map(([name, part]) => [name, pack(part)])) };
  };

  const remoteFunction =
    (id: number): Callable =>
    (...args) => {
      answered = undefined;
      emit({ kind: 'call', id, args: args.map(pack) });
      const answer = answered as Answer | undefined;
      answered = undefined;
      if (answer === undefined) return undefined;
      if ('failure' in answer) throw errorOf(answer.failure);
      return unpack(answer.value);
    };
  const unpack = (packed: Packed): unknown => {
    switch (packed.k) {
      case 'function':
        return remoteFunction(packed.id);
      case 'promise':
        return new Promise((resolve, reject) => promises.set(packed.id, { resolve, reject }));
      case 'list':
        return packed.v.map(unpack);
      case 'object':
        return Object.freeze(Object.fromEntries(Object.entries(packed.v).map(([name, part]) => [name, unpack(part)])));
      case 'value':
        return packed.v;
    }
  };

  const call = (id: number, args: readonly Packed[]): Answer => {
    try {
      return { value: pack(functions.get(id)?.(...args.map(unpack))) };
    } catch (error) {
      return { failure: failureOf(error) };
    }
  };
  const settle = (id: number, answer: Answer): void => {
    const promise = promises.get(id);
    promises.delete(id);
    if ('failure' in answer) promise?.reject(errorOf(answer.failure));
    else promise?.resolve(unpack(answer.value));
  };

  addEventListener(`${key}:${side}`, (event) => {
    const message = (event as CustomEvent<Message>).detail;
    if (message.kind === 'call') emit({ kind: 'answer', answer: call(message.id, message.args) });
    else if (message.kind === 'answer') answered = message.answer;
    else if (message.kind === 'settled') settle(message.id, message.answer);
    else Object.defineProperty(globalThis, message.name, { value: unpack(message.value), enumerable: true });
  });
  return { expose: (name, value) => emit({ kind: 'expose', name, value: pack(value) }) };
}
