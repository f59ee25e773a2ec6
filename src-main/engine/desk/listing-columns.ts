/**
 * The entries of one folder in columns: about a hundred bytes each besides their names, where a record each would take
 * several times that. A record is made for what is shown. Orders are made when they are first asked for and kept.
 */
import type { BrowseSort } from '../../../src-shared/api/index.ts';
import { formatTime } from '../../../src-shared/format/index.ts';
import type { BrowseEntry, EntryType } from '../../../src-shared/model/index.ts';
import type { FolderRow } from '../api.ts';
import { toHex } from '../kernel/index.ts';
import { naturalOrder } from './natural-order.ts';

const HASH_BYTES = 32;
const ROWS_AT_FIRST = 64;
/** Orders and filters of one folder that are kept beside it. */
const VIEWS_MAX = 4;

export class ListingColumns {
  /** “Letters/”, or nothing at the top. */
  readonly #prefix: string;
  readonly #names: string[] = [];
  readonly #types: EntryType[] = [];
  readonly #sizes: number[] = [];
  readonly #times: number[] = [];
  readonly #modes: number[] = [];
  readonly #targets = new Map<number, string>();
  readonly #below = new Map<number, NonNullable<FolderRow['below']>>();
  #hashes = Buffer.alloc(ROWS_AT_FIRST * HASH_BYTES);
  /** By row, its place in the order of names. */
  #ranks: Uint32Array | undefined;
  readonly #views = new Map<string, Uint32Array>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get length(): number {
    return this.#names.length;
  }

  add(rows: readonly FolderRow[]): void {
    for (const { name, type, size, mtimeMs, mode, target, contentHash, below } of rows) {
      const row = this.#names.push(name) - 1;
      this.#types.push(type);
      this.#sizes.push(size);
      this.#times.push(mtimeMs);
      this.#modes.push(mode);
      if (target !== undefined) this.#targets.set(row, target);
      if (below !== undefined) this.#below.set(row, below);
      if (contentHash !== undefined) this.#setHash(row, contentHash);
    }
  }

  entry(row: number): BrowseEntry {
    const name = this.#names[row] ?? '';
    const type = this.#types[row] ?? 'file';
    return {
      name,
      path: `${this.#prefix}${name}`,
      type,
      size: this.#sizes[row] ?? 0,
      mtime: formatTime(this.#times[row] ?? 0),
      mode: this.#modes[row] ?? 0,
      target: this.#targets.get(row) ?? null,
      contentHash: type === 'file' ? toHex(this.#hashes.subarray(row * HASH_BYTES, (row + 1) * HASH_BYTES)) : null,
      contentBytes: this.#below.get(row)?.bytes ?? null,
      entryCount: this.#below.get(row)?.entries ?? null,
    };
  }

  /** Of the entries with these names, the sizes together. */
  bytesOf(names: ReadonlySet<string>): number {
    let bytes = 0;
    for (const [row, name] of this.#names.entries()) if (names.has(name)) bytes += this.#sizes[row] ?? 0;
    return bytes;
  }

  entriesOf(names: ReadonlySet<string>): readonly BrowseEntry[] {
    return this.#names.flatMap((name, row) => (names.has(name) ? [this.entry(row)] : []));
  }

  /** The rows in an order, those whose names hold `filter` in any case. */
  view(sort: BrowseSort, filter: string): Uint32Array {
    const wanted = filter.toLocaleLowerCase('en');
    const all = this.#kept(`${sort.by} ${sort.descending}`, () => this.#sorted(sort));
    if (wanted === '') return all;
    return this.#kept(`${sort.by} ${sort.descending} ${wanted}`, () =>
      all.filter((row) => this.#names[row]?.toLocaleLowerCase('en').includes(wanted)),
    );
  }

  #setHash(row: number, hash: Uint8Array): void {
    if ((row + 1) * HASH_BYTES > this.#hashes.length) {
      const larger = Buffer.alloc(2 * this.#hashes.length);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.#hashes.set(hash.subarray(0, HASH_BYTES), row * HASH_BYTES);
  }

  #kept(key: string, make: () => Uint32Array): Uint32Array {
    const known = this.#views.get(key);
    if (known !== undefined) return known;
    const view = make();
    const [oldest] = this.#views.keys();
    if (this.#views.size >= VIEWS_MAX && oldest !== undefined) this.#views.delete(oldest);
    this.#views.set(key, view);
    return view;
  }

  /** Folders stand before files, whichever way names are sorted; by size and time everything stands together. */
  #sorted({ by, descending }: BrowseSort): Uint32Array {
    const ranks = this.#nameRanks();
    const sign = descending ? -1 : 1;
    const rank = (row: number): number => ranks[row] ?? 0;
    const rows = Uint32Array.from(this.#names.keys());
    switch (by) {
      case 'name': {
        const isFile = (row: number): number => Number(this.#types[row] !== 'directory');
        return rows.sort((left, right) => isFile(left) - isFile(right) || sign * (rank(left) - rank(right)));
      }
      case 'size':
      case 'mtime': {
        const column = by === 'size' ? this.#sizes : this.#times;
        const value = (row: number): number => column[row] ?? 0;
        return rows.sort((left, right) => sign * (value(left) - value(right)) || rank(left) - rank(right));
      }
    }
  }

  #nameRanks(): Uint32Array {
    if (this.#ranks !== undefined) return this.#ranks;
    const ranks = new Uint32Array(this.#names.length);
    for (const [place, row] of naturalOrder(this.#names).entries()) ranks[row] = place;
    this.#ranks = ranks;
    return ranks;
  }
}
