/**
 * Light, dark or the system's choice. The last choice is kept in the page's storage as well, so that the first paint has
 * the right colours before the engine has said a word.
 */
import type { Settings } from '../../src-shared/model/index.ts';

export type ThemeChoice = Settings['theme'];

const STORAGE_KEY = 'cairn.theme';

export class Theme {
  readonly #darkMedia = window.matchMedia('(prefers-color-scheme: dark)');
  #choice: ThemeChoice = readChoice();
  #isDark = $state(false);
  readonly #onMedia = (): void => this.#paint();

  constructor() {
    this.#paint();
    this.#darkMedia.addEventListener('change', this.#onMedia);
  }

  get isDark(): boolean {
    return this.#isDark;
  }

  choose(choice: ThemeChoice): void {
    this.#choice = choice;
    try {
      localStorage.setItem(STORAGE_KEY, choice);
    } catch {
      // Storage may be forbidden; then the first paint follows the system.
    }
    this.#paint();
  }

  dispose(): void {
    this.#darkMedia.removeEventListener('change', this.#onMedia);
  }

  #paint(): void {
    this.#isDark = this.#choice === 'dark' || (this.#choice === 'system' && this.#darkMedia.matches);
    document.documentElement.dataset['theme'] = this.#isDark ? 'dark' : 'light';
  }
}

function readChoice(): ThemeChoice {
  try {
    const stored = localStorage.getItem(STORAGE_KEY);
    return stored === 'light' || stored === 'dark' ? stored : 'system';
  } catch {
    return 'system';
  }
}
