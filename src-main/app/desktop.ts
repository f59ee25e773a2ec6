/** What the engine asks of the desktop, done: dialogs, the file manager, start at login, the key store. */
import type { BrowserWindow } from 'electron';

import { assertNever } from '../../src-shared/assert.ts';
import type { DesktopFrame, ToEngineFrame } from '../engine-host/frames.ts';
import { chooseFolder, revealFolder } from './folders.ts';
import { startAtLogin, startsAtLogin } from './login-item.ts';
import type { Keychain } from './policy/keychain.ts';

export class Desktop {
  readonly #keychain: Keychain;
  readonly #window: () => BrowserWindow | undefined;

  constructor(keychain: Keychain, window: () => BrowserWindow | undefined) {
    this.#keychain = keychain;
    this.#window = window;
  }

  /** The first frame for a new engine. What can't be found out counts as absent. */
  async beginning(): Promise<Extract<ToEngineFrame, { type: 'begin' }>> {
    const keychain = await this.#keychain.state().catch(() => 'none' as const);
    const starts = await startsAtLogin().catch(() => false);
    return { type: 'begin', keychain, tray: true, startsAtLogin: starts };
  }

  /** Never throws: what went wrong is the answer. */
  async answer(frame: DesktopFrame): Promise<ToEngineFrame> {
    const answer = { type: 'answer', request: frame.request } as const;
    try {
      const value = await this.#do(frame);
      return value === undefined ? answer : { ...answer, value };
    } catch (error) {
      return { ...answer, error: error instanceof Error ? error.message : String(error) };
    }
  }

  async #do(frame: DesktopFrame): Promise<string | undefined> {
    switch (frame.type) {
      case 'secret-read':
        return this.#keychain.read(frame.name);
      case 'secret-write':
        await this.#keychain.write(frame.name, frame.secret);
        return undefined;
      case 'secret-remove':
        await this.#keychain.remove(frame.name);
        return undefined;
      case 'choose-folder':
        return chooseFolder(this.#window(), frame.purpose);
      case 'reveal':
        await revealFolder(frame.path);
        return undefined;
      case 'start-at-login':
        await startAtLogin(frame.on);
        return undefined;
      default:
        return assertNever(frame);
    }
  }
}
