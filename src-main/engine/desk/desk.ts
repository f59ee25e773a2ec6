/**
 * The desk: everything the app does with an engine, behind one door. It keeps the parts together (sets, destinations,
 * jobs, runs) and tells what changed; what a part does is decided in that part.
 */
import type { EngineEvent, InputOf, ValueOf } from '../../../src-shared/api/index.ts';
import { CairnError } from '../../../src-shared/errors.ts';
import type { Job, Settings } from '../../../src-shared/model/index.ts';
import { DriveWatch, systemVolumes } from '../drives/index.ts';
import { pathWithin } from '../kernel/index.ts';
import { Destinations, type Presence } from './destinations.ts';
import { Handles } from './handles.ts';
import { type Ended, Jobs } from './jobs.ts';
import { Listings } from './listings.ts';
import { Measuring } from './measure.ts';
import { OverviewBoard } from './overview.ts';
import { Places } from './places.ts';
import type { DeskOptions } from './ports.ts';
import { type ProbeOptions, probeDestination } from './probe.ts';
import { figuresOf } from './reports.ts';
import { Runs } from './runs.ts';
import { type SetsState, openSetRecords } from './set-records.ts';
import { Sets } from './sets.ts';
import { openSettings } from './settings.ts';
import type { StateFile } from './state-file.ts';
import { type WorkOptions, backupJob, restoreJob, undoJob, verifyJob } from './work.ts';

/** What stands where is looked at so often: a plugged-in drive is noticed while a person is still looking. */
const LOOK_EVERY_MS = 5000;
/** A running job's record is refreshed so often: after a crash it says how far the job had come. */
const NOTE_EVERY_MS = 20_000;
const LISTENERS_MAX = 64;

export type Desk = {
  readonly settings: StateFile<Settings>;
  readonly drives: DriveWatch;
  readonly places: Places;
  readonly sets: Sets;
  readonly destinations: Destinations;
  readonly jobs: Jobs;
  readonly runs: Runs;
  readonly listings: Listings;
  readonly measuring: Measuring;
  readonly overview: OverviewBoard;
  readonly handles: Handles;
  probe(input: InputOf<'places.probe'>): Promise<ValueOf<'places.probe'>>;
  backup(setId: string, reread: boolean): Job;
  verify(input: InputOf<'jobs.verify'>): Job;
  restore(input: InputOf<'jobs.restore'>): Job;
  planRestore(input: InputOf<'jobs.planRestore'>): Job;
  undo(runId: string): Job;
  /** Files of the app that were damaged and set aside when it started; the person has to know. */
  readonly setAside: readonly string[];
  /** Everything that happens from now on; the returned function ends it. */
  listen(listener: (event: EngineEvent) => void): () => void;
  tell(event: EngineEvent): void;
  /** Told when a destination's drive comes or goes; the returned function ends it. */
  onPresence(listener: (presence: Presence) => void): () => void;
  /** Looks at destinations and sources now. */
  look(): Promise<void>;
  /** Cancels what runs, waits for it, and forgets every secret. */
  close(): Promise<void>;
};

/** Opens the app's state in CAIRN_HOME. Only one process may do so at a time (engine-host/home-lock.ts). */
export async function openDesk(options: DeskOptions): Promise<Desk> {
  const { home, ports } = options;
  const settings = await openSettings(home, ports);
  const records = await openSetRecords(home, ports);
  const runs = await Runs.open(home, ports);
  for (const { destinationId } of records.state.destinations) await runs.loadVerification(destinationId);
  const desk = new OpenDesk(options, settings, records, runs);
  desk.begin();
  return desk;
}

class OpenDesk implements Desk {
  readonly settings: StateFile<Settings>;
  readonly drives: DriveWatch;
  readonly places: Places;
  readonly sets: Sets;
  readonly destinations: Destinations;
  readonly jobs: Jobs;
  readonly runs: Runs;
  readonly listings = new Listings();
  readonly measuring: Measuring;
  readonly overview: OverviewBoard;
  readonly handles: Handles;
  readonly setAside: readonly string[];
  readonly #options: DeskOptions;
  readonly #probeOptions: ProbeOptions;
  readonly #work: WorkOptions;
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  readonly #presenceListeners = new Set<(presence: Presence) => void>();
  /** Safety folders of restores that have not been recorded yet. */
  readonly #kept = new Map<string, readonly string[]>();
  #stopLooking: (() => void) | undefined;
  #looking: Promise<void> | undefined;
  #notedAtMs = 0;

