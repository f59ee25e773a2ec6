/**
 * What the whole window knows: the connection, what the engine told once, and what is open on top of the screens. Screens
 * get it by context. Deeds that several screens offer (back up now, check, unlock) are done here, so that they behave the
 * same wherever they are started from.
 */
import { createContext } from 'svelte';
import type { ChangedTopic, EngineEvent, Screen } from '../../src-shared/api/contract.ts';
import type {
  AppInfo,
  BackupSet,
  Destination,
  Job,
  Overview,
  Schedule,
  Settings,
  VerifyDepthName,
} from '../../src-shared/model/index.ts';
import { asCairnError, Client, type ConnectionState, type Transport } from '../api.ts';
import { type PauseChoice, pauseEnd } from '../pause.ts';
import { words } from '../words/index.ts';
import { Clock } from './clock.svelte.ts';
import { Jobs } from './jobs.svelte.ts';
import { Load } from './load.svelte.ts';
import { Theme, type ThemeChoice } from './theme.svelte.ts';
import { Toasts } from './toasts.svelte.ts';

export const SCREENS: readonly Screen[] = ['overview', 'restore', 'integrity', 'destinations', 'activity', 'settings'];

/** Of a sample check: a different twentieth each time. */
export const SAMPLE_PERCENT = 5;

/** What lies over the screens. One at a time. */
export type Overlay =
  | { readonly kind: 'none' }
  | { readonly kind: 'palette' }
  | { readonly kind: 'keys' }
  /** `again`: it is open, and its password is asked for once more. */
  | { readonly kind: 'unlock'; readonly destinationId: string; readonly again?: boolean }
  | { readonly kind: 'edit-set'; readonly setId: string }
  | { readonly kind: 'schedule'; readonly setId: string }
  | {
      readonly kind: 'recovery';
      readonly recoveryKey: string;
      readonly name: string;
      readonly place: string;
      readonly firstRun: boolean;
    };

export type TopicListener = (topic: ChangedTopic, destinationId: string | null) => void;

export class App {
  readonly client: Client;
  readonly clock = new Clock();
  readonly theme = new Theme();
  readonly toasts = new Toasts();
  readonly jobs: Jobs;
  readonly overview = new Load<Overview>();
  readonly info = new Load<AppInfo>();
  readonly settings = new Load<Settings>();

  #connection = $state.raw<ConnectionState>({ kind: 'connecting' });
  /** Raised each time the engine is there anew: what screens have asked for may be old. */
  #sessions = $state(0);
  #screen = $state<Screen>('overview');
  #adopting = $state(false);
  #checked = $state<string | null>(null);
  #overlay = $state.raw<Overlay>({ kind: 'none' });
  #onTyped: ((typed: boolean) => void) | null = null;
  readonly #topics = new Set<TopicListener>();
  readonly #disposers: (() => void)[] = [];

