/**
 * Goes through the states in which a crash can leave a life (see scenario.ts): every operation × every variant of what
 * the drive had kept. States that are equal, file for file and byte for byte, under equal promises are checked once.
 */
import { hash } from '../../src-main/engine/codec/index.ts';
import { CRASH_CASES, type CrashCase, type CrashFileSystem } from './crash-filesystem.ts';
import type { MemoryFileSystem, MemoryFolder } from './memory-filesystem.ts';
import { AFTER_KILL, AFTER_POWER_CUT, type Life } from './scenario.ts';
import {
  checkNextBackup,
  checkState,
  type Circumstances,
  type Expectation,
  type Form,
  nextBackup,
  settled,
  Violation,
} from './scenario-check.ts';
import type { ScenarioSource } from './scenario-source.ts';
import { seeded } from './seed.ts';

const partHashes = new WeakMap<Uint8Array, string>();

function hashPart(part: Uint8Array): string {
  let known = partHashes.get(part);
  if (known === undefined) partHashes.set(part, (known = Buffer.from(hash(part)).toString('latin1')));
  return known;
}

/** The same for two drives that hold the same names and bytes. */
export function fingerprint(drive: MemoryFileSystem): string {
  const lines: string[] = [];
  const walk = (folder: MemoryFolder, path: string): void => {
    lines.push(path);
    for (const [name, node] of folder.entries) {
      if (node.kind === 'folder') walk(node, `${path}/${name}`);
      else
        lines.push(
          `${path}/${name} ${node.sizeBytes} ${hashPart(node.parts.length === 1 ? node.parts[0]! : joined(node.parts))}`,
        );
    }
  };
  walk(drive.root, '');
  return Buffer.from(hash(Buffer.from(lines.sort().join('\n'), 'latin1'))).toString('latin1');
}

const joinedParts = new WeakMap<Uint8Array, Uint8Array[]>();

/** The parts as one, made once for equal rows of parts: their first part says which file it is. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first === undefined) return EMPTY;
  const known = joinedParts.get(first) ?? [];
  joinedParts.set(first, known);
  const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(Buffer.concat(parts));
  const same = known.find((other) => other.length === sizeBytes && Buffer.compare(other, whole) === 0);
  if (same !== undefined) return same;
  known.push(whole);
  return whole;
}
const EMPTY = new Uint8Array();

/** One moment of a life at which it may end. */
export type CrashPoint = { readonly operation: number; readonly crash: CrashCase };

export function crashPoints(operationCount: number): CrashPoint[] {
  const points: CrashPoint[] = [];
  for (let operation = 0; operation <= operationCount; operation++)
    for (const crash of CRASH_CASES) points.push({ operation, crash });
  return points;
}

/** Which step was under way, and what was promised before and after it. */
export function expectationAt(
  life: Life,
  operation: number,
): { readonly expectation: Expectation; readonly step: number } {
  const step = life.milestones.findLastIndex((milestone) => milestone.operationCount <= operation);
  const before = life.milestones[step];
  if (before === undefined) throw new Error('there is a milestone at 0');
  const after = operation === before.operationCount ? before : (life.milestones[step + 1] ?? before);
  return { step, expectation: { encrypted: life.encrypted, before: before.acknowledged, after: after.acknowledged } };
}

export const survivor = (life: Life, { operation, crash }: CrashPoint): CrashFileSystem =>
  life.drive.crashAfter(operation, crash.variant, crash.seed);

function describe(life: Life, { operation, crash }: CrashPoint, step: number): string {
  const last =
    operation === 0
      ? 'nothing'
      : `${life.drive.operations[operation - 1]?.kind ?? ''} ${life.drive.operations[operation - 1]?.path ?? ''}`;
  return `${crash.variant} (seed ${crash.seed}) after operation ${operation} (${last}) in “${life.steps[step]?.title ?? 'the end'}”`;
}

/** Power cut or kill, packs or commit file: by turns, so that each meets every kind of state. */
export function turnOf(index: number): { readonly self: Circumstances['self']; readonly form: Form } {
  return {
    self: index % 2 === 0 ? AFTER_POWER_CUT : AFTER_KILL,
    form: Math.floor(index / 2) % 2 === 0 ? 'commit-file' : 'packs',
  };
}

export type Finding = { readonly where: string; readonly violation: Violation };

/** Runs a check; a broken promise becomes a finding, anything else is a fault of the test and thrown. */
export async function findingOf(where: () => string, check: () => Promise<unknown>): Promise<Finding | undefined> {
  try {
    await check();
    return undefined;
  } catch (error) {
    if (error instanceof Violation) return { where: where(), violation: error };
    throw new Error(where(), { cause: error });
  }
}

