/**
 * `npm run bench memory -- --large`: how much memory Cairn takes for what is large in one direction: a file of 100 GiB
 * that is all hole but for three islands, and a folder of a million names. Figures are reported and never a failure; a
 * restored tree that is not like its source is one. `--quick`: 2 GiB and 20,000 names. Without either nothing is done:
 * it takes minutes.
 */
import fs from 'node:fs';
import path from 'node:path';
import { askChild, type Cost, removeFolders, runChild, settle, TookTooLong } from './support/child.ts';
import { cairn, type Round, type Step } from './support/contenders.ts';
import { breathe, makeText, writeFile } from './support/data.ts';
import { benchFlags, writeResult } from './support/flags.ts';
import { bytesLeftInMemory, exitOnSignals, MEMORY_FOLDER, temporaryFolder } from './support/folders.ts';
import { describeMachine, machineText } from './support/machine.ts';
import { formatCount, formatMegabytes, formatMs, tableText } from './support/table.ts';

/** Of design.md §9, for one process. */
const PEAK_BYTES_MAX = 400e6;
const GIBIBYTE = 1024 ** 3;
/** 2023-11-14: what changed within the last seconds is read again by the next backup, as it should be. */
const MODIFIED_AT_S = 1_700_000_000;
const STEPS = ['first backup', 'no-change backup', 'restore', 'deep verify'] as const satisfies readonly Step[];

type Subject = {
  readonly name: string;
  readonly bytesNeeded: number;
  readonly make: (source: string) => Promise<void>;
  /** @throws Error where the restored tree is not like the source */
  readonly check: (source: string, restored: string) => Promise<void>;
};

// ---------------------------------------------------------------------------------------------------- a file of holes

const ISLAND_BYTES = 1024 * 1024;
/** What a restored file of holes may take on the drive: its islands, and blocks around them. */
const RESTORED_BYTES_MAX = 64 * ISLAND_BYTES;

function islands(bytes: number): { readonly at: number; readonly content: Uint8Array }[] {
  const places = [0, Math.floor(bytes / 3), bytes - ISLAND_BYTES];
  return places.map((at, index) => ({ at, content: makeText(index, ISLAND_BYTES) }));
}

function writeHoles(folder: string, bytes: number): void {
  fs.mkdirSync(folder);
  const file = fs.openSync(path.join(folder, 'holes'), 'wx');
  fs.ftruncateSync(file, bytes);
  for (const { at, content } of islands(bytes)) fs.writeSync(file, content, 0, content.length, at);
  fs.futimesSync(file, MODIFIED_AT_S, MODIFIED_AT_S);
  fs.closeSync(file);
}

function checkHoles(folder: string, bytes: number): void {
  const file = fs.openSync(path.join(folder, 'holes'), 'r');
  const stat = fs.fstatSync(file);
  const piece = Buffer.alloc(ISLAND_BYTES);
  const areSame = islands(bytes).every(({ at, content }) => {
    fs.readSync(file, piece, 0, ISLAND_BYTES, at);
    return piece.equals(content);
  });
  fs.closeSync(file);
  if (stat.size !== bytes || !areSame) throw new Error('the file of holes was restored otherwise than it was');
  if (stat.blocks * 512 > RESTORED_BYTES_MAX)
    print(`\nThe holes were restored as ${formatMegabytes(stat.blocks * 512)} of zeros.`);
}

function fileOfHoles(bytes: number): Subject {
  return {
    name: `a file of ${formatCount(bytes / GIBIBYTE)} GiB, a hole but for ${islands(ISLAND_BYTES * 3).length} MiB`,
    bytesNeeded: 2 * RESTORED_BYTES_MAX,
    make: async (source) => writeHoles(source, bytes),
    check: async (_source, restored) => checkHoles(restored, bytes),
  };
}

// ------------------------------------------------------------------------------------------------- a folder of names

const CONTENT_EVERY = 10;
const BREATHE_EVERY = 1000;
const WALKER = path.resolve(import.meta.dirname, '../support/walker.ts');

function folderOfNames(entries: number): Subject {
  return {
    name: `a folder of ${formatCount(entries)} names, a tenth of them with a few bytes`,
    // Inode and name of each in the kernel's memory and a page of a tenth, twice.
    bytesNeeded: 2 * entries * 1700,
    make: async (source) => {
      const folder = path.join(source, 'names');
      fs.mkdirSync(folder, { recursive: true });
      for (let index = 0; index < entries; index++) {
        const content = Buffer.from(index % CONTENT_EVERY === 0 ? `number ${index}` : '');
        writeFile(path.join(folder, `name-${index}.txt`), content, MODIFIED_AT_S);
        if (index % BREATHE_EVERY === 0) await breathe();
      }
    },
    check: async (source, restored) => {
      const command = { program: process.execPath, args: [WALKER, source, restored], environment: {} };
      const { ok, said } = await askChild(command);
      if (!ok) throw new Error(`the folder was restored otherwise than it was:\n${said}`);
    },
  };
}

