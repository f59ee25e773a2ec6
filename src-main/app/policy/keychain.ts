/**
 * Secrets in a file, each sealed by the system's key store. On Linux without a key store Electron would seal with a
 * key that stands in its source (`basic_text`): that protects nothing, so it counts as none, and the user is asked
 * for the password instead.
 */
import * as v from 'valibot';

import type { Secrets } from '../../engine-host/port.ts';

/** The part of Electron's safeStorage that is used, so that a test can stand in for a key store. */
export type Vault = {
  readonly isAvailable: () => Promise<boolean>;
  /** Linux only; undefined elsewhere. */
  readonly backend: () => string | undefined;
  readonly encrypt: (text: string) => Promise<Uint8Array>;
  readonly decrypt: (bytes: Uint8Array) => Promise<{ readonly text: string; readonly isStale: boolean }>;
};

/** Written whole or not at all; read gives undefined when there is none. */
export type SecretFile = {
  readonly read: () => Promise<string | undefined>;
  readonly write: (text: string) => Promise<void>;
};

/** Backends whose key anyone can know. */
const UNPROTECTED_BACKENDS = ['basic_text', 'unknown'];

const secretTable = v.record(v.string(), v.pipe(v.string(), v.base64()));
type SecretTable = v.InferOutput<typeof secretTable>;

export class UnprotectedError extends Error {
  override readonly name = 'UnprotectedError';
}

export class Keychain implements Secrets {
  readonly #vault: Vault;
  readonly #file: SecretFile;
  /** One change at a time: each reads the whole file and writes it back. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(vault: Vault, file: SecretFile) {
    this.#vault = vault;
    this.#file = file;
  }

  readonly read = (name: string): Promise<string | undefined> =>
    this.#alone(async () => {
      const table = await this.#table();
      const sealed = table[name];
      if (sealed === undefined) return undefined;
      const { text, isStale } = await this.#vault.decrypt(Buffer.from(sealed, 'base64'));
      if (isStale) await this.#put(table, name, text);
      return text;
    });

  readonly write = (name: string, secret: string): Promise<void> =>
    this.#alone(async () => this.#put(await this.#table(), name, secret));

  readonly remove = (name: string): Promise<void> =>
    this.#alone(async () => {
      const { [name]: removed, ...others } = await this.#table();
      if (removed !== undefined) await this.#file.write(JSON.stringify(others));
    });

  async #put(table: SecretTable, name: string, secret: string): Promise<void> {
    const sealed = Buffer.from(await this.#vault.encrypt(secret)).toString('base64');
    await this.#file.write(JSON.stringify({ ...table, [name]: sealed }));
  }

  async #table(): Promise<SecretTable> {
    const text = await this.#file.read();
    return text === undefined ? {} : v.parse(secretTable, JSON.parse(text));
  }

  async #alone<Value>(work: () => Promise<Value>): Promise<Value> {
    const result = this.#last.then(async () => {
      await this.#requireProtection();
      return work();
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #requireProtection(): Promise<void> {
    const backend = this.#vault.backend();
    if (backend !== undefined && UNPROTECTED_BACKENDS.includes(backend)) {
      throw new UnprotectedError('This desktop has no key store that is unlocked by your login.');
    }
    if (!(await this.#vault.isAvailable()))
      throw new UnprotectedError('The key store of this computer is not available.');
  }
}
