/**
 * Goes through the failures of a life (see scenario.ts): in each step, operation N of the filesystem fails for every N,
 * once or from then on, with each kind of failure. A step either succeeds or throws a CairnError; whatever it does, all
 * that was acknowledged restores, and once the drive is well again the next backup succeeds.
 */
import { isTemporaryName } from '../../src-main/engine/store/index.ts';
import { CairnError, type ErrorCode } from '../../src-shared/errors.ts';
import type { CrashFileSystem } from './crash-filesystem.ts';
import { createFaultFileSystem, type Fault, type FaultFileSystem, type FaultKind } from './fault-filesystem.ts';
import { type FileOperation, interceptFileSystem, isMutating } from './intercept-filesystem.ts';
import { type Acknowledged, AFTER_KILL, FIRST_PROCESS, type Life, ROOT, runStep, World } from './scenario.ts';
import {
  checkNextBackup,
  checkState,
  checkWhole,
  type Circumstances,
  type Expectation,
  type Form,
  settled,
  Violation,
} from './scenario-check.ts';
import type { ScenarioSource } from './scenario-source.ts';
import { type Finding, findingOf, fingerprint, turnOf } from './scenario-sweep.ts';

/** The kinds that can strike an operation that only looks; the others are about writing. */
const KINDS_LOOKING: readonly FaultKind[] = ['EIO', 'ENOENT', 'EACCES'];
const KINDS_CHANGING: readonly FaultKind[] = ['EIO', 'ENOSPC', 'EROFS', 'ENOENT', 'EACCES'];
/** What a failing drive may say without it being a defect of ours. */
const EXPECTED_CODES =
  /^(destination\/|integrity\/missing$|repository\/(not-found|exists|not-empty|wrong-identity|busy)$)/;

export type FaultRun = { readonly step: number; readonly fault: Fault };

/** The life's steps, each with every operation it makes. */
export async function operationsOf(life: Life, source: ScenarioSource): Promise<readonly (readonly FileOperation[])[]> {
  const all: FileOperation[][] = [];
  for (const step of life.steps.keys()) {
    const operations: FileOperation[] = [];
    const start = startOf(life, step);
    const recording = interceptFileSystem(start.drive, {
      around: (operation, proceed) => {
        operations.push(operation);
        return proceed();
      },
    });
    await runStep(worldOf(recording, life, source, start.acknowledged), life.steps, step, start.acknowledged);
    all.push(operations);
  }
  return all;
}

/** Every run there is: N × kinds × {once, for ever}. A kind is left out where it can't strike operation N. */
export function faultRuns(operations: readonly (readonly FileOperation[])[]): FaultRun[] {
  const runs: FaultRun[] = [];
  for (const [step, made] of operations.entries()) {
    for (const [at, operation] of made.entries()) {
      for (const lasts of ['once', 'for-ever'] as const) {
        for (const kind of kindsFor(operation)) runs.push({ step, fault: { operation: at, kind, lasts } });
      }
    }
  }
  return runs;
}

function kindsFor(operation: FileOperation): readonly FaultKind[] {
  if (operation.kind === 'write') return [...KINDS_CHANGING, 'short-write'];
  return isMutating(operation) ? KINDS_CHANGING : KINDS_LOOKING;
}

/**
 * The runs for every day: every operation fails. One that changes something fails in all ways, once and for ever; one
 * that only looks fails in one way, by turns; and of the looks into the folders of packs that aren't there, which are
 * nine tenths of all operations and all of one kind, one in EMPTY_LOOKS is taken.
 */
export function dailyRuns(operations: readonly (readonly FileOperation[])[]): FaultRun[] {
  return faultRuns(operations).filter(({ step, fault }) => {
    const made = operations[step] ?? [];
    const operation = made[fault.operation];
    if (operation === undefined || isMutating(operation)) return true;
    const isEmpty = isEmptyLook(made, fault.operation);
    if (isEmpty && fault.operation % EMPTY_LOOKS !== 0) return false;
    const turn = isEmpty ? fault.operation / EMPTY_LOOKS : fault.operation;
    const lasts = Math.floor(turn / KINDS_LOOKING.length) % 2 === 0 ? 'once' : 'for-ever';
    return KINDS_LOOKING[turn % KINDS_LOOKING.length] === fault.kind && lasts === fault.lasts;
  });
}

