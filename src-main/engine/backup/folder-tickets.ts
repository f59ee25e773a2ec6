/**
 * What is known of a folder when its table has come: what the rules say of each row, and a ticket for each folder in it
 * that the walk will enter. Where only a part is walked, no tickets are made ahead: most would never be used.
 */
import { canonicalName, nodePath } from '../merkle/index.ts';
import { type Filter, type FolderFilter, Listing, closeSourceFolder } from '../source/index.ts';
import type { PreparedFolder, PreparedResult, ScanTicket } from './folder-scans.ts';
import { type ListedFolder, type Place, ROW, depthProblem, judge } from './scan-folder.ts';

export class FolderTickets {
  readonly #filter: Filter;

  constructor(filter: Filter) {
    this.#filter = filter;
  }

  /** `above` are the rules of the folder above; `ahead`: everything in it will be walked. */
  prepare(place: Place, { data }: ListedFolder, above: FolderFilter | undefined, ahead: boolean): PreparedFolder {
    const listing = new Listing(data);
    const judged = judge(this.#filter, place, listing, above);
    const tickets = new Map<number, ScanTicket>();
    for (let row = 0; ahead && row < listing.count; row++) {
      if (judged.rows[row] !== ROW.included || listing.nodeType(row) !== 'directory') continue;
      tickets.set(row, this.ticket(place, listing, row, judged.rules, ahead));
    }
    return { place, listing, judged, tickets };
  }

  ticket(place: Place, listing: Listing, row: number, rules: FolderFilter | undefined, ahead: boolean): ScanTicket {
    const name = listing.name(row);
    const prepare = (listed: ListedFolder): PreparedResult => this.prepareChild(place, name, rules, listed, ahead);
    return { parent: place.folder, name, expected: listing.stat(row), prepare, result: undefined };
  }

  /** The folder is closed where it lies too deep. */
  prepareChild(
    above: Place,
    name: Uint8Array,
    rules: FolderFilter | undefined,
    listed: ListedFolder,
    ahead: boolean,
  ): PreparedResult {
    const depth = above.depth + 1;
    const problem = depthProblem(depth, listed.folder.path);
    if (problem !== undefined) {
      closeSourceFolder(listed.folder);
      return { failed: problem };
    }
    const path = nodePath(above.nodePath, canonicalName(name).text);
    return this.prepare({ folder: listed.folder, nodePath: path, depth }, listed, rules, ahead);
  }
}
