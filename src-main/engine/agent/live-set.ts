/**
 * A continuous backup set: every source is watched, what settles is backed up at once, and everything is looked at where
 * the watching began anew or could have missed something.
 *
 * What makes it right:
 *   - The baseline is a snapshot since which no source was unwatched, or whose gaps are among what is still to be done. A
 *     backup of everything is always one; a backup of changed folders is one if the baseline before was.
 *   - A batch is acknowledged only when its snapshot is published. Until then its folders stand in the journal.
 *   - One batch at a time, over all sources: each begins from the snapshot of the one before.
 *   - A source that is gone hands nothing over, and stays in every snapshot as it was.
 */
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type { Live } from '../../../src-shared/model/index.ts';
import type { ChangedFolders, LiveReport } from '../api.ts';
import type { After, Ports } from '../kernel/index.ts';
import type { Batch, DirtyNote, WatchSource, WatchState } from '../source/index.ts';
import { Gate } from './gate.ts';

/**
 * Between two looks at everything that only names of one file in several folders ask for: so many times what one takes,
 * which makes them a twentieth of the work at most, and on a small tree no wait that anybody notices.
 */
const LINKS_PAUSE_FACTOR = 20;
const LINKS_PAUSE_MIN_MS = 1000;
const LINKS_PAUSE_MAX_MS = 10 * 60_000;
/** What happened before the end of a look at everything is told by then, or very soon after. */
const NOTE_LATE_MS_MAX = 1000;
/** Of the paths that no watcher told of. */
const MISSED_LOGGED_MAX = 20;
/** Sources that are about to ask for a look at everything are waited for, so that all get one: looked at so often, … */
const TOGETHER_MS = 200;
/** … and no longer than this: a large tree takes some seconds until it is watched. */
const TOGETHER_MS_MAX = 60_000;

/** What is kept on disk of what is still to be backed up. */
export type Journal = {
  note(note: DirtyNote): void;
  /** What is given from here on is acknowledged by the returned function. */
  mark(): () => void;
  close(): Promise<void>;
};

export type LiveSetOptions = {
  /** Absolute, raw bytes. */
  readonly sources: readonly Buffer[];
  readonly ports: Pick<Ports, 'clock' | 'log'>;
  /** Opens the watch of a source. */
  readonly watch: (source: Buffer, index: number, follow: Follow) => WatchSource;
  /** In the order of the sources. */
  readonly journals: readonly Journal[];
  readonly backUpChanges: (changed: ChangedFolders, absent: readonly Buffer[]) => Promise<LiveReport>;
  /** A job that a person sees. Gives the id of its snapshot. */
  readonly backUpAll: (absent: readonly Buffer[]) => Promise<string>;
  /** Paths that differ between two snapshots and lie in none of these folders (escaped). */
  readonly missed: (before: string, after: string, told: ReadonlySet<string>) => Promise<readonly string[]>;
  /** The newest snapshot of the set, where there is one. */
  readonly newest: () => Promise<string | undefined>;
  readonly after: After;
  readonly changed: () => void;
};

type Follow = {
  readonly deliver: (batch: Batch) => Promise<void>;
  readonly note: (note: DirtyNote) => void;
  readonly stateChanged: (state: WatchState) => void;
};

