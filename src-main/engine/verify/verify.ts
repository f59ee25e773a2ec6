/**
 * Verifying a repository, on one page: small files, snapshots, index runs, packs, trees.
 *
 * - quick: everything is there and has its size; configuration, keys, snapshots and footers read.
 * - sample: the trees of all snapshots too, every page of the index, and a drawn share of the packs byte by byte.
 * - deep: every byte of every file, every blob by its id, every entry of the index, every NodeId up to the signed roots.
 *
 * Nothing is written, nothing is repaired, no lock is needed.
 *
 * While packs are decoded in other threads, the trees are walked as if all packs were sound. If anything at all is found
 * meanwhile, that walk is forgotten and made again with what is known by then: so a report names what is affected.
 */
import type { PackId, SnapshotId } from '../../../src-shared/ids.ts';
import type { Progress, VerifyReport } from '../../../src-shared/model/index.ts';
import { FOLDERS, type Repository } from '../repository/index.ts';
import { type Snapshot, type SnapshotListing, appendEvent, listSnapshots, logRoot } from '../snapshot/index.ts';
import { fromHex, toHex } from '../kernel/index.ts';
import { type CheckLanes, createLanes } from './check-lanes.ts';
import { ContentCheck } from './contents.ts';
import { type Container, ContainerCheck, type ContainerOutcome, reportOutcome } from './container-check.ts';
import { type ContainerList, listContainers } from './containers.ts';
import { DamageList } from './damage-list.ts';
import { Fingerprints } from './fingerprints.ts';
import { type CheckedRuns, compareWithFooters, openIndexRuns, readIndexRuns } from './index-runs.ts';
import { drawPacks } from './sample.ts';
import { checkSmallFiles, noteDamage, readNamed } from './small-files.ts';
import { TreeCheck } from './trees.ts';

export type VerifyDepth =
  { readonly kind: 'quick' } | { readonly kind: 'sample'; readonly percent: number } | { readonly kind: 'deep' };

export type VerifyOptions = {
  readonly depth: VerifyDepth;
  /** Newest snapshots this computer has seen here: one that is gone was lost or taken away. */
  readonly knownSnapshots: readonly SnapshotId[];
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal | undefined;
  /** Threads that decode packs. Default WORKERS_DEFAULT; 0 does everything on this thread. */
  readonly workers?: number;
  /** With fewer bytes to read, no threads are started. Default THREADS_FROM_BYTES. */
  readonly threadsFromBytes?: number;
};

const WORKERS_DEFAULT = 2;
/** A thread is ready after some 50 ms, in which this thread decodes as much. */
const THREADS_FROM_BYTES = 16 * 1024 * 1024;
const SEED_BYTES = 16;
/** Of the bytes that are read, as many again may be hashed as contents of large files: a quarter more work at most. */
const CONTENT_SHARE = 0.25;
const CONTENT_BYTES_MIN = 64 * 1024 * 1024;

/** @throws CairnError destination/…, repository/newer-format, engine/cancelled; damage is in the report, never thrown */
export async function verify(repository: Repository, options: VerifyOptions): Promise<VerifyReport> {
  repository.refresh();
  return new Verification(repository, options).run();
}

class Verification {
  readonly #repository: Repository;
  readonly #options: VerifyOptions;
  readonly #damage = new DamageList();
  #progress: Progress = { phase: 'verify', files: 0, filesTotal: 0, bytes: 0, bytesTotal: 0, current: '' };
  #nodes = 0;
  #contents: ContentCheck | undefined;

  constructor(repository: Repository, options: VerifyOptions) {
    this.#repository = repository;
    this.#options = options;
  }

