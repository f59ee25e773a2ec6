/**
 * What is written to the trees of one repository.
 *
 * One process writes at a time. It holds the file by a mark of its own, which every transaction looks at before it changes
 * anything: who has ended, or was silent for WRITER_SILENCE_MS, may be taken for dead, and if he lives his next transaction
 * finds another's mark and fails. So ids that are handed out in memory are never handed out twice.
 *
 * Invariant: what is written of a snapshot that is not finished changes no answer about any other. Its number is in no
 * answer, versions that begin with it are seen by nobody, and those that end with it end after all that are finished.
 */
import type { Database, Statement } from 'better-sqlite3';
import { fromHex, systemRandom, toHex } from '../kernel/index.ts';
import { CatalogDamage, CatalogUnavailable } from './database-file.ts';
import { type Facts, factValues } from './facts.ts';
import { foldedName } from './fold.ts';
import type { SnapshotToTake } from './messages.ts';
import { NameBlocks } from './name-blocks.ts';
import { integer, text } from './rows.ts';
import { type Line, type Tail, tailValues } from './tree-reads.ts';

/** A walk writes far more often, unless it waits for a drive that has gone to sleep. */
const WRITER_SILENCE_MS = 60_000;
const MARK_BYTES = 16;

export type NewPath = { readonly line: number; readonly parent: number; readonly name: Uint8Array };
export type Write =
  /** From this snapshot on the path has these facts. */
  | { readonly kind: 'set'; readonly path: number; readonly isNew: NewPath | undefined; readonly facts: Facts }
  /** From this snapshot on it is not there. */
  | { readonly kind: 'gone'; readonly path: number };

/** A line as it stands when a snapshot is finished. */
export type FinishedLine = {
  readonly line: number;
  readonly prefix: Uint8Array | undefined;
  readonly tail: Tail;
  readonly isWhole: boolean;
};

export class TreeWrites {
  readonly #database: Database;
  readonly #names: NameBlocks;
  readonly #mark = `${process.pid}.${toHex(systemRandom.bytes(MARK_BYTES))}`;
  readonly #nowMs: () => number;
  readonly #meta: Statement;
  readonly #setMeta: Statement;
  readonly #deleteMeta: Statement;
  readonly #addPath: Statement;
  readonly #dropNew: Statement;
  readonly #close: Statement;
  readonly #open: Statement;
  readonly #tailUnknown: Statement;
  readonly #addLine: Statement;
  readonly #setTail: Statement;
  readonly #addMember: Statement;
  readonly #addSnapshot: Statement;
  readonly #addHolder: Statement;
  readonly #tornUnknown: Statement;
  #nextPath = 0;
  #nextNumber = 0;

