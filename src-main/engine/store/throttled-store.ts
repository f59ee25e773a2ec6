/**
 * Stores that write no faster than they are told, so that a backup leaves room on a slow line or drive. Reading, listing
 * and deleting go through as they are.
 *
 * All writers of all wrapped stores share one bucket (kernel/rate-bucket.ts). Without a limit nothing is counted and
 * nothing waits.
 */
import { type Clock, RateBucket, type RateLimit } from '../kernel/index.ts';
import type { Store, StoreWriter } from './store.ts';

export type WriteThrottle = {
  /** The same store behind this throttle. */
  wrap(store: Store): Store;
  /** Sets the limit for all writing from now on; undefined takes it away. */
  limitTo(limit: RateLimit | undefined): void;
};

export type ThrottleOptions = {
  readonly clock: Clock;
  /** For tests; in milliseconds. */
  readonly wait?: (ms: number) => Promise<void>;
};

/** No limit is set at first. */
export function createWriteThrottle({ clock, wait }: ThrottleOptions): WriteThrottle {
  const bucket = new RateBucket(clock, wait);
  return {
    wrap: (store) => throttledStore(store, bucket),
    limitTo: (limit) => bucket.limitTo(limit),
  };
}

function throttledStore(inner: Store, bucket: RateBucket): Store {
  return {
    description: inner.description,
    ...(inner.clock === undefined ? {} : { clock: inner.clock }),
    ...(inner.temporaryTag === undefined ? {} : { temporaryTag: inner.temporaryTag }),
    ...(inner.removeTemporaryOf === undefined
      ? {}
      : { removeTemporaryOf: (tags) => inner.removeTemporaryOf?.(tags) ?? Promise.resolve() }),
    ...(inner.listFolders === undefined
      ? {}
      : { listFolders: (folder) => inner.listFolders?.(folder) ?? Promise.resolve([]) }),
    create: async (folder, check) => throttledWriter(await inner.create(folder, check), bucket),
    read: (name, range, options) => inner.read(name, range, options),
    stat: (name) => inner.stat(name),
    list: (folder) => inner.list(folder),
    listNames: (folder) => inner.listNames(folder),
    move: (from, to) => inner.move(from, to),
    remove: (names, options) => inner.remove(names, options),
  };
}

function throttledWriter(inner: StoreWriter, bucket: RateBucket): StoreWriter {
  return {
    get sizeBytes() {
      return inner.sizeBytes;
    },
    append: async (bytes) => {
      await inner.append(bytes);
      await bucket.take(bytes.length);
    },
    finish: (name, options) => inner.finish(name, options),
    abort: () => inner.abort(),
  };
}
