/**
 * A SQLite file of the catalog: opened, brought to the newest schema, or set aside and begun anew.
 *
 * Nothing in such a file is the only copy of anything, so trouble has three outcomes and none of them is a question:
 * what is damaged, of a newer schema or not ours is renamed aside (the SET_ASIDE_MAX newest are kept, for whoever looks
 * into it) and an empty one takes its place; what is busy or can't be used now (disk full, read-only, no permission) is
 * left alone and the catalog is silent for a while; anything else is our own bug.
 *
 * Checking a whole file costs seconds at a million entries, so it is not done. SQLite refuses a file that is cut or has
 * a foreign header at once and a page that makes no sense when it meets it; slice-check.ts looks through the rest, a
 * piece at a time.
 *
 * The folder and its files are this user's alone: the names of an encrypted repository's files stand here in clear, as
 * they do in the folders that were backed up. Synchronous throughout: this runs in the catalog's own thread.
 */
import { closeSync, mkdirSync, openSync, readSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import SqliteDatabase, { type Database } from 'better-sqlite3';
import type { LogLevel } from '../kernel/index.ts';

/** How long a statement waits for another process. */
const BUSY_TIMEOUT_MS = 5000;
const PAGE_BYTES = 4096;
/** SQLite's own cache of a file: a folder's rows, the index on names. */
const CACHE_KIB = 16 * 1024;
/** The write-ahead log is carried over when it has so many pages, and given back to the disk down to so many bytes. */
const CHECKPOINT_PAGES = 4000;
const JOURNAL_BYTES_MAX = 16 * 1024 * 1024;
const SET_ASIDE_MAX = 3;
const SET_ASIDE = '.aside-';
const COMPANIONS = ['-wal', '-shm', '-journal'] as const;
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** The file's content can't be right. */
export class CatalogDamage extends Error {
  override readonly name = 'CatalogDamage';
}

/** The file can't be used at present, or another process is at work on it. */
export class CatalogUnavailable extends Error {
  override readonly name = 'CatalogUnavailable';
  /** It will be so for a while; another process at work is a matter of a moment. */
  readonly isLasting: boolean;

  constructor(message: string, options: { readonly isLasting?: boolean; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.isLasting = options.isLasting ?? false;
  }
}

export type FileKind = {
  /** Stands in the header of the file. */
  readonly applicationId: number;
  readonly bytesMax: number;
  /** Step i leads from schema i to i + 1; the first one makes the tables. Steps are only ever added. */
  readonly migrations: readonly ((database: Database) => void)[];
};

export type FileLog = (level: LogLevel, message: string, reason: string) => void;
export type OpenFile = { readonly database: Database; readonly device: bigint; readonly inode: bigint };

/** @throws CatalogUnavailable; what is damaged is set aside first. Undefined where there is no file and none is to be made */
export function openFile(
  file: string,
  kind: FileKind,
  options: { readonly creates: boolean; readonly log: FileLog; readonly nowMs: number },
): OpenFile | undefined {
  try {
    if (!ensureFile(file, options.creates)) return undefined;
    try {
      return openOnce(file, kind);
    } catch (error) {
      if (!isDamage(error)) throw error;
      setAside(file, error, options);
      return ensureFile(file, options.creates) ? openOnce(file, kind) : undefined;
    }
  } catch (error) {
    throw unavailable(error);
  }
}

/** Renames a file aside, and with it what SQLite keeps beside it. Throws the system's errors. */
export function setAside(
  file: string,
  reason: unknown,
  { log, nowMs }: { readonly log: FileLog; readonly nowMs: number },
): void {
  log('warn', 'a catalog file was set aside and is made again', `${path.basename(file)}: ${String(reason)}`);
  const aside = `${file}${SET_ASIDE}${nowMs}`;
  // These first: a log of changes that is left beside a new file would be replayed into it.
  for (const companion of COMPANIONS) renameIfThere(file + companion, aside + companion);
  renameIfThere(file, aside);
  const folder = path.dirname(file);
  const kept = readdirSync(folder)
    .filter((name) => name.includes(SET_ASIDE) && !COMPANIONS.some((companion) => name.endsWith(companion)))
    .toSorted((left, right) => asideTime(right) - asideTime(left));
  for (const name of kept.slice(SET_ASIDE_MAX)) removeFile(path.join(folder, name));
}

const asideTime = (name: string): number => Number(name.slice(name.lastIndexOf(SET_ASIDE) + SET_ASIDE.length)) || 0;

/** Removes a file that is not open. */
export function removeFile(file: string): void {
  for (const companion of COMPANIONS) rmSync(file + companion, { force: true });
  rmSync(file, { force: true });
}

/** False where the name now leads to another file or to none: somebody has removed or replaced it. */
export function isStillThere(file: string, { device, inode }: OpenFile): boolean {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat !== undefined && stat.dev === device && stat.ino === inode;
}

function ensureFile(file: string, creates: boolean): boolean {
  if (statSync(file, { throwIfNoEntry: false }) !== undefined) return true;
  if (!creates) return false;
  mkdirSync(path.dirname(file), { recursive: true, mode: FOLDER_MODE });
  for (const companion of COMPANIONS) rmSync(file + companion, { force: true });
  // SQLite would make it readable for everyone. What it makes beside it has the same mode.
  closeSync(openSync(file, 'a', FILE_MODE));
  return true;
}

/** The page count in the header, as four bytes at this place. */
const PAGE_COUNT_AT = 28;
const HEADER_BYTES = 100;

/** A file that was cut: its header names more pages than there are. With a log of changes beside it SQLite knows better. */
function refuseCut(file: string): void {
  const log = statSync(`${file}-wal`, { throwIfNoEntry: false });
  const { size } = statSync(file);
  if ((log !== undefined && log.size > 0) || size < HEADER_BYTES) return;
  const header = Buffer.alloc(HEADER_BYTES);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, header, 0, HEADER_BYTES, 0);
  } finally {
    closeSync(descriptor);
  }
  if (!header.toString('latin1').startsWith('SQLite format 3')) return;
  if (size < header.readUInt32BE(PAGE_COUNT_AT) * PAGE_BYTES) throw new CatalogDamage('it was cut');
}

