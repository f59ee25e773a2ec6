/**
 * Passwords of destinations that are kept: in the system's keychain where the person asked for it, or in a file for runs
 * with nobody there. None of them is in an error, an event or a log; where neither gives one, the person is asked.
 */
import { isCairnError } from '../../../src-shared/errors.ts';
import type { Secret } from '../api.ts';
import type { StateFile } from '../service/index.ts';
import { type DestinationRecord, type SetsState, readPasswordFile, withDestination } from '../sets/index.ts';
import type { Held } from './held-destination.ts';
import type { DeskOptions } from './ports.ts';

type Options = Pick<DeskOptions, 'ports' | 'keychain'> & { readonly records: StateFile<SetsState> };

export class KeptPasswords {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** False where the system keeps no secrets well; the person is then asked each time. */
  async remember(destinationId: string, password: string): Promise<boolean> {
    const { keychain, records, ports } = this.#options;
    if (keychain === undefined) return false;
    try {
      await keychain.write(keychainName(destinationId), password);
    } catch (error) {
      ports.log('warn', 'a password could not be put into the keychain', { reason: reasonOf(error) });
      return false;
    }
    await records.change((state) => withDestination(state, destinationId, { remembered: true }));
    return true;
  }

  async forget({ destinationId, remembered }: DestinationRecord): Promise<void> {
    const { keychain, records, ports } = this.#options;
    if (!remembered) return;
    await keychain?.remove(keychainName(destinationId)).catch((error: unknown) => {
      ports.log('warn', 'a password could not be taken out of the keychain', { reason: reasonOf(error) });
    });
    await records.change((state) => withDestination(state, destinationId, { remembered: false }));
  }

  /** What opens a destination with nobody asked; undefined where none is kept, or what is kept did not open it before. */
  async secretFor(held: Held, record: DestinationRecord): Promise<Secret | undefined> {
    if (!record.encrypted || held.secret !== undefined) return held.secret;
    if (held.keptTried) return undefined;
    return (await this.#fromKeychain(held, record)) ?? (await this.#fromFile(held, record));
  }

  async #fromKeychain(held: Held, { destinationId, remembered }: DestinationRecord): Promise<Secret | undefined> {
    const { keychain, ports } = this.#options;
    if (!remembered || keychain === undefined || held.keychainTried) return undefined;
    held.keychainTried = true;
    try {
      const password = await keychain.read(keychainName(destinationId));
      return password === undefined ? undefined : { kind: 'password', password };
    } catch (error) {
      ports.log('warn', 'the keychain could not be read', { reason: reasonOf(error) });
      return undefined;
    }
  }

  /** Its file may be somewhere that is not there yet: it is looked for again, and what is wrong is told once. */
  async #fromFile(held: Held, { passwordFile }: DestinationRecord): Promise<Secret | undefined> {
    if (passwordFile === null) return undefined;
    try {
      return { kind: 'password', password: await readPasswordFile(passwordFile) };
    } catch (error) {
      if (!isCairnError(error)) throw error;
      if (!held.fileTold) this.#options.ports.log('warn', 'a password file could not be used', { error });
      held.fileTold = true;
      return undefined;
    }
  }
}

function keychainName(destinationId: string): string {
  return `cairn-destination-${destinationId}`;
}

/** A keychain's error may quote what it was given. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown';
}