// -------------------------------------------------------------------------------------------------------------- run

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** Whether this build restores a hole as a hole: otherwise 100 GiB of zeros would fill the memory. */
async function restoresHoles(work: string): Promise<boolean> {
  const probe: Round = { source: path.join(work, 'probe'), folder: work, restored: path.join(work, 'probed') };
  const bytes = 4 * RESTORED_BYTES_MAX;
  const program = cairn();
  writeHoles(probe.source, bytes);
  for (const command of [program.init(probe), program.steps['first backup'](probe), program.steps.restore(probe)]) {
    await runChild(command, work);
  }
  return fs.statSync(path.join(probe.restored, 'holes')).blocks * 512 < RESTORED_BYTES_MAX;
}

async function measure(subject: Subject, leftOut: (step: Step) => boolean): Promise<Map<Step, Cost | undefined>> {
  const work = temporaryFolder(MEMORY_FOLDER);
  const round: Round = { source: path.join(work, 'source'), folder: work, restored: path.join(work, 'restored') };
  const program = cairn();
  await subject.make(round.source);
  await runChild(program.init(round), work);
  const costs = new Map<Step, Cost | undefined>();
  for (const step of STEPS) {
    if (leftOut(step)) continue;
    await settle();
    try {
      const cost = await runChild(program.steps[step](round), work);
      costs.set(step, cost);
      say(`${subject.name}: ${step} ${formatMs(cost.wallMs)}`);
    } catch (error) {
      if (!(error instanceof TookTooLong)) throw error;
      print(`\n${error.message}`);
    }
    if (step === 'restore' && costs.has(step)) await subject.check(round.source, round.restored);
    if (step === 'restore') await removeFolders(round.restored);
  }
  await removeFolders(work);
  return costs;
}

function tableOf(costs: ReadonlyMap<Step, Cost | undefined>): string {
  const shown = (value: number | undefined, format: (value: number) => string): string =>
    value === undefined ? '–' : format(value);
  const rows = STEPS.map((step) => {
    const cost = costs.get(step);
    const peak = cost?.peakBytes;
    const over = peak === undefined ? undefined : peak / PEAK_BYTES_MAX - 1;
    const verdict = over === undefined ? '' : over <= 0 ? 'met' : `missed by ${Math.ceil(over * 100)} %`;
    const times = [shown(cost?.wallMs, formatMs), shown(cost?.cpuMs, formatMs)];
    return [step, shown(peak, formatMegabytes), ...times, `≤ ${formatMegabytes(PEAK_BYTES_MAX)}`, verdict];
  });
  return tableText(['work', 'peak memory', 'wall', 'CPU', 'bar', 'verdict'], rows);
}

async function run(isLarge: boolean, json: string | undefined): Promise<void> {
  const startedAtMs = performance.now();
  const machine = describeMachine();
  print(`### memory\n\n${machineText(machine)}`);
  const subjects = [fileOfHoles((isLarge ? 100 : 2) * GIBIBYTE), folderOfNames(isLarge ? 1_000_000 : 20_000)];
  const probeFolder = temporaryFolder(MEMORY_FOLDER);
  const hasHoles = await restoresHoles(probeFolder);
  await removeFolders(probeFolder);
  const results: unknown[] = [];
  for (const [index, subject] of subjects.entries()) {
    print(`\nCairn, ${subject.name}:`);
    if (bytesLeftInMemory() < subject.bytesNeeded) {
      print(`\nLeft out: it needs ${formatMegabytes(subject.bytesNeeded)} in ${MEMORY_FOLDER}.`);
      continue;
    }
    const withoutRestore = index === 0 && !hasHoles;
    if (withoutRestore) print('\nThis build restores no holes: restoring this file was left out.');
    const costs = await measure(subject, (step) => step === 'restore' && withoutRestore);
    print(`\n${tableOf(costs)}`);
    results.push({ name: subject.name, steps: Object.fromEntries(costs) });
  }
  print(`\nMeasured in ${formatMs(performance.now() - startedAtMs)}.`);
  writeResult(json, 'memory', { ...machine, isLarge, results });
}

const { quick, large, json } = benchFlags();
exitOnSignals();
if (quick || large) await run(large && !quick, json);
else print('Left out: 100 GiB and a million names take minutes. --large measures them, --quick smaller ones.');
