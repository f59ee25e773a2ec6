/**
 * `npm run bench backup`: Cairn beside restic on a folder like source trees, from the first backup to a deep verify.
 *
 * Rounds go A B A B, step by step, so that both meet the same machine; figures are medians over the rounds. Each round
 * has new repositories, and every restored tree is compared with its source by test/support/walker.ts: a program that
 * is quick and wrong ends the run. Options: --small (a twentieth, one round; --quick is the same), --rounds N,
 * --folder DIR (data set and repositories; default the temporary folder), --seed N.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { compareTrees, walkTree, type WalkRecord } from '../support/walker.ts';
import { type Cost, hasGnuTime, runChild, settle } from './support/child.ts';
import { cairn, type Contender, restic, type Round, type Step, STEPS } from './support/contenders.ts';
import { describeDataSet, writeDataSet } from './support/data.ts';
import { exitOnSignals, memoryFolder, temporaryFolder } from './support/folders.ts';
import { printMachine } from './support/machine.ts';
import { median } from './support/measure.ts';
import { formatCount, formatMegabytes, formatMs, printTable, threeDigits } from './support/table.ts';

const FULL = { files: 56_000, bytes: 660_000_000, rounds: 3 };
/** For a quick look at whether all of it runs: start-up and key derivation are most of its times, so no bar is judged. */
const SMALL = { files: 2800, bytes: 33_000_000, rounds: 1 };
const SEED_DEFAULT = 1;
/** Of a restored tree that is not like its source. */
const DIFFERENCES_SHOWN = 10;

/** Bars of the design, as restic’s time or size divided by Cairn’s. What has none is shown all the same. */
const BARS: Partial<Record<Step | 'size', number>> = { 'first backup': 3, restore: 2.5, 'deep verify': 1.5, size: 1 };

type RepositorySize = { readonly bytes: number; readonly files: number };
/** What one contender did in one round. */
type Outcome = { readonly costs: Readonly<Record<Step, Cost>>; readonly size: RepositorySize };
type Outcomes = ReadonlyMap<Contender, readonly Outcome[]>;

// ----------------------------------------------------------------------------------------------------------- rounds

type Places = { readonly work: string; readonly memory: string; readonly source: string };

function newRound(places: Places, contender: Contender, number: number): Round {
  const folder = path.join(places.work, `${contender.name}-${number}`);
  const restored = path.join(places.memory, `${contender.name}-${number}`);
  fs.mkdirSync(folder);
  return { source: places.source, folder, restored };
}

function runRound(places: Places, contenders: readonly Contender[], number: number, source: readonly WalkRecord[]) {
  const entrants = contenders.map((contender) => {
    const round = newRound(places, contender, number);
    runChild(contender.init(round), places.work);
    return { contender, round, costs: new Map<Step, Cost>(), size: { bytes: 0, files: 0 } };
  });
  for (const step of STEPS) {
    for (const entrant of entrants) {
      const { contender, round, costs } = entrant;
      settle();
      costs.set(step, runChild(contender.steps[step](round), places.work));
      if (step === 'first backup') entrant.size = sizeOf(contender.repository(round));
      if (step === 'restore') checkRestored(contender, round, source);
    }
  }
  return entrants.map(({ contender, round, costs, size }) => {
    for (const folder of [round.folder, round.restored]) fs.rmSync(folder, { recursive: true, force: true });
    return { contender, outcome: { costs: allSteps(costs), size } };
  });
}

function allSteps(costs: ReadonlyMap<Step, Cost>): Outcome['costs'] {
  const costOf = (step: Step): Cost => {
    const cost = costs.get(step);
    if (cost === undefined) throw new Error(`“${step}” was not run`);
    return cost;
  };
  return {
    'first backup': costOf('first backup'),
    'no-change backup': costOf('no-change backup'),
    restore: costOf('restore'),
    'deep verify': costOf('deep verify'),
  };
}

function sizeOf(folder: string): RepositorySize {
  const files = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = files.reduce((sum, file) => sum + fs.statSync(path.join(file.parentPath, file.name)).size, 0);
  return { bytes, files: files.length };
}

function checkRestored(contender: Contender, round: Round, source: readonly WalkRecord[]): void {
  const differences = compareTrees(source, contender.restoredSource(round));
  if (differences.length === 0) return;
  const shown = differences.slice(0, DIFFERENCES_SHOWN).join('\n');
  throw new Error(`${contender.name} restored ${differences.length} things otherwise than they were:\n${shown}`);
}

// ----------------------------------------------------------------------------------------------------------- tables

/** A figure of all rounds, or undefined where one of them has none. */
function medianOf(outcomes: readonly Outcome[], figure: (outcome: Outcome) => number | undefined): number | undefined {
  const figures = outcomes.map(figure).filter((value) => value !== undefined);
  return figures.length === outcomes.length ? median(figures) : undefined;
}