  constructor(database: Database, options: { readonly nowMs: () => number }) {
    this.#database = database;
    this.#nowMs = options.nowMs;
    this.#names = new NameBlocks(database);
    this.#meta = database.prepare('SELECT value FROM meta WHERE key = ?').pluck();
    this.#setMeta = database.prepare('INSERT OR REPLACE INTO meta(key, value) VALUES (?, ?)');
    this.#deleteMeta = database.prepare('DELETE FROM meta WHERE key = ?');
    this.#addPath = database.prepare('INSERT INTO paths(id, line, parent, name) VALUES (?, ?, ?, ?)');
    this.#dropNew = database.prepare(
      'DELETE FROM versions WHERE path = CAST(? AS INTEGER) AND first = CAST(? AS INTEGER)',
    );
    this.#close = database.prepare('UPDATE versions SET until = ? WHERE path = CAST(? AS INTEGER) AND until IS NULL');
    this.#open = database.prepare(
      'INSERT INTO versions(path, first, until, mode, size, mtime, content, entries) VALUES (?, ?, NULL, ?, ?, ?, ?, ?)',
    );
    this.#tailUnknown = database.prepare('UPDATE lines SET tail_page = NULL, tail_level = NULL WHERE line = ?');
    this.#addLine = database.prepare(
      'INSERT INTO lines(host, source, root, tail_page, tail_level, tail_whole) VALUES (?, ?, ?, NULL, NULL, 1)',
    );
    this.#setTail = database.prepare('UPDATE lines SET tail_page = ?, tail_level = ?, tail_whole = ? WHERE line = ?');
    this.#addMember = database.prepare('INSERT INTO members(line, number, prefix) VALUES (?, ?, ?)');
    this.#addSnapshot = database.prepare(
      'INSERT INTO snapshots(number, id, ordinal, finished, whole, tried) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#addHolder = database.prepare('INSERT INTO holders(number, instance) VALUES (?, ?)');
    this.#tornUnknown = database.prepare(
      'UPDATE lines SET tail_page = NULL, tail_level = NULL, tail_whole = 1 WHERE tail_whole = 0',
    );
  }

  /** Becomes the writer. @throws CatalogUnavailable where another process is it */
  begin(): void {
    this.#immediate(() => {
      const seenMs = this.#number('writer-seen', 0);
      const writer = this.#meta.get('writer');
      if (writer !== undefined && Math.abs(this.#nowMs() - seenMs) < WRITER_SILENCE_MS && isAlive(text(writer)))
        throw new CatalogUnavailable('another process is at work on it');
      this.#setMeta.run('writer', this.#mark);
      this.#setMeta.run('writer-seen', this.#nowMs());
      this.#nextPath = this.#number('next-path', 1);
      this.#nextNumber = this.#number('next-number', 1);
    });
  }

  /** Lets others write. */
  end(): void {
    this.#immediate(() => {
      if (this.#isMine()) this.#deleteMeta.run('writer');
    });
  }

  /** Runs changes as one transaction, if this is still the writer. @throws CatalogUnavailable where it is not */
  transaction<Result>(change: () => Result): Result {
    return this.#immediate(() => {
      if (!this.#isMine()) throw new CatalogUnavailable('another process took over');
      const result = change();
      this.#setMeta.run('writer-seen', this.#nowMs());
      this.#setMeta.run('next-path', this.#nextPath);
      this.#setMeta.run('next-number', this.#nextNumber);
      return result;
    });
  }

  /** The number that the next snapshot to be finished gets. */
  get number(): number {
    return this.#nextNumber;
  }

  newPath(): number {
    return this.#nextPath++;
  }

  /** Makes a line with its root, which has no version yet. */
  addLine(host: string, source: Uint8Array): Pick<Line, 'line' | 'root'> {
    return this.transaction(() => {
      const root = this.newPath();
      const line = integer(Number(this.#addLine.run(host, source, root).lastInsertRowid));
      this.#addPath.run(root, line, -line, new Uint8Array(0));
      return { line, root };
    });
  }

  /** Writes part of what a walk found. The tails of the lines that it changes are unknown until it is finished. */
  part(lines: readonly number[], writes: readonly Write[]): void {
    this.transaction(() => {
      for (const line of lines) this.#tailUnknown.run(line);
      this.#apply(writes);
    });
  }

  /** Writes the rest, and with it that the snapshot is known. */
  finish(
    snapshot: SnapshotToTake,
    options: {
      readonly writes: readonly Write[];
      readonly lines: readonly FinishedLine[];
      readonly isWhole: boolean;
      /** The copy that it was read from. */
      readonly instanceId: string;
    },
  ): void {
    this.transaction(() => {
      this.#apply(options.writes);
      const number = this.#nextNumber++;
      for (const { line, prefix, tail, isWhole } of options.lines) {
        this.#setTail.run(...tailValues(tail), isWhole ? 1 : 0, line);
        this.#addMember.run(line, number, prefix ?? null);
      }
      const { id, order, finishedAtMs } = snapshot;
      this.#addSnapshot.run(number, fromHex(id), order, finishedAtMs, options.isWhole ? 1 : 0, this.#nowMs());
      this.#addHolder.run(number, options.instanceId);
    });
  }

  /** Lines whose open versions have holes are compared anew: the page that could not be read may be there again. */
  forgetTorn(): void {
    this.transaction(() => this.#tornUnknown.run());
  }

  #apply(writes: readonly Write[]): void {
    const number = this.#nextNumber;
    const named: { path: number; folded: Uint8Array }[] = [];
    for (const write of writes) {
      if (write.kind === 'gone' || write.isNew === undefined) {
        // Left by a walk that was interrupted and had the same number: it was never seen.
        this.#dropNew.run(write.path, number);
        this.#close.run(number, write.path);
      } else {
        const { line, parent, name } = write.isNew;
        this.#addPath.run(write.path, line, parent, name);
        named.push({ path: write.path, folded: foldedName(name) });
      }
      if (write.kind === 'set') this.#open.run(write.path, number, ...factValues(write.facts));
    }
    this.#names.append(named);
  }

  #isMine(): boolean {
    return this.#meta.get('writer') === this.#mark;
  }

  #number(key: string, otherwise: number): number {
    const value = this.#meta.get(key);
    return value === undefined ? otherwise : integer(value);
  }

  #immediate<Result>(change: () => Result): Result {
    if (this.#database.inTransaction) throw new CatalogDamage('a transaction was left open');
    return this.#database.transaction(change).immediate();
  }
}

/** Whether the process that made a mark may be alive. One of this very process belongs to a thread that has ended. */
function isAlive(mark: string): boolean {
  const processId = Number.parseInt(mark, 10);
  if (!(processId > 0) || processId === process.pid) return false;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code !== 'ESRCH';
  }
}
