/**
 * A look through the file, a row of names and their paths each time the catalog was changed: pages that make no sense are
 * met by reading them, and what stands in two places must say the same. So damage that no question met is found in the
 * end, and no start waits for a check of everything.
 */
import type { Database } from 'better-sqlite3';
import { equalBytes } from '../kernel/index.ts';
import { CatalogDamage } from './database-file.ts';
import { foldedName } from './fold.ts';
import { BLOCK_PATHS } from './name-blocks.ts';
import { integer } from './rows.ts';
import type { TreeReads } from './tree-reads.ts';

/** Inside a transaction. @throws CatalogDamage */
export function checkSlice(database: Database, reads: TreeReads): void {
  const cursor = database.prepare("SELECT value FROM meta WHERE key = 'check-at'").pluck().get();
  const last = database.prepare('SELECT max(block) FROM names').pluck().get();
  if (last === null || last === undefined) return;
  const start = cursor === undefined ? 0 : integer(cursor);
  const block = start > integer(last) ? 0 : start;
  checkBlock(reads, block);
  database.prepare("INSERT OR REPLACE INTO meta(key, value) VALUES ('check-at', ?)").run(block + 1);
}

function checkBlock(reads: TreeReads, block: number): void {
  const names = reads.names.namesOf(block);
  for (let index = 0; index < BLOCK_PATHS; index++) {
    const id = block * BLOCK_PATHS + index;
    const row = reads.path(id);
    const folded = names[index] ?? new Uint8Array(0);
    if (!equalBytes(folded, row === undefined ? new Uint8Array(0) : foldedName(row.name)))
      throw new CatalogDamage('a name stands in two places that differ');
    if (row === undefined) continue;
    if (row.parent > 0 && reads.path(row.parent) === undefined) throw new CatalogDamage('a path stands nowhere');
    const versions = reads.versions(id);
    if (versions.some(({ first, until }) => until !== undefined && until <= first))
      throw new CatalogDamage('a version ends before it begins');
  }
}
