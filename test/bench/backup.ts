/**
 * `npm run bench backup`: Cairn beside restic and Borg, from the first backup to sixty changes, on data sets made from a
 * seed. README.md says what is done and how.
 *
 *   --only source,image,tiny   data sets; otherwise source and image, and with --large tiny too
 *   --without restic,borg      leave programs out
 *   --rounds N                 otherwise 3, and 1 of tiny, which takes minutes each time
 *   --quick                    small sizes of all three, one round: does it run? No bar is judged
 *   --profile                  where the time of Cairn's steps goes, stage by stage
 *   --folder DIR               where everything lies; otherwise in memory where there is room
 *   --seed N, --json FILE
 *
 * Progress goes to standard error; standard output is Markdown, to be pasted into README.md as it is.
 */
import fs from 'node:fs';
import path from 'node:path';
import { hasGnuTime, removeFolders } from './support/child.ts';
import { borg, cairn, cairnWorkerSteps, type Contender, restic, type Step, STEPS } from './support/contenders.ts';
import { DATA_SET_NAMES, type DataSet, type DataSetName, dataSetOf, type MadeData } from './support/data-sets.ts';
import { benchFlags, refuse, writeResult } from './support/flags.ts';
import {
  bytesLeftIn,
  bytesLeftInMemory,
  exitOnSignals,
  MEMORY_FOLDER,
  memoryFolder,
  temporaryFolder,
} from './support/folders.ts';
import { describeMachine, machineText } from './support/machine.ts';
import { profileSteps } from './support/profile.ts';
import { type Line, linesOf, tableOf } from './support/report.ts';
import { type Outcome, type Places, runRounds } from './support/rounds.ts';
import { formatMegabytes, formatMs } from './support/table.ts';

const PROFILED_STEPS = [
  'first backup',
  'no-change backup',
  'restore',
  'deep verify',
] as const satisfies readonly Step[];

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const print = (text: string): void => void process.stdout.write(`${text}\n`);

// ------------------------------------------------------------------------------------------------------------ who, what

type Missing = { readonly name: string; readonly debian: string };

/** Cairn, and what of the others is installed and wanted; one line for each that is missing. */
function findContenders(without: readonly string[]): { contenders: Contender[]; versions: string[] } {
  const found: Contender[] = [cairn()];
  const versions: string[] = [];
  const tellMissing = ({ name, debian }: Missing): void =>
    void versions.push(`${name} is not installed (Debian: apt-get install ${debian})`);
  for (const [name, find] of [
    ['restic', restic],
    ['Borg', borg],
  ] as const) {
    if (without.includes(name.toLowerCase())) continue;
    const contender = find();
    if (contender === undefined) tellMissing({ name, debian: name === 'Borg' ? 'borgbackup' : 'restic' });
    else found.push(contender);
  }
  if (!hasGnuTime()) tellMissing({ name: 'GNU time, which tells CPU time and memory,', debian: 'time' });
  return { contenders: found, versions: [...found.map(({ version }) => version), ...versions] };
}

function chooseDataSets(only: readonly string[], size: 'full' | 'quick', isLarge: boolean): DataSet[] {
  const isName = (name: string): name is DataSetName => DATA_SET_NAMES.some((known) => known === name);
  const unknown = only.find((name) => !isName(name));
  if (unknown !== undefined) refuse(`There is no data set “${unknown}”. There is: ${DATA_SET_NAMES.join(', ')}.`);
  const usual = DATA_SET_NAMES.filter((name) => name !== 'tiny' || isLarge || size === 'quick');
  return (only.length === 0 ? usual : only.filter(isName)).map((name) => dataSetOf(name, size));
}

// ------------------------------------------------------------------------------------------------------ one data set

type Run = {
  readonly data: DataSet;
  readonly made: MadeData;
  readonly places: Places;
  readonly rounds: number;
  readonly isJudged: boolean;
};

function tellRound(steps: readonly Step[], rounds: number) {
  return (number: number, contender: Contender, { costs }: Outcome): void => {
    const times = steps.map((step) => `${step} ${formatMs(costs.get(step)?.wallMs ?? 0)}`);
    say(`round ${number} of ${rounds}, ${contender.name}: ${times.join(', ')}`);
  };
}

const onTooLong = (message: string): void => print(`\n${message}`);

