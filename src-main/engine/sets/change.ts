/** Changes of sets that touch more than their record, and finding a set by what a person calls it. */
import { CairnError } from '../../../src-shared/errors.ts';
import { displayPath } from '../../../src-shared/format/index.ts';
import type { PausedUntil } from '../../../src-shared/model/index.ts';
import { checkCron } from '../schedule/index.ts';
import type { StateFile } from '../service/index.ts';
import type { ScheduleBook } from './schedule-book.ts';
import { type SetRecord, type SetsState, setOf, withSetChanged } from './set-records.ts';

export type SetFiles = { readonly records: StateFile<SetsState>; readonly book: ScheduleBook };
export type SetChange = Partial<Pick<SetRecord, 'name' | 'sources' | 'rules' | 'schedule' | 'hooks' | 'webhook'>>;

const ID_CHARACTERS_MIN = 4;

/**
 * Changes what is given. With another timing the clock begins anew: times that the new one would have had do not count.
 * @throws CairnError app/not-found, usage/invalid
 */
export async function changeSet({ records, book }: SetFiles, setId: string, change: SetChange): Promise<SetRecord> {
  if (change.schedule?.timing.kind === 'cron') checkCron(change.schedule.timing.text);
  const before = setOf(records.state, setId);
  const set = setOf(
    await records.change((state) => withSetChanged(state, setId, (old) => ({ ...old, ...change }))),
    setId,
  );
  if (JSON.stringify(set.schedule.timing) !== JSON.stringify(before.schedule.timing)) await book.restart(set);
  return set;
}

/**
 * Pauses a set (with null: all of them), or with no pause lets it run again; what it missed is then caught up.
 * @throws CairnError app/not-found
 */
export async function pauseSets(
  { records }: Pick<SetFiles, 'records'>,
  setId: string | null,
  pausedUntil: PausedUntil,
  nowMs: number,
): Promise<readonly SetRecord[]> {
  const now = new Date(nowMs).toISOString();
  const isMeant = (set: SetRecord): boolean => setId === null || set.setId === setId;
  const state = await records.change((before) => {
    if (setId !== null) setOf(before, setId);
    const sets = before.sets.map((set) => {
      if (!isMeant(set)) return set;
      // A pause that is prolonged began when it began.
      const pausedAt = pausedUntil === null ? null : set.pausedUntil === null ? now : set.pausedAt;
      return { ...set, pausedUntil, pausedAt };
    });
    return { ...before, sets };
  });
  return state.sets.filter(isMeant);
}

/**
 * By its name, in any case, or the first characters of its id.
 * @throws CairnError app/not-found, usage/invalid where several are meant
 */
export function findSet({ sets }: SetsState, text: string): SetRecord {
  const wanted = text.toLowerCase();
  const named = sets.filter(({ name }) => name.toLowerCase() === wanted);
  const isId = wanted.length >= ID_CHARACTERS_MIN && /^[0-9a-f]+$/.test(wanted);
  const found = named.length > 0 ? named : sets.filter(({ setId }) => isId && setId.startsWith(wanted));
  const [set] = found;
  const hint = 'Nothing was changed. List them with “cairn set list”.';
  if (set === undefined)
    throw new CairnError('app/not-found', `There is no backup set “${displayPath(text.slice(0, 80))}”.`, { hint });
  if (found.length > 1)
    throw new CairnError(
      'usage/invalid',
      `${found.length} backup sets are meant by “${displayPath(text.slice(0, 80))}”.`,
      {
        hint: 'Nothing was changed. Give the first characters of the id from “cairn set list”.',
      },
    );
  return set;
}
