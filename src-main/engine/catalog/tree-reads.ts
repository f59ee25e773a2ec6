/** What is read from the trees of one repository: snapshots, lines, paths, versions (see trees-schema.ts). */
import type { Database, Statement } from 'better-sqlite3';
import { fromHex, toHex } from '../kernel/index.ts';
import { NODE_TYPE_NUMBER, type NodeType } from '../merkle/index.ts';
import { CatalogDamage } from './database-file.ts';
import { FACT_COLUMNS, type Facts, TYPE_SHIFT, factsInRow, nodeTypeOf } from './facts.ts';
import { NameBlocks } from './name-blocks.ts';
import { type Row, blob, blobOrNone, integer, integerOrNone, real, rowOf, rowsOf } from './rows.ts';

/** No tree that a backup stores is deeper; a chain of parents that is longer goes round in a circle. */
export const DEPTH_MAX = 8192;
/** Open rows of a folder that are read at a time. */
export const ROWS_PER_READ = 512;

export type KnownSnapshot = {
  readonly number: number;
  readonly id: string;
  readonly isWhole: boolean;
  readonly triedAtMs: number;
};

/** What the open versions of a line stand for. */
export type Tail =
  | { readonly kind: 'unknown' }
  /** The source is no folder. */
  | { readonly kind: 'no-folder' }
  | { readonly kind: 'folder'; readonly page: Uint8Array; readonly level: number };

export type Line = { readonly line: number; readonly root: number; readonly tail: Tail; readonly isTailWhole: boolean };

export type Member = { readonly line: number; readonly number: number; readonly prefix: Uint8Array | undefined };

/** A path with the version of it that is open. */
export type OpenChild = { readonly path: number; readonly name: Uint8Array; readonly facts: Facts };

/** The numbers from which on and until before which a version is there. */
export type Stretch = { readonly first: number; readonly until: number | undefined };
export type Version = Stretch & { readonly facts: Facts };
export type BriefVersion = Stretch & { readonly line: number; readonly parent: number; readonly mtimeMs: number };

/** An entry as a listing shows it; `content`: hex of a file's content hash, bytes of a link's target. */
export type Listed = {
  readonly name: Uint8Array;
  readonly nodeType: NodeType;
  readonly mode: number;
  readonly size: number;
  /** Rounded down. */
  readonly mtimeMs: number;
  readonly entries: number | undefined;
  readonly content: string | Uint8Array | undefined;
};

export type PathRow = { readonly line: number; readonly parent: number; readonly name: Uint8Array };

const NO_FOLDER_LEVEL = -1;

/**
 * A number from outside. better-sqlite3 hands every number over as a float; a seek in an index that meets one compares
 * floats with integers all the way down, which takes six times as long.
 */
const INTEGER = 'CAST(? AS INTEGER)';

/** Values of tail_page and tail_level. */
export function tailValues(tail: Tail): readonly [Uint8Array | null, number | null] {
  if (tail.kind === 'folder') return [tail.page, tail.level];
  return [null, tail.kind === 'unknown' ? null : NO_FOLDER_LEVEL];
}

export class TreeReads {
  readonly names: NameBlocks;
  readonly #snapshot: Statement;
  readonly #held: Statement;
  readonly #line: Statement;
  readonly #lineRoots: Statement;
  readonly #members: Statement;
  readonly #membersOf: Statement;
  readonly #stamp: Statement;
  readonly #database: Database;
  readonly #child: Statement;
  readonly #path: Statement;
  readonly #openChildren: Statement;
  readonly #childrenAt: Statement;
  readonly #open: Statement;
  readonly #versions: Statement;
  readonly #newest: Statement;

