/**
 * Folders are opened and listed ahead of the walk, in the order in which it will enter them: by lanes where there are
 * any, else when it gets there.
 *
 * Invariants: a folder is listed while its parent is held open by the walk; at most AHEAD folders are open or asked for
 * that the walk has not taken; what was never taken is closed by `dispose`.
 */
import type { FileStat, SourceFolder } from '../source/index.ts';
import { closeSourceFolder } from '../source/index.ts';
import type { Lanes } from './lanes.ts';
import { type ListedResult, openAndList } from './scan-folder.ts';

/** Each holds a descriptor and a table. */
const AHEAD = 48;
/** Folders asked for in one message. */
const TOGETHER = 6;

/** A folder that the walk is going to enter. */
export type ScanTicket = {
  readonly parent: SourceFolder;
  readonly name: Uint8Array;
  readonly expected: FileStat;
  result: Promise<ListedResult> | undefined;
};

export class FolderScans {
  readonly #lanes: () => Lanes | undefined;
  /** What is to come; the next is the last. */
  readonly #wanted: ScanTicket[] = [];
  readonly #asked = new Set<ScanTicket>();

  constructor(lanes: () => Lanes | undefined) {
    this.#lanes = lanes;
  }

  /** Folders inside one folder, in the order of the walk; they come before everything announced earlier. */
  announce(tickets: readonly ScanTicket[]): void {
    for (let index = tickets.length - 1; index >= 0; index--) {
      const ticket = tickets[index];
      if (ticket !== undefined) this.#wanted.push(ticket);
    }
  }

  /** The next folder of the walk. */
  take(ticket: ScanTicket): ListedResult | Promise<ListedResult> {
    const lanes = this.#lanes();
    if (ticket.result === undefined) {
      // Everything announced after it has been taken or asked for, so it is the last.
      const next = this.#wanted.pop();
      if (next !== ticket) throw new RangeError('folders are taken in the order in which they were announced');
      if (lanes === undefined) return openAndList(ticket.parent, ticket.name, ticket.expected);
      this.#ask(lanes, [ticket]);
    }
    this.#asked.delete(ticket);
    if (lanes !== undefined) this.#askAhead(lanes);
    return ticket.result ?? openAndList(ticket.parent, ticket.name, ticket.expected);
  }

  /** Closes what was opened and never taken. Call it when the lanes are closed, or nothing is under way. */
  async dispose(): Promise<void> {
    for (const { result } of this.#asked) {
      const listed = await result?.catch(() => undefined);
      if (listed !== undefined && 'folder' in listed) closeSourceFolder(listed.folder);
    }
    this.#asked.clear();
  }

  #askAhead(lanes: Lanes): void {
    while (this.#asked.size + TOGETHER <= AHEAD && this.#wanted.length > 0) {
      this.#ask(lanes, this.#wanted.splice(-TOGETHER).reverse());
    }
  }

  #ask(lanes: Lanes, tickets: readonly ScanTicket[]): void {
    const results = lanes.list(tickets);
    tickets.forEach((ticket, index) => {
      ticket.result = results[index];
      ticket.result?.catch(() => undefined);
      this.#asked.add(ticket);
    });
  }
}
