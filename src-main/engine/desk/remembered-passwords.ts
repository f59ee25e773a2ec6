/**
 * Passwords of destinations in the system's keychain, where the person asked for it. None of them is in an error, an event
 * or a log; a keychain that fails means that the person is asked.
 */
import type { DeskOptions } from './ports.ts';
import { type DestinationRecord, type SetsState, withDestination } from './set-records.ts';
import type { StateFile } from './state-file.ts';

type Options = Pick<DeskOptions, 'ports' | 'keychain'> & { readonly records: StateFile<SetsState> };

export class RememberedPasswords {
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

  /** Undefined: none is kept, or the keychain does not give it. */
  async read({ destinationId, remembered }: DestinationRecord): Promise<string | undefined> {
    const { keychain, ports } = this.#options;
    if (!remembered || keychain === undefined) return undefined;
    try {
      return await keychain.read(keychainName(destinationId));
    } catch (error) {
      ports.log('warn', 'the keychain could not be read', { reason: reasonOf(error) });
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
