/**
 * Merges runs: every entry once, rising by id, without the packs that are gone. Of several entries for one id the one of
 * the earliest run in the list stays, so callers list the newest run first; but one in a pack that can't be relied on
 * gives way to one in a pack that can.
 */
import type { PackId } from '../../../src-shared/ids.ts';
import { compareBytes } from '../kernel/index.ts';
import type { IndexedPack, IndexEntry } from './index-entry.ts';
import type { IndexRun } from './index-run.ts';
import { ENTRIES_PER_PAGE_MAX } from './layout.ts';

export type MergeInput = {
  /** Newest first. */
  readonly runs: readonly Pick<IndexRun, 'batches' | 'packs'>[];
  /** Packs whose entries are left out. */
  readonly absent: ReadonlySet<PackId>;
  /** Packs whose entries stay only where no other pack has the blob. Default none. */
  readonly unreliable?: ReadonlySet<PackId>;
};

/** One run's position; `key` is the first 48 bits of the current id, which nearly always decides. */
type Cursor = {
  readonly batches: AsyncGenerator<readonly IndexEntry[]>;
  batch: readonly IndexEntry[];
  at: number;
  key: number;
};

const KEY_BYTES = 6;

function keyOf(id: Uint8Array): number {
  let key = 0;
  for (let index = 0; index < KEY_BYTES; index++) key = key * 256 + (id[index] ?? 0);
  return key;
}

/** Moves to the next entry; false at the end of the run. */
function stepInBatch(cursor: Cursor): boolean {
  cursor.at++;
  const entry = cursor.batch[cursor.at];
  if (entry !== undefined) cursor.key = keyOf(entry.id);
  return entry !== undefined;
}

async function loadBatch(cursor: Cursor): Promise<boolean> {
  for (;;) {
    const next = await cursor.batches.next();
    if (next.done === true) return false;
    cursor.batch = next.value;
    cursor.at = -1;
    if (stepInBatch(cursor)) return true;
  }
}

function smallest(cursors: readonly Cursor[]): { cursor: Cursor; entry: IndexEntry } | undefined {
  let found: { cursor: Cursor; entry: IndexEntry } | undefined;
  for (const cursor of cursors) {
    const entry = cursor.batch[cursor.at];
    if (entry === undefined) continue;
    const isSmaller =
      found === undefined ||
      cursor.key < found.cursor.key ||
      (cursor.key === found.cursor.key && compareBytes(entry.id, found.entry.id) < 0);
    if (isSmaller) found = { cursor, entry };
  }
  return found;
}

/** The union of the runs' entries, in batches. */
export async function* mergeRuns({ runs, absent, unreliable }: MergeInput): AsyncGenerator<readonly IndexEntry[]> {
  let cursors: Cursor[] = [];
  try {
    for (const run of runs) {
      const cursor: Cursor = { batches: run.batches(), batch: [], at: -1, key: 0 };
      cursors.push(cursor);
      if (!(await loadBatch(cursor))) cursors.pop();
    }
    /** The best entry so far for the id at hand. */
    let best: IndexEntry | undefined;
    let merged: IndexEntry[] = [];
    for (let next = smallest(cursors); next !== undefined; next = smallest(cursors)) {
      const { cursor, entry } = next;
      if (best !== undefined && compareBytes(best.id, entry.id) !== 0) {
        merged.push(best);
        best = undefined;
        if (merged.length === ENTRIES_PER_PAGE_MAX) {
          yield merged;
          merged = [];
        }
      }
      if (!absent.has(entry.packId) && (best === undefined || unreliable?.has(best.packId) === true)) best = entry;
      if (!stepInBatch(cursor) && !(await loadBatch(cursor))) cursors = cursors.filter((other) => other !== cursor);
    }
    if (best !== undefined) merged.push(best);
    if (merged.length > 0) yield merged;
  } finally {
    for (const { batches } of cursors) await batches.return(undefined);
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
