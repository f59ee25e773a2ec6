/**
 * The folded names of all paths, BLOCK_PATHS to a row, each ended by a 0 byte: path `id` is name `id % BLOCK_PATHS` of row
 * `id / BLOCK_PATHS`. A path that is gone has an empty name. Ids are never used twice, so a row is only ever appended to
 * or emptied in places.
 */
import type { Database, Statement } from 'better-sqlite3';
import { concatBytes } from '../kernel/index.ts';
import { CatalogDamage } from './database-file.ts';
import { blob, integer, rowOf } from './rows.ts';

export const BLOCK_PATHS = 1024;
const END = 0;

/** `folded` is a view: good until the next one is taken. */
export type NameMatch = { readonly path: number; readonly folded: Buffer };

export class NameBlocks {
  readonly #read: Statement;
  readonly #write: Statement;
  readonly #newestBelow: Statement;

  constructor(database: Database) {
    this.#read = database.prepare('SELECT folded FROM names WHERE block = ?').pluck();
    this.#write = database.prepare('INSERT OR REPLACE INTO names(block, folded) VALUES (?, ?)');
    this.#newestBelow = database
      .prepare('SELECT block, folded FROM names WHERE block < ? ORDER BY block DESC LIMIT 1')
      .raw();
  }

  /** Adds names of new paths. Ids rise, and are above all that were added before; those that are left out have no name. */
  append(names: readonly { readonly path: number; readonly folded: Uint8Array }[]): void {
    let at = 0;
    while (at < names.length) {
      const block = blockOf(names[at]?.path ?? 0);
      const parts: Uint8Array[] = [this.#block(block)];
      let next = block * BLOCK_PATHS + countNames(parts[0] ?? NO_BYTES);
      for (let item = names[at]; item !== undefined && blockOf(item.path) === block; item = names[++at]) {
        if (item.path < next) throw new CatalogDamage('a new path has a name already');
        parts.push(new Uint8Array(item.path - next), item.folded, TERMINATOR);
        next = item.path + 1;
      }
      this.#write.run(block, concatBytes(parts));
    }
  }

  /** Empties the names of paths that are gone. */
  clear(paths: readonly number[]): void {
    for (const [block, gone] of Map.groupBy(paths, blockOf)) {
      const lost = new Set(gone.map((path) => path % BLOCK_PATHS));
      const bytes = this.#block(block);
      const parts = namesIn(bytes).map((name, index) => (lost.has(index) ? NO_BYTES : name));
      this.#write.run(block, concatBytes(parts.flatMap((name) => [name, TERMINATOR])));
    }
  }

  /** The folded names of one row, in the order of the paths. */
  namesOf(block: number): readonly Uint8Array[] {
    return namesIn(this.#block(block));
  }

  /** Paths whose folded name holds `literal` (all that have a name where it is empty), those that came last first. Lazy. */
  *holding(literal: Uint8Array): Generator<NameMatch> {
    for (let below = Number.MAX_SAFE_INTEGER; ;) {
      const row = rowOf(this.#newestBelow.get(below));
      if (row === undefined) return;
      below = integer(row[0]);
      yield* matchesIn(below, Buffer.from(blob(row[1])), literal);
    }
  }

  #block(block: number): Uint8Array {
    const bytes = this.#read.get(block);
    return bytes === undefined ? NO_BYTES : blob(bytes);
  }
}

const NO_BYTES = new Uint8Array(0);
const TERMINATOR = Uint8Array.of(END);
const blockOf = (path: number): number => Math.floor(path / BLOCK_PATHS);

function countNames(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(END); at >= 0; at = bytes.indexOf(END, at + 1)) count++;
  return count;
}

function namesIn(bytes: Uint8Array): Uint8Array[] {
  const names: Uint8Array[] = [];
  let from = 0;
  for (let at = bytes.indexOf(END); at >= 0; at = bytes.indexOf(END, from)) {
    names.push(bytes.subarray(from, at));
    from = at + 1;
  }
  return names;
}

/** Of one row, the last path first. */
function matchesIn(block: number, bytes: Buffer, literal: Uint8Array): NameMatch[] {
  const found: NameMatch[] = [];
  // Most rows have none: that is what makes a search fast.
  let hit = bytes.indexOf(literal);
  if (hit < 0) return found;
  let index = 0;
  let from = 0;
  while (hit >= 0 && hit < bytes.length) {
    let end = bytes.indexOf(END, from);
    while (end >= 0 && end < hit) {
      index++;
      from = end + 1;
      end = bytes.indexOf(END, from);
    }
    if (end < 0) break;
    if (end > from) found.push({ path: block * BLOCK_PATHS + index, folded: bytes.subarray(from, end) });
    index++;
    from = end + 1;
    hit = bytes.indexOf(literal, from);
  }
  return found.reverse();
}
