/** Two states side by side: two snapshots, or a snapshot and the folder as it is now, and one file of it line by line. */
import type { InputOf } from '../../src-shared/api/contract.ts';
import type { Change, ChangeKind, SnapshotSummary, TextComparison } from '../../src-shared/model/index.ts';
import type { Client } from '../api.ts';
import { Load } from './load.svelte.ts';
import { PAGE_ROWS, Paged, type PagedState } from './paged.svelte.ts';

export const CHANGE_KINDS: readonly ChangeKind[] = ['added', 'removed', 'changed', 'metadata'];
/** Of times and rights alone there are often thousands, and few people look for them. */
const SHOWN_FIRST: ReadonlySet<ChangeKind> = new Set(['added', 'removed', 'changed']);

type Question = Omit<InputOf<'compare.list'>, 'offset' | 'limit'>;
type Facts = { readonly totals: Readonly<Record<ChangeKind, number>>; readonly incomplete: boolean };

export class Compare {
  readonly #client: Client;
  readonly changes: Paged<Question, Change, Facts>;
  readonly text = new Load<TextComparison>();
  #destinationId = $state<string | null>(null);
  #before = $state('');
  #after = $state('live');
  #path = $state('');
  #kinds = $state.raw<ReadonlySet<ChangeKind>>(SHOWN_FIRST);
  #focus = $state(0);
  #chosen = $state.raw<Change | null>(null);

  constructor(client: Client) {
    this.#client = client;
    this.changes = new Paged(async (question, offset, limit) => {
      const { entries, totals, incomplete } = await client.call('compare.list', { ...question, offset, limit });
      const total = question.kinds.reduce((sum, kind) => sum + totals[kind], 0);
      return { rows: entries, total, facts: { totals, incomplete } };
    });
  }

  get destinationId(): string | null {
    return this.#destinationId;
  }

  get before(): string {
    return this.#before;
  }

  get after(): string {
    return this.#after;
  }

  get path(): string {
    return this.#path;
  }

  get kinds(): ReadonlySet<ChangeKind> {
    return this.#kinds;
  }

  get focus(): number {
    return this.#focus;
  }

  get chosen(): Change | null {
    return this.#chosen;
  }

  get state(): PagedState<Facts> {
    return this.changes.state;
  }

  /** `after` is a snapshot’s id or “live”. */
  begin(destinationId: string, before: string, after: string, path: string): void {
    this.#destinationId = destinationId;
    this.#before = before;
    this.#after = after;
    this.#path = path;
    this.#ask(false);
  }

  /** One file: the folder it is in is listed, and the file is looked at at once. */
  beginWithFile(
    destinationId: string,
    at: { readonly before: string; readonly after: string; readonly path: string },
  ): void {
    const folder = at.path.slice(0, Math.max(0, at.path.lastIndexOf('/')));
    this.begin(destinationId, at.before, at.after, folder);
    this.look({ path: at.path, change: 'changed', type: 'file', sizeBefore: null, sizeAfter: null });
    this.changes
      .load(0, 0)
      .then(() => this.#find(at.path))
      .catch(() => null);
  }

  choose(side: 'before' | 'after', id: string): void {
    if (side === 'before') this.#before = id;
    else this.#after = id;
    this.#ask(false);
  }

  /** “live” is always the later one. */
  get canSwap(): boolean {
    return this.#after !== 'live';
  }

  swap(): void {
    if (!this.canSwap) return;
    [this.#before, this.#after] = [this.#after, this.#before];
    this.#ask(false);
  }

  within(path: string): void {
    this.#path = path;
    this.#ask(false);
  }

  toggle(kind: ChangeKind, on: boolean): void {
    const kinds = new Set(this.#kinds);
    if (on) kinds.add(kind);
    else kinds.delete(kind);
    if (kinds.size === 0) return;
    this.#kinds = kinds;
    this.#ask(true);
  }

  moveTo(index: number): void {
    this.#focus = Math.max(0, Math.min(index, this.changes.total - 1));
    const change = this.changes.at(this.#focus);
    if (change !== null) this.look(change);
  }

  look(change: Change): void {
    const isSame = change.path === this.#chosen?.path;
    this.#chosen = change;
    if (!isSame) this.text.reset();
    const destinationId = this.#destinationId;
    if (change.type !== 'file' || change.change === 'metadata' || destinationId === null) return;
    const question = { destinationId, before: this.#before, after: this.#after, path: change.path };
    this.text.ask(() => this.#client.call('compare.text', question)).catch(() => null);
  }

  stopLooking(): void {
    this.#chosen = null;
    this.text.reset();
  }

  retry(): void {
    this.#ask(false);
  }

  /** The row of what is looked at, where it is among the first. */
  #find(path: string): void {
    for (let index = 0; index < Math.min(this.changes.total, PAGE_ROWS); index++) {
      const change = this.changes.at(index);
      if (change?.path !== path || this.#chosen?.path !== path) continue;
      this.#focus = index;
      this.#chosen = change;
      return;
    }
  }

  #ask(keep: boolean): void {
    const destinationId = this.#destinationId;
    this.#focus = 0;
    this.stopLooking();
    if (destinationId === null) return;
    const kinds = CHANGE_KINDS.filter((kind) => this.#kinds.has(kind));
    const question = { destinationId, before: this.#before, after: this.#after, path: this.#path, kinds };
    this.changes.show(question, keep);
  }
}

/** What a person most likely means: what the newest backup changed, and of an older one what changed since. */
export function firstComparison(
  snapshots: readonly SnapshotSummary[],
  open: SnapshotSummary,
): { readonly before: string; readonly after: string } {
  const newest = snapshots.at(-1);
  if (newest === undefined || newest.id !== open.id) return { before: open.id, after: newest?.id ?? 'live' };
  const previous = snapshots.at(-2);
  return previous === undefined ? { before: open.id, after: 'live' } : { before: previous.id, after: open.id };
}