const EMPTY_LOOKS = 64;

/** A listing of an absent folder for packs asks for that folder, the root and the folder above: and so do its neighbours. */
function isEmptyLook(operations: readonly FileOperation[], at: number): boolean {
  const isAbout = (operation: FileOperation | undefined): boolean =>
    (operation?.kind === 'readFolder' || operation?.kind === 'stat') &&
    (operation.path === ROOT || /\/packs(\/[0-9a-f]{2})?$/.test(operation.path));
  return isAbout(operations[at - 1]) && isAbout(operations[at]) && isAbout(operations[at + 1]);
}

type Start = { readonly drive: CrashFileSystem; readonly acknowledged: Acknowledged };

function startOf(life: Life, step: number): Start {
  const milestone = life.milestones[step];
  if (milestone === undefined) throw new Error(`there is no step ${step}`);
  return { drive: life.drive.crashAfter(milestone.operationCount, 'everything'), acknowledged: milestone.acknowledged };
}

function worldOf(
  fileSystem: ConstructorParameters<typeof World>[0]['fileSystem'],
  life: Life,
  source: ScenarioSource,
  { password }: Acknowledged,
): World {
  const { encrypted, lanes } = life;
  return new World({ fileSystem, source, encrypted, lanes, self: FIRST_PROCESS, password });
}

export type FaultSweepResult = {
  readonly runs: number;
  /** Runs in which the fault struck. */
  readonly struck: number;
  /** Steps that ended well all the same. */
  readonly succeeded: number;
  /** How often each code was thrown. */
  readonly codes: ReadonlyMap<ErrorCode, number>;
  /** Different drives that were left, each checked by a process that comes after and its next backup. */
  readonly distinct: number;
  /** Runs after which the same open repository made the next backup. */
  readonly sameProcess: number;
  readonly findings: readonly Finding[];
};

export type FaultSweepOptions = {
  readonly findingsMax: number;
  /** After which runs (counted from 0) the same process makes the next backup, not only a new one. */
  readonly sameProcess: (run: number) => boolean;
};

/**
 * Runs the given failures, step by step: first all attempts at a step, then the checks of what they left, because the
 * source stands in one state for the one and in another for the other. Equal drives under equal promises are checked once.
 */
export async function sweepFaults(
  life: Life,
  source: ScenarioSource,
  runs: readonly FaultRun[],
  options: FaultSweepOptions,
): Promise<FaultSweepResult> {
  const tally = { runs: 0, struck: 0, succeeded: 0, sameProcess: 0, distinct: 0, codes: new Map<ErrorCode, number>() };
  const findings: Finding[] = [];
  const note = (finding: Finding | undefined): void => {
    if (finding !== undefined) findings.push(finding);
  };
  for (const step of life.steps.keys()) {
    const left = new Map<string, Left>();
    for (const run of runs.filter((one) => one.step === step)) {
      if (findings.length >= options.findingsMax) return { ...tally, findings };
      const start = startOf(life, step);
      const faulty = createFaultFileSystem(start.drive, run.fault);
      const where = (): string => describe(life, run, faulty);
      const index = tally.runs++;
      note(
        await findingOf(where, async () => {
          const attempt = await attemptStep(life, source, step, start, faulty);
          if (faulty.faultCount > 0) tally.struck++;
          if (attempt.error === undefined) tally.succeeded++;
          else tally.codes.set(attempt.error.code, (tally.codes.get(attempt.error.code) ?? 0) + 1);
          if (run.fault.lasts === 'once') noTemporaryFiles(start.drive);
          faulty.heal();
          const { drive } = start;
          const one: Left = { where, drive, operationCount: drive.operationCount, attempt, form: turnOf(index).form };
          const key = `${attempt.error === undefined}${fingerprint(drive)}`;
          if (!left.has(key)) left.set(key, one);
          if (!options.sameProcess(index)) return;
          tally.sameProcess++;
          source.become(source.lastState);
          await goOn(one, source);
        }),
      );
    }
    source.become(source.lastState);
    for (const one of left.values()) note(await findingOf(one.where, () => checkLeft(one, source)));
    tally.distinct += left.size;
  }
  return { ...tally, findings };
}