function openOnce(file: string, kind: FileKind): OpenFile {
  refuseCut(file);
  const database = new SqliteDatabase(file, { timeout: BUSY_TIMEOUT_MS, fileMustExist: true });
  try {
    prepareFile(database, kind);
    const stat = statSync(file, { bigint: true });
    return { database, device: stat.dev, inode: stat.ino };
  } catch (error) {
    database.close();
    throw error;
  }
}

function prepareFile(database: Database, { applicationId, bytesMax, migrations }: FileKind): void {
  database.pragma(`page_size = ${PAGE_BYTES}`);
  database.pragma('journal_mode = WAL');
  // A power cut may take the last changes along; they are found again in the repository. The file stays whole.
  database.pragma('synchronous = NORMAL');
  database.pragma(`cache_size = -${CACHE_KIB}`);
  database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  database.pragma(`journal_size_limit = ${JOURNAL_BYTES_MAX}`);
  database.pragma(`max_page_count = ${Math.floor(bytesMax / PAGE_BYTES)}`);
  database.pragma('temp_store = MEMORY');
  database.pragma('trusted_schema = OFF');
  database.pragma('cell_size_check = ON');
  if (versionOf(database) === migrations.length && isOurs(database, applicationId)) return;
  // Two processes may come here at once: whoever is second finds it done.
  database
    .transaction(() => {
      const version = versionOf(database);
      const isEmpty = database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
      if (isEmpty && version === 0) database.pragma(`application_id = ${applicationId}`);
      else if (!isOurs(database, applicationId)) throw new CatalogDamage('it is not a file of the catalog');
      if (version > migrations.length) throw new CatalogDamage(`its schema ${version} is newer than this Cairn`);
      for (const migrate of migrations.slice(version)) migrate(database);
      database.pragma(`user_version = ${migrations.length}`);
    })
    .immediate();
}

function versionOf(database: Database): number {
  const version = database.pragma('user_version', { simple: true });
  if (typeof version !== 'number' || version < 0) throw new CatalogDamage('it has no version');
  return version;
}

function isOurs(database: Database, applicationId: number): boolean {
  return database.pragma('application_id', { simple: true }) === applicationId;
}

function renameIfThere(from: string, to: string): void {
  if (statSync(from, { throwIfNoEntry: false }) !== undefined) renameSync(from, to);
}

/** SQLite's codes for content that is not what it should be; an unknown table or column is one of them. */
const DAMAGE_CODES =
  /^SQLITE_(CORRUPT|NOTADB|FORMAT|ERROR|SCHEMA|MISMATCH|CONSTRAINT|RANGE|IOERR_SHORT_READ|IOERR_CORRUPTFS)/;

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

export function isDamage(error: unknown): boolean {
  return error instanceof CatalogDamage || DAMAGE_CODES.test(codeOf(error));
}

/** An error of the system or of SQLite as CatalogUnavailable; anything else as it is. */
export function unavailable(error: unknown): unknown {
  const code = codeOf(error);
  if (!/^(SQLITE_|E[A-Z0-9]+$)/.test(code) || isDamage(error)) return error;
  const isLasting = !/^SQLITE_(BUSY|LOCKED)/.test(code);
  return new CatalogUnavailable(`${code}: ${error instanceof Error ? error.message : ''}`, { isLasting, cause: error });
}
