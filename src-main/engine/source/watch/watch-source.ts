/**
 * One source, watched: owns the watcher, begins it anew when it may have missed something, and hands settled changes over.
 *
 *   - Every beginning is followed by a look at everything, and the log says why. The order is what makes it safe: first
 *     the watcher is open, then everything is dirty, so that nothing happens between the look and the watching.
 *   - A root that is gone hands over nothing at all: an empty mount point is not a source in which everything was
 *     deleted. It is looked for every few seconds, before each hand-over too, and whoever makes a backup asks
 *     `isPresent` again before publishing it.
 *   - Where no watcher can be had the state says so in words for a person, and one is tried again now and then.
 */
import { displayPath } from '../../../../src-shared/format/index.ts';
import type { LogLevel } from '../../kernel/index.ts';
import { Canary } from './canary.ts';
import { chooseWatcher, isPassing, openWatcher } from './choose.ts';
import {
  type RootChange,
  type RootIdentity,
  type RootLook,
  compareRoots,
  lookAtRoot,
  underRoot,
  whyGone,
} from './root-identity.ts';
import { isWithin } from './mount-table.ts';
import { scanOnlyMessage } from './scan-only.ts';
import { type LookReason, Settler } from './settle.ts';
import { unawaited } from './unawaited.ts';
import {
  type WatchSource,
  type WatchSourceOptions,
  type WatchState,
  type WatchTimes,
  WATCH_DEFAULTS,
} from './watch-options.ts';
import { type WatchEvent, type Watcher, failureOf } from './watcher.ts';

/** A root that does not answer for so long counts as gone: a network drive whose server is away. */
const ANSWER_MS = 15_000;

type Request = {
  readonly reason: LookReason;
  readonly detail: string;
  /** It comes from a watcher that failed, so the next one waits a little. */
  readonly isFailure: boolean;
  /** Where no watcher can be had, this alone is no reason to look at everything again. */
  readonly isRetry: boolean;
};

const request = (reason: LookReason, detail: string): Request => ({ reason, detail, isFailure: false, isRetry: false });

/** Begins at once; `stateChanged` tells how it goes. */
export function watchSource(options: WatchSourceOptions): WatchSource {
  return new Supervisor(options);
}

class Supervisor implements WatchSource {
  readonly #options: WatchSourceOptions;
  readonly #times: WatchTimes;
  readonly #settler: Settler;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  #state: WatchState = { kind: 'starting' };
  /** What it was when it was last begun to be watched. */
  #identity: RootIdentity | undefined;
  #mountPoint: Buffer | undefined;
  #watcher: Watcher | undefined;
  #openedMs = 0;
  #failures = 0;
  #canary: Canary | undefined;
  /** What the loop is to do next; the first of several stays. */
  #request: Request | undefined;
  #wake: () => void = () => undefined;
  #looking: Promise<RootLook> | undefined;
  #cancelPoll: (() => void) | undefined;

