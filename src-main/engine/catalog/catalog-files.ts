/**
 * The catalog's files, as its thread holds them: opened when first asked for, opened anew when somebody has removed or
 * replaced one, set aside when one turns out to be damaged. One file for each repository, so that each can be removed by
 * itself, and one for the figures.
 *
 * What can't be used is left alone for PAUSE_MS, said once, and every question meanwhile is answered by “not known”.
 */
import path from 'node:path';
import type { Database } from 'better-sqlite3';
import {
  CatalogUnavailable,
  type FileKind,
  type FileLog,
  type OpenFile,
  isDamage,
  isStillThere,
  openFile,
  removeFile,
  setAside,
  unavailable,
} from './database-file.ts';
import { METRICS_NAME, fileName } from './file-name.ts';
import { Metrics } from './metrics.ts';
import { METRICS_FILE } from './metrics-schema.ts';
import { TreeReads } from './tree-reads.ts';
import { TREES_FILE } from './trees-schema.ts';
import { Views } from './view.ts';

const PAUSE_MS = 60_000;
const IDLE_MS = 60_000;
/** Files that are open at once; each has a cache of up to 16 MB. */
const OPEN_MAX = 4;

export type Trees = { readonly database: Database; readonly reads: TreeReads; readonly views: Views };
/** `uses` under way; one that was dropped is closed after the last of them. */
type Open<Content> = OpenFile & { readonly content: Content; uses: number; isDropped: boolean };

export type FilesOptions = {
  readonly folder: string;
  readonly log: FileLog;
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
};

export class CatalogFiles {
  readonly #options: FilesOptions;
  readonly #trees: Shelf<Trees>;
  readonly #metrics: Shelf<Metrics>;

  constructor(options: FilesOptions) {
    this.#options = options;
    this.#trees = new Shelf(TREES_FILE, options, (database) => {
      const reads = new TreeReads(database);
      return { database, reads, views: new Views(reads) };
    });
    this.#metrics = new Shelf(METRICS_FILE, options, (database) => new Metrics(database));
  }

  /**
   * Works with a repository's trees. Undefined where there is no such file and none is to be made.
   * @throws CatalogUnavailable; what `work` throws for itself. A damaged file is set aside first.
   */
  trees<Result>(
    repositoryId: string,
    creates: boolean,
    work: (trees: Trees) => Result | Promise<Result>,
  ): Promise<Result | undefined> {
    return this.#trees.use(this.#fileOf(repositoryId), creates, work);
  }

  metrics<Result>(creates: boolean, work: (metrics: Metrics) => Result): Promise<Result | undefined> {
    return this.#metrics.use(path.join(this.#options.folder, METRICS_NAME), creates, work);
  }

  remove(repositoryId: string): void {
    const file = this.#fileOf(repositoryId);
    this.#trees.close(file);
    removeFile(file);
  }

  /** Once nothing is under way. */
  close(): void {
    this.#trees.closeAll();
    this.#metrics.closeAll();
  }

  #fileOf(repositoryId: string): string {
    return path.join(this.#options.folder, fileName(repositoryId));
  }
}

/** Open files of one kind, the least lately used first. */
class Shelf<Content> {
  readonly #kind: FileKind;
  readonly #options: FilesOptions;
  readonly #contentOf: (database: Database) => Content;
  readonly #open = new Map<string, Open<Content>>();
  #idle: NodeJS.Timeout | undefined;
  readonly #quietUntilMs = new Map<string, number>();

  constructor(kind: FileKind, options: FilesOptions, contentOf: (database: Database) => Content) {
    this.#kind = kind;
    this.#options = options;
    this.#contentOf = contentOf;
  }

  async use<Result>(
    file: string,
    creates: boolean,
    work: (content: Content) => Result | Promise<Result>,
  ): Promise<Result | undefined> {
    const { monotonicMs, log } = this.#options;
    if ((this.#quietUntilMs.get(file) ?? -Infinity) > monotonicMs())
      throw new CatalogUnavailable('it was not a moment ago');
    let open: Open<Content> | undefined;
    try {
      open = this.#get(file, creates);
      if (open === undefined) return undefined;
      open.uses++;
      try {
        return await work(open.content);
      } finally {
        open.uses--;
        if (open.isDropped && open.uses === 0) open.database.close();
        this.#closeWhenIdle();
      }
    } catch (error) {
      if (isDamage(error)) this.#damaged(file, open, error);
      const reason = isDamage(error) ? new CatalogUnavailable(String(error), { cause: error }) : unavailable(error);
      if (reason instanceof CatalogUnavailable && reason.isLasting) {
        this.#quietUntilMs.set(file, monotonicMs() + PAUSE_MS);
        log('warn', 'the catalog can’t be used at present', reason.message);
      }
      throw reason;
    }
  }

  close(file: string): void {
    const open = this.#open.get(file);
    if (open === undefined) return;
    this.#open.delete(file);
    if (open.uses === 0) open.database.close();
    else open.isDropped = true;
  }

  closeAll(): void {
    clearTimeout(this.#idle);
    for (const file of [...this.#open.keys()]) this.close(file);
  }

  /** What nobody asks is closed, and its cache is given back. */
  #closeWhenIdle(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      if ([...this.#open.values()].every(({ uses }) => uses === 0)) this.closeAll();
    }, IDLE_MS).unref();
  }

  #get(file: string, creates: boolean): Open<Content> | undefined {
    const known = this.#open.get(file);
    if (known !== undefined && isStillThere(file, known)) {
      this.#open.delete(file);
      this.#open.set(file, known);
      return known;
    }
    if (known !== undefined) {
      this.#options.log('warn', 'a catalog file was removed or replaced while it was open', path.basename(file));
      this.close(file);
    }
    const opened = openFile(file, this.#kind, { ...this.#options, creates, nowMs: this.#options.nowMs() });
    if (opened === undefined) return undefined;
    const open = { ...opened, content: this.#content(opened), uses: 0, isDropped: false };
    this.#open.set(file, open);
    this.#closeOldest();
    return open;
  }

  #content({ database }: OpenFile): Content {
    try {
      return this.#contentOf(database);
    } catch (error) {
      // A table or a column is missing.
      database.close();
      throw error;
    }
  }

  #closeOldest(): void {
    for (const file of [...this.#open.keys()].slice(0, -1)) {
      if (this.#open.size <= OPEN_MAX) return;
      this.close(file);
    }
  }

  /** Another use of the same file may have set it aside already, and a good one stands in its place. */
  #damaged(file: string, open: Open<Content> | undefined, reason: unknown): void {
    if (open !== undefined && (this.#open.get(file) !== open || !isStillThere(file, open))) return;
    this.close(file);
    try {
      setAside(file, reason, { log: this.#options.log, nowMs: this.#options.nowMs() });
    } catch (error) {
      this.#options.log('warn', 'a damaged catalog file could not be set aside', String(error));
    }
  }
}
