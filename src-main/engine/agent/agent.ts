/**
 * The agent: runs the backup sets of this computer by themselves. One per home, beside the desk it works through; it
 * begins nothing that a person could not begin, and everything it does is a job, a line in the log, or a live backup.
 *
 * After a crash nothing has to be mended: sets are watched anew, which begins with a look at everything; what stood in the
 * journals is backed up before it; and a run that did not end is due again.
 */
import type { EngineEvent } from '../../../src-shared/api/index.ts';
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import type { Job, StaleAlarm } from '../../../src-shared/model/index.ts';
import type { Desk, Every } from '../desk/index.ts';
import { type After, type Ports, bytesOf } from '../kernel/index.ts';
import type { Probes } from '../schedule/index.ts';
import type { SetRecord } from '../sets/index.ts';
import { LiveSet } from './live-set.ts';
import { absolutePath, missedPaths } from './proof.ts';
import { SetRunner } from './set-runner.ts';
import type { OpenSourceWatch } from './watching.ts';

/** Between two looks whether another process changed the sets. */
const SYNC_EVERY_MS = 5000;
/** A busy folder changes the live state many times a second; the window hears of it twice. */
const TELL_EVERY_MS = 500;

export type AgentOptions = {
  readonly desk: Desk;
  readonly ports: Ports;
  readonly every: Every;
  readonly after: After;
  readonly timeZone: () => string;
  readonly probes: Probes;
  /** Tells a person that a set has been silent for too long. */
  readonly alarm: (record: SetRecord, alarm: StaleAlarm) => void;
  readonly watch: OpenSourceWatch;
};

export type Agent = {
  /** The computer woke up. */
  resumed(): void;
  close(): Promise<void>;
};

/** Begins at once. */
export function startAgent(options: AgentOptions): Agent {
  const agent = new RunningAgent(options);
  agent.begin();
  return agent;
}

class RunningAgent implements Agent {
  readonly #options: AgentOptions;
  readonly #runners = new Map<string, SetRunner>();
  readonly #ready = new Set<string>();
  #stops: (() => void)[] = [];
  #syncing: Promise<void> = Promise.resolve();
  #telling: (() => void) | undefined;
  #isClosed = false;

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  begin(): void {
    const { desk, every } = this.#options;
    desk.follow((setId) => this.#runners.get(setId)?.currency);
    this.#stops = [desk.listen((event) => this.#heard(event)), every(SYNC_EVERY_MS, () => this.#sync())];
    this.#sync();
  }

  resumed(): void {
    for (const runner of this.#runners.values()) runner.resumed();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stop of this.#stops) stop();
    this.#telling?.();
    await this.#syncing;
    await Promise.all([...this.#runners.values()].map((runner) => runner.close()));
  }

  #heard(event: EngineEvent): void {
    if (event.kind === 'job' && event.job.kind === 'backup' && event.job.setId !== null) {
      this.#runners.get(event.job.setId)?.job(event.job);
    }
    if (event.kind !== 'overview') return;
    for (const { destinationId, state } of event.overview.destinations) {
      const wasReady = this.#ready.has(destinationId);
      if (state === 'ready') this.#ready.add(destinationId);
      else this.#ready.delete(destinationId);
      if (wasReady === (state === 'ready')) continue;
      for (const runner of this.#runners.values()) {
        if (runner.record.destinationId !== destinationId) continue;
        if (wasReady) runner.look();
        else runner.arrived();
      }
    }
    this.#sync();
  }

  /** Sets come, change and go, here and in other processes. */
  #sync(): void {
    this.#syncing = this.#syncing
      .then(() => this.#syncNow())
      .catch((error: unknown) => this.#options.ports.log('error', 'the backup sets could not be looked at', { error }));
  }

  async #syncNow(): Promise<void> {
    if (this.#isClosed) return;
    const records = this.#options.desk.sets.all();
    const ids = new Set(records.map(({ setId }) => setId));
    for (const [setId, runner] of this.#runners) {
      if (ids.has(setId)) continue;
      this.#runners.delete(setId);
      await runner.close();
      await this.#options.desk.book.forget([setId]);
    }
    for (const record of records) {
      const runner = this.#runners.get(record.setId);
      if (runner === undefined) this.#begin(record);
      else if (runner.record !== record && JSON.stringify(runner.record) !== JSON.stringify(record))
        await runner.update(record);
    }
  }

  #begin(record: SetRecord): void {
    const { desk, ports, after, timeZone, probes, alarm } = this.#options;
    const runner = new SetRunner(record, {
      ...{ desk, ports, after, timeZone, probes, alarm },
      openLive: (one) => this.#openLive(one),
      changed: () => this.#changed(),
    });
    this.#runners.set(record.setId, runner);
    runner.look();
  }

  async #openLive(record: SetRecord): Promise<LiveSet> {
    const { desk, ports, watch, after } = this.#options;
    const { setId } = record;
    const opened = await watch(record, desk.destinations.path(record.destinationId));
    const live: LiveSet = new LiveSet({
      sources: record.sources.map(bytesOf),
      ports,
      watch: opened.watch,
      journals: opened.journals,
      backUpChanges: (changed, absent) => desk.backUpChanges(setId, changed, absent),
      backUpAll: (absent) => this.#backUpAll(setId, absent),
      missed: async (before, after_, told) => {
        const repository = desk.destinations.repository(record.destinationId);
        const diff = await repository.diff(before, after_, new Uint8Array());
        const sources = (await repository.snapshots()).find(({ id }) => id === after_)?.sources ?? [];
        return missedPaths(diff, told, (inSnapshot) => absolutePath(sources, inSnapshot));
      },
      newest: async () => (await desk.newestSnapshot(setId))?.id,
      after,
      changed: () => this.#changed(),
    });
    live.replay(opened.left).catch((error: unknown) => {
      if (!isCairnError(error, 'engine/cancelled'))
        ports.log('warn', 'what was left to do is done with the rest', { error });
    });
    return live;
  }

  /** Gives the id of its snapshot when the job has ended. */
  async #backUpAll(setId: string, absent: readonly Buffer[]): Promise<string> {
    const { desk } = this.#options;
    const ended = new Promise<Job>((resolve) => {
      let jobId = '';
      const stop = desk.listen((event) => {
        if (event.kind !== 'job' || event.job.jobId !== jobId || event.job.endedAt === null) return;
        stop();
        resolve(event.job);
      });
      jobId = desk.backup(setId, false, absent).jobId;
    });
    const { state, outcome, error } = await ended;
    if (outcome?.kind === 'backup') return outcome.report.snapshotId;
    if (state === 'cancelled') throw new CairnError('engine/cancelled', 'The backup was cancelled.');
    throw new CairnError(error?.code ?? 'engine/internal', error?.message ?? 'The backup failed.');
  }

  #changed(): void {
    if (this.#telling !== undefined || this.#isClosed) return;
    this.#telling = this.#options.after(TELL_EVERY_MS, () => {
      this.#telling = undefined;
      this.#options.desk.overview.soon();
    });
  }
}
