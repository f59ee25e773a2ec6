/**
 * The catalog: a local cache of what repositories hold (every path with its versions, over all snapshots) and of figures
 * over time. It makes finding, listing versions and search a matter of milliseconds and works while a drive is away.
 *
 * It is never the authority. Its files (CAIRN_HOME/catalog) can be removed at any time, all or one repository's, and are
 * made again from the repository. Everything here may answer undefined, “the catalog does not know”, and whoever asked
 * then looks into the repository; no trouble with the catalog is ever an error of anything else. Each answer is about
 * exactly the snapshots that were asked about, so one that is behind the repository gives no wrong answer either.
 *
 * Names of files of an encrypted repository stand in it in clear: in this user's own folder, readable by nobody else, like
 * the files themselves. Content of files never does.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { asBlobId } from '../../../src-shared/ids.ts';
import type { FileVersion, CatalogPage, SeriesBucket } from '../../../src-shared/model/index.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import { type Clock, type Log, systemClock } from '../kernel/index.ts';
import { PAGE_BLOB_TYPE } from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import type { Snapshot } from '../snapshot/index.ts';
import type { Figure, FolderAnswer, PathNames, SnapshotToTake, TakenIn } from './messages.ts';
import { BUCKETS_MAX, METRIC_NAME_MAX } from './metrics.ts';
import { fileName } from './file-name.ts';
import { SEARCH_LIMIT_MAX, SEARCH_TEXT_MAX } from './search.ts';
import { CatalogThread } from './thread.ts';

/** Figures that wait to be written; beyond it they are dropped. */
const FIGURES_WAITING_MAX = 4096;
const FIGURES_BATCH = 512;
const FIGURES_EVERY_MS = 30_000;

export type TakeInOptions = {
  /** Every snapshot file could be read: what is not listed is not there any more. */
  readonly isWhole: boolean;
  /** Try those again that could not be read whole, for instance after a repair. Otherwise once a day. */
  readonly retries?: boolean;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
};

export type SearchRequest = { readonly text: string; readonly offset: number; readonly limit: number };

export type Catalog = {
  /**
   * Takes in what this copy of the repository holds and the catalog does not know, oldest first, and forgets what no copy
   * holds any more. `snapshots`: all of this copy, oldest first. Undefined where the catalog can't be used now.
   * @throws CairnError engine/cancelled, destination/…: what was taken in before stays
   */
  takeIn(repository: Repository, snapshots: readonly Snapshot[], options: TakeInOptions): Promise<TakenIn | undefined>;
  /** How many of the snapshots are not known; undefined where there is no catalog of this repository. */
  missing(repository: Repository, snapshots: readonly Snapshot[]): Promise<number | undefined>;
  /** A folder in one snapshot. Works without the repository: `repositoryId`. */
  folder(repositoryId: string, snapshotId: string, names: PathNames): Promise<FolderAnswer | undefined>;
  /** As listVersions of browse, over these snapshots; empty where none has the path. The empty path is not known. */
  versions(
    repository: Repository,
    snapshots: readonly Snapshot[],
    names: PathNames,
  ): Promise<readonly FileVersion[] | undefined>;
  /** As findEntries of browse, over these snapshots. @throws CairnError usage/invalid */
  find(
    repository: Repository,
    snapshots: readonly Snapshot[],
    pattern: string,
  ): Promise<readonly FileVersion[] | undefined>;
  /** In all snapshots of one copy that are known. Works without the repository. @throws CairnError usage/invalid */
  search(
    copy: { readonly repositoryId: string; readonly instanceId: string },
    request: SearchRequest,
  ): Promise<CatalogPage | undefined>;
  /** Removes everything known of a repository. */
  remove(repositoryId: string): Promise<void>;
  /** Notes a figure; written soon, in the background. */
  record(name: string, value: number, atMs: number): void;
  series(
    name: string,
    range: { readonly fromMs: number; readonly toMs: number; readonly buckets: number },
  ): Promise<readonly SeriesBucket[] | undefined>;
  seriesNames(): Promise<readonly string[] | undefined>;
  /** Writes what waits and ends the thread. Everything is “not known” afterwards. */
  close(): Promise<void>;
};

export type CatalogOptions = {
  /** Holds all local state. */
  readonly home: string;
  readonly log: Log;
  /** The system's unless told otherwise. */
  readonly clock?: Clock;
};

