/**
 * The real `cairn watch`, killed at random moments while the tree it watches changes all the time: before it watches, in
 * the middle of a live backup, in a look at everything, or at rest. While it is dead the tree changes, too.
 *
 * After each kill it is started again, and nothing may be missed: the newest snapshot must come to be what the source is,
 * found by restoring it and walking both. What that takes is bounded generously and never claimed.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { OpenRepository } from '../../src-main/engine/api.ts';
import { openEngine } from '../../src-main/engine/index.ts';
import { silentLog } from '../../src-main/engine/kernel/index.ts';
import { claim } from './claim.ts';
import { filesBelow, finishedFilesBelow } from './listing.ts';
import { type Seeded, seeded } from './seed.ts';
import { buildTree } from './tree-builder.ts';
import { compareTrees, walkTree } from './walker.ts';
import { type Operations, createOperations } from './watch-operations.ts';

const PASSWORD = 'correct horse';
const TREE = { files: 120, folders: 25, fileBytesMax: 4000, symlinks: 4 } as const;
/** A kill comes so long after the start of the program, or after a change. */
const KILL_AFTER_MS_MAX = 2500;
/** Or so long after it began to write. */
const AT_WORK_MS_MAX = 120;
const AT_WORK_WITHIN_MS = 20_000;
const STEPS_MAX = 6;
/** Far beyond what any computer takes; a change that was missed is missed for ever. */
const MISSED_AFTER_MS = 180_000;
const LOOK_EVERY_MS = 250;
/** Temporary files and sessions may stay until whoever comes next has taken them for left behind. */
const COMMITS_MAX = 64;
const RUNS_MAX = 16;

export type AgentKillOptions = {
  readonly seed: number;
  readonly rounds: number;
  /** The built command line: out/main/cli.js. */
  readonly cli: string;
};

/** Every count is of rounds. */
export type AgentKillFigures = {
  readonly rounds: number;
  /** Killed at any moment since its start: it may not have watched yet. */
  readonly killedEarly: number;
  /** Killed after what changed before was backed up, and then changed again. */
  readonly killedLive: number;
  /** Killed just after it had begun to write. */
  readonly killedAtWork: number;
  /** Left a lease of a run under way. */
  readonly leftSession: number;
  /** Left folders in its journal. */
  readonly leftJournal: number;
  readonly snapshots: number;
};
type Counts = { -readonly [Name in keyof AgentKillFigures]: number };

/** Throws at the first change that was missed, with the seed in the message. */
export async function runAgentKills(options: AgentKillOptions): Promise<AgentKillFigures> {
  const lab = new AgentKillLab(options);
  try {
    return await lab.run();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`seed ${options.seed}, round ${lab.round}: ${message}`, { cause: error });
  } finally {
    await lab.dispose();
  }
}

