/**
 * The watcher for Linux: inotify without a library between. A folder costs the kernel a watch and this process some
 * hundred bytes. What it is sure of comes from the kernel's own rules: events stand in one queue in their order, the queue
 * says when it overflowed, and a watch says when it ends.
 *
 * A folder that appears (made, moved in, or readable at last) is watched first and listed then; folders found in it the
 * same. Whatever came into it before the watch was there is seen by whoever looks after it was reported; whatever comes
 * later is an event. One that is moved away is dropped with everything below, and found again where it appears.
 *
 * The queue is read by a timer: Node lets nobody wait for a descriptor of one's own, and a fifth of a second is nothing
 * beside the seconds in which changes settle.
 */
import { displayPath } from '../../../../src-shared/format/index.ts';
import { joinPath } from '../folder.ts';
import { Glance } from './glance.ts';
import { type Inotify, MASK, codeOfResult, hasInotify, openInotify } from './inotify-native.ts';
import { type Place, WatchTree } from './inotify-tree.ts';
import { FolderLister, subfolderNames, withAccess } from './subfolders.ts';
import { type LostReason, type WatchOptions, type Watcher, WatcherFailure } from './watcher.ts';

/** Between two looks at the queue: while events come, and while none do. */
const BUSY_MS = 20;
const IDLE_MS = 200;
/** 2,000 events and more. */
const READ_BYTES = 64 * 1024;
/** Reads before other work of this thread has its turn: some 60,000 events, 15 ms. */
const READS_PER_TURN_MAX = 32;
/** struct inotify_event: descriptor, mask, cookie, length of the name, each 32 bits. */
const EVENT_BYTES = 16;

/** A folder that is gone, or no folder any more, or not for this user: nothing to watch, and nothing to back up. */
const NOT_THERE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EPERM', 'ENODEV', 'ESTALE']);

type Found = { readonly place: Place; readonly isNew: boolean; readonly bytes: number | undefined };

export async function openInotifyWatcher(options: WatchOptions): Promise<Watcher> {
  if (!hasInotify()) throw new WatcherFailure('not-available', 'inotify can’t be called here');
  const queue = openInotify();
  if (typeof queue === 'number') {
    const code = codeOfResult(queue);
    throw new WatcherFailure(code === 'EMFILE' || code === 'ENFILE' ? 'open-files' : 'error', `inotify_init1: ${code}`);
  }
  const watcher = new InotifyWatcher(queue, options);
  try {
    await watcher.start();
  } catch (error) {
    await watcher.close();
    throw error;
  }
  return watcher;
}

class InotifyWatcher implements Watcher {
  readonly kind = 'inotify';
  readonly #queue: Inotify;
  readonly #options: WatchOptions;
  readonly #tree: WatchTree;
  readonly #glance = new Glance();
  readonly #lister: FolderLister<Found>;
  readonly #buffer = Buffer.alloc(READ_BYTES);
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** Set once; a watcher that lost something is closed by its owner. */
  #failure: WatcherFailure | undefined;
  #isOpen = false;

