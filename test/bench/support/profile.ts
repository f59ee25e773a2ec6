/**
 * Where the time of Cairn's steps goes: each runs once more under Node's own CPU profiler, and what its threads were
 * doing is added up by stage (stages.ts). The built program's source map leads back to the modules.
 */
import fs from 'node:fs';
import { SourceMap } from 'node:module';
import path from 'node:path';
import { removeFolders, runChild, settle } from './child.ts';
import { cairn, type Round, type Step } from './contenders.ts';
import type { Places } from './rounds.ts';
import { type Frame, type Stage, stageOf, STAGES } from './stages.ts';
import { tableText } from './table.ts';

const OTHER_SHOWN = 5;
/** A stage that never takes this much is not worth a line. */
const SHOWN_MS_MIN = 5;

/** Milliseconds by stage, and the largest parts of “other”. */
type Profiled = { readonly stages: Map<Stage, number>; readonly others: Map<string, number> };
type StepProfile = {
  readonly step: Step;
  readonly main: Profiled;
  readonly workers: Profiled;
  /** Of the whole process, the system's count. */
  readonly cpuMs: number | undefined;
};

export type StageReport = { readonly text: string; readonly steps: unknown };

/** Runs the steps, in a repository of their own, and gives a table of Markdown. */
export async function profileSteps(places: Places, steps: readonly Step[]): Promise<StageReport> {
  const folder = path.join(places.work, 'profiled');
  const round: Round = { source: places.source, folder, restored: places.restored };
  fs.mkdirSync(folder);
  await runChild(cairn().init(round), places.work);
  const profiles: StepProfile[] = [];
  for (const step of steps) {
    const target = path.join(folder, step.replaceAll(' ', '-'));
    const profiled = cairn({ nodeArgs: ['--cpu-prof', '--cpu-prof-dir', target] });
    await settle();
    const { cpuMs } = await runChild(profiled.steps[step](round), places.work);
    profiles.push({ step, cpuMs, ...readProfiles(target) });
    await removeFolders(places.restored);
  }
  await removeFolders(folder);
  return { text: textOf(profiles), steps: profiles.map(resultOf) };
}

function resultOf({ step, main, workers, cpuMs }: StepProfile): unknown {
  return { step, cpuMs, mainMs: Object.fromEntries(main.stages), workersMs: Object.fromEntries(workers.stages) };
}

// ------------------------------------------------------------------------------------------------------ reading profiles

