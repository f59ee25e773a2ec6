/**
 * The first run: what is ticked, where it goes, with which password. Sizes come from the engine while it counts; every
 * change of what is chosen begins the count anew.
 */
import type {
  DestinationProbe,
  Drive,
  Measurement,
  Place,
  RuleSaving,
  Schedule,
  SetRules,
  Timing,
} from '../../src-shared/model/index.ts';
import { words } from '../words/index.ts';
import type { App } from './app.svelte.ts';
import { Load } from './load.svelte.ts';

export const DEFAULT_RULES: SetRules = {
  excludes: [],
  excludeLargerThanBytes: null,
  oneFileSystem: true,
  cairnignore: true,
  gitignore: false,
  excludeCaches: true,
  excludeIfPresent: [],
};

/** What the first screen offers; everything finer is for later. */
export const WELCOME_TIMINGS = ['continuous', 'hourly', 'daily', 'manual'] as const;
export type WelcomeTiming = (typeof WELCOME_TIMINGS)[number];

const TIMINGS: Readonly<Record<WelcomeTiming, Timing>> = {
  continuous: { kind: 'continuous', fullScanEveryHours: 24 },
  hourly: { kind: 'hourly', minute: 0 },
  daily: { kind: 'daily', at: '21:00' },
  manual: { kind: 'manual' },
};

/** Also when the drive comes, unless a person wants to start each one; a word when it has been silent for a week. */
const scheduleOf = (when: WelcomeTiming): Schedule => ({
  timing: TIMINGS[when],
  whenDriveConnected: when !== 'manual',
  conditions: { onlyOnMainsPower: false, notOnMetered: false, onlyWhenIdleMinutes: null },
  staleAfterDays: 7,
});

/** Of the suggested places, the ones that are ticked to begin with: documents and the like, not what was downloaded. */
const TICKED_FIRST: ReadonlySet<Place['kind']> = new Set(['documents', 'pictures', 'desktop', 'projects']);

export type SourceChoice = { readonly place: Place; readonly ticked: boolean };
type Chosen = { readonly place: Place; readonly drive: Drive | null };

export class WelcomeState {
  readonly #app: App;
  readonly places = new Load<readonly Place[]>();
  readonly drives = new Load<readonly Drive[]>();
  readonly probe = new Load<DestinationProbe>();
  #choices = $state.raw<readonly SourceChoice[]>([]);
  #leftOut = $state.raw<ReadonlySet<string>>(new Set());
  #target = $state.raw<Chosen | null>(null);
  #measurement = $state.raw<Measurement | null>(null);
  /** Once suggested, a rule stays in the list: with it switched on the engine tells it as left out. */
  #suggested = $state.raw<ReadonlyMap<string, RuleSaving>>(new Map());
  #measureId = '';
  readonly #ended = new Set<string>();
  #starting = $state(false);
  when = $state<WelcomeTiming>('continuous');
  encrypted = $state(true);
  password = $state('');
  repeat = $state('');
  readonly #disposers: (() => void)[];

  readonly sources = $derived(this.#choices.filter(({ ticked }) => ticked).map(({ place }) => place));

  constructor(app: App) {
    this.#app = app;
    this.#disposers = [
      app.client.onEvent((event) => {
        if (event.kind === 'measurement') this.#onMeasurement(event.measurement);
      }),
      app.onTopic((topic) => {
        if (topic === 'places') this.#askDrives().catch(() => null);
      }),
    ];
    this.begin().catch(() => null);
  }

  get choices(): readonly SourceChoice[] {
    return this.#choices;
  }

  get target(): Chosen | null {
    return this.#target;
  }

  get measurement(): Measurement | null {
    return this.#measurement;
  }

  get starting(): boolean {
    return this.#starting;
  }

