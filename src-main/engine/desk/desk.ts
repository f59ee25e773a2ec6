/**
 * The desk: everything the app does with an engine, behind one door. It keeps the parts together (sets, destinations,
 * jobs, runs) and tells what changed; what a part does is decided in that part.
 */
import type { EngineEvent, InputOf, ValueOf } from '../../../src-shared/api/index.ts';
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import type { ChangedFolders, LiveReport } from '../api.ts';
import type { Job, Measurement, Settings, SnapshotSummary } from '../../../src-shared/model/index.ts';
import { DriveWatch, systemVolumes } from '../drives/index.ts';
import { Comparing } from './comparing.ts';
import { Destinations } from './destinations.ts';
import { Handles } from './handles.ts';
import { JobNotes } from './job-notes.ts';
import { type Ended, Jobs } from './jobs.ts';
import { Listings } from './listings.ts';
import { Measuring } from './measure.ts';
import { BY_HAND, type Currency, OverviewBoard } from './overview.ts';
import { refuseOriginalPlace } from './original-place.ts';
import { Places } from './places.ts';
import type { DeskOptions } from './ports.ts';
import { type ProbeOptions, probeDestination } from './probe.ts';
import { Runs } from './runs.ts';
import { ScheduleBook, type SetsState, openSetRecords } from '../sets/index.ts';
import { Sets } from './sets.ts';
import { openSettings } from './settings.ts';
import { SnapshotNews } from './snapshot-news.ts';
import type { StateFile } from '../service/index.ts';
import {
  type WorkOptions,
  backUpChanges,
  backupJob,
  lastOf,
  restoreJob,
  snapshotOf,
  undoJob,
  verifyJob,
  writeLane,
} from './work.ts';

/** What stands where is looked at so often: a plugged-in drive is noticed while a person is still looking. */
const LOOK_EVERY_MS = 5000;
const LISTENERS_MAX = 64;

export type Desk = {
  readonly settings: StateFile<Settings>;
  readonly drives: DriveWatch;
  readonly places: Places;
  readonly sets: Sets;
  readonly destinations: Destinations;
  readonly jobs: Jobs;
  readonly runs: Runs;
  /** What is remembered of each set's runs by the clock. */
  readonly book: ScheduleBook;
  readonly listings: Listings;
  readonly comparing: Comparing;
  readonly measuring: Measuring;
  readonly overview: OverviewBoard;
  readonly handles: Handles;
  probe(input: InputOf<'places.probe'>): Promise<ValueOf<'places.probe'>>;
  /** Asked for twice, it is done once. `absent`: sources of which only an empty place is left. */
  backup(setId: string, reread: boolean, absent?: readonly Buffer[]): Job;
  /** In its turn with the jobs of the destination, and no job itself. */
  backUpChanges(setId: string, changed: ChangedFolders, absent: readonly Buffer[]): Promise<LiveReport>;
  /** The newest snapshot of a set, where its destination can be seen. */
  newestSnapshot(setId: string): Promise<SnapshotSummary | undefined>;
  /** Who runs sets by itself says how far they are; told again after `overview.soon()`. */
  follow(currencyOf: (setId: string) => Currency | undefined): void;
  verify(input: InputOf<'jobs.verify'>): Job;
  restore(input: InputOf<'jobs.restore'>): Promise<Job>;
  planRestore(input: InputOf<'jobs.planRestore'>): Promise<Job>;
  undo(runId: string): Job;
  /** Files of the app that were damaged and set aside when it started; the person has to know. */
  readonly setAside: readonly string[];
  /** Everything that happens from now on; the returned function ends it. */
  listen(listener: (event: EngineEvent) => void): () => void;
  tell(event: EngineEvent): void;
  nowText(): string;
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
  const book = await ScheduleBook.open(home, ports);
  const runs = await Runs.open(home, ports);
  for (const { destinationId } of records.state.destinations) await runs.loadVerification(destinationId);
  const desk = new OpenDesk(options, { settings, records, book, runs });
  desk.begin();
  return desk;
}

type DeskFiles = {
  readonly settings: StateFile<Settings>;
  readonly records: StateFile<SetsState>;
  readonly book: ScheduleBook;
  readonly runs: Runs;
};

