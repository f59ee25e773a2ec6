/**
 * A look through the file, SLICE_PATHS paths each time the catalog was changed: pages that make no sense are
 * met by reading them, and what stands in two places must say the same. So damage that no question met is found in the
 * end, and no start waits for a check of everything.
 */
import type { Database } from 'better-sqlite3';
import { assert } from '../../../src-shared/assert.ts';
import { equalBytes } from '../kernel/index.ts';
import { CatalogDamage } from './database-file.ts';
import { foldedName } from './fold.ts';
import { BLOCK_PATHS } from './name-blocks.ts';
import { integer } from './rows.ts';
import type { TreeReads } from './tree-reads.ts';

const SLICE_PATHS = 128;
const NO_NAME = new Uint8Array(0);
assert(BLOCK_PATHS % SLICE_PATHS === 0, 'a slice lies in one row of names');

/** Inside a transaction. @throws CatalogDamage */
export function checkSlice(database: Database, reads: TreeReads): void {
  const cursor = database.prepare("SELECT value FROM meta WHERE key = 'check-at'").pluck().get();
  const last = database.prepare('SELECT max(id) FROM paths').pluck().get();
  if (last === null || last === undefined) return;
  const start = cursor === undefined || integer(cursor) > integer(last) ? 0 : integer(cursor);
  const names = reads.names.namesOf(Math.floor(start / BLOCK_PATHS));
  for (let id = start; id < start + SLICE_PATHS; id++) checkPath(reads, id, names[id % BLOCK_PATHS] ?? NO_NAME);
  database.prepare("INSERT OR REPLACE INTO meta(key, value) VALUES ('check-at', ?)").run(start + SLICE_PATHS);
}

function checkPath(reads: TreeReads, id: number, folded: Uint8Array): void {
  const row = reads.path(id);
  if (!equalBytes(folded, row === undefined ? NO_NAME : foldedName(row.name)))
    throw new CatalogDamage('a name stands in two places that differ');
  if (row === undefined) return;
  if (row.parent > 0 && reads.path(row.parent) === undefined) throw new CatalogDamage('a path stands nowhere');
  const versions = reads.versions(id);
  if (versions.some(({ first, until }) => until !== undefined && until <= first))
    throw new CatalogDamage('a version ends before it begins');
}
