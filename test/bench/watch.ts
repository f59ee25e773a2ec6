/**
 * What watching costs: each kind of watcher on trees of tiny files. Time and CPU until it is ready, memory and CPU when
 * nothing happens, time from a write to its event, and a minute of ten thousand writes a second, after which every folder
 * that was written to must have been reported, or “everything”.
 *
 * Each runs in a process of its own, the whole of watchSource with its settling: what an agent has, and nothing else.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterDelay, systemClock } from '../../src-main/engine/kernel/index.ts';
import { type WatcherKind, watchSource } from '../../src-main/engine/source/index.ts';
import { tinyPath, writeTiny } from './support/data-tiny.ts';
import { benchFlags, writeResult } from './support/flags.ts';
import { MEMORY_FOLDER, bytesLeftInMemory, exitOnSignals, temporaryFolder } from './support/folders.ts';
import { describeMachine, machineText } from './support/machine.ts';
import { formatCount, formatMegabytes, formatMs, tableText } from './support/table.ts';

const RSS_BAR_BYTES = 300e6;
const RSS_GOAL_BYTES = 150e6;
/** Bytes of memory that a tiny file takes in tmpfs. */
const FILE_BYTES = 5300;
const IDLE_MS = 20_000;
const LATENCY_WRITES = 50;
/** Between two: an event is not to be merged with the one before. */
const LATENCY_PAUSE_MS = 120;
const WRITES_PER_SECOND = 10_000;
const FLOOD_STEP_MS = 10;
/** After this a watcher that is not ready never will be. */
const READY_MS_MAX = 10 * 60_000;
const KINDS: readonly (WatcherKind | 'nothing')[] = ['nothing', 'inotify', 'parcel', 'chokidar'];

// ------------------------------------------------------------------------------------------------------- the watcher

type Order = { readonly kind: WatcherKind | 'nothing'; readonly root: string; readonly canary: string };
type Question = { readonly ask: 'figures' } | { readonly ask: 'latency'; readonly folders: readonly string[] };
type Figures = {
  readonly state: string;
  readonly sinceStartMs: number;
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly peakBytes: number;
  /** Folders handed over since the last question, and why everything was to be looked at. */
  readonly folders: readonly string[];
  readonly reasons: readonly string[];
};

function memory(): { readonly rssBytes: number; readonly peakBytes: number } {
  const status = fs.readFileSync('/proc/self/status', 'utf8');
  const kilobytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
  return { rssBytes: kilobytes('VmRSS') * 1024, peakBytes: kilobytes('VmHWM') * 1024 };
}

/** The child: watches, and answers what it is asked. */
function runWatcher({ kind, root, canary }: Order): void {
  const startedMs = performance.now();
  const folders = new Set<string>();
  const reasons: string[] = [];
  let readyMs: number | undefined;
  let heard: (folder: string) => void = () => undefined;
  if (kind !== 'nothing') {
    const source = watchSource({
      root: Buffer.from(root),
      canary: Buffer.from(canary),
      isIgnored: () => false,
      folders: 0,
      mountPoint: undefined,
      ports: { clock: systemClock, log: () => undefined },
      after: afterDelay,
      deliver: async (batch) => {
        if (batch.kind === 'everything') reasons.push(batch.reason);
        else for (const folder of batch.folders) folders.add(folder.toString('latin1'));
      },
      note: (note) => {
        if (note.kind === 'folder') heard(note.folder.toString('latin1'));
      },
      stateChanged: ({ kind: state }) => {
        if (state === 'watching') readyMs ??= performance.now() - startedMs;
      },
      kinds: [kind],
      // Nothing is kept waiting: the time to the event is measured, and not that of settling.
      times: { quietMs: 100, ceilingMs: 1000, restFactor: 0 },
    });
    process.on('disconnect', () => process.exit(source.state.kind === 'closed' ? 1 : 0));
  }
  const figures = (): Figures => {
    const { user, system } = process.cpuUsage();
    const given = { folders: [...folders], reasons: [...reasons] };
    folders.clear();
    reasons.length = 0;
    const state = kind === 'nothing' ? 'watching' : readyMs === undefined ? 'starting' : 'watching';
    return { state, sinceStartMs: readyMs ?? 0, cpuMs: (user + system) / 1000, ...memory(), ...given };
  };
  const latencies = async (asked: readonly string[]): Promise<number[]> => {
    const found: number[] = [];
    for (const folder of asked) {
      await delay(LATENCY_PAUSE_MS);
      const wroteMs = performance.now();
      const told = new Promise<number>((resolve) => {
        heard = (name) => name === folder && resolve(performance.now() - wroteMs);
      });
      fs.appendFileSync(path.join(folder, 'entry-0.json'), ' ');
      found.push(await Promise.race([told, delay(10_000, Number.POSITIVE_INFINITY)]));
    }
    return found;
  };
  process.on('message', (question: Question) => {
    if (question.ask === 'figures') return void process.send?.(figures());
    latencies(question.folders).then(
      (found) => process.send?.(found),
      () => process.exit(1),
    );
  });
}

