/**
 * Watching a folder tree: what every kind of watcher gives, whichever library or system call is behind it.
 *
 * Events are hints. “Dirty” names a folder whose listing, or an entry of it, may have changed; whoever hears it looks
 * again, and finds it gone as often as not. A watcher owes two things:
 *
 *   1. Every folder whose listing differs from what it was when `open` resolved is reported, however it came to differ:
 *      a file written in it, or the folder made, moved in or replaced together with everything above it.
 *   2. Where it can't be sure of that, it says `lost` once, and is then of no more use: its owner opens another one and
 *      looks at everything.
 *
 * What no watcher sees: a write through another name of a hard-linked file (only the folder of the name that was written
 * through is told), writes through a memory map while the file stays open, and what another computer does on a network
 * drive. The first is for the owner to find by inode, the others are for the scheduled full look.
 */

/** Why a watcher may have missed something. */
export type LostReason =
  /** The system's queue of events was full. */
  | 'overflow'
  /** So many events at once that the queue may have been full without anyone saying so. */
  | 'event-rate'
  /** A change of Cairn's own was not reported. */
  | 'canary'
  /** The system lets this user watch no more folders. */
  | 'watch-limit'
  /** This program, or the system, may open no more files. */
  | 'open-files'
  /** Folders with names or paths that this kind of watcher can't follow. */
  | 'names'
  /** The root is no longer where it was. */
  | 'root-moved'
  | 'error';

export type WatchEvent =
  /** `folder` is an absolute path below (or of) the root, in raw bytes. */
  | { readonly kind: 'dirty'; readonly folder: Buffer }
  | { readonly kind: 'lost'; readonly reason: LostReason; readonly detail: string };

export type WatchOptions = {
  /** Absolute, with no link in it. */
  readonly root: Buffer;
  /** A folder of Cairn's own that is watched too, on the same queue (canary.ts). */
  readonly canary: Buffer | undefined;
  /** Folders that the rules leave out, with all in them: they need not be watched, and may be all the same. */
  readonly isIgnored: (folder: Buffer) => boolean;
  /** Called from `open` on; never after `close` has been called, and nothing but `dirty` follows a `lost`. */
  readonly report: (event: WatchEvent) => void;
  readonly signal: AbortSignal;
};

export type WatcherKind = 'inotify' | 'chokidar' | 'parcel';

export type Watcher = {
  readonly kind: WatcherKind;
  /** How many folders are watched, as far as it is known. */
  readonly folders: number;
  readonly close: () => Promise<void>;
};

/** Resolves when every folder is watched. @throws WatcherFailure */
export type OpenWatcher = (options: WatchOptions) => Promise<Watcher>;

/** A watcher that can't be opened, or not here. */
export class WatcherFailure extends Error {
  override readonly name = 'WatcherFailure';
  readonly reason: LostReason | 'not-available' | 'closed';

  constructor(reason: WatcherFailure['reason'], detail: string) {
    super(detail);
    this.reason = reason;
  }
}

/** What the system means by an error of watching: limits that a person can raise, or just an error. */
export function failureOf(error: unknown): WatcherFailure {
  if (error instanceof WatcherFailure) return error;
  const detail = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : detail;
  // Libraries that have no codes say “No space left on device” and “Too many open files” in words.
  if (/ENOSPC|no space left/i.test(code) || /no space left/i.test(detail))
    return new WatcherFailure('watch-limit', detail);
  if (/EMFILE|ENFILE|too many open files/i.test(`${code} ${detail}`)) return new WatcherFailure('open-files', detail);
  return new WatcherFailure('error', detail);
}
