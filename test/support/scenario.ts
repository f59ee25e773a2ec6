/**
 * A repository's life, step by step, made by the real engine on any filesystem: init, a base, incrementals, merges of
 * commit files and index runs, a change of password. After each step it is written down what was acknowledged, so that
 * a test can say of any state of the drive what must be there, what may be, and what must not.
 *
 * Everything that could differ from run to run is held: time, randomness, the process, the source. With lanes one thing
 * is not: threads answer in an order of their own, so two lives make the same operations in another order, or others.
 * Whoever takes a life apart takes it from its own log, and a failure strikes the k-th operation of the run it is in.
 */
import assert from 'node:assert/strict';
import { BACKUP_DEFAULTS, backup } from '../../src-main/engine/backup/index.ts';
import { createPasswordSlot, type SlotSecret } from '../../src-main/engine/codec/index.ts';
import { fromHex, type Ports, silentLog } from '../../src-main/engine/kernel/index.ts';
import {
  initRepository,
  kdfCostOf,
  listSlots,
  openRepository,
  type ProcessIdentity,
  removeSlot,
  type Repository,
  type RepositoryLimits,
  storeSlot,
} from '../../src-main/engine/repository/index.ts';
import {
  createLocalStore,
  createRoot,
  type FileSystem,
  isTemporaryName,
  type LocalStore,
} from '../../src-main/engine/store/index.ts';
import { parseWriterId } from '../../src-shared/ids.ts';
import type { BackupReport } from '../../src-shared/model/index.ts';
import { CrashFileSystem } from './crash-filesystem.ts';
import type { MemoryFileSystem } from './memory-filesystem.ts';
import { HOUR_MS, SCENARIO_START_MS, type ScenarioSource, type Tree } from './scenario-source.ts';
import { seeded } from './seed.ts';

/** What is there before anyone comes: a drive with a folder for the repository to be made in. */
export const DRIVE = '/drive';
export const ROOT = `${DRIVE}/backup`;

const HOST = 'scenario';
const WRITER = parseWriterId('c0ffee00c0ffee00c0ffee00c0ffee00');
/** scrypt with N = 2: this is about power cuts, not about passwords. */
const KDF_COST = 1;
const RESERVE_BYTES = 64;
const DAY_MS = 24 * HOUR_MS;

/** Low enough for every form of publication and every merge to happen with a few kilobytes. */
export const SCENARIO_LIMITS: RepositoryLimits = { commitFileBytesMax: 16 * 1024, commitFiles: 1, indexRuns: 2 };

export const FIRST_PROCESS: ProcessIdentity = {
  host: HOST,
  machineId: 'machine',
  bootId: 'boot-1',
  processId: 100,
  isAlive: (id) => id === 100,
};
/** After a power cut: another boot, in which the old process id may well live. */
export const AFTER_POWER_CUT: ProcessIdentity = {
  host: HOST,
  machineId: 'machine',
  bootId: 'boot-2',
  processId: 101,
  isAlive: () => true,
};
/** After the process was killed: the same boot, the process is gone. */
export const AFTER_KILL: ProcessIdentity = {
  host: HOST,
  machineId: 'machine',
  bootId: 'boot-1',
  processId: 101,
  isAlive: (id) => id === 101,
};

export type WorldOptions = {
  readonly fileSystem: FileSystem;
  readonly source: ScenarioSource;
  readonly encrypted: boolean;
  readonly self?: ProcessIdentity;
  readonly limits?: RepositoryLimits;
  /** What opens an encrypted repository at the start. */
  readonly password?: string;
  /** Threads of a backup, which are then started however little there is to do; none unless told otherwise. */
  readonly lanes?: number;
};

/** One process at work on the repository. */
export class World {
  readonly source: ScenarioSource;
  readonly encrypted: boolean;
  readonly store: LocalStore;
  readonly ports: Ports;
  password: string;
  readonly #fileSystem: FileSystem;
  readonly #self: ProcessIdentity;
  readonly #limits: RepositoryLimits;
  readonly #lanes: number;
  #repository: Repository | undefined;
  #random = seeded(0);
  #nowMs = SCENARIO_START_MS;
  #tickMs = 1;

