/**
 * The tables of metrics.db: figures as they were recorded, kept for a week, and what became of each hour, kept for two
 * years. Hours are put together from the figures when they are over; figures of the hour that is not are only there.
 */
import type { Database } from 'better-sqlite3';
import type { FileKind } from './database-file.ts';

const BYTES_MAX = 256 * 1024 ** 2;

function makeTables(database: Database): void {
  database.exec(`
    CREATE TABLE metrics(metric INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE figures(
      metric INTEGER NOT NULL,
      at INTEGER NOT NULL,
      place INTEGER NOT NULL,
      value REAL NOT NULL,
      PRIMARY KEY(metric, at, place)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE hours(
      metric INTEGER NOT NULL,
      hour INTEGER NOT NULL,
      count INTEGER NOT NULL,
      least REAL NOT NULL,
      most REAL NOT NULL,
      sum REAL NOT NULL,
      sketch BLOB NOT NULL,
      PRIMARY KEY(metric, hour)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
  `);
}

export const METRICS_FILE: FileKind = {
  applicationId: 0x43726e4d, // “CrnM”
  bytesMax: BYTES_MAX,
  migrations: [makeTables],
};
