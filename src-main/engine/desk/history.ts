/** What the window asks over all snapshots: search, the versions of one path, what differs between two states. */
import { COMPARE_LIMIT_MAX, type InputOf, VERSIONS_SENT_MAX } from '../../../src-shared/api/index.ts';
import { escapePath } from '../../../src-shared/format/index.ts';
import type {
  Change,
  ChangeKind,
  ComparisonPage,
  EntryType,
  PathVersion,
  SearchPage,
  SnapshotSummary,
} from '../../../src-shared/model/index.ts';
import type { OpenRepository } from '../api.ts';
import { baseNameOf, bytesOf, parentOf } from '../kernel/index.ts';

type Times = ReadonlyMap<string, string>;

/** `isBehind`: the catalog does not know everything yet. */
export async function searchIn(
  repository: OpenRepository,
  { text, type, offset, limit }: InputOf<'search.find'>,
  isBehind: boolean,
): Promise<SearchPage> {
  const found = text.trim() === '' ? undefined : await repository.search({ text, offset, limit });
  if (found === undefined) return { hits: [], total: 0, totalIsExact: true, state: isBehind ? 'indexing' : 'ready' };
  const snapshots = await repository.snapshots();
  const times = timesOf(snapshots);
  const latest = snapshots.at(-1)?.id;
  const wanted = found.hits.filter((hit) => type === 'any' || hit.type === type);
  return {
    hits: wanted.map((hit) => ({
      path: hit.path,
      name: escapePath(baseNameOf(bytesOf(hit.path))),
      type: hit.type,
      size: hit.size,
      mtime: hit.mtime,
      firstSnapshotId: hit.firstSnapshot,
      lastSnapshotId: hit.lastSnapshot,
      firstTime: times.get(hit.firstSnapshot) ?? hit.mtime,
      lastTime: times.get(hit.lastSnapshot) ?? hit.mtime,
      isInLatest: hit.lastSnapshot === latest,
    })),
    total: found.total,
    totalIsExact: !found.isCapped && type === 'any',
    state: isBehind ? 'indexing' : 'ready',
  };
}

/** Newest first. */
export async function versionsOf(
  repository: OpenRepository,
  { path }: InputOf<'search.versions'>,
): Promise<readonly PathVersion[]> {
  const snapshots = await repository.snapshots();
  const times = timesOf(snapshots);
  const latest = snapshots.at(-1)?.id;
  const versions = await repository.versions(bytesOf(path));
  return versions
    .toReversed()
    .slice(0, VERSIONS_SENT_MAX)
    .map(({ firstSnapshot, lastSnapshot, size, mtime, contentHash }) => ({
      snapshotId: lastSnapshot,
      firstTime: times.get(firstSnapshot) ?? mtime,
      lastTime: times.get(lastSnapshot) ?? mtime,
      size,
      mtime,
      contentHash,
      isCurrent: lastSnapshot === latest,
    }));
}

const KINDS: readonly ChangeKind[] = ['added', 'removed', 'changed', 'metadata'];

export async function compareStates(
  repository: OpenRepository,
  { before, after, path, kinds, offset, limit }: InputOf<'compare.list'>,
): Promise<ComparisonPage> {
  const diff = await repository.diff(before, after, bytesOf(path));
  const all = KINDS.flatMap((change) => diff[change].map((one) => ({ path: one, change })));
  const wanted = all
    .filter(({ change }) => kinds.includes(change))
    .toSorted((left, right) => (left.path < right.path ? -1 : 1))
    .slice(offset, offset + Math.min(limit, COMPARE_LIMIT_MAX));
  const sides = new Sides(repository);
  const entries: Change[] = [];
  for (const { path: one, change } of wanted) {
    const old = change === 'added' ? undefined : await sides.entry(before, one);
    const now = change === 'removed' || after === 'live' ? undefined : await sides.entry(after, one);
    entries.push({
      path: one,
      change,
      type: now?.type ?? old?.type ?? 'file',
      sizeBefore: sizeOf(old),
      sizeAfter: sizeOf(now),
    });
  }
  const count = (change: ChangeKind): number => diff[change].length;
  return {
    entries,
    incomplete: false,
    totals: {
      added: count('added'),
      removed: count('removed'),
      changed: count('changed'),
      metadata: count('metadata'),
    },
  };
}

type Known = { readonly type: EntryType; readonly size: number };

function sizeOf(entry: Known | undefined): number | null {
  return entry?.type === 'file' ? entry.size : null;
}

/** Folders of the two states, each read once: changes lie together. */
class Sides {
  readonly #repository: OpenRepository;
  readonly #folders = new Map<string, Promise<ReadonlyMap<string, Known>>>();

  constructor(repository: OpenRepository) {
    this.#repository = repository;
  }

  async entry(snapshot: string, path: string): Promise<Known | undefined> {
    const bytes = bytesOf(path);
    const folder = parentOf(bytes) ?? Buffer.alloc(0);
    const key = `${snapshot} ${folder.toString('latin1')}`;
    let known = this.#folders.get(key);
    if (known === undefined) {
      known = this.#read(snapshot, folder);
      this.#folders.set(key, known);
    }
    return (await known).get(path);
  }

  async #read(snapshot: string, folder: Buffer): Promise<ReadonlyMap<string, Known>> {
    const found = new Map<string, Known>();
    for await (const { path, type, size } of this.#repository.list({ snapshot, path: folder }, { recursive: false }))
      found.set(path, { type, size });
    return found;
  }
}

function timesOf(snapshots: readonly SnapshotSummary[]): Times {
  return new Map(snapshots.map(({ id, time }) => [id, time]));
}
