/**
 * The watcher through the “@parcel/watcher” package: native, quick to be ready, one event for all that happened to a path
 * within some 50 ms. For large trees where inotify can't be called directly (choose.ts).
 *
 * What it leaves out on Linux, read from its source and shown by test/engine/source/watch, is put beside it:
 *
 *   - It knows folders by their paths. One that was moved goes on under its old path, with all below it; and when something
 *     in it is removed there, the watch of whatever has that path now ends, without a word and while the kernel still
 *     watches. So a folder that appears is never left to the subscription that told of it: it gets one of its own, under a
 *     spelling that no other has (spelling.ts), which nothing of an earlier folder can reach.
 *   - A subscription lists the tree first and watches then, so what comes in between is not watched. Every folder is
 *     stamped before, and compared after (folder-stamps.ts); what became another one meanwhile is begun again.
 *   - A path that was made and removed within those 50 ms is not told, though another file of that name may have been
 *     there before. So after events all stamps are compared, seldom enough to cost little.
 *   - What it knows of a tree it keeps by the path it was given, sometimes after the subscription has ended, and does not
 *     walk that path again. Hence the spellings, too.
 *   - It says nothing when no more folders can be watched: each time folders appeared, one is tried.
 *   - It says nothing when the queue overflowed: a batch of many events counts as if (and canary.ts).
 *
 * Elsewhere one handle of the system stands for a whole tree, and only the comparison is needed.
 */
import { watch } from 'node:fs';
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import type { AsyncSubscription, Event, subscribe } from '@parcel/watcher';
import { mapBounded, systemClock } from '../../kernel/index.ts';
import { type Difference, FolderStamps } from './folder-stamps.ts';
import { foldersMeantBy, isLossy } from './lossy-names.ts';
import { newSpelling } from './spelling.ts';
import { queueEvents } from './turn-meter.ts';
import { unawaited } from './unawaited.ts';
import { type WatchOptions, type Watcher, WatcherFailure, failureOf } from './watcher.ts';

