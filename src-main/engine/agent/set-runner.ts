/**
 * One backup set that runs by itself: decides what is due, what it waits for, and keeps a continuous one watched.
 *
 * It is told of whatever may change that (time, drives, the record, a job's end) and looks at all of it anew each time,
 * so no order of events can confuse it. A run counts whoever asked for it.
 */
import { isCairnError } from '../../../src-shared/errors.ts';
import type { Job, NextRunWait, StaleAlarm, Upcoming } from '../../../src-shared/model/index.ts';
import type { Currency, Desk } from '../desk/index.ts';
import type { After, Ports } from '../kernel/index.ts';
import {
  type Due,
  type Probes,
  type RunPlan,
  armAlarm,
  isDueOnArrival,
  isPaused,
  isToldNow,
  lookAround,
  nextDue,
  planRun,
  staleAlarm,
} from '../schedule/index.ts';
import type { SetRecord } from '../sets/index.ts';
import type { LiveSet } from './live-set.ts';

/** Silence is measured in days. */
const STALE_EVERY_MS = 60 * 60_000;
/** What can't be told by an event (power, network, idleness) is asked again so often while something waits for it. */
const CONDITIONS_EVERY_MS = 30_000;

export type RunnerOptions = {
  readonly desk: Desk;
  readonly ports: Pick<Ports, 'clock' | 'log'>;
  readonly after: After;
  readonly timeZone: () => string;
  readonly probes: Probes;
  readonly openLive: (record: SetRecord) => Promise<LiveSet>;
  readonly changed: () => void;
  /** Nothing was backed up for too long. */
  readonly alarm: (record: SetRecord, alarm: StaleAlarm) => void;
};

export class SetRunner {
  readonly setId: string;
  readonly #options: RunnerOptions;
  #record: SetRecord;
  #upSinceMs: number;
  #live: LiveSet | undefined;
  #upcoming: Upcoming = { at: null, waitsFor: null };
  #endAlarm = (): void => undefined;
  #looking: Promise<void> | undefined;
  #noting: Promise<void> = Promise.resolve();
  #isStale = false;
  #isClosed = false;
  #isRunning = false;
  /** The drive came, and nothing ran since. */
  #hasArrived = false;

  constructor(record: SetRecord, options: RunnerOptions) {
    this.setId = record.setId;
    this.#record = record;
    this.#options = options;
    this.#upSinceMs = options.ports.clock.nowMs();
  }

  get currency(): Currency {
    const off = { state: 'off', changedFolders: 0, reason: null, protectedUntil: null } as const;
    const isOff = this.#live === undefined || isPaused(this.#record.pausedUntil, this.#nowMs());
    return { nextRun: this.#upcoming, live: isOff || this.#live === undefined ? off : this.#live.status };
  }

  get record(): SetRecord {
    return this.#record;
  }

  /** A person changed the set. What is watched may be something else now. */
  async update(record: SetRecord): Promise<void> {
    const before = this.#record;
    this.#record = record;
    const watched = ({ sources, rules, destinationId }: SetRecord): string =>
      JSON.stringify([sources, rules, destinationId]);
    if (watched(before) !== watched(record)) await this.#closeLive();
    if (JSON.stringify(before.schedule.timing) !== JSON.stringify(record.schedule.timing))
      this.#note(this.#options.desk.book.restart(record));
    this.look();
  }

  /** The drive of its destination came. */
  arrived(): void {
    this.#hasArrived = true;
    this.look();
  }

  /** The computer woke up. */
  resumed(): void {
    this.#upSinceMs = this.#nowMs();
    this.#live?.resumed();
    this.look();
  }

  /** A backup of the set began or ended. */
  job(job: Job): void {
    const isOver = job.endedAt !== null;
    if (!isOver && job.state !== 'running') return;
    this.#isRunning = !isOver;
    if (!isOver) this.#hasArrived = false;
    if (job.outcome?.kind === 'backup') this.#live?.backedUp(job.outcome.report.snapshotId, Date.parse(job.startedAt));
    if (isOver) this.look();
  }

  /** Looks at everything anew, soon. */
  look(): void {
    this.#isStale = true;
    this.#looking ??= this.#lookWhileStale().finally(() => {
      this.#looking = undefined;
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#endAlarm();
    await this.#closeLive();
    await this.#looking;
    await this.#noting;
  }

  async #lookWhileStale(): Promise<void> {
    while (this.#isStale && !this.#isClosed) {
      this.#isStale = false;
      try {
        await this.#look();
      } catch (error) {
        this.#options.ports.log('error', 'a backup set could not be looked at', { set: this.setId, error });
      }
    }
  }

