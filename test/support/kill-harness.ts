/**
 * The real command line, killed at random moments of a backup, round after round on one repository.
 *
 * After each kill a fresh engine looks at what is left: everything acknowledged is there and comes back byte by byte, a
 * snapshot nobody was told of is whole or not there at all, and the next backup succeeds. The tree changes before each
 * round and stands still during it, so that what any snapshot of the round must hold is known. It has enough files for
 * the backup to start threads, and it is noted for each kill whether it met them.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { OpenRepository } from '../../src-main/engine/api.ts';
import { type Engine, openEngine } from '../../src-main/engine/index.ts';
import { silentLog, systemRandom } from '../../src-main/engine/kernel/index.ts';
import { type LocalStore, createLocalStore } from '../../src-main/engine/store/index.ts';
import { claim } from './claim.ts';
import { finishedFilesBelow } from './listing.ts';
import { type Seeded, seeded } from './seed.ts';
import { buildTree, mutateTree } from './tree-builder.ts';
import { type WalkRecord, compareTrees, walkTree } from './walker.ts';

const NOTE_THREADS = path.join(import.meta.dirname, 'note-threads.ts');
const PASSWORD = 'correct horse';
/** Half as many again as it takes for threads to be started (BACKUP_DEFAULTS.lanesFromFiles). */
const TREE = { files: 400, folders: 40, fileBytesMax: 6000, symlinks: 6 } as const;
const PAYLOAD_FILES = 8;
const PAYLOAD_BYTES = 1_500_000;
/** After so many rounds it is measured anew how long a backup takes. */
const MEASURE_EVERY = 8;
/** The share of kills that may hit the start of the program, where there is little to break. */
const EARLY_SHARE = 1 / 3;
/** Temporary files older than this are nobody's: well beyond what a backup waits for. */
const OLD_S = 10 * 86_400;

export type KillOptions = {
  readonly seed: number;
  readonly rounds: number;
  /** The built command line: out/main/cli.js. */
  readonly cli: string;
  /** `verify --deep` after every so many rounds, and after the last. */
  readonly verifyEvery: number;
};

/** What the kills met; every count is of rounds. */
export type KillFigures = {
  readonly rounds: number;
  readonly killed: number;
  /** Of these, after the backup had started its threads. */
  readonly killedWithThreads: number;
  /** Ended by itself before the kill. */
  readonly finished: number;
  /** Killed before it had written anything. */
  readonly untouched: number;
  readonly leftSession: number;
  readonly leftTemporary: number;
  readonly leftPacks: number;
  /** Killed after the commit point and before it could say so. */
  readonly unacknowledged: number;
  readonly restores: number;
  readonly verified: number;
  readonly snapshots: number;
};

type Counts = { -readonly [Name in keyof KillFigures]: number };

type Size = 'large' | 'small';

type Ended = {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
  readonly durationMs: number;
};

