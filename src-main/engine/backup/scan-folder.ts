/**
 * Looking at one folder: opened, listed into a table, and its rows judged by the rules. Opening and listing run here or
 * in a lane (lanes.ts); the rules are asked here, where those of the folders above stand.
 */
import type { Problem } from '../../../src-shared/errors.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import { canonicalName } from '../merkle/index.ts';
import {
  type ListedAs,
  type Filter,
  type FolderFilter,
  type Listing,
  type ListingData,
  type SourceEntry,
  type SourceFolder,
  closeSourceFolder,
  listTable,
  openSourceChild,
} from '../source/index.ts';

/** Deeper than any real tree; stops a filesystem that loops. */
const DEPTH_MAX = 8192;

/** Where a folder is, in every sense. */
export type Place = {
  readonly folder: SourceFolder;
  /** NFC path from the source's root, as NodeIds bind it and rules see it. */
  readonly nodePath: string;
  readonly depth: number;
};

/** An open folder and its table. Whoever holds it closes the folder. */
export type ListedFolder = { readonly folder: SourceFolder; readonly data: ListingData };
export type ListedResult = ListedFolder | { readonly failed: Problem };

/** Opens a folder inside another one and lists it. `expected` is what the other one's table says. */
export function openAndList(parent: SourceFolder, name: Uint8Array, expected: ListedAs): ListedResult {
  const folder = openSourceChild(parent, name, expected);
  return 'failed' in folder ? folder : listOpened(folder, expected);
}

/** Lists a folder that was just opened, and closes it where that fails. */
export function listOpened(folder: SourceFolder, expected: ListedAs): ListedResult {
  const data = listTable(folder, expected);
  if ('failed' in data) {
    closeSourceFolder(folder);
    return data;
  }
  return { folder, data };
}

export const ROW = { included: 0, excluded: 1, contentsExcluded: 2 } as const;

/** What the rules say: for each row one of ROW, and what they are like for the folders below. */
export type Judged = {
  readonly rows: Uint8Array;
  readonly rules: FolderFilter | undefined;
  readonly problems: readonly Problem[];
};

/** Asks the rules about every row. `above` is what they were in the folder above. */
export function judge(filter: Filter, place: Place, listing: Listing, above: FolderFilter | undefined): Judged {
  const rows = new Uint8Array(listing.count);
  if (filter.isOpen) return { rows, rules: undefined, problems: [] };
  const rules = filter.enter(place.folder, place.nodePath, (name) => entryOf(listing, name), above);
  if (!rules.isOpen) {
    for (let row = 0; row < listing.count; row++) {
      if (rules.isOpenForFiles && listing.nodeType(row) !== 'directory') continue;
      const decision = rules.decide(canonicalName(listing.name(row)).text, listing.stat(row));
      if (!decision.include) rows[row] = ROW.excluded;
      else if (decision.contents !== undefined) rows[row] = ROW.contentsExcluded;
    }
  }
  return { rows, rules, problems: rules.problems };
}

/** A problem where a folder lies too deep to be entered. */
export function depthProblem(depth: number, path: Uint8Array): Problem | undefined {
  if (depth <= DEPTH_MAX) return undefined;
  const message = `this folder lies deeper than ${DEPTH_MAX} folders`;
  return { path: escapePath(path), code: 'too-deep', message };
}

function entryOf(listing: Listing, name: Uint8Array): SourceEntry | undefined {
  const row = listing.rowOf(name);
  return row === undefined ? undefined : { name, stat: listing.stat(row) };
}
