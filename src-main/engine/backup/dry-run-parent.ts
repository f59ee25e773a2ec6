/**
 * The parent snapshot as a dry run compares with it: read only, without a session. A page that can't be read ends its
 * folder; what would have been in it then counts as new, as it does for a backup.
 */
import { isIntegrityError } from '../../../src-shared/errors.ts';
import { compareBytes } from '../kernel/index.ts';
import { type Entry, type PageFetch, iterateFolder } from '../merkle/index.ts';
import type { PageRef } from '../snapshot/index.ts';

export class ParentFolder {
  readonly #entries: AsyncIterator<Entry> | undefined;
  #next: Entry | undefined;
  #isAtEnd = false;

  constructor(fetch: PageFetch, folder: PageRef | undefined) {
    if (folder !== undefined) this.#entries = iterateFolder(fetch, folder.page, folder.level)[Symbol.asyncIterator]();
  }

  /** All entries before a name, and the one of that name. Names have to be asked for in rising order; undefined: the end. */
  async upTo(
    name: Uint8Array | undefined,
  ): Promise<{ readonly passed: readonly Entry[]; readonly match: Entry | undefined }> {
    const passed: Entry[] = [];
    for (let entry = await this.#peek(); entry !== undefined; entry = await this.#peek()) {
      const order = name === undefined ? -1 : compareBytes(entry.name, name);
      if (order > 0) break;
      this.#next = undefined;
      if (order === 0) return { passed, match: entry };
      passed.push(entry);
    }
    return { passed, match: undefined };
  }

  async #peek(): Promise<Entry | undefined> {
    if (this.#next !== undefined || this.#isAtEnd || this.#entries === undefined) return this.#next;
    try {
      const next = await this.#entries.next();
      if (next.done === true) this.#isAtEnd = true;
      else this.#next = next.value;
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      this.#isAtEnd = true;
    }
    return this.#next;
  }
}
