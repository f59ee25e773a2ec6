/**
 * The watcher through the “@parcel/watcher” package: native, quick to be ready, one event for all that happened to a path
 * within some 50 ms. For large trees where inotify can't be called directly (choose.ts).
 *
 * What it leaves out on Linux, read from its source and shown by test/engine/source/watch, is put beside it:
 *
 *   - A folder that appears is watched, those already in it are not (`mkdir -p`, a tree moved in); and a folder that was
 *     renamed goes on under its old path. So each folder that appears and has folders in it gets a subscription of its
 *     own, made after it appeared, which walks it. Too many of them, and all is begun anew.
 *   - What it knows of a tree it keeps by the path it was given, sometimes after the subscription has ended, and does not
 *     walk that path again. So no path is given twice in the same spelling (spelling.ts).
 *   - It says nothing when no more folders can be watched: each time folders appeared, one is tried.
 *   - It says nothing when the queue overflowed: a batch of many events counts as if (and canary.ts).
 *
 * What remains: something made and removed again within those 50 ms leaves no trace but the folder's own time of change.
 */
import { watch } from 'node:fs';
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import type { AsyncSubscription, Event, subscribe } from '@parcel/watcher';
import { mapBounded } from '../../kernel/index.ts';
import { foldersMeantBy, isLossy } from './lossy-names.ts';
import { newSpelling } from './spelling.ts';
import { subfolderNames, walkFolders } from './subfolders.ts';
import { queueEvents } from './turn-meter.ts';
import { unawaited } from './unawaited.ts';
import { type WatchOptions, type Watcher, WatcherFailure, failureOf } from './watcher.ts';

/** Ignored paths are compared one by one with each path there is. */
const IGNORED_PATHS_MAX = 256;
/** Subscriptions for folders that appeared. Each keeps a list of all that is below it. */
const ADDED_MAX = 200;
/** Appeared folders are gathered for so long: of a tree that is being copied, the top one stands for many. */
const GATHER_MS = 300;
/** A tree that changes while it is walked is walked again. */
const SUBSCRIBE_TRIES = 3;
const LOOKS_AT_ONCE = 4;
/** Part of the system's queue that may come in one batch. */
const QUEUE_SHARE = 1 / 2;

type Parcel = { readonly subscribe: typeof subscribe };

export async function openParcelWatcher(options: WatchOptions): Promise<Watcher> {
  const parcel = await load();
  const watcher = new ParcelWatcher(parcel, options, (await queueEvents()) * QUEUE_SHARE);
  try {
    await watcher.start();
  } catch (error) {
    await watcher.close();
    throw failureOf(error);
  }
  return watcher;
}

async function load(): Promise<Parcel> {
  try {
    return await import('@parcel/watcher');
  } catch (error) {
    // No binary for this system, or one that does not load.
    throw new WatcherFailure('not-available', String(error));
  }
}

class ParcelWatcher implements Watcher {
  readonly kind = 'parcel';
  readonly #parcel: Parcel;
  readonly #options: WatchOptions;
  readonly #batchEventsMax: number;
  readonly #subscriptions: AsyncSubscription[] = [];
  #appeared = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #ignored: string[] = [];
  #folders = 0;
  #isOpen = false;
  #isClosed = false;

  constructor(parcel: Parcel, options: WatchOptions, batchEventsMax: number) {
    this.#parcel = parcel;
    this.#options = options;
    this.#batchEventsMax = batchEventsMax;
  }

  get folders(): number {
    return this.#folders;
  }

  async start(): Promise<void> {
    const { root, canary, isIgnored, signal } = this.#options;
    const ignored: Buffer[] = [];
    await walkFolders(root, (folder) => {
      this.#folders++;
      if (!isIgnored(folder) || folder.equals(root)) return !signal.aborted;
      ignored.push(folder);
      return false;
    });
    this.#ignored = ignored.slice(0, IGNORED_PATHS_MAX).map((folder) => folder.toString());
    for (const folder of canary === undefined ? [root] : [root, canary]) {
      if (signal.aborted) throw new WatcherFailure('closed', 'stopped');
      await this.#subscribe(folder, SUBSCRIBE_TRIES);
    }
    this.#isOpen = true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await Promise.allSettled(this.#subscriptions.splice(0).map((subscription) => subscription.unsubscribe()));
  }