  constructor(transport: Transport) {
    this.client = new Client(transport);
    this.jobs = new Jobs(this.client);
    this.#disposers.push(
      this.client.onState((state) => this.#onConnection(state)),
      this.client.onEvent((event) => this.#onEvent(event)),
      this.jobs.onEnd((job) => this.#onJobEnd(job)),
    );
  }

  get connection(): ConnectionState {
    return this.#connection;
  }

  get sessions(): number {
    return this.#sessions;
  }

  get screen(): Screen {
    return this.#screen;
  }

  get overlay(): Overlay {
    return this.#overlay;
  }

  /** The destination whose wholeness is looked at; null until one was chosen. */
  get checked(): string | null {
    return this.#checked;
  }

  /** “I already have a backup” instead of making a new one. */
  get adopting(): boolean {
    return this.#adopting;
  }

  get sets(): readonly BackupSet[] {
    return this.overview.value?.sets ?? [];
  }

  get destinations(): readonly Destination[] {
    return this.overview.value?.destinations ?? [];
  }

  get cli(): string {
    return this.info.value?.cliCommand ?? 'cairn';
  }

  /** Nothing runs by itself: every set is paused. */
  get isPaused(): boolean {
    return this.sets.length > 0 && this.sets.every(({ pausedUntil }) => pausedUntil !== null);
  }

  destination(destinationId: string): Destination | null {
    return this.destinations.find((row) => row.destinationId === destinationId) ?? null;
  }

  set(setId: string): BackupSet | null {
    return this.sets.find((row) => row.setId === setId) ?? null;
  }

  start(): void {
    this.clock.start();
    this.client.start();
  }

  dispose(): void {
    for (const dispose of this.#disposers) dispose();
    this.client.stop();
    this.clock.dispose();
    this.theme.dispose();
  }

  show(screen: Screen): void {
    this.#screen = screen;
    this.#adopting = false;
    this.clock.tick();
  }

  check(destinationId: string): void {
    this.#checked = destinationId;
  }

  adopt(adopting: boolean): void {
    this.#adopting = adopting;
  }

  open(overlay: Overlay): void {
    this.closeOverlay();
    this.#overlay = overlay;
  }

  /** `typed`: a password was asked for and is right. */
  closeOverlay(typed = false): void {
    this.#overlay = { kind: 'none' };
    const tell = this.#onTyped;
    this.#onTyped = null;
    tell?.(typed);
  }

  onTopic(listener: TopicListener): () => void {
    this.#topics.add(listener);
    return () => this.#topics.delete(listener);
  }

  /** Does something and says so when it fails. True when it worked. */
  async attempt(deed: () => Promise<unknown>): Promise<boolean> {
    try {
      await deed();
      return true;
    } catch (error) {
      const failure = asCairnError(error);
      const known = words.errors[failure.code];
      this.toasts.show({ tone: 'bad', title: known.title, detail: `${failure.message} ${failure.hint}` });
      return false;
    }
  }

  /** The same for what may need the password once more: it is asked for where the engine says so. */
  async attemptAgain(destinationId: string, deed: () => Promise<unknown>): Promise<boolean> {
    let isGivenUp = false;
    const worked = await this.attempt(async () => {
      try {
        await deed();
      } catch (error) {
        if (asCairnError(error).code !== 'key/retype') throw error;
        isGivenUp = !(await this.#askAgain(destinationId));
        if (!isGivenUp) await deed();
      }
    });
    return worked && !isGivenUp;
  }

  async backup(setId: string): Promise<void> {
    await this.attempt(async () => this.jobs.adopt(await this.client.call('jobs.backup', { setId, reread: false })));
  }

  async verify(destinationId: string, depth: VerifyDepthName): Promise<void> {
    const input = depth === 'sample' ? ({ kind: depth, percent: SAMPLE_PERCENT } as const) : ({ kind: depth } as const);
    await this.attempt(async () =>
      this.jobs.adopt(await this.client.call('jobs.verify', { destinationId, depth: input })),
    );
  }

  /** `setId` null: all of them. */
  async pause(setId: string | null, choice: PauseChoice): Promise<void> {
    this.clock.tick();
    const until = pauseEnd(choice, this.clock.nowMs);
    await this.attempt(() => this.client.call('sets.pause', { setId, until }));
  }

  async resume(setId: string | null): Promise<void> {
    await this.attempt(() => this.client.call('sets.resume', { setId }));
  }

  /** True when it was saved. */
  saveSchedule(setId: string, schedule: Schedule): Promise<boolean> {
    return this.attempt(() => this.client.call('sets.schedule', { setId, schedule }));
  }

  async undo(runId: string): Promise<void> {
    await this.attempt(async () => this.jobs.adopt(await this.client.call('jobs.undo', { runId })));
  }

  async reveal(jobId: string): Promise<void> {
    await this.attempt(() => this.client.call('jobs.reveal', { jobId }));
  }

  async changeSettings(change: Partial<Settings>): Promise<void> {
    if (change.theme !== undefined) this.theme.choose(change.theme);
    await this.attempt(async () => this.settings.set(await this.client.call('settings.change', change)));
  }

  chooseTheme(theme: ThemeChoice): Promise<void> {
    return this.changeSettings({ theme });
  }

  async reload(): Promise<void> {
    await Promise.all([
      this.info.ask(() => this.client.call('app.info', {})),
      this.settings.ask(() => this.client.call('settings.get', {})),
      this.overview.ask(() => this.client.call('overview.get', {})),
      this.jobs.load().catch(() => null),
    ]);
    const theme = this.settings.value?.theme;
    if (theme !== undefined) this.theme.choose(theme);
  }

  #askAgain(destinationId: string): Promise<boolean> {
    this.open({ kind: 'unlock', destinationId, again: true });
    return new Promise((resolve) => {
      this.#onTyped = resolve;
    });
  }

  #onConnection(state: ConnectionState): void {
    this.#connection = state;
    if (state.kind !== 'ready') return;
    this.#sessions++;
    this.reload().catch(() => null);
  }

  #onEvent(event: EngineEvent): void {
    this.jobs.apply(event);
    switch (event.kind) {
      case 'overview':
        this.clock.tick();
        this.overview.set(event.overview);
        return;
      case 'changed':
        this.#onChanged(event.topic, event.destinationId);
        return;
      case 'show':
        this.show(event.screen);
        return;
      case 'job':
      case 'job-dismissed':
      case 'measurement':
    }
  }

  #onChanged(topic: ChangedTopic, destinationId: string | null): void {
    if (topic === 'overview') this.#refresh(this.overview.ask(() => this.client.call('overview.get', {})));
    if (topic === 'settings') this.#refresh(this.settings.ask(() => this.client.call('settings.get', {})));
    for (const listener of this.#topics) listener(topic, destinationId);
  }

  #refresh(asked: Promise<void>): void {
    asked.catch(() => null);
  }

  #onJobEnd(job: Job): void {
    this.clock.tick();
    if (job.kind === 'restore-plan') return;
    // The job bar shows the end and what can be done next; a failure is said there too.
    this.#announcement =
      job.outcome === null
        ? words.jobHeadline(job)
        : words.jobs.announceEnd(words.outcomeHeadline(job.outcome), words.outcomeDetail(job.outcome));
  }

  /** What a screen reader says about jobs. */
  #announcement = $state('');

  get announcement(): string {
    return this.#announcement;
  }
}

export const [getApp, setApp] = createContext<App>();
