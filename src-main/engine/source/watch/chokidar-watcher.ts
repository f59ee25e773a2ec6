/**
 * The watcher through the “chokidar” package, for systems where nothing better is known, and small trees.
 *
 * It is given folders only: what is not a folder is “ignored”, which spares a watch for each file, and its raw events name
 * the folder they come from. What it misses is put beside it: names that strings can't hold (raw-folders.ts), a queue
 * that overflowed (turn-meter.ts, canary.ts), and folders that it takes for watched though they were removed and made
 * again (audit.ts). Its habit of passing over names that editors give to temporary files is
 * switched off (`atomic`): a folder may be called so.
 *
 * Measured with 1,000,000 files in 21,000 folders: 22 s of CPU until it is ready, and 2.9 GB of memory, because it looks
 * at every file once and at many folders at a time. Hence choose.ts.
 */
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import type { FSWatcher } from 'chokidar';
import { Audit } from './audit.ts';
import { watchedInodes } from './kernel-watches.ts';
import { isLossy, isPlainName } from './lossy-names.ts';
import { RawFolders } from './raw-folders.ts';
import { noteEvent, onFullTurn, queueEvents } from './turn-meter.ts';
import { unawaited } from './unawaited.ts';
import { type WatchOptions, type Watcher, WatcherFailure, failureOf } from './watcher.ts';

/** Part of the system's queue that may come in one turn (turn-meter.ts). */
const QUEUE_SHARE = 1 / 4;
/** There one handle stands for a whole tree, and names in it are paths from its root. */
const WATCHES_TREES = process.platform === 'darwin' || process.platform === 'win32';

export async function openChokidarWatcher(options: WatchOptions): Promise<Watcher> {
  const { root, canary, signal } = options;
  if (!isPlainName(root)) throw new WatcherFailure('names', 'the path has characters that chokidar can’t be given');
  const chokidar = await load();
  const eventsMax = (await queueEvents()) * QUEUE_SHARE;
  if (signal.aborted) throw new WatcherFailure('closed', 'stopped');
  const roots = (canary === undefined ? [root] : [root, canary]).map((folder) => folder.toString());
  const isIgnored = (text: string): boolean => !roots.includes(text) && options.isIgnored(Buffer.from(text));
  const watcher = chokidar.watch(roots, {
    ignoreInitial: true,
    followSymlinks: false,
    atomic: false,
    // Without `stats` nothing is known yet; it asks again.
    ignored: (text, stats) => stats !== undefined && (!stats.isDirectory() || isIgnored(path.normalize(text))),
  });
  const watching = new ChokidarWatcher(watcher, options, roots);
  watching.onClose(onFullTurn(eventsMax, (count) => watching.fail(overflow(count))));
  try {
    await watching.ready();
  } catch (error) {
    await watching.close();
    throw failureOf(error);
  }
  return watching;
}

const overflow = (count: number): WatcherFailure =>
  new WatcherFailure('event-rate', `${count} events came at once: the system’s queue may have been full`);

async function load() {
  try {
    return await import('chokidar');
  } catch (error) {
    throw new WatcherFailure('not-available', String(error));
  }
}

class ChokidarWatcher implements Watcher {
  readonly kind = 'chokidar';
  readonly #watcher: FSWatcher;
  readonly #options: WatchOptions;
  readonly #roots: readonly string[];
  readonly #raw: RawFolders;
  readonly #audit: Audit;
  readonly #failed: Promise<never>;
  #reject: (failure: WatcherFailure) => void = () => undefined;
  /** Where the kernel lists what it watches under the numbers that a look at a folder gives; overlays have others. */
  #canAudit = false;
  #isOpen = false;
  #isClosed = false;
  #folders = 0;
  #whenClosed: () => void = () => undefined;

  constructor(watcher: FSWatcher, options: WatchOptions, roots: readonly string[]) {
    this.#watcher = watcher;
    this.#options = options;
    this.#roots = roots;
    this.#raw = new RawFolders(options, (failure) => this.fail(failure));
    this.#audit = new Audit(options.isIgnored, (detail) => this.fail(new WatcherFailure('error', detail)));
    this.#failed = new Promise((_resolve, reject) => (this.#reject = reject));
    this.#failed.catch(() => undefined);
    watcher.on('raw', (event, name: string | null, details) => this.#take(event, name, details));
    watcher.on('addDir', (text) => this.#appeared(text));
    watcher.on('unlinkDir', (text) => {
      this.#folders--;
      this.#raw.forget(Buffer.from(text));
    });
    watcher.on('error', (error) => this.fail(failureOf(error)));
  }

  get folders(): number {
    return this.#folders + this.#raw.count;
  }

  onClose(whenClosed: () => void): void {
    this.#whenClosed = whenClosed;
  }

  async ready(): Promise<void> {
    const { root, signal } = this.#options;
    const stop = (): void => this.fail(new WatcherFailure('closed', 'stopped'));
    signal.addEventListener('abort', stop, { once: true });
    await Promise.race([this.#failed, new Promise<void>((resolve) => this.#watcher.on('ready', resolve))]);
    if (!WATCHES_TREES) await Promise.race([this.#failed, this.#raw.search(root)]);
    signal.removeEventListener('abort', stop);
    // Beside those of the roots it lists the folders that they are in.
    this.#folders = Object.keys(this.#watcher.getWatched()).length - this.#roots.length;
    this.#canAudit = !WATCHES_TREES && (await isListed(root));
    this.#isOpen = true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#whenClosed();
    this.#raw.close();
    this.#audit.close();
    await this.#watcher.close();
  }

  fail(failure: WatcherFailure): void {
    const { reason, message } = failure;
    if (this.#isClosed) return;
    this.#reject(failure);
    if (!this.#isOpen || reason === 'not-available' || reason === 'closed') return;
    this.#isOpen = false;
    this.#options.report({ kind: 'lost', reason, detail: message });
  }

  #take(event: string, name: string | null, details: unknown): void {
    const watched = watchedPath(details);
    if (this.#isClosed || watched === undefined) return;
    noteEvent();
    if (!WATCHES_TREES) {
      // It also watches the folder that a root is in, for the root may come back.
      if (!this.#roots.some((root) => watched === root || watched.startsWith(`${root}${path.sep}`))) return;
      this.#dirty(watched);
      if (event === 'rename') this.#suspect(watched);
      if (name !== null && (isLossy(name) || name.includes('\\'))) unawaited(this.#raw.lookIn(Buffer.from(watched)));
      return;
    }
    if (name === null) return this.fail(new WatcherFailure('overflow', 'events were dropped by the system'));
    this.#dirty(path.dirname(path.join(watched, name)));
  }

  /** A folder that was made, moved in or replaced; it says so of each one in it too. */
  #appeared(text: string): void {
    if (this.#isClosed) return;
    this.#folders++;
    this.#dirty(text);
    if (WATCHES_TREES) return;
    this.#suspect(text);
    unawaited(this.#raw.lookIn(Buffer.from(text)));
  }

  #suspect(text: string): void {
    if (this.#canAudit) this.#audit.suspect(Buffer.from(text));
  }

  #dirty(text: string): void {
    this.#options.report({ kind: 'dirty', folder: Buffer.from(text) });
  }
}

async function isListed(root: Buffer): Promise<boolean> {
  const watched = await watchedInodes();
  return watched !== undefined && watched.has((await lstat(root, { bigint: true })).ino);
}

function watchedPath(details: unknown): string | undefined {
  if (typeof details !== 'object' || details === null || !('watchedPath' in details)) return undefined;
  return typeof details.watchedPath === 'string' ? details.watchedPath : undefined;
}