  constructor(queue: Inotify, options: WatchOptions) {
    this.#queue = queue;
    this.#options = options;
    this.#tree = new WatchTree((watch) => queue.remove(watch));
    this.#lister = new FolderLister<Found>(
      ({ place, bytes }) => subfolderNames(this.#tree.pathOf(place), bytes),
      ({ place, isNew }, names) => {
        // Dropped meanwhile: it is found again where it is now, and its names are those of whoever took its path.
        if (!this.#tree.isPlaced(place)) return;
        for (const name of names) this.#enter(place, name.toString('latin1'), isNew);
      },
    );
  }

  get folders(): number {
    return this.#tree.size;
  }

  async start(): Promise<void> {
    const { root, canary, signal } = this.#options;
    const stop = (): void => this.#fail('error', 'stopped');
    signal.addEventListener('abort', stop, { once: true });
    this.#wait(BUSY_MS);
    for (const folder of canary === undefined ? [root] : [root, canary]) {
      const watch = this.#add(folder);
      if (watch === undefined && this.#failure === undefined) {
        this.#fail('root-moved', `${displayPath(folder)} can’t be watched`);
      }
      if (watch !== undefined) this.#list(this.#tree.put(watch, undefined, folder.toString('latin1')), folder, false);
    }
    await this.#lister.idle();
    signal.removeEventListener('abort', stop);
    if (signal.aborted || this.#isClosed) throw new WatcherFailure('closed', 'stopped');
    if (this.#failure !== undefined) throw this.#failure;
    this.#isOpen = true;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#lister.close();
    this.#queue.close();
  }

  #fail(reason: LostReason, detail: string): void {
    if (this.#failure !== undefined || this.#isClosed) return;
    this.#failure = new WatcherFailure(reason, detail);
    clearTimeout(this.#timer);
    this.#lister.close();
    // Before that, whoever waits for `start` hears it.
    if (this.#isOpen) this.#options.report({ kind: 'lost', reason, detail });
  }

  // --------------------------------------------------------------------------------------------- folders that appear

  /** A folder in one that is watched. `isNew`: it was not there, or not known, when the watcher was opened. */
  #enter(parent: Place, name: string, isNew: boolean): void {
    const path = joinPath(this.#tree.pathOf(parent), Buffer.from(name, 'latin1'));
    if (this.#failure !== undefined || this.#isClosed || this.#options.isIgnored(path)) return;
    const watch = this.#add(path);
    if (watch === undefined) return;
    this.#list(this.#tree.put(watch, parent, name), path, isNew);
    if (isNew) this.#report(path);
  }

  #report(folder: Buffer): void {
    if (!this.#isClosed) this.#options.report({ kind: 'dirty', folder });
  }

  /** After it is watched: a folder that comes into it from here on is an event. */
  #list(place: Place, path: Buffer, isNew: boolean): void {
    const { hasNone, bytes } = withAccess(path, (access) => this.#glance.at(access)) ?? { hasNone: true, bytes: 0 };
    if (!hasNone) this.#lister.add({ place, isNew, bytes });
  }

  #add(path: Buffer): number | undefined {
    const watch = withAccess(path, (access) => this.#queue.add(access));
    if (watch === undefined || watch >= 0) return watch;
    const code = codeOfResult(watch);
    if (NOT_THERE.has(code)) return undefined;
    const reason = code === 'ENOSPC' ? 'watch-limit' : 'error';
    this.#fail(reason, `${displayPath(path)} can’t be watched: ${code}, after ${this.#tree.size} folders`);
    return undefined;
  }

  // ---------------------------------------------------------------------------------------------------- the queue

  #wait(delayMs: number): void {
    this.#timer = setTimeout(() => this.#drain(), delayMs);
  }

  #drain(): void {
    const touched = new Set<Place>();
    let reads = 0;
    let count = 1;
    while (reads < READS_PER_TURN_MAX && this.#failure === undefined) {
      count = this.#queue.read(this.#buffer);
      if (count < 0) this.#fail('error', `the queue can’t be read: ${codeOfResult(count)}`);
      if (count <= 0) break;
      reads++;
      this.#take(this.#buffer.subarray(0, count), touched);
    }
    for (const place of touched) this.#report(this.#tree.pathOf(place));
    if (this.#failure === undefined && !this.#isClosed) this.#wait(count > 0 ? 0 : reads > 0 ? BUSY_MS : IDLE_MS);
  }

  #take(events: Buffer, touched: Set<Place>): void {
    for (let at = 0; at + EVENT_BYTES <= events.length;) {
      const watch = events.readInt32LE(at);
      const mask = events.readUInt32LE(at + 4);
      const nameBytes = events.readUInt32LE(at + 12);
      const name = events.subarray(at + EVENT_BYTES, at + EVENT_BYTES + nameBytes);
      at += EVENT_BYTES + nameBytes;
      if ((mask & MASK.overflow) !== 0) return this.#fail('overflow', 'the system’s queue of events was full');
      for (const place of this.#tree.placesOf(watch)) {
        touched.add(place);
        if ((mask & MASK.isFolder) !== 0 && nameBytes > 0) this.#takeFolder(place, textOf(name), mask);
        if (!this.#takeSelf(place, mask)) return;
      }
      if ((mask & MASK.ignored) !== 0) this.#tree.forget(watch);
    }
  }

  /** What happened to a folder inside one that is watched. */
  #takeFolder(parent: Place, name: string, mask: number): void {
    const known = this.#tree.child(parent, name);
    if ((mask & (MASK.delete | MASK.movedFrom)) !== 0 && known !== undefined) this.#tree.drop(known);
    // With other attributes a folder may have become readable.
    const appears =
      (mask & (MASK.create | MASK.movedTo)) !== 0 || ((mask & MASK.attributes) !== 0 && known === undefined);
    if (appears) this.#enter(parent, name, true);
  }

  /** What happened to a watched folder itself. False: nothing can be relied on any more. */
  #takeSelf(place: Place, mask: number): boolean {
    const isRoot = place.parent === undefined;
    if ((mask & MASK.unmount) !== 0 || (isRoot && (mask & (MASK.moveSelf | MASK.deleteSelf)) !== 0)) {
      this.#fail('root-moved', `${displayPath(this.#tree.pathOf(place))} was moved, removed or unmounted`);
    }
    return this.#failure === undefined;
  }
}

/** A name stands before NULs that fill it up. */
function textOf(name: Buffer): string {
  const end = name.indexOf(0);
  return name.toString('latin1', 0, end < 0 ? name.length : end);
}