// ------------------------------------------------------------------------------------------------------- measuring

type Row = {
  readonly kind: string;
  readonly readyMs: number;
  readonly readyCpuMs: number;
  readonly idleRssBytes: number;
  readonly peakBytes: number;
  readonly idleCpuShare: number;
  readonly latencyMedianMs: number;
  readonly latencyMaxMs: number;
  readonly floodPeakBytes: number;
  readonly floodCpuShare: number;
  readonly floodWrites: number;
  readonly floodMissed: number;
  readonly floodReasons: readonly string[];
};

async function ask<Answer>(child: ChildProcess, question: Question): Promise<Answer> {
  child.send(question);
  const [answer] = (await once(child, 'message')) as [Answer];
  return answer;
}

async function ready(child: ChildProcess): Promise<Figures> {
  const endMs = performance.now() + READY_MS_MAX;
  for (;;) {
    await delay(100);
    const figures = await ask<Figures>(child, { ask: 'figures' });
    if (figures.state === 'watching') return figures;
    if (performance.now() > endMs) throw new Error('the watcher did not get ready');
  }
}

/** Writes at a steady pace, and gives the folders that were written to. */
async function flood(root: string, files: number, seconds: number) {
  const written = new Set<string>();
  const folders = Math.floor(files / 48);
  let count = 0;
  const startedMs = performance.now();
  for (let nowMs = 0; nowMs < seconds * 1000; nowMs = performance.now() - startedMs) {
    for (const due = Math.floor((nowMs / 1000) * WRITES_PER_SECOND); count < due; count++) {
      // A walk over all folders in a scattered order: a prime that is none of theirs.
      const file = path.join(root, tinyPath(((count * 7919) % folders) * 48 + (count % 48)));
      fs.appendFileSync(file, 'x');
      written.add(path.dirname(file));
    }
    await delay(FLOOD_STEP_MS);
  }
  return { written, count, tookMs: performance.now() - startedMs };
}

