/**
 * Random changes of a tree while the live path runs on it: the real watcher, settling, journals in memory, and the real
 * engine. When a sequence has settled, the root of the newest snapshot must be the root that a scan gives which reads
 * every byte again.
 *
 * A sequence has settled when a file was backed up that was written after everything else, and nothing waits. Of folders
 * that the watcher had to walk events may still come: where roots differ, the sequence fails only if nobody is told of a
 * folder that differs within LATE_MS_MAX.
 */
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LiveSet } from '../../src-main/engine/agent/live-set.ts';
import { missedPaths } from '../../src-main/engine/agent/proof.ts';
import { diffSnapshots } from '../../src-main/engine/browse/index.ts';
import { afterDelay, systemClock, toHex } from '../../src-main/engine/kernel/index.ts';
import type { Repository } from '../../src-main/engine/repository/index.ts';
import { type Snapshot, listSnapshots } from '../../src-main/engine/snapshot/index.ts';
import { type WatcherKind, watchSource } from '../../src-main/engine/source/index.ts';
import { FolderMemory } from '../../src-main/engine/service/index.ts';
import { parseSnapshotId } from '../../src-shared/ids.ts';
import { escapePath, unescapePath } from '../../src-shared/format/index.ts';
import { Lab } from './engine-lab.ts';
import { type Seeded, seeded } from './seed.ts';
import { foldersOf } from './watch-lab.ts';
import { type Operations, createOperations } from './watch-operations.ts';

/** Sequences on one tree. */
export const SEQUENCES = 10;
const TREES_AT_ONCE = 6;
const FIRST_STEPS = 25;
const STEPS_MAX = 12;
const TIMES = { quietMs: 60, ceilingMs: 400, retryMs: 200, rootPollMs: 500 } as const;
const SETTLED_MS_MAX = 120_000;
const LATE_MS_MAX = 30_000;
const LOOK_EVERY_MS = 20;
const WAIT_MS_MAX = 50;
/** Left alone by the changes; see watch-operations.ts. */
const SENTINEL = 'sentinel~';

export type LiveModelFigures = {
  readonly sequences: number;
  /** Snapshots that a live backup made. */
  readonly live: number;
  /** Backups of everything after the first of each tree: the watcher was not sure, or names of one file asked for it. */
  readonly everything: number;
  /** Sequences whose last events came after everything seemed settled. */
  readonly late: number;
  readonly findings: readonly string[];
};

/** Trees with the seeds from `seed` on, with SEQUENCES each. */
export async function runLiveModel(kind: WatcherKind, seed: number, trees: number): Promise<LiveModelFigures> {
  const all: LiveModelFigures[] = [];
  for (let done = 0; done < trees; done += TREES_AT_ONCE) {
    const seeds = Array.from({ length: Math.min(TREES_AT_ONCE, trees - done) }, (_, index) => seed + done + index);
    all.push(...(await Promise.all(seeds.map((one) => new ModelTree(kind, one).run()))));
  }
  const sum = (name: 'sequences' | 'live' | 'everything' | 'late'): number =>
    all.reduce((total, one) => total + one[name], 0);
  return {
    sequences: sum('sequences'),
    live: sum('live'),
    everything: sum('everything'),
    late: sum('late'),
    findings: all.flatMap(({ findings }) => findings),
  };
}

class ModelTree {
  readonly #seed: number;
  readonly #kind: WatcherKind;
  readonly #random: Seeded;
  readonly #lab: Lab;
  readonly #told = new Set<string>();
  readonly #figures = { sequences: 0, live: 0, everything: 0, late: 0, findings: [] as string[] };
  #operations: Operations | undefined;
  #repository: Repository | undefined;
  #set: LiveSet | undefined;
  #count = 0;
  #memory: FolderMemory | undefined;

  constructor(kind: WatcherKind, seed: number) {
    this.#kind = kind;
    this.#seed = seed;
    this.#random = seeded(seed);
    this.#lab = new Lab(seed, { ...systemClock, advance: () => undefined });
  }

  async run(): Promise<LiveModelFigures> {
    try {
      await this.#prepare();
      for (let sequence = 0; sequence < SEQUENCES; sequence++) {
        const finding = await this.#sequence();
        if (finding === undefined) continue;
        this.#figures.findings.push(`seed ${this.#seed}, sequence ${sequence}: ${finding}`);
        break;
      }
      return this.#figures;
    } finally {
      await this.#set?.close();
      this.#lab.dispose();
    }
  }

