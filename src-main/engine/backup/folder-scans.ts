/**
 * Folders are opened, listed and judged by the rules ahead of the walk, in the order in which it will enter them: by
 * lanes where there are any, else when it gets there. What is in a folder is known as soon as its table is here, so the
 * look-ahead goes down as well as along.
 *
 * Invariants: a folder is listed while its parent is held open by the walk or by its own place here; of the next AHEAD
 * folders of the walk all are asked for, as long as no more than OPEN_MAX are that it has not taken; what was never taken
 * is closed by `dispose`.
 */
import type { Problem } from '../../../src-shared/errors.ts';
import type { FileStat, Listing, SourceFolder } from '../source/index.ts';
import { closeSourceFolder } from '../source/index.ts';
import type { Lanes } from './lanes.ts';
import { type Judged, type ListedFolder, type ListedResult, type Place, openAndList } from './scan-folder.ts';

const AHEAD = 96;
/**
 * Each holds a descriptor and a table. More than AHEAD, because folders that are found in a folder come before all that
 * were asked for earlier: on every level some are waiting.
 */
const OPEN_MAX = 512;
/** Folders asked for in one message. */
const TOGETHER = 12;

/** Folders so soon to be entered are asked for however few they are. */
const NEAR = 24;

/** A folder that the walk is going to enter. */
export type ScanTicket = {
  readonly parent: SourceFolder;
  readonly name: Uint8Array;
  readonly expected: FileStat;
  /** What the rules say of its table; the folder is closed where it is not to be entered. */
  readonly prepare: (listed: ListedFolder) => PreparedResult;
  result: Promise<PreparedResult> | undefined;
};

/** An open folder, its table, what the rules say of it, and a ticket for each row that is a folder to enter. */
export type PreparedFolder = {
  readonly place: Place;
  readonly listing: Listing;
  readonly judged: Judged;
  readonly tickets: ReadonlyMap<number, ScanTicket>;
};
export type PreparedResult = PreparedFolder | { readonly failed: Problem };

type Lister = Pick<Lanes, 'list'>;

export class FolderScans {
  readonly #lanes: () => Lister | undefined;
  /** What is to come, asked for or not; the next is the last. */
  #coming: ScanTicket[] = [];
  #asked = 0;

  constructor(lanes: () => Lister | undefined) {
    this.#lanes = lanes;
  }

  /** Folders inside one folder that the walk has entered; they come before everything announced earlier. */
  announce({ tickets }: Pick<PreparedFolder, 'tickets'>): void {
    this.#insert(this.#coming.length, [...tickets.values()]);
  }

  /** The next folder of the walk. What is in it is announced. */
  take(ticket: ScanTicket): PreparedResult | Promise<PreparedResult> {
    if (this.#coming.pop() !== ticket)
      throw new RangeError('folders are taken in the order in which they were announced');
    const lanes = this.#lanes();
    if (lanes !== undefined) {
      if (ticket.result === undefined) this.#ask(lanes, [ticket]);
      this.#askAhead(lanes);
    }
    const { result } = ticket;
    if (result === undefined) return this.#prepare(ticket, openAndList(ticket.parent, ticket.name, ticket.expected));
    this.#asked--;
    // Tickets stay as long as the folder above; all tables of a tree would.
    ticket.result = undefined;
    return result;
  }

  /** Closes what was opened and never taken. Call it when the lanes are closed, or nothing is under way. */
  async dispose(): Promise<void> {
    for (let ticket = this.#coming.pop(); ticket !== undefined; ticket = this.#coming.pop()) {
      const prepared = await ticket.result?.catch(() => undefined);
      if (prepared !== undefined && 'place' in prepared) closeSourceFolder(prepared.place.folder);
    }
  }

  /** A folder's table has come: judges it and announces what is in it, behind the folder itself. */
  #prepare(ticket: ScanTicket, listed: ListedResult): PreparedResult {
    if ('failed' in listed) return listed;
    const prepared = ticket.prepare(listed);
    if ('failed' in prepared) return prepared;
    const place = this.#coming.lastIndexOf(ticket);
    this.#insert(place === -1 ? this.#coming.length : place, [...prepared.tickets.values()]);
    return prepared;
  }

  /** In the order of the walk, before everything that stands before `index`. */
  #insert(index: number, tickets: readonly ScanTicket[]): void {
    if (tickets.length === 0) return;
    const later = this.#coming.slice(0, index);
    this.#coming = [...later, ...tickets.toReversed(), ...this.#coming.slice(index)];
  }

  #askAhead(lanes: Lister): void {
    let wanted: ScanTicket[] = [];
    const end = Math.max(0, this.#coming.length - AHEAD);
    for (let index = this.#coming.length - 1; index >= end; index--) {
      const ticket = this.#coming[index];
      if (ticket === undefined || ticket.result !== undefined) continue;
      wanted.push(ticket);
      if (wanted.length < TOGETHER) continue;
      if (this.#asked + TOGETHER > OPEN_MAX) return;
      this.#ask(lanes, wanted);
      wanted = [];
    }
    // Few and near: they are not worth waiting for more.
    const isNear = wanted[0] !== undefined && this.#coming.lastIndexOf(wanted[0]) > this.#coming.length - NEAR;
    if (wanted.length > 0 && (end === 0 || isNear) && this.#asked + TOGETHER <= OPEN_MAX) this.#ask(lanes, wanted);
  }

  #ask(lanes: Lister, tickets: readonly ScanTicket[]): void {
    const results = lanes.list(tickets);
    this.#asked += tickets.length;
    tickets.forEach((ticket, index) => {
      const listed = results[index];
      if (listed === undefined) return;
      ticket.result = listed.then((found) => {
        const prepared = this.#prepare(ticket, found);
        this.#askAhead(lanes);
        return prepared;
      });
      ticket.result.catch(() => undefined);
    });
  }
}
