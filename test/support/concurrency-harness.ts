/**
 * Several real processes on one repository: writers that keep backing up trees that keep changing, readers, a verifier;
 * now and then a writer is killed, or stopped for a while. Nothing acknowledged is lost, nothing read is wrong, nothing
 * fails, and the repository keeps its bounds all along.
 *
 * This process changes the trees, and only while nobody backs them up, so what every snapshot must hold is known. Two
 * writers share one tree, and three share one home, as two windows of one user do.
 */
import { type ChildProcess, fork } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEngine } from '../../src-main/engine/index.ts';
import { silentLog, systemPorts } from '../../src-main/engine/kernel/index.ts';
import {
  COMMIT_FILES_MAX,
  INDEX_RUNS_MAX,
  REPOSITORY_LIMITS,
  openRepository,
} from '../../src-main/engine/repository/index.ts';
import { listSnapshots } from '../../src-main/engine/snapshot/index.ts';
import { createLocalStore } from '../../src-main/engine/store/index.ts';
import { claim } from './claim.ts';
import { type Job, PASSWORD, type Setting, type Told } from './concurrency-actor.ts';
import { finishedFilesBelow } from './listing.ts';
import { type Seeded, seeded } from './seed.ts';
import { buildTree, mutateTree } from './tree-builder.ts';
import { type WalkRecord, compareTrees, walkTree } from './walker.ts';

const ACTOR = path.join(import.meta.dirname, 'concurrency-actor.ts');
const KDF_COST = 4;
const WATCH_MS = 100;
const PAIR_ROUNDS_MIN = 8;
const secret = () => Promise.resolve({ kind: 'password', password: PASSWORD } as const);

export type SoakOptions = {
  readonly seed: number;
  readonly seconds: number;
  readonly writers: 2 | 4;
  readonly readers: number;
  /** A writer is killed, or stopped for a while, after about so many seconds. */
  readonly disturbEverySeconds: number;
};

export type SoakFigures = {
  readonly jobs: Readonly<Record<string, number>>;
  readonly acknowledged: number;
  readonly killed: number;
  readonly stopped: number;
  /** Published by a writer that was killed before it could say so. */
  readonly unacknowledged: number;
  readonly writerIds: number;
  readonly commitFilesMost: number;
  readonly indexRunsMost: number;
  readonly restoredAtEnd: number;
  /** Warnings of the engines, by their text. */
  readonly warnings: Readonly<Record<string, number>>;
};

type Ending = { readonly kind: 'done'; readonly snapshotId: string } | { readonly kind: 'killed' };

/** A process that does one job at a time, and is started again when it was killed. */
class Actor {
  readonly #setting: Setting;
  readonly #note: (what: string, group: 'jobs' | 'warnings') => void;
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #isKilled = false;
  busy = false;

  constructor(setting: Setting, note: (what: string, group: 'jobs' | 'warnings') => void) {
    this.#setting = setting;
    this.#note = note;
  }