async function measure(kind: WatcherKind | 'nothing', root: string, files: number, isQuick: boolean): Promise<Row> {
  const order: Order = { kind, root, canary: path.join(path.dirname(root), `canary-${kind}`) };
  const child = fork(import.meta.filename, ['watcher', JSON.stringify(order)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const first = await ready(child);
    // The first look at everything is over, and with it what only the start needs.
    await delay(isQuick ? 2000 : 5000);
    const before = await ask<Figures>(child, { ask: 'figures' });
    const idleMs = isQuick ? 3000 : IDLE_MS;
    await delay(idleMs);
    const idle = await ask<Figures>(child, { ask: 'figures' });
    const sample = Array.from({ length: kind === 'nothing' ? 0 : LATENCY_WRITES }, (_, index) =>
      path.dirname(path.join(root, tinyPath(Math.floor((files / LATENCY_WRITES) * index)))),
    );
    const found = await ask<number[]>(child, { ask: 'latency', folders: sample });
    const sorted = found.toSorted((left, right) => left - right);
    await delay(2000);
    const calm = await ask<Figures>(child, { ask: 'figures' });
    const { written, count, tookMs } = await flood(root, files, isQuick ? 5 : 60);
    await delay(5000);
    const after = await ask<Figures>(child, { ask: 'figures' });
    const reported = new Set(after.folders);
    const isAll = after.reasons.length > 0 || kind === 'nothing';
    return {
      kind,
      readyMs: first.sinceStartMs,
      readyCpuMs: first.cpuMs,
      idleRssBytes: idle.rssBytes,
      peakBytes: idle.peakBytes,
      idleCpuShare: (idle.cpuMs - before.cpuMs) / idleMs,
      latencyMedianMs: sorted[Math.floor(sorted.length / 2)] ?? 0,
      latencyMaxMs: sorted.at(-1) ?? 0,
      floodPeakBytes: after.peakBytes,
      floodCpuShare: (after.cpuMs - calm.cpuMs) / tookMs,
      floodWrites: Math.round(count / (tookMs / 1000)),
      floodMissed: isAll ? 0 : [...written].filter((folder) => !reported.has(folder)).length,
      floodReasons: [...new Set(after.reasons)],
    };
  } finally {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  }
}

function verdict({ kind, idleRssBytes }: Row): string {
  if (kind === 'nothing') return '';
  if (idleRssBytes <= RSS_GOAL_BYTES) return 'met, goal too';
  const over = Math.ceil((idleRssBytes / RSS_BAR_BYTES - 1) * 100);
  return over <= 0 ? 'met' : `missed by ${over} %`;
}

function show(rows: readonly Row[]): string {
  const share = (value: number): string => `${(value * 100).toFixed(1)} %`;
  const idle = rows.map((row) => [
    row.kind,
    formatMs(row.readyMs),
    formatMs(row.readyCpuMs),
    formatMegabytes(row.idleRssBytes),
    formatMegabytes(row.peakBytes),
    share(row.idleCpuShare),
    row.kind === 'nothing' ? '–' : formatMs(row.latencyMedianMs),
    row.kind === 'nothing' ? '–' : formatMs(row.latencyMaxMs),
    verdict(row),
  ]);
  const flooded = rows
    .filter(({ kind }) => kind !== 'nothing')
    .map((row) => [
      row.kind,
      formatCount(row.floodWrites),
      formatMegabytes(row.floodPeakBytes),
      share(row.floodCpuShare),
      row.floodReasons.length > 0
        ? `everything: ${row.floodReasons.join(', ')}`
        : `${formatCount(row.floodMissed)} folders missed`,
    ]);
  return [
    tableText(['work', 'ready', 'CPU', 'idle memory', 'peak', 'idle CPU', 'event after', 'longest', 'verdict'], idle),
    tableText(['work', 'writes a second', 'peak memory', 'CPU', 'verdict'], flooded),
  ].join('\n\n');
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function run(): Promise<void> {
  const { quick, large, seed, only, json } = benchFlags();
  exitOnSignals();
  const machine = describeMachine();
  say(`### watch\n\n${machineText(machine)}`);
  const results: unknown[] = [];
  for (const files of quick ? [4800] : large ? [56_000, 1_000_000] : [56_000]) {
    if (bytesLeftInMemory() < files * FILE_BYTES) {
      say(`\nLeft out: ${formatCount(files)} files need ${formatMegabytes(files * FILE_BYTES)} in ${MEMORY_FOLDER}.`);
      continue;
    }
    const folder = temporaryFolder(MEMORY_FOLDER);
    const root = path.join(folder, 'source');
    const { folders } = await writeTiny(root, { seed, files });
    const rows: Row[] = [];
    for (const kind of KINDS) {
      if (only.length > 0 && !only.includes(kind)) continue;
      rows.push(await measure(kind, root, files, quick));
      process.stderr.write(`${kind}: ${JSON.stringify(rows.at(-1))}\n`);
    }
    say(`\n**${formatCount(files)} files in ${formatCount(folders)} folders**\n\n${show(rows)}`);
    results.push({ files, folders, rows });
  }
  writeResult(json, 'watch', { ...machine, results });
}

if (process.argv[2] === 'watcher') runWatcher(JSON.parse(process.argv[3] ?? '{}') as Order);
else await run();
