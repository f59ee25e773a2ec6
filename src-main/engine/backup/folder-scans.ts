/**
 * Folders are opened and listed ahead of the walk, in the order in which it will enter them: by lanes where there are
 * any, else when it gets there.
 *
 * Invariants: a folder is listed while its parent is held open by the walk; of the next AHEAD folders of the walk all are
 * asked for, as long as no more than OPEN_MAX are that it has not taken; what was never taken is closed by `dispose`.
 */
import type { FileStat, SourceFolder } from '../source/index.ts';
import { closeSourceFolder } from '../source/index.ts';
import type { Lanes } from './lanes.ts';
import { type ListedResult, openAndList } from './scan-folder.ts';

const AHEAD = 96;
/**
 * Each holds a descriptor and a table. More than AHEAD, because folders that are found in a folder come before all that
 * were asked for earlier: on every level some are waiting.
 */
const OPEN_MAX = 512;
/** Folders asked for in one message. */
const TOGETHER = 12;

/** A folder that the walk is going to enter. */
export type ScanTicket = {
  readonly parent: SourceFolder;
  readonly name: Uint8Array;
  readonly expected: FileStat;
  result: Promise<ListedResult> | undefined;
};

type Lister = Pick<Lanes, 'list'>;

export class FolderScans {
  readonly #lanes: () => Lister | undefined;
  /** What is to come, asked for or not; the next is the last. */
  readonly #coming: ScanTicket[] = [];
  #asked = 0;

  constructor(lanes: () => Lister | undefined) {
    this.#lanes = lanes;
  }

  /** Folders inside one folder, in the order of the walk; they come before everything announced earlier. */
  announce(tickets: readonly ScanTicket[]): void {
    for (let index = tickets.length - 1; index >= 0; index--) {
      const ticket = tickets[index];
      if (ticket !== undefined) this.#coming.push(ticket);
    }
  }

  /** The next folder of the walk. */
  take(ticket: ScanTicket): ListedResult | Promise<ListedResult> {
    if (this.#coming.pop() !== ticket)
      throw new RangeError('folders are taken in the order in which they were announced');
    const lanes = this.#lanes();
    if (lanes !== undefined) {
      if (ticket.result === undefined) this.#ask(lanes, [ticket]);
      this.#askAhead(lanes);
    }
    if (ticket.result === undefined) return openAndList(ticket.parent, ticket.name, ticket.expected);
    this.#asked--;
    return ticket.result;
  }

  /** Closes what was opened and never taken. Call it when the lanes are closed, or nothing is under way. */
  async dispose(): Promise<void> {
    for (const { result } of this.#coming) {
      const listed = await result?.catch(() => undefined);
      if (listed !== undefined && 'folder' in listed) closeSourceFolder(listed.folder);
    }
    this.#coming.length = 0;
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
    // The last few of a level: nothing more will come to go with them.
    if (wanted.length > 0 && end === 0 && this.#asked + TOGETHER <= OPEN_MAX) this.#ask(lanes, wanted);
  }

  #ask(lanes: Lister, tickets: readonly ScanTicket[]): void {
    const results = lanes.list(tickets);
    this.#asked += tickets.length;
    tickets.forEach((ticket, index) => {
      ticket.result = results[index];
      ticket.result?.catch(() => undefined);
    });
  }
}
