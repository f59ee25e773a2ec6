/**
 * Index runs: the name, the footer, every page, and (deep) that what a run says of its packs is what their footers say.
 *
 * A run may say less than a footer: of a blob that lies in two packs a merge keeps one place. So where the sums of
 * entry-sum.ts differ, the entries are compared one by one, for a few packs at a time.
 *
 * Runs are read in pieces: a large repository has runs larger than memory should be.
 */
import { assert } from '../../../src-shared/assert.ts';
import { CairnError, isCairnError } from '../../../src-shared/errors.ts';
import { type BlobId, ID_BYTES, type PackId, parseIndexRunId } from '../../../src-shared/ids.ts';
import { FILE_TYPE, type FileType, createHasher } from '../codec/index.ts';
import { toHex } from '../kernel/index.ts';
import {
  ENTRY_FLAG_DELTA,
  type EntryRows,
  type IndexEntry,
  type IndexRun,
  createPageCache,
  indexEntriesOf,
  openIndexRun,
} from '../pack/index.ts';
import { FOLDERS, type Repository, baseName, indexRunName, readLoosePack } from '../repository/index.ts';
import type { DamageList } from './damage-list.ts';
import { type EntrySum, addEntry, isSameSum, newSum } from './entry-sum.ts';
import type { Fingerprints } from './fingerprints.ts';
import { noteDamage } from './small-files.ts';

const PAGE_CACHE_BYTES = 1024 * 1024;
/** So often backups may merge runs away while all are opened. */
const LISTS_MAX = 16;
const READ_BYTES = 4 * 1024 * 1024;
/** Blobs of packs that are compared one by one at the same time: some 200 bytes each. */
const COMPARED_BLOBS_MAX = 128 * 1024;
const NUMBER_BYTES = 4;
/** A filter is wrong as a whole or not at all, since it is sealed: one entry in this many is looked for in it. */
const ROWS_A_PROBE = 16;

export type NamedPack = { readonly sizeBytes: number; readonly fileType: FileType };

export type CheckedRun = {
  readonly name: string;
  readonly run: IndexRun;
  /** Per pack what the run says of its blobs; only where the run was read whole. */
  readonly sums: ReadonlyMap<PackId, EntrySum>;
};

export type CheckedRuns = {
  readonly runs: readonly CheckedRun[];
  /** All packs that the readable runs name. */
  readonly packs: ReadonlyMap<PackId, NamedPack>;
};

type RunCheck = {
  readonly repository: Repository;
  readonly damage: DamageList;
  readonly signal: AbortSignal | undefined;
};

/**
 * Opens every run: its footer and pack table. With `whole` the bytes are hashed for its name first. A run that was listed
 * and is gone was merged by a backup meanwhile: then all are listed again.
 */
export async function openIndexRuns(check: RunCheck, whole: boolean): Promise<CheckedRuns> {
  for (let lists = 1; ; lists++) {
    const opened = await openListedRuns(check, whole);
    if (opened !== undefined) return opened;
    if (lists >= LISTS_MAX) throw new CairnError('repository/busy', 'The index changes faster than it can be checked.');
  }
}

/** Undefined where a run is gone since it was listed. */
async function openListedRuns(check: RunCheck, whole: boolean): Promise<CheckedRuns | undefined> {
  const { repository, damage, signal } = check;
  const { store, repositoryIdBytes, secrets } = repository.context;
  const runs: CheckedRun[] = [];
  const packs = new Map<PackId, NamedPack>();
  const gone: string[] = [];
  for (const { name, sizeBytes } of await store.list(FOLDERS.index)) {
    await noteDamage(repository, damage, name, 'index', async () => {
      const runId = parseIndexRunId(baseName(name));
      try {
        if (whole && (await hashOf(check, name, sizeBytes)) !== runId) {
          throw new CairnError('integrity/damaged', `${indexRunName(runId)} is not what its name says.`);
        }
        const run = await openIndexRun({
          read: (range) => store.read(name, range),
          sizeBytes,
          repositoryId: repositoryIdBytes,
          secrets,
          runId,
          cache: createPageCache(PAGE_CACHE_BYTES),
        });
        for (const { packId, sizeBytes: packBytes, fileType } of run.packs)
          packs.set(packId, { sizeBytes: packBytes, fileType });
        runs.push({ name, run, sums: new Map() });
      } catch (error) {
        if (!isCairnError(error, 'integrity/missing')) throw error;
        gone.push(name);
      }
    });
    stopIfCancelled(signal);
  }
  return gone.length > 0 ? undefined : { runs, packs };
}

/**
 * Reads every page of the runs; a run of which a page is damaged is left out of the result. The blobs of packs that are
 * `there` become known, with their lengths.
 */
export async function readIndexRuns(
  check: RunCheck,
  { runs, packs }: CheckedRuns,
  { there, known }: { readonly there: ReadonlySet<PackId>; readonly known: Fingerprints },
): Promise<CheckedRuns> {
  const { signal } = check;
  const read: CheckedRun[] = [];
  for (const { name, run } of runs) {
    await noteUnlessGone(check, name, async () => {
      await run.loadFilter();
      const sums = run.packs.map(newSum);
      const isThere = run.packs.map(({ packId }) => there.has(packId));
      for await (const batch of run.batches()) {
        if (batch.length === 0) throw new CairnError('integrity/malformed', 'An index page is empty.');
        readRows(batch, sums, (ordinal, low, high, length) => {
          if (length > 0 && isThere[ordinal] === true) known.addWords(low, high, length);
        });
        for (let row = 0; row < batch.length; row += ROWS_A_PROBE) {
          if (!run.mayContain(batch.entryAt(row).id))
            throw new CairnError('integrity/malformed', 'The filter of an index run denies what is in the run.');
        }
        stopIfCancelled(signal);
      }
      read.push({
        name,
        run,
        sums: new Map(run.packs.map(({ packId }, ordinal) => [packId, sums[ordinal] ?? newSum()])),
      });
    });
  }
  return { runs: read, packs };
}