  async #prepare(): Promise<void> {
    const lab = this.#lab;
    fs.mkdirSync(path.join(lab.source, SENTINEL), { recursive: true });
    fs.mkdirSync(lab.path('outside'));
    const places = [Buffer.from(lab.source), Buffer.from(lab.path('outside'))] as const;
    this.#operations = createOperations(...places, this.#random, process.platform === 'linux');
    for (let steps = 0; steps < FIRST_STEPS; steps++) this.#operations.step();
    await lab.init();
    this.#repository = await lab.open();
    this.#memory = await FolderMemory.open({
      home: lab.path('home'),
      ports: lab.ports,
      repositoryId: this.#repository.config.repositoryId,
      sources: [Buffer.from(lab.source)],
    });
    this.#set = this.#liveSet(this.#repository);
    this.#set.gate.open();
    await this.#settled();
    this.#figures.everything = 0;
  }

  #liveSet(repository: Repository): LiveSet {
    const lab = this.#lab;
    const ports = { ...lab.ports, clock: systemClock };
    return new LiveSet({
      sources: [Buffer.from(lab.source)],
      ports,
      journals: [{ note: () => undefined, mark: () => () => undefined, close: () => Promise.resolve() }],
      watch: (root, _index, { deliver, note, stateChanged }) =>
        watchSource({
          ...{ root, ports, deliver, stateChanged, after: afterDelay, times: TIMES, kinds: [this.#kind] },
          isIgnored: () => false,
          folders: 0,
          mountPoint: undefined,
          canary: Buffer.from(lab.path('canary')),
          note: (one) => {
            this.#told.add(one.kind === 'folder' ? escapePath(one.folder) : '*');
            note(one);
          },
        }),
      backUpChanges: async ({ since, ...changed }) => {
        const notes = this.#memory!.begin();
        const scope = { parentId: parseSnapshotId(since), ...changed };
        const done = await lab.backUpChanges(repository, scope, { folders: notes });
        await notes.keep(done.wasFull);
        if (done.wasFull) this.#figures.everything++;
        else if (done.report !== undefined) this.#figures.live++;
        return done;
      },
      backUpAll: async () => {
        this.#figures.everything++;
        return this.#backUpAll(repository, false);
      },
      missed: () => Promise.resolve([]),
      newest: () => Promise.resolve(undefined),
      // Between looks at everything for the names of one file it waits long, and nobody here measures how long.
      after: (delayMs, action) => afterDelay(Math.min(delayMs, WAIT_MS_MAX), action),
      changed: () => undefined,
    });
  }

  async #backUpAll(repository: Repository, reread: boolean): Promise<string> {
    const notes = this.#memory!.begin();
    const { snapshotId } = await this.#lab.backup(repository, { reread, folders: notes });
    await notes.keep(true);
    return snapshotId;
  }

  /** Undefined where everything is as it must be. */
  async #sequence(): Promise<string | undefined> {
    const done: string[] = [];
    /** Inodes that had several names at some time in this sequence. */
    const linked = new Set<bigint>();
    this.#told.clear();
    for (let steps = this.#random.between(1, STEPS_MAX); steps > 0; steps--) {
      done.push(this.#operations!.step());
      for (const state of foldersOf(Buffer.from(this.#lab.source)).values())
        for (const inode of state.linked) linked.add(inode);
      // In between a batch may settle with one half of what follows, or none of it.
      if (this.#random.chance(0.3)) await delay(this.#random.between(0, 2 * TIMES.quietMs));
    }
    await this.#settled();
    const live = await this.#newest();
    const startedAtMs = systemClock.nowMs();
    await this.#backUpAll(this.#repository!, true);
    const scanned = await this.#newest();
    this.#figures.sequences++;
    const isSame =
      toHex(live.record.rootNodeId) === toHex(scanned.record.rootNodeId) &&
      toHex(live.record.rootPage.page) === toHex(scanned.record.rootPage.page);
    const missed = isSame ? [] : (await this.#missed(live, scanned)).filter((one) => !isUnseen(one, linked));
    this.#set!.backedUp(scanned.id, startedAtMs);
    return missed.length === 0 ? undefined : `after ${done.join(', ')}: ${missed.join(' ; ')}`;
  }

  /** A file with several names asks for a look at everything, which waits a little while. */
  async #settled(): Promise<void> {
    const sentinel = path.join(this.#lab.source, SENTINEL);
    fs.writeFileSync(path.join(sentinel, 'file'), String(this.#count++));
    const endMs = performance.now() + SETTLED_MS_MAX;
    // The note of the sentinel comes after all others, and is not pending any more when it was backed up.
    while (performance.now() < endMs) {
      await delay(LOOK_EVERY_MS);
      const { state, changedFolders } = this.#set!.status;
      const isTold = this.#told.has('*') || this.#told.has(escapePath(Buffer.from(sentinel)));
      if (isTold && state === 'watching' && changedFolders === 0) return;
    }
    const said = this.#lab.logged.slice(-5).map(({ message }) => message);
    throw new Error(
      `seed ${this.#seed}: it did not settle: ${JSON.stringify(this.#set!.status)}, and the log ends with ${said.join(' ; ')}`,
    );
  }

  async #newest(): Promise<Snapshot> {
    const { snapshots } = await listSnapshots(this.#repository!);
    const newest = snapshots.at(-1);
    if (newest === undefined) throw new Error('there is no snapshot');
    return newest;
  }

  async #missed(live: Snapshot, scanned: Snapshot): Promise<readonly string[]> {
    const diff = await diffSnapshots(this.#repository!, live, scanned, new Uint8Array());
    const absolute = (inSnapshot: string): string =>
      path.posix.join(escapePath(Buffer.from(this.#lab.source)), inSnapshot);
    this.#told.clear();
    const endMs = performance.now() + LATE_MS_MAX;
    let missed: readonly string[];
    do {
      missed = this.#told.has('*') ? [] : missedPaths(diff, this.#told, absolute);
      await delay(LOOK_EVERY_MS);
    } while (missed.length > 0 && performance.now() < endMs);
    if (missed.length === 0) this.#figures.late++;
    return missed;
  }
}

/**
 * Linked, written through the new name, and that one deleted before anyone looked: the kernel tells of the folder of the new
 * name, in which nothing is any more. The scheduled look at everything finds such a file.
 */
function isUnseen(escaped: string, linked: ReadonlySet<bigint>): boolean {
  const stats = fs.lstatSync(Buffer.from(unescapePath(escaped)), { bigint: true, throwIfNoEntry: false });
  return stats?.nlink === 1n && linked.has(stats.ino);
}