  constructor(database: Database) {
    const rows = (sql: string): Statement => database.prepare(sql).raw();
    this.names = new NameBlocks(database);
    this.#snapshot = rows('SELECT number, id, whole, tried FROM snapshots WHERE id = ?');
    this.#held = rows(
      `SELECT s.number, s.id, s.whole, s.tried FROM snapshots s JOIN holders h ON h.number = s.number
       WHERE h.instance = ? ORDER BY s.ordinal, s.finished, s.id`,
    );
    this.#line = rows('SELECT line, root, tail_page, tail_level, tail_whole FROM lines WHERE host = ? AND source = ?');
    this.#lineRoots = rows('SELECT line, root FROM lines');
    this.#members = rows('SELECT line, number, prefix FROM members ORDER BY line, number');
    this.#membersOf = rows(`SELECT line, number, prefix FROM members WHERE number = ${INTEGER} ORDER BY line`);
    this.#stamp = database.prepare('SELECT total_changes()').pluck();
    this.#database = database;
    this.#child = database.prepare(`SELECT id FROM paths WHERE parent = ${INTEGER} AND name = ?`).pluck();
    this.#path = rows(`SELECT line, parent, name FROM paths WHERE id = ${INTEGER}`);
    this.#openChildren = rows(
      `SELECT p.id, p.name, ${FACT_COLUMNS} FROM paths p JOIN versions v ON v.path = p.id AND v.until IS NULL
       WHERE p.parent = ${INTEGER} AND p.name > ? ORDER BY p.name LIMIT ${ROWS_PER_READ}`,
    );
    // As little as a listing shows, and as text: ten thousand objects fewer for ten thousand entries.
    this.#childrenAt = rows(
      `SELECT p.name, v.mode, v.size, (v.mtime - (v.mtime % 1000000 + 1000000) % 1000000) / 1000000, v.entries,
         CASE WHEN v.mode / ${TYPE_SHIFT} = ${NODE_TYPE_NUMBER.file} THEN lower(hex(v.content)) ELSE v.content END
       FROM paths p JOIN versions v ON v.path = p.id
       WHERE p.parent = ${INTEGER} AND v.first <= ${INTEGER} AND (v.until IS NULL OR v.until > ${INTEGER})
       ORDER BY p.name LIMIT ?`,
    );
    this.#open = rows(`SELECT ${FACT_COLUMNS} FROM versions v WHERE v.path = ${INTEGER} AND v.until IS NULL`);
    this.#versions = rows(
      `SELECT v.first, v.until, ${FACT_COLUMNS} FROM versions v WHERE v.path = ${INTEGER} ORDER BY v.first`,
    );
    this.#newest = rows(
      `SELECT p.line, p.parent, v.first, v.until, v.mtime / 1000000.0 FROM paths p JOIN versions v ON v.path = p.id
       WHERE p.id = ${INTEGER} ORDER BY v.first DESC LIMIT 1`,
    );
  }

  snapshot(id: string): KnownSnapshot | undefined {
    const row = rowOf(this.#snapshot.get(fromHex(id)));
    return row && knownSnapshot(row);
  }

  /** What one copy of the repository holds, oldest first. */
  heldBy(instanceId: string): readonly KnownSnapshot[] {
    return rowsOf(this.#held.all(instanceId)).map(knownSnapshot);
  }

  line(host: string, source: Uint8Array): Line | undefined {
    const row = rowOf(this.#line.get(host, source));
    if (row === undefined) return undefined;
    const level = integerOrNone(row[3]);
    return {
      line: integer(row[0]),
      root: integer(row[1]),
      tail:
        level === undefined
          ? { kind: 'unknown' }
          : level === NO_FOLDER_LEVEL
            ? { kind: 'no-folder' }
            : { kind: 'folder', page: blob(row[2]), level },
      isTailWhole: integer(row[4]) === 1,
    };
  }

  /** The root path of each line. */
  roots(): ReadonlyMap<number, number> {
    return new Map(rowsOf(this.#lineRoots.all()).map((row) => [integer(row[0]), integer(row[1])]));
  }

  /** By line, then number. */
  members(): readonly Member[] {
    return rowsOf(this.#members.all()).map(member);
  }

  membersOf(number: number): readonly Member[] {
    return rowsOf(this.#membersOf.all(number)).map(member);
  }

  /** Another one after any change, by this process or another one. */
  stamp(): string {
    const others = this.#database.pragma('data_version', { simple: true });
    return `${integer(others)}:${integer(this.#stamp.get())}`;
  }

  pathId(parent: number, name: Uint8Array): number | undefined {
    const id = this.#child.get(parent, name);
    return id === undefined ? undefined : integer(id);
  }

  path(id: number): PathRow | undefined {
    const row = rowOf(this.#path.get(id));
    return row && { line: integer(row[0]), parent: integer(row[1]), name: blob(row[2]) };
  }

  /** The names from below the line's root down to the path, and its line. */
  namesTo(id: number): { readonly line: number; readonly names: Uint8Array[] } {
    const names: Uint8Array[] = [];
    for (let at = id; ;) {
      const row = this.path(at);
      if (row === undefined || names.length > DEPTH_MAX) throw new CatalogDamage('a path has no way to its root');
      if (row.parent < 0) return { line: row.line, names: names.reverse() };
      names.push(row.name);
      at = row.parent;
    }
  }

  /** The next ROWS_PER_READ children of a folder, by name, whose open version makes them be there. */
  openChildren(parent: number, after: Uint8Array): readonly OpenChild[] {
    return rowsOf(this.#openChildren.all(parent, after)).map((row) => ({
      path: integer(row[0]),
      name: blob(row[1]),
      facts: factsInRow(row, 2),
    }));
  }

  /** What a folder held in the snapshot of a number, by raw names. */
  childrenAt(parent: number, number: number, limit: number): readonly Listed[] {
    return rowsOf(this.#childrenAt.all(parent, number, number, limit)).map((row) => {
      const typed = integer(row[1]);
      return {
        name: blob(row[0]),
        nodeType: nodeTypeOf(typed),
        mode: typed % TYPE_SHIFT,
        size: integer(row[2]),
        mtimeMs: integer(row[3]),
        entries: integerOrNone(row[4]),
        content: row[5] === null || typeof row[5] === 'string' ? (row[5] ?? undefined) : blob(row[5]),
      };
    });
  }

  openVersion(path: number): Facts | undefined {
    const row = rowOf(this.#open.get(path));
    return row && factsInRow(row, 0);
  }

  /** The version of a path that began last, as little of it as puts a match in its place; the time is in ms. */
  newestVersion(path: number): BriefVersion | undefined {
    const row = rowOf(this.#newest.get(path));
    return (
      row && {
        line: integer(row[0]),
        parent: integer(row[1]),
        first: integer(row[2]),
        until: integerOrNone(row[3]),
        mtimeMs: real(row[4]),
      }
    );
  }

  /** By their first numbers. */
  versions(path: number): readonly Version[] {
    return rowsOf(this.#versions.all(path)).map((row) => ({
      first: integer(row[0]),
      until: integerOrNone(row[1]),
      facts: factsInRow(row, 2),
    }));
  }
}

function knownSnapshot(row: Row): KnownSnapshot {
  return {
    number: integer(row[0]),
    id: toHex(blob(row[1])),
    isWhole: integer(row[2]) === 1,
    triedAtMs: integer(row[3]),
  };
}

function member(row: Row): Member {
  return { line: integer(row[0]), number: integer(row[1]), prefix: blobOrNone(row[2]) };
}