  async #subscribe(folder: Buffer, tries: number): Promise<void> {
    const text = folder.toString();
    if (isLossy(text)) throw new WatcherFailure('names', 'the path has bytes that @parcel/watcher can’t be given');
    for (let attempt = 1; ; attempt++) {
      const door = newSpelling();
      const take = (error: Error | null, events: readonly Event[]): void => {
        this.#take(
          error,
          events.map((event) => ({ type: event.type, path: event.path.slice(door.length) })),
        );
      };
      try {
        const ignore = this.#ignored.map((path) => door + path);
        this.#subscriptions.push(await this.#parcel.subscribe(door + text, take, { ignore }));
        return;
      } catch (error) {
        const failure = failureOf(error);
        if (attempt >= tries || failure.reason !== 'error') throw failure;
      }
    }
  }

  #fail({ reason, message }: WatcherFailure): void {
    if (this.#isClosed || !this.#isOpen || reason === 'not-available' || reason === 'closed') return;
    this.#isOpen = false;
    this.#options.report({ kind: 'lost', reason, detail: message });
  }

  #take(error: Error | null, events: readonly Event[]): void {
    if (this.#isClosed) return;
    if (error !== null) {
      const dropped = /dropped|overflow|re-?scan/i.test(error.message);
      return this.#fail(dropped ? new WatcherFailure('overflow', error.message) : failureOf(error));
    }
    if (events.length >= this.#batchEventsMax) {
      return this.#fail(new WatcherFailure('event-rate', `${events.length} paths changed at once`));
    }
    const folders = new Set<string>();
    for (const event of events) {
      folders.add(path.dirname(event.path));
      // Its own attributes; of the root nobody else tells.
      if (event.type !== 'delete') this.#appeared.add(event.path);
    }
    for (const folder of folders) unawaited(this.#dirty(folder));
    if (this.#appeared.size > 0) this.#timer ??= setTimeout(() => unawaited(this.#follow()), GATHER_MS);
  }

  async #dirty(text: string): Promise<void> {
    const { root, canary } = this.#options;
    const rootText = root.toString();
    const isCanary = canary !== undefined && text.startsWith(canary.toString());
    // The root's own events have its path, and the folder above is none of ours.
    const inside = text === rootText || text.startsWith(rootText + path.sep);
    const folders = isCanary ? [canary] : (await foldersMeantBy(inside ? text : rootText, root)).folders;
    for (const folder of folders) this.#report(folder);
  }

  #report(folder: Buffer): void {
    if (!this.#isClosed) this.#options.report({ kind: 'dirty', folder });
  }

  // --------------------------------------------------------------------------------------------- folders that appear

  async #follow(): Promise<void> {
    const paths = [...this.#appeared];
    this.#appeared = new Set();
    this.#timer = undefined;
    try {
      const found = await mapBounded(paths, LOOKS_AT_ONCE, async (text) => {
        const { folders, isWhole } = await foldersMeantBy(text, this.#options.root);
        const areFolders = await Promise.all(folders.map(isFolder));
        return isWhole ? folders.filter((_, index) => areFolders[index]) : [];
      });
      const tops = topmost(found.flat());
      const [first] = tops;
      if (first !== undefined) tryWatching(first);
      for (const top of tops) await this.#adopt(top);
    } catch (error) {
      this.#fail(failureOf(error));
    }
  }

  /** First watched, then looked at: what comes into it in between is an event, or is seen. */
  async #adopt(top: Buffer): Promise<void> {
    if (this.#isClosed || this.#options.isIgnored(top)) return;
    const names = (await subfolderNames(top)) ?? [];
    if (names.length > 0 && !top.equals(this.#options.root)) await this.#watchTree(top);
    await walkFolders(top, (folder) => {
      if (this.#isClosed || this.#options.isIgnored(folder)) return false;
      this.#folders++;
      this.#report(folder);
      return true;
    });
  }

  async #watchTree(top: Buffer): Promise<void> {
    if (this.#subscriptions.length >= ADDED_MAX) {
      throw new WatcherFailure('error', `${ADDED_MAX} folders with folders in them appeared`);
    }
    // A path that it can't be given: the nearest folder above that it can, which walks this one too.
    let folder = top;
    while (isLossy(folder.toString())) folder = folder.subarray(0, folder.lastIndexOf(0x2f));
    try {
      await this.#subscribe(folder, SUBSCRIBE_TRIES);
    } catch (error) {
      // It is gone again, or being taken apart: then that is an event of the folder above.
      if (await isFolder(folder)) throw error;
    }
  }
}

async function isFolder(folder: Buffer): Promise<boolean> {
  return lstat(folder).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

/** Without those that lie in another one. */
function topmost(folders: readonly Buffer[]): readonly Buffer[] {
  const sorted = folders.toSorted((left, right) => left.length - right.length);
  const tops = new Map<string, Buffer>();
  for (const folder of sorted) {
    const text = folder.toString('latin1');
    let above = text;
    while (above.length > 1 && !tops.has(above)) above = path.dirname(above);
    if (!tops.has(above)) tops.set(text, folder);
  }
  return [...tops.values()];
}

/** Throws where the system lets no more folders be watched. */
function tryWatching(folder: Buffer): void {
  try {
    watch(folder, () => undefined).close();
  } catch (error) {
    const failure = failureOf(error);
    if (failure.reason !== 'error') throw failure;
  }
}
