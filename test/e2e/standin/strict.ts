/**
 * What every part of the double shares: a record of what the app asked of the desktop, and objects that fail loudly
 * where the double lacks something Electron has. A test must never pass because nobody answered.
 */
import { EventEmitter } from 'node:events';

export type Call = { readonly api: string; readonly arguments: readonly unknown[] };

/** Oldest first; more than any test makes. */
export const calls: Call[] = [];

export function record(api: string, ...args: readonly unknown[]): void {
  calls.push({ api, arguments: args });
}

/** Asked for by the language and by Node, not by the app. */
const ASKED_BY_THE_LANGUAGE = new Set(['then', 'toJSON', 'domain', 'captureRejections', 'constructor', 'prototype']);

const guard = (name: string): ProxyHandler<object> => ({
  get(target, key, receiver) {
    if (typeof key === 'symbol' || key in target || ASKED_BY_THE_LANGUAGE.has(key)) {
      return Reflect.get(target, key, receiver) as unknown;
    }
    throw new Error(`stand-in: electron.${name}.${key} is not implemented`);
  },
});

/** The object, except that asking for what it lacks throws. */
export function strict<Target extends object>(name: string, target: Target): Target {
  return new Proxy(target, guard(name)) as Target;
}

/** A base class whose instances throw when asked for what no class above them has. */
export function strictEmitter(name: string): new () => EventEmitter {
  class Base extends EventEmitter {}
  Object.setPrototypeOf(Base.prototype, new Proxy(EventEmitter.prototype, guard(name)));
  return Base;
}

/** An event as listeners get it. */
export class CancellableEvent {
  defaultPrevented = false;

  preventDefault(): void {
    this.defaultPrevented = true;
  }

  static with<Fields extends object>(fields: Fields): CancellableEvent & Fields {
    return Object.assign(new CancellableEvent(), fields);
  }
}
