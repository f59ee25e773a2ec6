/**
 * What differs between two snapshots, or between a snapshot and its folders as they are now, page by page, and in one file
 * line by line. Two snapshots never change, so what was found is kept for the next page; what is there now is looked at
 * again with each first page.
 */
import { COMPARE_TEXT_BYTES_MAX, type InputOf } from '../../../src-shared/api/index.ts';
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import type {
  Change,
  ChangeKind,
  ComparisonPage,
  EntryType,
  ListedEntry,
  TextComparison,
  TreeDiff,
} from '../../../src-shared/model/index.ts';
import type { OpenRepository } from '../api.ts';
import { bytesOf, concatBytes } from '../kernel/index.ts';
import type { StateFile } from '../service/index.ts';
import type { SetsState } from '../sets/index.ts';
import { lineDiff } from './line-diff.ts';
import type { Listings } from './listings.ts';
import { LiveSources } from './live-sources.ts';
import { textOf } from './preview.ts';

const LIVE = 'live';
const KINDS: readonly ChangeKind[] = ['added', 'removed', 'changed', 'metadata'];
/** Comparisons that are kept, and paths in all of them: a path takes about 200 bytes. */
const KEPT_MAX = 4;
const PATHS_KEPT_MAX = 400_000;

type Question = Pick<InputOf<'compare.text'>, 'destinationId' | 'before' | 'after' | 'path'>;
type Difference = { readonly path: string; readonly change: ChangeKind };
type Found = { readonly all: readonly Difference[]; readonly totals: Readonly<Record<ChangeKind, number>> };
/** `size` is null of everything but files. */
type Known = { readonly type: EntryType; readonly size: number | null };

/** A snapshot, or what is there now: what its paths are, and what its files hold. */
type Side = {
  readonly known: (paths: readonly string[]) => Promise<ReadonlyMap<string, Known>>;
  readonly content: (path: string) => Promise<Uint8Array>;
};

export type ComparingOptions = {
  readonly listings: Listings;
  readonly records: StateFile<SetsState>;
};

export class Comparing {
  readonly #options: ComparingOptions;
  /** The least lately used first. */
  readonly #kept = new Map<string, Found>();

  constructor(options: ComparingOptions) {
    this.#options = options;
  }

  /** @throws CairnError snapshot/not-found, path/not-found, app/unavailable, source/…, integrity/… */
  async list(repository: OpenRepository, input: InputOf<'compare.list'>): Promise<ComparisonPage> {
    const [before, after] = await this.#sides(repository, input);
    const found = await this.#found(repository, input, input.offset > 0);
    const page = found.all
      .filter(({ change }) => input.kinds.includes(change))
      .slice(input.offset, input.offset + input.limit);
    const was = await before.known(page.filter(({ change }) => change !== 'added').map(({ path }) => path));
    const is = await after.known(page.filter(({ change }) => change !== 'removed').map(({ path }) => path));
    const entries = page.map(({ path, change }): Change => {
      const [old, now] = [was.get(path), is.get(path)];
      const type = (now ?? old)?.type ?? 'file';
      return { path, change, type, sizeBefore: old?.size ?? null, sizeAfter: now?.size ?? null };
    });
    return { entries, totals: found.totals, incomplete: false };
  }

  /** @throws CairnError snapshot/not-found, app/unavailable, source/…, integrity/… */
  async text(repository: OpenRepository, input: Question): Promise<TextComparison> {
    const sides = await this.#sides(repository, input);
    const knowns = await Promise.all(sides.map(async ({ known }) => (await known([input.path])).get(input.path)));
    // A link says nothing about the text that stood here before, and a folder neither.
    const isComparable = knowns.every((known) => known === undefined || known.type === 'file');
    if (!isComparable || knowns.every((known) => known === undefined)) return { kind: 'none' };
    if (knowns.some((known) => (known?.size ?? 0) > COMPARE_TEXT_BYTES_MAX)) return { kind: 'too-large' };
    const [was = new Uint8Array(), is = new Uint8Array()] = await Promise.all(
      sides.map(async ({ content }, side) => (knowns[side] === undefined ? new Uint8Array() : content(input.path))),
    );
    if (Math.max(was.length, is.length) > COMPARE_TEXT_BYTES_MAX) return { kind: 'too-large' };
    const [before, after] = [textOf(was, false), textOf(is, false)];
    if (before === undefined || after === undefined) return { kind: 'binary' };
    const diff = lineDiff(before, after);
    return diff === undefined ? { kind: 'too-large' } : { kind: 'text', ...diff };
  }

