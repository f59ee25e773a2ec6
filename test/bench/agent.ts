/**
 * `npm run bench agent`: `cairn watch` as a person runs it, on a watched tree in which nothing happens: memory and CPU of
 * the process. Then single changes, from the write to the published commit file, less the two seconds of quiet for which
 * it waits; up to a fifth of a second of that passes until the watcher looks (`bench live` begins after it, as the bar
 * does). `--large`: a million files, as the bar says; otherwise 56,000; `--quick`: 5,000. Linux only: /proc tells.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readStatus } from '../../src-main/engine-host/status-file.ts';
import { removeFolders } from './support/child.ts';
import { tinyPath, writeTiny } from './support/data-tiny.ts';
import { benchFlags, writeResult } from './support/flags.ts';
import { exitOnSignals, memoryFolder, temporaryFolder } from './support/folders.ts';
import { describeMachine, machineText } from './support/machine.ts';
import { median } from './support/measure.ts';
import { formatCount, formatMegabytes, formatMs, printTable } from './support/table.ts';

const SIZES = { quick: 5000, standard: 56_000, large: 1_000_000 } as const;
const IDLE_MS = { quick: 5000, standard: 60_000, large: 120_000 } as const;
const CHANGES = { quick: 3, standard: 9, large: 9 } as const;
const BYTES_A_FILE = 6000;
/** Of design.md §9. */
const RSS_BAR_BYTES = 300e6;
/** settle.ts waits for so long after the last event. */
const QUIET_MS = 2000;
const CURRENT_WITHIN_MS = 30 * 60_000;
const PUBLISHED_WITHIN_MS = 60_000;
/** After a large first backup: catalog, collected garbage, memory given back. */
const SETTLED_MS = 70_000;

const flags = benchFlags();
const size = flags.quick ? 'quick' : flags.large ? 'large' : 'standard';
const files = SIZES[size];
exitOnSignals();
console.log(`\n### agent\n\n${machineText(describeMachine())}\n`);
if (process.platform !== 'linux') {
  console.log('Not measured: only Linux tells here what a process takes.');
  process.exit(0);
}
const folder = temporaryFolder(flags.folder ?? memoryFolder(files * BYTES_A_FILE));
const source = path.join(folder, 'source');
const home = path.join(folder, 'home');
const repository = path.join(folder, 'repository');
const passwordFile = path.join(folder, 'password');
const program = path.join(import.meta.dirname, '../../out/main/cli.js');
const args = [program, '--repo', repository, '--password-file', passwordFile];
const env = { PATH: process.env['PATH'], HOME: folder, TZ: 'UTC', CAIRN_HOME: home };

await writeTiny(source, { seed: flags.seed, files });
fs.writeFileSync(passwordFile, 'benchmark\n', { mode: 0o600 });
cli('init');
cli('set', 'add', '--name', 'All', '--source', source, '--schedule', 'continuous');
const startedMs = performance.now();
const agent = spawn(process.execPath, [...args, 'watch'], { env, stdio: 'ignore' });
const ended = once(agent, 'close');
process.on('exit', () => agent.kill('SIGKILL'));
await untilCurrent();
const currentMs = performance.now() - startedMs;
await sleep(SETTLED_MS);
const before = processFigures();
await sleep(IDLE_MS[size]);
const idle = processFigures();
const latencies = await changes();
const afterChanges = processFigures();
agent.kill('SIGTERM');
await ended;

const cpuShare = (idle.cpuMs - before.cpuMs) / IDLE_MS[size];
const latencyMs = median(latencies);
const worstMs = latencies.at(-1) ?? latencyMs;
printTable(
  `cairn watch over ${formatCount(files)} files`,
  ['what', 'figure', 'bar', 'verdict'],
  [
    ['from its start to all backed up and watched', formatMs(currentMs), '', ''],
    [
      'resident, idle',
      formatMegabytes(idle.rssBytes),
      formatMegabytes(RSS_BAR_BYTES),
      said(idle.rssBytes <= RSS_BAR_BYTES),
    ],
    ['largest so far', formatMegabytes(idle.peakBytes), '', ''],
    ['CPU, idle', `${(cpuShare * 100).toFixed(2)} % of one core`, '', ''],
    ['one change, less the quiet: median', formatMs(latencyMs), '', ''],
    ['one change, less the quiet: worst', formatMs(worstMs), '', ''],
    ['resident, after the changes', formatMegabytes(afterChanges.rssBytes), '', ''],
  ],
);
writeResult(flags.json, 'agent', { files, currentMs, ...idle, cpuShare, latencyMs, worstMs });
await removeFolders(folder);

function said(isMet: boolean): string {
  return isMet ? 'met' : 'missed';
}

function cli(...words: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, [...args, ...words], { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`cairn ${words.join(' ')} ended with ${status}: ${stderr}`);
}

async function untilCurrent(): Promise<void> {
  const endMs = performance.now() + CURRENT_WITHIN_MS;
  while (performance.now() < endMs) {
    if (agent.exitCode !== null) throw new Error(`cairn watch ended with ${agent.exitCode}`);
    const live = (await readStatus(home))?.sets[0]?.live;
    if (live?.state === 'watching' && live.protectedUntil !== null) return;
    await sleep(250);
  }
  throw new Error('cairn watch was not current in time');
}

/** Milliseconds from a write to its commit file, less the quiet, sorted. */
async function changes(): Promise<readonly number[]> {
  const found: number[] = [];
  for (let round = 0; round < CHANGES[size]; round++) {
    const known = new Set(commitFiles());
    fs.appendFileSync(path.join(source, tinyPath((round * 7919 + 31) % files)), `line of round ${round}\n`);
    const writtenMs = performance.now();
    while (commitFiles().every((name) => known.has(name))) {
      if (performance.now() - writtenMs > PUBLISHED_WITHIN_MS) throw new Error(`change ${round} was not backed up`);
      await sleep(2);
    }
    found.push(performance.now() - writtenMs - QUIET_MS);
    await sleep(QUIET_MS);
  }
  return found.toSorted((left, right) => left - right);
}

function commitFiles(): readonly string[] {
  // Made with the first of them.
  const commits = path.join(repository, 'commits');
  return fs.existsSync(commits) ? fs.readdirSync(commits).filter((name) => !name.startsWith('tmp-')) : [];
}

function processFigures() {
  const status = fs.readFileSync(`/proc/${agent.pid}/status`, 'utf8');
  const kibibytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  // After the program's name, which may hold spaces: state is the first field; user and system time, in ticks of 10 ms.
  const stat = fs.readFileSync(`/proc/${agent.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    rssBytes: kibibytes('VmRSS') * 1024,
    peakBytes: kibibytes('VmHWM') * 1024,
    cpuMs: (Number(fields[11]) + Number(fields[12])) * 10,
  };
}
