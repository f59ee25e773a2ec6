/**
 * The Restore screen's memory: which snapshot, which folder in it, how sorted and filtered, what is loaded of it and what
 * is selected. The folder stays when the snapshot changes: one looks at the same place at another time.
 */
import { createContext } from 'svelte';
import type { BrowseSort, InputOf } from '../../src-shared/api/contract.ts';
import type { CairnError } from '../../src-shared/errors.ts';
import type { BrowseEntry, Preview, SnapshotSummary } from '../../src-shared/model/index.ts';
import { asCairnError } from '../api.ts';
import { dayNumber, parseTime } from '../words/index.ts';
import type { App } from './app.svelte.ts';
import { Listing } from './listing.svelte.ts';
import { Load } from './load.svelte.ts';
import { Selection } from './selection.svelte.ts';

const FILTER_DELAY_MS = 160;

export class RestoreState {
  readonly #app: App;
  readonly snapshots = new Load<readonly SnapshotSummary[]>();
  readonly listing: Listing;
  readonly selection: Selection;
  readonly preview = new Load<Preview>();
  #destinationId = $state<string | null>(null);
  #snapshotId = $state<string | null>(null);
  #path = $state('');
  #filter = $state('');
  #sort = $state.raw<BrowseSort>({ by: 'name', descending: false });
  #day = $state<number | null>(null);
  #previewed = $state.raw<BrowseEntry | null>(null);
  /** Why files of a snapshot can't go back to where they came from. */
  #refusal = $state.raw<{ readonly snapshotId: string; readonly error: CairnError } | null>(null);
  #filterTimer = 0;
  readonly #newestFirst = $derived([...(this.snapshots.value ?? [])].reverse());
  readonly #ofDay = $derived(
    this.#day === null
      ? this.#newestFirst
      : this.#newestFirst.filter((row) => dayNumber(parseTime(row.time)) === this.#day),
  );

  constructor(app: App) {
    this.#app = app;
    this.listing = new Listing(app.client);
    this.selection = new Selection(this.listing);
    app.onTopic((topic, destinationId) => {
      if (topic === 'snapshots' && (destinationId === null || destinationId === this.#destinationId)) this.#refresh();
    });
    app.client.onState((state) => {
      if (state.kind === 'ready' && this.#destinationId !== null) this.#refresh();
    });
  }

  get destinationId(): string | null {
    return this.#destinationId;
  }

  get snapshot(): SnapshotSummary | null {
    return this.snapshots.value?.find((row) => row.id === this.#snapshotId) ?? null;
  }

  /** Newest first; of one day where one is chosen in the calendar. */
  get shownSnapshots(): readonly SnapshotSummary[] {
    return this.#ofDay;
  }

  get day(): number | null {
    return this.#day;
  }

  get path(): string {
    return this.#path;
  }

  get filter(): string {
    return this.#filter;
  }

  get sort(): BrowseSort {
    return this.#sort;
  }

  get previewed(): BrowseEntry | null {
    return this.#previewed;
  }

  /** Of the screen: shows this destination, and its newest snapshot unless one was chosen before. */
  enter(destinationId: string): void {
    if (destinationId === this.#destinationId && this.snapshots.state.kind !== 'failed') return;
    this.#destinationId = destinationId;
    this.#snapshotId = null;
    this.#path = '';
    this.snapshots.reset();
    this.#refresh();
  }

  /** Opens a snapshot from another screen. */
  goTo(destinationId: string, snapshotId: string): void {
    this.#day = null;
    if (destinationId === this.#destinationId) return this.chooseSnapshot(snapshotId);
    this.#destinationId = destinationId;
    this.#snapshotId = snapshotId;
    this.#path = '';
    this.#refresh();
  }

  chooseSnapshot(snapshotId: string): void {
    if (snapshotId === this.#snapshotId) return;
    this.#snapshotId = snapshotId;
    this.selection.clear();
    this.#list();
    const entry = this.#previewed;
    if (entry !== null) this.look(entry);
  }

  chooseDay(day: number | null): void {
    this.#day = day;
    const first = this.#ofDay[0];
    if (day !== null && first !== undefined) this.chooseSnapshot(first.id);
  }

  openFolder(path: string): void {
    this.#path = path;
    this.#filter = '';
    this.selection.clear();
    this.stopLooking();
    this.#list();
  }

  up(): void {
    if (this.#path === '') return;
    this.openFolder(this.#path.includes('/') ? this.#path.slice(0, this.#path.lastIndexOf('/')) : '');
  }

  sortBy(by: BrowseSort['by']): void {
    this.#sort = { by, descending: this.#sort.by === by ? !this.#sort.descending : by !== 'name' };
    this.selection.clear();
    this.#list();
  }

  filterBy(filter: string): void {
    this.#filter = filter;
    window.clearTimeout(this.#filterTimer);
    this.#filterTimer = window.setTimeout(() => {
      this.selection.clear();
      this.#list();
    }, FILTER_DELAY_MS);
  }

  look(entry: BrowseEntry): void {
    this.#previewed = entry;
    this.preview.reset();
    const at = this.#at();
    if (entry.type !== 'file' || at === null) return;
    this.preview.ask(() => this.#app.client.call('browse.preview', { ...at, path: entry.path })).catch(() => null);
  }

  stopLooking(): void {
    this.#previewed = null;
    this.preview.reset();
  }

  /** What would be restored: the picked entries, or the folder itself when all of it is selected. */
  get pickedPaths(): readonly string[] {
    return this.selection.isWhole ? [this.#path] : this.selection.paths;
  }

  get hasFolders(): boolean {
    return this.selection.isWhole || this.selection.entries.some((entry) => entry.type === 'directory');
  }

  get originalRefusal(): CairnError | null {
    const refusal = this.#refusal;
    return refusal !== null && refusal.snapshotId === this.#snapshotId ? refusal.error : null;
  }

  /** Folders are counted before they are restored; and where to is asked, where the original place is none. */
  get asksFirst(): boolean {
    return this.hasFolders || this.originalRefusal !== null;
  }

  /** True for an error which says that another place has to be chosen: from now on it is asked for. */
  refusesOriginal(error: unknown): boolean {
    const failure = asCairnError(error);
    if (failure.code !== 'restore/original-place' || this.#snapshotId === null) return false;
    this.#refusal = { snapshotId: this.#snapshotId, error: failure };
    return true;
  }

  /** To the original place, both kept where they differ: the safe default, without a question. False: it has to be asked. */
  async restoreNow(): Promise<boolean> {
    const input = this.inputFor({ kind: 'original' }, 'keep-both');
    if (input === null) return true;
    const begun = await this.#app.attempt(async () => {
      try {
        this.#app.jobs.adopt(await this.#app.client.call('jobs.restore', input));
        this.selection.clear();
      } catch (error) {
        if (!this.refusesOriginal(error)) throw error;
      }
    });
    return !begun || this.originalRefusal === null;
  }

  inputFor(
    to: InputOf<'jobs.restore'>['to'],
    conflict: InputOf<'jobs.restore'>['conflict'],
  ): InputOf<'jobs.restore'> | null {
    const at = this.#at();
    const paths = this.pickedPaths;
    return at === null || paths.length === 0 ? null : { ...at, paths, to, conflict };
  }

  retry(): void {
    this.#refresh();
  }

  #at(): { readonly destinationId: string; readonly snapshotId: string } | null {
    const destinationId = this.#destinationId;
    const snapshotId = this.#snapshotId;
    return destinationId === null || snapshotId === null ? null : { destinationId, snapshotId };
  }

  #refresh(): void {
    const destinationId = this.#destinationId;
    if (destinationId === null) return;
    this.snapshots
      .ask(() => this.#app.client.call('snapshots.list', { destinationId }))
      .then(() => {
        const isKnown = this.snapshot !== null;
        const hadNone = this.#snapshotId === null;
        if (!isKnown) this.#snapshotId = this.#newestFirst[0]?.id ?? null;
        if (!isKnown || hadNone || this.listing.isEmptyHanded) this.#list();
      })
      .catch(() => null);
  }

  #list(): void {
    const at = this.#at();
    if (at === null) return;
    this.listing.show({ ...at, path: this.#path, sort: this.#sort, filter: this.#filter });
  }
}

/** Held by the frame, so that the place one looked at is still there after a look at another screen. */
export const [getRestore, setRestore] = createContext<RestoreState>();