  async run(): Promise<VerifyReport> {
    const { depth, knownSnapshots, signal } = this.#options;
    const [repository, damage] = [this.#repository, this.#damage];
    await checkSmallFiles(repository, damage);
    const listing = await listSnapshots(repository);
    noteLostSnapshots(listing, knownSnapshots, damage);
    checkLogs(listing, damage);
    if (depth.kind === 'deep') await checkSnapshotFiles(repository, damage);

    const runCheck = { repository, damage, signal };
    const opened = await openIndexRuns(runCheck, depth.kind === 'deep');
    const list = await listContainers(repository, damage, opened.packs);
    if (depth.kind === 'quick') {
      const outcomes = await this.#checkContainers(list, commitsOf(list), () => Promise.resolve());
      return this.#report(listing, list, outcomes);
    }
    const known = new Fingerprints(opened.runs.reduce((sum, { run }) => sum + run.entryCount, 0));
    const runs = await this.#readIndex(runCheck, opened, list, known);
    // Every pack that no run names is taken in from the start.
    await repository.scannedIndex();
    const chosen = this.#choose(list);
    if (depth.kind === 'deep') {
      const allowance = Math.max(CONTENT_BYTES_MIN, CONTENT_SHARE * bytesOf(chosen));
      this.#contents = new ContentCheck(repository, allowance);
    }
    const hope = { isClean: false };
    const outcomes = await this.#checkContainers(list, chosen, async (stop) => {
      hope.isClean = await this.#walkInHope(listing.snapshots, known, stop);
    });
    await compareWithFooters(runCheck, runs, footersOf(outcomes));
    const suspects = new Set(list.suspects);
    for (const outcome of outcomes) if (outcome.faults.length > 0) suspects.add(outcome.container.packId);
    const isGone = outcomes.some((outcome) => outcome.isGone);
    if (isGone) repository.refresh();
    if (!hope.isClean || suspects.size > 0 || isGone)
      await this.#walk(listing.snapshots, damage, suspects, undefined, signal);
    return this.#report(listing, list, outcomes);
  }

  /** Reads the index, and makes known the blobs of packs that are there. */
  async #readIndex(
    check: Parameters<typeof readIndexRuns>[0],
    opened: CheckedRuns,
    { containers, suspects }: ContainerList,
    known: Fingerprints,
  ): Promise<CheckedRuns> {
    const there = new Set<PackId>();
    for (const { packId } of containers) if (!suspects.has(packId)) there.add(packId);
    return readIndexRuns(check, opened, { there, known });
  }

  /** Which containers are read. A sample is drawn anew each time, so that many small checks see everything. */
  #choose(list: ContainerList): readonly Container[] {
    const { depth } = this.#options;
    if (depth.kind !== 'sample') return list.containers;
    const packs = new Map<PackId, number>();
    for (const { packId, sizeBytes, place } of list.containers) if (place === 'pack') packs.set(packId, sizeBytes);
    const drawn = drawPacks(packs, depth.percent, this.#repository.context.ports.random.bytes(SEED_BYTES));
    return list.containers.filter(({ packId, place }) => place === 'commit' || drawn.has(packId));
  }

  /** Reads the chosen containers, and does something else meanwhile. Gives their outcomes, which are in the report. */
  async #checkContainers(
    { containers }: ContainerList,
    chosen: readonly Container[],
    meanwhile: (stop: AbortSignal) => Promise<void>,
  ): Promise<readonly ContainerOutcome[]> {
    const { signal, workers = WORKERS_DEFAULT, threadsFromBytes = THREADS_FROM_BYTES } = this.#options;
    const { idKey, repositoryIdBytes: repositoryId, secrets } = this.#repository.context;
    const bytesTotal = bytesOf(chosen);
    this.#tell({ filesTotal: containers.length, bytesTotal });
    const lanes = createLanes({ idKey, repositoryId, secrets }, bytesTotal < threadsFromBytes ? 0 : workers);
    const stop = new AbortController();
    const both = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
    try {
      return await allOrStop(stop, this.#readContainers(lanes, containers, new Set(chosen), both), meanwhile(both));
    } finally {
      await lanes.end();
    }
  }

  async #readContainers(
    lanes: CheckLanes,
    containers: readonly Container[],
    chosen: ReadonlySet<Container>,
    signal: AbortSignal,
  ): Promise<readonly ContainerOutcome[]> {
    const onBytes = (count: number): void => this.#tell({ bytes: this.#progress.bytes + count });
    const check = new ContainerCheck({ repository: this.#repository, lanes, signal, onBytes });
    for (const [done, container] of containers.entries()) {
      this.#tell({ files: done, current: container.name });
      if (chosen.has(container)) await check.read(container);
    }
    await check.finish();
    for (const outcome of check.outcomes) reportOutcome(outcome, this.#damage);
    return check.outcomes;
  }

  /** Walks the trees as if all packs were sound. True where nothing was found. */
  async #walkInHope(snapshots: readonly Snapshot[], known: Fingerprints, signal: AbortSignal): Promise<boolean> {
    if (this.#damage.result().length > 0) return false;
    const found = new DamageList();
    // The newest first: the allowance for contents goes to them.
    await this.#walk(snapshots.toReversed(), found, new Set(), known, signal);
    return found.result().length === 0;
  }

  async #walk(
    snapshots: readonly Snapshot[],
    damage: DamageList,
    suspects: ReadonlySet<PackId>,
    known: Fingerprints | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const repository = this.#repository;
    const onNode = (current: string): void => this.#tell({ current });
    const trees = new TreeCheck({ repository, suspects, known, contents: this.#contents, damage, onNode, signal });
    for (const snapshot of snapshots) await trees.snapshot(snapshot);
    this.#nodes = trees.nodesChecked;
  }

  #tell(change: Partial<Progress>): void {
    this.#progress = { ...this.#progress, ...change };
    this.#options.onProgress(this.#progress);
  }

  #report(
    { snapshots }: SnapshotListing,
    { containers }: ContainerList,
    outcomes: readonly ContainerOutcome[],
  ): VerifyReport {
    const checked = { packs: 0, segments: 0, blobs: 0, nodes: this.#nodes, snapshots: snapshots.length };
    for (const { segments, blobs, isGone } of outcomes) {
      if (!isGone) checked.packs++;
      checked.segments += segments;
      checked.blobs += blobs;
    }
    const damage = this.#damage.result();
    const coverage = {
      bytes: this.#progress.bytes,
      bytesTotal: bytesOf(containers),
      contents: this.#contents?.checkedCount ?? 0,
      contentsLeft: this.#contents?.leftCount ?? 0,
    };
    return { ok: damage.length === 0, checked, coverage, damage };
  }
}

/** Both results, or the first failure: then the other is told to stop and waited for. */
async function allOrStop<Value>(stop: AbortController, main: Promise<Value>, other: Promise<void>): Promise<Value> {
  const failures: unknown[] = [];
  const noted = (error: unknown): undefined => {
    failures.push(error);
    stop.abort();
  };
  const [value] = await Promise.all([main.then((result) => ({ result }), noted), other.catch(noted)]);
  if (failures.length > 0 || value === undefined) throw failures[0];
  return value.result;
}

function bytesOf(containers: readonly Container[]): number {
  return containers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function commitsOf({ containers }: ContainerList): readonly Container[] {
  return containers.filter(({ place }) => place === 'commit');
}

/** What sound footers say, of the packs that were read. */
function footersOf(outcomes: readonly ContainerOutcome[]): Map<PackId, ContainerOutcome['sum']> {
  const sound = outcomes.filter(({ isOpened, faults }) => isOpened && faults.length === 0);
  return new Map(sound.map(({ container, sum }) => [container.packId, sum]));
}

/** Files that should hold a snapshot and don't; a snapshot that others name as their parent is known by its id. */
function noteLostSnapshots(
  { snapshots, damaged }: SnapshotListing,
  seen: readonly SnapshotId[],
  damage: DamageList,
): void {
  const known = new Set<string>(snapshots.map(({ id }) => id));
  const parents = snapshots.flatMap(({ record }) => (record.parentId === undefined ? [] : [record.parentId]));
  const lost = [...new Set([...parents, ...seen])].filter((id) => !known.has(id));
  for (const { file, error } of damaged) {
    const kind = file.startsWith(FOLDERS.commits) ? 'commit' : 'snapshot';
    damage.add(file, kind, error.message);
    for (const id of lost) damage.losesSnapshot(file, kind, error.message, id);
  }
  if (damaged.length > 0) return;
  for (const id of lost)
    damage.losesSnapshot(`snapshot ${id}`, 'snapshot', 'A snapshot that was here before is missing.', id);
}

/**
 * Each writer's events follow one another: the log an event names is the one of an event before it, with that event
 * appended. (Two backups of one computer at once may both follow the same event.)
 */
function checkLogs({ snapshots }: SnapshotListing, damage: DamageList): void {
  for (const events of Map.groupBy(snapshots, ({ record }) => record.writerId).values()) {
    const bySequence = Map.groupBy(events, ({ record }) => record.writerSequence);
    for (const { id, record } of events) {
      const message =
        'The event log of this computer does not lead to this snapshot: one before it is missing or another.';
      const before = bySequence.get(record.writerSequence - 1) ?? [];
      const wanted = toHex(logRoot(record.log));
      const follows =
        record.writerSequence === 0
          ? record.log.size === 0
          : before.some((one) => toHex(logRoot(appendEvent(one.record.log, fromHex(one.id)))) === wanted);
      if (!follows) damage.losesSnapshot(`snapshot ${id}`, 'event', message, id);
    }
  }
}

async function checkSnapshotFiles(repository: Repository, damage: DamageList): Promise<void> {
  for (const { name } of await repository.context.store.list(FOLDERS.snapshots)) {
    await noteDamage(repository, damage, name, 'snapshot', async () => {
      await readNamed(repository, name, damage, 'snapshot');
    });
  }
}
