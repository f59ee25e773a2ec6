/** A catalog in a home of its own over a history in memory, with its file in reach of whoever wants to break it. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import SqliteDatabase, { type Database } from 'better-sqlite3';
import { findEntries } from '../../src-main/engine/browse/index.ts';
import { type Catalog, type TakenIn, openCatalog } from '../../src-main/engine/catalog/index.ts';
import type { FileVersion } from '../../src-shared/model/index.ts';
import { HistoryLab, type Item, changed, randomItem } from './history-lab.ts';
import { type Seeded, seeded } from './seed.ts';

export class CatalogLab {
  readonly home = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-catalog-'));
  readonly history = new HistoryLab();
  readonly logged: string[] = [];
  readonly random: Seeded;
  catalog: Catalog;
  #item: Item;

  constructor(seed: number) {
    this.random = seeded(seed);
    this.#item = randomItem(this.random, 4, true);
    this.catalog = this.open();
  }

  get folder(): string {
    return path.join(this.home, 'catalog');
  }

  get file(): string {
    return path.join(this.folder, `${this.history.repository.config.repositoryId}.db`);
  }

  open(): Catalog {
    const log = (level: string, message: string, fields?: Readonly<Record<string, unknown>>): void =>
      void this.logged.push(`${level}: ${message}: ${String(fields?.['reason'])}`);
    return openCatalog({ home: this.home, log });
  }

  /** As the next start of Cairn. */
  async reopen(): Promise<void> {
    await this.catalog.close();
    this.catalog = this.open();
  }

  /** So many snapshots, each a little different from the one before. */
  commit(count: number): void {
    for (let index = 0; index < count; index++) {
      this.history.commit([{ path: '/home/ada', name: 'ada', item: this.#item }]);
      this.#item = changed(this.random, this.#item, 3);
    }
  }

  takeIn(options: { readonly retries?: boolean } = {}): Promise<TakenIn | undefined> {
    const { repository, snapshots } = this.history;
    return this.catalog.takeIn(repository, snapshots, { isWhole: true, ...options });
  }

  find(pattern = '*'): Promise<readonly FileVersion[] | undefined> {
    return this.catalog.find(this.history.repository, this.history.snapshots, pattern);
  }

  walk(pattern = '*'): Promise<readonly FileVersion[]> {
    return findEntries(this.history.repository, this.history.snapshots, pattern);
  }

  /** The catalog's file itself, while nothing else has it open. */
  inFile<Result>(work: (database: Database) => Result): Result {
    const database = new SqliteDatabase(this.file);
    try {
      return work(database);
    } finally {
      database.close();
    }
  }

  setAside(): string[] {
    return fs.readdirSync(this.folder).filter((name) => name.includes('.aside-') && !/-(wal|shm)$/.test(name));
  }

  async dispose(): Promise<void> {
    await this.catalog.close();
    fs.rmSync(this.home, { recursive: true, force: true });
  }
}
