/**
 * Files through time: every version of a path, and every entry that matches a pattern, over all snapshots.
 *
 * Folders that are the same in two snapshots have the same page, so each page is searched once; what it held is then
 * known for every snapshot that shares it at the same path.
 */
import { CairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import { displayPath, escapePath, formatTimeNs } from '../../../src-shared/format/index.ts';
import type { FileVersion } from '../../../src-shared/model/index.ts';
import { Breather, toHex } from '../kernel/index.ts';
import { type Entry, folderRef, type FolderRef, canonicalName, iterateFolder, joinNames } from '../merkle/index.ts';
import type { Repository } from '../repository/index.ts';
import type { Snapshot } from '../snapshot/index.ts';
import { compilePattern } from '../source/index.ts';
import { damageTeller, type OnUnreadable, WALK_DEPTH_MAX } from './list.ts';
import { fetchPages, locateMaybe, onlySource, topFolder } from './locate.ts';

const PATTERN_CHARACTERS_MAX = 4096;
const RESULTS_MAX = 1_000_000;

/**
 * All versions of one path, oldest first. With `onUnreadable` a snapshot in which damage stands before the path is
 * passed over; without it, the damage ends the search with its error.
 * @throws CairnError path/not-found where no snapshot has it; the first damage where that may be why
 */
export async function listVersions(
  repository: Repository,
  snapshots: readonly Snapshot[],
  path: Uint8Array,
  onUnreadable?: OnUnreadable,
): Promise<readonly FileVersion[]> {
  const versions = new VersionList();
  let firstDamage: CairnError | undefined;
  for (const snapshot of snapshots) {
    try {
      const located = await locateMaybe(repository, snapshot, path);
      if (located?.kind === 'entry') versions.add(located.entry, located.path, snapshot);
    } catch (error) {
      if (onUnreadable === undefined || !isIntegrityError(error)) throw error;
      firstDamage ??= error;
      onUnreadable({ path: escapePath(path), snapshot: snapshot.id, code: error.code, message: error.message });
    }
  }
  if (versions.count === 0) {
    throw firstDamage ?? new CairnError('path/not-found', `No snapshot has ${displayPath(path)}.`);
  }
  return versions.result();
}

/**
 * Entries whose name (a pattern without “/”) or whole path matches, in all snapshots. With `onUnreadable` a damaged page
 * ends nothing but itself and is told once, whatever snapshots share it; without it, it ends the search with its error.
 */
export async function findEntries(
  repository: Repository,
  snapshots: readonly Snapshot[],
  pattern: string,
  onUnreadable?: OnUnreadable,
): Promise<readonly FileVersion[]> {
  if (pattern === '' || pattern.length > PATTERN_CHARACTERS_MAX)
    throw new CairnError('usage/invalid', 'Give a name or a pattern to look for.');
  const onName = !pattern.includes('/');
  const isMatch = compilePattern(pattern.replace(/^\/+/, '').normalize('NFC'), pattern);
  const versions = new VersionList();
  const search = new Search(repository, (name, path) => isMatch(onName ? name : path), onUnreadable);
  for (const snapshot of snapshots) {
    for (const { entry, path } of await search.inSnapshot(snapshot)) versions.add(entry, path, snapshot);
    if (versions.count > RESULTS_MAX)
      throw new CairnError('usage/invalid', `More than ${RESULTS_MAX} entries match; narrow the pattern.`);
  }
  return versions.result();
}

type Match = { readonly entry: Entry; readonly path: Uint8Array };

class Search {
  readonly #repository: Repository;
  readonly #isMatch: (name: string, path: string) => boolean;
  readonly #onUnreadable: OnUnreadable | undefined;
  readonly #breather = new Breather();
  /** What was found below a page, by page and path; only pages with matches keep a list. */
  readonly #seen = new Map<string, readonly Match[]>();

  constructor(
    repository: Repository,
    isMatch: (name: string, path: string) => boolean,
    onUnreadable: OnUnreadable | undefined,
  ) {
    this.#repository = repository;
    this.#isMatch = isMatch;
    this.#onUnreadable = onUnreadable;
  }

  async inSnapshot(snapshot: Snapshot): Promise<readonly Match[]> {
    let top = topFolder(snapshot);
    try {
      const only = await onlySource(fetchPages(this.#repository), snapshot);
      if (only?.nodeType === 'directory') top = folderRef(only);
    } catch (error) {
      // The top page is read again below, where its damage is told.
      if (this.#onUnreadable === undefined || !isIntegrityError(error)) throw error;
    }
    return this.#folder(snapshot, top, undefined, 0);
  }

  async #folder(
    snapshot: Snapshot,
    folder: FolderRef,
    path: Uint8Array | undefined,
    depth: number,
  ): Promise<readonly Match[]> {
    if (depth > WALK_DEPTH_MAX)
      throw new CairnError('limit/exceeded', 'The stored tree is deeper than any Cairn writes.');
    const key = `${toHex(folder.page)}:${path === undefined ? '' : Buffer.from(path).toString('latin1')}`;
    const known = this.#seen.get(key);
    if (known !== undefined) return known;
    const matches: Match[] = [];
    const onDamage = damageTeller(this.#onUnreadable, snapshot, escapePath(path ?? new Uint8Array()));
    const { page, level, totalEntries } = folder;
    for await (const entry of iterateFolder(fetchPages(this.#repository), page, level, onDamage, totalEntries)) {
      await this.#breather.step();
      const entryPath = path === undefined ? entry.name : joinNames([path, entry.name]);
      if (this.#isMatch(canonicalName(entry.name).text, canonicalName(entryPath).text))
        matches.push({ entry, path: entryPath });
      if (entry.nodeType === 'directory') {
        const below = await this.#folder(snapshot, folderRef(entry), entryPath, depth + 1);
        for (const match of below) matches.push(match);
      }
    }
    this.#seen.set(key, matches);
    return matches;
  }
}

/** Versions by path and content: the same content in snapshots one after another is one version. */
class VersionList {
  readonly #byPath = new Map<string, { first: string; last: string; entry: Entry; key: string }[]>();
  count = 0;

  add(entry: Entry, path: Uint8Array, { id }: Snapshot): void {
    const text = escapePath(path);
    const key = versionKey(entry);
    const list = this.#byPath.get(text) ?? [];
    const last = list.at(-1);
    if (last?.key === key) {
      last.last = id;
      return;
    }
    list.push({ first: id, last: id, entry, key });
    this.count++;
    this.#byPath.set(text, list);
  }

  result(): readonly FileVersion[] {
    return [...this.#byPath].flatMap(([path, list]) =>
      list.map(({ entry, first, last }) => ({
        path,
        size: entry.nodeType === 'file' ? entry.size : 0,
        mtime: formatTimeNs(entry.mtimeNs),
        contentHash: entry.nodeType === 'file' ? toHex(entry.contentHash) : '',
        firstSnapshot: first,
        lastSnapshot: last,
      })),
    );
  }
}

function versionKey(entry: Entry): string {
  switch (entry.nodeType) {
    case 'file':
      return `file:${toHex(entry.contentHash)}:${entry.mtimeNs}`;
    case 'symlink':
      return `symlink:${toHex(entry.target)}`;
    case 'directory':
    case 'fifo':
    case 'socket':
    case 'char-device':
    case 'block-device':
      return entry.nodeType;
  }
}