async function comparePrograms(run: Run, contenders: readonly Contender[]): Promise<Line[]> {
  const { data, isJudged, rounds } = run;
  const plan = { ...run, contenders, steps: STEPS, comparesRestored: true };
  const outcomes = await runRounds({ ...plan, onTooLong, onRound: tellRound(STEPS, rounds) });
  const lines = linesOf(outcomes, { steps: STEPS, bars: data.bars, isJudged });
  print(`\n${tableOf(contenders, lines)}`);
  return lines;
}

/** What a second worker gains. */
async function compareWorkers(run: Run): Promise<Line[]> {
  const contenders = [cairn({ workers: 2 }), cairn({ workers: 1 })];
  const plan = { ...run, contenders, steps: workerSteps, comparesRestored: false };
  const outcomes = await runRounds({ ...plan, onTooLong, onRound: tellRound(workerSteps, run.rounds) });
  const lines = linesOf(outcomes, { steps: workerSteps, bars: {}, isJudged: false });
  print(`\nCairn with 2 workers and with 1:\n\n${tableOf(contenders, lines)}`);
  return lines;
}

const { quick, large, profile, only, without, rounds: roundsWanted, folder: folderWanted, seed, json } = benchFlags();
const workerSteps = cairnWorkerSteps();

/** Where a data set is measured, or why it is not. */
function placeFor({ name, bytesNeeded }: DataSet): { readonly parent: string } | { readonly leftOut: string } {
  // A million files on a drive measure the drive: only who asks for it gets that.
  const usual = name === 'tiny' ? MEMORY_FOLDER : memoryFolder(bytesNeeded);
  const parent = folderWanted === undefined ? usual : path.resolve(folderWanted);
  if (!fs.existsSync(parent)) refuse(`There is no folder ${parent}.`);
  const left = parent === MEMORY_FOLDER ? bytesLeftInMemory() : bytesLeftIn(parent);
  if (left >= bytesNeeded) return { parent };
  const room = `it needs ${formatMegabytes(bytesNeeded)} in ${parent}, and there is room for ${formatMegabytes(left)}`;
  return { leftOut: `Left out: ${room}. (--folder DIR measures elsewhere.)` };
}

async function measureDataSet(data: DataSet, contenders: readonly Contender[]): Promise<unknown> {
  print(`\n#### ${data.name}\n`);
  const place = placeFor(data);
  if ('leftOut' in place) {
    print(place.leftOut);
    return undefined;
  }
  const work = temporaryFolder(place.parent);
  const places: Places = { work, source: path.join(work, 'source'), restored: path.join(work, 'restored') };
  say(`\n${data.name}: making the data set in ${work}`);
  const made = await data.make(places.source, seed);
  const rounds = roundsWanted ?? data.rounds;
  const roundsText = `${rounds} ${rounds === 1 ? 'round' : 'rounds'}`;
  print(`${data.title}: ${made.description}; everything in ${place.parent}; ${roundsText}.`);
  const run: Run = { data, made, places, rounds, isJudged: !quick };
  const programs = await comparePrograms(run, contenders);
  const workers = workerSteps.length > 0 && data.name !== 'tiny' ? await compareWorkers(run) : undefined;
  const stages = profile ? await profileSteps(places, PROFILED_STEPS) : undefined;
  if (stages !== undefined) print(stages.text);
  await removeFolders(work);
  return { name: data.name, description: made.description, rounds, programs, workers, stages: stages?.steps };
}

// -------------------------------------------------------------------------------------------------------------- run

exitOnSignals();
const startedAtMs = performance.now();
const machine = describeMachine();
const { contenders, versions } = findContenders(without);
const chosen = chooseDataSets(only, quick ? 'quick' : 'full', large);
print(`### backup\n\n${machineText(machine)}\n${versions.join(' · ')}.`);
const sets: unknown[] = [];
for (const data of chosen) {
  sets.push(await measureDataSet(data, contenders));
}
if (workerSteps.length === 0) print('\nThis build of Cairn has no --workers: 1 and 2 workers were not compared.');
const isQuickText = quick
  ? ' --quick: sizes are small, start-up and key derivation are most of the times, and no bar is judged.'
  : '';
print(
  `\nMeasured in ${formatMs(performance.now() - startedAtMs)}; restored trees were the same as their source.${isQuickText}`,
);
writeResult(json, 'backup', { ...machine, versions, quick, sets: sets.filter((set) => set !== undefined) });
