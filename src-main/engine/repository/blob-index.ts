/**
 * “Have we this blob, and where?” over index runs, commit files and packs that no run covers yet.
 *
 * Index runs stay on disk: a look-up reads one page, or none where the run was loaded (12 bytes a blob in memory), by
 * `preload` or because enough pages were read. What commit files and uncovered packs hold is in memory, because
 * it is little: merging keeps commit files under 64. A writer loads all runs, so that its answer is immediate.
 *
 * Invariants: a damaged run or footer never makes a blob silently absent for a reader: then every pack's own footer
 * is read instead. For a writer a blob counts as present only where its pack really stands in the listing with the
 * right size and is not condemned; otherwise it is stored again.
 */
import { CairnError, isCairnError, isIntegrityError } from '../../../src-shared/errors.ts';
import {
  type BlobId,
  ID_BYTES,
  type IndexRunId,
  type PackId,
  parseIndexRunId,
  parsePackId,
} from '../../../src-shared/ids.ts';
import { FILE_TYPE } from '../codec/index.ts';
import { IdTable, mapBounded, toHex } from '../kernel/index.ts';
import { type BlobLocation, IndexTable, openPack } from '../pack/index.ts';
import { readCondemned } from './condemned.ts';
import type { RepositoryContext } from './context.ts';
import { damageOf } from './damage.ts';
import type { OpenRun } from './index-runs.ts';
import type { LoosePack } from './loose-pack.ts';
import { FOLDERS, PACK_FOLDERS, baseName, commitName, indexRunName, packName } from './names.ts';
import type { Store, StoreEntry } from '../store/index.ts';

const READS_AT_ONCE = 8;

export type IndexDamage = { readonly file: string; readonly error: CairnError };

/** What a writer knows besides: packs it must not rely on, and for each run that names some, the rows that lie in them. */
type WriterKnowledge = {
  readonly absent: ReadonlySet<PackId>;
  /** A bit for each row of the run. */
  readonly absentRows: ReadonlyMap<IndexRunId, Uint8Array>;
};

export class BlobIndex {
  readonly damage: readonly IndexDamage[];
  readonly runs: readonly OpenRun[];
  readonly commits: readonly LoosePack[];
  /** Packs that no readable run covers: left by an interrupted backup, or by a damaged run. */
  readonly uncovered: readonly LoosePack[];
  readonly #rows = new IdTable('numbers');
  readonly #loose = new IndexTable();
  /** Further rows of blobs that lie in several loose packs, by id as hex: few, only concurrent writers make them. */
  readonly #copies = new Map<string, readonly number[]>();
  readonly #uncoveredIds: ReadonlySet<PackId>;
  readonly #spoiled: Set<IndexRunId>;
  readonly #writer: WriterKnowledge | undefined;

  constructor(parts: {
    readonly damage: readonly IndexDamage[];
    readonly runs: readonly OpenRun[];
    readonly commits: readonly LoosePack[];
    readonly uncovered: readonly LoosePack[];
    readonly spoiled: Set<IndexRunId>;
    readonly writer: WriterKnowledge | undefined;
  }) {
    this.damage = parts.damage;
    this.runs = parts.runs;
    this.commits = parts.commits;
    this.uncovered = parts.uncovered;
    this.#spoiled = parts.spoiled;
    this.#writer = parts.writer;
    this.#uncoveredIds = new Set(parts.uncovered.map(({ packId }) => packId));
    // Commit files last, so that they win: an uncovered pack may be what is left of their interrupted merge.
    for (const pack of [...parts.uncovered, ...parts.commits]) this.#addLoose(pack);
  }

