/**
 * Values of rows, checked: a file on disk is not to be trusted, and SQLite tells what it finds there. STRICT tables hold
 * a column to its type only while SQLite writes it.
 */
import { CatalogDamage } from './database-file.ts';

/** A row as better-sqlite3 gives it in raw mode. */
export type Row = readonly unknown[];

export function integer(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new CatalogDamage('a number is none');
}

export function integerOrNone(value: unknown): number | undefined {
  return value === null ? undefined : integer(value);
}

export function real(value: unknown): number {
  if (typeof value === 'number') return value;
  throw new CatalogDamage('a figure is none');
}

export function blob(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new CatalogDamage('bytes are none');
}

export function blobOrNone(value: unknown): Uint8Array | undefined {
  return value === null ? undefined : blob(value);
}

export function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new CatalogDamage('a text is none');
}

/** The one row of a statement in raw mode; undefined where there is none. */
export function rowOf(value: unknown): Row | undefined {
  if (value === undefined) return undefined;
  if (Array.isArray(value)) return value as Row;
  throw new CatalogDamage('a row is none');
}

/** The rows of a statement in raw mode. */
export function rowsOf(values: readonly unknown[]): readonly Row[] {
  return values.map((value) => rowOf(value) ?? []);
}