const describe = (life: Life, { step, fault }: FaultRun, { struck }: FaultFileSystem): string =>
  `${fault.kind} ${fault.lasts} from operation ${fault.operation} (${struck?.kind ?? 'never struck'} ${struck?.path ?? ''}) in “${life.steps[step]?.title ?? ''}”`;

/** What a failed attempt left, on a drive that is well again. */
type Left = {
  readonly where: () => string;
  readonly drive: CrashFileSystem;
  /** Of the drive when the attempt had ended; the process that made it may have gone on. */
  readonly operationCount: number;
  readonly attempt: Attempt;
  readonly form: Form;
};

/** A new process comes, on a copy of the drive. */
async function checkLeft(
  { drive, operationCount, attempt: { expectation }, form }: Left,
  source: ScenarioSource,
): Promise<void> {
  const copy = drive.crashAfter(operationCount, 'everything');
  const circumstances: Circumstances = { drive: copy, source, expectation, self: AFTER_KILL };
  await checkState(circumstances);
  await checkNextBackup(circumstances, form);
}

type Attempt = { readonly world: World; readonly error: CairnError | undefined; readonly expectation: Expectation };

async function attemptStep(
  life: Life,
  source: ScenarioSource,
  step: number,
  { acknowledged }: Start,
  faulty: FaultFileSystem,
): Promise<Attempt> {
  const world = worldOf(faulty, life, source, acknowledged);
  const before = { ...acknowledged };
  try {
    const after = await runStep(world, life.steps, step, acknowledged);
    return { world, error: undefined, expectation: settled(life.encrypted, { ...after, gone: acknowledged.gone }) };
  } catch (error) {
    if (!(error instanceof CairnError))
      throw new Error('the step threw something else than a CairnError', { cause: error });
    if (!EXPECTED_CODES.test(error.code))
      throw new Violation(
        'there is no repository, or a whole one',
        `the step failed with ${error.code}: ${error.message}`,
      );
    const after = life.milestones[step + 1]?.acknowledged ?? acknowledged;
    return { world, error, expectation: { encrypted: life.encrypted, before, after } };
  }
}

function noTemporaryFiles(drive: CrashFileSystem): void {
  const left = [...drive.files().keys()]
    .map((path) => path.slice(ROOT.length + 1))
    .find((name) => isTemporaryName(name));
  if (left !== undefined)
    throw new Violation('nothing is left over after the next backup', `${left}, after a failure that did not last`);
}

/** The process that saw the failure goes on as if nothing had been: with the same store and the same open repository. */
async function goOn({ drive, attempt: { world, expectation } }: Left, source: ScenarioSource): Promise<void> {
  world.begin(101);
  try {
    if (!expectation.before.initialised) {
      await world.init().catch((error: unknown) => {
        if (!(error instanceof CairnError) || error.code !== 'repository/exists') throw error;
      });
    }
    const { snapshotId } = await world.backup();
    const known = new Map([...expectation.after.snapshots, ...expectation.before.snapshots, [snapshotId, source.tree]]);
    const before: Acknowledged = {
      ...expectation.before,
      initialised: true,
      snapshots: new Map([...expectation.before.snapshots, [snapshotId, source.tree]]),
    };
    const after: Acknowledged = { ...expectation.after, initialised: true, snapshots: known };
    await checkWhole({ drive, source, self: FIRST_PROCESS, expectation: { ...expectation, before, after } });
  } catch (error) {
    if (error instanceof Violation) throw error;
    const words = error instanceof CairnError ? `${error.code}: ${error.message}` : String(error);
    throw new Violation('the next backup succeeds', `in the process that saw the failure: ${words}`);
  }
}