  async do(job: Job): Promise<Ending> {
    // It may have been killed when it had just done its last job.
    if (this.#isKilled) await this.#gone;
    const child = this.#child ?? (await this.#start());
    this.busy = true;
    try {
      return await new Promise<Ending>((resolve, reject) => {
        const onMessage = (told: Told): void => {
          if (told.kind === 'done') {
            this.#note(told.what, 'jobs');
            settle(() => resolve({ kind: 'done', snapshotId: told.snapshotId }));
          } else if (told.kind === 'failed') {
            settle(() => reject(new Error(`a ${job.kind} failed: ${told.code} ${told.message}`)));
          }
        };
        const onExit = (): void => {
          settle(() =>
            this.#isKilled ? resolve({ kind: 'killed' }) : reject(new Error(`a process of ${job.kind} died`)),
          );
        };
        const settle = (end: () => void): void => {
          child.off('message', onMessage).off('exit', onExit);
          end();
        };
        child.on('message', onMessage).on('exit', onExit);
        // One that dies this moment is heard of by its exit.
        child.send(job, () => undefined);
      });
    } finally {
      this.busy = false;
    }
  }

  kill(): void {
    this.#isKilled = true;
    this.#child?.kill('SIGKILL');
  }

  async stopFor(ms: number): Promise<void> {
    const child = this.#child;
    child?.kill('SIGSTOP');
    await sleep(ms);
    child?.kill('SIGCONT');
  }

  end(): void {
    this.#child?.kill('SIGCONT');
    this.#child?.kill('SIGKILL');
  }

  async #start(): Promise<ChildProcess> {
    this.#isKilled = false;
    const child = fork(ACTOR, [JSON.stringify(this.#setting)], { serialization: 'advanced', stdio: 'inherit' });
    this.#child = child;
    this.#gone = new Promise((resolve) => {
      child.once('exit', () => {
        this.#child = undefined;
        resolve();
      });
    });
    child.on('error', () => undefined);
    child.on('message', (told: Told) => {
      if (told.kind === 'log') this.#note(told.message, 'warnings');
    });
    const ready = new Promise<boolean>((resolve) => child.once('message', () => resolve(true)));
    const isReady = await Promise.race([ready, this.#gone.then(() => false)]);
    if (!isReady) throw new Error('a process died before it was ready');
    return child;
  }
}

/** Runs for so many seconds; throws at the first claim that does not hold, with the seed in the message. */
export async function runSoak(options: SoakOptions): Promise<SoakFigures> {
  const soak = new Soak(options);
  try {
    return await soak.run();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`CAIRN_TEST_SEED=${options.seed}: ${reason}`, { cause: error });
  } finally {
    soak.dispose();
  }
}

type Truth = { readonly source: string; readonly records: readonly WalkRecord[] };

class Soak {
  readonly #options: SoakOptions;
  readonly #random: Seeded;
  readonly #folder = fs.mkdtempSync(path.join(tmpdir(), 'cairn-soak-'));
  readonly #repository = path.join(this.#folder, 'repository');
  readonly #actors: Actor[] = [];
  /** What each acknowledged snapshot must give back. */
  readonly #truth = new Map<string, Truth>();
  /** What a snapshot may give back that a killed writer has published and not told of. */
  readonly #possible: Truth[] = [];
  readonly #counts = { jobs: new Map<string, number>(), warnings: new Map<string, number>() };
  readonly #figures = { killed: 0, stopped: 0, commitFilesMost: 0, indexRunsMost: 0 };
  #endAtMs = 0;
  #isOver = false;

  constructor(options: SoakOptions) {
    this.#options = options;
    this.#random = seeded(options.seed);
  }

  dispose(): void {
    for (const actor of this.#actors) actor.end();
    fs.rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 });
  }

  async run(): Promise<SoakFigures> {
    const { writers, readers, seconds } = this.#options;
    await openEngine({ home: this.#home('first'), log: silentLog }).init({
      repository: this.#repository,
      password: PASSWORD,
      compression: 'zstd:1',
      kdfCost: KDF_COST,
    });
    await this.#prefill();
    const shared = this.#tree('shared');
    const homes = ['first', 'first', 'first', 'second'];
    const all = Array.from({ length: writers }, (_, index) => this.#actor(homes[index] ?? 'first'));
    const [one, two, ...others] = all;
    this.#endAtMs = performance.now() + seconds * 1000;
    const loops = [
      this.#pair([one!, two!], shared),
      ...others.map((writer, index) => this.#writer(writer, this.#tree(`own-${index}`))),
      ...Array.from({ length: readers }, () => this.#reader(this.#actor('reader'))),
      this.#verifier(this.#actor('reader')),
      this.#disturb(all),
      this.#watch(),
    ];
    try {
      await Promise.all(loops);
    } catch (error) {
      this.#isOver = true;
      await Promise.allSettled(loops);
      throw error;
    }
    return this.#finish(all, shared);
  }

  #home(name: string): string {
    return path.join(this.#folder, 'homes', name);
  }

  #actor(home: string): Actor {
    const setting = { home: this.#home(home), repository: this.#repository };
    const actor = new Actor(setting, (what, group) => {
      const counts = this.#counts[group];
      counts.set(what, (counts.get(what) ?? 0) + 1);
    });
    this.#actors.push(actor);
    return actor;
  }

  #goesOn(): boolean {
    return !this.#isOver && performance.now() < this.#endAtMs;
  }

  #tree(name: string): string {
    const source = path.join(this.#folder, 'sources', name);
    fs.mkdirSync(path.dirname(source), { recursive: true });
    const seed = this.#random.between(0, 2 ** 31);
    buildTree(source, { seed, files: 50, folders: 12, fileBytesMax: 60_000, symlinks: 4 });
    return source;
  }

  /** As many small backups as are merged together, so that merges begin with the first ones of the run. */
  async #prefill(): Promise<void> {
    const source = path.join(this.#folder, 'sources', 'small');
    fs.mkdirSync(source, { recursive: true });
    const repository = await openEngine({ home: this.#home('first'), log: silentLog }).open(this.#repository, secret);
    for (let count = 0; count < REPOSITORY_LIMITS.commitFiles - 1; count++) {
      fs.writeFileSync(path.join(source, `file-${count % 4}`), this.#random.bytes(500));
      const { snapshotId } = await repository.backup({ sources: [Buffer.from(source)] });
      this.#truth.set(snapshotId, { source, records: walkTree(source) });
    }
    await repository.close();
  }

  /** Changes a tree that nobody backs up now. Mostly a little; sometimes more than a commit file takes. */
  #change(source: string): readonly WalkRecord[] {
    mutateTree(source, { seed: this.#random.between(0, 2 ** 31), count: 4, fileBytesMax: 20_000 });
    if (this.#random.chance(0.15)) {
      const large = path.join(source, `large-${this.#random.between(0, 2)}`);
      fs.rmSync(large, { recursive: true, force: true });
      fs.writeFileSync(large, this.#random.bytes(5_000_000));
    }
    return walkTree(source);
  }

  async #backUp(writer: Actor, truth: Truth): Promise<void> {
    const ending = await writer.do({ kind: 'backup', source: truth.source });
    if (ending.kind === 'killed') this.#possible.push(truth);
    else this.#truth.set(ending.snapshotId, truth);
  }

  async #writer(writer: Actor, source: string): Promise<void> {
    while (this.#goesOn()) await this.#backUp(writer, { source, records: this.#change(source) });
  }

  /** Two processes back up one tree, at once or one a little after the other; often enough to have met. */
  async #pair(writers: readonly Actor[], source: string): Promise<void> {
    for (let round = 0; this.#goesOn() || (round < PAIR_ROUNDS_MIN && !this.#isOver); round++) {
      const truth = { source, records: this.#change(source) };
      const backups = writers.map(async (writer, index) => {
        await sleep(round % 2 === 0 ? 0 : index * this.#random.between(0, 150));
        await this.#backUp(writer, truth);
      });
      await Promise.all(backups);
    }
  }

  async #reader(reader: Actor): Promise<void> {
    while (this.#goesOn()) {
      const listed = [...this.#truth.keys()];
      if (listed.length === 0) {
        await sleep(WATCH_MS);
        continue;
      }
      // The newest ones often: they are what merges move around.
      const snapshot = this.#random.pick(this.#random.chance(0.5) ? listed.slice(-5) : listed);
      const { records } = this.#truth.get(snapshot)!;
      const seed = this.#random.between(0, 2 ** 31);
      await reader.do({ kind: 'read', snapshot, records, listed, folder: this.#folder, seed });
    }
  }

  async #verifier(verifier: Actor): Promise<void> {
    for (let round = 0; this.#goesOn(); round++) {
      await verifier.do({ kind: 'verify', depth: round % 2 === 0 ? 'quick' : 'deep' });
    }
  }

  async #disturb(writers: readonly Actor[]): Promise<void> {
    const { disturbEverySeconds } = this.#options;
    while (this.#goesOn()) {
      await sleep(disturbEverySeconds * 1000 * (0.5 + this.#random.next()));
      const busy = writers.filter((writer) => writer.busy);
      if (busy.length === 0 || !this.#goesOn()) continue;
      const victim = this.#random.pick(busy);
      if (this.#random.chance(0.7)) {
        victim.kill();
        this.#figures.killed++;
      } else {
        await victim.stopFor(this.#random.between(200, 2000));
        this.#figures.stopped++;
      }
    }
  }

  async #watch(): Promise<void> {
    while (this.#goesOn()) {
      const [commits, runs] = [this.#count('commits'), this.#count('index')];
      this.#figures.commitFilesMost = Math.max(this.#figures.commitFilesMost, commits);
      this.#figures.indexRunsMost = Math.max(this.#figures.indexRunsMost, runs);
      claim(commits <= COMMIT_FILES_MAX, `there are ${commits} commit files`);
      claim(runs <= INDEX_RUNS_MAX, `there are ${runs} index runs`);
      await sleep(WATCH_MS);
    }
  }

  #count(folder: string): number {
    return finishedFilesBelow(path.join(this.#repository, folder)).length;
  }

  /** Nobody works any more: the next backup of each, then every snapshot ever promised. */
  async #finish(writers: readonly Actor[], source: string): Promise<SoakFigures> {
    for (const writer of writers) await this.#backUp(writer, { source, records: this.#change(source) });
    claim(this.#count('sessions') === 0, `${this.#count('sessions')} sessions are left though nobody works here`);
    const store = createLocalStore({ root: this.#repository, random: systemPorts.random });
    const temporary = await store.listTemporary();
    claim(temporary.length === 0, `${temporary.length} temporary files of the killed are left`);
    const repository = await openEngine({ home: this.#home('last'), log: silentLog }).open(this.#repository, secret);
    const { ok, damage } = await repository.verify({ depth: { kind: 'deep' } });
    claim(ok, `verify --deep finds damage at the end: ${JSON.stringify(damage.slice(0, 3))}`);
    const listed = (await repository.snapshots()).map(({ id }) => id);
    const lost = [...this.#truth.keys()].find((id) => !listed.includes(id));
    claim(lost === undefined, `snapshot ${lost} was acknowledged and is gone`);
    const target = path.join(this.#folder, 'target');
    for (const id of listed) {
      await repository.restore({ from: { snapshot: id, path: new Uint8Array() }, target: Buffer.from(target) });
      const found = walkTree(target);
      const truths = this.#truth.has(id) ? [this.#truth.get(id)!] : this.#possible;
      const isRight = truths.some(({ records }) => compareTrees(records, found).length === 0);
      claim(isRight, `snapshot ${id} comes back changed: ${compareTrees(truths[0]!.records, found)[0]}`);
      fs.rmSync(target, { recursive: true });
    }
    const unacknowledged = listed.length - this.#truth.size;
    const writerIds = await this.#checkLogs();
    const { jobs, warnings } = this.#counts;
    return {
      jobs: Object.fromEntries(jobs),
      acknowledged: this.#truth.size,
      ...this.#figures,
      unacknowledged,
      writerIds,
      restoredAtEnd: listed.length,
      warnings: Object.fromEntries(warnings),
    };
  }

  /** Each writer's events form one line; gives the number of writers. */
  async #checkLogs(): Promise<number> {
    const repository = await openRepository({
      store: createLocalStore({ root: this.#repository, random: systemPorts.random }),
      ports: systemPorts,
      self: { host: 'end', bootId: '', processId: 1, isAlive: () => true },
      secret,
    });
    const { snapshots } = await listSnapshots(repository);
    const byWriter = Map.groupBy(snapshots, ({ record }) => record.writerId);
    for (const [writerId, events] of byWriter) {
      const sequences = events.map(({ record }) => record.writerSequence).sort((left, right) => left - right);
      const isLine = sequences.every((sequence, index) => sequence === index);
      claim(isLine, `the events of writer ${writerId} are no line: ${sequences.join(' ')}`);
    }
    return byWriter.size;
  }
}
