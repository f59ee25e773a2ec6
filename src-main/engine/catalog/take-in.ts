/**
 * Bringing the catalog up to date with what one copy of a repository holds: forgets what no copy holds any more, then
 * walks what is new, oldest first. Each snapshot is finished by one transaction of its own, so an end at any moment costs
 * no more than the one that was under way.
 */
import type { Database, Statement } from 'better-sqlite3';
import { Forgetting } from './forget.ts';
import type { PageSource } from './page-requests.ts';
import type { TakeInAsk, TakenIn } from './messages.ts';
import { integer } from './rows.ts';
import { checkSlice } from './slice-check.ts';
import { SnapshotWalk } from './snapshot-walk.ts';
import type { TreeReads } from './tree-reads.ts';
import { TreeWrites } from './tree-writes.ts';

/** After this long a snapshot that could not be read whole is walked again: the copy may have been healed. */
const RETRY_AFTER_MS = 24 * 60 * 60 * 1000;

export type TakeInOptions = {
  readonly database: Database;
  readonly reads: TreeReads;
  readonly pages: PageSource;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
};

/** @throws CatalogUnavailable, CatalogDamage, CairnError where pages can't be had or it was cancelled */
export async function takeIn(ask: TakeInAsk, options: TakeInOptions): Promise<TakenIn> {
  const writes = new TreeWrites(options.database, options);
  writes.begin();
  try {
    return await new TakeIn(ask, options, writes).run();
  } finally {
    writes.end();
  }
}

class TakeIn {
  readonly #ask: TakeInAsk;
  readonly #options: TakeInOptions;
  readonly #writes: TreeWrites;
  readonly #forgetting: Forgetting;
  readonly #addHolder: Statement;
  readonly #dropHolder: Statement;
  readonly #unheld: Statement;

  constructor(ask: TakeInAsk, options: TakeInOptions, writes: TreeWrites) {
    const { database } = options;
    this.#ask = ask;
    this.#options = options;
    this.#writes = writes;
    this.#forgetting = new Forgetting(database, writes);
    this.#addHolder = database.prepare('INSERT OR IGNORE INTO holders(number, instance) VALUES (?, ?)');
    this.#dropHolder = database.prepare('DELETE FROM holders WHERE number = ? AND instance = ?');
    this.#unheld = database
      .prepare('SELECT number FROM snapshots WHERE number NOT IN (SELECT number FROM holders)')
      .pluck();
  }

  async run(): Promise<TakenIn> {
    const { signal, onProgress } = this.#options;
    const forgotten = this.#forget();
    await this.#forgetting.sweep(signal);
    const fresh = this.#ask.snapshots.filter(({ id }) => this.#options.reads.snapshot(id) === undefined);
    let taken = 0;
    for (const snapshot of fresh) {
      onProgress(taken, fresh.length);
      const { reads, pages } = this.#options;
      await new SnapshotWalk({ reads, pages, writes: this.#writes, signal }).take(snapshot, this.#ask.instanceId);
      taken++;
    }
    const database = this.#options.database;
    this.#writes.transaction(() => checkSlice(database, this.#options.reads));
    return { taken, forgotten, damaged: this.#notWhole().length };
  }

  /** Notes what this copy holds, and forgets what none does, and what may be read whole now. */
  #forget(): number {
    const { instanceId, snapshots, isWhole } = this.#ask;
    const listed = new Set(snapshots.map(({ id }) => id));
    this.#writes.transaction(() => {
      for (const id of listed) {
        const known = this.#options.reads.snapshot(id);
        if (known !== undefined) this.#addHolder.run(known.number, instanceId);
      }
      if (!isWhole) return;
      for (const { id, number } of this.#options.reads.heldBy(instanceId))
        if (!listed.has(id)) this.#dropHolder.run(number, instanceId);
    });
    const unheld = this.#unheld.all().map(integer);
    for (const number of unheld) this.#forgetting.forget(number);
    const beforeMs = this.#options.nowMs() - RETRY_AFTER_MS;
    const again = this.#notWhole().filter(({ triedAtMs }) => this.#ask.retries || triedAtMs < beforeMs);
    for (const { number } of again) this.#forgetting.forget(number);
    if (again.length > 0) this.#writes.forgetTorn();
    return unheld.length;
  }

  /** Snapshots of this copy that could not be read whole. */
  #notWhole() {
    const { reads } = this.#options;
    return this.#ask.snapshots.flatMap(({ id }) => {
      const known = reads.snapshot(id);
      return known === undefined || known.isWhole ? [] : [known];
    });
  }
}
