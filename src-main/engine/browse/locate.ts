/**
 * From SNAP:PATH to an entry. With one source a path is relative to that source's root; with several it begins with
 * the source's name. The empty path is everything.
 */
import { CairnError } from '../../../src-shared/errors.ts';
import { displayPath } from '../../../src-shared/format/index.ts';
import { type Entry, type FolderRef, type PageFetch, findEntry, iterateFolder, joinNames } from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import type { Snapshot } from '../snapshot/index.ts';

const SLASH = 0x2f;
/** As deep as any tree that a backup stores. */
const PATH_NAMES_MAX = 8192;

/** Fetches tree pages of a repository: checked bytes, or an integrity error. */
export function fetchPages(repository: Repository): PageFetch {
  return (page, type) => repository.readBlob(page, type);
}

export type Located =
  /** Everything: the folder whose entries are the sources (or, with one source, what lies in it). */
  | { readonly kind: 'root'; readonly folder: FolderRef }
  | { readonly kind: 'entry'; readonly entry: Entry; readonly path: Uint8Array; readonly sourceName: string };

/** The names of a path: empty ones and “.” mean nothing, “..” is refused. */
export function splitPath(path: Uint8Array): readonly Uint8Array[] {
  const names: Uint8Array[] = [];
  let from = 0;
  for (let at = 0; at <= path.length; at++) {
    if (at < path.length && path[at] !== SLASH) continue;
    const name = path.subarray(from, at);
    from = at + 1;
    const text = Buffer.from(name).toString('latin1');
    if (text === '' || text === '.') continue;
    if (text === '..') throw new CairnError('usage/invalid', `A path in a snapshot has no “..”: ${displayPath(path)}.`);
    names.push(name);
    if (names.length > PATH_NAMES_MAX) throw new CairnError('usage/invalid', 'The path is deeper than any backup.');
  }
  return names;
}

/** The top page of a snapshot: one entry per source. */
export function topFolder({ record }: Snapshot): FolderRef {
  return { page: record.rootPage.page, level: record.rootPage.level };
}

/** The one source's entry where the snapshot has exactly one. */
export async function onlySource(fetch: PageFetch, snapshot: Snapshot): Promise<Entry | undefined> {
  if (snapshot.record.sources.length !== 1) return undefined;
  const top = topFolder(snapshot);
  for await (const entry of iterateFolder(fetch, top.page, top.level)) return entry;
  return undefined;
}

/** @throws CairnError path/not-found */
export async function locate(repository: Repository, snapshot: Snapshot, path: Uint8Array): Promise<Located> {
  const found = await locateMaybe(repository, snapshot, path);
  if (found === undefined) {
    throw new CairnError('path/not-found', `There is no ${displayPath(path)} in snapshot ${snapshot.id.slice(0, 8)}.`);
  }
  return found;
}

export async function locateMaybe(
  repository: Repository,
  snapshot: Snapshot,
  path: Uint8Array,
): Promise<Located | undefined> {
  const fetch = fetchPages(repository);
  const names = splitPath(path);
  const only = await onlySource(fetch, snapshot);
  if (names.length === 0) {
    if (only === undefined) return { kind: 'root', folder: topFolder(snapshot) };
    if (only.nodeType === 'directory') return { kind: 'root', folder: { page: only.page, level: only.pageLevel } };
    return { kind: 'entry', entry: only, path: only.name, sourceName: Buffer.from(only.name).toString() };
  }
  if (only !== undefined && only.nodeType !== 'directory') {
    const isIt = names.length === 1 && Buffer.compare(names[0] ?? new Uint8Array(), only.name) === 0;
    return isIt
      ? { kind: 'entry', entry: only, path: only.name, sourceName: Buffer.from(only.name).toString() }
      : undefined;
  }
  const start: FolderRef = only === undefined ? topFolder(snapshot) : { page: only.page, level: only.pageLevel };
  const sourceName = Buffer.from(only?.name ?? names[0] ?? new Uint8Array()).toString();
  let folder: FolderRef | undefined = start;
  let entry: Entry | undefined;
  for (const name of names) {
    if (folder === undefined) return undefined;
    entry = await findEntry(fetch, folder.page, folder.level, name);
    if (entry === undefined) return undefined;
    folder = entry.nodeType === 'directory' ? { page: entry.page, level: entry.pageLevel } : undefined;
  }
  return entry === undefined ? undefined : { kind: 'entry', entry, path: joinNames(names), sourceName };
}
