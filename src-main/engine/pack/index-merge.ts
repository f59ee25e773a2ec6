/**
 * Merges runs: every entry once, rising by id, without the packs that are gone. Of several entries for one id the one of
 * the earliest run in the list stays, so callers list the newest run first; but one in a pack that can't be relied on
 * gives way to one in a pack that can.
 *
 * A stream over decoded pages: rows are copied from column to column, and memory is one page of each run.
 */
import { assert } from '../../../src-shared/assert.ts';
import { ID_BYTES, type PackId } from '../../../src-shared/ids.ts';
import { compareIds, copyRow, EntryRows, NUMBER_BYTES } from './index-columns.ts';
import type { IndexedPack } from './index-entry.ts';
import { PageBuilder } from './index-page.ts';
import type { IndexRun } from './index-run.ts';

export type MergeInput = {
  /** Newest first. */
  readonly runs: readonly Pick<IndexRun, 'batches' | 'packs'>[];
  /** Packs whose entries are left out. */
  readonly absent: ReadonlySet<PackId>;
  /** Packs whose entries stay only where no other pack has the blob. Default none. */
  readonly unreliable?: ReadonlySet<PackId>;
};

/** How an entry of a run fares: by its pack’s ordinal there. */
type PackFate = { readonly ordinal: number; readonly isUnreliable: boolean };

/** One run's position. */
type Cursor = {
  readonly batches: AsyncGenerator<EntryRows>;
  /** Undefined for a pack that is left out. */
  readonly fates: readonly (PackFate | undefined)[];
  batch: EntryRows;
  row: number;
  /** The first word of the id at hand, which nearly always decides. */
  word: number;
};

async function openCursor(
  run: MergeInput['runs'][number],
  fateOf: (pack: IndexedPack) => PackFate | undefined,
): Promise<Cursor | undefined> {
  const batches = run.batches();
  const first = await batches.next();
  if (first.done === true) return undefined;
  const cursor: Cursor = { batches, fates: run.packs.map(fateOf), batch: first.value, row: 0, word: 0 };
  cursor.word = wordOf(cursor);
  return cursor;
}

function wordOf({ batch, row }: Cursor): number {
  return batch.columns.ids.getUint32(row * ID_BYTES, false);
}

/** Moves on inside the batch; false at its end. */
function step(cursor: Cursor): boolean {
  cursor.row++;
  if (cursor.row >= cursor.batch.length) return false;
  cursor.word = wordOf(cursor);
  return true;
}

/** The next batch; false at the end of the run. */
async function nextBatch(cursor: Cursor): Promise<boolean> {
  for (;;) {
    const next = await cursor.batches.next();
    if (next.done === true) return false;
    if (next.value.length === 0) continue;
    cursor.batch = next.value;
    cursor.row = 0;
    cursor.word = wordOf(cursor);
    return true;
  }
}

/** The cursor with the smallest id; of equal ones the first. */
function smallest(cursors: readonly Cursor[]): Cursor | undefined {
  let found: Cursor | undefined;
  for (const cursor of cursors) {
    const isSmaller =
      found === undefined ||
      cursor.word < found.word ||
      (cursor.word === found.word &&
        compareIds(cursor.batch.columns.ids, cursor.row, found.batch.columns.ids, found.row) < 0);
    if (isSmaller) found = cursor;
  }
  return found;
}

/**
 * The union of the runs' entries, in batches of a page, with the packs of mergePacks. A batch is valid until the next one is
 * asked for.
 */
export async function* mergeRuns(input: MergeInput): AsyncGenerator<EntryRows> {
  const packs = mergePacks(input);
  const ordinals = new Map(packs.map(({ packId }, ordinal) => [packId, ordinal]));
  const fateOf = ({ packId }: IndexedPack): PackFate | undefined => {
    const ordinal = ordinals.get(packId);
    return ordinal === undefined ? undefined : { ordinal, isUnreliable: input.unreliable?.has(packId) === true };
  };
  let cursors: Cursor[] = [];
  try {
    for (const run of input.runs) {
      const cursor = await openCursor(run, fateOf);
      if (cursor !== undefined) cursors.push(cursor);
    }
    const merged = new Merged();
    for (let cursor = smallest(cursors); cursor !== undefined; cursor = smallest(cursors)) {
      if (merged.isFullBefore(cursor)) yield merged.take(packs);
      merged.add(cursor);
      if (step(cursor) || (await nextBatch(cursor))) continue;
      const ended = cursor;
      cursors = cursors.filter((other) => other !== ended);
    }
    if (merged.length > 0) yield merged.take(packs);
  } finally {
    for (const { batches } of cursors) await batches.return(undefined);
  }
}

/** The rows merged so far; the last of them may still give way to a better one for the same id. */
class Merged {
  readonly #rows = new PageBuilder();
  /** Whether the last row lies in a pack that can’t be relied on. */
  #lastIsUnreliable = false;

  get length(): number {
    return this.#rows.length;
  }

  #isForLast({ batch, row }: Cursor): boolean {
    return this.length > 0 && compareIds(this.#rows.columns.ids, this.length - 1, batch.columns.ids, row) === 0;
  }

  /** Whether there is no room for this entry. */
  isFullBefore(cursor: Cursor): boolean {
    return this.#rows.isFull && !this.#isForLast(cursor);
  }

  add(cursor: Cursor): void {
    const { batch, row } = cursor;
    const fate = cursor.fates[batch.columns.packOrdinals.getUint32(row * NUMBER_BYTES, true)];
    if (fate === undefined) return;
    const replaces = this.#isForLast(cursor);
    if (replaces && (!this.#lastIsUnreliable || fate.isUnreliable)) return;
    if (!replaces) this.#rows.length++;
    copyRow(batch.columns, row, this.#rows.columns, this.#rows.length - 1, fate.ordinal);
    this.#lastIsUnreliable = fate.isUnreliable;
  }

  take(packs: readonly IndexedPack[]): EntryRows {
    assert(this.length > 0, 'a batch has rows');
    const rows = new EntryRows(this.#rows.columns, this.length, packs);
    this.#rows.length = 0;
    return rows;
  }
}

/** The packs of all runs, each once, without those that are gone. */
export function mergePacks({ runs, absent }: MergeInput): IndexedPack[] {
  const packs = new Map<PackId, IndexedPack>();
  for (const run of runs) {
    for (const pack of run.packs) if (!absent.has(pack.packId) && !packs.has(pack.packId)) packs.set(pack.packId, pack);
  }
  return [...packs.values()];
}
