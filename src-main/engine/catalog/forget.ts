/**
 * Forgetting snapshots: their rows go, and with them what only they showed. No page is read for it.
 *
 * A closed version is of no more use when none of its line's members lies between its two numbers. After one member is
 * gone these can only be versions that began after the member before it and ended at the latest with the one after it:
 * they are found by where they end. That there is something to sweep is written down in the transaction that forgets, so
 * a sweep that is interrupted goes on later.
 */
import type { Database, Statement } from 'better-sqlite3';
import { Breather } from '../kernel/index.ts';
import { NameBlocks } from './name-blocks.ts';
import { integer, integerOrNone, rowOf, rowsOf } from './rows.ts';
import type { TreeWrites } from './tree-writes.ts';

/** Versions that are removed by one transaction. */
const SWEEP_ROWS = 2048;
const NUMBER_MAX = Number.MAX_SAFE_INTEGER;

export class Forgetting {
  readonly #writes: TreeWrites;
  readonly #names: NameBlocks;
  readonly #breather = new Breather();
  readonly #linesOf: Statement;
  readonly #before: Statement;
  readonly #after: Statement;
  readonly #dropMember: Statement;
  readonly #dropSnapshot: Statement;
  readonly #dropHolders: Statement;
  readonly #addSweep: Statement;
  readonly #sweeps: Statement;
  readonly #dropSweep: Statement;
  readonly #closed: Statement;
  readonly #dropVersion: Statement;
  readonly #hasVersion: Statement;
  readonly #dropPath: Statement;
  readonly #hasMember: Statement;
  readonly #pathsOfLine: Statement;
  readonly #dropVersions: Statement;
  readonly #dropLine: Statement;

  constructor(database: Database, writes: TreeWrites) {
    this.#writes = writes;
    this.#names = new NameBlocks(database);
    const one = (sql: string): Statement => database.prepare(sql).pluck();
    this.#linesOf = one('SELECT line FROM members WHERE number = ?');
    this.#before = one('SELECT max(number) FROM members WHERE line = ? AND number < ?');
    this.#after = one('SELECT min(number) FROM members WHERE line = ? AND number > ?');
    this.#dropMember = database.prepare('DELETE FROM members WHERE line = ? AND number = ?');
    this.#dropSnapshot = database.prepare('DELETE FROM snapshots WHERE number = ?');
    this.#dropHolders = database.prepare('DELETE FROM holders WHERE number = ?');
    this.#addSweep = database.prepare('INSERT OR IGNORE INTO sweeps(line, low) VALUES (?, ?)');
    this.#sweeps = database.prepare('SELECT line, low FROM sweeps ORDER BY line, low').raw();
    this.#dropSweep = database.prepare('DELETE FROM sweeps WHERE line = ? AND low = ?');
    this.#closed = database
      .prepare(
        `SELECT v.path, v.first FROM versions v INDEXED BY versions_by_until JOIN paths p ON p.id = v.path AND p.line = ?
         WHERE v.until > ? AND v.until <= ? AND v.first > ? LIMIT ${SWEEP_ROWS}`,
      )
      .raw();
    this.#dropVersion = database.prepare('DELETE FROM versions WHERE path = ? AND first = ?');
    this.#hasVersion = one('SELECT 1 FROM versions WHERE path = ? LIMIT 1');
    this.#dropPath = database.prepare('DELETE FROM paths WHERE id = ?');
    this.#hasMember = one('SELECT 1 FROM members WHERE line = ? LIMIT 1');
    this.#pathsOfLine = one(`SELECT id FROM paths WHERE line = ? AND id > ? ORDER BY id LIMIT ${SWEEP_ROWS}`);
    this.#dropVersions = database.prepare('DELETE FROM versions WHERE path = ?');
    this.#dropLine = database.prepare('DELETE FROM lines WHERE line = ?');
  }

  /** From now on no answer knows of the snapshot with this number. */
  forget(number: number): void {
    this.#writes.transaction(() => {
      for (const value of this.#linesOf.all(number)) {
        const line = integer(value);
        this.#addSweep.run(line, integerOrNone(this.#before.get(line, number)) ?? 0);
        this.#dropMember.run(line, number);
      }
      this.#dropHolders.run(number);
      this.#dropSnapshot.run(number);
    });
  }

  /** Removes what is of no more use, a piece at a time. */
  async sweep(signal: AbortSignal): Promise<void> {
    for (;;) {
      const row = rowOf(this.#sweeps.get());
      if (row === undefined || signal.aborted) return;
      const [line, low] = [integer(row[0]), integer(row[1])];
      const isDone =
        this.#hasMember.get(line) === undefined
          ? await this.#line(line, signal)
          : await this.#stretch(line, low, signal);
      if (!isDone) return;
      this.#writes.transaction(() => this.#dropSweep.run(line, low));
    }
  }

  /** From after the number `low` to the next member there is now. */
  async #stretch(line: number, low: number, signal: AbortSignal): Promise<boolean> {
    for (;;) {
      if (signal.aborted) return false;
      const count = this.#writes.transaction(() => {
        const high = integerOrNone(this.#after.get(line, low)) ?? NUMBER_MAX;
        const rows = rowsOf(this.#closed.all(line, low, high, low));
        const paths = new Set<number>();
        for (const row of rows) {
          this.#dropVersion.run(row[0], row[1]);
          paths.add(integer(row[0]));
        }
        this.#dropPaths([...paths].filter((path) => this.#hasVersion.get(path) === undefined));
        return rows.length;
      });
      if (count < SWEEP_ROWS) return true;
      await this.#breather.step();
    }
  }

  /** A line without members: all of it. */
  async #line(line: number, signal: AbortSignal): Promise<boolean> {
    for (let after = 0; ;) {
      if (signal.aborted) return false;
      const paths = this.#writes.transaction(() => {
        const found = this.#pathsOfLine.all(line, after).map(integer);
        for (const path of found) this.#dropVersions.run(path);
        this.#dropPaths(found);
        if (found.length < SWEEP_ROWS) this.#dropLine.run(line);
        return found;
      });
      if (paths.length < SWEEP_ROWS) return true;
      after = paths.at(-1) ?? after;
      await this.#breather.step();
    }
  }

  #dropPaths(paths: readonly number[]): void {
    for (const path of paths) this.#dropPath.run(path);
    this.#names.clear(paths);
  }
}
