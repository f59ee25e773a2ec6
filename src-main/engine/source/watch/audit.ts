/**
 * Looks, some time after folders came and went, whether the kernel watches those that are there now (kernel-watches.ts),
 * for a library that may not have noticed. It gets a few chances: it may still be at work on them.
 */
import { displayPath } from '../../../../src-shared/format/index.ts';
import { unwatchedAmong } from './kernel-watches.ts';
import { unawaited } from './unawaited.ts';
import type { WatchOptions } from './watcher.ts';

const DELAY_MS = 400;
const TRIES = 8;
/** More folders than this are not worth the work: everything is looked at then. */
const FOLDERS_MAX = 5000;

export class Audit {
  readonly #isIgnored: WatchOptions['isIgnored'];
  readonly #failed: (detail: string) => void;
  /** Path as latin1 → how often it was looked at. */
  readonly #suspects = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** `failed` is called once, with what a person would want to know. */
  constructor(isIgnored: WatchOptions['isIgnored'], failed: (detail: string) => void) {
    this.#isIgnored = isIgnored;
    this.#failed = failed;
  }

  /** Something came into this folder, or went. */
  suspect(folder: Buffer): void {
    if (this.#isClosed) return;
    this.#suspects.set(folder.toString('latin1'), 0);
    if (this.#suspects.size > FOLDERS_MAX) return this.#fail(`${FOLDERS_MAX} folders changed at once`);
    this.#wait();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    this.#timer ??= setTimeout(() => unawaited(this.#look()), DELAY_MS);
  }

  async #look(): Promise<void> {
    const asked = [...this.#suspects];
    this.#suspects.clear();
    const folders = asked.map(([key]) => Buffer.from(key, 'latin1'));
    const unwatched = await unwatchedAmong(folders, this.#isIgnored);
    for (const [index, [key, tries]] of asked.entries()) {
      const first = unwatched[index];
      if (first === undefined || this.#isClosed) continue;
      if (tries + 1 >= TRIES) return this.#fail(`the folder ${displayPath(first)} is not watched`);
      if (!this.#suspects.has(key)) this.#suspects.set(key, tries + 1);
    }
    this.#timer = undefined;
    if (this.#suspects.size > 0 && !this.#isClosed) this.#wait();
  }

  #fail(detail: string): void {
    if (this.#isClosed) return;
    this.close();
    this.#failed(detail);
  }
}
