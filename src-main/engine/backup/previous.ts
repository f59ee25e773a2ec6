/**
 * The parent snapshot as a backup sees it: the records of a folder in name order, read in step with the table of the
 * real folder; each folder with its NodeId and seal.
 *
 * Records stay bytes until something about one has to be known that the cursor can't say. `isWhole` turns false where a
 * page of it is not safe to refer to again (its pack is gone, condemned or damaged): then the folder is built anew, and
 * what is missing is stored again.
 */
import { isIntegrityError } from '../../../src-shared/errors.ts';
import type { NodeId, PageId } from '../../../src-shared/ids.ts';
import {
  type DirectoryEntry,
  type Entry,
  type PageFetch,
  PageRecordCursor,
  iterateFolderPages,
  iterateSeals,
} from '../merkle/index.ts';
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
  /** The record at which it stands, while `isAtRecord`. */
  readonly cursor = new PageRecordCursor();
  /** The page that the cursor stands in. */
  page: Uint8Array = new Uint8Array(0);
  readonly #pages: AsyncIterator<Uint8Array> | undefined;
  readonly #seals: AsyncIterator<{ readonly nodeId: NodeId; readonly sealPage?: PageRef }> | undefined;
  #isAtRecord = false;
  #isAtEnd = false;
  #isWhole = true;

  constructor(repository: Repository, session: WriteSession, folder: PageRef | undefined, seal: PageRef | undefined) {
    if (folder === undefined) {
      this.#isAtEnd = true;
      return;
    }
    const fetch: PageFetch = (page: PageId, type) => {
      if (!session.has(page)) this.#isWhole = false;
      return repository.readBlob(page, type);
    };
    this.#pages = iterateFolderPages(fetch, folder.page, folder.level);
    if (seal !== undefined) this.#seals = iterateSeals(fetch, seal.page, seal.level);
  }

  /** Whether every page read so far may be referred to again. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Whether the cursor stands at a record. False: `load` has to be awaited, unless `isAtEnd`. */
  get isAtRecord(): boolean {
    return this.#isAtRecord;
  }

  get isAtEnd(): boolean {
    return this.#isAtEnd;
  }

  /** Steps over the record that the cursor stands at; whoever needs its entry has called `entry` before. */
  step(): void {
    try {
      this.#isAtRecord = this.cursor.next();
    } catch (error) {
      this.#broken(error);
    }
  }

  /** Goes on to the next page. One that can't be read ends the row: the rest counts as never seen, and is stored again. */
  async load(): Promise<void> {
    try {
      const next = await this.#pages?.next();
      if (next === undefined || next.done === true) {
        this.#isAtEnd = true;
        return;
      }
      this.page = next.value;
      this.cursor.open(next.value);
      this.#isAtRecord = this.cursor.next();
    } catch (error) {
      this.#broken(error);
    }
  }

  /** The record as an entry. Once for each directory, in order: seals are not named. */
  async entry(): Promise<PreviousEntry> {
    const entry = this.cursor.decode();
    if (entry.nodeType !== 'directory') return { entry, folder: undefined };
    try {
      const seal = await this.#seals?.next();
      if (seal !== undefined && seal.done !== true) {
        return { entry, folder: { entry, nodeId: seal.value.nodeId, seal: seal.value.sealPage } };
      }
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
    }
    this.#isWhole = false;
    return { entry, folder: undefined };
  }

  /** The entry of a name, with all before it left behind: for the few sources of a snapshot. */
  async find(name: Uint8Array): Promise<PreviousEntry | undefined> {
    for (;;) {
      while (!this.#isAtRecord && !this.#isAtEnd) await this.load();
      if (this.#isAtEnd) return undefined;
      const order = this.cursor.compareName(name, 0, name.length);
      if (order > 0) return undefined;
      const found = await this.entry();
      this.step();
      if (order === 0) return found;
    }
  }

  #broken(error: unknown): void {
    if (!isIntegrityError(error)) throw error;
    this.#isWhole = false;
    this.#isAtRecord = false;
    this.#isAtEnd = true;
  }
}