  /** A repository was closed: what it showed is not shown any more. */
  forget(destinationId: string): void {
    for (const key of this.#kept.keys()) if (key.startsWith(`${destinationId}\0`)) this.#kept.delete(key);
  }

  async #found(repository: OpenRepository, question: Question, isNextPage: boolean): Promise<Found> {
    const { destinationId, before, after, path } = question;
    const key = [destinationId, before, after, path].join('\0');
    const kept = this.#kept.get(key);
    if (kept !== undefined && (after !== LIVE || isNextPage)) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return kept;
    }
    const found = inOrder(await repository.diff(before, after, bytesOf(path)));
    this.#keep(key, found);
    return found;
  }

  #keep(key: string, found: Found): void {
    this.#kept.delete(key);
    this.#kept.set(key, found);
    let paths = [...this.#kept.values()].reduce((sum, { all }) => sum + all.length, 0);
    for (const [oldest, { all }] of this.#kept) {
      if (this.#kept.size <= 1 || (paths <= PATHS_KEPT_MAX && this.#kept.size <= KEPT_MAX)) return;
      this.#kept.delete(oldest);
      paths -= all.length;
    }
  }

  async #sides(repository: OpenRepository, question: Question): Promise<readonly [Side, Side]> {
    const { destinationId, before, after } = question;
    const first = this.#stored(repository, destinationId, before);
    if (after !== LIVE) return [first, this.#stored(repository, destinationId, after)];
    const snapshot = (await repository.snapshots()).find(({ id }) => id === before);
    if (snapshot === undefined) throw new CairnError('snapshot/not-found', 'There is no such snapshot.');
    return [first, liveSide(await LiveSources.of(snapshot, this.#protectedPaths(destinationId)))];
  }

  /** Of the sets that back up to it. */
  #protectedPaths(destinationId: string): readonly string[] {
    const { sets } = this.#options.records.state;
    return sets.flatMap((set) => (set.destinationId === destinationId ? set.sources : []));
  }

  #stored(repository: OpenRepository, destinationId: string, snapshotId: string): Side {
    const { listings } = this.#options;
    const known = async (paths: readonly string[]): Promise<ReadonlyMap<string, Known>> => {
      const folders = Map.groupBy(paths, (path) => path.slice(0, Math.max(0, path.lastIndexOf('/'))));
      const found = new Map<string, Known>();
      for (const [folder, wanted] of folders) {
        const names = new Set(wanted.map((path) => path.slice(path.lastIndexOf('/') + 1)));
        const at = { destinationId, snapshotId, path: folder };
        const entries = await listings.entriesOf(repository, at, names).catch((error: unknown) => {
          if (isCairnError(error, 'path/not-found')) return [];
          throw error;
        });
        // A snapshot of nothing but a file has no folder to list.
        const alone = entries.length === 0 && folder === '' ? await itself(repository, snapshotId, wanted) : [];
        for (const { path, type, size } of [...entries, ...alone])
          found.set(path, { type, size: type === 'file' ? size : null });
      }
      return found;
    };
    return { known, content: (path) => contentOf(repository, snapshotId, path) };
  }
}

/** A listing of a file is the file. */
async function itself(
  repository: OpenRepository,
  snapshot: string,
  [path = '', ...others]: readonly string[],
): Promise<readonly ListedEntry[]> {
  if (others.length > 0) return [];
  const listed = repository.list({ snapshot, path: bytesOf(path) }, { recursive: false });
  const first = await listed.next().catch((error: unknown) => {
    // What is no path of a snapshot is in none.
    if (isCairnError(error, 'path/not-found') || isCairnError(error, 'usage/invalid')) return undefined;
    throw error;
  });
  await listed.return(undefined);
  return first?.done === false && first.value.path === path ? [first.value] : [];
}

function liveSide(live: LiveSources): Side {
  return {
    known: async (paths) => {
      const found = new Map<string, Known>();
      for (const path of paths) {
        const entry = await live.entry(path);
        if (entry !== undefined) found.set(path, entry);
      }
      return found;
    },
    // One more than may be: then it is too large, whatever its size was when it was looked at.
    content: (path) => live.content(path, COMPARE_TEXT_BYTES_MAX + 1),
  };
}

function inOrder(diff: TreeDiff): Found {
  const all = KINDS.flatMap((change) => diff[change].map((path): Difference => ({ path, change }))).sort(
    (left, right) => (left.path < right.path ? -1 : left.path > right.path ? 1 : 0),
  );
  const { added, removed, changed, metadata } = diff;
  const totals = { added: added.length, removed: removed.length, changed: changed.length, metadata: metadata.length };
  return { all, totals };
}

async function contentOf(repository: OpenRepository, snapshot: string, path: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of repository.cat({ snapshot, path: bytesOf(path) })) {
    parts.push(part);
    length += part.length;
    if (length > COMPARE_TEXT_BYTES_MAX) break;
  }
  return concatBytes(parts);
}