  constructor(options: WorldOptions) {
    this.source = options.source;
    this.encrypted = options.encrypted;
    this.password = options.password ?? 'first';
    this.#fileSystem = options.fileSystem;
    this.#self = options.self ?? FIRST_PROCESS;
    this.#limits = options.limits ?? SCENARIO_LIMITS;
    this.#lanes = options.lanes ?? 0;
    const now = (): number => (this.#nowMs += this.#tickMs);
    this.ports = {
      clock: { nowMs: now, monotonicMs: now },
      random: { bytes: (count) => new Uint8Array(this.#random.bytes(count)) },
      log: silentLog,
    };
    this.store = createLocalStore({ root: ROOT, fileSystem: this.#fileSystem, random: this.ports.random });
    // A store draws its tag once. Drawn here, by a seed of the process's own, it shifts no later draw of any step.
    this.#random = seeded(this.#self.processId);
    assert.match(this.store.temporaryTag, /^[0-9a-f]+$/);
  }

  /** Sets clock and randomness to what they are at the beginning of a step, whatever came before. */
  begin(step: number, tickMs = 1): void {
    this.#random = seeded(1000 + step);
    this.#nowMs = SCENARIO_START_MS + step * DAY_MS;
    this.#tickMs = tickMs;
  }

  async init(): Promise<void> {
    await createRoot(ROOT, this.#fileSystem);
    await initRepository({
      store: this.store,
      ports: this.ports,
      host: HOST,
      compression: { kind: 'zstd', level: 1 },
      kdfCost: KDF_COST,
      reserveBytes: RESERVE_BYTES,
      ...(this.encrypted ? { password: this.password } : {}),
    });
  }

  open(secret: SlotSecret = { kind: 'password', password: this.password }): Promise<Repository> {
    const { store, ports } = this;
    return openRepository({
      store,
      ports,
      self: this.#self,
      limits: this.#limits,
      secret: () => Promise.resolve(secret),
    });
  }

  /** The repository as a process keeps it open; it stays the same over failures. */
  async repository(): Promise<Repository> {
    return (this.#repository ??= await this.open());
  }

  /** One backup of the source as it stands, with what the engine does around it. */
  async backup(): Promise<BackupReport> {
    const repository = await this.repository();
    await this.store.removeTemporary({ modifiedBeforeMs: this.ports.clock.nowMs() - DAY_MS });
    return backup(repository, {
      ...BACKUP_DEFAULTS,
      sources: [Buffer.from(this.source.path)],
      host: HOST,
      user: 'user',
      writerId: WRITER,
      excludeLargerThanBytes: undefined,
      workers: this.#lanes,
      lanesFromFiles: 0,
    });
  }

  /** As the engine does it: the new key first, tried out, then the old one goes. */
  async changePassword(password: string): Promise<void> {
    const repository = await this.repository();
    const { slots } = await listSlots(this.store);
    const old = slots.find(({ id }) => id === repository.openedWith);
    const slot = await createPasswordSlot({
      masterKey: repository.masterKey,
      repositoryId: fromHex(repository.config.repositoryId),
      label: 'password',
      createdAtMs: this.ports.clock.nowMs(),
      random: this.ports.random,
      password,
      cost: kdfCostOf(KDF_COST),
    });
    await storeSlot(this.store, slot.bytes);
    await this.open({ kind: 'password', password });
    if (old !== undefined) await removeSlot(this.store, old.id);
    this.password = password;
    this.#repository = undefined;
  }
}

/** What has been promised when a step has ended. */
export type Acknowledged = {
  readonly initialised: boolean;
  readonly snapshots: ReadonlyMap<string, Tree>;
  /** Opens the repository. */
  readonly password: string;
  /** Opened it once and must not any more. */
  readonly refused: readonly string[];
  /** Names that stood in the repository after an earlier step and were taken away since. */
  readonly gone: ReadonlySet<string>;
};

export type Step = {
  readonly title: string;
  /** Returns what it adds to the promises. */
  readonly run: (
    world: World,
  ) => Promise<Partial<Pick<Acknowledged, 'initialised' | 'password' | 'refused'>> & { readonly snapshotId?: string }>;
  /** The state of the source; the one before where it is absent. */
  readonly state?: number;
  readonly tickMs?: number;
};

const backupStep = (title: string, state: number, tickMs?: number): Step => ({
  title,
  state,
  ...(tickMs === undefined ? {} : { tickMs }),
  run: async (world) => ({ snapshotId: (await world.backup()).snapshotId }),
});

/** The whole life; a change of password only where there is one. */
export function scenarioSteps(encrypted: boolean): readonly Step[] {
  const keyChange: Step = {
    title: 'key change',
    run: async (world) => {
      const old = world.password;
      await world.changePassword('second');
      return { password: 'second', refused: [old] };
    },
  };
  return [
    { title: 'init', run: async (world) => (await world.init(), { initialised: true }) },
    backupStep('base (packs)', 0),
    backupStep('incremental 1 (commit file)', 1),
    backupStep('incremental 2 (commit file, commit files merged)', 2),
    // A clock that runs: the session writes its heartbeat.
    backupStep('incremental 3 (packs, index merged)', 3, 61_000),
    ...(encrypted ? [keyChange] : []),
    backupStep('incremental 4 (commit file)', 4),
    {
      title: 'merge of everything',
      run: async (world) => {
        await (await world.repository()).tidy({ commitFiles: 0, indexRuns: 1 });
        return {};
      },
    },
  ];
}

/** A moment between two steps. */
export type Milestone = { readonly operationCount: number; readonly acknowledged: Acknowledged };

export type Life = {
  readonly encrypted: boolean;
  /** With how many threads it was lived, and what comes after it is done. */
  readonly lanes: number;
  readonly steps: readonly Step[];
  readonly drive: CrashFileSystem;
  /** One more than steps: before the first, and after each. */
  readonly milestones: readonly Milestone[];
};

const NOTHING: Acknowledged = {
  initialised: false,
  snapshots: new Map(),
  password: 'first',
  refused: [],
  gone: new Set(),
};

/** The names of whole files, sessions left out: these come and go. */
export function filesOf(drive: MemoryFileSystem): Set<string> {
  const names = [...drive.files().keys()].map((path) => path.slice(ROOT.length + 1));
  return new Set(names.filter((name) => !isTemporaryName(name) && !name.startsWith('sessions/')));
}

/** Runs one step of a life in a world and returns the promises after it. */
export async function runStep(
  world: World,
  steps: readonly Step[],
  index: number,
  before: Acknowledged,
): Promise<Acknowledged> {
  const step = steps[index];
  if (step === undefined) throw new Error(`there is no step ${index}`);
  if (step.state !== undefined) world.source.become(step.state);
  world.begin(index, step.tickMs);
  const { snapshotId, ...promises } = await step.run(world);
  const snapshots =
    snapshotId === undefined ? before.snapshots : new Map([...before.snapshots, [snapshotId, world.source.tree]]);
  return { ...before, ...promises, snapshots };
}

export type LifeOptions = {
  readonly encrypted: boolean;
  readonly lanes?: number;
  /** May put a filesystem between the engine and the drive. */
  readonly wrap?: (drive: CrashFileSystem) => FileSystem;
};

/** Lives the whole life on a new drive. */
export async function live(source: ScenarioSource, options: LifeOptions): Promise<Life> {
  const { encrypted, lanes = 0, wrap = (drive: CrashFileSystem): FileSystem => drive } = options;
  const drive = new CrashFileSystem({ folders: [DRIVE] });
  const world = new World({ fileSystem: wrap(drive), source, encrypted, lanes });
  const steps = scenarioSteps(encrypted);
  const milestones: Milestone[] = [{ operationCount: 0, acknowledged: NOTHING }];
  const seen = new Set<string>();
  let acknowledged = NOTHING;
  for (const index of steps.keys()) {
    acknowledged = await runStep(world, steps, index, acknowledged);
    const now = filesOf(drive);
    for (const name of now) seen.add(name);
    acknowledged = { ...acknowledged, gone: new Set([...seen].filter((name) => !now.has(name))) };
    milestones.push({ operationCount: drive.operationCount, acknowledged });
  }
  return { encrypted, lanes, steps, drive, milestones };
}
