/**
 * What is remembered of each set's runs by the clock: CAIRN_HOME/schedule.json. It is no configuration: deleted, it costs
 * one run that is not caught up. The app, the agent and a command write it, each in its turn.
 */
import * as v from 'valibot';
import type { Ports } from '../kernel/index.ts';
import { type ScheduleState, runBegan, runEnded, startState } from '../schedule/index.ts';
import { StateFile } from '../service/index.ts';
import { RECORDS_MAX, type SetRecord } from './set-records.ts';

export type BookEntry = {
  readonly state: ScheduleState;
  /** When the last good run began, or up to when live backups protect everything; null: there was none yet. */
  readonly lastGoodMs: number | null;
  /** When its silence was told last. */
  readonly toldMs: number | null;
};

type Book = { readonly entries: Readonly<Record<string, BookEntry>> };

const timeMs = v.pipe(v.number(), v.integer(), v.minValue(0));
const schema: v.GenericSchema<unknown, Book> = v.object({
  entries: v.record(
    v.string(),
    v.object({
      state: v.object({
        answeredMs: timeMs,
        unfinished: v.nullable(v.object({ sinceMs: timeMs, tries: v.pipe(v.number(), v.integer(), v.minValue(1)) })),
      }),
      lastGoodMs: v.nullable(timeMs),
      toldMs: v.nullable(timeMs),
    }),
  ),
});

export class ScheduleBook {
  readonly #file: StateFile<Book>;
  readonly #ports: Ports;

  private constructor(file: StateFile<Book>, ports: Ports) {
    this.#file = file;
    this.#ports = ports;
  }

  /** @throws CairnError engine/local-state, repository/newer-format */
  static async open(home: string, ports: Ports): Promise<ScheduleBook> {
    const options = { home, ports, name: 'schedule.json', schema, migrations: [], empty: { entries: {} } };
    return new ScheduleBook(await StateFile.open<Book>(options), ports);
  }

  /** A set that is not in the book has had no run since it was made. */
  entry({ setId, createdAt }: Pick<SetRecord, 'setId' | 'createdAt'>): BookEntry {
    const found = Object.hasOwn(this.#file.state.entries, setId) ? this.#file.state.entries[setId] : undefined;
    return found ?? { state: startState(Math.max(0, Date.parse(createdAt))), lastGoodMs: null, toldMs: null };
  }

  /** Whether another process wrote into it. */
  reload(): Promise<boolean> {
    return this.#file.reload();
  }

  /** What nextDue gave back; written only where it differs. */
  async keep(set: SetRecord, state: ScheduleState): Promise<void> {
    if (state !== this.entry(set).state) await this.#change(set, (entry) => ({ ...entry, state }));
  }

  /** A new schedule: what lay before does not count. */
  async restart(set: SetRecord): Promise<void> {
    await this.#change(set, (entry) => ({ ...entry, state: startState(this.#ports.clock.nowMs()) }));
  }

  async began(set: SetRecord): Promise<void> {
    await this.#change(set, (entry) => ({ ...entry, state: runBegan(entry.state, this.#ports.clock.nowMs()) }));
  }

  async ended(set: SetRecord, outcome: 'good' | 'failed' | 'cancelled'): Promise<void> {
    await this.#change(set, (entry) => {
      const state = runEnded(entry.state, this.#ports.clock.nowMs(), outcome);
      // From its beginning on: what changed later may not be in it.
      return outcome === 'good' ? { state, lastGoodMs: entry.state.answeredMs, toldMs: null } : { ...entry, state };
    });
  }

  /** Up to then everything was backed up, by no run of the schedule. */
  async wasGood(set: SetRecord, goodMs: number): Promise<void> {
    await this.#change(set, (entry) =>
      goodMs <= (entry.lastGoodMs ?? 0) ? entry : { ...entry, lastGoodMs: goodMs, toldMs: null },
    );
  }

  /** Its silence was told to the person. */
  async told(set: SetRecord): Promise<void> {
    await this.#change(set, (entry) => ({ ...entry, toldMs: this.#ports.clock.nowMs() }));
  }

  /** Sets that are no more. */
  async forget(setIds: readonly string[]): Promise<void> {
    await this.#file.change((book) => {
      const kept = Object.entries(book.entries).filter(([setId]) => !setIds.includes(setId));
      return kept.length === Object.keys(book.entries).length ? book : { entries: Object.fromEntries(kept) };
    });
  }

  async #change(set: SetRecord, change: (entry: BookEntry) => BookEntry): Promise<void> {
    await this.#file.change((book) => {
      const entry = Object.hasOwn(book.entries, set.setId) ? book.entries[set.setId] : undefined;
      // Bounded, whatever happens to sets: the ones written longest ago go.
      const others = Object.entries(book.entries).filter(([setId]) => setId !== set.setId);
      const kept = others.slice(-(RECORDS_MAX - 1));
      return { entries: { ...Object.fromEntries(kept), [set.setId]: change(entry ?? this.entry(set)) } };
    });
  }
}