  #addLoose({ packId, sizeBytes, footer }: LoosePack): void {
    const firstRow = this.#loose.addPack(packId, sizeBytes, footer);
    const { buffer, byteOffset, byteLength } = footer.columns.ids;
    const ids = new Uint8Array(buffer, byteOffset, byteLength);
    for (let blob = 0; blob < footer.blobCount; blob++) {
      const at = blob * ID_BYTES;
      const other = this.#rows.get(ids, at);
      if (other !== undefined) {
        const id = toHex(ids.subarray(at, at + ID_BYTES));
        this.#copies.set(id, [...(this.#copies.get(id) ?? []), other]);
      }
      this.#rows.set(ids, firstRow + blob, at);
    }
  }

  /** Where a blob lies, or undefined. */
  async find(id: BlobId): Promise<BlobLocation | undefined> {
    const row = this.#rows.get(id);
    return row === undefined ? this.findInRuns(id) : this.#loose.locationAt(row);
  }

  /** Where the runs say a blob lies, or undefined. */
  async findInRuns(id: BlobId): Promise<BlobLocation | undefined> {
    for (const open of this.runs) {
      if (open.run.isLoaded && open.run.rowOf(id) === -1) continue;
      const found = await this.#findInRun(open, id);
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

  /**
   * Loads all runs, for whoever will ask for many ids: then a look-up takes about a microsecond. A run with a damaged
   * page is left as it is; whoever needs that page learns of it.
   */
  async preload(): Promise<void> {
    for (const { id, run } of this.runs) {
      if (this.#spoiled.has(id)) continue;
      try {
        await run.load();
      } catch (error) {
        if (!isIntegrityError(error)) throw error;
      }
    }
  }

  /** Whether no readable run names a pack whose footer was read. */
  isUncovered(packId: PackId): boolean {
    return this.#uncoveredIds.has(packId);
  }

  /** Every place a blob is said to lie: a reader that meets damage in one turns to the next. */
  async findAll(id: BlobId): Promise<readonly BlobLocation[]> {
    const found: BlobLocation[] = [];
    for (const row of this.#looseRows(id)) found.push(this.#loose.locationAt(row));
    for (const run of this.runs) {
      const place = await this.#findInRun(run, id);
      if (place !== undefined && !found.some((other) => other.packId === place.packId)) found.push(place);
    }
    return found;
  }

  #looseRows(id: BlobId): readonly number[] {
    const row = this.#rows.get(id);
    return row === undefined ? [] : [row, ...(this.#copies.get(toHex(id)) ?? [])];
  }

  /** Whether a writer may refer to this blob. Only where the index was opened `complete`. */
  has(id: BlobId): boolean {
    if (this.#writer === undefined) throw new CairnError('engine/internal', 'The ids of the index were not loaded.');
    const { absent, absentRows } = this.#writer;
    if (this.#rows.has(id)) {
      if (absent.size === 0) return true;
      if (this.#looseRows(id).some((row) => !absent.has(this.#loose.packIdAt(row)))) return true;
    }
    for (const { id: runId, run } of this.runs) {
      const row = run.rowOf(id);
      if (row !== -1 && !isBitSet(absentRows.get(runId), row)) return true;
    }
    return false;
  }
}

function isBitSet(bits: Uint8Array | undefined, place: number): boolean {
  return bits !== undefined && ((bits[place >> 3] ?? 0) & (1 << (place & 7))) !== 0;
}

/** What stands in packs/: id and size of each. */
export async function listPacks(context: RepositoryContext): Promise<ReadonlyMap<PackId, number>> {
  const packs = new Map<PackId, number>();
  for (const { name, sizeBytes } of await listPackFiles(context.store)) {
    const id = baseName(name);
    if (/^[0-9a-f]{64}$/.test(id)) packs.set(parsePackId(id), sizeBytes);
  }
  return packs;
}

/** A destination that can tell which of the 256 folders are there saves looking for each of them. */
async function listPackFiles(store: Store): Promise<readonly StoreEntry[]> {
  const folders = (await store.listFolders?.(FOLDERS.packs)) ?? PACK_FOLDERS;
  const wanted = new Set(PACK_FOLDERS);
  const present = folders.filter((folder) => wanted.has(folder));
  return (await mapBounded(present, READS_AT_ONCE, (folder) => store.list(folder))).flat();
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
    return new BlobIndex({ damage, runs, commits, uncovered: [], spoiled, writer: undefined });

  const listed = await listPacks(context);
  const absent = options.complete ? await findAbsent(context, runs, listed) : undefined;
  const whole = absent === undefined ? { runs, absentRows: new Map() } : await loadRuns(runs, absent, damage);
  const covered = new Set(whole.runs.flatMap(({ run }) => run.packs.map(({ packId }) => packId)));
  const uncovered = await openUncovered(context, listed, covered, damage);
  const writer = absent === undefined ? undefined : { absent, absentRows: whole.absentRows };
  return new BlobIndex({ damage, runs: whole.runs, commits, uncovered, spoiled, writer });
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

/** Loads all runs and gives those that could be read to their end: the packs of the others are scanned. */
async function loadRuns(
  runs: readonly OpenRun[],
  absent: ReadonlySet<PackId>,
  damage: IndexDamage[],
): Promise<{ readonly runs: readonly OpenRun[]; readonly absentRows: ReadonlyMap<IndexRunId, Uint8Array> }> {
  const whole: OpenRun[] = [];
  const absentRows = new Map<IndexRunId, Uint8Array>();
  for (const open of runs) {
    try {
      await open.run.load();
      if (open.run.packs.some(({ packId }) => absent.has(packId)))
        absentRows.set(open.id, await open.run.rowsIn(absent));
      whole.push(open);
    } catch (error) {
      if (!isIntegrityError(error)) throw error;
      damage.push({ file: indexRunName(open.id), error });
    }
  }
  return { runs: whole, absentRows };
}

async function openRuns(
  context: RepositoryContext,
  damage: IndexDamage[],
  spoiled: ReadonlySet<IndexRunId>,
): Promise<readonly OpenRun[]> {
  const files = await context.store.list(FOLDERS.index);
  const opened = await mapBounded(files, READS_AT_ONCE, async ({ name, sizeBytes }): Promise<OpenRun | undefined> => {
    try {
      const id = parseIndexRunId(baseName(name));
      if (spoiled.has(id)) throw new CairnError('integrity/damaged', `A page of ${name} can’t be read.`);
      return await context.indexRuns.open(context, id, sizeBytes);
    } catch (error) {
      return noteDamage(context, error, name, damage);
    }
  });
  const runs = opened.filter((run) => run !== undefined);
  context.indexRuns.keepOnly(new Set(runs.map(({ id }) => id)));
  // Newest first: what a newer run says of a blob is asked for first.
  return runs.sort((left, right) => right.run.generation - left.run.generation);
}

async function openCommits(context: RepositoryContext, damage: IndexDamage[]): Promise<readonly LoosePack[]> {
  const files = await context.store.list(FOLDERS.commits);
  const opened = await mapBounded(files, READS_AT_ONCE, async ({ name, sizeBytes }): Promise<LoosePack | undefined> => {
    try {
      const packId = parsePackId(baseName(name));
      return await context.kept.commits.of(name, sizeBytes, () => readLoosePack(context, packId, 'commit', sizeBytes));
    } catch (error) {
      return noteDamage(context, error, name, damage);
    }
  });
  context.kept.commits.keepOnly(new Set(files.map(({ name }) => name)));
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
