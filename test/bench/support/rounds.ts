/**
 * One round: every contender does every step, step by step in turn, so that all of them meet the same machine. The
 * order rotates from round to round. Each round has new repositories; the source goes on changing.
 *
 * In the first round every restored tree is compared with the source by test/support/walker.ts, a program of its own:
 * one that is quick and wrong ends the run.
 */
import fs from 'node:fs';
import path from 'node:path';
import { askChild, type Cost, removeFolders, runChild, settle, TookTooLong } from './child.ts';
import { CHANGES, type Contender, copyCommand, type Round, type Step } from './contenders.ts';
import type { DataSet, MadeData } from './data-sets.ts';

export type RepositorySize = { readonly bytes: number; readonly files: number };
/** What one contender did in one round. */
export type Outcome = {
  readonly costs: ReadonlyMap<Step, Cost>;
  /** After the first backup. */
  readonly size: RepositorySize;
  /** Bytes more in the repository after each step that changed the source. */
  readonly growths: ReadonlyMap<Step, number>;
  /** What `cp -a` of the source took in the same round. */
  readonly copyMs: number | undefined;
};
export type Outcomes = ReadonlyMap<Contender, readonly Outcome[]>;

export type Places = {
  /** Exists; a folder for each contender is made here. */
  readonly work: string;
  /** Restored trees, one at a time. */
  readonly restored: string;
  readonly source: string;
};

export type Plan = {
  readonly places: Places;
  readonly data: DataSet;
  readonly made: MadeData;
  readonly contenders: readonly Contender[];
  readonly steps: readonly Step[];
  readonly rounds: number;
  /** Compares what the first round restored, and copies the source for comparison. */
  readonly comparesRestored: boolean;
  /** A step that was stopped because it took too long; the table has a dash for it. */
  readonly onTooLong: (message: string) => void;
  readonly onRound: (number: number, contender: Contender, outcome: Outcome) => void;
};

export async function runRounds(plan: Plan): Promise<Outcomes> {
  const outcomes = new Map<Contender, Outcome[]>(plan.contenders.map((contender) => [contender, []]));
  for (let number = 1; number <= plan.rounds; number++) {
    for (const [contender, outcome] of await runRound(plan, number)) {
      outcomes.get(contender)?.push(outcome);
      plan.onRound(number, contender, outcome);
    }
  }
  return outcomes;
}

type Entrant = {
  readonly contender: Contender;
  readonly round: Round;
  readonly costs: Map<Step, Cost>;
  readonly growths: Map<Step, number>;
  size: RepositorySize;
  bytes: number;
};

async function runRound(plan: Plan, number: number): Promise<Map<Contender, Outcome>> {
  const { places, made } = plan;
  const entrants: Entrant[] = [];
  for (const contender of rotated(plan.contenders, number - 1)) {
    const folder = path.join(places.work, `${contender.name.replaceAll(' ', '-')}-${number}`);
    const round = { source: places.source, folder, restored: places.restored };
    fs.mkdirSync(folder);
    await runChild(contender.init(round), places.work);
    entrants.push({
      contender,
      round,
      costs: new Map(),
      growths: new Map(),
      size: { bytes: 0, files: 0 },
      bytes: 0,
    });
  }
  let copyMs: number | undefined;
  for (const step of plan.steps) {
    const changes = CHANGES[step];
    if (changes !== undefined) made.change({ places: changes, seed: number * 1000 + changes });
    for (const entrant of entrants) await runStep(plan, entrant, step, number);
    if (step === 'restore' && plan.comparesRestored) copyMs = await measureCopy(plan);
  }
  await removeFolders(...entrants.map(({ round }) => round.folder));
  return new Map(entrants.map(({ contender, costs, size, growths }) => [contender, { costs, size, growths, copyMs }]));
}

async function runStep(plan: Plan, entrant: Entrant, step: Step, number: number): Promise<void> {
  const { contender, round, costs, growths } = entrant;
  if (step === 'restore' && contender.restoresInPlace) fs.mkdirSync(round.restored);
  await settle();
  try {
    costs.set(step, await runChild(contender.steps[step](round), plan.places.work));
  } catch (error) {
    if (!(error instanceof TookTooLong)) throw error;
    plan.onTooLong(error.message);
  }
  if (step === 'restore') {
    if (plan.comparesRestored && number === 1 && costs.has(step)) await checkRestored(plan, entrant);
    await removeFolders(round.restored);
  }
  const size = sizeOf(contender.repository(round));
  if (step === 'first backup') entrant.size = size;
  if (CHANGES[step] !== undefined) growths.set(step, size.bytes - entrant.bytes);
  entrant.bytes = size.bytes;
}

async function measureCopy({ places }: Plan): Promise<number> {
  await settle();
  const round = { source: places.source, folder: places.work, restored: places.restored };
  const { wallMs } = await runChild(copyCommand(round), places.work);
  await removeFolders(places.restored);
  return wallMs;
}

function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

function sizeOf(folder: string): RepositorySize {
  const files = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = files.reduce((sum, file) => sum + fs.statSync(path.join(file.parentPath, file.name)).size, 0);
  return { bytes, files: files.length };
}

// ------------------------------------------------------------------------------------------------ compare with source

const WALKER = path.resolve(import.meta.dirname, '../../support/walker.ts');
/** Of a data set that is too large to compare whole each time: every one in so many of its top folders, at least one. */
const SAMPLE_EVERY = 20;

/** Of the program's own name all of it; of the others, where the data set says so, the names at the top and some folders. */
async function checkRestored({ data, contenders }: Plan, { contender, round }: Entrant): Promise<void> {
  const restored = contender.restoredSource(round);
  if (contender === contenders[0] || !data.comparesSample) return compare(contender, round.source, restored);
  const names = fs.readdirSync(round.source).sort();
  if (fs.readdirSync(restored).sort().join() !== names.join())
    throw new Error(`${contender.name} did not restore the folders that were there`);
  for (let index = 0; index < names.length; index += SAMPLE_EVERY) {
    const name = names[index] ?? '';
    await compare(contender, path.join(round.source, name), path.join(restored, name));
  }
}

async function compare(contender: Contender, source: string, restored: string): Promise<void> {
  const { ok, said } = await askChild({ program: process.execPath, args: [WALKER, source, restored], environment: {} });
  if (!ok) throw new Error(`${contender.name} restored ${source} otherwise than it was:\n${said}`);
}