/** A run that a backup has merged away while it was read leaves nothing to say: what it said stands in another. */
async function noteUnlessGone(
  { repository, damage }: RunCheck,
  name: string,
  read: () => Promise<void>,
): Promise<void> {
  await noteDamage(repository, damage, name, 'index', async () => {
    try {
      await read();
    } catch (error) {
      if (!isCairnError(error, 'integrity/missing')) throw error;
    }
  });
}

/** Adds the rows of a page to the sums of their packs, and shows the first eight bytes of each id with the length. */
function readRows(
  { columns, length: rowCount }: EntryRows,
  sums: readonly EntrySum[],
  onRow: (ordinal: number, low: number, high: number, length: number) => void,
): void {
  const { ids, packOrdinals, frameOffsets, frameLengths, offsets, lengths, types, flags } = columns;
  for (let row = 0; row < rowCount; row++) {
    const at = row * NUMBER_BYTES;
    const idAt = row * ID_BYTES;
    const ordinal = packOrdinals.getUint32(at, true);
    const length = lengths.getUint32(at, true);
    const sum = sums[ordinal];
    assert(sum !== undefined, 'a row names a pack of its table');
    addEntry(sum, {
      idLow: ids.getUint32(idAt + 8, true),
      idHigh: ids.getUint32(idAt + 12, true),
      type: types[row] ?? 0,
      offset: offsets.getUint32(at, true),
      length,
      frameOffset: frameOffsets.getUint32(at, true),
      frameLength: frameLengths.getUint32(at, true),
      delta: flags[row] === ENTRY_FLAG_DELTA,
    });
    onRow(ordinal, ids.getUint32(idAt, true), ids.getUint32(idAt + 4, true), length);
  }
}

/**
 * Compares what runs say of packs with what the packs' footers say. `footers` holds the sums of the packs whose footers
 * are sound; of the others nothing can be said here.
 */
export async function compareWithFooters(
  check: RunCheck,
  { runs }: CheckedRuns,
  footers: ReadonlyMap<PackId, EntrySum>,
): Promise<void> {
  for (const checked of runs) {
    const different = checked.run.packs.filter(({ packId }) => {
      const footer = footers.get(packId);
      return footer !== undefined && !isSameSum(footer, checked.sums.get(packId) ?? newSum());
    });
    for (let from = 0; from < different.length;) {
      let blobs = 0;
      let to = from;
      for (; to < different.length && (to === from || blobs < COMPARED_BLOBS_MAX); to++)
        blobs += different[to]?.blobCount ?? 0;
      const some = different.slice(from, to);
      await noteUnlessGone(check, checked.name, () => compareOneByOne(check, checked, some));
      from = to;
    }
  }
}

/** Where the footers of a few packs put a blob, and whether the run has it anywhere. */
type Expected = { readonly places: Set<string>; isNamed: boolean };

async function compareOneByOne(
  { repository, damage, signal }: RunCheck,
  { name, run }: CheckedRun,
  packs: IndexRun['packs'],
): Promise<void> {
  const expected = new Map<string, Expected>();
  for (const { packId, fileType, sizeBytes } of packs) {
    const place = fileType === FILE_TYPE.commitFile ? 'commit' : 'pack';
    const { footer } = await readLoosePack(repository.context, packId, place, sizeBytes);
    for (const entry of indexEntriesOf(packId, footer)) {
      const key = toHex(entry.id);
      const known = expected.get(key) ?? { places: new Set<string>(), isNamed: false };
      known.places.add(placeOf(entry));
      expected.set(key, known);
    }
  }
  const compared = new Set(packs.map(({ packId }) => packId));
  let fault: string | undefined;
  for await (const batch of run.batches()) {
    stopIfCancelled(signal);
    for (const entry of batch) {
      const known = expected.get(toHex(entry.id));
      if (known !== undefined) known.isNamed = true;
      if (!compared.has(entry.packId) || known?.places.has(placeOf(entry)) === true) continue;
      fault ??= faultOf(entry.id, 'in another place than the footer of its pack');
    }
  }
  for (const [id, { isNamed }] of expected) if (!isNamed) fault ??= faultOf(id, 'nowhere, and a pack of it has it');
  if (fault !== undefined) damage.add(name, 'index', fault);
}

function faultOf(id: BlobId | string, where: string): string {
  const text = typeof id === 'string' ? id : toHex(id);
  return `It puts the blob ${text.slice(0, 16)}… ${where}.`;
}

function placeOf({ packId, frameOffset, frameLength, offset, length, type, delta }: IndexEntry): string {
  return `${packId}:${frameOffset}+${frameLength}:${offset}+${length}:${type}:${delta}`;
}

async function hashOf(check: RunCheck, name: string, sizeBytes: number): Promise<string> {
  const hasher = createHasher();
  for (let offset = 0; offset < sizeBytes; offset += READ_BYTES) {
    stopIfCancelled(check.signal);
    const length = Math.min(READ_BYTES, sizeBytes - offset);
    hasher.update(await check.repository.context.store.read(name, { offset, length }));
  }
  return toHex(hasher.digest());
}

function stopIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new CairnError('engine/cancelled', 'The check was cancelled.');
}
