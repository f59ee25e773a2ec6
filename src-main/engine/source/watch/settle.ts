/**
 * Folders that became dirty, gathered until it is quiet, and handed over in one piece.
 *
 *   - Quiet: nothing for `quietMs`. But never later than `ceilingMs` after the first one: a file that is written for hours
 *     has to be protected meanwhile.
 *   - One batch at a time: what comes while one is being worked on waits for the next. A batch that was refused (its
 *     promise was rejected) comes back and is tried again.
 *   - Bounded: of more folders than `foldersMax` it only says “everything”, which then costs about the same. After a look
 *     at everything the next one waits for some times as long as that one took, so that a flood of events can't keep the
 *     drive busy with nothing else.
 */
import type { After, Clock } from '../../kernel/index.ts';
import { unawaited } from './unawaited.ts';
import type { LostReason } from './watcher.ts';

/** Why everything is to be looked at. */
export type LookReason =
  | LostReason
  /** Watching begins: nobody knows what happened before. */
  | 'started'
  /** The computer slept. */
  | 'resumed'
  | 'rules-changed'
  /** The source was away, or something else is mounted in or above it. */
  | 'remounted'
  /** More dirty folders than are worth listing. */
  | 'many-folders';

export type Batch =
  | { readonly kind: 'folders'; readonly folders: readonly Buffer[] }
  | { readonly kind: 'everything'; readonly reason: LookReason; readonly detail: string };

export type SettleTimes = {
  readonly quietMs: number;
  readonly ceilingMs: number;
  /** Before a refused batch is handed over again. */
  readonly retryMs: number;
  /** The pause after a look at everything, in times of its duration. */
  readonly restFactor: number;
  readonly restMaxMs: number;
  readonly foldersMax: number;
};

/** `foldersMax`: paths of 100 bytes make 5 MB; reading as many folders again takes some seconds. */
export const SETTLE_DEFAULTS: SettleTimes = {
  quietMs: 2000,
  ceilingMs: 30_000,
  retryMs: 10_000,
  restFactor: 4,
  restMaxMs: 10 * 60_000,
  foldersMax: 30_000,
};

export type SettlerOptions = {
  readonly clock: Clock;
  readonly after: After;
  readonly times: SettleTimes;
  /** Asked before each hand-over; “false” means not now. */
  readonly isReady: () => Promise<boolean>;
  /** Takes its mark in a journal before it waits for anything: what comes after the call is not part of the batch. */
  readonly deliver: (batch: Batch) => Promise<void>;
};

type Everything = Extract<Batch, { kind: 'everything' }>;

export class Settler {
  readonly #options: SettlerOptions;
  /** Paths as latin1: bytes one to one, and half the size of a buffer each. */
  readonly #folders = new Set<string>();
  #everything: Everything | undefined;
  #firstMs = 0;
  #lastMs = 0;
  /** Nothing is handed over before this. */
  #notBeforeMs = 0;
  #lookNotBeforeMs = 0;
  #isHeld = false;
  #isDelivering = false;
  #isClosed = false;
  #cancel: (() => void) | undefined;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** How many folders wait. */
  get pending(): number | 'everything' {
    return this.#everything === undefined ? this.#folders.size : 'everything';
  }

  /** True where this is news: the folder did not wait already, and neither did everything. */
  dirty(folder: Buffer): boolean {
    if (this.#isClosed) return false;
    this.#noteTime();
    const size = this.#folders.size;
    if (this.#everything === undefined) this.#folders.add(folder.toString('latin1'));
    this.#armOnce();
    return this.#folders.size > size;
  }

  /** True where more folders wait than are worth naming: then the caller says `everything`. */
  get isFull(): boolean {
    return this.#folders.size > this.#options.times.foldersMax;
  }

  /** True where this is news. The first reason stays. */
  everything(reason: LookReason, detail: string): boolean {
    if (this.#isClosed) return false;
    this.#noteTime();
    const isNews = this.#everything === undefined;
    this.#everything ??= { kind: 'everything', reason, detail };
    this.#folders.clear();
    this.#armOnce();
    return isNews;
  }

  /** Hands nothing over until `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#arm();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
    this.#folders.clear();
  }

  #noteTime(): void {
    this.#lastMs = this.#options.clock.monotonicMs();
    if (this.pending === 0) this.#firstMs = this.#lastMs;
  }

  /** What is due is asked again when the timer fires: it is not set anew for each of ten thousand events. */
  #armOnce(): void {
    if (this.#cancel === undefined) this.#arm();
  }

  #dueMs(): number {
    const { quietMs, ceilingMs } = this.#options.times;
    const settledMs = Math.min(this.#lastMs + quietMs, this.#firstMs + ceilingMs);
    return Math.max(settledMs, this.#notBeforeMs, this.#everything === undefined ? 0 : this.#lookNotBeforeMs);
  }

  #arm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.pending === 0 || this.#isClosed || this.#isHeld || this.#isDelivering) return;
    const waitMs = Math.max(0, this.#dueMs() - this.#options.clock.monotonicMs());
    this.#cancel = this.#options.after(waitMs, () => {
      this.#cancel = undefined;
      if (this.#options.clock.monotonicMs() < this.#dueMs()) this.#arm();
      else unawaited(this.#handOver());
    });
  }

  async #handOver(): Promise<void> {
    this.#isDelivering = true;
    try {
      if (await this.#options.isReady().catch(() => false)) await this.#deliver();
      else this.#notBeforeMs = this.#options.clock.monotonicMs() + this.#options.times.retryMs;
    } finally {
      this.#isDelivering = false;
      this.#arm();
    }
  }

  async #deliver(): Promise<void> {
    const { clock, times, deliver } = this.#options;
    if (this.#isClosed || this.#isHeld) return;
    const batch: Batch = this.#everything ?? {
      kind: 'folders',
      folders: [...this.#folders].map((folder) => Buffer.from(folder, 'latin1')),
    };
    this.#everything = undefined;
    this.#folders.clear();
    const startedMs = clock.monotonicMs();
    try {
      await deliver(batch);
    } catch {
      // Whoever refuses it says why; here it only has to come again.
      return this.#putBack(batch);
    }
    if (batch.kind === 'everything') {
      const endedMs = clock.monotonicMs();
      this.#lookNotBeforeMs = endedMs + Math.min((endedMs - startedMs) * times.restFactor, times.restMaxMs);
    }
  }

  #putBack(batch: Batch): void {
    this.#notBeforeMs = this.#options.clock.monotonicMs() + this.#options.times.retryMs;
    if (batch.kind === 'everything') this.everything(batch.reason, batch.detail);
    else for (const folder of batch.folders) this.dirty(folder);
  }
}
