/** What the app remembers between two runs, in memory and in its file. A change is in effect at once, and written soon. */
import { OwnFile } from './own-file.ts';
import { type ShellState, parseShellState } from './policy/shell-state.ts';

export class ShellMemory {
  readonly #file: OwnFile;
  readonly #onFailure: (error: unknown) => void;
  #state: ShellState = parseShellState('');

  constructor(file: string, onFailure: (error: unknown) => void) {
    this.#file = new OwnFile(file);
    this.#onFailure = onFailure;
  }

  async load(): Promise<void> {
    this.#state = parseShellState((await this.#file.read()) ?? '');
  }

  get state(): ShellState {
    return this.#state;
  }

  remember(change: Partial<ShellState>): void {
    this.#state = { ...this.#state, ...change };
    this.#file.write(JSON.stringify(this.#state)).catch(this.#onFailure);
  }

  settled(): Promise<void> {
    return this.#file.settled();
  }
}
