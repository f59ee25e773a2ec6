/**
 * What proves that a watch is alive.
 *
 * Nothing short of a look at the folder itself: a change that is not reported looks like no change. What can be shown is
 * less, and each piece says something else:
 *
 *   - inotify called directly says in the queue itself when a watch ends and when events were dropped. As long as the
 *     queue is read, silence means that nothing happened. It needs no canary.
 *   - Libraries keep both to themselves. All their watches of a process share one queue, in which events stand in order.
 *     So a file of Cairn's own, in a folder watched on the same queue, is written now and then: if that is not reported,
 *     the queue was full at that moment, or nobody reads it. It is written more often while many events come, for then
 *     the queue may be full now and empty a moment later. It proves nothing about the watch of another folder.
 *   - A process that stood still (stopped, or its loop blocked) left the queue to fill up. Its own timers tell.
 *
 * Hence the last word is the scheduled look at everything, which compares and names what was missed.
 *
 * The file lies in CAIRN_HOME and never in a folder of the user.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { After, Clock } from '../../kernel/index.ts';

const TICK_MS = 1000;
/** Ticks between two writes: on quiet days, and while many events come. */
const IDLE_TICKS = 60;
const BUSY_TICKS = 1;
const BUSY_EVENTS_PER_TICK = 1000;
/** How long an answer may take: the queue may have 16,000 events before it. */
const ANSWER_TICKS = 10;
/** A tick this late: the queue filled up while nobody read it. */
const LATE_MS = 3000;

export type CanaryOptions = {
  readonly folder: Buffer;
  readonly clock: Clock;
  readonly after: After;
  /** Called once. */
  readonly lost: (detail: string) => void;
};

export class Canary {
  readonly #options: CanaryOptions;
  readonly #file: string;
  #ticksSinceWrite = 0;
  #isWaiting = false;
  #events = 0;
  #lastTickMs: number;
  #cancel: (() => void) | undefined;

  constructor(options: CanaryOptions) {
    this.#options = options;
    this.#file = path.join(options.folder.toString(), 'canary');
    this.#lastTickMs = options.clock.monotonicMs();
  }

  /** Makes the folder that the watcher is given. Throws the system's errors. */
  async makeFolder(): Promise<void> {
    await mkdir(this.#options.folder, { recursive: true, mode: 0o700 });
  }

  /** From when on the watcher is open. */
  start(): void {
    this.#lastTickMs = this.#options.clock.monotonicMs();
    this.#ticksSinceWrite = IDLE_TICKS;
    this.#next();
  }

  /** The watcher reported the canary's folder. */
  heard(): void {
    this.#isWaiting = false;
  }

  /** It reported any folder. */
  noteEvent(): void {
    this.#events++;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #next(): void {
    this.#cancel = this.#options.after(TICK_MS, () => this.#tick());
  }

  #tick(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const lateMs = nowMs - this.#lastTickMs - TICK_MS;
    const isBusy = this.#events >= BUSY_EVENTS_PER_TICK;
    this.#lastTickMs = nowMs;
    this.#events = 0;
    this.#ticksSinceWrite++;
    if (lateMs > LATE_MS) return this.#options.lost(`this process stood still for ${Math.round(lateMs / 1000)} s`);
    if (this.#isWaiting && this.#ticksSinceWrite > ANSWER_TICKS) {
      return this.#options.lost(`a change of Cairn’s own was not reported within ${ANSWER_TICKS} s`);
    }
    if (!this.#isWaiting && this.#ticksSinceWrite >= (isBusy ? BUSY_TICKS : IDLE_TICKS)) this.#write(nowMs);
    this.#next();
  }

  #write(nowMs: number): void {
    this.#ticksSinceWrite = 0;
    this.#isWaiting = true;
    writeFile(this.#file, String(nowMs), { mode: 0o600 }).catch(() => {
      // A full disk says nothing about the watcher.
      this.#isWaiting = false;
    });
  }
}