  constructor(
    options: DeskOptions,
    settings: StateFile<Settings>,
    records: Awaited<ReturnType<typeof openSetRecords>>,
    runs: Runs,
  ) {
    const { engine, ports, keychain, userHome, hostName } = options;
    this.#options = options;
    this.settings = settings;
    this.runs = runs;
    this.setAside = [settings.setAside, records.setAside].flatMap((file) => file ?? []);
    this.handles = new Handles(ports.random);
    const { every, volumes = systemVolumes(userHome) } = options;
    this.drives = new DriveWatch({ source: volumes, every, log: ports.log });
    const { drives } = this;
    this.places = new Places({ handles: this.handles, drives, userHome, confined: options.confined });
    const tell = (event: EngineEvent): void => this.tell(event);
    this.measuring = new Measuring({
      engine,
      ...ports,
      tell: (measurement) => tell({ kind: 'measurement', measurement }),
    });
    this.destinations = new Destinations({
      engine,
      ports,
      keychain,
      drives,
      records,
      onPresence: (presence) => {
        for (const listener of this.#presenceListeners) listener(presence);
      },
      onChanged: (destinationId) => this.#destinationChanged(destinationId),
      isAtWork: (destinationId) =>
        this.jobs.open().some((job) => job.destinationId === destinationId && job.state !== 'queued'),
    });
    this.#probeOptions = {
      handles: this.handles,
      places: this.places,
      random: ports.random,
      drives,
      setOf: (repositoryId, instanceId) => setAt(records.state, repositoryId, instanceId),
    };
    this.sets = new Sets({
      ...options,
      drives,
      records,
      destinations: this.destinations,
      handles: this.handles,
      probe: this.#probeOptions,
      remembers: () => settings.state.rememberPasswords,
    });
    this.jobs = new Jobs({
      ports,
      every: options.every,
      tell,
      onBegun: (job) => this.#noteRunning(job),
      onEnded: (ended) => this.#ended(ended),
      onTick: (running) => this.#noteAll(running),
    });
    const { destinations, sets, jobs } = this;
    this.overview = new OverviewBoard({ records, destinations, sets, jobs, runs, ports, hostName, tell });
    this.#work = this.#workOptions();
  }

