/**
 * Another program as a child, with what it cost. GNU time tells CPU and memory; where it is missing only the wall clock
 * is left, and the tables show a dash.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';

const GNU_TIME = '/usr/bin/time';
/** User and system seconds, largest resident set in KiB. Of threads all, of processes the largest. */
const TIME_FORMAT = '%U %S %M';
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
/** What is shown of a program that failed. */
const TAIL_CHARACTERS = 2000;

export type Command = {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
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

/** First line of what a program says about its version; undefined where it isn't installed. */
export function versionOf(program: string): string | undefined {
  const { status, stdout } = spawnSync(program, ['version'], { encoding: 'utf8' });
  return status === 0 ? stdout.split('\n')[0] : undefined;
}

/** Runs a program to its end. @throws Error with the end of what it said when it fails */
export function runChild(command: Command, scratch: string): Cost {
  const isTimed = hasGnuTime();
  const figures = path.join(scratch, 'figures');
  const own = [command.program, ...command.args];
  const [program = '', ...args] = isTimed ? [GNU_TIME, '-f', TIME_FORMAT, '-o', figures, ...own] : own;
  const startedAtMs = performance.now();
  const result = spawnSync(program, args, {
    env: { ...process.env, ...command.environment },
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const wallMs = performance.now() - startedAtMs;
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) {
    const said = `${result.stdout}\n${result.stderr}`.trim().slice(-TAIL_CHARACTERS);
    throw new Error(`${own.join(' ')} ended with ${result.status ?? result.signal ?? 'nothing'}:\n${said}`);
  }
  if (!isTimed) return { wallMs, cpuMs: undefined, peakBytes: undefined };
  const [user = 0, system = 0, peakKib = 0] = fs.readFileSync(figures, 'utf8').trim().split(/\s+/).map(Number);
  return { wallMs, cpuMs: (user + system) * 1000, peakBytes: peakKib * 1024 };
}

/** What was written so far goes to the drive now, and not into the next measurement. */
export function settle(): void {
  spawnSync('sync');
}
