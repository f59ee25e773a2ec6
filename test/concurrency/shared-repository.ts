/**
 * A small repository in memory that several sessions work on, and what each of its snapshots must give back. Made once,
 * copied for each run: packs, index runs and commit files, one backup away from every merge.
 */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BACKUP_DEFAULTS, backup } from '../../src-main/engine/backup/index.ts';
import { fetchPages, readContent, topFolder } from '../../src-main/engine/browse/index.ts';
import { type Log, type Ports, silentLog } from '../../src-main/engine/kernel/index.ts';
import { type FolderRef, iterateFolder } from '../../src-main/engine/merkle/index.ts';
import {
  COMMIT_FILES_MAX,
  INDEX_RUNS_MAX,
  type ProcessIdentity,
  type Repository,
  type RepositoryLimits,
  initRepository,
  openRepository,
} from '../../src-main/engine/repository/index.ts';
import { type Snapshot, listSnapshots } from '../../src-main/engine/snapshot/index.ts';
import { type Store, createMemoryStore } from '../../src-main/engine/store/index.ts';
import { type WriterId, parseWriterId } from '../../src-shared/ids.ts';
import type { VerifyReport } from '../../src-shared/model/index.ts';
import { type VerifyDepth, verify } from '../../src-main/engine/verify/index.ts';
import { type Files, filesOf, storeOf } from '../support/damage-repository.ts';
import { filesBelow } from '../support/listing.ts';
import { seeded } from '../support/seed.ts';

/** Packs from 4 kB of new data on; merging at every backup. */
const LIMITS: RepositoryLimits = { commitFileBytesMax: 4000, commitFiles: 2, indexRuns: 2 };
const ROUNDS = 2;
const START_MS = 1_800_000_000_000;

/** Path → content; folders are not listed. */
type Tree = ReadonlyMap<string, string>;

export const SOURCES = ['first', 'second'] as const;
export type SourceName = (typeof SOURCES)[number];

export const writerIdOf = (actor: number): WriterId => parseWriterId(String(actor).padStart(32, '0'));

/** One process: on a computer of its own where `machine` says so. */
function identityOf(actor: number): ProcessIdentity {
  return { host: 'shared', machineId: 'm', bootId: 'boot', processId: 100 + actor, isAlive: () => true };
}

function portsOf(seed: number, log: Log = silentLog): Ports {
  const random = seeded(seed);
  let nowMs = START_MS;
  const now = (): number => (nowMs += 7);
  return {
    clock: { nowMs: now, monotonicMs: now },
    random: { bytes: (count) => new Uint8Array(random.bytes(count)) },
    log,
  };
}

export class SharedRepository {
  readonly #folder = fs.mkdtempSync(path.join(tmpdir(), 'cairn-shared-'));
  readonly #truth = new Map<string, Tree>();
  #files: Files = new Map();
  #before: readonly string[] = [];
  /** What the repositories opened here had to say, oldest first. */
  readonly warnings: string[] = [];

  /** Four backups of the two sources, then a change of both that no snapshot has yet. */
  async prepare(): Promise<void> {
    const store = createMemoryStore();
    const ports = portsOf(1);
    await initRepository({ store, ports, host: 'shared', compression: { kind: 'none' }, reserveBytes: 64 });
    for (const source of SOURCES) this.#change(source, 0);
    // At once, and both have the same large file: it lies in two packs, of which a merged run names one.
    await Promise.all(
      SOURCES.map(async (source, actor) => this.backUp(await this.open(store, 1 + actor), source, actor)),
    );
    await (await this.open(store, 3)).tidy({ commitFiles: LIMITS.commitFiles, indexRuns: 1 });
    for (let round = 1; round < ROUNDS; round++) {
      for (const source of SOURCES) this.#change(source, round);
      const repository = await this.open(store, 10 + round);
      for (const source of SOURCES) await this.backUp(repository, source, SOURCES.indexOf(source));
    }
    for (const source of SOURCES) this.#change(source, ROUNDS);
    this.#files = await filesOf(store);
    this.#before = await this.readAll(await this.open(store, 60));
  }