/** Runs all rounds; throws at the first claim that does not hold, with the seed in the message. */
export async function runKills(options: KillOptions): Promise<KillFigures> {
  const lab = new KillLab(options);
  try {
    return await lab.run();
  } catch (error) {
    throw new Error(
      `CAIRN_TEST_SEED=${options.seed}, round ${lab.round}: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  } finally {
    lab.dispose();
  }
}

class KillLab {
  readonly #options: KillOptions;
  readonly #random: Seeded;
  readonly #folder = fs.mkdtempSync(path.join(tmpdir(), 'cairn-kill-'));
  readonly #source = path.join(this.#folder, 'source');
  readonly #repository = path.join(this.#folder, 'repository');
  readonly #home = path.join(this.#folder, 'home');
  readonly #passwordFile = path.join(this.#folder, 'password');
  /** A byte for each thread that the last command started. */
  readonly #threadsFile = path.join(this.#folder, 'threads');
  readonly #store: LocalStore = createLocalStore({ root: this.#repository, random: systemRandom });
  /** What each snapshot that was seen must give back, in the order they were made. */
  readonly #known = new Map<string, readonly WalkRecord[]>();
  /** How long a backup takes that nobody kills, in milliseconds. */
  readonly #typicalMs: Record<Size, number> = { large: 0, small: 0 };
  /** How long the program takes until it has opened a repository. */
  #startMs = 0;
  readonly #counts: Counts = {
    rounds: 0,
    killed: 0,
    killedWithThreads: 0,
    finished: 0,
    untouched: 0,
    leftSession: 0,
    leftTemporary: 0,
    leftPacks: 0,
    unacknowledged: 0,
    restores: 0,
    verified: 0,
    snapshots: 0,
  };
  round = 0;

  constructor(options: KillOptions) {
    this.#options = options;
    this.#random = seeded(options.seed);
  }

  dispose(): void {
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }

  async run(): Promise<KillFigures> {
    await this.#prepare();
    for (this.round = 1; this.round <= this.#options.rounds; this.round++) {
      await this.#killOnce(this.#random.chance(0.6) ? 'large' : 'small');
      await this.#check();
      await this.#next();
      if (this.round % MEASURE_EVERY === 0) await this.#measure(this.#random.chance(0.6) ? 'large' : 'small');
      this.#counts.rounds++;
    }
    await this.#checkLeftovers();
    this.#counts.snapshots = this.#known.size;
    return this.#counts;
  }

  /** A repository with three backups nobody killed: the first, and one of each size to know how long they take. */
  async #prepare(): Promise<void> {
    fs.writeFileSync(this.#passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
    fs.mkdirSync(path.join(this.#source, 'payload'), { recursive: true });
    buildTree(path.join(this.#source, 'tree'), {
      seed: this.#random.between(0, 2 ** 31),
      ...TREE,
    });
    for (let index = 0; index < PAYLOAD_FILES; index++) this.#writePayload(index);
    expectOk(await this.#cli(['init', '--kdf-cost', '10']));
    await this.#measure('large');
    await this.#measure('large');
    await this.#measure('small');
  }

  /** A backup that nobody kills, to know how long one takes now. */
  async #measure(size: Size): Promise<void> {
    const started = await this.#cli(['snapshots']);
    expectOk(started);
    this.#startMs = started.durationMs;
    this.#change(size);
    const ended = await this.#cli(['backup', this.#source]);
    expectOk(ended);
    this.#typicalMs[size] = ended.durationMs;
    claim(this.#acknowledge(ended.stdout), 'a backup ended well and told no snapshot');
  }

  /** Any moment of a backup, up to a tenth beyond its usual end. */
  #drawKillMs(size: Size): number {
    const endMs = 1.1 * this.#typicalMs[size];
    const beginMs = this.#random.chance(EARLY_SHARE) ? 0 : Math.min(this.#startMs, endMs);
    return beginMs + this.#random.next() * (endMs - beginMs);
  }

  #writePayload(index: number): void {
    fs.writeFileSync(path.join(this.#source, 'payload', `${index}.bin`), this.#random.bytes(PAYLOAD_BYTES));
  }

  /** Large: more than a commit file takes, so it goes into packs. Small: a commit file. */
  #change(size: Size): void {
    mutateTree(path.join(this.#source, 'tree'), {
      seed: this.#random.between(0, 2 ** 31),
      count: 6,
      fileBytesMax: 20_000,
    });
    if (size === 'large')
      for (let count = 0; count < PAYLOAD_FILES / 2; count++)
        this.#writePayload(this.#random.between(0, PAYLOAD_FILES - 1));
  }

  async #cli(args: readonly string[], killAfterMs?: number): Promise<Ended> {
    const startedMs = performance.now();
    fs.writeFileSync(this.#threadsFile, '');
    const all = [
      '--import',
      NOTE_THREADS,
      this.#options.cli,
      '--repo',
      this.#repository,
      '--password-file',
      this.#passwordFile,
      '--json',
      '--quiet',
      ...args,
    ];
    const child = spawn(process.execPath, all, {
      env: { ...process.env, CAIRN_HOME: this.#home, CAIRN_TEST_THREADS_FILE: this.#threadsFile },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
    const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    const status = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    clearTimeout(timer);
    return { ...output, status, durationMs: performance.now() - startedMs };
  }

  async #killOnce(size: Size): Promise<void> {
    this.#change(size);
    const packsBefore = this.#filesIn('packs');
    const before = await this.#store.listTemporary();
    const ended = await this.#cli(['backup', this.#source], this.#drawKillMs(size));
    const acknowledged = this.#acknowledge(ended.stdout);
    if (ended.status === null) {
      this.#counts.killed++;
      if (fs.statSync(this.#threadsFile).size > 0) this.#counts.killedWithThreads++;
    } else {
      expectOk(ended);
      claim(acknowledged, 'a backup ended well and told no snapshot');
      this.#counts.finished++;
      this.#typicalMs[size] = ended.durationMs;
    }
    const hasSession = this.#filesIn('sessions') > 0;
    const hasTemporary = (await this.#store.listTemporary()).length > before.length;
    const hasPacks = this.#filesIn('packs') > packsBefore;
    if (hasSession) this.#counts.leftSession++;
    if (hasTemporary) this.#counts.leftTemporary++;
    if (hasPacks && !acknowledged) this.#counts.leftPacks++;
    if (!hasSession && !hasTemporary && !hasPacks && !acknowledged) this.#counts.untouched++;
  }

  /** Takes note of a snapshot the command told of; false where it told none. */
  #acknowledge(stdout: string): boolean {
    const id = /"snapshotId":\s*"([0-9a-f]{64})"/.exec(stdout)?.[1];
    if (id === undefined) return false;
    this.#known.set(id, walkTree(this.#source));
    return true;
  }

  async #open(): Promise<OpenRepository> {
    const engine: Engine = openEngine({ home: this.#home, log: silentLog });
    return engine.open(this.#repository, () => Promise.resolve({ kind: 'password', password: PASSWORD }));
  }

  /** What a fresh engine finds. */
  async #check(): Promise<void> {
    const repository = await this.#open();
    try {
      await this.#checkSnapshots(repository);
      const ids = [...this.#known.keys()];
      await this.#restore(repository, ids.at(-1)!);
      await this.#restore(repository, this.#random.pick(ids));
      if (this.round % this.#options.verifyEvery === 0 || this.round === this.#options.rounds)
        await this.#verify(repository);
    } finally {
      await repository.close();
    }
  }

  /** Everything acknowledged is listed; at most one snapshot is new, and then it is of this round. */
  async #checkSnapshots(repository: OpenRepository): Promise<void> {
    const listed = (await repository.snapshots()).map(({ id }) => id);
    for (const id of this.#known.keys()) claim(listed.includes(id), `snapshot ${id} was acknowledged and is gone`);
    const untold = listed.filter((id) => !this.#known.has(id));
    claim(untold.length <= 1, `one backup made ${untold.length} snapshots`);
    for (const id of untold) {
      this.#counts.unacknowledged++;
      this.#known.set(id, walkTree(this.#source));
    }
  }

  async #restore(repository: OpenRepository, snapshot: string): Promise<void> {
    const target = fs.mkdtempSync(path.join(this.#folder, 'target-'));
    try {
      const { problems } = await repository.restore({
        from: { snapshot, path: new Uint8Array() },
        target: Buffer.from(path.join(target, 'out')),
      });
      claim(problems.length === 0, `snapshot ${snapshot} is restored with problems: ${JSON.stringify(problems[0])}`);
      const differences = compareTrees(this.#known.get(snapshot)!, path.join(target, 'out'), { ignore: ['links'] });
      claim(differences.length === 0, `snapshot ${snapshot} comes back changed: ${differences.slice(0, 5).join('; ')}`);
      this.#counts.restores++;
    } finally {
      fs.rmSync(target, { recursive: true });
    }
  }

  async #verify(repository: OpenRepository): Promise<void> {
    const { ok, damage } = await repository.verify({ depth: { kind: 'deep' } });
    claim(ok, `verify --deep finds damage: ${JSON.stringify(damage.slice(0, 3))}`);
    this.#counts.verified++;
  }

  /** The next backup, which nobody kills, needs no help and ends what the dead one left running. */
  async #next(): Promise<void> {
    const repository = await this.#open();
    try {
      const { snapshotId, problems } = await repository.backup({ sources: [Buffer.from(this.#source)] });
      claim(problems.length === 0, `the next backup has problems: ${JSON.stringify(problems[0])}`);
      this.#known.set(snapshotId, walkTree(this.#source));
    } finally {
      await repository.close();
    }
    const sessions = this.#filesIn('sessions');
    claim(sessions === 0, `${sessions} sessions are left though nobody works here`);
  }

  /** Nothing that kills leave behind stays for ever, or grows with their number. */
  async #checkLeftovers(): Promise<void> {
    for (const { name } of await this.#store.listTemporary()) {
      const file = path.join(this.#repository, name);
      const { atimeMs, mtimeMs } = fs.statSync(file);
      fs.utimesSync(file, atimeMs / 1000 - OLD_S, mtimeMs / 1000 - OLD_S);
    }
    this.#change('large');
    const ended = await this.#cli(['backup', this.#source]);
    expectOk(ended);
    this.#acknowledge(ended.stdout);
    const temporary = await this.#store.listTemporary();
    claim(temporary.length === 0, `${temporary.length} temporary files are never removed`);
    const commits = this.#filesIn('commits');
    const runs = this.#filesIn('index');
    claim(commits <= 64 && runs <= 16, `${commits} commit files and ${runs} index runs are too many`);
    await this.#check();
  }

  /** How many finished ones there are in a folder of the repository. */
  #filesIn(folder: string): number {
    return finishedFilesBelow(path.join(this.#repository, folder)).length;
  }
}

function expectOk({ status, stderr, stdout }: Ended): void {
  claim(status === 0, `the command failed with ${status}: ${stderr.slice(0, 500)} ${stdout.slice(0, 500)}`);
}
