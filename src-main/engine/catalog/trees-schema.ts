/**
 * The tables of one repository's catalog.
 *
 * - A *line* is one source folder of one computer through time. Each has a tree of paths of its own; paths know names, not
 *   what they lead to, and stay as long as any version of them.
 * - A *number* is given to each snapshot as it is taken in, 1, 2, 3 …: the order of taking in, not of history. A *member*
 *   says that a snapshot holds a line, and under which name it is shown (none where the snapshot has one source only).
 * - A *version* is a path with the same facts over the numbers [first … until), or from first on where until is NULL. It is
 *   there in those snapshots of its line whose number lies between; what lies there of other lines or was forgotten does
 *   not count. So taking one in costs what differs from the one before it, whatever their order in history, and
 *   forgetting one costs nothing but its row.
 * - The *tail* of a line is the folder page that the open versions stand for, all of them. Where it is unknown (a walk was
 *   interrupted, or is under way) the next one compares with the rows and not with pages.
 * - *names* holds all names once more, folded, 1,024 paths to a row and ended by 0 bytes, in the order of path ids: to
 *   search is to scan 20 MB for a million paths, which takes less time than any index saves.
 */
import type { Database } from 'better-sqlite3';
import type { FileKind } from './database-file.ts';

/** A file of this size is no catalog of anyone's folders; it could fill the disk. */
const BYTES_MAX = 16 * 1024 ** 3;

function makeTables(database: Database): void {
  database.exec(`
    CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE snapshots(
      number INTEGER PRIMARY KEY,
      id BLOB NOT NULL UNIQUE,
      ordinal INTEGER NOT NULL,
      finished INTEGER NOT NULL,
      whole INTEGER NOT NULL,
      tried INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE holders(number INTEGER NOT NULL, instance TEXT NOT NULL, PRIMARY KEY(number, instance)) STRICT, WITHOUT ROWID;
    CREATE TABLE lines(
      line INTEGER PRIMARY KEY,
      host TEXT NOT NULL,
      source BLOB NOT NULL,
      root INTEGER NOT NULL,
      tail_page BLOB,
      tail_level INTEGER,
      tail_whole INTEGER NOT NULL,
      UNIQUE(host, source)
    ) STRICT;
    CREATE TABLE members(
      line INTEGER NOT NULL,
      number INTEGER NOT NULL,
      prefix BLOB,
      PRIMARY KEY(line, number)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX members_by_number ON members(number);
    CREATE TABLE paths(
      id INTEGER PRIMARY KEY,
      line INTEGER NOT NULL,
      parent INTEGER NOT NULL,
      name BLOB NOT NULL,
      UNIQUE(parent, name)
    ) STRICT;
    CREATE TABLE versions(
      path INTEGER NOT NULL,
      first INTEGER NOT NULL,
      until INTEGER,
      mode INTEGER NOT NULL,
      size INTEGER NOT NULL,
      mtime INTEGER NOT NULL,
      content BLOB,
      entries INTEGER,
      PRIMARY KEY(path, first)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX versions_by_until ON versions(until) WHERE until IS NOT NULL;
    CREATE TABLE names(block INTEGER PRIMARY KEY, folded BLOB NOT NULL) STRICT;
    CREATE TABLE sweeps(line INTEGER NOT NULL, low INTEGER NOT NULL, PRIMARY KEY(line, low)) STRICT, WITHOUT ROWID;
  `);
}

export const TREES_FILE: FileKind = {
  applicationId: 0x43726e43, // “CrnC”
  bytesMax: BYTES_MAX,
  migrations: [makeTables],
};