  begin(): void {
    const look = (): void =>
      void this.look().catch((error: unknown) =>
        this.#options.ports.log('error', 'looking at destinations failed', { error }),
      );
    const stopTimer = this.#options.every(LOOK_EVERY_MS, look);
    const stopListening = this.drives.listen(() => {
      this.tell({ kind: 'changed', topic: 'places', destinationId: null });
      look();
    });
    this.drives.start();
    this.#stopLooking = () => {
      stopTimer();
      stopListening();
      this.drives.stop();
    };
  }

  async probe({ handle, sources }: InputOf<'places.probe'>): Promise<ValueOf<'places.probe'>> {
    const paths = sources.map((source) => this.handles.pathOf(source));
    return probeDestination(this.handles.pathOf(handle), paths, this.#probeOptions);
  }

  backup(setId: string, reread: boolean): Job {
    const set = this.sets.set(setId);
    // Asked twice, done once: two windows, or a person and a clock.
    const open = this.jobs
      .open()
      .find((job) => job.kind === 'backup' && job.setId === setId && job.state !== 'cancelling');
    return open ?? this.jobs.start(backupJob(this.#work, set, reread));
  }

  verify({ destinationId, depth }: InputOf<'jobs.verify'>): Job {
    this.destinations.record(destinationId);
    return this.jobs.start(verifyJob(this.#work, destinationId, depth));
  }

  restore(input: InputOf<'jobs.restore'>): Job {
    this.#refuseOwnFolders(input);
    return this.jobs.start(restoreJob(this.#work, input, false));
  }

  planRestore(input: InputOf<'jobs.planRestore'>): Job {
    this.#refuseOwnFolders(input);
    return this.jobs.start(restoreJob(this.#work, input, true));
  }

  undo(runId: string): Job {
    return this.jobs.start(undoJob(this.#work, this.runs.record(runId)));
  }

  listen(listener: (event: EngineEvent) => void): () => void {
    if (this.#listeners.size >= LISTENERS_MAX) throw new CairnError('app/busy', 'Too many windows are open.');
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onPresence(listener: (presence: Presence) => void): () => void {
    this.#presenceListeners.add(listener);
    return () => void this.#presenceListeners.delete(listener);
  }

  tell(event: EngineEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  async look(): Promise<void> {
    // One look at a time: a drive that answers slowly must not pile them up.
    this.#looking ??= this.destinations
      .refreshAll()
      .then(() => this.overview.refresh())
      .finally(() => {
        this.#looking = undefined;
      });
    await this.#looking;
  }

  async close(): Promise<void> {
    this.#stopLooking?.();
    this.measuring.stop();
    await this.jobs.close();
    await this.#looking?.catch(() => undefined);
    await this.destinations.close();
    await this.runs.close();
  }

  #workOptions(): WorkOptions {
    const { engine, hostName, ports } = this.#options;
    return {
      engine,
      hostName,
      destinations: this.destinations,
      drives: this.drives,
      handles: this.handles,
      listings: this.listings,
      settings: () => this.settings.state,
      nowText: () => new Date(ports.clock.nowMs()).toISOString(),
      verified: async (destinationId, last) => {
        const { damage } = last.report;
        await this.runs.verified(destinationId, last, damage.length);
        this.tell({ kind: 'changed', topic: 'integrity', destinationId });
      },
      keptIn: (jobId, undoIds) => void this.#kept.set(jobId, undoIds),
      undone: (runId) => this.runs.markUndone(runId),
    };
  }

  /** The engine refuses it too; said here, it is said before there is a job. */
  #refuseOwnFolders({ to }: InputOf<'jobs.restore'>): void {
    if (to.kind !== 'folder') return;
    const target = this.handles.pathOf(to.handle);
    if (!pathWithin(target, Buffer.from(this.#options.home))) return;
    throw new CairnError('restore/target', 'Cairn’s own folder can’t be restored into.');
  }

  #destinationChanged(destinationId: string): void {
    if (this.destinations.status(destinationId).state !== 'ready') this.listings.forget(destinationId);
    this.overview.soon();
  }

  async #noteRunning(job: Job): Promise<void> {
    const { kind, jobId, setId, destinationId, startedAt, progress } = job;
    if (kind === 'restore-plan') return;
    const durationMs = Math.max(0, this.#options.ports.clock.nowMs() - Date.parse(startedAt));
    const figures = { files: progress?.files ?? 0, bytes: progress?.bytes ?? 0 };
    await this.runs.running({ runId: jobId, kind, setId, destinationId, startedAt, durationMs, ...figures });
    this.overview.soon();
  }

  #noteAll(running: readonly Job[]): void {
    const nowMs = this.#options.ports.clock.monotonicMs();
    if (nowMs - this.#notedAtMs < NOTE_EVERY_MS) return;
    this.#notedAtMs = nowMs;
    for (const job of running) {
      this.#noteRunning(job).catch((error: unknown) =>
        this.#options.ports.log('warn', 'a job was not noted', { error }),
      );
    }
  }

  async #ended({ job, outcome }: Ended): Promise<void> {
    const { jobId, kind, setId, destinationId, state, startedAt, error } = job;
    if (kind === 'restore-plan') return void this.#kept.delete(jobId);
    const undoIds = this.#kept.get(jobId) ?? [];
    this.#kept.delete(jobId);
    const durationMs = Math.max(0, this.#options.ports.clock.nowMs() - Date.parse(startedAt));
    const undoable = undoIds.length > 0;
    const ended = state === 'done' || state === 'cancelled' ? state : 'failed';
    const shared = { runId: jobId, kind, setId, destinationId, state: ended, startedAt, durationMs, error } as const;
    await this.runs.add({ ...shared, ...figuresOf(outcome), undoable, undoIds }, outcome);
    // A drive that was pulled out is known to be away at once, and not at the next look.
    if (error?.code === 'destination/gone') await this.destinations.refresh(destinationId).catch(() => undefined);
    else if (kind === 'backup') await this.destinations.recount(destinationId).catch(() => undefined);
    this.tell({ kind: 'changed', topic: 'runs', destinationId });
    if (kind === 'backup' && state === 'done') this.tell({ kind: 'changed', topic: 'snapshots', destinationId });
    this.overview.soon();
  }
}

/** The set whose destination is this copy of a repository. */
function setAt({ destinations, sets }: SetsState, repositoryId: string, instanceId: string | null): string | null {
  const known = destinations.find((one) => one.repositoryId === repositoryId && one.instanceId === instanceId);
  return sets.find(({ destinationId }) => destinationId === known?.destinationId)?.setId ?? null;
}
