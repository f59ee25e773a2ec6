/**
 * `npm run bench live`: what it costs to back up a change in a watched tree, from the moment at which the changed folders
 * are known to the published snapshot. One engine with one open repository, as the agent has it. `--large`: a million
 * files in 21,000 folders, as the bars say; otherwise 56,000; `--quick`: 5,000.
 */
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEngine, type OpenRepository } from '../../src-main/engine/index.ts';
import { removeFolders } from './support/child.ts';
import { tinyPath, writeTiny } from './support/data-tiny.ts';
import { benchFlags, writeResult } from './support/flags.ts';
import { exitOnSignals, memoryFolder, temporaryFolder } from './support/folders.ts';
import { describeMachine, machineText } from './support/machine.ts';
import { type Lap, median, startLap } from './support/measure.ts';
import { formatCount, formatMegabytes, formatMs, printTable } from './support/table.ts';

const SIZES = { quick: 5000, standard: 56_000, large: 1_000_000 } as const;
const ROUNDS = { quick: 4, standard: 12, large: 20 } as const;
/** More than the two seconds for which a backup trusts no time. */
const SETTLED_MS = 2500;
const BYTES_A_FILE = 6000;

type Work = { readonly name: string; readonly changes: number; readonly barMs: number; readonly goalMs: number };
const WORK: readonly Work[] = [
  { name: 'one change', changes: 1, barMs: 100, goalMs: 50 },
  { name: '60 scattered changes', changes: 60, barMs: 500, goalMs: 200 },
];

const flags = benchFlags();
const size = flags.quick ? 'quick' : flags.large ? 'large' : 'standard';
const files = SIZES[size];
exitOnSignals();
console.log(`\n### live\n\n${machineText(describeMachine())}\n`);
const folder = temporaryFolder(flags.folder ?? memoryFolder(files * BYTES_A_FILE));
const source = path.join(folder, 'source');
const made = await writeTiny(source, { seed: flags.seed, files });
await sleep(SETTLED_MS);
const engine = openEngine({ home: path.join(folder, 'home'), log: () => undefined });
await engine.init({ repository: path.join(folder, 'repository'), password: 'benchmark', compression: 'zstd:3' });
const repository = await engine.open(path.join(folder, 'repository'), () =>
  Promise.resolve({ kind: 'password', password: 'benchmark' }),
);
const sources = [Buffer.from(source)];
const first = await repository.backup({ sources });
console.log(
  `${formatCount(files)} files in ${formatCount(made.folders)} folders; first backup ${formatMs(first.durationMs)}\n`,
);

let since = first.snapshotId;
const rows: string[][] = [];
const figures: Record<string, unknown> = {};
for (const work of WORK) {
  const laps = await rounds(repository, work);
  const wall = laps.map(({ wallMs }) => wallMs).toSorted((left, right) => left - right);
  const middle = median(wall);
  const verdict = middle <= work.goalMs ? 'goal met' : middle <= work.barMs ? 'met' : 'missed';
  const worst = wall.at(-1) ?? middle;
  const cpu = median(laps.map(({ cpuMs }) => cpuMs));
  figures[work.name] = { medianMs: middle, worstMs: worst, cpuMs: cpu };
  rows.push([
    work.name,
    formatMs(middle),
    formatMs(worst),
    formatMs(cpu),
    `≤ ${work.barMs} ms`,
    `≤ ${work.goalMs} ms`,
    verdict,
  ]);
}
printTable(
  'from the changed folders to the published snapshot',
  ['work', 'median', 'worst', 'CPU', 'bar', 'goal', 'verdict'],
  rows,
);
console.log(`\nThis process: ${formatMegabytes(process.memoryUsage().rss)} resident.`);
await repository.close();
writeResult(flags.json, 'live', figures);
await removeFolders(folder);

/** Appends a line to files that lie far apart, and backs up their folders. */
async function rounds(open: OpenRepository, { changes }: Work): Promise<readonly Lap[]> {
  const laps: Lap[] = [];
  for (let round = 0; round < ROUNDS[size]; round++) {
    const step = Math.floor(files / changes);
    const places = Array.from({ length: changes }, (_, index) => tinyPath((round * 7919 + index * step) % files));
    for (const place of places) fs.appendFileSync(path.join(source, place), `line of round ${round}\n`);
    // Changes come at a person's pace; what is younger than that is read again, as it should be.
    await sleep(SETTLED_MS);
    const folders = places.map((place) => Buffer.from(path.dirname(path.join(source, place))));
    const lap = startLap();
    const { report, wasFull } = await open.backUpChanges({ sources }, { since, folders });
    if (wasFull || report?.filesChanged !== changes)
      throw new Error(`round ${round} did not back up its changes alone`);
    laps.push(lap());
    since = report.snapshotId;
  }
  return laps;
}