class OpenDesk implements Desk {
  readonly settings: StateFile<Settings>;
  readonly drives: DriveWatch;
  readonly places: Places;
  readonly sets: Sets;
  readonly destinations: Destinations;
  readonly jobs: Jobs;
  readonly runs: Runs;
  readonly book: ScheduleBook;
  readonly listings = new Listings();
  readonly comparing: Comparing;
  readonly measuring: Measuring;
  readonly overview: OverviewBoard;
  readonly handles: Handles;
  readonly setAside: readonly string[];
  readonly #options: DeskOptions;
  readonly #probeOptions: ProbeOptions;
  readonly #work: WorkOptions;
  readonly #records: StateFile<SetsState>;
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  #currencyOf: (setId: string) => Currency | undefined = () => undefined;
  readonly #news: SnapshotNews;
  readonly #notes: JobNotes;
  #stopLooking: (() => void) | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: DeskOptions, { settings, records, book, runs }: DeskFiles) {
    const { engine, ports, keychain, userHome, hostName } = options;
    this.#options = options;
    this.settings = settings;
    this.runs = runs;
    this.book = book;
    this.#records = records;
    this.#news = new SnapshotNews(ports.clock, (event) => this.tell(event));
    this.setAside = [settings.setAside, records.setAside].flatMap((file) => file ?? []);
    this.handles = new Handles(ports.random);
    const { every, volumes = systemVolumes(userHome) } = options;
    this.drives = new DriveWatch({ source: volumes, every, log: ports.log });
    const { drives } = this;
    this.comparing = new Comparing({ listings: this.listings, records });
    this.places = new Places({ handles: this.handles, drives, userHome, confined: options.confined });
    const tell = (event: EngineEvent): void => this.tell(event);
    const measured = (measurement: Measurement): void => tell({ kind: 'measurement', measurement });
    this.measuring = new Measuring({ engine, ...ports, tell: measured });
    this.destinations = new Destinations({
      engine,
      ports,
      keychain,
      drives,
      records,
      onChanged: (destinationId) => this.#destinationChanged(destinationId),
      isAtWork: (destinationId) => this.#isAtWork(destinationId),
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
      book,
      destinations: this.destinations,
      handles: this.handles,
      probe: this.#probeOptions,
      remembers: () => settings.state.rememberPasswords,
      isAllowed: (folder) => this.places.isAllowed(folder),
    });
    this.#notes = new JobNotes({ engine, ports, runs, noted: () => this.overview.soon() });
    this.jobs = new Jobs({
      ports,
      every: options.every,
      tell,
      onBegun: (job) => this.#notes.begun(job),
      onEnded: (ended) => this.#ended(ended),
      onTick: (running) => this.#notes.tick(running),
    });
    const { destinations, sets, jobs } = this;
    this.overview = new OverviewBoard({
      records,
      destinations,
      sets,
      jobs,
      runs,
      book,
      ports,
      hostName,
      tell,
      currencyOf: (setId) => this.#currencyOf(setId) ?? BY_HAND,
    });
    this.#work = this.#workOptions();
  }

  begin(): void {
    const look = (): void =>
      void this.look().catch((error: unknown) =>
        this.#options.ports.log('error', 'looking at destinations failed', { error }),
      );
    const stopTimer = this.#options.every(LOOK_EVERY_MS, () => {
      this.#news.tick();
      look();
    });
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

  backup(setId: string, reread: boolean, absent: readonly Buffer[] = []): Job {
    const set = this.sets.set(setId);
    // Asked twice, done once: two windows, or a person and a clock.
    const open = this.jobs
      .open()
      .find((job) => job.kind === 'backup' && job.setId === setId && job.state !== 'cancelling');
    return open ?? this.jobs.start(backupJob(this.#work, set, { reread, absent }));
  }

  async backUpChanges(setId: string, changed: ChangedFolders, absent: readonly Buffer[]): Promise<LiveReport> {
    const set = this.sets.set(setId);
    const { destinationId } = set;
    const live = await this.jobs
      .quietly(writeLane(destinationId), (signal) => backUpChanges(this.#work, set, { changed, absent, signal }))
      .catch(async (error: unknown) => {
        if (isCairnError(error, 'destination/gone')) await this.#goneAtWork(destinationId);
        throw error;
      });
    if (live.report === undefined) return live;
    await this.destinations.added(destinationId, live.report.bytesStored);
    this.#news.added(destinationId);
    this.overview.soon();
    return live;
  }

  async newestSnapshot(setId: string): Promise<SnapshotSummary | undefined> {
    const set = this.sets.set(setId);
    return lastOf(await this.destinations.repository(set.destinationId).snapshots(), set, this.#options.hostName);
  }

  follow(currencyOf: (setId: string) => Currency | undefined): void {
    this.#currencyOf = currencyOf;
    this.overview.soon();
  }

  verify({ destinationId, depth }: InputOf<'jobs.verify'>): Job {
    this.destinations.record(destinationId);
    return this.jobs.start(verifyJob(this.#work, destinationId, depth));
  }

  async restore(input: InputOf<'jobs.restore'>): Promise<Job> {
    await this.#refusePlace(input);
    return this.jobs.start(restoreJob(this.#work, input, false));
  }

  async planRestore(input: InputOf<'jobs.planRestore'>): Promise<Job> {
    await this.#refusePlace(input);
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

  tell(event: EngineEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  nowText(): string {
    return new Date(this.#options.ports.clock.nowMs()).toISOString();
  }

  async look(): Promise<void> {
    // One look at a time: a drive that answers slowly must not pile them up.
    this.#looking ??= this.#takeChanges()
      .then(() => this.destinations.refreshAll())
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

  /** What a command, or a person with an editor, changed in the configuration. */
  async #takeChanges(): Promise<void> {
    await this.book.reload();
    if (await this.#records.reload()) await this.destinations.dropForgotten();
  }

  #workOptions(): WorkOptions {
    const { engine, hostName, ports, confined } = this.#options;
    return {
      engine,
      hostName,
      ports,
      book: this.book,
      keepInRepository: async (setId) => {
        const set = this.#records.state.sets.find((one) => one.setId === setId);
        if (set !== undefined) await this.sets.keepInRepository(set);
      },
      mayRunHooks: () => !confined || this.#records.state.hooksInWebHost,
      destinations: this.destinations,
      drives: this.drives,
      handles: this.handles,
      listings: this.listings,
      settings: () => this.settings.state,
      nowText: () => this.nowText(),
      verified: async (destinationId, last) => {
        const { damage } = last.report;
        await this.runs.verified(destinationId, last, damage.length);
        this.tell({ kind: 'changed', topic: 'integrity', destinationId });
      },
      onUndoable: (jobId, undoId) => this.#notes.undoable(this.jobs.job(jobId), undoId),
      undone: async (runId) => {
        await this.runs.markUndone(runId);
        this.jobs.markUndone(runId);
      },
    };
  }

  /** Before there is a job, so that the person can choose another place at once. */
  async #refusePlace({ to, destinationId, snapshotId, paths }: InputOf<'jobs.restore'>): Promise<void> {
    if (to.kind === 'original') {
      const snapshot = await snapshotOf(this.destinations.repository(destinationId), snapshotId);
      const isAllowed = (folder: Buffer): Promise<boolean> => this.places.isAllowed(folder);
      return refuseOriginalPlace(snapshot, paths, { hostName: this.#options.hostName, isAllowed });
    }
    await this.places.refuseAsTarget(this.handles.pathOf(to.handle), this.#options.home);
  }

  #destinationChanged(destinationId: string): void {
    if (this.destinations.status(destinationId).state !== 'ready')
      for (const kept of [this.listings, this.comparing]) kept.forget(destinationId);
    this.overview.soon();
  }

  async #ended({ job, outcome }: Ended): Promise<{ readonly undoable: boolean }> {
    const { kind, destinationId, state, error } = job;
    if (kind === 'restore-plan') return { undoable: false };
    const undoable = await this.#notes.ended({ job, outcome });
    if (error?.code === 'destination/gone') await this.#goneAtWork(destinationId);
    else if (kind === 'backup') await this.destinations.recount(destinationId).catch(() => undefined);
    this.tell({ kind: 'changed', topic: 'runs', destinationId });
    if (kind === 'backup' && state === 'done') this.tell({ kind: 'changed', topic: 'snapshots', destinationId });
    this.overview.soon();
    return { undoable };
  }

  /** Work on a destination is the first to see that it is gone, because no look disturbs it. */
  #isAtWork(destinationId: string): boolean {
    const isJob = this.jobs.open().some((job) => job.destinationId === destinationId && job.state !== 'queued');
    return isJob || this.jobs.isQuietlyAtWork(writeLane(destinationId));
  }

  /** A drive that was pulled out is known to be away at once, and not at the next look. */
  async #goneAtWork(destinationId: string): Promise<void> {
    await this.destinations.refresh(destinationId).catch(() => undefined);
  }
}

/** The set whose destination is this copy of a repository. */
function setAt({ destinations, sets }: SetsState, repositoryId: string, instanceId: string | null): string | null {
  const known = destinations.find((one) => one.repositoryId === repositoryId && one.instanceId === instanceId);
  return sets.find(({ destinationId }) => destinationId === known?.destinationId)?.setId ?? null;
}
