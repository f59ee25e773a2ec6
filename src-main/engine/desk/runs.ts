/**
 * What was done: CAIRN_HOME/runs. `runs.jsonl` has one line a finished job, newest last; `details/ID.json` its outcome;
 * `running/ID.json` stands while a job runs, so that after a crash an interrupted run is on record; `verified/ID.json` is
 * the last verification of a destination.
 *
 * A line that was torn by a crash, or that a later Cairn wrote, is passed over. Everything is bounded: the file is
 * rewritten with its newest lines when it has grown to twice what is kept.
 */
import { appendFile, mkdir, readFile, readdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { CairnError } from '../../../src-shared/errors.ts';
import type { JobOutcome, Run, RunDetails, UndoableRestore } from '../../../src-shared/model/index.ts';
import type { Ports } from '../kernel/index.ts';
import {
  listUndoable,
  localErrno,
  localStateError,
  makeLocalFolder,
  readRecord,
  syncFolder,
  writeLocalFile,
  writeLocalText,
} from '../service/index.ts';
import { groupProblems, problemsOf } from './reports.ts';
import {
  type RunRecord,
  type RunningRecord,
  type Verification,
  runSchema,
  runningSchema,
  trusted,
  verifiedSchema,
} from './run-records.ts';

const RUNS_KEPT_MAX = 2000;
const DETAILS_KEPT_MAX = 200;
/** Two thousand runs take about one megabyte; a file far beyond that is not ours. */
const RUNS_BYTES_MAX = 32 * 1024 * 1024;
const RUNNING_MAX = 1000;

const NEVER_VERIFIED: Verification = { times: { quick: null, sample: null, deep: null }, last: null, damageCount: 0 };

export class Runs {
  readonly #folder: string;
  readonly #ports: Ports;
  /** Oldest first. */
  #runs: RunRecord[] = [];
  #linesOnDisk = 0;
  #writing: Promise<void> = Promise.resolve();
  readonly #verified = new Map<string, Verification>();

  private constructor(home: string, ports: Ports) {
    this.#folder = path.join(home, 'runs');
    this.#ports = ports;
  }

  /** Reads what is there, and records as interrupted what was running when this computer or Cairn last stopped. */
  static async open(home: string, ports: Ports): Promise<Runs> {
    const runs = new Runs(home, ports);
    try {
      for (const name of ['', 'details', 'running', 'verified']) await makeLocalFolder(path.join(runs.#folder, name));
      await runs.#load();
      await runs.#recordInterrupted(await listUndoable({ home, ports }));
    } catch (error) {
      throw localStateError(home, error);
    }
    return runs;
  }

  /** Newest first, after the one with the id `before`. */
  list(before: string | null, limit: number): readonly Run[] {
    const newestFirst = this.#runs.toReversed();
    const from = before === null ? 0 : newestFirst.findIndex(({ runId }) => runId === before) + 1;
    if (before !== null && from === 0) return [];
    return newestFirst.slice(from, from + limit).map(asRun);
  }

  /** @throws CairnError app/not-found */
  record(runId: string): RunRecord {
    const found = this.#runs.find((run) => run.runId === runId);
    if (found === undefined) throw new CairnError('app/not-found', 'There is no record of this run any more.');
    return found;
  }

  async details(runId: string): Promise<RunDetails> {
    const run = asRun(this.record(runId));
    const text = await readFile(this.#fileOf('details', runId), 'utf8').catch(() => 'null');
    const outcome = trusted<JobOutcome>(text);
    return { run, outcome, problems: groupProblems(problemsOf(outcome)) };
  }

  /** The newest run of each set that backed up and was not cancelled. */
  lastBackups(): readonly Run[] {
    const seen = new Set<string>();
    return this.#runs.toReversed().flatMap((run) => {
      if (run.kind !== 'backup' || run.state === 'cancelled' || run.setId === null || seen.has(run.setId)) return [];
      seen.add(run.setId);
      return [asRun(run)];
    });
  }

  /** The newest backup of a set that came to its end. */
  lastDone(setId: string): Run | undefined {
    return this.#runs.findLast((run) => run.setId === setId && run.kind === 'backup' && run.state === 'done');
  }

  /** A job begins, or has got further. Failing to note it fails no job. */
  async running(record: RunningRecord): Promise<void> {
    await writeLocalFile(this.#fileOf('running', record.runId), record).catch((error: unknown) =>
      this.#ports.log('warn', 'a running job could not be noted', { error }),
    );
  }

  /** A job ended. */
  async add(run: RunRecord, outcome: JobOutcome | null): Promise<void> {
    const turn = this.#writing.then(async () => {
      if (outcome !== null) await writeLocalFile(this.#fileOf('details', run.runId), outcome);
      await this.#append(run);
      await unlink(this.#fileOf('running', run.runId)).catch(() => undefined);
    });
    this.#writing = turn.catch(() => undefined);
    await turn.catch((error: unknown) => {
      // The work itself is done and safe; only its record is missing.
      this.#ports.log('error', 'a finished run could not be recorded', { error });
    });
  }

  /** A restore was taken back: it can't be taken back twice. */
  async markUndone(runId: string): Promise<void> {
    this.#runs = this.#runs.map((run) => (run.runId === runId ? { ...run, undoable: false } : run));
    await this.#rewrite().catch((error: unknown) => {
      this.#ports.log('warn', 'the record of runs could not be rewritten', { error });
    });
  }

  verification(destinationId: string): Verification {
    return this.#verified.get(destinationId) ?? NEVER_VERIFIED;
  }

  async loadVerification(destinationId: string): Promise<void> {
    const found = await readRecord(this.#fileOf('verified', destinationId), verifiedSchema);
    if (found !== undefined) this.#verified.set(destinationId, found);
  }

  async verified(destinationId: string, last: NonNullable<Verification['last']>, damageCount: number): Promise<void> {
    const { times, damageCount: knownDamage } = this.verification(destinationId);
    // What a shallow look does not see may still be there: only as deep a look takes damage back.
    const count = damageCount === 0 && last.depth !== 'deep' ? knownDamage : damageCount;
    const verification = { times: { ...times, [last.depth]: last.time }, last, damageCount: count };
    this.#verified.set(destinationId, verification);
    await writeLocalFile(this.#fileOf('verified', destinationId), verification).catch((error: unknown) => {
      this.#ports.log('error', 'a verification could not be recorded', { error });
    });
  }

  async close(): Promise<void> {
    await this.#writing;
  }

  #fileOf(folder: string, id: string): string {
    return path.join(this.#folder, folder, `${id}.json`);
  }

  get #file(): string {
    return path.join(this.#folder, 'runs.jsonl');
  }

  async #load(): Promise<void> {
    const text = await readFile(this.#file, 'utf8').catch((error: unknown) => {
      if (localErrno(error) === 'ENOENT') return '';
      throw error;
    });
    const lines = text
      .slice(0, RUNS_BYTES_MAX)
      .split('\n')
      .filter((line) => line !== '');
    this.#linesOnDisk = lines.length;
    this.#runs = lines.slice(-RUNS_KEPT_MAX).flatMap(parseRun);
    // A torn last line has no end: the next one must not be joined to it.
    if (text !== '' && !text.endsWith('\n')) await appendFile(this.#file, '\n');
  }

  async #recordInterrupted(known: readonly UndoableRestore[]): Promise<void> {
    // Unfinished temporary files are among them: they say nothing, and go too.
    const names = await readdir(path.join(this.#folder, 'running'));
    for (const name of names.slice(0, RUNNING_MAX)) {
      const file = path.join(this.#folder, 'running', name);
      const record = await readRecord(file, runningSchema);
      if (record !== undefined && !this.#runs.some(({ runId }) => runId === record.runId)) {
        const undoIds = record.undoIds.filter((undoId) => known.some((restore) => restore.undoId === undoId));
        const undoable = undoIds.length > 0;
        const ended = { state: 'interrupted', problemCount: 0, snapshotId: null, error: null } as const;
        await this.#append({ ...record, ...ended, undoable, undoIds });
      }
      await unlink(file);
    }
  }

  async #append(run: RunRecord): Promise<void> {
    this.#runs = [...this.#runs, run].slice(-RUNS_KEPT_MAX);
    if (this.#linesOnDisk >= 2 * RUNS_KEPT_MAX) return this.#rewrite();
    await appendFile(this.#file, `${JSON.stringify(run)}\n`, { mode: 0o600, flush: true });
    this.#linesOnDisk++;
    if (this.#linesOnDisk % DETAILS_KEPT_MAX === 0) await this.#dropOldDetails();
  }

  async #rewrite(): Promise<void> {
    await writeLocalText(this.#file, this.#runs.map((run) => `${JSON.stringify(run)}\n`).join(''));
    await syncFolder(this.#folder);
    this.#linesOnDisk = this.#runs.length;
  }

  async #dropOldDetails(): Promise<void> {
    const kept = new Set(this.#runs.slice(-DETAILS_KEPT_MAX).map(({ runId }) => `${runId}.json`));
    const folder = path.join(this.#folder, 'details');
    await mkdir(folder, { recursive: true });
    for (const name of await readdir(folder)) {
      if (!kept.has(name)) await unlink(path.join(folder, name)).catch(() => undefined);
    }
  }
}

function parseRun(line: string): readonly RunRecord[] {
  try {
    const parsed = v.safeParse(runSchema, JSON.parse(line));
    return parsed.success ? [parsed.output] : [];
  } catch {
    return [];
  }
}

function asRun({ undoIds: _, ...run }: RunRecord): Run {
  return run;
}
