/**
 * “Have we this blob, and where?” over index runs, commit files and packs that no run covers yet.
 *
 * Index runs stay on disk: a look-up reads one page. What commit files and uncovered packs hold is in memory, because
 * it is little: merging keeps commit files under 64. A writer also loads every id (36 bytes each), so that its answer
 * is immediate.
 *
 * Invariants: a damaged run or footer never makes a blob silently absent for a reader: then every pack's own footer
 * is read instead. For a writer a blob counts as present only where its pack really stands in the listing with the
 * right size and is not condemned; otherwise it is stored again.
 */
import { CairnError, isCairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import { type BlobId, type IndexRunId, type PackId, parseIndexRunId, parsePackId } from '../../../src-shared/ids.ts';
import { FILE_TYPE } from '../codec/index.ts';
import { IdTable, mapBounded, toHex } from '../kernel/index.ts';
import {
  type BlobLocation,
  type IndexRun,
  IndexTable,
  type PackFooter,
  createPageCache,
  indexEntriesOf,
  openIndexRun,
  openPack,
} from '../pack/index.ts';
import { readCondemned } from './condemned.ts';
import type { RepositoryContext } from './context.ts';
import { damageOf } from './damage.ts';
import { FOLDERS, PACK_FOLDERS, baseName, commitName, indexRunName, packName } from './names.ts';

/** Decoded index pages kept by one repository, in bytes. */
const PAGE_CACHE_BYTES = 16 * 1024 * 1024;
const READS_AT_ONCE = 8;

export type IndexDamage = { readonly file: string; readonly error: CairnError };

/** A pack or commit file whose footer was read: where each of its blobs lies. */
export type LoosePack = {
  readonly packId: PackId;
  readonly sizeBytes: number;
  readonly footer: PackFooter;
};

export type OpenRun = { readonly id: IndexRunId; readonly run: IndexRun; readonly sizeBytes: number };

export class BlobIndex {
  readonly damage: readonly IndexDamage[];
  readonly runs: readonly OpenRun[];
  readonly commits: readonly LoosePack[];
  /** Packs that no readable run covers: left by an interrupted backup, or by a damaged run. */
  readonly uncovered: readonly LoosePack[];
  readonly #rows = new IdTable();
  readonly #loose = new IndexTable();
  /** Further rows of blobs that lie in several loose packs, by id as hex: few, only concurrent writers make them. */
  readonly #copies = new Map<string, readonly number[]>();
  readonly #spoiled: Set<IndexRunId>;
  readonly #known: IdTable | undefined;

  constructor(parts: {
    readonly damage: readonly IndexDamage[];
    readonly runs: readonly OpenRun[];
    readonly commits: readonly LoosePack[];
    readonly uncovered: readonly LoosePack[];
    readonly spoiled: Set<IndexRunId>;
    readonly known: IdTable | undefined;
  }) {
    this.damage = parts.damage;
    this.runs = parts.runs;
    this.commits = parts.commits;
    this.uncovered = parts.uncovered;
    this.#spoiled = parts.spoiled;
    this.#known = parts.known;
    // Commit files last, so that they win: an uncovered pack may be what is left of their interrupted merge.
    for (const pack of [...parts.uncovered, ...parts.commits]) this.#addLoose(pack);
  }

  #addLoose({ packId, sizeBytes, footer }: LoosePack): void {
    let row = this.#loose.addPack(packId, sizeBytes, footer);
    for (const { id } of indexEntriesOf(packId, footer)) {
      const other = this.#rows.get(id);
      if (other !== undefined) this.#copies.set(toHex(id), [...(this.#copies.get(toHex(id)) ?? []), other]);
      this.#rows.set(id, row++);
    }
  }

  /** Where a blob lies, or undefined. */
  async find(id: BlobId): Promise<BlobLocation | undefined> {
    const row = this.#rows.get(id);
    return row === undefined ? this.findInRuns(id) : this.#loose.locationAt(row);
  }

  /** Where the runs say a blob lies, or undefined. */
  async findInRuns(id: BlobId): Promise<BlobLocation | undefined> {
    for (const run of this.runs) {
      const found = await this.#findInRun(run, id);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** A run whose page or filter can't be read says nothing any more: the next scan reads the packs it covered. */
  async #findInRun({ id: runId, run }: OpenRun, id: BlobId): Promise<BlobLocation | undefined> {
    if (this.#spoiled.has(runId)) return undefined;
    try {
      return await run.find(id);
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      this.#spoiled.add(runId);
      return undefined;
    }
  }

  /** Whether no readable run names a pack whose footer was read. */
  isUncovered(packId: PackId): boolean {
    return this.uncovered.some((pack) => pack.packId === packId);
  }

  /** Every place a blob is said to lie: a reader that meets damage in one turns to the next. */
  async findAll(id: BlobId): Promise<readonly BlobLocation[]> {
    const found: BlobLocation[] = [];
    const row = this.#rows.get(id);
    if (row !== undefined) found.push(this.#loose.locationAt(row));
    for (const copy of this.#copies.get(toHex(id)) ?? []) found.push(this.#loose.locationAt(copy));
    for (const run of this.runs) {
      const place = await this.#findInRun(run, id);
      if (place !== undefined && !found.some((other) => other.packId === place.packId)) found.push(place);
    }
    return found;
  }

  /** Whether a writer may refer to this blob. Only where the index was opened `complete`. */
  has(id: BlobId): boolean {
    if (this.#known === undefined) throw new CairnError('engine/internal', 'The ids of the index were not loaded.');
    return this.#known.has(id);
  }

  get knownCount(): number {
    return this.#known?.size ?? 0;
  }
}

/** What stands in packs/: id and size of each. */
export async function listPacks(context: RepositoryContext): Promise<ReadonlyMap<PackId, number>> {
  const packs = new Map<PackId, number>();
  const folders = await mapBounded(PACK_FOLDERS, READS_AT_ONCE, (folder) => context.store.list(folder));
  for (const { name, sizeBytes } of folders.flat()) {
    const id = baseName(name);
    if (/^[0-9a-f]{64}$/.test(id)) packs.set(parsePackId(id), sizeBytes);
  }
  return packs;
}

/** Reads the footer of a pack or commit file. */
export async function readLoosePack(
  context: RepositoryContext,
  packId: PackId,
  place: 'pack' | 'commit',
  sizeBytes: number,
): Promise<LoosePack> {
  const name = place === 'pack' ? packName(packId) : commitName(packId);
  const reader = await openPack({
    read: (range) => context.store.read(name, range),
    sizeBytes,
    repositoryId: context.repositoryIdBytes,
    secrets: context.secrets,
    fileTypes: place === 'pack' ? [FILE_TYPE.dataPack, FILE_TYPE.treePack] : [FILE_TYPE.commitFile],
  });
  return { packId, sizeBytes, footer: reader.footer };
}

export type OpenIndexOptions = {
  /** For a writer: all ids are loaded, for `has`. */
  readonly complete: boolean;
  /** For a reader that misses something: packs no run covers are taken in. A writer always does so. */
  readonly scanPacks?: boolean;
  /** Runs that are known to be damaged inside, and are not opened; those that turn out to be are added. */
  readonly spoiled?: Set<IndexRunId>;
};

/**
 * Opens the index. A writer (`complete`) also lists the packs, takes in those no run covers, and loads all ids; a
 * reader does so only where damage or a missing blob leaves it no choice.
 */
export async function openBlobIndex(context: RepositoryContext, options: OpenIndexOptions): Promise<BlobIndex> {
  const damage: IndexDamage[] = [];
  const spoiled = options.spoiled ?? new Set<IndexRunId>();
  const runs = await openRuns(context, damage, spoiled);
  const commits = await openCommits(context, damage);
  const isDamaged = damage.length > 0;
  if (!options.complete && options.scanPacks !== true && !isDamaged)
    return new BlobIndex({ damage, runs, commits, uncovered: [], spoiled, known: undefined });

  const listed = await listPacks(context);
  const writer = options.complete
    ? { absent: await findAbsent(context, runs, listed), known: new IdTable() }
    : undefined;
  const whole = writer === undefined ? runs : await loadRunIds(runs, writer, damage);
  const covered = new Set(whole.flatMap(({ run }) => run.packs.map(({ packId }) => packId)));
  const uncovered = await openUncovered(context, listed, covered, damage);
  for (const { packId, footer } of [...commits, ...uncovered]) {
    if (writer === undefined || writer.absent.has(packId)) continue;
    for (const { id, length } of indexEntriesOf(packId, footer)) writer.known.set(id, length);
  }
  return new BlobIndex({ damage, runs: whole, commits, uncovered, spoiled, known: writer?.known });
}

/** Packs that a writer must not rely on: condemned, missing, or not of the size a run says. */
export async function findAbsent(
  context: RepositoryContext,
  runs: readonly OpenRun[],
  listed: ReadonlyMap<PackId, number>,
): Promise<ReadonlySet<PackId>> {
  const absent = new Set<PackId>((await readCondemned(context)).packs);
  for (const { run } of runs) {
    for (const { packId, fileType, sizeBytes } of run.packs) {
      if (fileType !== FILE_TYPE.commitFile && listed.get(packId) !== sizeBytes) absent.add(packId);
    }
  }
  return absent;
}

/** Loads the ids of all runs and gives the runs that could be read to their end: the packs of the others are scanned. */
async function loadRunIds(
  runs: readonly OpenRun[],
  { absent, known }: { readonly absent: ReadonlySet<PackId>; readonly known: IdTable },
  damage: IndexDamage[],
): Promise<readonly OpenRun[]> {
  const whole: OpenRun[] = [];
  for (const open of runs) {
    try {
      await open.run.loadFilter();
      for await (const batch of open.run.batches()) {
        for (const entry of batch) if (!absent.has(entry.packId)) known.set(entry.id, entry.length);
      }
      whole.push(open);
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      damage.push({ file: indexRunName(open.id), error });
    }
  }
  return whole;
}

async function openRuns(
  context: RepositoryContext,
  damage: IndexDamage[],
  spoiled: ReadonlySet<IndexRunId>,
): Promise<readonly OpenRun[]> {
  const cache = createPageCache(PAGE_CACHE_BYTES);
  const files = await context.store.list(FOLDERS.index);
  const opened = await mapBounded(files, READS_AT_ONCE, async ({ name, sizeBytes }): Promise<OpenRun | undefined> => {
    try {
      const id = parseIndexRunId(baseName(name));
      if (spoiled.has(id)) throw new CairnError('integrity/damaged', `A page of ${name} can’t be read.`);
      const run = await openIndexRun({
        read: (range) => context.store.read(name, range),
        sizeBytes,
        repositoryId: context.repositoryIdBytes,
        secrets: context.secrets,
        runId: id,
        cache,
      });
      return { id, run, sizeBytes };
    } catch (error) {
      return noteDamage(context, error, name, damage);
    }
  });
  const runs = opened.filter((run) => run !== undefined);
  // Newest first: what a newer run says of a blob is asked for first.
  return runs.sort((left, right) => right.run.generation - left.run.generation);
}

async function openCommits(context: RepositoryContext, damage: IndexDamage[]): Promise<readonly LoosePack[]> {
  const files = await context.store.list(FOLDERS.commits);
  const opened = await mapBounded(files, READS_AT_ONCE, async ({ name, sizeBytes }): Promise<LoosePack | undefined> => {
    try {
      return await readLoosePack(context, parsePackId(baseName(name)), 'commit', sizeBytes);
    } catch (error) {
      return noteDamage(context, error, name, damage);
    }
  });
  return opened.filter((commit) => commit !== undefined);
}

async function openUncovered(
  context: RepositoryContext,
  listed: ReadonlyMap<PackId, number>,
  covered: ReadonlySet<PackId>,
  damage: IndexDamage[],
): Promise<readonly LoosePack[]> {
  const open = [...listed].filter(([id]) => !covered.has(id));
  const opened = await mapBounded(open, READS_AT_ONCE, async ([id, sizeBytes]): Promise<LoosePack | undefined> => {
    try {
      return await readLoosePack(context, id, 'pack', sizeBytes);
    } catch (error) {
      return noteDamage(context, error, packName(id), damage);
    }
  });
  return opened.filter((pack) => pack !== undefined);
}

/** A file that vanished was merged away by another session; one that can't be read is damage; anything else is thrown. */
async function noteDamage(
  { store }: RepositoryContext,
  error: unknown,
  file: string,
  damage: IndexDamage[],
): Promise<undefined> {
  const found = await damageOf(store, file, error);
  if (found === undefined) throw error;
  if (!isCairnError(found, 'integrity/missing')) damage.push({ file, error: found });
}
