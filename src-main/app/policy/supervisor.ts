/**
 * Keeps the engine's process alive. A process that ends unasked is started again: at once after a long life, later and
 * later after short ones, and for ever, because a backup that is due tomorrow must not depend on someone looking today.
 *
 * A process that says why it can't start is another matter: it is ended and not started again by itself, because what is
 * in its way is for a person to see to. Whoever asks for it then has it tried once more.
 *
 * Whoever needs the engine waits with `running()`. Time comes from outside, so a test lives through hours at once.
 */

/** A process that answers. `stop` asks it to end; `kill` does not ask. */
export type Supervised = { readonly stop: () => void; readonly kill: () => void };

export type Timers = {
  readonly nowMs: () => number;
  /** Returns what cancels it. */
  readonly after: (milliseconds: number, work: () => void) => () => void;
};

export type SupervisedEvents = {
  readonly onReady: () => void;
  readonly onRefused: (reason: Error) => void;
  readonly onExit: (status: number) => void;
};

export type SupervisorOptions<Child extends Supervised> = {
  /**
   * Starts a process. Later `onReady` is called when it answers, or `onRefused` with the reason when it can't start, and
   * `onExit` once when it has ended, however it did.
   */
  readonly start: (events: SupervisedEvents) => Child;
  readonly timers: Timers;
  /** Every end that nobody asked for, with how many there were in a row. */
  readonly onCrash: (crash: { readonly exitStatus: number; readonly inARow: number }) => void;
};

export const FIRST_DELAY_MS = 250;
export const DELAY_MS_MAX = 30_000;
/** A process that answered for so long has proved that it works: the next crash is counted as the first. */
export const PROVEN_AFTER_MS = 60_000;
/** The first opening of a large catalog is slow; a process that says nothing for longer hangs. */
export const READY_WITHIN_MS = 60_000;
/** How long a process may take to close its leases before it is killed. */
export const STOP_WITHIN_MS = 10_000;

type Waiter<Child> = { readonly resolve: (child: Child) => void; readonly reject: (error: Error) => void };

/** 0, then 250 ms doubling to half a minute. */
export function restartDelayMs(crashesInARow: number): number {
  if (crashesInARow <= 1) return 0;
  return Math.min(DELAY_MS_MAX, FIRST_DELAY_MS * 2 ** (crashesInARow - 2));
}

export class Supervisor<Child extends Supervised> {
  readonly #options: SupervisorOptions<Child>;
  readonly #waiters = new Set<Waiter<Child>>();
  #child: Child | undefined;
  #readyAtMs: number | undefined;
  #crashesInARow = 0;
  #isRefused = false;
  #isStopping = false;
  #cancelTimer: () => void = () => undefined;
  #onStopped: () => void = () => undefined;

  constructor(options: SupervisorOptions<Child>) {
    this.#options = options;
  }

  start(): void {
    if (this.#child !== undefined || this.#isStopping) return;
    this.#readyAtMs = undefined;
    const child = this.#options.start({
      onReady: () => this.#becomeReady(child),
      onRefused: (reason) => this.#refused(child, reason),
      onExit: (exitStatus) => this.#exited(exitStatus),
    });
    this.#child = child;
    this.#cancelTimer = this.#options.timers.after(READY_WITHIN_MS, () => child.kill());
  }

  /** The process that answers now, or nothing. */
  current(): Child | undefined {
    return this.#readyAtMs === undefined ? undefined : this.#child;
  }

  /** The process that answers, at once or when there is one again. Rejects with what a process says is in its way. */
  running(withinMs: number): Promise<Child> {
    const current = this.current();
    if (current !== undefined) return Promise.resolve(current);
    if (this.#isStopping) return Promise.reject(new Error('The engine is being closed.'));
    return new Promise((resolve, reject) => {
      const cancelTimer = this.#options.timers.after(withinMs, () => {
        if (this.#waiters.delete(waiter)) reject(new Error('The engine does not start.'));
      });
      const waiter: Waiter<Child> = {
        resolve: (child) => {
          cancelTimer();
          resolve(child);
        },
        reject: (error) => {
          cancelTimer();
          reject(error);
        },
      };
      this.#waiters.add(waiter);
      if (this.#isRefused && this.#child === undefined) this.#startRefused();
    });
  }

  /** Asks the process to end, kills it when it takes too long, and resolves when it is gone for good. */
  stop(): Promise<void> {
    this.#isStopping = true;
    this.#cancelTimer();
    for (const waiter of this.#waiters) waiter.reject(new Error('The engine is being closed.'));
    this.#waiters.clear();
    const child = this.#child;
    if (child === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onStopped = resolve;
      this.#cancelTimer = this.#options.timers.after(STOP_WITHIN_MS, () => child.kill());
      child.stop();
    });
  }

  #becomeReady(child: Child): void {
    if (this.#isStopping || this.#readyAtMs !== undefined) return;
    this.#cancelTimer();
    this.#readyAtMs = this.#options.timers.nowMs();
    for (const waiter of this.#waiters) waiter.resolve(child);
    this.#waiters.clear();
  }

  #refused(child: Child, reason: Error): void {
    if (this.#isStopping || this.#readyAtMs !== undefined) return;
    this.#cancelTimer();
    this.#isRefused = true;
    for (const waiter of this.#waiters) waiter.reject(reason);
    this.#waiters.clear();
    child.kill();
  }

  #startRefused(): void {
    this.#isRefused = false;
    this.start();
  }

  #exited(exitStatus: number): void {
    this.#cancelTimer();
    this.#child = undefined;
    if (this.#isStopping) return this.#onStopped();
    if (this.#isRefused) {
      // Somebody may have asked while it ended.
      if (this.#waiters.size > 0) this.#startRefused();
      return;
    }
    const livedMs = this.#readyAtMs === undefined ? 0 : this.#options.timers.nowMs() - this.#readyAtMs;
    this.#readyAtMs = undefined;
    this.#crashesInARow = livedMs >= PROVEN_AFTER_MS ? 1 : this.#crashesInARow + 1;
    this.#options.onCrash({ exitStatus, inARow: this.#crashesInARow });
    this.#cancelTimer = this.#options.timers.after(restartDelayMs(this.#crashesInARow), () => this.start());
  }
}