/** Ignored paths are compared one by one with each path there is. */
const IGNORED_PATHS_MAX = 256;
/** Each keeps a list of all that is below its folder; from so many on one for the whole tree takes their place. */
const SUBSCRIPTIONS_MAX = 200;
/** Appeared folders are gathered for so long: of a tree that is being copied, the top one stands for many. */
const GATHER_MS = 300;
/** A tree that changes while it is walked is walked again. */
const SUBSCRIBE_TRIES = 3;
/** And so often where a folder became another one just then. */
const COVER_ROUNDS_MAX = 12;
/** From an event to the comparison of all folders; after one that took long, so many times as long. */
const COMPARE_AFTER_MS = 2000;
const COMPARE_REST_FACTOR = 50;
const LOOKS_AT_ONCE = 4;
/** Part of the system's queue that may come in one batch. */
const QUEUE_SHARE = 1 / 2;
const WATCHES_TREES = process.platform === 'darwin' || process.platform === 'win32';

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
  readonly #stamps: FolderStamps;
  readonly #subscriptions: AsyncSubscription[] = [];
  /** Paths that came, or came back, since the last look. */
  #appeared = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #compareTimer: NodeJS.Timeout | undefined;
  #compareTookMs = 0;
  /** One look at a time. */
  #turn: Promise<void> = Promise.resolve();
  readonly #ignored: string[] = [];
  #isOpen = false;
  #isClosed = false;

  constructor(parcel: Parcel, options: WatchOptions, batchEventsMax: number) {
    this.#parcel = parcel;
    this.#options = options;
    this.#batchEventsMax = batchEventsMax;
    this.#stamps = new FolderStamps({
      clock: systemClock,
      isIgnored: (folder) => this.#isStopped || this.#isIgnored(folder),
    });
  }

  get folders(): number {
    return this.#stamps.count;
  }

  async start(): Promise<void> {
    const { root } = this.#options;
    await this.#stamps.compare(root);
    await this.#subscribeAll();
    const { appeared } = await this.#stamps.compare(root);
    // Nobody listens yet: what is looked at after this sees them.
    await this.#cover(topmost(appeared), () => undefined);
    if (this.#isStopped) throw new WatcherFailure('closed', 'stopped');
    this.#isOpen = true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#compareTimer);
    await this.#turn;
    await unsubscribe(this.#subscriptions.splice(0));
  }

  get #isStopped(): boolean {
    return this.#isClosed || this.#options.signal.aborted;
  }

  /** Asked for each folder that is there at the start before any subscription is made: those are its ignored paths. */
  #isIgnored(folder: Buffer): boolean {
    if (folder.equals(this.#options.root) || !this.#options.isIgnored(folder)) return false;
    if (this.#subscriptions.length === 0 && this.#ignored.length < IGNORED_PATHS_MAX)
      this.#ignored.push(folder.toString());
    return true;
  }

  async #subscribeAll(): Promise<void> {
    const { root, canary } = this.#options;
    for (const folder of canary === undefined ? [root] : [root, canary]) {
      if (this.#isStopped) throw new WatcherFailure('closed', 'stopped');
      await this.#subscribe(folder, SUBSCRIBE_TRIES);
    }
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
        const subscription = await this.#parcel.subscribe(door + text, take, { ignore });
        this.#subscriptions.push(subscription);
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
      // “update” may be its own attributes, or one that was removed and made again.
      if (event.type !== 'delete') this.#appeared.add(event.path);
    }
    for (const folder of folders) unawaited(this.#dirty(folder));
    if (this.#appeared.size > 0) this.#timer ??= setTimeout(() => this.#inTurn(() => this.#follow()), GATHER_MS);
    // Also where none is left of all that happened: a batch comes for it nevertheless.
    this.#compareSoon();
  }

  async #dirty(text: string): Promise<void> {
    const { root, canary } = this.#options;
    const rootText = root.toString();
    const isCanary = canary !== undefined && text.startsWith(canary.toString());
    // The root's own events have its path, and the folder above is none of ours.
    const inside = text === rootText || text.startsWith(rootText + path.sep);
    const folders = isCanary ? [canary] : (await foldersMeantBy(inside ? text : rootText, root)).folders;
    for (const folder of folders) {
      await this.#stamps.aboutToTell(folder);
      this.#report(folder);
    }
  }

  #report(folder: Buffer): void {
    if (!this.#isClosed) this.#options.report({ kind: 'dirty', folder });
  }

  // --------------------------------------------------------------------------------------------- folders that appear

  async #follow(): Promise<void> {
    const paths = [...this.#appeared];
    this.#appeared = new Set();
    this.#timer = undefined;
    const found = await mapBounded(paths, LOOKS_AT_ONCE, async (text) => {
      const { folders, isWhole } = await foldersMeantBy(text, this.#options.root);
      const areFolders = await Promise.all(folders.map(isFolder));
      return isWhole ? folders.filter((folder, index) => areFolders[index] && !this.#isLeftOut(folder)) : [];
    });
    // Of the root itself the folder above would tell, and whoever owns this looks at it.
    const tops = topmost(found.flat().filter((folder) => !folder.equals(this.#options.root)));
    const [first] = tops;
    if (first !== undefined) tryWatching(first);
    // Also the one that is what it was: it may have been elsewhere, and nobody watched what came into it there.
    const others: Buffer[] = [];
    for (const top of tops) others.push(...this.#tell(await this.#stamps.compare(top)).appeared);
    await this.#cover(topmost([...tops, ...others]), (difference) => this.#tell(difference));
  }

  /** Watches these folders and all below them, and goes on until none of them became another one meanwhile. */
  async #cover(tops: readonly Buffer[], seen: (difference: Difference) => void): Promise<void> {
    if (WATCHES_TREES) return;
    const isFull = this.#subscriptions.length + tops.length > SUBSCRIPTIONS_MAX;
    const replaced = isFull ? this.#subscriptions.splice(0) : [];
    try {
      let next = tops;
      if (isFull) {
        // The old ones stay until the new one is known to have everything.
        await this.#subscribeAll();
        next = await this.#appearedIn(this.#options.root, seen);
      }
      for (let round = 0; next.length > 0 && !this.#isStopped; round++) {
        if (round >= COVER_ROUNDS_MAX)
          throw new WatcherFailure('event-rate', 'folders came and went faster than they could be watched');
        const appeared: Buffer[] = [];
        for (const top of next) {
          await this.#watchTree(top);
          appeared.push(...(await this.#appearedIn(top, seen)));
        }
        next = topmost(appeared);
      }
    } finally {
      await unsubscribe(replaced);
    }
  }

  async #appearedIn(top: Buffer, seen: (difference: Difference) => void): Promise<readonly Buffer[]> {
    const difference = await this.#stamps.compare(top);
    seen(difference);
    return topmost(difference.appeared);
  }

  async #watchTree(top: Buffer): Promise<void> {
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

  #isLeftOut(folder: Buffer): boolean {
    const { root, isIgnored } = this.#options;
    for (let above = folder; above.length > root.length; above = above.subarray(0, above.lastIndexOf(0x2f)))
      if (isIgnored(above)) return true;
    return false;
  }

  // ------------------------------------------------------------------------------------------------- what nobody told of

  #compareSoon(): void {
    const waitMs = Math.max(COMPARE_AFTER_MS, this.#compareTookMs * COMPARE_REST_FACTOR);
    this.#compareTimer ??= setTimeout(() => this.#inTurn(() => this.#compareAll()), waitMs);
  }

  async #compareAll(): Promise<void> {
    this.#compareTimer = undefined;
    const startedMs = systemClock.monotonicMs();
    const difference = await this.#stamps.compare(this.#options.root);
    this.#compareTookMs = systemClock.monotonicMs() - startedMs;
    this.#tell(difference);
    await this.#cover(topmost(difference.appeared), (later) => this.#tell(later));
    if (this.#stamps.isUnsure) this.#compareSoon();
  }

  #tell(difference: Difference): Difference {
    for (const folder of difference.changed) this.#report(folder);
    return difference;
  }

  #inTurn(work: () => Promise<void>): void {
    this.#turn = this.#turn.then(async () => {
      if (this.#isStopped) return;
      try {
        await work();
      } catch (error) {
        this.#fail(failureOf(error));
      }
    });
  }
}

async function unsubscribe(subscriptions: readonly AsyncSubscription[]): Promise<void> {
  await Promise.allSettled(subscriptions.map((subscription) => subscription.unsubscribe()));
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