class AgentKillLab {
  readonly #options: AgentKillOptions;
  readonly #random: Seeded;
  readonly #folder = fs.mkdtempSync(path.join(tmpdir(), 'cairn-agent-kill-'));
  readonly #source = path.join(this.#folder, 'source');
  readonly #outside = path.join(this.#folder, 'outside');
  readonly #repository = path.join(this.#folder, 'repository');
  readonly #home = path.join(this.#folder, 'home');
  readonly #passwordFile = path.join(this.#folder, 'password');
  readonly #operations: Operations;
  readonly #counts: Counts = {
    rounds: 0,
    killedEarly: 0,
    killedLive: 0,
    killedAtWork: 0,
    leftSession: 0,
    leftJournal: 0,
    snapshots: 0,
  };
  #agent: ChildProcess | undefined;
  #said = '';
  round = 0;

  constructor(options: AgentKillOptions) {
    this.#options = options;
    this.#random = seeded(options.seed);
    fs.mkdirSync(this.#outside);
    buildTree(this.#source, { seed: this.#random.between(0, 2 ** 31), ...TREE });
    const places = [Buffer.from(this.#source), Buffer.from(this.#outside)] as const;
    this.#operations = createOperations(...places, this.#random, process.platform === 'linux');
  }

  async dispose(): Promise<void> {
    await this.#kill();
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }

  async run(): Promise<AgentKillFigures> {
    fs.writeFileSync(this.#passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
    this.#cli(['init', '--kdf-cost', '10']);
    this.#cli(['set', 'add', '--name', 'All', '--source', this.#source, '--schedule', 'continuous']);
    this.#start();
    for (this.round = 1; this.round <= this.#options.rounds; this.round++) {
      await this.#changeAndKill();
      this.#change();
      this.#start();
      this.#counts.rounds++;
    }
    await this.#untilCurrent();
    await this.#checkTheRest();
    return this.#counts;
  }

  async #changeAndKill(): Promise<void> {
    const moment = this.#random.pick(['killedEarly', 'killedLive', 'killedAtWork'] as const);
    if (moment !== 'killedEarly') await this.#untilCurrent();
    if (moment === 'killedAtWork') await this.#changeUntilAtWork();
    else await this.#changeForAWhile();
    await this.#kill();
    this.#counts[moment]++;
    if (this.#isAtWork()) this.#counts.leftSession++;
    const journals = filesBelow(path.join(this.#home, 'watch')).filter((file) => file.endsWith('.dirty'));
    if (journals.some((file) => unfinishedLines(file) > 0)) this.#counts.leftJournal++;
  }

  async #changeForAWhile(): Promise<void> {
    const endMs = performance.now() + this.#random.next() * KILL_AFTER_MS_MAX;
    this.#change();
    while (performance.now() < endMs) {
      await delay(this.#random.between(0, Math.max(1, Math.ceil(endMs - performance.now()))));
      if (this.#random.chance(0.5)) this.#change();
    }
  }

  /** Steps may come to nothing, so there are more of them until something is written. */
  async #changeUntilAtWork(): Promise<void> {
    const endMs = performance.now() + AT_WORK_WITHIN_MS;
    for (let waits = 0; !this.#isAtWork() && performance.now() < endMs; waits++) {
      if (waits % 1000 === 0) this.#change();
      await delay(1);
    }
    await delay(this.#random.between(0, AT_WORK_MS_MAX));
  }

  /** Someone has a lease. */
  #isAtWork(): boolean {
    return filesBelow(path.join(this.#repository, 'sessions')).length > 0;
  }

  #change(): void {
    for (let steps = this.#random.between(1, STEPS_MAX); steps > 0; steps--) this.#operations.step();
  }

  #start(): void {
    this.#said = '';
    const child = spawn(process.execPath, [...this.#arguments(), 'watch'], {
      env: this.#environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (this.#said = (this.#said + text).slice(-4000)));
    this.#agent = child;
  }

  async #kill(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    if (agent === undefined) return;
    claim(agent.exitCode === null, `the agent ended by itself with ${agent.exitCode}: ${this.#said}`);
    const ended = once(agent, 'close');
    agent.kill('SIGKILL');
    await ended;
  }

  /** Until the newest snapshot is the source as it stands still. */
  async #untilCurrent(): Promise<void> {
    const endMs = performance.now() + MISSED_AFTER_MS;
    const expected = walkTree(this.#source);
    let looked = '';
    let differences: readonly string[] = ['there is no snapshot'];
    while (performance.now() < endMs) {
      const agent = this.#agent;
      claim(agent?.exitCode === null, `the agent ended by itself with ${agent?.exitCode}: ${this.#said}`);
      await this.#opened(async (repository) => {
        const newest = (await repository.snapshots()).at(-1)?.id;
        if (newest === undefined || newest === looked) return;
        looked = newest;
        differences = await this.#differences(repository, newest, expected);
      });
      if (differences.length === 0) return;
      await delay(LOOK_EVERY_MS);
    }
    throw new Error(`missed: ${differences.slice(0, 5).join('; ')}; the agent said: ${this.#said}`);
  }

  async #differences(
    repository: OpenRepository,
    snapshot: string,
    expected: ReturnType<typeof walkTree>,
  ): Promise<readonly string[]> {
    const target = fs.mkdtempSync(path.join(this.#folder, 'target-'));
    const out = path.join(target, 'out');
    try {
      await repository.restore({ from: { snapshot, path: new Uint8Array() }, target: Buffer.from(out) });
      return compareTrees(expected, out);
    } finally {
      fs.rmSync(target, { recursive: true, force: true });
    }
  }

  /** Nothing that the dead left behind is in the way: whole to the last byte, nobody at work, few files. */
  async #checkTheRest(): Promise<void> {
    const agent = this.#agent;
    claim(agent?.exitCode === null, `the agent ended by itself: ${this.#said}`);
    const ended = once(agent, 'close');
    agent.kill('SIGTERM');
    const [status] = (await ended) as [number | null];
    this.#agent = undefined;
    claim(status === 0, `the agent did not end well: ${status} ${this.#said}`);
    // It may have ended before it had to write anything; whoever writes next ends what the dead left running.
    this.#cli(['backup', this.#source]);
    await this.#opened(async (repository) => {
      const { ok, damage } = await repository.verify({ depth: { kind: 'deep' } });
      claim(ok, `verify --deep finds damage: ${JSON.stringify(damage.slice(0, 3))}`);
      this.#counts.snapshots = (await repository.snapshots()).length;
    });
    // A lease that the killed one had only begun to write says nobody's name: it goes after a day.
    const count = (name: string): number => finishedFilesBelow(path.join(this.#repository, name)).length;
    claim(count('sessions') === 0, `${count('sessions')} sessions are left though nobody works here`);
    claim(count('commits') <= COMMITS_MAX && count('index') <= RUNS_MAX, 'too many commit files or index runs');
  }

  async #opened(use: (repository: OpenRepository) => Promise<void>): Promise<void> {
    const engine = openEngine({ home: path.join(this.#folder, 'home-of-the-test'), log: silentLog });
    const secret = { kind: 'password', password: PASSWORD } as const;
    const repository = await engine.open(this.#repository, () => Promise.resolve(secret));
    try {
      await use(repository);
    } finally {
      await repository.close();
    }
  }

  #cli(args: readonly string[]): void {
    const { status, stdout, stderr } = spawnSync(process.execPath, [...this.#arguments(), ...args], {
      env: this.#environment(),
      encoding: 'utf8',
    });
    claim(status === 0, `cairn ${args.join(' ')} ended with ${status}: ${stdout}${stderr}`);
  }

  #arguments(): readonly string[] {
    return [this.#options.cli, '--repo', this.#repository, '--password-file', this.#passwordFile];
  }

  #environment(): NodeJS.ProcessEnv {
    return { PATH: process.env['PATH'], HOME: this.#folder, TZ: 'UTC', CAIRN_HOME: this.#home };
  }
}

/** Lines of a journal of dirty folders that were not acknowledged, as the file alone says it. */
function unfinishedLines(journal: string): number {
  const lines = fs.readFileSync(journal, 'latin1').split('\n');
  const numberOf = (line: string): number => Number(line.split(' ')[1]);
  const done = Math.max(-1, ...lines.filter((line) => line.endsWith(' done')).map(numberOf));
  return lines.filter((line) => /^[0-9a-f]{8} /.test(line) && !line.endsWith(' done') && numberOf(line) > done).length;
}