export type SweepOptions = {
  /** After which of the distinct states (counted from 0) the next backup is made and verified too. */
  readonly recovers: (distinct: number) => boolean;
  /** Stops after so many. */
  readonly findingsMax: number;
  /** States known to be well: taken out, and added to. */
  readonly known?: Set<string>;
  /** Every so-manieth crash only. Prime to the number of variants, or some would never be met. */
  readonly every?: number;
};

export type SweepResult = {
  /** Operations × variants. */
  readonly states: number;
  /** Of these, how many differ and were checked. */
  readonly distinct: number;
  /** How many of them were followed by another backup and a deep verification. */
  readonly recovered: number;
  readonly findings: readonly Finding[];
};

/** Every crash of a life. */
export async function sweep(life: Life, source: ScenarioSource, options: SweepOptions): Promise<SweepResult> {
  source.become(source.lastState);
  const known = options.known ?? new Set<string>();
  const findings: Finding[] = [];
  let states = 0;
  let distinct = 0;
  let recovered = 0;
  const { every = 1 } = options;
  for (const [index, point] of crashPoints(life.drive.operationCount).entries()) {
    if (index % every !== 0) continue;
    states++;
    const { expectation, step } = expectationAt(life, point.operation);
    const drive = survivor(life, point);
    const key = stateKey(drive, life, point.operation);
    if (known.has(key)) continue;
    known.add(key);
    const { self, form } = turnOf(distinct);
    const recovers = options.recovers(distinct++);
    if (recovers) recovered++;
    const circumstances = { drive, source, expectation, self, lanes: life.lanes };
    const finding = await findingOf(
      () => describe(life, point, step),
      async () => {
        await checkState(circumstances);
        if (recovers) await checkNextBackup(circumstances, form);
      },
    );
    if (finding === undefined) continue;
    findings.push(finding);
    if (findings.length >= options.findingsMax) break;
  }
  return { states, distinct, recovered, findings };
}

/** The keys of all states of a life: what need not be looked at again in a life that differs a little. */
export function stateKeys(life: Life): Set<string> {
  return new Set(
    crashPoints(life.drive.operationCount).map((point) => stateKey(survivor(life, point), life, point.operation)),
  );
}

/** What a verdict depends on: the bytes, and the promises, which the place among the milestones stands for. */
function stateKey(drive: MemoryFileSystem, life: Life, operation: number): string {
  const step = life.milestones.findLastIndex((milestone) => milestone.operationCount <= operation);
  const between = life.milestones[step]?.operationCount === operation;
  return `${step}${between ? '=' : '+'}${fingerprint(drive)}`;
}

export type PairOptions = {
  readonly seed: number;
  readonly pairs: number;
  readonly secondsPerFirst: number;
  readonly findingsMax: number;
};

/** Crashes during the backup that follows a crash: pairs drawn at random. */
export async function sweepPairs(
  life: Life,
  source: ScenarioSource,
  options: PairOptions,
): Promise<{ readonly pairs: number; readonly findings: readonly Finding[] }> {
  source.become(source.lastState);
  const random = seeded(options.seed);
  const points = crashPoints(life.drive.operationCount);
  const findings: Finding[] = [];
  let pairs = 0;
  while (pairs < options.pairs && findings.length < options.findingsMax) {
    const first = random.pick(points);
    const { expectation, step } = expectationAt(life, first.operation);
    const drive = survivor(life, first);
    const { self, form } = turnOf(pairs);
    const circumstances = { drive, source, expectation, self, lanes: life.lanes };
    const acknowledged = await nextBackup(circumstances, form);
    const whileItRan: Expectation = { ...expectation, after: acknowledged };
    for (let again = 0; again < options.secondsPerFirst && pairs < options.pairs; again++, pairs++) {
      const operation = random.between(0, drive.operationCount);
      const crash = random.pick(CRASH_CASES);
      const isOver = operation === drive.operationCount;
      const second = drive.crashAfter(operation, crash.variant, crash.seed);
      const turn = turnOf(pairs);
      const finding = await findingOf(
        () =>
          `${describe(life, first, step)}, then ${crash.variant} (seed ${crash.seed}) after operation ${operation} of the next backup (${form})`,
        async () => {
          const now = {
            drive: second,
            source,
            lanes: life.lanes,
            self: {
              ...turn.self,
              processId: 102,
              // The process of the first attempt is as dead as the one before it.
              isAlive: (id: number) => id === 102,
              bootId: turn.self.bootId === 'boot-2' ? 'boot-3' : turn.self.bootId,
            },
            expectation: isOver ? settled(life.encrypted, acknowledged) : whileItRan,
          };
          await checkState(now);
          await checkNextBackup(now, turn.form);
        },
      );
      if (finding !== undefined) findings.push(finding);
    }
  }
  return { pairs, findings };
}