/** Costs nothing until something is asked. */
export function openCatalog({ home, log, clock = systemClock }: CatalogOptions): Catalog {
  const folder = path.join(home, 'catalog');
  const thread = new CatalogThread({ folder }, { log, clock });
  const figures = new Figures(thread, clock);
  return {
    takeIn: (repository, snapshots, options) => takeIn(thread, repository, snapshots, options),
    missing: async (repository, snapshots) => {
      // No thread is started to find out that there is nothing to ask.
      const file = path.join(folder, fileName(repository.config.repositoryId));
      const isThere = await stat(file).catch(() => undefined);
      return isThere === undefined ? undefined : thread.ask('missing', about(repository, snapshots));
    },
    folder: (repositoryId, snapshot, names) => thread.ask('folder', { repositoryId, snapshot, names }),
    versions: async (repository, snapshots, names) =>
      names.length === 0 ? undefined : thread.ask('versions', { ...about(repository, snapshots), names }),
    find: async (repository, snapshots, pattern) => {
      const found = await thread.ask('find', { ...about(repository, snapshots), pattern });
      // The walk says how many are too many.
      return found?.kind === 'found' ? found.versions : undefined;
    },
    search: async ({ repositoryId, instanceId }, { text, offset, limit }) => {
      if (text.length > SEARCH_TEXT_MAX)
        throw new CairnError('usage/invalid', `Search for at most ${SEARCH_TEXT_MAX} characters.`);
      const bounded = { offset: Math.max(0, offset), limit: Math.min(limit, SEARCH_LIMIT_MAX) };
      return thread.ask('search', { repositoryId, instanceId, text, ...bounded });
    },
    remove: async (repositoryId) => {
      await thread.ask('remove', { repositoryId });
    },
    record: (name, value, atMs) => figures.add({ name, value, atMs }),
    series: async (name, range) => {
      await figures.write();
      return thread.ask('series', { name, ...range, buckets: Math.min(range.buckets, BUCKETS_MAX) });
    },
    seriesNames: async () => {
      await figures.write();
      return thread.ask('series-names', {});
    },
    close: async () => {
      await figures.write();
      await thread.close();
    },
  };
}

function about(repository: Repository, snapshots: readonly Snapshot[]) {
  return { repositoryId: repository.config.repositoryId, snapshots: snapshots.map(({ id }) => id) };
}

async function takeIn(
  thread: CatalogThread,
  repository: Repository,
  snapshots: readonly Snapshot[],
  options: TakeInOptions,
): Promise<TakenIn | undefined> {
  const { instanceId } = repository.context.instance;
  // Without its marker nobody can say which copy this is.
  if (instanceId === '') return undefined;
  const ask = {
    repositoryId: repository.config.repositoryId,
    instanceId,
    snapshots: snapshots.map(snapshotToTake),
    isWhole: options.isWhole,
    retries: options.retries ?? false,
  };
  return thread.ask('take-in', ask, {
    readPage: (page) => repository.readBlob(asBlobId(page), PAGE_BLOB_TYPE.folder),
    onProgress: options.onProgress ?? (() => undefined),
    signal: options.signal,
  });
}

function snapshotToTake({ id, record }: Snapshot): SnapshotToTake {
  return {
    id,
    order: record.order,
    finishedAtMs: record.finishedAtMs,
    host: record.host,
    topPage: record.rootPage.page,
    topLevel: record.rootPage.level,
    sources: record.sources.map(({ name, path: source }) => ({ name, path: source })),
  };
}

/** Figures on their way: some at a time, at the latest after FIGURES_EVERY_MS. */
class Figures {
  readonly #thread: CatalogThread;
  readonly #clock: Clock;
  #waiting: Figure[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(thread: CatalogThread, clock: Clock) {
    this.#thread = thread;
    this.#clock = clock;
  }

  add(figure: Figure): void {
    const { name, value, atMs } = figure;
    if (!Number.isFinite(value) || !Number.isSafeInteger(atMs) || name.length > METRIC_NAME_MAX) return;
    if (this.#waiting.length >= FIGURES_WAITING_MAX) return;
    this.#waiting.push(figure);
    if (this.#waiting.length >= FIGURES_BATCH) this.#begin();
    else this.#timer ??= setTimeout(() => this.#begin(), FIGURES_EVERY_MS).unref();
  }

  async write(): Promise<void> {
    this.#begin();
    await this.#writing;
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    const figures = this.#waiting;
    this.#waiting = [];
    const before = this.#writing;
    // What can't be written is lost, and nobody is the worse for it.
    this.#writing = before.then(() => this.#thread.ask('record', { figures, nowMs: this.#clock.nowMs() }));
  }
}