export class LiveSet {
  /** Shut while the set is paused, or its destination or a condition keeps it waiting. */
  readonly gate = new Gate();
  readonly #options: LiveSetOptions;
  readonly #watches: WatchSource[] = [];
  #baseline: string | undefined;
  #turn: Promise<void> = Promise.resolve();
  #full: Promise<void> | undefined;
  /** When the last look at everything ended, and what it took; of the monotonic clock. */
  #lastFull = { endedAtMs: 0, tookMs: 0 };
  /** A look at everything for files with several names is to come; ends its waiting. */
  #linksFull: (() => void) | undefined;
  /** Folders that were told of and are in no batch yet, escaped. Undefined: more than are worth naming. */
  #told: Set<string> | undefined = new Set();
  #isAtWork = false;
  #isProofAsked = false;
  #isClosed = false;
  #protectedUntilMs: number | undefined;
  /** When a folder was told of last. */
  #notedAtMs = Number.NEGATIVE_INFINITY;
  /** Something changed while everything was looked at: see ChangedFolders.areLinksInDoubt. */
  #areLinksInDoubt = false;
  #doubtUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: LiveSetOptions) {
    this.#options = options;
    for (const [index, source] of options.sources.entries()) {
      this.#watches.push(
        options.watch(source, index, {
          deliver: (batch) => this.#deliver(batch, options.journals[index]),
          note: (note) => this.#note(note, options.journals[index]),
          stateChanged: () => options.changed(),
        }),
      );
    }
  }

  /** A backup of everything ended well, whoever asked for it: what is still to be done begins from there. */
  backedUp(snapshotId: string, startedAtMs: number): void {
    this.#baseline = snapshotId;
    if (this.#notedAtMs >= startedAtMs) this.#areLinksInDoubt = true;
    this.#doubtUntilMs = this.#options.ports.clock.nowMs() + NOTE_LATE_MS_MAX;
    this.#protected(startedAtMs);
    this.#options.changed();
  }

  /**
   * Up to when everything is backed up, as far as anyone knows: now, where all is watched, nothing waits and nothing keeps
   * a backup from being made. A set that is paused, or whose drive is away, stays where it was.
   */
  goodUntilMs(nowMs: number): number | undefined {
    return this.gate.isOpen && this.status.state === 'watching' ? nowMs : this.#protectedUntilMs;
  }

  /** What was left in the journal by the process before: backed up first, because the look at everything takes longer. */
  async replay(folders: readonly Buffer[]): Promise<void> {
    const since = await this.#options.newest();
    if (since === undefined || folders.length === 0) return;
    await this.#inTurn(async () => {
      this.#baseline ??= since;
      await this.#backUpChanges(folders);
    });
  }

  get status(): Live {
    const states = this.#watches.map(({ state }) => state);
    const pending = this.#watches.map((watch) => watch.pending);
    const changedFolders = pending.reduce<number>((sum, one) => sum + (one === 'everything' ? 0 : one), 0);
    const scanOnly = states.find((state) => state.kind === 'scan-only');
    const gone = states.find((state) => state.kind === 'gone');
    return {
      state: this.#stateOf(states, changedFolders),
      changedFolders,
      reason: gone?.message ?? scanOnly?.message ?? null,
      protectedUntil: this.#protectedUntilMs === undefined ? null : new Date(this.#protectedUntilMs).toISOString(),
    };
  }

  /** The scheduled look at everything. What it finds that nobody told of goes to the log, as a defect. */
  scanAndProve(): void {
    if (this.#isProofAsked) return;
    this.#isProofAsked = true;
    const done = (): void => {
      this.#isProofAsked = false;
    };
    // Its failure is in the job's report, and the next one is in the schedule.
    this.#scanAndProve().then(done, done);
  }

  #scanAndProve(): Promise<void> {
    // Nothing was watched yet, so nothing can be proved: the look that every source is about to ask for will do.
    if (this.#baseline === undefined) return this.#lookAtEverything('scheduled');
    return this.#inTurn(async () => {
      const before = this.#baseline;
      const told = this.#told;
      await this.#backUpAll('scheduled');
      if (before === undefined || this.#baseline === undefined || told === undefined) return;
      const missed = await this.#options.missed(before, this.#baseline, new Set([...told, ...(this.#told ?? [])]));
      const { log } = this.#options.ports;
      if (missed.length === 0) log('info', 'the scheduled look found what the live tree says');
      for (const path of missed.slice(0, MISSED_LOGGED_MAX))
        log('error', 'a change was not noticed while it happened', { path });
      if (missed.length > MISSED_LOGGED_MAX)
        log('error', 'and more changes', { more: missed.length - MISSED_LOGGED_MAX });
    });
  }

  resumed(): void {
    for (const watch of this.#watches) watch.resumed();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#linksFull?.();
    this.gate.close();
    await Promise.all(this.#watches.map((watch) => watch.close()));
    await this.#turn;
    await Promise.all(this.#options.journals.map((journal) => journal.close()));
  }

  #stateOf(states: readonly WatchState[], changedFolders: number): Live['state'] {
    if (states.some(({ kind }) => kind === 'gone')) return 'source-gone';
    if (this.#isAtWork) return 'backing-up';
    if (this.#baseline === undefined || states.some(({ kind }) => kind === 'starting')) return 'starting';
    if (this.#watches.some(({ pending }) => pending === 'everything')) return 'starting';
    if (changedFolders > 0 || this.#linksFull !== undefined || this.#full !== undefined) return 'settling';
    return states.some(({ kind }) => kind === 'scan-only') ? 'scan-only' : 'watching';
  }

  #deliver(batch: Batch, journal: Journal | undefined): Promise<void> {
    const acknowledge = journal?.mark();
    if (batch.kind === 'everything') {
      return this.#lookAtEverything(`${batch.reason}: ${batch.detail}`).then(acknowledge);
    }
    // Taken before anything is waited for: what comes from now on belongs to the next batch.
    const takenAtMs = this.#options.ports.clock.nowMs();
    for (const folder of batch.folders) this.#told?.delete(escapePath(folder));
    return this.#inTurn(async () => {
      await this.#backUpChanges(batch.folders);
      acknowledge?.();
      this.#protected(takenAtMs);
    });
  }

  #protected(untilMs: number): void {
    this.#protectedUntilMs = Math.max(this.#protectedUntilMs ?? 0, untilMs);
  }

  async #backUpChanges(folders: readonly Buffer[]): Promise<void> {
    const { backUpChanges, ports } = this.#options;
    if (this.#baseline === undefined) throw new CairnError('engine/internal', 'Nothing was backed up whole before.');
    const changed = { since: this.#baseline, folders, areLinksInDoubt: this.#areLinksInDoubt };
    const { report, wasFull, wantsFull } = await backUpChanges(changed, await this.#absentSources());
    if (this.#watches.every(({ pending }) => pending === 0)) this.#areLinksInDoubt = false;
    if (report !== undefined) this.#baseline = report.snapshotId;
    if (wasFull) ports.log('info', 'everything was looked at: another backup came in between, or the rules changed');
    if (wantsFull) this.#fullForLinks();
  }

  /** Sources that ask while one is about to begin share it. */
  #lookAtEverything(why: string): Promise<void> {
    this.#full ??= this.#allHaveAsked().then(() =>
      this.#inTurn(async () => {
        // Who asks from now on saw something that this one may miss.
        this.#full = undefined;
        this.#told = new Set();
        await this.#backUpAll(why);
      }),
    );
    return this.#full;
  }

  /** A source whose watching begins asks when it is watched and came to rest. */
  async #allHaveAsked(): Promise<void> {
    const { after, ports } = this.#options;
    const untilMs = ports.clock.monotonicMs() + TOGETHER_MS_MAX;
    const isAboutTo = ({ state, pending }: WatchSource): boolean =>
      state.kind === 'starting' || (state.kind !== 'gone' && pending === 'everything');
    do await new Promise<void>((resolve) => void after(TOGETHER_MS, resolve));
    while (!this.#isClosed && this.#watches.some(isAboutTo) && ports.clock.monotonicMs() < untilMs);
  }

  async #backUpAll(why: string): Promise<void> {
    const { ports, backUpAll } = this.#options;
    const startedAtMs = ports.clock.nowMs();
    const beganMs = ports.clock.monotonicMs();
    ports.log('info', 'everything is looked at', { why });
    this.backedUp(await backUpAll(await this.#absentSources()), startedAtMs);
    const endedAtMs = ports.clock.monotonicMs();
    this.#lastFull = { endedAtMs, tookMs: endedAtMs - beganMs };
  }

  #note(note: DirtyNote, journal: Journal | undefined): void {
    if (note.kind === 'everything') this.#told = undefined;
    else this.#told?.add(escapePath(note.folder));
    this.#notedAtMs = this.#options.ports.clock.nowMs();
    if (this.#notedAtMs < this.#doubtUntilMs) this.#areLinksInDoubt = true;
    journal?.note(note);
    this.#options.changed();
  }

  /** Files with several names: the others may lie in folders of which nothing was heard. It may wait, and is never dropped. */
  #fullForLinks(): void {
    if (this.#linksFull !== undefined || this.#isClosed) return;
    const { after, ports } = this.#options;
    const { endedAtMs, tookMs } = this.#lastFull;
    const pauseMs = Math.min(LINKS_PAUSE_MAX_MS, Math.max(LINKS_PAUSE_MIN_MS, LINKS_PAUSE_FACTOR * tookMs));
    const waitMs = Math.max(0, endedAtMs + pauseMs - ports.clock.monotonicMs());
    this.#linksFull = after(waitMs, () => {
      this.#linksFull = undefined;
      this.#lookAtEverything('a file with several names changed').catch((error: unknown) => {
        if (isCairnError(error, 'engine/cancelled')) return;
        ports.log('warn', 'a look at everything failed', { error });
        // After the longest pause.
        this.#lastFull = { endedAtMs: ports.clock.monotonicMs(), tookMs: LINKS_PAUSE_MAX_MS };
        this.#fullForLinks();
      });
    });
  }

  /** An empty mount point is not a source in which everything was deleted. */
  async #absentSources(): Promise<readonly Buffer[]> {
    const present = await Promise.all(this.#watches.map((watch) => watch.isPresent()));
    const absent = this.#options.sources.filter((_, index) => present[index] !== true);
    if (absent.length < this.#options.sources.length) return absent;
    throw new CairnError('source/not-found', 'No folder of this backup set is there now.', {
      hint: 'Nothing was changed, and nothing counts as deleted. It is backed up when it is there again.',
    });
  }

  /** One thing at a time; waits at the gate, and what comes meanwhile settles on. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(async () => {
      await this.gate.pass();
      this.#isAtWork = true;
      this.#options.changed();
      try {
        await work();
      } finally {
        this.#isAtWork = false;
        this.#options.changed();
      }
    });
    this.#turn = turn.catch((error: unknown) => {
      this.#full = undefined;
      if (isCairnError(error, 'engine/cancelled')) return;
      this.#options.ports.log('warn', 'changes could not be backed up; they will be again', { error });
    });
    return turn;
  }
}
