/** The open versions in one folder, by name, a piece at a time: one side of a merge with the folder's pages. */
import { compareBytes } from '../kernel/index.ts';
import { type OpenChild, ROWS_PER_READ, type TreeReads } from './tree-reads.ts';

export class OpenRows {
  readonly #reads: TreeReads;
  readonly #folder: number;
  #rows: readonly OpenChild[] = [];
  #at = 0;
  #isRead: boolean;

  /** A folder that is new has no rows; nothing is read then. */
  constructor(reads: TreeReads, { path, isNew }: { readonly path: number; readonly isNew: boolean }) {
    this.#reads = reads;
    this.#folder = path;
    this.#isRead = isNew;
  }

  /** The next row with a lower name, taken; undefined where there is none. */
  before(name: Uint8Array): OpenChild | undefined {
    const row = this.#peek();
    if (row === undefined || compareBytes(row.name, name) >= 0) return undefined;
    this.#at++;
    return row;
  }

  /** The row of this name, taken, once `before` has nothing more to give. */
  at(name: Uint8Array): OpenChild | undefined {
    const row = this.#peek();
    if (row === undefined || compareBytes(row.name, name) !== 0) return undefined;
    this.#at++;
    return row;
  }

  next(): OpenChild | undefined {
    const row = this.#peek();
    this.#at++;
    return row;
  }

  #peek(): OpenChild | undefined {
    if (this.#at >= this.#rows.length && !this.#isRead) {
      this.#rows = this.#reads.openChildren(this.#folder, this.#rows.at(-1)?.name ?? new Uint8Array(0));
      this.#at = 0;
      this.#isRead = this.#rows.length < ROWS_PER_READ;
    }
    return this.#rows[this.#at];
  }
}
