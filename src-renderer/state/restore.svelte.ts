/**
 * The Restore screen's memory: which snapshot, which folder in it, how sorted and filtered, what is loaded of it and what
 * is selected. The folder stays when the snapshot changes: one looks at the same place at another time.
 */
import { createContext } from 'svelte';
import type { BrowseSort, InputOf } from '../../src-shared/api/contract.ts';
import type { CairnError } from '../../src-shared/errors.ts';
import type { BrowseEntry, Preview, SearchHit, SnapshotSummary } from '../../src-shared/model/index.ts';
import { asCairnError } from '../api.ts';
import { dayNumber, parseTime } from '../words/index.ts';
import type { App } from './app.svelte.ts';
import { Compare, firstComparison } from './compare.svelte.ts';
import { Listing } from './listing.svelte.ts';
import { Load } from './load.svelte.ts';
import { Looking } from './looking.svelte.ts';
import { entryOfHit, Search } from './search.svelte.ts';
import { Selection } from './selection.svelte.ts';

const FILTER_DELAY_MS = 160;
/** A row that is to be shown is looked for in so many; in a larger folder it is previewed all the same. */
const REVEAL_ROWS_MAX = 2000;

/** Folders at a time; names over all times; two times side by side. */
export type RestoreView = 'browse' | 'search' | 'compare';

export class RestoreState {
  readonly #app: App;
  readonly snapshots = new Load<readonly SnapshotSummary[]>();
  readonly listing: Listing;
  readonly selection: Selection;
  readonly looking: Looking;
  readonly search: Search;
  readonly compare: Compare;
  #view = $state<RestoreView>('browse');
  /** A row that the list of files is to bring into sight. */
  #revealed = $state<number | null>(null);
  #destinationId = $state<string | null>(null);
  #snapshotId = $state<string | null>(null);
  #path = $state('');
  #filter = $state('');
  #sort = $state.raw<BrowseSort>({ by: 'name', descending: false });
  #day = $state<number | null>(null);
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
    this.looking = new Looking(app.client);
    this.search = new Search(app.client);
    this.compare = new Compare(app.client);
    app.onTopic((topic, destinationId) => {
      if (destinationId !== null && destinationId !== this.#destinationId) return;
      if (topic === 'snapshots') this.#refresh();
      if (topic === 'catalog' || topic === 'snapshots') {
        this.search.refresh();
        this.looking.refresh();
      }
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
    return this.looking.entry;
  }

  get preview(): Load<Preview> {
    return this.looking.preview;
  }

  get view(): RestoreView {
    return this.#view;
  }

  get revealed(): number | null {
    return this.#revealed;
  }

  /** Of the screen: shows this destination, and its newest snapshot unless one was chosen before. */
  enter(destinationId: string): void {
    if (destinationId === this.#destinationId && this.snapshots.state.kind !== 'failed') return;
    this.#destinationId = destinationId;
    this.#snapshotId = null;
    this.#path = '';
    this.#view = 'browse';
    this.looking.stop();
    this.snapshots.reset();
    this.#refresh();
  }

  /** Opens a snapshot from another screen. */
  goTo(destinationId: string, snapshotId: string): void {
    this.#day = null;
    this.#view = 'browse';
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
    const entry = this.previewed;
    if (entry !== null) this.look(entry);
  }

  /** Search over all snapshots; the folder one was in is still there afterwards. */
  startSearch(): void {
    const destinationId = this.#destinationId;
    if (destinationId === null) return;
    this.stopLooking();
    this.#view = 'search';
    this.search.enter(destinationId);
  }

  startCompare(): void {
    const { snapshot } = this;
    const destinationId = this.#destinationId;
    const all = this.snapshots.value;
    if (destinationId === null || snapshot === null || all === null) return;
    const { before, after } = firstComparison(all, snapshot);
    this.stopLooking();
    this.#view = 'compare';
    this.compare.begin(destinationId, before, after, this.#path);
  }

  /** One file at two times. */
  compareFile(before: string, after: string, path: string): void {
    const destinationId = this.#destinationId;
    if (destinationId === null) return;
    this.stopLooking();
    this.#view = 'compare';
    this.compare.beginWithFile(destinationId, { before, after, path });
  }

  browse(): void {
    this.#view = 'browse';
    this.stopLooking();
  }

  lookAtHit(hit: SearchHit): void {
    const destinationId = this.#destinationId;
    if (destinationId === null) return;
    this.looking.look({ destinationId, snapshotId: hit.lastSnapshotId, time: hit.lastTime }, entryOfHit(hit));
  }

  /** Where it was last: the folder itself, or the folder that a file is in, with the file picked. */
  async openHit(hit: SearchHit): Promise<void> {
    const isFolder = hit.type === 'directory';
    const folder = isFolder ? hit.path : hit.path.slice(0, Math.max(0, hit.path.lastIndexOf('/')));
    this.#day = null;
    this.#view = 'browse';
    this.#snapshotId = hit.lastSnapshotId;
    this.openFolder(folder);
    if (isFolder) return;
    this.look(entryOfHit(hit));
    await this.#reveal(hit.path);
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
    const at = this.#at();
    if (at !== null) this.looking.look({ ...at, time: this.snapshot?.time ?? '' }, entry);
  }

  stopLooking(): void {
    this.looking.stop();
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
    return input === null || this.#restoreHere(input, () => this.selection.clear());
  }

  /** One path as it was in a snapshot, as safely. False: where to has to be asked. */
  async restoreOne(snapshotId: string, path: string): Promise<boolean> {
    const destinationId = this.#destinationId;
    if (destinationId === null) return true;
    const input = {
      destinationId,
      snapshotId,
      paths: [path],
      to: { kind: 'original' },
      conflict: 'keep-both',
    } as const;
    return this.#restoreHere(input, () => undefined);
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

  /** False where the original place is none. */
  async #restoreHere(input: InputOf<'jobs.restore'>, begun: () => void): Promise<boolean> {
    let isRefused = false;
    await this.#app.attempt(async () => {
      try {
        this.#app.jobs.adopt(await this.#app.client.call('jobs.restore', input));
        begun();
      } catch (error) {
        isRefused = this.refusesOriginal(error);
        if (!isRefused) throw error;
      }
    });
    return !isRefused;
  }

  async #reveal(path: string): Promise<void> {
    this.#revealed = null;
    await this.listing.load(0, 0);
    const rows = Math.min(this.listing.total, REVEAL_ROWS_MAX);
    await this.listing.load(0, rows - 1);
    for (let index = 0; index < rows; index++) {
      const entry = this.listing.at(index);
      if (entry?.path !== path) continue;
      this.selection.pick(entry, index);
      this.look(entry);
      this.#revealed = index;
      return;
    }
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