  async #look(): Promise<void> {
    const { probes, desk, timeZone } = this.#options;
    const { book } = desk;
    await this.#noting;
    const record = this.#record;
    const { pausedUntil, schedule } = record;
    const nowMs = this.#nowMs();
    const { due, state } = nextDue(schedule.timing, book.entry(record).state, nowMs, timeZone());
    await book.keep(record, state);
    const { state: standing, awaySince } = desk.destinations.status(record.destinationId);
    const surroundings = await lookAround(schedule.conditions, probes);
    const facts = { schedule, pausedUntil, destination: { state: standing, awaySince }, surroundings, nowMs };
    // A drive that came is as good as a time that came.
    const plan = planRun({ ...facts, due: this.#isDueByDrive(nowMs) ? { atMs: nowMs, reason: 'drive' } : due });
    // What would keep a run of now from beginning keeps live backups waiting too.
    const { waits } = planRun({ ...facts, due: { atMs: nowMs, reason: 'scheduled' } });
    if (this.#isOutdated(record)) return;
    await this.#keepWatched(record, waits.length === 0);
    await this.#noteCurrency(record, nowMs);
    if (this.#isOutdated(record)) return;
    this.#tell(this.#upcomingOf(plan, waits[0]?.kind));
    this.#arm(due, waits.length > 0);
    this.#sayIfStale(nowMs);
    if (plan.next !== null && plan.waits.length === 0 && !this.#isRunning) this.#run();
  }

  async #keepWatched(record: SetRecord, isFree: boolean): Promise<void> {
    if (record.schedule.timing.kind !== 'continuous') return this.#closeLive();
    if (this.#live === undefined) {
      const opened = await this.#options.openLive(record);
      // Changed or closed meanwhile: the next look opens what is wanted then.
      if (this.#isOutdated(record)) return opened.close();
      this.#live = opened;
    }
    if (isFree) this.#live.gate.open();
    else this.#live.gate.shut();
  }

  #isOutdated(record: SetRecord): boolean {
    return this.#isClosed || record !== this.#record;
  }

  /** What the alarm goes by. Many looks change nothing, and write nothing. */
  async #noteCurrency(record: SetRecord, nowMs: number): Promise<void> {
    const { book } = this.#options.desk;
    const goodUntilMs = this.#live?.goodUntilMs(nowMs);
    if (goodUntilMs !== undefined) await book.isGood(record, goodUntilMs);
    await book.paused(record, isPaused(record.pausedUntil, nowMs));
  }

  #isDueByDrive(nowMs: number): boolean {
    if (!this.#hasArrived || !this.#record.schedule.whenDriveConnected) return false;
    return isDueOnArrival(this.#options.desk.book.entry(this.#record).state, nowMs);
  }

  #run(): void {
    const { desk, ports } = this.#options;
    this.#hasArrived = false;
    try {
      if (this.#live === undefined) desk.backup(this.setId, false);
      else this.#live.scanAndProve();
    } catch (error) {
      if (!isCairnError(error)) throw error;
      ports.log('warn', 'a backup could not be begun', { set: this.setId, error });
    }
  }

  #upcomingOf({ next, waits }: RunPlan, keeps: NextRunWait | undefined): Upcoming {
    const at = next?.at ?? null;
    const { timing, whenDriveConnected } = this.#record.schedule;
    if (timing.kind === 'continuous') return { at, waitsFor: keeps ?? 'changes' };
    if (next === null) return { at, waitsFor: waits[0]?.kind ?? (whenDriveConnected ? 'drive' : null) };
    // What a person can do something about says more than the time.
    const wait = waits.find(({ kind }) => kind !== 'time') ?? waits[0];
    return { at, waitsFor: wait?.kind ?? null };
  }

  #arm(due: Due | null, isKept: boolean): void {
    this.#endAlarm();
    const { ports, after } = this.#options;
    const nowMs = this.#nowMs();
    const { pausedUntil } = this.#record;
    const times = [nowMs + STALE_EVERY_MS];
    if (due !== null) times.push(due.atMs);
    if (pausedUntil !== null && pausedUntil !== 'forever') times.push(Date.parse(pausedUntil));
    if (isKept) times.push(nowMs + CONDITIONS_EVERY_MS);
    const first = Math.min(...times.filter((time) => time > nowMs));
    this.#endAlarm = armAlarm({ clock: ports.clock, after }, first, () => this.look());
  }

  #sayIfStale(nowMs: number): void {
    const { desk, timeZone, alarm, ports } = this.#options;
    const { book } = desk;
    const record = this.#record;
    const { state, lastGoodMs, toldMs, pausedSinceMs } = book.entry(record);
    const facts = {
      ...{ schedule: record.schedule, state, pausedUntil: record.pausedUntil, pausedSinceMs, lastGoodMs, toldMs },
      ...{ createdMs: Date.parse(record.createdAt), upSinceMs: this.#upSinceMs, isAtWork: this.#isRunning, nowMs },
      timeZone: timeZone(),
    };
    const found = staleAlarm(facts);
    if (found === null || !isToldNow(facts, found)) return;
    alarm(record, found);
    this.#note(book.told(record));
    ports.log('warn', 'a backup set is silent', { set: record.name, alarm: found });
  }

  #tell(upcoming: Upcoming): void {
    if (JSON.stringify(upcoming) === JSON.stringify(this.#upcoming)) return;
    this.#upcoming = upcoming;
    this.#options.changed();
  }

  async #closeLive(): Promise<void> {
    const live = this.#live;
    this.#live = undefined;
    await live?.close();
  }

  /** The next look waits until it is written down. */
  #note(writing: Promise<void>): void {
    const { log } = this.#options.ports;
    const written = writing.catch((error: unknown) => log('warn', 'when a set ran could not be noted', { error }));
    this.#noting = this.#noting.then(() => written);
  }

  #nowMs(): number {
    return this.#options.ports.clock.nowMs();
  }
}