  constructor(options: WatchSourceOptions) {
    this.#options = options;
    this.#times = { ...WATCH_DEFAULTS, ...options.times };
    this.#mountPoint = options.mountPoint;
    this.#settler = new Settler({
      clock: options.ports.clock,
      after: options.after,
      times: this.#times,
      isReady: () => this.isPresent(),
      deliver: options.deliver,
    });
    this.#settler.hold();
    this.#ended = this.#run();
    this.#poll();
  }

  get state(): WatchState {
    const folders = this.#watcher?.folders;
    return this.#state.kind === 'watching' && folders !== undefined ? { ...this.#state, folders } : this.#state;
  }

  get pending(): number | 'everything' {
    return this.#settler.pending;
  }

  get mountPoint(): Buffer | undefined {
    return this.#mountPoint;
  }

  async isPresent(): Promise<boolean> {
    const before = this.#identity;
    return before !== undefined && this.#judge(compareRoots(before, await this.#look()));
  }

  resumed(): void {
    this.#ask(request('resumed', 'the computer slept'));
  }

  rulesChanged(): void {
    this.#ask(request('rules-changed', 'the rules of what to leave out are others'));
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    this.#cancelPoll?.();
    this.#settler.close();
    this.#wake();
    await this.#ended;
  }

  // ------------------------------------------------------------------------------------------------------- the loop

  async #run(): Promise<void> {
    let next = request('started', 'watching begins');
    while (!this.#stopping.signal.aborted) {
      await this.#begin(next);
      next = await this.#nextRequest();
      this.#settler.hold();
      await this.#end();
      if (next.isFailure) await this.#backOff();
    }
    await this.#end();
    this.#become({ kind: 'closed' });
  }

  async #begin(cause: Request): Promise<void> {
    const look = await this.#look();
    if (this.#stopping.signal.aborted) return;
    const gone = whyGone(look, this.#mountPoint);
    if (gone !== undefined || 'gone' in look) return this.#become({ kind: 'gone', message: gone ?? '' });
    this.#identity = look;
    this.#mountPoint = look.holderPoint;
    this.#become({ kind: 'starting' });
    try {
      this.#watcher = await this.#open(look);
      this.#openedMs = this.#options.ports.clock.monotonicMs();
      this.#become({ kind: 'watching', watcher: this.#watcher.kind, folders: this.#watcher.folders });
      this.#canary?.start();
      this.#everything(cause.reason, cause.detail);
    } catch (error) {
      const failure = failureOf(error);
      const { reason, message } = failure;
      // Stopped; or the root went away while it was walked, which the next look will say; or a flood came.
      if (isPassing(failure)) return this.#ask({ ...cause, isFailure: true });
      this.#become({ kind: 'scan-only', reason, message: scanOnlyMessage(reason, message) });
      if (!cause.isRetry) this.#everything(cause.reason, cause.detail);
    }
    this.#settler.release();
  }

  async #open(identity: RootIdentity): Promise<Watcher> {
    const { canary, folders, kinds = chooseWatcher(folders) } = this.#options;
    return openWatcher(kinds, async (kind) => {
      // inotify says itself what a canary would find out.
      this.#canary = kind === 'inotify' ? undefined : this.#makeCanary(canary);
      await this.#canary?.makeFolder();
      return {
        root: identity.folder,
        canary: this.#canary === undefined ? undefined : canary,
        isIgnored: (folder) => this.#isIgnored(identity, folder),
        report: (event) => this.#take(identity, event),
        signal: this.#stopping.signal,
      };
    });
  }

  async #end(): Promise<void> {
    this.#canary?.stop();
    this.#canary = undefined;
    const watcher = this.#watcher;
    this.#watcher = undefined;
    await watcher?.close().catch((error: unknown) => {
      this.#log('warn', 'a watcher could not be closed', { error: String(error) });
    });
  }

  #ask(next: Request): void {
    this.#request ??= next;
    this.#wake();
  }

  /** Waits for a reason to begin anew. */
  async #nextRequest(): Promise<Request> {
    const isScanOnly = this.#state.kind === 'scan-only';
    const retry: Request = { ...request('started', 'watching is tried again'), isRetry: true };
    const cancel = isScanOnly ? this.#options.after(this.#times.scanOnlyRetryMs, () => this.#ask(retry)) : undefined;
    if (this.#request === undefined && !this.#stopping.signal.aborted) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    cancel?.();
    const next = this.#request ?? request('started', 'stopped');
    this.#request = undefined;
    return next;
  }

  async #backOff(): Promise<void> {
    const wasHealthy = this.#options.ports.clock.monotonicMs() - this.#openedMs > this.#times.healthyMs;
    this.#failures = wasHealthy ? 1 : this.#failures + 1;
    const delayMs = Math.min(this.#times.backOffMs * 2 ** (this.#failures - 1), this.#times.backOffMaxMs);
    if (this.#stopping.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.after(delayMs, resolve);
      this.#stopping.signal.addEventListener(
        'abort',
        () => {
          cancel();
          resolve();
        },
        { once: true },
      );
    });
  }

  // ------------------------------------------------------------------------------------------------------- the root

  #poll(): void {
    this.#cancelPoll = this.#options.after(this.#times.rootPollMs, () => {
      const again = (): void => {
        if (!this.#stopping.signal.aborted) this.#poll();
      };
      unawaited(this.#lookAgain().finally(again));
    });
  }

  async #lookAgain(): Promise<void> {
    if (this.#state.kind !== 'gone') {
      await this.isPresent();
      return;
    }
    if (whyGone(await this.#look(), this.#mountPoint) === undefined)
      this.#ask(request('remounted', 'the source is there again'));
  }

  /** True where nothing changed; otherwise the loop is told. */
  #judge(change: RootChange): boolean {
    if (change.kind === 'same') return true;
    if (this.#identity !== undefined) this.#ask(request('remounted', change.detail));
    if (change.kind === 'gone') this.#settler.hold();
    return false;
  }

  /** While one hangs no other is begun: each holds one of the few threads that make system calls. */
  async #look(): Promise<RootLook> {
    const { root, isIgnored } = this.#options;
    const unanswered = { gone: `${displayPath(root)} does not answer` };
    if (this.#looking !== undefined && (await this.#inTime(this.#looking)) === undefined) return unanswered;
    const look = lookAtRoot(root, { isIgnored });
    this.#looking = look;
    const done = (): void => {
      if (this.#looking === look) this.#looking = undefined;
    };
    look.then(done, done);
    return (await this.#inTime(look)) ?? unanswered;
  }

  async #inTime(look: Promise<RootLook>): Promise<RootLook | undefined> {
    let cancel: () => void = () => undefined;
    const late = new Promise<undefined>((resolve) => {
      cancel = this.#options.after(ANSWER_MS, () => resolve(undefined));
    });
    return Promise.race([look, late]).finally(() => cancel());
  }

  // ----------------------------------------------------------------------------------------------------- what is dirty

  #take(identity: RootIdentity, event: WatchEvent): void {
    if (event.kind === 'lost') {
      this.#log('warn', 'the watcher may have missed something', { reason: event.reason, detail: event.detail });
      // Until the next one is open nothing is handed over; a crash before then must not forget it.
      this.#options.note({ kind: 'everything', reason: event.reason });
      return this.#ask({ reason: event.reason, detail: event.detail, isFailure: true, isRetry: false });
    }
    if (isWithin(event.folder, this.#options.canary)) return this.#canary?.heard();
    this.#canary?.noteEvent();
    const folder = identity.isFolder
      ? underRoot(event.folder, identity.folder, this.#options.root)
      : this.#options.root;
    if (this.#settler.dirty(folder)) this.#options.note({ kind: 'folder', folder });
    if (this.#settler.isFull) this.#everything('many-folders', 'more folders changed than are worth naming');
  }

  #everything(reason: LookReason, detail: string): void {
    this.#log('info', 'everything will be looked at', { reason, detail });
    if (this.#settler.everything(reason, detail)) this.#options.note({ kind: 'everything', reason });
  }

  #isIgnored(identity: RootIdentity, folder: Buffer): boolean {
    if (!identity.isFolder) return true;
    return this.#options.isIgnored(underRoot(folder, identity.folder, this.#options.root));
  }

  #makeCanary(folder: Buffer): Canary {
    const { ports, after } = this.#options;
    const lost = (detail: string): void => {
      this.#ask({ reason: 'canary', detail, isFailure: true, isRetry: false });
    };
    return new Canary({ folder, clock: ports.clock, after, lost });
  }

  #become(state: WatchState): void {
    this.#state = state;
    this.#log('info', 'watching', state);
    this.#options.stateChanged(state);
  }

  #log(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#options.ports.log(level, message, { source: displayPath(this.#options.root), ...fields });
  }
}
