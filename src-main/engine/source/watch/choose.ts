/**
 * Which watcher for which tree, by measurement (test/bench/watch.ts), and what to do where one can't be had.
 *
 * Linux: inotify without a library, whatever the size; where it can't be called, chokidar for trees it can bear and
 * @parcel/watcher above that. Elsewhere one handle of the system stands for a whole tree, and the question is only what
 * the library keeps for itself: chokidar first, @parcel/watcher for large trees.
 */
import process from 'node:process';
import { openChokidarWatcher } from './chokidar-watcher.ts';
import { hasInotify } from './inotify-native.ts';
import { openInotifyWatcher } from './inotify-watcher.ts';
import { openParcelWatcher } from './parcel-watcher.ts';
import {
  type OpenWatcher,
  type WatchOptions,
  type Watcher,
  WatcherFailure,
  type WatcherKind,
  failureOf,
} from './watcher.ts';

/**
 * Up to here chokidar costs a few seconds and some ten megabytes; its memory grows with files too (48 to a folder where
 * this was measured), and is some 140 KB a folder beyond.
 */
export const CHOKIDAR_FOLDERS_MAX = 2000;

const OPENERS: Readonly<Record<WatcherKind, OpenWatcher>> = {
  inotify: openInotifyWatcher,
  chokidar: openChokidarWatcher,
  parcel: openParcelWatcher,
};

/** What to try, in this order, for a tree of so many folders. */
export function chooseWatcher(folders: number, inotify = hasInotify()): readonly WatcherKind[] {
  const libraries: readonly WatcherKind[] =
    folders <= CHOKIDAR_FOLDERS_MAX ? ['chokidar', 'parcel'] : ['parcel', 'chokidar'];
  return inotify ? ['inotify', ...libraries] : libraries;
}

/**
 * Opens the first that can be. What passes, and a limit that the others would meet too, ends the search.
 * @throws WatcherFailure of the one that was tried first
 */
export async function openWatcher(
  kinds: readonly WatcherKind[],
  options: (kind: WatcherKind) => Promise<WatchOptions>,
): Promise<Watcher> {
  let first: WatcherFailure | undefined;
  for (const kind of kinds) {
    try {
      return await OPENERS[kind](await options(kind));
    } catch (error) {
      const failure = failureOf(error);
      if (first === undefined || first.reason === 'not-available') first = failure;
      if (isPassing(failure) || isSharedLimit(failure)) throw failure;
    }
  }
  throw first ?? new WatcherFailure('not-available', 'no watcher was named');
}

/** Nothing that another kind would do better. */
export function isPassing({ reason }: WatcherFailure): boolean {
  return (
    reason === 'closed' ||
    reason === 'root-moved' ||
    reason === 'overflow' ||
    reason === 'event-rate' ||
    reason === 'canary'
  );
}

function isSharedLimit({ reason }: WatcherFailure): boolean {
  return process.platform === 'linux' && (reason === 'watch-limit' || reason === 'open-files');
}
