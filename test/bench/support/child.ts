/**
 * Another program as a child, with what it cost. GNU time tells CPU and memory; where it is missing only the wall clock
 * is left, and the tables show a dash.
 *
 * Every child leads a process group of its own, so that an interrupted bench can end it with all that it started; it is
 * waited for before the folders under it are removed (folders.ts).
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';

const GNU_TIME = '/usr/bin/time';
/** User and system seconds, largest resident set in KiB: of threads all, of processes the largest one's. */
const TIME_FORMAT = '%U %S %M';
/** What is shown of a program that failed. */
const TAIL_CHARACTERS = 2000;

export type Command = {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Where it runs; the bench's own folder when absent. */
  readonly folder?: string;
};

export type Cost = {
  readonly wallMs: number;
  readonly cpuMs: number | undefined;
  readonly peakBytes: number | undefined;
};

export function hasGnuTime(): boolean {
  const found = spawnSync(GNU_TIME, ['--version'], { encoding: 'utf8' });
  return found.status === 0 && `${found.stdout}${found.stderr}`.includes('GNU');
}

/** What a program answers to `args` on standard output; undefined where it isn't installed. */
export function answerOf(program: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

const running = new Set<ChildProcess>();
let isStopping = false;

/** Ends every child with all that it started, and waits until they are gone. */
export async function killChildren(): Promise<void> {
  isStopping = true;
  const ended = [...running].map((child) => once(child, 'close'));
  running.forEach(killGroup);
  await Promise.all(ended);
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself just now.
  }
}

/** A child that was not done in time and was killed. */
export class TookTooLong extends Error {}

type Ended = { readonly status: number | null; readonly signal: string | null; readonly said: string };

async function waitFor(child: ChildProcess): Promise<Ended> {
  running.add(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (piece: Buffer) => (said = (said + piece.toString('latin1')).slice(-TAIL_CHARACTERS)));
  }
  try {
    const [status, signal] = (await once(child, 'close')) as [number | null, string | null];
    // Whoever waits need not hear that we killed it: the bench ends now.
    if (isStopping) await new Promise(() => undefined);
    return { status, signal, said: said.trim() };
  } finally {
    running.delete(child);
  }
}

function start(command: Command, before: readonly string[]): ChildProcess {
  const [program = '', ...args] = [...before, command.program, ...command.args];
  return spawn(program, args, {
    env: { ...process.env, ...command.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    ...(command.folder === undefined ? {} : { cwd: command.folder }),
  });
}

/** Far more than any step should take, and little enough for one mistake not to cost the night. */
const CHILD_MS_MAX = 10 * 60 * 1000;

/**
 * Runs a program to its end; `scratch` is an existing folder.
 * @throws TookTooLong
 * @throws Error with the end of what it said when it fails
 */
export async function runChild(command: Command, scratch: string): Promise<Cost> {
  const isTimed = hasGnuTime();
  const figures = path.join(scratch, 'figures');
  const startedAtMs = performance.now();
  const child = start(command, isTimed ? [GNU_TIME, '-f', TIME_FORMAT, '-o', figures] : []);
  const timer = setTimeout(() => killGroup(child), CHILD_MS_MAX);
  const ended = await waitFor(child);
  clearTimeout(timer);
  const wallMs = performance.now() - startedAtMs;
  if (ended.status !== 0) {
    const what = [command.program, ...command.args].join(' ');
    if (wallMs >= CHILD_MS_MAX) throw new TookTooLong(`${what} was stopped after ${CHILD_MS_MAX / 60_000} minutes.`);
    throw new Error(`${what} ended with ${ended.status ?? ended.signal ?? 'nothing'}:\n${ended.said}`);
  }
  if (!isTimed) return { wallMs, cpuMs: undefined, peakBytes: undefined };
  const [user = 0, system = 0, peakKib = 0] = fs.readFileSync(figures, 'utf8').trim().split(/\s+/).map(Number);
  return { wallMs, cpuMs: (user + system) * 1000, peakBytes: peakKib * 1024 };
}

/** A program whose answer is its status: 0 or another one, with the end of what it said. */
export async function askChild(command: Command): Promise<{ readonly ok: boolean; readonly said: string }> {
  const { status, said } = await waitFor(start(command, []));
  return { ok: status === 0, said };
}

/** `rm -rf`: a million files in seconds, and an interrupt is heard meanwhile. */
export async function removeFolders(...folders: readonly string[]): Promise<void> {
  await runPlain('rm', ['-rf', '--', ...folders]);
}

/** What was written so far goes to the drive now, and not into the next measurement. */
export async function settle(): Promise<void> {
  await runPlain('sync', []);
}

async function runPlain(program: string, args: readonly string[]): Promise<void> {
  const { ok, said } = await askChild({ program, args, environment: {} });
  if (!ok) throw new Error(`${program} failed: ${said}`);
}
