/**
 * One backup set that runs by itself: decides what is due, what it waits for, and keeps a continuous one watched.
 *
 * It is told of whatever may change that (time, drives, the record, a job's end) and looks at all of it anew each time,
 * so no order of events can confuse it. A run counts whoever asked for it.
 */
import { isCairnError } from '../../../src-shared/errors.ts';
import { assertNever } from '../../../src-shared/assert.ts';
import type { Job, NextRunWait, RunConditions, Upcoming } from '../../../src-shared/model/index.ts';
import type { Currency, Desk } from '../desk/index.ts';
import type { Ports } from '../kernel/index.ts';
import {
  type After,
  type Due,
  type ScheduleState,
  armAlarm,
  isDueOnArrival,
  nextDue,
  runBegan,
  runEnded,
} from '../schedule/index.ts';
import type { SetRecord } from '../sets/index.ts';
import type { LiveSet } from './live-set.ts';

/** What can't be told by an event (power, network, idleness) is asked again so often while something waits for it. */
const CONDITIONS_EVERY_MS = 30_000;

export type RunnerOptions = {
  readonly desk: Desk;
  readonly ports: Pick<Ports, 'clock' | 'log'>;
  readonly after: After;
  readonly timeZone: () => string;
  /** What keeps a run from beginning now; undefined: nothing. */
  readonly waitsFor: (conditions: RunConditions) => Promise<NextRunWait | undefined>;
  readonly openLive: (record: SetRecord) => LiveSet;
  readonly keep: (setId: string, state: ScheduleState) => void;
  readonly changed: () => void;
};

export class SetRunner {
  readonly setId: string;
  readonly #options: RunnerOptions;
  #record: SetRecord;
  #state: ScheduleState;
  #live: LiveSet | undefined;
  #upcoming: Upcoming = { at: null, waitsFor: null };
  #endAlarm = (): void => undefined;
  #looking: Promise<void> | undefined;
  #isStale = false;
  #isClosed = false;
  /** The drive came, and nothing ran since. */
  #hasArrived = false;

  constructor(record: SetRecord, state: ScheduleState, options: RunnerOptions) {
    this.setId = record.setId;
    this.#record = record;
    this.#state = state;
    this.#options = options;
  }

  get currency(): Currency {
    const off = { state: 'off', changedFolders: 0, reason: null, protectedUntil: null } as const;
    const live = this.#live === undefined || isPaused(this.#record, this.#nowMs()) ? off : this.#live.status;
    return { nextRun: this.#upcoming, live };
  }

  get record(): SetRecord {
    return this.#record;
  }

  /** A person changed the set. What is watched may be something else now. */
  async update(record: SetRecord): Promise<void> {
    const before = this.#record;
    this.#record = record;
    const isSameWatch =
      JSON.stringify([before.sources, before.rules, before.destinationId]) ===
      JSON.stringify([record.sources, record.rules, record.destinationId]);
    if (!isSameWatch) await this.#closeLive();
    this.look();
  }

  /** The drive of its destination came. */
  arrived(): void {
    this.#hasArrived = true;
    this.look();
  }

  /** The computer woke up. */
  resumed(): void {
    this.#live?.resumed();
    this.look();
  }

  /** A backup of the set began or ended. */
  job(job: Job): void {
    const nowMs = this.#nowMs();
    if (job.state === 'running' && job.progress === null) {
      this.#hasArrived = false;
      this.#keep(runBegan(this.#state, nowMs));
    }
    if (job.state === 'done' || job.state === 'failed' || job.state === 'cancelled') {
      const outcome = job.state === 'done' ? 'good' : job.state;
      this.#keep(runEnded(this.#state, nowMs, outcome));
      if (job.outcome?.kind === 'backup')
        this.#live?.backedUp(job.outcome.report.snapshotId, Date.parse(job.startedAt));
      this.look();
    }
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
    const { timing } = this.#record.schedule;
    const { due, state } = nextDue(timing, this.#state, this.#nowMs(), this.#options.timeZone());
    if (state !== this.#state) this.#keep(state);
    const wait = await this.#wait();
    if (this.#isClosed) return;
    await this.#keepWatched(wait);
    const isDue = this.#isDueNow(due);
    this.#tell(this.#upcomingOf(due, wait, isDue));
    this.#arm(due, wait);
    if (wait === undefined && isDue) this.#run();
  }

  /** What keeps a run from beginning now, besides that nothing may be due. */
  async #wait(): Promise<NextRunWait | undefined> {
    if (isPaused(this.#record, this.#nowMs())) return 'pause';
    const { state } = this.#options.desk.destinations.status(this.#record.destinationId);
    if (state === 'locked') return 'password';
    if (state !== 'ready') return 'drive';
    return this.#options.waitsFor(this.#record.schedule.conditions);
  }

  async #keepWatched(wait: NextRunWait | undefined): Promise<void> {
    if (this.#record.schedule.timing.kind !== 'continuous') return this.#closeLive();
    this.#live ??= this.#options.openLive(this.#record);
    if (wait === undefined) this.#live.gate.open();
    else this.#live.gate.shut();
  }

  #isDueNow(due: Due | null): boolean {
    const nowMs = this.#nowMs();
    if (due !== null && due.atMs <= nowMs) return true;
    return this.#hasArrived && this.#record.schedule.whenDriveConnected && isDueOnArrival(this.#state, nowMs);
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

  #upcomingOf(due: Due | null, wait: NextRunWait | undefined, isDue: boolean): Upcoming {
    const at = due === null ? null : new Date(due.atMs).toISOString();
    if (this.#record.schedule.timing.kind === 'continuous') return { at, waitsFor: wait ?? 'changes' };
    if (wait === 'pause' || (isDue && wait !== undefined)) return { at, waitsFor: wait };
    if (due === null) return { at: null, waitsFor: this.#record.schedule.whenDriveConnected ? 'drive' : null };
    return { at, waitsFor: isDue ? null : 'time' };
  }

  #arm(due: Due | null, wait: NextRunWait | undefined): void {
    this.#endAlarm();
    const times: number[] = [];
    const nowMs = this.#nowMs();
    if (due !== null && due.atMs > nowMs) times.push(due.atMs);
    const { pausedUntil } = this.#record;
    if (pausedUntil !== null && pausedUntil !== 'forever') times.push(Date.parse(pausedUntil));
    if (wait !== undefined && mustBeAsked(wait)) times.push(nowMs + CONDITIONS_EVERY_MS);
    const first = Math.min(...times.filter((time) => time > nowMs));
    if (Number.isFinite(first)) {
      const { ports, after } = this.#options;
      this.#endAlarm = armAlarm({ clock: ports.clock, after }, first, () => this.look());
    }
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

  #keep(state: ScheduleState): void {
    this.#state = state;
    this.#options.keep(this.setId, state);
  }

  #nowMs(): number {
    return this.#options.ports.clock.nowMs();
  }
}

function isPaused({ pausedUntil }: SetRecord, nowMs: number): boolean {
  return pausedUntil === 'forever' || (pausedUntil !== null && Date.parse(pausedUntil) > nowMs);
}

/** Nobody tells when this ends. */
function mustBeAsked(wait: NextRunWait): boolean {
  switch (wait) {
    case 'power':
    case 'network':
    case 'idle':
      return true;
    case 'time':
    case 'drive':
    case 'pause':
    case 'password':
    case 'changes':
      return false;
    default:
      return assertNever(wait);
  }
}
