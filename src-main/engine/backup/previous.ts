/**
 * The parent snapshot as a backup sees it: the entries of a folder in name order, each folder with its NodeId and seal.
 *
 * Read in step with the listing of the real folder. `isWhole` turns false where a page of it is not safe to refer to
 * again (its pack is gone, condemned or damaged): then the folder is built anew, and what is missing is stored again.
 */
import { isIntegrityError } from '../../../src-shared/errors.ts';
import type { NodeId, PageId } from '../../../src-shared/ids.ts';
import { compareBytes } from '../kernel/index.ts';
import { type DirectoryEntry, type Entry, type PageFetch, iterateFolderLeaves, iterateSeals } from '../merkle/index.ts';
import type { Repository, WriteSession } from '../repository/index.ts';
import type { PageRef } from '../snapshot/index.ts';

/** A folder of the parent snapshot. */
export type PreviousFolder = {
  readonly entry: DirectoryEntry;
  readonly nodeId: NodeId;
  readonly seal: PageRef | undefined;
};

/** An entry of the parent snapshot; a directory comes with what its seal says. */
export type PreviousEntry = { readonly entry: Entry; readonly folder: PreviousFolder | undefined };

export class PreviousEntries {
  readonly #leaves: AsyncIterator<readonly Entry[]> | undefined;
  readonly #seals: AsyncIterator<{ readonly nodeId: NodeId; readonly sealPage?: PageRef }> | undefined;
  #entries: readonly Entry[] = [];
  #at = 0;
  #isWhole = true;

  constructor(repository: Repository, session: WriteSession, folder: PageRef | undefined, seal: PageRef | undefined) {
    const fetch: PageFetch = (page: PageId, type) => {
      if (!session.has(page)) this.#isWhole = false;
      return repository.readBlob(page, type);
    };
    if (folder === undefined) return;
    this.#leaves = iterateFolderLeaves(fetch, folder.page, folder.level);
    if (seal !== undefined) this.#seals = iterateSeals(fetch, seal.page, seal.level);
  }

  /** Whether every page read so far may be referred to again. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /**
   * All entries before `name`, and the one with exactly this name. With undefined: all that are left. A page that
   * can't be read ends the row: the rest counts as never seen, and is stored again.
   */
  async upTo(
    name: Uint8Array | undefined,
  ): Promise<{ readonly passed: readonly PreviousEntry[]; readonly match: PreviousEntry | undefined }> {
    const passed: PreviousEntry[] = [];
    try {
      for (let entry = await this.#peek(); entry !== undefined; entry = await this.#peek()) {
        const order = name === undefined ? -1 : compareBytes(entry.name, name);
        if (order > 0) break;
        this.#at++;
        const previous = await this.#withSeal(entry);
        if (order === 0) return { passed, match: previous };
        passed.push(previous);
      }
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      this.#isWhole = false;
    }
    return { passed, match: undefined };
  }

  async #peek(): Promise<Entry | undefined> {
    while (this.#at >= this.#entries.length) {
      if (this.#leaves === undefined) return undefined;
      const next = await this.#leaves.next();
      if (next.done === true) return undefined;
      this.#entries = next.value;
      this.#at = 0;
    }
    return this.#entries[this.#at];
  }

  async #withSeal(entry: Entry): Promise<PreviousEntry> {
    if (entry.nodeType !== 'directory') return { entry, folder: undefined };
    const seal = await this.#seals?.next();
    if (seal === undefined || seal.done === true) {
      this.#isWhole = false;
      return { entry, folder: undefined };
    }
    return { entry, folder: { entry, nodeId: seal.value.nodeId, seal: seal.value.sealPage } };
  }
}
