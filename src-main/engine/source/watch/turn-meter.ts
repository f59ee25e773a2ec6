/**
 * Whether libuv's queue of events may have overflowed without a word.
 *
 * libuv reads its one inotify queue until it is empty before anything else has a turn, and passes every event on. So if
 * the queue (16,384 events where nobody changed it) was ever full, that many events came within one turn of this thread's
 * loop. Some are lost on the way: of folders that are no longer watched. Hence a quarter of the size counts as full; what
 * remains is for the canary.
 */
import { readFile } from 'node:fs/promises';

const QUEUE_EVENTS_DEFAULT = 16_384;
const QUEUE_SIZE_FILE = '/proc/sys/fs/inotify/max_queued_events';

/** The queue is this thread's, and so is the meter: all watchers of a thread hear of it. */
const listeners = new Set<(count: number) => void>();
let count = 0;

/** Counts one event. */
export function noteEvent(): void {
  if (count++ > 0) return;
  setImmediate(() => {
    const inTurn = count;
    count = 0;
    for (const listener of listeners) listener(inTurn);
  });
}

/** Calls after each turn in which so many events came; until the returned function is called. */
export function onFullTurn(eventsMax: number, heard: (count: number) => void): () => void {
  const listener = (inTurn: number): void => {
    if (inTurn >= eventsMax) heard(inTurn);
  };
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/** How many events the system's queue holds. */
export async function queueEvents(): Promise<number> {
  const text = await readFile(QUEUE_SIZE_FILE, 'utf8').catch(() => '');
  return Number.parseInt(text, 10) || QUEUE_EVENTS_DEFAULT;
}