type Figure = {
  readonly name: string;
  readonly of: (outcome: Outcome) => number | undefined;
  readonly format: (value: number) => string;
  readonly bar: number | undefined;
};

function figures(): Figure[] {
  const ofSteps = STEPS.flatMap((step): Figure[] => [
    { name: step, of: ({ costs }) => costs[step].wallMs, format: formatMs, bar: BARS[step] },
    { name: `${step}: CPU`, of: ({ costs }) => costs[step].cpuMs, format: formatMs, bar: undefined },
    { name: `${step}: peak memory`, of: ({ costs }) => costs[step].peakBytes, format: formatMegabytes, bar: undefined },
  ]);
  return [
    ...ofSteps,
    { name: 'repository: size', of: ({ size }) => size.bytes, format: formatMegabytes, bar: BARS.size },
    { name: 'repository: files', of: ({ size }) => size.files, format: formatCount, bar: undefined },
  ];
}

function printOutcomes(outcomes: Outcomes, isJudged: boolean): void {
  const [ours, ...others] = [...outcomes.entries()];
  if (ours === undefined) throw new Error('nothing was compared');
  const [contender, our] = ours;
  const rows = figures().map(({ name, of, format, bar }) => {
    const value = medianOf(our, of);
    const cells = others.flatMap(([, their]) => {
      const theirs = medianOf(their, of);
      if (value === undefined || theirs === undefined) return ['–', '–'];
      return [format(theirs), `${threeDigits(theirs / value)} ×`];
    });
    const ratio =
      others[0] === undefined || value === undefined ? undefined : (medianOf(others[0][1], of) ?? 0) / value;
    const verdict = !isJudged || bar === undefined || ratio === undefined ? '' : ratio >= bar ? 'met' : 'missed';
    return [name, value === undefined ? '–' : format(value), ...cells, bar === undefined ? '' : `≥ ${bar} ×`, verdict];
  });
  const theirHeads = others.flatMap(([{ name }]) => [name, `${name} / ${contender.name}`]);
  printTable('Medians', ['work', contender.name, ...theirHeads, 'bar', 'verdict'], rows);
}

// -------------------------------------------------------------------------------------------------------------- run

const { values: flags } = parseArgs({
  options: {
    small: { type: 'boolean' },
    quick: { type: 'boolean' },
    rounds: { type: 'string' },
    folder: { type: 'string' },
    seed: { type: 'string' },
  },
});
const size = flags.small === true || flags.quick === true ? SMALL : FULL;
const rounds = Number(flags.rounds ?? size.rounds);
const seed = Number(flags.seed ?? SEED_DEFAULT);
if (!Number.isInteger(rounds) || rounds < 1 || !Number.isInteger(seed))
  throw new Error('--rounds and --seed take numbers');

exitOnSignals();
printMachine();
const contenders: Contender[] = [cairn()];
const other = restic();
if (other === undefined)
  console.log(
    '\n*** restic IS NOT INSTALLED: only Cairn is measured, and no bar is judged. (Debian: the package “restic”.)',
  );
else contenders.push(other);
if (!hasGnuTime())
  console.log('\n*** GNU time is not installed: no CPU time and no memory. (Debian: the package “time”.)');
console.log(contenders.map(({ version }) => version).join(' · '));

const work = temporaryFolder(path.resolve(flags.folder ?? os.tmpdir()));
// Two restored trees are there at once.
const memory = temporaryFolder(memoryFolder(2.5 * size.bytes));
const source = path.join(work, 'source');
const startedAtMs = performance.now();
const data = writeDataSet(source, { seed, ...size });
const { single, bundled } = describeDataSet(source);
console.log(
  `data set: ${formatCount(data.files)} files in ${formatCount(data.folders)} folders, ${formatMegabytes(data.bytes)}, seed ${seed}; ` +
    `zstd 3 leaves ${threeDigits(single)} of it file by file, ${threeDigits(bundled)} in bundles of 1 MiB`,
);
console.log(
  `data set and repositories in ${path.dirname(work)}, restored into ${path.dirname(memory)}; all in the page cache`,
);

const records = walkTree(source);
const outcomes = new Map<Contender, Outcome[]>(contenders.map((contender) => [contender, []]));
for (let number = 1; number <= rounds; number++) {
  for (const { contender, outcome } of runRound({ work, memory, source }, contenders, number, records)) {
    outcomes.get(contender)?.push(outcome);
    const times = STEPS.map((step) => `${step} ${formatMs(outcome.costs[step].wallMs)}`);
    console.log(`round ${number} of ${rounds}, ${contender.name}: ${times.join(', ')}`);
  }
}
printOutcomes(outcomes, size === FULL);
console.log(
  `\nMeasured in ${formatMs(performance.now() - startedAtMs)}; every restored tree was the same as its source.`,
);