  /** Most bytes first. */
  get suggestions(): readonly RuleSaving[] {
    return [...this.#suggested.values()].sort((one, other) => other.bytes - one.bytes);
  }

  isLeftOut(rule: string): boolean {
    return this.#leftOut.has(rule);
  }

  sizeOf(place: Place): Measurement['sources'][number] | null {
    return this.#measurement?.sources.find((row) => row.handle === place.handle) ?? null;
  }

  get totalBytes(): number {
    return this.#measurement?.sources.reduce((sum, row) => sum + row.bytes, 0) ?? 0;
  }

  get totalFiles(): number {
    return this.#measurement?.sources.reduce((sum, row) => sum + row.files, 0) ?? 0;
  }

  /** What keeps the first backup from starting, in words; empty when nothing does. */
  get missing(): string {
    const { needs } = words.welcome;
    if (this.sources.length === 0) return needs.folders;
    const probe = this.probe.value;
    if (this.#target === null || probe === null) return needs.place;
    if (!words.PROBE_WORDS[probe.state].ok) return words.PROBE_WORDS[probe.state].text;
    if (!this.encrypted) return '';
    if (this.password === '') return needs.password;
    if (this.repeat === '') return needs.repeat;
    return this.password === this.repeat ? '' : needs.mismatch;
  }

  get rules(): SetRules {
    return { ...DEFAULT_RULES, excludes: [...this.#leftOut] };
  }

  async begin(): Promise<void> {
    const { client } = this.#app;
    await Promise.all([this.places.ask(() => client.call('places.suggested', {})), this.#askDrives()]);
    const places = this.places.value ?? [];
    this.#choices = places
      .filter(({ kind }) => kind !== 'home')
      .map((place) => ({ place, ticked: TICKED_FIRST.has(place.kind) }));
    this.#measure();
    this.#probe();
  }

  dispose(): void {
    for (const dispose of this.#disposers) dispose();
    this.#app.client.call('places.stopMeasuring', {}).catch(() => null);
  }

  tick(handle: string, ticked: boolean): void {
    this.#choices = this.#choices.map((row) => (row.place.handle === handle ? { ...row, ticked } : row));
    this.#measure();
    this.#probe();
  }

  addSource(place: Place): void {
    const known = this.#choices.some((row) => row.place.path === place.path);
    if (known) return this.tick(place.handle, true);
    this.#choices = [...this.#choices, { place, ticked: true }];
    this.#measure();
    this.#probe();
  }

  leaveOut(rule: string, leaveOut: boolean): void {
    const rules = new Set(this.#leftOut);
    if (leaveOut) rules.add(rule);
    else rules.delete(rule);
    this.#leftOut = rules;
    this.#measure();
  }

  chooseTarget(place: Place, drive: Drive | null): void {
    this.#target = { place, drive };
    this.probe.reset();
    this.#probe();
  }

  async start(): Promise<void> {
    const probe = this.probe.value;
    if (this.missing !== '' || probe === null || this.#starting) return;
    this.#starting = true;
    const app = this.#app;
    const compression = app.settings.value?.compression ?? 'zstd:3';
    await app.attempt(async () => {
      const made = await app.client.call('sets.create', {
        name: words.welcome.setName,
        sources: this.sources.map(({ handle }) => handle),
        rules: this.rules,
        destination: probe.repository.handle,
        password: this.encrypted ? this.password : null,
        compression,
        schedule: scheduleOf(this.when),
      });
      app.jobs.adopt(made.job);
      app.show('overview');
      if (made.recoveryKey !== null) {
        app.open({
          kind: 'recovery',
          recoveryKey: made.recoveryKey,
          name: made.set.name,
          place: probe.repository.path,
          firstRun: true,
        });
      }
      await app.overview.ask(() => app.client.call('overview.get', {}));
    });
    this.#starting = false;
  }

  async #askDrives(): Promise<void> {
    await this.drives.ask(() => this.#app.client.call('places.drives', {}));
    const rows = this.usableDrives;
    if (this.#target === null && rows[0] !== undefined) this.chooseTarget(rows[0].place, rows[0]);
  }

  /** External ones first; the system's own drive is offered last, and never chosen by itself. */
  get usableDrives(): readonly Drive[] {
    const rows = (this.drives.value ?? []).filter((drive) => drive.writable && !drive.system);
    return rows.toSorted(
      (one, other) => Number(other.removable) - Number(one.removable) || other.freeBytes - one.freeBytes,
    );
  }

  #measure(): void {
    const handles = this.sources.map(({ handle }) => handle);
    if (handles.length === 0) {
      this.#measurement = null;
      this.#app.client.call('places.stopMeasuring', {}).catch(() => null);
      return;
    }
    this.#app.client.call('places.measure', { handles, rules: this.rules }).then(
      ({ measureId }) => {
        if (this.#measureId !== '' && this.#measureId !== measureId) this.#ended.add(this.#measureId);
        this.#measureId = measureId;
      },
      () => null,
    );
  }

  #onMeasurement(measurement: Measurement): void {
    // A count that was replaced may still have a word on its way.
    if (this.#ended.has(measurement.measureId)) return;
    this.#measurement = measurement;
    const suggested = new Map(this.#suggested);
    for (const row of measurement.suggestions) suggested.set(row.rule, row);
    for (const row of measurement.leftOut) if (this.#leftOut.has(row.rule)) suggested.set(row.rule, row);
    this.#suggested = suggested;
  }

  #probe(): void {
    const target = this.#target;
    if (target === null) return;
    const sources = this.sources.map(({ handle }) => handle);
    this.probe
      .ask(() => this.#app.client.call('places.probe', { handle: target.place.handle, sources }))
      .catch(() => null);
  }
}