type CallFrame = {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
};
type ProfileNode = { readonly id: number; readonly callFrame: CallFrame; readonly children?: readonly number[] };
type Profile = {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

/** Names end in `.PROCESS.THREAD.NUMBER.cpuprofile`; thread 0 is the main one. */
const MAIN_THREAD = /\.0\.\d+\.cpuprofile$/;

function readProfiles(folder: string): { main: Profiled; workers: Profiled } {
  const main: Profiled = { stages: new Map(), others: new Map() };
  const workers: Profiled = { stages: new Map(), others: new Map() };
  const maps = new Map<string, SourceMap | undefined>();
  for (const name of fs.readdirSync(folder)) {
    const profile = JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8')) as Profile;
    addProfile(profile, MAIN_THREAD.test(name) ? main : workers, maps);
  }
  return { main, workers };
}

function addProfile({ nodes, samples, timeDeltas }: Profile, into: Profiled, maps: Map<string, SourceMap | undefined>) {
  const timesMs = new Map<number, number>();
  samples.forEach((id, index) => add(timesMs, id, (timeDeltas[index] ?? 0) / 1000));
  const parents = new Map<number, ProfileNode>();
  for (const node of nodes) for (const child of node.children ?? []) parents.set(child, node);
  for (const node of nodes) {
    const ms = timesMs.get(node.id);
    if (ms === undefined) continue;
    const stack: Frame[] = [];
    for (let at: ProfileNode | undefined = node; at !== undefined; at = parents.get(at.id)) {
      stack.push({ name: at.callFrame.functionName, module: moduleOf(at.callFrame, maps) });
    }
    const stage = stageOf(stack);
    add(into.stages, stage, ms);
    if (stage === 'other') add(into.others, nameOther(stack), ms);
  }
}

function add<Key>(sums: Map<Key, number>, key: Key, ms: number): void {
  sums.set(key, (sums.get(key) ?? 0) + ms);
}

/** The innermost call, and the one that it was made for. */
function nameOther(stack: readonly Frame[]): string {
  const text = ({ name, module }: Frame): string => `${name === '' ? 'a function' : name} ${module}`.trim();
  const [inner] = stack;
  const outer = stack.find(({ module }) => module !== '' && !module.startsWith('node:'));
  return [inner, outer]
    .filter((frame, index, all) => frame !== undefined && all.indexOf(frame) === index)
    .map((frame) => text(frame as Frame))
    .join(' in ');
}

/** `engine/codec/hash.ts`, `src-shared/ids.ts`, a package's file, `node:fs`, or empty for native code. */
function moduleOf({ url, lineNumber, columnNumber }: CallFrame, maps: Map<string, SourceMap | undefined>): string {
  if (!url.startsWith('file:')) return url;
  const file = new URL(url).pathname;
  const map = maps.get(file) ?? readMap(file);
  maps.set(file, map);
  const entry = map?.findEntry(lineNumber, columnNumber);
  const original = entry !== undefined && 'originalSource' in entry ? entry.originalSource : file;
  return original
    .replace(/^.*\/src-main\//, '')
    .replace(/^.*\/(?=src-shared\/)/, '')
    .replace(/^.*\/node_modules\//, '');
}

function readMap(file: string): SourceMap | undefined {
  const map = `${file}.map`;
  return fs.existsSync(map) ? new SourceMap(JSON.parse(fs.readFileSync(map, 'utf8')) as never) : undefined;
}

// ------------------------------------------------------------------------------------------------------------ the table

function textOf(profiles: readonly StepProfile[]): string {
  const columns = profiles.flatMap(({ step, main, workers, cpuMs }) => {
    const own = { head: step, profiled: main, cpuMs };
    return workers.stages.size === 0 ? [own] : [own, { head: `${step}, workers`, profiled: workers, cpuMs: undefined }];
  });
  const shown = STAGES.filter((stage) =>
    columns.some(({ profiled }) => (profiled.stages.get(stage) ?? 0) >= SHOWN_MS_MIN),
  );
  const rows = shown.map((stage) => [
    stage,
    ...columns.map(({ profiled }) => milliseconds(profiled.stages.get(stage) ?? 0)),
  ]);
  const sums = columns.map(({ profiled }) => milliseconds([...profiled.stages.values()].reduce((a, b) => a + b, 0)));
  // What is more than the threads were busy was done on threads of native code: libuv's, zstd's, the garbage collector's.
  const processRow = ['CPU of the process', ...columns.map(({ cpuMs }) => milliseconds(cpuMs ?? 0))];
  const table = tableText(['stage', ...columns.map(({ head }) => head)], [...rows, ['sum', ...sums], processRow]);
  const title =
    'Where Cairn’s time goes, in milliseconds of each thread (workers added up), from one run under the profiler';
  return `\n${title}:\n\n${table}\n${othersText(profiles)}`;
}

const milliseconds = (ms: number): string => (ms < 0.5 ? '' : Math.round(ms).toLocaleString('en'));

function othersText(profiles: readonly StepProfile[]): string {
  const others = new Map<string, number>();
  for (const { main, workers } of profiles) {
    for (const { others: parts } of [main, workers]) for (const [name, ms] of parts) add(others, name, ms);
  }
  const largest = [...others].sort(([, left], [, right]) => right - left).slice(0, OTHER_SHOWN);
  if (largest.length === 0) return '';
  const parts = largest.map(([name, ms]) => `${name} (${Math.round(ms)} ms)`);
  return `\nThe largest parts of “other”: ${parts.join('; ')}.\n`;
}