  dispose(): void {
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The snapshots of every copy. */
  get before(): readonly string[] {
    return this.#before;
  }

  copy(): Promise<Store> {
    return storeOf(this.#files);
  }

  open(store: Store, actor: number, limits = LIMITS): Promise<Repository> {
    const secret = (): Promise<never> => Promise.reject(new Error('this repository has no key'));
    const log: Log = (level, message, fields) => {
      if (level === 'warn' || level === 'error') this.warnings.push(`${message}: ${String(fields?.['reason'])}`);
    };
    return openRepository({ store, ports: portsOf(1000 + actor, log), self: identityOf(actor), secret, limits });
  }

  /** One backup; what it must give back is remembered. */
  async backUp(repository: Repository, source: SourceName, actor: number): Promise<string> {
    const tree = this.#read(source);
    const { snapshotId, problems } = await backup(repository, {
      ...BACKUP_DEFAULTS,
      workers: 0,
      sources: [Buffer.from(path.join(this.#folder, source))],
      host: 'shared',
      user: 'tester',
      writerId: writerIdOf(actor),
    });
    if (problems.length > 0) throw new Error(`a backup has problems: ${JSON.stringify(problems[0])}`);
    this.#truth.set(snapshotId, tree);
    return snapshotId;
  }

  /** Reads every snapshot whole; throws where one differs from what was backed up. Gives the ids that are listed. */
  async readAll(repository: Repository): Promise<readonly string[]> {
    const { snapshots, damaged } = await listSnapshots(repository);
    if (damaged.length > 0) throw new Error(`${damaged[0]?.file} can't be read: ${damaged[0]?.error.message}`);
    for (const snapshot of snapshots) await this.#compare(repository, snapshot);
    return snapshots.map(({ id }) => id);
  }

  verify(repository: Repository, kind: 'quick' | 'deep'): Promise<VerifyReport> {
    const depth: VerifyDepth = { kind };
    return verify(repository, { depth, knownSnapshots: [], onProgress: () => undefined, signal: undefined });
  }

  /** Everything that has to hold when all have ended. `acknowledged` are the snapshots that were promised. */
  async check(store: Store, acknowledged: readonly string[]): Promise<void> {
    const repository = await this.open(store, 50);
    const listed = await this.readAll(repository);
    const lost = acknowledged.find((id) => !listed.includes(id));
    if (lost !== undefined) throw new Error(`snapshot ${lost} was acknowledged and is gone`);
    const { damage } = await this.verify(repository, 'deep');
    if (damage.length > 0) throw new Error(`verify finds damage: ${JSON.stringify(damage[0])}`);
    const next = await this.open(store, 51);
    const id = await this.backUp(next, 'first', 9);
    const { snapshots } = await listSnapshots(next);
    const made = snapshots.find((snapshot) => snapshot.id === id);
    if (made === undefined) throw new Error('the next backup is lost');
    await this.#compare(next, made);
    checkLinear(snapshots);
    const left = await store.list('sessions');
    if (left.length > 0) throw new Error(`${left.length} sessions are left`);
    const [commits, runs] = [(await store.list('commits')).length, (await store.list('index')).length];
    if (commits > COMMIT_FILES_MAX || runs > INDEX_RUNS_MAX)
      throw new Error(`${commits} commit files and ${runs} index runs are too many`);
  }

  async #compare(repository: Repository, snapshot: Snapshot): Promise<void> {
    const expected = this.#truth.get(snapshot.id);
    const found = new Map<string, string>();
    const walk = async (folder: FolderRef, prefix: string): Promise<void> => {
      for await (const entry of iterateFolder(fetchPages(repository), folder.page, folder.level)) {
        const name = prefix + Buffer.from(entry.name).toString();
        if (entry.nodeType === 'directory') await walk({ page: entry.page, level: entry.pageLevel }, `${name}/`);
        if (entry.nodeType !== 'file') continue;
        const parts: Uint8Array[] = [];
        for await (const part of readContent(repository, entry)) parts.push(part);
        found.set(name, Buffer.concat(parts).toString('latin1'));
      }
    };
    await walk(topFolder(snapshot), '');
    // Published, and its backup has not come back yet: it is whole, and whose it is will be known later.
    if (expected === undefined) return;
    const under = [...found].map(([name, content]) => [name.slice(name.indexOf('/') + 1), content] as const);
    const isEqual = under.length === expected.size && under.every(([name, content]) => expected.get(name) === content);
    if (!isEqual) throw new Error(`snapshot ${snapshot.id} gives back something else`);
  }

  /** A large file that is rewritten in part, small ones that come and go, and one that both sources have. */
  #change(source: SourceName, round: number): void {
    const random = seeded(round * 10 + SOURCES.indexOf(source));
    const folder = path.join(this.#folder, source, 'folder');
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, `small-${round % 3}`), random.bytes(200));
    fs.writeFileSync(path.join(folder, 'shared'), seeded(round).bytes(900));
    const large = path.join(this.#folder, source, 'large');
    if (round === 0) fs.writeFileSync(large, seeded(99).bytes(6000));
    else if (round % 2 === 0) fs.writeFileSync(large, random.bytes(6000));
    fs.rmSync(path.join(folder, `small-${(round + 1) % 3}`), { force: true });
  }

  #read(source: SourceName): Tree {
    const root = path.join(this.#folder, source);
    return new Map(filesBelow(root).map((file) => [path.relative(root, file), fs.readFileSync(file, 'latin1')]));
  }
}

/** Each writer's events stand in one line. */
function checkLinear(snapshots: readonly Snapshot[]): void {
  const places = snapshots.map(({ record }) => `${record.writerId} ${record.writerSequence}`);
  const twice = places.find((place, index) => places.indexOf(place) !== index);
  if (twice !== undefined) throw new Error(`two events have the place ${twice} in one writer's log`);
}
